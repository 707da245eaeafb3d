//! A namespace received from XDR (`xdr-protocol.md`): the nodes of a cluster are told to ship it,
//! connect, and send every record and every change as a message of its own.
//!
//! - [`server`]: the listener, its connections, acknowledgements and back-pressure. What arrives
//!   goes to a [`server::Sink`] of the caller.
//! - [`choreography`]: the info commands that make nodes ship, watch how far they are, block
//!   transactions at the end, and take everything back again, whatever happens.
//! - [`control`]: the one door to the cluster; the caller provides what is behind it.
//! - [`commands`]: the texts, and what the answers say.
//!
//! Deliberately not here: files and formats, the way to the nodes, and what a backup is.
#![warn(clippy::indexing_slicing)]

pub mod choreography;
pub mod cleanup;
pub mod commands;
mod connection;
pub mod control;
pub mod error;
mod retry;
pub mod server;

pub use aerospike_wire as wire;
pub use net_tls;
