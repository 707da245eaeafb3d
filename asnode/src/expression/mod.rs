//! Filter expressions (`expressions.md`): checked once when the request arrives, evaluated per
//! record in three-valued logic, where `None` is "unknown".
//!
//! - [`parse`]: msgpack to a tree of typed nodes; everything the server refuses is refused here.
//! - [`operation`]: which codes there are, with the types they take and give.
//! - [`node`], [`value`]: the tree, and what its nodes evaluate to.
//! - [`evaluate`], [`arithmetic`]: from a record to a value.
//! - [`posix`]: regular expressions.
//! - [`geo`]: points and regions.
//!
//! To add an operation: a row in [`operation`] if its arguments have fixed types, else a method of
//! the parser; then its value in [`evaluate`].
//!
//! Refused with 4 although the server knows them: parts of maps (101, 102), built-in variables
//! (122) and calls of list, map, bit and HLL operations (127). A filter that does too much work on
//! one record, which takes a hostile one, is unknown for it.

mod arithmetic;
mod evaluate;
mod geo;
mod node;
mod operation;
mod parse;
mod posix;
#[cfg(test)]
mod tests;
mod value;

use crate::{
    build::Build,
    record::{DigestBytes, StoredRecord},
};
use evaluate::Frame;
use node::Node;
use value::Value;

/// Seconds from the Unix epoch to that of the cluster.
const EPOCH_S: i64 = 1_262_304_000;

/// A filter the server refuses: malformed, of wrong types, or not supported here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadFilter;

/// A type-checked filter.
#[derive(Debug)]
pub(crate) struct Expression {
    root: Node,
}

/// What a filter is evaluated against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) digest: &'a DigestBytes,
    pub(crate) record: &'a StoredRecord,
    /// Milliseconds since the CL epoch.
    pub(crate) now_ms: u64,
}

impl Expression {
    /// Checks the content of a FILTER_EXP field, as a server of this version does.
    pub(crate) fn parse(bytes: &[u8], build: Build) -> Result<Self, BadFilter> {
        let root = parse::filter(bytes, build).ok_or(BadFilter)?;
        Ok(Self { root })
    }

    /// Whether the record passes: only true does, unknown does not.
    pub(crate) fn matches(&self, subject: Subject<'_>) -> bool {
        Frame::new(subject).value(&self.root) == Some(Value::Bool(true))
    }
}
