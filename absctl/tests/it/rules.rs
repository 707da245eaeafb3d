//! The rules of a backup's command line, one row each (`cli.md` §5, §7, §8, §10, §19): exit code, a
//! message that names the flags, nothing written, and not even a connection. Rules about which
//! records are selected have their rows in `records.rs`.

use crate::support::{absctl, backup, data_names, filled, hosts, names};
use std::{
    ffi::OsStr,
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};
use tempfile::tempdir;

/// Stands for a path below a directory that holds `OLD` and nothing else.
const OLD: &str = "old.asb";

/// A cluster that nobody may ask: connections to it are counted.
struct Bystander(TcpListener);

impl Bystander {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
        listener.set_nonblocking(true).expect("non-blocking");
        Self(listener)
    }

    fn host(&self) -> String {
        format!("--host={}", self.0.local_addr().expect("address"))
    }

    #[track_caller]
    fn assert_alone(&self, line: &str) {
        let accepted = self.0.accept().map_err(|error| error.kind());
        assert_eq!(accepted.map(|_| ()), Err(ErrorKind::WouldBlock), "{line}");
    }
}

/// Runs `absctl backup` with `line`, in which `@` is a directory with an old file.
#[track_caller]
fn check(line: &str, code: i32, parts: &[&str]) {
    let (place, cluster) = (tempdir().expect("directory"), Bystander::new());
    std::fs::write(place.path().join(OLD), "old").expect("file");
    let root = place.path().display().to_string();
    let words: Vec<String> = line
        .split(' ')
        .map(|word| word.replace('@', &root))
        .collect();
    let host = cluster.host();
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"backup", &host];
    args.extend(words.iter().map(|word| word as &dyn AsRef<OsStr>));
    let run = absctl(&args).fails(code, parts[0]).at_once();
    for part in parts {
        assert!(run.stderr.contains(part), "{line}: {part} in {run:?}");
    }
    assert!(run.stdout.is_empty(), "{run:?}");
    untouched(place.path(), line);
    cluster.assert_alone(line);
}

#[track_caller]
fn untouched(place: &Path, line: &str) {
    assert_eq!(names(place), [OLD], "{line}");
    let content = std::fs::read(place.join(OLD)).expect("file");
    assert_eq!(content, b"old", "{line}");
}

#[test]
fn targets() {
    check("-d @/new", 1, &["--namespace (-n) is needed"]);
    check(
        "-n test",
        1,
        &["--directory (-d) or --output-file (-o) is needed"],
    );
    check(
        "-n test -d @/new -o @/f",
        1,
        &["--directory (-d)", "--output-file (-o)", "exclude"],
    );
    check(
        "-n test -o @/f -q p",
        1,
        &["--output-file-prefix (-q)", "--output-file (-o)"],
    );
    for prefix in [
        "a/b",
        "a*",
        "metadata_",
        "metadata_x",
        "a\\b",
        "a:b",
        "a?b",
        "a<b",
        "a|b",
        "a\u{7f}",
    ] {
        check(
            &format!("-n test -d @/new -q {prefix}"),
            1,
            &["--output-file-prefix (-q)"],
        );
    }
    check("-n test -d @", 1, &["is not empty: it holds old.asb"]);
    check("-n test -o @/old.asb", 1, &["exists already"]);
    check("-n test -o @", 1, &["a regular file is expected"]);
    check("-n test -d @/old.asb", 1, &["a directory is expected"]);
    check(
        "-n test -d @/new more",
        1,
        &["unexpected argument \"more\""],
    );
    check(
        "-n test -d @/new --no-such",
        1,
        &["unknown flag: --no-such"],
    );
}

#[test]
fn an_unwritable_directory_is_noticed_first() {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write everywhere");
        return;
    }
    let (place, cluster) = (tempdir().expect("directory"), Bystander::new());
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(place.path(), mode(0o555)).expect("mode");
    let target = place.path().join("new");
    let flags: [&dyn AsRef<OsStr>; 5] = [&"backup", &cluster.host(), &"-ntest", &"-d", &target];
    absctl(&flags).fails(1, "permission").at_once();
    cluster.assert_alone("an unwritable directory");
    std::fs::set_permissions(place.path(), mode(0o755)).expect("mode");
}

