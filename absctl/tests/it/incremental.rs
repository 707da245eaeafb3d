//! `--incremental-from`.

use crate::support::{absctl, assert_equal, backup, empty, filled, names, restore};
use asnode::{Cluster, RawRecord};
use std::{fs, path::Path};
use tempfile::tempdir;

/// Writes a record as a server does.
fn write(cluster: &Cluster, key: &str) {
    let mut record = RawRecord::for_key("demo", 3, key.as_bytes()).bin(b"n", 1, &[0; 8]);
    record.last_update_ms = cluster.write_ms("test", &record.digest);
    assert!(cluster.put("test", &record));
}

/// A text or a number that a manifest has under `key`.
fn in_manifest(path: &Path, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).expect("manifest");
    let (_, rest) = text.split_once(&format!("\"{key}\": "))?;
    let value = rest.split([',', '\n']).next()?;
    Some(value.trim_matches('"').to_owned())
}

#[test]
fn the_report_shows_the_window_and_what_it_cannot() {
    let source = filled(2, 300);
    let place = tempdir().expect("directory");
    let [full, next] = ["full", "next"].map(|name| place.path().join(name));
    let run = backup(&source, &[&"-d", &full]).succeeds();
    assert!(!run.stderr.contains("Changes Since"), "{run:?}");
    source.clock().skew(1, -5000);
    for number in 0..10 {
        write(&source, &format!("k{number}"));
    }
    let run = backup(&source, &[&"-d", &next, &"--incremental-from", &full]).survives();
    assert_eq!(run.reported("Records Read"), 10, "{run:?}");
    let window = ["Changes Since", "Overlap", "Not Seen"].map(|label| run.value(label));
    let [Some(since), Some(overlap), Some(unseen)] = window else {
        panic!("{run:?}");
    };
    assert!(
        unseen.contains("deletes") && unseen.contains("older update times"),
        "{unseen}"
    );
    assert!(overlap.ends_with('s'), "{overlap}");
    let [of_full, of_next] = [&full, &next].map(|path| path.join("test.manifest.json"));
    assert_eq!(
        in_manifest(&of_next, "parent"),
        in_manifest(&of_full, "run")
    );
    let bound_ns = in_manifest(&of_next, "modified-after-ns").expect("a window");
    let bound = jiff::Timestamp::from_nanosecond(bound_ns.parse().expect("number"));
    assert_eq!(bound.expect("time").to_string(), since);
}

#[test]
fn single_files_make_a_chain_too() {
    let source = filled(1, 200);
    let place = tempdir().expect("directory");
    let [full, next] = ["full.asb", "next.asb"].map(|name| place.path().join(name));
    backup(&source, &[&"-o", &full]).succeeds();
    write(&source, "one");
    let run = backup(&source, &[&"-o", &next, &"--incremental-from", &full]).succeeds();
    assert_eq!(run.reported("Records Read"), 1, "{run:?}");
    let of_next = place.path().join("next.asb.manifest.json");
    let of_full = place.path().join("full.asb.manifest.json");
    assert_eq!(
        in_manifest(&of_next, "parent"),
        in_manifest(&of_full, "run")
    );
    assert!(in_manifest(&of_next, "clock-skew-ns").is_some());
}

#[test]
fn what_cannot_be_gone_on_from_is_named() {
    let source = filled(1, 200);
    let place = tempdir().expect("directory");
    let path = |name: &str| place.path().join(name);
    let next = path("next");
    let refused = |from: &str, more: &[&str], code, part: &str| {
        let from = path(from);
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"-d", &next, &"--incremental-from", &from];
        args.extend(more.iter().map(|more| more as &dyn AsRef<_>));
        backup(&source, &args).fails(code, part);
        assert!(names(&next).is_empty(), "{part}");
    };
    backup(&source, &[&"-d", &path("full")]).succeeds();
    backup(&source, &[&"-d", &path("bare"), &"--no-manifest"]).succeeds();
    refused("nothing", &[], 10, "nothing");
    refused("bare", &[], 1, "it has no manifest");
    refused("full", &["-s", "demo"], 1, "--set-list differs");
    fs::remove_file(path("full").join("metadata_test_1.asb")).expect("file");
    refused("full", &[], 10, "metadata_test_1.asb is missing");
}

#[test]
fn a_chain_is_restored_by_one_command_in_order_of_time() {
    let source = filled(1, 200);
    let place = tempdir().expect("directory");
    let path = |name: &str| place.path().join(name);
    // Made anew, a record has a low generation; only the newest set knows.
    let put = |generation: u16, bin: &str| {
        let mut record = RawRecord::for_key("demo", 3, b"anew").bin(bin.as_bytes(), 1, &[0; 8]);
        record.generation = generation;
        record.last_update_ms = source.write_ms("test", &record.digest);
        assert!(source.put("test", &record));
    };
    put(7, "old");
    backup(&source, &[&"-d", &path("full")]).succeeds();
    put(1, "new");
    backup(
        &source,
        &[&"-d", &path("mon"), &"--incremental-from", &path("full")],
    )
    .succeeds();
    write(&source, "k1");
    backup(
        &source,
        &[&"-d", &path("tue"), &"--incremental-from", &path("mon")],
    )
    .succeeds();
    let run = |copy: &Cluster, list: &str, more: &[&str]| {
        let parent = place.path();
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"--directory-list", &list, &"--parent-directory", &parent];
        args.extend(more.iter().map(|more| more as &dyn AsRef<_>));
        restore(copy, &args)
    };
    let copy = empty(1);
    let done = run(&copy, "tue,full,mon", &[]).succeeds();
    assert_equal(&source, &copy);
    let sets = done.stderr.lines().filter(|line| line.starts_with("Set:"));
    let sets: Vec<_> = sets.collect();
    let [full, mon, tue] = &sets[..] else {
        panic!("{done:?}")
    };
    assert!(
        full.contains("/full: 201 records read, 201 inserted, 0 not"),
        "{full}"
    );
    assert!(
        mon.contains("/mon: 1 records read") && tue.contains("/tue: "),
        "{sets:?}"
    );
    let copy = empty(1);
    run(&copy, "tue,full", &[]).fails(10, "which is not in the list");
    for flag in ["-u", "-g", "-r"] {
        run(&copy, "tue,full,mon", &[flag]).fails(1, flag);
    }
    run(&copy, "tue,full,mon", &["-B", "n"]).fails(1, "--bin-list (-B)");
    assert_eq!(copy.count("test"), 0);
    let list = [path("tue"), path("full")].map(|path| path.display().to_string());
    let list = list.join(",");
    let checked = absctl(&[&"restore", &"--validate", &"--directory-list", &list]);
    let checked = checked.fails(13, "cannot be restored");
    assert!(
        checked.stderr.contains("which is not in the list"),
        "{checked:?}"
    );
}
