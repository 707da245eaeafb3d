//! Backups in buckets, through an S3 server in this process.

use crate::support::{NAMESPACE, Run, absctl, assert_equal, backup, empty, filled, hosts, restore};
use asnode::{Cluster, Edition, NamespaceConfig, generate};
use backup_storage::testing::{ArchiveState, BUCKET, Fault, ObjectServer, Rule, Seen};
use std::{ffi::OsStr, fs};

/// The flags for a server's bucket.
pub(crate) fn flags(server: &ObjectServer) -> Vec<String> {
    let (id, secret) = ObjectServer::keys();
    [
        format!("--s3-bucket-name={BUCKET}"),
        format!("--s3-endpoint-override={}", server.url()),
        "--s3-region=eu-central-1".to_owned(),
        format!("--s3-access-key-id={id}"),
        format!("--s3-secret-access-key={secret}"),
        "--s3-retry-max-attempts=3".to_owned(),
    ]
    .into()
}

pub(crate) fn with<'a>(flags: &'a [String], more: &'a [&'a str]) -> Vec<&'a dyn AsRef<OsStr>> {
    let flags = flags.iter().map(|flag| flag as &dyn AsRef<OsStr>);
    flags
        .chain(more.iter().map(|flag| flag as &dyn AsRef<OsStr>))
        .collect()
}

pub(crate) fn backup_to(server: &ObjectServer, source: &Cluster, more: &[&str]) -> Run {
    backup(source, &with(&flags(server), more))
}

pub(crate) fn restore_from(server: &ObjectServer, target: &Cluster, more: &[&str]) -> Run {
    restore(target, &with(&flags(server), more))
}

/// A command that needs no cluster.
pub(crate) fn command_with(command: &str, server: &ObjectServer, more: &[&str]) -> Run {
    let flags = flags(server);
    absctl(&[&[&command as &dyn AsRef<OsStr>], &with(&flags, more)[..]].concat())
}

/// Names of the objects below a prefix, sorted.
pub(crate) fn objects(server: &ObjectServer, prefix: &str) -> Vec<String> {
    crate::support::names(&server.path(prefix))
}

#[test]
fn a_backup_goes_to_a_bucket_and_comes_back() {
    let (server, source) = (ObjectServer::s3(), filled(2, 3000));
    let run = backup_to(&server, &source, &["-d", "sets/a", "-w", "3", "-z", "zstd"]).succeeds();
    assert_eq!(run.reported("Records Read"), 3000);
    assert_eq!(server.open_uploads(), [""; 0]);
    let names = objects(&server, "sets/a");
    assert!(
        names.contains(&"test.manifest.json".to_owned()),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|name| name.ends_with(".lock")),
        "{names:?}"
    );

    command_with("restore", &server, &["--validate", "-d", "sets/a/"]).succeeds();
    let target = empty(1);
    let run = restore_from(&server, &target, &["-d", "sets/a"]).succeeds();
    assert_eq!(run.reported("Inserted Records"), 3000);
    assert_equal(&source, &target);
}

#[test]
fn several_directories_are_restored_from_a_bucket() {
    let server = ObjectServer::s3();
    let (one, other) = (filled(1, 100), filled(1, 250));
    backup_to(&server, &one, &["-d", "sets/one"]).succeeds();
    backup_to(&server, &other, &["-d", "sets/two"]).succeeds();
    let target = empty(1);
    let both = ["--parent-directory", "sets", "--directory-list", "one,two"];
    let run = restore_from(&server, &target, &both).survives();
    assert_eq!(run.reported("Records Read"), 350, "{run:?}");
    let missing = [
        "--parent-directory",
        "sets",
        "--directory-list",
        "one,three",
    ];
    restore_from(&server, &target, &missing).fails(10, "sets/three");
}

#[test]
fn one_object_by_the_path_of_the_c_tools() {
    let (server, source) = (ObjectServer::s3(), filled(1, 500));
    let path = format!("s3://{BUCKET}/one/backup.asb");
    let all = flags(&server);
    let rest = &all[1..];
    backup(&source, &with(rest, &["-o", &path])).succeeds();
    assert!(objects(&server, "one").contains(&"backup.asb".to_owned()));
    backup(&source, &with(rest, &["-o", &path])).fails(1, "exists already");
    backup(&source, &with(rest, &["-r", "-o", &path])).succeeds();
    let target = empty(1);
    restore(&target, &with(rest, &["-i", &path])).succeeds();
    assert_equal(&source, &target);
}

