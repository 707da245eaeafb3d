//! The ways to the cluster: seeds in all their forms, and who logs in.

use crate::{
    support::{NAMESPACE, Run, command, filled},
    terminal::on_controlling_terminal,
};
use asnode::{Cluster, NamespaceConfig, SecurityConfig, TlsPort, generate};
use net_tls::testing::Authority;
use std::{
    ffi::OsStr,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};
use tempfile::tempdir;

const PASSWORD: &str = "correct-horse";
const NAME: &str = "cluster.test";

/// An estimate, which needs no target.
fn estimate(flags: &[&str], variables: &[(&str, &str)]) -> Run {
    let common = [
        "backup",
        "--estimate",
        "-n",
        NAMESPACE,
        "--client-timeout=20000",
    ];
    let args = [&common, flags].concat();
    let args: Vec<&dyn AsRef<OsStr>> = args.iter().map(|arg| arg as _).collect();
    Run::of(command(&args).envs(variables.iter().copied()))
}

/// Passes connections on to `node` from a port of `::1`; `None` where there is no such address.
fn over_ipv6(node: SocketAddr) -> Option<SocketAddr> {
    let listener = TcpListener::bind("[::1]:0").ok()?;
    let address = listener.local_addr().ok()?;
    let pass = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || io::copy(&mut from, &mut to));
    };
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let node = TcpStream::connect(node).expect("node");
            pass(
                client.try_clone().expect("socket"),
                node.try_clone().expect("socket"),
            );
            pass(node, client);
        }
    });
    Some(address)
}

#[test]
fn seeds_with_ports_tls_names_and_ipv6() {
    let cluster = filled(1, 20);
    let address = cluster.addresses()[0];
    let port = address.port().to_string();
    estimate(&["-h", &address.to_string()], &[]).succeeds();
    estimate(&["-h", "127.0.0.1", "-p", &port], &[]).succeeds();
    estimate(&["-h", "127.0.0.1"], &[("ABSCTL_PORT", &port)]).succeeds();
    estimate(&["--port", &port], &[]).succeeds(); // the default host
    estimate(&["-h", &format!("127.0.0.1:1,localhost:{port}")], &[]).succeeds();
    estimate(&["-h", "127.0.0.1:1", "-h", &address.to_string()], &[]).succeeds();
    match over_ipv6(address) {
        Some(address) => drop(estimate(&["-h", &address.to_string()], &[]).succeeds()),
        None => eprintln!("skipped: no IPv6 here"),
    }
}

fn secured(security: SecurityConfig, tls: Option<TlsPort>) -> Cluster {
    let builder = Cluster::builder().namespace(NamespaceConfig::new(NAMESPACE));
    let builder = builder.security(security);
    let cluster = match tls {
        Some(tls) => builder.tls(tls).start(),
        None => builder.start(),
    };
    let cluster = cluster.expect("cluster");
    generate::load(&cluster, NAMESPACE, generate::Shape::Types, 20, 7);
    cluster
}

