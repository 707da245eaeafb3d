//! Batch requests (`wire-write.md` §6): rows are checked as a whole, carried out one by one, and
//! answered in frames of about 128 KiB, followed by one last message.

use crate::{
    build::Build,
    connection::Flow,
    counters::Counters,
    expression::Expression,
    faults::{Event, On, Reaction},
    link::Link,
    namespace::Namespace,
    request::{Command, Filter, Outcome, State},
    security::Identity,
};
use aerospike_wire::{
    batch::{Row, Rows, batch_flags},
    field::code,
    message::{Message, MessageHeader, flags},
    reply::{self, ReplyFrames},
    result_code::ResultCode,
};

/// Size of the blocks in which replies leave.
const FRAME_BYTES: usize = 128 << 10;

/// Bytes that are collected before they are sent.
const SEND_BYTES: usize = 1 << 20;

/// Batch flag: without [`batch_flags::RESPOND_ALL`], show the row that stopped the batch.
const RETURN_FAILING_ROW: u8 = 0x08;

/// A row and the namespace it names.
struct Target<'a> {
    row: Row<'a>,
    index: usize,
    namespace: &'a Namespace,
}

/// Carries out a batch.
pub(crate) fn handle(
    state: &State,
    node: usize,
    who: &Identity,
    message: &Message<'_>,
    link: &mut Link,
) -> Flow {
    Counters::bump(&state.counters.batches);
    let mut frames = ReplyFrames::new(FRAME_BYTES);
    let result = match parse(state, message) {
        Err(result) => result,
        Ok(batch) => match batch.execute(state, node, who, &mut frames, link) {
            Ok(result) => result,
            Err(flow) => return flow,
        },
    };
    frames.finish(result);
    link.send(frames.frames())
}

/// A checked batch.
struct Batch<'a> {
    flags: u8,
    filter: Option<Expression>,
    targets: Vec<Target<'a>>,
}

fn parse<'a>(state: &'a State, message: &Message<'a>) -> Result<Batch<'a>, ResultCode> {
    const BAD: ResultCode = ResultCode::PARAMETER;
    let filter = match message.field(code::FILTER_EXP) {
        None => None,
        Some(bytes) => Some(Expression::parse(bytes, state.build).map_err(|_| BAD)?),
    };
    let data = message
        .field(code::BATCH)
        .or_else(|| message.field(code::BATCH_WITH_SET));
    let mut rows = Rows::new(data.ok_or(BAD)?).map_err(|_| BAD)?;
    let flags = rows.flags;
    if rows.left() == 0 {
        return Err(BAD);
    }
    let service = state.service();
    if service.batch_index_threads == 0 {
        return Err(ResultCode::BATCH_DISABLED);
    }
    if service.batch_max_requests != 0 && rows.left() > service.batch_max_requests {
        return Err(ResultCode::BATCH_MAX_REQUESTS);
    }
    let mut targets: Vec<Target<'a>> = Vec::new();
    for row in rows.by_ref() {
        let row = row.map_err(|_| BAD)?;
        if state.build < Build::BATCH_ANY && !is_old_read(&row) {
            return Err(BAD);
        }
        targets.push(target(state, row, targets.last()).ok_or(BAD)?);
    }
    Counters::add(&state.counters.batch_rows, targets.len() as u64);
    Ok(Batch {
        flags,
        filter,
        targets,
    })
}

/// The only rows that servers before 6.0 know: reads, without the optional parts of today's. To
/// them the flags byte says "repeat" and nothing else.
fn is_old_read(row: &Row<'_>) -> bool {
    row.repeated || row.flags == 0
}

/// The namespace comes first in a row; a row after one with a key cannot repeat it.
fn target<'a>(state: &'a State, row: Row<'a>, last: Option<&Target<'a>>) -> Option<Target<'a>> {
    match last {
        Some(last) if row.repeated => {
            let has_key = row.message.field(code::KEY).is_some();
            (!has_key).then_some(Target { row, ..*last })
        }
        _ => {
            let first = row.message.fields().next()?;
            let named = first.kind == code::NAMESPACE;
            let (index, namespace) = state.namespace(first.data).filter(|_| named)?;
            Some(Target {
                row,
                index,
                namespace,
            })
        }
    }
}

