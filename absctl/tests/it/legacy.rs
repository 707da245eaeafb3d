//! The program under its old names: `asbackup` and `asrestore`.

use crate::{
    signals::send,
    support::{LIMIT, NAMESPACE, Run, assert_equal, data_names, empty, filled, names, wait_for},
};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use backup_storage::testing::{BUCKET, ObjectServer};
use rustix::process::Signal;
use std::{fs, os::unix::fs::symlink, path::PathBuf, process::Stdio};
use tempfile::{TempDir, tempdir};

/// A place with links of the old names, which is home and working directory too.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempdir().expect("directory");
        for name in ["absctl", "asbackup", "asrestore"] {
            let link = directory.path().join(name);
            symlink(env!("CARGO_BIN_EXE_absctl"), link).expect("link");
        }
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn command(&self, tool: &str, args: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(self.path(tool));
        command
            .args(args)
            .timeout(LIMIT)
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .env("ABSCTL_FORECAST_SAMPLES", "0");
        command
    }

    pub(crate) fn run(&self, tool: &str, args: &[&str]) -> Run {
        Run::of(&mut self.command(tool, args))
    }

    pub(crate) fn asbackup(&self, cluster: &Cluster, args: &[&str]) -> Run {
        self.run("asbackup", &[&["-h", &seeds(cluster)], args].concat())
    }

    pub(crate) fn asrestore(&self, cluster: &Cluster, args: &[&str]) -> Run {
        self.run("asrestore", &[&["-h", &seeds(cluster)], args].concat())
    }

    /// The value of a flag and where it is from, by `absctl config show`.
    pub(crate) fn shown(&self, line: &[&str], flag: &str) -> String {
        let run = self.run("absctl", &[&["config", "show"], line].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        let text = String::from_utf8(run.stdout).expect("UTF-8");
        let line = text
            .lines()
            .find(|line| line.split(' ').next() == Some(flag));
        let words = line.expect(flag).split_whitespace();
        words.skip(1).collect::<Vec<_>>().join(" ")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }
}

pub(crate) fn seeds(cluster: &Cluster) -> String {
    cluster.seeds().join(",")
}

impl Run {
    /// Exit code 1, and one line that is an error and contains `part`.
    #[track_caller]
    pub(crate) fn refuses(self, part: &str) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        let errors: Vec<_> = self
            .stderr
            .lines()
            .filter(|line| line.contains(" [ERR] ["))
            .collect();
        assert_eq!(errors.len(), 1, "{self:?}");
        assert!(errors[0].contains(part), "{part} in {self:?}");
        self
    }

    /// Exit code 0 and nothing that is an error or a warning.
    #[track_caller]
    pub(crate) fn goes_well(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        for word in ["[ERR]", "Warning:", "error:", "level="] {
            assert!(!self.stderr.contains(word), "{word} in {self:?}");
        }
        self
    }

    /// The text of the lines of the log.
    fn lines(&self) -> Vec<&str> {
        fn text(line: &str) -> Option<&str> {
            let (_, rest) = line.split_once(" GMT [INF] [")?;
            Some(rest.split_once("] ")?.1)
        }
        self.stderr.lines().filter_map(text).collect()
    }
}

#[test]
fn a_backup_by_asbackup_is_restored_by_asrestore() {
    let (place, source, target) = (Place::new(), filled(2, 2000), empty(1));
    let args = [
        "-n", NAMESPACE, "-d", "b", "-w", "3", "-zzstd", "-vC", "-F1", "--sock", "5000",
    ];
    let run = place.asbackup(&source, &args);
    assert_eq!(run.code, Some(0), "{run:?}");
    let names = data_names(&place.path("b"));
    assert!(names.len() >= 3, "{names:?}");
    for (number, name) in names.iter().enumerate() {
        assert_eq!(name, &format!("test_{number:05}.asb"));
    }
    let args = [
        "-n",
        NAMESPACE,
        "-d",
        "b",
        "-t",
        "4",
        "-gw",
        "--compress",
        "ZSTD",
    ];
    let run = place.asrestore(&target, &args).goes_well();
    assert_equal(&source, &target);
    let records = source.count(NAMESPACE);
    let counts = format!("inserted {records}: failed 0 (existed 0 , fresher 0)");
    assert!(
        run.lines().iter().any(|line| line.ends_with(&counts)),
        "{run:?}"
    );
}

