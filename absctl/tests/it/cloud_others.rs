//! The way of a backup through other dialects and other people's servers: interrupted, continued, validated and
//! restored. Those that are not installed are skipped (`interop/README.md`).

use crate::{
    cloud::{flags, with},
    cloud_flags::{LONG, large, most_beside, pauses},
    cloud_ways,
    relay::Relay,
    support::{Run, absctl, assert_equal, empty, filled, hosts},
};
use asnode::Cluster;
use backup_storage::testing::{BUCKET, Fault, ObjectServer, Other, Rule};
use http::Method;
use std::ffi::OsStr;

fn run(command: &str, cluster: Option<&Cluster>, flags: &[String], more: &[&str]) -> Run {
    let hosts = cluster.map(|cluster| [hosts(cluster), "-ntest".to_owned()]);
    let own = hosts.iter().flatten().map(|flag| flag as &dyn AsRef<OsStr>);
    let all = [&command as &dyn AsRef<OsStr>, &"-dset"]
        .into_iter()
        .chain(own);
    absctl(&all.chain(with(flags, more)).collect::<Vec<_>>())
}

/// A store refuses in the middle; everything else is as ever.
#[track_caller]
fn check_whole_way(front: &ObjectServer, refusal: Fault, flags: &[String]) {
    let source = filled(1, 12_000);
    front.add(
        Rule::new(Method::PUT, refusal)
            .path(".asb")
            .after(1)
            .times(1),
    );
    let cut = ["-F1", "-w2"];
    let first = run("backup", Some(&source), flags, &cut);
    assert_eq!(first.code, Some(12), "{first:?}");
    let go_on = ["-F1", "-w2", "-c", "test.asb.state"];
    let second = run("backup", Some(&source), flags, &go_on).succeeds();
    assert_eq!(second.reported("Resumes"), 1, "{second:?}");
    run("restore", None, flags, &["--validate"]).succeeds();
    let target = empty(1);
    let restored = run("restore", Some(&target), flags, &[]).succeeds();
    assert_eq!(
        restored.reported("Inserted Records"),
        source.count("test"),
        "each record once"
    );
    assert_equal(&source, &target);
    run("backup", None, flags, &["--remove-artifacts"]).succeeds();
    run("restore", None, flags, &["--validate"]).fails(10, "set");
}

fn google(server: &ObjectServer) -> Vec<String> {
    [
        format!("--gcp-bucket-name={BUCKET}"),
        format!("--gcp-endpoint-override={}", server.url()),
    ]
    .into()
}

#[test]
fn google_takes_a_backup() {
    let server = ObjectServer::google();
    let refused = Fault::Answer(403, None, "AccessDenied");
    check_whole_way(&server, refused, &google(&server));
    assert_eq!(server.open_uploads(), [""; 0]);
}

#[test]
fn moto_takes_a_backup() {
    let Some(other) = Other::moto() else {
        return;
    };
    let front = ObjectServer::before(&other);
    check_whole_way(
        &front,
        Fault::Answer(403, None, "AccessDenied"),
        &flags(&front),
    );
}

/// Azurite, with a server before it that sees what is asked.
fn azurite() -> Option<(Other, ObjectServer, Vec<String>)> {
    let other = Other::azurite()?;
    let front = ObjectServer::before(&other);
    let (account, key) = Other::account();
    let flags = [
        format!("--azure-container-name={BUCKET}"),
        format!("--azure-endpoint={}/{account}", front.url()),
        format!("--azure-account-key={key}"),
    ];
    Some((other, front, flags.into()))
}

#[test]
fn azurite_takes_a_backup() {
    let Some((_other, front, flags)) = azurite() else {
        return;
    };
    check_whole_way(
        &front,
        Fault::Answer(403, None, "AuthorizationFailure"),
        &flags,
    );
}

