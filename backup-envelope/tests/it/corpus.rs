//! Replays the corpus of the fuzz target `envelope_decode`.

use std::path::Path;

use crate::replay::check_file;

#[test]
fn corpus_of_the_fuzz_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = root.join("../fuzz/corpus/envelope_decode");
    let entries = std::fs::read_dir(&corpus).expect("the corpus is part of the repository");
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 12, "{} files", files.len());
    for file in files {
        check_file(&std::fs::read(file).unwrap());
    }
}
