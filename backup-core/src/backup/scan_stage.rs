//! The scan stage: records become text in a chunk; full chunks go to the write stage.

use super::{
    ledger::Span,
    memory::Share,
    verify::Lives,
    write_stage::{Input, WriterGone},
};
use crate::{
    convert::wire_to_asb,
    error::Error,
    fingerprint::{Fingerprint, Fingerprinter},
    limits::Limiter,
    load::Stage,
    stats::{BackupStats, millis},
};
use aerospike_wire::{digest::PartitionId, scan::ScanRecord};
use asb_format::Encoder;
use backup_cluster::scan::{Grant, RecordSink};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// Names of sets that the server keeps for itself: transaction monitors are no data.
const INTERNAL_SETS: &[u8] = b"<ERO~";

/// Whether a record belongs into a backup.
#[inline]
pub(super) fn is_data(record: &ScanRecord<'_>) -> bool {
    !record.set.is_some_and(|set| set.starts_with(INTERNAL_SETS))
}

/// A piece of a data file: whole records, never a part of one.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) text: Vec<u8>,
    pub(super) records: u64,
    /// How far it brings the partitions that are in it, in the order of the records.
    pub(super) spans: Vec<Span>,
    /// Partitions of which nothing comes after it.
    pub(super) done: Vec<PartitionId>,
    /// Generations and times of expiry of its records.
    pub(super) lives: Lives,
    /// The memory that a large record in it has taken.
    grant: Option<Grant>,
    /// Text for which it has room without one, in bytes.
    room: usize,
}

/// Shrinks a buffer that is empty again to `room` bytes. It is not dropped: glibc takes a large piece
/// that is freed for a sign that it should keep such pieces from then on, in each thread.
pub(super) fn give_back(text: &mut Vec<u8>, room: usize) {
    text.shrink_to(room);
}

impl Chunk {
    fn with_room(room: usize) -> Self {
        let text = Vec::with_capacity(room);
        Self {
            text,
            room,
            ..Self::default()
        }
    }

    /// Empties it and keeps its memory, but for what a large record took: that is free again.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        if let Some(grant) = self.grant.take() {
            give_back(&mut self.text, self.room);
            drop(grant);
        }
        self.records = 0;
        self.lives = Lives::default();
        self.spans.clear();
        self.done.clear();
    }

    fn is_empty(&self) -> bool {
        self.records == 0 && self.done.is_empty()
    }

    /// Counts a record whose text was appended.
    #[inline]
    pub(super) fn count(&mut self, record: &ScanRecord<'_>, fingerprint: Fingerprint) {
        self.records += 1;
        self.lives.add(record.generation, record.void_time);
        match self.spans.last_mut() {
            Some(span) if span.last.partition() == record.digest.partition() => {
                span.last = record.digest;
                span.records += 1;
                span.fingerprint = span.fingerprint.plus(fingerprint);
            }
            _ => self.spans.push(Span {
                last: record.digest,
                records: 1,
                fingerprint,
            }),
        }
    }
}

/// Encodes the records of one scan into chunks.
#[derive(Debug)]
pub(super) struct ChunkSink {
    encoder: Encoder,
    /// `None` where nobody wants to know.
    fingerprinter: Option<Fingerprinter>,
    chunk: Chunk,
    writer: Input,
    stats: Arc<BackupStats>,
    /// Text at which a chunk is full, and how far it may grow until that is seen.
    share: Share,
    /// Time after which a chunk is handed over although it is not full.
    max_age: Option<Duration>,
    /// Records a second, of all scans, and what ends waiting for them.
    limit: Option<(Arc<Limiter>, CancellationToken)>,
    /// Records in the chunk that the limit knows of.
    taken: u64,
    /// When the last one was handed over.
    last: Instant,
    worker: Worker,
}

/// What a scan is at, for the load of the stages.
#[derive(Debug)]
struct Worker {
    stats: Arc<BackupStats>,
    at: At,
}

/// Where the time of a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Reading,
    Encoding,
    /// Waiting for a writer or a limit.
    Waiting,
}

