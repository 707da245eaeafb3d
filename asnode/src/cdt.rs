//! What a server does with a whole list or map that a client writes (`wire-protocol.md` §5.1):
//! numbers and headers are compacted, unordered maps are sorted, and bytes that are not a proper
//! list or map are refused with result 1.
//!
//! The persist-index flag is dropped already here. The real server keeps it and hides it from
//! every client (§5.2), so nobody can see the difference.

use crate::{
    msgpack::{Reader, Token, put_int, put_list, put_map, put_str, put_tagged},
    order::{Maps, compare},
};
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

/// The known flags of a container of `len` elements, if it begins with any.
fn own_flags(reader: &mut Reader<'_>, len: usize, known: u8) -> Option<u8> {
    if len == 0 {
        return None;
    }
    reader.flags().map(|flags| flags & known)
}

fn put_list_value(
    reader: &mut Reader<'_>,
    out: &mut Vec<u8>,
    len: usize,
    depth: usize,
) -> Option<()> {
    let found = own_flags(reader, len, LIST_ORDERED);
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
                compare(out.get(before..start)?, out.get(start..)?, Maps::Any).map(Ordering::is_le)
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
    let found = own_flags(reader, len, MAP_K_ORDERED | MAP_V_ORDERED);
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
            match compare(before.key_bytes(out), span.key_bytes(out), Maps::Any)? {
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
    let order = |a: &Span, b: &Span| compare(a.key_bytes(out), b.key_bytes(out), Maps::Any);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msgpack::hex;

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
}
