//! The final report (`behaviour.md` §8.2): the lines of the reference tool in their order, then
//! ours, each only when it says something.

mod annotations;
mod convert;
mod dry_run;
mod estimate;
mod fields;

use self::fields::Ours;
use super::{
    chain, duration,
    line::{Field, Value},
    machine,
    meter::Moment,
    old,
};
use backup_core::{
    error::Error as JobError,
    handle::Outcome,
    stats::{BackupCounts, BackupStats, RestoreCounts, RestoreStats, SetCounts},
};
use jiff::Timestamp;
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Column in which values start, counted from 0.
const VALUE_COLUMN: usize = 22;

type Line = (&'static str, String);

/// What a job did.
#[derive(Debug)]
pub(crate) struct Report {
    title: &'static str,
    /// Whether an empty line comes before the title.
    is_apart: bool,
    /// Groups with an empty line between them; empty groups are left out.
    groups: Vec<Vec<Line>>,
    /// The same for programs (`behaviour.md` §8.3).
    fields: Vec<Field>,
    /// The same as lines of `--machine` (`behaviour.md` §8.4).
    machine: Vec<String>,
    /// The same as lines of an old tool.
    old: Vec<String>,
    /// Whether the job succeeded, or got as far as doing anything.
    matters: bool,
}

impl Report {
    /// The report of a backup.
    pub(crate) fn backup(outcome: &Outcome<BackupStats>) -> Self {
        let counts = outcome.stats.snapshot();
        let read = [counts.records_read, counts.indexes_read, counts.udfs_read];
        let written = [
            ("Bytes Written", counts.bytes_written),
            ("Files Written", counts.files_written),
        ];
        let ours = [
            ("sIndex Skipped", counts.indexes_skipped),
            ("Retries", counts.retries),
            ("Resumes", counts.resumes),
            ("Records Verified", counts.records_verified),
        ];
        let earlier = Duration::from_millis(counts.earlier_ms);
        let [indexes_skipped, retries, resumes, _] = ours.map(|(_, count)| count);
        let keys = [
            ("records-read", counts.records_read),
            ("s-index-read", counts.indexes_read),
            ("udf-read", counts.udfs_read),
            ("bytes-written", counts.bytes_written),
            ("files-written", counts.files_written),
            ("records-verified", counts.records_verified),
        ];
        let more = Ours {
            indexes_skipped,
            retries,
            resumes,
            throttled_ms: counts.throttled_ms,
            ..Ours::default()
        };
        let fields = fields::of(outcome, earlier, &keys, &more);
        Self::new(
            fields,
            "Backup report",
            outcome,
            earlier,
            read,
            [lines(&written), changes(&counts)],
            &ours,
        )
        .with_lines(outcome, vec![machine_backup(&counts)])
        .in_old_words(old::backed_up(&counts))
    }

    /// The report of a backup by XDR.
    pub(crate) fn xdr(outcome: &Outcome<BackupStats>) -> Self {
        let mut report = Self::backup(outcome);
        let mut lines = report.groups.iter_mut().flatten();
        if let Some((title, _)) = lines.find(|(title, _)| *title == "Records Read") {
            *title = "Records Received";
        }
        let mut fields = report.fields.iter_mut();
        if let Some((name, _)) = fields.find(|(name, _)| name == "records-read") {
            "records-received".clone_into(name);
        }
        report
    }

    /// The report of a restore.
    pub(crate) fn restore(outcome: &Outcome<RestoreStats>) -> Self {
        let counts = outcome.stats.snapshot();
        let not_written = [
            ("Expired Records", counts.expired),
            ("Skipped Records", counts.skipped),
            ("Ignored Records", counts.ignored),
            ("Fresher Records", counts.fresher),
            ("Existed Records", counts.existed),
        ];
        let mut written = lines(&[
            ("Inserted Records", counts.inserted),
            ("In Doubt Errors", counts.in_doubt),
        ]);
        written.extend(bytes_read(&counts));
        let ours = [
            ("Failed Records", counts.failed),
            ("Not Sent", counts.not_sent),
            ("Rejected Records", counts.rejected),
            ("sIndex Skipped", counts.indexes_skipped),
            ("UDFs Skipped", counts.udfs_skipped),
            ("Retries", counts.retries),
            ("Resumes", counts.resumes),
        ];
        let earlier = Duration::from_millis(counts.earlier_ms);
        written.extend(sent_again(&counts));
        let groups = [lines(&not_written), written, sets(&outcome.stats.sets())];
        let more = Ours {
            failed: counts.failed,
            not_sent: counts.not_sent,
            rejected: counts.rejected,
            indexes_skipped: counts.indexes_skipped,
            udfs_skipped: counts.udfs_skipped,
            retries: counts.retries,
            resumes: counts.resumes,
            throttled_ms: counts.throttled_ms,
        };
        let fields = fields::of(outcome, earlier, &fields::restored(&counts), &more);
        Self::new(
            fields,
            "Restore report",
            outcome,
            earlier,
            items(&counts),
            groups,
            &ours,
        )
        .with_lines(outcome, machine_restore(&counts))
        .in_old_words(old_restore(outcome))
        .with_annotations(&outcome.stats.sources())
    }

    /// The report of a validation.
    pub(crate) fn validation(outcome: &Outcome<RestoreStats>) -> Self {
        let counts = outcome.stats.snapshot();
        let groups = [bytes_read(&counts)];
        let keys = fields::validated(&counts);
        let fields = fields::of(outcome, Duration::ZERO, &keys, &Ours::default());
        Self::new(
            fields,
            "Validation report",
            outcome,
            Duration::ZERO,
            items(&counts),
            groups,
            &[],
        )
        .with_lines(outcome, machine_restore(&counts))
        .in_old_words(old_restore(outcome))
        .with_annotations(&outcome.stats.sources())
    }

    /// The same with the lines of an old tool.
    fn in_old_words(self, old: Vec<String>) -> Self {
        Self { old, ..self }
    }

    /// The lines of an old tool.
    pub(super) fn into_old(self) -> Vec<String> {
        self.old
    }

    /// The same with lines for `--machine`, which are about jobs that succeeded.
    fn with_lines<S>(mut self, outcome: &Outcome<S>, lines: Vec<String>) -> Self {
        if outcome.result.is_ok() {
            self.machine = lines;
        }
        self
    }

    /// The same, of a part of a run.
    pub(crate) fn of_part(mut self, part: Option<String>) -> Self {
        if let (Some(part), Some(times)) = (part, self.groups.first_mut()) {
            self.fields
                .push(("shard".to_owned(), Value::Text(part.clone())));
            times.push(("Shard", part));
        }
        self
    }

    /// Whether there is anything to report: a job that failed before it began did nothing, and
    /// its error says all.
    pub(super) const fn matters(&self) -> bool {
        self.matters
    }

    /// Says the same to another program (`--machine`).
    pub(super) fn to_machine(&self) {
        self.machine.iter().cloned().for_each(machine::line);
    }

    /// The title of the line that is the report where lines are for programs.
    pub(super) fn message(&self) -> String {
        self.title.to_lowercase()
    }

    /// The values of that line.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The same, to be kept.
    pub(super) fn into_fields(self) -> Vec<Field> {
        self.fields
    }

    fn new<S>(
        fields: Vec<Field>,
        title: &'static str,
        outcome: &Outcome<S>,
        earlier: Duration,
        read: [u64; 3],
        groups: impl IntoIterator<Item = Vec<Line>>,
        ours: &[(&'static str, u64)],
    ) -> Self {
        let [records, indexes, udfs] = read;
        let times = vec![
            ("Start Time", start_time(outcome.started)),
            (
                "Duration",
                duration::go(outcome.duration.saturating_add(earlier)),
            ),
        ];
        let reads = [
            ("Records Read", records),
            ("sIndex Read", indexes),
            ("UDFs Read", udfs),
        ];
        let counted = ours.iter().filter(|(_, count)| *count > 0).copied();
        let mut ours = lines(&counted.collect::<Vec<_>>());
        ours.extend(result(&outcome.result));
        let mut all = vec![times, lines(&reads)];
        all.extend(groups);
        all.push(ours);
        all.retain(|group| !group.is_empty());
        let matters = outcome.result.is_ok() || read.iter().any(|count| *count > 0);
        Self {
            title,
            is_apart: true,
            groups: all,
            fields,
            machine: Vec::new(),
            old: Vec::new(),
            matters,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_apart {
            writeln!(f)?;
        }
        writeln!(f, "{}\n{}", self.title, "-".repeat(self.title.len()))?;
        for (number, group) in self.groups.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            for (label, value) in group {
                let label = format!("{label}:");
                writeln!(f, "{label:VALUE_COLUMN$}{value}")?;
            }
        }
        Ok(())
    }
}

fn lines(counts: &[(&'static str, u64)]) -> Vec<Line> {
    counts
        .iter()
        .map(|(label, count)| (*label, count.to_string()))
        .collect()
}

const fn items(counts: &RestoreCounts) -> [u64; 3] {
    [counts.records_read, counts.indexes_read, counts.udfs_read]
}

/// A line for each set of a chain, in the order in which they were restored.
fn sets(sets: &[SetCounts]) -> Vec<Line> {
    let line = |set: &SetCounts| {
        let (place, counts) = (chain::printable(&set.source), &set.counts);
        let left_out = counts.records_read.saturating_sub(counts.inserted);
        let (read, inserted) = (counts.records_read, counts.inserted);
        format!("{place}: {read} records read, {inserted} inserted, {left_out} not")
    };
    sets.iter().map(|set| ("Set", line(set))).collect()
}

fn machine_backup(counts: &BackupCounts) -> String {
    let [records, bytes] = [counts.records_read, counts.bytes_written];
    let [indexes, udfs] = [counts.indexes_read, counts.udfs_read];
    let each = bytes.checked_div(records).unwrap_or_default();
    format!("SUMMARY:{records}:{indexes}:{udfs}:{bytes}:{each}\n")
}

/// The blank after the sixth field is what readers of such lines know.
fn machine_restore(counts: &RestoreCounts) -> Vec<String> {
    let [records, indexes, udfs] = items(counts);
    let [expired, skipped, ignored] = [counts.expired, counts.skipped, counts.ignored];
    let [inserted, existed, fresher] = [counts.inserted, counts.existed, counts.fresher];
    vec![
        "PROGRESS:100\n".to_owned(),
        format!(
            "SUMMARY:{udfs}:{indexes}:{records}:{expired}:{skipped}:{ignored} \
             :{inserted}:{existed}:{fresher}\n"
        ),
    ]
}

/// The lines of `asrestore`.
fn old_restore(outcome: &Outcome<RestoreStats>) -> Vec<String> {
    let moment = Moment::of_restore(&outcome.stats);
    old::restored(&moment, &moment.pace(outcome.duration))
}

/// The window of an incremental backup, and what no scan can see of it.
fn changes(counts: &BackupCounts) -> Vec<Line> {
    const UNSEEN: &str =
        "deletes, truncates, expired records, and records shipped in with older update times";
    if counts.since_ns == 0 {
        return Vec::new();
    }
    let since = Timestamp::from_nanosecond(counts.since_ns.into());
    let since = since.map_or_else(|_| "unknown".to_owned(), |since| since.to_string());
    let overlap = duration::go(Duration::from_nanos(counts.overlap_ns));
    vec![
        ("Changes Since", since),
        ("Overlap", overlap),
        ("Not Seen", UNSEEN.to_owned()),
    ]
}

/// Left out when nothing was read, as in the reference tool.
fn bytes_read(counts: &RestoreCounts) -> Vec<Line> {
    let counted = [("Total Bytes Read", counts.bytes_read)];
    lines(if counts.bytes_read > 0 { &counted } else { &[] })
}

/// What a continuation cannot know: which records were sent by the run before and not recorded.
fn sent_again(counts: &RestoreCounts) -> Option<Line> {
    const NOTE: &str = "may be from before an interruption, and not counted as inserted";
    let is_known = counts.resumes == 0 || counts.fresher.saturating_add(counts.existed) == 0;
    (!is_known).then(|| ("Fresher or Existed", NOTE.to_owned()))
}

fn result(result: &Result<(), JobError>) -> Option<Line> {
    let text = match result {
        Ok(()) => return None,
        Err(JobError::Cancelled) => "interrupted".to_owned(),
        Err(error) => format!("failed, {}", chain::of(error)),
    };
    Some(("Result", text))
}

/// `Sat, 21 Nov 2026 01:01:42 UTC`.
fn start_time(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(
        |_| "unknown".to_owned(),
        |time| time.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::Arc,
        time::{Duration, UNIX_EPOCH},
    };

    fn outcome<S: Default>(result: Result<(), JobError>) -> Outcome<S> {
        Outcome {
            started: UNIX_EPOCH + Duration::from_secs(1_795_222_902),
            duration: Duration::from_nanos(78_107_212),
            stats: Arc::default(),
            result,
        }
    }

    #[test]
    fn backup_layout() {
        let report = Report::backup(&outcome(Ok(())));
        assert!(report.matters());
        assert_eq!(
            report.to_string(),
            "
Backup report
-------------
Start Time:           Sat, 21 Nov 2026 01:01:42 UTC
Duration:             78.107212ms

Records Read:         0
sIndex Read:          0
UDFs Read:            0

Bytes Written:        0
Files Written:        0
"
        );
    }

    #[test]
    fn a_part_says_which_it_is() {
        let report = Report::backup(&outcome(Ok(()))).of_part(Some("2 of 7, run x".to_owned()));
        let expected = "Duration:             78.107212ms\nShard:                2 of 7, run x\n";
        assert!(report.to_string().contains(expected), "{report}");
    }

    #[test]
    fn restore_layout_with_a_result() {
        let report = Report::restore(&outcome(Err(JobError::Cancelled)));
        assert!(!report.matters(), "it did nothing");
        assert_eq!(
            report.to_string(),
            "
Restore report
--------------
Start Time:           Sat, 21 Nov 2026 01:01:42 UTC
Duration:             78.107212ms

Records Read:         0
sIndex Read:          0
UDFs Read:            0

Expired Records:      0
Skipped Records:      0
Ignored Records:      0
Fresher Records:      0
Existed Records:      0

Inserted Records:     0
In Doubt Errors:      0

Result:               interrupted
"
        );
    }

    #[test]
    fn validation_layout_after_a_failure() {
        let error = JobError::Internal("why".to_owned());
        let report = Report::validation(&outcome(Err(error))).to_string();
        let tail = "UDFs Read:            0\n\nResult:               failed, internal error: why; please report this\n";
        assert!(report.ends_with(tail), "{report}");
    }
}
