//! A backup from start to end.

use super::{
    BackupConfig,
    estimate::Forecast,
    files::{OpenFile, Role},
    globals::{self, Globals},
    ledger::Ledger,
    memory::Share,
    scan_stage::ChunkSink,
    selection::{Begun, Plan, expected_records},
    summary::{self, Seen},
    target::Run,
    write_stage::{Input, Task, Writer},
};
use crate::{
    error::{Error, StateProblem},
    fingerprint::Fingerprinter,
    handle::{join_or_leave, off_runtime},
    limits::Limiter,
    load::Phase,
    partitions,
    stats::BackupStats,
};
use asb_format::{Encoder, Version};
use backup_cluster::{
    client::AerospikeView,
    metadata::Metadata,
    scan::{self, PartitionCursor, ScanError, ScanOptions},
    view::ClusterView,
};
use std::{collections::VecDeque, future::Future, sync::Arc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(super) async fn run(
    config: BackupConfig,
    stats: Arc<BackupStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    // Whatever stops the run stops all of it; only the user's wish is reported as one.
    let stop = cancel.child_token();
    let token = stop.clone();
    let run = off_runtime(move || Run::prepare(config, stats, token)).await?;
    let Some(mut run) = run else {
        return Ok(()); // a shard that was complete
    };
    let view = or_cancelled(&cancel, AerospikeView::connect(&run.config.connect)).await?;
    let view: Arc<dyn ClusterView> = Arc::new(view);
    let plan = plan(&mut run, &view, &cancel).await?;
    let run = Arc::new(run);
    let (begun, token) = (Arc::clone(&run), stop.clone());
    let hold = off_runtime(move || begun.begin(token)).await?;
    let forecast = Forecast::start(&run, &view, &plan);
    let result = write_all(&run, &view, &stop, &plan).await;
    if let Some(forecast) = forecast {
        forecast.end().await;
    }
    let seen = match &result {
        Ok(()) if run.config.manifest => Seen {
            server: summary::server(&*view).await,
            clock_skew_ns: run.close_window(&*view).await,
            ..Seen::default()
        },
        _ => Seen::default(),
    };
    let (ended, is_cancelled) = (Arc::clone(&run), cancel.is_cancelled());
    off_runtime(move || {
        let result = if is_cancelled {
            Err(Error::Cancelled)
        } else {
            result
        };
        ended.end(result, seen, hold)
    })
    .await
}

/// What is to be read: found out before the target is touched.
pub(super) async fn plan(
    run: &mut Run,
    view: &Arc<dyn ClusterView>,
    cancel: &CancellationToken,
) -> Result<Plan, Error> {
    let metadata = Metadata::new(&**view);
    or_cancelled(cancel, metadata.check_namespace(&run.config.namespace)).await?;
    or_cancelled(cancel, run.open_window(&**view)).await?;
    resolve(run, view, cancel).await
}

async fn write_all(
    run: &Arc<Run>,
    view: &Arc<dyn ClusterView>,
    cancel: &CancellationToken,
    plan: &Plan,
) -> Result<(), Error> {
    let config = &run.config;
    run.stats.load.phase.set(Phase::Metadata);
    let first = write_globals(run, view, cancel).await?;
    if config.no_records {
        let files = Arc::clone(&run.files);
        return match first {
            Some(file) => off_runtime(move || files.finish(file, &mut Ledger::default())).await,
            None => Ok(()),
        };
    }
    let (namespace, selection) = (&config.namespace, &config.selection);
    let metadata = Metadata::new(&**view);
    let counting = expected_records(metadata, namespace, selection, plan.selected().len());
    let expected = or_cancelled(cancel, counting).await.unwrap_or_default();
    run.stats.records_expected.add(expected.unwrap_or_default());
    write_records(run, view, cancel, plan, first).await
}

/// The partitions to read, and how. They are chosen once: a continuation takes them from the
/// state.
async fn resolve(
    run: &Run,
    view: &Arc<dyn ClusterView>,
    cancel: &CancellationToken,
) -> Result<Plan, Error> {
    let begun = match run.keeper.as_ref().zip(run.resumed.as_ref()) {
        Some((keeper, state)) => {
            let unusable = |problem| keeper.place().unusable(problem);
            let what = "list of partitions";
            let selected = partitions::parse(&state.selected);
            Some(Begun {
                selected: selected.ok_or_else(|| unusable(StateProblem::Value { what }))?,
                records: state.files.iter().map(|file| file.records).sum(),
            })
        }
        None => None,
    };
    let resolving = Plan::resolve(&**view, &run.config, begun, cancel);
    let plan = or_cancelled(cancel, resolving).await?;
    if let Some(keeper) = &run.keeper {
        let mut head = keeper.head();
        head.selected = partitions::list(plan.selected());
        if run.resumed.is_none() && !run.config.no_records {
            head.divided = partitions::list(plan.divided());
        }
    }
    Ok(plan)
}

/// Writes indexes and modules, unless that was done: into a file of their own in a directory,
/// where there are any; at the start of a single file, or of the first one in the layout of C,
/// which is returned open.
pub(super) async fn write_globals(
    run: &Arc<Run>,
    view: &Arc<dyn ClusterView>,
    cancel: &CancellationToken,
) -> Result<Option<OpenFile>, Error> {
    let files = Arc::clone(&run.files);
    if !files.has_globals() {
        return Ok(None); // another shard writes them
    }
    if files.journal().globals().is_some() {
        let open = files
            .journal()
            .files()
            .into_iter()
            .find(|file| !file.closed);
        // In a directory, the writers go on with it.
        return match open.filter(|_| !files.is_directory()) {
            Some(single) => off_runtime(move || files.reopen(&single).map(Some)).await,
            None => Ok(None),
        };
    }
    let globals = globals::fetch(&**view, &run.config, &run.stats);
    put_globals(run, or_cancelled(cancel, globals).await?).await
}

/// Writes what was found, as [`write_globals`] does.
pub(super) async fn put_globals(
    run: &Arc<Run>,
    globals: Globals,
) -> Result<Option<OpenFile>, Error> {
    let Globals {
        text,
        version,
        written,
    } = globals;
    let files = Arc::clone(&run.files);
    // A file is made when there is something to put in. A single file of a backup with records
    // is made anyway: the scans share it.
    if text.is_empty() && (files.is_directory() || run.config.no_records) {
        files.journal().commit_globals(written);
        return Ok(None);
    }
    off_runtime(move || {
        let role = if files.has_metadata_file() {
            Role::Metadata
        } else {
            Role::Data(0)
        };
        let mut file = files.open(role, version)?;
        files.write_globals(&mut file, &text, written)?;
        if files.has_metadata_file() {
            files.finish(file, &mut Ledger::default())?;
            return Ok(None);
        }
        Ok(Some(file))
    })
    .await
}

async fn write_records(
    run: &Arc<Run>,
    view: &Arc<dyn ClusterView>,
    cancel: &CancellationToken,
    plan: &Plan,
    first: Option<OpenFile>,
) -> Result<(), Error> {
    let config = &run.config;
    let ledger = run.files.journal().ledger();
    let selected = plan.selected().iter();
    let cursors: Vec<_> = selected
        .filter_map(|cursor| ledger.resume(*cursor))
        .collect();
    let shares = divide(&cursors, config.workers());
    let (inputs, writers) = start_writers(run, shares.len(), first)?;
    run.stats.load.begin(shares.len(), writers.len());
    let limit = Limiter::new(config.records_per_second).map(Arc::new);
    let memory = Share::of(config, shares.len());
    let mut options = ScanOptions::clone(plan.options());
    options.socket.read_buffer = memory.read_buffer;
    let options = Arc::new(throttled(config, options, shares.len()));
    // A failure anywhere stops the other scans, but is not mistaken for the user's wish.
    let stop = cancel.child_token();
    let mut scans = JoinSet::new();
    for (share, input) in shares.into_iter().zip(inputs) {
        let sink = ChunkSink::new(
            encoder(config),
            (config.manifest || config.verify_writes).then(Fingerprinter::new),
            input,
            memory,
            run.durable_interval(),
            limit.clone().map(|limit| (limit, stop.clone())),
            Arc::clone(&run.stats),
        );
        scans.spawn(scan_share(
            Arc::clone(run),
            Arc::clone(view),
            Arc::clone(&options),
            share,
            sink,
            stop.clone(),
        ));
    }
    let mut failures = Vec::new();
    while let Some(joined) = scans.join_next().await {
        let result = joined.unwrap_or_else(|error| Err(Error::Internal(error.to_string())));
        if let Err(error) = result {
            stop.cancel();
            failures.push(error);
        }
    }
    run.stats.load.phase.set(Phase::Finishing);
    for writer in writers {
        let ended = join_or_leave(writer.join(), &stop).await;
        failures.extend(ended.unwrap_or(Err(Error::Cancelled)).err());
    }
    first_cause(failures)
}

/// One writer for a single file, one for each of `scans` in a directory.
pub(super) fn start_writers(
    run: &Run,
    scans: usize,
    first: Option<OpenFile>,
) -> Result<(Vec<Input>, Vec<Writer>), Error> {
    let is_directory = run.files.is_directory();
    let task = |worker, first, scans| Task {
        files: Arc::clone(&run.files),
        worker,
        version: Version::V3_1,
        first,
        file_limit: if is_directory {
            run.config.file_limit
        } else {
            0
        },
        scans,
        unfinished: VecDeque::new(),
        durable_interval: run.durable_interval(),
        durable_records: run.config.durable_records,
    };
    if !is_directory {
        let (input, writer) = task(0, first, scans).start()?;
        return Ok((vec![input; scans], vec![writer]));
    }
    let mut first = first;
    let mut tasks: Vec<_> = (0..scans.max(1))
        .map(|worker| task(worker, first.take(), scans.min(1)))
        .collect();
    let unfinished = run
        .files
        .journal()
        .files()
        .into_iter()
        .filter(|file| !file.closed);
    for (file, worker) in unfinished.zip((0..tasks.len()).cycle()) {
        tasks[worker].unfinished.push_back(file);
    }
    let started: Vec<_> = tasks
        .into_iter()
        .map(Task::start)
        .collect::<Result<_, _>>()?;
    Ok(started.into_iter().unzip())
}

async fn scan_share(
    run: Arc<Run>,
    view: Arc<dyn ClusterView>,
    options: Arc<ScanOptions>,
    mut cursors: Vec<PartitionCursor>,
    mut sink: ChunkSink,
    stop: CancellationToken,
) -> Result<(), Error> {
    let scanned = scan::scan(&*view, &options, &mut cursors, &mut sink, &stop).await;
    let error = match scanned {
        Ok(done) => {
            run.stats.retries.add(u64::from(done.retries));
            return sink.finish().await;
        }
        Err(ScanError::Cluster(error)) => error.into(),
        Err(ScanError::Sink(error)) => error,
    };
    if run.files.is_resumable() {
        // What has come need not be read again. The first error is the one to tell.
        let _ = sink.flush().await;
    }
    Err(error)
}

/// The scans of a backup with limits: small reads, so that the rate is even.
fn throttled(config: &BackupConfig, mut options: ScanOptions, workers: usize) -> ScanOptions {
    const SMALL_RECORD: u64 = 256;
    const SMALL_BUFFER: usize = 4 << 10;
    if config.records_per_second > 0 {
        // What one read brings must be a fraction of what a second may bring.
        let share = config.records_per_second / (20 * workers.max(1) as u64);
        let bytes = usize::try_from(share.saturating_mul(SMALL_RECORD)).unwrap_or(usize::MAX);
        let usual = options.socket.read_buffer.max(SMALL_BUFFER);
        options.socket.read_buffer = bytes.clamp(SMALL_BUFFER, usual);
    }
    options
}

pub(super) fn encoder(config: &BackupConfig) -> Encoder {
    if config.compact {
        Encoder::compact()
    } else {
        Encoder::new()
    }
}

/// Consecutive shares of `cursors`, as even as can be; at most `count`, none of them empty.
pub(super) fn divide(cursors: &[PartitionCursor], count: usize) -> Vec<Vec<PartitionCursor>> {
    let count = count.min(cursors.len());
    let bound = |index: usize| index * cursors.len() / count;
    let share = |index: usize| {
        cursors
            .get(bound(index)..bound(index + 1))
            .unwrap_or_default()
    };
    (0..count).map(|index| share(index).to_vec()).collect()
}

/// The failure that the others followed from: whoever was stopped only says "cancelled".
pub(super) fn first_cause(failures: Vec<Error>) -> Result<(), Error> {
    let mut failures = failures.into_iter();
    let Some(first) = failures.next() else {
        return Ok(());
    };
    let is_cause = |error: &Error| !matches!(error, Error::Cancelled);
    Err(if is_cause(&first) {
        first
    } else {
        failures.find(is_cause).unwrap_or(first)
    })
}

pub(super) async fn or_cancelled<T, E: Into<Error>>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    tokio::select! {
        result = work => result.map_err(Into::into),
        () = cancel.cancelled() => Err(Error::Cancelled),
    }
}
