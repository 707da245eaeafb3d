//! What it means that a node says nothing for a while.

use std::time::Duration;

/// Silence in the middle of a scan, while we are ready to read. A node that filters much out sends
/// nothing until a frame is full (`wire-scan.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// No failure: after this time, and again, the node is asked whether it is still there.
    Ask(Duration),
    /// A failure after this time: the request is given up, and its partitions are resumed in the
    /// next round.
    Fail(Duration),
}

impl Default for Silence {
    fn default() -> Self {
        Self::Ask(Duration::from_secs(10))
    }
}

impl Silence {
    /// Waits as long as it may last; returns how long that was.
    pub(super) async fn lasts(self) -> Duration {
        let (Self::Ask(limit) | Self::Fail(limit)) = self;
        tokio::time::sleep(limit).await;
        limit
    }

    pub(super) const fn is_failure(self) -> bool {
        matches!(self, Self::Fail(_))
    }
}
