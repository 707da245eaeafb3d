//! Bins that occur twice in one record.
//!
//! A bin name has at most 15 bytes, so the name and its length fit into one integer and equal
//! integers are equal names. A few are compared each with each; many are sorted, which no input
//! can make quadratic.

use alloc::vec::Vec;

use crate::record::{BinSpan, NameSpan};

/// Up to this many bins all pairs are compared: 28 comparisons of registers at 8.
const PAIRS_MAX: usize = 16;

/// Start of the first bin name that occurred before, counted from the start of the record `raw`.
#[inline]
pub(super) fn find(bins: &[BinSpan], raw: &[u8], names: &mut Vec<u128>) -> Option<usize> {
    if bins.len() < 2 {
        return None;
    }
    names.clear();
    names.extend(bins.iter().map(|bin| packed(bin.name, raw)));
    let is_clean = if names.len() <= PAIRS_MAX {
        all_differ(names)
    } else {
        all_differ_sorted(names)
    };
    if is_clean { None } else { locate(bins, raw) }
}

#[inline]
fn all_differ(names: &[u128]) -> bool {
    let mut rest = names;
    while let Some((name, others)) = rest.split_first() {
        // No early exit, so that the loop has no branches inside.
        if others
            .iter()
            .fold(false, |same, other| same | (other == name))
        {
            return false;
        }
        rest = others;
    }
    true
}

fn all_differ_sorted(names: &mut [u128]) -> bool {
    names.sort_unstable();
    !names.array_windows().any(|[a, b]| a == b)
}

#[cold]
fn locate(bins: &[BinSpan], raw: &[u8]) -> Option<usize> {
    let mut names: Vec<_> = bins
        .iter()
        .map(|bin| (packed(bin.name, raw), bin.name.start))
        .collect();
    names.sort_unstable();
    let second = names
        .array_windows()
        .filter(|[a, b]| a.0 == b.0)
        .map(|[_, b]| b.1);
    second.min()
}

/// The plain name in the low 15 bytes, its length in the highest.
#[inline]
fn packed(name: NameSpan, raw: &[u8]) -> u128 {
    let chunk = raw.get(name.start..).and_then(<[u8]>::first_chunk::<16>);
    match chunk {
        Some(chunk) if !name.escaped && name.len < 16 => {
            let bits = u32::from(name.len).wrapping_mul(8);
            let mask = 1_u128.wrapping_shl(bits).wrapping_sub(1);
            (u128::from_le_bytes(*chunk) & mask) | (u128::from(name.len) << 120)
        }
        _ => packed_slow(name, raw),
    }
}

#[cold]
fn packed_slow(name: NameSpan, raw: &[u8]) -> u128 {
    let name = name.of(raw);
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    bytes[15] = u8::try_from(name.unescaped_len()).unwrap_or(u8::MAX);
    u128::from_le_bytes(bytes)
}
