//! An Aerospike cluster as a backup tool needs it.
//!
//! Two planes. The *view* ([`view`], [`client`]) rides on the `aerospike` crate: seeds, tend,
//! peers, info commands. The *data plane* ([`scan`], [`batch_write`]) has sockets of its own,
//! because records must pass undecoded: maps, lists and sketches are the server's own bytes.
//!
//! Nothing here knows files or formats. Retries live in one place per operation, take a policy
//! and a cancellation token, and never repeat or lose a record: a scan resumes each partition
//! after the last digest delivered, a batch sends again only rows without a final answer.
#![warn(clippy::indexing_slicing)]

pub mod access;
pub mod auth;
pub mod batch_write;
pub mod client;
pub mod connection;
pub mod directory;
pub mod error;
mod login;
pub mod map;
pub mod metadata;
pub mod payload_write;
mod pool;
pub mod racks;
pub mod retry;
pub mod scan;
mod seeds;
mod tls;
pub mod view;

pub use aerospike_wire as wire;
pub use net_tls;
