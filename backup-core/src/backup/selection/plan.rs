//! A selection as the cluster sees it: partitions and where to begin in each of them.

use super::{Scope, filter};
use crate::{backup::BackupConfig, error::Error};
use aerospike_wire::{
    digest::{Digest, PARTITIONS, PartitionId},
    result_code::ResultCode,
    scan::ScanRecord,
};
use backup_cluster::{
    directory::NodeDirectory,
    error::Error as ClusterError,
    map::PartitionMap,
    racks::{Preference, Racks},
    scan::{self, Budget, PartitionCursor, RecordLimit, RecordSink, ScanError, ScanOptions},
    view::{ClusterView, NodeName},
};
use std::{collections::BTreeSet, convert::Infallible, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What is to be scanned, and how.
#[derive(Debug, Clone)]
pub(in crate::backup) struct Plan {
    /// What is not listed is not read. The list stays, whatever the cluster does meanwhile.
    selected: Vec<PartitionCursor>,
    /// With shards, what all of them divide.
    divided: Vec<PartitionCursor>,
    options: Arc<ScanOptions>,
}

/// What an earlier run of the same backup has left.
#[derive(Debug)]
pub(in crate::backup) struct Begun {
    /// The partitions that it had found.
    pub(in crate::backup) selected: Vec<PartitionCursor>,
    /// Records that it has written.
    pub(in crate::backup) records: u64,
}

impl Plan {
    /// Resolves the selection of `config`, and has a node judge its filter.
    pub(in crate::backup) async fn resolve(
        view: &dyn ClusterView,
        config: &BackupConfig,
        begun: Option<Begun>,
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let preference = preference(view, config).await?;
        let written = begun.as_ref().map_or(0, |begun| begun.records);
        let options = Arc::new(options(config, preference, written));
        if let Some(Begun { selected, .. }) = begun {
            return Ok(Self {
                selected,
                divided: Vec::new(),
                options,
            });
        }
        let mut plan = Self {
            selected: cursors(view, config).await?,
            divided: Vec::new(),
            options,
        };
        if !config.selection.filter_expression.is_empty() && !config.no_records {
            plan.probe_filter(view, cancel).await?;
        }
        if let Some(shard) = config.shard() {
            let share = shard.share_of(&plan.selected).to_vec();
            plan.divided = std::mem::replace(&mut plan.selected, share);
        }
        Ok(plan)
    }

    /// Where to begin in each partition that was chosen.
    pub(in crate::backup) fn selected(&self) -> &[PartitionCursor] {
        &self.selected
    }

    /// What all shards together read; nothing without shards, and in a continuation.
    pub(in crate::backup) fn divided(&self) -> &[PartitionCursor] {
        &self.divided
    }

    /// How each scan is made. They share their limit of records.
    pub(in crate::backup) const fn options(&self) -> &Arc<ScanOptions> {
        &self.options
    }

    /// Lets a node look at the filter before anything is touched: whether an expression means
    /// anything, only the server knows.
    async fn probe_filter(
        &self,
        view: &dyn ClusterView,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let options = ScanOptions {
            limit: Some(Arc::new(RecordLimit::new(1))),
            no_bins: true,
            ..(*self.options).clone()
        };
        let mut first: Vec<_> = self.selected.iter().take(1).copied().collect();
        let scanned = scan::scan(view, &options, &mut first, &mut Nobody, cancel).await;
        match scanned {
            Ok(_) => Ok(()),
            Err(ScanError::Cluster(ClusterError::Refused { node, code, .. }))
                if code == ResultCode::PARAMETER =>
            {
                Err(Error::FilterRefused { node })
            }
            Err(ScanError::Cluster(error)) => Err(error.into()),
            Err(ScanError::Sink(never)) => match never {},
        }
    }
}

/// Takes records and forgets them.
struct Nobody;

impl RecordSink for Nobody {
    type Error = Infallible;

    fn record(&mut self, _record: &ScanRecord<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The options of all scans; `written` records are there already.
fn options(config: &BackupConfig, preference: Preference, written: u64) -> ScanOptions {
    let selection = &config.selection;
    let left = selection.max_records.saturating_sub(written);
    let limit = (selection.max_records > 0).then(|| RecordLimit::new(left));
    let bins = selection.bins.iter().map(|name| name.as_bytes().to_vec());
    let mut options = ScanOptions {
        set: filter::single_set(selection),
        bins: bins.collect(),
        no_bins: selection.no_bins,
        filter: filter::compose(selection),
        limit: limit.map(Arc::new),
        preference,
        retry: config.retry,
        budget: Budget::new(config.large_record_bytes),
        socket: config.socket,
        ..ScanOptions::new(&config.namespace)
    };
    config.limit_scans(&mut options);
    options
}

async fn cursors(
    view: &dyn ClusterView,
    config: &BackupConfig,
) -> Result<Vec<PartitionCursor>, Error> {
    let nodes = match &config.selection.scope {
        Scope::All => return Ok(from(0).collect()),
        Scope::Partitions(list) => return Ok(list.cursors().collect()),
        Scope::AfterDigest(digest) => return Ok(after(*digest)),
        Scope::Nodes(names) => listed_nodes(view, names).await?,
        Scope::Racks(ids) => listed_racks(view, config, ids).await?,
    };
    let map = PartitionMap::fetch(view, &config.namespace).await?;
    let partitions = map.mastered_by(|node| nodes.contains(node));
    if partitions.is_empty() {
        tracing::warn!("the nodes that were asked for are masters of no partition");
    }
    Ok(partitions.into_iter().map(PartitionCursor::start).collect())
}

/// The partitions from number `first` on.
fn from(first: u16) -> impl Iterator<Item = PartitionCursor> {
    (first..PARTITIONS)
        .filter_map(PartitionId::new)
        .map(PartitionCursor::start)
}

fn after(digest: Digest) -> Vec<PartitionCursor> {
    let next = digest.partition().get().saturating_add(1);
    [PartitionCursor::after(digest)]
        .into_iter()
        .chain(from(next))
        .collect()
}

async fn listed_nodes(
    view: &dyn ClusterView,
    names: &[String],
) -> Result<BTreeSet<NodeName>, Error> {
    let directory = NodeDirectory::fetch(view).await?;
    let mut found = BTreeSet::new();
    for name in names {
        let node = directory.find(name).ok_or_else(|| Error::UnknownNode {
            name: name.clone(),
            known: directory.describe().collect(),
        })?;
        found.insert(node.clone());
    }
    Ok(found)
}

async fn listed_racks(
    view: &dyn ClusterView,
    config: &BackupConfig,
    ids: &[u32],
) -> Result<BTreeSet<NodeName>, Error> {
    let racks = Racks::fetch(view, &config.namespace).await?;
    let mut found = BTreeSet::new();
    for id in ids {
        let nodes = racks.nodes(*id).ok_or_else(|| Error::UnknownRack {
            id: *id,
            known: racks.ids().collect(),
        })?;
        found.extend(nodes.iter().cloned());
    }
    Ok(found)
}

async fn preference(view: &dyn ClusterView, config: &BackupConfig) -> Result<Preference, Error> {
    let ids = &config.selection.prefer_racks;
    if ids.is_empty() {
        return Ok(Preference::default());
    }
    let racks = Racks::fetch(view, &config.namespace).await?;
    for id in ids.iter().filter(|id| racks.nodes(**id).is_none()) {
        tracing::warn!("no node is in rack {id}, which is to be preferred");
    }
    Ok(racks.preference(ids))
}
