//! Something that a rule may match.

use super::{On, Reaction, Rows, Rule, rule::Trigger};
use crate::info;
use aerospike_wire::digest::Digest;

/// What has happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) on: On,
    pub(crate) node: usize,
    pub(crate) partition: Option<u16>,
    /// Position in the batch.
    pub(crate) row: Option<u32>,
    pub(crate) digest: Option<Digest>,
    /// Those of an info message.
    pub(crate) commands: &'a [&'a [u8]],
    /// Whether it is about the only one of them and not about the message.
    pub(crate) is_command: bool,
}

impl Event<'_> {
    pub(crate) const fn of(on: On, node: usize) -> Self {
        Self {
            on,
            node,
            partition: None,
            row: None,
            digest: None,
            commands: &[],
            is_command: false,
        }
    }

    pub(super) fn matches(&self, rule: &Rule) -> bool {
        self.is_listened_to(rule)
            && rule.node.is_none_or(|node| node == self.node)
            && rule.command.is_none_or(|name| self.has_command(name))
            && self.has_row(rule.rows)
            && self.has_partition(rule)
    }

    fn is_listened_to(&self, rule: &Rule) -> bool {
        let is_request = !matches!(self.on, On::Connect | On::BatchRow);
        let fits = rule.on == self.on || rule.on == On::Request && is_request;
        fits && rule.reaction.is_per_command() == self.is_command
    }

    fn has_command(&self, name: &str) -> bool {
        let mut names = self
            .commands
            .iter()
            .map(|command| info::split_name(command).0);
        names.any(|found| found == name.as_bytes())
    }

    fn has_row(&self, rows: Rows) -> bool {
        match rows {
            Rows::All => true,
            Rows::At(position) => self.row == Some(position),
            Rows::Percent(share) => self
                .digest
                .is_some_and(|d| hash(&d) % 100 < u32::from(share)),
            Rows::Of(digest) => self.digest == Some(digest),
        }
    }

    fn has_partition(&self, rule: &Rule) -> bool {
        match (rule.partition, self.partition) {
            (Some(wanted), Some(found)) => wanted == found,
            // A rule on a partition within a scan fires when the scan gets there.
            (Some(_), None) => self.on != On::Scan || rule.trigger != Trigger::Start,
            (None, None) => true,
            (None, Some(_)) => {
                self.on != On::Scan || rule.reaction == Reaction::PartitionUnavailable
            }
        }
    }
}

/// Digests are evenly spread; their last bytes say nothing about the partition.
fn hash(digest: &Digest) -> u32 {
    let [.., b0, b1, b2, b3] = digest.0;
    u32::from_be_bytes([b0, b1, b2, b3])
}