/// A lock while it is written, a manifest when it is complete, and nothing to be continued.
#[test]
fn one_object_has_a_lock_and_a_manifest() {
    let (server, source) = (ObjectServer::s3(), filled(1, 500));
    let file = ["-o", "one/backup.asb"];
    backup_to(&server, &source, &file).succeeds();
    let names = objects(&server, "one");
    assert_eq!(names, ["backup.asb", "backup.asb.manifest.json"]);
    let seen = server.seen();
    let is = |method: &str, path: &str| {
        let fits = |seen: &Seen| seen.method == method && seen.path.ends_with(path);
        seen.iter().position(fits)
    };
    let (lock, data) = (is("PUT", "asb.lock"), is("PUT", "backup.asb"));
    assert!(lock.is_some() && lock < data && data < is("PUT", "manifest.json"));
    let from = ["--validate", "-i", "one/backup.asb"];
    let run = command_with("restore", &server, &from).succeeds();
    assert!(!run.stderr.contains("has no manifest"), "{run:?}");

    // Another run is at it, on a machine that cannot be asked.
    let lock = fs::read(server.path("one/backup.asb")).map(|_| live_lock());
    fs::write(server.path("one/other.asb.lock"), lock.expect("a file")).expect("written");
    backup_to(&server, &source, &["-o", "one/other.asb"]).fails(11, "another backup");
    fs::remove_file(server.path("one/other.asb.lock")).expect("removed");

    // What is not complete leaves nothing: there is no point half-way in an object.
    let refuse = Fault::Answer(403, None, "AccessDenied");
    server.add(
        Rule::new(http::Method::PUT, refuse)
            .path("other.asb")
            .after(1)
            .times(1),
    );
    backup_to(&server, &source, &["-o", "one/other.asb"]).fails(12, "other.asb");
    assert_eq!(objects(&server, "one"), names);
    backup_to(&server, &source, &["-o", "one/other.asb", "-c", "x"])
        .fails(1, "cannot be continued");

    // Damage is noticed by the manifest.
    let path = server.path("one/backup.asb");
    let mut content = fs::read(&path).expect("read");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&path, content).expect("written");
    command_with("restore", &server, &from).fails(13, "");
}

/// A lock of nobody that can be found.
fn live_lock() -> String {
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a time")
        .as_millis();
    serde_json::json!({
        "format": "absctl-lock", "version": 1, "run": "0123", "host": "elsewhere", "pid": 1,
        "boot": "", "namespace": 0, "start": 0,
        "started-ms": now, "expires-ms": now + 300_000, "first-file": 1,
    })
    .to_string()
}

/// A plain backup needs to put and to list, and nothing else (goal R14).
#[test]
fn nothing_has_to_be_deleted() {
    let (server, source) = (ObjectServer::s3(), filled(1, 300));
    let refuse = Fault::Answer(403, None, "AccessDenied");
    server.add(Rule::new(http::Method::POST, refuse.clone()).query("delete"));
    server.add(Rule::new(http::Method::DELETE, refuse));
    for flags in [&["-dset"][..], &["-dkept", "--state-file-dst=kept.state"]] {
        let run = backup_to(&server, &source, flags).survives();
        assert_eq!(run.reported("Records Read"), 300);
    }
    // What stays has ended, so it is in nobody's way.
    let target = empty(1);
    restore_from(&server, &target, &["-dset"]).survives();
    assert_equal(&source, &target);
    let lock = fs::read_to_string(server.path("set/test.lock")).expect("the lock");
    assert!(lock.contains("\"expires-ms\": 0"), "{lock}");
}

