//! The job that runs, for whoever looks at it from outside: metrics and hooks.

use backup_core::{
    backup::{BackupDryRunStats, EstimateStats},
    restore::RestoreDryRunStats,
    stats::{BackupStats, ConvertStats, RestoreStats},
};
use std::sync::{Arc, Mutex, PoisonError};

/// Named counts, one for each value of a label.
pub(crate) type Counts = Vec<(&'static str, u64)>;

/// What a job did so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Records by outcome; together they are all records that were read.
    pub(crate) records: Counts,
    /// Records that are expected; 0 while unknown.
    pub(crate) records_expected: u64,
    /// Bytes by direction.
    pub(crate) bytes: Counts,
    /// Secondary indexes by outcome.
    pub(crate) indexes: Counts,
    /// UDF modules by outcome.
    pub(crate) udfs: Counts,
    /// Files that were completed.
    pub(crate) files: u64,
    /// Attempts after the first.
    pub(crate) retries: u64,
    /// Continuations after an interruption.
    pub(crate) resumes: u64,
    /// Milliseconds that workers waited because of limits.
    pub(crate) throttled_ms: u64,
    /// Writes without an answer.
    pub(crate) in_doubt: u64,
    /// Records written to the reject file.
    pub(crate) rejected: u64,
    /// Records whose text was read back.
    pub(crate) verified: u64,
}

/// A job that can be looked at.
pub(crate) trait Watched: Send + Sync {
    /// What it did so far.
    fn figures(&self) -> Figures;

    /// Id of the run, if it has one and it is known already. Of a restore it is that of the set.
    fn run_id(&self) -> Option<String> {
        None
    }
}

static JOB: Mutex<Option<Arc<dyn Watched>>> = Mutex::new(None);

/// From now on, this is the job.
pub(crate) fn begin(job: Arc<dyn Watched>) {
    *JOB.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
}

/// What the job did so far; nothing before it began.
pub(crate) fn figures() -> Figures {
    job().map_or_else(Figures::default, |job| job.figures())
}

/// Id of its run.
pub(crate) fn run_id() -> Option<String> {
    job()?.run_id()
}

fn job() -> Option<Arc<dyn Watched>> {
    let job = JOB.lock().unwrap_or_else(PoisonError::into_inner);
    job.clone()
}

impl Watched for BackupStats {
    fn figures(&self) -> Figures {
        let counts = self.snapshot();
        Figures {
            records: vec![("read", counts.records_read)],
            records_expected: counts.records_expected,
            bytes: vec![("written", counts.bytes_written)],
            indexes: vec![
                ("read", counts.indexes_read),
                ("skipped", counts.indexes_skipped),
            ],
            udfs: vec![("read", counts.udfs_read)],
            files: counts.files_written,
            retries: counts.retries,
            resumes: counts.resumes,
            throttled_ms: counts.throttled_ms,
            verified: counts.records_verified,
            ..Figures::default()
        }
    }

    fn run_id(&self) -> Option<String> {
        self.run_id().map(str::to_owned)
    }
}

impl Watched for RestoreStats {
    fn figures(&self) -> Figures {
        let counts = self.snapshot();
        Figures {
            records: vec![
                ("inserted", counts.inserted),
                ("existed", counts.existed),
                ("fresher", counts.fresher),
                ("expired", counts.expired),
                ("skipped", counts.skipped),
                ("ignored", counts.ignored),
                ("failed", counts.failed),
                ("not_sent", counts.not_sent),
            ],
            bytes: vec![
                ("fetched", counts.bytes_fetched),
                ("read", counts.bytes_read),
            ],
            indexes: vec![
                ("read", counts.indexes_read),
                ("skipped", counts.indexes_skipped),
            ],
            udfs: vec![("read", counts.udfs_read), ("skipped", counts.udfs_skipped)],
            retries: counts.retries,
            resumes: counts.resumes,
            throttled_ms: counts.throttled_ms,
            in_doubt: counts.in_doubt,
            rejected: counts.rejected,
            ..Figures::default()
        }
    }

    fn run_id(&self) -> Option<String> {
        self.sources().first().map(|set| set.run.clone())
    }
}

impl Watched for EstimateStats {
    fn figures(&self) -> Figures {
        let counts = self.snapshot();
        Figures {
            records: vec![("read", counts.records_sampled)],
            records_expected: counts.samples_expected,
            retries: counts.retries,
            ..Figures::default()
        }
    }
}

impl Watched for BackupDryRunStats {
    fn figures(&self) -> Figures {
        self.estimate.figures()
    }
}

/// A conversion has neither metrics nor hooks.
impl Watched for ConvertStats {
    fn figures(&self) -> Figures {
        Figures::default()
    }
}

impl Watched for RestoreDryRunStats {
    fn figures(&self) -> Figures {
        Figures::default()
    }
}
