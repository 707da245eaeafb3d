//! Several decoders on one file find what one finds.

use std::path::Path;

use asb_format::{Checkpoint, Decoder, Next, Step};

use crate::golden::files;
use crate::replay::{check_shared, decode, decode_shared};

#[test]
fn golden_files_are_shared() {
    for name in [
        "c/compact.asb",
        "c/nobins.asb",
        "c/parallel-dir",
        "c/partitions-0-100.asb",
        "c/plain.asb",
        "c/set-types.asb",
        "go/bins.asb",
        "go/compact.asb",
        "go/limit-dir",
        "go/nobins.asb",
        "go/parallel-dir",
        "go/partitions-0-100.asb",
        "go/plain-dir",
        "go/plain.asb",
        "go/set-types.asb",
    ] {
        for file in &files(name) {
            let whole = decode(file);
            let records = whole.records().count();
            assert_eq!(decode_shared(file, []), (whole, records), "{name}");
            check_shared(file, &[97, 1, 4096]);
        }
    }
}

#[test]
fn damaged_files_fail_where_one_decoder_fails() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/damaged");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "asb") {
            check_shared(&std::fs::read(path).unwrap(), &[1, 50, 300]);
            count += 1;
        }
    }
    assert!(count >= 40, "{count} files");
}

#[test]
fn a_record_that_is_not_all_there() {
    let file = &files("go/set-types.asb")[0];
    let mut decoder = Decoder::new();
    let mut start = 0;
    // Everything before the first record.
    while file[start] != b'+' {
        let Step::Complete { consumed, .. } = decoder.decode(&file[start..], true).unwrap() else {
            panic!("no record");
        };
        start += consumed;
    }
    let place = decoder.checkpoint();
    let Step::Complete { consumed, .. } = decoder.decode(&file[start..], true).unwrap() else {
        panic!("no record");
    };
    for cut in 0..consumed {
        let mut end = place;
        let skimmed = end.skim(&file[start..start + cut]);
        assert_eq!((skimmed.bytes, skimmed.records, end), (0, 0, place));
        let Next::Incomplete { needed } = skimmed.next else {
            panic!("{skimmed:?} at {cut}");
        };
        assert!(cut < needed && needed <= consumed, "{needed} at {cut}");
    }
}

#[test]
fn only_records_are_passed_over() {
    for input in [
        &b"Version 3.1\n"[..],
        b"# first-file\n",
        b"* u L a 0 \n",
        b"\n",
    ] {
        let mut start = Checkpoint::default();
        let skimmed = start.skim(input);
        assert_eq!((skimmed.bytes, skimmed.next), (0, Next::Other));
        assert_eq!(start, Checkpoint::default());
    }
    let mut start = Checkpoint::default();
    assert_eq!(start.skim(b"+ n a\n").next, Next::Other, "no header");
    assert_eq!(start.skim(b"").next, Next::Incomplete { needed: 1 });
}
