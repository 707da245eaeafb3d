//! From flags to the state file of a backup (`files-and-state.md` §7.2).

use super::{exclusive, place::local_options};
use crate::app::{cli::BackupArgs, error::Error};
use backup_core::backup::{BackupConfig, StateFile};
use std::{path::Path, time::Duration};

/// What does not go together with a state, or with the removal of an old backup.
pub(super) fn check(args: &BackupArgs) -> Result<(), Error> {
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

/// Where the state is kept and found, and how often it is written.
pub(super) fn apply(args: &BackupArgs, config: &mut BackupConfig) {
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
