//! The cluster's clock: real time plus an offset that tests move, so that nothing has to sleep
//! until a record expires.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Unix time of the "CL epoch", 2010-01-01 00:00:00 UTC, in seconds (`wire-protocol.md` §7).
pub const CL_EPOCH_UNIX_S: u64 = 1_262_304_000;

/// Time since the CL epoch, movable.
#[derive(Debug, Default)]
pub struct Clock {
    offset_ms: AtomicI64,
    /// How far the clock of each node is ahead of this one.
    skews_ms: Vec<AtomicI64>,
    /// Whether any of them was ever set: the path of a write must not look for its node in vain.
    is_skewed: AtomicBool,
}

impl Clock {
    /// The clock of a cluster of `nodes` nodes, which agree on the time.
    pub(crate) fn of_nodes(nodes: usize) -> Self {
        Self {
            skews_ms: (0..nodes).map(|_| AtomicI64::new(0)).collect(),
            ..Self::default()
        }
    }

    /// Milliseconds since 2010-01-01 UTC.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        unix_ms
            .saturating_sub(CL_EPOCH_UNIX_S * 1000)
            .saturating_add_signed(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Seconds since 2010-01-01 UTC, the unit of void-times.
    #[must_use]
    pub fn now_s(&self) -> u32 {
        u32::try_from(self.now_ms() / 1000).unwrap_or(u32::MAX)
    }

    /// Moves the clock forward by `step`. Records expire at once.
    pub fn advance(&self, step: Duration) {
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        self.jump(step);
    }

    /// Moves the clock by this many milliseconds, backwards if negative.
    pub fn jump(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Puts the clock of one node, by its index, this many milliseconds ahead of the others, or
    /// behind if negative: it gives last-update times by that clock, and tells it as
    /// `current_time`. Void-times and sessions stay with the cluster's clock.
    pub fn skew(&self, node: usize, ms: i64) {
        if let Some(skew) = self.skews_ms.get(node) {
            skew.store(ms, Ordering::Relaxed);
            self.is_skewed.store(true, Ordering::Relaxed);
        }
    }

    /// Milliseconds since 2010-01-01 UTC by the clock of one node.
    #[must_use]
    pub fn node_ms(&self, node: usize) -> u64 {
        let skew = self.skews_ms.get(node);
        let skew = skew.map_or(0, |skew| skew.load(Ordering::Relaxed));
        self.now_ms().saturating_add_signed(skew)
    }

    /// Whether a node may have a time of its own.
    pub(crate) fn is_skewed(&self) -> bool {
        self.is_skewed.load(Ordering::Relaxed)
    }

    /// Sets the clock so that it shows `ms` milliseconds since 2010-01-01 UTC now.
    pub fn set_ms(&self, ms: u64) {
        self.offset_ms.store(0, Ordering::Relaxed);
        let real = i64::try_from(self.now_ms()).unwrap_or(i64::MAX);
        let wanted = i64::try_from(ms).unwrap_or(i64::MAX);
        self.offset_ms
            .store(wanted.saturating_sub(real), Ordering::Relaxed);
    }
}
