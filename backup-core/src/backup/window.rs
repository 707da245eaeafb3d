//! The time window of a run, as far as it follows from clocks (`parent` says why it is so).

use super::{parent::Since, summary, target::Run};
use crate::error::Error;
use backup_cluster::view::ClusterView;
use std::time::{Duration, SystemTime};

impl Run {
    /// Looks at the clocks before anything is scanned, and finds where an incremental backup
    /// begins; a continuation begins where its first run did.
    ///
    /// # Errors
    /// Another cluster, or a window that makes no sense with the rest of the selection.
    pub(super) async fn open_window(&mut self, view: &dyn ClusterView) -> Result<(), Error> {
        if self.measures_clocks() {
            self.clocks.look(view, &self.config.namespace).await;
        }
        let skew_ns = self.clock_skew_ns(self.clocks.at_most());
        let since = self.since(view).await?;
        if let Some(keeper) = &self.keeper {
            let mut head = keeper.head();
            head.clock_skew_ns = skew_ns;
            head.since_ns = since.map(|since| since.bound_ns);
        }
        let Some(Since { bound_ns, overlap }) = since else {
            return Ok(());
        };
        let selection = &mut self.config.selection;
        selection.modified_after = Some(i64::try_from(bound_ns).unwrap_or(i64::MAX));
        let violations = selection.check();
        if !violations.is_empty() {
            return Err(Error::Selection { violations });
        }
        self.stats.since_ns.add(bound_ns);
        self.stats.overlap_ns.add(nanoseconds(overlap));
        Ok(())
    }

    /// Looks at the clocks once more: the worst of both, and of earlier runs, in nanoseconds.
    pub(super) async fn close_window(&self, view: &dyn ClusterView) -> Option<u64> {
        if !self.measures_clocks() {
            return None;
        }
        let mut clocks = self.clocks.clone();
        clocks.look(view, &self.config.namespace).await;
        let skew_ns = self.clock_skew_ns(clocks.at_most());
        if skew_ns.is_none() {
            tracing::warn!(
                "a node does not tell its time: an incremental backup that goes on from this one will begin a minute earlier"
            );
        }
        skew_ns
    }

    /// Who needs to know about clocks.
    const fn measures_clocks(&self) -> bool {
        self.parent.is_some() || self.config.manifest && self.keeper.is_some()
    }

    async fn since(&self, view: &dyn ClusterView) -> Result<Option<Since>, Error> {
        let Some(parent) = &self.parent else {
            return Ok(None);
        };
        parent.check_cluster(summary::cluster_name(view).await.as_deref())?;
        let begun = self.resumed.as_ref().and_then(|state| state.since_ns);
        match begun {
            Some(bound_ns) => Ok(Some(parent.reached(bound_ns))),
            None => parent.since(&self.clocks, SystemTime::now()).map(Some),
        }
    }

    /// The start of the first run was told by the clock of its machine, so what that one could not
    /// measure no later one can.
    fn clock_skew_ns(&self, now: Option<Duration>) -> Option<u64> {
        let now = now.map(nanoseconds);
        match &self.resumed {
            None => now,
            Some(first) => first.clock_skew_ns.zip(now).map(|(a, b)| a.max(b)),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
