//! One file and the decoders that share it.
//!
//! A decoder that has its turn reads the next piece. When it is alone it decodes the piece at
//! once. When there are others it only skims: it finds where the last whole record ends, leaves
//! the rest for the next turn, and takes the records along to decode them while somebody else has
//! the turn. So nothing is copied but what a piece has left over, no thread waits for another to
//! feed it, and each decoder keeps one piece in memory.

use super::{
    content::{Content, Failure},
    input::{Input, InputFile},
};
use crate::{error::Error, stats::RestoreStats};
use asb_format::{Checkpoint, Decoder, Item, Next, Step};
use std::{
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Size of a piece in bytes. A buffer grows only for an item that is larger, and only as far as
/// bytes have come.
const READ_BYTES: usize = 1 << 20;

/// What becomes of the items of a file.
pub(super) trait Sink {
    /// What comes next begins at this byte of the text.
    fn begin(&mut self, _offset: u64) {}

    /// Takes an item that begins at this byte of the text.
    ///
    /// # Errors
    /// Whatever ends the reading.
    fn take(&mut self, item: &Item<'_>, offset: u64) -> Result<(), Error>;

    /// Everything from the last beginning to this byte of the text was taken.
    fn end(&mut self, _offset: u64) {}
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct OpenFile {
    /// Which one of the input.
    pub(super) number: usize,
    /// Decoders that are at it.
    readers: AtomicUsize,
    /// Nothing is left to be taken.
    is_over: AtomicBool,
    turn: Mutex<Turn>,
}

/// What the one who reads has to itself.
#[derive(Debug, Default)]
struct Turn {
    content: Option<Content>,
    /// Stored bytes that were counted.
    fetched: u64,
    buffer: ReadBuffer,
    /// Stands at the first unread byte of the buffer.
    decoder: Decoder,
    /// Bytes without which nothing can be done; 0 = try with those that are there.
    needed: usize,
}

/// What came of a turn.
enum Outcome {
    /// The reader has whole records that begin at this place.
    Group(Checkpoint),
    /// The file is at its end.
    Over,
}

/// What a decoder keeps from file to file.
#[derive(Debug, Default)]
pub(super) struct Reader {
    group: ReadBuffer,
    decoder: Decoder,
}

/// Where bytes come from, and where they are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) input: &'a Input,
    pub(super) file: &'a InputFile,
    pub(super) stats: &'a RestoreStats,
    /// Others will come and help.
    pub(super) is_shared: bool,
}

impl OpenFile {
    /// A file that nobody has opened yet.
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            readers: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            turn: Mutex::default(),
        }
    }

    /// Decoders that are at it.
    pub(super) fn readers(&self) -> usize {
        self.readers.load(Ordering::Acquire)
    }

    /// Whether there is nothing left to be taken. Some of it may still be in work.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Counts in a decoder.
    pub(super) fn join(&self) {
        self.readers.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts out a decoder; whether it was the last.
    pub(super) fn leave(&self) -> bool {
        self.readers.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Takes turns until nothing is left. Must have [joined](Self::join).
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Envelope`] with the file's name, failures of the storage,
    /// and what `sink` says. The file is over for everybody then.
    pub(super) fn read(
        &self,
        place: Place<'_>,
        reader: &mut Reader,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        while let Some(start) = self.turn(place, reader, sink)? {
            let decoded = reader.decode_group(start, place.file, sink);
            if decoded.is_err() {
                self.is_over.store(true, Ordering::Release);
            }
            decoded?;
        }
        Ok(())
    }

    /// Waits for the turn and makes use of it.
    fn turn(
        &self,
        place: Place<'_>,
        reader: &mut Reader,
        sink: &mut impl Sink,
    ) -> Result<Option<Checkpoint>, Error> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_over() {
            return Ok(None);
        }
        let outcome = turn.advance(self, place, reader, sink);
        if let Ok(Outcome::Group(start)) = outcome {
            return Ok(Some(start));
        }
        self.is_over.store(true, Ordering::Release);
        *turn = Turn::default(); // the memory is of no more use, nor is the file
        outcome.map(|_| None)
    }
}

impl Turn {
    fn advance(
        &mut self,
        open: &OpenFile,
        place: Place<'_>,
        reader: &mut Reader,
        sink: &mut impl Sink,
    ) -> Result<Outcome, Error> {
        loop {
            if self.needed > 0 || self.content.is_none() {
                let is_shared = open.readers() > 1 || place.is_shared;
                if let Err(error) = self.fill(place, is_shared) {
                    sink.begin(self.decoder.position().offset); // all before it was taken
                    return Err(error);
                }
            }
            if open.readers() > 1
                && let Some(start) = self.cut(reader)
            {
                return Ok(Outcome::Group(start));
            }
            if self.decode(place.file, sink)? {
                return Ok(Outcome::Over);
            }
        }
    }

    /// Reads at least what is needed, if there is so much.
    fn fill(&mut self, place: Place<'_>, is_shared: bool) -> Result<(), Error> {
        let Place {
            input, file, stats, ..
        } = place;
        let content = match &mut self.content {
            Some(content) => content,
            none => {
                let opened = Content::open(input.open(file)?, &input.unwrap, is_shared);
                none.insert(opened.map_err(|failure| unreadable(file, failure))?)
            }
        };
        if self.buffer.at_end {
            return Ok(());
        }
        let read = self.buffer.fill(self.needed, content);
        let read = read.map_err(|failure| unreadable(file, failure))?;
        stats.bytes_read.add(read as u64);
        let stored = content.stored();
        stats.bytes_fetched.add(stored.saturating_sub(self.fetched));
        self.fetched = stored;
        Ok(())
    }

    /// Hands the whole records that are there over to `reader`; their place, if there are any.
    fn cut(&mut self, reader: &mut Reader) -> Option<Checkpoint> {
        let start = self.decoder.checkpoint();
        let mut end = start;
        let skimmed = end.skim(self.buffer.unread());
        if skimmed.bytes == 0 {
            return None;
        }
        self.needed = match skimmed.next {
            Next::Incomplete { needed } => needed.saturating_sub(skimmed.bytes),
            Next::Other => 0,
        };
        self.buffer.hand_over(skimmed.bytes, &mut reader.group);
        self.decoder.restart(end);
        Some(start)
    }

    /// Decodes what is there; whether that was the end of the file.
    fn decode(&mut self, file: &InputFile, sink: &mut impl Sink) -> Result<bool, Error> {
        sink.begin(self.decoder.position().offset);
        loop {
            let offset = self.decoder.position().offset;
            let (unread, at_end) = (self.buffer.unread(), self.buffer.at_end);
            match self.decoder.decode(unread, at_end) {
                Ok(Step::Complete { consumed, item }) => {
                    sink.take(&item, offset)?;
                    self.buffer.start += consumed;
                }
                Ok(Step::Incomplete { needed }) => {
                    self.needed = needed;
                    sink.end(offset);
                    return Ok(false);
                }
                Ok(Step::End) => {
                    sink.end(offset);
                    return Ok(true);
                }
                Err(source) => return Err(damaged(file, source)),
            }
        }
    }
}

impl Reader {
    /// Decodes the whole records that were handed over.
    fn decode_group(
        &mut self,
        start: Checkpoint,
        file: &InputFile,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        self.decoder.restart(start);
        sink.begin(start.position().offset);
        loop {
            let offset = self.decoder.position().offset;
            if self.group.unread().is_empty() {
                sink.end(offset);
                return Ok(());
            }
            match self.decoder.decode(self.group.unread(), false) {
                Ok(Step::Complete { consumed, item }) => {
                    sink.take(&item, offset)?;
                    self.group.start += consumed;
                }
                Ok(Step::Incomplete { .. } | Step::End) => {
                    let what = format!("{}: a record ends elsewhere at byte {offset}", file.shown);
                    return Err(Error::Internal(what));
                }
                Err(source) => return Err(damaged(file, source)),
            }
        }
    }
}

fn damaged(file: &InputFile, source: asb_format::Error) -> Error {
    Error::Damaged {
        file: file.shown.to_string(),
        source,
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
        Failure::Thread(error) => Error::Internal(format!("{}: {error}", file.shown)),
    }
}

/// A piece of text.
#[derive(Debug, Default)]
struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
}

impl ReadBuffer {
    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Gives `to` the next `len` bytes, and keeps what is behind them.
    fn hand_over(&mut self, len: usize, to: &mut Self) {
        mem::swap(self, to);
        let cut = to.start + len;
        let left = &to.bytes[cut..to.end];
        let room = left.len().max(READ_BYTES);
        if self.bytes.len() < room || self.bytes.len() > 2 * room {
            self.bytes = vec![0; room]; // the first time, and after a giant item
        }
        self.bytes[..left.len()].copy_from_slice(left);
        (self.start, self.end, self.at_end) = (0, left.len(), to.at_end);
        to.end = cut;
    }

    /// Reads until at least `needed` bytes are unread, or the file ends, or the buffer is full.
    fn fill(&mut self, needed: usize, from: &mut Content) -> Result<usize, Failure> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.bytes.len() {
            let len = (self.bytes.len() * 2).max(READ_BYTES);
            self.bytes.resize(len, 0);
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

#[cfg(test)]
mod tests;