#[test]
fn an_old_set_stays_until_the_new_one_is_complete() {
    let (server, first) = (ObjectServer::s3(), filled(1, 300));
    backup_to(&server, &first, &["-d", "set"]).succeeds();
    fs::write(server.path("set/foreign.txt"), "x").expect("written");
    fs::create_dir(server.path("set2")).expect("a sibling");
    fs::write(server.path("set2/0_test_1.asb"), "x").expect("written");
    let before = objects(&server, "set");

    let second = filled(1, 400);
    backup_to(&server, &second, &["-d", "set"]).fails(1, "is not empty");
    let refuse = Fault::Answer(403, None, "AccessDenied");
    server.add(
        Rule::new(http::Method::PUT, refuse)
            .path("0_test_")
            .times(1),
    );
    backup_to(&server, &second, &["-d", "set", "-r", "-w", "1"]).fails(12, "0_test_");
    assert_eq!(
        objects(&server, "set"),
        before,
        "nothing of it is gone, nothing is new"
    );

    backup_to(&server, &second, &["-d", "set", "-r", "-w", "1"]).succeeds();
    let after = objects(&server, "set");
    let is_data = |name: &&String| name.ends_with(".asb");
    assert!(
        !before
            .iter()
            .filter(is_data)
            .any(|name| after.contains(name)),
        "{after:?}"
    );
    assert!(after.contains(&"foreign.txt".to_owned()));
    assert_eq!(objects(&server, "set2"), ["0_test_1.asb"]);
    let target = empty(1);
    restore_from(&server, &target, &["-d", "set"]).succeeds();
    assert_equal(&second, &target);
}

#[test]
fn an_interrupted_backup_is_continued() {
    let (server, source) = (ObjectServer::s3(), filled(1, 20_000));
    // Files of 1 MiB: some are complete when the store begins to refuse.
    let refuse = Fault::Answer(403, None, "AccessDenied");
    let rule = Rule::new(http::Method::PUT, refuse)
        .path(".asb")
        .after(3)
        .times(1);
    server.add(rule);
    let run = backup_to(&server, &source, &["-d", "set", "-F", "1", "-w", "2"]);
    assert_eq!(run.code, Some(12), "{run:?}");
    assert_eq!(server.open_uploads(), [""; 0]);
    let names = objects(&server, "set");
    assert!(names.contains(&"test.asb.state".to_owned()), "{names:?}");

    let state = ["-d", "set", "-F", "1", "-w", "2", "-c", "test.asb.state"];
    let run = backup_to(&server, &source, &state).succeeds();
    assert_eq!(run.reported("Resumes"), 1, "{run:?}");
    let target = empty(1);
    let run = restore_from(&server, &target, &["-d", "set"]).succeeds();
    assert_eq!(run.reported("Inserted Records"), 20_000, "each record once");
    assert_equal(&source, &target);
}

#[test]
fn artifacts_are_removed_from_a_bucket() {
    let (server, source) = (ObjectServer::s3(), filled(1, 100));
    backup_to(&server, &source, &["-d", "set"]).succeeds();
    fs::write(server.path("set/foreign.txt"), "x").expect("written");
    command_with("backup", &server, &["--remove-artifacts", "-d", "set"]).succeeds();
    assert_eq!(objects(&server, "set"), ["foreign.txt"]);
}

#[test]
fn an_archived_backup_is_asked_for() {
    let (server, source) = (ObjectServer::s3(), filled(1, 200));
    let cold = ["-d", "set", "--s3-storage-class", "glacier", "-w", "1"];
    backup_to(&server, &source, &cold).succeeds();
    let data: Vec<_> = objects(&server, "set")
        .into_iter()
        .filter(|n| n.ends_with(".asb"))
        .collect();
    for name in &data {
        assert_eq!(
            server.storage_class(&format!("set/{name}")).as_deref(),
            Some("GLACIER")
        );
        server.set_archive(&format!("set/{name}"), ArchiveState::Archived);
    }
    let target = empty(1);
    restore_from(&server, &target, &["-d", "set"]).fails(1, "archive");
    let thaw = [
        "-d",
        "set",
        "--s3-tier",
        "bulk",
        "--s3-restore-poll-duration",
        "1",
        "--storage-restore-timeout=3",
    ];
    let run = restore_from(&server, &target, &thaw).succeeds();
    assert!(run.stderr.contains("waited for up to 3 h"), "{run:?}");
    assert_equal(&source, &target);
}

#[test]
fn what_the_store_refuses_has_its_exit_code() {
    let (server, source) = (ObjectServer::s3(), filled(1, 10));
    let mut wrong = flags(&server);
    wrong[0] = "--s3-bucket-name=missing".to_owned();
    let target = empty(1);
    restore(&target, &with(&wrong, &["-d", "set"])).fails(10, "s3://missing/set");
    backup(&source, &with(&wrong, &["-d", "set"])).fails(10, "bucket");
    let mut wrong = flags(&server);
    wrong[4] = "--s3-secret-access-key=guess".to_owned();
    let run = backup(&source, &with(&wrong, &["-d", "set"])).fails(12, "s3://");
    assert!(!run.stderr.contains("guess"), "{run:?}");
    restore_from(&server, &target, &["-d", "nothing"]).fails(10, "s3://backups/nothing/");
}

