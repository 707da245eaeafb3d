//! Whether the disk is large enough for a backup, found out while it runs: never an error, and
//! never a delay (`behaviour.md` §5).

use super::{Estimate, EstimateConfig, EstimateStats, subject::Subject};
use crate::{
    backup::{run::or_cancelled, selection::Plan, target::Run},
    error::Error,
    handle::off_runtime,
};
use backup_cluster::{scan::PartitionCursor, view::ClusterView};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// An estimate beside a backup. It warns when it has reason to.
#[derive(Debug)]
pub(in crate::backup) struct Forecast {
    task: JoinHandle<()>,
    cancel: CancellationToken,
}

impl Forecast {
    /// Begins to estimate what `run` has still to write; `None` where that was not asked for.
    pub(in crate::backup) fn start(
        run: &Arc<Run>,
        view: &Arc<dyn ClusterView>,
        plan: &Plan,
    ) -> Option<Self> {
        if run.config.forecast_samples == 0 || run.config.no_records {
            return None;
        }
        let ledger = run.files.journal().ledger();
        let selected = plan.selected().iter();
        let rest: Vec<_> = selected.filter_map(|c| ledger.resume(*c)).collect();
        drop(ledger);
        let cancel = CancellationToken::new();
        let work = check(
            Arc::clone(run),
            Arc::clone(view),
            plan.clone(),
            rest,
            cancel.clone(),
        );
        let task = tokio::spawn(async move {
            if let Err(error) = work.await {
                tracing::debug!(%error, "whether the space is enough is not known");
            }
        });
        Some(Self { task, cancel })
    }

    /// Ends it, wherever it is.
    pub(in crate::backup) async fn end(self) {
        self.cancel.cancel();
        let _ = self.task.await; // a panic in it is no matter of the backup
    }
}

/// Compares the estimate with the space that was free at the start.
async fn check(
    run: Arc<Run>,
    view: Arc<dyn ClusterView>,
    plan: Plan,
    rest: Vec<PartitionCursor>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let store = Arc::clone(run.config.target.store());
    let asking = off_runtime(move || Ok(store.available_bytes()?));
    let Some(free) = or_cancelled(&cancel, asking).await? else {
        return Ok(());
    };
    let stats = EstimateStats::default();
    let mut subject = Subject::new(&*view, &run.config, &plan, rest, &stats, &cancel);
    subject.count_objects = EstimateConfig::COUNT_OBJECTS;
    // Indexes and modules are on their way to the disk already.
    let working = subject.estimate(run.config.forecast_samples, 0);
    let estimate = or_cancelled(&cancel, working).await?;
    let keeps_old = run.files.replaces();
    if let Some(warning) = warning(&estimate, free, keeps_old) {
        tracing::warn!("{warning} in {}", run.files.store().location());
    }
    Ok(())
}

/// What to say about the free space. Where an old backup is kept until the new one is complete,
/// there has to be room for two.
fn warning(estimate: &Estimate, free: u64, keeps_old: bool) -> Option<String> {
    let bytes = estimate.bytes;
    if keeps_old && bytes.saturating_mul(2) > free {
        return Some(format!(
            "the backup will have about {bytes} bytes, and there may be no room for it beside the old one, which --remove-early would remove first: {free} bytes are free"
        ));
    }
    (bytes > free).then(|| {
        format!("the backup will have about {bytes} bytes, but only {free} bytes are free")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_free_gives_a_warning() {
        let estimate = Estimate {
            records: 10,
            samples: 10,
            record_bytes: 100.0,
            record_bound_bytes: 100.0,
            compression_ratio: 1.0,
            bytes: 1000,
            bound_bytes: 2000,
            is_exact: true,
        };
        let said = |free, keeps_old| warning(&estimate, free, keeps_old).unwrap_or_default();
        assert_eq!(said(1000, false), "");
        assert!(said(999, false).contains("about 1000 bytes, but only 999 bytes are free"));
        assert!(!said(999, false).contains("--remove-early"));
        assert_eq!(said(2000, true), "");
        assert!(said(1999, true).contains("--remove-early"));
        assert!(said(0, true).contains("about 1000 bytes"));
    }
}
