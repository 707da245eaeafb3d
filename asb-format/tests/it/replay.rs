//! What the property tests, the corpus test and the fuzz target share: files as owned items, and
//! the properties that hold for any bytes.
//!
//! The fuzz target includes this file, so it uses nothing but the crate and std.

use asb_format::{
    BlobKind, Decoder, Encoder, ErrorKind, Index, IndexData, IndexDef, IndexKind, Item, Key,
    KeyRef, Next, Options, Position, Record, RecordHead, Skimmed, Step, Value, ValueRef, Version,
};

/// An item with plain bytes, so that spelling does not matter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Owned {
    Header(Version),
    Namespace(Vec<u8>),
    FirstFile,
    Index(OwnedIndex),
    Udf(Vec<u8>, Vec<u8>),
    Record(OwnedRecord),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnedIndex {
    pub(crate) namespace: Vec<u8>,
    pub(crate) set: Option<Vec<u8>>,
    pub(crate) name: Vec<u8>,
    pub(crate) kind: IndexKind,
    pub(crate) bin: Option<Vec<u8>>,
    pub(crate) data: IndexData,
    pub(crate) context: Option<Vec<u8>>,
    pub(crate) is_expression: bool,
    pub(crate) expression: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnedRecord {
    pub(crate) key: Option<OwnedValue>,
    pub(crate) namespace: Vec<u8>,
    pub(crate) digest: [u8; 20],
    pub(crate) set: Option<Vec<u8>>,
    pub(crate) generation: u16,
    pub(crate) void_time: u32,
    pub(crate) bins: Vec<(Vec<u8>, OwnedValue)>,
}

/// Value of a bin or key; doubles as bits with one single NaN.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OwnedValue {
    Nil,
    Bool(bool),
    Integer(i64),
    Double(u64),
    String(Vec<u8>),
    GeoJson(Vec<u8>),
    Blob(BlobKind, Vec<u8>),
}

impl Owned {
    pub(crate) fn new(item: &Item<'_>) -> Self {
        match item {
            Item::Header(version) => Self::Header(*version),
            Item::Namespace(name) => Self::Namespace(name.to_cow().into_owned()),
            Item::FirstFile => Self::FirstFile,
            Item::Index(index) => Self::Index(OwnedIndex::new(index)),
            Item::Udf(udf) => Self::Udf(udf.name.to_cow().into_owned(), udf.content.to_vec()),
            Item::Record(record) => Self::Record(OwnedRecord::new(record)),
        }
    }

    pub(crate) fn encode(&self, encoder: Encoder, out: &mut Vec<u8>) {
        match self {
            Self::Header(version) => encoder.header(out, *version),
            Self::Namespace(name) => encoder.namespace_meta(out, name),
            Self::FirstFile => encoder.first_file(out),
            Self::Index(index) => index.encode(encoder, out),
            Self::Udf(name, content) => encoder.udf(out, name, content),
            Self::Record(record) => record.encode(encoder, out),
        }
    }
}

impl OwnedIndex {
    fn new(index: &Index<'_>) -> Self {
        Self {
            namespace: index.namespace.to_cow().into_owned(),
            set: index.set.map(|set| set.to_cow().into_owned()),
            name: index.name.to_cow().into_owned(),
            kind: index.kind,
            bin: index.bin.map(|bin| bin.to_cow().into_owned()),
            data: index.data,
            context: index.context.map(|text| text.as_text().to_vec()),
            is_expression: index.is_expression,
            expression: index.expression.map(|text| text.as_text().to_vec()),
        }
    }

    fn encode(&self, encoder: Encoder, out: &mut Vec<u8>) {
        encoder.index(
            out,
            &IndexDef {
                namespace: &self.namespace,
                set: self.set.as_deref(),
                name: &self.name,
                kind: self.kind,
                bin: self.bin.as_deref().unwrap_or_default(),
                data: self.data,
                context: self
                    .context
                    .as_deref()
                    .and_then(asb_format::Base64Text::new),
                expression: self
                    .expression
                    .as_deref()
                    .and_then(asb_format::Base64Text::new),
            },
        );
    }
}

impl OwnedRecord {
    pub(crate) fn new(record: &Record<'_>) -> Self {
        let bin = |bin: asb_format::Bin<'_>| {
            (bin.name.to_cow().into_owned(), OwnedValue::new(&bin.value))
        };
        Self {
            key: record.key.map(|key| OwnedValue::from_key(&key)),
            namespace: record.namespace.to_cow().into_owned(),
            digest: record.digest,
            set: record.set.map(|set| set.to_cow().into_owned()),
            generation: record.generation,
            void_time: record.void_time,
            bins: record.bins().map(bin).collect(),
        }
    }

    fn encode(&self, encoder: Encoder, out: &mut Vec<u8>) {
        encoder.record(
            out,
            &RecordHead {
                key: self.key.as_ref().map(OwnedValue::as_key_ref),
                namespace: &self.namespace,
                digest: &self.digest,
                set: self.set.as_deref(),
                generation: self.generation,
                void_time: self.void_time,
                bin_count: u16::try_from(self.bins.len()).expect("came from a u16"),
            },
        );
        for (name, value) in &self.bins {
            encoder.bin(out, name, value.as_value_ref());
        }
    }
}

