//! Properties of generated and of broken files.

use asb_format::{BlobKind, Encoder, IndexData, IndexKind, Version};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::golden::files;
use crate::replay::{
    Owned, OwnedIndex, OwnedRecord, OwnedValue, check, check_shared, decode, decode_split,
};

/// Names with many of the bytes that matter.
fn name(max: usize) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => b'a'..=b'z', 1 => Just(b' '), 1 => Just(b'\\'), 1 => Just(b'\n'), 1 => any::<u8>()];
    vec(byte, 1..=max)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 80..500)]
}

fn blob_kind() -> impl Strategy<Value = BlobKind> {
    prop_oneof![
        Just(BlobKind::Blob),
        Just(BlobKind::Java),
        Just(BlobKind::CSharp),
        Just(BlobKind::Python),
        Just(BlobKind::Ruby),
        Just(BlobKind::Php),
        Just(BlobKind::Erlang),
        Just(BlobKind::Hll),
        Just(BlobKind::Map),
        Just(BlobKind::List),
    ]
}

fn double() -> impl Strategy<Value = OwnedValue> {
    let decimal =
        (any::<i32>(), -30..30_i32).prop_map(|(digits, e)| f64::from(digits) * 10_f64.powi(e));
    prop_oneof![any::<u64>().prop_map(f64::from_bits), decimal].prop_map(OwnedValue::double)
}

fn value() -> impl Strategy<Value = OwnedValue> {
    prop_oneof![
        Just(OwnedValue::Nil),
        any::<bool>().prop_map(OwnedValue::Bool),
        any::<i64>().prop_map(OwnedValue::Integer),
        double(),
        bytes().prop_map(OwnedValue::String),
        bytes().prop_map(OwnedValue::GeoJson),
        (blob_kind(), bytes()).prop_map(|(kind, data)| OwnedValue::Blob(kind, data)),
    ]
}

fn key() -> impl Strategy<Value = OwnedValue> {
    prop_oneof![
        any::<i64>().prop_map(OwnedValue::Integer),
        double(),
        bytes().prop_map(OwnedValue::String),
        bytes().prop_map(|data| OwnedValue::Blob(BlobKind::Blob, data)),
    ]
}

fn record() -> impl Strategy<Value = Owned> {
    let head = (
        option::of(key()),
        name(31),
        any::<[u8; 20]>(),
        option::of(name(63)),
        any::<u16>(),
        any::<u32>(),
    );
    let bins = btree_map(name(15), value(), 0..20);
    (head, bins).prop_map(
        |((key, namespace, digest, set, generation, void_time), bins)| {
            let bins = bins.into_iter().collect();
            Owned::Record(OwnedRecord {
                key,
                namespace,
                digest,
                set,
                generation,
                void_time,
                bins,
            })
        },
    )
}

fn base64_text() -> impl Strategy<Value = Vec<u8>> {
    "([A-Za-z0-9+/]{4}){1,20}([A-Za-z0-9+/]{3}=)?".prop_map(String::into_bytes)
}

fn index() -> impl Strategy<Value = Owned> {
    let names = (name(31), option::of(name(63)), name(255), name(15));
    let kind = prop_oneof![
        Just(IndexKind::Bin),
        Just(IndexKind::List),
        Just(IndexKind::MapKeys),
        Just(IndexKind::MapValues),
        Just(IndexKind::Set),
    ];
    let data = prop_oneof![
        Just(IndexData::Numeric),
        Just(IndexData::String),
        Just(IndexData::Geo2dSphere),
        Just(IndexData::Blob)
    ];
    let tail = (option::of(base64_text()), any::<bool>());
    (names, kind, data, tail).prop_map(
        |((namespace, set, name, bin), kind, data, (tail, is_expression))| {
            let set = set.filter(|set| !set.eq_ignore_ascii_case(b"null"));
            if kind == IndexKind::Set {
                let set = Some(set.unwrap_or_else(|| b"null".to_vec()));
                let (context, expression) = (None, None);
                let data = IndexData::Set;
                let is_expression = false;
                return Owned::Index(OwnedIndex {
                    namespace,
                    set,
                    name,
                    kind,
                    bin: None,
                    data,
                    context,
                    is_expression,
                    expression,
                });
            }
            let is_expression = is_expression && tail.is_some();
            let (context, expression) = if is_expression {
                (None, tail)
            } else {
                (tail, None)
            };
            let bin = (!is_expression).then_some(bin);
            Owned::Index(OwnedIndex {
                namespace,
                set,
                name,
                kind,
                bin,
                data,
                context,
                is_expression,
                expression,
            })
        },
    )
}

