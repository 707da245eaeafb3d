//! How security is configured when a cluster is built.

use super::{accounts::Accounts, credential::Proof, role::Role};
use std::{fmt, time::Duration};

/// Session time to live of the server unless it is configured.
const SESSION_TTL: Duration = Duration::from_secs(86_400);

/// Users, roles and limits of a cluster with security. There is always a user `admin` with
/// password `admin` and role `user-admin`, as on a new server, unless one of that name is added.
#[derive(Clone)]
pub struct SecurityConfig {
    users: Vec<(String, Proof, Vec<String>)>,
    roles: Vec<Role>,
    pub(super) session_ttl: Duration,
    pub(super) session_uses: Option<u64>,
    pub(super) has_quotas: bool,
}

impl fmt::Debug for SecurityConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityConfig")
            .field("users", &self.users)
            .field("roles", &self.roles)
            .field("session_ttl", &self.session_ttl)
            .finish_non_exhaustive()
    }
}

impl Default for SecurityConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl SecurityConfig {
    /// The user `admin` alone, tokens that are good for a day, no quotas.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            users: Vec::new(),
            roles: Vec::new(),
            session_ttl: SESSION_TTL,
            session_uses: None,
            has_quotas: false,
        }
    }

    /// Adds a user whom the cluster knows by a password. A role that does not exist allows
    /// nothing.
    #[must_use]
    pub fn user(self, name: &str, password: &str, roles: &[&str]) -> Self {
        self.with(name, Proof::of_password(password), roles)
    }

    /// Adds a user whom the common name of a TLS client certificate identifies (PKI).
    #[must_use]
    pub fn certificate_user(self, name: &str, roles: &[&str]) -> Self {
        self.with(name, Proof::Certificate, roles)
    }

    /// Adds a user whom LDAP knows: logins need the password in clear.
    #[must_use]
    pub fn external_user(self, name: &str, password: &str, roles: &[&str]) -> Self {
        self.with(name, Proof::External(password.to_owned()), roles)
    }

    fn with(mut self, name: &str, proof: Proof, roles: &[&str]) -> Self {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        self.users.push((name.to_owned(), proof, roles));
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// How long tokens are good, by the cluster's clock, in whole seconds; zero = for ever.
    /// Default one day.
    #[must_use]
    pub const fn session_ttl(mut self, ttl: Duration) -> Self {
        self.session_ttl = ttl;
        self
    }

    /// Lets a token expire after this many connections were authenticated with it. Default: only
    /// with time.
    #[must_use]
    pub const fn session_uses(mut self, uses: u64) -> Self {
        self.session_uses = Some(uses);
        self
    }

    /// Enables quotas (`enable-quotas`). Without them, setting one is refused with 74.
    #[must_use]
    pub const fn quotas(mut self) -> Self {
        self.has_quotas = true;
        self
    }

    pub(super) fn has_external_users(&self) -> bool {
        let is_external = |proof: &Proof| matches!(proof, Proof::External(_));
        self.users.iter().any(|(_, proof, _)| is_external(proof))
    }

    pub(super) fn into_accounts(self) -> Accounts {
        let mut accounts = Accounts::new();
        for role in self.roles {
            accounts.put_role(role);
        }
        if !self.users.iter().any(|(name, ..)| name == "admin") {
            accounts.put_user(
                "admin",
                Proof::of_password("admin"),
                ["user-admin".to_owned()],
            );
        }
        for (name, proof, roles) in self.users {
            accounts.put_user(&name, proof, roles);
        }
        accounts
    }
}
