//! Everything that the program prints, and the only place that does.
//!
//! Standard output belongs to data: a backup to `-o -`, and help and version when they were asked
//! for. Logs, progress, findings, the report and errors go to standard error, where a bar may
//! stand in the last line; [`terminal`] keeps them apart.

mod chain;
mod duration;
mod log;
mod meter;
mod progress;
mod report;
mod terminal;

pub(crate) use self::{log::start as start_log, meter::Moment, progress::Progress, report::Report};

use super::error::Error;
use backup_core::restore::{FileReport, Finding};
use std::io::{self, Write};

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

/// Prints why the program fails: one line, and a second one if there is advice.
pub(crate) fn failure(error: &Error) {
    let red = terminal::paint("error:", "1;31");
    terminal::line(&format!("{red} {}", chain::of(error)));
    if let Some(hint) = error.hint() {
        terminal::line(&format!("{} {hint}", terminal::paint("hint:", "1;36")));
    }
}

/// Prints what a validation read in a file, and what is wrong with it.
pub(crate) fn file_report(report: &FileReport) {
    terminal::line(&content(report));
    let finding = match &report.finding {
        None => return,
        Some(Finding::Empty) => format!("{} is empty", chain::printable(&report.file)),
        Some(Finding::Error(error)) => chain::of(error),
    };
    terminal::line(&format!(
        "{} {finding}",
        terminal::paint("finding:", "1;33")
    ));
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

/// Prints the final report, unless the job failed before it did anything.
pub(crate) fn report(report: &Report) {
    if report.matters() {
        terminal::line(report.to_string().trim_end());
    }
}
