//! Admin messages: logins, and the administration of users and roles.
//!
//! Lists come as one frame for each item and one for the end.

use super::{
    Identity, Need, Security,
    accounts::{Accounts, User},
    address::AllowList,
    credential::Proof,
    privilege::{self, Privilege},
    quota::{Rates, UserUsage},
    role::{Quotas, Role},
};
use crate::{
    request::State,
    sync::{read, write},
};
use aerospike_wire::{
    admin::{self, AdminBuilder, AdminMessage, code, command},
    result_code::ResultCode,
};
use std::{collections::BTreeSet, time::Duration};

/// Field types of requests that manage users and roles.
mod field {
    pub(super) const ROLES: u8 = 10;
    pub(super) const ROLE: u8 = 11;
    pub(super) const PRIVILEGES: u8 = 12;
    pub(super) const WHITELIST: u8 = 13;
    pub(super) const READ_QUOTA: u8 = 14;
    pub(super) const WRITE_QUOTA: u8 = 15;
    pub(super) const READ_INFO: u8 = 16;
    pub(super) const WRITE_INFO: u8 = 17;
    pub(super) const CONNECTIONS: u8 = 18;
}

/// Appends the answer to an admin message. Without security it is 51, in Enterprise 52.
pub(crate) fn answer(
    state: &State,
    node: usize,
    who: &mut Identity,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    let Some(security) = &state.security else {
        let result = if state.is_enterprise() {
            ResultCode::SECURITY_NOT_ENABLED
        } else {
            ResultCode::SECURITY_NOT_SUPPORTED
        };
        return admin::reply(out, 0, result);
    };
    let Ok(request) = AdminMessage::parse(body) else {
        return admin::reply(
            out,
            body.get(2).copied().unwrap_or(0),
            ResultCode::SECURITY_FIELD,
        );
    };
    let mut office = Office {
        security,
        node,
        now_ms: state.clock.now_ms(),
        who,
        request,
        out,
    };
    let result = match body.first() {
        Some(0) => office.serve(state),
        _ => Err(ResultCode::SECURITY_SCHEME),
    };
    match result {
        Ok(Served::Plain) => admin::reply(out, request.command, ResultCode::OK),
        Ok(Served::Written) => {}
        Err(result) => admin::reply(out, request.command, result),
    }
}

/// What is left to do after a request succeeded.
enum Served {
    /// To say so.
    Plain,
    /// Nothing: the answer stands there.
    Written,
}

/// A request being served.
struct Office<'a> {
    security: &'a Security,
    node: usize,
    now_ms: u64,
    who: &'a mut Identity,
    request: AdminMessage<'a>,
    out: &'a mut Vec<u8>,
}

impl<'a> Office<'a> {
    fn serve(&mut self, state: &State) -> Result<Served, ResultCode> {
        match self.request.command {
            command::LOGIN => return self.login().map(|()| Served::Written),
            command::AUTHENTICATE => return self.authenticate().map(|()| Served::Plain),
            _ if !state.is_authenticated(self.who) => return Err(ResultCode::NOT_AUTHENTICATED),
            command::CHANGE_PASSWORD => return self.change_password().map(|()| Served::Plain),
            command::QUERY_USERS => return self.query_users().map(|()| Served::Written),
            command::QUERY_ROLES => return self.query_roles().map(|()| Served::Written),
            _ => {}
        }
        self.manage().map(|()| Served::Plain)
    }

    fn login(&mut self) -> Result<(), ResultCode> {
        let user = self.prove()?;
        self.security.check_address(&user, &self.who.peer)?;
        self.who.assume(self.security, self.node, &user);
        let ttl = self.security.session_ttl;
        let ttl = Duration::from_secs(ttl.as_secs());
        let ttl_ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        let end_ms = (ttl_ms > 0).then(|| self.now_ms.saturating_add(ttl_ms));
        let uses = self.security.session_uses;
        let opened = |node: &mut super::NodeSecurity| Some(node.sessions.open(&user, end_ms, uses));
        let token = self.security.on_node(self.node, opened);
        let token = token.ok_or(ResultCode::ILLEGAL_STATE)?;
        let session = admin::Session {
            token: token.as_bytes(),
            ttl: (!ttl.is_zero()).then_some(ttl),
        };
        admin::login_reply(self.out, &session);
        Ok(())
    }

