//! What is told, where, and in which form.

use crate::support::{NAMESPACE, Run, backup, command, empty, filled, hosts, restore};
use serde_json::Value;
use std::{fs, path::Path};
use tempfile::tempdir;

/// The lines of a log, each one a JSON object.
fn parsed(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON lines")
}

/// The keys of a line in their order. The parser sorts them, the text does not.
fn keys(line: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(line).expect("JSON");
    let object = value.as_object().expect("object");
    let mut keys: Vec<_> = object.keys().cloned().collect();
    keys.sort_by_key(|key| line.find(&format!("\"{key}\":")));
    keys
}

fn last_line(text: &str) -> &str {
    text.lines().last().expect("a line")
}

const HEAD: [&str; 6] = [
    "time",
    "level",
    "msg",
    "message_type",
    "start-time",
    "duration",
];

const OURS: [&str; 12] = [
    "failed-records",
    "not-sent-records",
    "rejected-records",
    "s-index-skipped",
    "udf-skipped",
    "retries",
    "resumes",
    "throttled",
    "duration-ms",
    "result",
    "code",
    "exit",
];

#[test]
fn reports_are_json_lines_with_stable_keys() {
    let (source, target) = (filled(1, 100), empty(1));
    let place = tempdir().expect("directory");
    let check = |run: Run, message: &str, own: &[&str]| {
        let run = run.succeeds();
        let lines = parsed(&run.stderr);
        assert!(lines.iter().all(|line| line["message_type"].is_string()));
        let last = last_line(&run.stderr);
        assert_eq!(keys(last), [&HEAD[..], own, &OURS].concat());
        let last = lines.last().expect("line");
        assert_eq!(last["msg"], message);
        assert_eq!(last["message_type"], "summary");
        assert_eq!(last["result"], "ok");
        assert_eq!(last["exit"], 0);
        assert_eq!(last["records-read"], source.count(NAMESPACE));
    };
    let read = ["records-read", "s-index-read", "udf-read"];
    check(
        backup(&source, &[&"-d", &place.path(), &"--log-json"]),
        "backup report",
        &[
            &read[..],
            &["bytes-written", "files-written", "records-verified"],
        ]
        .concat(),
    );
    let outcomes = [
        "expired-records",
        "skipped-records",
        "ignored-records",
        "fresher-records",
        "existed-records",
        "inserted-records",
        "in-doubt-errors",
        "total-bytes-read",
    ];
    check(
        restore(&target, &[&"-d", &place.path(), &"--log-json"]),
        "restore report",
        &[&read[..], &outcomes].concat(),
    );
    check(
        restore(
            &target,
            &[&"-d", &place.path(), &"--log-json", &"--validate"],
        ),
        "validation report",
        &[&read[..], &["total-bytes-read"]].concat(),
    );
    let run = backup(&source, &[&"--estimate", &"--log-json"]).succeeds();
    let expected = [
        "file-size-bytes",
        "upper-bound-bytes",
        "records",
        "record-size",
        "record-bound",
        "compression-ratio",
        "exact",
    ];
    let expected = [&HEAD[..4], &expected].concat();
    assert_eq!(keys(last_line(&run.stderr)), expected);
}

#[test]
fn a_failure_is_the_last_json_line() {
    let target = empty(1);
    let run = restore(&target, &[&"-d", &"/nowhere/at/all", &"--log-json"]);
    assert_eq!(run.code, Some(10), "{run:?}");
    let lines = parsed(&run.stderr);
    let last = lines.last().expect("line");
    assert_eq!(last["msg"], "failed to execute");
    assert_eq!(last["level"], "ERROR");
    assert_eq!(last["message_type"], "error");
    assert_eq!(last["code"], "input-missing");
    assert_eq!(last["exit"], 10);
    assert!(last["error"].as_str().expect("text").contains("/nowhere"));
}

#[test]
fn damage_is_told_in_json_too() {
    let place = tempdir().expect("directory");
    let file = place.path().join("x.asb");
    fs::write(&file, "Version 3.1\n# namespace test\nnonsense\n").expect("file");
    let mut command = command(&[&"restore", &"--validate", &"-i", &file, &"--log-json"]);
    let run = Run::of(&mut command);
    assert_eq!(run.code, Some(13), "{run:?}");
    let lines = parsed(&run.stderr);
    let finding = lines.iter().find(|line| line["finding"].is_string());
    assert_eq!(finding.expect("finding")["level"], "WARN");
    assert_eq!(lines.last().expect("line")["code"], "damage");
}

#[test]
fn a_log_file_is_appended_to_and_takes_the_report() {
    let source = filled(1, 50);
    let place = tempdir().expect("directory");
    let log = place.path().join("logs/of/absctl.log");
    for round in 1..=2 {
        let path = place.path().join(round.to_string());
        let run = backup(&source, &[&"-d", &path, &"--log-file", &log]).succeeds();
        assert_eq!(run.stderr, "");
        let text = fs::read_to_string(&log).expect("log");
        let reports = text.matches(" level=INFO msg=\"backup report\" start-time=");
        assert_eq!(reports.count(), round, "{text}");
    }
    let run = restore(&source, &[&"-d", &"/nowhere", &"--log-file", &log]);
    run.fails(10, "/nowhere").at_once();
    let text = fs::read_to_string(&log).expect("log");
    let last = last_line(&text);
    assert!(
        last.contains("level=ERROR msg=\"failed to execute\""),
        "{last}"
    );
    assert!(last.contains("code=input-missing exit=10"), "{last}");
}

