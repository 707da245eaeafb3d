//! The commands: start the job, drive it, print the report.

use super::{
    announce,
    cli::{BackupArgs, BackupWay, Command, Logging, Work},
    config::{Layers, Shown},
    drive::{Abandoned, drive},
    error::Error,
    exit::Exit,
    metrics,
    output::{self, LogSettings, Moment, Report},
    settings::{self, RestoreTask, XdrTask},
    signals::Signals,
    watch::Watched,
};
use backup_core::{
    backup::{self, BackupConfig, BackupTarget, EstimateConfig, Shard},
    conversion::{self, ConvertConfig},
    error::Error as JobError,
    handle::{Job, Outcome},
    replay::{self, ReplayConfig},
    restore::{self, RestoreConfig, ValidateConfig},
    stats::SourceSet,
    xdr::{self, CleanedUp, XdrConfig},
};
use std::{collections::BTreeMap, sync::Arc};
use tracing::level_filters::LevelFilter;

/// Stack of a worker thread in bytes: the futures are small, the cluster client's included.
const STACK_BYTES: usize = 1 << 20;

/// Threads for what blocks outside of the pipelines: name look-ups, listing, publishing.
const BLOCKING_THREADS: usize = 8;

/// Runs a command to its end.
pub(crate) fn run(work: Work) -> Result<(), Error> {
    let logging = match &work.command {
        Command::Backup(args) => match &args.way {
            Some(BackupWay::Xdr(xdr)) => &xdr.logging,
            None => &args.logging,
        },
        Command::Restore(args) => &args.logging,
        Command::Convert(args) => &args.logging,
        // The others are texts, and were printed.
        Command::Config(_) | Command::Completions { .. } | Command::Man { .. } => return Ok(()),
    };
    output::start_log(LogSettings {
        old: work.old,
        storage: storage_level(&work.command),
        ..logging.settings()
    })?;
    work.warnings
        .iter()
        .for_each(|text| tracing::warn!("{text}"));
    for Shown {
        flag,
        value,
        origin,
        ..
    } in work.settings.iter().filter(|one| one.is_set)
    {
        tracing::debug!(flag, value, origin, "setting");
    }
    let job = work.command.job();
    job.map_or(Ok(()), |(job, flags)| {
        metrics::start(flags, job, work.command.namespace())
    })?;
    let result = dispatch(work.command);
    metrics::end(result.as_ref().err().map_or(Exit::Success, Error::exit));
    // Whoever interrupts does not want to wait for a reader.
    if !matches!(result, Err(Error::Job(JobError::Cancelled))) {
        output::close_machine();
    }
    result.map_err(|error| Layers::explain(&work.origins, error))
}

/// What is to be logged about storage, where it is not what is logged of everything else.
fn storage_level(command: &Command) -> Option<LevelFilter> {
    let cloud = match command {
        Command::Backup(args) => &args.cloud,
        Command::Restore(args) => &args.cloud,
        Command::Convert(_)
        | Command::Config(_)
        | Command::Completions { .. }
        | Command::Man { .. } => return None,
    };
    cloud.s3.s3_log_level.map(|level| level.filter())
}

fn dispatch(command: Command) -> Result<(), Error> {
    match command {
        Command::Backup(args) if args.way.is_some() => other_way(*args),
        Command::Backup(args) if args.rehearsal.dry_run => dry_run(*args),
        Command::Backup(args) if args.estimate.estimate => on_runtime(async |signals| {
            let config = resolved(signals, move || {
                let config = settings::estimate(&args)?;
                announce::backup(&args);
                then_listen(config, &args.logging)
            })
            .await?;
            run_estimate(config, signals).await
        }),
        Command::Backup(args) if args.target.remove_artifacts => on_runtime(async |signals| {
            resolved(signals, move || {
                clear(&settings::to_clear(&args)?)?;
                settings::remove_empty(&args);
                Ok(())
            })
            .await
        }),
        Command::Backup(args) => on_runtime(async |signals| {
            let (config, first) = resolved(signals, move || {
                let config = settings::backup(&args)?;
                let first = settings::estimate_first(&args, &config);
                announce::backup(&args);
                Ok((then_listen(config, &args.logging)?, first))
            })
            .await?;
            if let Some(estimate) = first {
                estimate_first(estimate, signals).await?;
            }
            run_backup(config, signals).await
        }),
        Command::Restore(args) if args.rehearsal.dry_run => on_runtime(async |signals| {
            match resolved(signals, move || settings::restore(&args)).await? {
                RestoreTask::Restore(config) => {
                    let (plan, job) = (*config.clone(), restore::dry_run(*config));
                    rehearse("restore", job, signals, |found| {
                        Report::restore_plan(&plan, found)
                    })
                    .await
                }
                RestoreTask::Replay(config) => {
                    let (plan, job) = (config.restore.clone(), replay::dry_run(*config));
                    rehearse("restore", job, signals, |found| {
                        Report::restore_plan(&plan, found)
                    })
                    .await
                }
                // Refused with the flags.
                RestoreTask::Validate(_) | RestoreTask::ValidateReplay(_) => Ok(()),
            }
        }),
        Command::Restore(args) => on_runtime(async |signals| {
            match resolved(signals, move || {
                let task = settings::restore(&args)?;
                announce::restore(&args);
                then_listen(task, &args.logging)
            })
            .await?
            {
                RestoreTask::Restore(config) => run_restore(*config, signals).await,
                RestoreTask::Replay(config) => run_replay(*config, signals).await,
                RestoreTask::Validate(config) => run_validation(config, signals, false).await,
                RestoreTask::ValidateReplay(config) => run_validation(config, signals, true).await,
            }
        }),
        Command::Convert(args) => on_runtime(async |signals| {
            let config = resolved(signals, move || {
                then_listen(settings::convert(&args)?, &args.logging)
            })
            .await?;
            run_conversion(config, signals).await
        }),
        Command::Config(_) | Command::Completions { .. } | Command::Man { .. } => Ok(()),
    }
}

