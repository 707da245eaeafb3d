//! Integration tests of the crate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy exempts test functions but not their helpers"
)]

mod corpus;
mod damaged;
mod golden;
mod names;
mod payloads;
mod properties;
mod replay;
