//! What the fate of a row means for the restore (`behaviour.md` §6.6).

use super::{
    progress::{Part, Tally},
    routing::Batch,
};
use crate::{convert::wire_to_asb, error::Error, stats::RestoreStats};
use aerospike_wire::{field, result_code::ResultCode};
use asb_format::KeyRef;
use backup_cluster::batch_write::{RowOutcome, Written};

/// A row that the server refused, and why.
pub(super) type Refusal = (usize, ResultCode);

/// What came of the rows of a batch.
#[derive(Debug, Default)]
pub(super) struct Settled {
    inserted: u64,
    fresher: u64,
    existed: u64,
    failed: u64,
    not_sent: u64,
    /// Rows that are ignored on request. They have no counter yet.
    pub(super) ignored: Vec<Refusal>,
    /// The first refusal that ends the restore.
    pub(super) refused: Option<Refusal>,
    /// Whether there are rows without any answer.
    pub(super) unanswered: bool,
}

impl Settled {
    /// Judges every row by itself.
    pub(super) fn of(written: &Written, ignores: bool) -> Self {
        let mut settled = Self::default();
        let can_ignore = |code| ignores && is_ignorable(code, written.single_writes);
        for (row, outcome) in written.outcomes.iter().enumerate() {
            match *outcome {
                RowOutcome::Answered(ResultCode::OK) => settled.inserted += 1,
                RowOutcome::Answered(ResultCode::GENERATION) => settled.fresher += 1,
                RowOutcome::Answered(ResultCode::RECORD_EXISTS) => settled.existed += 1,
                RowOutcome::Answered(code) if can_ignore(code) => settled.ignored.push((row, code)),
                RowOutcome::Answered(code) | RowOutcome::NotApplied(Some(code)) => {
                    settled.failed += 1;
                    settled.refused.get_or_insert((row, code));
                }
                RowOutcome::InDoubt => {
                    settled.failed += 1;
                    settled.unanswered = true;
                }
                RowOutcome::NotApplied(None) => {
                    settled.not_sent += 1;
                    settled.unanswered = true;
                }
            }
        }
        settled
    }

    /// Counts every row but those that are ignored.
    pub(super) fn count(&self, written: &Written, stats: &RestoreStats) {
        stats.retries.add(u64::from(written.retries));
        stats.in_doubt.add(written.in_doubt);
        stats.inserted.add(self.inserted);
        stats.fresher.add(self.fresher);
        stats.existed.add(self.existed);
        stats.failed.add(self.failed);
        stats.not_sent.add(self.not_sent);
    }
}

/// Tells the intervals of a batch what became of their rows. One with a row that has no final
/// outcome is not to finish: the row is to be sent again.
pub(super) fn settle(parts: &[Part], written: &Written, ignores: bool) {
    let mut outcomes = written.outcomes.iter();
    for part in parts {
        let mut tally = Tally::default();
        for outcome in outcomes.by_ref().take(part.rows) {
            match *outcome {
                RowOutcome::Answered(ResultCode::OK) => tally.inserted += 1,
                RowOutcome::Answered(ResultCode::GENERATION) => tally.fresher += 1,
                RowOutcome::Answered(ResultCode::RECORD_EXISTS) => tally.existed += 1,
                RowOutcome::Answered(code)
                    if ignores && is_ignorable(code, written.single_writes) =>
                {
                    tally.ignored += 1;
                }
                _ => part.interval.spoil(),
            }
        }
        part.interval.settle(&tally);
    }
}

/// Codes that are about the record and not about the cluster: `--ignore-record-error` covers
/// these and no others. A missing record can only be met by single writes.
const fn is_ignorable(code: ResultCode, single_writes: bool) -> bool {
    match code {
        ResultCode::RECORD_TOO_BIG
        | ResultCode::KEY_MISMATCH
        | ResultCode::BIN_NAME
        | ResultCode::ALWAYS_FORBIDDEN
        | ResultCode::FORBIDDEN
        | ResultCode::BIN_TYPE
        | ResultCode::BIN_NOT_FOUND => true,
        ResultCode::NOT_FOUND => single_writes,
        _ => false,
    }
}

/// The error that names a refused row.
pub(super) fn refusal(batch: &Batch, written: &Written, refused: Refusal) -> Error {
    let (row, code) = refused;
    match (written.batch.view(row), batch.origins.get(row)) {
        (Some(view), Some(origin)) => Error::RecordRefused {
            file: batch.file.to_string(),
            offset: origin.offset,
            digest: view.digest,
            key: view.message.field(field::code::KEY).and_then(shown_key),
            code,
        },
        _ => Error::Internal("a batch without the row it answered".to_owned()),
    }
}

pub(crate) fn shown_key(key: &[u8]) -> Option<String> {
    Some(match wire_to_asb::key(key).ok()? {
        KeyRef::Integer(value) => value.to_string(),
        KeyRef::Double(value) => value.to_string(),
        KeyRef::String(text) => format!("{:?}", String::from_utf8_lossy(text)),
        KeyRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}
