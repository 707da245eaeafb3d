//! Standard streams and `/dev/null`.

use std::{
    env,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use backup_storage::{ErrorKind, LocalOptions, Store, Stream, single_file};

/// Set in the child that this binary starts of itself; its value tells what to do.
const ROLE: &str = "BACKUP_STORAGE_STREAM_ROLE";

#[test]
fn dev_null_takes_everything() {
    let store = single_file(Path::new("/dev/null"), LocalOptions::default()).unwrap();
    store.check_writable().unwrap();
    let mut upload = store.create("/dev/null").unwrap();
    upload.write_all(&[0; 1000]).unwrap();
    assert_eq!(upload.finish().unwrap().bytes, 1000);
}

#[test]
fn each_standard_stream_has_one_direction() {
    let kind = |error: backup_storage::Error| error.kind();
    assert_eq!(
        Stream::stdin().create("stdin").map_err(kind).unwrap_err(),
        ErrorKind::Unsupported
    );
    assert_eq!(
        Stream::stdout()
            .open("stdout", 0)
            .map_err(kind)
            .unwrap_err(),
        ErrorKind::Unsupported
    );
}

fn child(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([
            "streams::copies_standard_input",
            "--exact",
            "--nocapture",
            "-q",
        ])
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// In the child: standard input to standard output. In the parent: starts it and feeds it.
#[test]
fn copies_standard_input() {
    match env::var(ROLE).as_deref() {
        Ok("peek") => return copy(&peeked()),
        Ok(_) => return copy(&Stream::stdin()),
        Err(_) => {}
    }
    for role in ["copy", "peek"] {
        let mut child = child(role).spawn().unwrap();
        let sent = b"line\nno end of line, \0 and \xff".repeat(1000);
        child.stdin.take().unwrap().write_all(&sent).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{role}");
        let found = output
            .stdout
            .windows(sent.len())
            .any(|window| window == sent);
        assert!(
            found,
            "{role}: the copy is not in the output of the test harness"
        );
    }
}

/// Standard input, of which the beginning was looked at.
fn peeked() -> Stream {
    let stream = Stream::stdin();
    let other = stream.clone();
    assert_eq!(stream.peek(4).unwrap(), b"line");
    assert_eq!(other.peek(11).unwrap(), b"line\nno end");
    assert_eq!(stream.peek(2).unwrap(), b"li");
    other
}

#[test]
fn only_standard_input_can_be_looked_at() {
    let stream = Stream::special(Path::new("/dev/zero"));
    let refused = stream.peek(1).map_err(|error| error.kind()).unwrap_err();
    assert_eq!(refused, ErrorKind::Unsupported);
    let sized = Stream::stdin().expecting(5).list().unwrap();
    assert_eq!(sized[0].size, Some(5));
}

fn copy(stream: &Stream) {
    let mut content = Vec::new();
    let mut download = stream.open("stdin", 0).unwrap();
    download.read_to_end(&mut content).unwrap();
    let mut upload = Stream::stdout().create("stdout").unwrap();
    upload.write_all(&content).unwrap();
    upload.finish().unwrap();
}

#[test]
fn a_buffer_collects_what_is_written() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let stored = || file.as_file().metadata().unwrap().len();
    let name = file.path().display().to_string();
    let mut upload = Stream::special(file.path())
        .buffered(1000)
        .create(&name)
        .unwrap();
    for (bytes, expected) in [(600, 0), (300, 0), (600, 900), (2000, 3500), (10, 3500)] {
        upload.write_all(&vec![1; bytes]).unwrap();
        assert_eq!(stored(), expected);
    }
    assert_eq!(upload.bytes(), 3510);
    assert_eq!(upload.finish().unwrap().bytes, 3510);
    assert_eq!(stored(), 3510);
}

#[test]
fn a_buffer_reads_ahead() {
    for (buffer, expected) in [(0, 1), (1000, 1000), (5000, 3000)] {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(3000).unwrap();
        let name = file.path().display().to_string();
        let stream = Stream::special(file.path()).buffered(buffer);
        let mut download = stream.open(&name, 0).unwrap();
        download.read_exact(&mut [0]).unwrap();
        // What was not read by now is gone.
        file.as_file().set_len(0).unwrap();
        let mut rest = Vec::new();
        download.read_to_end(&mut rest).unwrap();
        assert_eq!(1 + rest.len(), expected, "{buffer}");
    }
}
