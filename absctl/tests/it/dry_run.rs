//! `--dry-run`: everything is looked at, and nothing is written.

use crate::support::{
    NAMESPACE, Run, absctl, backup, data_names, empty, filled, hosts, names, restore,
};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use std::{collections::BTreeMap, ffi::OsStr, fs, path::Path};
use tempfile::tempdir;

/// Names and contents of all files below a directory.
fn contents(place: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |name: String| (name.clone(), fs::read(place.join(name)).unwrap_or_default());
    names(place).into_iter().map(read).collect()
}

/// Fails when any node is asked to write anything.
struct NoWrites<'a>(&'a Cluster, Vec<asnode::faults::RuleId>);

impl<'a> NoWrites<'a> {
    fn watch(cluster: &'a Cluster) -> Self {
        let command = |name| Rule::new(On::Info, Reaction::Drop).command(name);
        let requests = [On::Batch, On::Write].map(|on| Rule::new(on, Reaction::Drop));
        let commands = ["sindex-create", "sindex-delete", "udf-put", "udf-remove"].map(command);
        let rules = requests.into_iter().chain(commands);
        Self(
            cluster,
            rules.map(|rule| cluster.faults().add(rule)).collect(),
        )
    }

    #[track_caller]
    fn assert(self) {
        for rule in &self.1 {
            assert_eq!(self.0.faults().fired(*rule), 0, "a write");
        }
        self.0.faults().clear();
    }
}

#[test]
fn a_backup_says_what_it_would_do_and_does_nothing() {
    let (source, place) = (filled(2, 700), tempdir().expect("directory"));
    let path = place.path().join("new");
    let writes = NoWrites::watch(&source);
    let run = backup(
        &source,
        &[&"-d", &path, &"--dry-run", &"-w2", &"-L", &"100"],
    )
    .succeeds();
    writes.assert();
    assert!(!path.exists(), "nothing is created");
    assert!(run.stdout.is_empty(), "{run:?}");
    assert!(
        run.stderr.contains("\nBackup plan\n-----------\n"),
        "{run:?}"
    );
    assert_eq!(run.value("Beginning"), Some("a new backup"), "{run:?}");
    assert_eq!(run.value("Partitions"), Some("4096 (0-4096)"), "{run:?}");
    assert_eq!(run.reported("Workers"), 2);
    assert_eq!(run.value("Limit"), Some("records/s 100"), "{run:?}");
    for word in [
        "Writes:",
        "metadata_test_<n>.asb",
        "1_test_<n>.asb",
        "test.manifest.json",
    ] {
        assert!(run.stderr.contains(word), "{word} in {run:?}");
    }
    assert_eq!(run.stderr.matches("\nNode:").count(), 2, "{run:?}");
    let records = source.count(NAMESPACE);
    assert_eq!(run.reported("Expected Records"), records);
    let made = backup(&source, &[&"-d", &path, &"-w2"]).succeeds();
    assert_eq!(
        run.reported("Expected Bytes"),
        made.reported("Bytes Written"),
        "exact"
    );
    // 7 s for 700 records, whatever the machine does.
    let time = run.value("Expected Time").expect("time");
    assert!(time.starts_with("about "), "{time}");
}

#[test]
fn an_old_backup_stays_and_is_listed() {
    let (source, place) = (filled(1, 200), tempdir().expect("directory"));
    backup(&source, &[&"-d", &place.path()]).succeeds();
    let before = contents(place.path());
    let run = backup(&source, &[&"-d", &place.path(), &"-r", &"--dry-run"]).succeeds();
    let beginning = "replaces the old backup once the new one is complete";
    assert_eq!(run.value("Beginning"), Some(beginning), "{run:?}");
    for name in names(place.path()) {
        assert!(
            run.stderr.contains(&format!(" {name}\n")),
            "{name} in {run:?}"
        );
    }
    let args: [&dyn AsRef<OsStr>; 3] = [&"-d", &place.path(), &"--dry-run"];
    backup(&source, &args).fails(1, "is not empty");
    let args: [&dyn AsRef<OsStr>; 5] = [
        &"backup",
        &"--remove-artifacts",
        &"-d",
        &place.path(),
        &"--dry-run",
    ];
    let run = absctl(&args).succeeds();
    let listed = run.stderr.matches("would be removed").count();
    assert_eq!(listed, names(place.path()).len(), "{run:?}");
    assert_eq!(contents(place.path()), before);
}

