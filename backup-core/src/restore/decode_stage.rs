//! The decode stage: OS threads take files from a queue, decode records in place and put them
//! into batches.

use super::{
    RestoreConfig,
    files::Files,
    filter::{Fate, Filter},
    globals::{Global, Globals},
    held::Held,
    input::InputFile,
    preview,
    progress::{Interval, Tally},
    reader::{OpenFile, Place, Reader, Sink},
    routing::{Batch, Router, RowContext, Spare},
    write_stage::Failure,
};
use crate::{
    convert::index,
    error::Error,
    limits::Limiter,
    stats::{RestoreStats, millis},
};
use aerospike_wire::{batch::BatchBuilder, digest::Digest};
use asb_format::{Checkpoint, Index, Item, Record, Udf};
use backup_cluster::batch_write::BatchWriter;
use std::{sync::Arc, thread};
use tokio::{runtime::Handle, sync::oneshot};

/// What the decoders share.
#[derive(Debug)]
pub(super) struct DecodeStage {
    pub(super) config: RestoreConfig,
    pub(super) filter: Filter,
    pub(super) limiter: Option<Limiter>,
    pub(super) files: Files,
    pub(super) writer: Arc<BatchWriter>,
    pub(super) globals: Arc<Globals>,
    /// Where globals wait for the last record, if they do.
    pub(super) held: Option<Arc<Held>>,
    pub(super) batches: flume::Sender<Batch>,
    pub(super) spares: flume::Receiver<Spare>,
    pub(super) failure: Failure,
    pub(super) stats: Arc<RestoreStats>,
    pub(super) runtime: Handle,
}

impl DecodeStage {
    /// Starts `threads` decoders; the receiver of each gets a message when it has ended.
    pub(super) fn start(self, threads: usize) -> Result<Vec<oneshot::Receiver<()>>, Error> {
        let stage = Arc::new(self);
        (0..threads)
            .map(|number| {
                let (ended, end) = oneshot::channel();
                let stage = Arc::clone(&stage);
                thread::Builder::new()
                    .name(format!("decode-{number}"))
                    .spawn(move || {
                        if let Err(error) = stage.work() {
                            stage.failure.set(error);
                        }
                        drop(stage);
                        let _ = ended.send(());
                    })
                    .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
                Ok(end)
            })
            .collect()
    }

    fn work(&self) -> Result<(), Error> {
        let _closing = self.files.closing();
        let mut reader = Reader::default();
        let mut router = Router::new(self.writer.map(), &self.config);
        while let Some(open) = self.files.next() {
            let read = self.read(&open, &mut reader, &mut router);
            // What was decoded before the failure still needs its counter.
            let flushed = router
                .take_all()
                .into_iter()
                .try_for_each(|batch| self.send(batch));
            let ended = read.and(flushed);
            if ended.is_err() {
                self.files.close(); // before the files that wait for this one can begin
            }
            self.files.leave(&open);
            ended?;
        }
        Ok(())
    }

    fn read(&self, open: &OpenFile, reader: &mut Reader, router: &mut Router) -> Result<(), Error> {
        let Some(file) = self.files.file(open) else {
            return Ok(());
        };
        router.start_file(&file.shown);
        let place = Place {
            input: &self.files.input,
            file,
            stats: &self.stats,
            is_shared: self.files.is_shared,
        };
        let mut items = Items {
            stage: self,
            number: open.number,
            file,
            router,
            interval: None,
            tally: Tally::default(),
        };
        open.read(place, reader, &mut items)
    }

    /// Brings a record to its first fork: a batch, or a counter.
    fn record(&self, record: &Record<'_>, offset: u64, items: &mut Items<'_>) -> Result<(), Error> {
        let file = items.file;
        if self.failure.is_stopped() {
            return Err(Error::Cancelled);
        }
        if record.namespace != *self.config.namespace.as_bytes() {
            return Err(self.other_namespace(record, file, offset));
        }
        self.stats.records_read.add(1);
        items.tally.records_read += 1;
        let ttl = match self.filter.fate(record, || self.config.clock.now()) {
            Fate::Write(ttl) => ttl,
            Fate::Skip => {
                self.stats.skipped.add(1);
                items.tally.skipped += 1;
                return Ok(());
            }
            Fate::Expired => {
                self.stats.expired.add(1);
                items.tally.expired += 1;
                return Ok(());
            }
            Fate::TooLong { ttl } => {
                self.stats.failed.add(1);
                return Err(Error::TtlTooLong {
                    file: file.shown.to_string(),
                    offset,
                    digest: Digest(record.digest),
                    ttl,
                });
            }
        };
        let context = RowContext {
            ttl,
            style: self.filter.style(),
            offset,
            interval: items.interval.as_ref(),
        };
        match items.router.add(record, context, || self.spare()) {
            Some(batch) => {
                let _idle = self.stats.load.decode.pause();
                self.send_full(batch, items.router)
            }
            None => Ok(()),
        }
    }

