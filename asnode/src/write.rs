//! Single-record writes and deletes, in the order of the server's checks (`wire-write.md` §1.5).

use crate::{
    bins::Bins,
    namespace::{Namespace, Tombstone},
    read::put_read,
    record::{Draft, StoredRecord},
    request::{Command, Outcome, State},
    xdr::Change,
};
use aerospike_wire::{
    message::flags,
    op::{self, Op, code},
    reply,
    result_code::ResultCode,
};

const MAX_OPS: u16 = 32768;
const MAX_TTL_S: u32 = 315_360_000;
const NEVER: u32 = u32::MAX;
const KEEP: u32 = u32::MAX - 1;

/// Applies a write; reply operations go to `out`.
pub(crate) fn write(command: &Command<'_>, state: &State, out: &mut Vec<u8>) -> Outcome {
    let touches = match check_request(command) {
        Ok(touches) => touches,
        Err(result) => return Outcome::early(result),
    };
    let partition = Namespace::partition_of(&command.digest);
    let is_full = command.namespace.is_full(command.set);
    let mut records = command.namespace.records_mut(partition);
    let now_s = state.clock.now_s();
    let now_ms = state.write_ms(command.namespace, partition);
    let old = records
        .get(&command.digest)
        .filter(|record| !record.is_expired(now_s));
    let applied = check_existence(command, old, touches)
        .and_then(|()| check_old(command, old, now_ms, is_full))
        .and_then(|()| {
            Update {
                command,
                old,
                now_s,
                now_ms,
            }
            .apply(out)
        });
    match applied {
        Err(result) => Outcome::late(result, old),
        Ok((Some(record), n_ops)) => {
            let outcome = Outcome {
                n_ops,
                ..Outcome::late(ResultCode::OK, Some(&record))
            };
            records.insert(command.digest, record);
            command.namespace.unbury(&command.digest);
            tell_xdr(command, state, Change::Written);
            outcome
        }
        Ok((None, n_ops)) => {
            if let Some(record) = records.remove(&command.digest) {
                bury(command, state, &record);
            }
            Outcome {
                n_ops,
                ..Outcome::default()
            }
        }
    }
}

/// Deletes a record. All failures report generation and void-time 0.
pub(crate) fn delete(command: &Command<'_>, state: &State) -> Outcome {
    let clock = &state.clock;
    if let Err(result) = check_source(command) {
        return Outcome::early(result);
    }
    if command.info2(flags::DURABLE_DELETE) && !state.is_enterprise() {
        return Outcome::early(ResultCode::ENTERPRISE_ONLY);
    }
    let partition = Namespace::partition_of(&command.digest);
    let mut records = command.namespace.records_mut(partition);
    let now_s = clock.now_s();
    let Some(record) = records
        .get(&command.digest)
        .filter(|record| !record.is_expired(now_s))
    else {
        return Outcome::early(ResultCode::NOT_FOUND);
    };
    let checked = check_generation(command, record.generation())
        .and_then(|()| match command.set {
            [] => Ok(()),
            set if set == record.set() => Ok(()),
            _ => Err(ResultCode::PARAMETER),
        })
        .and_then(|()| command.check_record(record, clock.now_ms()));
    if let Err(result) = checked {
        return Outcome::early(result);
    }
    if let Some(record) = records.remove(&command.digest) {
        bury(command, state, &record);
    }
    Outcome::default()
}

/// What follows a delete, whichever way the record went: XDR learns of it, and a durable one leaves
/// something behind.
fn bury(command: &Command<'_>, state: &State, record: &StoredRecord) {
    let durable = command.info2(flags::DURABLE_DELETE) && state.is_enterprise();
    tell_xdr(command, state, Change::Deleted { record, durable });
    if durable {
        let partition = Namespace::partition_of(&command.digest);
        let now_ms = state.write_ms(command.namespace, partition);
        let tombstone = Tombstone {
            set: record.set().to_vec(),
            lut_ms: now_ms.max(record.lut_ms()),
        };
        command.namespace.bury(command.digest, tombstone);
    }
}

