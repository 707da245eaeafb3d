//! The report as named values (`behaviour.md` §8.3): the keys of the reference tool, then ours,
//! which are always there. Names and order may be relied on; more may come.

use crate::app::{
    Exit, code,
    output::{
        duration,
        line::{Field, Value},
    },
};
use backup_core::{error::Error as JobError, handle::Outcome, stats::RestoreCounts};
use jiff::Timestamp;
use std::time::Duration;

/// Counts that the reference tool does not have.
#[derive(Debug, Default)]
pub(super) struct Ours {
    pub(super) failed: u64,
    pub(super) not_sent: u64,
    pub(super) rejected: u64,
    pub(super) indexes_skipped: u64,
    pub(super) udfs_skipped: u64,
    pub(super) retries: u64,
    pub(super) resumes: u64,
    pub(super) throttled_ms: u64,
}

pub(super) fn count(name: &str, count: u64) -> Field {
    (name.to_owned(), Value::Count(count))
}

pub(super) fn number(name: &str, digits: String) -> Field {
    (name.to_owned(), Value::Number(digits))
}

pub(super) fn truth(name: &str, truth: bool) -> Field {
    (name.to_owned(), Value::Truth(truth))
}

fn text(name: &str, text: String) -> Field {
    (name.to_owned(), Value::Text(text))
}

/// What a report says of every job, around the counts that are its own.
pub(super) fn of<S>(
    outcome: &Outcome<S>,
    earlier: Duration,
    own: &[(&str, u64)],
    ours: &Ours,
) -> Vec<Field> {
    let took = outcome.duration.saturating_add(earlier);
    let began = Timestamp::try_from(outcome.started);
    let mut fields = vec![
        text("start-time", began.unwrap_or_default().to_string()),
        text("duration", duration::go(took)),
    ];
    fields.extend(own.iter().map(|(name, number)| count(name, *number)));
    fields.extend([
        count("failed-records", ours.failed),
        count("not-sent-records", ours.not_sent),
        count("rejected-records", ours.rejected),
        count("s-index-skipped", ours.indexes_skipped),
        count("udf-skipped", ours.udfs_skipped),
        count("retries", ours.retries),
        count("resumes", ours.resumes),
        text(
            "throttled",
            duration::go(Duration::from_millis(ours.throttled_ms)),
        ),
        count(
            "duration-ms",
            u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        ),
    ]);
    fields.extend(result(&outcome.result));
    fields
}

fn result(result: &Result<(), JobError>) -> [Field; 3] {
    let (word, name, exit) = match result {
        Ok(()) => ("ok", "", Exit::Success),
        Err(error @ JobError::Cancelled) => ("interrupted", code::of_job(error), Exit::Interrupted),
        Err(error) => ("failed", code::of_job(error), error.class().into()),
    };
    [
        text("result", word.to_owned()),
        text("code", name.to_owned()),
        count("exit", u64::from(exit as u8)),
    ]
}

/// The counts of a restore.
pub(super) const fn restored(counts: &RestoreCounts) -> [(&'static str, u64); 11] {
    [
        ("records-read", counts.records_read),
        ("s-index-read", counts.indexes_read),
        ("udf-read", counts.udfs_read),
        ("expired-records", counts.expired),
        ("skipped-records", counts.skipped),
        ("ignored-records", counts.ignored),
        ("fresher-records", counts.fresher),
        ("existed-records", counts.existed),
        ("inserted-records", counts.inserted),
        ("in-doubt-errors", counts.in_doubt),
        ("total-bytes-read", counts.bytes_read),
    ]
}

/// The counts of a validation.
pub(super) const fn validated(counts: &RestoreCounts) -> [(&'static str, u64); 4] {
    [
        ("records-read", counts.records_read),
        ("s-index-read", counts.indexes_read),
        ("udf-read", counts.udfs_read),
        ("total-bytes-read", counts.bytes_read),
    ]
}
