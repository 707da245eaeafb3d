//! A limit to what is read from the storage: the bytes of the link or disk, before anything is
//! decrypted or decompressed.

use crate::{
    limits::Limiter,
    stats::{RestoreStats, millis},
};
use backup_storage::Download;
use std::{
    io::{self, Read},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// Reads into which a second is divided at least.
const SLICES: u64 = 20;

/// A limit for all files of a job.
#[derive(Debug)]
pub(crate) struct Throttle {
    limiter: Limiter,
    /// Most bytes of one read.
    slice: usize,
    stop: CancellationToken,
    stats: Arc<RestoreStats>,
}

impl Throttle {
    /// So many bytes a second; `None` for 0, which is no limit.
    pub(crate) fn new(
        per_second: u64,
        stop: &CancellationToken,
        stats: &Arc<RestoreStats>,
    ) -> Option<Arc<Self>> {
        let limiter = Limiter::new(per_second)?;
        Some(Arc::new(Self {
            limiter,
            slice: usize::try_from(per_second / SLICES)
                .unwrap_or(usize::MAX)
                .max(1),
            stop: stop.clone(),
            stats: Arc::clone(stats),
        }))
    }

    /// `download`, slowed down.
    pub(crate) fn slow(self: &Arc<Self>, download: Box<dyn Download>) -> Box<dyn Download> {
        let throttle = Arc::clone(self);
        Box::new(Slowed { download, throttle })
    }
}

#[derive(Debug)]
struct Slowed {
    download: Box<dyn Download>,
    throttle: Arc<Throttle>,
}

impl Read for Slowed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Throttle {
            limiter,
            slice,
            stop,
            stats,
        } = &*self.throttle;
        let len = out.len().min(*slice);
        let read = self.download.read(out.get_mut(..len).unwrap_or_default())?;
        let waited = limiter.wait_blocking(read as u64, stop);
        stats.throttled_ms.add(millis(waited));
        Ok(read)
    }
}

impl Download for Slowed {
    fn size(&self) -> Option<u64> {
        self.download.size()
    }
}
