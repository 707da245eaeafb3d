//! The incremental decoder.
//!
//! `decode` finishes one item per call. If the input ends inside an item, the decoder remembers
//! how far it came and goes on from there when more is given, so a record of many lines is not
//! read again and again.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod duplicate;
mod global;
mod header;
mod place;
mod record;
mod scanner;
mod skim;

use memchr::memchr_iter;

use crate::error::{Error, ErrorKind, Position};
use crate::index::Index;
use crate::name::Name;
use crate::record::Record;
use crate::udf::Udf;
use crate::version::Version;

pub use self::place::BadCheckpoint;
pub use self::skim::{Checkpoint, Next, Skimmed};

use self::record::RecordState;
use self::scanner::{Halt, Scan, Scanner, Stop};

/// What the decoder lets pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Accept and ignore a `!` after a type letter where it has no meaning (`- I! a 1`), as the
    /// established tools do (asb-text.md §7.2). Default: false, such a letter is an error.
    pub allow_redundant_bang: bool,
}

/// Decodes a file, item by item, from input that arrives in pieces of any size.
///
/// Items, errors and positions are the same however the input is cut. Nothing is allocated for a
/// size that the input declares; the decoder's own memory is a small multiple of the bytes of the
/// largest record's bin lines and is reused.
#[derive(Debug, Default)]
pub struct Decoder {
    options: Options,
    version: Option<Version>,
    section: Section,
    /// Bytes, LF bytes and records consumed so far.
    offset: u64,
    lines: u64,
    records: u64,
    record: RecordState,
}

/// Which lines may come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    Header,
    Meta,
    Body,
}

/// Outcome of [`Decoder::decode`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step<'a> {
    /// An item is complete; the next input begins `consumed` bytes further on.
    Complete {
        /// Number of bytes of the item, from the start of the input.
        consumed: usize,
        /// The item.
        item: Item<'a>,
    },
    /// The input ends inside an item or is empty. Call again with the same bytes and more behind
    /// them.
    Incomplete {
        /// The decoder cannot get further with fewer bytes than this, counted from the start of
        /// the input. Always more than are there now; may be up to 2^32 more if the file
        /// declares such a size, so check it before reserving room.
        needed: usize,
    },
    /// The file ended where it may.
    End,
}

/// One item of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Item<'a> {
    /// The first line.
    Header(Version),
    /// `# namespace …`: source namespace of the backup. May be missing or repeated.
    Namespace(Name<'a>),
    /// `# first-file`: the first file of its backup, with the globals in it.
    FirstFile,
    /// `* i` or `* e`.
    Index(Index<'a>),
    /// `* u`.
    Udf(Udf<'a>),
    /// All the lines of a record.
    Record(Record<'a>),
}

/// What was found; a record is still in the decoder's state.
enum Found<'a> {
    Item(Item<'a>),
    Record,
    End,
}

impl Decoder {
    /// A strict decoder at the start of a file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder with options at the start of a file.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Version of the file, once its header was decoded.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Place of the first byte that was not consumed.
    ///
    /// `record` is the number of a record whose first lines were seen, else `None`.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            offset: self.offset,
            line: self.lines.saturating_add(1),
            record: self.record.has_begun().then_some(self.records),
        }
    }

    /// Decodes the next item.
    ///
    /// `input` begins with the first byte that was not consumed; `end` says that nothing follows
    /// it. After [`Step::Incomplete`] the next input must begin with the same bytes, after an
    /// error the same call gives the same error.
    ///
    /// # Errors
    ///
    /// The first thing in `input` that is not as asb-text.md demands; with `end` also an item
    /// that is cut ([`ErrorKind::UnexpectedEnd`]) and a file without a header.
    #[inline]
    pub fn decode<'a>(&'a mut self, input: &'a [u8], end: bool) -> Result<Step<'a>, Error> {
        let escapes = self.version != Some(Version::V3_0);
        let mut scanner = Scanner::new(input, self.record.resume(), end, escapes);
        match self.find(&mut scanner) {
            Ok(found) => Ok(self.finish(input, scanner.position(), found)),
            Err(Halt) => self.halt(input, scanner.take_stop()),
        }
    }

    fn find<'i>(&mut self, scanner: &mut Scanner<'i>) -> Scan<Found<'i>> {
        if self.record.has_begun() {
            return self
                .record
                .decode(scanner, self.options)
                .map(|()| Found::Record);
        }
        match (self.section, scanner.rest()) {
            (Section::Header, _) => {
                header::version(scanner).map(|version| Found::Item(Item::Header(version)))
            }
            (_, [b'+', ..]) => self
                .record
                .decode(scanner, self.options)
                .map(|()| Found::Record),
            (_, [b'*', ..]) => global::decode(scanner).map(Found::Item),
            (Section::Meta, [b'#', ..]) => header::meta(scanner).map(Found::Item),
            (Section::Body, [b'#', ..]) => Err(scanner.fail(ErrorKind::MisplacedMeta, 0)),
            (_, &[found, ..]) => {
                let expected = "'#', '*' or '+' at the start of a line";
                Err(scanner.fail(ErrorKind::Unexpected { expected, found }, 0))
            }
            (_, []) if scanner.is_end() => Ok(Found::End),
            (_, []) => Err(scanner.need(1, "line")),
        }
    }

    /// Moves on by the bytes of an item.
    fn finish<'a>(&'a mut self, input: &'a [u8], consumed: usize, found: Found<'a>) -> Step<'a> {
        let raw = input.get(..consumed).unwrap_or(input);
        self.offset = self.offset.saturating_add(as_u64(consumed));
        self.lines = self.lines.saturating_add(count_lines(raw));
        let item = match found {
            Found::End => return Step::End,
            Found::Record => {
                self.section = Section::Body;
                self.records = self.records.saturating_add(1);
                Item::Record(self.record.finish(raw))
            }
            Found::Item(item) => {
                self.enter_section(&item);
                item
            }
        };
        Step::Complete { consumed, item }
    }

    fn enter_section(&mut self, item: &Item<'_>) {
        match item {
            Item::Header(version) => {
                self.version = Some(*version);
                self.section = Section::Meta;
            }
            Item::Namespace(_) | Item::FirstFile => {}
            Item::Index(_) | Item::Udf(_) | Item::Record(_) => self.section = Section::Body,
        }
    }

    #[cold]
    fn halt<'a>(&self, input: &[u8], stop: Option<Stop>) -> Result<Step<'a>, Error> {
        match stop {
            Some(Stop::Bad(kind, at)) => Err(Error::new(kind, self.position_in(input, at))),
            Some(Stop::More(needed)) => Ok(Step::Incomplete { needed }),
            // Not reached: whoever halts says why.
            None => Ok(Step::Incomplete {
                needed: input.len().saturating_add(1),
            }),
        }
    }

    /// Position `at` bytes into the item in work.
    fn position_in(&self, input: &[u8], at: usize) -> Position {
        let is_record = self.section != Section::Header && input.first() == Some(&b'+');
        // Lines are those of the format: data that was taken for more than it is does not count.
        let before = input.get(..self.record.resume().min(at)).unwrap_or(input);
        Position {
            offset: self.offset.saturating_add(as_u64(at)),
            line: self
                .lines
                .saturating_add(count_lines(before))
                .saturating_add(1),
            record: is_record.then_some(self.records),
        }
    }

    /// Room in the scratch memory, to see in tests that it stays.
    #[doc(hidden)]
    #[must_use]
    pub fn scratch_capacity(&self) -> usize {
        self.record.capacity()
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    as_u64(memchr_iter(b'\n', bytes).count())
}

fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
