//! Partition scans and queries (`wire-scan.md`): the request is checked, then partitions are read one after
//! the other in descending order of digests.
//!
//! The partition's lock is held only while records are copied into a frame, never while the frame
//! is sent, so a client that does not read blocks nobody else.

mod background;
mod plan;
mod range;
mod selection;

use crate::{
    build::Build,
    connection::Flow,
    counters::Counters,
    faults::{Event, On, Reaction, ScanWatch, Unit},
    jobs::{End, Job, Kind},
    link::Link,
    record::DigestBytes,
    request::State,
    throttle::Throttle,
};
use aerospike_wire::{
    digest::PartitionId,
    frame::{self, FrameType},
    message::{Message, flags},
    reply,
    result_code::ResultCode,
};
use plan::Plan;
use std::{
    collections::VecDeque,
    ops::Bound,
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering},
    time::Instant,
};

/// Answers a message without DIGEST.
pub(crate) fn handle(
    state: &Arc<State>,
    node: usize,
    index: usize,
    message: &Message<'_>,
    link: &mut Link,
) -> Flow {
    if message.header.info2 & flags::WRITE != 0 {
        let result = background::start(state, node, index, message, link);
        let mut out = Vec::new();
        match result {
            Ok(()) => reply::last(&mut out, ResultCode::OK),
            Err(result) => reply::status(&mut out, result, 0, 0),
        }
        return link.send(&out);
    }
    let started = Plan::parse(state, node, index, message)
        .and_then(|plan| Ok((start_job(state, node, &plan, link)?, plan)));
    let (job, plan) = match started {
        Ok(started) => started,
        Err(result) => {
            let mut out = Vec::new();
            reply::status(&mut out, result, 0, 0);
            return link.send(&out);
        }
    };
    Counters::bump(&state.counters.scans);
    link.set_timeout_ms(plan.socket_timeout_ms.min(state.scan_patience_ms));
    let watch = state.faults.watch_scan(node);
    let throttle = Throttle::new(plan.rps);
    let left = if plan.max_records == 0 {
        u64::MAX
    } else {
        plan.max_records
    };
    let mut run = Run {
        state,
        node,
        plan: &plan,
        job: &job,
        link,
        watch,
        throttle,
        left,
        buffer: Vec::new(),
    };
    let end = run.all();
    let end_of_job = match end {
        Ok(ResultCode::QUERY_ABORTED) => End::UserAborted,
        Ok(_) => End::Ok,
        Err(_) => End::ResponseError,
    };
    state.jobs[node].finish(&job, end_of_job, state.service().query_max_done);
    let flow = match end {
        Ok(result) => run.finish(result),
        Err(Stop::Close) => Flow::Close,
    };
    link.set_timeout_ms(0);
    flow
}

fn start_job(
    state: &State,
    node: usize,
    plan: &Plan<'_>,
    link: &Link,
) -> Result<Arc<Job>, ResultCode> {
    let jobs = &state.jobs[node];
    let job = Job {
        id: if plan.id == 0 {
            jobs.next_id()
        } else {
            plan.id
        },
        namespace: plan.namespace.name().to_owned(),
        kind: Kind::Basic,
        set: String::from_utf8_lossy(plan.selection.set).into_owned(),
        index_name: plan.selection.index_name(),
        n_pids: plan.n_pids,
        n_digests: plan.partitions.len() - plan.n_pids,
        rps: plan.rps,
        socket_timeout_ms: plan.socket_timeout_ms,
        from: link.from.clone(),
        is_short: plan.is_short,
        started: Instant::now(),
        partitions_done: 0.into(),
        succeeded: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        abort: false.into(),
        end: Mutex::new(None),
    };
    jobs.start(job, state.service().query_threads_limit)
}

/// Why a scan ends without a last message.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Close,
}

/// What came of reading a part of a partition.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// There may be more below this digest.
    More(Option<DigestBytes>),
    /// The partition is done.
    Done,
    /// The whole scan ends with this result.
    End(ResultCode),
}

/// A scan under way.
struct Run<'a> {
    state: &'a State,
    node: usize,
    plan: &'a Plan<'a>,
    job: &'a Job,
    link: &'a mut Link,
    watch: ScanWatch,
    throttle: Throttle,
    /// Records until the request's maximum is reached.
    left: u64,
    /// The open frame; empty when there is none.
    buffer: Vec<u8>,
}

