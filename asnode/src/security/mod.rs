//! Who may do what (`auth-tls.md` §1–§3): users, roles, logins, quotas, and the administration
//! of them over the wire.
//!
//! Users and roles belong to the cluster; tokens and quotas belong to each node. The roles and
//! result codes are those of Enterprise 8.1. Not emulated: data masking (privileges 15 to 17 are
//! refused with 72), expiry and history of passwords (63, 64), and LDAP beyond names and passwords
//! that the configuration gives.

mod accounts;
mod address;
mod admin;
mod config;
mod credential;
mod identity;
mod permission;
mod privilege;
mod quota;
mod role;
mod session;

pub(crate) use admin::answer;
pub use config::SecurityConfig;
pub(crate) use identity::{Identity, Peer};
pub use privilege::{Privilege, PrivilegeCode};
pub use role::{PREDEFINED_ROLES, Role};

use crate::sync::{lock, read, write};
use accounts::Accounts;
use aerospike_wire::result_code::ResultCode;
use permission::Need;
use quota::Usage;
use session::Sessions;
use std::{
    sync::{Mutex, RwLock},
    time::Duration,
};

/// Users, roles and sessions of a cluster with security.
#[derive(Debug)]
pub struct Security {
    accounts: RwLock<Accounts>,
    /// Per node.
    nodes: Vec<Mutex<NodeSecurity>>,
    session_ttl: Duration,
    session_uses: Option<u64>,
    has_quotas: bool,
    has_ldap: bool,
}

/// What each node keeps for itself.
#[derive(Debug, Default)]
struct NodeSecurity {
    sessions: Sessions,
    usage: Usage,
}

impl Security {
    pub(crate) fn new(config: SecurityConfig, nodes: usize) -> Self {
        Self {
            has_ldap: config.has_external_users(),
            session_ttl: config.session_ttl,
            session_uses: config.session_uses,
            has_quotas: config.has_quotas,
            accounts: RwLock::new(config.into_accounts()),
            nodes: (0..nodes).map(|_| Mutex::default()).collect(),
        }
    }

    /// Makes all tokens of all nodes expire: they are refused with 66. Connections that are
    /// authenticated stay so.
    pub fn expire_sessions(&self) {
        for node in &self.nodes {
            lock(node).sessions.expire_all();
        }
    }

    /// Gives a user other roles; `false`: there is no such user, or one of the roles is unknown.
    pub fn set_roles(&self, user: &str, roles: &[&str]) -> bool {
        write(&self.accounts).set_roles(user, roles).is_ok()
    }

    /// Removes a user: its connections are no longer authenticated. `false`: there was none.
    pub fn drop_user(&self, user: &str) -> bool {
        write(&self.accounts).drop_user(user).is_ok()
    }

    /// Names of the users in order, those of LDAP left out.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        read(&self.accounts)
            .users()
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Names of a user's roles in order; `None`: there is no such user.
    #[must_use]
    pub fn roles_of(&self, user: &str) -> Option<Vec<String>> {
        let accounts = read(&self.accounts);
        let user = accounts.user(user)?;
        Some(user.roles.iter().cloned().collect())
    }

    /// A node that starts anew knows no token.
    pub(crate) fn forget_sessions(&self, node: usize) {
        self.on_node(node, |node| node.sessions = Sessions::default());
    }

    /// The configuration as `key=value;…`.
    pub(crate) fn items(&self) -> String {
        format!(
            "enable-quotas={};session-ttl={}",
            self.has_quotas,
            self.session_ttl.as_secs()
        )
    }

    /// Does something with what a node keeps; without effect for a node that is not there.
    fn on_node<T: Default>(&self, node: usize, act: impl FnOnce(&mut NodeSecurity) -> T) -> T {
        self.nodes
            .get(node)
            .map(|node| act(&mut lock(node)))
            .unwrap_or_default()
    }

    /// Whether a user may come from an address; roles with an allow list decide.
    fn check_address(&self, user: &str, peer: &Peer) -> Result<(), ResultCode> {
        if read(&self.accounts).allows(user, peer.ip) {
            Ok(())
        } else {
            Err(ResultCode::NOT_WHITELISTED)
        }
    }
}
