//! Validation: every file is decoded to its end, strictly and without a cluster.

use super::{
    RestoreSource, Trust, Unwrap,
    config::decoders,
    input::{Input, InputFile},
    reader::{ReadBuffer, read_file},
    run::list,
    throttle::Throttle,
};
use crate::{error::Error, handle::join_or_leave, stats::RestoreStats};
use asb_format::Item;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tokio_util::sync::CancellationToken;

/// What to validate.
#[derive(Debug, Clone)]
pub struct ValidateConfig {
    /// Where the backup lies.
    pub source: RestoreSource,
    /// How the files are wrapped.
    pub unwrap: Unwrap,
    /// How the manifest is treated.
    pub trust: Trust,
    /// Every record must belong to this namespace; `None` = any.
    pub namespace: Option<String>,
    /// Files decoded at a time; `None` = as many as there are cores.
    pub parallel: Option<usize>,
    /// Most bytes a second read from the storage, all workers together; 0 = no limit.
    pub bytes_per_second: u64,
}

/// The result of one file.
#[derive(Debug)]
pub struct FileReport {
    /// Its path.
    pub file: String,
    /// Records before the finding, or in all.
    pub records: u64,
    /// Secondary indexes.
    pub indexes: u64,
    /// UDF modules.
    pub udfs: u64,
    /// Bytes, where known.
    pub bytes: Option<u64>,
    /// What is wrong with it.
    pub finding: Option<Finding>,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Finding {
    /// It has no content at all.
    Empty,
    /// It cannot be decoded to its end.
    Error(Error),
}

pub(super) async fn run(
    config: ValidateConfig,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
    mut report: impl FnMut(FileReport) + Send,
) -> Result<(), Error> {
    let (mut input, broken) = all_files(&config).await?;
    input.throttle = Throttle::new(config.bytes_per_second, &cancel, &stats);
    stats.bytes_expected.add(input.total_bytes());
    let files = (input.files.len() + input.empty.len()) as u64 + u64::from(broken.is_some());
    let mut findings = input.empty.len() as u64;
    let mut seen = findings;
    if let Some(broken) = broken {
        report(broken);
        findings += 1;
        seen += 1;
    }
    for file in &input.empty {
        report(FileReport {
            finding: Some(Finding::Empty),
            ..FileReport::of(file)
        });
    }
    let threads = decoders(config.parallel, input.files.len());
    let (reports, results) = flume::bounded(threads);
    let task = Arc::new(Task {
        config,
        input,
        stats,
        cancel: cancel.clone(),
        next: AtomicUsize::new(0),
    });
    for number in 0..threads {
        let (task, reports) = (Arc::clone(&task), reports.clone());
        thread::Builder::new()
            .name(format!("validate-{number}"))
            .spawn(move || task.work(&reports))
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
    }
    drop(reports);
    while let Some(Ok(result)) = join_or_leave(results.recv_async(), &cancel).await {
        findings += u64::from(result.finding.is_some());
        seen += 1;
        report(result);
    }
    match (seen == files, findings) {
        _ if cancel.is_cancelled() => Err(Error::Cancelled),
        (true, 0) => Ok(()),
        (true, findings) => Err(Error::Invalid { files, findings }),
        (false, _) => Err(Error::Internal(
            "a validation thread ended early".to_owned(),
        )),
    }
}

/// The files to look at. A set that is not as its manifest says is a finding, and no reason to
/// look at nothing.
async fn all_files(config: &ValidateConfig) -> Result<(Input, Option<FileReport>), Error> {
    let list = |trust| list(config.source.clone(), config.unwrap.clone(), trust);
    let error = match list(config.trust).await {
        Err(error @ Error::Set { .. }) => error,
        input => return Ok((input?, None)),
    };
    let ignoring = Trust {
        ignore_manifest: true,
        ..config.trust
    };
    let report = FileReport {
        file: config.source.store().location().to_owned(),
        records: 0,
        indexes: 0,
        udfs: 0,
        bytes: None,
        finding: Some(Finding::Error(error)),
    };
    Ok((list(ignoring).await?, Some(report)))
}

struct Task {
    config: ValidateConfig,
    input: Input,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
    next: AtomicUsize,
}

impl Task {
    fn work(&self, reports: &flume::Sender<FileReport>) {
        let mut buffer = ReadBuffer::default();
        while let Some(file) = self
            .input
            .files
            .get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            let report = self.validate(file, &mut buffer);
            if self.cancel.is_cancelled() || reports.send(report).is_err() {
                return;
            }
        }
    }

    fn validate(&self, file: &InputFile, buffer: &mut ReadBuffer) -> FileReport {
        let mut report = FileReport::of(file);
        let read = read_file(&self.input, file, buffer, &self.stats, |item, offset| {
            match item {
                Item::Record(record) => {
                    self.check_namespace(record, file, offset)?;
                    report.records += 1;
                    self.stats.records_read.add(1);
                    self.stats.skipped.add(1);
                }
                Item::Index(_) => {
                    report.indexes += 1;
                    self.stats.indexes_read.add(1);
                }
                Item::Udf(_) => {
                    report.udfs += 1;
                    self.stats.udfs_read.add(1);
                }
                Item::Header(_) | Item::Namespace(_) | Item::FirstFile => {}
            }
            if self.cancel.is_cancelled() {
                Err(Error::Cancelled)
            } else {
                Ok(())
            }
        });
        report.finding = read.err().map(Finding::Error);
        report
    }

    fn check_namespace(
        &self,
        record: &asb_format::Record<'_>,
        file: &InputFile,
        offset: u64,
    ) -> Result<(), Error> {
        match &self.config.namespace {
            Some(expected) if record.namespace != *expected.as_bytes() => {
                Err(Error::OtherNamespace {
                    file: file.shown.to_string(),
                    offset,
                    found: String::from_utf8_lossy(&record.namespace.to_cow()).into_owned(),
                    expected: expected.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl FileReport {
    fn of(file: &InputFile) -> Self {
        Self {
            file: file.shown.to_string(),
            records: 0,
            indexes: 0,
            udfs: 0,
            bytes: file.size(),
            finding: None,
        }
    }
}
