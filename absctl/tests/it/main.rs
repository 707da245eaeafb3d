//! The program as its users see it: command lines, files, messages and exit codes, against
//! embedded clusters.

#[path = "../../examples/demo/compare.rs"]
mod compare;

mod access;
mod agent;
mod bad_input;
mod cloud;
mod cloud_flags;
mod cloud_memory;
mod cloud_others;
mod cloud_stalls;
mod cloud_ways;
mod config;
mod connecting;
mod convert;
mod documented;
mod dry_run;
mod effects;
mod encrypted;
mod envelope;
mod estimate;
mod faults;
mod flag_table;
mod golden;
mod hooks;
mod incremental;
mod kill;
mod legacy;
mod legacy_files;
mod legacy_names;
mod logging;
mod manifest;
#[cfg(target_os = "linux")]
mod memory;
mod metrics;
mod modes;
mod patience;
mod records;
mod relay;
mod replace;
mod restoring;
mod resuming;
mod round_trip;
mod rules;
mod secrecy;
mod secrets;
mod selection;
mod shards;
mod signals;
mod snapshots;
mod support;
mod terminal;
mod usage;
mod validate;
mod versions;
mod written;
mod xdr;
