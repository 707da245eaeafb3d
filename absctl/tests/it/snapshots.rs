//! Texts for people, as a whole: help, reports and errors beside files of `tests/data/snapshots`.
//! `ABSCTL_TEST_BLESS=1` writes those files anew, for a look at the difference.

use crate::{
    envelope::write_key,
    support::{NAMESPACE, Run, backup, command, empty, filled, heavy, hosts, restore},
};
use asnode::{Build, Cluster, Edition, NamespaceConfig};
use std::{ffi::OsStr, fs, path::Path};
use tempfile::tempdir;

/// Compares `text` with a file.
#[track_caller]
fn check(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/snapshots");
    let path = folder.join(name);
    if std::env::var_os("ABSCTL_TEST_BLESS").is_some() {
        fs::create_dir_all(&folder).expect("folder");
        return fs::write(path, text).expect("snapshot");
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let mut lines = expected.lines().zip(text.lines());
    let differs = lines.find(|(expected, found)| expected != found);
    assert_eq!(differs, None, "{name}");
    assert_eq!(expected, text, "{name}");
}

#[test]
fn help() {
    for line in ["", "backup", "backup xdr", "restore", "convert", "config"] {
        let words: Vec<&str> = line.split_whitespace().chain(["--help"]).collect();
        let args: Vec<&dyn AsRef<OsStr>> = words.iter().map(|word| word as _).collect();
        let run = as_users_do(&args).succeeds();
        let text = String::from_utf8(run.stdout).expect("UTF-8");
        let name = line.replace(' ', "-");
        let name = if name.is_empty() { "absctl" } else { &name };
        check(&format!("help-{name}.txt"), &text);
    }
}

/// A run without the variables that other tests need.
fn as_users_do(args: &[&dyn AsRef<OsStr>]) -> Run {
    let mut command = command(args);
    command.env_remove("ABSCTL_FORECAST_SAMPLES");
    Run::of(command.env("COLUMNS", "100"))
}

/// What differs from run to run: times, sizes of files, ports and folders.
fn settled(text: &str, folder: &Path) -> String {
    const VARIES: [&str; 5] = [
        "Start Time",
        "Duration",
        "Bytes Written",
        "Total Bytes Read",
        "Result",
    ];
    let text = text.replace(folder.to_str().expect("UTF-8"), "FOLDER");
    let line = |line: &str| {
        let label = line.split(':').next().unwrap_or_default();
        match VARIES.contains(&label) {
            true => format!("{label}: ...\n"),
            false => format!("{}\n", without_ports(line)),
        }
    };
    text.lines().map(line).collect()
}

fn without_ports(line: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = line.split(HOST);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += HOST;
        text += "PORT";
        text += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    text
}

/// What stands behind the log: from the title on.
fn report(run: &Run) -> &str {
    let titles = [
        "\nBackup report",
        "\nRestore report",
        "\nValidation report",
        "Estimate report",
    ];
    let mut starts = titles.iter().filter_map(|title| run.stderr.find(title));
    &run.stderr[starts.next().expect("report")..]
}

/// The last line as JSON, with the values that differ from run to run left out.
fn summary(run: &Run) -> String {
    const VARIES: [&str; 7] = [
        "time",
        "start-time",
        "duration",
        "duration-ms",
        "bytes-written",
        "total-bytes-read",
        "file-size-bytes",
    ];
    let line = run.stderr.lines().last().expect("line");
    let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
    for key in VARIES {
        if let Some(value) = value.get_mut(key) {
            *value = "...".into();
        }
    }
    serde_json::to_string_pretty(&value).expect("JSON") + "\n"
}

/// A run of each kind that has a report, with one more flag.
fn every_report(source: &Cluster, set: &str, flag: &[&str]) -> [Run; 5] {
    let target = empty(1);
    let run =
        |cluster: &Cluster, command: fn(&Cluster, &[&dyn AsRef<OsStr>]) -> Run, own: &[&str]| {
            let words = [own, flag].concat();
            let args: Vec<&dyn AsRef<OsStr>> = words.iter().map(|word| word as _).collect();
            command(cluster, &args).succeeds()
        };
    [
        run(source, backup, &["-d", set]),
        run(&target, restore, &["-d", set, "--validate"]),
        run(&target, restore, &["-d", set]),
        run(&target, restore, &["-d", set]),
        run(source, backup, &["--estimate"]),
    ]
}

/// The lines without those about sizes of records: that depends on the digits of their times.
fn without_sizes(text: &str) -> String {
    const SIZES: [&str; 5] = [
        "File size",
        "pper",
        "ecord size",
        "ecord-size",
        "ecord-bound",
    ];
    let has_size =
        |line: &&str| SIZES.iter().any(|size| line.contains(size)) || line.contains("ecord bound");
    let lines = text.lines().filter(|line| !has_size(line));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn reports() {
    let (source, place) = (filled(1, 100), tempdir().expect("directory"));
    let path = |name: &str| place.path().join(name).to_str().expect("UTF-8").to_owned();
    let plain = every_report(&source, &path("plain"), &[]);
    let plain: String = plain
        .iter()
        .map(|run| settled(report(run), place.path()))
        .collect();
    check("reports.txt", &without_sizes(&plain));
    let json = every_report(&source, &path("json"), &["--log-json"]);
    let json: String = json.iter().map(summary).collect();
    check("reports.json", &without_sizes(&json));
}

/// Runs of `absctl` and how they fail: the line, the error, the hint, the exit code.
#[derive(Default)]
struct Failures(String);

impl Failures {
    fn add(&mut self, line: &str, run: &Run, folder: &Path) {
        let said = run.stderr.lines().filter(|line| {
            ["error: ", "hint: "]
                .iter()
                .any(|start| line.starts_with(start))
        });
        let said: Vec<&str> = said.collect();
        assert!(!said.is_empty(), "{line}: {run:?}");
        let code = run.code.expect("code");
        let text = format!("$ absctl {line}\n{}\n[exit {code}]\n", said.join("\n"));
        self.0 += &settled(&text, folder);
        self.0.push('\n');
    }

    /// A line that needs no cluster. `FOLDER` stands for `folder`.
    fn line(&mut self, line: &str, folder: &Path) {
        let words = line.split_whitespace();
        let words = words.map(|word| word.replace("FOLDER", folder.to_str().expect("UTF-8")));
        let words: Vec<String> = words.collect();
        let args: Vec<&dyn AsRef<OsStr>> = words.iter().map(|word| word as _).collect();
        self.add(line, &as_users_do(&args), folder);
    }
}

#[test]
fn errors_of_the_command_line() {
    let place = tempdir().expect("directory");
    fs::write(place.path().join("old.asb"), "old").expect("file");
    let mut failures = Failures::default();
    for line in [
        "backup --namspace test",
        "restor -n test",
        "backup -n test",
        "backup -n test -d x -o y",
        "backup -n test -d x -w 5000",
        "backup -n test -d x --client-timeout 0",
        "backup -n test -d x --max-retries many",
        "backup -n test -d x --max-retries -1",
        "backup -n test -d x --info-retry-multiplier 0.5",
        "backup -n test -d x -X 4096 -s a,a -q metadata_",
        "backup -n test -d x --encrypt AES128",
        "backup -n test -d x --auth EXTERNAL -U me -P x",
        "backup -n test -d x --s3-bucket-name a --gcp-bucket-name b",
        "backup -n test -d FOLDER",
        "backup -n test -d FOLDER/old.asb",
        "restore -n test",
        "restore -n test -d FOLDER/none",
        "restore -n a,b,c -d FOLDER",
        "restore -n test -d x -u -r",
        "backup -n test -d x -h 127.0.0.1:1 --client-timeout 1000",
    ] {
        failures.line(line, place.path());
    }
    check("errors-of-the-command-line.txt", &failures.0);
}

/// What is missing elsewhere, and what to do about it.
#[test]
fn errors_that_say_what_to_do() {
    let place = tempdir().expect("directory");
    let folder = place.path();
    let mut failures = Failures::default();
    let mut run = |cluster: &Cluster, name: &'static str, line: &str| {
        let words = line.split_whitespace();
        let words = words.map(|word| word.replace("FOLDER", folder.to_str().expect("UTF-8")));
        let words: Vec<String> = words.collect();
        let hosts = hosts(cluster);
        let names: Vec<&str> = name.split(' ').collect();
        let mut args: Vec<&dyn AsRef<OsStr>> = names.iter().map(|name| name as _).collect();
        args.extend([&hosts as &dyn AsRef<OsStr>, &"-n", &NAMESPACE]);
        args.extend(words.iter().map(|word| word as &dyn AsRef<OsStr>));
        failures.add(
            &format!("{name} -n test {line}"),
            &as_users_do(&args),
            folder,
        );
    };
    // A missing privilege.
    let namespace = || NamespaceConfig::new(NAMESPACE);
    let secured = Cluster::builder()
        .namespace(namespace())
        .user("writer", "p", &["write"])
        .user("reader", "p", &["read"])
        .start()
        .expect("cluster");
    let source = heavy(1, 8); // so that it is always the same record that is refused
    backup(&source, &[&"-d", &folder.join("set"), &"-w1"]).succeeds();
    let indexes = filled(1, 10);
    let flags: [&dyn AsRef<OsStr>; 4] = [&"-d", &folder.join("indexes"), &"-R", &"--no-udfs"];
    backup(&indexes, &flags).succeeds();
    run(&secured, "backup", "-d FOLDER/a -U writer -P p");
    run(&secured, "restore", "-d FOLDER/set -U reader -P p");
    run(&secured, "restore", "-d FOLDER/indexes -U reader -P p");
    run(&secured, "backup", "-d FOLDER/a");
    run(&secured, "backup", "-d FOLDER/a -U writer -P guess");
    // What only the Enterprise Edition has.
    run(&source, "backup", "-d FOLDER/a --rack-list 1");
    run(&source, "backup", "-d FOLDER/a --prefer-racks 1");
    run(&source, "backup xdr", "-d FOLDER/a --local-port 0");
    // A version that is needed.
    let old = Cluster::builder()
        .namespace(namespace())
        .edition(Edition::Enterprise)
        .build(Build::new(7, 2, 0, 1))
        .start()
        .expect("cluster");
    run(&old, "backup xdr", "-d FOLDER/a --local-port 0");
    // A wrong key, and none.
    let key = write_key(folder);
    let locked = folder.join("locked");
    let flags: [&dyn AsRef<OsStr>; 5] = [&"-d", &locked, &"--encrypt", &"AES128", &key];
    backup(&source, &flags).succeeds();
    run(&source, "restore", "-d FOLDER/locked");
    run(
        &source,
        "restore",
        "-d FOLDER/locked --encrypt AES256 --encryption-key-file FOLDER/key.pem",
    );
    run(
        &source,
        "restore",
        "-d FOLDER/set --encrypt AES128 --encryption-key-file FOLDER/key.pem",
    );
    run(
        &source,
        "restore",
        "-d FOLDER/locked --encrypt AES128 --encryption-key-file FOLDER/none.pem",
    );
    check("errors-that-say-what-to-do.txt", &failures.0);
}