impl Worker {
    fn turn_to(&mut self, to: At) {
        let load = &self.stats.load;
        let stage = |at| match at {
            At::Reading => Some(&load.read),
            At::Encoding => Some(&load.encode),
            At::Waiting => None,
        };
        stage(self.at).into_iter().for_each(Stage::leave);
        stage(to).into_iter().for_each(Stage::enter);
        self.at = to;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.turn_to(At::Waiting);
    }
}

impl ChunkSink {
    pub(super) fn new(
        encoder: Encoder,
        fingerprinter: Option<Fingerprinter>,
        writer: Input,
        share: Share,
        max_age: Option<Duration>,
        limit: Option<(Arc<Limiter>, CancellationToken)>,
        stats: Arc<BackupStats>,
    ) -> Self {
        let mut worker = Worker {
            stats: Arc::clone(&stats),
            at: At::Waiting,
        };
        worker.turn_to(At::Reading);
        Self {
            encoder,
            fingerprinter,
            chunk: Chunk::with_room(share.chunk_room()),
            writer,
            stats,
            share,
            max_age,
            limit,
            taken: 0,
            last: Instant::now(),
            worker,
        }
    }

    /// Makes room for more, as far as that is needed.
    async fn make_room(&mut self) -> Result<(), Error> {
        if let Some((limit, stop)) = &self.limit {
            let fresh = self.chunk.records.saturating_sub(self.taken);
            self.taken = self.chunk.records;
            let waited = limit.wait(fresh, stop).await;
            self.stats.throttled_ms.add(millis(waited));
        }
        // A chunk with a grant does not wait for more: somebody may wait for the grant.
        if self.chunk.text.len() >= self.share.chunk_bytes || self.chunk.grant.is_some() {
            return self.pass_on().await;
        }
        match self.max_age {
            Some(age) if self.last.elapsed() >= age => self.flush().await,
            _ => Ok(()),
        }
    }

    /// Hands over what is left, and says that nothing more comes.
    pub(super) async fn finish(mut self) -> Result<(), Error> {
        self.worker.turn_to(At::Waiting);
        self.flush().await?;
        self.writer
            .finish()
            .await
            .map_err(|WriterGone| Error::Cancelled)
    }

    /// Hands over what is left of a scan that was stopped.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.pass_on().await
    }

    async fn pass_on(&mut self) -> Result<(), Error> {
        let records = self.chunk.records;
        let mut chunk = std::mem::take(&mut self.chunk);
        if let Some(grant) = &mut chunk.grant {
            grant.keep(chunk.text.len()); // the read buffer has given its part back
        }
        let next = self
            .writer
            .pass_on(chunk)
            .await
            .map_err(|WriterGone| Error::Cancelled)?;
        self.chunk = next;
        self.chunk.room = self.share.chunk_room();
        self.chunk.text.reserve_exact(self.chunk.room);
        self.taken = 0;
        self.last = Instant::now();
        self.stats.records_read.add(records);
        Ok(())
    }
}

impl RecordSink for ChunkSink {
    type Error = Error;

    /// The filter leaves the monitors out already; this is for whatever else may come.
    #[inline]
    fn wants(&self, record: &ScanRecord<'_>) -> bool {
        is_data(record)
    }

    #[inline]
    fn record(&mut self, record: &ScanRecord<'_>) -> Result<(), Error> {
        let text = &mut self.chunk.text;
        let fingerprint = match &mut self.fingerprinter {
            Some(by) => wire_to_asb::encode_with_fingerprint(&self.encoder, record, text, by)?,
            None => {
                wire_to_asb::encode(&self.encoder, record, text)?;
                Fingerprint::default()
            }
        };
        self.chunk.count(record, fingerprint);
        Ok(())
    }

    fn partition_done(&mut self, partition: PartitionId) {
        self.chunk.done.push(partition);
    }

    fn granted(&mut self, grant: Grant) {
        self.chunk.grant = Some(grant);
    }

    fn arrived(&mut self) {
        self.worker.turn_to(At::Encoding);
    }

    async fn ready(&mut self) -> Result<(), Error> {
        self.worker.turn_to(At::Waiting);
        let room = self.make_room().await;
        self.worker.turn_to(At::Reading);
        room
    }
}
