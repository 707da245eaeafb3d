//! Queries on secondary indexes (`wire-scan.md` §9).
//!
//! There is no index: a query is a scan that leaves out what is not in its range. Clients cannot
//! tell, but for the order of records, which is that of digests here and of values on the real
//! server. Not answered (16): ranges of places, and contexts with steps other than an index of a
//! list or a key of a map.

use crate::{
    catalogue::{Collection, Index, IndexSource, IndexType},
    expression::{Expression, Subject},
    msgpack::{self, Reader, Token},
    order::{self, Maps},
    record::StoredRecord,
    request::State,
};
use aerospike_wire::{field::code, message::Message, result_code::ResultCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::cmp::Ordering;

const INTEGER: u8 = 1;
const STRING: u8 = 3;
const BLOB: u8 = 4;
const MAP: u8 = 19;
const LIST: u8 = 20;
const GEOJSON: u8 = 23;

/// Steps of a context.
const BY_LIST_INDEX: i64 = 0x10;
const BY_MAP_KEY: i64 = 0x22;

/// What a query asks of an indexed value.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    /// Both ends included.
    Between(i64, i64),
    /// A string or blob.
    Equal { particle: u8, bytes: &'a [u8] },
}

/// A range of an index.
#[derive(Debug)]
pub(super) struct Range<'a> {
    wanted: Wanted<'a>,
    index: Index,
    /// Of an index on an expression: whether its value is in the range.
    test: Option<Expression>,
    context: Vec<u8>,
}

impl<'a> Range<'a> {
    /// The range that a query of `namespace` asks for. `Ok(None)`: it asks for none.
    pub(super) fn parse(
        state: &State,
        namespace: &str,
        message: &Message<'a>,
    ) -> Result<Option<Self>, ResultCode> {
        let Some(data) = message.field(code::INDEX_RANGE) else {
            return Ok(None);
        };
        let parts = split(data).ok_or(ResultCode::PARAMETER)?;
        let wanted = wanted(&parts)?;
        let bin = parts.bin;
        let by_definition = message.field(code::INDEX_NAME).is_none()
            && message.field(code::INDEX_EXPRESSION).is_none();
        if !by_definition && !bin.is_empty() {
            return Err(ResultCode::PARAMETER);
        }
        let set = message.field(code::SET).unwrap_or_default();
        let kind = value_type(parts.particle);
        let indexes = state.catalogue.indexes();
        let found = indexes.into_iter().find(|index| {
            index.namespace == namespace
                && index.set.as_deref().unwrap_or_default().as_bytes() == set
                && index.source != IndexSource::Set
                && Some(index.value_type) == kind
                && is_named(index, bin, message)
        });
        let index = found.ok_or(ResultCode::INDEX_NOT_FOUND)?;
        if !state.catalogue.is_ready(&index) {
            return Err(ResultCode::INDEX_NOT_READABLE);
        }
        let (test, context) = match &index.source {
            IndexSource::Expression(text) => {
                let expression = STANDARD.decode(text).unwrap_or_default();
                let filter = is_in_range(&expression, wanted);
                let test = Expression::parse(&filter, state.build);
                (Some(test.map_err(|_| ResultCode::PARAMETER)?), Vec::new())
            }
            IndexSource::Bin { context, .. } => {
                let context = context.as_deref().unwrap_or_default();
                (None, STANDARD.decode(context).unwrap_or_default())
            }
            IndexSource::Set => (None, Vec::new()),
        };
        if steps(&context).is_none() {
            return Err(ResultCode::UNSUPPORTED_FEATURE);
        }
        Ok(Some(Self {
            wanted,
            index,
            test,
            context,
        }))
    }

    /// Name of the index.
    pub(super) fn name(&self) -> &str {
        &self.index.name
    }

    /// The first indexed value in the range, as the index keeps it: a number, of other types
    /// nothing that means anything. `None`: the record has no value in the range.
    pub(super) fn find(&self, subject: Subject<'_>) -> Option<i64> {
        if let Some(test) = &self.test {
            return test.matches(subject).then_some(0);
        }
        let IndexSource::Bin { bin, .. } = &self.index.source else {
            return None;
        };
        self.find_in(subject.record, bin.as_bytes())
    }

