//! Interrupts while a store does not answer: the end comes soon all the same. What would be waited for
//! otherwise lasts ten minutes, the time of a request, so a run that ends at all has not waited for it.

use crate::{
    cloud::{flags, objects, restore_from, with},
    signals::{end_of, first_line, send, start},
    support::{NAMESPACE, assert_equal, empty, hosts, wait_for},
};
use asnode::{Cluster, generate};
use backup_storage::testing::{Fault, ObjectServer, Rule};
use http::Method;
use rustix::process::Signal;
use std::{
    ffi::OsStr,
    process::Child,
    time::{Duration, Instant},
};

/// Ten times what is promised.
const SOON: Duration = Duration::from_secs(50);

/// Two files of more than one part each.
fn source() -> Cluster {
    let source = empty(1);
    generate::load(&source, NAMESPACE, generate::Shape::Bench, 25_000, 7);
    source
}

const LARGE: [&str; 4] = ["-dset", "-w1", "-F6", "--s3-chunk-size=5"];

fn begin(command: &str, server: &ObjectServer, cluster: &Cluster, more: &[&str]) -> Child {
    let (hosts, flags) = (hosts(cluster), flags(server));
    let common: [&dyn AsRef<OsStr>; 3] = [&command, &hosts, &"-ntest"];
    start(&[&common[..], &with(&flags, more)[..]].concat())
}

fn wait_for_stall(server: &ObjectServer) {
    wait_for("a request without an answer", || {
        let seen = server.seen();
        seen.iter().any(|seen| seen.fault == Some(Fault::Stall))
    });
}

/// Interrupts it, and checks how it ends.
#[track_caller]
fn interrupt(child: Child, said: &str) {
    let begun = Instant::now();
    send(&child, Signal::INT);
    let run = end_of(child).fails(130, "interrupted");
    assert!(run.stderr.contains(said), "{run:?}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn uploads_that_hang_are_given_up_and_the_backup_can_be_continued() {
    let (server, source) = (ObjectServer::s3(), source());
    // The first file has two parts; the second one hangs in its first, once.
    let rule = Rule::new(Method::PUT, Fault::Stall).query("partNumber");
    server.add(rule.after(2).times(1));
    let child = begin("backup", &server, &source, &LARGE);
    wait_for_stall(&server);
    interrupt(child, "--continue test.asb.state");
    assert_eq!(server.open_uploads(), [""; 0]);
    let names = objects(&server, "set");
    assert!(names.contains(&"test.asb.state".to_owned()), "{names:?}");
    assert!(!names.contains(&"test.lock".to_owned()), "{names:?}");

    let more = [&LARGE[..], &["-ctest.asb.state"]].concat();
    let run = end_of(begin("backup", &server, &source, &more)).succeeds();
    assert_eq!(run.reported("Resumes"), 1, "{run:?}");
    let target = empty(1);
    let run = restore_from(&server, &target, &["-dset"]).succeeds();
    assert_eq!(run.reported("Inserted Records"), 25_000, "each record once");
    assert_equal(&source, &target);
}

#[test]
fn small_files_that_hang_are_given_up() {
    let (server, source) = (ObjectServer::s3(), source());
    let rule = Rule::new(Method::PUT, Fault::Stall).path(".asb");
    server.add(rule.after(2).times(1));
    let child = begin("backup", &server, &source, &["-dset", "-w1", "-F1"]);
    wait_for_stall(&server);
    interrupt(child, "--continue test.asb.state");
}

/// Not even the state can be written then.
#[test]
fn a_store_that_has_gone_silent_holds_nobody() {
    let (server, source) = (ObjectServer::s3(), source());
    for method in [
        Method::PUT,
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::DELETE,
    ] {
        let rule = Rule::new(method, Fault::Stall);
        // The lock is put before.
        server.add(rule.path("set/").after(1));
    }
    let child = begin("backup", &server, &source, &LARGE);
    wait_for_stall(&server);
    interrupt(child, "SIGINT: stopping");
}

#[test]
fn looking_at_a_silent_target_can_be_interrupted() {
    let (server, source) = (ObjectServer::s3(), empty(1));
    server.add(Rule::new(Method::GET, Fault::Stall));
    let child = begin("backup", &server, &source, &["-dset"]);
    wait_for_stall(&server);
    interrupt(child, "SIGINT: stopping");
}

#[test]
fn downloads_that_hang_are_given_up() {
    let (server, source, target) = (ObjectServer::s3(), source(), empty(1));
    end_of(begin("backup", &server, &source, &["-dset", "-F1"])).succeeds();
    let rule = Rule::new(Method::GET, Fault::Stall).path(".asb");
    server.add(rule.after(16)); // the beginnings of some 13 files are read before
    let child = begin("restore", &server, &target, &["-dset"]);
    wait_for_stall(&server);
    interrupt(child, "SIGINT: stopping");
}

#[test]
fn a_second_signal_waits_for_no_request() {
    let (server, source) = (ObjectServer::s3(), source());
    server.add(Rule::new(Method::PUT, Fault::Stall).path("set/").after(1));
    server.add(Rule::new(Method::DELETE, Fault::Stall));
    let mut child = begin("backup", &server, &source, &LARGE);
    wait_for_stall(&server);
    send(&child, Signal::INT);
    let pipe = child.stderr.as_mut().expect("pipe");
    while !first_line(pipe).contains("SIGINT: stopping") {}
    send(&child, Signal::INT);
    let run = end_of(child).fails(130, "interrupted");
    // The first signal would have tried to write the state, and said that it could not.
    assert!(!run.stderr.contains("could not be written"), "{run:?}");
}
