//! Records. Source: asb-text.md §7.
//!
//! The state is advanced line by line. A line that is cut leaves it at the line's start, so the
//! next call repeats that line only.

use alloc::vec::Vec;

use crate::base64::decode_digest;
use crate::decode::scanner::{Ending, Scan, Scanner};
use crate::decode::{Options, duplicate};
use crate::error::ErrorKind;
use crate::float;
use crate::name::NameField;
use crate::record::{BinSpan, DataSpan, KeySpan, NameSpan, Record, ValueSpan};
use crate::value::BlobKind;

/// What was read of the record in work; all places count from its start.
#[derive(Debug, Default)]
pub(super) struct RecordState {
    next: Line,
    /// Where the next line starts.
    resume: usize,
    key: Option<KeySpan>,
    namespace: NameSpan,
    digest: [u8; 20],
    set: Option<NameSpan>,
    generation: u16,
    void_time: u32,
    bins_left: u16,
    bins: Vec<BinSpan>,
    names: Vec<u128>,
}

/// The line that comes next, or is allowed to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    #[default]
    Key,
    Namespace,
    Digest,
    Set,
    Generation,
    VoidTime,
    BinCount,
    Bins,
}

impl RecordState {
    #[inline]
    pub(super) fn resume(&self) -> usize {
        self.resume
    }

    /// Whether a line of the record was read.
    #[inline]
    pub(super) fn has_begun(&self) -> bool {
        self.resume > 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.bins.capacity().saturating_add(self.names.capacity())
    }

    /// Reads all lines that are left.
    pub(super) fn decode(&mut self, scanner: &mut Scanner<'_>, options: Options) -> Scan<()> {
        if self.next <= Line::Namespace {
            self.key_and_namespace(scanner, options)?;
        }
        if self.next <= Line::Digest {
            self.digest = digest(scanner)?;
            self.advance(scanner, Line::Set);
        }
        if self.next <= Line::Generation {
            self.set_and_generation(scanner)?;
        }
        if self.next <= Line::VoidTime {
            tag(scanner, b"t", "line '+ t'")?;
            self.void_time = number(scanner, u32::MAX)?;
            self.advance(scanner, Line::BinCount);
        }
        if self.next <= Line::BinCount {
            tag(scanner, b"b", "line '+ b'")?;
            self.bins_left = number(scanner, u16::MAX)?;
            self.bins.clear();
            self.advance(scanner, Line::Bins);
        }
        while self.bins_left > 0 {
            let bin = bin(scanner, options)?;
            self.bins.push(bin);
            self.bins_left = self.bins_left.saturating_sub(1);
            self.resume = scanner.position();
        }
        match duplicate::find(&self.bins, scanner.input(), &mut self.names) {
            None => Ok(()),
            Some(at) => Err(scanner.fail_at(ErrorKind::DuplicateBin, at)),
        }
    }

    /// Makes a view of the record and gets ready for the next one.
    #[inline]
    pub(super) fn finish<'a>(&'a mut self, raw: &'a [u8]) -> Record<'a> {
        self.next = Line::Key;
        self.resume = 0;
        Record {
            key: self.key.take().map(|key| key.of(raw)),
            namespace: self.namespace.of(raw),
            digest: self.digest,
            set: self.set.take().map(|set| set.of(raw)),
            generation: self.generation,
            void_time: self.void_time,
            raw,
            bins: &self.bins,
        }
    }

    /// Forgets the lines of a record that was not finished.
    pub(super) fn abandon(&mut self) {
        (self.next, self.resume) = (Line::Key, 0);
        (self.key, self.set) = (None, None);
    }

    #[inline]
    fn advance(&mut self, scanner: &Scanner<'_>, next: Line) {
        self.next = next;
        self.resume = scanner.position();
    }

    #[inline]
    fn key_and_namespace(&mut self, scanner: &mut Scanner<'_>, options: Options) -> Scan<()> {
        if self.next == Line::Key {
            if tag(scanner, b"kn", "line '+ k' or '+ n'")? == b'n' {
                return self.namespace(scanner);
            }
            self.key = Some(key(scanner, options)?);
            self.advance(scanner, Line::Namespace);
        }
        tag(scanner, b"n", "line '+ n'")?;
        self.namespace(scanner)
    }

    #[inline]
    fn namespace(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        self.namespace = scanner.full_name(NameField::Namespace, Ending::Line)?;
        self.advance(scanner, Line::Digest);
        Ok(())
    }

