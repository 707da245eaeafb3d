//! Holds a lock while a run needs it, and keeps it from expiring.

use crate::{
    error::Error,
    lock::{Lock, LockError, REFRESH_AFTER},
};
use flume::RecvTimeoutError;
use std::{
    thread::{self, JoinHandle},
    time::SystemTime,
};
use tokio_util::sync::CancellationToken;

/// A lock that is refreshed by a thread of its own.
#[derive(Debug)]
pub(crate) struct LockKeeper {
    stop: flume::Sender<()>,
    thread: JoinHandle<(Lock, Option<LockError>)>,
}

impl LockKeeper {
    /// Keeps `lock`. If it is lost, the run is stopped: somebody else may be writing.
    pub(crate) fn keep(lock: Lock, run: CancellationToken) -> Result<Self, Error> {
        let (stop, stopped) = flume::bounded(0);
        let thread = thread::Builder::new()
            .name("lock".to_owned())
            .spawn(move || refresh(lock, &stopped, &run))
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        Ok(Self { stop, thread })
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// It had been lost.
    pub(crate) fn release(self) -> Result<(), Error> {
        drop(self.stop);
        let ended = self.thread.join();
        let (lock, lost) =
            ended.map_err(|_| Error::Internal("the lock's thread ended early".to_owned()))?;
        match lost {
            Some(error) => Err(Error::Lock(error)),
            None => lock.release().map_err(Error::Lock),
        }
    }
}

fn refresh(
    mut lock: Lock,
    stopped: &flume::Receiver<()>,
    run: &CancellationToken,
) -> (Lock, Option<LockError>) {
    while stopped.recv_timeout(REFRESH_AFTER) == Err(RecvTimeoutError::Timeout) {
        match lock.refresh(SystemTime::now()) {
            Ok(()) => {}
            Err(LockError::Storage(error)) => {
                // It lives for several refreshes; the storage may come back until then.
                tracing::warn!(file = %lock.file(), %error, "the lock could not be refreshed");
            }
            Err(error) => {
                run.cancel();
                return (lock, Some(error));
            }
        }
    }
    (lock, None)
}
