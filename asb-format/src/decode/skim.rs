//! Records told apart without being decoded.
//!
//! A record start cannot be searched for: raw values may hold any bytes, also text that looks like
//! records. So whoever wants to share a file among decoders has to walk over it once. This walk
//! reads tags, names and sizes and jumps over the rest. It uses the very scanner of the decoder,
//! so that both find the same ends, and it gives up where anything but a sound record comes.

use crate::decode::record::{bang, is_bin_type, tag};
use crate::decode::scanner::{Ending, Scan, Scanner, Stop};
use crate::decode::{Decoder, Section, as_u64, count_lines};
use crate::error::{ErrorKind, Position};
use crate::name::NameField;
use crate::value::BlobKind;
use crate::version::Version;

/// A place between two items of a file, and all that a decoder has to know to begin there.
///
/// [`Decoder::checkpoint`] gives one, [`skim`](Self::skim) moves it, and [`Decoder::restart`]
/// takes it: so several decoders can share a file, and errors keep the file's own offsets, lines
/// and records. The default is the start of a file.
///
/// ```
/// use asb_format::{Checkpoint, Decoder, Item, Step};
///
/// let file = b"Version 3.1\n+ n a\n+ d RNfvtsfls/oY29bYkXW6Gx/fyrk=\n+ g 3\n+ t 0\n+ b 0\n";
/// let mut first = Decoder::new();
/// let Step::Complete { consumed, .. } = first.decode(file, true)? else { unreachable!() };
/// let start = first.checkpoint();
/// let mut end = start;
/// let skimmed = end.skim(&file[consumed..]);
/// assert_eq!(consumed + skimmed.bytes, file.len());
/// assert_eq!(end.position().line, 7);
///
/// // Another decoder, on another thread, takes what was skimmed over.
/// let mut second = Decoder::new();
/// second.restart(start);
/// let step = second.decode(&file[consumed..], false)?;
/// assert!(matches!(step, Step::Complete { item: Item::Record(_), .. }));
/// assert_eq!(second.checkpoint(), end);
/// # Ok::<(), asb_format::Error>(())
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub(super) version: Option<Version>,
    pub(super) section: Section,
    /// Bytes, LF bytes and records before this place.
    pub(super) offset: u64,
    pub(super) lines: u64,
    pub(super) records: u64,
}

/// What [`Checkpoint::skim`] passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skimmed {
    /// Bytes of the whole records at the start of the input.
    pub bytes: usize,
    /// Number of these records.
    pub records: u64,
    /// What comes after them.
    pub next: Next,
}

/// What comes after the records that were passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The input ends inside a record, or between two.
    Incomplete {
        /// Bytes from the start of the input without which the next record cannot be complete.
        needed: usize,
    },
    /// No record, or a damaged one: for a decoder to say what it is.
    Other,
}

impl Checkpoint {
    /// The place for messages. `record` is always `None`.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            offset: self.offset,
            line: self.lines.saturating_add(1),
            record: None,
        }
    }

    /// Records before this place.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Moves over the whole records that `input`, which begins here, begins with.
    ///
    /// What was passed over is as long for a decoder, but need not be sound: base64, digests and
    /// numbers are not looked at. A decoder that gets exactly these bytes, with more to come,
    /// gives all the records or the same error that it would give with the whole file; it never
    /// asks for more.
    pub fn skim(&mut self, input: &[u8]) -> Skimmed {
        let (mut bytes, mut records) = (0_usize, 0_u64);
        let next = loop {
            let rest = input.get(bytes..).unwrap_or_default();
            match rest.first() {
                Some(b'+') if self.section != Section::Header => {}
                None => break incomplete(bytes, 1),
                Some(_) => break Next::Other,
            }
            let mut scanner = Scanner::new(rest, 0, false, self.version != Some(Version::V3_0));
            match record(&mut scanner) {
                Ok(()) => {
                    bytes = bytes.saturating_add(scanner.position());
                    records = records.saturating_add(1);
                }
                Err(_) => match scanner.take_stop() {
                    Some(Stop::More(needed)) => break incomplete(bytes, needed),
                    _ => break Next::Other,
                },
            }
        };
        self.pass(input.get(..bytes).unwrap_or_default(), records);
        Skimmed {
            bytes,
            records,
            next,
        }
    }

    fn pass(&mut self, raw: &[u8], records: u64) {
        if records > 0 {
            self.section = Section::Body;
        }
        self.offset = self.offset.saturating_add(as_u64(raw.len()));
        self.lines = self.lines.saturating_add(count_lines(raw));
        self.records = self.records.saturating_add(records);
    }
}