    #[inline]
    fn set_and_generation(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        if self.next == Line::Set {
            if tag(scanner, b"sg", "line '+ s' or '+ g'")? == b'g' {
                return self.generation(scanner);
            }
            self.set = Some(scanner.full_name(NameField::Set, Ending::Line)?);
            self.advance(scanner, Line::Generation);
        }
        tag(scanner, b"g", "line '+ g'")?;
        self.generation(scanner)
    }

    #[inline]
    fn generation(&mut self, scanner: &mut Scanner<'_>) -> Scan<()> {
        self.generation = number(scanner, u16::MAX)?;
        self.advance(scanner, Line::VoidTime);
        Ok(())
    }
}

/// Takes `+ x ` with an `x` out of `allowed`.
#[inline]
pub(super) fn tag(
    scanner: &mut Scanner<'_>,
    allowed: &'static [u8],
    expected: &'static str,
) -> Scan<u8> {
    if let &[b'+', b' ', tag, b' ', ..] = scanner.rest()
        && allowed.contains(&tag)
    {
        scanner.skip(4);
        return Ok(tag);
    }
    let rest = scanner.rest();
    // The tag that is there, so that the comparison passes over it.
    let tag = rest.get(2).copied().filter(|tag| allowed.contains(tag));
    let wanted = [
        b'+',
        b' ',
        tag.or_else(|| allowed.first().copied()).unwrap_or_default(),
        b' ',
    ];
    Err(scanner.mismatch(&wanted, expected))
}

/// Takes an unsigned number and the LF behind it.
#[inline]
fn number<T: TryFrom<u64> + Into<u64>>(scanner: &mut Scanner<'_>, max: T) -> Scan<T> {
    let max = max.into();
    let value = scanner.unsigned(max)?;
    scanner.line_feed()?;
    match T::try_from(value) {
        Ok(value) => Ok(value),
        Err(_) => Err(scanner.fail(
            ErrorKind::NumberOutOfRange {
                limit: i128::from(max),
            },
            0,
        )),
    }
}

/// Takes the digest line.
#[inline]
fn digest(scanner: &mut Scanner<'_>) -> Scan<[u8; 20]> {
    if let Some((line, _)) = scanner.rest().split_first_chunk::<33>()
        && let Some(b"+ d ") = line.first_chunk::<4>()
        && let Some(text) = line.get(4..).and_then(<[u8]>::first_chunk::<28>)
        && line[32] == b'\n'
        && let Some(digest) = decode_digest(text)
    {
        scanner.skip(33);
        return Ok(digest);
    }
    odd_digest(scanner)
}

/// Finds out what is wrong with a digest line.
#[cold]
fn odd_digest(scanner: &mut Scanner<'_>) -> Scan<[u8; 20]> {
    tag(scanner, b"d", "line '+ d'")?;
    let window = scanner.rest().get(..29).unwrap_or_else(|| scanner.rest());
    match window.iter().position(|&byte| byte == b'\n') {
        Some(len @ 28) => {
            let text = window.get(..len).unwrap_or_default();
            // Right characters, but padding for another number of bytes.
            if crate::base64::is_valid(text) {
                return Err(scanner.fail(ErrorKind::BadDigest, 0));
            }
            Err(scanner.bad_base64(text, scanner.position()))
        }
        None if window.len() < 29 => Err(scanner.need(29, "digest")),
        _ => Err(scanner.fail(ErrorKind::BadDigest, 0)),
    }
}

/// Takes what follows `+ k `.
fn key(scanner: &mut Scanner<'_>, options: Options) -> Scan<KeySpan> {
    let found = scanner.peek("key type")?;
    if !matches!(found, b'I' | b'D' | b'S' | b'X' | b'B') {
        return Err(scanner.fail(ErrorKind::UnknownKeyType { found }, 0));
    }
    scanner.skip(1);
    let bang = bang(scanner)?;
    if found != b'B' {
        refuse_bang(scanner, bang, found, options)?;
    }
    Ok(match found {
        b'I' => KeySpan::Integer(integer(scanner)?),
        b'D' => KeySpan::Double(double(scanner)?),
        b'S' => KeySpan::String(data(scanner, false)?),
        b'X' => KeySpan::String(data(scanner, true)?),
        _ => KeySpan::Blob(data(scanner, !bang)?),
    })
}

