//! Everything that the program prints, and the only place that does.
//!
//! Standard output belongs to data: a backup to `-o -`, and help and version when they were asked
//! for. Logs, progress, findings, the report and errors go to standard error, where a bar may
//! stand in the last line; [`terminal`] keeps them apart. With `--log-json` all of them are log
//! lines, with `--log-file` all but the error, which is in both places.

mod chain;
mod duration;
mod line;
mod log;
mod machine;
mod meter;
mod old;
mod progress;
mod report;
mod subscriber;
mod terminal;

pub(crate) use self::{
    log::{LogSettings, start as start_log},
    machine::{close as close_machine, open as open_machine},
    meter::Moment,
    progress::Progress,
    report::Report,
};

pub(crate) use self::line::{Field, Value};

use self::line::{Kind, Line};
use super::{error::Error, hooks::Ended};
use backup_core::restore::{FileReport, Finding};
use std::{
    ffi::OsString,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};
use tracing::Level;

/// The last report as named values.
static REPORT: Mutex<Vec<Field>> = Mutex::new(Vec::new());

/// The last report and how the job ended, as one JSON object in a line: for a hook.
pub(crate) fn summary(ended: &Ended) -> String {
    let mut last = REPORT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fields = std::mem::take(&mut *last);
    let text = |name: &str, text: &str| (name.to_owned(), Value::Text(text.to_owned()));
    // Where there is a report, it says these itself.
    if !fields.iter().any(|(name, _)| name == "result") {
        fields.push(text("result", ended.status()));
        fields.push(text("code", ended.code));
        let exit = u64::from(ended.exit as u8);
        fields.push(("exit".to_owned(), Value::Count(exit)));
    }
    if !ended.reason.is_empty() {
        fields.push(text("error", &ended.reason));
    }
    Line::now(Level::INFO, Kind::Summary, "summary", fields).json() + "\n"
}

/// Prints a result to standard output. A reader that has gone has seen enough.
pub(crate) fn result(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(Error::System {
            action: "write to standard output",
            source,
        }),
        _ => Ok(()),
    }
}

/// Begins to log after a command line that could not be read: as JSON if that seems to be wanted.
pub(crate) fn guess_form(args: &[OsString]) {
    let is_wanted = |arg: &OsString| arg == "--log-json" || arg == "--log-json=true";
    let json = args.iter().any(is_wanted)
        || std::env::var_os("ABSCTL_LOG_JSON").is_some_and(|value| value == "true");
    if json {
        let settings = LogSettings {
            json,
            ..LogSettings::default()
        };
        // Without a file nothing can go wrong.
        let _ = start_log(settings);
    }
}

/// Tells what a program that reads the log may wait for.
pub(crate) fn event(message: &str, fields: Vec<Field>) {
    log::write(Level::INFO, Kind::Log, message, fields);
}

/// Prints what somebody should know who asked for something else.
pub(crate) fn note(text: &str) {
    terminal::line(&format!("{} {text}", terminal::paint("warning:", "1;33")));
}

/// Prints why the program fails: one line, and a second one if there is advice.
///
/// Returns the reason.
pub(crate) fn failure(error: &Error) -> String {
    let reason = chain::of(error);
    if log::old().is_some() {
        old_failure(error, &reason);
        return reason;
    }
    if log::takes_reports() {
        log::write(
            Level::ERROR,
            Kind::Error,
            "failed to execute",
            why(error, &reason),
        );
    }
    if log::is_json_on_stderr() {
        return reason;
    }
    let red = terminal::paint("error:", "1;31");
    terminal::line(&format!("{red} {reason}"));
    if let Some(hint) = error.hint() {
        terminal::line(&format!("{} {hint}", terminal::paint("hint:", "1;36")));
    }
    reason
}

/// The same in the form of an old tool.
fn old_failure(error: &Error, reason: &str) {
    log::write(Level::ERROR, Kind::Error, reason, Vec::new());
    if let Some(hint) = error.hint() {
        log::write(Level::INFO, Kind::Log, &format!("Hint: {hint}"), Vec::new());
    }
}

fn why(error: &Error, reason: &str) -> Vec<Field> {
    let text = |name: &str, text: &str| (name.to_owned(), Value::Text(text.to_owned()));
    let mut fields = vec![text("error", reason), text("code", error.code())];
    let exit = u64::from(error.exit() as u8);
    fields.push(("exit".to_owned(), Value::Count(exit)));
    fields.extend(error.hint().map(|hint| text("hint", hint)));
    fields
}

/// Prints what a validation read in a file, and what is wrong with it.
pub(crate) fn file_report(report: &FileReport) {
    let finding = match &report.finding {
        None => None,
        Some(Finding::Empty) => Some(format!("{} is empty", chain::printable(&report.file))),
        Some(Finding::Error(error)) => Some(chain::of(error)),
    };
    if log::takes_reports() || log::old().is_some() {
        return log_file_report(report, finding);
    }
    terminal::line(&content(report));
    if let Some(finding) = finding {
        terminal::line(&format!(
            "{} {finding}",
            terminal::paint("finding:", "1;33")
        ));
    }
}

fn log_file_report(report: &FileReport, finding: Option<String>) {
    let level = finding.as_ref().map_or(Level::INFO, |_| Level::WARN);
    let count = |name: &str, count| (name.to_owned(), Value::Count(count));
    let mut fields = vec![
        ("file".to_owned(), Value::Text(report.file.clone())),
        count("records", report.records),
        count("s-index", report.indexes),
        count("udf", report.udfs),
    ];
    fields.extend(report.bytes.map(|bytes| count("bytes", bytes)));
    fields.extend(finding.map(|finding| ("finding".to_owned(), Value::Text(finding))));
    log::write(level, Kind::Log, "validated file", fields);
}

/// How much of a file was read.
fn content(report: &FileReport) -> String {
    let mut text = format!(
        "{}: {} records, {} secondary indexes, {} UDF modules",
        chain::printable(&report.file),
        report.records,
        report.indexes,
        report.udfs
    );
    if let Some(bytes) = report.bytes {
        text += &format!(", {bytes} bytes");
    }
    text
}

/// Tells another program about a job that has no report of its own.
pub(crate) fn tell_machine(report: &Report) {
    report.to_machine();
}

/// Prints the final report, unless the job failed before it did anything.
pub(crate) fn report(report: Report) {
    let mut last = REPORT.lock().unwrap_or_else(PoisonError::into_inner);
    *last = report.fields().to_vec();
    drop(last);
    report.to_machine();
    if !report.matters() {
        return;
    }
    if log::old().is_some() {
        return old::write(report.into_old());
    }
    if log::takes_reports() {
        let message = report.message();
        log::write(Level::INFO, Kind::Summary, &message, report.into_fields());
    } else {
        terminal::line(report.to_string().trim_end());
    }
}
