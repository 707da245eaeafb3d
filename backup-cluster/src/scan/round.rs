//! One round: a request to each node that owns unfinished partitions.

use super::{Grant, PartitionCursor, RecordLimit, RecordSink, ScanError, ScanOptions, gate::Place};
use crate::{
    connection::Connection,
    error::{Error, WithCauses},
    map::PartitionMap,
    view::{ClusterView, Node, NodeName},
};
use aerospike_wire::{
    digest::{PARTITIONS, PartitionId},
    error::{Error as WireError, ErrorKind},
    result_code::ResultCode,
    scan::{self, ScanItem, ScanRecord},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const ACTION: &str = "scan";

/// Everything a round works with.
pub(super) struct Round<'a, S> {
    pub(super) view: &'a dyn ClusterView,
    pub(super) options: &'a ScanOptions,
    pub(super) map: &'a PartitionMap,
    pub(super) cursors: &'a mut [PartitionCursor],
    pub(super) sink: &'a mut S,
    /// When the whole scan has to be over.
    pub(super) deadline: Option<Instant>,
    pub(super) cancel: &'a CancellationToken,
}

/// What a round brought.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) records: u64,
    /// Partitions that were finished.
    pub(super) finished: usize,
    /// The limit of records is reached.
    pub(super) is_enough: bool,
    /// The last failure that a retry may mend.
    pub(super) failure: Option<Error>,
}

/// How a node's part of a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The node has said that this is all.
    Complete,
    /// No more records are wanted, from any node.
    Enough,
}

