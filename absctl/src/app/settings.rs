//! From what was typed to what `backup-core` runs: the one place where both are known.

mod cloud;
mod envelope;
mod estimate;
mod incremental;
mod list;
mod patience;
mod problems;
mod replay;
mod restoring;
pub(crate) mod secrets;
mod selection;
mod shard;
mod time;
mod xdr;

pub(crate) use self::{
    estimate::estimate,
    secrets::Secrets,
    xdr::{XdrTask, xdr},
};

use self::problems::Problems;
use super::{
    access,
    cli::{BackupArgs, Connection, RestoreArgs, Seed, Selection},
    error::Error,
};
use backup_core::{
    backup::{BackupConfig, BackupTarget, StateFile},
    cluster::{client::ConnectOptions, view::Host},
    format::Version,
    replay::{Kinds, ReplayConfig},
    restore::{RestoreConfig, RestoreSource, Trust, ValidateConfig},
    storage::{LocalDir, LocalOptions, Store, Stream, single_file},
};
use std::{path::Path, sync::Arc, time::Duration};

/// Longest name of a namespace in bytes, as the server has it.
const NAMESPACE_BYTES: usize = 31;

/// What `absctl restore` is asked for.
#[derive(Debug)]
pub(crate) enum RestoreTask {
    /// A restore.
    Restore(Box<RestoreConfig>),
    /// A restore of ASBX files.
    Replay(Box<ReplayConfig>),
    /// Reading only, without a cluster.
    Validate(ValidateConfig),
    /// The same with ASBX files.
    ValidateReplay(ValidateConfig),
}

/// The backup that was asked for.
pub(crate) fn backup(args: &BackupArgs) -> Result<BackupConfig, Error> {
    let mut problems = Problems::default();
    let namespace = problems.note(required_namespace(args.selection.namespace.as_deref()))?;
    let cloud = match args.estimate.estimate {
        true => None,
        false => cloud::of_backup(args, &mut problems)?,
    };
    let local = match cloud {
        Some(_) => None,
        None => problems.note(target(args))?,
    };
    let selection = selection::of(&args.records, &mut problems);
    let incremental_from = incremental::of(args, &mut problems)?;
    let prefix = problems.note(prefix(args))?;
    let file_limit = mebibytes("--file-limit (-F)", args.target.file_limit);
    let file_limit = problems.note(file_limit)?;
    let bandwidth = problems.note(mebibytes("--bandwidth (-N)", args.limits.bandwidth))?;
    estimate::check(args, &mut problems)?;
    let forecast = args.estimate.forecast_samples;
    problems.note(check_resume(args))?;
    let sharded = shard::of_backup(args, &mut problems)?;
    let secrets = problems.note(Secrets::new(&args.agent))?;
    // An agent is not asked for a command line that is wrong anyway.
    let secrets = secrets.filter(|secrets| problems.is_empty() || !secrets.can_ask());
    let Some(secrets) = secrets else {
        return Err(problems.into_error());
    };
    let target = match cloud.filter(|_| problems.is_empty()) {
        Some(place) => problems.note(place.open(&secrets).and_then(bucket_target))?,
        None => local,
    };
    let wrap = problems.note(envelope::wrap(&args.envelope, &args.level, &secrets))?;
    let connect = problems.note(connect(&args.connection, &secrets))?;
    let (Some(namespace), Some(target), Some(wrap), Some(connect), true) =
        (namespace, target, wrap, connect, problems.is_empty())
    else {
        return Err(problems.into_error());
    };
    warn_of_nothing(&args.selection);
    let mut config = BackupConfig::new(namespace, target);
    config.selection = selection;
    config.sharded = sharded;
    config.incremental_from = incremental_from;
    config.connect = connect;
    config.parallel = parallel(args.tuning.parallel);
    config.no_records = args.selection.no_records;
    config.no_indexes = args.selection.no_indexes;
    config.no_udfs = args.selection.no_udfs;
    config.compact = args.target.compact;
    config.asb_version_max = asb_version(&args.target.asb_version_max);
    config.remove_files = args.target.remove_files;
    config.remove_early = args.target.remove_early;
    config.manifest = !args.target.no_manifest;
    config.prefix = prefix.unwrap_or_default();
    config.file_limit = file_limit.unwrap_or(config.file_limit);
    config.forecast_samples = forecast.unwrap_or(config.forecast_samples);
    config.records_per_second = args.limits.records_per_second;
    config.bytes_per_second = bandwidth.unwrap_or(0);
    config.wrap = wrap;
    patience::scans(&args.scans, &mut config);
    if let Some(mebibytes) = args
        .target
        .local_buffer_size
        .filter(|_| !is_stream(&config))
    {
        config.chunk_bytes = Some(usize::from(mebibytes) << 20);
    }
    resume(args, &mut config);
    Ok(config)
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
        Some(place) => bucket_target(place.open(&Secrets::new(&args.agent)?)?),
        None if problems.is_empty() => target(args),
        None => Err(problems.into_error()),
    }
}

