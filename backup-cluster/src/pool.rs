//! Idle data connections, kept per node and handed out again.

use crate::{
    access::Access,
    connection::{Connection, SocketOptions},
    error::Error,
    view::{Node, NodeName},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Connections that are between two exchanges. Its size is bounded by the number of tasks that
/// use it: each returns at most what it took.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<NodeName, Vec<Idle>>>,
    options: SocketOptions,
    access: Access,
}

/// A connection, and since when nobody has used it.
#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

/// A connection, and whether it was used before: an old one may have been closed by the node
/// meanwhile, which says nothing about the node.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) reused: bool,
}

impl Pool {
    pub(crate) fn new(options: SocketOptions, access: Access) -> Self {
        Self {
            idle: Mutex::default(),
            options,
            access,
        }
    }

    pub(crate) async fn lease(&self, node: &Node) -> Result<Lease, Error> {
        match self.take_idle(&node.name) {
            Some(connection) => Ok(Lease {
                connection,
                reused: true,
            }),
            None => {
                let connection = Connection::open(node, self.options, &self.access).await?;
                Ok(Lease {
                    connection,
                    reused: false,
                })
            }
        }
    }

    /// Opens a connection ahead of its use.
    pub(crate) async fn open_idle(&self, node: &Node) -> Result<(), Error> {
        let connection = Connection::open(node, self.options, &self.access).await?;
        self.put_back(connection);
        Ok(())
    }

    /// The connection that was used last, unless it has been idle for too long: then the others
    /// have been so, too.
    fn take_idle(&self, node: &NodeName) -> Option<Connection> {
        let mut all = self.lock();
        let kept = all.get_mut(node)?;
        let last = kept.pop()?;
        let limit = self.options.idle_timeout;
        if limit.is_zero() || last.since.elapsed() < limit {
            return Some(last.connection);
        }
        kept.clear();
        None
    }

    /// Takes a connection back. One in the middle of an exchange is closed instead.
    pub(crate) fn put_back(&self, connection: Connection) {
        if connection.is_idle() {
            let node = connection.node().clone();
            let since = Instant::now();
            let idle = Idle { connection, since };
            self.lock().entry(node).or_default().push(idle);
        }
    }

    /// How its connections enter a node.
    pub(crate) const fn access(&self) -> &Access {
        &self.access
    }

    /// Closes all idle connections to a node that failed.
    pub(crate) fn forget(&self, node: &NodeName) {
        self.lock().remove(node);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<NodeName, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
