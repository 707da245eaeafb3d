//! The cursor under the decoder.
//!
//! Its methods take one token each and either advance or stop. A stop is one of two things: more
//! input is needed, or the input is wrong. The reason is kept in the scanner and the methods
//! return an empty marker, so that on the hot path results stay in registers.
//!
//! Advice to the next maintainer: what is decided here must depend only on the bytes from the
//! start of the token, never on how many of them happen to be there. A method may say that bytes
//! are wrong as soon as it sees them, but whether it says so must not change when more follow;
//! the property test over random splits guards this.

use memchr::memchr;

use crate::error::ErrorKind;
use crate::name::{Name, NameField};
use crate::record::{DataSpan, NameSpan};

/// Limit for a number, a context or an expression.
pub(super) const TOKEN_MAX: usize = 1024 * 1024;

/// Digits that fit into a `u64` whatever they are.
const SAFE_DIGITS: usize = 19;

/// Marker for "stopped"; the reason is in the scanner.
#[derive(Debug)]
pub(super) struct Halt;

pub(super) type Scan<T> = Result<T, Halt>;

/// Why the scanner stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// At least this many bytes from the start of the input are needed.
    More(usize),
    /// The input is wrong at this place.
    Bad(ErrorKind, usize),
}

#[derive(Debug)]
pub(super) struct Scanner<'a> {
    input: &'a [u8],
    /// What is left.
    rest: &'a [u8],
    /// No more input follows.
    end: bool,
    /// Names hold escapes, that is, the version is above 3.0.
    escapes: bool,
    stop: Option<Stop>,
}

impl<'a> Scanner<'a> {
    /// Starts `at` bytes into `input`.
    pub(super) fn new(input: &'a [u8], at: usize, end: bool, escapes: bool) -> Self {
        let rest = input.get(at..).unwrap_or_default();
        Self {
            input,
            rest,
            end,
            escapes,
            stop: None,
        }
    }

