//! The report of a conversion.

use super::{
    Report,
    fields::{self, Ours},
    lines, machine_backup,
};
use backup_core::{handle::Outcome, stats::ConvertStats};
use std::time::Duration;

impl Report {
    /// The report of a conversion: messages that were read, and the backup that was written.
    pub(crate) fn conversion(outcome: &Outcome<ConvertStats>) -> Self {
        let (read, written) = (outcome.stats.snapshot(), outcome.stats.backup());
        let messages = [
            ("Messages Read", read.messages_read),
            ("Superseded", read.superseded),
            ("Deleted Records", read.deleted),
            ("Left Out", read.left_out),
        ];
        let files = [
            ("Records Written", written.records_read),
            ("Bytes Written", written.bytes_written),
            ("Files Written", written.files_written),
        ];
        let keys = [
            ("messages-read", read.messages_read),
            ("superseded-messages", read.superseded),
            ("deleted-records", read.deleted),
            ("left-out-messages", read.left_out),
            ("records-written", written.records_read),
            ("s-index-read", written.indexes_read),
            ("udf-read", written.udfs_read),
            ("bytes-written", written.bytes_written),
            ("files-written", written.files_written),
        ];
        let fields = fields::of(outcome, Duration::ZERO, &keys, &Ours::default());
        let read = [
            written.records_read,
            written.indexes_read,
            written.udfs_read,
        ];
        let mut report = Self::new(
            fields,
            "Conversion report",
            outcome,
            Duration::ZERO,
            read,
            [lines(&messages), lines(&files)],
            &[],
        );
        // Records are what comes out, and have their line there.
        for group in &mut report.groups {
            group.retain(|(label, _)| *label != "Records Read");
        }
        report.with_lines(outcome, vec![machine_backup(&written)])
    }
}