#[test]
fn indexes_and_modules_are_in_the_first_file() {
    let (place, source, target) = (Place::new(), filled(1, 100), empty(1));
    let run = place
        .asbackup(&source, &["-ntest", "-d", "b", "-q", "pre"])
        .goes_well();
    assert_eq!(data_names(&place.path("b")), ["pre_00000.asb"]);
    let text = String::from_utf8_lossy(&fs::read(place.path("b/pre_00000.asb")).expect("file"))
        .into_owned();
    assert!(
        text.contains("\n# namespace test\n# first-file\n* u "),
        "{text:.60}"
    );
    assert!(text.contains("\n* i "));
    let last = *run.lines().last().expect("line");
    assert!(last.starts_with("Backed up 100 record(s), "), "{last}");
    assert!(
        last.contains("UDF file(s), ") && last.ends_with(" B/rec)"),
        "{last}"
    );
    // Nothing says which namespace: it is the one of the files.
    place.asrestore(&target, &["-d", "b"]).goes_well();
    assert_equal(&source, &target);
    // The other program reads what the old name wrote, with its manifest.
    place
        .run(
            "absctl",
            &["restore", "--validate", "-d", "b", "-n", NAMESPACE],
        )
        .succeeds();
}

#[test]
fn only_backup_files_are_in_the_way() {
    let (place, source) = (Place::new(), filled(1, 50));
    fs::create_dir(place.path("b")).expect("directory");
    fs::write(place.path("b/notes.txt"), "mine").expect("file");
    let args = ["-n", NAMESPACE, "-d", "b"];
    place.asbackup(&source, &args).goes_well();
    place.asbackup(&source, &args).refuses("test_00000.asb");
    place
        .asbackup(&source, &["-n", NAMESPACE, "-d", "b", "-r"])
        .goes_well();
    place
        .run("asbackup", &["--remove-artifacts", "-d", "b"])
        .goes_well();
    assert_eq!(names(&place.path("b")), ["notes.txt"]);
    fs::remove_file(place.path("b/notes.txt")).expect("removed");
    place
        .run("asbackup", &["--remove-artifacts", "-d", "b"])
        .goes_well();
    assert!(!place.path("b").exists(), "an empty directory goes, too");
}

#[test]
fn the_state_is_where_asbackup_has_it() {
    let (place, source) = (Place::new(), filled(1, 3000));
    let interrupted = |args: &[&str]| {
        source.faults().clear();
        let breaks = Rule::new(On::Scan, Reaction::Drop).after_total_records(1500);
        source.faults().add(breaks);
        let retries = ["--max-retries", "0", "-w", "2", "-n", NAMESPACE];
        let run = place.asbackup(&source, &[&retries, args].concat());
        assert_eq!(run.code, Some(1), "{run:?}");
        source.faults().clear();
    };
    interrupted(&["-d", "a"]);
    assert!(
        place.path("a/test.asb.state").is_file(),
        "{:?}",
        names(&place.path("a"))
    );
    interrupted(&["-d", "b", "-q", "pre"]);
    assert!(
        place.path("b/pre.asb.state").is_file(),
        "{:?}",
        names(&place.path("b"))
    );
    interrupted(&["-o", "c.asb"]);
    assert!(place.path("c.asb.state").is_file());
    fs::create_dir(place.path("states")).expect("directory");
    interrupted(&["-d", "d", "--state-file-dst", "states"]);
    assert!(place.path("states/test.asb.state").is_file());
    interrupted(&["-d", "e", "--state-file-dst", "e.state"]);
    assert!(
        place.path("e.state").is_file(),
        "{:?}",
        names(&place.path("."))
    );
    for (target, state) in [("a", "a/test.asb.state"), ("e", "e.state")] {
        let args = ["-w", "2", "-n", NAMESPACE, "-d", target, "-c", state];
        place.asbackup(&source, &args).goes_well();
        assert!(!place.path(state).exists());
        let restored = empty(1);
        place
            .asrestore(&restored, &["-n", NAMESPACE, "-d", target])
            .goes_well();
        assert_equal(&source, &restored);
    }
    let run = place.run(
        "absctl",
        &[
            "backup",
            "-h",
            &seeds(&source),
            "-n",
            NAMESPACE,
            "-d",
            "b",
            "-q",
            "pre",
            "-c",
            "b/pre.asb.state",
        ],
    );
    run.fails(1, "names of files");
}

