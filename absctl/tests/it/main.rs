//! The program as its users see it: command lines, files, messages and exit codes, against
//! embedded clusters.

#[path = "../../examples/demo/compare.rs"]
mod compare;

mod access;
mod agent;
mod bad_input;
mod cloud;
mod cloud_memory;
mod config;
mod envelope;
mod estimate;
mod faults;
mod golden;
mod incremental;
mod kill;
mod logging;
mod manifest;
#[cfg(target_os = "linux")]
mod memory;
mod modes;
mod patience;
mod records;
mod replace;
mod restoring;
mod resuming;
mod round_trip;
mod rules;
mod secrets;
mod selection;
mod shards;
mod signals;
mod support;
mod terminal;
mod usage;
mod validate;
mod versions;
mod xdr;