/// What a real run is refused for, a dry run is refused for, with the same code.
#[test]
fn refusals_are_those_of_a_real_run() {
    let (cluster, place) = (filled(1, 50), tempdir().expect("directory"));
    let missing = place.path().join("missing");
    let check = |command: &str, args: &[&dyn AsRef<OsStr>]| {
        let hosts = hosts(&cluster);
        let common: [&dyn AsRef<OsStr>; 2] = [&command, &hosts];
        let real = absctl(&[&common, args].concat());
        let dry = absctl(&[&common, args, &[&"--dry-run"]].concat());
        let error = |run: &Run| {
            let mut lines = run.stderr.lines();
            lines
                .find(|line| line.starts_with("error: "))
                .map(str::to_owned)
        };
        assert_eq!((dry.code, error(&dry)), (real.code, error(&real)));
        assert_ne!(dry.code, Some(0), "{dry:?}");
    };
    check("backup", &[&"-nnone", &"-d", &missing]);
    check("backup", &[&"-ntest", &"-d", &missing, &"-l", &"nowhere:1"]);
    check("backup", &[&"-ntest", &"-d", &missing, &"-f", &"AAAA"]);
    check("backup", &[&"-ntest", &"-d", &missing, &"-c", &"no.state"]);
    check("restore", &[&"-ntest", &"-d", &missing]);
    backup(&cluster, &[&"-d", &place.path()]).succeeds();
    check("restore", &[&"-nother", &"-d", &place.path()]);
    check("restore", &[&"-ntest,none", &"-d", &place.path()]);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("port");
    let closed = listener.local_addr().expect("address").to_string();
    drop(listener);
    let args: [&dyn AsRef<OsStr>; 7] = [
        &"backup",
        &"-h",
        &closed,
        &"-ntest",
        &"-d",
        &missing,
        &"--dry-run",
    ];
    absctl(&args).fails(14, "");
    let first = data_names(place.path())[0].clone();
    fs::write(place.path().join(first), "Version 3.1\n").expect("file");
    check("restore", &[&"-ntest", &"-d", &place.path()]);
}

#[test]
fn a_restore_says_what_it_would_do_and_does_nothing() {
    let (source, target) = (filled(2, 300), empty(1));
    let place = tempdir().expect("directory");
    let made = backup(&source, &[&"-d", &place.path()]).succeeds();
    let before = contents(place.path());
    let writes = NoWrites::watch(&target);
    let rejects = place.path().join("rejects.asb");
    let run = restore(
        &target,
        &[
            &"-d",
            &place.path(),
            &"--dry-run",
            &"-u",
            &"--ignore-record-error",
            &"--reject-file",
            &rejects,
        ],
    );
    let run = run.succeeds();
    writes.assert();
    assert_eq!(target.count(NAMESPACE), 0);
    assert_eq!(contents(place.path()), before);
    assert_eq!(run.value("Namespace"), Some("test into test"), "{run:?}");
    assert_eq!(run.reported("Expected Records"), source.count(NAMESPACE));
    assert_eq!(
        run.reported("Expected Bytes"),
        made.reported("Bytes Written")
    );
    let policy = run.value("Policy").expect("policy");
    assert!(policy.contains("existing records are kept"), "{policy}");
    let created = run.stderr.matches(" is created\n").count() as u64;
    assert_eq!(
        created,
        made.reported("sIndex Read") + made.reported("UDFs Read"),
        "{run:?}"
    );
    restore(&target, &[&"-d", &place.path(), &"--no-records"]).succeeds();
    let again = restore(&target, &[&"-d", &place.path(), &"--dry-run"]).succeeds();
    let same = again.stderr.matches(" is there already\n").count() as u64;
    assert_eq!(same, created, "{again:?}");
}

#[test]
fn programs_get_the_plan_as_one_line() {
    let (source, place) = (filled(1, 100), tempdir().expect("directory"));
    let path = place.path().join("new");
    let run = backup(&source, &[&"-d", &path, &"--dry-run", &"--log-json"]).succeeds();
    let line = run.stderr.lines().last().expect("a line");
    let plan: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(plan["message_type"], "summary", "{plan}");
    assert_eq!(plan["msg"], "backup plan");
    assert_eq!(plan["partitions"], 4096);
    assert_eq!(plan["records"], source.count(NAMESPACE));
    assert_eq!(plan["selection"]["--namespace"], "test");
    assert_eq!(plan["partition-list"], serde_json::json!(["0-4096"]));
}

/// Neither the state nor what it belongs to is touched.
#[test]
fn a_continuation_is_looked_at_and_left_alone() {
    let (source, place) = (filled(1, 9000), tempdir().expect("directory"));
    source
        .faults()
        .add(Rule::new(On::Scan, Reaction::Drop).after_records(7000));
    let args: [&dyn AsRef<OsStr>; 5] = [&"-d", &place.path(), &"-w1", &"--max-retries", &"0"];
    let failed = backup(&source, &args);
    assert_ne!(failed.code, Some(0), "{failed:?}");
    source.faults().clear();
    let before = contents(place.path());
    let run = backup(
        &source,
        &[&"-d", &place.path(), &"-c", &"test.asb.state", &"--dry-run"],
    );
    let run = run.succeeds();
    let beginning = Some("goes on with an interrupted backup");
    assert_eq!(run.value("Beginning"), beginning, "{run:?}");
    assert_eq!(contents(place.path()), before);
}

#[test]
fn it_excludes_what_makes_no_sense_with_it() {
    let check = |line: &str, part: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let words: Vec<&dyn AsRef<OsStr>> = words.iter().map(|word| word as _).collect();
        absctl(&words).fails(1, part);
    };
    check(
        "backup -n test -e --dry-run",
        "--estimate (-e) and --dry-run",
    );
    check(
        "restore -n test -d x --validate --dry-run",
        "--dry-run and --validate",
    );
    check("backup xdr -n test -d x --dry-run", "--dry-run");
}
