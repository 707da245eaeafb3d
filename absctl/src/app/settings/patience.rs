//! Time-outs and retries: from flags to policies.

use crate::app::cli::{Info, Scans};
use backup_core::{backup::BackupConfig, cluster::retry::RetryPolicy};
use std::time::Duration;

/// Longest pause between rounds of a scan, unless the first one is longer.
const MAX_PAUSE: Duration = RetryPolicy::SCAN.max_pause;

/// How often and when an info command is sent again.
pub(super) fn info_retry(flags: &Info) -> RetryPolicy {
    RetryPolicy {
        attempts: flags.info_max_retries,
        base: millis(flags.info_retry_interval),
        multiplier: flags.info_retry_multiplier,
        ..RetryPolicy::INFO
    }
}

/// The time-outs and retries of the scans.
pub(super) fn scans(flags: &Scans, config: &mut BackupConfig) {
    config.socket_timeout = flags.socket_timeout.map(millis);
    config.total_timeout = millis(flags.total_timeout);
    config.retry.attempts = flags.max_retries.saturating_add(1);
    if let Some(pause) = flags.sleep_between_retries.map(millis) {
        config.retry.base = pause;
        config.retry.max_pause = MAX_PAUSE.max(pause);
    }
}

/// Milliseconds as a flag has them.
pub(super) fn millis(typed: u32) -> Duration {
    Duration::from_millis(typed.into())
}
