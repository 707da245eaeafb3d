//! `absctl convert`: from what a cluster has shipped to a backup for every tool.

use crate::{
    envelope::{key_text, write_key},
    support::{Run, absctl, assert_equal, command, empty, hosts, names, restore},
};
use asnode::{
    Cluster, Edition, NamespaceConfig,
    generate::{self, Shape},
};
use std::{ffi::OsStr, fs, path::Path};
use tempfile::tempdir;

const RECORDS: u64 = 1000;

/// A cluster that ships.
fn source() -> Cluster {
    let cluster = Cluster::builder()
        .nodes(2)
        .namespace(NamespaceConfig::new("test"))
        .edition(Edition::Enterprise)
        .start()
        .expect("cluster");
    generate::load(&cluster, "test", Shape::Bench, RECORDS, 7);
    cluster.put_udf(asnode::Udf {
        name: "module.lua".to_owned(),
        content: b"function f() end\n".to_vec(),
    });
    cluster
}

/// A backup of it by XDR, with more arguments.
fn ship(cluster: &Cluster, path: &Path, args: &[&dyn AsRef<OsStr>]) {
    let common: [&dyn AsRef<OsStr>; 11] = [
        &"backup",
        &"xdr",
        &hosts(cluster),
        &"-ntest",
        &"-d",
        &path,
        &"--local-port=0",
        &"--parallel-write=3",
        &"--file-limit=1",
        &"--info-polling-period=50",
        &"--start-timeout=60000",
    ];
    absctl(&[&common, args].concat()).succeeds();
}

fn convert(args: &[&dyn AsRef<OsStr>]) -> Run {
    absctl(&[&[&"convert" as &dyn AsRef<OsStr>], args].concat())
}

#[test]
fn what_a_cluster_has_shipped_becomes_a_backup_like_any_other() {
    let (source, place) = (source(), tempdir().expect("directory"));
    let (shipped, text) = (place.path().join("shipped"), place.path().join("text"));
    ship(&source, &shipped, &[]);
    let lines = place.path().join("lines");
    let run = convert(&[
        &"-d",
        &shipped,
        &"--output-directory",
        &text,
        &"-ntest",
        &"-z=ZSTD",
        &"-m",
        &lines,
        &"-w=2",
    ])
    .succeeds();
    assert_eq!(run.reported("Messages Read"), RECORDS);
    assert_eq!(run.reported("Superseded"), 0);
    assert_eq!(run.reported("Records Written"), RECORDS);
    assert_eq!(run.reported("UDFs Read"), 1);
    let summary = format!("SUMMARY:{RECORDS}:0:1:");
    assert!(
        fs::read_to_string(&lines)
            .expect("lines")
            .contains(&summary)
    );
    // Which writer opens its file first is chance, and whether there is work for both.
    let names = names(&text);
    assert_eq!(
        names.len() as u64,
        run.reported("Files Written") + 1,
        "and the manifest"
    );
    let starts = ["0_test_", "1_test_", "metadata_test_", "test.manifest.json"];
    let is_known = |name: &String| starts.iter().any(|start| name.starts_with(start));
    assert!(names.len() >= 3 && names.iter().all(is_known), "{names:?}");
    let target = empty(1);
    restore(&target, &[&"--validate", &"-d", &text]).succeeds();
    let run = restore(&target, &[&"-d", &text]).succeeds();
    assert_eq!(run.reported("Inserted Records"), RECORDS);
    assert_equal(&source, &target);
    // What was shipped is as it was.
    restore(&empty(1), &[&"-d", &shipped]).succeeds();

    // The report for programs.
    let again = place.path().join("again");
    let run = convert(&[
        &"-d",
        &shipped,
        &"--output-directory",
        &again,
        &"--log-json",
    ])
    .succeeds();
    let last = run.stderr.lines().last().unwrap_or_default();
    for part in [
        "\"msg\":\"conversion report\"",
        "\"messages-read\":1000",
        "\"records-written\":1000",
    ] {
        assert!(last.contains(part), "{part} in {last}");
    }
}

#[test]
fn standard_output_into_standard_input() {
    let (source, target) = (source(), empty(1));
    let place = tempdir().expect("directory");
    let shipped = place.path().join("shipped");
    ship(&source, &shipped, &[]);
    let run = convert(&[&"-d", &shipped, &"-o=-"]).succeeds();
    let mut command = command(&[&"restore", &hosts(&target), &"-n=test", &"-i=-"]);
    Run::of(command.write_stdin(run.stdout)).succeeds();
    assert_equal(&source, &target);
}

