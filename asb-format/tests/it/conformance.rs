//! The tables of asb-text.md: appendix A, §14.3, §12 and the limits of §4, column "We".

use asb_format::{ErrorKind, NameField, Options, Version};

use crate::replay::{Outcome, Owned, OwnedValue, check_file, decode, decode_split};

const BASE: &str = "Version 3.1\n# namespace test\n# first-file\n\
    + n test\n+ d RNfvtsfls/oY29bYkXW6Gx/fyrk=\n+ g 1\n+ t 0\n+ b 1\n- I a 1\n";

/// The base file with one thing changed.
fn changed(old: &str, new: impl AsRef<[u8]>) -> Vec<u8> {
    let (before, after) = BASE.split_once(old).expect("the base file has it");
    [before.as_bytes(), new.as_ref(), after.as_bytes()].concat()
}

/// The base file with this instead of its bin.
fn bin(new: impl AsRef<[u8]>) -> Vec<u8> {
    changed("- I a 1\n", new)
}

/// The base file with this in front of its record.
fn before_record(new: impl AsRef<[u8]>) -> Vec<u8> {
    changed("+ n test\n", [new.as_ref(), b"+ n test\n"].concat())
}

fn decoded(file: &[u8]) -> Outcome {
    check_file(file);
    decode(file)
}

#[track_caller]
fn accepted(records: usize, file: impl AsRef<[u8]>) -> Outcome {
    let file = file.as_ref();
    let outcome = decoded(file);
    assert_eq!(outcome.error, None, "{}", file.escape_ascii());
    assert_eq!(
        outcome.records().count(),
        records,
        "{}",
        file.escape_ascii()
    );
    outcome
}

#[track_caller]
fn refused(file: impl AsRef<[u8]>, expected: ErrorKind) {
    let file = file.as_ref();
    let kind = decoded(file).error.map(|(kind, _)| kind);
    assert_eq!(kind, Some(expected), "{}", file.escape_ascii());
}

#[track_caller]
fn refused_byte(file: impl AsRef<[u8]>, expected: &'static str, found: u8) {
    refused(file, ErrorKind::Unexpected { expected, found });
}

#[track_caller]
fn cut(file: impl AsRef<[u8]>) {
    let file = file.as_ref();
    let (kind, position) = decoded(file).error.expect("the end is missing");
    assert!(
        matches!(kind, ErrorKind::UnexpectedEnd { .. }),
        "{}: {kind}",
        file.escape_ascii()
    );
    assert_eq!(position.offset, file.len() as u64);
}

const fn too_long(field: NameField) -> ErrorKind {
    ErrorKind::NameTooLong {
        field,
        limit: field.limit(),
    }
}

const fn empty(field: NameField) -> ErrorKind {
    ErrorKind::EmptyName { field }
}

#[test]
fn headers_and_meta_lines() {
    accepted(1, BASE);
    accepted(1, changed("# namespace test\n# first-file\n", ""));
    accepted(
        1,
        changed(
            "# namespace test\n# first-file\n",
            "# first-file\n# namespace x\n# namespace y\n",
        ),
    );
    for (text, version) in [
        ("3.0", Version::V3_0),
        ("3.2", Version::V3_2),
        ("3.3", Version::V3_3),
    ] {
        let outcome = accepted(1, changed("3.1", text));
        assert_eq!(outcome.items[0], Owned::Header(version));
    }
    for found in [*b"3.4", *b"2.9", *b"4.0", *b"9.9"] {
        refused(
            changed("3.1", found),
            ErrorKind::UnsupportedVersion { found },
        );
    }
    for text in ["3.1\r", "3,1", "3.10", "3.1 ", "x.1", " 3.1"] {
        refused(changed("3.1", text), ErrorKind::BadHeader);
    }
    refused(changed("Version", "version"), ErrorKind::BadHeader);
    refused(&BASE[12..], ErrorKind::BadHeader);
    for text in [
        "# colour red\n",
        "# first-file \n",
        "# first-fil\n",
        "#\n",
        "#  namespace x\n",
        "# namespace\n",
    ] {
        refused(changed("# first-file\n", text), ErrorKind::UnknownMeta);
    }
    refused(format!("{BASE}# first-file\n"), ErrorKind::MisplacedMeta);
    refused(
        before_record("* u L a 0 \n# first-file\n"),
        ErrorKind::MisplacedMeta,
    );
    refused(
        changed("# namespace test", "# namespace "),
        empty(NameField::Namespace),
    );
    refused(
        changed(
            "# namespace test",
            ["# namespace ", &"n".repeat(32)].concat(),
        ),
        too_long(NameField::Namespace),
    );
}

