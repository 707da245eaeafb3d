//! What the encoder writes, byte for byte.

use asb_format::{
    Base64Text, Encoder, IndexData, IndexDef, IndexKind, KeyRef, RecordHead, ValueRef, Version,
};

const INDEX: IndexDef<'static> = IndexDef {
    namespace: b"test",
    set: Some(b"s t"),
    name: b"ix",
    kind: IndexKind::Bin,
    bin: b"b",
    data: IndexData::Numeric,
    context: None,
    expression: None,
};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    out.escape_ascii().to_string()
}

#[test]
fn meta_lines() {
    let encoder = Encoder::new();
    assert_eq!(
        written(|out| encoder.header(out, Version::V3_1)),
        "Version 3.1\\n"
    );
    assert_eq!(
        written(|out| encoder.namespace_meta(out, b"a b\\")),
        "# namespace a\\\\ b\\\\\\\\\\n"
    );
    assert_eq!(written(|out| encoder.first_file(out)), "# first-file\\n");
    assert_eq!(
        written(|out| encoder.udf(out, b"a.lua", b"x\n")),
        "* u L a.lua 2 x\\n\\n"
    );
}

#[test]
fn indexes() {
    let check = |index: IndexDef<'_>, version: Version, expected: &str| {
        assert_eq!(
            written(|out| Encoder::new().index(out, &index)),
            format!("{expected}\\n")
        );
        assert_eq!(index.required_version(), version);
    };
    let text = |text| Base64Text::new(text);
    check(INDEX, Version::V3_1, "* i test s\\\\ t ix N 1 b N");
    check(
        IndexDef { set: None, ..INDEX },
        Version::V3_1,
        "* i test  ix N 1 b N",
    );
    check(
        IndexDef {
            set: Some(b"Null"),
            ..INDEX
        },
        Version::V3_1,
        "* i test  ix N 1 b N",
    );
    check(
        IndexDef {
            context: text(b"khAA"),
            ..INDEX
        },
        Version::V3_1,
        "* i test s\\\\ t ix N 1 b N khAA",
    );
    let kind = |kind, data| IndexDef {
        kind,
        data,
        ..INDEX
    };
    check(
        kind(IndexKind::List, IndexData::String),
        Version::V3_1,
        "* i test s\\\\ t ix L 1 b S",
    );
    check(
        kind(IndexKind::MapKeys, IndexData::Blob),
        Version::V3_1,
        "* i test s\\\\ t ix K 1 b B",
    );
    check(
        kind(IndexKind::MapValues, IndexData::Geo2dSphere),
        Version::V3_1,
        "* i test s\\\\ t ix V 1 b G",
    );
    check(
        kind(IndexKind::Set, IndexData::Numeric),
        Version::V3_3,
        "* i test s\\\\ t ix S 1  E",
    );
    let named_null = IndexDef {
        set: Some(b"null"),
        kind: IndexKind::Set,
        ..INDEX
    };
    check(named_null, Version::V3_3, "* i test null ix S 1  E");
    let expression = IndexDef {
        expression: text(b"kxSTUQKhYQE="),
        ..INDEX
    };
    check(
        expression,
        Version::V3_2,
        "* e test s\\\\ t ix N 1 null N kxSTUQKhYQE=",
    );
}

#[test]
fn lowest_version_that_covers_the_file() {
    let expression = IndexDef {
        expression: Base64Text::new(b"khAA"),
        ..INDEX
    };
    let set = IndexDef {
        kind: IndexKind::Set,
        ..INDEX
    };
    assert_eq!(Version::required_for([]), Version::V3_1);
    assert_eq!(Version::required_for(&[INDEX]), Version::V3_1);
    assert_eq!(
        Version::required_for(&[INDEX, expression, INDEX]),
        Version::V3_2
    );
    assert_eq!(
        Version::required_for(&[set, expression, INDEX]),
        Version::V3_3
    );
}

#[test]
fn record_heads() {
    let head = RecordHead {
        key: None,
        namespace: b"test",
        digest: &[0xff; 20],
        set: None,
        generation: 65535,
        void_time: u32::MAX,
        bin_count: 0,
    };
    let encoder = Encoder::new();
    let tail = "+ n test\\n+ d //////////////////////////8=\\n";
    let numbers = "+ g 65535\\n+ t 4294967295\\n+ b 0\\n";
    assert_eq!(
        written(|out| encoder.record(out, &head)),
        format!("{tail}{numbers}")
    );
    let with_set = RecordHead {
        set: Some(b"a\\b c\nd"),
        ..head
    };
    let set = "+ s a\\\\\\\\b\\\\ c\\\\\\nd\\n";
    assert_eq!(
        written(|out| encoder.record(out, &with_set)),
        format!("{tail}{set}{numbers}")
    );
    for (key, expected) in [
        (KeyRef::Integer(i64::MIN), "+ k I -9223372036854775808\\n"),
        (KeyRef::Double(1e6), "+ k D 1000000\\n"),
        (KeyRef::String(b"a b"), "+ k S 3 a b\\n"),
        (KeyRef::Blob(&[1, 2, 3]), "+ k B 4 AQID\\n"),
    ] {
        let with_key = RecordHead {
            key: Some(key),
            ..head
        };
        for encoder in [Encoder::new(), Encoder::compact()] {
            assert_eq!(
                written(|out| encoder.record(out, &with_key)),
                format!("{expected}{tail}{numbers}")
            );
        }
    }
}

#[test]
fn bins() {
    use asb_format::BlobKind as Kind;
    let check = |value: ValueRef<'_>, plain: &str, compact: &str| {
        assert_eq!(
            written(|out| Encoder::new().bin(out, b"a b", value)),
            format!("{plain}\\n")
        );
        assert_eq!(
            written(|out| Encoder::compact().bin(out, b"a b", value)),
            format!("{compact}\\n")
        );
    };
    let same = |value: ValueRef<'_>, text: &str| check(value, text, text);
    same(ValueRef::Nil, "- N a\\\\ b");
    same(ValueRef::Bool(true), "- Z a\\\\ b T");
    same(ValueRef::Bool(false), "- Z a\\\\ b F");
    same(ValueRef::Integer(-1), "- I a\\\\ b -1");
    same(ValueRef::Double(0.25), "- D a\\\\ b 0.25");
    same(ValueRef::String(b"x\ny"), "- S a\\\\ b 3 x\\ny");
    same(ValueRef::GeoJson(b"{}"), "- G a\\\\ b 2 {}");
    for (kind, letter) in [
        (Kind::Blob, 'B'),
        (Kind::Java, 'J'),
        (Kind::CSharp, 'C'),
        (Kind::Python, 'P'),
        (Kind::Ruby, 'R'),
        (Kind::Php, 'H'),
        (Kind::Erlang, 'E'),
        (Kind::Hll, 'Y'),
        (Kind::Map, 'M'),
        (Kind::List, 'L'),
    ] {
        let value = ValueRef::Blob(kind, b"abcd");
        check(
            value,
            &format!("- {letter} a\\\\ b 8 YWJjZA=="),
            &format!("- {letter}! a\\\\ b 4 abcd"),
        );
        assert_eq!(Kind::from_particle_type(kind.particle_type()), Some(kind));
    }
    check(
        ValueRef::Blob(Kind::List, b""),
        "- L a\\\\ b 0 ",
        "- L! a\\\\ b 0 ",
    );
}
