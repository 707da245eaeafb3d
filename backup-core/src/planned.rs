//! What dry runs of all commands say about the cluster.

use crate::error::Error;
use aerospike_wire::digest::PartitionId;
use backup_cluster::{map::PartitionMap, view::ClusterView};

/// A node, and its part of what would be read or written as things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNode {
    /// Its name.
    pub name: String,
    /// Its address, as `host:port`.
    pub address: String,
    /// Partitions that it is master of, among those that are concerned.
    pub partitions: usize,
}

/// The nodes of the cluster; `is_concerned` chooses among the partitions.
pub(crate) async fn nodes(
    view: &dyn ClusterView,
    namespace: &str,
    is_concerned: impl Fn(&PartitionId) -> bool,
) -> Result<Vec<PlannedNode>, Error> {
    let map = PartitionMap::fetch(view, namespace).await?;
    let nodes = view.nodes().into_iter();
    let planned = nodes.map(|node| {
        let own = map.mastered_by(|name| *name == node.name);
        PlannedNode {
            partitions: own.iter().filter(|id| is_concerned(id)).count(),
            name: node.name.to_string(),
            address: node.host.to_string(),
        }
    });
    Ok(planned.collect())
}
