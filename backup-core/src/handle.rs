//! A running job: to be polled, cancelled and awaited.

use crate::error::Error;
use backup_cluster::retry;
use backup_storage::Store;
use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

/// A job that runs on its own. Dropping the handle cancels the job.
#[derive(Debug)]
pub struct Job<S> {
    stats: Arc<S>,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
    started: SystemTime,
    clock: Instant,
}

/// How a job ended. The figures are there after a failure, too.
#[derive(Debug)]
pub struct Outcome<S> {
    /// When it began.
    pub started: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// What it did.
    pub stats: Arc<S>,
    /// Whether it did everything that was asked for.
    pub result: Result<(), Error>,
}

impl<S: Send + Sync + 'static> Job<S> {
    /// Runs `work` on the current tokio runtime. When it is cancelled, what it waits for in `stores` ends,
    /// too.
    pub(crate) fn spawn<F>(
        stats: Arc<S>,
        stores: impl IntoIterator<Item = Arc<dyn Store>>,
        work: impl FnOnce(Arc<S>, CancellationToken) -> F,
    ) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let cancel = CancellationToken::new();
        let stores = stores.into_iter().collect();
        let work = work(Arc::clone(&stats), cancel.clone());
        let task = tokio::spawn(interruptible(work, stores, cancel.clone()));
        Self {
            stats,
            cancel,
            task,
            started: SystemTime::now(),
            clock: Instant::now(),
        }
    }

    /// The counters, to be read at any time.
    #[must_use]
    pub const fn stats(&self) -> &Arc<S> {
        &self.stats
    }

    /// A token that stops the job: reading ends at once, what is in flight is finished.
    #[must_use]
    pub fn cancel_token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Whether the job has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for the end.
    pub async fn wait(mut self) -> Outcome<S> {
        let result = match (&mut self.task).await {
            Ok(result) => result,
            Err(error) => Err(Error::Internal(error.to_string())),
        };
        Outcome {
            started: self.started,
            duration: self.clock.elapsed(),
            stats: Arc::clone(&self.stats),
            result,
        }
    }
}

async fn interruptible(
    work: impl Future<Output = Result<(), Error>>,
    stores: Vec<Arc<dyn Store>>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        ended = &mut work => return ended,
        () = cancel.cancelled() => stores.iter().for_each(|store| store.interrupt()),
    }
    match work.await {
        Err(error) if error.is_interrupted() => Err(Error::Cancelled),
        ended => ended,
    }
}

impl<S> Drop for Job<S> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Runs work that may block where it may.
pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let ended = spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
}

/// How long a stopped job waits for a thread that may hang in a read or write of a pipe.
const GRACE: Duration = Duration::from_secs(1);

/// Waits for `thread`, but not for ever once the job is stopped: a thread that hangs in a pipe
/// ends with the process.
pub(crate) async fn join_or_leave<T>(
    thread: impl Future<Output = T>,
    stop: &CancellationToken,
) -> Option<T> {
    tokio::select! {
        biased;
        ended = thread => Some(ended),
        () = retry::long_after(stop, GRACE) => None,
    }
}
