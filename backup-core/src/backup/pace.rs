//! The limit of bytes a second, as a wrapper round the target: whoever writes data waits there.

use super::{BackupConfig, BackupTarget};
use crate::{
    limits::Limiter,
    names::SmallFile,
    stats::{BackupStats, millis},
};
use backup_storage::{Call, Hooked, Hooks, Result};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Slows writing down.
#[derive(Debug)]
pub(super) struct Pace {
    limiter: Limiter,
    /// Ends waiting.
    cancel: CancellationToken,
    stats: Arc<BackupStats>,
}

impl Pace {
    /// The pace that a backup is to keep, if any.
    pub(super) fn of(
        config: &BackupConfig,
        stats: &Arc<BackupStats>,
        cancel: CancellationToken,
    ) -> Option<Self> {
        Some(Self {
            limiter: Limiter::new(config.bytes_per_second)?,
            cancel,
            stats: Arc::clone(stats),
        })
    }

    /// `target` at this pace.
    pub(super) fn limit(self, target: &BackupTarget) -> BackupTarget {
        let store = Arc::new(Hooked::new(Arc::clone(target.store()), Arc::new(self)));
        match target {
            BackupTarget::Directory(_) => BackupTarget::Directory(store),
            BackupTarget::Single(_) => BackupTarget::Single(store),
        }
    }
}

impl Hooks for Pace {
    fn before(&self, call: Call<'_>) -> Result<()> {
        if let Call::Write(name, _, bytes) = call
            && SmallFile::of(name).is_none()
        {
            let _idle = self.stats.load.write.pause(); // who waits here is not busy
            let waited = self.limiter.wait_blocking(bytes as u64, &self.cancel);
            self.stats.throttled_ms.add(millis(waited));
        }
        Ok(())
    }
}
