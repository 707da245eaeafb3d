//! A look ahead at the indexes and modules of a backup, so that conflicts are found before the
//! first write, and modules come before indexes, and both before records.
//!
//! Definitions stand at the beginning of a file: in `metadata_` files, or in the first file. So
//! these are read up to their first record; all files are where a conflict is to end the restore.
//! A stream cannot be read twice: its definitions are dealt with as they come.

use super::{
    IndexConflict, RestoreConfig,
    filter::Filter,
    globals::Global,
    input::{Input, InputFile},
    progress::Finished,
    reader::{OpenFile, Place, Reader, Sink},
};
use crate::{convert::index, error::Error, stats::RestoreStats};
use asb_format::{Item, Udf};
use backup_cluster::metadata::{Build, UdfModule};

/// The definitions that a cluster of version `build` can hold, in the order of the files. Blocks.
///
/// # Errors
/// As [`OpenFile::read`].
pub(super) fn globals(
    input: &Input,
    config: &RestoreConfig,
    build: Build,
) -> Result<Vec<Global>, Error> {
    let mut definitions = Definitions {
        config,
        filter: Filter::new(config),
        build,
        found: Vec::new(),
    };
    if config.source.is_stream() || config.no_indexes && config.no_udfs {
        return Ok(definitions.found);
    }
    let (stats, mut reader) = (RestoreStats::default(), Reader::default());
    for (number, file) in early(input, config).into_iter().enumerate() {
        let open = OpenFile::new(number, Finished::default());
        open.join();
        let place = Place {
            input,
            file,
            stats: &stats,
            is_shared: false,
        };
        match open.read(place, &mut reader, &mut definitions) {
            Ok(()) | Err(Error::Cancelled) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(definitions.found)
}

/// Gathers the definitions at the beginning of files.
struct Definitions<'a> {
    config: &'a RestoreConfig,
    filter: Filter,
    build: Build,
    found: Vec<Global>,
}

impl Sink for Definitions<'_> {
    fn take(&mut self, item: &Item<'_>, _offset: u64) -> Result<(), Error> {
        let config = self.config;
        match item {
            Item::Record(_) => return Err(Error::Cancelled), // enough of this file
            Item::Index(def)
                if !config.no_indexes && self.filter.has_index_of(def.set.as_ref()) =>
            {
                let definition = index::to_server(def, config.target_namespace()).ok();
                let definition = definition.filter(|index| index.since() <= self.build);
                self.found.extend(definition.map(Global::Index));
            }
            Item::Udf(udf) if !config.no_udfs => self.found.push(Global::Udf(module(udf))),
            _ => {}
        }
        Ok(())
    }
}

/// The module of a file.
pub(super) fn module(udf: &Udf<'_>) -> UdfModule {
    UdfModule {
        name: String::from_utf8_lossy(&udf.name.to_cow()).into_owned(),
        content: udf.content.to_vec(),
    }
}

/// Files that may begin with definitions: where a directory of our own has files for them, no data
/// file does.
fn early<'a>(input: &'a Input, config: &RestoreConfig) -> Vec<&'a InputFile> {
    let (mut early, data): (Vec<_>, Vec<_>) =
        input.files.iter().partition(|file| file.is_metadata());
    let are_apart = config.source.is_directory() && !early.is_empty();
    let is_ours = |file: &InputFile| are_apart && file.is_listed();
    let count = match config.index_conflict {
        IndexConflict::Fail => data.len(),
        IndexConflict::Replace | IndexConflict::Keep => 1,
    };
    early.extend(data.into_iter().filter(|file| !is_ours(file)).take(count));
    early
}
