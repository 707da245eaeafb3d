//! Help, version, and command lines that make no sense.

use crate::support::{Run, absctl, command};

#[test]
fn help_is_printed_to_standard_output() {
    let help = |args: &[&str]| {
        let args: Vec<&dyn AsRef<std::ffi::OsStr>> = args.iter().map(|arg| arg as _).collect();
        // A setting in the environment makes a command of what is a question for help otherwise.
        let mut command = command(&args);
        let run = Run::of(command.env_remove("ABSCTL_FORECAST_SAMPLES")).succeeds();
        assert_eq!(run.stderr, "");
        String::from_utf8(run.stdout).expect("UTF-8")
    };
    assert_eq!(help(&[]), help(&["--help"]));
    assert_eq!(help(&["backup"]), help(&["backup", "-Z"]));
    assert_eq!(help(&["restore"]), help(&["restore", "--help"]));
    assert!(help(&["backup"]).starts_with("Back up a namespace"));
}

#[test]
fn version_is_one_line() {
    let runs = [absctl(&[&"-V"]), absctl(&[&"backup", &"--version"])];
    for run in runs.map(Run::succeeds) {
        let text = String::from_utf8(run.stdout).expect("UTF-8");
        let start = concat!("version: ", env!("CARGO_PKG_VERSION"), " (");
        assert!(
            text.starts_with(start) && text.lines().count() == 1,
            "{text:?}"
        );
    }
}

#[test]
fn wrong_command_lines() {
    let check = |line: &str, part: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let args: Vec<&dyn AsRef<std::ffi::OsStr>> = words.iter().map(|word| word as _).collect();
        let run = absctl(&args).fails(1, part).at_once();
        assert!(run.stdout.is_empty(), "{run:?}");
    };
    check("--nonsense", "unknown flag: --nonsense");
    check("nonsense", "unknown command \"nonsense\" for \"absctl\"");
    check("help", "unknown command \"help\"");
    check("backup --nonsense", "unknown flag: --nonsense");
    check("backup -n test -d x more", "unexpected argument \"more\"");
    check(
        "backup -n test",
        "--directory (-d) or --output-file (-o) is needed",
    );
    check("backup -n test -d x -o y", "exclude each other");
    check("backup -d x", "--namespace (-n) is needed");
    check("backup -n", "a value is required for '--namespace");
    check("backup -n a,b -d x", "only a restore can have two");
    check("backup -n a/b -d x", "no name of a namespace");
    check("backup -n test -d x -w 1025", "1025 is not in 0..=1024");
    check("backup -n test -d x -w many", "a whole number is needed");
    check("backup -n test -d x -p 0", "is no port (1 to 65535)");
    check("backup -n test -d x -h a,,b", "a host name is missing");
    check("backup -n test -d x -h ::1", "in brackets: [::1]");
    check("backup -n test -d x --client-timeout 0", "0 is not in 1..");
    check("backup -n test -o - -r", "stdout is a stream");
    let part = "--shard 2/7 --run-id x";
    for wrong in ["2", "0/7", "8/7", "1/4097"] {
        let line = format!("backup -n test -d x --run-id x --shard {wrong}");
        check(&line, "I/N with 1 <= I <= N <= 4096 is needed");
    }
    check("backup -n test -d x --shard 2/7", "--shard needs --run-id");
    check("backup -n test -d x --run-id x", "--run-id needs --shard");
    check(
        "backup -n test -d x --shard 2/7 --run-id a/b",
        "--run-id \"a/b\": 1 to 64 of",
    );
    for other in [
        "--remove-files (-r)",
        "--no-manifest",
        "--state-file-dst",
        "--max-records (-M)",
        "--output-file (-o)",
    ] {
        let all = "-r --no-manifest --state-file-dst s -M 5";
        let line = format!("backup -n test -o x {all} {part}");
        check(&line, &format!("--shard and {other} exclude each other"));
    }
    check(&format!("backup -d x --remove-artifacts {part}"), "exclude");
    check(
        &format!("restore -n test -i x {part}"),
        "--shard and --input-file (-i) exclude each other",
    );
    check(
        &format!("restore -n test -d x --validate {part}"),
        "--shard and --validate exclude each other",
    );
    check(
        "restore -n test -d x --ignore-manifest --run-id x",
        "--run-id and --ignore-manifest exclude each other",
    );
    let mode = |text: &str, part: &str| {
        check(&format!("backup -n test -d x --file-mode {text}"), part);
    };
    mode("0o640", "octal digits are needed");
    mode("648", "octal digits are needed");
    mode("1640", "at most 0777");
    mode("99999999999", "octal digits are needed");
    mode("0440", "the owner has to be able to read and write");
    mode("0750", "backup files are not executable");
    check(
        "backup -n test -o - --file-mode 640",
        "no file is created, stdout is a stream",
    );
    check(
        "backup -n test -d x --asb-version-max 3.0",
        "possible values: 3.1, 3.2, 3.3",
    );
    let gap = |flags: &str, part: &str| {
        let line = format!("backup -n test -d x --incremental-from y {flags}");
        check(
            &line,
            &format!("--incremental-from and {part} exclude each other"),
        );
    };
    gap("-a 2026-01-01", "--modified-after (-a)");
    gap("-M 5", "--max-records (-M)");
    gap("-x", "--no-bins (-x)");
    gap("-R", "--no-records (-R)");
    gap("-l 10.0.0.1:3000", "--node-list (-l)");
    gap("--rack-list 1", "--rack-list");
    check(
        "backup -n test -d x --incremental-from -",
        "a stream has no manifest",
    );
    check(
        "backup -n test -d x -R=maybe",
        "possible values: true, false",
    );
    check(
        "restore -n test",
        "--directory (-d), --input-file (-i) or --directory-list is needed",
    );
    check("restore -n test -d x -i y", "exclude each other");
    for two in ["-d x --directory-list y", "-i x --directory-list y"] {
        check(&format!("restore -n test {two}"), "exclude each other");
    }
    check(
        "restore -n test -d x --parent-directory y",
        "--parent-directory needs --directory-list",
    );
    check(
        "restore -n test --directory-list a,,b",
        "\"a,,b\": a name is empty",
    );
    check("restore -d x", "--namespace (-n) is needed");
    check("restore -n test -d x --compact", "unknown flag: --compact");
    check("restore --validate", "is needed");
}

#[test]
fn a_near_miss_gets_a_hint() {
    let run = absctl(&[&"backup", &"--namspace", &"x"]).fails(1, "unknown flag: --namspace");
    assert!(
        run.stderr.contains("hint: did you mean --namespace?"),
        "{run:?}"
    );
}
