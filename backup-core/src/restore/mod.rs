//! Restore: files are decoded in place, records become rows of batch frames grouped by the node
//! that owns them, and every row ends in exactly one counter.
//!
//! ```text
//! files ──► decode stage ── rows by node ──► batches ──► write stage ── outcomes ──► counters
//!              └── indexes, modules ──► globals
//! ```
//!
//! A decoder that finds no file of its own helps with one that another is at (`reader.rs`).

mod chain;
mod config;
mod content;
mod decode_stage;
pub(crate) mod dry_run;
mod files;
mod filter;
mod frames;
mod globals;
mod held;
mod input;
mod keeper;
mod namespace;
pub(crate) mod outcome;
mod policy;
mod preview;
mod progress;
mod reader;
mod refusals;
mod rejects;
mod routing;
pub(crate) mod run;
mod share;
mod state;
pub(crate) mod throttle;
pub(crate) mod validate;
mod write_stage;

pub use chain::ChainProblem;
pub use config::{Clock, RestoreConfig, RestoreSource, StateOptions};
pub use content::Unwrap;
pub use dry_run::{PlannedDefinition, PlannedFile, RestoreDryRun, RestoreDryRunStats};
pub use globals::{Fate, IndexConflict};
pub use input::Trust;
pub use namespace::{find_namespace, namespace_in};
pub use policy::{Existing, WritePolicy};
pub use rejects::Rejects;
pub use validate::{FileReport, Finding, ValidateConfig};

use crate::{handle::Job, stats::RestoreStats};
use std::sync::Arc;

/// A running restore or validation.
pub type RestoreJob = Job<RestoreStats>;

/// Starts a restore on the current tokio runtime.
///
/// Nothing is written before the input was found, the cluster has answered and the namespace was
/// found. Records already written stay when a restore fails: the counters say how many.
#[must_use]
pub fn start(config: RestoreConfig) -> RestoreJob {
    let stores = config.source.stores().to_vec();
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        run::run(config, stats, cancel)
    })
}

/// A running dry run of a restore.
pub type RestoreDryRunJob = Job<RestoreDryRunStats>;

/// Starts to find out what a restore would do, on the current tokio runtime. Everything is checked
/// that [`start`] checks before it writes, and nothing is written.
/// [`RestoreDryRunStats::found`] has the result when the job has ended well.
#[must_use]
pub fn dry_run(config: RestoreConfig) -> RestoreDryRunJob {
    let stores = config.source.stores().to_vec();
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        dry_run::run(config, stats, cancel)
    })
}

/// Starts a validation: every file is decoded to its end, without a cluster. `report` gets the
/// result of each file as soon as it is known.
#[must_use]
pub fn validate(
    config: ValidateConfig,
    report: impl FnMut(FileReport) + Send + 'static,
) -> RestoreJob {
    let stores = config.source.stores().to_vec();
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        validate::run(config, stats, cancel, report)
    })
}