impl OwnedValue {
    pub(crate) fn double(value: f64) -> Self {
        Self::Double(if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            value.to_bits()
        })
    }

    fn new(value: &Value<'_>) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Bool(value) => Self::Bool(*value),
            Value::Integer(value) => Self::Integer(*value),
            Value::Double(value) => Self::double(*value),
            Value::String(data) => Self::String(plain(data)),
            Value::GeoJson(json) => Self::GeoJson(json.to_vec()),
            Value::Blob(kind, data) => Self::Blob(*kind, plain(data)),
        }
    }

    fn from_key(key: &Key<'_>) -> Self {
        match key {
            Key::Integer(value) => Self::Integer(*value),
            Key::Double(value) => Self::double(*value),
            Key::String(data) => Self::String(plain(data)),
            Key::Blob(data) => Self::Blob(BlobKind::Blob, plain(data)),
        }
    }

    fn as_value_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Nil => ValueRef::Nil,
            Self::Bool(value) => ValueRef::Bool(*value),
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Double(bits) => ValueRef::Double(f64::from_bits(*bits)),
            Self::String(data) => ValueRef::String(data),
            Self::GeoJson(data) => ValueRef::GeoJson(data),
            Self::Blob(kind, data) => ValueRef::Blob(*kind, data),
        }
    }

    fn as_key_ref(&self) -> KeyRef<'_> {
        match self {
            Self::Integer(value) => KeyRef::Integer(*value),
            Self::Double(bits) => KeyRef::Double(f64::from_bits(*bits)),
            Self::String(data) => KeyRef::String(data),
            Self::Blob(_, data) => KeyRef::Blob(data),
            other => panic!("{other:?} cannot be a key"),
        }
    }
}

/// Plain bytes, found in both ways that there are.
fn plain(data: &asb_format::Data<'_>) -> Vec<u8> {
    let mut appended = vec![0xee];
    data.decode_into(&mut appended);
    let mut copied = vec![0xee; data.decoded_len() + 1];
    let len = data
        .decode_to_slice(&mut copied)
        .expect("there is room")
        .len();
    assert_eq!(appended.len(), data.decoded_len() + 1);
    assert_eq!(copied[..len], appended[1..]);
    assert_eq!(copied[len], 0xee, "wrote too far");
    appended.split_off(1)
}

/// All that can be learned from a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) items: Vec<Owned>,
    pub(crate) error: Option<(ErrorKind, Position)>,
    pub(crate) position: Position,
}

impl Outcome {
    pub(crate) fn records(&self) -> impl Iterator<Item = &OwnedRecord> {
        self.items.iter().filter_map(|item| match item {
            Owned::Record(record) => Some(record),
            _ => None,
        })
    }
}

/// Decodes a file that is there as a whole.
pub(crate) fn decode(file: &[u8]) -> Outcome {
    decode_split(file, Options::default(), [])
}

/// Decodes a file of which first `cuts[0]` bytes are there, then `cuts[1]` more, and so on. What
/// the decoder says it needs is waited for if `cuts` says 0.
pub(crate) fn decode_split(
    file: &[u8],
    options: Options,
    cuts: impl IntoIterator<Item = usize>,
) -> Outcome {
    let mut cuts = cuts.into_iter().map(Some).chain(std::iter::repeat(None));
    let mut decoder = Decoder::with_options(options);
    let (mut start, mut available, mut needed) = (0, 0, 0);
    let mut items = Vec::new();
    let error = loop {
        let input = &file[start..available];
        match decoder.decode(input, available == file.len()) {
            Ok(Step::Complete { consumed, item }) => {
                assert!(0 < consumed && consumed <= input.len(), "{consumed}");
                if let Item::Record(record) = &item {
                    assert_eq!(record.raw(), &input[..consumed]);
                }
                items.push(Owned::new(&item));
                start += consumed;
            }
            Ok(Step::Incomplete { needed: more }) => {
                assert!(available < file.len(), "the end is never incomplete");
                assert!(more > input.len(), "{more} are there already");
                needed = needed.max(start.saturating_add(more));
                available = match cuts.next().flatten() {
                    Some(0) => needed,
                    Some(count) => available + count,
                    None => file.len(),
                }
                .min(file.len());
            }
            Ok(Step::End) => break None,
            Err(error) => {
                let again = decoder.decode(input, available == file.len());
                assert_eq!(
                    again,
                    Err(error.clone()),
                    "the same call gives the same error"
                );
                break Some((error.kind().clone(), error.position()));
            }
        }
    };
    Outcome {
        items,
        error,
        position: decoder.position(),
    }
}