#[test]
fn version_3_0_has_no_escapes_and_accepts_globals() {
    let old = |file: Vec<u8>| [b"Version 3.0", &file[11..]].concat();
    refused(
        old(bin("- I a\\ b 1\n")),
        ErrorKind::BadNumber { found: b'b' },
    );
    let outcome = accepted(1, old(bin("- I a\\b\\ 1\n")));
    assert_eq!(outcome.records().next().unwrap().bins[0].0, b"a\\b\\");
    accepted(1, old(before_record("* u L a 3 abc\n")));
    refused(
        old(bin("- I \\234567890123456 1\n")),
        too_long(NameField::Bin),
    );
}

#[test]
fn line_starts() {
    accepted(1, format!("{BASE}* u L a 1 x\n"));
    refused(
        before_record("* x test\n"),
        ErrorKind::UnknownGlobal { found: b'x' },
    );
    refused_byte(before_record("+ x test\n"), "line '+ k' or '+ n'", b'x');
    let expected = "'#', '*' or '+' at the start of a line";
    refused_byte(before_record("\n"), expected, b'\n');
    refused_byte(format!("{BASE}\n"), expected, b'\n');
    refused_byte(format!("{BASE}\r\n"), expected, b'\r');
    refused_byte(format!("{BASE}- I b 1\n"), expected, b'-');
    refused_byte(before_record("*\tu L a 0 \n"), "global line", b'\t');
}

#[test]
fn order_of_record_lines() {
    refused_byte("Version 3.1\n+ n a\n+ s b\n", "line '+ d'", b's');
    refused_byte(changed("+ g", "+ d"), "line '+ s' or '+ g'", b'd');
    refused_byte(changed("+ d", "+ k I 1\n+ d"), "line '+ d'", b'k');
    refused_byte(changed("+ d", "+ s a\n+ d"), "line '+ d'", b's');
    refused_byte(
        changed("+ n test\n", "+ k I 1\n+ k I 1\n"),
        "line '+ n'",
        b'k',
    );
    refused_byte(changed("+ g", "+ s a\n+ s a\n+ g"), "line '+ g'", b's');
    refused_byte(changed("+ g 1\n", ""), "line '+ s' or '+ g'", b't');
    refused_byte(changed("+ t 0\n", ""), "line '+ t'", b'b');
    refused_byte(changed("+ b 1\n", ""), "line '+ b'", b'-');
    refused_byte(changed("+ t", "+\tt"), "line '+ t'", b'\t');
    refused_byte(changed("+ t ", "+ t"), "line '+ t'", b'0');
    refused_byte(bin("+ n test\n"), "bin", b'+');
    cut(changed("+ b 1", "+ b 2"));
    accepted(1, changed("+ b 1\n- I a 1\n", "+ b 0\n"));
}

#[test]
fn numbers_of_a_record() {
    let range = |limit: u32| ErrorKind::NumberOutOfRange {
        limit: i128::from(limit),
    };
    accepted(1, changed("+ g 1", "+ g 65535"));
    refused(changed("+ g 1", "+ g 65536"), range(65535));
    refused(
        changed("+ g 1", "+ g "),
        ErrorKind::BadNumber { found: b'\n' },
    );
    refused(changed("+ b 1", "+ b 65536"), range(65535));
    refused(
        changed("+ t 0", "+ t -1"),
        ErrorKind::BadNumber { found: b'-' },
    );
    refused(
        changed("+ t 0", "+ t -0"),
        ErrorKind::BadNumber { found: b'-' },
    );
    accepted(1, changed("+ t 0", "+ t 4294967295"));
    refused(changed("+ t 0", "+ t 4294967296"), range(u32::MAX));
    accepted(1, changed("+ t 0", "+ t 000000000000000000000000000001"));
}

