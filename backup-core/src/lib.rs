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
//!
//! # Example
//!
//! ```
//! use backup_core::{
//!     backup::{self, BackupConfig, BackupTarget},
//!     cluster::{client::ConnectOptions, view::Host},
//!     restore::{self, RestoreConfig, RestoreSource},
//!     storage::LocalDir,
//! };
//! use std::sync::Arc;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let cluster = asnode::Cluster::builder().namespace(asnode::NamespaceConfig::new("test")).start()?;
//! # asnode::generate::load(&cluster, "test", asnode::generate::Shape::Types, 500, 1);
//! # let address = cluster.addresses()[0];
//! # let temporary = tempfile::tempdir()?;
//! # let path = temporary.path().join("set");
//! let connect = ConnectOptions { seeds: vec![Host::from(address)], ..ConnectOptions::default() };
//!
//! let target = BackupTarget::Directory(Arc::new(LocalDir::new(&path)));
//! let config = BackupConfig { connect: connect.clone(), ..BackupConfig::new("test", target) };
//! let job = backup::start(config);
//! println!("{} records so far", job.stats().snapshot().records_read);
//! let outcome = job.wait().await;
//! outcome.result?;
//! assert_eq!(outcome.stats.snapshot().records_read, 500);
//!
//! let source = RestoreSource::Directory(Arc::new(LocalDir::new(&path)));
//! let config = RestoreConfig { connect, ..RestoreConfig::new("test", source) };
//! let outcome = restore::start(config).wait().await;
//! outcome.result?;
//! assert!(outcome.stats.snapshot().is_balanced());
//! # Ok(())
//! # }
//! ```

pub mod backup;
pub mod convert;
pub mod error;
pub mod fingerprint;
pub mod handle;
mod limits;
pub mod load;
pub mod lock;
pub mod manifest;
pub mod names;
mod partitions;
mod planned;
pub mod replay;
pub mod restore;
mod state;
pub mod stats;

/// Name and version of this tool, for the files that it writes.
pub const TOOL: &str = concat!("absctl ", env!("CARGO_PKG_VERSION"));

pub use asb_format as format;
pub use backup::{conversion, xdr};
pub use backup_cluster as cluster;
pub use backup_envelope as envelope;
pub use backup_storage as storage;
pub use secret_agent;
