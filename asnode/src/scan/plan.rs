//! A scan request, checked (`wire-scan.md` §1), and what it says about a single record.

use super::selection::Selection;
use crate::{
    build::Build,
    expression::Subject,
    namespace::{Namespace, PARTITIONS},
    record::{DigestBytes, Prefix, StoredRecord},
    request::State,
};
use aerospike_wire::{
    field::{self, code},
    message::{Message, flags},
    op,
    result_code::ResultCode,
};

/// Time a client may stop reading if it does not say.
const DEFAULT_SOCKET_TIMEOUT_MS: u32 = 10_000;

/// A checked scan request.
pub(super) struct Plan<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) index: usize,
    prefix: Prefix,
    pub(super) selection: Selection<'a>,
    pub(super) partitions: Vec<(usize, Option<DigestBytes>)>,
    pub(super) n_pids: usize,
    pub(super) bins: Vec<&'a [u8]>,
    pub(super) no_bins: bool,
    pub(super) max_records: u64,
    pub(super) rps: u32,
    pub(super) socket_timeout_ms: u32,
    pub(super) id: u64,
    pub(super) is_short: bool,
}

impl<'a> Plan<'a> {
    pub(super) fn parse(
        state: &'a State,
        node: usize,
        index: usize,
        message: &Message<'a>,
    ) -> Result<Self, ResultCode> {
        const BAD: ResultCode = ResultCode::PARAMETER;
        let header = message.header;
        let (pids, digests) = (
            message.field(code::PID_ARRAY),
            message.field(code::DIGEST_ARRAY),
        );
        let is_marked = header.info3 & flags::PARTITION_DONE != 0 || state.build < Build::BATCH_ANY;
        let is_query = message.field(code::INDEX_RANGE).is_some();
        let is_old_query = is_query && state.build < Build::BATCH_ANY;
        if !is_marked || pids.is_none() && digests.is_none() && !is_old_query {
            return Err(ResultCode::UNSUPPORTED_FEATURE);
        }
        if is_query {
            check_values(message.field(code::BVAL_ARRAY), digests)?;
        }
        let partitions = if is_old_query {
            masters(state, index, node)
        } else {
            partitions(pids, digests).ok_or(BAD)?
        };
        let rps = number::<4>(message, code::RECORDS_PER_SECOND)?.map_or(0, low_u32);
        let is_short = header.info1 & flags::SHORT_QUERY != 0;
        if is_short && rps != 0 {
            return Err(BAD);
        }
        let namespace = &state.namespaces[index];
        Ok(Self {
            namespace,
            index,
            prefix: Prefix::new(namespace.name().as_bytes()),
            selection: Selection::parse(state, namespace, message)?,
            n_pids: partitions.len() - digests.map_or(0, |digests| digests.len() / 20),
            partitions,
            bins: selected_bins(message).ok_or(BAD)?,
            no_bins: header.info1 & flags::NO_BINS != 0,
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

    /// Appends the message of a record; `false`: it has none of the selected bins.
    pub(super) fn put(
        &self,
        digest: &DigestBytes,
        record: &StoredRecord,
        now_ms: u64,
        out: &mut Vec<u8>,
    ) -> bool {
        let all_bins = !self.no_bins && self.bins.is_empty();
        let range = self.selection.range.as_ref();
        if all_bins && range.is_none() {
            record.put_message(&self.prefix, digest, out);
            return true;
        }
        let start = out.len();
        record.put_head(&self.prefix, digest, out);
        if let Some(range) = range {
            let subject = Subject {
                digest,
                record,
                now_ms,
            };
            let value = range.find(subject).unwrap_or_default();
            field::put(out, code::BVAL_ARRAY, &value.to_le_bytes());
            let n_fields = u16::from_be_bytes([out[start + 18], out[start + 19]]) + 1;
            out[start + 18..start + 20].copy_from_slice(&n_fields.to_be_bytes());
        }
        if all_bins {
            out.extend_from_slice(record.bin_bytes());
            return true;
        }
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

/// Values that a query on an index is resumed at come with as many digests. They are not needed
/// here: the order of records is that of digests.
fn check_values(values: Option<&[u8]>, digests: Option<&[u8]>) -> Result<(), ResultCode> {
    let (values, digests) = match (values, digests) {
        (None, None) => return Ok(()),
        (values, digests) => (values.unwrap_or_default(), digests.unwrap_or_default()),
    };
    if values.len() / 8 == digests.len() / 20 {
        Ok(())
    } else {
        Err(ResultCode::PARAMETER)
    }
}

/// What a query before 6.0 reads: all that the node is master of.
fn masters(state: &State, index: usize, node: usize) -> Vec<(usize, Option<DigestBytes>)> {
    let is_master = |p: &usize| state.topology.owners(index, *p).first() == Some(&node);
    let own = (0..PARTITIONS).filter(is_master);
    own.map(|p| (p, None)).collect()
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
pub(super) fn number<const N: usize>(
    message: &Message<'_>,
    kind: u8,
) -> Result<Option<u64>, ResultCode> {
    let Some(data) = message.field(kind) else {
        return Ok(None);
    };
    let bytes: [u8; N] = data.try_into().map_err(|_| ResultCode::PARAMETER)?;
    Ok(Some(
        bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)),
    ))
}

pub(super) fn low_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn selected_bins<'a>(message: &Message<'a>) -> Option<Vec<&'a [u8]>> {
    let fits = |op: op::Op<'a>| {
        let good = op.code == op::code::READ && op.name.len() <= op::MAX_BIN_NAME;
        good.then_some(op.name)
    };
    message.ops().map(fits).collect()
}