#[test]
fn digests() {
    refused(
        changed("RNfvtsfls/oY29bYkXW6Gx/fyrk=", "AAAA"),
        ErrorKind::BadDigest,
    );
    refused(changed("fyrk=", "fyrk"), ErrorKind::BadDigest);
    refused(changed("fyrk=", "fyr=="), ErrorKind::BadDigest);
    refused(changed("fyrk=", "fyrkk"), ErrorKind::BadDigest);
    refused(changed("fyrk=", "fyrk= "), ErrorKind::BadDigest);
    refused(
        changed("RNfv", "RN-v"),
        ErrorKind::BadBase64 { found: b'-' },
    );
    refused(
        changed("RNfv", "RNf="),
        ErrorKind::BadBase64 { found: b'=' },
    );
    let loose = accepted(1, changed("fyrk=", "fyrl="));
    let strict = accepted(1, BASE);
    assert_eq!(loose.items, strict.items);
}

#[test]
fn names() {
    refused(changed("+ n test", "+ n "), empty(NameField::Namespace));
    refused(changed("+ g", "+ s \n+ g"), empty(NameField::Set));
    refused(bin("- I  1\n"), empty(NameField::Bin));
    refused(bin("- N \n"), empty(NameField::Bin));
    let outcome = accepted(1, changed("+ n test", "+ n te st"));
    assert_eq!(outcome.records().next().unwrap().namespace, b"te st");
    let outcome = accepted(1, changed("+ g", "+ s a b\n+ g"));
    assert_eq!(
        outcome.records().next().unwrap().set.as_deref(),
        Some(&b"a b"[..])
    );
    for (field, with) in [
        (
            NameField::Namespace,
            (|name| changed("+ n test", format!("+ n {name}"))) as fn(String) -> Vec<u8>,
        ),
        (NameField::Set, |name| {
            changed("+ g", format!("+ s {name}\n+ g"))
        }),
        (NameField::Bin, |name| bin(format!("- I {name} 1\n"))),
        (NameField::Bin, |name| bin(format!("- N {name}\n"))),
        (NameField::Index, |name| {
            before_record(format!("* i test s {name} N 1 b S\n"))
        }),
        (NameField::Udf, |name| {
            before_record(format!("* u L {name} 0 \n"))
        }),
    ] {
        let limit = field.limit();
        accepted(1, with("x".repeat(limit)));
        accepted(1, with("\\ ".repeat(limit)));
        refused(with("x".repeat(limit + 1)), too_long(field));
        refused(with("\\ ".repeat(limit + 1)), too_long(field));
        refused(with("x".repeat(2000)), too_long(field));
    }
    refused_byte(bin("- N a b\n"), "line feed", b' ');
    refused_byte(bin("- I a\t1\n"), "space", b'\n');
    let outcome = accepted(1, bin("- I a\0\\n\\q\\\\\\\n\u{17c} 1\n"));
    assert_eq!(
        outcome.records().next().unwrap().bins[0].0,
        "a\0nq\\\n\u{17c}".as_bytes()
    );
}