/// Takes one bin line.
#[inline]
fn bin(scanner: &mut Scanner<'_>, options: Options) -> Scan<BinSpan> {
    let (letter, bang) = match *scanner.rest() {
        [b'-', b' ', letter, b' ', ..] if is_bin_type(letter) => {
            scanner.skip(4);
            (letter, false)
        }
        _ => odd_bin_type(scanner, options)?,
    };
    let ending = if letter == b'N' {
        Ending::LineNoSpace
    } else {
        Ending::Space
    };
    let name = scanner.full_name(NameField::Bin, ending)?;
    let value = match letter {
        b'N' => ValueSpan::Nil,
        b'Z' => ValueSpan::Bool(boolean(scanner)?),
        b'I' => ValueSpan::Integer(integer(scanner)?),
        b'D' => ValueSpan::Double(double(scanner)?),
        b'S' => ValueSpan::String(data(scanner, false)?),
        b'X' => ValueSpan::String(data(scanner, true)?),
        b'G' => ValueSpan::GeoJson(data(scanner, false)?),
        // The letter was checked above.
        _ => ValueSpan::Blob(
            BlobKind::from_letter(letter).unwrap_or(BlobKind::Blob),
            data(scanner, !bang)?,
        ),
    };
    Ok(BinSpan { name, value })
}

#[inline]
pub(super) const fn is_bin_type(letter: u8) -> bool {
    matches!(letter, b'N' | b'Z' | b'I' | b'D' | b'S' | b'X' | b'G')
        || BlobKind::from_letter(letter).is_some()
}

/// Takes a type with a `!`, or finds out what is wrong with it.
#[cold]
fn odd_bin_type(scanner: &mut Scanner<'_>, options: Options) -> Scan<(u8, bool)> {
    scanner.literal(b"- ", "bin")?;
    let letter = scanner.peek("bin type")?;
    if letter == b'U' {
        return Err(scanner.fail(ErrorKind::LargeDataType, 0));
    }
    if !is_bin_type(letter) {
        return Err(scanner.fail(ErrorKind::UnknownBinType { found: letter }, 0));
    }
    scanner.skip(1);
    let bang = bang(scanner)?;
    if BlobKind::from_letter(letter).is_none() {
        refuse_bang(scanner, bang, letter, options)?;
    }
    Ok((letter, bang))
}

/// Takes an optional `!` and a space; true if the `!` is there.
pub(super) fn bang(scanner: &mut Scanner<'_>) -> Scan<bool> {
    let bang = scanner.peek("space")? == b'!';
    if bang {
        scanner.skip(1);
    }
    scanner.space()?;
    Ok(bang)
}

/// Stops if there is a `!`, two bytes back, and the options do not allow it.
fn refuse_bang(scanner: &mut Scanner<'_>, bang: bool, letter: u8, options: Options) -> Scan<()> {
    if bang && !options.allow_redundant_bang {
        let at = scanner.position().saturating_sub(2);
        return Err(scanner.fail_at(ErrorKind::RedundantBang { letter }, at));
    }
    Ok(())
}

#[inline]
fn boolean(scanner: &mut Scanner<'_>) -> Scan<bool> {
    let value = match scanner.peek("boolean")? {
        b'T' => true,
        b'F' => false,
        found => return Err(scanner.fail(ErrorKind::BadBoolean { found }, 0)),
    };
    scanner.skip(1);
    scanner.line_feed()?;
    Ok(value)
}

#[inline]
fn integer(scanner: &mut Scanner<'_>) -> Scan<i64> {
    let value = scanner.signed()?;
    scanner.line_feed()?;
    Ok(value)
}

#[inline]
fn double(scanner: &mut Scanner<'_>) -> Scan<f64> {
    let start = scanner.position();
    let token = scanner.line("floating point number")?;
    float::parse(token).map_err(|kind| scanner.fail_at(kind, start))
}

/// Takes size, data and LF.
#[inline]
fn data(scanner: &mut Scanner<'_>, is_base64: bool) -> Scan<DataSpan> {
    let start = scanner.position();
    let size = scanner.size()?;
    if is_base64 && !size.is_multiple_of(4) {
        return Err(scanner.fail_at(
            ErrorKind::Base64Length {
                found: u64::from(size),
            },
            start,
        ));
    }
    scanner.sized(size, is_base64)
}
