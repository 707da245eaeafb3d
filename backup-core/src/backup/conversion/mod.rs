//! Conversion of what XDR has shipped (ASBX) into text (ASB) that every tool can restore.
//!
//! ```text
//! survey: each sequence is read once ─► messages of each partition, digests while they fit
//! writing: again, once or for some partitions at a time ─► the last message of each record
//!      ─► text ─► the write stage of a backup ─► files, manifest
//! ```
//!
//! A record is written once, as the last message about it in the strict order of the files leaves
//! it (`asbx-binary.md` §3.2); one that the last message deletes is not written. That is what a
//! restore with `--replace --no-generation` of the messages makes of an empty namespace. What the
//! messages before the last one say does not matter, so only the last is judged, and the
//! conversion ends where text cannot say it.
//!
//! In memory are: 28 bytes for each message of the partitions in work, up to
//! [`ConvertConfig::index_bytes`]; then one bit for each of them; chunks of text, as in a backup;
//! the largest message. Nothing grows with the size of the set but the number of readings.
//!
//! It lies beside the backups because it fills the same set of files: target, lock, envelope,
//! manifest and publication are those of [`super`]. What is not: resuming. A run that fails leaves
//! nothing.

mod config;
mod latest;
mod metadata;
mod run;
mod source;
mod worker;

pub use self::config::ConvertConfig;

use crate::{handle::Job, stats::ConvertStats};
use std::sync::Arc;

/// A running conversion.
pub type ConvertJob = Job<ConvertStats>;

/// Starts a conversion on the current tokio runtime.
///
/// Nothing is written before the source was read once, to its end, and the target was found fit.
/// A job that fails or is cancelled leaves nothing of its own in the target.
#[must_use]
pub fn start(config: ConvertConfig) -> ConvertJob {
    let stores = [&config.source, config.target.store()].map(Arc::clone);
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        run::run(config, stats, cancel)
    })
}
