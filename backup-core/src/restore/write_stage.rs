//! The write stage: a few tasks bring batches to their nodes and count what becomes of them.

use super::{
    outcome::{self, Settled},
    refusals::Refusals,
    routing::{Batch, Spare},
};
use crate::{error::Error, stats::RestoreStats};
use aerospike_wire::batch::BatchBuilder;
use backup_cluster::batch_write::{BatchWriter, Brakes};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The first failure of a run. Whoever finds one stops the others.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    first: Arc<Mutex<Option<Error>>>,
    stop: CancellationToken,
}

impl Failure {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            first: Arc::default(),
            stop,
        }
    }

    /// Ends the run for this reason, unless it ends for another one already.
    pub(super) fn set(&self, error: Error) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() && !matches!(error, Error::Cancelled) {
            *first = Some(error);
        }
        self.stop.cancel();
    }

    pub(super) fn take(&self) -> Option<Error> {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(super) const fn token(&self) -> &CancellationToken {
        &self.stop
    }
}

/// What the tasks of the stage share.
#[derive(Debug)]
pub(super) struct WriteStage {
    pub(super) writer: Arc<BatchWriter>,
    pub(super) batches: flume::Receiver<Batch>,
    pub(super) spares: flume::Sender<Spare>,
    pub(super) failure: Failure,
    /// The interrupt of the user.
    pub(super) cancel: CancellationToken,
    /// Ends the stage although there are senders: they hang.
    pub(super) leave: CancellationToken,
    pub(super) stats: Arc<RestoreStats>,
    pub(super) refusals: Refusals,
    /// Memory of a batch that is worth keeping, in bytes.
    pub(super) keep_bytes: usize,
}

impl WriteStage {
    /// Starts `tasks` writers. They end when all senders of batches are gone.
    pub(super) fn start(self, tasks: usize) -> JoinSet<()> {
        let stage = Arc::new(self);
        let mut running = JoinSet::new();
        for _ in 0..tasks.max(1) {
            running.spawn(Arc::clone(&stage).work());
        }
        running
    }

    async fn work(self: Arc<Self>) {
        while let Some(batch) = self.next().await {
            if self.failure.is_stopped() {
                self.stats.not_sent.add(batch.rows.rows() as u64);
                continue;
            }
            self.write(batch).await;
        }
    }

    async fn next(&self) -> Option<Batch> {
        tokio::select! {
            biased;
            batch = self.batches.recv_async() => batch.ok(),
            () = self.leave.cancelled() => None,
        }
    }

    /// Brings a batch to its end. After a failure elsewhere its attempt is still finished.
    async fn write(&self, mut batch: Batch) {
        let rows = std::mem::replace(&mut batch.rows, BatchBuilder::with_capacity(0));
        let brakes = Brakes {
            stop: self.failure.token(),
            cancel: &self.cancel,
        };
        let busy = self.stats.load.write.busy();
        let mut written = self.writer.write(&batch.node, rows, brakes).await;
        drop(busy);
        let settled = Settled::of(&written, self.refusals.ignores());
        settled.count(&written, &self.stats);
        outcome::settle(&batch.parts, &written, self.refusals.ignores());
        if let Err(error) = self
            .refusals
            .take(&batch, &written, &settled, &self.stats)
            .await
        {
            self.failure.set(error);
        }
        if settled.unanswered {
            // There is always a failure beside, except when the run ended before they left.
            let failure = written.failure.take();
            self.failure
                .set(failure.map_or(Error::Cancelled, Error::from));
        }
        self.recycle(Spare {
            rows: written.batch,
            origins: batch.origins,
            parts: batch.parts,
        });
    }

    fn recycle(&self, mut spare: Spare) {
        if spare.rows.capacity() <= self.keep_bytes {
            spare.rows.clear();
            spare.origins.clear();
            spare.parts.clear();
            let _ = self.spares.try_send(spare);
        }
    }
}