/// Decodes a file as several decoders share it: what comes is skimmed, a decoder of its own gets
/// the whole records, and another one everything else. Cuts are those of [`decode_split`]. Also
/// gives how many records were skimmed over.
pub(crate) fn decode_shared(
    file: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> (Outcome, usize) {
    let mut cuts = cuts.into_iter();
    let (mut main, mut other) = (Decoder::new(), Decoder::new());
    let (mut start, mut available, mut shared) = (0, 0, 0);
    let mut items = Vec::new();
    let (error, position) = loop {
        let input = &file[start..available];
        let place = main.checkpoint();
        let mut end = place;
        let skimmed = end.skim(input);
        check_skimmed(&skimmed, input.len());
        if skimmed.bytes > 0 {
            other.restart(place);
            let error = decode_group(&mut other, &input[..skimmed.bytes], &mut items);
            if error.is_some() {
                break (error, other.position());
            }
            assert_eq!(other.checkpoint(), end);
            shared += usize::try_from(skimmed.records).expect("fits");
            main.restart(end);
            start += skimmed.bytes;
            continue;
        }
        match main.decode(input, available == file.len()) {
            Ok(Step::Complete { consumed, item }) => {
                items.push(Owned::new(&item));
                start += consumed;
            }
            Ok(Step::Incomplete { .. }) => {
                let more = cuts.next().unwrap_or(file.len()).max(1);
                available = available.saturating_add(more).min(file.len());
            }
            Ok(Step::End) => break (None, main.position()),
            Err(error) => {
                let error = Some((error.kind().clone(), error.position()));
                break (error, main.position());
            }
        }
    };
    let outcome = Outcome {
        items,
        error,
        position,
    };
    (outcome, shared)
}

fn check_skimmed(skimmed: &Skimmed, available: usize) {
    assert!(skimmed.bytes <= available);
    assert_eq!(skimmed.bytes > 0, skimmed.records > 0);
    if let Next::Incomplete { needed } = skimmed.next {
        assert!(needed > available, "{needed} are there already");
    }
}

/// Decodes whole records, and nothing else, to the end or the first error.
fn decode_group(
    decoder: &mut Decoder,
    mut group: &[u8],
    items: &mut Vec<Owned>,
) -> Option<(ErrorKind, Position)> {
    while !group.is_empty() {
        match decoder.decode(group, false) {
            Ok(Step::Complete { consumed, item }) => {
                assert!(matches!(item, Item::Record(_)), "{item:?}");
                items.push(Owned::new(&item));
                group = &group[consumed..];
            }
            Ok(other) => panic!("the group ends elsewhere: {other:?}"),
            Err(error) => return Some((error.kind().clone(), error.position())),
        }
    }
    None
}

/// Asserts that several decoders find in a file what one finds, however it arrives.
pub(crate) fn check_shared(file: &[u8], cuts: &[usize]) {
    let whole = decode(file);
    assert_eq!(decode_shared(file, []).0, whole);
    let cuts = cuts.iter().copied().cycle().take(4 * file.len());
    assert_eq!(decode_shared(file, cuts).0, whole);
}

/// Asserts what holds for any bytes: the outcome does not depend on the split, and what was
/// decoded is the same again after encoding.
pub(crate) fn check(file: &[u8], cuts: &[usize]) {
    for allow_redundant_bang in [false, true] {
        let options = Options {
            allow_redundant_bang,
        };
        let whole = decode_split(file, options, []);
        // Every cut but 0 makes at least one more byte available.
        let cuts = cuts.iter().copied().cycle().take(4 * file.len());
        assert_eq!(decode_split(file, options, cuts), whole);
        check_round_trip(&whole.items);
    }
}

/// Like [`check`] with a few kinds of cuts: bytes, as the decoder wants it, and mixed sizes that
/// depend on the file.
pub(crate) fn check_file(file: &[u8]) {
    check(file, &[1]);
    check(file, &[0]);
    check(file, &mixed_cuts(file));
}

/// Like [`check_shared`], with bytes and with mixed sizes.
pub(crate) fn check_shared_file(file: &[u8]) {
    check_shared(file, &[1]);
    check_shared(file, &mixed_cuts(file));
}

fn mixed_cuts(file: &[u8]) -> Vec<usize> {
    let sum = file.iter().fold(file.len(), |sum, &byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    (0..8).map(|at| (sum >> (8 * at)) % 61).collect()
}

fn check_round_trip(items: &[Owned]) {
    let items: Vec<Owned> = items.iter().filter_map(writable).collect();
    if items.is_empty() {
        return;
    }
    for encoder in [Encoder::new(), Encoder::compact()] {
        let mut out = Vec::new();
        items.iter().for_each(|item| item.encode(encoder, &mut out));
        let outcome = decode(&out);
        assert_eq!(outcome.error, None, "{}", out.escape_ascii());
        assert_eq!(outcome.items, items);
        assert_eq!(
            outcome.position.offset,
            u64::try_from(out.len()).expect("fits")
        );
    }
}

/// The item as we write it: never 3.0, and no expression index without an expression.
fn writable(item: &Owned) -> Option<Owned> {
    match item {
        Owned::Header(version) => Some(Owned::Header((*version).max(Version::V3_1))),
        Owned::Index(index) if index.is_expression && index.expression.is_none() => None,
        item => Some(item.clone()),
    }
}