/// Says what a backup would do, or the removal of one.
fn dry_run(args: BackupArgs) -> Result<(), Error> {
    on_runtime(async |signals| {
        if args.target.remove_artifacts {
            let found = move || Ok(backup::artifacts(&settings::to_clear(&args)?)?);
            for name in resolved(signals, found).await? {
                tracing::info!("{name} would be removed");
            }
            return Ok(());
        }
        let config = resolved(signals, move || settings::dry_run(&args)).await?;
        let (plan, job) = (config.backup.clone(), backup::dry_run(config));
        rehearse("backup", job, signals, |found| {
            Report::backup_plan(&plan, found)
        })
        .await
    })
}

/// Runs a dry run, and says what it found.
async fn rehearse<S: Watched + 'static>(
    kind: &'static str,
    job: Job<S>,
    signals: &mut Signals,
    report: impl FnOnce(&Outcome<S>) -> Report,
) -> Result<(), Error> {
    tracing::info!("starting dry run");
    let ended = drive(kind, job, |_| Moment::default(), signals, false).await;
    finish(ended, report)
}

/// A backup by another way than by scans.
fn other_way(args: BackupArgs) -> Result<(), Error> {
    let Some(BackupWay::Xdr(args)) = args.way else {
        return Ok(());
    };
    on_runtime(async |signals| {
        match resolved(signals, move || {
            then_listen(settings::xdr(&args)?, &args.logging)
        })
        .await?
        {
            XdrTask::Backup(config) => run_xdr(*config, signals).await,
            XdrTask::CleanUp(clean_up) => {
                tokio::select! {
                    biased;
                    done = xdr::clean_up(&clean_up) => {
                        say(&done?);
                        Ok(())
                    }
                    _ = signals.next() => Err(Error::Job(JobError::Cancelled)),
                }
            }
        }
    })
}

/// Says what was taken back.
fn say(done: &CleanedUp) {
    let nodes = |nodes: &[String]| nodes.join(", ");
    for (what, names) in [
        ("the data centre was deleted on", &done.stopped),
        ("there was no data centre on", &done.untouched),
        ("transactions are permitted on", &done.unblocked),
    ] {
        if !names.is_empty() {
            tracing::info!("{what} {}", nodes(names));
        }
    }
}

async fn run_xdr(config: XdrConfig, signals: &mut Signals) -> Result<(), Error> {
    let target = BackupTarget::Directory(Arc::clone(&config.target));
    let kept = kept(&target, &config.annotations);
    let job = xdr::start(config);
    tracing::info!("starting xdr backup");
    let ended = drive("backup", job, Moment::of_backup, signals, false).await;
    finish(ended, |outcome| {
        Report::xdr(outcome).with_annotations(&kept)
    })
}

/// Opens what other programs read, now that the command line turned out to make sense.
fn then_listen<T>(resolved: T, logging: &Logging) -> Result<T, Error> {
    let machine = logging.machine.as_deref();
    machine.map_or(Ok(()), output::open_machine)?;
    Ok(resolved)
}

/// Removes the backup in `target`, and says what went.
fn clear(target: &BackupTarget) -> Result<(), Error> {
    let removed = backup::remove_artifacts(target)?;
    let place = target.store().location();
    for name in &removed {
        tracing::info!("removed {name}");
    }
    tracing::info!("{} files of a backup removed from {place}", removed.len());
    Ok(())
}

