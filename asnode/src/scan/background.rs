//! Background writes (`wire-scan.md` §9): a write without a digest is answered at once and then
//! carried out on every record that it means, until which `query-show` tells of it.
//!
//! Each node writes to the partitions of which it is master when it comes to them.

use super::{
    plan::{low_u32, number},
    selection::Selection,
};
use crate::{
    jobs::{End, Job, Kind},
    link::Link,
    namespace::{Namespace, PARTITIONS},
    node::Node,
    record::DigestBytes,
    request::{Command, Filter, State},
    throttle::Throttle,
    write,
};
use aerospike_wire::{
    field::code,
    frame,
    message::{self, Found, Message, MessageBuilder, MessageHeader, flags},
    op,
    result_code::ResultCode,
};
use std::{
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering},
    time::Instant,
};

/// Checks the request and starts to carry it out.
pub(super) fn start(
    state: &Arc<State>,
    node: usize,
    index: usize,
    message: &Message<'_>,
    link: &Link,
) -> Result<(), ResultCode> {
    check(message)?;
    let namespace = &state.namespaces[index];
    let selection = Selection::parse(state, namespace, message)?;
    let rps = number::<4>(message, code::RECORDS_PER_SECOND)?.map_or(0, low_u32);
    let jobs = &state.jobs[node];
    let id = number::<8>(message, code::QUERY_ID).unwrap_or_default();
    let job = Job {
        id: id.filter(|id| *id != 0).unwrap_or_else(|| jobs.next_id()),
        namespace: namespace.name().to_owned(),
        kind: Kind::BackgroundOps,
        set: String::from_utf8_lossy(selection.set).into_owned(),
        index_name: selection.index_name(),
        n_pids: PARTITIONS,
        n_digests: 0,
        rps,
        socket_timeout_ms: 0,
        from: link.from.clone(),
        is_short: false,
        started: Instant::now(),
        partitions_done: 0.into(),
        succeeded: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        abort: false.into(),
        end: Mutex::new(None),
    };
    let run = Run {
        job: jobs.start(job, state.service().query_threads_limit)?,
        state: Arc::clone(state),
        node,
        index,
        request: copy(message),
    };
    Node::spawn(state, node, move || run.all());
    Ok(())
}

/// Only modifying operations; nothing is deleted as a whole, and no UDF is called.
fn check(message: &Message<'_>) -> Result<(), ResultCode> {
    if message.field(code::UDF_OP).is_some() {
        return Err(ResultCode::UNSUPPORTED_FEATURE);
    }
    let header = message.header;
    let reads = message.ops().any(|op| op.code == op::code::READ);
    if header.n_ops == 0 || header.info2 & flags::DELETE != 0 || reads {
        return Err(ResultCode::PARAMETER);
    }
    Ok(())
}

/// The request as it came, to outlive the connection's buffer.
fn copy(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let header = message.header;
    let mut builder = MessageBuilder::new(&mut out, &header);
    builder.raw_fields(header.n_fields, message.field_bytes());
    builder.raw_ops(header.n_ops, message.op_bytes());
    builder.finish();
    out.drain(..frame::HEADER_SIZE);
    out
}

/// A background write under way.
struct Run {
    state: Arc<State>,
    node: usize,
    index: usize,
    job: Arc<Job>,
    request: Vec<u8>,
}

impl Run {
    fn all(&self) {
        let end = self.partitions().unwrap_or(End::UserAborted);
        let remembered = self.state.service().query_max_done;
        self.state.jobs[self.node].finish(&self.job, end, remembered);
    }

    /// `None`: it was stopped.
    fn partitions(&self) -> Option<End> {
        let split = message::split(&self.request, self.request.len());
        let Ok(Found::Message { message, .. }) = split else {
            return None; // it was a message before it was copied
        };
        let namespace = &self.state.namespaces[self.index];
        let selection = Selection::parse(&self.state, namespace, &message).ok()?;
        let mut throttle = Throttle::new(self.job.rps);
        for p in 0..PARTITIONS {
            let owners = self.state.topology.owners(self.index, p);
            if owners.first() == Some(&self.node) {
                for digest in self.wanted(p, &selection) {
                    self.write(digest, &message, &mut throttle)?;
                }
            }
            self.job.partitions_done.fetch_add(1, Ordering::Relaxed);
        }
        Some(End::Ok)
    }

    fn wanted(&self, p: usize, selection: &Selection<'_>) -> Vec<DigestBytes> {
        let (now_s, now_ms) = (self.state.clock.now_s(), self.state.clock.now_ms());
        let records = self.state.namespaces[self.index].records(p);
        let wanted = records.iter().rev().filter(|(digest, record)| {
            !record.is_expired(now_s) && selection.wants(digest, record, now_ms)
        });
        wanted.map(|(digest, _)| *digest).collect()
    }

    fn write(
        &self,
        digest: DigestBytes,
        message: &Message<'_>,
        throttle: &mut Throttle,
    ) -> Option<()> {
        loop {
            if self.job.abort.load(Ordering::Relaxed) || self.state.is_stopped(self.node) {
                return None;
            }
            if throttle.take() > 0 {
                break;
            }
        }
        throttle.spend(1);
        let namespace = &self.state.namespaces[self.index];
        let records = namespace.records(Namespace::partition_of(&digest));
        let set = records.get(&digest).map(|record| record.set().to_vec());
        drop(records);
        let Some(set) = set else {
            return Some(()); // it has gone meanwhile
        };
        let command = Command {
            header: MessageHeader {
                info2: flags::WRITE,
                info3: flags::UPDATE_ONLY,
                record_ttl: message.header.record_ttl,
                n_ops: message.header.n_ops,
                ..MessageHeader::default()
            },
            set: &set,
            ..Command::new(namespace, digest, message, Filter::None)
        };
        let outcome = write::write(&command, &self.state, &mut Vec::new());
        if outcome.result == ResultCode::OK {
            self.job.succeeded.fetch_add(1, Ordering::Relaxed);
        } else {
            self.job.failed.fetch_add(1, Ordering::Relaxed);
        }
        Some(())
    }
}
