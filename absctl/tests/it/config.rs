//! Settings from the environment and from files.

use crate::support::{NAMESPACE, Run, backup, command, data_names, empty, filled, hosts};
use std::{ffi::OsStr, fs, path::PathBuf};
use tempfile::{TempDir, tempdir};

/// A file with this text in a directory of its own.
fn file(text: &str) -> (TempDir, PathBuf) {
    let place = tempdir().expect("directory");
    let path = place.path().join("absctl.yaml");
    fs::write(&path, text).expect("file");
    (place, path)
}

fn run(line: &str, more: &[&dyn AsRef<OsStr>], variables: &[(&str, &str)]) -> Run {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut args: Vec<&dyn AsRef<OsStr>> = words.iter().map(|word| word as _).collect();
    args.extend(more);
    let mut command = command(&args);
    Run::of(command.envs(variables.iter().copied()))
}

fn text(run: &Run) -> String {
    String::from_utf8(run.stdout.clone()).expect("UTF-8")
}

/// The line of `config show` about a flag, without its blanks.
fn shown(text: &str, flag: &str) -> String {
    let line = text
        .lines()
        .find(|line| line.split(' ').next() == Some(flag));
    let words = line.expect(flag).split_whitespace();
    words.skip(1).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let (_place, path) = file("backup:\n  parallel: 3\n  file-limit: 7\n  max-records: 5\n");
    let run = run(
        "config show backup -w 9 --config",
        &[&path],
        &[("ABSCTL_PARALLEL", "8"), ("ABSCTL_FILE_LIMIT", "6")],
    )
    .succeeds();
    let text = text(&run);
    assert_eq!(shown(&text, "parallel"), "9 command line");
    assert_eq!(shown(&text, "file-limit"), "6 ABSCTL_FILE_LIMIT");
    let place = format!("5 {}:4 (backup.max-records)", path.display());
    assert_eq!(shown(&text, "max-records"), place);
    assert_eq!(shown(&text, "scan-page-size"), "0 default");
    assert_eq!(shown(&text, "filter-exp"), "- default");
}

#[test]
fn one_file_serves_both_commands() {
    let (source, target) = (filled(1, 200), empty(1));
    let place = tempdir().expect("directory");
    let backup_path = place.path().join("b");
    let seeds = |cluster: &asnode::Cluster| {
        let seed = cluster.seeds()[0].clone();
        let (host, port) = seed.rsplit_once(':').expect("port");
        format!("[{{host: {host}, tls-name: \"\", port: {port}}}]")
    };
    let text = |cluster: &asnode::Cluster| {
        format!(
            "app: {{verbose: true}}\n\
             cluster:\n  seeds: {}\n\
             backup:\n  directory: \"{path}\"\n  namespace: test\n  bin-list: []\n  compact: yes\n\
             restore:\n  directory: \"{path}\"\n  namespace: test\n  parallel: 2\n\
             local: {{disk: {{buffer-size: 4}}}}\n\
             compression: {{compress: ZSTD, level: 3}}\n",
            seeds(cluster),
            path = backup_path.display(),
        )
    };
    let (_one, path) = file(&text(&source));
    let made = run("backup --config", &[&path], &[]).succeeds();
    assert_eq!(made.reported("Records Read"), source.count(NAMESPACE));
    assert!(made.stderr.contains("level=DEBUG"), "{made:?}");
    let (_two, path) = file(&text(&target));
    let restored = run(
        "restore",
        &[],
        &[("ABSCTL_CONFIG", path.to_str().expect("path"))],
    );
    assert_eq!(
        restored.succeeds().reported("Inserted Records"),
        source.count(NAMESPACE)
    );
}