#[test]
fn buckets_are_named_by_their_paths() {
    let (place, source, target) = (Place::new(), filled(1, 200), empty(1));
    let server = ObjectServer::s3();
    let (id, secret) = ObjectServer::keys();
    let run = |tool, cluster: &Cluster, args: &[&str]| {
        let (hosts, url) = (seeds(cluster), server.url());
        let common = [
            "-h",
            &hosts,
            "--s3-endpoint-override",
            &url,
            "--s3-region",
            "eu-central-1",
        ];
        let mut command = place.command(tool, &[&common, args].concat());
        Run::of(
            command
                .env("AWS_ACCESS_KEY_ID", id)
                .env("AWS_SECRET_ACCESS_KEY", secret),
        )
    };
    let path = |key: &str| format!("s3://{BUCKET}/{key}");
    run(
        "asbackup",
        &source,
        &[
            "-n",
            NAMESPACE,
            "-d",
            &path("set"),
            "--s3-max-async-uploads",
            "4",
        ],
    )
    .goes_well();
    assert_eq!(data_names(&server.path("set")), ["test_00000.asb"]);
    run(
        "asbackup",
        &source,
        &["-n", NAMESPACE, "-o", &path("one.asb"), "-R"],
    )
    .goes_well();
    run("asrestore", &target, &["-i", &path("one.asb")]).goes_well();
    run(
        "asrestore",
        &target,
        &["--parent-directory", &path(""), "--directory-list", "set"],
    )
    .goes_well();
    assert_equal(&source, &target);
    let two = format!("{},{}", path("set"), "elsewhere");
    run(
        "asrestore",
        &target,
        &["-n", NAMESPACE, "--directory-list", &two],
    )
    .refuses("one bucket");
    run(
        "asbackup",
        &source,
        &["--remove-artifacts", "-d", &path("set")],
    )
    .goes_well();
    assert_eq!(data_names(&server.path("set")), [""; 0]);
    // Settings of S3 make no bucket of a path.
    run("asbackup", &source, &["-n", NAMESPACE, "-d", "local"]).goes_well();
    assert_eq!(data_names(&place.path("local")), ["test_00000.asb"]);
    // The state of a backup in a bucket is here; the first file was complete.
    let source = filled(1, 9000);
    let breaks = Rule::new(On::Scan, Reaction::Drop).after_total_records(7000);
    source.faults().add(breaks);
    let args = ["-n", NAMESPACE, "-F1", "--max-retries=0", "-d"];
    let run = run("asbackup", &source, &[&args[..], &[&path("new")]].concat());
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stderr.contains("--continue "), "{run:?}");
    assert!(place.path("test.asb.state").is_file(), "{run:?}");
}