#[test]
fn every_mode_of_authentication() {
    let security = SecurityConfig::new()
        .user("inner", PASSWORD, &["read"])
        .external_user("outer", PASSWORD, &["read"])
        .certificate_user("badge", &["read"]);
    let (authority, folder) = (Authority::new("Test CA"), tempdir().expect("folder"));
    let ca = authority.write_to(folder.path()).expect("ca.pem");
    authority
        .client("badge")
        .write_to(folder.path(), "badge")
        .expect("badge.pem");
    let settings = net_tls::server::ServerSettings {
        client_ca: Some(net_tls::pem::Source::text(
            "client CA",
            authority.certificate(),
        )),
        ..authority.server_settings(&[NAME])
    };
    let cluster = secured(security, Some(TlsPort::new(NAME, settings)));
    let file = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let host = cluster.tls_addresses()[0].expect("address");
    let (seed, ca) = (
        format!("{}:{NAME}:{}", host.ip(), host.port()),
        ca.display().to_string(),
    );
    let (certificate, key) = (file("badge.pem"), file("badge.key"));
    let tls = ["-h", &seed, "--tls-enable", "--tls-cafile", &ca];
    let identity = ["--tls-certfile", &certificate, "--tls-keyfile", &key];
    let tls = [&tls[..], &identity].concat();
    let behind_tls = |flags: &[&str]| estimate(&[&tls[..], flags].concat(), &[]);
    let clear = cluster.seeds().join(",");
    let in_clear = |flags: &[&str]| estimate(&[&["-h", clear.as_str()], flags].concat(), &[]);
    in_clear(&["-U", "inner", "-P", PASSWORD]).succeeds();
    in_clear(&["-U", "outer", "-P", PASSWORD, "-A", "EXTERNAL_INSECURE"]).succeeds();
    behind_tls(&["-U", "inner", "-P", PASSWORD, "--auth=internal"]).succeeds();
    behind_tls(&["-U", "outer", "-P", PASSWORD, "--auth=EXTERNAL"]).succeeds();
    behind_tls(&["-U", "outer", "-P", PASSWORD, "--auth=external_insecure"]).succeeds();
    behind_tls(&["--auth=PKI"]).succeeds();
    let guess = ["-U", "outer", "-P", "guess"];
    in_clear(&["-U", "inner", "-P", "guess"]).fails(12, "unknown user or wrong password");
    let outside = "LDAP authentication failed";
    in_clear(&[&guess[..], &["-A", "EXTERNAL_INSECURE"]].concat()).fails(12, outside);
    behind_tls(&[&guess[..], &["--auth=EXTERNAL"]].concat()).fails(12, outside);
}

#[test]
fn a_password_in_every_form() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let cluster = secured(SecurityConfig::new().user("me", PASSWORD, &["read"]), None);
    let (folder, seeds) = (tempdir().expect("folder"), cluster.seeds().join(","));
    let path = folder.path().join("password");
    std::fs::write(&path, format!("{PASSWORD}\r\n")).expect("file");
    let (path, base64) = (path.display().to_string(), STANDARD.encode(PASSWORD));
    let variables = [
        ("ABSCTL_TEST_PLAIN", PASSWORD),
        ("ABSCTL_TEST_BASE64", &base64),
    ];
    let with = |flag: &str| {
        let run = estimate(&["-h", &seeds, "-U", "me", flag], &variables).succeeds();
        assert!(!run.stderr.contains(PASSWORD), "{run:?}");
    };
    with(&format!("-P{PASSWORD}"));
    with("-P=env:ABSCTL_TEST_PLAIN");
    with("--password=env-b64:ABSCTL_TEST_BASE64");
    with(&format!("-P=b64:{base64}"));
    with(&format!("-P=file:{path}"));
    with(&format!("--password-command=cat {path} | tr -d '\\r'"));
}

/// A user at a terminal is asked, and nobody who looks over the shoulder sees the answer.
#[test]
fn a_password_is_asked_for_without_an_echo() {
    let cluster = secured(SecurityConfig::new().user("me", PASSWORD, &["read"]), None);
    let seeds = cluster.seeds().join(",");
    let common = [
        "backup",
        "--estimate",
        "-n",
        NAMESPACE,
        "-h",
        &seeds,
        "-U",
        "me",
    ];
    for flags in [&["-P"][..], &[]] {
        let (shown, code) = on_controlling_terminal(
            &[&common, flags].concat(),
            "Password of me: ",
            &format!("{PASSWORD}\n"),
        );
        assert_eq!(code, Some(0), "{shown}");
        assert!(!shown.contains(PASSWORD), "{shown}");
        assert!(shown.contains("Estimate report"), "{shown}");
    }
    let (shown, code) = on_controlling_terminal(&common, "Password of me: ", "guess\n");
    assert_eq!(code, Some(12), "{shown}");
}
