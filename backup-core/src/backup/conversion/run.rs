//! A conversion from start to end.

use super::{
    ConvertConfig,
    latest::ENTRY_BYTES,
    metadata,
    source::Source,
    worker::{Survey, Turns, Worker, survey},
};
use crate::{
    backup::{
        files::OpenFile,
        ledger::Ledger,
        memory::Share,
        run::{encoder, first_cause, put_globals, start_writers},
        scan_stage::ChunkSink,
        summary::Seen,
        target::Run,
        write_stage::{Input, Writer},
    },
    error::Error,
    fingerprint::Fingerprinter,
    handle::{join_or_leave, off_runtime},
    load::Phase,
    stats::ConvertStats,
};
use aerospike_wire::digest::{PARTITIONS, PartitionId};
use std::{iter, sync::Arc, thread};
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;

/// Most threads that are started unasked.
const AUTOMATIC_THREADS: usize = 8;

pub(super) async fn run(
    config: ConvertConfig,
    stats: Arc<ConvertStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    // Whatever stops the run stops all of it; only the user's wish is reported as one.
    let stop = cancel.child_token();
    let (asked, token) = (config.clone(), stop.clone());
    let (source, run) = off_runtime(move || {
        let source = Source::open(&asked, &stats, &token)?;
        let written = asked.written(&source.namespace);
        let counters = Arc::clone(source.stats.written());
        let run = Run::prepare(written, counters, token)?;
        let run = run.ok_or_else(|| Error::Internal("a conversion is no shard".to_owned()))?;
        Ok((Arc::new(source), Arc::new(run)))
    })
    .await?;
    let plan = Plan::new(&config, &source);
    let surveys = plan.survey(&source, &stop).await?;
    let reading = Arc::clone(&source);
    let globals = off_runtime(move || metadata::read(&reading)).await?;
    note_arguments(&run, &source);
    let (begun, token) = (Arc::clone(&run), stop.clone());
    let hold = off_runtime(move || begun.begin(token)).await?;
    let result = match put_globals(&run, globals).await {
        Ok(first) => plan.write(&source, &run, surveys, first, &stop).await,
        Err(error) => Err(error),
    };
    let result = result.and_then(|()| match cancel.is_cancelled() {
        true => Err(Error::Cancelled),
        false => complete(&source, &run),
    });
    let seen = Seen {
        server: source.server(),
        clock_skew_ns: None,
        window: Some(source.window()),
        is_part: source.is_part(),
    };
    off_runtime(move || run.conclude(result, seen, hold)).await
}

/// What a reader of the manifest should know about the set.
fn note_arguments(run: &Run, source: &Source) {
    if let Some(keeper) = &run.keeper {
        let mut head = keeper.head();
        let name = source.name().to_owned();
        head.arguments.insert("converted from".to_owned(), name);
        if let Some(rewind) = source.rewind() {
            let rewind = rewind.to_owned();
            head.arguments.insert("--rewind".to_owned(), rewind);
        }
    }
}

/// Every message has its outcome, and every partition is known as far as it can be.
fn complete(source: &Source, run: &Run) -> Result<(), Error> {
    let stats = &source.stats;
    if !stats.is_balanced() {
        let (read, written) = (stats.snapshot(), stats.backup());
        return Err(Error::Internal(format!(
            "not every message has exactly one outcome: {read:?}, {written:?}"
        )));
    }
    if source.is_whole() {
        let mut all = Ledger::default();
        let partitions = (0..PARTITIONS).filter_map(PartitionId::new);
        partitions.for_each(|partition| all.finish(partition));
        run.files.journal().commit_positions(&mut all);
    }
    Ok(())
}

/// How the sequences are divided.
#[derive(Debug, Clone, Copy)]
struct Plan {
    sequences: usize,
    threads: usize,
    /// Digests that each thread may gather.
    limit: u64,
}

impl Plan {
    fn new(config: &ConvertConfig, source: &Source) -> Self {
        let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let asked = config.parallel.filter(|n| *n > 0);
        let threads = asked.unwrap_or_else(|| cores().min(AUTOMATIC_THREADS));
        let threads = threads.clamp(1, source.sequences());
        let limit = config.index_bytes / ENTRY_BYTES / threads;
        Self {
            sequences: source.sequences(),
            threads,
            limit: limit.max(1) as u64,
        }
    }

