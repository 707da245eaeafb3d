//! A rule: what it listens to, under which conditions it fires, how it reacts.

use super::Reaction;
use aerospike_wire::digest::Digest;
use std::time::Duration;

/// What a rule listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A new connection. The nth one: [`Rule::nth`].
    Connect,
    /// Any request.
    Request,
    /// An info message, or, for [`Reaction::InfoValue`] and [`Reaction::InfoTail`], each command
    /// of one.
    Info,
    /// A single-record read.
    Read,
    /// A single-record write or delete.
    Write,
    /// A batch message.
    Batch,
    /// A row of a batch.
    BatchRow,
    /// A scan request.
    Scan,
    /// A login. A result code for it: [`Reaction::Result`].
    Login,
    /// A connection that shows its token.
    Authenticate,
    /// Any other admin message.
    Admin,
}

/// Rows of a batch; [`Percent`](Self::Percent) and [`Of`](Self::Of) also choose among
/// single-record commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Every row.
    All,
    /// The row at this position in its batch, counted from 0.
    At(u32),
    /// This share of the records in percent, chosen by a hash of the digest: the same records
    /// every time.
    Percent(u8),
    /// The record with this digest.
    Of(Digest),
}

/// What is counted in the reply to a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Records,
    Bytes,
}

/// Where counting starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// With the request.
    Request,
    /// When the rule was added.
    Rule,
}

/// When a rule fires within a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    Start,
    After {
        unit: Unit,
        since: Since,
        limit: u64,
    },
}

/// A condition and a reaction. Conditions that are not given hold always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub(super) on: On,
    pub(super) reaction: Reaction,
    pub(super) node: Option<usize>,
    pub(super) partition: Option<u16>,
    pub(super) command: Option<&'static str>,
    pub(super) rows: Rows,
    pub(super) trigger: Trigger,
    pub(super) age: Duration,
    pub(super) skip: u64,
    pub(super) times: u64,
}

impl Rule {
    /// Fires on every `on` of every node.
    #[must_use]
    pub const fn new(on: On, reaction: Reaction) -> Self {
        Self {
            on,
            reaction,
            node: None,
            partition: None,
            command: None,
            rows: Rows::All,
            trigger: Trigger::Start,
            age: Duration::ZERO,
            skip: 0,
            times: u64::MAX,
        }
    }

    /// Every `cluster-stable` is answered as while nodes come and go.
    #[must_use]
    pub const fn unstable_cluster() -> Self {
        Self::new(On::Info, Reaction::InfoValue("ERROR:7:unstable cluster"))
            .command("cluster-stable")
    }

    /// Only on the node with this index, counted from 0.
    #[must_use]
    pub const fn node(mut self, node: usize) -> Self {
        self.node = Some(node);
        self
    }

    /// Only for this partition (single-record commands, batch rows, partitions of scans).
    #[must_use]
    pub const fn partition(mut self, partition: u16) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Only for info messages with this command, and for this command of them. The name ends
    /// where parameters begin: `replicas`, not `replicas:max=1`.
    #[must_use]
    pub const fn command(mut self, name: &'static str) -> Self {
        self.command = Some(name);
        self
    }

    /// Only for these rows of a batch, or single-record commands on these records.
    #[must_use]
    pub const fn rows(mut self, rows: Rows) -> Self {
        self.rows = rows;
        self
    }

    /// In a scan: after `n` records of one request.
    #[must_use]
    pub const fn after_records(self, n: u64) -> Self {
        self.after(Unit::Records, Since::Request, n)
    }

    /// In a scan: after `n` bytes of the reply to one request, which is in the middle of a frame
    /// unless `n` happens to be its end.
    #[must_use]
    pub const fn after_bytes(self, n: u64) -> Self {
        self.after(Unit::Bytes, Since::Request, n)
    }

    /// In a scan: after `n` records of all matching scans since the rule was added.
    #[must_use]
    pub const fn after_total_records(self, n: u64) -> Self {
        self.after(Unit::Records, Since::Rule, n)
    }

    /// In a scan: after `n` bytes of all matching scans since the rule was added.
    #[must_use]
    pub const fn after_total_bytes(self, n: u64) -> Self {
        self.after(Unit::Bytes, Since::Rule, n)
    }

    const fn after(mut self, unit: Unit, since: Since, limit: u64) -> Self {
        self.trigger = Trigger::After { unit, since, limit };
        self
    }

    /// Not before this much real time has passed since the rule was added.
    #[must_use]
    pub const fn after_time(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Lets the first `n` matches pass.
    #[must_use]
    pub const fn skip(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// Fires at most `n` times.
    #[must_use]
    pub const fn times(mut self, n: u64) -> Self {
        self.times = n;
        self
    }

    /// Fires on the nth match alone, counted from 1.
    #[must_use]
    pub const fn nth(self, n: u64) -> Self {
        self.skip(n.saturating_sub(1)).times(1)
    }
}
