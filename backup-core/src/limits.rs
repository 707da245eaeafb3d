//! Limits of speed, shared by everything that a job does at a time.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// What may be caught up on after a pause that was none of ours. More would be a burst; less
/// would lose what schedulers and disks take.
const SLACK: Duration = Duration::from_millis(100);

/// A sleeping thread looks this often whether it should stop.
const NAP: Duration = Duration::from_millis(100);

/// So many units a second, over any time longer than a moment.
///
/// Whoever takes some says so first and then waits: the long-term rate is exact whatever the
/// sizes are, and nobody waits for a bucket to fill that is smaller than what he wants.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_second: u64,
    /// When everything taken so far will have been paid for.
    paid: Mutex<Instant>,
}

impl Limiter {
    /// A limit of so many units a second; 0 = no limit.
    pub(crate) fn new(per_second: u64) -> Option<Self> {
        (per_second > 0).then(|| Self {
            per_second,
            paid: Mutex::new(Instant::now()),
        })
    }

    /// Takes `amount`, and says how long to wait before taking more.
    fn take(&self, amount: u64, now: Instant) -> Duration {
        let cost = u128::from(amount).saturating_mul(1_000_000_000) / u128::from(self.per_second);
        let cost = Duration::from_nanos(u64::try_from(cost).unwrap_or(u64::MAX));
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        *paid = (*paid).max(earliest);
        *paid = paid.checked_add(cost).unwrap_or(*paid);
        paid.saturating_duration_since(now)
    }

    /// Takes `amount` and waits in a task; returns how long it waited.
    pub(crate) async fn wait(&self, amount: u64, stop: &CancellationToken) -> Duration {
        let pause = self.take(amount, Instant::now());
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        pause
    }

    /// Takes `amount` and waits in a thread; returns how long it waited.
    pub(crate) fn wait_blocking(&self, amount: u64, stop: &CancellationToken) -> Duration {
        let begun = Instant::now();
        let pause = self.take(amount, begun);
        while !stop.is_cancelled() {
            let left = pause.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(NAP));
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes pieces of `size` for `seconds` of made-up time, and returns how much came through.
    fn taken(per_second: u64, size: u64, takers: usize, seconds: u64) -> u64 {
        let limiter = Limiter::new(per_second).unwrap();
        let start = Instant::now();
        let end = start + Duration::from_secs(seconds);
        let mut free = vec![start; takers];
        let mut total = 0;
        while let Some((taker, now)) = free.iter().copied().enumerate().min_by_key(|(_, at)| *at) {
            if now >= end {
                break;
            }
            total += size;
            free[taker] = now + limiter.take(size, now).max(Duration::from_nanos(1));
        }
        total
    }

    #[test]
    fn the_rate_is_exact_for_any_size_and_number_of_takers() {
        for (per_second, size, takers) in [
            (100, 1, 1),
            (1000, 7, 8),
            (10_000, 333, 16),
            (1 << 20, 65_536, 4),
        ] {
            let found = taken(per_second, size, takers, 10);
            let wanted = per_second * 10;
            let error = found.abs_diff(wanted);
            // Everybody may be ahead by the piece that he waits for.
            let ahead = size * takers as u64;
            assert!(
                error <= wanted / 50 + ahead,
                "{found} instead of {wanted}, {size} × {takers}"
            );
        }
    }

    #[test]
    fn an_idle_time_is_not_saved_up() {
        let limiter = Limiter::new(1000).unwrap();
        let later = Instant::now() + Duration::from_secs(60);
        let pause = limiter.take(1000, later);
        assert!(pause >= Duration::from_millis(890), "{pause:?}");
    }

    #[test]
    fn no_limit_is_none() {
        assert!(Limiter::new(0).is_none());
        assert!(
            Limiter::new(u64::MAX)
                .is_some_and(|l| l.take(u64::MAX, Instant::now()) < Duration::from_secs(2))
        );
        assert!(
            Limiter::new(1)
                .is_some_and(|l| l.take(u64::MAX, Instant::now()) > Duration::from_secs(2))
        );
    }
}
