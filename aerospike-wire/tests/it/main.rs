//! Tests of the public interface: recorded traffic, the bytes of the specification, properties.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "helpers of tests fail as the tests themselves do"
)]

mod admin;
mod capture;
mod corpus;
mod examples;
mod filters;
mod frames;
mod meaning;
mod properties;
mod replay;
mod scans;
mod texts;
mod truth;
mod writes;
mod xdr;
