//! Filter expressions (`expressions.md`): checked when the request arrives, evaluated per record
//! in three-valued logic.
//!
//! Supported are literals and the operations that backup tools send: unknown (0), comparisons
//! (1–6), and/or/not/exclusive (16–19) and record metadata (64–74). Every other operation is
//! refused with result 4, as the server refuses codes it does not know. To add one: a variant of
//! [`Node`], its argument types in [`Parser::operation`], its value in [`Expression::value`].

use crate::{
    msgpack::{Reader, Token},
    record::{DigestBytes, StoredRecord},
};
use std::cmp::Ordering;

const EPOCH_S: i64 = 1_262_304_000;
const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// Nesting that is accepted.
const MAX_DEPTH: usize = 64;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Nil,
    Bool,
    Int,
    Str,
    Blob,
    Float,
    Geo,
    Hll,
    /// Fits everywhere: the type of an explicit unknown.
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Strings and blobs; the types were compared before.
    Bytes(&'a [u8]),
}

#[derive(Debug)]
enum Literal {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy)]
enum Relation {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug)]
enum Node {
    Unknown,
    Literal(Literal),
    Compare(Relation, Box<[Self; 2]>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Exclusive(Vec<Self>),
    DigestModulo(i64),
    LastUpdate,
    SinceUpdate,
    VoidTime,
    Ttl,
    SetName,
    KeyExists,
    IsTombstone,
    RecordSize,
    /// device_size: the node's namespaces are in memory.
    Zero,
}

impl Expression {
    /// Checks the content of a FILTER_EXP field.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadFilter> {
        let mut parser = Parser {
            reader: Reader::new(bytes),
        };
        match parser.node(MAX_DEPTH) {
            Some((root, Type::Bool | Type::Any)) if parser.reader.is_empty() => Ok(Self { root }),
            _ => Err(BadFilter),
        }
    }

    /// Whether the record passes: only true does, unknown does not.
    pub(crate) fn matches(&self, subject: Subject<'_>) -> bool {
        truth(&self.root, subject) == Some(true)
    }
}

/// `None` = unknown.
fn truth(node: &Node, subject: Subject<'_>) -> Option<bool> {
    match value(node, subject)? {
        Value::Bool(value) => Some(value),
        _ => None,
    }
}

