//! What the fate of a row means for the restore (`behaviour.md` §6.6).

use super::routing::Batch;
use crate::{error::Error, stats::RestoreStats};
use aerospike_wire::result_code::ResultCode;
use backup_cluster::batch_write::{RowOutcome, Written};

/// Counts every row of a batch and returns the failure that ends the restore, if there is one.
pub(super) fn count(batch: &Batch, written: &mut Written, stats: &RestoreStats) -> Option<Error> {
    stats.retries.add(u64::from(written.retries));
    let mut refused = None;
    let mut unanswered = false;
    let mut tally = [0u64; 6];
    let [inserted, fresher, existed, failed, in_doubt, not_sent] = &mut tally;
    for (row, outcome) in written.outcomes.iter().enumerate() {
        match *outcome {
            RowOutcome::Answered(ResultCode::OK) => *inserted += 1,
            RowOutcome::Answered(ResultCode::GENERATION) => *fresher += 1,
            RowOutcome::Answered(ResultCode::RECORD_EXISTS) => *existed += 1,
            RowOutcome::Answered(code) | RowOutcome::NotApplied(Some(code)) => {
                *failed += 1;
                refused.get_or_insert((row, code));
            }
            RowOutcome::InDoubt => {
                *in_doubt += 1;
                unanswered = true;
            }
            RowOutcome::NotApplied(None) => {
                *not_sent += 1;
                unanswered = true;
            }
        }
    }
    let [inserted, fresher, existed, failed, in_doubt, not_sent] = tally;
    stats.inserted.add(inserted);
    stats.fresher.add(fresher);
    stats.existed.add(existed);
    stats.failed.add(failed);
    stats.in_doubt.add(in_doubt);
    stats.not_sent.add(not_sent);
    if let Some((row, code)) = refused {
        return Some(refusal(batch, written, row, code));
    }
    // Rows without an answer always have a failure of their connection beside them, except
    // when the run was cancelled before they left.
    unanswered.then(|| written.failure.take().map_or(Error::Cancelled, Error::from))
}

fn refusal(batch: &Batch, written: &Written, row: usize, code: ResultCode) -> Error {
    let digest = written.batch.digest(row);
    match (digest, batch.offsets.get(row)) {
        (Some(digest), Some(offset)) => Error::RecordRefused {
            file: batch.file.to_string(),
            offset: *offset,
            digest,
            code,
        },
        _ => Error::Internal("a batch without the row it answered".to_owned()),
    }
}
