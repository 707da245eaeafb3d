//! Users, passwords, TLS and alternate addresses, from the command line to the data.

use crate::support::{NAMESPACE, Run, absctl, assert_equal, command, empty, filled, restore};
use asnode::{Cluster, ClusterBuilder, NamespaceConfig, TlsPort, generate};
use net_tls::{pem::Source, server::ServerSettings, testing::Authority};
use std::{ffi::OsStr, fs, path::Path};

const PASSWORD: &str = "correct-horse";
const NAME: &str = "cluster.test";

fn builder() -> ClusterBuilder {
    let namespace = NamespaceConfig::new(NAMESPACE);
    Cluster::builder().nodes(2).namespace(namespace)
}

fn load(builder: ClusterBuilder) -> Cluster {
    let cluster = builder.start().expect("cluster");
    assert!(generate::load(&cluster, NAMESPACE, generate::Shape::Types, 500, 7) >= 500);
    cluster
}

fn users(builder: ClusterBuilder) -> ClusterBuilder {
    builder
        .user("reader", PASSWORD, &["read"])
        .user(
            "writer",
            PASSWORD,
            &["read-write", "sindex-admin", "udf-admin"],
        )
        .user("half", PASSWORD, &["write"])
}

fn hosts(cluster: &Cluster) -> String {
    cluster.seeds().join(",")
}

