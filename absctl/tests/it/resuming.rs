//! Restores that are interrupted or killed, and continued (goal R9 of `trust-and-ux.md`).

use crate::{
    envelope::write_key,
    kill::slowness,
    signals::{end_of, send, start},
    support::{
        Run, absctl, assert_equal, backup, command, empty, filled, hosts, restore, wait_for,
    },
};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use rustix::process::Signal;
use std::{
    ffi::OsStr,
    fs,
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::tempdir;

const RECORDS: u64 = 4000;

/// Kills in all, spread over the life of a restore.
const KILLS: u64 = 30;

/// Labels of the outcomes of a report.
const OUTCOMES: [&str; 8] = [
    "Expired Records",
    "Skipped Records",
    "Ignored Records",
    "Fresher Records",
    "Existed Records",
    "Inserted Records",
    "Failed Records",
    "Not Sent",
];

/// A restore with a state that is written all the time, in small batches.
fn flags(state: &Path, is_new: bool) -> Vec<String> {
    let flag = if is_new { "state-file-dst" } else { "continue" };
    [
        &format!("--{flag}={}", state.display()),
        "--durable-interval=10",
        "--batch-size=40",
        "--max-async-batches=2",
        "-w2",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn args<'a>(first: &[&'a dyn AsRef<OsStr>], more: &'a [String]) -> Vec<&'a dyn AsRef<OsStr>> {
    let more = more.iter().map(|flag| flag as &dyn AsRef<OsStr>);
    first.iter().copied().chain(more).collect()
}

/// Records that the state says are finished; `None` without a state.
fn finished_records(state: &Path) -> Option<u64> {
    let text = fs::read_to_string(state).ok()?;
    let state: serde_json::Value = serde_json::from_str(&text).expect("the state is whole");
    state["counters"]["records_read"].as_u64()
}

/// Makes every batch take its time, the more the slower the disk is: states have to fit in.
fn slow_down(target: &Cluster, place: &Path) {
    let slow = Reaction::Delay(Duration::from_millis(8) * slowness(place));
    target.faults().add(Rule::new(On::Batch, slow));
}

/// Starts a restore and kills it `delay` after its state says that something is finished.
fn killed(target: &Cluster, from: &[&str], state: &Path, delay: Duration) -> ControlFlow<()> {
    let (hosts, flags) = (hosts(target), flags(state, true));
    let mut first: Vec<&dyn AsRef<OsStr>> = vec![&"restore", &hosts, &"-ntest"];
    first.extend(from.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    let mut child = start(&args(&first, &flags));
    let mut end = None;
    while end.is_none_or(|end| Instant::now() < end) {
        if child.try_wait().expect("child").is_some() {
            return ControlFlow::Break(());
        }
        if end.is_none() && finished_records(state).is_some_and(|records| records > 0) {
            end = Some(Instant::now() + delay);
        }
        std::thread::sleep(Duration::from_millis(1)); // the instant of the kill is the point
    }
    child.kill().expect("kill");
    child.wait().expect("child");
    match state.exists() {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()), // it was complete in that very moment
    }
}

fn continues(target: &Cluster, from: &[&str], state: &Path) -> Run {
    let flags = flags(state, false);
    let from: Vec<_> = from.iter().map(|flag| flag as &dyn AsRef<OsStr>).collect();
    restore(target, &args(&from, &flags)).survives()
}

/// Every record of all runs has one outcome, and they are all there.
fn assert_complete(run: &Run, source: &Cluster, target: &Cluster) {
    let all = source.count("test");
    assert_eq!(run.reported("Records Read"), all, "{run:?}");
    assert_eq!(run.sum(&OUTCOMES), all, "{run:?}");
    assert_eq!(run.reported("Resumes"), 1, "{run:?}");
    assert_equal(source, target);
}

#[test]
fn a_killed_restore_is_continued_without_loss() {
    let source = filled(2, RECORDS);
    let place = tempdir().expect("directory");
    let path = |name: &str| place.path().join(name).display().to_string();
    let key = write_key(place.path());
    let wrapped: [&dyn AsRef<OsStr>; 3] = [&"-zZSTD", &"--encrypt=AES256", &key];
    let (one, many) = (path("one.asb"), path("many"));
    let (one_wrapped, many_wrapped) = (path("wrapped.asb"), path("wrapped"));
    backup(&source, &[&"-o", &one]).succeeds();
    backup(&source, &[&"-d", &many, &"-w4"]).succeeds();
    let file: [&dyn AsRef<OsStr>; 2] = [&"-o", &one_wrapped];
    backup(&source, &[&file[..], &wrapped].concat()).succeeds();
    let directory: [&dyn AsRef<OsStr>; 3] = [&"-d", &many_wrapped, &"-w4"];
    backup(&source, &[&directory[..], &wrapped].concat()).succeeds();
    let forms: [&[&str]; 4] = [
        &["-i", &one],
        &["-d", &many],
        &["-i", &one_wrapped, "--encrypt=AES256", &key],
        &["-d", &many_wrapped, "--encrypt=AES256", &key],
    ];
    let seed = 11;
    let mut random = fastrand::Rng::with_seed(seed);
    // How long a restore is from its first state on, on this machine.
    let state = place.path().join("run.state");
    let target = empty(1);
    slow_down(&target, place.path());
    let begun = Instant::now();
    let whole = killed(&target, forms[1], &state, Duration::from_secs(600));
    assert!(whole.is_break() && !state.exists(), "it has ended");
    let life = begun.elapsed();
    let (mut between, mut spread) = (0, Vec::new());
    for kill in 0..KILLS {
        let from = forms[usize::try_from(kill % 4).expect("small")];
        let mut delay = life.mul_f64(0.6 * random.f64());
        let target = loop {
            let target = empty(1);
            slow_down(&target, place.path());
            if killed(&target, from, &state, delay).is_continue() {
                break target;
            }
            delay = delay.mul_f64(0.7); // it was quicker than the first one
        };
        target.faults().clear();
        let finished = finished_records(&state).expect("a state");
        between += u64::from(finished > 0 && finished < source.count("test"));
        spread.push(finished * 100 / source.count("test"));
        let before = target.counters().batch_rows;
        let run = continues(&target, from, &state);
        assert!(!state.exists(), "kill {kill}");
        assert_complete(&run, &source, &target);
        let sent = target.counters().batch_rows - before;
        // Those that the killed one had on the way may be counted late.
        assert!(
            sent <= source.count("test") - finished + 2 * 40,
            "kill {kill}: {sent} rows were sent after {finished}"
        );
    }
    assert!(
        between * 10 >= KILLS * 8,
        "{between} of {KILLS} went on from the middle (seed {seed})"
    );
    spread.sort_unstable();
    let [low, high] =
        [spread.first(), spread.last()].map(|share| share.copied().unwrap_or_default());
    assert!(low + 20 < high, "they are spread: {spread:?} %");
    eprintln!("{between} of {KILLS} from the middle, at {spread:?} %");
}

#[test]
fn an_interrupted_restore_says_how_to_go_on() {
    let (source, target) = (filled(1, RECORDS), empty(1));
    let place = tempdir().expect("directory");
    let (set, state) = (place.path().join("set"), place.path().join("run.state"));
    backup(&source, &[&"-d", &set]).succeeds();
    slow_down(&target, place.path());
    let (hosts, more) = (hosts(&target), flags(&state, true));
    let first: [&dyn AsRef<OsStr>; 5] = [&"restore", &hosts, &"-ntest", &"-d", &set];
    let child = start(&args(&first, &more));
    wait_for("a state", || {
        finished_records(&state).is_some_and(|n| n > 0)
    });
    // Meanwhile nobody else gets it.
    let other = command(&args(&first, &flags(&state, false))).output();
    Run::from(other.expect("output")).fails(11, "is in use");
    send(&child, Signal::INT);
    let run = end_of(child).fails(130, "interrupted");
    let hint = format!("--continue {}", state.display());
    assert!(run.stderr.contains(&hint), "{run:?}");
    let finished = finished_records(&state).expect("a state");
    assert!(finished > 0 && finished < source.count("test"));
    target.faults().clear();
    let again = args(&first[2..], &more);
    restore(&target, &again)
        .fails(1, "run.state exists")
        .at_once();
    let set = set.display().to_string();
    let run = continues(&target, &["-d", &set], &state);
    assert_complete(&run, &source, &target);
}

#[test]
fn other_arguments_and_other_input_are_refused() {
    let source = filled(1, RECORDS);
    let place = tempdir().expect("directory");
    let (set, state) = (place.path().join("set"), place.path().join("run.state"));
    backup(&source, &[&"-d", &set, &"-w2", &"--no-manifest"]).succeeds();
    let target = empty(1);
    slow_down(&target, place.path());
    let directory = set.display().to_string();
    let killed = killed(&target, &["-d", &directory], &state, Duration::ZERO);
    assert!(killed.is_continue());
    target.faults().clear();
    let refused = |more: &[&str], code, part: &str| {
        let mut all: Vec<&dyn AsRef<OsStr>> = Vec::new();
        all.extend(more.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        let flags = flags(&state, false);
        restore(&target, &args(&all, &flags)).fails(code, part);
    };
    refused(&["-d", &directory, "-u"], 1, "--unique differs");
    refused(&["-d", &directory, "-s", "x"], 1, "--set-list differs");
    refused(&["-d", &directory, "-n", "test,other"], 1, "differs");
    refused(&["-i", "-"], 1, "a stream can be read only once");
    refused(&["-d", &directory, "--validate"], 1, "exclude each other");
    let rejects = ["--ignore-record-error", "--reject-file=x"];
    let rejects = [&["-d", &directory], &rejects[..]].concat();
    refused(&rejects, 1, "--reject-file exclude each other");
    let extra = set.join("9_test_9.asb");
    fs::write(&extra, "Version 3.1\n").expect("file");
    refused(&["-d", &directory], 13, "9_test_9.asb was added");
    fs::remove_file(&extra).expect("removed");
    let data = crate::support::data_names(&set).pop().expect("a file");
    let content = fs::read(set.join(&data)).expect("file");
    let mut altered = content.clone();
    altered[200] ^= 1;
    fs::write(set.join(&data), &altered).expect("file");
    refused(&["-d", &directory], 13, "begins differently");
    fs::write(set.join(&data), &content[..content.len() - 1]).expect("file");
    refused(&["-d", &directory], 13, "has another size");
    fs::write(set.join(&data), &content).expect("file");
    let run = continues(&target, &["-d", &directory], &state);
    assert_complete(&run, &source, &target);
}

#[test]
fn states_of_others_are_refused() {
    let (source, target) = (filled(1, 100), empty(1));
    let place = tempdir().expect("directory");
    let set = place.path().join("set");
    backup(&source, &[&"-d", &set]).succeeds();
    let state = place.path().join("run.state");
    let check = |content: &[u8], code, part: &str| {
        fs::write(&state, content).expect("file");
        let run = restore(&target, &[&"-d", &set, &"--continue", &state]);
        run.fails(code, part);
        assert_eq!(fs::read(&state).expect("file"), content, "it is left alone");
    };
    let of_backup = br#"{"format":"absctl-state","version":1,"kind":"backup"}"#;
    check(of_backup, 1, "is the state of a backup");
    check(&[0x62, 0xff, 0x83, 3, 1], 1, "state file of the Go tools");
    check(&[0; 1600], 1, "is no state file of absctl");
    let cut = br#"{"format":"absctl-state","version":1,"kind":"restore"}"#;
    check(cut, 13, "is damaged");
    let name = set.join("x.asb.state");
    restore(&target, &[&"-d", &set, &"--state-file-dst", &name]).fails(1, "name of a file");
    let gone = place.path().join("none.state");
    restore(&target, &[&"-d", &set, &"--continue", &gone]).fails(10, "none.state");
    assert_eq!(target.count("test"), 0);
    let help = absctl(&[&"restore", &"-Z"]).succeeds().stdout;
    assert!(String::from_utf8_lossy(&help).contains("--state-file-dst"));
}
