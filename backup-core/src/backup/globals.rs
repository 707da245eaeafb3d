//! Indexes and UDF modules of the namespace, as text.

use super::{BackupConfig, state::GlobalCounts};
use crate::{convert::index, error::Error, stats::BackupStats};
use asb_format::{Encoder, IndexDef, Version};
use backup_cluster::{
    metadata::{Indexes, Metadata},
    view::ClusterView,
};

/// The global section of a backup, and the lowest version of a file that can hold it.
#[derive(Debug)]
pub(super) struct Globals {
    pub(super) text: Vec<u8>,
    pub(super) version: Version,
    pub(super) counts: GlobalCounts,
}

/// Fetches what the configuration asks for.
pub(super) async fn fetch(
    view: &dyn ClusterView,
    config: &BackupConfig,
    stats: &BackupStats,
) -> Result<Globals, Error> {
    let metadata = Metadata::new(view);
    let encoder = Encoder::new();
    let mut text = Vec::new();
    if !config.no_udfs {
        for module in metadata.udfs().await? {
            encoder.udf(&mut text, module.name.as_bytes(), &module.content);
            stats.udfs_read.add(1);
        }
    }
    let mut version = Version::V3_1;
    if !config.no_indexes {
        let build = metadata.build().await?;
        let indexes = metadata.indexes(&config.namespace, build).await?;
        let known = known(config, &indexes, stats);
        version = Version::required_for(&known);
        for index in &known {
            encoder.index(&mut text, index);
            stats.indexes_read.add(1);
        }
    }
    let counts = GlobalCounts {
        indexes: stats.indexes_read.get(),
        indexes_skipped: stats.indexes_skipped.get(),
        udfs: stats.udfs_read.get(),
    };
    Ok(Globals {
        text,
        version,
        counts,
    })
}

/// The indexes of the selection that a file can hold. The others are said and counted, and never
/// end a backup.
fn known<'a>(
    config: &BackupConfig,
    indexes: &'a Indexes,
    stats: &BackupStats,
) -> Vec<IndexDef<'a>> {
    for unknown in &indexes.unknown {
        tracing::warn!(index = %unknown.name, reason = %unknown.reason, "index left out");
        stats.indexes_skipped.add(1);
    }
    let mut known = Vec::with_capacity(indexes.known.len());
    for definition in &indexes.known {
        if let Some(index) = index::to_asb(definition) {
            let set = index.set.filter(|set| !set.is_empty());
            if config.selection.covers_index_of(set) {
                known.push(index);
            } else {
                tracing::info!(index = %definition.name(), "index left out: of another set");
                stats.indexes_skipped.add(1);
            }
        } else {
            let name = definition.name();
            tracing::warn!(index = %name, "index left out: its definition is no base64");
            stats.indexes_skipped.add(1);
        }
    }
    known
}
