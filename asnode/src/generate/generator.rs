//! Makes the records of a shape one by one, each from its number alone, so that several threads
//! can share the work and the data is the same however they do.

use super::{FIRST_UPDATE_MS, Shape, bench, small, types};
use crate::RawRecord;
use fastrand::Rng;

/// A shape, a seed, and the time that TTLs count from.
#[derive(Debug)]
pub(super) struct Generator {
    shape: Shape,
    seed: u64,
    now_s: u32,
    /// The first records of [`Shape::Types`]; none of the other shapes.
    specials: Vec<RawRecord>,
}

impl Generator {
    pub(super) fn new(shape: Shape, seed: u64, now_s: u32) -> Self {
        let specials = match shape {
            Shape::Types => types::specials(now_s),
            Shape::Bench | Shape::Small => Vec::new(),
        };
        Self {
            shape,
            seed,
            now_s,
            specials,
        }
    }

    /// Number of records if `count` are asked for.
    pub(super) fn len(&self, count: u64) -> u64 {
        count.max(self.specials.len() as u64)
    }

    /// Record number `i`.
    pub(super) fn record(&self, i: u64) -> RawRecord {
        let special = usize::try_from(i).ok().and_then(|i| self.specials.get(i));
        let mut record = special.cloned().unwrap_or_else(|| self.random(i));
        record.last_update_ms = FIRST_UPDATE_MS + i;
        record
    }

    fn random(&self, i: u64) -> RawRecord {
        let i = i - self.specials.len() as u64;
        let rng = &mut Rng::with_seed(self.seed ^ i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        match self.shape {
            Shape::Bench => bench::record(i, rng),
            Shape::Small => small::record(i, rng),
            Shape::Types => types::random(i, rng, self.now_s),
        }
    }
}
