//! Filter expressions that a backup composes (`expressions.md`, `behaviour.md` §2.8): a handful
//! of shapes in msgpack, byte for byte those of the Go tool.
//!
//! *Not here:* evaluation, and the grammar of what users write. Their bytes are taken as they
//! are; only where the value ends is checked.

use alloc::vec::Vec;

/// Set of the server's own transaction monitors.
pub const MONITOR_SET: &[u8] = b"<ERO~MRT";

/// The server gives up at this many bytes of filter.
pub const MAX_FILTER_BYTES: usize = 1 << 20;

/// Operation codes.
mod op {
    pub(super) const EQ: u8 = 1;
    pub(super) const NE: u8 = 2;
    pub(super) const GE: u8 = 4;
    pub(super) const LT: u8 = 5;
    pub(super) const AND: u8 = 16;
    pub(super) const OR: u8 = 17;
    pub(super) const LAST_UPDATE: u8 = 66;
    pub(super) const TTL: u8 = 69;
    pub(super) const SET_NAME: u8 = 70;
}

/// First byte of a string literal.
const STRING: u8 = 3;

/// TTL of a record that never expires, −1, as msgpack.
const NEVER: u8 = 0xff;

/// An expression of type bool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Vec<u8>);

impl Filter {
    /// The set is not the one of the transaction monitors.
    #[must_use]
    pub fn no_monitors() -> Self {
        Self::compare_set(op::NE, MONITOR_SET)
    }

    /// The set is one of `names`; a single name stands without OR.
    #[must_use]
    pub fn any_set<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let names = names.into_iter();
        Self::join(op::OR, names.map(|name| Self::compare_set(op::EQ, name)))
    }

    /// Last updated at `nanoseconds` since 1970 UTC or later.
    #[must_use]
    pub fn modified_since(nanoseconds: i64) -> Self {
        Self::compare_update(op::GE, nanoseconds)
    }

    /// Last updated before `nanoseconds` since 1970 UTC.
    #[must_use]
    pub fn modified_before(nanoseconds: i64) -> Self {
        Self::compare_update(op::LT, nanoseconds)
    }

    /// The record never expires.
    #[must_use]
    pub fn never_expires() -> Self {
        let mut out = Vec::new();
        operation(&mut out, op::EQ, 2);
        operation(&mut out, op::TTL, 0);
        out.push(NEVER);
        Self(out)
    }

    /// Somebody else's expression, if it is one complete msgpack value and nothing after it.
    /// Whether it means anything only the server knows.
    #[must_use]
    pub fn raw(bytes: &[u8]) -> Option<Self> {
        is_one_value(bytes).then(|| Self(bytes.to_vec()))
    }

    /// All of `parts` hold; a single one stands alone, none is `None`.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        Self::join(op::AND, parts)
    }

    /// The bytes of field 43.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes of field 43.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn compare_set(code: u8, name: &[u8]) -> Self {
        let mut out = Vec::new();
        operation(&mut out, code, 2);
        operation(&mut out, op::SET_NAME, 0);
        string(&mut out, name);
        Self(out)
    }

    fn compare_update(code: u8, nanoseconds: i64) -> Self {
        let mut out = Vec::new();
        operation(&mut out, code, 2);
        operation(&mut out, op::LAST_UPDATE, 0);
        out.push(0xd3);
        out.extend_from_slice(&nanoseconds.to_be_bytes());
        Self(out)
    }

    /// The server refuses AND and OR of one operand.
    fn join(code: u8, parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts: Vec<Self> = parts.into_iter().collect();
        if parts.len() < 2 {
            return parts.pop();
        }
        let mut out = Vec::new();
        operation(&mut out, code, parts.len());
        for part in &parts {
            out.extend_from_slice(&part.0);
        }
        Some(Self(out))
    }
}

/// Begins an operation: a list of its code and its arguments. No list here comes near 65535
/// elements: that many sets would not fit into a filter.
fn operation(out: &mut Vec<u8>, code: u8, arguments: usize) {
    let elements = u16::try_from(arguments.saturating_add(1)).unwrap_or(u16::MAX);
    match u8::try_from(elements) {
        Ok(short) if short < 16 => out.push(0x90 | short),
        _ => {
            out.push(0xdc);
            out.extend_from_slice(&elements.to_be_bytes());
        }
    }
    out.push(code);
}

/// A string literal: its type byte is counted. Names of sets have at most 63 bytes.
fn string(out: &mut Vec<u8>, text: &[u8]) {
    let len = u16::try_from(text.len().saturating_add(1)).unwrap_or(u16::MAX);
    match u8::try_from(len) {
        Ok(short) if short < 32 => out.push(0xa0 | short),
        Ok(medium) => out.extend_from_slice(&[0xd9, medium]),
        Err(_) => {
            out.push(0xda);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
    out.push(STRING);
    out.extend_from_slice(text);
}

/// Whether `bytes` are one complete msgpack value and nothing else. Nothing is stacked: a value
/// with parts only raises the number of values to come.
fn is_one_value(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut open = 1u64;
    while open > 0 {
        let Some((parts, after)) = value(rest) else {
            return false;
        };
        open = open.saturating_sub(1).saturating_add(parts);
        rest = after;
    }
    rest.is_empty()
}

/// Skips the next value but not its parts; returns how many of them follow.
fn value(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    match *tag {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Some((0, rest)),
        0x80..=0x8f => Some((u64::from(tag & 0x0f).saturating_mul(2), rest)),
        0x90..=0x9f => Some((u64::from(tag & 0x0f), rest)),
        0xa0..=0xbf => Some((0, rest.get(usize::from(tag & 0x1f)..)?)),
        0xc1 => None,
        0xc4 | 0xd9 => sized(rest, 1, 0),
        0xc5 | 0xda => sized(rest, 2, 0),
        0xc6 | 0xdb => sized(rest, 4, 0),
        0xc7 => sized(rest, 1, 1),
        0xc8 => sized(rest, 2, 1),
        0xc9 => sized(rest, 4, 1),
        0xcc | 0xd0 => Some((0, rest.get(1..)?)),
        0xcd | 0xd1 | 0xd4 => Some((0, rest.get(2..)?)),
        0xd5 => Some((0, rest.get(3..)?)),
        0xca | 0xce | 0xd2 => Some((0, rest.get(4..)?)),
        0xd6 => Some((0, rest.get(5..)?)),
        0xcb | 0xcf | 0xd3 => Some((0, rest.get(8..)?)),
        0xd7 => Some((0, rest.get(9..)?)),
        0xd8 => Some((0, rest.get(17..)?)),
        0xdc => length(rest, 2),
        0xdd => length(rest, 4),
        0xde => length(rest, 2).map(|(pairs, rest)| (pairs.saturating_mul(2), rest)),
        0xdf => length(rest, 4).map(|(pairs, rest)| (pairs.saturating_mul(2), rest)),
    }
}

/// A length of `width` bytes, `extra` bytes, and as many bytes as the length says.
fn sized(bytes: &[u8], width: usize, extra: usize) -> Option<(u64, &[u8])> {
    let (len, rest) = length(bytes, width)?;
    let len = usize::try_from(len).ok()?.checked_add(extra)?;
    Some((0, rest.get(len..)?))
}

/// A big-endian number of `width` bytes.
fn length(bytes: &[u8], width: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(width)?;
    let number = number
        .iter()
        .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
    Some((number, rest))
}