#[test]
fn removal_and_continuation() {
    check(
        "-n test -d @ -c s -r",
        1,
        &["--continue (-c)", "--remove-files (-r)"],
    );
    check(
        "-n test -d @ -c s --state-file-dst t",
        1,
        &["--continue (-c)", "--state-file-dst"],
    );
    check(
        "-n test -d @/new --remove-early",
        1,
        &["--remove-early needs --remove-files (-r)"],
    );
    check(
        "-n test -o - -r",
        1,
        &["--remove-files (-r) has nothing to remove"],
    );
    check(
        "-n test -d @ -c no.state",
        10,
        &["no.state", "does not exist"],
    );
    check(
        "-n test -d @ -c @/no.state",
        10,
        &["no.state", "does not exist"],
    );
    check(
        "--remove-artifacts",
        1,
        &["--directory (-d) or --output-file (-o) is needed"],
    );
    check(
        "--remove-artifacts -d @ -c s",
        1,
        &["--remove-artifacts", "--continue (-c)"],
    );
    check(
        "-n test -d @/new --durable-interval 0",
        1,
        &["--durable-interval"],
    );
}

#[test]
fn numbers() {
    let with = |flag: &str, value: &str| {
        check(&format!("-n test -d @/new {flag} {value}"), 1, &[flag]);
    };
    // Each flag by the name that the message has for it.
    for flag in [
        "--records-per-second",
        "--bandwidth",
        "--file-limit",
        "--total-timeout",
        "--socket-timeout",
        "--max-retries",
        "--sleep-between-retries",
        "--info-timeout",
        "--info-retry-interval",
        "--info-retry-multiplier",
        "--info-max-retries",
        "--std-buffer",
        "--local-buffer-size",
        "--client-timeout",
        "--client-login-timeout",
        "--client-idle-timeout",
        "--max-records",
        "--parallel",
        "--scan-page-size",
        "--durable-interval",
        "--sa-timeout",
    ] {
        with(flag, "-1");
        with(flag, "abc");
        with(flag, "");
    }
    with("--parallel", "1025");
    with("--parallel", "5000");
    with("--local-buffer-size", "0");
    with("--local-buffer-size", "1025");
    with("--std-buffer", "1025");
    with("--info-retry-multiplier", "0.5");
    with("--info-retry-multiplier", "NaN");
    with("--file-limit", "17592186044416");
    with("--bandwidth", "17592186044416");
    for (short, long) in [
        ("-L", "--records-per-second"),
        ("-N", "--bandwidth"),
        ("--nice", "--bandwidth"),
        ("-F", "--file-limit"),
        ("-w", "--parallel"),
        ("-T", "--info-timeout"),
        ("-M", "--max-records"),
        ("--retry-delay", "--sleep-between-retries"),
    ] {
        check(&format!("-n test -d @/new {short} -1"), 1, &[long]);
    }
}

#[test]
fn wrapping() {
    let with = |flags: &str, code: i32, part: &str| {
        check(&format!("-n test -d @/new {flags}"), code, &[part]);
    };
    with("-z LZ4", 1, "--compress");
    with("-z ZSTD --compression-level -8", 1, "--compression-level");
    with("-z ZSTD --compression-level 99", 1, "--compression-level");
    with("--encrypt AES192", 1, "--encrypt");
    with(
        "--encrypt AES128",
        1,
        "--encrypt needs --encryption-key-file",
    );
    with(
        "--encryption-key-file @/old.asb",
        1,
        "needs --encrypt AES128 or AES256",
    );
    with(
        "--encryption-key-env KEY",
        1,
        "needs --encrypt AES128 or AES256",
    );
    let both = "--encrypt AES128 --encryption-key-file @/old.asb --encryption-key-env KEY";
    with(both, 1, "exclude each other");
    with(
        "--encrypt AES128 --encryption-key-file @/none.pem",
        12,
        "none.pem cannot be read",
    );
    with(
        "--encrypt AES128 --encryption-key-file @/old.asb",
        12,
        "old.asb",
    );
    with(
        "--encrypt AES128 --encryption-key-env ABSCTL_NO_SUCH",
        12,
        "ABSCTL_NO_SUCH is not set",
    );
    with(
        "--encrypt AES128 --encryption-key-secret secrets:a:b",
        1,
        "Secret Agent",
    );
    with(
        "--encrypt AES128 --encryption-key-secret plain",
        1,
        "secrets:<resource>:<key>",
    );
    with(
        "--encrypt AES128 --encryption-key-secret secrets:a",
        1,
        "--encryption-key-secret",
    );
}