#[test]
fn bins_that_occur_twice() {
    let bins = |names: &[String]| {
        let lines: String = names.iter().map(|name| format!("- I {name} 1\n")).collect();
        changed("+ b 1\n- I a 1\n", format!("+ b {}\n{lines}", names.len()))
    };
    let names = |count: usize| (0..count).map(|n| format!("bin{n}")).collect::<Vec<_>>();
    for count in [2, 7, 16, 17, 40, 3000] {
        let mut names = names(count);
        assert_eq!(decode(&bins(&names)).error, None);
        names[count - 1] = names[0].clone();
        let file = bins(&names);
        let (kind, position) = decode(&file).error.expect("twice");
        assert_eq!(kind, ErrorKind::DuplicateBin);
        assert_eq!(position.offset, file.len() as u64 - 7);
        assert_eq!(position.line, 8 + count as u64);
        assert_eq!(position.record, Some(0));
    }
    // The same name in two spellings, and names that differ in length or one byte only.
    refused(
        bins(&["a\\ b".into(), "\\a\\ \\b".into()]),
        ErrorKind::DuplicateBin,
    );
    accepted(
        1,
        bins(&["a".into(), "a\0".into(), "a\0\0".into(), "b".into()]),
    );
    accepted(
        1,
        bins(&[
            "x23456789012345".into(),
            "x23456789012346".into(),
            "y23456789012345".into(),
        ]),
    );
}

#[test]
fn redundant_bangs() {
    let lenient = Options {
        allow_redundant_bang: true,
    };
    for (line, letter) in [
        ("- I! a 1\n", b'I'),
        ("- N! a\n", b'N'),
        ("- S! a 1 x\n", b'S'),
        ("- X! a 4 YWJj\n", b'X'),
        ("- Z! a T\n", b'Z'),
        ("- D! a 1\n", b'D'),
        ("- G! a 2 {}\n", b'G'),
    ] {
        refused(bin(line), ErrorKind::RedundantBang { letter });
        let outcome = decode_split(&bin(line), lenient, []);
        let plain = decode(&bin(line.replace('!', "")));
        assert_eq!(
            (outcome.error, outcome.items),
            (None, plain.items),
            "{line}"
        );
    }
    for (line, letter) in [
        ("+ k I! 1\n", b'I'),
        ("+ k S! 1 x\n", b'S'),
        ("+ k X! 4 YWJj\n", b'X'),
    ] {
        let file = before_record(line);
        refused(&file, ErrorKind::RedundantBang { letter });
        assert_eq!(decode_split(&file, lenient, []).error, None, "{line}");
    }
}

#[test]
fn keys() {
    let key = |line: &str| {
        let outcome = accepted(1, before_record(line));
        outcome.records().next().unwrap().key.clone().unwrap()
    };
    assert_eq!(key("+ k I -42\n"), OwnedValue::Integer(-42));
    assert_eq!(key("+ k D 1.5\n"), OwnedValue::double(1.5));
    assert_eq!(key("+ k S 3 a\nb\n"), OwnedValue::String(b"a\nb".to_vec()));
    assert_eq!(key("+ k X 4 YWJj\n"), OwnedValue::String(b"abc".to_vec()));
    assert_eq!(
        key("+ k B 4 AQID\n"),
        OwnedValue::Blob(asb_format::BlobKind::Blob, vec![1, 2, 3])
    );
    assert_eq!(
        key("+ k B! 3 a\nb\n"),
        OwnedValue::Blob(asb_format::BlobKind::Blob, b"a\nb".to_vec())
    );
    assert_eq!(key("+ k S 0 \n"), OwnedValue::String(vec![]));
    refused(
        before_record("+ k Q 1\n"),
        ErrorKind::UnknownKeyType { found: b'Q' },
    );
    refused_byte(before_record("+ k I1\n"), "space", b'1');
    refused_byte(changed("+ d", "+ k I 1\n+ d"), "line '+ d'", b'k');
}

#[test]
fn bins() {
    refused(bin("- U x 4 AAAA\n"), ErrorKind::LargeDataType);
    refused(bin("- Q x 1\n"), ErrorKind::UnknownBinType { found: b'Q' });
    refused_byte(bin("-\tI a 1\n"), "bin", b'\t');
    for found in [b't', b'\\', b'1', b' ', b'\n'] {
        let line = [b"- Z x ", &[found][..], b"T\n"].concat();
        refused(bin(line), ErrorKind::BadBoolean { found });
    }
    refused_byte(bin("- Z x TT\n"), "line feed", b'T');
    for (line, value) in [
        ("- Z a T\n", OwnedValue::Bool(true)),
        ("- Z a F\n", OwnedValue::Bool(false)),
    ] {
        assert_eq!(
            accepted(1, bin(line)).records().next().unwrap().bins[0].1,
            value
        );
    }
    for letter in "BJCPRHEYML".chars() {
        let base64 = accepted(1, bin(format!("- {letter} a 4 YQpi\n")));
        let raw = accepted(1, bin(format!("- {letter}! a 3 a\nb\n")));
        assert_eq!(base64.items, raw.items);
    }
}