    /// Who the login is of, by password or certificate.
    fn prove(&self) -> Result<String, ResultCode> {
        let accounts = read(&self.security.accounts);
        let Some(name) = self.request.field(code::USER) else {
            let name = self.who.peer.certificate_name.as_ref();
            let name = name.ok_or(ResultCode::SECURITY_FIELD)?;
            let user = accounts.user(name).ok_or(ResultCode::INVALID_USER)?;
            let is_external = matches!(user.proof, Proof::External(_));
            return if is_external {
                Err(ResultCode::INVALID_USER)
            } else {
                Ok(name.clone())
            };
        };
        let name = text(name).ok_or(ResultCode::INVALID_USER)?;
        let clear = self.request.field(code::CLEAR_PASSWORD);
        match (accounts.user(name).map(|user| &user.proof), clear) {
            (Some(Proof::External(_)) | None, Some(_)) if !self.security.has_ldap => {
                Err(ResultCode::LDAP_NOT_ENABLED)
            }
            (Some(Proof::External(password)), Some(clear)) if password.as_bytes() == clear => {
                Ok(name.to_owned())
            }
            (Some(Proof::External(_)) | None, Some(_)) => Err(ResultCode::LDAP_AUTHENTICATION),
            (Some(Proof::External(_)) | None, None) => Err(ResultCode::INVALID_USER),
            (Some(proof), _) => self.compare(proof).map(|()| name.to_owned()),
        }
    }

    fn compare(&self, proof: &Proof) -> Result<(), ResultCode> {
        let sent = self.request.field(code::CREDENTIAL);
        let sent = sent.ok_or(ResultCode::SECURITY_FIELD)?;
        if proof.is_credential(sent) {
            Ok(())
        } else {
            Err(ResultCode::INVALID_CREDENTIAL)
        }
    }

    fn authenticate(&mut self) -> Result<(), ResultCode> {
        let user = match self.request.field(code::SESSION_TOKEN) {
            None => self.prove()?,
            Some(token) => self.redeem(token)?,
        };
        if read(&self.security.accounts).user(&user).is_none() {
            return Err(ResultCode::INVALID_USER);
        }
        self.security.check_address(&user, &self.who.peer)?;
        self.who.assume(self.security, self.node, &user);
        Ok(())
    }

    fn redeem(&self, token: &[u8]) -> Result<String, ResultCode> {
        let named = match self.request.field(code::USER) {
            None => None,
            Some(name) => Some(text(name).ok_or(ResultCode::INVALID_USER)?),
        };
        let bad = ResultCode::INVALID_CREDENTIAL;
        self.security
            .on_node(self.node, |node| {
                Some(node.sessions.redeem(token, named, self.now_ms))
            })
            .unwrap_or(Err(bad))
    }

    fn change_password(&self) -> Result<(), ResultCode> {
        let user = self.user()?;
        if self.who.user() != Some(user) {
            return Err(ResultCode::ROLE_VIOLATION);
        }
        let old = self.request.field(code::OLD_PASSWORD);
        let old = old.ok_or(ResultCode::SECURITY_FIELD)?;
        let new = self.password()?;
        let mut accounts = write(&self.security.accounts);
        let account = accounts.user(user).ok_or(ResultCode::INVALID_USER)?;
        if !account.proof.is_credential(old) {
            return Err(ResultCode::INVALID_PASSWORD);
        }
        accounts.set_password(user, new)
    }

