//! The most records that several scans may deliver together.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// A number of records shared by the scans of a run. It is exact: a scan takes one before each
/// delivery, and every scan ends, without an error, once there are none left.
#[derive(Debug)]
pub struct RecordLimit {
    left: AtomicU64,
    reached: CancellationToken,
}

impl RecordLimit {
    /// `records` in all; with 0 no scan reads anything.
    #[must_use]
    pub fn new(records: u64) -> Self {
        let limit = Self {
            left: AtomicU64::new(records),
            reached: CancellationToken::new(),
        };
        if records == 0 {
            limit.reached.cancel();
        }
        limit
    }

    /// Records that may still be delivered.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Takes one; `false`: there are none left.
    pub(super) fn take(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        if taken == Ok(1) {
            self.reached.cancel();
        }
        taken.is_ok()
    }

    /// Waits until all have been taken.
    pub(super) async fn reached(&self) {
        self.reached.cancelled().await;
    }
}
