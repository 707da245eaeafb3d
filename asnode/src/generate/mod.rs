//! Named shapes of test data from a seed: the same seed gives the same records everywhere.

mod bench;
mod generator;
mod small;
mod types;

use crate::{Cluster, RawRecord};
use generator::Generator;
use std::{num::NonZero, ops::Range, str::FromStr, thread};

/// Last-update time of the first generated record, milliseconds since the CL epoch; each further
/// record is one millisecond younger.
pub const FIRST_UPDATE_MS: u64 = 500_000_000_000;

/// A kind of data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Seven bins: integer, string, double, boolean, 96-byte blob, list of 10, map of 8; set
    /// `bench`, string keys stored. About 520 bytes of ASB text per record.
    Bench,
    /// Two bins, an integer and a string of 20 characters; set `small`, keys not stored.
    Small,
    /// Every particle type that a backup can hold (all but vector), every order flag of lists and
    /// maps, odd names of bins and sets, odd keys, TTLs, non-UTF-8 strings; indexes of every
    /// kind and two UDF modules. At least [`types_len`] records, more if asked for.
    Types,
}

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, UnknownShape> {
        match name {
            "bench" => Ok(Self::Bench),
            "small" => Ok(Self::Small),
            "types" => Ok(Self::Types),
            _ => Err(UnknownShape {
                name: name.to_owned(),
            }),
        }
    }
}

/// There is no shape of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no data shape is called {name:?}; there are bench, small and types")]
pub struct UnknownShape {
    /// The name that was given.
    pub name: String,
}

/// The records of a shape, made as they are asked for. `now_s` (seconds since the CL epoch) is
/// what TTLs count from; only [`Shape::Types`] has any.
pub fn records(
    shape: Shape,
    count: u64,
    seed: u64,
    now_s: u32,
) -> impl Iterator<Item = RawRecord> + use<> {
    let generator = Generator::new(shape, seed, now_s);
    (0..generator.len(count)).map(move |i| generator.record(i))
}

/// Smallest number of records of [`Shape::Types`].
#[must_use]
pub fn types_len() -> u64 {
    Generator::new(Shape::Types, 0, 0).len(0)
}

/// Fills a namespace with a shape, its indexes and UDFs included, by a thread per processor.
/// Returns the number of records; 0 if there is no such namespace.
pub fn load(cluster: &Cluster, namespace: &str, shape: Shape, count: u64, seed: u64) -> u64 {
    let generator = Generator::new(shape, seed, cluster.clock().now_s());
    let fill = |range: Range<u64>| {
        range
            .filter(|i| cluster.put(namespace, &generator.record(*i)))
            .count() as u64
    };
    let stored = thread::scope(|scope| {
        let start = |range| scope.spawn(move || fill(range));
        let threads: Vec<_> = shares(generator.len(count)).map(start).collect();
        let stored = threads.into_iter().map(|t| t.join().unwrap_or(0));
        stored.sum()
    });
    if shape == Shape::Types && stored > 0 {
        types::indexes(namespace).into_iter().for_each(|index| {
            cluster.create_index(index);
        });
        types::udfs()
            .into_iter()
            .for_each(|udf| cluster.put_udf(udf));
    }
    stored
}

/// Cuts the record numbers below `total` into a range per processor.
fn shares(total: u64) -> impl Iterator<Item = Range<u64>> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let share = total.div_ceil(processors);
    (0..processors).map(move |i| (i * share).min(total)..((i + 1) * share).min(total))
}