/// What `resolve` finds, unless a signal comes first: a Secret Agent or a user who is asked for a
/// password may take their time.
async fn resolved<T: Send + 'static>(
    signals: &mut Signals,
    resolve: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        found = tokio::task::spawn_blocking(resolve) => {
            found.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
        }
        _ = signals.next() => Err(Error::Job(JobError::Cancelled)),
    }
}

/// Runs `work` on a runtime of its own. What it leaves running ends with the process.
fn on_runtime(work: impl AsyncFnOnce(&mut Signals) -> Result<(), Error>) -> Result<(), Error> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(2))
        .thread_stack_size(STACK_BYTES)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            action: "start the runtime",
            source,
        })?;
    let result = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        metrics::listen().await?;
        work(&mut signals).await
    });
    runtime.shutdown_background();
    result
}

async fn run_backup(config: BackupConfig, signals: &mut Signals) -> Result<(), Error> {
    let is_stream = !config.target.store().capabilities().named;
    let sharded = config.sharded.clone();
    let part = sharded.map(|own| format!("{}, run {}", part(own.shard), own.run));
    tracing::info!("starting scan backup");
    let kept = kept(&config.target, &config.annotations);
    let job = backup::start(config);
    let ended = drive("backup", job, Moment::of_backup, signals, is_stream).await;
    finish(ended, |outcome| {
        Report::backup(outcome)
            .of_part(part)
            .with_annotations(&kept)
    })
}

/// What the user wants to be kept with a backup, as a report shows it.
fn kept(target: &BackupTarget, annotations: &BTreeMap<String, String>) -> [SourceSet; 1] {
    [SourceSet {
        source: target.store().location().to_owned(),
        run: String::new(),
        annotations: annotations.clone(),
    }]
}

async fn run_estimate(config: EstimateConfig, signals: &mut Signals) -> Result<(), Error> {
    tracing::info!("calculating backup estimate");
    let job = backup::estimate(config);
    let ended = drive("estimate", job, Moment::of_estimate, signals, false).await;
    finish(ended, Report::estimate)
}

/// The estimate that comes before a backup to a file, for another program: so it knows early what
/// to expect.
async fn estimate_first(config: EstimateConfig, signals: &mut Signals) -> Result<(), Error> {
    let job = backup::estimate(config);
    let ended = drive("estimate", job, Moment::of_estimate, signals, false).await;
    let outcome = ended.map_err(|Abandoned| Error::Job(JobError::Cancelled))?;
    output::tell_machine(&Report::estimate(&outcome));
    Ok(outcome.result?)
}

async fn run_restore(config: RestoreConfig, signals: &mut Signals) -> Result<(), Error> {
    let is_stream = config.source.is_stream();
    let part = config.shard.map(part);
    tracing::info!("starting asb restore");
    let job = restore::start(config);
    let ended = drive("restore", job, Moment::of_restore, signals, is_stream).await;
    finish(ended, |outcome| Report::restore(outcome).of_part(part))
}

async fn run_replay(config: ReplayConfig, signals: &mut Signals) -> Result<(), Error> {
    tracing::info!("starting asbx restore");
    let job = replay::start(config);
    let ended = drive("restore", job, Moment::of_restore, signals, false).await;
    finish(ended, Report::restore)
}

async fn run_conversion(config: ConvertConfig, signals: &mut Signals) -> Result<(), Error> {
    let is_stream = !config.target.store().capabilities().named;
    tracing::info!("starting asbx conversion");
    let job = conversion::start(config);
    let ended = drive("convert", job, Moment::of_conversion, signals, is_stream).await;
    finish(ended, Report::conversion)
}

async fn run_validation(
    config: ValidateConfig,
    signals: &mut Signals,
    with_asbx: bool,
) -> Result<(), Error> {
    let is_stream = config.source.is_stream();
    tracing::info!("starting asb validation");
    let job = match with_asbx {
        true => replay::validate(config, |file| output::file_report(&file)),
        false => restore::validate(config, |file| output::file_report(&file)),
    };
    let ended = drive("validate", job, Moment::of_restore, signals, is_stream).await;
    finish(ended, Report::validation)
}

fn part(Shard { number, count }: Shard) -> String {
    format!("{number} of {count}")
}

fn finish<S>(
    ended: Result<Outcome<S>, Abandoned>,
    report: impl FnOnce(&Outcome<S>) -> Report,
) -> Result<(), Error> {
    let outcome = ended.map_err(|Abandoned| Error::Job(JobError::Cancelled))?;
    output::report(report(&outcome));
    Ok(outcome.result?)
}