    fn spare(&self) -> Spare {
        let new = || Spare {
            rows: BatchBuilder::with_capacity(self.config.batch_bytes),
            origins: Vec::new(),
            parts: Vec::new(),
        };
        self.spares.try_recv().unwrap_or_else(|_| new())
    }

    /// Sends a full batch, and takes over a new partition map if a retry has fetched one.
    fn send_full(&self, batch: Batch, router: &mut Router) -> Result<(), Error> {
        self.send(batch)?;
        let map = self.writer.map();
        if router.is_outdated(&map) {
            router
                .take_all()
                .into_iter()
                .try_for_each(|batch| self.send(batch))?;
            router.use_map(map);
        }
        Ok(())
    }

    /// Waits for room. The write stage takes every batch, also after a failure: it counts them.
    fn send(&self, batch: Batch) -> Result<(), Error> {
        if let Some(limiter) = &self.limiter {
            let rows = batch.rows.rows() as u64;
            let waited = limiter.wait_blocking(rows, self.failure.token());
            self.stats.throttled_ms.add(millis(waited));
        }
        self.batches.send(batch).map_err(|flume::SendError(batch)| {
            self.stats.not_sent.add(batch.rows.rows() as u64);
            Error::Cancelled
        })
    }

    fn index(&self, found: &Index<'_>, file: &InputFile) -> Result<(), Error> {
        self.stats.indexes_read.add(1);
        if self.config.no_indexes || !self.filter.has_index_of(found.set.as_ref()) {
            self.stats.indexes_skipped.add(1);
            return Ok(());
        }
        let name = String::from_utf8_lossy(&found.name.to_cow()).into_owned();
        if found.set_was_null {
            tracing::warn!(index = %name, "index is on set \"null\", which is taken for no set");
        }
        if found.is_suspected_expression() {
            tracing::warn!(
                index = %name,
                "index is on bin \"null\": asbackup writes this for expression indexes, whose \
                 expression it loses"
            );
        }
        match index::to_server(found, self.config.target_namespace()) {
            Ok(definition) if definition.since() > self.globals.build() => {
                let (needs, build) = (definition.since(), self.globals.build());
                tracing::warn!(
                    index = %name, file = %file.shown, %needs, server = %build,
                    "index left out: the server is too old for it"
                );
                self.stats.indexes_skipped.add(1);
                Ok(())
            }
            Ok(definition) => self.apply(Global::Index(definition)),
            Err(reason) => {
                tracing::warn!(index = %name, file = %file.shown, reason, "index left out");
                self.stats.indexes_skipped.add(1);
                Ok(())
            }
        }
    }

    fn udf(&self, module: &Udf<'_>) -> Result<(), Error> {
        self.stats.udfs_read.add(1);
        if self.config.no_udfs {
            self.stats.udfs_skipped.add(1);
            return Ok(());
        }
        self.apply(Global::Udf(preview::module(module)))
    }

    fn apply(&self, global: Global) -> Result<(), Error> {
        if let Some(held) = &self.held {
            return held.push(&global);
        }
        self.runtime.block_on(async {
            tokio::select! {
                applied = self.globals.apply(global) => applied,
                () = self.failure.token().cancelled() => Err(Error::Cancelled),
            }
        })
    }

    fn other_namespace(&self, record: &Record<'_>, file: &InputFile, offset: u64) -> Error {
        Error::OtherNamespace {
            file: file.shown.to_string(),
            offset,
            found: String::from_utf8_lossy(&record.namespace.to_cow()).into_owned(),
            expected: self.config.namespace.clone(),
        }
    }
}

/// The items of one file on their ways.
struct Items<'a> {
    stage: &'a DecodeStage,
    number: usize,
    file: &'a InputFile,
    router: &'a mut Router,
    /// The open interval, if anybody wants to know about intervals.
    interval: Option<Arc<Interval>>,
    /// What was read in it.
    tally: Tally,
}

impl Items<'_> {
    /// A continuation is to look at this again.
    fn spoil(&self) {
        if let Some(interval) = &self.interval {
            interval.spoil();
        }
    }
}

impl Sink for Items<'_> {
    fn begin(&mut self, offset: u64) {
        let progress = self.stage.files.progress.as_ref();
        self.interval = progress.map(|progress| progress.begin(self.number, offset));
        self.tally = Tally::default();
    }

    fn take(&mut self, item: &Item<'_>, offset: u64) -> Result<(), Error> {
        let stage = self.stage;
        match item {
            Item::Record(record) => stage.record(record, offset, self),
            Item::Index(index) => {
                self.spoil();
                stage.index(index, self.file)
            }
            Item::Udf(module) => {
                self.spoil();
                stage.udf(module)
            }
            Item::Header(_) | Item::Namespace(_) | Item::FirstFile => Ok(()),
        }
    }

    fn end(&mut self, place: Checkpoint) {
        if let Some(interval) = self.interval.take() {
            interval.end(place, &self.tally);
        }
    }

    fn over(&mut self, offset: u64) {
        if let Some(progress) = &self.stage.files.progress {
            progress.ends(self.number, offset);
        }
    }
}
