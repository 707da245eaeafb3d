//! Ways to a store: TLS with an authority of one's own, the bucket in front of the host, proxies.

use crate::{
    cloud::{flags, with},
    relay::Relay,
    support::{Run, assert_equal, command, empty, filled, hosts},
};
use asnode::Cluster;
use backup_storage::testing::ObjectServer;
use net_tls::testing::Authority;
use std::{ffi::OsStr, path::PathBuf};
use tempfile::TempDir;

/// A server whose certificate is for these names, and the file of the authority that signed it.
fn with_tls(names: &[&str]) -> (ObjectServer, TempDir, PathBuf) {
    let authority = Authority::new("Stores");
    let settings = authority.server_settings(names).build().expect("settings");
    let folder = tempfile::tempdir().expect("directory");
    let ca = authority.write_to(folder.path()).expect("written");
    (ObjectServer::s3_with_tls(settings), folder, ca)
}

/// The flags for a server that is called by this address.
fn flags_for(server: &ObjectServer, address: &str) -> Vec<String> {
    let mut flags = flags(server);
    flags[1] = format!("--s3-endpoint-override={address}");
    flags
}

/// The program with this proxy in the environment, if any, and no other.
pub(crate) fn command_by(args: &[&dyn AsRef<OsStr>], proxy: &str) -> assert_cmd::Command {
    let mut command = command(args);
    for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_lowercase());
    }
    if !proxy.is_empty() {
        command.env("HTTP_PROXY", proxy).env("HTTPS_PROXY", proxy);
    }
    command
}

/// Runs `backup` or `restore`.
fn run(name: &str, cluster: &Cluster, flags: &[String], more: &[&str], proxy: &str) -> Run {
    let hosts = hosts(cluster);
    let common: [&dyn AsRef<OsStr>; 4] = [&name, &hosts, &"-ntest", &"-dset"];
    Run::of(&mut command_by(
        &[&common[..], &with(flags, more)[..]].concat(),
        proxy,
    ))
}

/// A backup and a restore.
#[track_caller]
fn check_works(flags: &[String], more: &[&str], proxy: &str) {
    let (source, target) = (filled(1, 200), empty(1));
    run("backup", &source, flags, more, proxy).succeeds();
    run("restore", &target, flags, more, proxy).succeeds();
    assert_equal(&source, &target);
}

#[test]
fn a_store_has_a_certificate_by_an_authority_of_ones_own() {
    let (server, _folder, ca) = with_tls(&["127.0.0.1"]);
    let flags = flags_for(&server, &format!("https://{}", server.address()));
    let ca = format!("--s3-ca-file={}", ca.display());
    check_works(&flags, &[&ca], "");
    // Data is not hashed a second time for the signature where TLS protects it.
    let seen = server.seen().into_iter();
    let mut puts = seen.filter(|seen| seen.method == "PUT");
    assert!(puts.all(|seen| seen.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"));

    // No other authority will do: neither the system's nor a stranger.
    let before = server.seen().len();
    let stranger = Authority::new("Strangers");
    let folder = tempfile::tempdir().expect("directory");
    let stranger = stranger.write_to(folder.path()).expect("written");
    let stranger = format!("--s3-ca-file={}", stranger.display());
    let source = filled(1, 10);
    run("backup", &source, &flags, &[&stranger], "").fails(1, "certificate");
    assert_eq!(server.seen().len(), before, "nothing is sent to a stranger");
    run("backup", &source, &flags, &["--s3-ca-file=/nowhere"], "").fails(1, "/nowhere");
}

#[test]
fn a_proxy_carries_tls_to_a_bucket_in_the_host() {
    let (server, _folder, ca) = with_tls(&["*.s3.test"]);
    let relay = Relay::to(server.address());
    let flags = flags_for(&server, "https://s3.test");
    let ca = format!("--s3-ca-file={}", ca.display());
    check_works(&flags, &[&ca, "--s3-virtual-host"], &relay.url());
    let asked = relay.asked();
    let is_it = |line: &String| line.starts_with("CONNECT backups.s3.test:443 ");
    assert!(!asked.is_empty() && asked.iter().all(is_it), "{asked:?}");
    let seen = server.seen();
    assert!(seen.iter().all(|seen| !seen.path.starts_with("/backups")));
    assert!(seen.iter().any(|seen| seen.path.starts_with("/set/")));
    // Nobody else knows this host.
    let one = "--s3-retry-max-attempts=1";
    let source = filled(1, 10);
    let alone = run("backup", &source, &flags, &[&ca, one], "");
    assert_ne!(alone.code, Some(0), "{alone:?}");
}

#[test]
fn a_proxy_carries_plain_requests() {
    let server = ObjectServer::s3();
    let relay = Relay::to(server.address());
    let flags = flags_for(&server, "http://s3.test");
    for style in [
        &[][..],
        &["--s3-virtual-host", "--s3-allow-system-proxy", "-r"],
    ] {
        check_works(&flags, style, &relay.url());
    }
    let asked = relay.asked();
    let with_host = |host: &str| asked.iter().any(|line| line.contains(host));
    assert!(with_host(" http://s3.test/backups/set/"), "{asked:?}");
    assert!(with_host(" http://backups.s3.test/set/"), "{asked:?}");
}
