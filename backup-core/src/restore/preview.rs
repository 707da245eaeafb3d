//! A look ahead at the indexes and modules of a backup, so that conflicts are found before the
//! first write, and modules come before indexes, and both before records.
//!
//! Definitions stand at the beginning of a file: in `metadata_` files, or in the first file. So
//! these are read up to their first record; all files are where a conflict is to end the restore.
//! A stream cannot be read twice: its definitions are dealt with as they come.

use super::{
    IndexConflict, RestoreConfig, RestoreSource,
    filter::Filter,
    globals::Global,
    input::{Input, InputFile},
    reader::{ReadBuffer, read_file},
};
use crate::{convert::index, error::Error, stats::RestoreStats};
use asb_format::{Item, Udf};
use backup_cluster::metadata::{Build, UdfModule};

/// The definitions that a cluster of version `build` can hold, in the order of the files. Blocks.
///
/// # Errors
/// As [`read_file`].
pub(super) fn globals(
    input: &Input,
    config: &RestoreConfig,
    build: Build,
) -> Result<Vec<Global>, Error> {
    let mut found = Vec::new();
    if !config.source.store().capabilities().named || config.no_indexes && config.no_udfs {
        return Ok(found);
    }
    let filter = Filter::new(config);
    let (stats, mut buffer) = (RestoreStats::default(), ReadBuffer::default());
    for file in early(input, config) {
        let read = read_file(input, file, &mut buffer, &stats, |item, _| {
            match item {
                Item::Record(_) => return Err(Error::Cancelled), // enough of this file
                Item::Index(def) if !config.no_indexes && filter.has_index_of(def.set.as_ref()) => {
                    let definition = index::to_server(def, config.target_namespace()).ok();
                    let definition = definition.filter(|index| index.since() <= build);
                    found.extend(definition.map(Global::Index));
                }
                Item::Udf(udf) if !config.no_udfs => found.push(Global::Udf(module(udf))),
                _ => {}
            }
            Ok(())
        });
        match read {
            Ok(()) | Err(Error::Cancelled) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The module of a file.
pub(super) fn module(udf: &Udf<'_>) -> UdfModule {
    UdfModule {
        name: String::from_utf8_lossy(&udf.name.to_cow()).into_owned(),
        content: udf.content.to_vec(),
    }
}

/// Files that may begin with definitions: in a directory of our own, no data file does.
fn early<'a>(input: &'a Input, config: &RestoreConfig) -> Vec<&'a InputFile> {
    let is_directory = matches!(config.source, RestoreSource::Directory(_));
    let is_ours = |file: &InputFile| is_directory && file.is_listed();
    let (mut early, data): (Vec<_>, Vec<_>) =
        input.files.iter().partition(|file| file.is_metadata());
    let count = match config.index_conflict {
        IndexConflict::Fail => data.len(),
        IndexConflict::Replace | IndexConflict::Keep => 1,
    };
    early.extend(data.into_iter().filter(|file| !is_ours(file)).take(count));
    early
}
