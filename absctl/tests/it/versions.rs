//! `--asb-version-max`: indexes that need a higher version of the format are left out.

use crate::support::{backup, empty, filled, names, restore};
use asnode::{
    Collection, Index, IndexSource, IndexType,
    faults::{On, Reaction, Rule},
};
use std::{fs, path::Path};
use tempfile::tempdir;

/// The version in the header of a file.
fn version(path: &Path) -> String {
    let text = fs::read(path).expect("file");
    let line = text.split(|byte| *byte == b'\n').next().expect("a header");
    String::from_utf8_lossy(line).replace("Version ", "")
}

/// Kinds of index lines in a file: `e`, `S` for sets, `i` for the others.
fn kinds(path: &Path) -> Vec<char> {
    let text = fs::read(path).expect("file");
    let lines = text
        .split(|byte| *byte == b'\n')
        .map(String::from_utf8_lossy);
    let kind = |line: std::borrow::Cow<'_, str>| match line.get(..4)? {
        "* e " => Some('e'),
        "* i " if line.contains(" S 1  E") => Some('S'),
        "* i " => Some('i'),
        _ => None,
    };
    let mut kinds: Vec<_> = lines.filter_map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[test]
fn headers_are_never_above_and_what_is_left_out_is_said() {
    let source = filled(1, 100);
    let members = Index {
        namespace: "test".to_owned(),
        name: "members".to_owned(),
        set: Some("demo".to_owned()),
        source: IndexSource::Set,
        value_type: IndexType::Numeric,
        collection: Collection::Default,
    };
    assert!(source.create_index(members));
    let all = source.indexes().len() as u64;
    let cases: [(&str, &str, &[char]); 4] = [
        ("", "3.3", &['S', 'e', 'i']),
        ("--asb-version-max=3.3", "3.3", &['S', 'e', 'i']),
        ("--asb-version-max=3.2", "3.2", &['e', 'i']),
        ("--asb-version-max=3.1", "3.1", &['i']),
    ];
    for (flag, expected, found) in cases {
        let place = tempdir().expect("directory");
        let [path, single] = ["set", "all.asb"].map(|name| place.path().join(name));
        for (target, path) in [("-d", &path), ("-o", &single)] {
            let flag = if flag.is_empty() { "-w1" } else { flag };
            let run = backup(&source, &[&target, path, &flag]).survives();
            let (written, left_out) = (run.reported("sIndex Read"), run.sum(&["sIndex Skipped"]));
            assert_eq!(written + left_out, all, "{run:?}");
            let warnings = run.stderr.matches("it needs version 3.").count();
            assert_eq!(warnings as u64, left_out, "one for each: {run:?}");
            assert_eq!(left_out > 0, expected < "3.3", "{run:?}");
            let manifest = if path.is_dir() {
                path.join("test.manifest.json")
            } else {
                place.path().join("all.asb.manifest.json")
            };
            let text = fs::read_to_string(manifest).expect("manifest");
            let listed = text.matches("it needs version 3.").count();
            assert_eq!(listed as u64, left_out);
            let target = empty(1);
            let flag = if path.is_dir() { "-d" } else { "-i" };
            restore(&target, &[&flag, path]).succeeds();
            assert_eq!(target.indexes().len() as u64, written);
            assert_eq!(target.count("test"), source.count("test"));
        }
        assert_eq!(version(&single), expected);
        assert_eq!(kinds(&single), found);
        for name in names(&path).iter().filter(|name| name.ends_with(".asb")) {
            let is_metadata = name.starts_with("metadata_");
            let expected = if is_metadata { expected } else { "3.1" };
            assert_eq!(version(&path.join(name)), expected, "{name}");
            if is_metadata {
                assert_eq!(kinds(&path.join(name)), found);
            }
        }
    }
}

#[test]
fn kinds_that_nobody_knows_are_a_warning_and_never_fatal() {
    let source = filled(1, 100);
    let odd = ";ns=test:indexname=odd:set=demo:bin=b:type=quantum:indextype=default:context=null";
    let rule = Rule::new(On::Info, Reaction::InfoTail(odd)).command("sindex-list");
    source.faults().add(rule);
    let place = tempdir().expect("directory");
    let path = place.path().join("set");
    let run = backup(&source, &[&"-d", &path]).survives();
    assert_eq!(run.reported("sIndex Skipped"), 1, "{run:?}");
    assert!(
        run.stderr.contains("index left out") && run.stderr.contains("odd"),
        "{run:?}"
    );
    let text = fs::read_to_string(path.join("test.manifest.json")).expect("manifest");
    assert!(text.contains("\"name\": \"odd\""), "{text}");
}
