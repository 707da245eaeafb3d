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
//! // … run the code under test …
//! assert_eq!(cluster.faults().fired(id), 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A cluster without rules pays one atomic load per request.

use crate::{sync::lock, topology::NodeLoss};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// What a rule listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// A new connection.
    Connect,
    /// Any request.
    Request,
    /// An info message.
    Info,
    /// A single-record read.
    Read,
    /// A single-record write or delete.
    Write,
    /// A batch message.
    Batch,
    /// A row of a batch.
    BatchRow,
    /// A scan request.
    Scan,
}

/// Bytes that no server would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// A data frame that announces 2^47 bytes.
    HugeLength,
    /// A frame of protocol version 9.
    WrongVersion,
    /// A frame whose message ends inside its header.
    CutMessage,
    /// A message with a field that runs past the end of the frame.
    FieldPastEnd,
    /// A message with an operation of size 0.
    ZeroOp,
}

/// What happens when a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reaction {
    /// Waits, then goes on as usual.
    Delay(Duration),
    /// Closes the connection: at once without an answer, or where a byte or record count of the
    /// rule is reached in a scan reply.
    Drop,
    /// Keeps the connection open and never answers on it.
    Silence,
    /// Carries a write or batch out, then closes the connection without an answer: the client
    /// is in doubt.
    ApplyThenDrop,
    /// Answers garbage and closes the connection.
    Garbage(Garbage),
    /// Answers this result code instead of doing anything: a batch with one last message, a row
    /// with a row of its own, a scan with a refusal.
    Result(u8),
    /// Scans report the partition of the rule as unavailable (11), others carry on.
    PartitionUnavailable,
    /// The partition gets a new master (node index); the scan in which it happens finishes the
    /// partition it is in and reports 11 for this one if it comes later.
    MovePartition {
        /// Partition id, 0 to 4095.
        partition: u16,
        /// Index of the new master.
        to: usize,
    },
    /// The node dies: its port and all its connections close, the others tell of it.
    KillNode(NodeLoss),
}

/// Rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Every row.
    All,
    /// The row at this position in its batch, counted from 0.
    At(u32),
    /// This share of the rows in percent, chosen by a hash of the digest: the same records every
    /// time.
    Percent(u8),
}

/// When a rule fires within a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    Start,
    Records(u64),
    Bytes(u64),
    TotalRecords(u64),
    TotalBytes(u64),
}

/// A condition and a reaction. Conditions that are not given hold always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    on: On,
    reaction: Reaction,
    node: Option<usize>,
    partition: Option<u16>,
    rows: Rows,
    trigger: Trigger,
    skip: u64,
    times: u64,
}

impl Rule {
    /// Fires on every `on` of every node.
    #[must_use]
    pub const fn new(on: On, reaction: Reaction) -> Self {
        Self {
            on,
            reaction,
            node: None,
            partition: None,
            rows: Rows::All,
            trigger: Trigger::Start,
            skip: 0,
            times: u64::MAX,
        }
    }

    /// Only on the node with this index, counted from 0.
    #[must_use]
    pub const fn node(mut self, node: usize) -> Self {
        self.node = Some(node);
        self
    }

    /// Only for this partition (single-record commands, batch rows, partitions of scans).
    #[must_use]
    pub const fn partition(mut self, partition: u16) -> Self {
        self.partition = Some(partition);
        self
    }

    /// Only for these rows of a batch.
    #[must_use]
    pub const fn rows(mut self, rows: Rows) -> Self {
        self.rows = rows;
        self
    }

    /// In a scan: after `n` records of one request.
    #[must_use]
    pub const fn after_records(mut self, n: u64) -> Self {
        self.trigger = Trigger::Records(n);
        self
    }

    /// In a scan: after `n` bytes of the reply to one request, which is in the middle of a frame
    /// unless `n` happens to be its end.
    #[must_use]
    pub const fn after_bytes(mut self, n: u64) -> Self {
        self.trigger = Trigger::Bytes(n);
        self
    }