fn file() -> impl Strategy<Value = Vec<Owned>> {
    let version = prop_oneof![
        Just(Version::V3_1),
        Just(Version::V3_2),
        Just(Version::V3_3)
    ];
    let meta = prop_oneof![name(31).prop_map(Owned::Namespace), Just(Owned::FirstFile)];
    let module = (name(127), bytes()).prop_map(|(name, content)| Owned::Udf(name, content));
    let body = prop_oneof![6 => record(), 1 => index(), 1 => module];
    (
        version.prop_map(Owned::Header),
        vec(meta, 0..3),
        vec(body, 0..6),
    )
        .prop_map(|(header, meta, body)| [vec![header], meta, body].concat())
}

fn encode(items: &[Owned], encoder: Encoder) -> Vec<u8> {
    let mut out = Vec::new();
    items.iter().for_each(|item| item.encode(encoder, &mut out));
    out
}

fn encoder() -> impl Strategy<Value = Encoder> {
    prop_oneof![Just(Encoder::new()), Just(Encoder::compact())]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(
        prop_oneof![1 => Just(0_usize), 2 => Just(1), 3 => 1..9_usize, 2 => 9..300_usize],
        1..30,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(items in file(), encoder in encoder()) {
        let text = encode(&items, encoder);
        let outcome = decode(&text);
        prop_assert_eq!(outcome.error, None);
        prop_assert_eq!(outcome.items, items);
    }

    #[test]
    fn generated_files_may_be_split_anywhere(items in file(), encoder in encoder(), cuts in cuts()) {
        let text = encode(&items, encoder);
        check(&text, &cuts);
        check_shared(&text, &cuts);
    }

    #[test]
    fn broken_files_may_be_split_anywhere(
        items in file(),
        encoder in encoder(),
        cuts in cuts(),
        edits in vec((any::<prop::sample::Index>(), 0..4_u8, "[\\x00\\n !\\\\+*#=a-z0-9-]"), 1..4),
    ) {
        let mut text = encode(&items, encoder);
        for (at, edit, byte) in edits {
            let at = at.index(text.len());
            match edit {
                0 => text.truncate(at + 1),
                1 => text.insert(at, byte.as_bytes()[0]),
                2 if text.len() > 1 => { text.remove(at); }
                _ => text[at] = byte.as_bytes()[0],
            }
        }
        check(&text, &cuts);
        check_shared(&text, &cuts);
    }

    #[test]
    fn any_bytes_after_a_header_may_be_split_anywhere(
        version in "Version 3.[0-3]\n",
        tail in "([#*+-] [knsgdtbiueNZIDSXGBML]!? [a-z0-9 \\\\=\n!]{0,40}\n?){0,6}",
        cuts in cuts(),
    ) {
        let text = format!("{version}{tail}");
        check(text.as_bytes(), &cuts);
        check_shared(text.as_bytes(), &cuts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn golden_files_may_be_split_anywhere(cuts in cuts()) {
        for name in ["go/set-types.asb", "c/set-types.asb", "go/partitions-0-100.asb"] {
            let file = &files(name)[0];
            let cuts = cuts.iter().copied().cycle().take(4 * file.len());
            prop_assert_eq!(decode_split(file, Default::default(), cuts), decode(file));
        }
    }
}
