//! Who is at the other end of a connection.

use super::Security;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

/// What is known about a client before it says anything.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    /// Common name of its TLS certificate.
    pub(crate) certificate_name: Option<String>,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST.into(),
            certificate_name: None,
        }
    }
}

/// A client, and as whom it has logged in.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) peer: Peer,
    user: Option<Arc<str>>,
}

impl Identity {
    pub(crate) const fn new(peer: Peer) -> Self {
        Self { peer, user: None }
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// From now on the connection is this user's.
    pub(super) fn assume(&mut self, security: &Security, node: usize, user: &str) {
        self.leave(Some(security), node);
        security.count_connection(node, user, true);
        self.user = Some(user.into());
    }

    /// The connection is nobody's any more.
    pub(crate) fn leave(&mut self, security: Option<&Security>, node: usize) {
        if let (Some(security), Some(user)) = (security, self.user.take()) {
            security.count_connection(node, &user, false);
        }
    }
}

impl Security {
    fn count_connection(&self, node: usize, user: &str, is_new: bool) {
        self.on_node(node, |node| {
            let usage = node.usage.entry(user);
            usage.connections = if is_new {
                usage.connections.saturating_add(1)
            } else {
                usage.connections.saturating_sub(1)
            };
        });
    }
}
