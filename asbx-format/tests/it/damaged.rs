//! Files with one small defect: the error is found where it is, but for those that only the name
//! tells of.

use asbx_format::FileName;
use serde_json::Value;

use crate::golden::{data, json};
use crate::replay::{decode, decode_split};

/// What a reader finds who compares the name of a file with its header, as an offset.
fn check_with_name(name: &str, header: &asbx_format::Header) -> Option<u64> {
    let Ok(name) = FileName::parse(name) else {
        return Some(0);
    };
    if name.number != header.number() {
        return Some(1);
    }
    (name.namespace.as_bytes() != header.namespace()).then_some(13)
}

fn check(case: &Value) {
    let path = case["file"].as_str().unwrap();
    let file = data(&format!("damaged/{path}"));
    let outcome = decode(&file);
    assert_eq!(outcome, decode_split(&file, vec![1; file.len()]), "{path}");
    let name = path.rsplit('/').next().unwrap();
    let of_name = outcome.header.as_ref();
    let of_name = of_name.and_then(|header| check_with_name(name, header));
    let found = of_name.or_else(|| outcome.error.map(|error| error.position().offset));
    if case["expect"] == "ok" {
        assert_eq!((found, outcome.error), (None, None), "{path}");
        let tokens = case["tokens"].as_u64();
        assert_eq!(Some(outcome.tokens.len() as u64), tokens, "{path}");
        return;
    }
    assert_eq!(
        found,
        case["offset"].as_u64(),
        "{path}: {:?}",
        outcome.error
    );
    if let Some(before) = case["tokens_before"].as_u64() {
        assert_eq!(outcome.tokens.len() as u64, before, "{path}");
        assert_eq!(
            outcome.error.unwrap().position().token,
            Some(before),
            "{path}"
        );
    }
}

#[test]
fn errors_are_found_where_they_are() {
    let index = json("damaged/index.json");
    let cases = index["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 20);
    cases.iter().for_each(check);
}

#[test]
fn every_cut_of_the_vector_but_two_is_an_error() {
    let file = crate::golden::vector();
    assert_eq!(file.len(), 198);
    for len in 0..=file.len() {
        let outcome = decode(&file[..len]);
        assert_eq!(outcome.error.is_none(), len == 44 || len == 198, "{len}");
        if let Some(error) = outcome.error {
            assert_eq!(error.position().offset, len as u64);
        }
    }
}
