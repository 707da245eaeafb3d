//! The manifest of a backup, from what its journal holds (`files-and-state.md` §5.2).

use super::{
    BackupConfig,
    journal::Journal,
    state::{self, State},
};
use crate::{
    TOOL,
    fingerprint::{PartitionSum, PartitionTable},
    manifest::{FileEntry, FileHash, Hash, Manifest, Server, Status, Totals, Window},
};
use aerospike_wire::digest::PartitionId;
use backup_cluster::view::{self, ClusterView};
use std::collections::BTreeSet;

/// What the cluster has told at the end of a run.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) server: Server,
    /// For [`Window::clock_skew_ns`].
    pub(super) clock_skew_ns: Option<u64>,
    /// The time that the set stands for, if that is not the time of this run.
    pub(super) window: Option<Window>,
    /// What was read is not all that there was.
    pub(super) is_part: bool,
}

/// What the cluster says about itself. Nothing of it is needed to restore, so a node that does
/// not answer is no failure.
pub(super) async fn server(view: &dyn ClusterView) -> Server {
    let mut builds = BTreeSet::new();
    for node in view.nodes() {
        builds.extend(view::ask(view, &node.name, "build").await.ok());
    }
    Server {
        builds: builds.into_iter().collect(),
        cluster: cluster_name(view).await,
    }
}

/// The name of the cluster, if it has one and a node tells it.
pub(super) async fn cluster_name(view: &dyn ClusterView) -> Option<String> {
    for node in view.nodes() {
        if let Ok(name) = view::ask(view, &node.name, "cluster-name").await {
            return Some(name).filter(|name| !name.is_empty() && name != "null");
        }
    }
    None
}

fn nanoseconds(time: Option<i64>) -> Option<u64> {
    time.and_then(|time| u64::try_from(time).ok())
}

/// The manifest of a run whose files are all complete.
pub(super) fn manifest(
    config: &BackupConfig,
    head: &State,
    seen: Seen,
    journal: &Journal,
    scan_end_ns: u64,
) -> Manifest {
    let globals = journal.globals().unwrap_or_default();
    let files = journal.files().into_iter().map(|file| {
        let hash = FileHash {
            bytes: file.bytes,
            whole: file.hash.unwrap_or(Hash([0; 32])),
            blocks: file.blocks,
        };
        FileEntry::new(file.name, hash, file.plain_bytes, file.records)
    });
    let mut partitions = PartitionTable::new();
    for (id, position) in journal.ledger().iter() {
        let Some(id) = PartitionId::new(id) else {
            continue;
        };
        partitions.mark_read(id);
        partitions.add_sum(
            id,
            PartitionSum {
                records: position.records,
                fingerprint: position.fingerprint,
            },
        );
    }
    let shard = config.shard();
    let is_part = seen.is_part || config.selection.max_records > 0 || shard.is_some();
    let selecting = state::selecting(&head.arguments);
    let selection = match shard {
        Some(_) => state::shared(&selecting),
        None => selecting,
    };
    Manifest {
        run: head.run.clone(),
        status: if is_part {
            Status::Partial
        } else {
            Status::Complete
        },
        shard,
        divided: head.divided.clone(),
        tool: TOOL.to_owned(),
        server: seen.server,
        namespace: config.namespace.clone(),
        selection,
        window: seen.window.unwrap_or_else(|| Window {
            scan_start_ns: head.started_ms.saturating_mul(1_000_000),
            scan_end_ns,
            modified_after_ns: nanoseconds(config.selection.modified_after),
            modified_before_ns: nanoseconds(config.selection.modified_before),
            clock_skew_ns: seen.clock_skew_ns,
        }),
        parent: None, // whoever has one sets it
        envelope: config.wrap.envelope(),
        files: files.collect(),
        partitions,
        indexes: globals.indexes,
        udfs: globals.udfs,
        left_out: globals.left_out,
        totals: Totals::default(), // encoding sums up
        annotations: config.annotations.clone(),
    }
}