    /// In a scan: after `n` records of all matching scans since the rule was added.
    #[must_use]
    pub const fn after_total_records(mut self, n: u64) -> Self {
        self.trigger = Trigger::TotalRecords(n);
        self
    }

    /// In a scan: after `n` bytes of all matching scans since the rule was added.
    #[must_use]
    pub const fn after_total_bytes(mut self, n: u64) -> Self {
        self.trigger = Trigger::TotalBytes(n);
        self
    }

    /// Lets the first `n` matches pass.
    #[must_use]
    pub const fn skip(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// Fires at most `n` times.
    #[must_use]
    pub const fn times(mut self, n: u64) -> Self {
        self.times = n;
        self
    }
}

/// Names a rule that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleId(u64);

/// A rule and what became of it.
#[derive(Debug)]
pub(crate) struct Active {
    id: RuleId,
    rule: Rule,
    matched: AtomicU64,
    fired: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
}

impl Active {
    /// Counts a match; says whether the rule fires on it.
    fn fire(&self) -> bool {
        if self.matched.fetch_add(1, Ordering::Relaxed) < self.rule.skip {
            return false;
        }
        self.fired
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |fired| {
                (fired < self.rule.times).then_some(fired + 1)
            })
            .is_ok()
    }
}

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
    /// Adds a rule. Rules are tried in the order in which they were added; the first that fires
    /// decides, except that a delay is followed by the next.
    pub fn add(&self, rule: Rule) -> RuleId {
        let mut rules = lock(&self.rules);
        let id = RuleId(rules.next_id);
        rules.next_id += 1;
        rules.active.push(Arc::new(Active {
            id,
            rule,
            matched: AtomicU64::new(0),
            fired: AtomicU64::new(0),
            records: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }));
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
        active.map_or(0, |active| active.fired.load(Ordering::Relaxed))
    }

    /// Whether there is any rule.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire) != 0
    }

    /// The reaction to an event at its start, if a rule fires. Delays are slept through here.
    pub(crate) fn react(&self, event: Event) -> Option<Reaction> {
        if !self.is_armed() {
            return None;
        }
        let rules = lock(&self.rules).active.clone();
        for active in rules.iter().filter(|active| event.matches(&active.rule)) {
            if active.rule.trigger != Trigger::Start || !active.fire() {
                continue;
            }
            match active.rule.reaction {
                Reaction::Delay(time) => std::thread::sleep(time),
                reaction => return Some(reaction),
            }
        }
        None
    }

    /// Rules that fire in the middle of a scan on `node`.
    pub(crate) fn watch_scan(&self, node: usize) -> ScanWatch {
        if !self.is_armed() {
            return ScanWatch::default();
        }
        let event = Event {
            node,
            ..Event::of(On::Scan)
        };
        let watched = |active: &&Arc<Active>| {
            active.rule.trigger != Trigger::Start && event.matches(&active.rule)
        };
        let rules = lock(&self.rules)
            .active
            .iter()
            .filter(watched)
            .cloned()
            .collect();
        ScanWatch {
            rules,
            ..ScanWatch::default()
        }
    }
}

/// Something that a rule may match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) on: On,
    pub(crate) node: usize,
    pub(crate) partition: Option<u16>,
    /// Position in the batch and hash of the digest.
    pub(crate) row: Option<(u32, u64)>,
}

impl Event {
    pub(crate) const fn of(on: On) -> Self {
        Self {
            on,
            node: 0,
            partition: None,
            row: None,
        }
    }

    fn matches(&self, rule: &Rule) -> bool {
        let kind = rule.on == self.on
            || rule.on == On::Request && !matches!(self.on, On::Connect | On::BatchRow);
        let row = match (rule.rows, self.row) {
            (Rows::All, _) | (_, None) => true,
            (Rows::At(position), Some((at, _))) => position == at,
            (Rows::Percent(share), Some((_, hash))) => hash % 100 < u64::from(share),
        };
        let partition = match (rule.partition, self.partition) {
            (Some(wanted), Some(found)) => wanted == found,
            // A rule on a partition within a scan fires when the scan gets there.
            (Some(_), None) => self.on != On::Scan || rule.trigger != Trigger::Start,
            (None, found) => {
                found.is_none()
                    || self.on != On::Scan
                    || rule.reaction == Reaction::PartitionUnavailable
            }
        };
        kind && row && partition && rule.node.is_none_or(|node| node == self.node)
    }
}

