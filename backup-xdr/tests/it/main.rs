//! Tests of the public interface: real sockets for the server, a made-up cluster and made-up time
//! for the choreography.
#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions but not their helpers"
)]

mod choreography;
mod cluster;
mod server;
mod texts;
