//! What a server does with a whole list or map that a client writes (`wire-protocol.md` §5.1):
//! numbers and headers are compacted, unordered maps are sorted, and bytes that are not a proper
//! list or map are refused with result 1.
//!
//! The persist-index flag is dropped already here. The real server keeps it and hides it from
//! every client (§5.2), so nobody can see the difference.

use crate::msgpack::{Reader, Token, put_int, put_list, put_map, put_str, put_tagged};
use std::{borrow::Cow, cmp::Ordering};

/// Nesting that is accepted; the server's limit is not known, this one keeps the stack small.
const MAX_DEPTH: usize = 64;

/// Pairs that room is made for on the word of a header.
const RESERVE: usize = 256;

const LIST_ORDERED: u8 = 0x01;
const MAP_K_ORDERED: u8 = 0x01;
const MAP_V_ORDERED: u8 = 0x02;

/// Bytes that are not a list (map) in proper form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The canonical form of a list particle.
pub(crate) fn normalise_list(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    normalise(bytes, |token| matches!(token, Token::List(_)))
}

/// The canonical form of a map particle.
pub(crate) fn normalise_map(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    normalise(bytes, |token| matches!(token, Token::Map(_)))
}

fn normalise(
    bytes: &[u8],
    expected: impl Fn(Token<'_>) -> bool,
) -> Result<Cow<'_, [u8]>, Malformed> {
    if !Reader::new(bytes).token().is_some_and(expected) {
        return Err(Malformed);
    }
    let mut reader = Reader::new(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    put_value(&mut reader, &mut out, MAX_DEPTH).ok_or(Malformed)?;
    if !reader.is_empty() {
        return Err(Malformed);
    }
    Ok(if out == bytes {
        Cow::Borrowed(bytes)
    } else {
        Cow::Owned(out)
    })
}

/// Copies one value in canonical form.
fn put_value(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    match reader.token()? {
        Token::Nil => out.push(0xc0),
        Token::Bool(value) => out.push(0xc2 | u8::from(value)),
        Token::Int(value) => put_int(out, value),
        Token::BigInt(value) => put_tagged(out, 0xcf, &value.to_be_bytes()),
        Token::F32(bytes) => put_tagged(out, 0xca, &bytes),
        Token::F64(bytes) => put_tagged(out, 0xcb, &bytes),
        Token::Str(bytes) => put_str(out, bytes),
        Token::List(len) => put_list_value(reader, out, len, depth.checked_sub(1)?)?,
        Token::Map(len) => put_map_value(reader, out, len, depth.checked_sub(1)?)?,
        Token::Ext(..) => return None,
    }
    Some(())
}

/// Reads the flag element if one comes next.
fn flags(reader: &mut Reader<'_>, known: u8) -> Option<u8> {
    let mut ahead = *reader;
    let Some(Token::Ext(flags, [])) = ahead.token() else {
        return None;
    };
    *reader = ahead;
    Some(flags & known)
}

fn put_list_value(
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    len: usize,
    depth: usize,
) -> Option<()> {
    let found = if len == 0 {
        None
    } else {
        flags(reader, LIST_ORDERED)
    };
    let elements = len - usize::from(found.is_some());
    let flags = found.unwrap_or(0);
    put_list(out, elements + usize::from(flags != 0));
    if flags != 0 {
        out.extend_from_slice(&[0xc7, 0, flags]);
    }
    let mut previous = None;
    for _ in 0..elements {
        let start = out.len();
        put_value(reader, out, depth)?;
        if flags & LIST_ORDERED != 0 {
            let in_order = |before: usize| {
                compare(out.get(before..start)?, out.get(start..)?).map(Ordering::is_le)
            };
            if !previous.map_or(Some(true), in_order)? {
                return None;
            }
            previous = Some(start);
        }
    }
    Some(())
}

fn put_map_value(
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    len: usize,
    depth: usize,
) -> Option<()> {
    let found = if len == 0 {
        None
    } else {
        flags(reader, MAP_K_ORDERED | MAP_V_ORDERED)
    };
    if found.is_some() && reader.token()? != Token::Nil {
        return None;
    }
    let pairs = len - usize::from(found.is_some());
    let flags = found.unwrap_or(0);
    put_map(out, pairs + usize::from(flags != 0));
    if flags != 0 {
        out.extend_from_slice(&[0xc7, 0, flags, 0xc0]);
    }
    let mut spans: Vec<Span> = Vec::with_capacity(pairs.min(RESERVE));
    let mut sorted = true;
    for _ in 0..pairs {
        let key = out.len();
        check_key(reader)?;
        put_value(reader, out, depth)?;
        let value = out.len();
        put_value(reader, out, depth)?;
        let span = Span {
            key,
            value,
            end: out.len(),
        };
        if let Some(before) = spans.last() {
            match compare(before.key_bytes(out), span.key_bytes(out))? {
                Ordering::Less => {}
                Ordering::Equal => return None,
                Ordering::Greater => sorted = false,
            }
        }
        spans.push(span);
    }
    match (sorted, flags & MAP_K_ORDERED != 0) {
        (true, _) => Some(()),
        (false, true) => None,
        (false, false) => sort_pairs(out, &mut spans),
    }
}

/// Where a pair stands in the output.
#[derive(Debug, Clone, Copy)]
struct Span {
    key: usize,
    value: usize,
    end: usize,
}

impl Span {
    fn key_bytes(self, out: &[u8]) -> &[u8] {
        out.get(self.key..self.value).unwrap_or_default()
    }
}

/// Map keys are integers, strings or blobs.
fn check_key(reader: &Reader<'_>) -> Option<()> {
    let mut ahead = *reader;
    match ahead.token()? {
        Token::Int(_) | Token::BigInt(_) | Token::Str([3 | 4, ..]) => Some(()),
        _ => None,
    }
}

/// Puts the pairs at the end of `out` into the order of their keys; equal keys are refused.
fn sort_pairs(out: &mut Vec<u8>, spans: &mut [Span]) -> Option<()> {
    let start = spans.first()?.key;
    let order = |a: &Span, b: &Span| compare(a.key_bytes(out), b.key_bytes(out));
    spans.sort_by(|a, b| order(a, b).unwrap_or(Ordering::Equal));
    if spans
        .windows(2)
        .any(|pair| order(&pair[0], &pair[1]) != Some(Ordering::Less))
    {
        return None;
    }
    let sorted: Vec<u8> = spans
        .iter()
        .flat_map(|s| out.get(s.key..s.end).unwrap_or_default())
        .copied()
        .collect();
    out.truncate(start);
    out.extend_from_slice(&sorted);
    Some(())
}

/// The server's order of values (`wire-protocol.md` §5.2): nil < bool < integer < string < list
/// < map < blob < double < geojson. `None`: malformed.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Option<Ordering> {
    compare_next(&mut Reader::new(a), &mut Reader::new(b), MAX_DEPTH)
}

