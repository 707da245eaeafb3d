//! The report of an estimate: what the reference tool says of the total, then ours.

use super::{
    Line, Report,
    fields::{count, number, truth},
};
use crate::app::output::{line::Field, log};
use backup_core::{
    backup::{Estimate, EstimateStats},
    handle::Outcome,
};

impl Report {
    /// The report of an estimate; there is nothing to say of one that failed.
    pub(crate) fn estimate(outcome: &Outcome<EstimateStats>) -> Self {
        let estimate = outcome.stats.estimate();
        Self {
            title: "Estimate report",
            is_apart: false,
            groups: estimate.map_or_else(Vec::new, |found| vec![lines(found)]),
            fields: estimate.map_or_else(Vec::new, fields),
            machine: estimate.map_or_else(Vec::new, machine_lines),
            old: estimate.map_or_else(Vec::new, old_lines),
            matters: estimate.is_some(),
        }
    }
}

/// Sizes are whole bytes, bounds rounded up.
fn lines(found: &Estimate) -> Vec<Line> {
    let mut lines = vec![
        ("File size (bytes)", found.bytes.to_string()),
        ("Upper bound (bytes)", found.bound_bytes.to_string()),
        ("Records", found.records.to_string()),
        (
            "Record size (bytes)",
            format!("{:.0}", found.record_bytes.round()),
        ),
        (
            "Record bound (bytes)",
            format!("{:.0}", found.record_bound_bytes.ceil()),
        ),
        (
            "Compression ratio",
            format!("{:.3}", found.compression_ratio),
        ),
    ];
    if found.is_exact {
        lines.push(("Exact", "yes, every record was read".to_owned()));
    }
    lines
}

/// The same for programs (`behaviour.md` §8.3).
fn fields(found: &Estimate) -> Vec<Field> {
    vec![
        count("file-size-bytes", found.bytes),
        count("upper-bound-bytes", found.bound_bytes),
        count("records", found.records),
        number("record-size", format!("{:.0}", found.record_bytes.round())),
        number(
            "record-bound",
            format!("{:.0}", found.record_bound_bytes.ceil()),
        ),
        number(
            "compression-ratio",
            format!("{:.3}", found.compression_ratio),
        ),
        truth("exact", found.is_exact),
    ]
}

/// An old tool says what it has read for the estimate, too: as of a backup.
fn machine_lines(found: &Estimate) -> Vec<String> {
    let (records, bound) = (found.records, found.record_bound_bytes.ceil());
    let line = format!("ESTIMATE:{records}:{bound:.0}\n");
    let (samples, each) = (found.samples, found.record_bytes.round());
    let bytes = found.record_bytes * precise(samples);
    let summary = format!("SUMMARY:{samples}:0:0:{bytes:.0}:{each:.0}\n");
    let summary = log::old().map(|_| summary);
    [line].into_iter().chain(summary).collect()
}

/// A count of samples is far from where this loses anything.
#[expect(clippy::cast_precision_loss, reason = "a count of samples")]
const fn precise(samples: u64) -> f64 {
    samples as f64
}

/// The report, line by line.
fn old_lines(found: &Estimate) -> Vec<String> {
    let line = |(label, value): Line| format!("{label}: {value}");
    lines(found).into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: Estimate = Estimate {
        records: 358,
        samples: 100,
        record_bytes: 296.6,
        record_bound_bytes: 415.1,
        compression_ratio: 0.5,
        bytes: 105_727,
        bound_bytes: 147_321,
        is_exact: false,
    };

    fn report(found: &Estimate) -> String {
        let report = Report {
            title: "Estimate report",
            is_apart: false,
            groups: vec![lines(found)],
            fields: fields(found),
            machine: Vec::new(),
            old: Vec::new(),
            matters: true,
        };
        report.to_string()
    }

    #[test]
    fn layout() {
        let expected = "\
Estimate report
---------------
File size (bytes):    105727
Upper bound (bytes):  147321
Records:              358
Record size (bytes):  297
Record bound (bytes): 416
Compression ratio:    0.500
";
        assert_eq!(report(&FOUND), expected);
        let exact = Estimate {
            is_exact: true,
            ..FOUND
        };
        let last = "Exact:                yes, every record was read\n";
        assert_eq!(report(&exact), format!("{expected}{last}"));
    }
}
