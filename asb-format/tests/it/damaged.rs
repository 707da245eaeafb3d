//! Files with one small defect: the error is found where it is.

use std::path::Path;

use serde_json::Value;

use crate::replay::{decode, decode_split};

fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/damaged")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn check(case: &Value) {
    let name = case["file"].as_str().unwrap();
    let file = data(name);
    let outcome = decode(&file);
    assert_eq!(
        outcome,
        decode_split(&file, Default::default(), vec![1; file.len()]),
        "{name}"
    );
    let records = outcome.records().count() as u64;
    if case["expect"] == "ok" {
        assert_eq!(outcome.error, None, "{name}");
        assert_eq!(Some(records), case["records"].as_u64(), "{name}");
        return;
    }
    let (kind, position) = outcome.error.unwrap_or_else(|| panic!("{name}: no error"));
    let found = format!("{name}: {kind} ({position})");
    let offsets = case["offset_min"].as_u64().unwrap()..=case["offset_max"].as_u64().unwrap();
    assert!(
        offsets.contains(&position.offset),
        "{found}, expected {offsets:?}"
    );
    assert_eq!(Some(position.line), case["line"].as_u64(), "{found}");
    assert_eq!(position.record, case["record"].as_u64(), "{found}");
    assert_eq!(
        Some(records),
        case["complete_records_before"].as_u64(),
        "{found}"
    );
}

#[test]
fn errors_are_found_where_they_are() {
    let index: Value = serde_json::from_slice(&data("index.json")).unwrap();
    let cases = index["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 49);
    cases.iter().for_each(check);
}
