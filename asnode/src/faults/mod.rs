//! Scripted failures: a list of rules, condition then reaction, that tests add and remove while
//! the cluster runs.
//!
//! ```no_run
//! use asnode::{Cluster, NamespaceConfig, faults::{On, Reaction, Rule}, NodeLoss};
//!
//! let cluster = Cluster::builder().nodes(3).namespace(NamespaceConfig::new("test")).start()?;
//! // The second node dies after it has sent 1000 records of scans.
//! let rule = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::Takeover)).node(1);
//! let id = cluster.faults().add(rule.after_total_records(1000).times(1));
//! // The third connection is refused, and partition maps come a few bytes at a time.
//! cluster.faults().add(Rule::new(On::Connect, Reaction::Drop).nth(3));
//! let slow = Reaction::Trickle { bytes_per_second: 500 };
//! cluster.faults().add(Rule::new(On::Info, slow).command("replicas"));
//! // … run the code under test …
//! assert_eq!(cluster.faults().fired(id), 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! - [`Rule`]: what it listens to ([`On`]), and its conditions: node, partition, info command,
//!   rows of a batch, records or bytes of a scan, time, which matches.
//! - [`Reaction`]: delays, slow or broken or strange replies, result codes, nodes that leave or
//!   die, partitions that move, clocks that jump.
//!
//! Rules are tried in the order in which they were added. A reaction after which the request goes
//! on is followed by the next rule that matches; the first of the others decides.
//!
//! A cluster without rules pays one atomic load per request.

mod active;
mod conduct;
mod event;
pub(crate) mod novelty;
mod reaction;
mod rule;
mod watch;

use crate::sync::lock;
use active::Active;
pub(crate) use event::Event;
pub use reaction::{Garbage, Reaction};
use rule::Trigger;
pub(crate) use rule::Unit;
pub use rule::{On, Rows, Rule};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
pub(crate) use watch::ScanWatch;

/// Names a rule that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleId(u64);

/// The rules of a cluster.
#[derive(Debug, Default)]
pub struct Faults {
    armed: AtomicUsize,
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    next_id: u64,
    active: Vec<Arc<Active>>,
}

impl Faults {
    /// Adds a rule behind the others.
    pub fn add(&self, rule: Rule) -> RuleId {
        let mut rules = lock(&self.rules);
        let id = RuleId(rules.next_id);
        rules.next_id += 1;
        rules.active.push(Arc::new(Active::new(id, rule)));
        self.armed.store(rules.active.len(), Ordering::Release);
        id
    }

    /// Removes a rule; scans that are running may still see it.
    pub fn remove(&self, id: RuleId) {
        let mut rules = lock(&self.rules);
        rules.active.retain(|active| active.id != id);
        self.armed.store(rules.active.len(), Ordering::Release);
    }

    /// Removes all rules.
    pub fn clear(&self) {
        lock(&self.rules).active.clear();
        self.armed.store(0, Ordering::Release);
    }

    /// How often a rule has fired; 0 for one that was removed.
    #[must_use]
    pub fn fired(&self, id: RuleId) -> u64 {
        let rules = lock(&self.rules);
        let active = rules.active.iter().find(|active| active.id == id);
        active.map_or(0, |active| active.fired())
    }

    /// Whether there is any rule.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire) != 0
    }

    /// Rules that match an event at its start.
    fn matching(&self, event: &Event<'_>) -> Vec<Arc<Active>> {
        self.select(|rule| rule.trigger == Trigger::Start && event.matches(rule))
    }

    fn select(&self, wanted: impl Fn(&Rule) -> bool) -> Vec<Arc<Active>> {
        if !self.is_armed() {
            return Vec::new();
        }
        let rules = lock(&self.rules);
        let wanted = rules.active.iter().filter(|active| wanted(&active.rule));
        wanted.map(Arc::clone).collect()
    }

    /// What happens to one command of an info message.
    pub(crate) fn info_command(&self, node: usize, command: &[u8]) -> Option<Reaction> {
        let event = Event {
            commands: &[command],
            is_command: true,
            ..Event::of(On::Info, node)
        };
        let rules = self.matching(&event);
        let fired = rules.iter().find(|active| active.fire());
        fired.map(|active| active.rule.reaction)
    }

    /// Rules that fire in the middle of a scan on `node`.
    pub(crate) fn watch_scan(&self, node: usize) -> ScanWatch {
        let event = Event::of(On::Scan, node);
        ScanWatch::new(self.select(|rule| rule.trigger != Trigger::Start && event.matches(rule)))
    }
}
