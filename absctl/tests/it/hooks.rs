//! `--on-success` and `--on-failure`.

use crate::{
    signals::{end_of, send, start},
    support::{NAMESPACE, Run, backup, command, empty, filled, hosts, names, restore, wait_for},
};
use asnode::faults::{On, Reaction, Rule};
use rustix::process::Signal;
use std::{ffi::OsStr, fs, path::Path};
use tempfile::tempdir;

/// A hook that keeps what it is given, and prints to both of its outputs.
fn keeps(place: &Path, name: &str) -> String {
    let file = place.join(name);
    format!(
        "cat > {0}; echo $ABSCTL_JOB_COMMAND $ABSCTL_JOB_STATUS $ABSCTL_JOB_EXIT $ABSCTL_JOB_CODE \
         $ABSCTL_JOB_RUN > {0}.env; echo to-stdout; echo to-stderr >&2",
        file.display()
    )
}

fn json(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path).expect("summary");
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

fn env(place: &Path, name: &str) -> String {
    let path = place.join(format!("{name}.env"));
    fs::read_to_string(path)
        .expect("environment")
        .trim()
        .to_owned()
}

#[test]
fn the_hook_of_a_success_gets_the_report() {
    let (source, place) = (filled(1, 200), tempdir().expect("directory"));
    let [good, bad] = ["good", "bad"].map(|name| keeps(place.path(), name));
    let path = place.path().join("set");
    let hooks: [&dyn AsRef<OsStr>; 4] = [&"--on-success", &good, &"--on-failure", &bad];
    let run = backup(
        &source,
        &[&[&"-d" as &dyn AsRef<OsStr>, &path][..], &hooks].concat(),
    );
    let run = run.succeeds();
    let report = json(&place.path().join("good"));
    assert_eq!(report["records-read"], source.count(NAMESPACE));
    assert_eq!(
        (&report["result"], &report["exit"]),
        (&"ok".into(), &0.into())
    );
    let manifest = json_of_manifest(&path);
    let id = manifest["run"].as_str().expect("run");
    assert_eq!(env(place.path(), "good"), format!("backup ok 0 {id}"));
    assert!(run.stdout.is_empty(), "{run:?}");
    let (report, hook) = (
        run.stderr.find("Backup report"),
        run.stderr.find("to-stdout"),
    );
    assert!(report.is_some() && report < hook, "{run:?}");
    assert!(run.stderr.contains("to-stderr"), "{run:?}");
    assert!(!names(place.path()).contains(&"bad".to_owned()));
    let target = empty(1);
    restore(
        &target,
        &[&[&"-d" as &dyn AsRef<OsStr>, &path][..], &hooks].concat(),
    )
    .succeeds();
    assert_eq!(
        env(place.path(), "good"),
        format!("restore ok 0 {id}"),
        "the set that it read"
    );
}

fn json_of_manifest(path: &Path) -> serde_json::Value {
    let text = fs::read_to_string(path.join("test.manifest.json")).expect("manifest");
    serde_json::from_str(&text).expect("JSON")
}

/// Data on standard output stays data.
#[test]
fn a_hook_prints_nothing_into_a_stream() {
    let source = filled(1, 50);
    let plain = backup(&source, &[&"-o-"]).succeeds();
    let run = backup(&source, &[&"-o-", &"--on-success", &"echo garbage"]).succeeds();
    let sorted = |bytes: &[u8]| {
        let mut lines: Vec<_> = bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        lines.sort();
        lines
    };
    assert!(sorted(&run.stdout) == sorted(&plain.stdout));
    assert!(run.stderr.contains("garbage"), "{run:?}");
}

#[test]
fn the_hook_of_a_failure_gets_the_reason_and_changes_nothing() {
    let place = tempdir().expect("directory");
    let bad = keeps(place.path(), "bad") + "; exit 3";
    let missing = place.path().join("missing");
    let flags: [&dyn AsRef<OsStr>; 7] = [
        &"restore",
        &"-ntest",
        &"-d",
        &missing,
        &"--on-failure",
        &bad,
        &"--on-success=false",
    ];
    let run = Run::of(&mut command(&flags)).fails(10, "missing");
    assert!(
        run.stderr
            .contains("the command of --on-failure failed: exit status: 3"),
        "{run:?}"
    );
    assert_eq!(env(place.path(), "bad"), "restore failed 10 input-missing");
    let report = json(&place.path().join("bad"));
    assert_eq!(
        (&report["exit"], &report["code"]),
        (&10.into(), &"input-missing".into())
    );
    assert!(
        report["error"].as_str().expect("text").contains("missing"),
        "{report}"
    );
}

