//! The data plane against embedded clusters, and against a peer that breaks the rules.
#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions but not their helpers"
)]

mod metadata;
mod payload;
mod racks;
mod scan;
mod security;
mod support;
mod tls;
mod write;
