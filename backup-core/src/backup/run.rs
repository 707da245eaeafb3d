//! A backup from start to end.

use super::{
    BackupConfig,
    files::{FileSet, OpenFile, Role},
    globals::{self, Globals},
    keeper::{Keeper, Keeping, Place},
    ledger::Ledger,
    names::Names,
    scan_stage::ChunkSink,
    selection::{Begun, Plan, expected_records},
    state::{self, State},
    write_stage::{Input, Task, Writer},
};
use crate::{
    error::Error, fingerprint::Fingerprinter, handle::join_or_leave, limits::Limiter,
    stats::BackupStats,
};
use asb_format::{Encoder, Version};
use backup_cluster::{
    client::AerospikeView,
    metadata::Metadata,
    scan::{self, PartitionCursor, ScanError, ScanOptions},
    view::ClusterView,
};
use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(
    config: BackupConfig,
    stats: Arc<BackupStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let token = cancel.clone();
    let run = off_runtime(move || Run::prepare(config, stats, token)).await?;
    let run = Arc::new(run);
    let view = or_cancelled(&cancel, AerospikeView::connect(&run.config.connect)).await?;
    let view: Arc<dyn ClusterView> = Arc::new(view);
    let keeping = run.keep_state()?;
    let result = write_all(&run, &view, &cancel).await;
    let ended = Arc::clone(&run);
    off_runtime(move || {
        drop(keeping);
        match result {
            Ok(()) => ended.complete(),
            Err(error) => {
                ended.keep_or_discard();
                Err(error)
            }
        }
    })
    .await
    .map_err(|error| {
        if cancel.is_cancelled() {
            Error::Cancelled
        } else {
            error
        }
    })
}

/// A backup, with all that is needed to write its files.
#[derive(Debug)]
struct Run {
    config: BackupConfig,
    files: Arc<FileSet>,
    /// `None` where there is nothing to go on with: streams.
    keeper: Option<Arc<Keeper>>,
    /// The state that it goes on from.
    resumed: Option<State>,
    stats: Arc<BackupStats>,
}

impl Run {
    /// Finds out whether the target is fit, without touching it.
    fn prepare(
        config: BackupConfig,
        stats: Arc<BackupStats>,
        cancel: CancellationToken,
    ) -> Result<Self, Error> {
        let violations = config.selection.check();
        if !violations.is_empty() {
            return Err(Error::Selection { violations });
        }
        let target = Arc::clone(config.target.store());
        let names = Names::new(&config.namespace, &config.prefix, config.shard);
        let default = names.state(target.single_name());
        let can_continue = target.capabilities().resumable || target.single_name().is_none();
        if !can_continue && (config.state_file.is_some() || config.resume.is_some()) {
            return Err(Error::Unsupported(
                "this target cannot be continued: a state file needs a directory, or a file on local disk",
            ));
        }
        let arguments = state::arguments(&config);
        let wanted = config.resume.as_ref().or(config.state_file.as_ref());
        let place = Place::new(wanted, &target, default);
        let resumed = match &config.resume {
            Some(_) => Some(continued(&place, &arguments)?),
            None => None,
        };
        let ledger = match &resumed {
            Some(state) => Some((
                state,
                state.ledger().map_err(|problem| place.unusable(problem))?,
            )),
            None => None,
        };
        let files = Arc::new(FileSet::new(&config, ledger, Arc::clone(&stats), cancel));
        if resumed.is_none() {
            files.check_target()?;
        }
        let head = resumed.clone().map_or_else(
            || State::begin(arguments, config.remove_files),
            State::resumed,
        );
        let keeper = can_continue.then(|| Arc::new(Keeper::new(Arc::clone(&files), place, head)));
        Ok(Self {
            config,
            files,
            keeper,
            resumed,
            stats,
        })
    }