/// Queues a change for the data centres that want it; the record is still locked.
fn tell_xdr(command: &Command<'_>, state: &State, change: Change<'_>) {
    let (namespace, digest) = (command.namespace, &command.digest);
    let from_xdr = command.info1(flags::XDR);
    state
        .xdr
        .changed(state, namespace, digest, change, from_xdr);
}

/// Who may write here.
fn check_source(command: &Command<'_>) -> Result<(), ResultCode> {
    let config = command.namespace.config();
    let refused = if command.info1(flags::XDR) {
        config.reject_xdr_writes
    } else {
        config.reject_non_xdr_writes
    };
    if refused || command.is_transaction && config.disable_mrt_writes {
        Err(ResultCode::FORBIDDEN)
    } else {
        Ok(())
    }
}

/// Everything that can be checked before the record is looked up. Says whether there is a TOUCH.
fn check_request(command: &Command<'_>) -> Result<bool, ResultCode> {
    check_source(command)?;
    {
        let config = command.namespace.config();
        if config.stop_writes {
            return Err(ResultCode::OUT_OF_SPACE);
        }
        if config.disallow_null_setname && command.set.is_empty() {
            return Err(ResultCode::PARAMETER);
        }
    }
    if command.header.n_ops == 0 || command.header.n_ops > MAX_OPS {
        return Err(ResultCode::PARAMETER);
    }
    let replaces = command.info3(flags::CREATE_OR_REPLACE | flags::REPLACE_ONLY);
    let (mut reads, mut touches) = (false, false);
    for op in command.ops.clone() {
        if op.name.len() > op::MAX_BIN_NAME || op.name.contains(&0) {
            return Err(ResultCode::BIN_NAME);
        }
        let plain = op.code == code::WRITE && op.particle != 0;
        match op.code {
            code::READ if !command.info1(flags::READ) => return Err(ResultCode::PARAMETER),
            code::READ => reads = true,
            _ if replaces && !plain => return Err(ResultCode::PARAMETER),
            code::TOUCH => touches = true,
            _ => {}
        }
    }
    let get_all = command.info1(flags::GET_ALL);
    if get_all && (!reads || command.info2(flags::RESPOND_ALL_OPS)) {
        return Err(ResultCode::PARAMETER);
    }
    Ok(touches)
}

/// Steps 6 and 7: existence policies, then generations.
fn check_existence(
    command: &Command<'_>,
    old: Option<&StoredRecord>,
    touches: bool,
) -> Result<(), ResultCode> {
    let must_exist = touches || command.info3(flags::UPDATE_ONLY | flags::REPLACE_ONLY);
    if must_exist && old.is_none() {
        return Err(ResultCode::NOT_FOUND);
    }
    if command.info2(flags::CREATE_ONLY) && old.is_some() {
        return Err(ResultCode::RECORD_EXISTS);
    }
    check_generation(command, old.map_or(0, StoredRecord::generation))
}

/// The stored generation of a missing record is 0. With both bits set EQUAL decides.
fn check_generation(command: &Command<'_>, stored: u16) -> Result<(), ResultCode> {
    let (sent, stored) = (command.header.generation, u32::from(stored));
    let passes = if command.info2(flags::GENERATION) {
        sent == stored
    } else {
        !command.info2(flags::GENERATION_GT) || sent > stored
    };
    if passes {
        Ok(())
    } else {
        Err(ResultCode::GENERATION)
    }
}

/// Steps 8 to 10: set, filter, key.
fn check_old(
    command: &Command<'_>,
    old: Option<&StoredRecord>,
    now_ms: u64,
    is_full: bool,
) -> Result<(), ResultCode> {
    let Some(record) = old else {
        if is_full {
            return Err(ResultCode::FORBIDDEN);
        }
        command
            .namespace
            .ensure_set(command.set)
            .map_err(|_| ResultCode::PARAMETER)?;
        return command.check_key();
    };
    if command.set != record.set() {
        return Err(ResultCode::PARAMETER);
    }
    command.check_record(record, now_ms)
}