#[test]
fn sizes() {
    accepted(1, bin("- S a 01 x\n"));
    accepted(1, bin("- S a 0 \n"));
    accepted(1, bin("- B a 0 \n"));
    accepted(1, bin("- S a 7 two\nrow\n"));
    refused(bin("- S a +1 x\n"), ErrorKind::BadNumber { found: b'+' });
    refused(bin("- S a  x\n"), ErrorKind::BadNumber { found: b' ' });
    refused(bin("- S a -1 x\n"), ErrorKind::BadNumber { found: b'-' });
    refused(
        bin("- S a 4294967296 x\n"),
        ErrorKind::NumberOutOfRange {
            limit: 4_294_967_295,
        },
    );
    refused_byte(bin("- S x 3 abcd\n"), "line feed", b'd');
    refused_byte(bin("- S x 3\tabc\n"), "space", b'\t');
    cut(bin("- S x 5 abc\n"));
    cut(bin("- S a 4294967295 x\n"));
}

#[test]
fn base64() {
    refused(bin("- B x 3 AAA\n"), ErrorKind::Base64Length { found: 3 });
    let loose = accepted(1, bin("- B a 4 QR==\n"));
    assert_eq!(loose.items, accepted(1, bin("- B a 4 QQ==\n")).items);
    assert_eq!(
        accepted(1, bin("- B a 4 AAB=\n")).items,
        accepted(1, bin("- B a 4 AAA=\n")).items
    );
    for (text, found) in [
        ("AA==AAEC", b'='),
        ("A===", b'='),
        ("====", b'='),
        ("AA=A", b'='),
        ("AAA\nAAA=", b'\n'),
        ("AAA\rAAA=", b'\r'),
        ("AA-_", b'-'),
        ("AA_-", b'_'),
        ("AAA\0", b'\0'),
        ("A A=", b' '),
    ] {
        refused(
            bin(format!("- B a {} {text}\n", text.len())),
            ErrorKind::BadBase64 { found },
        );
    }
    // A bad byte at any place, in vectors of any length.
    for len in (4..200).step_by(4) {
        let good = "A".repeat(len);
        accepted(1, bin(format!("- B a {len} {good}\n")));
        for at in [0, len / 2, len - 3, len - 1] {
            let mut bad = good.clone();
            bad.replace_range(at..=at, "*");
            let file = bin(format!("- B a {len} {bad}\n"));
            let (kind, position) = decode(&file).error.expect("bad");
            assert_eq!(kind, ErrorKind::BadBase64 { found: b'*' });
            assert_eq!(file[usize::try_from(position.offset).unwrap()], b'*');
        }
    }
}

