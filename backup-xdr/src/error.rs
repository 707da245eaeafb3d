//! What can go wrong while a cluster ships, split by blame.

use crate::control::ControlError;
use std::{io, net::SocketAddr, time::Duration};

/// A failure that ends the run. The cause, where there is one, is behind `source()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The listener cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// A node is too old.
    #[error("node {node} has version {build}, but a backup by XDR needs version 8.0 or later")]
    TooOld {
        /// The node.
        node: String,
        /// Its version.
        build: String,
    },
    /// A node says nothing about XDR, so it is of the Community Edition.
    #[error("node {node} has no XDR: a backup by XDR needs the Enterprise Edition")]
    NoXdr {
        /// The node.
        node: String,
    },
    /// Somebody has a data centre of this name already.
    #[error(
        "node {node} has a data centre {dc} already: another backup may be running; one that was \
         left behind is removed with --stop-xdr"
    )]
    DcExists {
        /// The node.
        node: String,
        /// The name.
        dc: String,
    },
    /// A node refuses a command.
    #[error("node {node} refuses {command:?}: {answer}")]
    Refused {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// Its answer.
        answer: String,
    },
    /// A node cannot be asked.
    #[error("node {node}: {command:?} failed")]
    Control {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// Why.
        source: ControlError,
    },
    /// A node says something that is not understood.
    #[error("node {node}: {key}={found:?} is no number")]
    Statistics {
        /// The node.
        node: String,
        /// Name of the figure.
        key: &'static str,
        /// Its value.
        found: String,
    },
    /// A node went away before everything of it was here.
    #[error("node {node} left the cluster before it had shipped everything")]
    NodeLeft {
        /// The node.
        node: String,
    },
    /// Nothing came.
    #[error(
        "no record arrived within {} ms: can the nodes reach {address}?", after.as_millis()
    )]
    StartTimeout {
        /// What the nodes were told to connect to.
        address: String,
        /// The limit.
        after: Duration,
    },
    /// The cluster has no nodes.
    #[error("the cluster has no nodes")]
    NoNodes,
    /// The run was stopped from outside.
    #[error("cancelled")]
    Cancelled,
}
