//! What the tests share: clusters with data, runs of the program, and what they printed.

use crate::compare::Comparison;
use asnode::{Cluster, NamespaceConfig, RawRecord, generate};
use std::{
    ffi::OsStr,
    fs,
    path::Path,
    time::{Duration, Instant},
};

pub(crate) const NAMESPACE: &str = "test";

/// Limit for a run of the program; nothing here takes a tenth of it.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A cluster with an empty namespace.
pub(crate) fn empty(nodes: usize) -> Cluster {
    let namespace = NamespaceConfig::new(NAMESPACE);
    Cluster::builder()
        .nodes(nodes)
        .namespace(namespace)
        .start()
        .expect("cluster")
}

/// A cluster with `records` records of every type, indexes and UDF modules.
pub(crate) fn filled(nodes: usize, records: u64) -> Cluster {
    let cluster = empty(nodes);
    let loaded = generate::load(&cluster, NAMESPACE, generate::Shape::Types, records, 7);
    assert!(loaded >= records);
    cluster
}

/// A cluster with so many records of `length` bytes, and nothing else.
pub(crate) fn heavy(records: i64, length: usize) -> Cluster {
    let cluster = empty(1);
    for number in 0..records {
        let record = RawRecord::for_key("s", 1, &number.to_be_bytes());
        assert!(cluster.put(NAMESPACE, &record.bin(b"b", 4, &vec![7; length])));
    }
    cluster
}

/// `-h` for a cluster.
pub(crate) fn hosts(cluster: &Cluster) -> String {
    format!("--host={}", cluster.seeds().join(","))
}

/// The program, to be run with these arguments.
pub(crate) fn command(args: &[&dyn AsRef<OsStr>]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_absctl"));
    command
        .args(args.iter().map(AsRef::as_ref))
        .timeout(LIMIT)
        .env("ABSCTL_FORECAST_SAMPLES", "0") // faults are to hit the backup
        .env_remove("NO_COLOR");
    command
}

/// Runs the program.
pub(crate) fn absctl(args: &[&dyn AsRef<OsStr>]) -> Run {
    Run::of(&mut command(args))
}

/// `absctl backup` of a cluster's namespace, with more arguments.
pub(crate) fn backup(cluster: &Cluster, args: &[&dyn AsRef<OsStr>]) -> Run {
    on_cluster("backup", cluster, args)
}

/// `absctl restore` into a cluster's namespace, with more arguments.
pub(crate) fn restore(cluster: &Cluster, args: &[&dyn AsRef<OsStr>]) -> Run {
    on_cluster("restore", cluster, args)
}

/// Goes on with a backup that has failed, and restores it.
pub(crate) fn continues(source: &Cluster, path: &Path) {
    let state = "test.asb.state".to_owned();
    assert!(names(path).contains(&state), "{:?}", names(path));
    let run = backup(source, &[&"-d", &path, &"-c", &state]).succeeds();
    assert_eq!(run.reported("Resumes"), 1, "{run:?}");
    assert!(
        names(path)
            .iter()
            .all(|name| name.ends_with(".asb") || name == "test.manifest.json"),
        "{:?}",
        names(path)
    );
    let target = empty(1);
    let run = restore(&target, &[&"-d", &path]).succeeds();
    assert_eq!(
        run.reported("Inserted Records"),
        source.count(NAMESPACE),
        "each record once"
    );
    assert_equal(source, &target);
}

fn on_cluster(name: &'static str, cluster: &Cluster, args: &[&dyn AsRef<OsStr>]) -> Run {
    let hosts = hosts(cluster);
    let common: [&dyn AsRef<OsStr>; 4] = [&name, &hosts, &"-n", &NAMESPACE];
    absctl(&[&common, args].concat())
}

/// How a run ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(command: &mut assert_cmd::Command) -> Self {
        command.output().expect("the program runs").into()
    }

    /// Exit code 0, and nothing to complain about.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        for word in ["error:", "finding:", "level=WARN", "level=ERROR"] {
            assert!(!self.stderr.contains(word), "{word} in {self:?}");
        }
        self
    }

    /// Exit code 0; what went wrong on the way may be mentioned.
    #[track_caller]
    pub(crate) fn survives(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        for word in ["error:", "level=ERROR", "panicked"] {
            assert!(!self.stderr.contains(word), "{word} in {self:?}");
        }
        self
    }

    /// This exit code, and one clear line that contains `part`.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, part: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        let errors: Vec<_> = self
            .stderr
            .lines()
            .filter(|l| l.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{self:?}");
        assert!(errors[0].contains(part), "{part} in {self:?}");
        for word in ["level=ERROR", "panicked"] {
            assert!(!self.stderr.contains(word), "{word} in {self:?}");
        }
        self
    }

    /// Nothing on standard error but the error, and a hint if there is one.
    #[track_caller]
    pub(crate) fn at_once(self) -> Self {
        // What is known about an input may be said before it is opened.
        let others = |line: &&str| {
            let starts = ["starting", "initializing", "initialized", "found"];
            let starts = starts.map(|word| format!(" level=INFO msg=\"{word} "));
            let is_note = line.contains(" has no manifest: nothing proves ")
                || starts.iter().any(|start| line.contains(start));
            !line.starts_with("error: ") && !line.starts_with("hint: ") && !is_note
        };
        assert_eq!(self.stderr.lines().filter(others).count(), 0, "{self:?}");
        self
    }

    /// The value behind `label` in the report.
    #[track_caller]
    pub(crate) fn reported(&self, label: &str) -> u64 {
        let value = self.value(label);
        value.and_then(|value| value.parse().ok()).expect(label)
    }

    /// The sum of the values behind `labels`; a line that is left out counts nothing.
    pub(crate) fn sum(&self, labels: &[&str]) -> u64 {
        let value = |label: &&str| self.value(label)?.parse::<u64>().ok();
        labels.iter().filter_map(value).sum()
    }

    pub(crate) fn value(&self, label: &str) -> Option<&str> {
        let start = format!("{label}:");
        let mut lines = self.stderr.lines();
        lines
            .find_map(|line| line.strip_prefix(&start))
            .map(str::trim)
    }
}

impl From<std::process::Output> for Run {
    fn from(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

/// Fails unless both clusters hold the same.
#[track_caller]
pub(crate) fn assert_equal(source: &Cluster, target: &Cluster) {
    let comparison = Comparison::of(source, target, NAMESPACE);
    assert!(comparison.is_equal(), "{:#?}", comparison.differences);
}

/// Names of the entries of a directory, sorted; none if there is no such directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("entry").file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// Names of the data files in a directory, sorted.
pub(crate) fn data_names(directory: &Path) -> Vec<String> {
    let mut names = names(directory);
    names.retain(|name| name.ends_with(".asb"));
    names
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
