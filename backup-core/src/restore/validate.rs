//! Validation: every file is decoded to its end, strictly and without a cluster.

mod tally;

use self::tally::{Counts, Tally};
use super::{
    RestoreSource, Trust, Unwrap,
    config::decoders,
    files::Files,
    input::{Input, InputFile, Problem},
    reader::{OpenFile, Place, Reader, Sink},
    throttle::Throttle,
};
use crate::{
    error::Error,
    handle::{join_or_leave, off_runtime},
    stats::RestoreStats,
};
use asb_format::{Checkpoint, Item, Record};
use std::{sync::Arc, thread};
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
    /// Decoders, which share a file when there are fewer files; `None` = one for each core.
    pub parallel: Option<usize>,
    /// Most bytes a second read from the storage, all workers together; 0 = no limit.
    pub bytes_per_second: u64,
}

/// The result of one file, or of something that is missing or wrong about the set.
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
    /// Bytes as stored, where known.
    pub bytes: Option<u64>,
    /// What is wrong with it.
    pub finding: Option<Finding>,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Finding {
    /// It has no content at all.
    Empty,
    /// It cannot be decoded to its end, or does not belong there.
    Error(Error),
}

pub(crate) async fn run(
    config: ValidateConfig,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
    report: impl FnMut(FileReport) + Send,
) -> Result<(), Error> {
    let (mut input, mut problems) = inspect(&config).await?;
    check_namespace(&config, &input, &mut problems);
    input.tell();
    input.throttle = Throttle::new(config.bytes_per_second, &cancel, &stats);
    stats.bytes_expected.add(input.total_bytes());
    stats.add_sources(std::mem::take(&mut input.sources));
    let expected = input.files.len();
    let mut results = Results {
        report,
        problems,
        files: 0,
        findings: 0,
    };
    input.empty.iter().for_each(|file| results.add_empty(file));
    let threads = decoders(config.parallel, input.files.len(), input.total_bytes());
    stats.load.begin(threads, expected);
    let received = Task::new(config, input, stats, cancel.clone(), threads).start(threads)?;
    let mut seen = 0;
    while let Some(Ok(found)) = join_or_leave(received.recv_async(), &cancel).await {
        seen += 1;
        results.add(found);
    }
    results.add_problems();
    match (seen == expected, results.findings) {
        _ if cancel.is_cancelled() => Err(Error::Cancelled),
        (true, 0) => Ok(()),
        (true, findings) => Err(Error::Invalid {
            files: results.files,
            findings,
        }),
        (false, _) => Err(Error::Internal(
            "a validation thread ended early".to_owned(),
        )),
    }
}

async fn inspect(config: &ValidateConfig) -> Result<(Input, Vec<Problem>), Error> {
    let (source, unwrap, trust) = (config.source.clone(), config.unwrap.clone(), config.trust);
    let inspected = off_runtime(move || Input::inspect(source, unwrap, trust));
    let (input, mut problems) = inspected.await?;
    // Where nothing can be looked at, what is wrong is the whole answer.
    let is_nothing = input.files.is_empty() && input.empty.is_empty();
    if is_nothing && matches!(problems[..], [_]) {
        return Err(problems.swap_remove(0).error);
    }
    Ok((input, problems))
}

/// A manifest of another namespace is a finding even where no record is.
fn check_namespace(config: &ValidateConfig, input: &Input, problems: &mut Vec<Problem>) {
    let Some(expected) = &config.namespace else {
        return;
    };
    if let Err(error) = input.check_namespace(expected)
        && input.files.is_empty()
    {
        let Error::OtherSource { source_name, .. } = &error else {
            return;
        };
        problems.push(Problem {
            shown: source_name.clone(),
            error,
        });
    }
}

/// What was found so far.
struct Results<R> {
    report: R,
    /// What is wrong with the set; those of a file go to its report.
    problems: Vec<Problem>,
    files: u64,
    findings: u64,
}

impl<R: FnMut(FileReport)> Results<R> {
    fn add_empty(&mut self, file: &InputFile) {
        self.add(FileReport {
            finding: Some(Finding::Empty),
            ..FileReport::of(file)
        });
    }

    /// Adds the result of a file that was looked at. What its content says goes before what the
    /// manifest says about it, because it says where.
    fn add(&mut self, mut found: FileReport) {
        let mut known = self.problems.iter();
        if let Some(at) = known.position(|problem| problem.shown == found.file) {
            let problem = self.problems.swap_remove(at);
            found.finding.get_or_insert(Finding::Error(problem.error));
        }
        self.tell(found);
    }

