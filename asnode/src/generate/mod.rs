//! Named shapes of test data from a seed: the same seed gives the same records everywhere.

mod bench;
mod types;

use crate::{Cluster, RawRecord};
use std::str::FromStr;

/// Last-update time of the first generated record, milliseconds since the CL epoch; each further
/// record is one millisecond younger.
pub const FIRST_UPDATE_MS: u64 = 500_000_000_000;

/// A kind of data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Seven bins: integer, string, double, boolean, 96-byte blob, list of 10, map of 8; set
    /// `bench`, string keys stored. About 520 bytes of ASB text per record.
    Bench,
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
            "types" => Ok(Self::Types),
            _ => Err(UnknownShape {
                name: name.to_owned(),
            }),
        }
    }
}

/// There is no shape of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no data shape is called {name:?}; there are bench and types")]
pub struct UnknownShape {
    /// The name that was given.
    pub name: String,
}

/// The records of a shape, made as they are asked for. `now_s` (seconds since the CL epoch) is
/// what TTLs count from; [`Shape::Bench`] has none.
pub fn records(
    shape: Shape,
    count: u64,
    seed: u64,
    now_s: u32,
) -> Box<dyn Iterator<Item = RawRecord>> {
    match shape {
        Shape::Bench => Box::new(bench::records(count, seed)),
        Shape::Types => Box::new(types::records(count, seed, now_s)),
    }
}

/// Smallest number of records of [`Shape::Types`].
#[must_use]
pub fn types_len() -> u64 {
    types::specials(0).len() as u64
}

/// Fills a namespace with a shape, its indexes and UDFs included. Returns the number of records;
/// 0 if there is no such namespace.
pub fn load(cluster: &Cluster, namespace: &str, shape: Shape, count: u64, seed: u64) -> u64 {
    let mut stored = 0;
    for record in records(shape, count, seed, cluster.clock().now_s()) {
        if !cluster.put(namespace, &record) {
            return 0;
        }
        stored += 1;
    }
    if shape == Shape::Types {
        types::indexes(namespace).into_iter().for_each(|index| {
            cluster.create_index(index);
        });
        types::udfs()
            .into_iter()
            .for_each(|udf| cluster.put_udf(udf));
    }
    stored
}
