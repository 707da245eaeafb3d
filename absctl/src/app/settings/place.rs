//! Where a backup goes, and where it comes from: local disk and standard streams here, buckets in
//! [`cloud`].

use super::{Secrets, cloud, estimate, exclusive, missing, problems::Problems};
use crate::app::{
    cli::{BackupArgs, RestoreArgs},
    error::Error,
};
use backup_core::{
    backup::BackupTarget,
    restore::RestoreSource,
    storage::{LocalDir, LocalOptions, Store, Stream, single_file},
};
use std::{path::Path, sync::Arc};

const DIRECTORY: &str = "--directory (-d)";

/// A bucket as the target of a backup.
pub(super) fn bucket_target(found: cloud::Found) -> Result<BackupTarget, Error> {
    match found {
        cloud::Found::Directory(store) => Ok(BackupTarget::Directory(store)),
        cloud::Found::Single(store) => Ok(BackupTarget::Single(store)),
        cloud::Found::Several(_) => Err(Error::usage("a backup goes to one directory")),
    }
}

/// The target of a backup that goes to no bucket.
pub(super) fn target(args: &BackupArgs) -> Result<BackupTarget, Error> {
    const OUTPUT: &str = "--output-file (-o)";
    let options = local_options(args);
    match (&args.target.directory, &args.target.output_file) {
        _ if args.estimate.estimate => Ok(estimate::no_target()),
        (Some(_), Some(_)) => Err(exclusive(DIRECTORY, OUTPUT)),
        (None, None) => Err(missing(DIRECTORY, OUTPUT)),
        (Some(directory), None) => Ok(BackupTarget::Directory(local_dir(directory, options))),
        (None, Some(file)) => single_target(args, file, options),
    }
}

/// A file or standard output. What only makes sense with files is refused of a stream.
fn single_target(
    args: &BackupArgs,
    file: &Path,
    options: LocalOptions,
) -> Result<BackupTarget, Error> {
    let flags = &args.target;
    let store = single(file, options, Stream::stdout, flags.std_buffer)?;
    let location = store.location();
    if store.capabilities().named {
        return Ok(BackupTarget::Single(store));
    }
    if flags.remove_files {
        return Err(Error::usage(format!(
            "--remove-files (-r) has nothing to remove: {location} is a stream"
        )));
    }
    if flags.file_mode.is_some() {
        return Err(Error::usage(format!(
            "--file-mode: no file is created, {location} is a stream"
        )));
    }
    Ok(BackupTarget::Single(store))
}

/// The source of a restore.
pub(super) fn source(
    args: &RestoreArgs,
    secrets: &Secrets,
    stdin: Option<Stream>,
) -> Result<RestoreSource, Error> {
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
        None => local_source(args, stdin),
    }
}

/// Standard input, if it is the source: `-`, or `-:BYTES` where its size is known.
pub(super) fn stdin(args: &RestoreArgs) -> Result<Option<Stream>, Error> {
    let typed = args.source.input_file.as_deref().and_then(Path::to_str);
    let Some(size) = typed.and_then(|typed| typed.strip_prefix('-')) else {
        return Ok(None);
    };
    let stream = Stream::stdin().buffered(usize::from(args.source.std_buffer) << 20);
    match size.strip_prefix(':') {
        None if size.is_empty() => Ok(Some(stream)),
        None => Ok(None),
        Some(bytes) => match bytes.parse() {
            Ok(bytes) => Ok(Some(stream.expecting(bytes))),
            Err(_) => Err(Error::usage(format!(
                "--input-file (-i) -:{bytes}: a number of bytes is needed"
            ))),
        },
    }
}

fn local_source(args: &RestoreArgs, stdin: Option<Stream>) -> Result<RestoreSource, Error> {
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
    if let Some(stream) = stdin {
        return Ok(RestoreSource::Single(Arc::new(stream)));
    }
    if let Some(file) = &flags.input_file {
        let store = single_file(file, LocalOptions::default())?;
        return Ok(RestoreSource::Single(store));
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

/// How files are created.
pub(super) fn local_options(args: &BackupArgs) -> LocalOptions {
    let options = LocalOptions::default();
    let mode = args.target.file_mode;
    mode.map_or(options, |mode| options.file_mode(mode))
}

/// A directory on local disk.
pub(super) fn local_dir(path: &Path, options: LocalOptions) -> Arc<dyn Store> {
    Arc::new(LocalDir::with_options(path, options))
}

/// The store for one file, where `-` stands for a standard stream with a buffer of so many MiB.
pub(super) fn single(
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
