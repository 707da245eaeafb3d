//! What a backup does with what it writes, and keeps with it: `--verify-writes`, `--annotation`.

use crate::{
    envelope::write_key,
    signals,
    support::{
        Run, absctl, assert_equal, backup, command, empty, filled, hosts, names, restore, wait_for,
    },
};
use asnode::faults::{On, Reaction, Rule};
use rustix::process::Signal;
use std::{ffi::OsStr, fs, path::Path};
use tempfile::tempdir;

#[test]
fn writes_are_read_back_in_every_envelope() {
    let (source, place) = (filled(2, 900), tempdir().expect("directory"));
    let key = write_key(place.path());
    let modes: [&[&str]; 4] = [
        &[],
        &["-zZSTD"],
        &["--encrypt=AES128", &key],
        &["-zZSTD", "--encrypt=AES256", &key],
    ];
    let count = source.count("test");
    for (number, flags) in modes.iter().enumerate() {
        let is_compressed = flags.contains(&"-zZSTD");
        for to in ["-d", "-o"] {
            let path = place.path().join(format!("{number}{to}.asb"));
            let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"--verify-writes", &to, &path];
            args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
            let run = backup(&source, &args).succeeds();
            // Without compression not every piece is decoded: the first of each writer is.
            let verified = run.reported("Records Verified");
            assert!((1..=count).contains(&verified), "{run:?}");
            assert!(verified == count || !is_compressed, "{run:?}");
        }
    }
    let path = place.path().join("3-d.asb");
    let target = empty(1);
    restore(&target, &[&"-d", &path, &"--encrypt=AES256", &key]).succeeds();
    assert_equal(&source, &target);
    let quiet = backup(&source, &[&"-d", &place.path().join("new")]).succeeds();
    assert_eq!(quiet.value("Records Verified"), None, "only on request");
}

/// The reader of stored bytes goes on in the middle of a file as the writer does.
#[test]
fn a_continued_backup_is_read_back_too() {
    let (source, place) = (filled(1, 9000), tempdir().expect("directory"));
    let path = place.path().join("backup");
    let hangs = Rule::new(On::Scan, Reaction::Silence).after_records(7000);
    let fault = source.faults().add(hangs);
    let flags: [&dyn AsRef<OsStr>; 8] = [
        &"backup",
        &hosts(&source),
        &"-ntest",
        &"-w1",
        &"-d",
        &path,
        &"-zZSTD",
        &"--verify-writes",
    ];
    let child = signals::start(&flags);
    wait_for("a hanging scan", || source.faults().fired(fault) > 0);
    wait_for("a data file", || {
        names(&path).iter().any(|name| name.starts_with("0_test_"))
    });
    signals::send(&child, Signal::INT);
    assert_eq!(signals::end_of(child).code, Some(130));
    source.faults().clear();
    let state = "test.asb.state";
    let run = backup(
        &source,
        &[&"-d", &path, &"-c", &state, &"-zZSTD", &"--verify-writes"],
    );
    let run = run.succeeds();
    assert!(run.reported("Records Verified") > 0, "{run:?}");
    let target = empty(1);
    restore(&target, &[&"-d", &path]).succeeds();
    assert_equal(&source, &target);
}

/// What the manifest in `path` keeps.
fn kept(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path.join("test.manifest.json")).expect("manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let selection = manifest["selection"].as_object().expect("options");
    assert!(
        !selection.keys().any(|option| option.contains("annotation")),
        "{text}"
    );
    manifest["annotations"].clone()
}

#[test]
fn annotations_are_kept_and_shown() {
    let (source, place) = (filled(1, 50), tempdir().expect("directory"));
    let path = place.path().join("set");
    let note = "note=before, \"the\" upgrade = now";
    let flags: [&dyn AsRef<OsStr>; 5] =
        [&"-d", &path, &"--annotation", &note, &"--annotation=a.b=ä"];
    let run = backup(&source, &flags).succeeds();
    let value = "before, \"the\" upgrade = now";
    assert_eq!(kept(&path), serde_json::json!({"a.b": "ä", "note": value}));
    let shown = format!("\nAnnotation:           a.b=ä\nAnnotation:           note={value}\n");
    assert!(run.stderr.contains(&shown), "{run:?}");
    let target = empty(1);
    let restored = restore(&target, &[&"-d", &path]).succeeds();
    assert!(restored.stderr.contains(&shown), "{restored:?}");
    let flags: [&dyn AsRef<OsStr>; 5] = [&"restore", &"--validate", &"-d", &path, &"--log-json"];
    let validated = absctl(&flags).succeeds();
    let line = validated.stderr.lines().last().expect("report");
    let report: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(report["annotations"], kept(&path));
}