#[test]
fn a_failed_hook_of_a_success_is_a_failure() {
    let (source, place) = (filled(1, 20), tempdir().expect("directory"));
    let path = place.path().join("set");
    let run = backup(&source, &[&"-d", &path, &"--on-success", &"exit 7"]);
    let run = run.fails(1, "the command of --on-success failed: exit status: 7");
    assert!(run.stderr.contains("Backup report"), "{run:?}");
    let target = empty(1);
    restore(&target, &[&"-d", &path]).succeeds();
    assert_eq!(
        target.count(NAMESPACE),
        source.count(NAMESPACE),
        "the backup is whole"
    );
}

#[test]
fn an_interrupt_is_a_failure_and_is_passed_on_to_the_hook() {
    let (source, place) = (filled(1, 9000), tempdir().expect("directory"));
    let path = place.path().join("set");
    let hangs = Rule::new(On::Scan, Reaction::Silence).after_records(7000);
    let fault = source.faults().add(hangs);
    let [ready, told] = ["ready", "told"].map(|name| place.path().join(name));
    let bad = format!(
        "trap 'echo $ABSCTL_JOB_STATUS $ABSCTL_JOB_EXIT > {}; exit 0' TERM; : > {}; \
         while :; do sleep 0.01; done",
        told.display(),
        ready.display()
    );
    let hosts = hosts(&source);
    let flags: [&dyn AsRef<OsStr>; 8] = [
        &"backup",
        &hosts,
        &"-ntest",
        &"-w1",
        &"-d",
        &path,
        &"--on-failure",
        &bad,
    ];
    let child = start(&flags);
    wait_for("a hanging scan", || source.faults().fired(fault) > 0);
    send(&child, Signal::INT);
    wait_for("the hook", || ready.exists());
    send(&child, Signal::TERM);
    end_of(child).fails(130, "interrupted");
    assert_eq!(
        fs::read_to_string(&told).expect("told").trim(),
        "interrupted 130"
    );
}

/// A hook that starts the program again does not go round for ever.
#[test]
fn a_hook_runs_no_hooks() {
    let (source, place) = (filled(1, 10), tempdir().expect("directory"));
    let [one, two] = ["one", "two"].map(|name| place.path().join(name));
    let hook = format!(
        "{} backup {} -n test -d {}",
        env!("CARGO_BIN_EXE_absctl"),
        hosts(&source),
        two.display()
    );
    let hosts = hosts(&source);
    let flags: [&dyn AsRef<OsStr>; 5] = [&"backup", &hosts, &"-ntest", &"-d", &one];
    let config = place.path().join("absctl.yaml");
    fs::write(&config, format!("app:\n  on-success: \"{hook}\"\n")).expect("file");
    let run = Run::of(command(&flags).env("ABSCTL_CONFIG", &config)).succeeds();
    assert_eq!(run.stderr.matches("Backup report").count(), 2, "{run:?}");
    assert!(run.stderr.contains("this runs in a hook"), "{run:?}");
}

/// A command may hold a token.
#[test]
fn the_text_of_a_hook_is_not_shown() {
    let flags: [&dyn AsRef<OsStr>; 5] = [
        &"config",
        &"show",
        &"backup",
        &"--on-success",
        &"curl -H s3cr3t",
    ];
    let run = Run::of(&mut command(&flags)).succeeds();
    let text = String::from_utf8(run.stdout).expect("UTF-8");
    assert!(
        text.contains("on-success") && text.contains("(hidden)"),
        "{text}"
    );
    assert!(!text.contains("s3cr3t"), "{text}");
    let source = filled(1, 10);
    let place = tempdir().expect("directory");
    let path = place.path().join("set");
    let flags: [&dyn AsRef<OsStr>; 5] = [&"-d", &path, &"-v", &"--on-success", &"exit 1 # s3cr3t"];
    let run = backup(&source, &flags).fails(1, "--on-success");
    assert!(!run.stderr.contains("s3cr3t"), "{run:?}");
}
