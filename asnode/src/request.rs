//! A single-record command, whether it came alone or as a batch row, and its outcome.

use crate::{
    build::{Build, Edition},
    catalogue::Catalogue,
    clock::Clock,
    config::ServiceConfig,
    counters::Counters,
    expression::{BadFilter, Expression, Subject},
    faults::Faults,
    jobs::Jobs,
    namespace::Namespace,
    node::Node,
    read,
    record::{DigestBytes, StoredRecord},
    security::Security,
    shuffle::Shuffle,
    sync::read as read_lock,
    topology::{NodeLoss, Topology},
    write,
    xdr::Xdr,
};
use aerospike_wire::{
    field::code,
    message::{Message, MessageHeader, flags},
    op::Ops,
    result_code::ResultCode,
};

use std::{
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Everything that the nodes of a cluster share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) build: Build,
    pub(crate) edition: Edition,
    pub(crate) cluster_name: Option<String>,
    pub(crate) clock: Clock,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) topology: Topology,
    pub(crate) catalogue: Catalogue,
    pub(crate) index_build_delay: Duration,
    pub(crate) faults: Faults,
    pub(crate) security: Option<Security>,
    pub(crate) counters: Counters,
    pub(crate) nodes: Vec<Node>,
    /// Running and finished scans, per node.
    pub(crate) jobs: Vec<Jobs>,
    /// Bytes after which the frame of a scan reply ends.
    pub(crate) scan_frame_bytes: usize,
    /// Partitions that a scan reads in turns.
    pub(crate) scan_lanes: usize,
    /// Longest time-out of a scan; 0 in a request stays 0.
    pub(crate) scan_patience_ms: u32,
    pub(crate) shuffle: Shuffle,
    pub(crate) service: RwLock<ServiceConfig>,
    /// When the nodes came up.
    pub(crate) started: Instant,
    /// Partitions that are said to wait for their migration.
    pub(crate) migrations: AtomicU64,
    /// What is shipped to where.
    pub(crate) xdr: Xdr,
}

impl State {
    /// The namespace with this name and its index.
    pub(crate) fn namespace(&self, name: &[u8]) -> Option<(usize, &Namespace)> {
        self.namespaces
            .iter()
            .enumerate()
            .find(|(_, ns)| ns.name().as_bytes() == name)
    }
}

impl State {
    /// The time by which the master of a partition stamps what is written now, in milliseconds
    /// since 2010-01-01 UTC.
    pub(crate) fn write_ms(&self, namespace: &Namespace, partition: usize) -> u64 {
        if !self.clock.is_skewed() {
            return self.clock.now_ms();
        }
        let index = self.namespace(namespace.name().as_bytes());
        let index = index.map_or(usize::MAX, |(index, _)| index);
        let owners = self.topology.owners(index, partition);
        let master = owners.first().copied().unwrap_or(usize::MAX);
        self.clock.node_ms(master)
    }

    /// Closes the port and all connections of a node and tells the others. `false`: it was dead.
    pub(crate) fn kill_node(&self, node: usize, loss: NodeLoss) -> bool {
        let removed = self.topology.remove(node, loss);
        if removed && let Some(victim) = self.nodes.get(node) {
            victim.stop();
        }
        if removed {
            self.xdr.stop_node(node);
        }
        removed
    }

    /// The configuration of the service as it is now.
    pub(crate) fn service(&self) -> ServiceConfig {
        *read_lock(&self.service)
    }

    /// Partitions that are said to wait for their migration.
    pub(crate) fn migrations(&self) -> u64 {
        self.migrations.load(Ordering::Relaxed)
    }

    /// Whether the cluster has what only the Enterprise Edition has.
    pub(crate) fn is_enterprise(&self) -> bool {
        self.edition == Edition::Enterprise
    }

    /// Whether the node was killed, or the cluster is going away.
    pub(crate) fn is_stopped(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(Node::is_stopped)
    }
}

/// Where a command's filter comes from. It is not even parsed when a write finds no record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Filter<'a> {
    None,
    Raw(&'a [u8]),
    Parsed(&'a Expression),
}

impl Filter<'_> {
    /// Whether the record passes.
    ///
    /// # Errors
    /// The filter does not parse.
    pub(crate) fn passes(self, subject: Subject<'_>, build: Build) -> Result<bool, BadFilter> {
        match self {
            Self::None => Ok(true),
            Self::Parsed(filter) => Ok(filter.matches(subject)),
            Self::Raw(bytes) => Ok(Expression::parse(bytes, build)?.matches(subject)),
        }
    }
}