#[test]
fn annotations_come_from_variables_and_files_too() {
    let (source, place) = (filled(1, 20), tempdir().expect("directory"));
    let hosts = hosts(&source);
    let path = |name: &str| place.path().join(name);
    let expected = serde_json::json!({"a": "1,2", "b": "x"});
    let (one, two) = (path("one"), path("two"));
    let flags: [&dyn AsRef<OsStr>; 5] = [&"backup", &hosts, &"-ntest", &"-d", &one];
    Run::of(command(&flags).env("ABSCTL_ANNOTATION", "a=1,2\nb=x")).succeeds();
    assert_eq!(kept(&one), expected);
    let config = path("absctl.yaml");
    fs::write(&config, "app:\n  annotation: [\"a=1,2\", b=x]\n").expect("file");
    let flags: [&dyn AsRef<OsStr>; 7] = [
        &"backup",
        &hosts,
        &"-ntest",
        &"-d",
        &two,
        &"--config",
        &config,
    ];
    absctl(&flags).succeeds();
    assert_eq!(kept(&two), expected);
}

#[test]
fn annotations_have_limits() {
    let check = |typed: &[&str], part: &str| {
        let mut flags: Vec<&dyn AsRef<OsStr>> = vec![&"backup", &"-ntest", &"-d", &"nowhere"];
        flags.extend(typed.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        absctl(&flags).fails(1, part).at_once();
    };
    check(&["--annotation=a"], "KEY=VALUE is needed");
    check(&["--annotation==b"], "is no key of an annotation");
    check(&["--annotation=a b=c"], "is no key of an annotation");
    check(
        &["--annotation", &format!("a={}", "x".repeat(1025))],
        "1025 bytes",
    );
    check(&["--annotation=a=\u{1b}"], "control characters");
    check(
        &["--annotation=a=1", "--annotation=a=2"],
        "--annotation a: the key is there twice",
    );
    check(
        &["--annotation=a=1", "--no-manifest"],
        "--annotation and --no-manifest exclude",
    );
    let many: Vec<String> = (0..65).map(|n| format!("--annotation=k{n}=v")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(&many, "65 annotations");
    let flags: [&dyn AsRef<OsStr>; 5] = [&"backup", &"-ntest", &"-o-", &"--annotation", &"a=b"];
    absctl(&flags)
        .fails(1, "annotations are kept in the manifest")
        .at_once();
}

#[test]
fn a_continuation_repeats_the_annotations() {
    let (source, place) = (filled(1, 9000), tempdir().expect("directory"));
    source
        .faults()
        .add(Rule::new(On::Scan, Reaction::Drop).after_records(7000));
    let path = place.path();
    let flags: [&dyn AsRef<OsStr>; 7] = [
        &"-d",
        &path,
        &"-w1",
        &"--max-retries",
        &"0",
        &"--annotation",
        &"a=1",
    ];
    assert_ne!(backup(&source, &flags).code, Some(0));
    source.faults().clear();
    let again: [&dyn AsRef<OsStr>; 5] = [&"-d", &path, &"-w1", &"-c", &"test.asb.state"];
    let refused = backup(&source, &again).fails(1, "--annotation a differs from the first run");
    assert!(
        refused.stderr.contains("\"1\" then, not given now"),
        "{refused:?}"
    );
    let other: [&dyn AsRef<OsStr>; 2] = [&"--annotation", &"a=2"];
    backup(&source, &[&again[..], &other].concat()).fails(1, "--annotation a differs");
    let same: [&dyn AsRef<OsStr>; 2] = [&"--annotation", &"a=1"];
    backup(&source, &[&again[..], &same].concat()).succeeds();
    assert_eq!(kept(path), serde_json::json!({"a": "1"}));
}

#[test]
fn shards_have_to_agree_on_annotations() {
    let (source, place) = (filled(1, 400), tempdir().expect("directory"));
    let shard = |path: &Path, shard: &str, annotation: &str| {
        let flags: [&dyn AsRef<OsStr>; 8] = [
            &"-d",
            &path,
            &"--shard",
            &shard,
            &"--run-id",
            &"r",
            &"--annotation",
            &annotation,
        ];
        backup(&source, &flags)
    };
    let path = place.path();
    shard(path, "1/2", "a=1").succeeds();
    // Started again, a shard that is complete is compared with what it is asked for.
    shard(path, "1/2", "a=2").fails(1, "--annotation a differs from the first run");
    shard(path, "1/2", "a=1").succeeds();
    shard(path, "2/2", "a=1").succeeds();
    assert_eq!(kept(path), serde_json::json!({"a": "1"}));
    let other = tempdir().expect("directory");
    shard(other.path(), "1/2", "a=1").succeeds();
    shard(other.path(), "2/2", "a=2")
        .fails(1, "shard 2 differs from the first one in its annotations");
}
