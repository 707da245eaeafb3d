//! Base64 in the strictness of this format.
//!
//! RFC 4648, standard alphabet, padding required, no line breaks; set bits behind the end of the
//! data are tolerated (asb-text.md §5.3). The SIMD library checks those bits, so the last group of
//! four is always done here, by table.

use alloc::vec::Vec;
use core::fmt;

use base64_simd::{Out, STANDARD, STANDARD_NO_PAD};

const INVALID: u8 = 0xff;

static SEXTETS: [u8; 256] = sextets();

const fn sextets() -> [u8; 256] {
    let alphabet = STANDARD.charset();
    let mut table = [INVALID; 256];
    let mut i = 0;
    while i < 64 {
        #[expect(clippy::cast_possible_truncation, reason = "i < 64")]
        {
            table[alphabet[i] as usize] = i as u8;
        }
        i += 1;
    }
    table
}

/// Base64 text that was checked, so decoding it cannot fail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Base64Text<'a> {
    text: &'a [u8],
}

impl<'a> Base64Text<'a> {
    /// Checks `text`; `None` if it is not valid base64 in the sense of asb-text.md §5.3.
    ///
    /// ```
    /// use asb_format::Base64Text;
    /// assert!(Base64Text::new(b"QR==").is_some());
    /// assert!(Base64Text::new(b"QQ").is_none());
    /// ```
    #[must_use]
    pub fn new(text: &'a [u8]) -> Option<Self> {
        is_valid(text).then_some(Self { text })
    }

    /// `text` was checked by the decoder.
    pub(crate) const fn checked(text: &'a [u8]) -> Self {
        Self { text }
    }

    /// The text itself; its length is a multiple of four.
    #[must_use]
    pub const fn as_text(&self) -> &'a [u8] {
        self.text
    }

    /// Number of bytes that the text stands for.
    #[must_use]
    pub fn decoded_len(&self) -> usize {
        let padding = match self.text {
            [.., b'=', b'='] => 2,
            [.., b'='] => 1,
            _ => 0,
        };
        (self.text.len() / 4 * 3).saturating_sub(padding)
    }

    /// Appends the decoded bytes to `out`.
    pub fn decode_into(&self, out: &mut Vec<u8>) {
        let Some((body, last)) = self.text.split_last_chunk::<4>() else {
            return;
        };
        // The library grows by the exact size, which would be quadratic over many values.
        out.reserve(self.decoded_len());
        let decoded = STANDARD_NO_PAD.decode_append(body, out);
        debug_assert!(decoded.is_ok(), "the text was checked");
        if let Some((bytes, len)) = last_group(*last) {
            out.extend_from_slice(bytes.get(..len).unwrap_or_default());
        }
    }

    /// Decodes into the front of `out` and returns that part, or `None` if `out` is shorter than
    /// [`decoded_len`](Self::decoded_len).
    pub fn decode_to_slice<'o>(&self, out: &'o mut [u8]) -> Option<&'o mut [u8]> {
        let out = out.get_mut(..self.decoded_len())?;
        if let Some((body, last)) = self.text.split_last_chunk::<4>() {
            let (front, back) = out.split_at_mut_checked(body.len() / 4 * 3)?;
            let decoded = STANDARD_NO_PAD.decode(body, Out::from_slice(front));
            debug_assert!(decoded.is_ok(), "the text was checked");
            let (bytes, len) = last_group(*last)?;
            back.copy_from_slice(bytes.get(..len)?);
        }
        Some(out)
    }
}

impl fmt::Debug for Base64Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64Text(\"{}\")", self.text.escape_ascii())
    }
}

/// Whether `text` is valid; its length may be anything.
#[inline]
pub(crate) fn is_valid(text: &[u8]) -> bool {
    match text.split_last_chunk::<4>() {
        Some((body, last)) => {
            body.len().is_multiple_of(4)
                && last_group(*last).is_some()
                && STANDARD_NO_PAD.check(body).is_ok()
        }
        None => text.is_empty(),
    }
}

/// Place of the first byte of an invalid `text` that is not in the alphabet; padding is reported
/// only if it is not at its place, that is, if nothing before it is wrong.
#[cold]
pub(crate) fn first_invalid(text: &[u8]) -> usize {
    text.iter()
        .position(|&byte| sextet(byte) == INVALID)
        .unwrap_or(text.len())
}

/// Decodes the 20 bytes of a digest from its 28 characters.
#[inline]
pub(crate) fn decode_digest(text: &[u8; 28]) -> Option<[u8; 20]> {
    let mut digest = [0; 20];
    let (groups, _) = text.as_chunks::<4>();
    let (front, last) = groups.split_at_checked(6)?;
    let (out, tail) = digest.as_chunks_mut::<3>();
    let mut bad = 0;
    for (group, bytes) in front.iter().zip(out) {
        let word = group.map(sextet);
        bad |= word[0] | word[1] | word[2] | word[3];
        *bytes = join(word);
    }
    let (bytes, len) = last_group(*last.first()?)?;
    tail.copy_from_slice(bytes.get(..len)?.first_chunk::<2>()?);
    (bad < 64 && len == 2).then_some(digest)
}

/// Decodes one group that may end in padding; bits behind the data are ignored.
#[inline]
fn last_group(group: [u8; 4]) -> Option<([u8; 3], usize)> {
    let len = match group {
        [_, _, b'=', b'='] => 1,
        [_, _, _, b'='] => 2,
        _ => 3,
    };
    let mut word = group.map(sextet);
    if len < 3 {
        word[3] = 0;
    }
    if len < 2 {
        word[2] = 0;
    }
    let bad = word[0] | word[1] | word[2] | word[3];
    (bad < 64).then(|| (join(word), len))
}

#[inline]
fn sextet(byte: u8) -> u8 {
    SEXTETS.get(usize::from(byte)).copied().unwrap_or(INVALID)
}

#[inline]
const fn join(word: [u8; 4]) -> [u8; 3] {
    [
        word[0] << 2 | word[1] >> 4,
        word[1] << 4 | word[2] >> 2,
        word[2] << 6 | word[3],
    ]
}

/// Length of the text for `len` bytes.
#[inline]
pub(crate) const fn encoded_len(len: usize) -> usize {
    len.div_ceil(3) * 4
}

/// Appends the text for `bytes`; the caller has reserved the room.
#[inline]
pub(crate) fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    STANDARD.encode_append(bytes, out);
}

/// The 28 characters of a digest.
#[inline]
pub(crate) fn encode_digest(digest: &[u8; 20]) -> [u8; 28] {
    let mut padded = [0; 21];
    padded[..20].copy_from_slice(digest);
    let mut text = [b'='; 28];
    for (group, bytes) in text
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(padded.as_chunks::<3>().0)
    {
        let [a, b, c] = *bytes;
        *group = [
            a >> 2,
            (a << 4 | b >> 4) & 63,
            (b << 2 | c >> 6) & 63,
            c & 63,
        ]
        .map(letter);
    }
    text[27] = b'=';
    text
}

#[inline]
fn letter(sextet: u8) -> u8 {
    STANDARD
        .charset()
        .get(usize::from(sextet))
        .copied()
        .unwrap_or(b'=')
}