    /// What only a user-admin may do.
    fn manage(&self) -> Result<(), ResultCode> {
        let change: fn(&Self, &mut Accounts) -> Result<(), ResultCode> = match self.request.command
        {
            command::CREATE_USER => |s, a| a.create_user(s.user()?, s.password()?, s.roles(true)?),
            command::DROP_USER => |s, a| a.drop_user(s.user()?),
            command::SET_PASSWORD => |s, a| a.set_password(s.user()?, s.password()?),
            command::GRANT_ROLES => |s, a| a.grant_roles(s.user()?, s.roles(false)?),
            command::REVOKE_ROLES => |s, a| a.revoke_roles(s.user()?, &s.roles(false)?),
            command::CREATE_ROLE => |s, a| a.create_role(s.new_role()?),
            command::DROP_ROLE => |s, a| a.drop_role(s.role()?),
            command::GRANT_PRIVILEGES => |s, a| a.grant_privileges(s.role()?, s.privileges()?),
            command::REVOKE_PRIVILEGES => |s, a| a.revoke_privileges(s.role()?, &s.privileges()?),
            command::SET_WHITELIST => |s, a| a.set_allow_list(s.role()?, s.allow_list()?),
            command::SET_QUOTAS => Self::set_quotas,
            _ => return Err(ResultCode::SECURITY_COMMAND),
        };
        let mut accounts = write(&self.security.accounts);
        self.demand(&accounts)?;
        change(self, &mut accounts)
    }

    fn demand(&self, accounts: &Accounts) -> Result<(), ResultCode> {
        let user = self.who.user().unwrap_or_default();
        if accounts.permits(user, Need::ManageUsers, &[], &[]) {
            Ok(())
        } else {
            Err(ResultCode::ROLE_VIOLATION)
        }
    }