#[test]
fn azure_has_blocks_as_asked_for() {
    let Some((_other, front, flags)) = azurite() else {
        return;
    };
    let source = large();
    front.add(Rule::new(Method::PUT, Fault::Delay(LONG)).query("comp=block&"));
    let usual = ["-r", "-w1", "-F0", "--azure-block-size=2"];
    let seen = |more: &[&str]| {
        let before = front.seen().len();
        run("backup", Some(&source), &flags, &[&usual, more].concat()).succeeds();
        front.seen().split_off(before)
    };
    let plain = seen(&[]);
    let block = plain
        .iter()
        .find(|seen| seen.query.contains("comp=block&"))
        .expect("a block");
    assert_eq!(block.headers["content-length"], (2 << 20).to_string());
    assert!(!block.headers.contains_key("x-ms-content-crc64"));
    assert_eq!(most_beside(&plain), 0);
    let checked = seen(&["--azure-upload-concurrency=3", "--azure-calculate-checksum"]);
    assert!(most_beside(&checked) > 0);
    let mut blocks = checked
        .iter()
        .filter(|seen| seen.query.contains("comp=block&"));
    assert!(blocks.all(|seen| seen.headers.contains_key("x-ms-content-crc64")));
    let one = [
        "--azure-upload-concurrency=3",
        "--azure-max-conns-per-host=1",
    ];
    assert_eq!(most_beside(&seen(&one)), 0);
}

#[test]
fn azure_is_read_as_asked_for() {
    let Some((_other, front, flags)) = azurite() else {
        return;
    };
    let (source, target) = (filled(1, 300), empty(1));
    run(
        "backup",
        Some(&source),
        &flags,
        &["-w1", "--azure-access-tier=archive"],
    )
    .succeeds();
    run("restore", Some(&target), &flags, &[]).fails(1, "archive");
    let thaw = [
        "--azure-access-tier=Hot",
        "--azure-rehydrate-poll-duration=1",
    ];
    let thawed = run("restore", Some(&target), &flags, &thaw).succeeds();
    assert!(
        thawed.stderr.contains("waiting for 2 archived objects"),
        "{thawed:?}"
    );
    assert_equal(&source, &target);

    front.add(Rule::new(Method::GET, Fault::BreakAnswer(0)).path("0_test"));
    let retry = [
        "-v",
        "--validate",
        "--azure-retry-read-max-attempts=3",
        "--azure-retry-read-backoff=7",
        "--azure-retry-read-multiplier=3",
    ];
    let broken = run("restore", None, &flags, &retry);
    assert_ne!(broken.code, Some(0), "{broken:?}");
    let pauses = pauses(&broken);
    let fits = |found: f64, wanted: f64| (found - wanted).abs() <= wanted * 0.11;
    assert!(fits(pauses[0], 7.0) && fits(pauses[1], 21.0), "{pauses:?}");
}

/// A token is asked for where Microsoft gives them; here a proxy is told so.
#[test]
fn an_application_asks_for_a_token() {
    let server = ObjectServer::s3();
    let relay = Relay::to(server.address());
    let flags = [
        "--azure-container-name=c".to_owned(),
        format!("--azure-endpoint={}/store", server.url()),
        "--azure-tenant-id=tenant".to_owned(),
        "--azure-client-id=client".to_owned(),
        "--azure-client-secret=hush".to_owned(),
        "--azure-retry-max-attempts=1".to_owned(),
    ];
    let command: [&dyn AsRef<OsStr>; 3] = [&"backup", &"--remove-artifacts", &"-dset"];
    let mut command = cloud_ways::command_by(&[&command[..], &with(&flags, &[])[..]].concat(), "");
    let run = Run::of(command.env("HTTPS_PROXY", relay.url()));
    assert_ne!(run.code, Some(0), "{run:?}");
    assert!(!run.stderr.contains("hush"), "{run:?}");
    let asked = relay.asked();
    assert!(
        asked[0].starts_with("CONNECT login.microsoftonline.com:443 "),
        "{asked:?}"
    );
    assert_eq!(server.seen().len(), 0, "nothing is asked without it");
}
