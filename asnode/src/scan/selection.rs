//! Which records a scan, query or background write means: set, filter, range of an index.

use super::range::Range;
use crate::{
    expression::{Expression, Subject},
    namespace::Namespace,
    record::{DigestBytes, StoredRecord},
    request::State,
};
use aerospike_wire::{field::code, message::Message, result_code::ResultCode};

/// Set of transaction monitor records: a scan of all sets leaves it out.
const MONITOR_SET: &[u8] = b"<ERO~MRT";

/// A checked choice of records.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    /// Empty = all sets.
    pub(super) set: &'a [u8],
    skip_monitors: bool,
    filter: Option<Expression>,
    /// `None` = no index is asked.
    pub(super) range: Option<Range<'a>>,
}

impl<'a> Selection<'a> {
    /// The choice that a message makes in a namespace.
    pub(super) fn parse(
        state: &State,
        namespace: &Namespace,
        message: &Message<'a>,
    ) -> Result<Self, ResultCode> {
        let set = message.field(code::SET).unwrap_or_default();
        let filter = message.field(code::FILTER_EXP);
        let filter = filter.map(|bytes| Expression::parse(bytes, state.build));
        Ok(Self {
            set,
            skip_monitors: set.is_empty()
                && namespace.sets().iter().any(|(name, _)| name == MONITOR_SET),
            filter: filter.transpose().map_err(|_| ResultCode::PARAMETER)?,
            range: Range::parse(state, namespace.name(), message)?,
        })
    }

    /// Whether it means this record.
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
        let of_range = |range: &Range<'_>| range.find(subject).is_some();
        self.filter.as_ref().is_none_or(|f| f.matches(subject))
            && self.range.as_ref().is_none_or(of_range)
    }

    /// Name of the index that is asked, empty if there is none.
    pub(super) fn index_name(&self) -> String {
        let name = self.range.as_ref().map(Range::name);
        name.unwrap_or_default().to_owned()
    }
}
