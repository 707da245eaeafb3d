//! Types and values of the language, and how values compare.

use super::operation::Relation;
use crate::{
    msgpack::{Reader, Token},
    order::{self, Maps},
};
use aerospike_wire::particle::geojson_text;
use std::cmp::Ordering;

/// A type; not to be confused with the particle types, which have other numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Nil,
    Bool,
    Int,
    Str,
    List,
    Map,
    Blob,
    Float,
    Geo,
    Hll,
}

impl Type {
    /// The type with this number in a `key` or `bin` operation.
    pub(super) const fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::Nil,
            1 => Self::Bool,
            2 => Self::Int,
            3 => Self::Str,
            4 => Self::List,
            5 => Self::Map,
            6 => Self::Blob,
            7 => Self::Float,
            8 => Self::Geo,
            9 => Self::Hll,
            _ => return None,
        })
    }

    /// The type of a literal that starts with this byte.
    pub(super) const fn from_prefix(prefix: u8) -> Option<Self> {
        Some(match prefix {
            3 => Self::Str,
            4 => Self::Blob,
            18 => Self::Hll,
            23 => Self::Geo,
            _ => return None,
        })
    }

    /// Particle type of bins that have this type; it is also the prefix of literals. Nothing
    /// stored is nil.
    pub(super) const fn particle(self) -> Option<u8> {
        Some(match self {
            Self::Nil => return None,
            Self::Int => 1,
            Self::Float => 2,
            Self::Str => 3,
            Self::Blob => 4,
            Self::Bool => 17,
            Self::Hll => 18,
            Self::Map => 19,
            Self::List => 20,
            Self::Geo => 23,
        })
    }
}

/// A known value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// String, blob, GeoJSON text or HLL.
    Bytes(Type, &'a [u8]),
    /// The msgpack of a list or map.
    Container(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value of a stored bin or key of type `kind`. `None`: it is not stored as it should be.
    pub(super) fn stored(kind: Type, bytes: &'a [u8]) -> Option<Self> {
        Some(match kind {
            Type::Nil => return None,
            Type::Bool => Self::Bool(bytes.first()? != &0),
            Type::Int => Self::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
            Type::Float => Self::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
            Type::List | Type::Map => Self::Container(bytes),
            Type::Geo => Self::Bytes(kind, geojson_text(bytes).ok()?),
            Type::Str | Type::Blob | Type::Hll => Self::Bytes(kind, bytes),
        })
    }

    /// Bytes that a comparison may have to look at.
    pub(super) const fn len_bytes(&self) -> usize {
        match self {
            Self::Bytes(_, bytes) | Self::Container(bytes) => bytes.len(),
            _ => 8,
        }
    }

    /// Whether the relation holds between values of one type; unknown where maps without an
    /// order stand in the way.
    pub(super) fn relates(self, relation: Relation, other: Value<'_>) -> Option<bool> {
        let order = match (self, other) {
            (Self::Nil, Value::Nil) => Some(Ordering::Equal),
            (Self::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
            (Self::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Value::Float(b)) => a.partial_cmp(&b), // NaN is unequal to all
            (Self::Bytes(_, a), Value::Bytes(_, b)) => Some(a.cmp(b)),
            (Self::Container(a), Value::Container(b)) => {
                Some(order::compare(a, b, Maps::KeyOrdered)?)
            }
            _ => None,
        };
        Some(relation.holds(order))
    }

    /// Whether the value is an element of a list. Other types are unequal.
    pub(super) fn is_in(self, list: &[u8]) -> Option<bool> {
        let mut reader = Reader::new(list);
        let Token::List(len) = reader.token()? else {
            return None;
        };
        let flags = usize::from(len > 0 && reader.flags().is_some());
        for _ in flags..len {
            if self.equals(reader.value()?)? {
                return Some(true);
            }
        }
        Some(false)
    }

    fn equals(self, element: &[u8]) -> Option<bool> {
        if let Self::Container(bytes) = self {
            return order::compare(bytes, element, Maps::KeyOrdered).map(Ordering::is_eq);
        }
        Some(match (self, Reader::new(element).token()?) {
            (Self::Nil, Token::Nil) => true,
            (Self::Bool(a), Token::Bool(b)) => a == b,
            (Self::Int(a), Token::Int(b)) => a == b,
            (Self::Int(a), Token::BigInt(b)) => a == b.cast_signed(),
            (Self::Float(a), Token::F32(b)) => a == f64::from(f32::from_be_bytes(b)),
            (Self::Float(a), Token::F64(b)) => a == f64::from_be_bytes(b),
            (Self::Bytes(kind, a), Token::Str([prefix, b @ ..])) => {
                kind.particle() == Some(*prefix) && a == b
            }
            _ => false,
        })
    }
}