/// Said before anything is asked of cluster or store.
#[track_caller]
fn check_refused(args: &[&str], part: &str) {
    let typed: Vec<&dyn AsRef<OsStr>> = args.iter().map(|arg| arg as &dyn AsRef<OsStr>).collect();
    let common: [&dyn AsRef<OsStr>; 3] = [&"--host=127.0.0.1:1", &"-n", &NAMESPACE];
    absctl(&[&typed[..1], &common, &typed[1..]].concat())
        .fails(1, part)
        .at_once();
}

#[test]
fn what_cannot_be_is_refused_at_once() {
    let s3 = "--s3-bucket-name=b";
    let check = |args: &[&str], part: &str| {
        let all = [&["backup", "-r", "-d", "set"], args].concat();
        check_refused(&all, part);
    };
    check(&[s3, "--gcp-bucket-name=b"], "several clouds");
    check(&["--s3-region=x"], "--s3-bucket-name is needed");
    check(
        &["--azure-endpoint=http://h"],
        "--azure-container-name is needed",
    );
    check(&["--azure-container-name=c"], "--azure-endpoint is needed");
    check(&[s3, "--s3-storage-class=COLD"], "STANDARD_IA");
    check(&[s3, "--s3-chunk-size=4"], "5 MiB to 4096 MiB");
    check(&[s3, "--s3-chunk-size=5", "-F", "50000"], "10000 parts");
    check(
        &[s3, "--s3-endpoint-override=localhost:9000"],
        "http://HOST",
    );
    check(&[s3, "--s3-access-key-id=x"], "--s3-secret-access-key");
    check(&[s3, "--s3-sse=rot13"], "AES256");
    check(&[s3, "--s3-sse-kms-key-id=x"], "--s3-sse aws:kms");
    check(&[s3, "--file-mode=0640"], "--file-mode");
    let azure = ["--azure-container-name=c", "--azure-endpoint=http://h"];
    check(&[&azure[..], &["--azure-access-tier=Warm"]].concat(), "Hot");
    check(
        &[
            &azure[..],
            &["--azure-account-key=k", "--azure-sas-token=t"],
        ]
        .concat(),
        "exclude",
    );
    check_refused(&["backup", s3, "-o", "-"], "a stream is in no bucket");
    check_refused(&["backup", s3], "--directory (-d) or --output-file (-o)");
    let archive = [
        &["restore", "-d", "s"],
        &azure[..],
        &["--azure-access-tier=Archive"],
    ]
    .concat();
    check_refused(&archive, "nothing can be read");
    check_refused(&["restore", "-d", "s", s3, "--s3-tier=Fast"], "Expedited");
}

#[test]
fn what_a_cluster_ships_goes_to_a_bucket_and_comes_back() {
    let server = ObjectServer::s3();
    let source = Cluster::builder()
        .namespace(NamespaceConfig::new(NAMESPACE))
        .edition(Edition::Enterprise)
        .start()
        .expect("cluster");
    generate::load(&source, NAMESPACE, generate::Shape::Bench, 2000, 7);
    let hosts = hosts(&source);
    let ship = |more: &[&str]| {
        let common = [&hosts[..], "-ntest", "--local-port=0", "-d=sets/x"];
        let more = [&common[..], more].concat();
        let command: [&dyn AsRef<OsStr>; 2] = [&"backup", &"xdr"];
        absctl(&[&command, &with(&flags(&server), &more)[..]].concat())
    };
    ship(&["--parallel-write=2", "-z=zstd"]).succeeds();
    assert_eq!(server.open_uploads(), [""; 0]);
    let names = objects(&server, "sets/x");
    assert!(
        names.iter().any(|name| name.ends_with(".asbx")),
        "{names:?}"
    );
    assert!(
        names.contains(&"test.manifest.json".to_owned()),
        "{names:?}"
    );
    ship(&[]).fails(1, "is not empty");
    ship(&["--remove-files"]).succeeds();

    command_with("restore", &server, &["--validate", "-d", "sets/x"]).succeeds();
    let target = empty(1);
    let run = restore_from(&server, &target, &["-d", "sets/x"]).succeeds();
    assert_eq!(run.reported("Inserted Records"), 2000);
    assert_equal(&source, &target);
}
