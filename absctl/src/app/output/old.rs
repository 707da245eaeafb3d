//! Lines as `asbackup` and `asrestore` write them (`behaviour.md` §8.4).

use super::{
    line::{Kind, Line, append},
    log, machine,
    meter::{Moment, Pace},
};
use crate::app::legacy::{Personality, in_old_words};
use backup_core::stats::BackupCounts;
use tracing::Level;

/// `YYYY-MM-DD HH:MM:SS GMT [INF] [  tid] text`, without the end of the line. What has values of its
/// own has them behind the text.
pub(super) fn line(line: &Line, tool: Personality) -> String {
    let time = line.time.strftime("%Y-%m-%d %H:%M:%S GMT");
    let (level, mark) = match line.level {
        Level::ERROR => ("ERR", ""),
        Level::WARN => ("INF", "Warning: "),
        Level::INFO => ("INF", ""),
        _ => ("VER", ""),
    };
    let mut text = line.message.clone();
    append(&mut text, "", &line.fields);
    let text = in_old_words(tool, &text);
    // The thread of a line is none that anybody could look for; the tools begin with this one.
    let thread = std::process::id();
    format!("{time} [{level}] [{thread:5}] {mark}{text}")
}

/// Writes lines of their own.
pub(super) fn write(lines: impl IntoIterator<Item = String>) {
    for line in lines {
        log::write(Level::INFO, Kind::Log, &line, Vec::new());
    }
}

/// How far a job is.
pub(super) fn progress(moment: &Moment, pace: &Pace) -> Vec<String> {
    let Pace {
        records_per_s,
        kib_per_s,
        bytes_per_record,
        ..
    } = pace;
    let percent = pace.hundredths.map(|share| share / 100);
    let left = pace.remaining.map(machine::remaining);
    if moment.restored.is_some() {
        let complete = percent.zip(left);
        let complete =
            complete.map(|(percent, left)| format!("{percent}% complete, ~{left} remaining"));
        return restored(moment, pace).into_iter().chain(complete).collect();
    }
    let complete = percent.map(|percent| {
        format!(
            "{percent}% complete (~{kib_per_s} KiB/s, ~{records_per_s} rec/s, \
             ~{bytes_per_record} B/rec)"
        )
    });
    let left = left.map(|left| format!("~{left} remaining"));
    complete.into_iter().chain(left).collect()
}

/// What a backup did.
pub(super) fn backed_up(counts: &BackupCounts) -> Vec<String> {
    let [records, bytes] = [counts.records_read, counts.bytes_written];
    let [indexes, udfs] = [counts.indexes_read, counts.udfs_read];
    let each = bytes.checked_div(records).unwrap_or_default();
    vec![format!(
        "Backed up {records} record(s), {indexes} secondary index(es), {udfs} UDF file(s), \
         {bytes} byte(s) in total (~{each} B/rec)"
    )]
}

/// What a restore did, or has done so far. Failed are those that were there, as the tool counts, and
/// those that were refused.
pub(super) fn restored(moment: &Moment, pace: &Pace) -> Vec<String> {
    let counts = moment.restored.unwrap_or_default();
    let [records, indexes, udfs] = [counts.records_read, counts.indexes_read, counts.udfs_read];
    let Pace {
        records_per_s,
        kib_per_s,
        bytes_per_record,
        ..
    } = pace;
    let [expired, skipped, ignored] = [counts.expired, counts.skipped, counts.ignored];
    let [inserted, existed, fresher] = [counts.inserted, counts.existed, counts.fresher];
    let failed = existed.saturating_add(fresher);
    let retries = counts.retries;
    vec![
        format!(
            "{udfs} UDF file(s), {indexes} secondary index(es), {records} record(s) \
             ({records_per_s} rec/s, {kib_per_s} KiB/s, {bytes_per_record} B/rec, \
             retries: {retries})"
        ),
        format!(
            "Expired {expired} : skipped {skipped} : err_ignored {ignored} : inserted {inserted}: \
             failed {failed} (existed {existed} , fresher {fresher})"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::output::line::Value;
    use backup_core::stats::RestoreCounts;

    #[test]
    fn lines_have_the_form_of_the_tool() {
        let made = |level, message: &str, fields| {
            let line = Line {
                time: "2026-11-21T01:02:36.882Z".parse().expect("time"),
                level,
                kind: Kind::Log,
                message: message.to_owned(),
                fields,
            };
            super::line(&line, Personality::Backup)
        };
        let shown = made(Level::INFO, "done", Vec::new());
        let (time, rest) = shown.split_at("2026-11-21 01:02:36 GMT".len());
        assert_eq!(time, "2026-11-21 01:02:36 GMT");
        let thread = std::process::id();
        assert_eq!(rest, format!(" [INF] [{thread:5}] done"));
        let fields = vec![("node".to_owned(), Value::Text("A1".to_owned()))];
        assert!(made(Level::WARN, "slow", fields).ends_with("] Warning: slow node=A1"));
        assert!(made(Level::DEBUG, "x", Vec::new()).contains(" [VER] ["));
        assert!(made(Level::ERROR, "--set-list: no", Vec::new()).ends_with("] --set: no"));
    }

    #[test]
    fn counts_have_the_words_of_the_tool() {
        let counts = BackupCounts {
            records_read: 358,
            indexes_read: 12,
            udfs_read: 2,
            bytes_written: 106_428,
            ..BackupCounts::default()
        };
        let expected = "Backed up 358 record(s), 12 secondary index(es), 2 UDF file(s), \
                        106428 byte(s) in total (~297 B/rec)";
        assert_eq!(backed_up(&counts), [expected]);
        let counts = RestoreCounts {
            records_read: 358,
            indexes_read: 12,
            udfs_read: 2,
            inserted: 3,
            fresher: 355,
            ..RestoreCounts::default()
        };
        let moment = Moment {
            restored: Some(counts),
            ..Moment::default()
        };
        let lines = restored(&moment, &moment.pace(std::time::Duration::from_secs(1)));
        assert_eq!(
            lines,
            [
                "2 UDF file(s), 12 secondary index(es), 358 record(s) (0 rec/s, 0 KiB/s, 0 B/rec, \
                 retries: 0)",
                "Expired 0 : skipped 0 : err_ignored 0 : inserted 3: failed 355 (existed 0 , \
                 fresher 355)",
            ]
        );
    }
}
