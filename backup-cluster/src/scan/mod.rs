//! Partition scans: every record of the chosen partitions, once, whatever the cluster does
//! meanwhile (`wire-scan.md`).
//!
//! [`scan`] works on a list of [`PartitionCursor`]s. In each round it asks the nodes that own
//! the unfinished ones, one request a node, and hands every record to a [`RecordSink`] while it
//! is still in the socket's buffer. A partition's cursor moves with each record delivered, so a
//! connection that breaks costs nothing but the records that had not arrived: the next round
//! resumes each partition after its last digest, on whichever node owns it then. Rounds end
//! when every partition is done, when a [`RecordLimit`] is reached, or when several in a row
//! brought no progress at all.

mod budget;
mod cursor;
mod gate;
mod limit;
mod request;
mod round;
mod silence;

pub use budget::{Budget, Grant};
pub use cursor::PartitionCursor;
pub use gate::ScanGate;
pub use limit::RecordLimit;
pub use request::ScanOptions;
pub use silence::Silence;

use crate::{
    error::Error,
    map::PartitionMap,
    retry::{self, RetryPolicy},
    view::ClusterView,
};
use aerospike_wire::{digest::PartitionId, scan::ScanRecord};
use round::Round;
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Takes the records of a scan.
pub trait RecordSink: Send {
    /// Why the sink can go no further.
    type Error: Send;

    /// Whether the record is one to be delivered and counted. One that is not is passed over.
    #[inline]
    fn wants(&self, _record: &ScanRecord<'_>) -> bool {
        true
    }

    /// Something has come from a node: records follow, then [`ready`](Self::ready).
    fn arrived(&mut self) {}

    /// Takes one record over before it returns: the bytes are reused afterwards.
    ///
    /// # Errors
    /// Ends the scan.
    fn record(&mut self, record: &ScanRecord<'_>) -> Result<(), Self::Error>;

    /// Every record of `partition` has been handed over.
    ///
    /// It follows the last of them, possibly much later: most servers say so only at the end of
    /// a request. It comes once for each partition.
    fn partition_done(&mut self, partition: PartitionId) {
        let _ = partition; // only who keeps a record of progress needs to know
    }

    /// What was delivered last was too large for the usual buffers, and `grant` is the memory that
    /// it took. It is for what the sink keeps of it: to be dropped with it, without waiting for
    /// another grant. [`ready`](Self::ready) follows.
    fn granted(&mut self, grant: Grant) {
        drop(grant); // right for a sink that keeps nothing
    }

    /// Called after each read from a socket. Waits until there is room for more: this is the
    /// back-pressure.
    fn ready(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// How a scan ended early.
#[derive(Debug)]
pub enum ScanError<E> {
    /// The cluster's part.
    Cluster(Error),
    /// The sink's part.
    Sink(E),
}

impl<E> From<Error> for ScanError<E> {
    fn from(error: Error) -> Self {
        Self::Cluster(error)
    }
}

impl<E: fmt::Display> fmt::Display for ScanError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

/// What a scan had to do beside reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Records that came.
    pub records: u64,
    /// Rounds after the first.
    pub retries: u32,
}

/// Reads the partitions of `cursors` into `sink`, or as much as the limit of `options` allows. On return, also after an error, each cursor
/// says how far its partition was delivered; a later call goes on there.
///
/// # Errors
/// The sink's own, [`Error::Cancelled`], [`Error::NoNamespace`], a refusal that no retry can
/// change, [`Error::Overdue`], or [`Error::Unavailable`] naming what could not be read.
pub async fn scan<S: RecordSink>(
    view: &dyn ClusterView,
    options: &ScanOptions,
    cursors: &mut [PartitionCursor],
    sink: &mut S,
    cancel: &CancellationToken,
) -> Result<ScanStats, ScanError<S::Error>> {
    let mut progress = Progress::new(options.retry);
    let mut stats = ScanStats::default();
    let total = Some(options.total_timeout).filter(|total| !total.is_zero());
    let deadline = total.and_then(|total| Instant::now().checked_add(total));
    loop {
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(options.overdue().into());
        }
        let map = fetch_map(view, options, &mut progress, cancel).await?;
        let mut round = Round {
            view,
            options,
            map: &map,
            cursors,
            sink,
            deadline,
            cancel,
        };
        let outcome = round.run().await?;
        stats.records = stats.records.saturating_add(outcome.records);
        if outcome.is_enough || cursors.iter().all(|cursor| cursor.is_done()) {
            return Ok(stats);
        }
        stats.retries = stats.retries.saturating_add(1);
        let advanced = outcome.records > 0 || outcome.finished > 0;
        let pause = progress.after_round(advanced, outcome.failure, || {
            let open = cursors.iter().filter(|cursor| !cursor.is_done());
            (
                options.namespace.clone(),
                open.map(PartitionCursor::partition).collect(),
            )
        })?;
        retry::sleep(pause.min(left(deadline)), cancel).await?;
    }
}

/// Time until `deadline`.
fn left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    })
}

/// The map for the next round; a cluster that is changing may need several tries.
async fn fetch_map(
    view: &dyn ClusterView,
    options: &ScanOptions,
    progress: &mut Progress,
    cancel: &CancellationToken,
) -> Result<Arc<PartitionMap>, Error> {
    loop {
        match PartitionMap::fetch(view, &options.namespace).await {
            Ok(map) if options.preference.is_empty() => return Ok(map),
            Ok(map) => {
                let map = Arc::unwrap_or_clone(map).preferring(&options.preference);
                return Ok(Arc::new(map));
            }
            Err(error) if error.is_retryable() => {
                let pause = progress.after_failure(error)?;
                retry::sleep(pause, cancel).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Counts rounds without progress.
struct Progress {
    policy: RetryPolicy,
    idle_rounds: u32,
}

impl Progress {
    const fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            idle_rounds: 0,
        }
    }

    /// The pause before the next round, or the end.
    fn after_round(
        &mut self,
        advanced: bool,
        failure: Option<Error>,
        open: impl FnOnce() -> (String, Vec<u16>),
    ) -> Result<Duration, Error> {
        self.idle_rounds = if advanced {
            1
        } else {
            self.idle_rounds.saturating_add(1)
        };
        if !self.policy.is_exhausted(self.idle_rounds) {
            return Ok(self.policy.pause(self.idle_rounds));
        }
        let (namespace, partitions) = open();
        Err(Error::Unavailable {
            namespace,
            count: partitions.len(),
            first: partitions.into_iter().min().unwrap_or_default(),
            rounds: self.idle_rounds,
            source: failure.map(Box::new),
        })
    }

    /// The same for a round that could not even begin.
    fn after_failure(&mut self, error: Error) -> Result<Duration, Error> {
        self.idle_rounds = self.idle_rounds.saturating_add(1);
        if self.policy.is_exhausted(self.idle_rounds) {
            return Err(error);
        }
        Ok(self.policy.pause(self.idle_rounds))
    }
}
