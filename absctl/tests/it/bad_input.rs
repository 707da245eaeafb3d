//! Bad input: one clear line, an exit code that is not 0, and nothing written.

use crate::support::{Run, absctl, backup, command, empty, filled, hosts, names, restore};
use asnode::Cluster;
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    thread,
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// Runs a backup from `host` that must fail, within the time-out of a second and some leeway.
#[track_caller]
fn fails_to_connect(host: &str, code: i32, part: &str) {
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let begun = Instant::now();
    let args: [&dyn AsRef<_>; 8] = [
        &"backup",
        &"-h",
        &host,
        &"--client-timeout=1000",
        &"-n",
        &"test",
        &"-d",
        &path,
    ];
    absctl(&args).fails(code, part).at_once();
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert!(!path.exists());
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
    let host = listener.local_addr().expect("address").to_string();
    drop(listener);
    fails_to_connect(
        &host,
        14,
        &format!("no connection to the cluster by {host}"),
    );
}

#[test]
fn nobody_answers() {
    // The system accepts connections for a listener that never does.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
    let host = listener.local_addr().expect("address").to_string();
    fails_to_connect(
        &host,
        14,
        &format!("no connection to the cluster by {host}"),
    );
}

#[test]
fn somebody_else_answers() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\x02\x01\x00\x00\xff\xff\xff\xff",
        b"",
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
        let host = listener.local_addr().expect("address").to_string();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer);
            }
        });
        fails_to_connect(&host, 14, "no connection to the cluster");
    }
}

#[test]
fn unknown_host_name() {
    fails_to_connect("no-such-host.invalid", 14, "no-such-host.invalid:3000");
}

#[test]
fn unknown_namespace() {
    let cluster = filled(1, 100);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let hosts = hosts(&cluster);
    let part = "namespace other does not exist";
    absctl(&[&"backup", &hosts, &"-n", &"other", &"-d", &path])
        .fails(1, part)
        .at_once();
    absctl(&[&"backup", &hosts, &"-n", &"other", &"-o", &path])
        .fails(1, part)
        .at_once();
    assert_eq!(names(place.path()), Vec::<String>::new());
    backup(&cluster, &[&"-d", &path]).succeeds();
    let restore: [&dyn AsRef<_>; 6] = [&"restore", &hosts, &"-n", &"other", &"-d", &path];
    absctl(&restore)
        .fails(1, "is a backup of namespace test, not of other")
        .at_once();
    absctl(&[&restore[..], &[&"--ignore-manifest"]].concat())
        .fails(1, part)
        .at_once();
}

#[test]
fn backup_of_another_namespace() {
    let cluster = filled(1, 100);
    let other = Cluster::builder()
        .namespace(asnode::NamespaceConfig::new("other"))
        .start();
    let other = other.expect("cluster");
    let place = tempdir().expect("directory");
    backup(&cluster, &[&"-d", &place.path(), &"-I", &"--no-udfs"]).succeeds();
    let run = absctl(&[
        &"restore",
        &hosts(&other),
        &"-n",
        &"other",
        &"-d",
        &place.path(),
        &"--ignore-manifest",
    ]);
    let run = run.fails(1, "belongs to namespace test, not to other");
    assert!(
        run.stderr
            .contains("hint: name the namespace of the backup with -n"),
        "{run:?}"
    );
    assert_eq!(other.count("other"), 0);
}

#[test]
fn target_directory_is_not_empty() {
    let cluster = filled(1, 100);
    let place = tempdir().expect("directory");
    fs::write(place.path().join("a file"), "content").expect("file");
    let run = backup(&cluster, &[&"-d", &place.path()])
        .fails(1, "it holds a file")
        .at_once();
    assert!(
        run.stderr.contains("hint: choose an empty directory"),
        "{run:?}"
    );
    assert_eq!(names(place.path()), ["a file"]);
    assert_eq!(cluster.counters().connections, 0);
}

#[test]
fn target_is_no_directory() {
    let cluster = filled(1, 100);
    let place = tempdir().expect("directory");
    let file = place.path().join("file");
    fs::write(&file, "content").expect("file");
    backup(&cluster, &[&"-d", &file])
        .fails(1, "a directory is expected there")
        .at_once();
    backup(&cluster, &[&"-d", &file.join("below")])
        .fails(1, "a directory is expected")
        .at_once();
    backup(&cluster, &[&"-o", &place.path()])
        .fails(1, "a regular file is expected")
        .at_once();
    assert_eq!(fs::read(&file).expect("file"), b"content");
}

