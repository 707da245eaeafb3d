//! Users and roles, and every change to them with the server's result codes.

use super::{
    address::AllowList,
    credential::Proof,
    permission::Need,
    privilege::Privilege,
    role::{self, PREDEFINED_ROLES, Quotas, Role},
};
use aerospike_wire::{admin::MAX_USER, result_code::ResultCode};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// A user.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) proof: Proof,
    pub(super) roles: BTreeSet<String>,
}

/// All users and roles.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: BTreeMap<String, User>,
    roles: BTreeMap<String, Role>,
}

impl Accounts {
    /// The predefined roles and no user.
    pub(super) fn new() -> Self {
        let mut accounts = Self::default();
        role::predefined().for_each(|role| accounts.put_role(role));
        accounts
    }

    pub(super) fn put_role(&mut self, role: Role) {
        self.roles.insert(role.name.clone(), role);
    }

    pub(super) fn put_user(
        &mut self,
        name: &str,
        proof: Proof,
        roles: impl IntoIterator<Item = String>,
    ) {
        let roles = roles.into_iter().collect();
        self.users.insert(name.to_owned(), User { proof, roles });
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// In order of their names, those of LDAP left out.
    pub(super) fn users(&self) -> impl Iterator<Item = (&str, &User)> {
        let local = |(_, user): &(&String, &User)| !matches!(user.proof, Proof::External(_));
        let users = self.users.iter().filter(local);
        users.map(|(name, user)| (name.as_str(), user))
    }

    pub(super) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// In order of their names.
    pub(super) fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    fn roles_of(&self, user: &str) -> impl Iterator<Item = &Role> {
        let names = self.users.get(user).map(|user| &user.roles);
        let names = names.into_iter().flatten();
        names.filter_map(|name| self.roles.get(name))
    }

    /// Whether a user may do something with a set of a namespace; an empty `set` stands for more
    /// than a set.
    pub(super) fn permits(&self, user: &str, need: Need, namespace: &[u8], set: &[u8]) -> bool {
        let mut privileges = self.roles_of(user).flat_map(|role| &role.privileges);
        privileges.any(|held| need.is_met_by(held.code) && held.covers(namespace, set))
    }

    /// The largest quotas among a user's roles.
    pub(super) fn quotas(&self, user: &str) -> Quotas {
        self.roles_of(user)
            .fold(Quotas::default(), |most, role| Quotas {
                read: most.read.max(role.quotas.read),
                write: most.write.max(role.quotas.write),
            })
    }

    /// Whether a user may come from an address: one of the roles with an allow list names it, or
    /// none has such a list.
    pub(super) fn allows(&self, user: &str, address: IpAddr) -> bool {
        let lists = || self.roles_of(user).map(|role| &role.allow_list);
        let mut lists_in_effect = lists().filter(|list| !list.is_empty()).peekable();
        lists_in_effect.peek().is_none() || lists_in_effect.any(|list| list.contains(address))
    }

    pub(super) fn create_user(
        &mut self,
        name: &str,
        proof: Proof,
        roles: BTreeSet<String>,
    ) -> Result<(), ResultCode> {
        if name.is_empty() || name.len() > MAX_USER {
            return Err(ResultCode::INVALID_USER);
        }
        if self.users.contains_key(name) {
            return Err(ResultCode::USER_EXISTS);
        }
        self.check_roles(&roles)?;
        self.put_user(name, proof, roles);
        Ok(())
    }

    pub(super) fn drop_user(&mut self, name: &str) -> Result<(), ResultCode> {
        let removed = self.users.remove(name);
        removed.map(|_| ()).ok_or(ResultCode::INVALID_USER)
    }

    pub(super) fn set_password(&mut self, name: &str, proof: Proof) -> Result<(), ResultCode> {
        self.user_mut(name)?.proof = proof;
        Ok(())
    }

    pub(super) fn set_roles(&mut self, user: &str, roles: &[&str]) -> Result<(), ResultCode> {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        self.check_roles(&roles)?;
        self.user_mut(user)?.roles = roles;
        Ok(())
    }

    pub(super) fn grant_roles(
        &mut self,
        user: &str,
        roles: BTreeSet<String>,
    ) -> Result<(), ResultCode> {
        self.user_mut(user)?;
        self.check_roles(&roles)?;
        self.user_mut(user)?.roles.extend(roles);
        Ok(())
    }

    pub(super) fn revoke_roles(
        &mut self,
        user: &str,
        roles: &BTreeSet<String>,
    ) -> Result<(), ResultCode> {
        self.user_mut(user)?;
        self.check_roles(roles)?;
        self.user_mut(user)?
            .roles
            .retain(|held| !roles.contains(held));
        Ok(())
    }

    fn user_mut(&mut self, name: &str) -> Result<&mut User, ResultCode> {
        self.users.get_mut(name).ok_or(ResultCode::INVALID_USER)
    }

    fn check_roles(&self, names: &BTreeSet<String>) -> Result<(), ResultCode> {
        if names.iter().all(|name| self.roles.contains_key(name)) {
            Ok(())
        } else {
            Err(ResultCode::INVALID_ROLE)
        }
    }

    pub(super) fn create_role(&mut self, role: Role) -> Result<(), ResultCode> {
        if role.name.is_empty() || role.name.len() > MAX_USER {
            return Err(ResultCode::INVALID_ROLE);
        }
        if self.roles.contains_key(&role.name) {
            return Err(ResultCode::ROLE_EXISTS);
        }
        self.put_role(role);
        Ok(())
    }

    /// Removes a role, also from its users.
    pub(super) fn drop_role(&mut self, name: &str) -> Result<(), ResultCode> {
        self.role_mut(name)?;
        self.roles.remove(name);
        for user in self.users.values_mut() {
            user.roles.remove(name);
        }
        Ok(())
    }

    pub(super) fn grant_privileges(
        &mut self,
        role: &str,
        privileges: Vec<Privilege>,
    ) -> Result<(), ResultCode> {
        self.role_mut(role)?.grant(privileges);
        Ok(())
    }

    pub(super) fn revoke_privileges(
        &mut self,
        role: &str,
        privileges: &[Privilege],
    ) -> Result<(), ResultCode> {
        self.role_mut(role)?.revoke(privileges);
        Ok(())
    }

    pub(super) fn set_allow_list(&mut self, role: &str, list: AllowList) -> Result<(), ResultCode> {
        self.role_mut(role)?.allow_list = list;
        Ok(())
    }

    pub(super) fn quotas_mut(&mut self, role: &str) -> Result<&mut Quotas, ResultCode> {
        Ok(&mut self.role_mut(role)?.quotas)
    }

    /// A role that may be changed: not a predefined one.
    fn role_mut(&mut self, name: &str) -> Result<&mut Role, ResultCode> {
        let role = self.roles.get_mut(name);
        role.filter(|_| !PREDEFINED_ROLES.contains(&name))
            .ok_or(ResultCode::INVALID_ROLE)
    }
}