fn compare_next(a: &mut Reader<'_>, b: &mut Reader<'_>, depth: usize) -> Option<Ordering> {
    let depth = depth.checked_sub(1)?;
    let (left, right) = (a.token()?, b.token()?);
    let by_rank = rank(left).cmp(&rank(right));
    if by_rank != Ordering::Equal {
        return Some(by_rank);
    }
    Some(match (left, right) {
        (Token::Bool(x), Token::Bool(y)) => x.cmp(&y),
        (Token::Str(x), Token::Str(y)) => x.cmp(y),
        (Token::List(x), Token::List(y)) => compare_items(a, b, x, y, depth)?,
        (Token::Map(x), Token::Map(y)) => {
            compare_items(a, b, x.saturating_mul(2), y.saturating_mul(2), depth)?
        }
        _ => match (integer(left), integer(right)) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => double(left)?
                .partial_cmp(&double(right)?)
                .unwrap_or(Ordering::Equal),
        },
    })
}

fn compare_items(
    a: &mut Reader<'_>,
    b: &mut Reader<'_>,
    x: usize,
    y: usize,
    depth: usize,
) -> Option<Ordering> {
    for _ in 0..x.min(y) {
        let order = compare_next(a, b, depth)?;
        if order != Ordering::Equal {
            return Some(order);
        }
    }
    Some(x.cmp(&y))
}

const fn rank(token: Token<'_>) -> u8 {
    match token {
        Token::Nil => 0,
        Token::Bool(_) => 1,
        Token::Int(_) | Token::BigInt(_) => 2,
        Token::Str([3, ..]) => 3,
        Token::List(_) => 4,
        Token::Map(_) => 5,
        Token::Str([23, ..]) => 8,
        Token::Str(_) => 6,
        Token::F32(_) | Token::F64(_) => 7,
        Token::Ext(..) => 9,
    }
}

