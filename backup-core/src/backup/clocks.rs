//! How far the clocks of the nodes are from ours: what an incremental backup after this one has
//! to allow for (goal R24 of `trust-and-ux.md`).

use backup_cluster::{
    metadata::{ClockOffset, Metadata},
    view::{ClusterView, NodeName},
};
use std::{collections::BTreeMap, time::Duration};

/// The clocks that were looked at so far, by node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clocks {
    /// The largest and the surest difference of each; `None` where nobody knows.
    nodes: BTreeMap<NodeName, Option<Skew>>,
}

/// How far two clocks were apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Skew {
    at_most: Duration,
    at_least: Duration,
}

impl Clocks {
    /// Looks at the clock of each node there is now, beside what was found before. A node that
    /// does not tell is no failure: what is known of it stays.
    pub(super) async fn look(&mut self, view: &dyn ClusterView, namespace: &str) {
        let metadata = Metadata::new(view);
        for node in view.nodes() {
            let offset = metadata.clock_offset(&node.name, namespace).await;
            if let Err(error) = &offset {
                tracing::debug!(node = %node.name, %error, "the clock of the node is not known");
            }
            self.add(node.name, offset.ok());
        }
    }

    fn add(&mut self, node: NodeName, offset: Option<ClockOffset>) {
        let known = self.nodes.entry(node).or_default();
        let Some(offset) = offset else {
            return;
        };
        let before = known.unwrap_or_default();
        *known = Some(Skew {
            at_most: before.at_most.max(offset.at_most()),
            at_least: before.at_least.max(offset.at_least()),
        });
    }

    /// No clock was further away than this; `None` if some node never told.
    pub(super) fn at_most(&self) -> Option<Duration> {
        let mut worst = None;
        for skew in self.nodes.values() {
            worst = worst.max(Some((*skew)?.at_most));
        }
        worst
    }

    /// Some clock was this far away for certain.
    pub(super) fn at_least(&self) -> Duration {
        let known = self.nodes.values().flatten();
        known.map(|skew| skew.at_least).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: i128 = 1_000_000_000;

    fn offset(least: i128, most: i128) -> Option<ClockOffset> {
        Some(ClockOffset {
            least_ns: least * SECOND_NS,
            most_ns: most * SECOND_NS,
        })
    }

    #[test]
    fn the_worst_of_all_nodes_and_looks_counts() {
        let mut clocks = Clocks::default();
        assert_eq!(
            (clocks.at_most(), clocks.at_least()),
            (None, Duration::ZERO)
        );
        let nodes = ["A", "B"].map(NodeName::new);
        clocks.add(nodes[0].clone(), offset(-1, 1));
        assert_eq!(clocks.at_most(), Some(Duration::from_secs(1)));
        clocks.add(nodes[1].clone(), None);
        assert_eq!(clocks.at_most(), None, "nobody knows about B");
        clocks.add(nodes[1].clone(), offset(-7, -5));
        clocks.add(nodes[1].clone(), offset(0, 1));
        clocks.add(nodes[1].clone(), None);
        assert_eq!(clocks.at_most(), Some(Duration::from_secs(7)));
        assert_eq!(clocks.at_least(), Duration::from_secs(5));
    }
}
