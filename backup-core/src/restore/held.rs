//! Indexes and modules that wait for the last record (`files-and-state.md` §5).
//!
//! They wait as backup text: 16 MiB of it in memory, more in a temporary file without a name.

use super::{
    globals::{Global, Globals},
    preview,
    write_stage::Failure,
};
use crate::{convert::index, error::Error, handle::off_runtime};
use asb_format::{Decoder, Encoder, Item, Step, Version};
use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::Handle;

/// Text that is kept in memory, in bytes.
const MEMORY_BYTES: usize = 16 << 20;

/// Text that is read back at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Held {
    text: Mutex<Text>,
}

#[derive(Debug, Default)]
struct Text {
    memory: Vec<u8>,
    /// What came before that in memory.
    file: Option<File>,
}

impl Held {
    /// Keeps a definition.
    ///
    /// # Errors
    /// [`Error::Spill`].
    pub(super) fn push(&self, global: &Global) -> Result<(), Error> {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let encoder = Encoder::new();
        match global {
            Global::Udf(module) => {
                encoder.udf(&mut text.memory, module.name.as_bytes(), &module.content);
            }
            Global::Index(definition) => {
                let line = index::to_asb(definition).ok_or_else(not_written)?;
                encoder.index(&mut text.memory, &line);
            }
        }
        if text.memory.len() > MEMORY_BYTES {
            text.spill().map_err(|source| Error::Spill { source })?;
        }
        Ok(())
    }

    /// Applies what waited, in the order in which it came.
    ///
    /// # Errors
    /// [`Error::Spill`], and what the cluster says. Cancelled with the run.
    pub(super) async fn apply(
        self: Arc<Self>,
        globals: Arc<Globals>,
        failure: &Failure,
    ) -> Result<(), Error> {
        let runtime = Handle::current();
        let stop = failure.token().clone();
        let apply = move || {
            let text =
                std::mem::take(&mut *self.text.lock().unwrap_or_else(PoisonError::into_inner));
            text.read(|global| {
                runtime.block_on(async {
                    tokio::select! {
                        applied = globals.apply(global) => applied,
                        () = stop.cancelled() => Err(Error::Cancelled),
                    }
                })
            })
        };
        off_runtime(apply).await
    }
}

impl Text {
    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(())
    }

    /// Hands everything to `take`, first that of the file.
    fn read(self, mut take: impl FnMut(Global) -> Result<(), Error>) -> Result<(), Error> {
        let mut source: Box<dyn Read> = Box::new(io::Cursor::new(self.memory));
        if let Some(mut file) = self.file {
            file.rewind().map_err(|source| Error::Spill { source })?;
            source = Box::new(file.chain(source));
        }
        let mut header = Vec::new();
        Encoder::new().header(&mut header, Version::V3_3);
        let mut source = io::Cursor::new(header).chain(source);
        let (mut decoder, mut buffer, mut at_end) = (Decoder::new(), Vec::new(), false);
        loop {
            let mut consumed = 0;
            match decoder.decode(&buffer, at_end).map_err(|_| not_written())? {
                Step::Complete {
                    consumed: bytes,
                    item,
                } => {
                    consumed = bytes;
                    global(&item)?.map_or(Ok(()), &mut take)?;
                }
                Step::Incomplete { .. } => {
                    let limited = Read::take(&mut source, READ_BYTES as u64);
                    let read = { limited }.read_to_end(&mut buffer);
                    at_end = read.map_err(|source| Error::Spill { source })? == 0;
                }
                Step::End => return Ok(()),
            }
            buffer.drain(..consumed);
        }
    }
}

/// The definition that was kept.
fn global(item: &Item<'_>) -> Result<Option<Global>, Error> {
    Ok(match item {
        Item::Udf(udf) => Some(Global::Udf(preview::module(udf))),
        Item::Index(found) => {
            let namespace = String::from_utf8_lossy(&found.namespace.to_cow()).into_owned();
            let definition = index::to_server(found, &namespace);
            Some(Global::Index(definition.map_err(|_| not_written())?))
        }
        _ => None,
    })
}

fn not_written() -> Error {
    Error::Internal("a definition that was held back cannot be read again".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use backup_cluster::metadata::UdfModule;

    #[test]
    fn more_than_fits_into_memory_comes_back_in_order() {
        let held = Held::default();
        let module = |number: u8| UdfModule {
            name: format!("module {number}.lua"),
            content: vec![number; 7 << 20],
        };
        for number in 0..5 {
            held.push(&Global::Udf(module(number))).expect("room");
        }
        let text = std::mem::take(&mut *held.text.lock().expect("lock"));
        assert!(text.file.is_some() && text.memory.len() < MEMORY_BYTES);
        let mut next = 0;
        text.read(|global| {
            let Global::Udf(found) = global else {
                panic!("{global:?}");
            };
            assert!(found.name == module(next).name && found.content == module(next).content);
            next += 1;
            Ok(())
        })
        .expect("readable");
        assert_eq!(next, 5);
    }
}
