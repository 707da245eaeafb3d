//! The scan stage: records become text in a chunk; full chunks go to the write stage.

use super::write_stage::{Input, WriterGone};
use crate::{convert::wire_to_asb, error::Error, stats::BackupStats};
use aerospike_wire::scan::ScanRecord;
use asb_format::Encoder;
use backup_cluster::scan::RecordSink;
use std::sync::Arc;

/// Text at which a chunk is full. It grows by at most what one read of the socket brings.
pub(super) const CHUNK_BYTES: usize = 512 << 10;

/// Names of sets that the server keeps for itself: transaction monitors are no data.
const INTERNAL_SETS: &[u8] = b"<ERO~";

/// A piece of a data file: whole records, never a part of one.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) text: Vec<u8>,
    pub(super) records: u64,
}

/// Encodes the records of one scan into chunks.
#[derive(Debug)]
pub(super) struct ChunkSink {
    encoder: Encoder,
    chunk: Chunk,
    writer: Input,
    stats: Arc<BackupStats>,
}

impl ChunkSink {
    pub(super) fn new(encoder: Encoder, writer: Input, stats: Arc<BackupStats>) -> Self {
        Self {
            encoder,
            chunk: Chunk::default(),
            writer,
            stats,
        }
    }

    /// Hands over what is left, and says that nothing more comes.
    pub(super) async fn finish(mut self) -> Result<(), Error> {
        if self.chunk.records > 0 {
            self.pass_on().await?;
        }
        self.writer
            .finish()
            .await
            .map_err(|WriterGone| Error::Cancelled)
    }

    async fn pass_on(&mut self) -> Result<(), Error> {
        let records = self.chunk.records;
        let chunk = std::mem::take(&mut self.chunk);
        let next = self
            .writer
            .pass_on(chunk)
            .await
            .map_err(|WriterGone| Error::Cancelled)?;
        self.chunk = next;
        self.stats.records_read.add(records);
        Ok(())
    }
}

impl RecordSink for ChunkSink {
    type Error = Error;

    #[inline]
    fn record(&mut self, record: &ScanRecord<'_>) -> Result<(), Error> {
        if record.set.is_some_and(|set| set.starts_with(INTERNAL_SETS)) {
            return Ok(());
        }
        wire_to_asb::encode(&self.encoder, record, &mut self.chunk.text)?;
        self.chunk.records += 1;
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Error> {
        if self.chunk.text.len() >= CHUNK_BYTES {
            self.pass_on().await?;
        }
        Ok(())
    }
}
