//! Trying again (`storage.md` §2.7, `cli.md` §11). A request is made anew each time, signature and
//! credentials included: a signature is good for fifteen minutes only.

use std::{future::Future, time::Duration};

use object_store::RetryConfig;

use super::{
    exchange,
    failure::{Failure, Problem},
};

/// Longest time to wait that a server is obeyed in.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// For `object_store`, which is to leave repeating to us.
pub(super) fn none() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// How often failed requests are repeated, and the pauses between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all; 0 is taken as 1.
    pub attempts: u32,
    /// Pause after the first failure, where the server asks for none.
    pub first_pause: Duration,
    /// What a pause is longer than the one before, at least 1.
    pub multiplier: f64,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl Retry {
    /// Requests to S3: ten attempts, pauses from 100 ms, doubling, up to 90 s.
    pub const S3: Self = Self::new(10, Duration::from_millis(100), 2.0, Duration::from_secs(90));
    /// Requests to Google Cloud Storage and to Azure: ten attempts, pauses of 60 and 90 s.
    pub const SLOW: Self = Self::new(10, Duration::from_secs(60), 2.0, Duration::from_secs(90));
    /// Downloads that broke off: three attempts without progress, pauses of 1 and 2 s.
    pub const READ: Self = Self::new(3, Duration::from_secs(1), 2.0, Duration::from_secs(3600));

    /// So many attempts with such pauses.
    #[must_use]
    pub const fn new(
        attempts: u32,
        first_pause: Duration,
        multiplier: f64,
        longest_pause: Duration,
    ) -> Self {
        Self {
            attempts,
            first_pause,
            multiplier,
            longest_pause,
        }
    }

    /// The pause after so many failures, give or take a tenth.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let factor = self.multiplier.max(1.0).powi(exponent);
        let seconds = self.first_pause.as_secs_f64() * factor;
        let longest = self.longest_pause.as_secs_f64();
        let seconds = if seconds < longest { seconds } else { longest };
        Duration::from_secs_f64(seconds * (0.9 + 0.2 * fastrand::f64()))
    }

    /// Makes a request until it succeeds, fails for good, or was tried often enough. `request` is told
    /// how often it failed before.
    pub(super) async fn run<T, F, Fut>(&self, mut request: F) -> Result<T, Failure>
    where
        F: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, Problem>>,
    {
        let mut failures = 0_u32;
        loop {
            let (result, met) = exchange::recorded(request(failures)).await;
            let failure = match result {
                Ok(value) => return Ok(value),
                Err(problem) => Failure::judge(problem, &met),
            };
            failures = failures.saturating_add(1);
            if !failure.is_transient || failures >= self.attempts {
                return Err(failure);
            }
            let pause = failure.retry_after.map(|wait| wait.min(LONGEST_WAIT));
            let pause = pause.unwrap_or_else(|| self.pause(failures));
            tracing::debug!(%failure, failures, ?pause, "a storage request is repeated");
            tokio::time::sleep(pause).await;
        }
    }
}