#[test]
fn lines_for_another_program_begin_with_the_estimate() {
    let (place, source, target) = (Place::new(), filled(1, 358), empty(1));
    place
        .asbackup(&source, &["-n", NAMESPACE, "-o", "b.asb", "-m", "lines"])
        .goes_well();
    let text = place.read("lines");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("PROGRESS") && !line.starts_with("REMAINING"))
        .collect();
    assert!(lines[0].starts_with("ESTIMATE:358:"), "{text}");
    assert!(lines[1].starts_with("SUMMARY:358:0:0:"), "{text}");
    assert!(lines[2].starts_with("SUMMARY:358:"), "{text}");
    assert_eq!(lines.len(), 3, "{text}");
    place
        .asrestore(&target, &["-i", "b.asb", "-m", "more"])
        .goes_well();
    let text = place.read("more");
    assert!(
        text.contains("PROGRESS:100\nSUMMARY:") && text.ends_with(":0:0:0 :358:0:0\n"),
        "{text}"
    );
    // Under our own name there is one summary.
    let hosts = seeds(&source);
    place
        .run(
            "absctl",
            &[
                "backup", "-h", &hosts, "-ntest", "-o", "c.asb", "-m", "ours",
            ],
        )
        .succeeds();
    let text = place.read("ours");
    assert!(text.starts_with("ESTIMATE:358:"), "{text}");
    assert_eq!(text.matches("SUMMARY:").count(), 1, "{text}");
    place
        .asbackup(&source, &["-n", NAMESPACE, "-d", "d", "-m", "directory"])
        .goes_well();
    assert!(
        !place.read("directory").contains("ESTIMATE"),
        "a directory needs none"
    );
}

#[test]
fn standard_streams() {
    let (place, source, target) = (Place::new(), filled(1, 300), empty(1));
    let made = place
        .asbackup(&source, &["-n", NAMESPACE, "-o", "-", "-z", "zstd"])
        .goes_well();
    let size = made.stdout.len();
    let input = |value: &str| {
        let hosts = seeds(&target);
        let mut command = place.command("asrestore", &["-h", &hosts, "-g", "-i", value]);
        command.env("ABSCTL_PROGRESS_FPS", "20");
        Run::of(command.write_stdin(made.stdout.clone()))
    };
    input("-").goes_well();
    assert_equal(&source, &target);
    input(&format!("-:{size}")).goes_well();
    assert_equal(&source, &target);
    input("-:many").refuses("-:many: a number of bytes is needed");
}

/// The size that is told of a stream is what the percentage is of.
#[test]
fn the_size_of_a_stream_gives_a_percentage() {
    let (place, source, target) = (Place::new(), filled(1, 300), empty(1));
    let made = place
        .asbackup(&source, &["-n", NAMESPACE, "-o", "-"])
        .goes_well();
    let slow = Reaction::Delay(std::time::Duration::from_millis(300));
    target.faults().add(Rule::new(On::Batch, slow));
    let size = format!("-:{}", made.stdout.len());
    let hosts = seeds(&target);
    let mut command = place.command("asrestore", &["-h", &hosts, "-n", NAMESPACE, "-i", &size]);
    command.env("ABSCTL_PROGRESS_FPS", "50");
    let run = Run::of(command.write_stdin(made.stdout)).goes_well();
    assert!(run.stderr.contains("% complete, ~"), "{run:?}");
}

#[test]
fn an_interrupt_is_1_too() {
    let (place, source) = (Place::new(), filled(1, 2000));
    let slow = Reaction::Delay(std::time::Duration::from_secs(1));
    source.faults().add(Rule::new(On::Scan, slow));
    let mut child = std::process::Command::new(place.path("asbackup"))
        .args(["-h", &seeds(&source), "-n", NAMESPACE, "-d"])
        .arg(place.path("b"))
        .env("HOME", place.path("."))
        .stderr(Stdio::null())
        .spawn()
        .expect("child");
    wait_for("the lock", || place.path("b/test.lock").exists());
    send(&child, Signal::INT);
    assert_eq!(child.wait().expect("child").code(), Some(1));
}