fn value<'a>(node: &'a Node, subject: Subject<'a>) -> Option<Value<'a>> {
    let record = subject.record;
    Some(match node {
        Node::Unknown => return None,
        Node::Literal(literal) => literal.value(),
        Node::Compare(relation, sides) => {
            let [left, right] = sides.as_ref();
            Value::Bool(relation.holds(value(left, subject)?, value(right, subject)?))
        }
        Node::And(nodes) => Value::Bool(all(nodes, subject)?),
        Node::Or(nodes) => Value::Bool(any(nodes, subject)?),
        Node::Not(node) => Value::Bool(!truth(node, subject)?),
        Node::Exclusive(nodes) => Value::Bool(exclusive(nodes, subject)?),
        Node::DigestModulo(modulus) => Value::Int(digest_modulo(subject.digest, *modulus)),
        Node::LastUpdate => Value::Int((EPOCH_S * 1000 + signed(record.lut_ms())) * NS_PER_MS),
        Node::SinceUpdate => Value::Int(signed(subject.now_ms.saturating_sub(record.lut_ms()))),
        Node::VoidTime => Value::Int(match record.void_time() {
            0 => -1,
            void_time => (EPOCH_S + i64::from(void_time)) * NS_PER_S,
        }),
        Node::Ttl => Value::Int(match record.void_time() {
            0 => -1,
            void_time => (i64::from(void_time) - signed(subject.now_ms / 1000)).max(1),
        }),
        Node::SetName => Value::Bytes(record.set()),
        Node::KeyExists => Value::Bool(record.key().is_some()),
        Node::IsTombstone => Value::Bool(false),
        Node::RecordSize => Value::Int(signed(record.stored_size())),
        Node::Zero => Value::Int(0),
    })
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// False if any is false, else unknown if any is unknown.
fn all(nodes: &[Node], subject: Subject<'_>) -> Option<bool> {
    let mut result = Some(true);
    for node in nodes {
        match truth(node, subject) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

/// True if any is true, else unknown if any is unknown.
fn any(nodes: &[Node], subject: Subject<'_>) -> Option<bool> {
    let mut result = Some(false);
    for node in nodes {
        match truth(node, subject) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

/// Exactly one is true; unknown as soon as an unknown is met, unless two true came before it.
fn exclusive(nodes: &[Node], subject: Subject<'_>) -> Option<bool> {
    let mut hits = 0;
    for node in nodes {
        hits += u32::from(truth(node, subject)?);
        if hits > 1 {
            return Some(false);
        }
    }
    Some(hits == 1)
}

/// u32 little-endian of digest bytes 16…19, remainder by the modulus.
fn digest_modulo(digest: &DigestBytes, modulus: i64) -> i64 {
    let [.., b0, b1, b2, b3] = *digest;
    i64::from(u32::from_le_bytes([b0, b1, b2, b3])) % modulus
}

impl Literal {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

impl Relation {
    fn holds(self, left: Value<'_>, right: Value<'_>) -> bool {
        let order = match (left, right) {
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(&b), // NaN is unequal to all
            (Value::Nil, Value::Nil) => Some(Ordering::Equal),
            _ => None,
        };
        match self {
            Self::Eq => order == Some(Ordering::Equal),
            Self::Ne => order != Some(Ordering::Equal),
            Self::Gt => order == Some(Ordering::Greater),
            Self::Ge => order.is_some_and(Ordering::is_ge),
            Self::Lt => order == Some(Ordering::Less),
            Self::Le => order.is_some_and(Ordering::is_le),
        }
    }
}

/// Builds nodes and their types; `None` = refused.
struct Parser<'a> {
    reader: Reader<'a>,
}

impl Parser<'_> {
    fn node(&mut self, depth: usize) -> Option<(Node, Type)> {
        let depth = depth.checked_sub(1)?;
        let literal = |literal, kind| Some((Node::Literal(literal), kind));
        match self.reader.token()? {
            Token::Nil => literal(Literal::Nil, Type::Nil),
            Token::Bool(value) => literal(Literal::Bool(value), Type::Bool),
            Token::Int(value) => literal(Literal::Int(value), Type::Int),
            Token::BigInt(value) => literal(Literal::Int(value.cast_signed()), Type::Int),
            Token::F32(bytes) => literal(
                Literal::Float(f64::from(f32::from_be_bytes(bytes))),
                Type::Float,
            ),
            Token::F64(bytes) => literal(Literal::Float(f64::from_be_bytes(bytes)), Type::Float),
            Token::Str([kind, bytes @ ..]) => {
                let kind = match kind {
                    3 => Type::Str,
                    4 => Type::Blob,
                    18 => Type::Hll,
                    23 => Type::Geo,
                    _ => return None,
                };
                literal(Literal::Bytes(bytes.to_vec()), kind)
            }
            Token::List(len) => self.operation(len.checked_sub(1)?, depth),
            Token::Str([]) | Token::Map(_) | Token::Ext(..) => None,
        }
    }

    fn operation(&mut self, args: usize, depth: usize) -> Option<(Node, Type)> {
        let Token::Int(code) = self.reader.token()? else {
            return None;
        };
        let nullary = |node, kind| (args == 0).then_some((node, kind));
        match code {
            0 => nullary(Node::Unknown, Type::Any),
            1 => self.compare(Relation::Eq, args, depth),
            2 => self.compare(Relation::Ne, args, depth),
            3 => self.compare(Relation::Gt, args, depth),
            4 => self.compare(Relation::Ge, args, depth),
            5 => self.compare(Relation::Lt, args, depth),
            6 => self.compare(Relation::Le, args, depth),
            16 => Some((Node::And(self.bools(args, 2, depth)?), Type::Bool)),
            17 => Some((Node::Or(self.bools(args, 2, depth)?), Type::Bool)),
            18 if args == 1 => {
                let node = self.bools(1, 1, depth)?.pop()?;
                Some((Node::Not(Box::new(node)), Type::Bool))
            }
            19 => Some((Node::Exclusive(self.bools(args, 2, depth)?), Type::Bool)),
            64 if args == 1 => Some((Node::DigestModulo(self.modulus()?), Type::Int)),
            65 => nullary(Node::Zero, Type::Int),
            66 => nullary(Node::LastUpdate, Type::Int),
            67 => nullary(Node::SinceUpdate, Type::Int),
            68 => nullary(Node::VoidTime, Type::Int),
            69 => nullary(Node::Ttl, Type::Int),
            70 => nullary(Node::SetName, Type::Str),
            71 => nullary(Node::KeyExists, Type::Bool),
            72 => nullary(Node::IsTombstone, Type::Bool),
            73 | 74 => nullary(Node::RecordSize, Type::Int),
            _ => None,
        }
    }

    fn compare(&mut self, relation: Relation, args: usize, depth: usize) -> Option<(Node, Type)> {
        if args != 2 {
            return None;
        }
        let (left, a) = self.node(depth)?;
        let (right, b) = self.node(depth)?;
        let comparable = |kind| !matches!(kind, Type::Geo | Type::Hll);
        let fits = a == b || a == Type::Any || b == Type::Any;
        (fits && comparable(a) && comparable(b))
            .then(|| (Node::Compare(relation, Box::new([left, right])), Type::Bool))
    }

    fn bools(&mut self, args: usize, least: usize, depth: usize) -> Option<Vec<Node>> {
        if args < least {
            return None;
        }
        let mut nodes = Vec::new(); // the count is a peer's word: nothing is reserved for it
        for _ in 0..args {
            let (node, Type::Bool | Type::Any) = self.node(depth)? else {
                return None;
            };
            nodes.push(node);
        }
        Some(nodes)
    }

    /// A static integer, taken as signed 32 bit, not 0.
    fn modulus(&mut self) -> Option<i64> {
        let Token::Int(modulus) = self.reader.token()? else {
            return None;
        };
        let [.., b0, b1, b2, b3] = modulus.to_be_bytes();
        match i32::from_be_bytes([b0, b1, b2, b3]) {
            0 => None,
            modulus => Some(i64::from(modulus)),
        }
    }
}
