//! A rule that was added, and what became of it.

use super::{
    Rule, RuleId,
    rule::{Since, Trigger, Unit},
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Numbers of records and of bytes.
#[derive(Debug, Default)]
struct Totals {
    records: AtomicU64,
    bytes: AtomicU64,
}

/// A rule and its counters.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) id: RuleId,
    pub(super) rule: Rule,
    added: Instant,
    matched: AtomicU64,
    fired: AtomicU64,
    /// What matching scans have sent.
    totals: Totals,
}

impl Active {
    pub(super) fn new(id: RuleId, rule: Rule) -> Self {
        Self {
            id,
            rule,
            added: Instant::now(),
            matched: AtomicU64::new(0),
            fired: AtomicU64::new(0),
            totals: Totals::default(),
        }
    }

    pub(super) fn fired(&self) -> u64 {
        self.fired.load(Ordering::Relaxed)
    }

    /// Counts a match; says whether the rule fires on it.
    pub(super) fn fire(&self) -> bool {
        if self.added.elapsed() < self.rule.age {
            return false;
        }
        if self.matched.fetch_add(1, Ordering::Relaxed) < self.rule.skip {
            return false;
        }
        self.fired
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |fired| {
                (fired < self.rule.times).then_some(fired + 1)
            })
            .is_ok()
    }

    /// How much of `unit` may still be sent until the rule is due; `sent`: by this request.
    pub(super) fn left(&self, unit: Unit, sent: u64) -> Option<u64> {
        let total = self.total(unit).load(Ordering::Relaxed);
        let (limit, sent) = self.progress(unit, sent, total)?;
        limit.checked_sub(sent).filter(|left| *left > 0)
    }

    /// Counts `n` more that were sent; `sent`: by this request, these included. Says whether that
    /// makes the rule due.
    pub(super) fn is_reached(&self, unit: Unit, sent: u64, n: u64) -> bool {
        let total = self.total(unit).fetch_add(n, Ordering::Relaxed) + n;
        self.progress(unit, sent, total)
            .is_some_and(|(limit, sent)| sent >= limit && sent - n < limit)
    }

    /// The limit of a rule that counts `unit`, and which of the two counts it looks at.
    fn progress(&self, unit: Unit, sent: u64, total: u64) -> Option<(u64, u64)> {
        match self.rule.trigger {
            Trigger::After {
                unit: counted,
                since,
                limit,
            } if counted == unit => match since {
                Since::Request => Some((limit, sent)),
                Since::Rule => Some((limit, total)),
            },
            _ => None,
        }
    }

    const fn total(&self, unit: Unit) -> &AtomicU64 {
        match unit {
            Unit::Records => &self.totals.records,
            Unit::Bytes => &self.totals.bytes,
        }
    }
}