#[test]
fn both_sides_have_keys_of_their_own() {
    let (source, place) = (source(), tempdir().expect("directory"));
    let (shipped, text) = (place.path().join("shipped"), place.path().join("text"));
    let key = write_key(place.path());
    ship(&source, &shipped, &[&"--encrypt=AES128", &key, &"-z=ZSTD"]);
    let input: [&dyn AsRef<OsStr>; 4] = [
        &"--input-encrypt=AES128",
        &"--input-encryption-key-env=KEY",
        &"-d",
        &shipped,
    ];
    let output: [&dyn AsRef<OsStr>; 2] = [&"--output-directory", &text];
    let run = |more: &[&dyn AsRef<OsStr>]| {
        let args = [
            &[&"convert" as &dyn AsRef<OsStr>],
            &input[..],
            &output,
            more,
        ]
        .concat();
        Run::of(command(&args).env("KEY", key_text()))
    };
    run(&[]).fails(1, "in the clear").at_once();
    run(&[&"--encrypt=AES256", &key]).succeeds();
    let target = empty(1);
    restore(&target, &[&"-d", &text, &"--encrypt=AES256", &key]).succeeds();
    assert_equal(&source, &target);
    run(&[&"--encrypt=NONE", &"-r"]).succeeds();
    restore(&empty(1), &[&"-d", &text]).succeeds();
    // Without the key nothing is found out, and nothing written.
    let other = place.path().join("other");
    convert(&[&"-d", &shipped, &"--output-directory", &other]).fails(12, "");
    assert!(names(&other).is_empty());
}

#[test]
fn what_cannot_be_converted_is_said_with_its_place() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../asbx-format/tests/data");
    let place = tempdir().expect("directory");
    let text = place.path().join("text");
    let run = |source: &str, more: &[&dyn AsRef<OsStr>]| {
        let source = Path::new(golden).join(source);
        let args: [&dyn AsRef<OsStr>; 4] = [&"-d", &source, &"--output-directory", &text];
        convert(&[&args[..], more].concat())
    };
    let failed = run("plain", &[]).fails(1, "cannot be converted: it expires");
    assert!(
        failed.stderr.contains("hint: say it with --shipped-at"),
        "{failed:?}"
    );
    run("damaged/asbx-cut-in-payload", &[]).fails(13, "0_test_8.asbx is damaged");
    run("plain", &[&"-nbest"]).fails(1, "belongs to namespace test");
    assert!(names(&text).is_empty());
    run("plain", &[&"--shipped-at=2026-11-20", &"--index-memory=1"]).succeeds();
    run("plain", &[&"--shipped-at=2026-11-20"]).fails(1, "is not empty");
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let place = tempdir().expect("directory");
    let path = place.path();
    let check = |args: &[&dyn AsRef<OsStr>], part: &str| {
        convert(args).fails(1, part).at_once();
    };
    check(
        &[&"-d=x"],
        "--output-directory or --output-file (-o) is needed",
    );
    check(
        &[&"-o=x"],
        "--directory (-d) or --input-file (-i) is needed",
    );
    check(&[&"-d=x", &"-i=y", &"-o=z"], "exclude each other");
    check(&[&"-i=-", &"-o=z"], "a stream can be read only once");
    check(&[&"-d=x", &"-o=-", &"-r"], "is a stream");
    check(&[&"-d=x", &"-o=z", &"--shipped-at=then"], "--shipped-at");
    check(
        &[
            &"-d=x",
            &"-o=z",
            &"--input-encrypt=AES128",
            &"--encrypt=NONE",
        ],
        "--input-encryption-key-file",
    );
    check(&[&"-d=x", &"-o=z", &"--index-memory=0"], "--index-memory");
    check(
        &[&"-d", &path, &"--output-directory", &path],
        "are the same",
    );
    assert!(names(path).is_empty());
}

#[test]
fn keys_of_the_input_come_from_anywhere() {
    let (source, place) = (source(), tempdir().expect("directory"));
    let shipped = place.path().join("shipped");
    let key = write_key(place.path());
    ship(&source, &shipped, &[&"--encrypt=AES256", &key]);
    let file = key.replace("--encryption", "--input-encryption");
    let common: [&dyn AsRef<OsStr>; 5] = [
        &"-d",
        &shipped,
        &"-o=-",
        &"--input-encrypt=AES256",
        &"--encrypt=NONE",
    ];
    convert(&[&common[..], &[&file]].concat()).succeeds();
    // A raw key is another one.
    let raw = [
        "--input-encryption-key-env=KEY",
        "--input-encryption-key-raw",
    ];
    let args: [&dyn AsRef<OsStr>; 1] = [&"convert"];
    let raw: Vec<&dyn AsRef<OsStr>> = raw.iter().map(|flag| flag as _).collect();
    let line = [&args[..], &common, &raw].concat();
    Run::of(command(&line).env("KEY", key_text())).fails(12, "");
    // A secret is asked for where there is somebody to ask.
    let secret = "--input-encryption-key-secret=secrets:keys:backup";
    convert(&[&common[..], &[&secret]].concat()).fails(1, "secrets:keys:backup");
}