    fn find_in(&self, record: &StoredRecord, bin: &[u8]) -> Option<i64> {
        let bin = record.bins().find(|found| found.name == bin)?;
        let is_plain = self.index.collection == Collection::Default && self.context.is_empty();
        if is_plain {
            return self.wanted.particle(bin.particle, bin.value);
        }
        let mut reader = Reader::new(bin.value);
        if bin.particle != LIST && bin.particle != MAP {
            return None;
        }
        for (kind, step) in steps(&self.context)? {
            reader = Reader::new(descend(reader, kind, step)?);
        }
        self.find_at(reader)
    }

    /// Looks through the collection, or at the value, that comes next.
    fn find_at(&self, mut reader: Reader<'_>) -> Option<i64> {
        let in_token = |token| self.wanted.token(token);
        match (self.index.collection, reader.token()?) {
            (Collection::Default, token) => in_token(token),
            (Collection::List, Token::List(len)) => {
                let len = order::elements(&mut reader, len);
                (0..len).find_map(|_| in_token(Reader::new(reader.value()?).token()?))
            }
            (Collection::MapKeys | Collection::MapValues, Token::Map(len)) => pairs(reader, len)
                .find_map(|(key, value)| {
                    let is_key = self.index.collection == Collection::MapKeys;
                    in_token(Reader::new(if is_key { key } else { value }).token()?)
                }),
            _ => None,
        }
    }
}

impl Wanted<'_> {
    /// A bin's value, if it is in the range.
    fn particle(self, particle: u8, value: &[u8]) -> Option<i64> {
        match self {
            Self::Between(..) if particle == INTEGER => {
                let number = i64::from_be_bytes(*value.first_chunk()?);
                self.token(Token::Int(number))
            }
            Self::Equal {
                particle: wanted,
                bytes,
            } => (particle == wanted && value == bytes).then_some(0),
            Self::Between(..) => None,
        }
    }

    /// A value inside a list or map, if it is in the range.
    fn token(self, token: Token<'_>) -> Option<i64> {
        match (self, token) {
            (Self::Between(start, end), Token::Int(number)) => {
                (start..=end).contains(&number).then_some(number)
            }
            (Self::Equal { particle, bytes }, Token::Str(text)) => {
                let (prefix, value) = text.split_first()?;
                (*prefix == particle && value == bytes).then_some(0)
            }
            _ => None,
        }
    }
}

/// The content of an INDEX_RANGE field with one range.
struct Parts<'a> {
    bin: &'a [u8],
    particle: u8,
    start: &'a [u8],
    end: &'a [u8],
}

fn split(data: &[u8]) -> Option<Parts<'_>> {
    let (&[1, name_len], rest) = data.split_first_chunk::<2>()? else {
        return None;
    };
    let (bin, rest) = rest.split_at_checked(usize::from(name_len))?;
    let (particle, rest) = rest.split_first()?;
    let (start, rest) = sized(rest)?;
    let (end, rest) = sized(rest)?;
    rest.is_empty().then_some(Parts {
        bin,
        particle: *particle,
        start,
        end,
    })
}

fn sized(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

fn wanted<'a>(parts: &Parts<'a>) -> Result<Wanted<'a>, ResultCode> {
    let &Parts {
        particle,
        start,
        end,
        ..
    } = parts;
    let number = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).map(i64::from_be_bytes);
    match particle {
        INTEGER => match (number(start), number(end)) {
            (Ok(start), Ok(end)) if start <= end => Ok(Wanted::Between(start, end)),
            _ => Err(ResultCode::PARAMETER),
        },
        STRING | BLOB if end.is_empty() || end == start => Ok(Wanted::Equal {
            particle,
            bytes: start,
        }),
        GEOJSON => Err(ResultCode::UNSUPPORTED_FEATURE),
        _ => Err(ResultCode::PARAMETER),
    }
}

const fn value_type(particle: u8) -> Option<IndexType> {
    match particle {
        INTEGER => Some(IndexType::Numeric),
        STRING => Some(IndexType::String),
        BLOB => Some(IndexType::Blob),
        _ => None,
    }
}

