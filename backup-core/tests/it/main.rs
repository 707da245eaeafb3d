//! Backup and restore against embedded clusters, over real sockets and files.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy exempts test functions but not their helpers"
)]

mod allocation;
mod blocks;
mod chain;
mod conversion;
mod durability;
mod estimate;
mod faults;
mod fingerprint;
mod frames;
mod full_disk;
mod generations;
mod golden;
mod hostile;
mod incremental;
mod indexes;
mod input;
mod limits;
mod lock;
mod manifest;
mod memory;
mod policy;
mod refusals;
mod replay;
mod resume;
mod resume_restore;
mod round_trip;
mod schedule;
mod selection;
mod shards;
mod stalls;
mod support;
mod target;
mod troubled;
mod truth;
mod validate;
mod verdict;
mod xdr;