/// The restore or validation that was asked for.
pub(crate) fn restore(args: &RestoreArgs) -> Result<RestoreTask, Error> {
    let namespace = args.selection.namespace.as_deref();
    let parallel = parallel(args.tuning.parallel);
    let run = shard::check_restore(args)?;
    let secrets = Secrets::new(&args.agent)?;
    if args.source.validate {
        restoring::check_validation(args)?;
        let config = ValidateConfig {
            namespace: namespace
                .map(|typed| restoring::namespaces(Some(typed)))
                .transpose()?
                .map(|(source, _)| source.to_owned()),
            source: source(args, &secrets)?,
            unwrap: envelope::unwrap(&args.envelope, &args.window, &secrets)?,
            trust: trust(args),
            parallel,
            bytes_per_second: mebibytes("--bandwidth (-N)", args.limits.bandwidth)?,
        };
        return Ok(
            match replay::is_about(args, Kinds::of_source(&config.source)?) {
                true => RestoreTask::ValidateReplay(config),
                false => RestoreTask::Validate(config),
            },
        );
    }
    warn_of_nothing(&args.selection);
    let mut problems = Problems::default();
    let namespaces = problems.note(restoring::namespaces(namespace))?;
    let source = problems.note(source(args, &secrets))?;
    let (Some((namespace, destination)), Some(source)) = (namespaces, source) else {
        return Err(problems.into_error());
    };
    let mut config = RestoreConfig::new(namespace, source);
    restoring::apply(args, &mut config, &mut problems)?;
    if !problems.is_empty() {
        return Err(problems.into_error());
    }
    config.destination = destination.map(str::to_owned);
    config.parallel = parallel;
    config.apply_metadata_last = args.source.apply_metadata_last;
    config.shard = args.part.shard;
    config.run = run;
    config.no_records = args.selection.no_records;
    config.no_indexes = args.selection.no_indexes;
    config.no_udfs = args.selection.no_udfs;
    config.trust = trust(args);
    config.unwrap = envelope::unwrap(&args.envelope, &args.window, &secrets)?;
    config.connect = connect(&args.connection, &secrets)?;
    Ok(match replay::replay(args, &config)? {
        Some(replay) => RestoreTask::Replay(Box::new(replay)),
        None => RestoreTask::Restore(Box::new(config)),
    })
}

fn bucket_target(found: cloud::Found) -> Result<BackupTarget, Error> {
    match found {
        cloud::Found::Directory(store) => Ok(BackupTarget::Directory(store)),
        cloud::Found::Single(store) => Ok(BackupTarget::Single(store)),
        cloud::Found::Several(_) => Err(Error::usage("a backup goes to one directory")),
    }
}

fn target(args: &BackupArgs) -> Result<BackupTarget, Error> {
    let options = local_options(args);
    match (&args.target.directory, &args.target.output_file) {
        _ if args.estimate.estimate => Ok(estimate::no_target()),
        (Some(_), Some(_)) => Err(exclusive("--directory (-d)", "--output-file (-o)")),
        (None, None) => Err(missing("--directory (-d)", "--output-file (-o)")),
        (Some(directory), None) => Ok(BackupTarget::Directory(local_dir(directory, options))),
        (None, Some(file)) => {
            let store = single(file, options, Stream::stdout, args.target.std_buffer)?;
            if args.target.remove_files && !store.capabilities().named {
                return Err(Error::usage(format!(
                    "--remove-files (-r) has nothing to remove: {} is a stream",
                    store.location()
                )));
            }
            if args.target.file_mode.is_some() && !store.capabilities().named {
                return Err(Error::usage(format!(
                    "--file-mode: no file is created, {} is a stream",
                    store.location()
                )));
            }
            Ok(BackupTarget::Single(store))
        }
    }
}