/// Whether the message means this index: by its name, its expression, or its bin with kind and
/// context.
fn is_named(index: &Index, bin: &[u8], message: &Message<'_>) -> bool {
    if let Some(name) = message.field(code::INDEX_NAME) {
        return index.name.as_bytes() == name;
    }
    let bytes = |text: &str| STANDARD.decode(text).unwrap_or_default();
    match (&index.source, message.field(code::INDEX_EXPRESSION)) {
        (IndexSource::Expression(text), Some(wanted)) => bytes(text) == wanted,
        (IndexSource::Bin { bin: name, context }, None) => {
            let wanted = message.field(code::INDEX_CONTEXT).unwrap_or_default();
            let kind = message.field(code::INDEX_TYPE).unwrap_or(&[0]);
            name.as_bytes() == bin
                && bytes(context.as_deref().unwrap_or_default()) == wanted
                && kind == [collection_number(index.collection)]
        }
        _ => false,
    }
}

const fn collection_number(collection: Collection) -> u8 {
    match collection {
        Collection::Default => 0,
        Collection::List => 1,
        Collection::MapKeys => 2,
        Collection::MapValues => 3,
    }
}

/// A filter that is true where the value of `expression` is in the range.
fn is_in_range(expression: &[u8], wanted: Wanted<'_>) -> Vec<u8> {
    const AND: u8 = 16;
    const EQUAL: u8 = 1;
    const AT_LEAST: u8 = 4;
    const AT_MOST: u8 = 6;
    let mut out = Vec::new();
    let compare = |out: &mut Vec<u8>, code: u8, put: &dyn Fn(&mut Vec<u8>)| {
        msgpack::put_list(out, 3);
        out.push(code);
        out.extend_from_slice(expression);
        put(out);
    };
    match wanted {
        Wanted::Between(start, end) => {
            msgpack::put_list(&mut out, 3);
            out.push(AND);
            compare(&mut out, AT_LEAST, &|out| msgpack::put_int(out, start));
            compare(&mut out, AT_MOST, &|out| msgpack::put_int(out, end));
        }
        Wanted::Equal { particle, bytes } => compare(&mut out, EQUAL, &|out| {
            msgpack::put_str(out, &[&[particle], bytes].concat());
        }),
    }
    out
}

/// The steps of a context, each with its kind; `None`: some are not known here.
fn steps(context: &[u8]) -> Option<Vec<(i64, &[u8])>> {
    if context.is_empty() {
        return Some(Vec::new());
    }
    let mut reader = Reader::new(context);
    let Token::List(len) = reader.token()? else {
        return None;
    };
    let step = |_| match reader.token()? {
        Token::Int(kind @ (BY_LIST_INDEX | BY_MAP_KEY)) => Some((kind, reader.value()?)),
        _ => None,
    };
    (0..len / 2).map(step).collect()
}

/// The element of a list or map to which a step leads.
fn descend<'a>(mut reader: Reader<'a>, kind: i64, step: &[u8]) -> Option<&'a [u8]> {
    match (kind, reader.token()?, Reader::new(step).token()?) {
        (BY_LIST_INDEX, Token::List(len), Token::Int(at)) => {
            let len = order::elements(&mut reader, len);
            let at = if at < 0 {
                len.checked_sub(usize::try_from(at.unsigned_abs()).ok()?)?
            } else {
                usize::try_from(at).ok()?
            };
            (0..len).map_while(|_| reader.value()).nth(at)
        }
        (BY_MAP_KEY, Token::Map(len), _) => pairs(reader, len)
            .find(|(key, _)| order::compare(key, step, Maps::Any) == Some(Ordering::Equal))
            .map(|(_, value)| value),
        _ => None,
    }
}

/// Keys and values of a map whose header was read.
fn pairs(mut reader: Reader<'_>, len: usize) -> impl Iterator<Item = (&[u8], &[u8])> {
    let flags = if len > 0 { reader.flags() } else { None };
    if flags.is_some() {
        reader.token(); // the nil beside the flags
    }
    let len = len - usize::from(flags.is_some());
    (0..len).map_while(move |_| Some((reader.value()?, reader.value()?)))
}
