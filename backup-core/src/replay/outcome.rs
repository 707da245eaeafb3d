//! What the answer to a message means for the restore (`asbx-binary.md` §2.3).

use super::reader::{Message, Run};
use crate::{error::Error, restore::outcome::shown_key, stats::RestoreStats};
use aerospike_wire::{
    field, frame,
    message::{self, Found},
    result_code::ResultCode,
};
use asbx_format::payload::{Effect, effect};
use backup_cluster::{batch_write::RowOutcome, payload_write::Replayed};

/// Codes that say something about the record only, so that others may go on: too big, key mismatch,
/// bin name, partition unavailable for writes, forbidden, bin type, write too often, not found.
const IGNORABLE: [u8; 8] = [13, 19, 21, 10, 22, 12, 17, 2];

/// Counts every message of a run, and returns the failure that ends the restore, if there is one.
pub(super) fn count(
    run: &Run,
    replayed: &mut Replayed,
    ignore: bool,
    stats: &RestoreStats,
) -> Option<Error> {
    stats.retries.add(u64::from(replayed.retries));
    let mut failure = None;
    let mut unanswered = false;
    for (message, outcome) in run.messages.iter().zip(&replayed.outcomes) {
        let payload = run.bytes.get(message.range.clone()).unwrap_or_default();
        match *outcome {
            RowOutcome::Answered(code) => match fate(code, effect(payload), ignore) {
                Fate::Inserted => stats.inserted.add(1),
                Fate::Fresher => stats.fresher.add(1),
                Fate::Existed => stats.existed.add(1),
                Fate::Ignored => stats.ignored.add(1),
                Fate::Failed => {
                    stats.failed.add(1);
                    failure.get_or_insert_with(|| refusal(run, message, code));
                }
            },
            RowOutcome::NotApplied(Some(code)) => {
                stats.failed.add(1);
                failure.get_or_insert_with(|| refusal(run, message, code));
            }
            RowOutcome::InDoubt => {
                stats.in_doubt.add(1);
                unanswered = true;
            }
            RowOutcome::NotApplied(None) => {
                stats.not_sent.add(1);
                unanswered = true;
            }
        }
    }
    let of_connection = || {
        replayed
            .failure
            .take()
            .map_or(Error::Cancelled, Error::from)
    };
    failure.or_else(|| unanswered.then(of_connection))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Inserted,
    Fresher,
    Existed,
    Ignored,
    Failed,
}

fn fate(code: ResultCode, effect: Effect, ignore: bool) -> Fate {
    let is_delete = matches!(effect, Effect::Delete { .. });
    let is_durable = effect == Effect::Delete { durable: true };
    match code {
        ResultCode::OK => Fate::Inserted,
        // What is to be deleted is not there: that was the aim.
        ResultCode::NOT_FOUND if is_delete => Fate::Inserted,
        ResultCode::GENERATION => Fate::Fresher,
        ResultCode::RECORD_EXISTS => Fate::Existed,
        ResultCode::ENTERPRISE_ONLY if is_durable && ignore => Fate::Ignored,
        code if ignore && IGNORABLE.contains(&code.0) => Fate::Ignored,
        _ => Fate::Failed,
    }
}

fn refusal(run: &Run, message: &Message, code: ResultCode) -> Error {
    let payload = run.bytes.get(message.range.clone()).unwrap_or_default();
    Error::RecordRefused {
        file: run.file.to_string(),
        offset: message.offset,
        digest: message.digest,
        key: key(payload),
        code,
    }
}

/// The user key in a message, to be shown.
fn key(payload: &[u8]) -> Option<String> {
    let body = payload.get(frame::HEADER_SIZE..)?;
    match message::split(body, body.len()) {
        Ok(Found::Message { message, .. }) => message.field(field::code::KEY).and_then(shown_key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_meaning_that_the_message_gives_them() {
        let (write, delete) = (Effect::Write, Effect::Delete { durable: false });
        let durable = Effect::Delete { durable: true };
        let check = |code, effect, ignore, expected| {
            assert_eq!(fate(ResultCode(code), effect, ignore), expected, "{code}");
        };
        check(0, write, false, Fate::Inserted);
        check(3, write, false, Fate::Fresher);
        check(5, write, false, Fate::Existed);
        check(2, write, false, Fate::Failed);
        check(2, write, true, Fate::Ignored);
        check(2, delete, false, Fate::Inserted);
        check(13, write, false, Fate::Failed);
        check(13, write, true, Fate::Ignored);
        check(25, durable, false, Fate::Failed);
        check(25, durable, true, Fate::Ignored);
        check(25, write, true, Fate::Failed);
        check(4, write, true, Fate::Failed);
    }
}
