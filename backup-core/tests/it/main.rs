//! Backup and restore against embedded clusters, over real sockets and files.

mod faults;
mod golden;
mod round_trip;
mod support;
mod target;
mod validate;
