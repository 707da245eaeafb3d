//! TLS: what is spoken, whom the program trusts, and whom it does not, each with its reason.

use crate::support::{NAMESPACE, Run, command};
use asnode::{Cluster, ClusterBuilder, NamespaceConfig, TlsPort, generate};
use net_tls::{
    server::ServerSettings,
    testing::{Authority, Identity},
};
use std::{ffi::OsStr, fs};
use tempfile::TempDir;

const NAME: &str = "cluster.test";

/// A cluster whose only way in is TLS, and the files of its authority.
struct Behind {
    cluster: Cluster,
    authority: Authority,
    folder: TempDir,
}

impl Behind {
    fn new(identity: impl FnOnce(&Authority) -> Identity) -> Self {
        let authority = Authority::new("Test CA");
        let identity = identity(&authority);
        let settings = ServerSettings::new(identity.certificate_source(), identity.key_source());
        let cluster = builder().tls(TlsPort::new(NAME, settings)).start();
        let cluster = cluster.expect("cluster");
        generate::load(&cluster, NAMESPACE, generate::Shape::Types, 50, 7);
        let folder = tempfile::tempdir().expect("folder");
        authority.write_to(folder.path()).expect("ca.pem");
        Self {
            cluster,
            authority,
            folder,
        }
    }

    fn file(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.file(name), text).expect("file");
        self.file(name)
    }

    /// An estimate, which needs no target, with more flags and variables.
    fn run(&self, flags: &[&str], variables: &[(&str, &str)]) -> Run {
        let seeds = self.cluster.tls_seeds().join(",");
        let common = [
            "backup",
            "--estimate",
            "-n",
            NAMESPACE,
            "-h",
            &seeds,
            "--tls-enable",
        ];
        let args = [&common, flags].concat();
        let args: Vec<&dyn AsRef<OsStr>> = args.iter().map(|arg| arg as _).collect();
        Run::of(command(&args).envs(variables.iter().copied()))
    }

    fn trusting(&self, flags: &[&str]) -> Run {
        let ca = self.file("ca.pem");
        self.run(&[&["--tls-cafile", &ca], flags].concat(), &[])
    }
}

fn builder() -> ClusterBuilder {
    Cluster::builder().namespace(NamespaceConfig::new(NAMESPACE))
}

fn good(authority: &Authority) -> Identity {
    authority.server(&[NAME])
}

#[test]
fn protocols_and_cipher_suites_are_those_that_were_asked_for() {
    let behind = Behind::new(good);
    let check = |flags: &[&str], version: &str, suite: &str| {
        let run = behind
            .trusting(&[&["--tls-log-session-info"], flags].concat())
            .succeeds();
        let sessions: Vec<_> = run
            .stderr
            .lines()
            .filter(|line| line.contains("TLS session"))
            .collect();
        assert!(!sessions.is_empty(), "{run:?}");
        let told = format!("version={version} suite=");
        assert!(
            sessions.iter().all(|line| line.contains(&told)),
            "{sessions:?}"
        );
        assert!(
            sessions.iter().all(|line| line.ends_with(suite)),
            "{sessions:?}"
        );
    };
    check(&["--tls-protocols=-all +TLSv1.2"], "TLSv1_2", "");
    check(&["--tls-protocols=-all +TLSv1.3"], "TLSv1_3", "");
    let of_openssl = "--tls-cipher-suite=ECDHE-ECDSA-AES128-GCM-SHA256";
    let of_standards = "--tls-cipher-suite=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    for flag in [of_openssl, of_standards] {
        check(
            &["--tls-protocols=-all +TLSv1.2", flag],
            "TLSv1_2",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        );
    }
    let one = "--tls-cipher-suite=TLS_CHACHA20_POLY1305_SHA256";
    check(&[one], "TLSv1_3", "TLS13_CHACHA20_POLY1305_SHA256");
    let quiet = behind.trusting(&[]).succeeds();
    assert!(
        !quiet.stderr.contains("TLS session"),
        "nobody asked: {quiet:?}"
    );
    for wrong in ["RC4-MD5", "TLS_RSA_WITH_AES_128_CBC_SHA"] {
        let flag = format!("--tls-cipher-suite={wrong}");
        behind
            .trusting(&[&flag])
            .fails(1, &format!("`{wrong}` is not supported"));
    }
}

#[test]
fn authorities_come_from_a_file_a_folder_a_variable_or_the_system() {
    let behind = Behind::new(good);
    let ca = behind.file("ca.pem");
    let text = behind.authority.certificate();
    let base64 = {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD.encode(&text)
    };
    let variables = [("ABSCTL_TEST_CA", base64.as_str())];
    behind.run(&["--tls-cafile", &ca], &[]).succeeds();
    behind
        .run(&["--tls-cafile", &format!("file:{ca}")], &[])
        .succeeds();
    behind
        .run(&["--tls-cafile", &format!("b64:{base64}")], &[])
        .succeeds();
    behind
        .run(&["--tls-cafile=env-b64:ABSCTL_TEST_CA"], &variables)
        .succeeds();
    behind
        .run(&["--tls-capath", &behind.file("")], &[])
        .succeeds();
    // What the libraries of the system take for its authorities.
    behind.run(&[], &[("SSL_CERT_FILE", &ca)]).succeeds();
    let nobody = behind.run(&[], &[]);
    nobody.fails(12, "UnknownIssuer");
}

#[test]
fn certificates_that_prove_nothing_are_refused_with_the_reason() {
    let expired = Behind::new(|authority| authority.expired_server(&[NAME]));
    expired.trusting(&[]).fails(12, "expired");
    let other = Behind::new(|authority| authority.server(&["other.test"]));
    other.trusting(&[]).fails(12, "by the name cluster.test");
}

#[test]
fn revoked_and_listed_certificates_are_refused() {
    let mut serial = String::new();
    let mut list = String::new();
    let behind = Behind::new(|authority| {
        let identity = authority.server(&[NAME]);
        serial = identity
            .serial
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        list = authority.revocation_list(&[&identity]);
        identity
    });
    let none = behind.trusting(&["--tls-crl-check"]);
    none.fails(12, "revocation list");
    let with_list = behind.authority.certificate() + &list;
    let with_list = behind.write("with-list.pem", &with_list);
    for flag in ["--tls-crl-check", "--tls-crl-check-all"] {
        behind
            .run(&["--tls-cafile", &with_list, flag], &[])
            .fails(12, "Revoked");
    }
    // Nobody asked for the list.
    behind.run(&["--tls-cafile", &with_list], &[]).succeeds();
    let blacklist = behind.write("blacklist", &format!("{serial}\n"));
    let listed = behind.trusting(&["--tls-cert-blacklist", &blacklist]);
    assert!(
        listed.stderr.contains("--tls-cert-blacklist is deprecated"),
        "{listed:?}"
    );
    listed.fails(12, "Revoked");
    let another = behind.write("another", "0123456789\n");
    behind
        .trusting(&["--tls-cert-blacklist", &another])
        .survives();
}
