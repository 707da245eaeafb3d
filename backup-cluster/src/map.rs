//! Which node serves which partition: the union of what all nodes claim
//! (`info-protocol.md` §4).

use crate::{
    error::{Error, WithCauses},
    racks::Preference,
    view::{ClusterView, Node, NodeName, ask_once},
};
use aerospike_wire::{
    digest::{Digest, PARTITIONS, PartitionId},
    partition::{self, Ownership},
};
use std::{collections::BTreeMap, sync::Arc};

/// Owners of the partitions of one namespace at one moment.
#[derive(Debug, Clone)]
pub struct PartitionMap {
    nodes: Vec<Node>,
    /// Per partition: candidates, master first, as indexes into `nodes`.
    owners: Vec<Vec<usize>>,
}

impl PartitionMap {
    /// Asks every node which partitions it holds. A node that does not answer owns nothing; it
    /// is asked again with the next map.
    ///
    /// # Errors
    /// [`Error::NoNodes`], [`Error::NoNamespace`] when every node that answers does not know
    /// the namespace, or the first failure when no node answers.
    pub async fn fetch(view: &dyn ClusterView, namespace: &str) -> Result<Arc<Self>, Error> {
        let nodes = view.nodes();
        let mut claims: Vec<Option<Ownership>> = Vec::with_capacity(nodes.len());
        let mut answered = false;
        let mut failure = None;
        for node in &nodes {
            match claim(view, &node.name, namespace).await {
                Ok(found) => {
                    answered = true;
                    claims.push(found);
                }
                Err(error) => {
                    tracing::debug!(node = %node.name, error = %WithCauses(&error), "no partition map");
                    failure = Some(error);
                    claims.push(None);
                }
            }
        }
        if claims.iter().any(Option::is_some) {
            return Ok(Arc::new(Self::from_claims(nodes, &claims)));
        }
        if answered {
            return Err(Error::NoNamespace {
                namespace: namespace.to_owned(),
            });
        }
        Err(failure.unwrap_or(Error::NoNodes))
    }

    /// The map that follows from what `nodes` claim (same order; `None` = nothing).
    #[must_use]
    pub fn from_claims(nodes: Vec<Node>, claims: &[Option<Ownership>]) -> Self {
        let owners = (0..PARTITIONS)
            .filter_map(PartitionId::new)
            .map(|partition| candidates(claims, partition))
            .collect();
        Self { nodes, owners }
    }

    /// The nodes of the map, in the order of their names.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node to ask for `partition` at the `attempt`-th try: the master first, then the
    /// replicas in turn, unless other nodes are [preferred](Self::preferring). `None` when nobody claims it.
    #[must_use]
    pub fn owner(&self, partition: PartitionId, attempt: usize) -> Option<&Node> {
        self.owner_index(partition, attempt)
            .and_then(|index| self.nodes.get(index))
    }

    /// As [`Self::owner`], as an index into [`Self::nodes`].
    #[must_use]
    pub fn owner_index(&self, partition: PartitionId, attempt: usize) -> Option<usize> {
        let candidates = self.owners.get(partition.index())?;
        let turn = attempt.checked_rem(candidates.len())?;
        candidates.get(turn).copied()
    }

    /// The partitions whose master is one of the nodes that `wanted` picks, in ascending order.
    pub fn mastered_by(&self, wanted: impl Fn(&NodeName) -> bool) -> Vec<PartitionId> {
        let is_wanted =
            |id: &PartitionId| self.owner(*id, 0).is_some_and(|node| wanted(&node.name));
        (0..PARTITIONS)
            .filter_map(PartitionId::new)
            .filter(is_wanted)
            .collect()
    }

    /// The same map with the candidates of each partition in the order of `preference`; those of
    /// equal rank stay as they were, the master first.
    #[must_use]
    pub fn preferring(mut self, preference: &Preference) -> Self {
        let rank = |index: &usize| {
            self.nodes
                .get(*index)
                .map_or(usize::MAX, |node| preference.rank(&node.name))
        };
        for candidates in &mut self.owners {
            candidates.sort_by_key(rank);
        }
        self
    }

    /// The master of the record's partition, as an index into [`Self::nodes`].
    #[must_use]
    pub fn master_of(&self, digest: &Digest) -> Option<usize> {
        self.owner_index(digest.partition(), 0)
    }
}

async fn claim(
    view: &dyn ClusterView,
    node: &NodeName,
    namespace: &str,
) -> Result<Option<Ownership>, Error> {
    // A node that does not answer is left out of the map; whoever needs it fetches another one.
    let reply = ask_once(view, node, "replicas").await?;
    partition::ownership(reply.as_bytes(), namespace.as_bytes()).map_err(|error| Error::InfoText {
        node: node.clone(),
        command: "replicas".to_owned(),
        reason: error.to_string(),
    })
}

/// Who holds `partition`, column by column; within a column the higher regime first.
fn candidates(claims: &[Option<Ownership>], partition: PartitionId) -> Vec<usize> {
    let mut ranked = BTreeMap::new();
    for (index, claim) in claims.iter().enumerate() {
        let Some(claim) = claim else { continue };
        let column = claim
            .columns
            .iter()
            .position(|column| column.contains(partition));
        if let Some(column) = column {
            ranked.insert(
                (column, u32::MAX.saturating_sub(claim.regime), index),
                index,
            );
        }
    }
    ranked.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Host;
    use aerospike_wire::partition::PartitionBitmap;

    fn node(name: &str) -> Node {
        Node {
            name: NodeName::new(name),
            host: Host::new(name, 3000),
        }
    }

    fn claim(regime: u32, columns: &[&[u16]]) -> Option<Ownership> {
        let columns = columns.iter().map(|ids| {
            let mut bitmap = PartitionBitmap::new();
            ids.iter()
                .for_each(|id| bitmap.insert(PartitionId::new(*id).unwrap()));
            bitmap
        });
        Some(Ownership {
            regime,
            columns: columns.collect(),
        })
    }

    #[test]
    fn masters_come_first_and_attempts_walk_the_replicas() {
        let claims = [
            claim(0, &[&[1], &[2]]),
            claim(0, &[&[2], &[1]]),
            None,
            claim(3, &[&[2], &[]]),
        ];
        let map =
            PartitionMap::from_claims(vec![node("A"), node("B"), node("C"), node("D")], &claims);
        let owner = |id, attempt| {
            map.owner(PartitionId::new(id).unwrap(), attempt)
                .map(|node| node.name.as_str())
        };
        assert_eq!(
            (owner(1, 0), owner(1, 1), owner(1, 2)),
            (Some("A"), Some("B"), Some("A"))
        );
        assert_eq!(owner(2, 0), Some("D"), "the higher regime wins");
        assert_eq!(owner(3, 0), None);
    }
}
