//! An Aerospike cluster inside the process: one to many nodes on loopback ports that speak the
//! client protocol well enough for real clients and tools, and break on demand.
//!
//! ```
//! use asnode::{Cluster, NamespaceConfig, RawRecord};
//!
//! let cluster = Cluster::builder().nodes(3).namespace(NamespaceConfig::new("test")).start()?;
//! let record = RawRecord::for_key("demo", 3, b"key1").bin(b"n", 1, &42i64.to_be_bytes());
//! cluster.put("test", &record);
//! assert_eq!(cluster.count("test"), 1);
//! println!("connect to {}", cluster.seeds().join(","));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! - [`Cluster`]: builder, lifetime, direct access to records, indexes and UDFs.
//! - [`faults`]: rules by which connections break, nodes die, partitions move, rows fail.
//! - [`generate`]: named shapes of test data from a seed.
//! - [`load`]: the content of a backup.
//! - [`Clock`]: the cluster's time, which tests move instead of sleeping.
//!
//! The model is a server 8.1.2 of the Community Edition (`wire-*.md`, `info-protocol.md`); other
//! versions ([`Build`]) and the Enterprise Edition ([`Edition`]) differ where clients can tell, the
//! latter also with users and roles ([`SecurityConfig`]) and with TLS ([`TlsPort`], `auth-tls.md`).
//! All nodes share one store; ownership of partitions is only a table. Not emulated: queries by
//! place (16), list, map, bit, HLL and expression operations (4), the few filter operations that
//! `expression/mod.rs` names (4), execution of UDFs, GeoJSON cells (none are stored). Expired
//! records are hidden at once; they are removed, every `nsup-period`, when somebody asks for
//! figures. Indexes are definitions: a query on one looks at all records (`scan/range.rs`).

mod batch;
mod bins;
mod build;
mod catalogue;
mod cdt;
mod clock;
mod cluster;
mod compression;
mod config;
mod connection;
mod counters;
mod direct;
mod expression;
pub mod faults;
pub mod generate;
mod geojson;
mod info;
mod jobs;
mod link;
pub mod load;
mod msgpack;
mod namespace;
mod node;
mod order;
mod ports;
mod read;
mod record;
mod request;
mod scan;
mod security;
mod shuffle;
mod sync;
mod throttle;
mod tls;
mod topology;
mod transport;
mod value;
mod write;
mod xdr;

pub use build::{BadBuild, Build, DEFAULT_BUILD, Edition};
pub use catalogue::{Collection, Index, IndexSource, IndexType, Udf};
pub use clock::{CL_EPOCH_UNIX_S, Clock};
pub use cluster::{Cluster, ClusterBuilder};
pub use config::NamespaceConfig;
pub use counters::CounterValues;
pub use direct::{RawBin, RawRecord};
pub use security::{PREDEFINED_ROLES, Privilege, PrivilegeCode, Role, Security, SecurityConfig};
pub use tls::TlsPort;
pub use topology::NodeLoss;
pub use xdr::Shipping;
