//! From flags to the policies of a restore (`cli.md` §6, §9, §19).

use super::{Problems, checked_namespace, exclusive, list, mebibytes};
use crate::app::{
    cli::{Conflict, RestoreArgs},
    error::Error,
};
use backup_core::{
    backup::Selection,
    cluster::retry::RetryPolicy,
    names::SmallFile,
    restore::{Existing, IndexConflict, Rejects, RestoreConfig, StateOptions, WritePolicy},
};
use std::{path::Path, time::Duration};

/// Bytes of a batch whose number of records the user has chosen.
const CHOSEN_BATCH_BYTES: usize = 16 << 20;

/// The namespace of the backup, and the one to restore into if that is another one.
pub(super) fn namespaces(typed: Option<&str>) -> Result<(&str, Option<&str>), Error> {
    let typed = typed.ok_or_else(|| Error::usage("--namespace (-n) is needed"))?;
    let Some((source, destination)) = typed.split_once(',') else {
        return Ok((checked_namespace(typed)?, None));
    };
    if destination.contains(',') {
        return Err(Error::usage(format!(
            "--namespace (-n) {typed:?}: one namespace, or that of the backup and that to restore into"
        )));
    }
    let (source, destination) = (checked_namespace(source)?, checked_namespace(destination)?);
    Ok((source, (source != destination).then_some(destination)))
}

/// Takes policies, selection and tuning over into `config`.
pub(super) fn apply(
    args: &RestoreArgs,
    config: &mut RestoreConfig,
    problems: &mut Problems,
) -> Result<(), Error> {
    select(args, config, problems);
    let policy = &args.policy;
    config.policy = problems.note(write_policy(args))?.unwrap_or_default();
    config.extra_ttl = policy.extra_ttl;
    config.ignore_record_errors = policy.ignore_record_error;
    config.rejects = problems.note(rejects(args))?.flatten();
    config.state = problems.note(state(args, config))?.flatten();
    config.index_conflict = match policy.index_conflict {
        Conflict::Replace => IndexConflict::Replace,
        Conflict::Keep => IndexConflict::Keep,
        Conflict::Fail => IndexConflict::Fail,
    };
    let bandwidth = mebibytes("--bandwidth (-N)", args.limits.bandwidth);
    config.bytes_per_second = problems.note(bandwidth)?.unwrap_or(0);
    config.records_per_second = args.limits.records_per_second;
    writing(args, config);
    Ok(())
}

/// Sets and bins, by the rules of a backup's selection.
fn select(args: &RestoreArgs, config: &mut RestoreConfig, problems: &mut Problems) {
    const SETS: &str = "--set-list (-s)";
    const BINS: &str = "--bin-list (-B)";
    let mut names = |flag, text: Option<&String>| {
        let names = text.map_or(Ok(Vec::new()), |text| list::names(text));
        names.unwrap_or_else(|why| {
            problems.add(format!("{flag}: {why}"));
            Vec::new()
        })
    };
    config.sets = names(SETS, args.chosen.set_list.as_ref());
    config.bins = names(BINS, args.chosen.bin_list.as_ref());
    let check = |flag, selection: Selection, problems: &mut Problems| {
        for violation in selection.check() {
            problems.add(format!("{flag}: {violation}"));
        }
    };
    let of_sets = Selection {
        sets: config.sets.clone(),
        ..Selection::default()
    };
    check(SETS, of_sets, problems);
    let of_bins = Selection {
        bins: config.bins.clone(),
        ..Selection::default()
    };
    check(BINS, of_bins, problems);
}

fn write_policy(args: &RestoreArgs) -> Result<WritePolicy, Error> {
    let flags = &args.policy;
    Ok(WritePolicy {
        existing: match (flags.unique, flags.replace) {
            (true, true) => return Err(exclusive("--unique (-u)", "--replace (-r)")),
            (true, false) => Existing::Keep,
            (false, true) => Existing::Replace,
            (false, false) => Existing::Merge,
        },
        check_generation: !flags.no_generation,
    })
}

fn rejects(args: &RestoreArgs) -> Result<Option<Rejects>, Error> {
    let Some(path) = &args.policy.reject_file else {
        return Ok(None);
    };
    if !args.policy.ignore_record_error {
        return Err(Error::usage("--reject-file needs --ignore-record-error"));
    }
    Ok(Some(Rejects::new(path)?))
}

/// The state file, if one is to be kept.
fn state(args: &RestoreArgs, config: &RestoreConfig) -> Result<Option<StateOptions>, Error> {
    const NEW: &str = "--state-file-dst";
    const OLD: &str = "--continue";
    let flags = &args.state;
    let (flag, file, resume) = match (&flags.state_file_dst, &flags.resume) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let error = exclusive(OLD, NEW);
            return Err(error.with_hint("the state goes on in the same file"));
        }
        (Some(file), None) => (NEW, file, false),
        (None, Some(file)) => (OLD, file, true),
    };
    if config.source.is_stream() {
        return Err(Error::usage(format!(
            "{flag}: a stream can be read only once, so its restore cannot be continued"
        )));
    }
    if args.policy.reject_file.is_some() {
        return Err(exclusive(flag, "--reject-file"));
    }
    if let Some(why) = unfit(file) {
        return Err(Error::usage(format!("{flag} {file:?}: {why}")));
    }
    Ok(Some(StateOptions {
        file: file.clone(),
        resume,
        interval: Duration::from_millis(flags.durable_interval),
    }))
}

/// What speaks against the name of a state file.
fn unfit(file: &Path) -> Option<&'static str> {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return Some("this is no name of a file");
    };
    match name {
        _ if file.is_dir() => Some("it is a directory"),
        _ if name.ends_with(".asb") || SmallFile::of(name).is_some() => {
            Some("this is a name of a file of a backup")
        }
        _ => None,
    }
}

/// Refuses flags of a state where nothing is restored.
pub(super) fn check_validation(args: &RestoreArgs) -> Result<(), Error> {
    let flags = &args.state;
    let given = [
        ("--state-file-dst", flags.state_file_dst.is_some()),
        ("--continue", flags.resume.is_some()),
    ];
    let given = given.iter().find(|(_, is_given)| *is_given);
    given.map_or(Ok(()), |(flag, _)| Err(exclusive("--validate", flag)))
}

fn writing(args: &RestoreArgs, config: &mut RestoreConfig) {
    let flags = &args.writing;
    config.single_writes = flags.disable_batch_writes;
    if let Some(rows) = flags.batch_size {
        config.batch_rows = usize::try_from(rows).unwrap_or(usize::MAX);
        config.batch_bytes = CHOSEN_BATCH_BYTES;
    }
    config.batches_in_flight = flags.max_async_batches.into();
    config.warm_up = flags.warm_up.into();
    config.socket_timeout = Duration::from_millis(flags.socket_timeout.into());
    config.total_timeout = Duration::from_millis(flags.total_timeout.into());
    let base = Duration::from_millis(flags.retry_base_interval.into());
    config.retry = RetryPolicy {
        attempts: flags.retry_max_attempts,
        base,
        multiplier: flags.retry_multiplier,
        max_pause: RetryPolicy::WRITE.max_pause.max(base),
    };
}
