//! From counters to pace: share done, rates, time left.

use backup_core::{
    backup::EstimateStats,
    load::{Phase, STAGES, StageLoad},
    stats::{BackupStats, ConvertStats, RestoreCounts, RestoreStats},
};
use std::time::{Duration, Instant};

/// The counters of a job at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// What the job is at.
    pub(super) phase: Phase,
    /// How busy its stages have been.
    pub(super) stages: [StageLoad; STAGES],
    /// Records so far.
    pub(super) records: u64,
    /// Bytes in files so far.
    pub(super) bytes: u64,
    /// What was done, in the unit of `total`.
    pub(super) done: u64,
    /// What there is to do; 0 while unknown.
    pub(super) total: u64,
    /// All counters of a restore.
    pub(super) restored: Option<RestoreCounts>,
}

impl Moment {
    /// A backup is measured in records: the server knows their number.
    pub(crate) fn of_backup(stats: &BackupStats) -> Self {
        let counts = stats.snapshot();
        Self {
            phase: stats.phase(),
            stages: stats.stages(),
            records: counts.records_read,
            bytes: counts.bytes_written,
            done: counts.records_read,
            total: counts.records_expected,
            restored: None,
        }
    }

    /// An estimate is measured in samples, once it knows how many there are.
    pub(crate) fn of_estimate(stats: &EstimateStats) -> Self {
        let counts = stats.snapshot();
        Self {
            phase: Phase::Records,
            stages: Default::default(),
            records: counts
                .records_counted
                .saturating_add(counts.records_sampled),
            bytes: 0,
            done: counts.records_sampled,
            total: counts.samples_expected,
            restored: None,
        }
    }

    /// A restore is measured in bytes: the files know their sizes.
    pub(crate) fn of_restore(stats: &RestoreStats) -> Self {
        let counts = stats.snapshot();
        Self {
            phase: stats.phase(),
            stages: stats.stages(),
            records: counts.records_read,
            bytes: counts.bytes_read,
            done: counts.bytes_fetched,
            total: counts.bytes_expected,
            restored: Some(counts),
        }
    }

    /// A conversion is measured in bytes, of all readings.
    pub(crate) fn of_conversion(stats: &ConvertStats) -> Self {
        let (read, written) = (stats.snapshot(), stats.backup());
        Self {
            phase: stats.phase(),
            stages: stats.stages(),
            records: written.records_read,
            bytes: written.bytes_written,
            done: read.bytes_fetched,
            total: read.bytes_expected,
            restored: None,
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

/// How busy the stages are: percent of the time of their workers, in the order of the data.
pub(super) type Load = Vec<(&'static str, u8)>;

/// The time over which the load is measured. It is not an average since the start, as what holds a
/// job up may change.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    begun: Instant,
    before: [StageLoad; STAGES],
    load: Load,
}

impl Window {
    /// A window that is at least so long.
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            begun: Instant::now(),
            before: [StageLoad::default(); STAGES],
            load: Load::new(),
        }
    }

    /// The load in the last whole window; nothing before there was one.
    pub(super) fn load(&mut self, stages: &[StageLoad; STAGES], now: Instant) -> &Load {
        let elapsed = now.saturating_duration_since(self.begun);
        if elapsed >= self.length {
            let pairs = stages.iter().zip(&self.before);
            let percent = pairs.filter_map(|(stage, before)| {
                Some((stage.name, stage.percent_since(before, elapsed)?))
            });
            self.load = percent.collect();
            (self.begun, self.before) = (now, *stages);
        }
        &self.load
    }
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
            ..Moment::default()
        };
        let pace = moment.pace(Duration::from_secs(5));
        assert_eq!(pace.percent().as_deref(), Some("40.4"));
        assert_eq!(pace.remaining, Some(Duration::from_millis(7376)));
        assert_eq!((pace.records_per_s, pace.kib_per_s), (10_000, 2048));
        assert_eq!(pace.bytes_per_record, 209);
    }

    #[test]
    fn the_load_is_that_of_the_last_window() {
        let stages = |millis: [u64; STAGES]| {
            let names = ["read", "encode", "compress", "write"];
            std::array::from_fn(|at| StageLoad {
                name: names[at],
                workers: if at == 2 { 0 } else { 2 },
                busy: Duration::from_millis(millis[at]),
            })
        };
        let second = Duration::from_secs(1);
        let mut window = Window::new(second);
        let begun = window.begun;
        let early = begun + second / 2;
        assert_eq!(window.load(&stages([9; STAGES]), early), &Load::new());
        let first = vec![("read", 50), ("encode", 100), ("write", 0)];
        assert_eq!(
            window.load(&stages([1000, 2000, 5, 0]), begun + second),
            &first
        );
        assert_eq!(
            window.load(&stages([1500, 2500, 5, 9]), begun + second),
            &first
        );
        let second_one = vec![("read", 25), ("encode", 0), ("write", 100)];
        let later = begun + 2 * second;
        assert_eq!(
            window.load(&stages([1500, 2000, 5, 9000]), later),
            &second_one
        );
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