#[test]
fn input_is_missing() {
    let cluster = empty(1);
    let place = tempdir().expect("directory");
    let missing = place.path().join("missing");
    restore(&cluster, &[&"-d", &missing])
        .fails(10, "it does not exist")
        .at_once();
    restore(&cluster, &[&"-i", &missing])
        .fails(10, "it does not exist")
        .at_once();
    restore(&cluster, &[&"-d", &place.path()])
        .fails(10, "holds no backup file")
        .at_once();
    absctl(&[&"restore", &"--validate", &"-d", &missing])
        .fails(10, "does not exist")
        .at_once();
    assert_eq!(cluster.counters().connections, 0);
}

#[test]
fn input_was_never_finished() {
    let cluster = filled(1, 100);
    let place = tempdir().expect("directory");
    backup(&cluster, &[&"-d", &place.path()]).succeeds();
    fs::write(place.path().join("9_test_9.asb.part"), "").expect("file");
    // A later run has not finished; the old set is whole, as its manifest says.
    let run = restore(&cluster, &[&"-d", &place.path()]).survives();
    assert!(
        run.stderr.contains("9_test_9.asb.part was left by a run"),
        "{run:?}"
    );
    fs::remove_file(place.path().join("test.manifest.json")).expect("manifest");
    restore(&cluster, &[&"-d", &place.path(), &"--allow-incomplete"]).survives();
    let run = restore(&cluster, &[&"-d", &place.path()]).fails(10, "is an unfinished backup");
    assert!(
        run.at_once()
            .stderr
            .contains("hint: complete it with `absctl backup --continue`")
    );
}

/// Restores `content` as a file and through standard input; nothing may be written.
#[track_caller]
fn refuses(content: &[u8], part: &str) {
    let cluster = empty(1);
    let place = tempdir().expect("directory");
    let path = place.path().join("input.asb");
    fs::write(&path, content).expect("file");
    let run = restore(&cluster, &[&"-i", &path]).fails(13, part).at_once();
    assert!(run.stderr.contains("input.asb"), "{run:?}");
    restore(&cluster, &[&"-d", &place.path()])
        .code
        .filter(|code| *code == 13 || content.is_empty())
        .expect("13");
    let mut piped = command(&[&"restore", &hosts(&cluster), &"-ntest", &"-i-"]);
    Run::of(piped.write_stdin(content))
        .fails(13, part)
        .at_once();
    assert_eq!(cluster.count("test"), 0);
}

#[test]
fn input_of_another_format() {
    refuses(
        b"\x28\xb5\x2f\xfd\x04\x58\x51\x00\x00Version",
        "inside a ZSTD frame",
    );
    // With its zeros it cannot be taken for something encrypted, which would be exit code 12.
    refuses(
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\0\0\0\0\0\0\0\0",
        "or not a backup",
    );
    refuses(
        b"Version 9.9\n",
        "is damaged: unsupported format version 9.9",
    );
    refuses(b"", "unexpected end of input");
}

#[test]
fn truncated_input() {
    let (source, target) = (filled(1, 200), empty(1));
    let place = tempdir().expect("directory");
    let path = place.path().join("all.asb");
    backup(&source, &[&"-o", &path]).succeeds();
    let content = fs::read(&path).expect("file");
    fs::write(&path, &content[..content.len() - 5]).expect("file");
    let part = format!("(byte {}, line ", content.len() - 5);
    let run = restore(&target, &[&"-i", &path]).fails(13, &part);
    assert!(
        run.value("Result").expect("result").starts_with("failed, "),
        "{run:?}"
    );
    let outcomes = ["Inserted Records", "Not Sent"];
    let counted = run.sum(&outcomes);
    assert_eq!(counted, run.reported("Records Read"), "{run:?}");
}

#[test]
fn nobody_reads_standard_output() {
    let cluster = filled(1, 5000);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_absctl"))
        .args(["backup", &hosts(&cluster), "-ntest", "-o-"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("child");
    drop(child.stdout.take());
    let run = Run::from(child.wait_with_output().expect("output"));
    run.fails(
        1,
        "cannot write stdout: the reader at the other end has gone",
    );
}

#[test]
fn nobody_may_write_there() {
    let cluster = filled(1, 100);
    let missing = Path::new("/proc/absctl-test/backup");
    backup(&cluster, &[&"-d", &missing]).fails(1, "cannot create the directory");
}
