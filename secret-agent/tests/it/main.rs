//! Tests of the public interface against an agent that the tests run, over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy exempts test functions but not their helpers"
)]

mod agent;
mod answers;
mod failures;
mod properties;
mod references;
mod transports;
