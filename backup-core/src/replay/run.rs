//! A restore of ASBX files from start to end.

use super::{
    Kinds, ReplayConfig,
    input::Input,
    outcome,
    reader::{RUN_MESSAGES, Reader, Run, Runs},
    with_plain_metadata,
};
use crate::{
    error::Error,
    handle::off_runtime,
    limits::Limiter,
    planned,
    restore::{self, PlannedFile, RestoreConfig, RestoreDryRun, RestoreSource, throttle::Throttle},
    stats::{RestoreStats, millis},
};
use backup_cluster::{
    client::AerospikeView,
    payload_write::{Payload, PayloadOptions, PayloadWriter},
    view::ClusterView,
};
use backup_storage::Store;
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(
    config: ReplayConfig,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let Prepared { readers, metadata } = prepare(&config, &stats, &cancel).await?;
    let is_last = config.restore.apply_metadata_last;
    let define = async |metadata: Option<RestoreConfig>| match metadata {
        None => Ok(()),
        Some(metadata) => {
            let stats = Arc::clone(&stats);
            Box::pin(restore::run::run(metadata, stats, cancel.clone())).await
        }
    };
    let (first, last) = if is_last {
        (None, metadata)
    } else {
        (metadata, None)
    };
    define(first).await?;
    if !config.restore.no_records {
        write(&config, readers, &cancel).await?;
    }
    define(last).await?;
    let counts = stats.snapshot();
    if counts.is_balanced() {
        return Ok(());
    }
    Err(Error::Internal(format!(
        "not every message has exactly one outcome: {counts:?}"
    )))
}

/// What a restore by `config` would do: what is found out before anything is written.
pub(super) async fn look(config: &ReplayConfig) -> Result<RestoreDryRun, Error> {
    let stats = Arc::new(RestoreStats::default());
    let Prepared { readers, metadata } = prepare(config, &stats, &CancellationToken::new()).await?;
    let mut found = match metadata {
        Some(metadata) => Box::pin(restore::dry_run::find(metadata)).await?,
        None => RestoreDryRun::default(),
    };
    found.sets = stats.sources();
    let view = connect(config).await?;
    if !config.restore.no_records {
        PayloadWriter::new(Arc::clone(&view), options(config)).await?;
        let sequences = readers.iter().flat_map(|reader| &reader.input.sequences);
        let files = sequences.flatten().map(|file| PlannedFile {
            file: file.shown.to_string(),
            bytes: file.bytes(),
            records: None, // messages: one record may have many
        });
        found.files.extend(files);
    }
    found.nodes = planned::nodes(&*view, &config.restore.namespace, |_| true).await?;
    Ok(found)
}

async fn connect(config: &ReplayConfig) -> Result<Arc<dyn ClusterView>, Error> {
    let view = AerospikeView::connect(&config.restore.connect).await?;
    Ok(Arc::new(view))
}

fn options(config: &ReplayConfig) -> PayloadOptions {
    PayloadOptions {
        retry: config.restore.retry,
        socket: config.restore.write_options().socket,
        ..PayloadOptions::new(&config.restore.namespace)
    }
}

