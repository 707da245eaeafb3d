//! What a node's clock shows. All supported versions tell it in one place only: `current_time` of
//! the statistics of a namespace, in whole seconds since 2010 (`info-protocol.md` §5).

use super::{Metadata, nonsense};
use crate::{
    error::Error,
    view::{NodeName, ask},
};
use aerospike_wire::info;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2010-01-01 UTC, from which servers count, in seconds since 1970 (`wire-protocol.md` §7).
const SERVER_EPOCH_S: i128 = 1_262_304_000;

const SECOND_NS: i128 = 1_000_000_000;

/// How far the clock of a node is ahead of ours: somewhere between two bounds, in nanoseconds,
/// negative if it is behind. They are a second and the time of the exchange apart, because nodes
/// tell whole seconds and nobody knows when in the exchange they looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// At least this.
    pub least_ns: i128,
    /// At most this.
    pub most_ns: i128,
}

impl ClockOffset {
    /// From what a node answered (seconds since 2010) to a question that was asked and answered
    /// at these times of ours.
    #[must_use]
    pub fn new(node_s: u32, asked: SystemTime, answered: SystemTime) -> Self {
        let node_ns = (i128::from(node_s) + SERVER_EPOCH_S) * SECOND_NS;
        let (asked, answered) = (since_1970_ns(asked), since_1970_ns(answered));
        Self {
            least_ns: node_ns - asked.max(answered),
            most_ns: node_ns + SECOND_NS - asked.min(answered),
        }
    }

    /// The clocks differ by this at most.
    #[must_use]
    pub fn at_most(self) -> Duration {
        let bounds = [self.least_ns, self.most_ns].map(i128::unsigned_abs);
        nanoseconds(bounds[0].max(bounds[1]))
    }

    /// The clocks differ by this at least.
    #[must_use]
    pub fn at_least(self) -> Duration {
        nanoseconds(self.least_ns.max(-self.most_ns).max(0).unsigned_abs())
    }
}

fn since_1970_ns(time: SystemTime) -> i128 {
    let signed = |time: Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX / 4);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

fn nanoseconds(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

impl Metadata<'_> {
    /// Compares the clock of a node with ours.
    ///
    /// # Errors
    /// A node that does not answer, or does not say what its clock shows.
    pub async fn clock_offset(
        &self,
        node: &NodeName,
        namespace: &str,
    ) -> Result<ClockOffset, Error> {
        let command = format!("namespace/{namespace}");
        let asked = SystemTime::now();
        let text = ask(self.view, node, &command).await?;
        let answered = SystemTime::now();
        let shown = info::value(text.as_bytes(), b';', b"current_time").and_then(info::number);
        let shown: u32 = shown.ok_or_else(|| nonsense(node, &command, "no current_time"))?;
        Ok(ClockOffset::new(shown, asked, answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 s after the epoch of servers.
    fn at(ms: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_262_304_100) + Duration::from_millis(ms)
    }

    #[test]
    fn bounds_hold_the_truth_whenever_the_node_looked() {
        for skew_ms in [-30_000i64, -5_000, -999, -1, 0, 1, 400, 1_000, 7_300] {
            for asked_ms in (0..2_000).step_by(97) {
                for (to_ms, back_ms) in [(0, 0), (3, 250), (1_200, 10)] {
                    let looked_ms = asked_ms + to_ms;
                    let shown_ms = 100_000 + i64::try_from(looked_ms).unwrap() + skew_ms;
                    let shown_s = u32::try_from(shown_ms / 1_000).unwrap();
                    let offset = ClockOffset::new(shown_s, at(asked_ms), at(looked_ms + back_ms));
                    let truth = i128::from(skew_ms) * 1_000_000;
                    assert!(offset.least_ns <= truth && truth <= offset.most_ns);
                    let size = Duration::from_millis(skew_ms.unsigned_abs());
                    assert!(offset.at_least() <= size && size <= offset.at_most());
                    let width = Duration::from_millis(1_000 + to_ms + back_ms);
                    assert!(offset.at_most() <= size + width, "{offset:?}");
                    assert!(offset.at_least() + width >= size, "{offset:?}");
                }
            }
        }
    }

    #[test]
    fn a_clock_of_ours_that_goes_back_only_widens_the_bounds() {
        let offset = ClockOffset::new(100, at(500), at(200));
        assert_eq!(offset.least_ns, -500_000_000);
        assert_eq!(offset.most_ns, 800_000_000);
        assert_eq!(offset.at_least(), Duration::ZERO);
    }
}
