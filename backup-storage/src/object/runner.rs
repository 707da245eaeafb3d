//! From blocking methods to the runtime that makes the requests, and the end of all waiting when a run is
//! interrupted.

use std::{
    future::{Future, pending},
    pin::pin,
    sync::mpsc,
    time::Duration,
};

use futures_util::future::{Either, select};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep_until},
};

use super::failure::Failure;
use crate::ErrorKind;

/// Once interrupted, a request may take so long,
const EACH: Duration = Duration::from_secs(2);

/// and all that come then so long together: five seconds are promised for the whole end of a run.
const TOGETHER: Duration = Duration::from_secs(4);

/// Runs requests on the runtime while the calling thread waits.
#[derive(Clone, Debug)]
pub(super) struct Runner {
    handle: Handle,
    interrupted: watch::Sender<Option<Instant>>,
}

impl Runner {
    pub(super) fn new(handle: Handle) -> Self {
        Self {
            handle,
            interrupted: watch::Sender::new(None),
        }
    }

    /// From now on nothing is waited for long, and for data not at all.
    pub(super) fn interrupt(&self) {
        self.interrupted.send_if_modified(|at| {
            let is_first = at.is_none();
            at.get_or_insert_with(Instant::now);
            is_first
        });
    }

    /// Waits for `work`. Must not be called on a worker of the runtime.
    pub(super) fn block<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.start(work, EACH).wait()
    }

    /// Waits for `work` for some time only.
    pub(super) fn block_for<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.block(async move {
            let timely = tokio::time::timeout(limit, work).await;
            timely.unwrap_or_else(|_| Err(Failure::new(ErrorKind::TimedOut, "no answer in time")))
        })
    }

    /// Waits for `work` that moves data: it ends with an interrupt.
    pub(super) fn transfer<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.start_transfer(work).wait()
    }

    /// Starts the same; it also ends when nobody waits for its result any more.
    pub(super) fn start_transfer<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Started<T> {
        self.start(work, Duration::ZERO)
    }

    fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
        patience: Duration,
    ) -> Started<T> {
        let (sender, result) = mpsc::sync_channel(1);
        let end = over(self.interrupted.subscribe(), Instant::now(), patience);
        let task = self.handle.spawn(async move {
            let result = match select(pin!(work), pin!(end)).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => Err(Failure::new(
                    ErrorKind::Interrupted,
                    "there was no answer yet",
                )),
            };
            // There is room for one, and nobody else sends.
            let _ = sender.try_send(result);
        });
        Started {
            result,
            task: task.abort_handle(),
        }
    }

    pub(super) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Waits until what began at `begun` has had its time after an interrupt.
async fn over(
    mut interrupted: watch::Receiver<Option<Instant>>,
    begun: Instant,
    patience: Duration,
) {
    let at = interrupted.wait_for(Option::is_some).await;
    let Some(at) = at.ok().and_then(|at| *at) else {
        return pending().await; // the bucket is gone; whoever waits has it
    };
    let own = at.max(begun).checked_add(patience);
    let all = at.checked_add(TOGETHER);
    if let Some(end) = own.min(all) {
        sleep_until(end).await;
    }
}

/// Work on the runtime.
#[derive(Debug)]
pub(super) struct Started<T> {
    result: mpsc::Receiver<Result<T, Failure>>,
    task: AbortHandle,
}

impl<T> Started<T> {
    /// Waits for its result.
    pub(super) fn wait(self) -> Result<T, Failure> {
        let stopped = || Failure::new(ErrorKind::Other, "the runtime has stopped");
        self.result.recv().unwrap_or_else(|_| Err(stopped()))
    }
}

impl<T> Drop for Started<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