impl Run<'_> {
    /// Reads all partitions; the result for the last message. Some are read in turns, a frame
    /// each, as the threads of the real server do.
    fn all(&mut self) -> Result<ResultCode, Stop> {
        self.buffer.reserve(self.state.scan_frame_bytes);
        let order = self.state.shuffle.order(self.plan.partitions.len());
        let fresh = |at| (self.plan.partitions[at], true);
        let mut waiting = order.into_iter().map(fresh);
        let mut active: VecDeque<_> = waiting.by_ref().take(self.state.scan_lanes).collect();
        while let Some(((id, cursor), is_start)) = active.pop_front() {
            let step = if is_start {
                self.start(id, cursor)?
            } else {
                self.step(id, cursor)? // a partition that has moved away is finished all the same
            };
            match step {
                Step::End(result) => return Ok(result),
                _ if self.left == 0 => break,
                Step::More(cursor) => active.push_back(((id, cursor), false)),
                Step::Done => active.extend(waiting.next()),
            }
        }
        Ok(ResultCode::OK)
    }

    /// As [`step`](Self::step), of a partition that this node may not have and rules may deny.
    fn start(&mut self, id: usize, cursor: Option<DigestBytes>) -> Result<Step, Stop> {
        let denied = match self.fault_at(id) {
            None => false,
            Some(Reaction::PartitionUnavailable) => true,
            Some(reaction) => {
                self.send()?;
                if let Some(result) = self.react(reaction)? {
                    return Ok(Step::End(result));
                }
                false
            }
        };
        if denied || !self.state.topology.holds(self.plan.index, id, self.node) {
            self.put_status(id, ResultCode::UNAVAILABLE);
            return Ok(Step::Done);
        }
        self.step(id, cursor)
    }

    fn fault_at(&mut self, id: usize) -> Option<Reaction> {
        if !self.state.faults.is_armed() {
            return None;
        }
        let event = Event {
            partition: u16::try_from(id).ok(),
            ..Event::of(On::Scan, self.node)
        };
        self.state.react(&event, &mut self.link.manner)
    }

    /// Copies a frame's worth of a partition, which starts or goes on below `cursor`.
    fn step(&mut self, id: usize, cursor: Option<DigestBytes>) -> Result<Step, Stop> {
        if self.job.abort.load(Ordering::Relaxed) {
            return Ok(Step::End(ResultCode::QUERY_ABORTED));
        }
        if self.state.is_stopped(self.node) {
            return Err(Stop::Close);
        }
        let chunk = self.copy(id, cursor);
        if let Some(result) = self.after_chunk(chunk.records)? {
            return Ok(Step::End(result));
        }
        if chunk.more {
            return Ok(Step::More(chunk.cursor));
        }
        self.job.partitions_done.fetch_add(1, Ordering::Relaxed);
        if self.state.build < Build::BATCH_ANY && self.left > 0 {
            self.put_status(id, ResultCode::OK);
        }
        Ok(Step::Done)
    }

    fn put_status(&mut self, id: usize, result: ResultCode) {
        if let Some(id) = u16::try_from(id).ok().and_then(PartitionId::new) {
            reply::partition_status(self.open_frame(), id, result);
        }
    }

    fn open_frame(&mut self) -> &mut Vec<u8> {
        if self.buffer.is_empty() {
            let _start = frame::begin(&mut self.buffer, FrameType::Message);
        }
        &mut self.buffer
    }

    /// Copies records below `cursor` until the frame is full or some limit is reached.
    fn copy(&mut self, id: usize, cursor: Option<DigestBytes>) -> Chunk {
        let budget = self
            .left
            .min(self.watch.budget(Unit::Records))
            .min(self.throttle.take());
        let frame_bytes = self.state.scan_frame_bytes;
        let (now_s, now_ms) = (self.state.clock.now_s(), self.state.clock.now_ms());
        let plan = self.plan;
        self.open_frame();
        let out = &mut self.buffer;
        let records = plan.namespace.records(id);
        let below = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let mut chunk = Chunk {
            records: 0,
            more: false,
            cursor,
        };
        let mut counted = 0;
        for (digest, record) in records.range((Bound::Unbounded, below)).rev() {
            if record.is_expired(now_s) || !plan.selection.wants(digest, record, now_ms) {
                continue;
            }
            chunk.more = counted == budget || is_full(out, frame_bytes);
            if chunk.more {
                break;
            }
            counted += 1; // a record without any selected bin counts, too
            chunk.records += u64::from(plan.put(digest, record, now_ms, out));
            chunk.cursor = Some(*digest);
        }
        self.left -= counted;
        chunk
    }

    /// Accounting, rules and sending after a chunk.
    fn after_chunk(&mut self, records: u64) -> Result<Option<ResultCode>, Stop> {
        self.throttle.spend(records);
        self.job.succeeded.fetch_add(records, Ordering::Relaxed);
        Counters::add(&self.state.counters.scan_records, records);
        let due = self.watch.add(Unit::Records, records);
        let full = is_full(&self.buffer, self.state.scan_frame_bytes);
        if (!due.is_empty() || full)
            && let Some(result) = self.send()?
        {
            return Ok(Some(result));
        }
        self.react_to_all(due)
    }

    /// Sends the open frame, or as much of it as a rule lets through.
    fn send(&mut self) -> Result<Option<ResultCode>, Stop> {
        if self.buffer.len() > frame::HEADER_SIZE {
            frame::finish(&mut self.buffer, 0);
            let buffer = std::mem::take(&mut self.buffer);
            let sent = self.send_frames(&buffer);
            self.buffer = buffer;
            self.buffer.clear();
            return sent;
        }
        self.buffer.clear();
        Ok(None)
    }

    fn send_frames(&mut self, frames: &[u8]) -> Result<Option<ResultCode>, Stop> {
        let dressed = self.link.dressed(frames);
        self.send_bytes(&dressed)
    }

    fn send_bytes(&mut self, bytes: &[u8]) -> Result<Option<ResultCode>, Stop> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let budget = usize::try_from(self.watch.budget(Unit::Bytes)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(budget.min(rest.len()));
            if self.link.send_part(now) == Flow::Close {
                return Err(Stop::Close);
            }
            rest = later;
            Counters::add(&self.state.counters.scan_bytes, now.len() as u64);
            let due = self.watch.add(Unit::Bytes, now.len() as u64);
            // In the middle of a frame a result code cannot be told any more.
            if self.react_to_all(due)?.is_some() {
                return Err(Stop::Close);
            }
        }
        Ok(None)
    }

    /// The result with which the scan ends, if it does.
    fn react_to_all(&mut self, due: Vec<Reaction>) -> Result<Option<ResultCode>, Stop> {
        for reaction in due {
            let ends = self
                .state
                .conduct(self.node, reaction, &mut self.link.manner);
            if let Some(reaction) = ends
                && let Some(result) = self.react(reaction)?
            {
                return Ok(Some(result));
            }
        }
        Ok(None)
    }

    /// Reactions that end a request.
    fn react(&mut self, reaction: Reaction) -> Result<Option<ResultCode>, Stop> {
        match reaction {
            Reaction::Result(code) => return Ok(Some(ResultCode(code))),
            Reaction::KillNode(loss) => {
                self.state.kill_node(self.node, loss);
            }
            Reaction::Garbage(garbage) => {
                self.link.send_part(&garbage.bytes());
            }
            Reaction::Silence => self.link.hold(),
            Reaction::Reset => self.link.reset(),
            Reaction::PartitionUnavailable => return Ok(None),
            _ => {}
        }
        Err(Stop::Close)
    }

    /// Sends what is left and the last message.
    fn finish(&mut self, result: ResultCode) -> Flow {
        match self.send() {
            Err(Stop::Close) => return Flow::Close,
            Ok(_) => reply::last(&mut self.buffer, result),
        }
        let bytes = std::mem::take(&mut self.buffer);
        match self.send_frames(&bytes) {
            Ok(_) => Flow::Continue,
            Err(Stop::Close) => Flow::Close,
        }
    }
}

/// Whether an open frame has a message and reaches its target size.
const fn is_full(buffer: &[u8], frame_bytes: usize) -> bool {
    buffer.len() > frame::HEADER_SIZE && buffer.len() >= frame_bytes
}

/// What was copied from a partition.
struct Chunk {
    /// Records added to the frame.
    records: u64,
    /// Whether there may be more records in the partition.
    more: bool,
    /// Where to go on: below this digest.
    cursor: Option<DigestBytes>,
}