impl Decoder {
    /// The place of the first byte that was not consumed, to begin there with another decoder.
    #[must_use]
    pub const fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            version: self.version,
            section: self.section,
            offset: self.offset,
            lines: self.lines,
            records: self.records,
        }
    }

    /// Goes on at `place`, whatever was decoded before. Options and scratch memory stay.
    pub fn restart(&mut self, place: Checkpoint) {
        let Checkpoint {
            version,
            section,
            offset,
            lines,
            records,
        } = place;
        (self.version, self.section) = (version, section);
        (self.offset, self.lines, self.records) = (offset, lines, records);
        self.record.abandon();
    }
}

fn incomplete(before: usize, needed: usize) -> Next {
    Next::Incomplete {
        needed: before.saturating_add(needed),
    }
}

/// Passes over the lines of a record: the grammar of `RecordState::decode`.
#[inline]
fn record(scanner: &mut Scanner<'_>) -> Scan<()> {
    if tag(scanner, b"kn", "record")? == b'k' {
        key(scanner)?;
        tag(scanner, b"n", "record")?;
    }
    scanner.full_name(NameField::Namespace, Ending::Line)?;
    digest(scanner)?;
    if tag(scanner, b"sg", "record")? == b's' {
        scanner.full_name(NameField::Set, Ending::Line)?;
        tag(scanner, b"g", "record")?;
    }
    number(scanner, u64::from(u16::MAX))?;
    tag(scanner, b"t", "record")?;
    number(scanner, u64::from(u32::MAX))?;
    tag(scanner, b"b", "record")?;
    for _ in 0..number(scanner, u64::from(u16::MAX))? {
        bin(scanner)?;
    }
    Ok(())
}

#[inline]
fn number(scanner: &mut Scanner<'_>, max: u64) -> Scan<u64> {
    let value = scanner.unsigned(max)?;
    scanner.line_feed()?;
    Ok(value)
}

#[inline]
fn digest(scanner: &mut Scanner<'_>) -> Scan<()> {
    match scanner.rest().first_chunk::<33>() {
        Some(line) if line.starts_with(b"+ d ") && line[32] == b'\n' => {
            scanner.skip(33);
            Ok(())
        }
        Some(_) => Err(scanner.fail(ErrorKind::BadDigest, 0)),
        None => Err(scanner.need(33, "digest")),
    }
}

fn key(scanner: &mut Scanner<'_>) -> Scan<()> {
    let letter = scanner.peek("key type")?;
    scanner.skip(1);
    let bang = bang(scanner)?;
    match letter {
        b'I' if !bang => integer(scanner),
        b'D' if !bang => scanner.line("number").map(drop),
        b'S' | b'X' if !bang => data(scanner),
        b'B' => data(scanner),
        found => Err(scanner.fail(ErrorKind::UnknownKeyType { found }, 0)),
    }
}

#[inline]
fn bin(scanner: &mut Scanner<'_>) -> Scan<()> {
    let letter = match *scanner.rest() {
        [b'-', b' ', letter, b' ', ..] if is_bin_type(letter) => {
            scanner.skip(4);
            letter
        }
        _ => raw_bin_type(scanner)?,
    };
    if letter == b'N' {
        scanner.full_name(NameField::Bin, Ending::LineNoSpace)?;
        return Ok(());
    }
    scanner.full_name(NameField::Bin, Ending::Space)?;
    match letter {
        b'I' => integer(scanner),
        b'D' => scanner.line("number").map(drop),
        b'Z' => {
            scanner.peek("boolean")?;
            scanner.skip(1);
            scanner.line_feed()
        }
        _ => data(scanner),
    }
}

/// Takes `- X! ` of a raw value. Everything else is for the decoder to refuse.
#[inline(never)]
fn raw_bin_type(scanner: &mut Scanner<'_>) -> Scan<u8> {
    scanner.literal(b"- ", "bin")?;
    let letter = scanner.peek("bin type")?;
    if BlobKind::from_letter(letter).is_none() {
        return Err(scanner.fail(ErrorKind::UnknownBinType { found: letter }, 0));
    }
    scanner.skip(1);
    bang(scanner)?;
    Ok(letter)
}

#[inline]
fn integer(scanner: &mut Scanner<'_>) -> Scan<()> {
    scanner.signed()?;
    scanner.line_feed()
}

#[inline]
fn data(scanner: &mut Scanner<'_>) -> Scan<()> {
    let size = scanner.size()?;
    scanner.sized(size, false).map(drop)
}
