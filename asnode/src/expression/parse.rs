//! From msgpack to a tree of typed nodes. `None` always means: refused with 4.
//!
//! Counts in headers are a peer's word: nothing is reserved for them, and every argument that is
//! not there ends the work.

use super::{
    geo::Shape,
    node::{Literal, Node, Place},
    operation::{Binary, Bits, Logic, Meta, Numbers, Relation, Unary},
    posix::Pattern,
    value::Type,
};
use crate::{
    build::Build,
    msgpack::{Reader, Token},
};
use aerospike_wire::op::MAX_BIN_NAME;
use std::collections::HashMap;

/// Bytes that a filter may have.
const MAX_BYTES: usize = 1 << 20;

/// Nesting that is accepted; the server's limit is not known, this one keeps the stack small.
pub(super) const MAX_DEPTH: usize = 128;

/// Patterns that a filter may have: each is compiled into up to a mebibyte.
pub(super) const MAX_PATTERNS: usize = 64;

/// A node and the type of its value.
type Typed = (Node, Type);

/// A whole filter: one value of type bool, nothing after it.
pub(super) fn filter(bytes: &[u8], build: Build) -> Option<Node> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let mut parser = Parser {
        reader: Reader::new(bytes),
        names: HashMap::new(),
        scope: Vec::new(),
        patterns: 0,
        build,
    };
    let root = parser.typed(Type::Bool, MAX_DEPTH)?;
    parser.reader.is_empty().then_some(root)
}

struct Parser<'a> {
    reader: Reader<'a>,
    /// Position in the scope, and type, of the variables in scope …
    names: HashMap<&'a [u8], (usize, Type)>,
    /// … and their names in order of declaration.
    scope: Vec<&'a [u8]>,
    patterns: usize,
    /// What operations there are.
    build: Build,
}

impl<'a> Parser<'a> {
    fn node(&mut self, depth: usize) -> Option<Typed> {
        let depth = depth.checked_sub(1)?;
        let start = self.reader;
        let (literal, kind) = match self.reader.token()? {
            Token::Nil => (Literal::Nil, Type::Nil),
            Token::Bool(value) => (Literal::Bool(value), Type::Bool),
            Token::Int(value) => (Literal::Int(value), Type::Int),
            Token::BigInt(value) => (Literal::Int(value.cast_signed()), Type::Int),
            Token::F32(bytes) => {
                let value = f64::from(f32::from_be_bytes(bytes));
                (Literal::Float(value), Type::Float)
            }
            Token::F64(bytes) => (Literal::Float(f64::from_be_bytes(bytes)), Type::Float),
            Token::Str(bytes) => {
                let (prefix, bytes) = bytes.split_first()?;
                let kind = Type::from_prefix(*prefix)?;
                if kind == Type::Geo {
                    Shape::parse(bytes)?; // wherever it is used
                }
                (Literal::Bytes(kind, bytes.into()), kind)
            }
            Token::Map(_) => {
                self.reader = start;
                (Literal::Container(self.reader.value()?.into()), Type::Map)
            }
            Token::List(len) => return self.operation(len.checked_sub(1)?, depth),
            Token::Ext(..) => return None,
        };
        Some((Node::Literal(literal), kind))
    }

    /// A node of this type.
    fn typed(&mut self, kind: Type, depth: usize) -> Option<Node> {
        let (node, found) = self.node(depth)?;
        (found == kind).then_some(node)
    }