/// Runs `absctl NAME` on the namespace with more arguments, which no secret may show up of.
fn run(name: &str, args: &[&str]) -> Run {
    let common = [name, "-n", NAMESPACE, "--client-timeout", "20000"];
    let all: Vec<&str> = common.iter().chain(args).copied().collect();
    let all: Vec<&dyn AsRef<OsStr>> = all.iter().map(|arg| arg as _).collect();
    let run = absctl(&all);
    assert!(!run.stderr.contains(PASSWORD), "{run:?}");
    run
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_user_backs_up_and_another_restores() {
    let source = load(users(builder()));
    let target = users(builder()).start().expect("cluster");
    let folder = tempfile::tempdir().expect("folder");
    let path = text(folder.path());
    let file = folder.path().with_extension("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("written");
    let in_file = format!("file:{}", text(&file));
    run(
        "backup",
        &[
            "-h",
            &hosts(&source),
            "-d",
            path,
            "-U",
            "reader",
            "-P",
            &in_file,
        ],
    )
    .succeeds();

    let seeds = hosts(&target);
    let args: [&dyn AsRef<OsStr>; 11] = [
        &"restore",
        &"-n",
        &NAMESPACE,
        &"-h",
        &seeds,
        &"-d",
        &path,
        &"--user=writer",
        &"--password=env:ABSCTL_TEST_PASSWORD",
        &"--auth",
        &"internal",
    ];
    let mut command = command(&args);
    Run::of(command.env("ABSCTL_TEST_PASSWORD", PASSWORD)).succeeds();
    assert_equal(&source, &target);
    fs::remove_file(file).expect("removed");
}

#[test]
fn refusals_have_their_exit_code_and_reason() {
    let cluster = load(users(builder()));
    let folder = tempfile::tempdir().expect("folder");
    let seeds = hosts(&cluster);
    let check = |args: &[&str], code: i32, part: &str| {
        let path = folder.path().join("new");
        let common = ["-h", seeds.as_str(), "-d", text(&path)];
        let run = run("backup", &[&common, args].concat()).fails(code, part);
        assert!(!path.exists(), "{run:?}");
    };
    let wrong = "unknown user or wrong password";
    check(&["-U", "reader", "-P", "guess"], 12, wrong);
    check(&["-U", "nobody", "-P", PASSWORD], 12, wrong);
    check(&["-U", "reader"], 12, wrong);
    check(&[], 12, "give a user and a password");
}

#[test]
fn missing_privileges_are_named() {
    let cluster = load(users(builder()));
    let folder = tempfile::tempdir().expect("folder");
    let seeds = hosts(&cluster);
    let as_user = |user: &str| {
        let user = ["-U", user, "-P", PASSWORD].map(str::to_owned);
        let place = ["-h", &seeds, "-d", text(folder.path())].map(str::to_owned);
        [user, place].concat()
    };
    let call = |name: &str, args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        run(name, &args)
    };
    call("backup", as_user("half")).fails(12, "lacks the privilege read");
    fs::read_dir(folder.path())
        .expect("folder")
        .for_each(|entry| fs::remove_file(entry.expect("entry").path()).expect("removed"));
    call("backup", as_user("reader")).succeeds();
    let no_globals = |user| [as_user(user), vec!["-I".to_owned(), "--no-udfs".to_owned()]].concat();
    let refused = call("restore", no_globals("reader"));
    assert_eq!(refused.code, Some(12), "{refused:?}");
    assert!(refused.stderr.contains("`write`"), "{refused:?}");
    // What is there already needs no privilege; a cluster without it does.
    let elsewhere = users(builder()).start().expect("cluster");
    let place = ["-h", &hosts(&elsewhere), "-d", text(folder.path())].map(str::to_owned);
    let user = ["-U", "half", "-P", PASSWORD].map(str::to_owned);
    let refused = call("restore", [user, place].concat());
    assert_eq!(refused.code, Some(12), "{refused:?}");
    assert!(refused.stderr.contains("-admin"), "{refused:?}");
}

#[test]
fn a_cluster_without_security_takes_no_offence_at_a_user() {
    let cluster = filled(1, 100);
    let folder = tempfile::tempdir().expect("folder");
    let seeds = hosts(&cluster);
    let args = [
        "-h",
        &seeds,
        "-d",
        text(folder.path()),
        "-U",
        "me",
        "-P",
        PASSWORD,
    ];
    let run = run("backup", &args).survives();
    assert!(run.stderr.contains("asks for no login"), "{run:?}");
}

/// A cluster behind TLS that wants certificates of clients, and the files for it.
struct Behind {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Behind {
    fn tls(security: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Self {
        let authority = Authority::new("Test CA");
        let settings = ServerSettings {
            client_ca: Some(Source::text("client CA", authority.certificate())),
            ..authority.server_settings(&[NAME])
        };
        let cluster = load(security(builder()).tls(TlsPort::new(NAME, settings)));
        let folder = tempfile::tempdir().expect("folder");
        authority.write_to(folder.path()).expect("ca.pem");
        let user = authority.client("reader");
        user.write_to(folder.path(), "user").expect("user.pem");
        let encrypted = user.encrypted_key(PASSWORD);
        fs::write(folder.path().join("locked.key"), encrypted).expect("locked.key");
        Self { cluster, folder }
    }

    fn file(&self, name: &str) -> String {
        text(&self.folder.path().join(name)).to_owned()
    }

    /// A backup to the folder `name` with more arguments.
    fn backup(&self, name: &str, args: &[&str]) -> Run {
        let (folder, seeds) = (self.file(name), self.cluster.tls_seeds().join(","));
        let (ca, certificate) = (self.file("ca.pem"), self.file("user.pem"));
        let common = [
            "-d",
            &folder,
            "-h",
            &seeds,
            "--tls-enable",
            "--tls-cafile",
            &ca,
            "--tls-certfile",
            &certificate,
        ];
        run("backup", &[&common, args].concat())
    }
}

#[test]
fn mutual_tls_with_an_encrypted_key() {
    let behind = Behind::tls(|builder| builder);
    let key = behind.file("locked.key");
    let password = format!("--tls-keyfile-password={PASSWORD}");
    let protocols = "--tls-protocols=-all +TLSv1.2";
    let args = ["--tls-keyfile", &key, &password, protocols];
    behind.backup("backup", &args).succeeds();
    let target = empty(1);
    let path = behind.file("backup");
    restore(&target, &[&"-d", &path]).succeeds();
    assert_equal(&behind.cluster, &target);

    let check = |args: &[&str], code: i32, part: &str| {
        let run = behind.backup("other", args).fails(code, part);
        assert!(!behind.folder.path().join("other").exists(), "{run:?}");
    };
    let locked = ["--tls-keyfile", &key];
    check(&locked, 12, "is encrypted; give its password");
    let wrong = ["--tls-keyfile", &key, "--tls-keyfile-password", "guess"];
    check(&wrong, 12, "is the password right?");
    let plain = behind.file("user.key");
    let suite = ["--tls-keyfile", &plain, "--tls-cipher-suite", "RC4-MD5"];
    check(&suite, 1, "cipher suite `RC4-MD5` is not supported");
}

#[test]
fn sessions_are_logged_and_old_names_are_known() {
    let behind = Behind::tls(|builder| builder);
    let key = behind.file("user.key");
    let quiet = behind.backup("quiet", &["--tls-keyfile", &key]).succeeds();
    assert!(!quiet.stderr.contains("TLS session"), "{quiet:?}");
    let args = [
        "--tlsKeyFile",
        &key,
        "--tlsProtocols=-all +TLSv1.2",
        "--tlsLogSessionInfo",
    ];
    let run = behind.backup("backup", &args).survives();
    let session = "msg=\"TLS session\" node=";
    let line = run.stderr.lines().find(|line| line.contains(session));
    let line = line.expect("a session");
    assert!(line.contains(" version=TLSv1_2 suite=TLS_ECDHE_"), "{line}");
    for name in ["--tlsKeyFile", "--tlsProtocols", "--tlsLogSessionInfo"] {
        let warning = format!("{name} is deprecated");
        assert!(run.stderr.contains(&warning), "{run:?}");
    }
}

#[test]
fn the_certificate_names_the_user() {
    use asnode::SecurityConfig;
    let security = SecurityConfig::new().certificate_user("reader", &["read"]);
    let behind = Behind::tls(|builder| builder.security(security));
    let key = behind.file("user.key");
    let args = ["--tls-keyfile", &key, "--auth=PKI"];
    behind.backup("backup", &args).succeeds();
}

#[test]
fn nodes_have_to_carry_the_tls_name() {
    let behind = Behind::tls(|builder| builder);
    let key = behind.file("user.key");
    let address = behind.cluster.tls_addresses()[0].expect("address");
    let (path, ca, certificate) = (
        behind.file("x"),
        behind.file("ca.pem"),
        behind.file("user.pem"),
    );
    let address = address.to_string();
    let with = |more: &[&str]| {
        let common = [
            "-d",
            &path,
            "-h",
            &address,
            "--tls-enable",
            "--tls-cafile",
            &ca,
            "--tls-certfile",
            &certificate,
            "--tls-keyfile",
            &key,
        ];
        run("backup", &[&common, more].concat())
    };
    with(&["--tls-name", "other.test"]).fails(12, "by the name other.test");
    with(&[]).fails(12, "by the name 127.0.0.1");
    with(&["--tls-name", NAME]).succeeds();
}

#[test]
fn alternate_addresses() {
    let cluster = load(builder().alternate_addresses());
    let folder = tempfile::tempdir().expect("folder");
    let address = cluster.alternate_addresses()[0].expect("address");
    let args = ["-h", &address.to_string(), "-S", "-d", text(folder.path())];
    run("backup", &args).succeeds();
}

#[test]
fn contradictions_are_refused_at_once() {
    let check = |line: &str, part: &str| {
        let line = format!("-d /nowhere/x {line}");
        let words: Vec<&str> = line.split_whitespace().collect();
        run("backup", &words).fails(1, part).at_once();
    };
    check("--auth FOO", "FOO");
    check("--auth EXTERNAL -U me -P x", "needs --tls-enable");
    check(
        "--auth pki",
        "needs --tls-enable, --tls-certfile and --tls-keyfile",
    );
    check("--auth PKI -U me", "no --user (-U)");
    check("-U me -P", "there is no terminal to ask at");
    check("-U me -P env:ABSCTL_NO_SUCH", "ABSCTL_NO_SUCH is not set");
    check("-U me -P secrets:a:b", "Secret Agent");
    check(
        "--tls-enable --tls-protocols SSLv3",
        "SSLv3 is not supported",
    );
    check(
        "--tls-enable --tls-cipher-suite NULL",
        "`NULL` is not supported",
    );
    check(
        "--tls-enable --tls-cafile env-b64:ABSCTL_NO_SUCH",
        "ABSCTL_NO_SUCH is not set",
    );
    check("-h db:name:port", "no port");
}

#[test]
fn tls_flags_alone_do_nothing_and_say_so() {
    let cluster = filled(1, 10);
    let folder = tempfile::tempdir().expect("folder");
    let seeds = hosts(&cluster);
    let args = ["-h", &seeds, "-d", text(folder.path()), "--tls-name", "x"];
    let run = run("backup", &args).survives();
    assert!(run.stderr.contains("without --tls-enable"), "{run:?}");
}
