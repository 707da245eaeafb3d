//! Order of partitions in scans and of rows in batch replies. The real server's threads make it
//! arbitrary; here it is that of the request unless a test wants it mixed.

use fastrand::Rng;

/// A seed, or none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shuffle {
    pub(crate) seed: Option<u64>,
}

impl Shuffle {
    /// The positions 0 to `n` - 1 in the order in which they are to be served: the same for the
    /// same seed and `n`.
    pub(crate) fn order(self, n: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..n).collect();
        if let Some(seed) = self.seed {
            Rng::with_seed(seed).shuffle(&mut order);
        }
        order
    }
}
