//! What reactions do to the cluster and to the connection on which they happen. Those that end a
//! request are left to whoever serves it.

use super::{Event, Reaction};
use crate::{
    link::{Manner, Voice},
    request::State,
    topology::NodeLoss,
};

impl State {
    /// Fires the rules that match. The request goes on as usual, unless a reaction is returned,
    /// which says how it ends.
    pub(crate) fn react(&self, event: &Event<'_>, manner: &mut Manner) -> Option<Reaction> {
        let rules = self.faults.matching(event);
        let mut fired = rules.iter().filter(|active| active.fire());
        fired.find_map(|active| self.conduct(event.node, active.rule.reaction, manner))
    }

    /// Does what does not end the request; gives back what does.
    pub(crate) fn conduct(
        &self,
        node: usize,
        reaction: Reaction,
        manner: &mut Manner,
    ) -> Option<Reaction> {
        match reaction {
            Reaction::Delay(time) => std::thread::sleep(time),
            Reaction::JumpClock { by_ms } => self.clock.jump(by_ms),
            Reaction::Trickle { bytes_per_second } => {
                manner.bytes_per_second = Some(bytes_per_second);
            }
            Reaction::HalfFrame => manner.voice = Voice::HalfFrame,
            Reaction::CutReply { after_bytes } => manner.bytes_left = Some(after_bytes),
            Reaction::UnknownField => manner.unknown_field = true,
            Reaction::MovePartition { partition, to } => {
                self.topology.move_partition(usize::from(partition), to);
            }
            Reaction::RetireNode => {
                self.retire_node(node);
            }
            ends => return Some(ends),
        }
        None
    }

    /// Hands the partitions of a node over and lets it finish what it is doing. `false`: it was
    /// dead.
    pub(crate) fn retire_node(&self, node: usize) -> bool {
        let removed = self.topology.remove(node, NodeLoss::Takeover);
        if removed && let Some(leaving) = self.nodes.get(node) {
            leaving.retire();
        }
        if removed {
            self.xdr.stop_node(node);
        }
        removed
    }
}