fn source(args: &RestoreArgs, secrets: &Secrets) -> Result<RestoreSource, Error> {
    let mut problems = Problems::default();
    let place = cloud::of_restore(args, &mut problems)?;
    if !problems.is_empty() {
        return Err(problems.into_error());
    }
    match place {
        Some(place) => Ok(match place.open(secrets)? {
            cloud::Found::Directory(store) => RestoreSource::Directory(store),
            cloud::Found::Several(stores) => RestoreSource::Directories(stores),
            cloud::Found::Single(store) => RestoreSource::Single(store),
        }),
        None => local_source(args),
    }
}

fn local_source(args: &RestoreArgs) -> Result<RestoreSource, Error> {
    const DIRECTORY: &str = "--directory (-d)";
    const FILE: &str = "--input-file (-i)";
    const LIST: &str = "--directory-list";
    let flags = &args.source;
    let given = [
        (DIRECTORY, flags.directory.is_some()),
        (FILE, flags.input_file.is_some()),
        (LIST, flags.directory_list.is_some()),
    ];
    let mut given = given.iter().filter(|(_, is_given)| *is_given);
    if let (Some((one, _)), Some((other, _))) = (given.next(), given.next()) {
        return Err(exclusive(one, other));
    }
    if flags.parent_directory.is_some() && flags.directory_list.is_none() {
        return Err(Error::usage("--parent-directory needs --directory-list"));
    }
    if let Some(file) = &flags.input_file {
        return Ok(RestoreSource::Single(single(
            file,
            LocalOptions::default(),
            Stream::stdin,
            args.source.std_buffer,
        )?));
    }
    if let Some(directory) = &flags.directory {
        return Ok(RestoreSource::Directory(local_dir(
            directory,
            LocalOptions::default(),
        )));
    }
    match &flags.directory_list {
        Some(list) => directories(list, flags.parent_directory.as_deref()),
        None => Err(Error::usage(format!(
            "{DIRECTORY}, {FILE} or {LIST} is needed"
        ))),
    }
}

