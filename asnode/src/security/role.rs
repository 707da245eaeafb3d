//! Roles: named sets of privileges, where they may be used from, and how much.

use super::{
    address::AllowList,
    privilege::{Privilege, PrivilegeCode},
};

/// Roles that every cluster has and nobody can change: one for each kind of privilege, without
/// limits.
pub const PREDEFINED_ROLES: [&str; PrivilegeCode::ALL.len()] = {
    let mut names = [""; PrivilegeCode::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = PrivilegeCode::ALL[at].name();
        at += 1;
    }
    names
};

/// A role that is not predefined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub(super) name: String,
    pub(super) privileges: Vec<Privilege>,
    pub(super) allow_list: AllowList,
    pub(super) quotas: Quotas,
}

/// Most records per second and node; 0 = no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quotas {
    pub(super) read: u32,
    pub(super) write: u32,
}

impl Role {
    /// A role without privileges.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            privileges: Vec::new(),
            allow_list: AllowList::default(),
            quotas: Quotas::default(),
        }
    }

    /// Adds a privilege.
    #[must_use]
    pub fn privilege(mut self, privilege: Privilege) -> Self {
        self.grant(vec![privilege]);
        self
    }

    /// Limits users of the role to these addresses: `a.b.c.d`, `a.b.c.d/bits` or the same of IPv6,
    /// comma separated. A text that is no such list allows no address.
    #[must_use]
    pub fn allow_list(mut self, addresses: &str) -> Self {
        let unspecified = || AllowList::parse("0.0.0.0").unwrap_or_default();
        self.allow_list = AllowList::parse(addresses).unwrap_or_else(unspecified);
        self
    }

    /// Records per second and node that a user of the role may read and write; 0 = no limit. They
    /// count with [`SecurityConfig::quotas`](super::SecurityConfig::quotas).
    #[must_use]
    pub const fn quotas(mut self, read: u32, write: u32) -> Self {
        self.quotas = Quotas { read, write };
        self
    }

    /// Adds privileges that it does not have.
    pub(super) fn grant(&mut self, privileges: Vec<Privilege>) {
        self.privileges.extend(privileges);
        self.privileges.sort();
        self.privileges.dedup();
    }

    /// Removes privileges; those that it does not have do not matter.
    pub(super) fn revoke(&mut self, privileges: &[Privilege]) {
        self.privileges.retain(|held| !privileges.contains(held));
    }
}

/// The predefined roles.
pub(super) fn predefined() -> impl Iterator<Item = Role> {
    let role = |code: PrivilegeCode| Role::new(code.name()).privilege(Privilege::new(code));
    PrivilegeCode::ALL.into_iter().map(role)
}
