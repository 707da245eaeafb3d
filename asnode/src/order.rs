//! The server's order of msgpack values (`wire-protocol.md` §5.2): nil < bool < integer < string <
//! list < map < blob < double < geojson.
//!
//! Integers compare as signed 64 bit, strings and blobs bytewise and then by length, containers
//! element by element and then by length; flag elements do not count. Integers and doubles are
//! different types.

use crate::msgpack::{Reader, Token};
use std::cmp::Ordering;

/// Nesting that is compared; the server's limit is not known, this one keeps the stack small.
const MAX_DEPTH: usize = 64;

/// Flag of maps that are sorted by key.
const K_ORDERED: u8 = 0x01;

/// Which maps have an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maps {
    /// All of them.
    Any,
    /// Those with the flag `K_ORDERED`, as in expressions.
    KeyOrdered,
}

/// `None`: malformed, too deep, or a map without an order was met.
pub(crate) fn compare(a: &[u8], b: &[u8], maps: Maps) -> Option<Ordering> {
    next(&mut Reader::new(a), &mut Reader::new(b), maps, MAX_DEPTH)
}

fn next(a: &mut Reader<'_>, b: &mut Reader<'_>, maps: Maps, depth: usize) -> Option<Ordering> {
    let depth = depth.checked_sub(1)?;
    let (left, right) = (a.token()?, b.token()?);
    let by_rank = rank(left).cmp(&rank(right));
    if by_rank != Ordering::Equal {
        return Some(by_rank);
    }
    Some(match (left, right) {
        (Token::Nil, Token::Nil) => Ordering::Equal,
        (Token::Bool(x), Token::Bool(y)) => x.cmp(&y),
        (Token::Str(x), Token::Str(y)) => x.cmp(y),
        (Token::List(x), Token::List(y)) => {
            let lens = [elements(a, x), elements(b, y)];
            items(a, b, lens, maps, depth)?
        }
        (Token::Map(x), Token::Map(y)) => {
            let lens = [pairs(a, x, maps)?, pairs(b, y, maps)?];
            items(a, b, lens, maps, depth)?
        }
        _ => match (integer(left), integer(right)) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => double(left)?
                .partial_cmp(&double(right)?)
                .unwrap_or(Ordering::Equal),
        },
    })
}

/// Elements of a list without its flags, which are read.
pub(crate) fn elements(reader: &mut Reader<'_>, len: usize) -> usize {
    len - usize::from(len > 0 && reader.flags().is_some())
}

/// Keys and values of a map without its flags, which are read. `None`: it has no order.
fn pairs(reader: &mut Reader<'_>, len: usize, maps: Maps) -> Option<usize> {
    let flags = if len > 0 { reader.flags() } else { None };
    if flags.is_some() {
        reader.token()?; // the nil beside the flags
    }
    let ordered = flags.is_some_and(|flags| flags & K_ORDERED != 0);
    let len = len - usize::from(flags.is_some());
    (ordered || maps == Maps::Any).then(|| len.saturating_mul(2))
}

fn items(
    a: &mut Reader<'_>,
    b: &mut Reader<'_>,
    [x, y]: [usize; 2],
    maps: Maps,
    depth: usize,
) -> Option<Ordering> {
    for _ in 0..x.min(y) {
        let order = next(a, b, maps, depth)?;
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

/// Integers of 2^63 or more are negative.
const fn integer(token: Token<'_>) -> Option<i64> {
    match token {
        Token::Int(value) => Some(value),
        Token::BigInt(value) => Some(value.cast_signed()),
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
    use crate::msgpack::hex;

    fn order(a: &str, b: &str, maps: Maps) -> Option<Ordering> {
        compare(&hex(a), &hex(b), maps)
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
            "93 c7 00 01 01 02",
            "80",
            "81 01 01",
            "a1 04",
            "a2 04 00",
            "cb bf f0 00 00 00 00 00 00",
            "ca 3f 80 00 00",
            "a2 17 7b",
        ];
        for pair in sorted.windows(2) {
            let (less, more) = (pair[0], pair[1]);
            assert_eq!(
                order(less, more, Maps::Any),
                Some(Ordering::Less),
                "{pair:?}"
            );
            assert_eq!(
                order(more, less, Maps::Any),
                Some(Ordering::Greater),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn flags_do_not_count() {
        let equal = Some(Ordering::Equal);
        assert_eq!(
            order("94 c7 00 01 01 02 03", "93 01 02 03", Maps::Any),
            equal
        );
        assert_eq!(order("91 c7 00 01", "90", Maps::Any), equal);
        assert_eq!(order("82 c7 00 01 c0 01 02", "81 01 02", Maps::Any), equal);
    }

    #[test]
    fn maps_without_the_flag_have_no_order_of_their_own() {
        let ordered = "82 c7 00 01 c0 01 02";
        let check = |a, b, expected| assert_eq!(order(a, b, Maps::KeyOrdered), expected, "{a}");
        check(ordered, ordered, Some(Ordering::Equal));
        check(ordered, "81 01 02", None);
        check("80", "80", None);
        check("92 01 80", "92 02 80", Some(Ordering::Less)); // decided before the maps are met
        check("92 01 80", "92 01 80", None);
        check("91 80", "91 01", Some(Ordering::Greater));
    }
}