#[test]
fn indexes() {
    for line in [
        "* i test s ix N 1 b S\n",
        "* i test  ix L 01 b N\n",
        "* i test null ix K 1 b G\n",
        "* i test s ix V 1 b B \n",
        "* i test s ix N 1 b N khAA\n",
        "* e test s ix N 1 null N kxSTUQKhYQE=\n",
        "* i test s ix S 1  E\n",
        "* i test s ix S 1  E \n",
        "* i t\\ \\\\ s ix N 1 b S\n",
    ] {
        accepted(1, before_record(line));
        accepted(1, format!("{BASE}{line}"));
    }
    for (line, expected) in [
        (
            "* i test s ix N 0 b S\n",
            ErrorKind::IndexPaths { found: 0 },
        ),
        (
            "* i test s ix N 2 b S b S\n",
            ErrorKind::IndexPaths { found: 2 },
        ),
        (
            "* i test s ix I 1 b S\n",
            ErrorKind::UnknownIndexKind { found: b'I' },
        ),
        (
            "* i test s ix N 1 b Q\n",
            ErrorKind::UnknownIndexData { found: b'Q' },
        ),
        ("* i test s ix N 1  S\n", empty(NameField::Bin)),
        ("* i test s  N 1 b S\n", empty(NameField::Index)),
        ("* i  s ix N 1 b S\n", empty(NameField::Namespace)),
        ("* i test s ix S 1 b E\n", ErrorKind::BadSetIndex),
        ("* i test s ix S 1  N\n", ErrorKind::BadSetIndex),
        ("* i test s ix N 1  E\n", ErrorKind::BadSetIndex),
        ("* i test s ix N 1 b E\n", ErrorKind::BadSetIndex),
        ("* i test  ix S 1  E\n", ErrorKind::BadSetIndex),
        ("* i test s ix S 1  E khAA\n", ErrorKind::BadSetIndex),
        (
            "* e test s ix S 1  E kxSTUQKhYQE=\n",
            ErrorKind::BadSetIndex,
        ),
        (
            "* i test s ix N 1 b N khA\n",
            ErrorKind::Base64Length { found: 3 },
        ),
        (
            "* i test s ix N 1 b N kh-A\n",
            ErrorKind::BadBase64 { found: b'-' },
        ),
        (
            "* i test s ix N 1 b N  \n",
            ErrorKind::Base64Length { found: 1 },
        ),
    ] {
        refused(before_record(line), expected);
    }
    refused_byte(
        before_record("* i test s ix N 1 b S\tkhAA\n"),
        "space",
        b'\t',
    );
    refused_byte(before_record("* i test s ix N 1 b SN\n"), "space", b'N');
    let long = |len: usize| before_record(format!("* i test s ix N 1 b S {}\n", "A".repeat(len)));
    assert_eq!(decode(&long(1024 * 1024)).error, None);
    let (kind, _) = decode(&long(1024 * 1024 + 1)).error.expect("too long");
    assert_eq!(kind, ErrorKind::TokenTooLong { limit: 1024 * 1024 });
}

#[test]
fn null_is_no_set_but_for_a_set_index() {
    let set = |line: &str| match &accepted(1, before_record(line)).items[3] {
        Owned::Index(index) => index.set.clone(),
        other => panic!("{other:?}"),
    };
    // The fuzzer found the escaped one: what is read as a set must be written as that set again.
    for null in ["null", "NULL", "Null", "n\\ull", ""] {
        assert_eq!(set(&format!("* i test {null} ix N 1 b S\n")), None);
    }
    for name in ["nul", "null2", "nu\\\\ll"] {
        assert_eq!(
            set(&format!("* i test {name} ix N 1 b S\n")),
            Some(name.replace("\\\\", "\\").into_bytes())
        );
    }
    assert_eq!(set("* i test null ix S 1  E\n"), Some(b"null".to_vec()));
}

#[test]
fn modules() {
    accepted(1, before_record("* u L a 0 \n"));
    accepted(1, before_record("* u L a\\ b.lua 4 x\n\ny\n"));
    refused(
        before_record("* u P a 1 x\n"),
        ErrorKind::UnknownUdfLanguage { found: b'P' },
    );
    refused_byte(before_record("* u L a 1 xy\n"), "line feed", b'y');
    refused(before_record("* u L  1 x\n"), empty(NameField::Udf));
}

#[test]
fn ends() {
    accepted(0, "Version 3.1\n");
    accepted(0, "Version 3.1\n# first-file\n");
    for file in ["", "Version", "Version 3.1", "Versi", "Version 3"] {
        cut(file);
    }
    // Wherever the record is cut, the missing rest is noticed.
    let start = BASE.find("+ n").unwrap();
    accepted(0, &BASE[..start]);
    for len in start + 1..BASE.len() {
        cut(&BASE[..len]);
    }
    let file = bin("- S a 4 ab\nc\n");
    for len in start + 1..file.len() {
        cut(&file[..len]);
    }
    cut(&bin("- I a\\")[..start + 61]);
}

