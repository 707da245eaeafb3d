//! From flags to a backup.

use super::{
    Secrets, cloud, connect, envelope, estimate, exclusive, incremental, mebibytes, old, parallel,
    patience, place, problems::Problems, required_namespace, resume, selection, shard,
    warn_of_nothing, written,
};
use crate::app::{cli::BackupArgs, error::Error};
use backup_core::{
    backup::{BackupConfig, BackupTarget, Selection, ShardedRun},
    format::Version,
    storage::Store,
};
use std::{collections::BTreeMap, sync::Arc};

/// The backup that was asked for.
pub(crate) fn backup(args: &BackupArgs) -> Result<BackupConfig, Error> {
    let mut problems = Problems::default();
    let mut judged = Judged::of(args, &mut problems)?;
    let secrets = problems.note(Secrets::of(&args.agent, args.is_old))?;
    // An agent is not asked for a command line that is wrong anyway.
    let secrets = secrets.filter(|secrets| problems.is_empty() || !secrets.can_ask());
    let Some(secrets) = secrets else {
        return Err(problems.into_error());
    };
    let target = match judged.cloud.take().filter(|_| problems.is_empty()) {
        Some(place) => problems.note(place.open(&secrets).and_then(place::bucket_target))?,
        None => judged.local.take(),
    };
    let wrap = problems.note(envelope::wrap(&args.envelope, &args.level, &secrets))?;
    let connect = problems.note(connect(&args.connection, &secrets))?;
    let (Some(namespace), Some(target), Some(wrap), Some(connect), true) =
        (judged.namespace, target, wrap, connect, problems.is_empty())
    else {
        return Err(problems.into_error());
    };
    warn_of_nothing(&args.selection);
    let mut config = BackupConfig::new(namespace, target);
    config.wrap = wrap;
    config.connect = connect;
    judged.apply(&mut config);
    apply(args, &mut config);
    old::backup(args, &mut config);
    Ok(config)
}

/// What can be judged before anybody is asked for a secret.
struct Judged<'a> {
    namespace: Option<&'a str>,
    cloud: Option<cloud::Place<'a>>,
    local: Option<BackupTarget>,
    selection: Selection,
    incremental_from: Option<Arc<dyn Store>>,
    prefix: Option<String>,
    file_limit: Option<u64>,
    bandwidth: Option<u64>,
    sharded: Option<ShardedRun>,
    annotations: BTreeMap<String, String>,
}

impl<'a> Judged<'a> {
    /// Judges everything; what is wrong goes to `problems`.
    fn of(args: &'a BackupArgs, problems: &mut Problems) -> Result<Self, Error> {
        let namespace = problems.note(required_namespace(args.selection.namespace.as_deref()))?;
        let cloud = match args.estimate.estimate {
            true => None,
            false => cloud::of_backup(args, problems)?,
        };
        let local = match cloud {
            Some(_) => None,
            None => problems.note(place::target(args))?,
        };
        let selection = selection::of(&args.records, problems);
        let incremental_from = incremental::of(args, problems)?;
        let prefix = problems.note(prefix(args))?;
        let file_limit = mebibytes("--file-limit (-F)", args.target.file_limit);
        let file_limit = problems.note(file_limit)?;
        let bandwidth = problems.note(mebibytes("--bandwidth (-N)", args.limits.bandwidth))?;
        estimate::check(args, problems)?;
        let no_manifest = args.target.no_manifest;
        let annotations = written::annotations(&args.written, no_manifest, problems)?;
        problems.note(resume::check(args))?;
        let sharded = shard::of_backup(args, problems)?;
        Ok(Self {
            namespace,
            cloud,
            local,
            selection,
            incremental_from,
            prefix,
            file_limit,
            bandwidth,
            sharded,
            annotations,
        })
    }

    fn apply(self, config: &mut BackupConfig) {
        config.selection = self.selection;
        config.sharded = self.sharded;
        config.incremental_from = self.incremental_from;
        config.prefix = self.prefix.unwrap_or_default();
        config.file_limit = self.file_limit.unwrap_or(config.file_limit);
        config.bytes_per_second = self.bandwidth.unwrap_or(0);
        config.annotations = self.annotations;
    }
}

/// Takes over what needs no judgement.
fn apply(args: &BackupArgs, config: &mut BackupConfig) {
    config.parallel = parallel(args.tuning.parallel);
    config.no_records = args.selection.no_records;
    config.no_indexes = args.selection.no_indexes;
    config.no_udfs = args.selection.no_udfs;
    config.compact = args.target.compact;
    config.asb_version_max = asb_version(&args.target.asb_version_max);
    config.remove_files = args.target.remove_files;
    config.remove_early = args.target.remove_early;
    config.manifest = !args.target.no_manifest;
    config.verify_writes = args.written.verify_writes;
    config.records_per_second = args.limits.records_per_second;
    if let Some(samples) = args.estimate.forecast_samples {
        config.forecast_samples = samples;
    }
    patience::scans(&args.scans, config);
    let is_file = config.target.store().capabilities().named;
    if let Some(mebibytes) = args.target.local_buffer_size.filter(|_| is_file) {
        config.chunk_bytes = Some(usize::from(mebibytes) << 20);
    }
    resume::apply(args, config);
}

/// The target to be cleared (`--remove-artifacts`).
pub(crate) fn to_clear(args: &BackupArgs) -> Result<BackupTarget, Error> {
    if args.resume.resume.is_some() {
        return Err(exclusive("--remove-artifacts", "--continue (-c)"));
    }
    shard::check_clear(args)?;
    let mut problems = Problems::default();
    let place = cloud::of_backup(args, &mut problems)?;
    match place.filter(|_| problems.is_empty()) {
        Some(place) => {
            let secrets = Secrets::of(&args.agent, args.is_old)?;
            place::bucket_target(place.open(&secrets)?)
        }
        None if problems.is_empty() => place::target(args),
        None => Err(problems.into_error()),
    }
}

/// What the names of data files begin with (`files-and-state.md` §1.1).
fn prefix(args: &BackupArgs) -> Result<String, Error> {
    const NO_NAME: &str = "\\/:*?\"<>|";
    let Some(prefix) = &args.target.output_file_prefix else {
        return Ok(String::new());
    };
    let wrong = |why: &str| {
        Err(Error::usage(format!(
            "--output-file-prefix (-q) {prefix:?}: {why}"
        )))
    };
    match prefix {
        _ if args.target.output_file.is_some() => {
            Err(exclusive("--output-file-prefix (-q)", "--output-file (-o)"))
        }
        _ if prefix.starts_with("metadata_") => {
            wrong("files whose names begin with metadata_ hold indexes and modules")
        }
        _ if prefix.trim() != prefix => wrong("no white space at either end"),
        _ if prefix.contains(|c: char| c.is_control() || NO_NAME.contains(c)) => {
            wrong("none of \\ / : * ? \" < > | and no control characters")
        }
        _ => Ok(prefix.clone()),
    }
}

/// One of the values that the flag takes.
fn asb_version(typed: &str) -> Version {
    match typed {
        "3.1" => Version::V3_1,
        "3.2" => Version::V3_2,
        _ => Version::V3_3,
    }
}
