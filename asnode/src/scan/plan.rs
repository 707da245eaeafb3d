//! A scan request, checked (`wire-scan.md` §1), and what it says about a single record.

use crate::{
    build::Build,
    expression::{Expression, Subject},
    namespace::{Namespace, PARTITIONS},
    record::{DigestBytes, Prefix, StoredRecord},
    request::State,
};
use aerospike_wire::{
    field::code,
    message::{Message, flags},
    op,
    result_code::ResultCode,
};

/// Set of transaction monitor records: a scan of all sets leaves it out.
const MONITOR_SET: &[u8] = b"<ERO~MRT";

/// Time a client may stop reading if it does not say.
const DEFAULT_SOCKET_TIMEOUT_MS: u32 = 10_000;

/// A checked scan request.
pub(super) struct Plan<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) index: usize,
    prefix: Prefix,
    /// Empty = all sets.
    pub(super) set: &'a [u8],
    pub(super) skip_monitors: bool,
    pub(super) partitions: Vec<(usize, Option<DigestBytes>)>,
    pub(super) n_pids: usize,
    pub(super) bins: Vec<&'a [u8]>,
    pub(super) no_bins: bool,
    pub(super) filter: Option<Expression>,
    pub(super) max_records: u64,
    pub(super) rps: u32,
    pub(super) socket_timeout_ms: u32,
    pub(super) id: u64,
    pub(super) is_short: bool,
}

impl<'a> Plan<'a> {
    pub(super) fn parse(
        state: &'a State,
        index: usize,
        message: &Message<'a>,
    ) -> Result<Self, ResultCode> {
        const BAD: ResultCode = ResultCode::PARAMETER;
        let header = message.header;
        if header.info2 & flags::WRITE != 0 {
            return Err(background_write(message));
        }
        let (pids, digests) = (
            message.field(code::PID_ARRAY),
            message.field(code::DIGEST_ARRAY),
        );
        let is_marked = header.info3 & flags::PARTITION_DONE != 0 || state.build < Build::BATCH_ANY;
        if !is_marked || pids.is_none() && digests.is_none() {
            return Err(ResultCode::UNSUPPORTED_FEATURE);
        }
        if message.field(INDEX_RANGE).is_some() {
            return Err(ResultCode::INDEX_NOT_FOUND);
        }
        let partitions = partitions(pids, digests).ok_or(BAD)?;
        let rps = number::<4>(message, code::RECORDS_PER_SECOND)?.map_or(0, low_u32);
        let is_short = header.info1 & flags::SHORT_QUERY != 0;
        if is_short && rps != 0 {
            return Err(BAD);
        }
        let set = message.field(code::SET).unwrap_or_default();
        let namespace = &state.namespaces[index];
        Ok(Self {
            namespace,
            index,
            prefix: Prefix::new(namespace.name().as_bytes()),
            set,
            skip_monitors: set.is_empty()
                && namespace.sets().iter().any(|(name, _)| name == MONITOR_SET),
            n_pids: pids.map_or(0, |ids| ids.len() / 2),
            partitions,
            bins: selected_bins(message).ok_or(BAD)?,
            no_bins: header.info1 & flags::NO_BINS != 0,
            filter: message
                .field(code::FILTER_EXP)
                .map(|bytes| Expression::parse(bytes, state.build).map_err(|_| BAD))
                .transpose()?,
            max_records: number::<8>(message, code::MAX_RECORDS)?.unwrap_or(0),
            rps,
            socket_timeout_ms: number::<4>(message, code::SOCKET_TIMEOUT)?
                .map_or(DEFAULT_SOCKET_TIMEOUT_MS, low_u32),
            id: number::<8>(message, code::QUERY_ID)
                .unwrap_or_default()
                .unwrap_or(0),
            is_short,
        })
    }

    pub(super) fn wants(&self, digest: &DigestBytes, record: &StoredRecord, now_ms: u64) -> bool {
        if !self.set.is_empty() && record.set() != self.set {
            return false;
        }
        if self.skip_monitors && record.set() == MONITOR_SET {
            return false;
        }
        let subject = Subject {
            digest,
            record,
            now_ms,
        };
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.matches(subject))
    }

    /// Appends the message of a record; `false`: it has none of the selected bins.
    pub(super) fn put(
        &self,
        digest: &DigestBytes,
        record: &StoredRecord,
        out: &mut Vec<u8>,
    ) -> bool {
        if !self.no_bins && self.bins.is_empty() {
            record.put_message(&self.prefix, digest, out);
            return true;
        }
        let start = out.len();
        record.put_head(&self.prefix, digest, out);
        let mut n_ops = 0u16;
        if self.no_bins {
            out[start + 1] = flags::NO_BINS;
        } else {
            for bin in record.bins().filter(|bin| self.bins.contains(&bin.name)) {
                op::put(out, op::code::READ, bin.particle, bin.name, bin.value);
                n_ops += 1;
            }
            if n_ops == 0 {
                out.truncate(start);
                return false;
            }
        }
        out[start + 20..start + 22].copy_from_slice(&n_ops.to_be_bytes());
        true
    }
}

/// Field of a query on a secondary index, which this node does not answer.
const INDEX_RANGE: u8 = 22;

/// Background writes are not emulated: what the server refuses is refused as there, the rest
/// with 16.
fn background_write(message: &Message<'_>) -> ResultCode {
    let refused = message.header.n_ops == 0 || message.header.info2 & flags::DELETE != 0;
    if refused {
        ResultCode::PARAMETER
    } else {
        ResultCode::UNSUPPORTED_FEATURE
    }
}

/// Partitions in the order of the request: ids to read from the start, then digests to resume
/// after. Empty arrays, unknown ids and repetitions are refused.
fn partitions(
    pids: Option<&[u8]>,
    digests: Option<&[u8]>,
) -> Option<Vec<(usize, Option<DigestBytes>)>> {
    let (pids, _) = pids.unwrap_or_default().as_chunks::<2>();
    let (digests, _) = digests.unwrap_or_default().as_chunks::<20>();
    let from_start = pids
        .iter()
        .map(|id| (usize::from(u16::from_le_bytes(*id)), None));
    let resumed = digests
        .iter()
        .map(|digest| (Namespace::partition_of(digest), Some(*digest)));
    let mut seen = [false; PARTITIONS];
    let mut all = Vec::with_capacity(pids.len() + digests.len());
    for (id, after) in from_start.chain(resumed) {
        let slot = seen.get_mut(id)?;
        if std::mem::replace(slot, true) {
            return None;
        }
        all.push((id, after));
    }
    (!all.is_empty()).then_some(all)
}

/// A number field; a wrong size is an error.
fn number<const N: usize>(message: &Message<'_>, kind: u8) -> Result<Option<u64>, ResultCode> {
    let Some(data) = message.field(kind) else {
        return Ok(None);
    };
    let bytes: [u8; N] = data.try_into().map_err(|_| ResultCode::PARAMETER)?;
    Ok(Some(
        bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)),
    ))
}

fn low_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn selected_bins<'a>(message: &Message<'a>) -> Option<Vec<&'a [u8]>> {
    let fits = |op: op::Op<'a>| {
        let good = op.code == op::code::READ && op.name.len() <= op::MAX_BIN_NAME;
        good.then_some(op.name)
    };
    message.ops().map(fits).collect()
}
