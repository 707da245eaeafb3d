//! `--metrics-file` and `--metrics-listen`.

use crate::{
    signals::{send, start},
    support::{NAMESPACE, absctl, backup, empty, filled, hosts, names, restore, wait_for},
};
use asnode::faults::{On, Reaction, Rule};
use rustix::process::Signal;
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
};
use tempfile::tempdir;

/// The value of a metric whose labels contain `label`.
fn value(text: &str, name: &str, label: &str) -> Option<f64> {
    let line = text.lines().find(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('{') && rest.contains(label))
    });
    line?.rsplit_once(' ')?.1.parse().ok()
}

#[track_caller]
fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("metrics")
}

#[test]
fn the_file_tells_of_a_success_and_remembers_it() {
    let (source, place) = (filled(1, 300), tempdir().expect("directory"));
    let (path, file) = (place.path().join("set"), place.path().join("absctl.prom"));
    let flag = format!("--metrics-file={}", file.display());
    backup(&source, &[&"-d", &path, &flag, &"--verify-writes"]).succeeds();
    let text = read(&file);
    let count = source.count(NAMESPACE) as f64;
    let labels = r#"job="backup",namespace="test""#;
    assert_eq!(
        value(&text, "absctl_job_state", r#"state="succeeded""#),
        Some(1.0),
        "{text}"
    );
    assert_eq!(
        value(&text, "absctl_job_state", r#"state="running""#),
        Some(0.0)
    );
    assert_eq!(
        value(&text, "absctl_records_total", r#"outcome="read""#),
        Some(count)
    );
    assert_eq!(
        value(&text, "absctl_verified_records_total", labels),
        Some(count)
    );
    assert_eq!(value(&text, "absctl_job_exit_code", labels), Some(0.0));
    assert!(value(&text, "absctl_bytes_total", r#"direction="written""#) > Some(0.0));
    assert!(text.ends_with("# EOF\n"), "{text}");
    let last = value(&text, "absctl_last_success_timestamp_seconds", labels).expect("a success");
    assert!(last > 1.7e9, "{last}");

    // The target is not empty now: a failure of which the cluster hears nothing.
    backup(&source, &[&"-d", &path, &flag]).fails(1, "is not empty");
    let text = read(&file);
    assert_eq!(
        value(&text, "absctl_job_state", r#"state="failed""#),
        Some(1.0),
        "{text}"
    );
    assert_eq!(value(&text, "absctl_job_exit_code", labels), Some(1.0));
    let still = value(&text, "absctl_last_success_timestamp_seconds", labels);
    assert_eq!(still, Some(last), "of the run before");

    let target = empty(1);
    restore(&target, &[&"-d", &path, &flag]).succeeds();
    let text = read(&file);
    let inserted = value(&text, "absctl_records_total", r#"outcome="inserted""#);
    assert_eq!(inserted, Some(count), "{text}");
    assert_eq!(
        names(place.path()),
        ["absctl.prom", "set"],
        "nothing is left beside it"
    );
}

#[test]
fn a_file_that_cannot_be_written_stops_the_job_first() {
    let (source, place) = (filled(1, 10), tempdir().expect("directory"));
    let path = place.path().join("set");
    let flags: [&dyn AsRef<OsStr>; 4] = [&"-d", &path, &"--metrics-file", &"/nowhere/at/all.prom"];
    backup(&source, &flags).fails(1, "--metrics-file");
    let flags: [&dyn AsRef<OsStr>; 4] = [&"-d", &path, &"--metrics-listen", &"127.0.0.1"];
    backup(&source, &flags).fails(1, "HOST:PORT or [IPv6]:PORT is needed");
    assert!(!path.exists());
}

/// Sends a request and returns the status line and the body.
fn ask(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("connection");
    stream.write_all(request.as_bytes()).expect("request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head");
    let status = head.lines().next().expect("status").to_owned();
    (status, body.to_owned())
}

/// A job that hangs is asked over both protocols; then it is interrupted.
#[test]
fn a_running_job_can_be_asked() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let (source, place) = (filled(1, 9000), tempdir().expect("directory"));
        let (path, file) = (place.path().join("set"), place.path().join("m.prom"));
        let hangs = Rule::new(On::Scan, Reaction::Silence).after_records(7000);
        let fault = source.faults().add(hangs);
        let hosts = hosts(&source);
        let flags: [&dyn AsRef<OsStr>; 10] = [
            &"backup",
            &hosts,
            &"-ntest",
            &"-w1",
            &"-d",
            &path,
            &"--metrics-listen",
            &listen,
            &"--metrics-file",
            &file,
        ];
        let mut child = start(&flags);
        let mut log = BufReader::new(child.stderr.take().expect("pipe"));
        let mut line = String::new();
        while !line.contains("metrics are served at http://") {
            line.clear();
            assert!(log.read_line(&mut line).expect("log") > 0, "no address");
        }
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        let address = address.expect("address");
        wait_for("a hanging scan", || source.faults().fired(fault) > 0);
        let get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
        let (status, text) = ask(address, get);
        assert_eq!(status, "HTTP/1.1 200 OK");
        assert_eq!(
            value(&text, "absctl_job_state", r#"state="running""#),
            Some(1.0),
            "{text}"
        );
        assert!(value(&text, "absctl_records_expected", "backup") >= Some(0.0));
        let running = read(&file);
        assert_eq!(
            value(&running, "absctl_job_state", r#"state="running""#),
            Some(1.0)
        );
        for (request, expected) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            (
                "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
                "405",
            ),
            ("no request at all\r\n\r\n", "400"),
        ] {
            let (status, _) = ask(address, request);
            assert!(status.contains(expected), "{request}: {status}");
        }
        let long = format!(
            "GET /metrics HTTP/1.1\r\nA: {}\r\n\r\n",
            "x".repeat(32 << 10)
        );
        let (status, _) = ask(address, &long);
        assert!(status.contains("431"), "{status}");
        send(&child, Signal::INT);
        std::io::copy(&mut log, &mut std::io::sink()).expect("log");
        child.stderr = None;
        assert_eq!(child.wait().expect("child").code(), Some(130));
        let text = read(&file);
        assert_eq!(
            value(&text, "absctl_job_state", r#"state="interrupted""#),
            Some(1.0),
            "{text}"
        );
    }
}

#[test]
fn a_port_that_is_taken_stops_the_job_first() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("port");
    let address = taken.local_addr().expect("address").to_string();
    let place = tempdir().expect("directory");
    let path = place.path().join("set");
    let flags: [&dyn AsRef<OsStr>; 6] = [
        &"backup",
        &"-ntest",
        &"-d",
        &path,
        &"--metrics-listen",
        &address,
    ];
    absctl(&flags).fails(1, "--metrics-listen");
    assert!(!path.exists());
}
