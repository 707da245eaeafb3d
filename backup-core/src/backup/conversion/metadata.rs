//! Indexes and modules in the text files beside ASBX files, copied line by line.

use super::{super::globals::Globals, source::Source};
use crate::{
    backup::state::WrittenGlobals,
    error::Error,
    manifest::{Hash, IndexEntry, UdfEntry},
    replay::{content::Content, input::Stored},
};
use asb_format::{Decoder, Index, Item, Step, Udf, Version};
use backup_storage::StoreExt;
use std::sync::Arc;

/// What all text files of the set define.
///
/// # Errors
/// Damage, definitions of another namespace, [`Error::RecordsBeside`], or what the storage says.
pub(super) fn read(source: &Source) -> Result<Globals, Error> {
    let mut globals = Globals {
        text: Vec::new(),
        version: Version::V3_1,
        written: WrittenGlobals::default(),
    };
    for stored in &source.input.beside {
        copy(source, stored, &mut globals)?;
    }
    let (written, stats) = (&globals.written, source.stats.written());
    stats.udfs_read.add(written.udfs.len() as u64);
    stats.indexes_read.add(written.indexes.len() as u64);
    Ok(globals)
}

/// Appends the definitions of a file to `globals`.
fn copy(source: &Source, stored: &Stored, globals: &mut Globals) -> Result<(), Error> {
    let input = &source.input;
    let shown: Arc<str> = input.store.location_of(&stored.0.name).into();
    let mut content = Content::open_text(input, stored, &shown)?;
    let mut decoder = Decoder::new();
    let mut file = File {
        namespace: &source.namespace,
        shown: &shown,
        globals,
    };
    loop {
        let ((unread, at_end), offset) = (content.unread(), content.offset());
        match decoder.decode(unread, at_end) {
            Ok(Step::Complete { consumed, item }) => {
                let line = unread.get(..consumed).unwrap_or_default();
                file.take(&item, line, offset)?;
                content.consume(consumed);
            }
            Ok(Step::Incomplete { needed }) => content.fill(needed)?,
            Ok(Step::End) => return Ok(()),
            Err(source) => {
                let file = shown.to_string();
                return Err(Error::Damaged { file, source });
            }
        }
    }
}

/// A file whose lines are copied.
struct File<'a> {
    namespace: &'a str,
    shown: &'a str,
    globals: &'a mut Globals,
}

impl File<'_> {
    /// Takes an item; `line` is its text, and `offset` where that begins.
    fn take(&mut self, item: &Item<'_>, line: &[u8], offset: u64) -> Result<(), Error> {
        match item {
            // Its names are written in another way, and no tool that knows ASBX has ever written it.
            Item::Header(Version::V3_0) => Err(Error::Unsupported(
                "text of version 3.0 does not belong beside ASBX files",
            )),
            Item::Header(_) | Item::Namespace(_) | Item::FirstFile => Ok(()),
            Item::Index(index) => self.index(index, line, offset),
            Item::Udf(udf) => {
                self.module(udf, line);
                Ok(())
            }
            Item::Record(_) => Err(Error::RecordsBeside {
                file: self.shown.to_owned(),
            }),
        }
    }

    fn index(&mut self, index: &Index<'_>, line: &[u8], offset: u64) -> Result<(), Error> {
        let found = index.namespace.to_cow();
        if found != self.namespace.as_bytes() {
            return Err(Error::OtherNamespace {
                file: self.shown.to_owned(),
                offset,
                found: String::from_utf8_lossy(&found).into_owned(),
                expected: self.namespace.to_owned(),
            });
        }
        let globals = &mut *self.globals;
        globals.version = globals.version.max(index.required_version());
        globals.text.extend_from_slice(line);
        globals.written.indexes.push(IndexEntry {
            name: String::from_utf8_lossy(&index.name.to_cow()).into_owned(),
            definition: String::from_utf8_lossy(line).trim_end().to_owned(),
        });
        Ok(())
    }

    fn module(&mut self, udf: &Udf<'_>, line: &[u8]) {
        self.globals.text.extend_from_slice(line);
        self.globals.written.udfs.push(UdfEntry {
            name: String::from_utf8_lossy(&udf.name.to_cow()).into_owned(),
            blake3: Hash::of(udf.content),
        });
    }
}