    fn user(&self) -> Result<&'a str, ResultCode> {
        let name = self.request.field(code::USER);
        let name = name.ok_or(ResultCode::SECURITY_FIELD)?;
        text(name).ok_or(ResultCode::INVALID_USER)
    }

    fn role(&self) -> Result<&'a str, ResultCode> {
        let name = self.request.field(field::ROLE);
        let name = name.ok_or(ResultCode::SECURITY_FIELD)?;
        text(name).ok_or(ResultCode::INVALID_ROLE)
    }

    fn password(&self) -> Result<Proof, ResultCode> {
        let sent = self.request.field(code::PASSWORD);
        let sent = sent.ok_or(ResultCode::SECURITY_FIELD)?;
        Proof::of_credential(sent).ok_or(ResultCode::INVALID_PASSWORD)
    }

    /// Names of roles, which may be missing if that is `optional`.
    fn roles(&self, optional: bool) -> Result<BTreeSet<String>, ResultCode> {
        match self.request.field(field::ROLES) {
            None if optional => Ok(BTreeSet::new()),
            None => Err(ResultCode::SECURITY_FIELD),
            Some(data) => names(data).ok_or(ResultCode::INVALID_ROLE),
        }
    }

    fn privileges(&self) -> Result<Vec<Privilege>, ResultCode> {
        let data = self.request.field(field::PRIVILEGES);
        let data = data.ok_or(ResultCode::SECURITY_FIELD)?;
        privilege::decode(data).ok_or(ResultCode::INVALID_PRIVILEGE)
    }

    fn allow_list(&self) -> Result<AllowList, ResultCode> {
        let data = self.request.field(field::WHITELIST).unwrap_or_default();
        let list = text(data).and_then(AllowList::parse);
        list.ok_or(ResultCode::INVALID_WHITELIST)
    }

    fn new_role(&self) -> Result<Role, ResultCode> {
        let mut role = Role::new(self.role()?);
        if self.request.field(field::PRIVILEGES).is_some() {
            role.grant(self.privileges()?);
        }
        role.allow_list = self.allow_list()?;
        self.put_quotas(&mut role.quotas)?;
        Ok(role)
    }

    fn set_quotas(&self, accounts: &mut Accounts) -> Result<(), ResultCode> {
        self.put_quotas(accounts.quotas_mut(self.role()?)?)
    }

    /// Changes the quotas that the request names.
    fn put_quotas(&self, quotas: &mut Quotas) -> Result<(), ResultCode> {
        let sent = |kind| match self.request.field(kind) {
            None => Ok(None),
            Some(_) if !self.security.has_quotas => Err(ResultCode::QUOTAS_NOT_ENABLED),
            Some(data) => match data.try_into() {
                Ok(bytes) => Ok(Some(u32::from_be_bytes(bytes))),
                Err(_) => Err(ResultCode::INVALID_QUOTA),
            },
        };
        let (read, write) = (sent(field::READ_QUOTA)?, sent(field::WRITE_QUOTA)?);
        quotas.read = read.unwrap_or(quotas.read);
        quotas.write = write.unwrap_or(quotas.write);
        Ok(())
    }

    /// One's own entry needs no privilege.
    fn query_users(&mut self) -> Result<(), ResultCode> {
        let security = self.security;
        let accounts = read(&security.accounts);
        let Some(name) = self.request.field(code::USER) else {
            self.demand(&accounts)?;
            for (name, user) in accounts.users() {
                self.put_user(&accounts, name, user);
            }
            self.put_end();
            return Ok(());
        };
        let name = text(name).ok_or(ResultCode::INVALID_USER)?;
        if self.who.user() != Some(name) {
            self.demand(&accounts)?;
        }
        let user = accounts.user(name).ok_or(ResultCode::INVALID_USER)?;
        self.put_user(&accounts, name, user);
        self.put_end();
        Ok(())
    }

    /// A role that one has needs no privilege.
    fn query_roles(&mut self) -> Result<(), ResultCode> {
        let security = self.security;
        let accounts = read(&security.accounts);
        let Some(name) = self.request.field(field::ROLE) else {
            self.demand(&accounts)?;
            for role in accounts.roles() {
                self.put_role(role);
            }
            self.put_end();
            return Ok(());
        };
        let name = text(name).ok_or(ResultCode::INVALID_ROLE)?;
        let user = self.who.user().and_then(|user| accounts.user(user));
        if !user.is_some_and(|user| user.roles.contains(name)) {
            self.demand(&accounts)?;
        }
        let role = accounts.role(name).ok_or(ResultCode::INVALID_ROLE)?;
        self.put_role(role);
        self.put_end();
        Ok(())
    }

    fn put_user(&mut self, accounts: &Accounts, name: &str, user: &User) {
        let quotas = accounts.quotas(name);
        let now_ms = self.now_ms;
        let usage: UserUsage = self
            .security
            .on_node(self.node, |node| *node.usage.of(name, now_ms));
        let mut roles = vec![u8::try_from(user.roles.len()).unwrap_or(u8::MAX)];
        for role in user.roles.iter().take(usize::from(u8::MAX)) {
            privilege::put_short_text(&mut roles, role.as_bytes());
        }
        let mut item = AdminBuilder::new(self.out, command::QUERY_USERS, ResultCode::OK);
        item.field(code::USER, name.as_bytes())
            .field(field::ROLES, &roles);
        if self.security.has_quotas {
            item.field(field::READ_INFO, &rates(quotas.read, usage.reads))
                .field(field::WRITE_INFO, &rates(quotas.write, usage.writes));
        }
        item.field(field::CONNECTIONS, &usage.connections.to_be_bytes());
        item.finish();
    }

    fn put_role(&mut self, role: &Role) {
        let privileges = privilege::encode(&role.privileges);
        let mut item = AdminBuilder::new(self.out, command::QUERY_ROLES, ResultCode::OK);
        item.field(field::ROLE, role.name.as_bytes())
            .field(field::PRIVILEGES, &privileges);
        if !role.allow_list.is_empty() {
            item.field(field::WHITELIST, role.allow_list.as_str().as_bytes());
        }
        if self.security.has_quotas {
            item.field(field::READ_QUOTA, &role.quotas.read.to_be_bytes())
                .field(field::WRITE_QUOTA, &role.quotas.write.to_be_bytes());
        }
        item.finish();
    }

    fn put_end(&mut self) {
        admin::reply(self.out, self.request.command, ResultCode::SECURITY_END);
    }
}

fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}

/// The names of a ROLES field.
fn names(mut data: &[u8]) -> Option<BTreeSet<String>> {
    let count = *data.split_off_first()?;
    let mut all = BTreeSet::new();
    for _ in 0..count {
        all.insert(text(privilege::short_text(&mut data)?)?.to_owned());
    }
    data.is_empty().then_some(all)
}

/// Quota, single records, scans with a limit in records per second, number of scans without.
fn rates(quota: u32, rates: Rates) -> Vec<u8> {
    let mut out = vec![4];
    for number in [quota, rates.single, rates.limited, rates.limitless] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out
}