#[test]
fn the_environment_alone_will_do() {
    let source = filled(1, 50);
    let place = tempdir().expect("directory");
    let path = place.path().to_str().expect("path");
    let hosts = hosts(&source);
    let host = hosts.strip_prefix("--host=").expect("hosts");
    let variables = [
        ("ABSCTL_HOST", host),
        ("ABSCTL_NAMESPACE", "test"),
        ("ABSCTL_DIRECTORY", path),
        ("ABSCTL_NO_UDFS", "true"),
        ("ABSCTL_OUTPUT_FILE", ""),
    ];
    let run = run("backup", &[], &variables).succeeds();
    assert_eq!(run.reported("UDFs Read"), 0);
    assert!(!data_names(place.path()).is_empty());
}

#[test]
fn what_a_file_gets_wrong_is_said_with_the_line() {
    let check = |text: &str, line: u32, part: &str| {
        let (_place, path) = file(text);
        let place = format!("{}:{line}: ", path.display());
        for command in ["backup -n test -d /nowhere --config", "config check"] {
            let run = run(command, &[&path], &[]).fails(1, &place).at_once();
            assert!(run.stderr.contains(part), "{part} in {run:?}");
        }
    };
    let check_value = |text: &str, line: u32, part: &str| {
        let (_place, path) = file(text);
        let place = format!("{}:{line} (", path.display());
        for command in ["backup -n test -d /nowhere --config", "config check"] {
            let run = run(command, &[&path], &[]).fails(1, &place).at_once();
            assert!(run.stderr.contains(part), "{part} in {run:?}");
        }
    };
    check(
        "backup:\n  directry: x\n",
        2,
        "unknown key backup.directry; did you mean directory?",
    );
    check(
        "bakup:\n  directory: x\n",
        1,
        "unknown key bakup; did you mean backup?",
    );
    check(
        "backup:\n  compress: ZSTD\n",
        2,
        "it is compression.compress in a file",
    );
    check("backup: {nice: 5}\n", 1, "unknown key backup.nice");
    check("app: {config: x}\n", 1, "unknown key app.config");
    check(
        "restore: {unique: 1}\n",
        1,
        "restore.unique: true or false is needed",
    );
    check(
        "backup: {compact: \"true\"}\n",
        1,
        "true or false is needed",
    );
    check(
        "backup:\n  parallel: [1]\n",
        2,
        "one value is needed, not a list",
    );
    check("backup:\n  parallel: {a: 1}\n", 2, "not a section");
    check("backup: 5\n", 1, "keys belong below it");
    check("just text\n", 1, "sections are needed");
    check("backup:\n  set-list: [a, '']\n", 2, "an element is empty");
    check(
        "backup:\n  node-list: ['a,b']\n",
        2,
        "an element holds a comma",
    );
    check(
        "cluster:\n  seeds:\n    - hots: x\n",
        3,
        "did you mean host?",
    );
    check(
        "cluster:\n  seeds:\n    - port: 3\n",
        3,
        "a seed needs a host",
    );
    check(
        "backup:\n  compact: true\n  compact: true\n",
        3,
        "is there twice",
    );
    check("backup:\n  x: [\n", 3, "");
    check_value("backup:\n  parallel: many\n", 2, "a whole number is needed");
    check_value("app:\n  log-level: loud\n", 2, "debug, info, warn, error");
    check_value("\nbackup: {parallel: 5000}\n", 2, "5000 is not in 0..=1024");
    let (_place, path) = file("# nothing\n");
    run("backup --config", &[&path], &[]).fails(1, "is empty");
    run("backup --config /nowhere.yaml", &[], &[]).fails(1, "cannot read /nowhere.yaml");
    let two = "backup: {a-key: 1}\nrestore: {another: 2}\n";
    let (_place, path) = file(two);
    let run = run("config check", &[&path], &[]).fails(1, "a-key");
    assert!(
        run.stderr.contains("restore.another"),
        "all at once: {run:?}"
    );
}