/// Several directories, below `parent` if there is one. Their names are split at commas, and
/// nothing is trimmed.
fn directories(list: &str, parent: Option<&Path>) -> Result<RestoreSource, Error> {
    let mut stores = Vec::new();
    for name in list.split(',') {
        if name.is_empty() {
            return Err(Error::usage(format!(
                "--directory-list {list:?}: a name is empty"
            )));
        }
        // A name below the parent is never absolute.
        let below = |parent: &Path| parent.join(name.trim_start_matches('/'));
        let path = parent.map_or_else(|| name.into(), below);
        stores.push(local_dir(&path, LocalOptions::default()));
    }
    Ok(RestoreSource::Directories(stores))
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

/// A number of MiB in bytes.
fn mebibytes(flag: &str, typed: u64) -> Result<u64, Error> {
    let bytes = typed.checked_mul(1 << 20);
    bytes.ok_or_else(|| Error::usage(format!("{flag} {typed}: there are no numbers that large")))
}

fn check_resume(args: &BackupArgs) -> Result<(), Error> {
    let flags = &args.resume;
    if flags.resume.is_some() && flags.state_file_dst.is_some() {
        let error = exclusive("--continue (-c)", "--state-file-dst");
        return Err(error.with_hint("the state goes on in the same file"));
    }
    if args.target.remove_early && !args.target.remove_files {
        return Err(Error::usage("--remove-early needs --remove-files (-r)"));
    }
    if flags.resume.is_some() && args.target.remove_files {
        return Err(exclusive("--continue (-c)", "--remove-files (-r)"));
    }
    Ok(())
}

fn is_stream(config: &BackupConfig) -> bool {
    !config.target.store().capabilities().named
}

/// Where the state is kept and found, and how often it is written.
fn resume(args: &BackupArgs, config: &mut BackupConfig) {
    let flags = &args.resume;
    config.state_options = local_options(args);
    config.state_file = flags.state_file_dst.as_deref().map(|typed| {
        if typed.contains('/') {
            StateFile::Local(typed.into())
        } else {
            beside(args, typed)
        }
    });
    // An existing path, else the name beside the data.
    config.resume = flags.resume.as_deref().map(|typed| {
        if typed.contains('/') || Path::new(typed).is_file() {
            StateFile::Local(typed.into())
        } else {
            beside(args, typed)
        }
    });
    config.durable_interval = Duration::from_millis(flags.durable_interval);
    config.durable_records = flags.scan_page_size;
}

/// A state file beside the data. Beside a single file the store knows only names that begin with its
/// own.
fn beside(args: &BackupArgs, name: &str) -> StateFile {
    let file = args.target.output_file.as_deref();
    let own = file.and_then(Path::file_name).and_then(|own| own.to_str());
    match (file, own) {
        (Some(file), Some(own)) => match name.strip_prefix(own) {
            Some(rest) if rest.starts_with('.') => StateFile::Beside(name.to_owned()),
            _ => StateFile::Local(file.with_file_name(name)),
        },
        _ => StateFile::Beside(name.to_owned()),
    }
}

const fn trust(args: &RestoreArgs) -> Trust {
    Trust {
        allow_incomplete: args.source.allow_incomplete,
        ignore_manifest: args.source.ignore_manifest,
    }
}

/// How files are created.
fn local_options(args: &BackupArgs) -> LocalOptions {
    let options = LocalOptions::default();
    let mode = args.target.file_mode;
    mode.map_or(options, |mode| options.file_mode(mode))
}

/// One of the values that the flag takes.
fn asb_version(typed: &str) -> Version {
    match typed {
        "3.1" => Version::V3_1,
        "3.2" => Version::V3_2,
        _ => Version::V3_3,
    }
}

fn local_dir(path: &Path, options: LocalOptions) -> Arc<dyn Store> {
    Arc::new(LocalDir::with_options(path, options))
}

/// The store for one file, where `-` stands for a standard stream with a buffer of so many MiB.
fn single(
    path: &Path,
    options: LocalOptions,
    standard: fn() -> Stream,
    mebibytes: u16,
) -> Result<Arc<dyn Store>, Error> {
    if path == Path::new("-") {
        return Ok(Arc::new(standard().buffered(usize::from(mebibytes) << 20)));
    }
    Ok(single_file(path, options)?)
}

fn connect(flags: &Connection, secrets: &Secrets) -> Result<ConnectOptions, Error> {
    let hosts = secrets.hosts("--host (-h)", &flags.host)?;
    let port = secrets.port("--port (-p)", &flags.port)?;
    let tls_name = secrets.text("--tls-name", flags.tls.tls_name.as_deref())?;
    let seed = |seed: Seed| Host {
        tls_name: seed.tls_name.or_else(|| tls_name.clone()),
        ..Host::new(&seed.name, seed.port.unwrap_or(port))
    };
    Ok(ConnectOptions {
        seeds: hosts.into_iter().map(seed).collect(),
        connect_timeout: patience::millis(flags.client_timeout),
        login_timeout: patience::millis(flags.client_login_timeout),
        idle_timeout: patience::millis(flags.client_idle_timeout),
        info_timeout: patience::millis(flags.info.info_timeout),
        info_retry: patience::info_retry(&flags.info),
        services_alternate: flags.services_alternate,
        tls: access::tls(&flags.tls, secrets)?,
        auth: access::auth(flags, secrets)?,
    })
}

/// Everything can be left out, but hardly on purpose.
fn warn_of_nothing(flags: &Selection) {
    if flags.no_records && flags.no_indexes && flags.no_udfs {
        tracing::warn!("--no-records (-R), --no-indexes (-I) and --no-udfs leave nothing to do");
    }
}

fn parallel(typed: u16) -> Option<usize> {
    (typed > 0).then_some(usize::from(typed))
}

fn required_namespace(typed: Option<&str>) -> Result<&str, Error> {
    let namespace = typed.ok_or_else(|| Error::usage("--namespace (-n) is needed"))?;
    checked_namespace(namespace)
}

/// A name that can stand in a file name and in an info command.
fn checked_namespace(name: &str) -> Result<&str, Error> {
    let wrong = |why: &str| Err(Error::usage(format!("namespace {name:?}: {why}")));
    match name {
        "" => wrong("the name is empty"),
        _ if name.len() > NAMESPACE_BYTES => wrong("names have at most 31 bytes"),
        _ if name.contains(',') => wrong("only a restore can have two namespaces"),
        _ if name.contains(|c: char| c.is_control() || "/;:=\\".contains(c)) => {
            wrong("this is no name of a namespace")
        }
        _ => Ok(name),
    }
}

fn exclusive(one: &str, other: &str) -> Error {
    Error::usage(format!("{one} and {other} exclude each other"))
}

fn missing(one: &str, other: &str) -> Error {
    Error::usage(format!("{one} or {other} is needed"))
}
