//! Numbers as text. Source: asb-text.md §5.

use asb_format::{Encoder, ErrorKind, KeyRef, RecordHead, ValueRef};

use crate::replay::{OwnedValue, decode};

fn written(value: f64) -> String {
    let mut out = Vec::new();
    Encoder::new().bin(&mut out, b"a", ValueRef::Double(value));
    let text = String::from_utf8(out).unwrap();
    text.strip_prefix("- D a ")
        .unwrap()
        .strip_suffix('\n')
        .unwrap()
        .to_owned()
}

fn written_key(value: f64) -> String {
    let mut out = Vec::new();
    let head = RecordHead {
        key: Some(KeyRef::Double(value)),
        namespace: b"n",
        digest: &[0; 20],
        set: None,
        generation: 0,
        void_time: 0,
        bin_count: 0,
    };
    Encoder::new().record(&mut out, &head);
    let text = String::from_utf8(out).unwrap();
    text.strip_prefix("+ k D ")
        .unwrap()
        .split('\n')
        .next()
        .unwrap()
        .to_owned()
}

fn read(kind: &str, text: &str) -> Result<OwnedValue, ErrorKind> {
    let file = format!(
        "Version 3.1\n+ n test\n+ d RNfvtsfls/oY29bYkXW6Gx/fyrk=\n+ g 1\n+ t 0\n+ b 1\n- {kind} a {text}\n"
    );
    let outcome = decode(file.as_bytes());
    match outcome.error {
        Some((kind, _)) => Err(kind),
        None => Ok(outcome.records().next().unwrap().bins[0].1.clone()),
    }
}

#[test]
fn doubles_are_written_as_go_does() {
    let cases = [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.25, "-0.25"),
        (100.0, "100"),
        (100_000.0, "100000"),
        (999_999.0, "999999"),
        (999_999.999_999_999_9, "999999.9999999999"),
        (1_000_000.0, "1e+06"),
        (-1_000_000.0, "-1e+06"),
        (1_234_567.0, "1.234567e+06"),
        (123_456.7, "123456.7"),
        (9_007_199_254_740_991.0, "9.007199254740991e+15"),
        (9_007_199_254_740_993.0, "9.007199254740992e+15"),
        (1e16, "1e+16"),
        (1.5e17, "1.5e+17"),
        (1e20, "1e+20"),
        (1.5e100, "1.5e+100"),
        (0.0001, "0.0001"),
        (0.000_123_4, "0.0001234"),
        (0.000_099_999_999_999_999_99, "9.999999999999999e-05"),
        (0.00001, "1e-05"),
        (0.000_012_5, "1.25e-05"),
        (1.25e-7, "1.25e-07"),
        (5e-324, "5e-324"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        (-f64::NAN, "nan"),
    ];
    for (value, expected) in cases {
        assert_eq!(written(value), expected);
        assert_eq!(
            read("D", expected),
            Ok(OwnedValue::double(value)),
            "{expected}"
        );
    }
}

#[test]
fn double_keys_never_have_an_exponent() {
    let cases = [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.5, "1.5"),
        (-1_234_567.0, "-1234567"),
        (12_345_678.25, "12345678.25"),
        (1e20, "100000000000000000000"),
        (1.25e22, "12500000000000000000000"),
        (0.5, "0.5"),
        (0.00001, "0.00001"),
        (-1.25e-7, "-0.000000125"),
        (f64::NAN, "nan"),
        (f64::NEG_INFINITY, "-inf"),
    ];
    for (value, expected) in cases {
        assert_eq!(written_key(value), expected);
    }
    assert_eq!(written_key(5e-324), format!("0.{}5", "0".repeat(323)));
    assert_eq!(written_key(1e300), format!("1{}", "0".repeat(300)));
}