    /// Bytes from the start of the input.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.input.len().saturating_sub(self.rest.len())
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(super) fn input(&self) -> &'a [u8] {
        self.input
    }

    pub(super) fn is_end(&self) -> bool {
        self.end
    }

    /// The name at `span`.
    pub(super) fn text(&self, span: NameSpan) -> Name<'a> {
        span.of(self.input)
    }

    pub(super) fn take_stop(&mut self) -> Option<Stop> {
        self.stop.take()
    }

    /// Skips `count` bytes, which are there.
    #[inline]
    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Stops: the byte `ahead` bytes from here is wrong.
    #[cold]
    #[inline(never)]
    pub(super) fn fail(&mut self, kind: ErrorKind, ahead: usize) -> Halt {
        self.fail_at(kind, self.position().saturating_add(ahead))
    }

    /// Stops: the byte at `position` of the input is wrong.
    #[cold]
    #[inline(never)]
    pub(super) fn fail_at(&mut self, kind: ErrorKind, position: usize) -> Halt {
        self.stop = Some(Stop::Bad(kind, position));
        Halt
    }

    /// Stops: `count` bytes from here are needed, and not all of them are there.
    #[cold]
    #[inline(never)]
    pub(super) fn need(&mut self, count: usize, expected: &'static str) -> Halt {
        self.stop = Some(if self.end {
            Stop::Bad(ErrorKind::UnexpectedEnd { expected }, self.input.len())
        } else {
            Stop::More(
                self.position()
                    .saturating_add(count)
                    .max(self.input.len().saturating_add(1)),
            )
        });
        Halt
    }

    /// Stops: `wanted` was not found here, find out why.
    #[cold]
    #[inline(never)]
    pub(super) fn mismatch(&mut self, wanted: &[u8], expected: &'static str) -> Halt {
        let same = self
            .rest
            .iter()
            .zip(wanted)
            .take_while(|(a, b)| a == b)
            .count();
        match self.rest.get(same) {
            Some(&found) => self.fail(ErrorKind::Unexpected { expected, found }, same),
            None => self.need(wanted.len(), expected),
        }
    }

    /// Takes exactly these bytes.
    #[inline]
    pub(super) fn literal(&mut self, wanted: &'static [u8], expected: &'static str) -> Scan<()> {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.mismatch(wanted, expected)),
        }
    }

    #[inline]
    pub(super) fn line_feed(&mut self) -> Scan<()> {
        self.delimiter(b'\n', "line feed")
    }

    #[inline]
    pub(super) fn space(&mut self) -> Scan<()> {
        self.delimiter(b' ', "space")
    }

    #[inline]
    fn delimiter(&mut self, wanted: u8, expected: &'static str) -> Scan<()> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte == wanted => {
                self.rest = rest;
                Ok(())
            }
            Some((&found, _)) => Err(self.fail(ErrorKind::Unexpected { expected, found }, 0)),
            None => Err(self.need(1, expected)),
        }
    }

    /// Looks at the next byte.
    #[inline]
    pub(super) fn peek(&mut self, expected: &'static str) -> Scan<u8> {
        match self.rest.first() {
            Some(&byte) => Ok(byte),
            None => Err(self.need(1, expected)),
        }
    }

    /// Takes an unsigned number of at most `max` and stops at the byte behind it.
    #[inline]
    pub(super) fn unsigned(&mut self, max: u64) -> Scan<u64> {
        let (value, count) = self.digits(0)?;
        match value {
            Some(value) if value <= max => {
                self.skip(count);
                Ok(value)
            }
            _ => Err(self.fail(
                ErrorKind::NumberOutOfRange {
                    limit: i128::from(max),
                },
                0,
            )),
        }
    }

    /// Takes a signed number and stops at the byte behind it.
    #[inline]
    pub(super) fn signed(&mut self) -> Scan<i64> {
        let negative = self.rest.first() == Some(&b'-');
        let (value, count) = self.digits(usize::from(negative))?;
        let in_range = match (value, negative) {
            (Some(value), false) => i64::try_from(value).ok(),
            (Some(value), true) => 0_i64.checked_sub_unsigned(value),
            (None, _) => None,
        };
        match in_range {
            Some(value) => {
                self.skip(count);
                Ok(value)
            }
            None => {
                let limit = i128::from(if negative { i64::MIN } else { i64::MAX });
                Err(self.fail(ErrorKind::NumberOutOfRange { limit }, 0))
            }
        }
    }

    /// Value of the digits `ahead` bytes from here, `None` if above `u64::MAX`, and the number of
    /// bytes up to the first that is not a digit.
    #[inline]
    fn digits(&mut self, ahead: usize) -> Scan<(Option<u64>, usize)> {
        let digits = self.rest.get(ahead..).unwrap_or_default();
        let mut value = 0_u64;
        let mut count = 0_usize;
        for byte in digits.iter().take(SAFE_DIGITS) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            count = count.wrapping_add(1);
        }
        match digits.get(count) {
            Some(byte) if count > 0 && !byte.is_ascii_digit() => {
                Ok((Some(value), count.wrapping_add(ahead)))
            }
            _ => self.long_digits(digits, ahead),
        }
    }

    /// Numbers that are missing, cut, or longer than [`SAFE_DIGITS`].
    #[cold]
    fn long_digits(&mut self, digits: &[u8], ahead: usize) -> Scan<(Option<u64>, usize)> {
        let window = digits.get(..TOKEN_MAX).unwrap_or(digits);
        let count = window
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let end = count.saturating_add(ahead);
        match digits.get(count) {
            _ if count == TOKEN_MAX => {
                Err(self.fail(ErrorKind::TokenTooLong { limit: TOKEN_MAX }, 0))
            }
            Some(&found) if count == 0 => Err(self.fail(ErrorKind::BadNumber { found }, ahead)),
            Some(_) => Ok((parse_digits(window.get(..count).unwrap_or_default()), end)),
            None => Err(self.need(end.saturating_add(1), "number")),
        }
    }

    /// Takes a size, at most 2^32-1, and the space behind it.
    #[inline]
    pub(super) fn size(&mut self) -> Scan<u32> {
        let size = self.unsigned(u64::from(u32::MAX))?;
        self.space()?;
        u32::try_from(size).map_err(|_| Halt)
    }

    /// Takes `size` bytes and the LF behind them.
    #[inline]
    pub(super) fn sized(&mut self, len: u32, is_base64: bool) -> Scan<DataSpan> {
        let start = self.position();
        let Some((data, tail)) = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
        else {
            return Err(self.need_data(len));
        };
        if is_base64 && !crate::base64::is_valid(data) {
            return Err(self.bad_base64(data, start));
        }
        self.rest = tail;
        self.line_feed()?;
        Ok(DataSpan {
            start,
            len,
            is_base64,
        })
    }

    /// Like [`Self::need`] for data and the LF behind it.
    #[cold]
    fn need_data(&mut self, len: u32) -> Halt {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.need(len.saturating_add(1), "sized data")
    }

    /// Stops: `data` at `start` of the input is not base64.
    #[cold]
    pub(super) fn bad_base64(&mut self, data: &[u8], start: usize) -> Halt {
        if !data.len().is_multiple_of(4) {
            let found = u64::try_from(data.len()).unwrap_or(u64::MAX);
            return self.fail_at(ErrorKind::Base64Length { found }, start);
        }
        let at = crate::base64::first_invalid(data);
        let found = data.get(at).copied().unwrap_or_default();
        let kind = ErrorKind::BadBase64 { found };
        self.fail_at(kind, start.saturating_add(at))
    }

    /// Takes everything up to the next LF, and that LF.
    #[inline]
    pub(super) fn line(&mut self, expected: &'static str) -> Scan<&'a [u8]> {
        let window = self.rest.get(..=TOKEN_MAX).unwrap_or(self.rest);
        match memchr(b'\n', window) {
            Some(len) => {
                let (token, rest) = self.rest.split_at_checked(len).unwrap_or_default();
                self.rest = rest.get(1..).unwrap_or_default();
                Ok(token)
            }
            None if window.len() > TOKEN_MAX => {
                Err(self.fail(ErrorKind::TokenTooLong { limit: TOKEN_MAX }, 0))
            }
            None => Err(self.need(self.rest.len().saturating_add(1), expected)),
        }
    }

    /// Takes a name and the delimiter behind it. The name may be empty.
    #[inline]
    pub(super) fn name(&mut self, field: NameField, ending: Ending) -> Scan<NameSpan> {
        let start = self.position();
        // Nearly all names are short and plain: look at 16 bytes at once.
        if let Some(chunk) = self.rest.first_chunk::<16>()
            && let Some((len, byte)) = first_special(*chunk, ending)
            && byte == ending.delimiter()
        {
            self.skip(usize::from(len).wrapping_add(1));
            return Ok(NameSpan {
                start,
                len,
                escaped: false,
            });
        }
        self.odd_name(field, ending)
    }

    /// Names that are long, hold escapes, are cut, or end at the wrong delimiter.
    #[inline(never)]
    fn odd_name(&mut self, field: NameField, ending: Ending) -> Scan<NameSpan> {
        let start = self.position();
        let (delimiter, forbidden) = (ending.delimiter(), ending.forbidden());
        let limit = field.limit();
        let (mut len, mut plain, mut escaped) = (0_usize, 0_usize, false);
        loop {
            let step = match self.rest.get(len..) {
                Some([byte, ..]) if *byte == delimiter => break,
                Some([found, ..]) if *found == forbidden => {
                    let kind = ErrorKind::Unexpected {
                        expected: ending.expected(),
                        found: *found,
                    };
                    return Err(self.fail(kind, len));
                }
                Some([_, ..]) if plain == limit => {
                    return Err(self.fail(ErrorKind::NameTooLong { field, limit }, 0));
                }
                Some([b'\\', _, ..]) if self.escapes => 2,
                Some([byte, ..]) if *byte != b'\\' || !self.escapes => 1,
                _ => return Err(self.need(len.saturating_add(1), "name")),
            };
            escaped |= step == 2;
            len = len.saturating_add(step);
            plain = plain.saturating_add(1);
        }
        self.skip(len.saturating_add(1));
        // Twice the limit at most.
        Ok(NameSpan {
            start,
            len: u16::try_from(len).unwrap_or(u16::MAX),
            escaped,
        })
    }

    /// Like [`Self::name`] for names that must not be empty.
    #[inline]
    pub(super) fn full_name(&mut self, field: NameField, ending: Ending) -> Scan<NameSpan> {
        let name = self.name(field, ending)?;
        if name.len == 0 {
            return Err(self.fail_at(ErrorKind::EmptyName { field }, name.start));
        }
        Ok(name)
    }
}

