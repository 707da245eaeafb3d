//! Integration tests of the crate.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "clippy exempts test functions but not their helpers"
)]

mod conformance;
mod corpus;
mod damaged;
mod golden;
mod numbers;
mod properties;
mod replay;
mod skim;
mod steady;
mod writing;
