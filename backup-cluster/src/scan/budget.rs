//! Memory for records that are larger than the usual buffers.
//!
//! Every scan has a buffer of its own, of a size that its owner has reckoned with. Whatever is larger
//! has to be granted out of one budget that all scans of a run share, before memory is taken.
//!
//! **Nobody waits in a circle.** A scan asks for a record as a whole, and never while it holds a grant:
//! it gives one away with the record, before it reads on, or drops it with a broken connection. So who
//! holds a grant waits for nothing but the node that sends the record, or for whoever writes it, and
//! neither of these asks for grants. Who asks is served in order, so a large wish is not starved by
//! small ones, and a wish larger than the budget is granted when all of it is there.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for.
const UNIT: usize = 1 << 10;

/// The default size in bytes: 48 MiB, two records of 8 MiB at a time.
const DEFAULT_BYTES: usize = 48 << 20;

/// The memory that all scans of a run may take for large records. Clones are the same budget.
#[derive(Debug, Clone)]
pub struct Budget {
    free: Arc<Semaphore>,
    /// All of it, in units.
    total: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

impl Budget {
    /// A budget of so many bytes, rounded up to KiB; at least one, at most 4 TiB.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let total = units(bytes);
        Self {
            free: Arc::new(Semaphore::new(total as usize)),
            total,
        }
    }

    /// Bytes that nobody has taken.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.free.available_permits().saturating_mul(UNIT)
    }

    /// Waits until there is room for a message of up to `bytes`, as it came and as what the sink makes
    /// of it, which is up to one and a half times as long. One that is too large for that gets all
    /// there is. Cancel safe.
    pub(super) async fn take(&self, bytes: usize) -> Grant {
        let both = bytes.saturating_add(bytes).saturating_add(bytes / 2);
        let wanted = units(both).min(self.total);
        let permit = Arc::clone(&self.free).acquire_many_owned(wanted).await;
        Grant(permit.ok()) // it is never closed
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX)
}

/// A part of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub struct Grant(Option<OwnedSemaphorePermit>);

impl Grant {
    /// Gives back what is more than `bytes`.
    pub fn keep(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.0 {
            let more = permit
                .num_permits()
                .saturating_sub(bytes.div_ceil(UNIT).max(1));
            drop(permit.split(more));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn what_is_too_large_takes_all_of_it() {
        let budget = Budget::new(10 << 10);
        let mut grant = budget.take(1 << 30).await;
        assert_eq!(budget.free_bytes(), 0);
        grant.keep(4 << 10);
        assert_eq!(budget.free_bytes(), 6 << 10);
        grant.keep(1 << 20);
        assert_eq!(budget.free_bytes(), 6 << 10, "it does not grow");
        drop(grant);
        assert_eq!(budget.free_bytes(), 10 << 10);
    }

    #[tokio::test]
    async fn a_large_wish_is_served_before_later_small_ones() {
        let budget = Budget::new(10 << 10);
        let first = budget.take(1 << 10).await;
        let ended = CancellationToken::new();
        let large = tokio::spawn({
            let (budget, ended) = (budget.clone(), ended.clone());
            async move {
                let grant = budget.take(4 << 10).await;
                ended.cancel();
                drop(grant);
            }
        });
        tokio::task::yield_now().await; // it stands in the queue now
        let small = tokio::spawn({
            let budget = budget.clone();
            async move {
                let _grant = budget.take(1).await;
                assert!(ended.is_cancelled());
            }
        });
        tokio::task::yield_now().await;
        drop(first);
        large.await.unwrap();
        small.await.unwrap();
    }
}
