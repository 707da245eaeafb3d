//! Records per second of a scan: a token bucket that starts with a tenth of a second's worth.

use std::time::{Duration, Instant};

/// Longest single wait, so that an aborted scan ends soon.
const STEP: Duration = Duration::from_millis(10);

/// Paces one scan.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// 0 = no limit.
    rps: u32,
    started: Instant,
    spent: u64,
}

impl Throttle {
    pub(crate) fn new(rps: u32) -> Self {
        Self {
            rps,
            started: Instant::now(),
            spent: 0,
        }
    }

    /// Records that may be returned now; waits a moment if there are none. 0 is a possible
    /// answer.
    pub(crate) fn take(&self) -> u64 {
        if self.rps == 0 {
            return u64::MAX;
        }
        let allowed = self.allowed();
        if allowed > 0 {
            return allowed;
        }
        std::thread::sleep(STEP);
        self.allowed()
    }

    /// Counts records that were returned.
    pub(crate) const fn spend(&mut self, records: u64) {
        self.spent += records;
    }

    fn allowed(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let earned = (elapsed_ms.saturating_add(100)).saturating_mul(u64::from(self.rps)) / 1000;
        earned.max(1).saturating_sub(self.spent)
    }
}
