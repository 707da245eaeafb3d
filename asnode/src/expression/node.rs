//! The tree of a checked filter. Types were compared when it was built, so that evaluating it can
//! rely on them.

use super::{
    geo::Shape,
    operation::{Binary, Bits, Logic, Meta, Numbers, Relation, Unary},
    posix::Pattern,
    value::{Type, Value},
};

/// A constant.
#[derive(Debug)]
pub(super) enum Literal {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Type, Box<[u8]>),
    Container(Box<[u8]>),
}

impl Literal {
    pub(super) const fn value(&self) -> Value<'_> {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Bytes(kind, bytes) => Value::Bytes(*kind, bytes),
            Self::Container(bytes) => Value::Container(bytes),
        }
    }
}

/// An argument that is a point or a region.
#[derive(Debug)]
pub(super) enum Place {
    /// A literal, which is read once.
    Known(Shape),
    Of(Node),
}

/// An operation with its arguments.
#[derive(Debug)]
pub(super) enum Node {
    Unknown,
    Literal(Literal),
    Compare(Relation, Box<[Self; 2]>),
    Matches(Box<Pattern>, Box<Self>),
    /// A point and a region, in either order.
    Within(Box<[Place; 2]>),
    InList(Box<[Self; 2]>),
    Logic(Logic, Vec<Self>),
    Not(Box<Self>),
    /// At least one argument; all integers or all floats.
    Numbers(Numbers, Vec<Self>),
    /// At least one argument; integers.
    Bits(Bits, Vec<Self>),
    Unary(Unary, Box<Self>),
    Binary(Binary, Box<[Self; 2]>),
    Meta(Meta),
    /// Not 0.
    DigestModulo(i64),
    Key(Type),
    Bin(Type, Box<[u8]>),
    BinType(Box<[u8]>),
    /// Condition, value, condition, value … default.
    Cond(Vec<Self>),
    /// Values, each visible to those after it, and the body.
    Let(Vec<Self>, Box<Self>),
    /// The variable that was declared after this many others that are in scope.
    Variable(usize),
}