#[test]
fn access() {
    let with = |flags: &str, parts: &[&str]| check(&format!("-n test -d @/new {flags}"), 1, parts);
    with("--auth FOO", &["--auth"]);
    with(
        "--auth EXTERNAL -U u -P p",
        &["--auth EXTERNAL", "--tls-enable", "EXTERNAL_INSECURE"],
    );
    with("--auth PKI", &["--auth PKI needs --tls-enable"]);
    with("--auth PKI -U u", &["--auth PKI", "no --user (-U)"]);
    with("-U u -P", &["--password (-P) has no value"]);
    with(
        "-U u -P env:ABSCTL_NO_SUCH",
        &["--password (-P)", "ABSCTL_NO_SUCH is not set"],
    );
    with("-p 0", &["--port", "is no port"]);
    with("-h ::1", &["--host", "in brackets"]);
    with("-h secrets:a:b", &["--host (-h)", "Secret Agent"]);
    with("--tls-enable --tls-protocols SSLv3", &["--tls-protocols"]);
}

/// What is wrong with several flags is said at once.
#[test]
fn all_violations_are_in_one_message() {
    check(
        "-n a/b -q metadata_ -s a,a -X 4096 -c s -r -F 17592186044416",
        1,
        &[
            "namespace \"a/b\"",
            "--directory (-d) or --output-file (-o) is needed",
            "--output-file-prefix (-q)",
            "--set-list (-s)",
            "--partition-list (-X)",
            "--continue (-c) and --remove-files (-r)",
            "--file-limit (-F)",
        ],
    );
}

/// What the reference tools refuse, and this one does not.
#[test]
fn what_is_taken() {
    let cluster = filled(1, 60);
    let check = |line: &str, warning: Option<&str>| {
        let place = tempdir().expect("directory");
        let path = place.path().join("set");
        let mut args: Vec<&dyn AsRef<OsStr>> = Vec::new();
        let (node, words) = (&cluster.seeds()[0], line.split(' '));
        let words: Vec<&str> = words
            .map(|word| if word == "NODE" { node } else { word })
            .collect();
        args.extend(words.iter().map(|word| word as &dyn AsRef<OsStr>));
        if !words.contains(&"-o") {
            args.extend([&"-d" as &dyn AsRef<OsStr>, &path]);
        } else {
            args.push(&path);
        }
        let run = backup(&cluster, &args);
        match warning {
            None => drop(run.succeeds()),
            Some(part) => {
                let run = run.survives();
                let line = run.stderr.lines().find(|line| line.contains("level=WARN"));
                assert!(line.is_some_and(|line| line.contains(part)), "{run:?}");
            }
        }
        data_names(&path)
    };
    check("-F 0", None);
    check("-w 0", None);
    check("-M 10 -w 2", None);
    check("--records-per-second 0 --bandwidth 0 --std-buffer 0", None);
    check("--max-retries 0 --sleep-between-retries 0", None);
    check(
        "--info-retry-interval 0 --info-max-retries 0 --info-timeout 0",
        None,
    );
    check("--client-idle-timeout 0 --client-login-timeout 0", None);
    check("--socket-timeout 0 --total-timeout 0", None);
    check("--state-file-dst s -F 0", None);
    check("--state-file-dst s --scan-page-size 0", None);
    check("--state-file-dst s -l NODE", None);
    check("--state-file-dst s -o", None);
    check(
        "--compression-level 5",
        Some("--compression-level has no effect without --compress"),
    );
    let nothing = check(
        "-R -I --no-udfs",
        Some("--no-records (-R), --no-indexes (-I) and --no-udfs leave nothing"),
    );
    assert_eq!(nothing, Vec::<String>::new());
}

/// The old backup stays when the cluster cannot give a new one.
#[test]
fn the_cluster_is_asked_before_anything_is_removed() {
    let cluster = filled(1, 60);
    let place = tempdir().expect("directory");
    backup(&cluster, &[&"-d", &place.path()]).succeeds();
    let before = names(place.path());
    let hosts = hosts(&cluster);
    for early in [&[][..], &[&"--remove-early" as &dyn AsRef<OsStr>]] {
        let common: [&dyn AsRef<OsStr>; 4] = [&"backup", &"-d", &place.path(), &"-r"];
        let common = [&common[..], early].concat();
        let with = |more: &[&dyn AsRef<OsStr>]| absctl(&[&common[..], more].concat());
        with(&[&hosts, &"-nother"]).fails(1, "namespace other does not exist");
        with(&[&"-h127.0.0.1:1", &"-ntest", &"--client-timeout=1000"]).fails(14, "no connection");
        with(&[&hosts, &"-ntest", &"-l127.0.0.1:1"]).fails(1, "no node of the cluster is called");
        with(&[&hosts, &"-ntest", &"-fkUU="]).fails(1, "refuses the filter expression");
        assert_eq!(names(place.path()), before);
    }
}
