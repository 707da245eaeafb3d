//! Backup and restore against embedded clusters, over real sockets and files.
#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions but not their helpers"
)]

mod faults;
mod golden;
mod round_trip;
mod support;
mod target;
mod validate;