    /// One after the other, each of this type.
    fn all(&mut self, kind: Type, count: usize, depth: usize) -> Option<Vec<Node>> {
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(self.typed(kind, depth)?);
        }
        Some(nodes)
    }

    fn operation(&mut self, args: usize, depth: usize) -> Option<Typed> {
        let code = u8::try_from(self.int()?).ok()?;
        match (code, args) {
            (0, 0) => Some((Node::Unknown, Type::Bool)),
            (1..=6, 2) => self.compare(Relation::from_code(code)?, depth),
            (7, 3) => self.regex(depth),
            (8, 2) => self.within(depth),
            (9, 2) if self.build >= Build::SET_INDEX => self.in_list(depth),
            (16 | 17 | 19, 2..) => {
                let nodes = self.all(Type::Bool, args, depth)?;
                Some((Node::Logic(Logic::from_code(code)?, nodes), Type::Bool))
            }
            (18, 1) => {
                let node = self.typed(Type::Bool, depth)?;
                Some((Node::Not(Box::new(node)), Type::Bool))
            }
            (20..=23 | 50 | 51, 1..) => self.numbers(Numbers::from_code(code)?, args, depth),
            (24..=26 | 36..=38 | 40 | 41, 2) => self.binary(code, depth),
            (27, 1) => self.abs(depth),
            (28..=31 | 35 | 39, 1) => self.unary(code, depth),
            (32..=34, 1..) => {
                let nodes = self.all(Type::Int, args, depth)?;
                Some((Node::Bits(Bits::from_code(code)?, nodes), Type::Int))
            }
            (64, 1) => Some((Node::DigestModulo(self.modulus()?), Type::Int)),
            (74, 0) if self.build < Build::BLOB_INDEX => None,
            (65..=74, 0) => {
                let (meta, kind) = Meta::from_code(code)?;
                Some((Node::Meta(meta), kind))
            }
            (80, 1) => self.key(),
            (81, 2) => {
                let kind = self.kind()?;
                Some((Node::Bin(kind, self.bin_name()?), kind))
            }
            (82, 1) => Some((Node::BinType(self.bin_name()?), Type::Int)),
            (123, 3..) if args % 2 == 1 => self.cond(args, depth),
            (124, 1) => self.variable(),
            (125, 3..) if args % 2 == 1 => self.scope(args, depth),
            (126, 1) => self.quote(),
            _ => None,
        }
    }

    fn compare(&mut self, relation: Relation, depth: usize) -> Option<Typed> {
        let (left, kind) = self.node(depth)?;
        if matches!(kind, Type::Geo | Type::Hll) {
            return None;
        }
        let right = self.typed(kind, depth)?;
        Some((Node::Compare(relation, Box::new([left, right])), Type::Bool))
    }

    fn regex(&mut self, depth: usize) -> Option<Typed> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return None;
        }
        let flags = self.int()?;
        let pattern = Box::new(Pattern::compile(flags, self.text()?)?);
        let text = Box::new(self.typed(Type::Str, depth)?);
        Some((Node::Matches(pattern, text), Type::Bool))
    }

    fn within(&mut self, depth: usize) -> Option<Typed> {
        let places = [self.place(depth)?, self.place(depth)?];
        Some((Node::Within(Box::new(places)), Type::Bool))
    }

    fn place(&mut self, depth: usize) -> Option<Place> {
        Some(match self.typed(Type::Geo, depth)? {
            Node::Literal(Literal::Bytes(_, text)) => Place::Known(Shape::parse(&text)?),
            node => Place::Of(node),
        })
    }

    fn in_list(&mut self, depth: usize) -> Option<Typed> {
        let (value, _) = self.node(depth)?;
        let list = self.typed(Type::List, depth)?;
        Some((Node::InList(Box::new([value, list])), Type::Bool))
    }

    fn numbers(&mut self, op: Numbers, args: usize, depth: usize) -> Option<Typed> {
        let (first, kind) = self.number(depth)?;
        let mut nodes = vec![first];
        nodes.append(&mut self.all(kind, args - 1, depth)?);
        Some((Node::Numbers(op, nodes), kind))
    }

    fn number(&mut self, depth: usize) -> Option<Typed> {
        let (node, kind) = self.node(depth)?;
        matches!(kind, Type::Int | Type::Float).then_some((node, kind))
    }

    fn abs(&mut self, depth: usize) -> Option<Typed> {
        let (node, kind) = self.number(depth)?;
        Some((Node::Unary(Unary::Abs, Box::new(node)), kind))
    }

    fn unary(&mut self, code: u8, depth: usize) -> Option<Typed> {
        let (op, argument, result) = Unary::from_code(code)?;
        let node = self.typed(argument, depth)?;
        Some((Node::Unary(op, Box::new(node)), result))
    }

    fn binary(&mut self, code: u8, depth: usize) -> Option<Typed> {
        let (op, [left, right], result) = Binary::from_code(code)?;
        let sides = [self.typed(left, depth)?, self.typed(right, depth)?];
        Some((Node::Binary(op, Box::new(sides)), result))
    }

    fn key(&mut self) -> Option<Typed> {
        let kind = self.kind()?;
        matches!(kind, Type::Int | Type::Str | Type::Blob).then_some((Node::Key(kind), kind))
    }

    /// Conditions with values of one type; an explicit unknown stands for a value of any.
    fn cond(&mut self, args: usize, depth: usize) -> Option<Typed> {
        let mut nodes = Vec::new();
        let mut result = None;
        for at in 0..args {
            let is_condition = at % 2 == 0 && at + 1 < args;
            let (node, kind) = self.node(depth)?;
            if is_condition {
                (kind == Type::Bool).then_some(())?;
            } else if !matches!(node, Node::Unknown) {
                (*result.get_or_insert(kind) == kind).then_some(())?;
            }
            nodes.push(node);
        }
        Some((Node::Cond(nodes), result.unwrap_or(Type::Bool)))
    }

    fn scope(&mut self, args: usize, depth: usize) -> Option<Typed> {
        let outer = self.scope.len();
        let mut values = Vec::new();
        for _ in 0..args / 2 {
            let name = self.text()?;
            if !is_variable(name) || self.names.contains_key(name) {
                return None;
            }
            let (value, kind) = self.node(depth)?;
            values.push(value);
            self.names.insert(name, (self.scope.len(), kind));
            self.scope.push(name);
        }
        let (body, kind) = self.node(depth)?;
        for name in self.scope.drain(outer..) {
            self.names.remove(name);
        }
        Some((Node::Let(values, Box::new(body)), kind))
    }

    fn variable(&mut self) -> Option<Typed> {
        let name = self.text()?;
        let (at, kind) = self.names.get(name)?;
        Some((Node::Variable(*at), *kind))
    }

    fn quote(&mut self) -> Option<Typed> {
        let list = self.reader.value()?;
        let is_list = matches!(Reader::new(list).token()?, Token::List(_));
        is_list.then(|| (Node::Literal(Literal::Container(list.into())), Type::List))
    }

    /// A static integer.
    fn int(&mut self) -> Option<i64> {
        match self.reader.token()? {
            Token::Int(value) => Some(value),
            Token::BigInt(value) => Some(value.cast_signed()),
            _ => None,
        }
    }

    /// A static text, without prefix.
    fn text(&mut self) -> Option<&'a [u8]> {
        match self.reader.token()? {
            Token::Str(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn kind(&mut self) -> Option<Type> {
        Type::from_number(self.int()?)
    }

    fn bin_name(&mut self) -> Option<Box<[u8]>> {
        let name = self.text()?;
        let fits = name.len() <= MAX_BIN_NAME && !name.contains(&0);
        fits.then(|| name.into())
    }

    /// Taken as signed 32 bit, not 0.
    fn modulus(&mut self) -> Option<i64> {
        let [.., b0, b1, b2, b3] = self.int()?.to_be_bytes();
        let modulus = i64::from(i32::from_be_bytes([b0, b1, b2, b3]));
        (modulus != 0).then_some(modulus)
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`.
fn is_variable(name: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    name.iter().all(is_word) && name.first().is_some_and(|first| !first.is_ascii_digit())
}