#[test]
fn what_the_environment_gets_wrong_names_the_variable() {
    let wrong = |name: &str, value: &str, part: &str| {
        let run = run("backup -n test -d /nowhere", &[], &[(name, value)]);
        run.fails(1, &format!("{name}: ")).at_once().fails(1, part);
    };
    wrong("ABSCTL_PARALLEL", "many", "a whole number is needed");
    wrong("ABSCTL_COMPACT", "maybe", "true, false");
    let unknown = run(
        "restore -n test -d /nowhere",
        &[],
        &[("ABSCTL_PARALEL", "1")],
    );
    let said = "ABSCTL_PARALEL belongs to no flag and has no effect; did you mean ABSCTL_PARALLEL?";
    assert!(unknown.stderr.contains(said), "{unknown:?}");
}

#[test]
fn a_pair_that_excludes_each_other_is_named_with_its_places() {
    let (_place, path) = file("backup:\n  namespace: test\n  output-file: x.asb\n");
    let pair = "--directory (-d) and --output-file (-o) exclude each other";
    let from_file = format!(
        "--output-file comes from {}:3 (backup.output-file)",
        path.display()
    );
    let typed = run("backup -d /nowhere --config", &[&path], &[]).fails(1, pair);
    assert!(typed.stderr.contains(&from_file), "{typed:?}");
    assert!(
        typed
            .stderr
            .contains("--directory comes from the command line")
    );
    let set = run(
        "backup --config",
        &[&path],
        &[("ABSCTL_DIRECTORY", "/nowhere")],
    )
    .fails(1, pair);
    assert!(set.stderr.contains(&from_file), "{set:?}");
    assert!(
        set.stderr
            .contains("--directory comes from ABSCTL_DIRECTORY")
    );
}

#[test]
fn the_example_has_every_flag_and_changes_nothing() {
    let example = text(&run("config example", &[], &[]).succeeds());
    let (_place, path) = file(&example);
    let checked = text(&run("config check", &[&path], &[]).succeeds());
    assert!(
        checked.contains(": fine; settings for backup: "),
        "{checked}"
    );
    for command in ["backup", "restore", "convert"] {
        let before = text(&run(&format!("config show {command}"), &[], &[]).succeeds());
        let line = format!("config show {command} --config");
        let after = text(&run(&line, &[&path], &[]).succeeds());
        let values = |text: &str| -> Vec<String> {
            let words = |line: &str| {
                let mut words = line.split_whitespace();
                (
                    words.next().map(str::to_owned),
                    words.next().map(str::to_owned),
                )
            };
            let lines = text.lines().map(words);
            let own = ["config", "forecast-samples", "host"];
            let others = lines.filter(|(flag, _)| !own.contains(&flag.as_deref().expect("flag")));
            // "false" and no value are the same to a switch.
            others.map(|pair| format!("{pair:?}")).collect()
        };
        assert_eq!(values(&before), values(&after), "{command}");
    }
    let flags = |command: &str| {
        let help = text(&run(&format!("{command} -Z"), &[], &[]).succeeds());
        let of_line = |line: &str| {
            // Other lines may begin with the name of a flag, too.
            let is_flag = line.starts_with("  -") || line.starts_with("      --");
            let words = is_flag.then(|| line.split_whitespace());
            let name = words?.find_map(|word| word.strip_prefix("--"))?;
            // What is wrapped into a line of its own is no flag of it.
            let name = name.split('[').next().filter(|name| !name.ends_with(']'))?;
            Some(name.to_owned())
        };
        help.lines().filter_map(of_line).collect::<Vec<_>>()
    };
    // The endings of keys are the endings of flags, but for the list of seeds.
    let none = [
        "help",
        "version",
        "config",
        "host",
        "config-file",
        "only-config-file",
        "no-config-file",
        "instance",
    ];
    for flag in ["backup", "restore", "convert"].into_iter().flat_map(flags) {
        let is_there = example
            .lines()
            .filter(|line| !line.contains('#'))
            .any(|line| {
                let key = line.trim().split(':').next().unwrap_or_default();
                !key.is_empty() && flag.ends_with(key)
            });
        assert!(is_there || none.contains(&flag.as_str()), "--{flag}");
    }
}

