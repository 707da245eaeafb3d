//! Grouping rows into batches, one for each node.

use super::RestoreConfig;
use crate::convert::asb_to_wire::{self, RowStyle};
use aerospike_wire::{batch::BatchBuilder, digest::Digest};
use asb_format::Record;
use backup_cluster::{map::PartitionMap, view::Node};
use std::sync::Arc;

/// A batch on its way to a node.
#[derive(Debug)]
pub(super) struct Batch {
    /// The node that owns most of its rows; a row may have moved since.
    pub(super) node: Node,
    /// The frame. Taken while it is being written.
    pub(super) rows: BatchBuilder,
    /// What each row was in `file`.
    pub(super) origins: Vec<Origin>,
    /// The file, for messages.
    pub(super) file: Arc<str>,
}

/// What a record was in its file, as far as its row does not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// Where it begins.
    pub(super) offset: u64,
    /// Its void-time; 0 = never expires.
    pub(super) void_time: u32,
    /// Its generation.
    pub(super) generation: u16,
}

/// Memory of a batch, empty, to be filled again.
pub(super) type Spare = (BatchBuilder, Vec<Origin>);

/// The batches that a decoder is filling.
#[derive(Debug)]
pub(super) struct Router {
    map: Arc<PartitionMap>,
    /// By index of the node in the map.
    open: Vec<Option<Spare>>,
    file: Arc<str>,
    rows_limit: usize,
    bytes_limit: usize,
}

impl Router {
    pub(super) fn new(map: Arc<PartitionMap>, config: &RestoreConfig) -> Self {
        let mut router = Self {
            map: Arc::clone(&map),
            open: Vec::new(),
            file: "".into(),
            rows_limit: config.rows_limit(),
            bytes_limit: config.batch_bytes,
        };
        router.use_map(map);
        router
    }

    /// Adds a record and returns the batch that it filled, if it did.
    pub(super) fn add(
        &mut self,
        record: &Record<'_>,
        ttl: u32,
        style: &RowStyle,
        offset: u64,
        spare: impl FnOnce() -> Spare,
    ) -> Option<Batch> {
        // A partition without an owner goes to any node: nodes pass rows on.
        let owner = self
            .map
            .master_of(&Digest(record.digest))
            .unwrap_or_default();
        let slot = self.open.get_mut(owner)?;
        let (rows, origins) = slot.get_or_insert_with(spare);
        asb_to_wire::add_row(rows, record, ttl, style);
        origins.push(Origin {
            offset,
            void_time: record.void_time,
            generation: record.generation,
        });
        let is_full = rows.rows() >= self.rows_limit || rows.len_bytes() >= self.bytes_limit;
        if is_full { self.close(owner) } else { None }
    }

    /// Begins with another file. All batches must have been [taken](Self::take_all) before.
    pub(super) fn start_file(&mut self, file: &Arc<str>) {
        self.file = Arc::clone(file);
    }

    /// Whether `map` is newer than the one in use.
    pub(super) fn is_outdated(&self, map: &Arc<PartitionMap>) -> bool {
        !Arc::ptr_eq(&self.map, map)
    }

    /// Goes on with another map. All batches must have been [taken](Self::take_all) before.
    pub(super) fn use_map(&mut self, map: Arc<PartitionMap>) {
        self.open = map.nodes().iter().map(|_| None).collect();
        self.map = map;
    }

    /// The batches that are not full.
    pub(super) fn take_all(&mut self) -> Vec<Batch> {
        (0..self.open.len())
            .filter_map(|owner| self.close(owner))
            .collect()
    }

    fn close(&mut self, owner: usize) -> Option<Batch> {
        let (rows, origins) = self.open.get_mut(owner)?.take()?;
        let node = self.map.nodes().get(owner)?.clone();
        Some(Batch {
            node,
            rows,
            origins,
            file: Arc::clone(&self.file),
        })
    }
}
