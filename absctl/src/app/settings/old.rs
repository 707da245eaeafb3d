//! What `asbackup` and `asrestore` do otherwise, as far as no flag says it (`cli.md` §20).

use super::{Secrets, cloud, envelope};
use crate::app::{
    cli::{BackupArgs, RestoreArgs},
    error::Error,
};
use backup_core::{
    backup::{BackupConfig, Layout, StateFile},
    restore::{RestoreSource, find_namespace, namespace_in},
    storage::Stream,
};
use std::{fs, io::ErrorKind, path::Path};

/// The names of files, and where the state goes: in the working directory where the data is in a
/// bucket (`files-and-state.md` §1.2, §8).
pub(super) fn backup(args: &BackupArgs, config: &mut BackupConfig) {
    if !args.is_old {
        return;
    }
    config.layout = Layout::C;
    if cloud::names_bucket(args) {
        let stem = match config.prefix.as_str() {
            "" => &config.namespace,
            prefix => prefix,
        };
        let file = format!("./{stem}.asb.state");
        config.state_place = Some(StateFile::Local(file.into()));
    }
}

/// Removes the directory of a backup that was removed, if nothing else is in it.
pub(crate) fn remove_empty(args: &BackupArgs) {
    let Some(directory) = &args.target.directory else {
        return;
    };
    if !args.is_old || cloud::names_bucket(args) {
        return;
    }
    let place = directory.display();
    match fs::remove_dir(directory) {
        Ok(()) => tracing::info!("removed the empty directory {place}"),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound
            ) => {}
        Err(error) => tracing::warn!("the directory {place} stays: {error}"),
    }
}

/// How much of a stream is looked at for its namespace, one size after the other.
const LOOKS: [usize; 3] = [4 << 10, 256 << 10, 4 << 20];

/// The namespace of a backup where `asrestore` is given none: the one that its files are of.
pub(super) fn namespace(
    args: &RestoreArgs,
    source: &RestoreSource,
    stdin: Option<&Stream>,
    secrets: &Secrets,
) -> Result<String, Error> {
    let unwrap = envelope::unwrap(&args.envelope, &args.window, secrets)?;
    let mut found = find_namespace(source, &unwrap)?;
    if let Some(stdin) = stdin {
        for bytes in LOOKS {
            let head = stdin.peek(bytes)?;
            found = namespace_in("stdin", &head, &unwrap)?;
            if found.is_some() || head.len() < bytes {
                break;
            }
        }
    }
    match found {
        Some(found) => {
            tracing::info!("restoring namespace {found}");
            Ok(found)
        }
        None if is_missing(args) => Err(Error::usage("--namespace (-n) is needed")),
        None => Err(Error::usage(
            "--namespace (-n) is needed: the input does not say which namespace it is of",
        )),
    }
}

/// Whether there is nothing that could be looked at.
fn is_missing(args: &RestoreArgs) -> bool {
    let paths = [&args.source.directory, &args.source.input_file];
    paths
        .into_iter()
        .flatten()
        .any(|path| !Path::new(path).exists())
}
