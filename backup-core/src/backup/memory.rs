//! How much memory the workers of a run take (ARCHITECTURE.md, "Memory").
//!
//! What comes in usual sizes is divided beforehand: more workers have smaller buffers. Larger records
//! are granted out of a [`Budget`](backup_cluster::scan::Budget). What a store holds of its own for each
//! upload comes on top; one that collects parts has to say how large they are.

use super::BackupConfig;

/// Read buffers of all workers together, in bytes.
const READ_BYTES: usize = 2 << 20;

/// Text of all workers together at which it is handed over, in bytes: a chunk of each.
const CHUNK_BYTES: usize = 1 << 20;

/// A worker has no smaller read buffer than this, however many there are.
const LEAST_READ_BYTES: usize = 16 << 10;

/// Nor smaller chunks.
const LEAST_CHUNK_BYTES: usize = 8 << 10;

/// What each of the workers of a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Size of the read buffer in bytes.
    pub(super) read_buffer: usize,
    /// Text at which a chunk is handed over, in bytes.
    pub(super) chunk_bytes: usize,
}

impl Share {
    /// With so many workers. The read buffer is not larger than that of `config`, and chunks are as
    /// large as asked for there.
    pub(super) fn of(config: &BackupConfig, workers: usize) -> Self {
        let divided = |all: usize, least: usize| (all / workers.max(2)).max(least);
        Self {
            read_buffer: config
                .socket
                .read_buffer
                .min(divided(READ_BYTES, LEAST_READ_BYTES)),
            chunk_bytes: config
                .chunk_bytes
                .unwrap_or_else(|| divided(CHUNK_BYTES, LEAST_CHUNK_BYTES)),
        }
    }

    /// The text that a chunk may have when it is handed over, in bytes: what it had before the last
    /// read, and what that brought, which is up to half as long again as it was in the buffer.
    pub(super) const fn chunk_room(self) -> usize {
        let brought = self.read_buffer.saturating_add(self.read_buffer / 2);
        self.chunk_bytes.saturating_add(brought)
    }
}
