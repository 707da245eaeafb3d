//! Single-record reads (`wire-write.md` §3).

use crate::{
    clock::Clock,
    record::StoredRecord,
    request::{Command, Outcome},
};
use aerospike_wire::{
    message::flags,
    op::{self, Op},
    reply,
    result_code::ResultCode,
};

/// Answers a read; bins go to `out`.
pub(crate) fn read(command: &Command<'_>, clock: &Clock, out: &mut Vec<u8>) -> Outcome {
    let now_ms = clock.now_ms();
    let partition = crate::namespace::Namespace::partition_of(&command.digest);
    let records = command.namespace.records(partition);
    let Some(record) = records
        .get(&command.digest)
        .filter(|r| !r.is_expired(clock.now_s()))
    else {
        return Outcome::early(ResultCode::NOT_FOUND);
    };
    let checked = check(command, record, now_ms);
    match checked.and_then(|()| put_bins(command, record, out)) {
        Ok(n_ops) => Outcome {
            n_ops,
            ..Outcome::late(ResultCode::OK, Some(record))
        },
        Err(result) => Outcome::late(result, Some(record)),
    }
}

fn check(command: &Command<'_>, record: &StoredRecord, now_ms: u64) -> Result<(), ResultCode> {
    let touch = command.header.record_ttl;
    if record.void_time() != 0 && !matches!(touch, 0..=100 | u32::MAX) {
        return Err(ResultCode::PARAMETER);
    }
    if !command.set.is_empty() && command.set != record.set() {
        return Err(ResultCode::PARAMETER);
    }
    command.check_record(record, now_ms)
}

fn put_bins(
    command: &Command<'_>,
    record: &StoredRecord,
    out: &mut Vec<u8>,
) -> Result<u16, ResultCode> {
    if command.info1(flags::NO_BINS) {
        return Ok(0);
    }
    if command.info1(flags::GET_ALL) {
        out.extend_from_slice(record.bin_bytes());
        return Ok(record.n_bins());
    }
    if command.header.n_ops == 0 {
        return Err(ResultCode::PARAMETER);
    }
    let respond_all = command.info2(flags::RESPOND_ALL_OPS);
    let mut n_ops = 0;
    for wanted in command.ops.clone() {
        if wanted.code != op::code::READ {
            return Err(ResultCode::PARAMETER);
        }
        let found = record.bins().find(|bin| bin.name == wanted.name);
        n_ops += put_read(
            out,
            wanted,
            found.map(|bin| (bin.particle, bin.value)),
            respond_all,
        );
    }
    Ok(n_ops)
}

/// Appends the answer of a READ operation, if it has one; returns the number appended.
pub(crate) fn put_read(
    out: &mut Vec<u8>,
    wanted: Op<'_>,
    found: Option<(u8, &[u8])>,
    respond_all: bool,
) -> u16 {
    match found {
        Some((particle, value)) => op::put(out, op::code::READ, particle, wanted.name, value),
        None if respond_all => reply::null_op(out, op::code::READ, wanted.name),
        None => return 0,
    }
    1
}
