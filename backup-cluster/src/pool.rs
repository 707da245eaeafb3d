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
};

/// Connections that are between two exchanges. Its size is bounded by the number of tasks that
/// use it: each returns at most what it took.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<NodeName, Vec<Connection>>>,
    options: SocketOptions,
    access: Access,
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
        let idle = self.lock().get_mut(&node.name).and_then(Vec::pop);
        match idle {
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

    /// Takes a connection back. One in the middle of an exchange is closed instead.
    pub(crate) fn put_back(&self, connection: Connection) {
        if connection.is_idle() {
            let node = connection.node().clone();
            self.lock().entry(node).or_default().push(connection);
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

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<NodeName, Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
