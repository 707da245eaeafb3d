//! A backup from start to end.

use super::{
    BackupConfig, BackupTarget,
    files::{FileSet, OpenFile, Role},
    globals::{self, Globals},
    scan_stage::ChunkSink,
    write_stage::{Input, Task, Writer},
};
use crate::{error::Error, handle::join_or_leave, stats::BackupStats};
use aerospike_wire::digest::{PARTITIONS, PartitionId};
use asb_format::{Encoder, Version};
use backup_cluster::{
    client::AerospikeView,
    metadata::Metadata,
    scan::{self, PartitionCursor, ScanError, ScanOptions},
    view::ClusterView,
};
use std::{future::Future, sync::Arc};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(
    config: BackupConfig,
    stats: Arc<BackupStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let files = FileSet::new(
        config.target.clone(),
        &config.namespace,
        config.remove_files,
        Arc::clone(&stats),
    );
    let files = Arc::new(files);
    blocking(&files, FileSet::check_target).await?;
    let view = or_cancelled(&cancel, AerospikeView::connect(&config.connect)).await?;
    let view: Arc<dyn ClusterView> = Arc::new(view);
    let result = write_all(&config, &view, &files, &stats, &cancel).await;
    match result {
        Ok(()) => blocking(&files, FileSet::publish).await,
        Err(error) => {
            let discarded = blocking(&files, |files| {
                files.discard();
                Ok(())
            });
            discarded.await?;
            Err(if cancel.is_cancelled() {
                Error::Cancelled
            } else {
                error
            })
        }
    }
}

async fn write_all(
    config: &BackupConfig,
    view: &Arc<dyn ClusterView>,
    files: &Arc<FileSet>,
    stats: &Arc<BackupStats>,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let metadata = Metadata::new(&**view);
    or_cancelled(cancel, metadata.check_namespace(&config.namespace)).await?;
    let globals = or_cancelled(cancel, globals::fetch(&**view, config, stats)).await?;
    if !config.no_records {
        let expected = or_cancelled(cancel, metadata.record_count(&config.namespace)).await;
        stats.records_expected.add(expected.unwrap_or_default());
    }
    let first = write_globals(config, files, globals).await?;
    if config.no_records {
        return match first {
            Some(file) => blocking(files, |files| files.finish(file)).await,
            None => Ok(()),
        };
    }
    write_records(config, view, files, stats, cancel, first).await
}

/// Writes the global section: into a file of its own in a directory, where there is anything to
/// write; at the start of a single file, which is returned open.
async fn write_globals(
    config: &BackupConfig,
    files: &Arc<FileSet>,
    globals: Globals,
) -> Result<Option<OpenFile>, Error> {
    let is_directory = matches!(config.target, BackupTarget::Directory(_));
    // A file is made when there is something to put in. A single file of a backup with records
    // is made anyway: the scans share it.
    if globals.text.is_empty() && (is_directory || config.no_records) {
        return Ok(None);
    }
    blocking(files, move |files| {
        let role = if is_directory {
            Role::Metadata
        } else {
            Role::Data(0)
        };
        let mut file = files.open(role, globals.version)?;
        files.write(&mut file, &globals.text)?;
        if is_directory {
            files.finish(file)?;
            return Ok(None);
        }
        Ok(Some(file))
    })
    .await
}

async fn write_records(
    config: &BackupConfig,
    view: &Arc<dyn ClusterView>,
    files: &Arc<FileSet>,
    stats: &Arc<BackupStats>,
    cancel: &CancellationToken,
    first: Option<OpenFile>,
) -> Result<(), Error> {
    let workers = config.workers();
    let (inputs, writers) = start_writers(config, files, workers, first)?;
    let options = Arc::new(ScanOptions {
        retry: config.retry,
        socket: config.socket,
        ..ScanOptions::new(&config.namespace)
    });
    // A failure anywhere stops the other scans, but is not mistaken for the user's wish.
    let stop = cancel.child_token();
    let mut scans = JoinSet::new();
    for (worker, input) in inputs.into_iter().enumerate() {
        let sink = ChunkSink::new(encoder(config), input, Arc::clone(stats));
        let scan = scan_range(
            Arc::clone(view),
            Arc::clone(&options),
            range(worker, workers),
            sink,
            Arc::clone(stats),
            stop.clone(),
        );
        scans.spawn(scan);
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

/// One writer for a single file, one for each worker in a directory.
fn start_writers(
    config: &BackupConfig,
    files: &Arc<FileSet>,
    workers: usize,
    first: Option<OpenFile>,
) -> Result<(Vec<Input>, Vec<Writer>), Error> {
    let task = |worker, first, file_limit, scans| Task {
        files: Arc::clone(files),
        worker,
        version: Version::V3_1,
        first,
        file_limit,
        scans,
    };
    if let BackupTarget::Single(_) = config.target {
        let (input, writer) = task(0, first, 0, workers).start()?;
        return Ok((vec![input; workers], vec![writer]));
    }
    let started = (0..workers).map(|worker| task(worker, None, config.file_limit, 1).start());
    let started: Vec<_> = started.collect::<Result<_, _>>()?;
    Ok(started.into_iter().unzip())
}

async fn scan_range(
    view: Arc<dyn ClusterView>,
    options: Arc<ScanOptions>,
    mut cursors: Vec<PartitionCursor>,
    mut sink: ChunkSink,
    stats: Arc<BackupStats>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let scanned = scan::scan(&*view, &options, &mut cursors, &mut sink, &stop).await;
    match scanned {
        Ok(done) => {
            stats.retries.add(u64::from(done.retries));
            sink.finish().await
        }
        Err(ScanError::Cluster(error)) => Err(error.into()),
        Err(ScanError::Sink(error)) => Err(error),
    }
}

fn encoder(config: &BackupConfig) -> Encoder {
    if config.compact {
        Encoder::compact()
    } else {
        Encoder::new()
    }
}

/// The partitions of worker `index` of `count`: consecutive, and as many as the others' but one.
fn range(index: usize, count: usize) -> Vec<PartitionCursor> {
    let all = usize::from(PARTITIONS);
    let bounds = (index * all / count)..((index + 1) * all / count);
    bounds
        .filter_map(|id| u16::try_from(id).ok().and_then(PartitionId::new))
        .map(PartitionCursor::start)
        .collect()
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

/// Runs storage work where it may block.
async fn blocking<T: Send + 'static>(
    files: &Arc<FileSet>,
    work: impl FnOnce(&FileSet) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let files = Arc::clone(files);
    spawn_blocking(move || work(&files))
        .await
        .unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
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
