//! Which privilege a request needs, and whether its user has it.
//!
//! A cluster without security never gets further than one comparison.

use super::{
    Identity, Security,
    privilege::PrivilegeCode,
    quota::{Bill, Charge, Reservation},
};
use crate::{
    info::split_name,
    request::State,
    sync::{lock, read},
};
use aerospike_wire::{
    field::code,
    info,
    message::{Message, flags},
    result_code::ResultCode,
};

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Read,
    Write,
    Truncate,
    ChangeIndexes,
    ChangeModules,
    Configure,
    AbortQueries,
    ManageUsers,
}

impl Need {
    pub(super) const fn is_met_by(self, held: PrivilegeCode) -> bool {
        use PrivilegeCode as P;
        match self {
            Self::Read => matches!(held, P::Read | P::ReadWrite | P::ReadWriteUdf),
            Self::Write => matches!(held, P::Write | P::ReadWrite | P::ReadWriteUdf),
            Self::Truncate => matches!(held, P::Truncate),
            Self::ChangeIndexes => matches!(held, P::SindexAdmin | P::SysAdmin | P::DataAdmin),
            Self::ChangeModules => matches!(held, P::UdfAdmin | P::DataAdmin),
            Self::Configure => matches!(held, P::SysAdmin),
            Self::AbortQueries => matches!(held, P::SysAdmin | P::DataAdmin),
            Self::ManageUsers => matches!(held, P::UserAdmin),
        }
    }

    /// What an info command needs; `None`: only a login.
    fn of_command(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"truncate" | b"truncate-namespace" | b"truncate-undo" | b"truncate-namespace-undo" => {
                Self::Truncate
            }
            b"sindex-create" | b"sindex-delete" => Self::ChangeIndexes,
            b"udf-put" | b"udf-remove" => Self::ChangeModules,
            b"set-config" => Self::Configure,
            b"query-abort" | b"query-abort-all" | b"scan-abort" | b"scan-abort-all" => {
                Self::AbortQueries
            }
            _ => return None,
        })
    }
}

/// What a data request does, and where.
#[derive(Debug, Clone, Copy)]
struct Demand<'a> {
    namespace: &'a [u8],
    /// Empty = the request is about more than a set, or about the null set.
    set: &'a [u8],
    reads: bool,
    writes: bool,
}

impl<'a> Demand<'a> {
    fn of(message: &Message<'a>) -> Self {
        let header = message.header;
        let writes = header.info2 & flags::WRITE != 0;
        let is_scan = message.field(code::DIGEST).is_none();
        Self {
            namespace: message.field(code::NAMESPACE).unwrap_or_default(),
            set: message.field(code::SET).unwrap_or_default(),
            reads: header.info1 & flags::READ != 0 || is_scan && !writes,
            writes,
        }
    }
}

impl Security {
    fn permits(&self, user: &str, demand: Demand<'_>) -> Result<(), ResultCode> {
        let accounts = read(&self.accounts);
        let has = |need| accounts.permits(user, need, demand.namespace, demand.set);
        if accounts.user(user).is_none() {
            return Err(ResultCode::NOT_AUTHENTICATED);
        }
        if demand.reads && !has(Need::Read) || demand.writes && !has(Need::Write) {
            return Err(ResultCode::ROLE_VIOLATION);
        }
        Ok(())
    }

    fn pay(&self, node: usize, user: &str, bill: Bill, now_ms: u64) -> Result<(), ResultCode> {
        if !self.has_quotas {
            return Ok(());
        }
        let quotas = read(&self.accounts).quotas(user);
        let Some(node) = self.nodes.get(node) else {
            return Ok(());
        };
        lock(node).usage.of(user, now_ms).pay(quotas, bill)
    }
}

impl State {
    /// Whether a connection is somebody's.
    pub(crate) fn is_authenticated(&self, who: &Identity) -> bool {
        let Some(security) = &self.security else {
            return true;
        };
        let accounts = read(&security.accounts);
        who.user().is_some_and(|user| accounts.user(user).is_some())
    }

    /// Whether a message may be carried out; the rows of a batch are asked about one by one. The
    /// reservation is to be held meanwhile.
    ///
    /// # Errors
    /// 80, 81 or 83. Requests on unknown namespaces pass, as they are refused for that.
    pub(crate) fn admit<'a>(
        &'a self,
        node: usize,
        who: &'a Identity,
        message: &Message<'_>,
    ) -> Result<Option<Reservation<'a>>, ResultCode> {
        let Some(security) = &self.security else {
            return Ok(None);
        };
        if !self.is_authenticated(who) {
            return Err(ResultCode::NOT_AUTHENTICATED);
        }
        let user = who.user().unwrap_or_default();
        let demand = Demand::of(message);
        let is_batch = message.header.info1 & flags::BATCH != 0;
        if is_batch || self.namespace(demand.namespace).is_none() {
            return Ok(None);
        }
        security.permits(user, demand)?;
        let bill = Bill {
            charge: charge(message),
            reads: demand.reads,
            writes: demand.writes,
        };
        security.pay(node, user, bill, self.clock.now_ms())?;
        let holds = security.has_quotas && bill.charge != Charge::Single;
        // Made only when wanted: dropping it gives back.
        Ok(holds.then(|| Reservation {
            security,
            node,
            user,
            bill,
        }))
    }

    /// As [`admit`](Self::admit), for a row of a batch in a namespace.
    pub(crate) fn admit_row(
        &self,
        node: usize,
        who: &Identity,
        namespace: &str,
        row: &Message<'_>,
    ) -> Result<(), ResultCode> {
        let (Some(security), Some(user)) = (&self.security, who.user()) else {
            return Ok(());
        };
        let header = row.header;
        let demand = Demand {
            namespace: namespace.as_bytes(),
            set: row.field(code::SET).unwrap_or_default(),
            reads: header.info1 & flags::READ != 0,
            writes: header.info2 & flags::WRITE != 0,
        };
        security.permits(user, demand)?;
        let bill = Bill {
            charge: Charge::Single,
            reads: demand.reads,
            writes: demand.writes,
        };
        security.pay(node, user, bill, self.clock.now_ms())
    }

    /// Whether the user may give an info command.
    pub(crate) fn permits_command(&self, who: &Identity, command: &[u8]) -> bool {
        let (name, tail) = split_name(command);
        let (Some(security), Some(need)) = (&self.security, Need::of_command(name)) else {
            return true;
        };
        let params = tail.strip_prefix(b":").unwrap_or_default();
        let param = |key: &[u8]| info::value(params, b';', key).filter(|value| !value.is_empty());
        let namespace = param(b"namespace")
            .or_else(|| param(b"ns"))
            .or_else(|| param(b"id"));
        let (namespace, set) = match need {
            Need::Truncate => (
                namespace.unwrap_or_default(),
                param(b"set").unwrap_or_default(),
            ),
            _ => Default::default(),
        };
        let user = who.user().unwrap_or_default();
        read(&security.accounts).permits(user, need, namespace, set)
    }
}

fn charge(message: &Message<'_>) -> Charge {
    if message.field(code::DIGEST).is_some() {
        return Charge::Single;
    }
    let rps = message.field(code::RECORDS_PER_SECOND);
    let rps = rps.and_then(|data| data.try_into().ok());
    Charge::Scan(rps.map_or(0, u32::from_be_bytes))
}
