//! Reading one file: bytes from the storage, items from the decoder.

use super::{
    content::{Content, Failure},
    input::{Input, InputFile},
};
use crate::{error::Error, stats::RestoreStats};
use asb_format::{Decoder, Item, Step};

/// Size of a read in bytes. The buffer grows only for an item that is larger, and only as far
/// as bytes have come.
const READ_BYTES: usize = 1 << 20;

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
/// [`Error::Damaged`] or [`Error::Envelope`] with the file's name, failures of the storage, and
/// what `take` says.
pub(super) fn read_file(
    input: &Input,
    file: &InputFile,
    buffer: &mut ReadBuffer,
    stats: &RestoreStats,
    mut take: impl FnMut(&Item<'_>, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut content = Content::open(input.open(file)?, &input.unwrap)
        .map_err(|failure| unreadable(file, failure))?;
    let mut fetched = 0;
    let mut decoder = Decoder::new();
    buffer.clear();
    let mut needed = 1;
    loop {
        if needed > 0 && !buffer.at_end {
            let read = buffer.fill(needed, &mut content);
            stats
                .bytes_read
                .add(read.map_err(|failure| unreadable(file, failure))? as u64);
            stats.bytes_fetched.add(content.stored() - fetched);
            fetched = content.stored();
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
            Err(source) => {
                return Err(Error::Damaged {
                    file: file.shown.to_string(),
                    source,
                });
            }
        }
    }
}

/// The error for bytes that cannot be read, decrypted or decompressed.
fn unreadable(file: &InputFile, failure: Failure) -> Error {
    match failure {
        Failure::Storage(error) => Error::Storage(error),
        Failure::Block(source) => Error::Altered {
            file: file.shown.to_string(),
            source,
        },
        Failure::Envelope(source) => Error::Envelope {
            file: file.shown.to_string(),
            source,
        },
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
    fn fill(&mut self, needed: usize, from: &mut Content) -> Result<usize, Failure> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        let before = self.end;
        while self.end < self.bytes.len() && (self.end < needed || self.end == before) {
            match from.read(&mut self.bytes[self.end..])? {
                0 => {
                    self.at_end = true;
                    break;
                }
                read => self.end += read,
            }
        }
        Ok(self.end - before)
    }
}