/// A command on one record.
#[derive(Debug, Clone)]
pub(crate) struct Command<'a> {
    pub(crate) namespace: &'a Namespace,
    pub(crate) digest: DigestBytes,
    pub(crate) header: MessageHeader,
    /// Empty = none given.
    pub(crate) set: &'a [u8],
    pub(crate) key: Option<&'a [u8]>,
    /// Part of a transaction.
    pub(crate) is_transaction: bool,
    pub(crate) filter: Filter<'a>,
    pub(crate) ops: Ops<'a>,
}

/// What became of a command. Reply operations are collected beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) result: ResultCode,
    pub(crate) generation: u32,
    pub(crate) void_time: u32,
    pub(crate) n_ops: u16,
}

impl Outcome {
    /// A failure found before the record was looked up.
    pub(crate) fn early(result: ResultCode) -> Self {
        Self {
            result,
            ..Self::default()
        }
    }

    /// A failure found later: it tells what is stored (`wire-write.md` §1).
    pub(crate) fn late(result: ResultCode, record: Option<&StoredRecord>) -> Self {
        Self {
            result,
            generation: record.map_or(0, |record| u32::from(record.generation())),
            void_time: record.map_or(0, StoredRecord::void_time),
            n_ops: 0,
        }
    }
}

impl<'a> Command<'a> {
    /// Takes a message apart.
    pub(crate) fn new(
        namespace: &'a Namespace,
        digest: DigestBytes,
        message: &Message<'a>,
        outer: Filter<'a>,
    ) -> Self {
        let mut command = Self {
            namespace,
            digest,
            header: message.header,
            set: &[],
            key: None,
            is_transaction: false,
            filter: outer,
            ops: message.ops(),
        };
        for field in message.fields() {
            match field.kind {
                code::SET => command.set = field.data,
                code::KEY => command.key = Some(field.data),
                code::MRT_ID => command.is_transaction = true,
                code::FILTER_EXP => command.filter = Filter::Raw(field.data),
                _ => {}
            }
        }
        command
    }

    pub(crate) const fn info1(&self, bit: u8) -> bool {
        self.header.info1 & bit != 0
    }

    pub(crate) const fn info2(&self, bit: u8) -> bool {
        self.header.info2 & bit != 0
    }

    pub(crate) const fn info3(&self, bit: u8) -> bool {
        self.header.info3 & bit != 0
    }

    /// Carries the command out. Reply operations are appended to `ops_out`, which is left as it
    /// was on failure.
    pub(crate) fn execute(&self, state: &State, ops_out: &mut Vec<u8>) -> Outcome {
        let start = ops_out.len();
        let outcome = if self.info2(flags::WRITE) {
            if self.info2(flags::DELETE) {
                Counters::bump(&state.counters.deletes);
                write::delete(self, state)
            } else {
                Counters::bump(&state.counters.writes);
                write::write(self, state, ops_out)
            }
        } else if self.info2(flags::DELETE) || !self.info1(flags::READ) {
            Outcome::early(ResultCode::PARAMETER)
        } else {
            Counters::bump(&state.counters.reads);
            read::read(self, &state.clock, ops_out)
        };
        if outcome.result != ResultCode::OK {
            ops_out.truncate(start);
        }
        outcome
    }

    /// The checks that reads, writes and deletes share, in the order of the server: filter, then
    /// key. The set was compared before.
    pub(crate) fn check_record(
        &self,
        record: &StoredRecord,
        now_ms: u64,
    ) -> Result<(), ResultCode> {
        let subject = Subject {
            digest: &self.digest,
            record,
            now_ms,
        };
        match self.filter.passes(subject, self.namespace.build()) {
            Ok(true) => {}
            Ok(false) => return Err(ResultCode::FILTERED_OUT),
            Err(BadFilter) => return Err(ResultCode::PARAMETER),
        }
        self.check_key()?;
        match (self.key, record.key()) {
            (Some(sent), Some(stored)) if sent != stored => Err(ResultCode::KEY_MISMATCH),
            _ => Ok(()),
        }
    }

    /// Integer keys have eight bytes, and no KEY field is empty.
    pub(crate) const fn check_key(&self) -> Result<(), ResultCode> {
        match self.key {
            Some([]) => Err(ResultCode::UNSUPPORTED_FEATURE),
            Some([1, value @ ..]) if value.len() != 8 => Err(ResultCode::UNSUPPORTED_FEATURE),
            _ => Ok(()),
        }
    }
}