/// The keys that files for the reference tool have (`cli.md` §12).
const REFERENCE: &str = include_str!("../data/config/reference.yaml");

#[test]
fn a_file_for_the_reference_tool_is_accepted() {
    let (_place, path) = file(REFERENCE);
    run("config check", &[&path], &[]).succeeds();
    let text = text(&run("config show restore --config", &[&path], &[]).succeeds());
    assert!(shown(&text, "batch-size").starts_with("128 "));
    assert!(shown(&text, "host").starts_with("127.0.0.1:3000 "));
}

const PASSWORD: &str = "s3cr3t-of-the-file";

#[test]
fn no_secret_is_shown_at_the_most_verbose_level() {
    let source = filled(1, 20);
    let place = tempdir().expect("directory");
    let key = "-----BEGIN NOTHING-----s3cr3t-key";
    let (_place, path) = file(&format!(
        "cluster:\n  user: me\n  password: {PASSWORD}\n  tls: {{keyfile: '{key}', keyfile-password: {PASSWORD}}}\n"
    ));
    let log = place.path().join("log");
    let out = place.path().join("b");
    let hosts = hosts(&source);
    let args: [&dyn AsRef<OsStr>; 9] = [
        &"backup",
        &hosts,
        &"-ntest",
        &"-v",
        &"-d",
        &out,
        &"--config",
        &path,
        &"--log-json",
    ];
    let plain = Run::of(&mut command(&args));
    let mut with_file = command(&args);
    let in_file = Run::of(with_file.arg("--log-file").arg(&log));
    let show = run("config show backup --config", &[&path], &[]);
    let log = fs::read_to_string(&log).expect("log");
    assert!(
        plain
            .stderr
            .contains("\"flag\":\"password\",\"value\":\"(hidden)\""),
        "{plain:?}"
    );
    assert!(shown(&text(&show), "password").starts_with("(hidden) "));
    for told in [
        &plain.stderr,
        &in_file.stderr,
        &log,
        &text(&show),
        &show.stderr,
    ] {
        assert!(!told.contains("s3cr3t"), "{told}");
    }
}

#[test]
fn a_password_may_come_from_a_command() {
    let source = filled(1, 20);
    let place = tempdir().expect("directory");
    let path = place.path().join("b");
    let with = |flags: &[&dyn AsRef<OsStr>]| {
        let common: [&dyn AsRef<OsStr>; 2] = [&"-d", &path];
        backup(&source, &[&common, flags].concat())
    };
    with(&[&"-Ume", &"--password-command", &"echo hush; exit 3"]).fails(12, "exit status: 3");
    with(&[&"-Ume", &"--password-command", &"true"]).fails(12, "prints nothing");
    let both = with(&[&"-Ume", &"-Px", &"--password-command", &"echo hush"]);
    both.fails(
        1,
        "--password (-P) and --password-command exclude each other",
    );
    // A cluster without users takes anybody, with a warning.
    with(&[&"-Ume", &"--password-command", &"echo hush"]).survives();
}

#[test]
fn completions_and_manual_pages_know_the_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = text(&run(&format!("completions {shell}"), &[], &[]).succeeds());
        assert!(script.contains("estimate-samples"), "{shell}");
    }
    let page = text(&run("man backup", &[], &[]).succeeds());
    assert!(
        page.contains(".TH absctl-backup 1") && page.contains("estimate\\-samples"),
        "{page}"
    );
    let page = text(&run("man backup-xdr", &[], &[]).succeeds());
    assert!(page.contains(".TH absctl-backup-xdr 1") && page.contains("max\\-throughput"));
    run("man nothing", &[], &[]).fails(1, "no manual page");
}

#[test]
fn what_cannot_be_parsed_is_told_in_json_if_that_was_wanted() {
    let run = run("backup --log-json --nonsense", &[], &[]);
    assert_eq!(run.code, Some(1));
    let line: serde_json::Value = serde_json::from_str(&run.stderr).expect("one line of JSON");
    assert_eq!(line["code"], "usage");
}
