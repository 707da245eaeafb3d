//! Replays the corpora of the fuzz targets `wire_*`.

use crate::replay;
use std::path::Path;

/// Gives every file of a target's corpus to the function that the target calls.
fn check(target: &str, property: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = root.join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&corpus).expect("the corpus is part of the repository");
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 12, "{target}: {} files", files.len());
    for file in files {
        property(&std::fs::read(file).unwrap());
    }
}

#[test]
fn corpora_of_the_fuzz_targets() {
    check("wire_stream", replay::stream);
    check("wire_batch", replay::batch);
    check("wire_info", replay::info);
    check("wire_xdr", replay::xdr);
}
