//! Flags of clouds do something that the store can see. `flag_table` knows which of them are tried where.

use crate::{
    cloud::{backup_to, command_with, flags, with},
    support::{NAMESPACE, Run, absctl, empty, filled, hosts},
};
use asnode::{Cluster, generate};
use backup_storage::testing::{BUCKET, Fault, ObjectServer, Rule, Seen};
use http::Method;
use std::{ffi::OsStr, fs, net::TcpListener, time::Duration};

/// Flags that lead to the server as if it were each of the clouds.
fn clouds(server: &ObjectServer) -> [(&'static str, Vec<String>); 3] {
    let url = server.url();
    [
        ("s3", flags(server)[..5].to_vec()),
        (
            "gcp",
            [
                format!("--gcp-bucket-name={BUCKET}"),
                format!("--gcp-endpoint-override={url}"),
            ]
            .into(),
        ),
        (
            "azure",
            [
                format!("--azure-container-name={BUCKET}"),
                format!("--azure-endpoint={url}"),
            ]
            .into(),
        ),
    ]
}

fn flags_of(cloud: &str, server: &ObjectServer) -> Vec<String> {
    let mut clouds = clouds(server).into_iter();
    clouds.find(|(name, _)| *name == cloud).expect("a cloud").1
}

/// A command that makes requests, and needs no cluster.
fn ask(flags: &[String], more: &[&str]) -> Run {
    let command: [&dyn AsRef<OsStr>; 3] = [&"backup", &"--remove-artifacts", &"-dset"];
    absctl(&[&command[..], &with(flags, more)[..]].concat())
}

/// The pauses in a log, in milliseconds.
pub(crate) fn pauses(run: &Run) -> Vec<f64> {
    let lines = run
        .stderr
        .lines()
        .filter_map(|line| line.split("pause=").nth(1));
    let text = lines.map(|rest| rest.split_whitespace().next().unwrap_or_default());
    let number =
        |text: &str, factor: f64| text.trim_matches('"').parse::<f64>().map(|n| n * factor);
    text.map(|text| match text.trim_matches('"') {
        text if text.ends_with("ms") => number(text.trim_end_matches("ms"), 1.0),
        text if text.ends_with("µs") => number(text.trim_end_matches("µs"), 1e-3),
        text => number(text.trim_end_matches('s'), 1e3),
    })
    .map(|pause| pause.expect("a pause"))
    .collect()
}

#[test]
fn attempts_and_pauses_are_those_that_are_asked_for() {
    let cases: [(&str, &[&str], &[f64]); 3] = [
        (
            "s3",
            &["--s3-retry-max-attempts=4", "--s3-retry-max-backoff=20"],
            &[20.0, 20.0, 20.0],
        ),
        (
            "gcp",
            &[
                "--gcp-retry-max-attempts=5",
                "--gcp-retry-init-backoff=4",
                "--gcp-retry-backoff-multiplier=3",
                "--gcp-retry-max-backoff=30",
            ],
            &[4.0, 12.0, 30.0, 30.0],
        ),
        (
            "azure",
            &[
                "--azure-retry-max-attempts=4",
                "--azure-retry-delay=10",
                "--azure-retry-max-delay=15",
            ],
            &[10.0, 15.0, 15.0],
        ),
    ];
    let server = ObjectServer::s3();
    server.add(Rule::new(
        Method::GET,
        Fault::Answer(503, None, "ServerBusy"),
    ));
    for ((name, flags), (case, retry, expected)) in clouds(&server).into_iter().zip(cases) {
        assert_eq!(name, case);
        let before = server.seen().len();
        let run = ask(&flags, &[retry, &["-v"]].concat()).fails(1, "not available");
        assert_eq!(
            server.seen().len() - before,
            expected.len() + 1,
            "{name}: {run:?}"
        );
        let found = pauses(&run);
        assert_eq!(found.len(), expected.len(), "{run:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() <= expected * 0.11,
                "{name}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn requests_and_connections_have_their_times() {
    let server = ObjectServer::s3();
    server.add(Rule::new(Method::GET, Fault::Stall));
    for (cloud, more) in [
        (
            "s3",
            ["--s3-request-timeout=100", "--s3-retry-max-attempts=1"],
        ),
        (
            "gcp",
            ["--gcp-request-timeout=100", "--gcp-retry-max-attempts=1"],
        ),
        (
            "azure",
            [
                "--azure-request-timeout=100",
                "--azure-retry-max-attempts=1",
            ],
        ),
    ] {
        ask(&flags_of(cloud, &server), &more).fails(1, "time-out");
    }
    // Somebody listens, and never says a word of TLS.
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("port");
    let mut flags = flags(&server);
    flags[1] = format!(
        "--s3-endpoint-override=https://{}",
        silent.local_addr().expect("address")
    );
    let folder = tempfile::tempdir().expect("directory");
    let ca = net_tls::testing::Authority::new("Stores")
        .write_to(folder.path())
        .expect("written");
    let ca = format!("--s3-ca-file={}", ca.display());
    let times = ["--s3-request-timeout=0", "--s3-connect-timeout=100"];
    ask(&flags, &[&[&*ca], &times[..]].concat()).fails(1, "time-out");
}

/// Data for several parts of the least size.
pub(crate) fn large() -> Cluster {
    let source = empty(1);
    generate::load(&source, NAMESPACE, generate::Shape::Bench, 26_000, 7);
    source
}

pub(crate) fn most_beside(seen: &[Seen]) -> usize {
    let moves = |seen: &&Seen| [Method::GET, Method::PUT].contains(&seen.method);
    let data = seen.iter().filter(|seen| seen.is_data()).filter(moves);
    data.map(|seen| seen.beside).max().unwrap_or_default()
}

/// How many requests of a backup were under way beside another one.
fn beside_in_backup(source: &Cluster, cloud: &str, server: &ObjectServer, more: &[&str]) -> usize {
    let flags = flags_of(cloud, server);
    let before = server.seen().len();
    let hosts = hosts(source);
    let common: [&dyn AsRef<OsStr>; 5] = [&"backup", &hosts, &"-ntest", &"-dset", &"-r"];
    absctl(&[&common[..], &with(&flags, more)[..]].concat()).succeeds();
    most_beside(&server.seen()[before..])
}

/// Longer than it takes to fill a part.
pub(crate) const LONG: Duration = Duration::from_millis(300);

#[test]
fn uploads_are_limited() {
    let (server, source) = (ObjectServer::s3(), large());
    server.add(Rule::new(Method::PUT, Fault::Delay(LONG)).path(".asb"));
    let beside = |more: &[&str]| {
        let usual = ["-w1", "-F0", "--s3-chunk-size=5"];
        beside_in_backup(&source, "s3", &server, &[&usual, more].concat())
    };
    assert_eq!(beside(&["--s3-upload-concurrency=1"]), 0);
    assert!(beside(&["--s3-upload-concurrency=3"]) > 0);
    assert_eq!(
        beside(&["--s3-upload-concurrency=3", "--s3-max-async-uploads=1"]),
        0
    );
    assert_eq!(
        beside(&["--s3-upload-concurrency=3", "--s3-max-conns-per-host=1"]),
        0
    );
}

#[test]
fn connections_to_google_are_limited() {
    let (server, source) = (ObjectServer::google(), filled(1, 4000));
    server.add(Rule::new(Method::PUT, Fault::Delay(LONG)).path(".asb"));
    assert!(beside_in_backup(&source, "gcp", &server, &["-w4"]) > 0);
    assert_eq!(
        beside_in_backup(
            &source,
            "gcp",
            &server,
            &["-w4", "--gcp-max-conns-per-host=1"]
        ),
        0
    );
}

#[test]
fn downloads_are_limited() {
    let (server, source) = (ObjectServer::s3(), filled(1, 4000));
    backup_to(&server, &source, &["-dset", "-w4"]).succeeds();
    server.add(Rule::new(Method::GET, Fault::Delay(LONG)).path(".asb"));
    let beside = |more: &[&str]| {
        let before = server.seen().len();
        command_with(
            "restore",
            &server,
            &[&["--validate", "-dset", "-w4"], more].concat(),
        )
        .succeeds();
        most_beside(&server.seen()[before..])
    };
    assert!(beside(&[]) > 0);
    assert_eq!(beside(&["--s3-max-async-downloads=1"]), 0);
}

/// Sizes of the parts that a backup has sent, in MiB.
fn parts(seen: &[Seen]) -> Vec<u64> {
    let parts = seen.iter().filter(|seen| seen.query.contains("partNumber"));
    let bytes = |seen: &Seen| {
        seen.headers["content-length"]
            .to_str()
            .expect("text")
            .parse::<u64>()
    };
    parts
        .map(|seen| bytes(seen).expect("number") >> 20)
        .collect()
}

#[test]
fn parts_have_the_size_that_is_asked_for() {
    let source = large();
    for (flag, expected) in [
        ("--s3-chunk-size=6", 6),
        ("--s3-min-part-size=9", 9),
        ("--s3-min-part-size=1", 8), // what is usual is more
        ("--gcp-chunk-size=5", 5),
    ] {
        let cloud = if flag.starts_with("--gcp") {
            "gcp"
        } else {
            "s3"
        };
        let server = if cloud == "gcp" {
            ObjectServer::google()
        } else {
            ObjectServer::s3()
        };
        beside_in_backup(&source, cloud, &server, &["-w1", "-F0", flag]);
        assert_eq!(parts(&server.seen()).first(), Some(&expected), "{flag}");
    }
}

/// The headers of the data files that a backup writes.
fn headers(server: &ObjectServer, flags: &[String], more: &[&str]) -> http::HeaderMap {
    let source = filled(1, 20);
    let hosts = hosts(&source);
    let common: [&dyn AsRef<OsStr>; 5] = [&"backup", &hosts, &"-ntest", &"-dset", &"-r"];
    let before = server.seen().len();
    // Whether the server likes it is another matter.
    absctl(&[&common[..], &with(flags, more)[..]].concat());
    let seen = server.seen().split_off(before).into_iter();
    let mut data = seen.filter(|seen| seen.method == "PUT" && seen.is_data());
    data.next().expect("data").headers
}

#[test]
fn s3_is_told_what_the_flags_say() {
    let server = ObjectServer::s3();
    let check = |flag: &str, header: &str, part: &str| {
        let mut more = vec![flag];
        if flag.starts_with("--s3-sse-kms") {
            more.push("--s3-sse=aws:kms");
        }
        let headers = headers(&server, &flags(&server), &more);
        let value = headers
            .get(header)
            .map(|value| value.to_str().expect("text"));
        assert!(
            value.is_some_and(|value| value.contains(part)),
            "{flag}: {headers:?}"
        );
    };
    check("-w1", "authorization", "/eu-central-1/s3/"); // --s3-region
    check("--s3-session-token=t0ken", "x-amz-security-token", "t0ken");
    check(
        "--s3-storage-class=standard_ia",
        "x-amz-storage-class",
        "STANDARD_IA",
    );
    check("--s3-sse=AES256", "x-amz-server-side-encryption", "AES256");
    check(
        "--s3-sse-kms-key-id=k3y",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "k3y",
    );
    check("--s3-calculate-checksum", "x-amz-checksum-crc64nvme", "=");
}

/// Without keys on the command line, those of a profile, and its region.
#[test]
fn a_profile_has_keys_and_a_region() {
    let (server, folder) = (ObjectServer::s3(), tempfile::tempdir().expect("directory"));
    let (id, secret) = ObjectServer::keys();
    let config = folder.path().join("config");
    let text = format!(
        "[profile night]\nregion = ap-south-1\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    );
    fs::write(&config, text).expect("written");
    let all = flags(&server);
    let command: [&dyn AsRef<OsStr>; 4] = [
        &"backup",
        &"--remove-artifacts",
        &"-dset",
        &"--s3-profile=night",
    ];
    let mut command = crate::support::command(&[&command[..], &with(&all[..2], &[])[..]].concat());
    for name in [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
    ] {
        command.env_remove(name);
    }
    command
        .env("AWS_CONFIG_FILE", &config)
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    Run::of(&mut command).succeeds();
    let seen = server.seen();
    let signed = seen[0].headers["authorization"].to_str().expect("text");
    assert!(
        signed.contains(&format!("Credential={id}/")) && signed.contains("/ap-south-1/s3/"),
        "{signed}"
    );
}

#[test]
fn google_is_told_what_the_flags_say() {
    let server = ObjectServer::google();
    let flags = &clouds(&server)[1].1;
    let headers = headers(&server, flags, &["--gcp-storage-class=NEARLINE"]);
    assert_eq!(headers["x-goog-storage-class"], "NEARLINE");
    // A small file is looked at again only when its checksum is wanted.
    let looks = |more: &[&str]| {
        let before = server.seen().len();
        headers_of(&server, flags, more);
        let seen = server.seen().split_off(before).into_iter();
        seen.filter(|seen| seen.method == "HEAD" && seen.is_data())
            .count()
    };
    assert_eq!(looks(&[]), 0);
    assert!(looks(&["--gcp-calculate-checksum"]) > 0);
    let bucket = format!("--gcp-bucket-name={BUCKET}");
    ask(&[bucket], &["--gcp-key-path=/nowhere"]).fails(1, "settings are wrong");
}

use self::headers as headers_of;

#[test]
fn azure_is_told_what_the_flags_say() {
    let server = ObjectServer::s3();
    let mut url = clouds(&server)[2].1.clone();
    url[1] += "/store";
    // The server does not speak this language, but it sees what it is asked.
    let seen = |more: &[&str]| {
        let before = server.seen().len();
        ask(&url, &[&["--azure-retry-max-attempts=1"], more].concat());
        server.seen().swap_remove(before)
    };
    let key = "--azure-account-key=bm90IHRoZSBrZXk=";
    let signed = |seen: &Seen| {
        seen.headers["authorization"]
            .to_str()
            .expect("text")
            .to_owned()
    };
    assert!(signed(&seen(&[key])).starts_with("SharedKey store:"));
    assert!(signed(&seen(&[key, "--azure-account-name=other"])).starts_with("SharedKey other:"));
    assert!(
        seen(&["--azure-sas-token=sv=1&sig=s1gn"])
            .query
            .contains("sig=s1gn")
    );
    assert!(seen(&[]).path.starts_with("/store/backups"));
}

/// A download that breaks off is tried so often, and goes on.
#[test]
fn broken_downloads_are_continued_as_asked_for() {
    let cases = [
        (
            "s3",
            ObjectServer::s3(),
            [
                "--s3-retry-read-max-attempts=3",
                "--s3-retry-read-backoff=7",
                "--s3-retry-read-multiplier=3",
            ],
        ),
        (
            "gcp",
            ObjectServer::google(),
            [
                "--gcp-retry-read-max-attempts=3",
                "--gcp-retry-read-backoff=7",
                "--gcp-retry-read-multiplier=3",
            ],
        ),
    ];
    for (cloud, server, more) in cases {
        let source = filled(1, 300);
        beside_in_backup(&source, cloud, &server, &["-w1"]);
        server.add(Rule::new(Method::GET, Fault::BreakAnswer(0)).path("0_test"));
        let command: [&dyn AsRef<OsStr>; 4] = [&"restore", &"--validate", &"-dset", &"-v"];
        let run = absctl(&[&command[..], &with(&flags_of(cloud, &server), &more)[..]].concat());
        assert_ne!(run.code, Some(0), "{run:?}");
        let pauses = pauses(&run);
        let [first, second] = pauses[..2] else {
            panic!("{run:?}");
        };
        let fits = (first - 7.0).abs() < 0.8 && (second - 21.0).abs() < 2.4;
        assert!(fits, "{pauses:?}");
    }
}

#[test]
fn storage_has_a_log_level_of_its_own() {
    let check = |more: &[&str], what: &str, is_said: bool| {
        let server = ObjectServer::s3();
        let busy = Fault::Answer(503, Some(0), "SlowDown");
        server.add(Rule::new(Method::GET, busy).times(1));
        let run = ask(&flags(&server), more).succeeds();
        assert_eq!(run.stderr.contains(what), is_said, "{more:?}: {run:?}");
    };
    check(&[], "is repeated", false);
    check(&["--s3-log-level=debug"], "is repeated", true);
    check(&["-v"], "is repeated", true);
    check(&["-v", "--s3-log-level=Warn"], "is repeated", false);
    check(&["-v", "--s3-log-level=Off"], "is repeated", false);
    check(&["-v"], "GET /backups", false);
    check(&["--s3-log-level=trace"], "GET /backups", true);
}
