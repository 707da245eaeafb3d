//! Replays the corpora of the fuzz targets `asb_decode` and `asb_skim`, which share one.

use std::path::Path;

use crate::replay::{check_file, check_shared_file};

#[test]
fn corpus_of_the_fuzz_targets() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/asb_decode");
    let entries = std::fs::read_dir(&corpus).expect("the corpus is part of the repository");
    let mut count = 0;
    for entry in entries {
        let file = std::fs::read(entry.unwrap().path()).unwrap();
        check_file(&file);
        check_shared_file(&file);
        count += 1;
    }
    assert!(count >= 12, "{count} files");
}
