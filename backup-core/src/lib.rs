//! Backup and restore of an Aerospike namespace, as a library.
//!
//! [`backup::start`] and [`restore::start`] begin a job on the current tokio runtime and return
//! a handle at once: it can be awaited, polled for counters, and cancelled. Any number of jobs
//! may run in one process. [`restore::validate`] reads files without a cluster.
//!
//! This crate joins the layers below it, which do not know each other: formats, cluster and
//! storage meet in [`convert`], one file per pair. Arguments, terminals and exit codes belong
//! to `absctl`.
//!
//! Execution: tokio owns the sockets; every open file has one OS thread, because hashing,
//! writing and fsync block. Between them go chunks through bounded channels, and their buffers
//! come back: after the first few, a record costs no allocation.

pub mod backup;
pub mod convert;
pub mod error;
pub mod handle;
pub mod restore;
pub mod stats;

pub use backup_cluster as cluster;
pub use backup_storage as storage;
