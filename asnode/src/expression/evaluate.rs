//! From a record to the value of a node; `None` is unknown.

use super::{
    EPOCH_S, Subject,
    arithmetic::{self, Either},
    geo::Shape,
    node::{Node, Place},
    operation::{Binary, Bits, Logic, Meta, Numbers, Unary},
    value::{Type, Value},
};
use crate::record::DigestBytes;
use aerospike_wire::op::Op;
use std::borrow::Cow;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// Bytes that the evaluation for one record may look at, bins it passes by included. A filter of
/// 1 MiB could otherwise compare a bin of 1 MiB hundreds of thousands of times.
const MAX_WORK: usize = 64 << 20;

/// Reading a byte of JSON costs that much more than comparing one.
const JSON_WORK: usize = 8;

/// The evaluation of a filter for one record.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    subject: Subject<'a>,
    /// Variables in scope, in order of declaration.
    variables: Vec<Option<Value<'a>>>,
    work_left: usize,
}

impl<'a> Frame<'a> {
    pub(super) const fn new(subject: Subject<'a>) -> Self {
        Self {
            subject,
            variables: Vec::new(),
            work_left: MAX_WORK,
        }
    }

    pub(super) fn value(&mut self, node: &'a Node) -> Option<Value<'a>> {
        match node {
            Node::Unknown => None,
            Node::Literal(literal) => Some(literal.value()),
            Node::Compare(relation, sides) => {
                let [left, right] = self.pair(sides)?;
                self.spend(left.len_bytes().min(right.len_bytes()))?;
                left.relates(*relation, right).map(Value::Bool)
            }
            Node::Matches(pattern, text) => {
                let text = self.bytes(text)?;
                Some(Value::Bool(pattern.is_match(text)))
            }
            Node::Within(places) => self.within(places).map(Value::Bool),
            Node::InList(sides) => self.in_list(sides).map(Value::Bool),
            Node::Logic(logic, nodes) => self.logic(*logic, nodes).map(Value::Bool),
            Node::Not(node) => Some(Value::Bool(!self.truth(node)?)),
            Node::Numbers(op, nodes) => self.numbers(*op, nodes),
            Node::Bits(op, nodes) => self.bits(*op, nodes).map(Value::Int),
            Node::Unary(op, node) => self.unary(*op, node),
            Node::Binary(op, sides) => self.binary(*op, sides),
            Node::Meta(meta) => self.meta(*meta),
            Node::DigestModulo(modulus) => {
                Some(Value::Int(digest_modulo(self.subject.digest, *modulus)))
            }
            Node::Key(kind) => self.key(*kind),
            Node::Bin(kind, name) => self.bin(*kind, name),
            Node::BinType(name) => {
                let particle = self.find(name)?.map_or(0, |bin| bin.particle);
                Some(Value::Int(i64::from(particle)))
            }
            Node::Cond(nodes) => self.cond(nodes),
            Node::Let(values, body) => self.scope(values, body),
            Node::Variable(at) => *self.variables.get(*at)?,
        }
    }

    /// Accounts for bytes that will be looked at. `None`: it has been too many.
    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.work_left = self.work_left.checked_sub(bytes)?;
        Some(())
    }

