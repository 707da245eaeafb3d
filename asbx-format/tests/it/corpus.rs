//! Replays the corpus of the fuzz target `asbx_decode`.

use std::path::Path;

use crate::replay::{check_file, check_name};

#[test]
fn corpus_of_the_fuzz_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/asbx_decode");
    let entries = std::fs::read_dir(&corpus).expect("the corpus is part of the repository");
    let mut count = 0;
    for entry in entries {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        check_file(&file);
        check_name(&String::from_utf8_lossy(&file));
        count += 1;
    }
    assert!(count >= 12, "{count} files");
}
