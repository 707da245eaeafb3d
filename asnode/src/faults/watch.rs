//! The rules that a running scan has to keep an eye on.

use super::{Reaction, active::Active, rule::Unit};
use std::sync::Arc;

/// Rules that fire in the middle of a scan, and what the scan has sent.
#[derive(Debug, Default)]
pub(crate) struct ScanWatch {
    rules: Vec<Arc<Active>>,
    records: u64,
    bytes: u64,
}

impl ScanWatch {
    pub(super) fn new(rules: Vec<Arc<Active>>) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// How much may be sent before the next rule is due.
    pub(crate) fn budget(&self, unit: Unit) -> u64 {
        let sent = match unit {
            Unit::Records => self.records,
            Unit::Bytes => self.bytes,
        };
        let left = self.rules.iter().filter_map(|rule| rule.left(unit, sent));
        left.min().unwrap_or(u64::MAX)
    }

    /// Counts what was sent; the reactions that are due.
    pub(crate) fn add(&mut self, unit: Unit, n: u64) -> Vec<Reaction> {
        let sent = match unit {
            Unit::Records => &mut self.records,
            Unit::Bytes => &mut self.bytes,
        };
        *sent += n;
        let due = |rule: &&Arc<Active>| rule.is_reached(unit, *sent, n) && rule.fire();
        let due = self.rules.iter().filter(due);
        due.map(|active| active.rule.reaction).collect()
    }
}
