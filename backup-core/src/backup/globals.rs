//! Indexes and UDF modules of the namespace, as text.

use super::{BackupConfig, state::WrittenGlobals};
use crate::{
    convert::index,
    error::Error,
    manifest::{Hash, IndexEntry, LeftOut, UdfEntry},
    stats::BackupStats,
};
use asb_format::{Encoder, Version};
use backup_cluster::{
    metadata::{Indexes, Metadata, UdfModule},
    view::ClusterView,
};

/// The global section of a backup, and the lowest version of a file that can hold it.
#[derive(Debug)]
pub(super) struct Globals {
    pub(super) text: Vec<u8>,
    pub(super) version: Version,
    /// What is in the text, and what is not.
    pub(super) written: WrittenGlobals,
}

/// Fetches what the configuration asks for.
pub(super) async fn fetch(
    view: &dyn ClusterView,
    config: &BackupConfig,
    stats: &BackupStats,
) -> Result<Globals, Error> {
    let metadata = Metadata::new(view);
    let mut globals = Globals {
        text: Vec::new(),
        version: Version::V3_1,
        written: WrittenGlobals::default(),
    };
    if !config.no_udfs {
        for module in metadata.udfs().await? {
            globals.add_module(&module);
        }
    }
    if !config.no_indexes {
        let build = metadata.build().await?;
        let indexes = metadata.indexes(&config.namespace, build).await?;
        globals.add_indexes(config, &indexes);
    }
    let written = &globals.written;
    stats.udfs_read.add(written.udfs.len() as u64);
    stats.indexes_read.add(written.indexes.len() as u64);
    stats.indexes_skipped.add(written.left_out.len() as u64);
    Ok(globals)
}

impl Globals {
    fn add_module(&mut self, module: &UdfModule) {
        Encoder::new().udf(&mut self.text, module.name.as_bytes(), &module.content);
        self.written.udfs.push(UdfEntry {
            name: module.name.clone(),
            blake3: Hash::of(&module.content),
        });
    }

    /// The indexes of the selection that a file of the highest version allowed can hold. The others are said and counted, and
    /// never end a backup.
    fn add_indexes(&mut self, config: &BackupConfig, indexes: &Indexes) {
        for unknown in &indexes.unknown {
            tracing::warn!(index = %unknown.name, reason = %unknown.reason, "index left out");
            self.leave_out(&unknown.name, &unknown.reason);
        }
        let mut known = Vec::with_capacity(indexes.known.len());
        for definition in &indexes.known {
            let name = definition.name();
            let Some(index) = index::to_asb(definition) else {
                tracing::warn!(index = %name, "index left out: its definition is no base64");
                self.leave_out(name, "its definition is no base64");
                continue;
            };
            let set = index.set.filter(|set| !set.is_empty());
            let (needed, most) = (index.required_version(), config.asb_version_max);
            if config.selection.covers_index_of(set) && needed > most {
                tracing::warn!(index = %name, "index left out: it needs version {needed} of the format");
                self.leave_out(name, &format!("it needs version {needed} of the format"));
            } else if config.selection.covers_index_of(set) {
                known.push((name, index));
            } else {
                tracing::info!(index = %name, "index left out: of another set");
                self.leave_out(name, "it is of a set that was not selected");
            }
        }
        self.version = Version::required_for(known.iter().map(|(_, index)| index));
        for (name, index) in known {
            let start = self.text.len();
            Encoder::new().index(&mut self.text, &index);
            let line = self.text.get(start..).unwrap_or_default();
            self.written.indexes.push(IndexEntry {
                name: name.to_owned(),
                definition: String::from_utf8_lossy(line).trim_end().to_owned(),
            });
        }
    }

    fn leave_out(&mut self, name: &str, reason: &str) {
        self.written.left_out.push(LeftOut {
            name: name.to_owned(),
            reason: reason.to_owned(),
        });
    }
}
