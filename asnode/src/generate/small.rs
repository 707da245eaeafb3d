//! The shape that memory is measured with: as little as a record can well hold.

use super::bench::text;
use crate::RawRecord;
use fastrand::Rng;

const SET: &str = "small";

/// Record number `i`.
pub(super) fn record(i: u64, rng: &mut Rng) -> RawRecord {
    RawRecord::for_key(SET, 1, &i.to_be_bytes())
        .bin(b"n", 1, &rng.i64(0..1_000_000_000).to_be_bytes())
        .bin(b"s", 3, text(rng, 20).as_bytes())
}