    fn add_problems(&mut self) {
        for problem in std::mem::take(&mut self.problems) {
            self.tell(FileReport {
                file: problem.shown,
                records: 0,
                indexes: 0,
                udfs: 0,
                bytes: None,
                finding: Some(Finding::Error(problem.error)),
            });
        }
    }

    fn tell(&mut self, found: FileReport) {
        self.files += 1;
        self.findings += u64::from(found.finding.is_some());
        (self.report)(found);
    }
}

/// What the decoders share.
struct Task {
    config: ValidateConfig,
    files: Files,
    /// One for each file.
    tallies: Vec<Tally>,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
}

impl Task {
    fn new(
        config: ValidateConfig,
        input: Input,
        stats: Arc<RestoreStats>,
        cancel: CancellationToken,
        threads: usize,
    ) -> Self {
        Self {
            config,
            tallies: input.files.iter().map(|_| Tally::default()).collect(),
            files: Files::new(input, threads),
            stats,
            cancel,
        }
    }

    fn start(self, threads: usize) -> Result<flume::Receiver<FileReport>, Error> {
        let (reports, received) = flume::bounded(threads);
        let task = Arc::new(self);
        for number in 0..threads {
            let (task, reports) = (Arc::clone(&task), reports.clone());
            thread::Builder::new()
                .name(format!("validate-{number}"))
                .spawn(move || task.work(&reports))
                .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        }
        Ok(received)
    }

    fn work(&self, reports: &flume::Sender<FileReport>) {
        let _closing = self.files.closing();
        let mut reader = Reader::default();
        while let Some(open) = self.files.next() {
            self.read(&open, &mut reader);
            let report = self.files.leave(&open).then(|| self.report(&open));
            let is_heard = report
                .flatten()
                .is_none_or(|report| reports.send(report).is_ok());
            if self.cancel.is_cancelled() || !is_heard {
                return;
            }
        }
    }

    fn read(&self, open: &OpenFile, reader: &mut Reader) {
        let (Some(file), Some(tally)) = (self.files.file(open), self.tallies.get(open.number))
        else {
            return;
        };
        let place = Place {
            input: &self.files.input,
            file,
            stats: &self.stats,
            is_shared: self.files.is_shared,
        };
        let mut items = Items {
            task: self,
            file,
            tally,
            start: 0,
            counts: Counts::default(),
        };
        if let Err(error) = open.read(place, reader, &mut items) {
            tally.fail(items.start, items.counts, error);
        }
    }

    fn report(&self, open: &OpenFile) -> Option<FileReport> {
        let (counts, error) = self.tallies.get(open.number)?.take();
        Some(FileReport {
            records: counts.records,
            indexes: counts.indexes,
            udfs: counts.udfs,
            finding: error.map(Finding::Error),
            ..FileReport::of(self.files.file(open)?)
        })
    }
}

/// The items of one file, which are counted.
struct Items<'a> {
    task: &'a Task,
    file: &'a InputFile,
    tally: &'a Tally,
    /// Where what is counted began.
    start: u64,
    counts: Counts,
}

impl Sink for Items<'_> {
    fn begin(&mut self, offset: u64) {
        (self.start, self.counts) = (offset, Counts::default());
    }

    fn take(&mut self, item: &Item<'_>, offset: u64) -> Result<(), Error> {
        let stats = &self.task.stats;
        match item {
            Item::Record(record) => {
                self.check_namespace(record, offset)?;
                self.counts.records += 1;
                stats.records_read.add(1);
                stats.skipped.add(1);
            }
            Item::Index(_) => {
                self.counts.indexes += 1;
                stats.indexes_read.add(1);
            }
            Item::Udf(_) => {
                self.counts.udfs += 1;
                stats.udfs_read.add(1);
            }
            Item::Header(_) | Item::Namespace(_) | Item::FirstFile => {}
        }
        if self.task.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    fn end(&mut self, place: Checkpoint) {
        let offset = place.position().offset;
        self.tally.add(self.start, offset, self.counts);
    }
}

impl Items<'_> {
    fn check_namespace(&self, record: &Record<'_>, offset: u64) -> Result<(), Error> {
        match &self.task.config.namespace {
            Some(expected) if record.namespace != *expected.as_bytes() => {
                Err(Error::OtherNamespace {
                    file: self.file.shown.to_string(),
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