/// The rules that a running scan has to keep an eye on.
#[derive(Debug, Default)]
pub(crate) struct ScanWatch {
    rules: Vec<Arc<Active>>,
    records: u64,
    bytes: u64,
}

impl ScanWatch {
    /// Records that may be added before the next rule is due.
    pub(crate) fn record_budget(&self) -> u64 {
        let left = |active: &Arc<Active>| match active.rule.trigger {
            Trigger::Records(n) => n.checked_sub(self.records),
            Trigger::TotalRecords(n) => n.checked_sub(active.records.load(Ordering::Relaxed)),
            _ => None,
        };
        let ahead = |left: &u64| *left > 0;
        self.rules
            .iter()
            .filter_map(left)
            .filter(ahead)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Bytes that may be sent before the next rule is due.
    pub(crate) fn byte_budget(&self) -> u64 {
        let left = |active: &Arc<Active>| match active.rule.trigger {
            Trigger::Bytes(n) => n.checked_sub(self.bytes),
            Trigger::TotalBytes(n) => n.checked_sub(active.bytes.load(Ordering::Relaxed)),
            _ => None,
        };
        let ahead = |left: &u64| *left > 0;
        self.rules
            .iter()
            .filter_map(left)
            .filter(ahead)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Counts records that were added to the reply; the reaction, if one is due.
    pub(crate) fn add_records(&mut self, n: u64) -> Option<Reaction> {
        self.records += n;
        let mut due = None;
        for active in &self.rules {
            let total = active.records.fetch_add(n, Ordering::Relaxed) + n;
            let reached = match active.rule.trigger {
                Trigger::Records(limit) => self.records >= limit && self.records - n < limit,
                Trigger::TotalRecords(limit) => total >= limit && total - n < limit,
                _ => false,
            };
            if reached && active.fire() {
                due = due.or(Some(active.rule.reaction));
            }
        }
        due
    }

    /// Counts bytes that were sent; the reaction, if one is due.
    pub(crate) fn add_bytes(&mut self, n: u64) -> Option<Reaction> {
        self.bytes += n;
        let mut due = None;
        for active in &self.rules {
            let total = active.bytes.fetch_add(n, Ordering::Relaxed) + n;
            let reached = match active.rule.trigger {
                Trigger::Bytes(limit) => self.bytes >= limit && self.bytes - n < limit,
                Trigger::TotalBytes(limit) => total >= limit && total - n < limit,
                _ => false,
            };
            if reached && active.fire() {
                due = due.or(Some(active.rule.reaction));
            }
        }
        due
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Garbage {
    /// The bytes to send.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let header = |n_fields: u8, n_ops: u8| {
            let mut bytes = vec![22];
            bytes.resize(18, 0);
            bytes.extend_from_slice(&[0, n_fields, 0, n_ops]);
            bytes
        };
        let framed = |body: &[u8]| {
            let [.., b4, b5, b6, b7] = (body.len() as u64).to_be_bytes();
            [&[2, 3, 0, 0, b4, b5, b6, b7], body].concat()
        };
        match self {
            Self::HugeLength => [&[2, 3, 0x80, 0, 0, 0, 0, 0][..], &[22; 64]].concat(),
            Self::WrongVersion => [&[9, 3, 0, 0, 0, 0, 0, 22][..], &header(0, 0)].concat(),
            Self::CutMessage => framed(&[22, 0, 0, 0, 0]),
            Self::FieldPastEnd => {
                framed(&[&header(1, 0)[..], &[0, 0, 0xff, 0xff, 0, b't', b'e']].concat())
            }
            Self::ZeroOp => framed(&[&header(0, 1)[..], &[0; 8]].concat()),
        }
    }
}
