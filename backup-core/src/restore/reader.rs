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
    progress::Finished,
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

/// Text after which a sink is told that it has come so far.
const INTERVAL_BYTES: u64 = 256 << 10;

/// Text of a plain file that is rather jumped over than read.
const SEEK_BYTES: u64 = 8 << 20;

/// What becomes of the items of a file.
pub(super) trait Sink {
    /// What comes next begins at this byte of the text.
    fn begin(&mut self, _offset: u64) {}

    /// Takes an item that begins at this byte of the text.
    ///
    /// # Errors
    /// Whatever ends the reading.
    fn take(&mut self, item: &Item<'_>, offset: u64) -> Result<(), Error>;

    /// Everything from the last beginning to this place in the text was taken.
    fn end(&mut self, _place: Checkpoint) {}

    /// The text ends at this byte.
    fn over(&mut self, _offset: u64) {}
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
    /// What an earlier run has finished.
    finished: Finished,
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
    /// A file that nobody has opened yet. What is `finished` is passed over.
    pub(super) fn new(number: usize, finished: Finished) -> Self {
        let turn = Turn {
            finished,
            ..Turn::default()
        };
        Self {
            number,
            readers: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            turn: Mutex::new(turn),
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
            let decode = &place.stats.load.decode;
            let decoded = decode.time(|| reader.decode_group(start, place.file, sink));
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
            let is_shared = open.readers() > 1 || place.is_shared;
            if self.pass_over(place, is_shared)? {
                return Ok(Outcome::Over);
            }
            if (self.needed > 0 || self.content.is_none())
                && let Err(error) = self.fill(place, is_shared)
            {
                sink.begin(self.decoder.position().offset); // all before it was taken
                return Err(error);
            }
            if open.readers() > 1
                && let Some(start) = self.cut(reader)
            {
                return Ok(Outcome::Group(start));
            }
            let decode = &place.stats.load.decode;
            if decode.time(|| self.decode(place.file, sink))? {
                return Ok(Outcome::Over);
            }
        }
    }

    /// Passes over what is finished here, if it is; whether that was the rest of the file.
    fn pass_over(&mut self, place: Place<'_>, is_shared: bool) -> Result<bool, Error> {
        let offset = self.decoder.position().offset;
        match self.finished.next_start() {
            Some(start) if start == offset => {}
            Some(start) if start < offset => return Err(not_as_before(place.file)),
            _ => return Ok(false),
        }
        let Some(end) = self.finished.take() else {
            return Ok(false);
        };
        let target = end.position().offset;
        let is_rest = self.finished.is_end(target);
        if !is_rest {
            self.discard(place, offset, target, is_shared)?;
        }
        self.decoder.restart(end);
        self.needed = 0;
        Ok(is_rest)
    }

    /// Goes from one byte of the text to another without decoding what lies between. A plain file
    /// is opened again there, if that is far away.
    fn discard(
        &mut self,
        place: Place<'_>,
        from: u64,
        target: u64,
        is_shared: bool,
    ) -> Result<(), Error> {
        let Place {
            input, file, stats, ..
        } = place;
        let mut left = target.saturating_sub(from);
        let unread = self.buffer.pass(left);
        stats.bytes_read.sub(unread); // an earlier run has counted them
        left = left.saturating_sub(unread);
        let content = self.content(place, is_shared)?;
        if left >= SEEK_BYTES && content.is_plain() {
            let (download, start) = input.open_near(file, target)?;
            *content = Content::plain(download);
            let passed = left.saturating_sub(target.saturating_sub(start));
            stats.bytes_fetched.add(passed);
            self.fetched = 0;
            left = target.saturating_sub(start);
        }
        while left > 0 {
            if self.buffer.at_end {
                return Err(not_as_before(file));
            }
            let read = self.fetch(place, 1, is_shared)?;
            stats.bytes_read.add(read as u64);
            let passed = self.buffer.pass(left);
            stats.bytes_read.sub(passed);
            left = left.saturating_sub(passed);
        }
        Ok(())
    }

    /// The content of the file, which is opened if nobody has done that.
    fn content(&mut self, place: Place<'_>, is_shared: bool) -> Result<&mut Content, Error> {
        let Place { input, file, .. } = place;
        Ok(match &mut self.content {
            Some(content) => content,
            none => {
                let unwrap = input.unwrap_of(file);
                let opened = Content::open(input.open(file)?, &unwrap, is_shared);
                none.insert(opened.map_err(|failure| unreadable(file, failure))?)
            }
        })
    }

    /// Reads at least what is needed, if there is so much.
    fn fill(&mut self, place: Place<'_>, is_shared: bool) -> Result<(), Error> {
        self.content(place, is_shared)?;
        if self.buffer.at_end {
            return Ok(());
        }
        let read = self.fetch(place, self.needed, is_shared)?;
        place.stats.bytes_read.add(read as u64);
        Ok(())
    }

    /// Reads so many bytes into the buffer, or more, and counts what was fetched for that.
    fn fetch(&mut self, place: Place<'_>, needed: usize, is_shared: bool) -> Result<usize, Error> {
        self.content(place, is_shared)?;
        let Some(content) = &mut self.content else {
            return Ok(0);
        };
        let Place { file, stats, .. } = place;
        let (load, before) = (&stats.load, content.unwrapping());
        let read = load.read.time(|| self.buffer.fill(needed, content));
        let unwrapping = content.unwrapping().saturating_sub(before);
        load.read.hand_over(unwrapping, &load.unwrap);
        let read = read.map_err(|failure| unreadable(file, failure))?;
        let stored = content.stored();
        stats.bytes_fetched.add(stored.saturating_sub(self.fetched));
        self.fetched = stored;
        Ok(read)
    }

    /// Hands the whole records that are there over to `reader`; their place, if there are any.
    fn cut(&mut self, reader: &mut Reader) -> Option<Checkpoint> {
        let start = self.decoder.checkpoint();
        let mut end = start;
        let skimmed = end.skim(self.due());
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

    /// What is unread, up to what is finished.
    fn due(&self) -> &[u8] {
        let unread = self.buffer.unread();
        let Some(start) = self.finished.next_start() else {
            return unread;
        };
        let left = start.saturating_sub(self.decoder.position().offset);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        unread.get(..left).unwrap_or(unread)
    }

    /// Decodes what is there; whether that was the end of the file.
    fn decode(&mut self, file: &InputFile, sink: &mut impl Sink) -> Result<bool, Error> {
        let mut begun = self.decoder.position().offset;
        sink.begin(begun);
        loop {
            let offset = self.decoder.position().offset;
            if self
                .finished
                .next_start()
                .is_some_and(|next| next <= offset)
            {
                sink.end(self.decoder.checkpoint());
                return Ok(false);
            }
            let (unread, at_end) = (self.buffer.unread(), self.buffer.at_end);
            match self.decoder.decode(unread, at_end) {
                Ok(Step::Complete { consumed, item }) => {
                    sink.take(&item, offset)?;
                    let is_record = matches!(item, Item::Record(_));
                    self.buffer.start += consumed;
                    begun = cut_interval(&self.decoder, begun, is_record, sink);
                }
                Ok(Step::Incomplete { needed }) => {
                    self.needed = needed;
                    sink.end(self.decoder.checkpoint());
                    return Ok(false);
                }
                Ok(Step::End) => {
                    sink.end(self.decoder.checkpoint());
                    sink.over(offset);
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
        let mut begun = start.position().offset;
        sink.begin(begun);
        loop {
            let offset = self.decoder.position().offset;
            if self.group.unread().is_empty() {
                sink.end(self.decoder.checkpoint());
                return Ok(());
            }
            match self.decoder.decode(self.group.unread(), false) {
                Ok(Step::Complete { consumed, item }) => {
                    sink.take(&item, offset)?;
                    let is_record = matches!(item, Item::Record(_));
                    self.group.start += consumed;
                    begun = cut_interval(&self.decoder, begun, is_record, sink);
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

/// Tells the sink how far it has come, if it is far enough from where it `begun`, or behind what is
/// no record: definitions have intervals of their own. Gives where the interval begins that is open.
#[inline]
fn cut_interval(decoder: &Decoder, begun: u64, is_record: bool, sink: &mut impl Sink) -> u64 {
    let offset = decoder.position().offset;
    if is_record && offset.saturating_sub(begun) < INTERVAL_BYTES {
        return begun;
    }
    sink.end(decoder.checkpoint());
    sink.begin(offset);
    offset
}

fn not_as_before(file: &InputFile) -> Error {
    Error::InputChanged {
        file: file.shown.to_string(),
        what: "has other content",
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

    /// Drops at most so many unread bytes; how many it were.
    fn pass(&mut self, bytes: u64) -> u64 {
        let len = usize::try_from(bytes).unwrap_or(usize::MAX);
        let len = len.min(self.unread().len());
        self.start += len;
        len as u64
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