/// §14.1 and §14.2.
#[test]
fn worked_examples() {
    let mut file = b"Version 3.1\n# namespace shop\n# first-file\n\
        * i shop orders by_total N 1 total N\n* i shop  by_tag L 1 tags S\n* i shop orders deep N 1 doc N khAA\n\
        * u L one.lua 33 function one(rec)\n  return 1\nend\n\n\
        + k S 5 o-001\n+ n shop\n+ d RNfvtsfls/oY29bYkXW6Gx/fyrk=\n+ s orders\n+ g 3\n+ t 536457600\n+ b 9\n\
        - I total 1999\n- D rate 0.25\n- S note 7 two\nrow\n- Z paid T\n- N gone\n- B sig 8 3q2+7w==\n\
        - M attrs 8 gaIDYQE=\n- L tags 8 kgGiA3g=\n\
        - G loc 42 {\"type\":\"Point\",\"coordinates\":[2.5,48.75]}\n\
        + n shop\n+ d qGhojhPU7R3xEnZIi5bkFdAyGnE=\n+ g 1\n+ t 0\n+ b 2\n- I unit\\ price 5\n- I a\\\\b -1\n\
        + k I 42\n+ n shop\n+ d 7K1j6IRnnuEFkURTTW4XRN9zS4Q=\n+ s raw\n+ g 1\n+ t 0\n+ b 2\n- B! sig 4 "
        .to_vec();
    file.extend(b"\xde\xad\xbe\xef\n- L! tags 5 \x92\x01\xa2\x03\x78\n");
    file.extend(b"+ k B 4 AQID\n+ n shop\n+ d BpG5k/U1ZJYJKqy7meGr9qSKlT0=\n+ s raw\n+ g 65535\n+ t 1\n+ b 0\n");
    let outcome = accepted(4, &file);
    assert_eq!(outcome.items.len(), 3 + 3 + 1 + 4);
    assert_eq!(
        outcome.items[6],
        Owned::Udf(
            b"one.lua".to_vec(),
            b"function one(rec)\n  return 1\nend\n".to_vec()
        )
    );
    let records: Vec<_> = outcome.records().collect();
    assert_eq!(records[0].key, Some(OwnedValue::String(b"o-001".to_vec())));
    assert_eq!(
        (records[0].generation, records[0].void_time),
        (3, 536_457_600)
    );
    let value = |name: &str| {
        &records[0]
            .bins
            .iter()
            .find(|bin| bin.0 == name.as_bytes())
            .unwrap()
            .1
    };
    assert_eq!(*value("total"), OwnedValue::Integer(1999));
    assert_eq!(*value("note"), OwnedValue::String(b"two\nrow".to_vec()));
    let blob = |kind, bytes: &[u8]| OwnedValue::Blob(kind, bytes.to_vec());
    assert_eq!(
        *value("sig"),
        blob(asb_format::BlobKind::Blob, b"\xde\xad\xbe\xef")
    );
    assert_eq!(
        *value("attrs"),
        blob(asb_format::BlobKind::Map, b"\x81\xa2\x03\x61\x01")
    );
    assert_eq!(
        *value("tags"),
        blob(asb_format::BlobKind::List, b"\x92\x01\xa2\x03\x78")
    );
    assert_eq!(records[1].bins[0].0, b"unit price");
    assert_eq!(records[1].bins[1].0, b"a\\b");
    assert_eq!(records[2].bins[1].1, *value("tags"));
    assert_eq!(
        records[3].key,
        Some(blob(asb_format::BlobKind::Blob, &[1, 2, 3]))
    );

    let outcome = accepted(
        0,
        "Version 3.2\n# namespace shop\n# first-file\n* e shop orders by_sum N 1 null N kxSTUQKhYQE=\n",
    );
    assert!(
        matches!(&outcome.items[3], Owned::Index(index) if index.is_expression && index.bin.is_none())
    );
}
