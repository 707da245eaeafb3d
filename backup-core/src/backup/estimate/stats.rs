//! Progress and result of an estimate.

use super::Estimate;
use crate::stats::Counter;
use std::sync::OnceLock;

/// Live counters of an estimate, and at last its result.
#[derive(Debug, Default)]
pub struct EstimateStats {
    pub(super) records_counted: Counter,
    pub(super) records_sampled: Counter,
    pub(super) samples_expected: Counter,
    pub(super) retries: Counter,
    pub(super) result: OnceLock<Estimate>,
}

/// What an estimate did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EstimateCounts {
    /// Records that were counted one by one.
    pub records_counted: u64,
    /// Records that were read and encoded.
    pub records_sampled: u64,
    /// Records that are to be read; 0 while unknown. For progress only.
    pub samples_expected: u64,
    /// Scans that had to be resumed.
    pub retries: u64,
}

impl EstimateStats {
    /// The figures at this moment.
    #[must_use]
    pub fn snapshot(&self) -> EstimateCounts {
        EstimateCounts {
            records_counted: self.records_counted.get(),
            records_sampled: self.records_sampled.get(),
            samples_expected: self.samples_expected.get(),
            retries: self.retries.get(),
        }
    }

    /// The estimate, once it is complete.
    #[must_use]
    pub fn estimate(&self) -> Option<&Estimate> {
        self.result.get()
    }
}
