//! From flags to the backup that an incremental one goes on from (`cli.md` §18).

use super::problems::Problems;
use crate::app::{cli::BackupArgs, error::Error};
use backup_core::storage::{LocalDir, LocalOptions, Store, single_file};
use std::{path::Path, sync::Arc};

const FROM: &str = "--incremental-from";

/// The place of the earlier backup. What leaves gaps in a chain goes to `problems`.
pub(super) fn of(
    args: &BackupArgs,
    problems: &mut Problems,
) -> Result<Option<Arc<dyn Store>>, Error> {
    let Some(path) = args.records.incremental_from.as_deref() else {
        return Ok(None);
    };
    let records = &args.records;
    let excluded = [
        ("--modified-after (-a)", records.modified_after.is_some()),
        ("--max-records (-M)", records.max_records > 0),
        ("--no-bins (-x)", records.no_bins),
        ("--no-records (-R)", args.selection.no_records),
        ("--node-list (-l)", records.node_list.is_some()),
        ("--rack-list", records.rack_list.is_some()),
    ];
    for (flag, _) in excluded.iter().filter(|(_, is_given)| *is_given) {
        problems.add(format!("{FROM} and {flag} exclude each other"));
    }
    problems.note(store(path))
}

fn store(path: &Path) -> Result<Arc<dyn Store>, Error> {
    if path == Path::new("-") {
        return Err(Error::usage(format!(
            "{FROM}: a stream has no manifest; name a directory or a file"
        )));
    }
    if path.is_dir() || !path.exists() {
        return Ok(Arc::new(LocalDir::new(path)));
    }
    Ok(single_file(path, LocalOptions::default())?)
}