/// A write that passed its checks.
struct Update<'a> {
    command: &'a Command<'a>,
    old: Option<&'a StoredRecord>,
    now_s: u32,
    now_ms: u64,
}

impl Update<'_> {
    /// The new record (`None`: the write removed its last bin) and the number of reply
    /// operations.
    fn apply(&self, out: &mut Vec<u8>) -> Result<(Option<StoredRecord>, u16), ResultCode> {
        let command = self.command;
        let void_time = self.void_time()?;
        let replaces = command.info3(flags::CREATE_OR_REPLACE | flags::REPLACE_ONLY);
        let kept = self.old.filter(|_| !replaces);
        let stored = kept.into_iter().flat_map(StoredRecord::bins);
        let mut bins = Bins::of(stored, usize::from(command.header.n_ops));
        let mut n_ops = 0;
        for op in command.ops.clone() {
            n_ops += self.step(&mut bins, op, out)?;
        }
        if command.info1(flags::GET_ALL) {
            for bin in bins.iter() {
                op::put(out, code::READ, bin.particle, &bin.name, &bin.value);
                n_ops += 1;
            }
        }
        let bins = bins.finish();
        if bins.is_empty() {
            let removed = self.old.map(|_| (None, n_ops));
            return removed.ok_or(ResultCode::NOT_FOUND);
        }
        let draft = Draft {
            set: command.set,
            key: self.old.and_then(StoredRecord::key).or(command.key),
            generation: self.generation(),
            void_time,
            lut_ms: self.now_ms.max(self.old.map_or(0, StoredRecord::lut_ms)),
            bins: &bins,
        };
        if draft.stored_size() > u64::from(command.namespace.config().max_record_size) {
            return Err(ResultCode::RECORD_TOO_BIG);
        }
        Ok((Some(draft.build()), n_ops))
    }

    /// Applies one operation; returns the number of reply operations.
    fn step<'b>(
        &self,
        bins: &mut Bins<'b>,
        op: Op<'b>,
        out: &mut Vec<u8>,
    ) -> Result<u16, ResultCode> {
        let respond_all = self.command.info2(flags::RESPOND_ALL_OPS);
        if op.code == code::READ {
            if self.command.info1(flags::GET_ALL) {
                return Ok(0); // all bins follow at the end
            }
            return Ok(put_read(out, op, bins.find(op.name), respond_all));
        }
        bins.apply(op)?;
        if !respond_all || op.code == code::TOUCH {
            return Ok(0);
        }
        reply::null_op(out, op.code, op.name);
        Ok(1)
    }

    /// 1 for a new record, else one more; 65535 is followed by 1.
    fn generation(&self) -> u16 {
        match self.old.map(StoredRecord::generation) {
            None | Some(u16::MAX) => 1,
            Some(generation) => generation + 1,
        }
    }

    /// Expiry of the new record (`wire-protocol.md` §7).
    fn void_time(&self) -> Result<u32, ResultCode> {
        let namespace = self.command.namespace;
        let default = || match namespace.default_ttl_s(self.command.set) {
            0 => 0,
            ttl => self.now_s.saturating_add(ttl),
        };
        let void_time = match (self.command.header.record_ttl, self.old) {
            (NEVER, _) => 0,
            (KEEP, Some(old)) => return Ok(old.void_time()),
            (0 | KEEP, _) => default(),
            (ttl @ 1..=MAX_TTL_S, _) => self.now_s.saturating_add(ttl),
            _ => return Err(ResultCode::PARAMETER),
        };
        if void_time != 0 && !namespace.config().allows_ttl() {
            return Err(ResultCode::FORBIDDEN);
        }
        let kept = self.old.map_or(0, StoredRecord::void_time);
        let is_shorter = void_time != 0 && (kept == 0 || void_time < kept);
        if self.old.is_some() && is_shorter && !namespace.config().apply_ttl_reductions {
            return Ok(kept);
        }
        Ok(void_time)
    }
}
