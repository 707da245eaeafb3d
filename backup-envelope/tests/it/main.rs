//! Integration tests of the crate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "clippy exempts test functions but not their helpers"
)]

mod corpus;
mod damaged;
mod detect;
mod frames;
mod golden;
mod keys;
mod properties;
mod replay;
mod resume;
mod tools;
mod vectors;
mod verify;