    /// Keeps the state from now on, if that was asked for.
    fn keep_state(&self) -> Result<Option<Keeping>, Error> {
        let wanted = self.config.state_file.is_some() || self.config.resume.is_some();
        let keeper = self.keeper.as_ref().filter(|_| wanted);
        keeper.map(Keeper::keep).transpose()
    }

    /// Time between durable points, while a state is kept.
    fn durable_interval(&self) -> Option<Duration> {
        let wanted = self.config.state_file.is_some() || self.config.resume.is_some();
        (wanted && self.files.is_resumable()).then_some(self.config.durable_interval)
    }

    /// Brings target and counters to where the state is.
    fn go_on(&self, state: &State) -> Result<(), Error> {
        if let Some(keeper) = &self.keeper {
            self.files.restore_state(keeper.place())?;
        }
        let stats = &self.stats;
        stats.resumes.add(u64::from(state.resumes) + 1);
        stats.earlier_ms.add(state.elapsed_ms);
        stats.indexes_read.add(state.globals.indexes);
        stats.indexes_skipped.add(state.globals.indexes_skipped);
        stats.udfs_read.add(state.globals.udfs);
        for file in &state.files {
            stats.records_read.add(file.records);
            stats.bytes_written.add(file.bytes);
            stats.files_written.add(u64::from(file.closed));
        }
        Ok(())
    }

    /// Everything is in complete files.
    fn complete(&self) -> Result<(), Error> {
        self.files.publish()?;
        match &self.keeper {
            Some(keeper) => keeper.remove(),
            None => Ok(()),
        }
    }

    /// Keeps what a continuation can use; removes everything where that is nothing.
    fn keep_or_discard(&self) {
        let Some(keeper) = &self.keeper else {
            return self.files.discard();
        };
        if self.resumed.is_some() || self.files.journal().is_worth_keeping() {
            match keeper.write() {
                Ok(()) => {
                    let state = keeper.place().to_continue(self.files.store());
                    tracing::warn!("the backup can be continued with --continue {state}");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the state of the backup could not be written")
                }
            }
            if keeper.is_written() {
                return; // an earlier one is there, and still true
            }
        }
        self.files.discard();
        if let Err(error) = keeper.remove() {
            tracing::warn!(%error, "the state file stays behind");
        }
    }
}

/// The state to go on from, if it belongs to the same backup.
fn continued(place: &Place, arguments: &BTreeMap<String, String>) -> Result<State, Error> {
    let state = place.read()?;
    state::compare(&state.arguments, arguments)?;
    Ok(state)
}

async fn write_all(
    run: &Arc<Run>,
    view: &Arc<dyn ClusterView>,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let config = &run.config;
    let metadata = Metadata::new(&**view);
    or_cancelled(cancel, metadata.check_namespace(&config.namespace)).await?;
    let plan = resolve(run, view, cancel).await?;
    let started = Arc::clone(run);
    off_runtime(move || match &started.resumed {
        Some(state) => started.go_on(state),
        None => started.files.begin(started.keeper.as_deref()),
    })
    .await?;
    let first = write_globals(run, view, cancel).await?;
    if config.no_records {
        let files = Arc::clone(&run.files);
        return match first {
            Some(file) => off_runtime(move || files.finish(file, &mut Ledger::default())).await,
            None => Ok(()),
        };
    }
    let (namespace, selection) = (&config.namespace, &config.selection);
    let counting = expected_records(metadata, namespace, selection, plan.selected().len());
    let expected = or_cancelled(cancel, counting).await.unwrap_or_default();
    run.stats.records_expected.add(expected.unwrap_or_default());
    write_records(run, view, cancel, &plan, first).await
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
            Some(Begun {
                selected: state::cursors(&state.selected).map_err(unusable)?,
                records: state.files.iter().map(|file| file.records).sum(),
            })
        }
        None => None,
    };
    let resolving = Plan::resolve(&**view, &run.config, begun, cancel);
    let plan = or_cancelled(cancel, resolving).await?;
    if let Some(keeper) = &run.keeper {
        keeper.head().selected = state::selected(plan.selected());
    }
    Ok(plan)
}

