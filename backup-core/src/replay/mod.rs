//! Restore of what XDR has shipped (ASBX): stored messages are written again, in their order
//! (`asbx-binary.md` §2.2, §3.2).
//!
//! ```text
//! one reader thread per sequence of files ─► runs of messages, policy put in
//!      ─► one task per sequence ─► nodes, each record's messages in order ─► outcomes
//! ```
//!
//! It is a job beside [`restore`](crate::restore) because nothing of a message is decoded: neither
//! namespace nor set, bins or time of life can be changed on the way. Sequences do not depend on
//! each other; in one of them everything follows in order, so that the last version of a record
//! wins.

pub(crate) mod content;
pub(crate) mod file;
pub(crate) mod input;
mod outcome;
mod reader;
mod run;
mod validate;

pub use asbx_format::payload::{ExistsPolicy, GenerationPolicy, WritePolicy};

use crate::{
    error::Error,
    handle::Job,
    restore::{
        Existing, FileReport, RestoreConfig, RestoreDryRunJob, RestoreDryRunStats, RestoreJob,
        RestoreSource, Unwrap, ValidateConfig,
    },
};
use backup_storage::{ErrorKind, Store};
use std::sync::Arc;

/// A restore of ASBX files, and of the ASB files beside them.
#[derive(Debug, Clone)]
pub struct ReplayConfig {
    /// The restore of the ASB files, which hold indexes and modules; it comes first. Of its fields
    /// these count for ASBX files, too: how to reach the cluster, namespace, source, how the files
    /// are wrapped, trust, how many sequences are read at a time, whether records are left out, and
    /// how a write is waited for and tried again.
    pub restore: RestoreConfig,
    /// Whether the ASB files are restored at all.
    pub with_metadata: bool,
    /// How messages are written (default: as `restore` says).
    pub policy: WritePolicy,
}

impl ReplayConfig {
    /// A restore of everything in the source of `restore`.
    #[must_use]
    pub fn new(restore: RestoreConfig) -> Self {
        let policy = WritePolicy {
            generation: match restore.policy.check_generation {
                true => GenerationPolicy::Greater,
                false => GenerationPolicy::None,
            },
            exists: match restore.policy.existing {
                Existing::Merge => ExistsPolicy::Update,
                Existing::Replace => ExistsPolicy::Replace,
                Existing::Keep => ExistsPolicy::CreateOnly,
            },
        };
        Self {
            restore,
            with_metadata: true,
            policy,
        }
    }
}

/// Starts a restore of ASBX files on the current tokio runtime. Each message counts as a record.
#[must_use]
pub fn start(config: ReplayConfig) -> RestoreJob {
    let stores = config.restore.source.stores().to_vec();
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        run::run(config, stats, cancel)
    })
}

/// Starts to find out what such a restore would do; see [`restore::dry_run`](crate::restore::dry_run).
#[must_use]
pub fn dry_run(config: ReplayConfig) -> RestoreDryRunJob {
    let stores = config.restore.source.stores().to_vec();
    Job::spawn(
        Arc::<RestoreDryRunStats>::default(),
        stores,
        |stats, cancel| async move {
            let found = tokio::select! {
                found = run::look(&config) => found?,
                () = cancel.cancelled() => return Err(Error::Cancelled),
            };
            stats.set(found);
            Ok(())
        },
    )
}

/// Starts a validation of ASBX files, and of the ASB files beside them: every file is read to its
/// end, without a cluster. `report` gets the result of each file as soon as it is known; messages
/// count as records.
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

/// How text files beside ASBX files may be wrapped.
fn with_plain_metadata(unwrap: &Unwrap) -> Unwrap {
    Unwrap {
        plain_metadata: true,
        ..unwrap.clone()
    }
}

/// Which kinds of data files a source holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Text, `*.asb`.
    pub asb: bool,
    /// What XDR has shipped, `*.asbx`.
    pub asbx: bool,
}

impl Kinds {
    /// What any part of `source` holds.
    ///
    /// # Errors
    /// What the storage says.
    pub fn of_source(source: &RestoreSource) -> Result<Self, Error> {
        let mut all = Self::default();
        for store in source.stores() {
            let one = Self::of(&**store)?;
            (all.asb, all.asbx) = (all.asb || one.asb, all.asbx || one.asbx);
        }
        Ok(all)
    }

    /// Looks at the names in `store`; a source that is not there holds nothing. A stream is text.
    ///
    /// # Errors
    /// What the storage says.
    pub fn of(store: &dyn Store) -> Result<Self, Error> {
        let names: Vec<String> = match store.single_name() {
            Some(name) => vec![name.to_owned()],
            None if !store.capabilities().named => Vec::new(),
            None => match store.list() {
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                entries => entries?.into_iter().map(|entry| entry.name).collect(),
            },
        };
        let any = |ending: &str| names.iter().any(|name| name.ends_with(ending));
        Ok(Self {
            asb: any(".asb"),
            asbx: any(".asbx"),
        })
    }
}
