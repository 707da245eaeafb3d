//! From counters to pace: share done, rates, time left.

use backup_core::{
    backup::EstimateCounts,
    stats::{BackupCounts, RestoreCounts},
};
use std::time::Duration;

/// The counters of a job at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Records so far.
    pub(super) records: u64,
    /// Bytes in files so far.
    pub(super) bytes: u64,
    /// What was done, in the unit of `total`.
    pub(super) done: u64,
    /// What there is to do; 0 while unknown.
    pub(super) total: u64,
}

impl Moment {
    /// A backup is measured in records: the server knows their number.
    pub(crate) const fn of_backup(counts: &BackupCounts) -> Self {
        Self {
            records: counts.records_read,
            bytes: counts.bytes_written,
            done: counts.records_read,
            total: counts.records_expected,
        }
    }

    /// An estimate is measured in samples, once it knows how many there are.
    pub(crate) const fn of_estimate(counts: &EstimateCounts) -> Self {
        Self {
            records: counts
                .records_counted
                .saturating_add(counts.records_sampled),
            bytes: 0,
            done: counts.records_sampled,
            total: counts.samples_expected,
        }
    }

    /// A restore is measured in bytes: the files know their sizes.
    pub(crate) const fn of_restore(counts: &RestoreCounts) -> Self {
        Self {
            records: counts.records_read,
            bytes: counts.bytes_read,
            done: counts.bytes_fetched,
            total: counts.bytes_expected,
        }
    }

    /// The pace at this moment, `elapsed` after the start.
    pub(super) fn pace(self, elapsed: Duration) -> Pace {
        let micros = elapsed.as_micros().max(1);
        let per_second = |amount: u64| {
            u64::try_from(u128::from(amount) * 1_000_000 / micros).unwrap_or(u64::MAX)
        };
        let known = self.total > 0 && self.done > 0;
        let left = self.total.saturating_sub(self.done);
        let millis = elapsed.as_millis() * u128::from(left) / u128::from(self.done.max(1));
        Pace {
            // The server counts replicas and expired records, so more may come than expected.
            hundredths: (self.total > 0).then(|| share(self.done.min(self.total), self.total)),
            remaining: known
                .then(|| Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))),
            records_per_s: per_second(self.records),
            kib_per_s: per_second(self.bytes) / 1024,
            bytes_per_record: self.bytes.checked_div(self.records).unwrap_or_default(),
        }
    }
}

/// `done / total` in hundredths of a percent.
fn share(done: u64, total: u64) -> u64 {
    u64::try_from(u128::from(done) * 10_000 / u128::from(total)).unwrap_or(10_000)
}

/// How fast a job goes, on average since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// Share done in hundredths of a percent, at most 10000; `None` while unknown.
    pub(super) hundredths: Option<u64>,
    /// Time left; `None` while unknown.
    pub(super) remaining: Option<Duration>,
    pub(super) records_per_s: u64,
    pub(super) kib_per_s: u64,
    pub(super) bytes_per_record: u64,
}

impl Pace {
    /// The share as percent with at most two decimals: `40.37`, `40.4`, `100`.
    pub(super) fn percent(&self) -> Option<String> {
        self.hundredths.map(|share| {
            let number = format!("{}.{:02}", share / 100, share % 100);
            number
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_of_a_running_job() {
        let moment = Moment {
            records: 50_000,
            bytes: 10 << 20,
            done: 50_000,
            total: 123_762,
        };
        let pace = moment.pace(Duration::from_secs(5));
        assert_eq!(pace.percent().as_deref(), Some("40.4"));
        assert_eq!(pace.remaining, Some(Duration::from_millis(7376)));
        assert_eq!((pace.records_per_s, pace.kib_per_s), (10_000, 2048));
        assert_eq!(pace.bytes_per_record, 209);
    }

    #[test]
    fn nothing_is_claimed_before_it_is_known() {
        let pace = Moment::default().pace(Duration::ZERO);
        assert_eq!((pace.percent(), pace.remaining), (None, None));
        let begun = Moment {
            total: 10,
            ..Moment::default()
        };
        let pace = begun.pace(Duration::from_secs(1));
        assert_eq!(
            (pace.percent().as_deref(), pace.remaining),
            (Some("0"), None)
        );
    }

    #[test]
    fn more_than_expected_is_all() {
        let moment = Moment {
            done: 11,
            total: 10,
            ..Moment::default()
        };
        let pace = moment.pace(Duration::from_secs(1));
        assert_eq!(pace.percent().as_deref(), Some("100"));
        assert_eq!(pace.remaining, Some(Duration::ZERO));
    }
}
