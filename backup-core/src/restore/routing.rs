//! Grouping rows into batches, one for each node.

use super::{
    RestoreConfig,
    progress::{self, Interval, Part},
};
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
    /// The intervals that the rows are of, in order; none where nobody wants to know.
    pub(super) parts: Vec<Part>,
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
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) rows: BatchBuilder,
    pub(super) origins: Vec<Origin>,
    pub(super) parts: Vec<Part>,
}

/// What a row is on the wire, beside its record.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowContext<'a> {
    /// The record's TTL.
    pub(super) ttl: u32,
    pub(super) style: &'a RowStyle,
    /// Where the record begins in its file.
    pub(super) offset: u64,
    /// The interval that it is of.
    pub(super) interval: Option<&'a Arc<Interval>>,
}

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
        context: RowContext<'_>,
        spare: impl FnOnce() -> Spare,
    ) -> Option<Batch> {
        // A partition without an owner goes to any node: nodes pass rows on.
        let owner = self
            .map
            .master_of(&Digest(record.digest))
            .unwrap_or_default();
        let slot = self.open.get_mut(owner)?;
        let open = slot.get_or_insert_with(spare);
        asb_to_wire::add_row(&mut open.rows, record, context.ttl, context.style);
        if let Some(interval) = context.interval {
            progress::add_row(&mut open.parts, interval);
        }
        open.origins.push(Origin {
            offset: context.offset,
            void_time: record.void_time,
            generation: record.generation,
        });
        let rows = &open.rows;
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
        let Spare {
            rows,
            origins,
            parts,
        } = self.open.get_mut(owner)?.take()?;
        let node = self.map.nodes().get(owner)?.clone();
        Some(Batch {
            node,
            rows,
            origins,
            parts,
            file: Arc::clone(&self.file),
        })
    }
}