impl<S: RecordSink> Round<'_, S> {
    pub(super) async fn run(&mut self) -> Result<Outcome, ScanError<S::Error>> {
        let mut outcome = Outcome::default();
        for (node, members) in self.by_owner() {
            let mut share = Share::new(self.cursors, &members);
            let scanned = self.scan_node(&node, &mut share).await;
            outcome.records = outcome.records.saturating_add(share.records);
            share.store(self.cursors);
            match scanned {
                Ok(Answer::Complete) => {}
                Ok(Answer::Enough) => outcome.is_enough = true,
                Err(ScanError::Cluster(error)) if error.is_retryable() => {
                    tracing::warn!(node = %node.name, error = %WithCauses(&error), "scan interrupted, will resume");
                    self.fail(&members);
                    outcome.failure = Some(error);
                }
                Err(error) => return Err(error),
            }
            outcome.finished = outcome.finished.saturating_add(self.count_done(&members));
            if outcome.is_enough {
                break;
            }
        }
        Ok(outcome)
    }

    /// Unfinished partitions by the node to ask. Those that nobody claims wait for the next map.
    fn by_owner(&self) -> Vec<(Node, Vec<usize>)> {
        let mut groups: BTreeMap<&str, (Node, Vec<usize>)> = BTreeMap::new();
        for (index, cursor) in self
            .cursors
            .iter()
            .enumerate()
            .filter(|(_, c)| !c.is_done())
        {
            let attempt = usize::try_from(cursor.attempt).unwrap_or_default();
            if let Some(node) = self.map.owner(cursor.id(), attempt) {
                let group = groups.entry(node.name.as_str());
                group
                    .or_insert_with(|| (node.clone(), Vec::new()))
                    .1
                    .push(index);
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        // Workers start at different nodes, so that not all of them meet at the first.
        let first = self
            .cursors
            .first()
            .map_or(0, |cursor| usize::from(cursor.partition()));
        let turn = first
            .checked_mul(groups.len())
            .map_or(0, |n| n / usize::from(PARTITIONS));
        if turn < groups.len() {
            groups.rotate_left(turn);
        }
        groups
    }

    fn fail(&mut self, members: &[usize]) {
        for index in members {
            if let Some(cursor) = self.cursors.get_mut(*index).filter(|c| !c.is_done()) {
                cursor.fail();
            }
        }
    }

    fn count_done(&self, members: &[usize]) -> usize {
        let done = |index: &&usize| {
            self.cursors
                .get(**index)
                .is_some_and(PartitionCursor::is_done)
        };
        members.iter().filter(done).count()
    }

    async fn scan_node(
        &mut self,
        node: &Node,
        share: &mut Share,
    ) -> Result<Answer, ScanError<S::Error>> {
        let is_used_up = |limit: &Arc<RecordLimit>| limit.left() == 0;
        loop {
            let place = tokio::select! {
                place = self.options.gate.enter(&node.name) => place,
                () = reached(self.options.limit.as_deref()) => return Ok(Answer::Enough),
                error = self.stopped() => return Err(error.into()),
            };
            if self.options.limit.as_ref().is_some_and(is_used_up) {
                return Ok(Answer::Enough);
            }
            match self.ask(node, share, &place).await {
                Err(ScanError::Cluster(error @ Error::TooManyScans { .. }))
                    if !place.is_accepted() =>
                {
                    if let Some(rounds) = place.refused(&self.options.retry) {
                        return Err(share.given_up(self.options, rounds, error).into());
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Sends one request and takes the answer.
    async fn ask(
        &mut self,
        node: &Node,
        share: &mut Share,
        place: &Place,
    ) -> Result<Answer, ScanError<S::Error>> {
        share.quota = self.options.quota();
        let access = self.view.access();
        let mut connection = tokio::select! {
            opened = Connection::open(node, self.options.socket, &access) => opened?,
            error = self.stopped() => return Err(error.into()),
        };
        let mut request = Vec::new();
        self.options
            .encode(&share.cursors, share.quota, &mut request);
        connection.send(&request, ACTION).await?;
        let mut grant = None; // goes with the connection, if the record does not come
        loop {
            if let Some(bytes) = connection.outgrown().filter(|_| grant.is_none()) {
                grant = Some(self.grant(bytes).await?);
            }
            if let Some(answer) = self.read_more(&mut connection).await? {
                return Ok(answer);
            }
            self.sink.arrived();
            let answer = self.deliver(&mut connection, share)?;
            place.accept();
            connection.shrink();
            let whole = grant.take_if(|_| connection.outgrown().is_none());
            let is_large = whole.is_some();
            whole.into_iter().for_each(|grant| self.sink.granted(grant));
            if answer.is_none() || is_large {
                self.sink.ready().await.map_err(ScanError::Sink)?;
            }
            if let Some(answer) = answer {
                return Ok(answer);
            }
        }
    }

    /// Waits for the memory that a message of up to `bytes` takes.
    async fn grant(&self, bytes: usize) -> Result<Grant, Error> {
        tokio::select! {
            grant = self.options.budget.take(bytes) => Ok(grant),
            error = self.stopped() => Err(error),
        }
    }

    /// Delivers what has arrived; `None` = more will follow.
    fn deliver(
        &mut self,
        connection: &mut Connection,
        share: &mut Share,
    ) -> Result<Option<Answer>, ScanError<S::Error>> {
        let node = connection.node().clone();
        let malformed = |source| Error::Malformed {
            node: node.clone(),
            action: ACTION,
            source,
        };
        while let Some(message) = connection.arrived(ACTION)? {
            match scan::item(message).map_err(malformed)? {
                ScanItem::Record(record) => {
                    share.accept(&record).map_err(malformed)?;
                    if self.sink.wants(&record) {
                        if !self.options.limit.as_ref().is_none_or(|limit| limit.take()) {
                            return Ok(Some(Answer::Enough));
                        }
                        self.sink.record(&record).map_err(ScanError::Sink)?;
                    }
                    share.delivered(&record);
                }
                ScanItem::Partition { id, result } => {
                    if share.status(id.get(), result).map_err(malformed)? {
                        self.sink.partition_done(id);
                    }
                }
                ScanItem::Last(code) if code.is_ok() => {
                    share.finish(|id| self.sink.partition_done(id));
                    return Ok(Some(Answer::Complete));
                }
                ScanItem::Last(code) | ScanItem::Refused(code) => {
                    return Err(self.refused(&node, code).into());
                }
            }
        }
        Ok(None)
    }

    /// The error for a result code that ends a request. "Forbidden" is what a node answers that
    /// runs as many scans as it may (`wire-scan.md` §1); that passes.
    fn refused(&self, node: &NodeName, code: ResultCode) -> Error {
        match code {
            ResultCode::FORBIDDEN => Error::TooManyScans { node: node.clone() },
            code => self.view.access().refused(node, ACTION, code),
        }
    }

    async fn read_more(&self, connection: &mut Connection) -> Result<Option<Answer>, Error> {
        let node = connection.node().clone();
        loop {
            tokio::select! {
                filled = connection.fill(ACTION) => return filled.map(|()| None),
                () = reached(self.options.limit.as_deref()) => return Ok(Some(Answer::Enough)),
                error = self.stopped() => return Err(error),
                after = self.options.silence.lasts() => if self.options.silence.is_failure() {
                    return Err(Error::Timeout { node, action: ACTION, after });
                },
            }
            // Nothing came for a while: is the node still there?
            tokio::select! {
                alive = self.view.info(&node, &["partition-generation"]) => drop(alive?),
                error = self.stopped() => return Err(error),
            }
        }
    }

    /// Ends when the scan has to end early, and says why.
    async fn stopped(&self) -> Error {
        tokio::select! {
            () = self.cancel.cancelled() => Error::Cancelled,
            () = until(self.deadline) => self.options.overdue(),
        }
    }
}

/// Ends when the limit of records is reached: other scans may have taken the last of them.
async fn reached(limit: Option<&RecordLimit>) {
    match limit {
        Some(limit) => limit.reached().await,
        None => std::future::pending().await,
    }
}

/// Ends at `deadline`, if there is one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The partitions that one node is asked for, and what is known of them.
struct Share {
    cursors: Vec<PartitionCursor>,
    /// Where they come from.
    members: Vec<usize>,
    /// Partition id → index into `cursors`.
    index: Box<[u16; PARTITIONS as usize]>,
    unavailable: Vec<bool>,
    records: u64,
    /// The most records that the node was asked for.
    quota: Option<u64>,
}

const NONE: u16 = u16::MAX;

impl Share {
    fn new(all: &[PartitionCursor], members: &[usize]) -> Self {
        let cursors: Vec<_> = members
            .iter()
            .filter_map(|index| all.get(*index))
            .copied()
            .collect();
        let mut index = Box::new([NONE; PARTITIONS as usize]);
        for (position, cursor) in (0u16..).zip(&cursors) {
            if let Some(slot) = index.get_mut(cursor.id().index()) {
                *slot = position;
            }
        }
        let unavailable = vec![false; cursors.len()];
        Self {
            cursors,
            members: members.to_vec(),
            index,
            unavailable,
            records: 0,
            quota: None,
        }
    }

    fn position(&self, partition: usize) -> Option<usize> {
        self.index
            .get(partition)
            .copied()
            .filter(|slot| *slot != NONE)
            .map(usize::from)
    }

    /// Refuses a record that was not asked for, or that breaks the order: delivering it could
    /// repeat it, and resuming would lose others.
    #[inline]
    fn accept(&self, record: &ScanRecord<'_>) -> Result<(), WireError> {
        let partition = record.digest.partition();
        let cursor = self
            .position(partition.index())
            .and_then(|at| self.cursors.get(at));
        match cursor {
            Some(cursor) if cursor.accepts(&record.digest) => Ok(()),
            _ => Err(WireError::new(
                ErrorKind::Text {
                    what: "the order of the scan's records",
                },
                0,
            )),
        }
    }

    #[inline]
    fn delivered(&mut self, record: &ScanRecord<'_>) {
        let position = self.position(record.digest.partition().index());
        if let Some(cursor) = position.and_then(|at| self.cursors.get_mut(at)) {
            cursor.advance(record.digest);
            self.records = self.records.saturating_add(1);
        }
    }

    /// A partition's status: done (servers before 6.0), or not available here. `true` if this
    /// is what finished it.
    fn status(&mut self, partition: u16, result: ResultCode) -> Result<bool, WireError> {
        let position = self.position(usize::from(partition));
        let Some(cursor) = position.and_then(|at| self.cursors.get_mut(at)) else {
            let kind = ErrorKind::Size {
                what: "partition id",
                found: u64::from(partition),
            };
            return Err(WireError::new(kind, 6));
        };
        if result.is_ok() {
            let is_news = !cursor.is_done();
            cursor.finish();
            return Ok(is_news);
        }
        tracing::debug!(partition, %result, "partition moved");
        cursor.fail();
        if let Some(flag) = position.and_then(|at| self.unavailable.get_mut(at)) {
            *flag = true;
        }
        Ok(false)
    }

    /// The node has read everything it was asked for, but what it reported unavailable. If it
    /// has sent as many records as it was allowed to, it does not say where it stopped.
    fn finish(&mut self, mut done: impl FnMut(PartitionId)) {
        if self.quota.is_some_and(|quota| self.records >= quota) {
            return;
        }
        for (cursor, unavailable) in self.cursors.iter_mut().zip(&self.unavailable) {
            if !unavailable && !cursor.is_done() {
                cursor.finish();
                done(cursor.id());
            }
        }
    }

    /// The error for a node that takes no scan, however often it is asked.
    fn given_up(&self, options: &ScanOptions, rounds: u32, error: Error) -> Error {
        let partitions = self.cursors.iter().map(PartitionCursor::partition);
        Error::Unavailable {
            namespace: options.namespace.clone(),
            count: self.cursors.len(),
            first: partitions.min().unwrap_or_default(),
            rounds,
            source: Some(Box::new(error)),
        }
    }

    fn store(&self, all: &mut [PartitionCursor]) {
        for (index, cursor) in self.members.iter().zip(&self.cursors) {
            if let Some(slot) = all.get_mut(*index) {
                *slot = *cursor;
            }
        }
    }
}
