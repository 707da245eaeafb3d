//! What a restore would do, found out without writing anything: `--dry-run` (goal U4 of
//! `trust-and-ux.md`).
//!
//! The same code as in a real run lists the input, compares it with its manifests, looks at the
//! beginning of every file, connects, and looks ahead at indexes and modules. What would become of
//! each of these is asked of the cluster. *Not here:* texts for people.

use super::{
    RestoreConfig,
    chain::{self, Part},
    globals::{Fate, Global},
    input::InputFile,
    keeper::{self, Keeper},
    run::{list, prepare},
    share,
};
use crate::{
    error::Error,
    handle::off_runtime,
    planned::{self, PlannedNode},
    stats::{RestoreStats, SourceSet},
};
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// What a dry run of a restore has found, once it has ended well.
#[derive(Debug, Default)]
pub struct RestoreDryRunStats(OnceLock<RestoreDryRun>);

impl RestoreDryRunStats {
    /// What the restore would do, once it is known.
    #[must_use]
    pub fn found(&self) -> Option<&RestoreDryRun> {
        self.0.get()
    }

    pub(crate) fn set(&self, found: RestoreDryRun) {
        let _ = self.0.set(found); // nobody else sets it
    }
}

/// A file that would be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its path.
    pub file: String,
    /// Its size, where that is known.
    pub bytes: Option<u64>,
    /// Records in it by the manifest, if there is one.
    pub records: Option<u64>,
}

/// A secondary index or UDF module of the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedDefinition {
    /// `index` or `module`, and its name.
    pub what: String,
    /// What would become of it.
    pub fate: Fate,
}

/// What a restore would do.
#[derive(Debug, Clone, Default)]
pub struct RestoreDryRun {
    /// The sets that would be read, as far as they have manifests; a chain in order of time.
    pub sets: Vec<SourceSet>,
    /// The files in the order in which they are begun.
    pub files: Vec<PlannedFile>,
    /// Names and addresses of the nodes, and the partitions that each is master of.
    pub nodes: Vec<PlannedNode>,
    /// Indexes and modules at the beginning of files; none of a stream, which is read only once.
    pub definitions: Vec<PlannedDefinition>,
    /// Records are written one by one: a node is too old for batches, or it was asked for.
    pub single_writes: bool,
}

impl RestoreDryRun {
    /// Bytes of all files; `None` where that of any is not known.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Records in all files by their manifests; `None` where any is in none.
    #[must_use]
    pub fn records(&self) -> Option<u64> {
        self.files.iter().map(|file| file.records).sum()
    }
}

pub(super) async fn run(
    config: RestoreConfig,
    stats: Arc<RestoreDryRunStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    tokio::select! {
        found = find(config) => {
            stats.set(found?);
            Ok(())
        }
        () = cancel.cancelled() => Err(Error::Cancelled),
    }
}

/// What a restore by `config` would do.
pub(crate) async fn find(config: RestoreConfig) -> Result<RestoreDryRun, Error> {
    share::check(&config)?;
    keeper::check(&config)?;
    let input = list(&config).await?;
    let looked = config.clone();
    let (input, config) = off_runtime(move || {
        if let Some(options) = &looked.state {
            Keeper::look(options, &looked, &input)?;
        }
        if let Some(rejects) = &looked.rejects {
            rejects.check_free()?;
        }
        Ok((input, looked))
    })
    .await?;
    let config = RestoreConfig {
        warm_up: 0,
        ..config
    };
    let prepared = prepare(config, &Arc::new(RestoreStats::default()), None).await?;
    input.tell();
    let namespace = prepared.config().target_namespace();
    let mut found = RestoreDryRun {
        sets: input.sources.clone(),
        nodes: planned::nodes(prepared.view(), namespace, |_| true).await?,
        single_writes: prepared.config().single_writes,
        ..RestoreDryRun::default()
    };
    let links = input.into_links().into_iter();
    let parts: Vec<Part> = links
        .map(|(link, input)| chain::part(prepared.config(), link, input))
        .collect();
    let files = parts.iter().flat_map(|part| &part.input.files);
    found.files = files.map(planned).collect();
    let (_, definitions) = prepared.look_ahead(parts).await?;
    for global in &definitions {
        let (what, fate) = (Global::shown(global), prepared.foresee(global).await?);
        found.definitions.push(PlannedDefinition { what, fate });
    }
    Ok(found)
}

fn planned(file: &InputFile) -> PlannedFile {
    PlannedFile {
        file: file.shown.to_string(),
        bytes: file.size(),
        records: file.records(),
    }
}