/// Writes indexes and modules, unless that was done: into a file of their own in a directory,
/// where there are any; at the start of a single file, which is returned open.
async fn write_globals(
    run: &Arc<Run>,
    view: &Arc<dyn ClusterView>,
    cancel: &CancellationToken,
) -> Result<Option<OpenFile>, Error> {
    let files = Arc::clone(&run.files);
    if files.journal().globals().is_some() {
        let open = files
            .journal()
            .files()
            .into_iter()
            .find(|file| !file.closed);
        return match open.filter(|_| !files.is_directory()) {
            Some(single) => off_runtime(move || files.reopen(&single).map(Some)).await,
            None => Ok(None),
        };
    }
    let Globals {
        text,
        version,
        counts,
    } = or_cancelled(cancel, globals::fetch(&**view, &run.config, &run.stats)).await?;
    // A file is made when there is something to put in. A single file of a backup with records
    // is made anyway: the scans share it.
    if text.is_empty() && (files.is_directory() || run.config.no_records) {
        files.journal().commit_globals(counts);
        return Ok(None);
    }
    off_runtime(move || {
        let role = if files.is_directory() {
            Role::Metadata
        } else {
            Role::Data(0)
        };
        let mut file = files.open(role, version)?;
        files.write_globals(&mut file, &text, counts)?;
        if files.is_directory() {
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
    let limit = Limiter::new(config.records_per_second).map(Arc::new);
    let options = Arc::new(throttled(config, plan.options(), shares.len()));
    // A failure anywhere stops the other scans, but is not mistaken for the user's wish.
    let stop = cancel.child_token();
    let mut scans = JoinSet::new();
    for (share, input) in shares.into_iter().zip(inputs) {
        let sink = ChunkSink::new(
            encoder(config),
            config.manifest.then(Fingerprinter::new),
            input,
            run.durable_interval(),
            limit.clone(),
            stop.clone(),
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
    for writer in writers {
        let ended = join_or_leave(writer.join(), &stop).await;
        failures.extend(ended.unwrap_or(Err(Error::Cancelled)).err());
    }
    first_cause(failures)
}

/// One writer for a single file, one for each of `scans` in a directory.
fn start_writers(
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
    let mut tasks: Vec<_> = (0..scans.max(1))
        .map(|worker| task(worker, None, scans.min(1)))
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

/// The scans of a backup with limits: we read slowly, and the node must not mind.
fn throttled(config: &BackupConfig, options: &ScanOptions, workers: usize) -> ScanOptions {
    const SMALL_RECORD: u64 = 256;
    const SMALL_BUFFER: usize = 4 << 10;
    let mut options = options.clone();
    if config.records_per_second > 0 {
        // What one read brings must be a fraction of what a second may bring.
        let share = config.records_per_second / (20 * workers.max(1) as u64);
        let bytes = usize::try_from(share.saturating_mul(SMALL_RECORD)).unwrap_or(usize::MAX);
        let usual = options.socket.read_buffer.max(SMALL_BUFFER);
        options.socket.read_buffer = bytes.clamp(SMALL_BUFFER, usual);
    }
    if config.records_per_second > 0 || config.bytes_per_second > 0 {
        options.server_patience = Duration::ZERO;
    }
    options
}

fn encoder(config: &BackupConfig) -> Encoder {
    if config.compact {
        Encoder::compact()
    } else {
        Encoder::new()
    }
}

/// Consecutive shares of `cursors`, as even as can be; at most `count`, none of them empty.
fn divide(cursors: &[PartitionCursor], count: usize) -> Vec<Vec<PartitionCursor>> {
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
fn first_cause(failures: Vec<Error>) -> Result<(), Error> {
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

/// Runs work that may block where it may.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let ended = spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
}

async fn or_cancelled<T, E: Into<Error>>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    tokio::select! {
        result = work => result.map_err(Into::into),
        () = cancel.cancelled() => Err(Error::Cancelled),
    }
}
