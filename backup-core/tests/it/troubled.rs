//! A local directory whose writes go wrong, or take their time.

use backup_storage::{Call, Capabilities, Hooked, Hooks, LocalDir, Result};
use std::{path::Path, sync::Arc};

struct Trouble<F> {
    capabilities: Capabilities,
    hook: F,
}

impl<F: Fn(u64, usize) -> Result<()> + Send + Sync> Hooks for Trouble<F> {
    fn before(&self, call: Call<'_>) -> Result<()> {
        match call {
            Call::Write(_, before, more) => (self.hook)(before, more),
            _ => Ok(()),
        }
    }

    fn capabilities(&self, _real: Capabilities) -> Capabilities {
        self.capabilities
    }
}

/// A directory with trouble in writing data files: `hook` comes before bytes are written, with how many the
/// file has and how many come.
pub(crate) fn troubled(
    path: &Path,
    capabilities: Capabilities,
    hook: impl Fn(u64, usize) -> Result<()> + Send + Sync + 'static,
) -> Arc<Hooked> {
    let trouble = Trouble { capabilities, hook };
    Arc::new(Hooked::new(
        Arc::new(LocalDir::new(path)),
        Arc::new(trouble),
    ))
}