/// How a name ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// At an unescaped space.
    Space,
    /// At an unescaped LF; spaces belong to the name.
    Line,
    /// At an unescaped LF; spaces must be escaped.
    LineNoSpace,
}

impl Ending {
    #[inline]
    const fn delimiter(self) -> u8 {
        match self {
            Self::Space => b' ',
            Self::Line | Self::LineNoSpace => b'\n',
        }
    }

    /// A byte that may not stand in the name unescaped.
    #[inline]
    const fn forbidden(self) -> u8 {
        match self {
            Self::Space | Self::Line => b'\n',
            Self::LineNoSpace => b' ',
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::Line | Self::LineNoSpace => "line feed",
        }
    }
}

/// Place and value of the first byte that is a delimiter, forbidden or a backslash.
#[inline]
fn first_special(chunk: [u8; 16], ending: Ending) -> Option<(u16, u8)> {
    let word = u128::from_le_bytes(chunk);
    let equals = |byte: u8| zero_bytes(word ^ u128::from_le_bytes([byte; 16]));
    let hits = equals(ending.delimiter()) | equals(ending.forbidden()) | equals(b'\\');
    // The lowest hit is true; above it there may be false ones.
    let bit = hits.trailing_zeros();
    let byte = word.wrapping_shr(bit & !7).to_le_bytes()[0];
    (hits != 0).then_some((u16::try_from(bit >> 3).unwrap_or(u16::MAX), byte))
}

/// The high bit of each byte that is zero, and of no byte below the lowest of these.
#[inline]
const fn zero_bytes(word: u128) -> u128 {
    const LOW: u128 = u128::from_le_bytes([0x01; 16]);
    const HIGH: u128 = u128::from_le_bytes([0x80; 16]);
    word.wrapping_sub(LOW) & !word & HIGH
}

fn parse_digits(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, byte| {
        value
            .checked_mul(10)?
            .checked_add(u64::from(byte.wrapping_sub(b'0')))
    })
}