/// Integers compare as signed 64 bit, so those of 2^63 or more are negative.
const fn integer(token: Token<'_>) -> Option<i64> {
    match token {
        Token::Int(value) => Some(value),
        Token::BigInt(value) => Some(value.cast_signed()),
        Token::Nil => Some(0),
        _ => None,
    }
}

fn double(token: Token<'_>) -> Option<f64> {
    match token {
        Token::F32(bytes) => Some(f64::from(f32::from_be_bytes(bytes))),
        Token::F64(bytes) => Some(f64::from_be_bytes(bytes)),
        Token::Ext(..) => Some(0.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn values_are_stored_in_canonical_form() {
        let check = |input: &str, stored: &str| {
            let input = hex(input);
            let normalise = if input[0] & 0xe0 == 0x80 && input[0] & 0x10 == 0
                || input[0] == 0xde
                || input[0] == 0xdf
            {
                normalise_map
            } else {
                normalise_list
            };
            assert_eq!(
                normalise(&input).as_deref(),
                Ok(&hex(stored)[..]),
                "{input:x?}"
            );
        };
        check("dc 00 03 d1 01 00 01 02", "93 cd 01 00 01 02");
        check("92 c4 02 04 ff da 00 02 03 61", "92 a2 04 ff a2 03 61");
        check("83 03 01 01 02 02 03", "83 01 02 02 03 03 01");
        check("91 83 03 01 01 02 02 03", "91 83 01 02 02 03 03 01");
        check("94 c7 00 01 01 02 03", "94 c7 00 01 01 02 03");
        check("94 c7 00 11 01 02 03", "94 c7 00 01 01 02 03");
        check("94 c7 00 10 01 02 03", "93 01 02 03");
        check("84 c7 00 00 c0 03 01 01 02 02 03", "83 01 02 02 03 03 01");
        check("83 c7 00 01 c0 01 0a 02 0b", "83 c7 00 01 c0 01 0a 02 0b");
        check("82 c7 00 03 c0 01 c0", "82 c7 00 03 c0 01 c0");
        check("93 03 01 02", "93 03 01 02"); // unordered lists keep their order
        check(
            "93 a0 cf ff ff ff ff ff ff ff ff d3 ff ff ff ff ff ff ff ff",
            "93 a0 cf ff ff ff ff ff ff ff ff ff",
        );
        check("90", "90");
        check("80", "80");
    }

    #[test]
    fn improper_values_are_refused() {
        let list = |text: &str| assert_eq!(normalise_list(&hex(text)), Err(Malformed), "{text}");
        let map = |text: &str| assert_eq!(normalise_map(&hex(text)), Err(Malformed), "{text}");
        list("94 c7 00 01 03 02 01"); // declared ordered, but is not
        list("92 01"); // cut
        list("91 01 02"); // trailing
        list("81 01 02"); // a map
        list("92 01 d4 ff 00"); // wildcard
        list("dd ff ff ff ff 01"); // count beyond the bytes
        list("");
        list(&"91".repeat(200)); // deeper than any sane value
        map("93 01 02 03"); // a list
        map("82 01 02 01 03"); // key twice
        map("83 02 01 01 02 02 03"); // key twice, apart
        map("81 c0 01"); // nil key
        map("81 c3 01"); // bool key
        map("81 a0 01"); // empty str as key
        map("81 cb 00 00 00 00 00 00 00 00 01"); // double key
        map("83 c7 00 01 c0 02 01 01 02"); // declared ordered, but is not
    }

    #[test]
    fn values_have_the_order_of_the_server() {
        let sorted = [
            "c0",
            "c2",
            "c3",
            "d0 80",
            "ff",
            "00",
            "cc ff",
            "a1 03",
            "a2 03 61",
            "90",
            "91 01",
            "80",
            "81 01 01",
            "a1 04",
            "a2 04 00",
            "cb bf f0 00 00 00 00 00 00",
            "ca 3f 80 00 00",
            "a2 17 7b",
        ];
        for pair in sorted.windows(2) {
            assert_eq!(
                compare(&hex(pair[0]), &hex(pair[1])),
                Some(Ordering::Less),
                "{pair:?}"
            );
            assert_eq!(
                compare(&hex(pair[1]), &hex(pair[0])),
                Some(Ordering::Greater),
                "{pair:?}"
            );
        }
    }
}