    fn truth(&mut self, node: &'a Node) -> Option<bool> {
        match self.value(node)? {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    fn int(&mut self, node: &'a Node) -> Option<i64> {
        match self.value(node)? {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    fn float(&mut self, node: &'a Node) -> Option<f64> {
        match self.value(node)? {
            Value::Float(value) => Some(value),
            _ => None,
        }
    }

    fn bytes(&mut self, node: &'a Node) -> Option<&'a [u8]> {
        match self.value(node)? {
            Value::Bytes(_, bytes) | Value::Container(bytes) => {
                self.spend(bytes.len())?;
                Some(bytes)
            }
            _ => None,
        }
    }

    fn pair(&mut self, [left, right]: &'a [Node; 2]) -> Option<[Value<'a>; 2]> {
        Some([self.value(left)?, self.value(right)?])
    }

    fn within(&mut self, [left, right]: &'a [Place; 2]) -> Option<bool> {
        let (left, right) = (self.shape(left)?, self.shape(right)?);
        self.spend(left.work().saturating_add(right.work()))?;
        Some(left.matches(&right))
    }

    fn shape(&mut self, place: &'a Place) -> Option<Cow<'a, Shape>> {
        match place {
            Place::Known(shape) => Some(Cow::Borrowed(shape)),
            Place::Of(node) => {
                let text = self.bytes(node)?;
                self.spend(text.len().saturating_mul(JSON_WORK))?;
                Shape::parse(text).map(Cow::Owned)
            }
        }
    }

    fn in_list(&mut self, [value, list]: &'a [Node; 2]) -> Option<bool> {
        let value = self.value(value)?;
        let list = self.bytes(list)?;
        value.is_in(list)
    }

    fn logic(&mut self, logic: Logic, nodes: &'a [Node]) -> Option<bool> {
        match logic {
            Logic::And => self.any(nodes, false).map(|found| !found),
            Logic::Or => self.any(nodes, true),
            Logic::Exclusive => self.exclusive(nodes),
        }
    }

    /// Whether one of the nodes is `wanted`: known as soon as one is, unknown if there is none
    /// but an unknown one.
    fn any(&mut self, nodes: &'a [Node], wanted: bool) -> Option<bool> {
        let mut result = Some(false);
        for node in nodes {
            match self.truth(node) {
                Some(value) if value == wanted => return Some(true),
                Some(_) => {}
                None => result = None,
            }
        }
        result
    }

    /// Exactly one is true; unknown as soon as an unknown is met, unless two true came before it.
    fn exclusive(&mut self, nodes: &'a [Node]) -> Option<bool> {
        let mut hits = 0;
        for node in nodes {
            hits += u32::from(self.truth(node)?);
            if hits > 1 {
                return Some(false);
            }
        }
        Some(hits == 1)
    }

    fn numbers(&mut self, op: Numbers, nodes: &'a [Node]) -> Option<Value<'a>> {
        let (first, rest) = nodes.split_first()?;
        match self.value(first)? {
            Value::Int(first) => {
                let rest = rest.iter().map(|node| self.int(node));
                arithmetic::numbers(op, first, rest).map(Value::Int)
            }
            Value::Float(first) => {
                let rest = rest.iter().map(|node| self.float(node));
                arithmetic::numbers(op, first, rest).map(Value::Float)
            }
            _ => None,
        }
    }

    fn bits(&mut self, op: Bits, nodes: &'a [Node]) -> Option<i64> {
        let (first, rest) = nodes.split_first()?;
        let first = self.int(first)?;
        arithmetic::bits(op, first, rest.iter().map(|node| self.int(node)))
    }

    fn unary(&mut self, op: Unary, node: &'a Node) -> Option<Value<'a>> {
        let argument = match self.value(node)? {
            Value::Int(x) => Either::Int(x),
            Value::Float(x) => Either::Float(x),
            _ => return None,
        };
        Some(match arithmetic::unary(op, argument)? {
            Either::Int(x) => Value::Int(x),
            Either::Float(x) => Value::Float(x),
        })
    }

    fn binary(&mut self, op: Binary, sides: &'a [Node; 2]) -> Option<Value<'a>> {
        match self.pair(sides)? {
            [Value::Int(a), Value::Int(b)] => arithmetic::of_ints(op, a, b).map(Value::Int),
            [Value::Int(a), Value::Bool(b)] => arithmetic::scan(op, a, b).map(Value::Int),
            [Value::Float(a), Value::Float(b)] => arithmetic::of_floats(op, a, b).map(Value::Float),
            _ => None,
        }
    }

    fn meta(&mut self, meta: Meta) -> Option<Value<'a>> {
        let Subject { record, now_ms, .. } = self.subject;
        Some(Value::Int(match meta {
            Meta::DeviceSize => 0,
            Meta::LastUpdate => (EPOCH_S * 1000)
                .saturating_add(signed(record.lut_ms()))
                .saturating_mul(NS_PER_MS),
            Meta::SinceUpdate => signed(now_ms.saturating_sub(record.lut_ms())),
            Meta::VoidTime => match record.void_time() {
                0 => -1,
                void_time => (EPOCH_S + i64::from(void_time)) * NS_PER_S,
            },
            Meta::Ttl => match record.void_time() {
                0 => -1,
                void_time => (i64::from(void_time) - signed(now_ms / 1000)).max(1),
            },
            Meta::SetName => return Some(Value::Bytes(Type::Str, record.set())),
            Meta::KeyExists => return Some(Value::Bool(record.key().is_some())),
            Meta::IsTombstone => return Some(Value::Bool(false)),
            Meta::RecordSize => {
                self.spend(usize::from(record.n_bins()))?;
                signed(record.stored_size())
            }
        }))
    }

    fn key(&self, kind: Type) -> Option<Value<'a>> {
        let (particle, bytes) = self.subject.record.key()?.split_first()?;
        let fits = kind.particle() == Some(*particle);
        fits.then(|| Value::stored(kind, bytes)).flatten()
    }

    fn bin(&mut self, kind: Type, name: &[u8]) -> Option<Value<'a>> {
        let bin = self.find(name)??;
        let fits = kind.particle() == Some(bin.particle);
        fits.then(|| Value::stored(kind, bin.value)).flatten()
    }

    /// The bin with this name, if there is one.
    fn find(&mut self, name: &[u8]) -> Option<Option<Op<'a>>> {
        let record = self.subject.record;
        self.spend(usize::from(record.n_bins()))?;
        Some(record.bins().find(|bin| bin.name == name))
    }

    fn cond(&mut self, nodes: &'a [Node]) -> Option<Value<'a>> {
        let (cases, default) = nodes.as_chunks::<2>();
        for [condition, value] in cases {
            if self.truth(condition)? {
                return self.value(value);
            }
        }
        self.value(default.first()?)
    }

    fn scope(&mut self, values: &'a [Node], body: &'a Node) -> Option<Value<'a>> {
        let outer = self.variables.len();
        for value in values {
            let value = self.value(value);
            self.variables.push(value);
        }
        let result = self.value(body);
        self.variables.truncate(outer);
        result
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// u32 little-endian of digest bytes 16…19, remainder by the modulus.
fn digest_modulo(digest: &DigestBytes, modulus: i64) -> i64 {
    let [.., b0, b1, b2, b3] = *digest;
    i64::from(u32::from_le_bytes([b0, b1, b2, b3])) % modulus
}