#[test]
fn doubles_are_read_in_every_spelling() {
    let inf = f64::INFINITY;
    let cases = [
        ("0.10000000000000001", 0.1),
        ("1.0000000000000001e-05", 0.00001),
        ("4.9406564584124654e-324", 5e-324),
        ("1e+06", 1e6),
        ("1e+21", 1e21),
        ("1E+21", 1e21),
        ("1e21", 1e21),
        (".5", 0.5),
        ("5.", 5.0),
        ("+5", 5.0),
        ("-5", -5.0),
        ("007", 7.0),
        ("1e-400", 0.0),
        ("nan", f64::NAN),
        ("NaN", f64::NAN),
        ("-nan", f64::NAN),
        ("-NaN", f64::NAN),
        ("inf", inf),
        ("Inf", inf),
        ("+Inf", inf),
        ("-inf", -inf),
        ("-Inf", -inf),
        ("INF", inf),
        ("Infinity", inf),
        ("infinity", inf),
        ("-Infinity", -inf),
    ];
    for (text, expected) in cases {
        assert_eq!(read("D", text), Ok(OwnedValue::double(expected)), "{text}");
    }
}

#[test]
fn what_is_not_a_double() {
    for text in [
        "", ".", "-", "+", "e5", "1e", "1e+", "0x1p3", "1_0", "nan(1)", " 1", "1 ", "--1", "in",
        "1\u{e9}",
    ] {
        assert_eq!(read("D", text), Err(ErrorKind::BadFloat), "{text:?}");
    }
    for text in ["1e400", "-1e400", "1e99999999999999999999"] {
        assert_eq!(read("D", text), Err(ErrorKind::FloatOutOfRange), "{text}");
    }
    let long = "0".repeat(1024 * 1024 + 1);
    assert_eq!(
        read("D", &long),
        Err(ErrorKind::TokenTooLong { limit: 1024 * 1024 })
    );
    assert_eq!(read("D", &long[1..]), Ok(OwnedValue::double(0.0)));
}

#[test]
fn integers() {
    let cases = [
        ("0", 0),
        ("-0", 0),
        ("007", 7),
        ("-1", -1),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("1234567890123456789", 1_234_567_890_123_456_789),
        ("000000000000000000000000000000000042", 42),
        ("-0009223372036854775808", i64::MIN),
    ];
    for (text, expected) in cases {
        assert_eq!(read("I", text), Ok(OwnedValue::Integer(expected)), "{text}");
    }
}

#[test]
fn what_is_not_an_integer() {
    let cases = [
        ("+1", b'+'),
        (" 1", b' '),
        ("\t1", b'\t'),
        ("", b'\n'),
        ("-", b'\n'),
        ("--1", b'-'),
        ("\\1", b'\\'),
        ("x", b'x'),
    ];
    for (text, found) in cases {
        assert_eq!(
            read("I", text),
            Err(ErrorKind::BadNumber { found }),
            "{text:?}"
        );
    }
    for (text, found) in [
        ("1 ", b' '),
        ("0x1", b'x'),
        ("1\r", b'\r'),
        ("12345678901234567890123x", b'x'),
    ] {
        let error = read("I", text).unwrap_err();
        let too_large = ErrorKind::NumberOutOfRange {
            limit: i128::from(i64::MAX),
        };
        let unexpected = ErrorKind::Unexpected {
            expected: "line feed",
            found,
        };
        assert!(
            error == unexpected || text.len() > 20 && error == too_large,
            "{text:?}: {error}"
        );
    }
    let cases = [
        ("9223372036854775808", i64::MAX),
        ("18446744073709551615", i64::MAX),
        ("18446744073709551616", i64::MAX),
        ("99999999999999999999999999", i64::MAX),
        ("-9223372036854775809", i64::MIN),
        ("-99999999999999999999", i64::MIN),
    ];
    for (text, limit) in cases {
        let limit = i128::from(limit);
        assert_eq!(
            read("I", text),
            Err(ErrorKind::NumberOutOfRange { limit }),
            "{text}"
        );
    }
    let long = "0".repeat(1024 * 1024);
    assert_eq!(
        read("I", &long),
        Err(ErrorKind::TokenTooLong { limit: 1024 * 1024 })
    );
    assert_eq!(read("I", &long[1..]), Ok(OwnedValue::Integer(0)));
}
