//! When to try again: one policy, one arithmetic (`behaviour.md` §6.7).

use crate::error::Error;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pauses between attempts: `base × multiplier^n`, ± 10 %, never above `max_pause`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all; 0 counts as 1.
    pub attempts: u32,
    /// Pause before the second attempt; zero = none.
    pub base: Duration,
    /// Growth of the pause, at least 1.
    pub multiplier: f64,
    /// Longest pause.
    pub max_pause: Duration,
}

impl RetryPolicy {
    /// For record writes: 5 attempts, 1, 2, 4, 8 s apart (`cli.md` §7).
    pub const WRITE: Self = Self {
        attempts: 5,
        base: Duration::from_secs(1),
        multiplier: 2.0,
        max_pause: Duration::from_secs(30),
    };

    /// For scans: 5 rounds without progress. A pause is never shorter than the tend interval,
    /// before which nobody can know of another owner.
    pub const SCAN: Self = Self {
        attempts: 6,
        base: Duration::from_millis(500),
        multiplier: 1.5,
        max_pause: Duration::from_secs(5),
    };

    /// For info commands: 3 attempts, 1 s apart (`cli.md` §7).
    pub const INFO: Self = Self {
        attempts: 3,
        base: Duration::from_secs(1),
        multiplier: 1.0,
        max_pause: Duration::MAX,
    };

    /// No second attempt.
    pub const ONCE: Self = Self {
        attempts: 1,
        base: Duration::ZERO,
        multiplier: 1.0,
        max_pause: Duration::ZERO,
    };

    /// Whether attempt number `done` (counted from 1) was the last.
    #[must_use]
    pub const fn is_exhausted(&self, done: u32) -> bool {
        done >= self.attempts
    }

    /// The pause after `done` failed attempts, with jitter.
    #[must_use]
    pub fn pause(&self, done: u32) -> Duration {
        let exponent = i32::try_from(done.saturating_sub(1)).unwrap_or(i32::MAX);
        let factor = self.multiplier.max(1.0).powi(exponent) * (0.9 + 0.2 * fastrand::f64());
        let seconds = self.base.as_secs_f64() * factor;
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(self.max_pause)
            .min(self.max_pause)
    }
}

/// Waits, unless the run is cancelled first.
///
/// # Errors
/// [`Error::Cancelled`].
pub async fn sleep(pause: Duration, cancel: &CancellationToken) -> Result<(), Error> {
    tokio::select! {
        () = tokio::time::sleep(pause) => Ok(()),
        () = cancel.cancelled() => Err(Error::Cancelled),
    }
}

/// Ends `grace` after the run was cancelled: for what is given a moment to finish.
pub async fn long_after(cancel: &CancellationToken, grace: Duration) {
    cancel.cancelled().await;
    tokio::time::sleep(grace).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_jitter() {
        let check = |done, base_ms: u64| {
            let pause = RetryPolicy::WRITE.pause(done).as_millis();
            let (low, high) = (u128::from(base_ms * 9 / 10), u128::from(base_ms * 11 / 10));
            assert!((low..=high).contains(&pause), "{pause} after {done}");
        };
        check(1, 1000);
        check(2, 2000);
        check(4, 8000);
        assert_eq!(RetryPolicy::WRITE.pause(1000), RetryPolicy::WRITE.max_pause);
        assert_eq!(
            RetryPolicy {
                base: Duration::ZERO,
                ..RetryPolicy::WRITE
            }
            .pause(3),
            Duration::ZERO
        );
        assert!(
            RetryPolicy {
                attempts: 0,
                ..RetryPolicy::WRITE
            }
            .is_exhausted(1)
        );
    }
}
