//! Tests of the public interface: handshakes over loopback, and every way in which settings can
//! be wrong.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as the tests themselves do"
)]

mod handshake;
mod link;
mod lists;
mod names;
mod pem;
mod revocation;
