//! Interrupts.

use crate::support::{LIMIT, Run, continues, empty, filled, hosts, names, wait_for};
use asnode::faults::{On, Reaction, Rule};
use rustix::{
    fs::{CWD, Mode, mkfifoat},
    process::{Pid, Signal, kill_process},
};
use std::{
    ffi::OsStr,
    io::Read,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::tempdir;

/// Long enough for a signal to arrive meanwhile.
const SLOW: Reaction = Reaction::Delay(Duration::from_secs(1));

pub(crate) fn start(args: &[&dyn AsRef<OsStr>]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_absctl"))
        .args(args.iter().map(AsRef::as_ref))
        .env("ABSCTL_FORECAST_SAMPLES", "0") // faults are to hit the backup
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("child")
}

pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("signal");
}

/// Waits for the end of a child; what is left in its pipes is in the result.
pub(crate) fn end_of(mut child: Child) -> Run {
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().expect("child").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("kill");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .expect("pipe")
        .read_to_string(&mut stderr)
        .expect("UTF-8");
    let code = child.wait().expect("child").code();
    Run {
        code,
        stdout: Vec::new(),
        stderr,
    }
}

/// The end of a child that was sent a signal: two seconds are promised, and a busy machine gets
/// ten times as much.
#[track_caller]
fn soon_ended(child: Child) -> Run {
    let begun = Instant::now();
    let run = end_of(child).fails(130, "interrupted");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    run
}

/// Reads a line and nothing behind it.
pub(crate) fn first_line(pipe: &mut impl Read) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while byte != *b"\n" {
        pipe.read_exact(&mut byte).expect("a line");
        line.extend(byte);
    }
    String::from_utf8(line).expect("UTF-8")
}

#[test]
fn an_interrupted_backup_can_be_continued() {
    for signal in [Signal::INT, Signal::TERM] {
        let source = filled(1, 9000);
        let place = tempdir().expect("directory");
        let path = place.path().join("backup");
        let hangs = Rule::new(On::Scan, Reaction::Silence).after_records(7000);
        let fault = source.faults().add(hangs);
        let child = start(&[&"backup", &hosts(&source), &"-ntest", &"-w1", &"-d", &path]);
        wait_for("a hanging scan", || source.faults().fired(fault) > 0);
        let is_data = |name: &String| name.starts_with("0_test_");
        wait_for("a data file", || names(&path).iter().any(is_data));
        send(&child, signal);
        let run = soon_ended(child);
        assert!(run.stderr.contains("--continue test.asb.state"), "{run:?}");
        source.faults().clear();
        continues(&source, &path);
    }
}

#[test]
fn an_interrupted_restore_says_so_in_its_report() {
    let (source, target) = (filled(1, 3000), empty(1));
    let place = tempdir().expect("directory");
    crate::support::backup(&source, &[&"-d", &place.path()]).succeeds();
    let fault = target.faults().add(Rule::new(On::Batch, SLOW));
    let child = start(&[&"restore", &hosts(&target), &"-ntest", &"-d", &place.path()]);
    wait_for("a slow batch", || target.faults().fired(fault) > 0);
    send(&child, Signal::INT);
    let run = soon_ended(child);
    assert_eq!(run.value("Result"), Some("interrupted"), "{run:?}");
}

#[test]
fn waiting_for_a_connection_can_be_interrupted() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("port");
    let host = listener.local_addr().expect("address").to_string();
    let child = start(&[&"backup", &"-h", &host, &"-ntest", &"-o-"]);
    let _connection = listener.accept().expect("the program connects");
    send(&child, Signal::INT);
    end_of(child).fails(130, "interrupted");
}

#[test]
fn waiting_for_a_secret_can_be_interrupted() {
    use crate::agent::{Agent, Manner};
    let agent = Agent::tcp(Manner::Silence, None);
    for (command, place) in [("backup", "-o-"), ("restore", "-i-")] {
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&command, &"-ntest", &place];
        args.push(&"--host=secrets:res:host");
        args.extend(agent.flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        let before = agent.asked().len();
        let child = start(&args);
        wait_for("a question", || agent.asked().len() > before);
        send(&child, Signal::INT);
        end_of(child).fails(130, "interrupted");
    }
}

/// Standard input is open, and nothing comes: no thread can be woken from that.
#[test]
fn waiting_for_standard_input_can_be_interrupted() {
    let target = empty(1);
    let mut child = start(&[&"restore", &hosts(&target), &"-ntest", &"-i-"]);
    let stdin = child.stdin.take();
    wait_for("a connection", || target.counters().info_commands > 0);
    send(&child, Signal::TERM);
    let run = end_of(child).fails(130, "interrupted");
    assert!(run.stderr.contains("SIGTERM: stopping"), "{run:?}");
    drop(stdin);
}

/// Opening a FIFO waits for whoever opens its other end.
#[test]
fn waiting_for_a_reader_can_be_interrupted() {
    let source = filled(1, 100);
    let place = tempdir().expect("directory");
    let path = place.path().join("fifo");
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).expect("FIFO");
    let child = start(&[&"backup", &hosts(&source), &"-ntest", &"-o", &path]);
    wait_for("a connection", || source.counters().info_commands > 0);
    send(&child, Signal::INT);
    end_of(child).fails(130, "interrupted");
    assert_eq!(names(place.path()), ["fifo"]);
}

/// Sends both signals, the second one after the program has told of the first.
fn interrupted_twice(mut child: Child) -> Run {
    send(&child, Signal::INT);
    let pipe = child.stderr.as_mut().expect("pipe");
    while !first_line(pipe).contains("SIGINT: stopping") {}
    send(&child, Signal::TERM);
    soon_ended(child)
}

#[test]
fn a_second_signal_does_not_wait() {
    let target = empty(1);
    let mut child = start(&[&"restore", &hosts(&target), &"-ntest", &"-i-"]);
    let stdin = child.stdin.take();
    wait_for("a connection", || target.counters().info_commands > 0);
    interrupted_twice(child);
    drop(stdin);
    // Nobody reads what the backup writes.
    let source = filled(1, 100);
    let place = tempdir().expect("directory");
    let path = place.path().join("fifo");
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).expect("FIFO");
    let child = start(&[&"backup", &hosts(&source), &"-ntest", &"-o", &path]);
    wait_for("a connection", || source.counters().info_commands > 0);
    interrupted_twice(child);
}