/// Writes the messages of all directories.
async fn write(
    config: &ReplayConfig,
    readers: Vec<Reader>,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let view = tokio::select! {
        view = connect(config) => view?,
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    let writer = PayloadWriter::new(view, options(config)).await?;
    // What is in a later directory is later.
    for reader in readers {
        replay(config, reader, writer.clone(), cancel).await?;
    }
    Ok(())
}

/// What was found out before anything is written.
struct Prepared {
    /// One for each directory, in their order.
    readers: Vec<Reader>,
    /// The restore of the files beside them.
    metadata: Option<RestoreConfig>,
}

/// Finds the files and looks at their headers.
async fn prepare(
    config: &ReplayConfig,
    stats: &Arc<RestoreStats>,
    cancel: &CancellationToken,
) -> Result<Prepared, Error> {
    let (config, stats, cancel) = (config.clone(), Arc::clone(stats), cancel.clone());
    off_runtime(move || find(&config, &stats, &cancel)).await
}

fn find(
    config: &ReplayConfig,
    stats: &Arc<RestoreStats>,
    cancel: &CancellationToken,
) -> Result<Prepared, Error> {
    let restore = &config.restore;
    let throttle = Throttle::new(restore.bytes_per_second, cancel, stats);
    let (mut readers, mut with_text) = (Vec::new(), Vec::new());
    for store in restore.source.stores() {
        if Kinds::of(&**store)?.asb {
            with_text.push(Arc::clone(store));
        }
        let input = input(restore, store, throttle.clone())?;
        stats.bytes_expected.add(input.total_bytes());
        stats.add_sources(input.sources.iter().cloned());
        readers.push(Reader {
            input: Arc::new(input),
            namespace: restore.namespace.clone(),
            policy: config.policy,
            run_messages: restore.rows_limit().min(RUN_MESSAGES),
            stats: Arc::clone(stats),
        });
    }
    let mut inputs = readers.iter().map(|reader| &reader.input);
    let is_empty = inputs.all(|input| input.sequences.is_empty());
    if let Some(store) = restore.source.stores().first().filter(|_| is_empty) {
        return Err(Error::InputEmpty {
            source_name: store.location().to_owned(),
        });
    }
    let with_text = config.with_metadata.then_some(with_text);
    let with_text = with_text.filter(|stores| !stores.is_empty());
    Ok(Prepared {
        readers,
        metadata: with_text.map(|stores| beside(restore, stores)),
    })
}

/// The files of one directory. Their headers are read before the limit counts.
fn input(
    restore: &RestoreConfig,
    store: &Arc<dyn Store>,
    throttle: Option<Arc<Throttle>>,
) -> Result<Input, Error> {
    let namespace = &restore.namespace;
    let mut input = Input::list(store, &restore.unwrap, restore.trust, Some(namespace))?;
    input.check_headers(namespace)?;
    input.throttle = throttle;
    Ok(input)
}

/// The restore of the text in these directories, or of the one file.
fn beside(restore: &RestoreConfig, with_text: Vec<Arc<dyn Store>>) -> RestoreConfig {
    RestoreConfig {
        source: match (&restore.source, <[_; 1]>::try_from(with_text)) {
            (RestoreSource::Single(_), _) => restore.source.clone(),
            (_, Ok([store])) => RestoreSource::Directory(store),
            (_, Err(stores)) => RestoreSource::Directories(stores),
        },
        unwrap: with_plain_metadata(&restore.unwrap),
        ..restore.clone()
    }
}

/// Replays all sequences, some at a time.
async fn replay(
    config: &ReplayConfig,
    reader: Reader,
    writer: PayloadWriter,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let parallel = config.restore.parallel.filter(|n| *n > 0);
    let turns = Arc::new(Semaphore::new(parallel.unwrap_or_else(cores)));
    let stop = cancel.child_token();
    let limiter = Limiter::new(config.restore.records_per_second).map(Arc::new);
    let mut tasks = JoinSet::new();
    for sequence in 0..reader.input.sequences.len() {
        let task = Task {
            reader: reader.clone(),
            writer: writer.clone(),
            ignore: config.restore.ignore_record_errors,
            limiter: limiter.clone(),
            stop: stop.clone(),
        };
        let turns = Arc::clone(&turns);
        tasks.spawn(async move {
            let _turn = turns.acquire_owned().await;
            task.work(sequence).await
        });
    }
    let mut first = None;
    while let Some(ended) = tasks.join_next().await {
        let result = ended.unwrap_or_else(|error| Err(Error::Internal(error.to_string())));
        if let Err(error) = result {
            stop.cancel();
            if first.is_none() || matches!(first, Some(Error::Cancelled)) {
                first = Some(error);
            }
        }
    }
    match first {
        _ if cancel.is_cancelled() => Err(Error::Cancelled),
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// The replay of one sequence.
struct Task {
    reader: Reader,
    writer: PayloadWriter,
    ignore: bool,
    /// Messages a second, of all sequences together.
    limiter: Option<Arc<Limiter>>,
    stop: CancellationToken,
}

impl Task {
    async fn work(self, sequence: usize) -> Result<(), Error> {
        if self.stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let (mut runs, ended) = self.reader.clone().start(sequence)?;
        let result = self.write_all(&mut runs).await;
        // What was read and not sent is counted; the reader ends when it finds nobody listening.
        runs.close();
        while let Some(run) = runs.recv().await {
            let unsent = run.map_or(0, |run| run.messages.len() as u64);
            self.reader.stats.not_sent.add(unsent);
        }
        let _ended = ended.await; // a closed channel does not wait for its sender
        result
    }

    async fn write_all(&self, runs: &mut Runs) -> Result<(), Error> {
        loop {
            let next = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Error::Cancelled),
                next = runs.recv() => next,
            };
            match next {
                None => return Ok(()),
                Some(run) => {
                    let run = run?;
                    self.write(&run).await?;
                    self.pause(&run).await;
                }
            }
        }
    }

    /// Waits as long as the limit wants it after a run.
    async fn pause(&self, run: &Run) {
        if let Some(limiter) = &self.limiter {
            let waited = limiter.wait(run.messages.len() as u64, &self.stop).await;
            self.reader.stats.throttled_ms.add(millis(waited));
        }
    }

    async fn write(&self, run: &Run) -> Result<(), Error> {
        let payload = |message: &super::reader::Message| {
            let message_bytes = run.bytes.get(message.range.clone()).unwrap_or_default();
            (message.digest, message_bytes)
        };
        let payloads: Vec<_> = run
            .messages
            .iter()
            .map(payload)
            .map(|(digest, message)| Payload { digest, message })
            .collect();
        let mut replayed = self.writer.write(&payloads, &self.stop).await;
        match outcome::count(run, &mut replayed, self.ignore, &self.reader.stats) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }
}