impl Batch<'_> {
    /// The result for the last message, or how the connection ends.
    fn execute(
        &self,
        state: &State,
        node: usize,
        who: &Identity,
        frames: &mut ReplyFrames,
        link: &mut Link,
    ) -> Result<ResultCode, Flow> {
        let respond_all = self.flags & batch_flags::RESPOND_ALL != 0;
        let faulty = state.faults.is_armed();
        for position in state.shuffle.order(self.targets.len()) {
            let target = &self.targets[position];
            let forced = if faulty {
                row_fault(state, node, position, target, link)?
            } else {
                None
            };
            let forced = forced.or_else(|| refused(state, node, who, target));
            let out = frames.message();
            let start = out.len();
            let result = self.put_row(state, target, forced, out);
            let harmless = matches!(
                result,
                ResultCode::OK | ResultCode::NOT_FOUND | ResultCode::FILTERED_OUT
            );
            if !respond_all && !harmless {
                if self.flags & RETURN_FAILING_ROW == 0 {
                    frames.message().truncate(start);
                    frames.drop_empty_frame();
                }
                return Ok(result);
            }
            frames.cut();
            if frames.len_bytes() > SEND_BYTES {
                match link.send(frames.frames()) {
                    Flow::Continue => frames.clear(),
                    Flow::Close => return Err(Flow::Close),
                }
            }
        }
        Ok(ResultCode::OK)
    }

    /// Appends the message of a row.
    fn put_row(
        &self,
        state: &State,
        target: &Target<'_>,
        forced: Option<u8>,
        out: &mut Vec<u8>,
    ) -> ResultCode {
        let at = reply::reserve_header(out);
        let outcome = match forced {
            Some(code) => Outcome::early(ResultCode(code)),
            None => self.run_row(state, target, out),
        };
        let header = MessageHeader {
            result: outcome.result,
            generation: outcome.generation,
            record_ttl: outcome.void_time,
            transaction_ttl: target.row.index,
            n_ops: outcome.n_ops,
            ..MessageHeader::default()
        };
        reply::put_header(out, at, &header);
        outcome.result
    }

    fn run_row(&self, state: &State, target: &Target<'_>, out: &mut Vec<u8>) -> Outcome {
        let digest = target.row.digest;
        if !state
            .topology
            .is_available(target.index, digest.partition().index())
        {
            return Outcome::early(ResultCode::UNAVAILABLE);
        }
        let outer = self.filter.as_ref().map_or(Filter::None, Filter::Parsed);
        let mut message = target.row.message;
        message.header.info1 &= !(flags::XDR | flags::COMPRESS);
        Command::new(target.namespace, digest.0, &message, outer).execute(state, out)
    }
}

/// The result code of a row that its user may not carry out.
fn refused(state: &State, node: usize, who: &Identity, target: &Target<'_>) -> Option<u8> {
    let admitted = state.admit_row(node, who, target.namespace.name(), &target.row.message);
    admitted.err().map(|result| result.0)
}

/// What a rule does to this row: a result code to answer, or the end of the connection.
fn row_fault(
    state: &State,
    node: usize,
    position: usize,
    target: &Target<'_>,
    link: &mut Link,
) -> Result<Option<u8>, Flow> {
    let event = Event {
        partition: Some(target.row.digest.partition().get()),
        row: Some(u32::try_from(position).unwrap_or(u32::MAX)),
        digest: Some(target.row.digest),
        ..Event::of(On::BatchRow, node)
    };
    match state.react(&event, &mut link.manner) {
        Some(Reaction::Result(code)) => Ok(Some(code)),
        Some(Reaction::PartitionUnavailable) => Ok(Some(ResultCode::UNAVAILABLE.0)),
        Some(Reaction::KillNode(loss)) => {
            state.kill_node(node, loss);
            Err(Flow::Close)
        }
        Some(Reaction::Drop | Reaction::ApplyThenDrop) => Err(Flow::Close),
        Some(Reaction::Reset) => {
            link.reset();
            Err(Flow::Close)
        }
        _ => Ok(None),
    }
}
