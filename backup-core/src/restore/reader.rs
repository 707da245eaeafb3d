//! Reading one file: bytes from the storage, items from the decoder.

use super::input::{Input, InputFile};
use crate::{error::Error, stats::RestoreStats};
use asb_format::{Decoder, ErrorKind, Item, Step};
use std::io::{self, Read};

/// Size of a read in bytes. The buffer grows only for an item that is larger, and only as far
/// as bytes have come.
const READ_BYTES: usize = 1 << 20;

/// First bytes of a ZSTD frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A buffer that is kept from file to file.
#[derive(Debug, Default)]
pub(super) struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
}

/// Decodes `file` and hands every item to `take`, with the offset at which it begins.
///
/// # Errors
/// [`Error::Damaged`] or [`Error::NotPlain`] with the file's name, failures of the storage, and
/// what `take` says.
pub(super) fn read_file(
    input: &Input,
    file: &InputFile,
    buffer: &mut ReadBuffer,
    stats: &RestoreStats,
    mut take: impl FnMut(&Item<'_>, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut download = input.open(file)?;
    let mut decoder = Decoder::new();
    buffer.clear();
    let mut needed = 1;
    loop {
        if needed > 0 && !buffer.at_end {
            let read = buffer.fill(needed, &mut *download);
            stats.bytes_read.add(read.map_err(storage_error)? as u64);
        }
        let offset = decoder.position().offset;
        let unread = buffer.unread();
        match decoder.decode(unread, buffer.at_end) {
            Ok(Step::Complete { consumed, item }) => {
                take(&item, offset)?;
                buffer.start += consumed;
                needed = 0;
            }
            Ok(Step::Incomplete { needed: bytes }) => needed = bytes,
            Ok(Step::End) => return Ok(()),
            Err(error) => return Err(damaged(file, error, unread)),
        }
    }
}

fn storage_error(error: io::Error) -> Error {
    Error::Storage(backup_storage::Error::from_read(error))
}

/// The error for bytes that do not decode: damage, or not a plain backup at all.
fn damaged(file: &InputFile, error: asb_format::Error, start: &[u8]) -> Error {
    let shown = file.shown.to_string();
    let is_start =
        error.position().line == 1 && !matches!(error.kind(), ErrorKind::UnexpectedEnd { .. });
    if is_start && start.starts_with(&ZSTD_MAGIC) {
        let looks_like = "is compressed with ZSTD, which this version cannot read";
        return Error::NotPlain {
            file: shown,
            looks_like,
        };
    }
    if is_start && !start.starts_with(b"Version ") {
        let looks_like = "is no plain ASB file: it does not start with \"Version \" (encrypted, or not a backup)";
        return Error::NotPlain {
            file: shown,
            looks_like,
        };
    }
    Error::Damaged {
        file: shown,
        source: error,
    }
}

impl ReadBuffer {
    fn clear(&mut self) {
        (self.start, self.end, self.at_end) = (0, 0, false);
        if self.bytes.len() != READ_BYTES {
            self.bytes = vec![0; READ_BYTES]; // the first time, and after a giant item
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Reads until at least `needed` bytes are unread, or the file ends, or the buffer is full.
    fn fill(&mut self, needed: usize, from: &mut dyn Read) -> io::Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        let before = self.end;
        while self.end < self.bytes.len() && (self.end < needed || self.end == before) {
            match from.read(&mut self.bytes[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.end - before)
    }
}