#[test]
fn levels() {
    let source = filled(1, 50);
    let place = tempdir().expect("directory");
    let told = |number: u8, flags: &[&str]| {
        let path = place.path().join(number.to_string());
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"-d", &path, &"--estimate-samples=1"];
        args.extend(flags.iter().map(|flag| flag as &dyn AsRef<std::ffi::OsStr>));
        backup(&source, &args).survives().stderr
    };
    let (info, warning) = ("msg=\"starting scan backup\"", "level=WARN");
    let usual = told(1, &["--log-level=error"]);
    assert!(usual.contains(info) && usual.contains(warning), "{usual}");
    let warnings = told(2, &["-v", "--log-level", "warn"]);
    assert!(!warnings.contains(info) && warnings.contains(warning));
    let errors = told(3, &["-v", "--log-level", "ERROR"]);
    assert!(!errors.contains(warning) && errors.contains("Backup report"));
    let mut command = command(&[&"backup", &"--log-level", &"foo"]);
    Run::of(&mut command).fails(1, "debug, info, warn, error");
}

#[test]
fn a_line_of_progress_now_and_then() {
    use asnode::faults::{On, Reaction, Rule};
    let source = filled(1, 2000);
    let slow = Reaction::Delay(std::time::Duration::from_millis(400));
    source.faults().add(Rule::new(On::Scan, slow));
    let place = tempdir().expect("directory");
    let hosts = hosts(&source);
    let args: [&dyn AsRef<std::ffi::OsStr>; 6] = [
        &"backup",
        &hosts,
        &"-ntest",
        &"--log-json",
        &"-d",
        &place.path(),
    ];
    let run = Run::of(command(&args).env("ABSCTL_PROGRESS_FPS", "50"));
    let lines = parsed(&run.succeeds().stderr);
    let line = lines.iter().find(|line| line["msg"] == "progress");
    let line = line.expect("progress");
    assert_eq!(line["message_type"], "progress");
    assert_eq!(line["handler"]["type"], "backup");
    for key in ["rec/s", "kiB/s", "b/rec", "records", "bytes"] {
        assert!(line[key].is_u64(), "{line}");
    }
    let busy: Vec<_> = lines
        .iter()
        .filter(|line| line["busy"].is_object())
        .collect();
    let percent = |line: &Value, stage: &str| line["busy"][stage].as_u64().expect(stage);
    for line in &busy {
        assert!(["records", "finishing"].contains(&line["phase"].as_str().expect("phase")));
        for stage in ["read", "encode", "compress", "write"] {
            assert!(percent(line, stage) <= 100, "{line}");
        }
    }
    let waits = busy.iter().any(|line| percent(line, "read") > 0);
    assert!(waits, "the node is slow: {busy:?}");
}

#[test]
fn lines_for_another_program() {
    let (source, target) = (filled(1, 358), empty(1));
    let place = tempdir().expect("directory");
    let (path, file) = (place.path().join("b"), place.path().join("machine"));
    let lines = |run: Run, file: &Path| {
        run.succeeds();
        fs::read_to_string(file).expect("lines")
    };
    let run = backup(&source, &[&"-d", &path, &"-m", &file]);
    let (records, bytes) = (run.reported("Records Read"), run.reported("Bytes Written"));
    let (indexes, udfs) = (run.reported("sIndex Read"), run.reported("UDFs Read"));
    let each = bytes / records;
    let summary = format!("SUMMARY:{records}:{indexes}:{udfs}:{bytes}:{each}\n");
    assert!(lines(run, &file).ends_with(&summary));
    let run = restore(&target, &[&"-d", &path, &"--machine", &file]);
    let inserted = run.reported("Inserted Records");
    let summary =
        format!("PROGRESS:100\nSUMMARY:{udfs}:{indexes}:{records}:0:0:0 :{inserted}:0:0\n");
    assert!(lines(run, &file).ends_with(&summary), "appended");
    let run = backup(&source, &[&"-e", &"-m", &file]);
    let bound = run.reported("Record bound (bytes)");
    assert!(lines(run, &file).ends_with(&format!("ESTIMATE:{records}:{bound}\n")));
}

#[test]
fn the_other_program_may_read_a_fifo() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let source = filled(1, 50);
    let place = tempdir().expect("directory");
    let fifo = place.path().join("fifo");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).expect("FIFO");
    let path = fifo.clone();
    let reader = std::thread::spawn(move || fs::read_to_string(path).expect("lines"));
    backup(&source, &[&"-d", &place.path().join("b"), &"-m", &fifo]).succeeds();
    let lines = reader.join().expect("lines");
    assert!(lines.lines().last().expect("line").starts_with("SUMMARY:"));
}

#[test]
fn no_colours_where_nobody_sees_them() {
    let source = filled(1, 10);
    let place = tempdir().expect("directory");
    let run = backup(&source, &[&"-d", &place.path(), &"-v"]).succeeds();
    assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
    assert!(run.stdout.is_empty());
}
