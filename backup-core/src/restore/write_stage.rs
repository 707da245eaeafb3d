//! The write stage: a few tasks bring batches to their nodes and count what becomes of them.

use super::{
    outcome,
    routing::{Batch, Spare},
};
use crate::{error::Error, stats::RestoreStats};
use aerospike_wire::batch::BatchBuilder;
use backup_cluster::batch_write::BatchWriter;
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
    pub(super) stats: Arc<RestoreStats>,
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
        while let Ok(mut batch) = self.batches.recv_async().await {
            if self.failure.is_stopped() {
                self.stats.not_sent.add(batch.rows.rows() as u64);
                continue;
            }
            let rows = std::mem::replace(&mut batch.rows, BatchBuilder::with_capacity(0));
            let mut written = self
                .writer
                .write(&batch.node, rows, self.failure.token())
                .await;
            if let Some(error) = outcome::count(&batch, &mut written, &self.stats) {
                self.failure.set(error);
            }
            self.recycle(written.batch, batch.offsets);
        }
    }

    fn recycle(&self, mut rows: BatchBuilder, mut offsets: Vec<u64>) {
        if rows.capacity() <= self.keep_bytes {
            rows.clear();
            offsets.clear();
            let _ = self.spares.try_send((rows, offsets));
        }
    }
}
