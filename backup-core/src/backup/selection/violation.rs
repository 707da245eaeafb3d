//! What can be wrong with a selection before anything is asked or touched.

use super::{Scope, Selection, filter};
use aerospike_wire::expression::{Filter, MAX_FILTER_BYTES};
use std::collections::BTreeSet;

/// Longest name of a set in bytes.
const SET_BYTES: usize = 63;

/// Longest name of a bin in bytes.
const BIN_BYTES: usize = 15;

/// Highest id of a rack.
const LAST_RACK: u32 = 1_000_000;

/// How names of sets begin that the server keeps for itself.
const INTERNAL_SETS: &str = "<ERO~";

/// A part of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// [`Selection::sets`].
    Sets,
    /// [`Selection::bins`].
    Bins,
    /// [`Selection::modified_before`].
    ModifiedBefore,
    /// [`Selection::filter_expression`].
    FilterExpression,
    /// [`Scope::Nodes`].
    Nodes,
    /// [`Scope::Racks`].
    Racks,
    /// [`Selection::prefer_racks`].
    PreferRacks,
}

/// A rule that a selection breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A name of no letters.
    #[error("an empty name is no name")]
    EmptyName {
        /// Where.
        field: Field,
    },
    /// The same entry twice.
    #[error("{entry:?} is listed twice")]
    Duplicate {
        /// Where.
        field: Field,
        /// The entry.
        entry: String,
    },
    /// A name that the server does not allow.
    #[error("{name:?} has {} bytes: at most {limit} are possible", name.len())]
    NameTooLong {
        /// Where.
        field: Field,
        /// The name.
        name: String,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// A set of the server's own.
    #[error("{name:?} is a set of the server's own, which is never backed up")]
    InternalSet {
        /// Its name.
        name: String,
    },
    /// A window that ends before it begins.
    #[error("the end of the time window must be later than its beginning")]
    EmptyWindow,
    /// Bytes that cannot be an expression.
    #[error("the expression is not one complete msgpack value")]
    NoExpression,
    /// More than the server takes.
    #[error("the filter has {bytes} bytes in all: the server takes less than {MAX_FILTER_BYTES}")]
    FilterTooLarge {
        /// Its size with the parts that are added to the expression.
        bytes: usize,
    },
    /// A list of nothing, which selects nothing.
    #[error("the list is empty")]
    EmptyList {
        /// Where.
        field: Field,
    },
    /// No id of a rack.
    #[error("rack {id} does not exist: ids go from 0 to {LAST_RACK}")]
    RackOutOfRange {
        /// Where.
        field: Field,
        /// The id.
        id: u32,
    },
    /// Two ways to choose the nodes to read from.
    #[error(
        "racks cannot be preferred in a backup of listed nodes or racks, which reads from masters"
    )]
    PreferenceAndMasters,
}

impl Violation {
    /// The part of the selection that is to be changed.
    #[must_use]
    pub const fn field(&self) -> Field {
        match self {
            Self::EmptyName { field }
            | Self::Duplicate { field, .. }
            | Self::NameTooLong { field, .. }
            | Self::EmptyList { field }
            | Self::RackOutOfRange { field, .. } => *field,
            Self::InternalSet { .. } => Field::Sets,
            Self::EmptyWindow => Field::ModifiedBefore,
            Self::NoExpression | Self::FilterTooLarge { .. } => Field::FilterExpression,
            Self::PreferenceAndMasters => Field::PreferRacks,
        }
    }
}

impl Selection {
    /// Everything that is wrong with the selection in itself; nothing if it is sound.
    #[must_use]
    pub fn check(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        names(Field::Sets, &self.sets, SET_BYTES, &mut found);
        let internal = self
            .sets
            .iter()
            .filter(|name| name.starts_with(INTERNAL_SETS));
        found.extend(internal.map(|name| Violation::InternalSet { name: name.clone() }));
        names(Field::Bins, &self.bins, BIN_BYTES, &mut found);
        if let (Some(after), Some(before)) = (self.modified_after, self.modified_before)
            && before <= after
        {
            found.push(Violation::EmptyWindow);
        }
        found.extend(self.check_filter());
        self.check_scope(&mut found);
        found
    }

    fn check_filter(&self) -> Option<Violation> {
        let expression = &self.filter_expression;
        if !expression.is_empty() && Filter::raw(expression).is_none() {
            return Some(Violation::NoExpression);
        }
        let bytes = filter::compose(self).len();
        (bytes >= MAX_FILTER_BYTES).then_some(Violation::FilterTooLarge { bytes })
    }

    fn check_scope(&self, found: &mut Vec<Violation>) {
        match &self.scope {
            Scope::All | Scope::Partitions(_) | Scope::AfterDigest(_) => {}
            Scope::Nodes(nodes) if nodes.is_empty() => {
                found.push(Violation::EmptyList {
                    field: Field::Nodes,
                });
            }
            Scope::Nodes(nodes) => names(Field::Nodes, nodes, usize::MAX, found),
            Scope::Racks(ids) if ids.is_empty() => {
                found.push(Violation::EmptyList {
                    field: Field::Racks,
                });
            }
            Scope::Racks(ids) => racks(Field::Racks, ids, found),
        }
        racks(Field::PreferRacks, &self.prefer_racks, found);
        let masters = matches!(self.scope, Scope::Nodes(_) | Scope::Racks(_));
        if masters && !self.prefer_racks.is_empty() {
            found.push(Violation::PreferenceAndMasters);
        }
    }
}

fn names(field: Field, names: &[String], limit: usize, found: &mut Vec<Violation>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            found.push(Violation::EmptyName { field });
        } else if name.len() > limit {
            let name = name.clone();
            found.push(Violation::NameTooLong { field, name, limit });
        } else if !seen.insert(name) {
            let entry = name.clone();
            found.push(Violation::Duplicate { field, entry });
        }
    }
}

fn racks(field: Field, ids: &[u32], found: &mut Vec<Violation>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        if *id > LAST_RACK {
            found.push(Violation::RackOutOfRange { field, id: *id });
        } else if !seen.insert(id) {
            let entry = id.to_string();
            found.push(Violation::Duplicate { field, entry });
        }
    }
}