    /// Reads all sequences for the first time.
    async fn survey(
        self,
        source: &Arc<Source>,
        stop: &CancellationToken,
    ) -> Result<Vec<Survey>, Error> {
        let total = |times: &dyn Fn(usize) -> u64| -> u64 {
            let all = 0..self.sequences;
            all.map(|n| source.bytes(n).saturating_mul(times(n))).sum()
        };
        let expected = &source.stats.bytes_expected;
        expected.add(total(&|_| 2)); // as far as is known: once more to write
        let turns = Arc::new(Turns::new(self.sequences));
        let thread = || {
            let (source, turns) = (Arc::clone(source), Arc::clone(&turns));
            move || {
                let taken = iter::from_fn(|| turns.take());
                let look = |n| Ok((n, survey(&source, n, self.limit)?));
                taken.map(look).collect::<Result<Vec<_>, Error>>()
            }
        };
        let found = crew((0..self.threads).map(|_| thread()), stop).await?;
        let mut surveys: Vec<_> = found.into_iter().flatten().collect();
        surveys.sort_by_key(|(sequence, _)| *sequence);
        let surveys: Vec<_> = surveys.into_iter().map(|(_, survey)| survey).collect();
        source.check_order(surveys.iter().map(|survey| &survey.counts))?;
        let again = |n: usize| surveys.get(n).map_or(1, |found| found.readings(self.limit));
        expected.add(total(&|n| again(n).saturating_sub(1)));
        Ok(surveys)
    }

    /// Writes what the sequences leave, with one writer for each thread or one for all.
    async fn write(
        self,
        source: &Arc<Source>,
        run: &Run,
        surveys: Vec<Survey>,
        first: Option<OpenFile>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let (inputs, writers) = start_writers(run, self.threads, first)?;
        run.stats.load.begin(0, writers.len());
        let (turns, surveys) = (Arc::new(Turns::new(self.sequences)), Arc::new(surveys));
        let thread = |input| {
            let sink = sink(run, input, self.threads);
            let (source, runtime) = (Arc::clone(source), Handle::current());
            let (turns, surveys) = (Arc::clone(&turns), Arc::clone(&surveys));
            move || {
                let mut worker = Worker {
                    source: &source,
                    sink,
                    runtime,
                    limit: self.limit,
                    fresh: 0,
                };
                while let Some(sequence) = turns.take() {
                    if let Some(survey) = surveys.get(sequence) {
                        worker.convert(sequence, survey)?;
                    }
                }
                worker.finish()
            }
        };
        let written = crew(inputs.into_iter().map(thread), stop).await;
        run.stats.load.phase.set(Phase::Finishing);
        let ended = join(writers, stop).await;
        first_cause(written.err().into_iter().chain(ended).collect())
    }
}

fn sink(run: &Run, input: Input, threads: usize) -> ChunkSink {
    let config = &run.config;
    ChunkSink::new(
        encoder(config),
        config.manifest.then(Fingerprinter::new),
        input,
        Share::of(config, threads),
        None,
        None,
        Arc::clone(&run.stats),
    )
}

/// Waits for the writers; what went wrong with them.
async fn join(writers: Vec<Writer>, stop: &CancellationToken) -> Vec<Error> {
    let mut failures = Vec::new();
    for writer in writers {
        let ended = join_or_leave(writer.join(), stop).await;
        failures.extend(ended.unwrap_or(Err(Error::Cancelled)).err());
    }
    failures
}

/// Runs each piece of work on a thread of its own. The first that fails stops the others.
async fn crew<T, W>(
    work: impl Iterator<Item = W>,
    stop: &CancellationToken,
) -> Result<Vec<T>, Error>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, Error> + Send + 'static,
{
    let mut running = Vec::new();
    for (number, work) in work.enumerate() {
        let (sender, ended) = oneshot::channel();
        let token = stop.clone();
        let started = thread::Builder::new()
            .name(format!("convert-{number}"))
            .spawn(move || {
                let result = work();
                if result.is_err() {
                    token.cancel();
                }
                // A run that does not listen any more has failed for another reason.
                let _told = sender.send(result);
            });
        if let Err(error) = started {
            stop.cancel();
            return Err(Error::Internal(format!("cannot start a thread: {error}")));
        }
        running.push(ended);
    }
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for ended in running {
        let gone = |_| Err(Error::Internal("a thread ended early".to_owned()));
        match ended.await.unwrap_or_else(gone) {
            Ok(result) => done.push(result),
            Err(error) => failures.push(error),
        }
    }
    first_cause(failures).map(|()| done)
}
