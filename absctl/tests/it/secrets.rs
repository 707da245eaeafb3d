//! Values out of a Secret Agent that the tests run themselves.

use crate::{
    agent::{Agent, Manner},
    envelope::key_text,
    support::{NAMESPACE, Run, absctl, assert_equal, empty, filled, hosts, restore},
};
use asnode::{Cluster, NamespaceConfig, TlsPort};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use net_tls::{pem::Source, server::ServerSettings, testing::Authority};
use std::{
    ffi::OsStr,
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};
use tempfile::tempdir;

const PASSWORD: &str = "env:correct-horse";

fn run(args: &[&str]) -> Run {
    let args: Vec<&dyn AsRef<OsStr>> = args.iter().map(|arg| arg as _).collect();
    absctl(&args)
}

/// `absctl backup` to `path` with the agent's flags and more.
fn backup(agent: &Agent, path: &Path, args: &[&str]) -> Run {
    let path = path.to_str().expect("UTF-8");
    let common = ["backup", "-n", NAMESPACE, "-d", path];
    let flags: Vec<&str> = agent.flags.iter().map(String::as_str).collect();
    run(&[&common, &flags[..], args].concat())
}

/// The key of the test files as PEM.
fn pem() -> String {
    let label = "PRIVATE KEY";
    let text = key_text();
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn hosts_port_user_and_password() {
    let namespace = NamespaceConfig::new(NAMESPACE);
    let builder = Cluster::builder().nodes(2).namespace(namespace);
    let cluster = builder.user("reader", PASSWORD, &["read"]).start();
    let cluster = cluster.expect("cluster");
    asnode::generate::load(&cluster, NAMESPACE, asnode::generate::Shape::Types, 300, 7);
    let port = cluster.addresses()[0].port().to_string();
    let agent = Agent::tcp(
        Manner::secrets(&[
            ("hosts", "127.0.0.1,localhost"),
            ("port", &port),
            ("user", "reader"),
            // A secret is taken as it is, whatever it looks like.
            ("password", PASSWORD),
        ]),
        None,
    );
    let place = tempdir().expect("directory");
    let args = [
        "-h=secrets:res:hosts",
        "-psecrets:res:port",
        "-U=secrets:res:user",
        "--password=secrets:res:password",
    ];
    let run = backup(&agent, place.path(), &args).succeeds();
    assert!(!run.stderr.contains(PASSWORD), "{run:?}");
    let asked = agent.asked();
    assert_eq!(asked, ["hosts", "password", "port", "user"], "once each");
}

#[test]
fn certificates_key_and_names_of_mutual_tls() {
    const NAME: &str = "cluster.test";
    let authority = Authority::new("Test CA");
    let settings = ServerSettings {
        client_ca: Some(Source::text("client CA", authority.certificate())),
        ..authority.server_settings(&[NAME])
    };
    let namespace = NamespaceConfig::new(NAMESPACE);
    let builder = Cluster::builder().namespace(namespace);
    let cluster = builder.tls(TlsPort::new(NAME, settings)).start();
    let cluster = cluster.expect("cluster");
    let client = authority.client("me");
    let place = tempdir().expect("directory");
    let list = place.path().join("blacklist");
    fs::write(&list, "00\n").expect("file");
    let certificate = place.path().join("client.pem");
    fs::write(&certificate, &client.certificate).expect("file");
    let folder = place.path().join("authorities");
    fs::create_dir(&folder).expect("folder");
    authority.write_to(&folder).expect("ca.pem");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let agent = Agent::tcp(
        Manner::secrets(&[
            ("name", NAME),
            ("ca", &authority.certificate()),
            ("capath", &path(&folder)),
            // A path will do as well.
            ("certificate", &path(&certificate)),
            ("key", &client.encrypted_key(PASSWORD)),
            ("password", PASSWORD),
            ("protocols", "-all +TLSv1.3"),
            ("suites", "TLS_AES_128_GCM_SHA256"),
            ("blacklist", &path(&list)),
        ]),
        None,
    );
    let host = cluster.tls_addresses()[0].expect("address").to_string();
    let args = [
        "-h",
        &host,
        "--tls-enable",
        "--tls-name=secrets:res:name",
        "--tls-cafile=secrets:res:ca",
        "--tls-capath=secrets:res:capath",
        "--tls-certfile=secrets:res:certificate",
        "--tls-keyfile=secrets:res:key",
        "--tls-keyfile-password=secrets:res:password",
        "--tls-protocols=secrets:res:protocols",
        "--tls-cipher-suite=secrets:res:suites",
        "--tls-cert-blacklist=secrets:res:blacklist",
    ];
    backup(&agent, &place.path().join("backup"), &args).survives();
    assert_eq!(agent.asked().len(), 9, "{:?}", agent.asked());
}

#[test]
fn encryption_keys_of_every_kind() {
    let source = filled(1, 300);
    let hosts = hosts(&source);
    let place = tempdir().expect("directory");
    let key_file = place.path().join("key.pem");
    fs::write(&key_file, pem()).expect("file");
    let agent = Agent::tcp(
        Manner::secrets(&[
            ("pem", &pem()),
            ("base64", &key_text()),
            ("path", key_file.to_str().expect("UTF-8")),
            ("variable", "PATH"),
        ]),
        None,
    );
    let kinds = [
        "--encryption-key-secret=secrets:res:pem",
        "--encryption-key-secret=secrets:res:base64",
        "--encryption-key-file=secrets:res:pem",
        "--encryption-key-file=secrets:res:path",
    ];
    for (number, kind) in kinds.into_iter().enumerate() {
        let path = place.path().join(number.to_string());
        backup(&agent, &path, &[&hosts, "--encrypt=AES256", kind]).succeeds();
        // The same key, read as ever.
        let target = empty(1);
        let key = format!("--encryption-key-file={}", key_file.display());
        restore(&target, &[&"-d", &path, &"--encrypt=AES256", &key]).succeeds();
        assert_equal(&source, &target);
        // And a validation asks the agent too, for nothing but the key.
        let path = path.to_str().expect("UTF-8");
        let flags: Vec<&str> = agent.flags.iter().map(String::as_str).collect();
        let common = [
            "restore",
            "--validate",
            "-d",
            path,
            "--encrypt=AES256",
            kind,
        ];
        run(&[&common, &flags[..], &["-P", "secrets:res:nothing"]].concat()).succeeds();
    }
    assert_eq!(agent.asked().len(), 8);
    let named = [
        &hosts,
        "--encrypt=AES128",
        "--encryption-key-env=secrets:res:variable",
    ];
    // It is set, but no key.
    let run = backup(&agent, &place.path().join("none"), &named).fails(12, "secrets:res:variable");
    assert!(!run.stderr.contains("PATH"), "{run:?}");
}

#[test]
fn tls_mutual_tls_and_unix_sockets() {
    let cluster = filled(1, 50);
    let authority = Authority::new("Agents");
    let place = tempdir().expect("directory");
    let ca = authority.write_to(place.path()).expect("ca.pem");
    let client = authority.client("absctl").write_to(place.path(), "client");
    let client = client.expect("client.pem");
    let flag = |name: &str, path: &Path| format!("--sa-{name}-file={}", path.display());
    let (ca, certificate, key) = (
        flag("ca", &ca),
        flag("cert", &client.certificate),
        flag("key", &client.key),
    );
    let secrets = Manner::secrets(&[("host", &cluster.seeds().join(","))]);
    let path = place.path().join("backup");
    let with = |agent: &Agent, args: &[&str]| {
        let args = [&["--host=secrets:res:host", "-r"], args].concat();
        backup(agent, &path, &args)
    };

    let tls = Agent::tcp(
        secrets.clone(),
        Some(&authority.server_settings(&["agent.test"])),
    );
    with(&tls, &[&ca, "--sa-tls-name=agent.test"]).succeeds();
    with(&tls, &[&ca]).fails(12, "TLS failed").at_once();
    with(&tls, &["--sa-tls-name=agent.test"]).fails(12, "TLS failed");

    let mut settings = authority.server_settings(&["127.0.0.1"]);
    settings.client_ca = Some(Source::text("the test CA", authority.certificate()));
    let mutual = Agent::tcp(secrets.clone(), Some(&settings));
    with(&mutual, &[&ca, &certificate, &key]).succeeds();
    with(&mutual, &[&ca]).fails(12, "TLS failed");

    let unix = Agent::unix(&place.path().join("agent.sock"), secrets);
    with(&unix, &[]).succeeds();
    with(&unix, &[&ca]).fails(1, "--sa-connection-type UNIX goes without TLS");
    assert_eq!(unix.asked(), ["host"]);
}

#[test]
fn base64_secrets() {
    let cluster = filled(1, 50);
    let place = tempdir().expect("directory");
    let encoded = STANDARD.encode(cluster.seeds().join(","));
    let agent = Agent::tcp(
        Manner::secrets(&[("host", &encoded), ("plain", "no base64!")]),
        None,
    );
    let path = place.path().join("backup");
    backup(&agent, &path, &["--sa-is-base64", "-h=secrets:res:host"]).succeeds();
    let run = backup(&agent, &path, &["--sa-is-base64", "-h=secrets:res:plain"]);
    run.fails(12, "the value is not base64").at_once();
}

/// Runs a backup that must fail before it touches the cluster or the target.
#[track_caller]
fn refuses(agent: Option<&Agent>, args: &[&str], code: i32, part: &str) -> Run {
    let cluster = empty(1);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let none = Agent::none();
    let hosts = hosts(&cluster);
    let args = [&[hosts.as_str()], args].concat();
    let run = backup(agent.unwrap_or(&none), &path, &args).fails(code, part);
    assert!(!path.exists(), "{run:?}");
    assert_eq!(cluster.counters().connections, 0, "{run:?}");
    run.at_once()
}

#[test]
fn agents_that_give_nothing() {
    let ask = ["-U", "me", "-P", "secrets:res:password"];
    let refusing = Agent::tcp(Manner::secrets(&[]), None);
    let run = refuses(Some(&refusing), &ask, 12, "it refused: no such secret");
    let part =
        "--password (-P): cannot get secrets:res:password from the Secret Agent at 127.0.0.1:";
    assert!(run.stderr.contains(part), "{run:?}");

    let garbage = Agent::tcp(Manner::Garbage, None);
    refuses(Some(&garbage), &ask, 12, "not that of a Secret Agent");

    let silent = Agent::tcp(Manner::Silence, None);
    let hurried = [&ask[..], &["--sa-timeout=200"]].concat();
    refuses(Some(&silent), &hurried, 12, "no answer within 200 ms");

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("port");
    let port = listener.local_addr().expect("address").port();
    drop(listener);
    let port = format!("--sa-port={port}");
    let nobody = [&ask[..], &["--sa-address=127.0.0.1", &port]].concat();
    refuses(None, &nobody, 12, "it cannot be reached");

    let nowhere = ["--sa-connection-type=UNIX", "--sa-address=/nowhere/socket"];
    refuses(
        None,
        &[&ask[..], &nowhere].concat(),
        12,
        "/nowhere/socket: it cannot be reached",
    );
}

#[test]
fn values_that_do_not_fit_are_not_shown() {
    const HIDDEN: &str = "hush-hush";
    let agent = Agent::tcp(
        Manner::secrets(&[("wrong", HIDDEN), ("host", "hush:hush:hush")]),
        None,
    );
    let check = |args: &[&str], part: &str| {
        let run = refuses(Some(&agent), args, 12, part);
        assert!(!run.stderr.contains("hush"), "{run:?}");
    };
    check(
        &["-h=secrets:res:host"],
        "--host (-h): secrets:res:host is not a list of hosts",
    );
    check(&["-p=secrets:res:wrong"], "secrets:res:wrong is not a port");
    for flag in ["cafile", "certfile", "keyfile", "cert-blacklist"] {
        let flag = format!("--tls-{flag}=secrets:res:wrong");
        check(&["--tls-enable", &flag], "neither PEM nor the path");
    }
    check(
        &["--tls-enable", "--tls-capath=secrets:res:wrong"],
        "not the path of a directory",
    );
    for flag in ["protocols", "cipher-suite"] {
        let flag = format!("--tls-{flag}=secrets:res:wrong");
        check(&["--tls-enable", &flag], "not a list that this flag takes");
    }
    for flag in ["file", "env", "secret"] {
        let flag = format!("--encryption-key-{flag}=secrets:res:wrong");
        check(&["--encrypt=AES128", &flag], "secrets:res:wrong");
    }
}

#[test]
fn references_without_an_agent_or_of_the_wrong_form() {
    for flag in [
        "-h",
        "-p",
        "-U",
        "--tls-name",
        "--tls-cafile",
        "--encryption-key-secret",
    ] {
        let encrypts = flag.starts_with("--encryption");
        let mode = format!("--encrypt={}", if encrypts { "AES128" } else { "NONE" });
        let args = ["--tls-enable", &mode, flag, "secrets:res:key"];
        let run = refuses(
            None,
            &args,
            1,
            "secrets:res:key is meant for a Secret Agent",
        );
        assert!(run.stderr.contains("hint: --sa-address"), "{run:?}");
    }
    let agent = Agent::tcp(Manner::secrets(&[]), None);
    let flags = [
        "-h",
        "-p",
        "-U",
        "--encryption-key-file",
        "--encryption-key-secret",
    ];
    for flag in flags {
        for (value, part) in [
            ("secrets:key", "the resource is missing"),
            ("secrets:res:", "the key is missing"),
            ("secrets:a:b:c", "more than these three parts"),
        ] {
            let encrypts = flag.starts_with("--encryption");
            let mode = format!("--encrypt={}", if encrypts { "AES128" } else { "NONE" });
            refuses(Some(&agent), &[&mode, flag, value], 1, part);
        }
    }
    let plain = ["--encrypt=AES128", "--encryption-key-secret=plain"];
    refuses(Some(&agent), &plain, 1, "a secret is written secrets:");
    assert_eq!(agent.asked(), Vec::<String>::new());
}

#[test]
fn flags_that_contradict_each_other() {
    let check = |args: &[&str], code, part: &str| drop(refuses(None, args, code, part));
    check(&["--sa-connection-type=UDP"], 1, "UDP");
    check(&["--sa-address=127.0.0.1"], 1, "needs --sa-port");
    check(&["--sa-port=65536"], 1, "65536");
    check(&["--sa-timeout=0"], 1, "0 is not in 1..");
    let pair = "--sa-cert-file and --sa-key-file need each other";
    check(&["--sa-cert-file=x"], 1, pair);
    check(&["--sa-key-file=x"], 1, pair);
    let missing = ["--sa-address=a", "--sa-port=1", "--sa-ca-file=/nowhere/ca"];
    check(&missing, 12, "/nowhere/ca");
    let (file, secret) = (
        "--encryption-key-file=x",
        "--encryption-key-secret=secrets:a:b",
    );
    check(&["--encrypt=AES128", file, secret], 1, "exclude each other");
    check(&[secret], 1, "needs --encrypt");
    // What is wrong with the rest is said first.
    let agent = Agent::tcp(Manner::secrets(&[]), None);
    let args = ["-P=secrets:res:x", "-U=a", "-q=a/b"];
    refuses(Some(&agent), &args, 1, "--output-file-prefix");
    assert_eq!(agent.asked(), Vec::<String>::new());
}

#[test]
fn an_agent_that_nothing_asks_is_no_hindrance() {
    let cluster = filled(1, 10);
    let place = tempdir().expect("directory");
    let silent = Agent::tcp(Manner::Silence, None);
    backup(&silent, place.path(), &[&hosts(&cluster)]).succeeds();
    let flags = ["--sa-port=3005", "--sa-is-base64", "-r", &hosts(&cluster)];
    let run = backup(&Agent::none(), place.path(), &flags).survives();
    let part = "Secret Agent flags have no effect without --sa-address";
    assert!(run.stderr.contains(part), "{run:?}");
}
