//! Records of random partitions, encoded and compressed as the backup would.

use super::{
    count::Counted,
    figures::{Sample, Spread},
    pack::Packer,
    subject::Subject,
};
use crate::{
    backup::{
        memory::Share,
        run::encoder,
        scan_stage::{give_back, is_data},
    },
    convert::wire_to_asb,
    error::Error,
    handle::off_runtime,
};
use aerospike_wire::{digest::PARTITIONS, scan::ScanRecord};
use asb_format::Encoder;
use backup_cluster::scan::{
    Grant, PartitionCursor, RecordLimit, RecordSink, ScanError, ScanOptions, scan,
};
use std::sync::Arc;

/// What was read, and where it lies.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) sample: Sample,
    /// Bytes of text by partition.
    bytes: Vec<u64>,
}

impl Sampled {
    /// Bytes of text in these partitions.
    pub(super) fn bytes_in(&self, cursors: &[PartitionCursor]) -> u64 {
        let bytes = |cursor: &PartitionCursor| self.bytes.get(usize::from(cursor.partition()));
        cursors.iter().filter_map(bytes).sum()
    }
}

impl Subject<'_> {
    /// Reads partitions in random order until there are so many records.
    ///
    /// As many partitions are read at a time as should bring what is missing. Which records a
    /// partition has is decided by hashes, so it makes no difference where in it reading stops;
    /// which records answer first may depend on their sizes, so what is asked for is read to its
    /// end unless it is far more than was expected.
    pub(super) async fn sample(&mut self, wanted: u64, counted: Counted) -> Result<Sampled, Error> {
        let mut cursors = if self.config.no_records {
            Vec::new()
        } else {
            self.shuffled()
        };
        let partitions = cursors.len();
        let per_partition = counted.count.per_partition(partitions);
        let expected = counted.count.whole();
        self.stats.samples_expected.add(wanted.min(expected));
        let mut sink = SampleSink::new(self, expected)?;
        let mut rest = cursors.as_mut_slice();
        let mut affordable = counted.partitions;
        let mut is_whole = true;
        while is_whole && !rest.is_empty() && affordable > 0 && sink.sizes.count() < wanted {
            let missing = wanted - sink.sizes.count();
            let batch = batch(missing, per_partition)
                .min(affordable)
                .min(rest.len());
            let (now, later) = rest.split_at_mut(batch);
            let limit = Arc::new(RecordLimit::new(missing.saturating_mul(4).max(wanted)));
            self.read(now, Arc::clone(&limit), &mut sink).await?;
            is_whole = limit.left() > 0;
            affordable -= batch;
            rest = later;
        }
        let is_census = rest.is_empty() && is_whole;
        sink.finish(is_census).await
    }

    async fn read(
        &self,
        cursors: &mut [PartitionCursor],
        limit: Arc<RecordLimit>,
        sink: &mut SampleSink<'_>,
    ) -> Result<(), Error> {
        let options = ScanOptions {
            limit: Some(limit),
            ..self.options.clone()
        };
        match scan(self.view, &options, cursors, sink, self.cancel).await {
            Ok(done) => {
                self.stats.retries.add(u64::from(done.retries));
                Ok(())
            }
            Err(ScanError::Cluster(error)) => Err(error.into()),
            Err(ScanError::Sink(error)) => Err(error),
        }
    }
}

/// Partitions that should bring so many records.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a guess, at most as large as there are partitions"
)]
fn batch(missing: u64, per_partition: f64) -> usize {
    let all = f64::from(PARTITIONS);
    let batch = missing as f64 / per_partition.max(f64::MIN_POSITIVE);
    batch.ceil().clamp(1.0, all) as usize
}

/// Measures the records of a sample.
struct SampleSink<'a> {
    encoder: Encoder,
    sizes: Spread,
    bytes: Vec<u64>,
    text: Vec<u8>,
    /// The memory that a large record in it has taken.
    grant: Option<Grant>,
    /// Length at which it is packed, as in a real run.
    chunk_bytes: usize,
    /// `None` without compression, and while a chunk is being compressed.
    packer: Option<Packer>,
    /// Records that the statistics do not know of.
    fresh: u64,
    stats: &'a super::EstimateStats,
}

impl<'a> SampleSink<'a> {
    /// A sink for a backup of about so many records.
    fn new(subject: &Subject<'a>, records: u64) -> Result<Self, Error> {
        Ok(Self {
            encoder: encoder(subject.config),
            sizes: Spread::default(),
            bytes: vec![0; usize::from(PARTITIONS)],
            text: Vec::new(),
            grant: None,
            chunk_bytes: Share::of(subject.config, subject.config.workers()).chunk_bytes,
            packer: Packer::new(subject.config, records, subject.writers())?,
            fresh: 0,
            stats: subject.stats,
        })
    }

    /// Compresses the chunk, where that may take its time.
    async fn pack(&mut self) -> Result<(), Error> {
        let Some(mut packer) = self.packer.take() else {
            self.text.clear();
            return Ok(());
        };
        let (mut text, sizes) = (std::mem::take(&mut self.text), self.sizes);
        let packed = off_runtime(move || {
            packer.add(&text, &sizes)?;
            text.clear();
            Ok((packer, text))
        });
        let (packer, text) = packed.await?;
        (self.packer, self.text) = (Some(packer), text);
        Ok(())
    }

    async fn finish(mut self, is_census: bool) -> Result<Sampled, Error> {
        self.pack().await?;
        self.stats.records_sampled.add(self.fresh);
        let ratio = self.packer.map_or(Ok(1.0), Packer::finish)?;
        Ok(Sampled {
            sample: Sample {
                sizes: self.sizes,
                ratio,
                is_census,
            },
            bytes: self.bytes,
        })
    }
}

impl RecordSink for SampleSink<'_> {
    type Error = Error;

    #[inline]
    fn wants(&self, record: &ScanRecord<'_>) -> bool {
        is_data(record)
    }

    fn record(&mut self, record: &ScanRecord<'_>) -> Result<(), Error> {
        let before = self.text.len();
        wire_to_asb::encode(&self.encoder, record, &mut self.text)?;
        let size = self.text.len().saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "a record has at most 8 MiB")]
        self.sizes.add(size as f64);
        if let Some(bytes) = self.bytes.get_mut(record.digest.partition().index()) {
            *bytes = bytes.saturating_add(size as u64);
        }
        self.fresh += 1;
        Ok(())
    }

    fn granted(&mut self, grant: Grant) {
        self.grant = Some(grant);
    }

    async fn ready(&mut self) -> Result<(), Error> {
        self.stats
            .records_sampled
            .add(std::mem::take(&mut self.fresh));
        if self.text.len() >= self.chunk_bytes || self.grant.is_some() {
            self.pack().await?;
        }
        if let Some(grant) = self.grant.take() {
            give_back(&mut self.text, self.chunk_bytes);
            drop(grant);
        }
        Ok(())
    }
}
