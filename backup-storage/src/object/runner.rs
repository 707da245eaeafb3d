//! From blocking methods to the runtime that makes the requests.

use std::{future::Future, sync::mpsc, time::Duration};

use tokio::{runtime::Handle, task::AbortHandle};

use super::failure::Failure;
use crate::ErrorKind;

/// Runs requests on the runtime while the calling thread waits.
#[derive(Clone, Debug)]
pub(super) struct Runner(Handle);

impl Runner {
    pub(super) const fn new(handle: Handle) -> Self {
        Self(handle)
    }

    /// Waits for `work`. Must not be called on a worker of the runtime.
    pub(super) fn block<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        self.start(work).wait()
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

    /// Starts `work`; it ends early when nobody waits for its result any more.
    pub(super) fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Started<T> {
        let (sender, result) = mpsc::sync_channel(1);
        let task = self.0.spawn(async move {
            // There is room for one, and nobody else sends.
            let _ = sender.try_send(work.await);
        });
        Started {
            result,
            task: task.abort_handle(),
        }
    }

    pub(super) const fn handle(&self) -> &Handle {
        &self.0
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
