//! No secret is in anything that the program prints or writes, at the most verbose level: standard
//! streams, log file, JSON lines, `config show`, state, manifest.

use crate::{
    agent::{Agent, Manner},
    envelope::{key_text, write_key},
    support::{NAMESPACE, Run, command, empty, filled, names, wait_for},
};
use asnode::{
    Cluster, NamespaceConfig, SecurityConfig, TlsPort,
    faults::{On, Reaction, Rule},
    generate,
};
use backup_storage::testing::{BUCKET, ObjectServer};
use net_tls::{pem::Source, server::ServerSettings, testing::Authority};
use std::{ffi::OsStr, fs, path::Path};
use tempfile::{TempDir, tempdir};

const PASSWORD: &str = "hush-password";
const KEY_PASSWORD: &str = "hush-key-password";
const NAME: &str = "cluster.test";

/// Secrets, and what may not show them.
struct Watch(Vec<String>);

impl Watch {
    fn new(secrets: &[&str]) -> Self {
        let owned = secrets.iter().map(|secret| (*secret).to_owned());
        // PEM is printed in lines, if at all.
        let lines = owned.flat_map(|secret| {
            let lines = secret.lines().filter(|line| !line.starts_with("-----"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        });
        let lines: Vec<_> = lines.collect();
        assert!(lines.iter().all(|line| line.len() >= 8), "{lines:?}");
        Self(lines)
    }

    #[track_caller]
    fn text(&self, place: &str, text: &[u8]) {
        for secret in &self.0 {
            let is_there = text
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            let text = String::from_utf8_lossy(text);
            assert!(!is_there, "{secret} in {place}: {text}");
        }
    }

    #[track_caller]
    fn run(&self, run: &Run) {
        self.text("standard output", &run.stdout);
        self.text("standard error", run.stderr.as_bytes());
    }

    /// All files in `folder`; there are some.
    #[track_caller]
    fn files(&self, folder: &Path) {
        let names = names(folder);
        assert!(!names.is_empty());
        for name in names {
            let content = fs::read(folder.join(&name)).expect("file");
            self.text(&name, &content);
        }
    }
}

fn run(args: &[&str], variables: &[(&str, &str)]) -> Run {
    let args: Vec<&dyn AsRef<OsStr>> = args.iter().map(|arg| arg as _).collect();
    Run::of(command(&args).envs(variables.iter().copied()))
}

/// A cluster with users behind mutual TLS, and a way in that needs every kind of secret.
struct Behind {
    cluster: Cluster,
    place: TempDir,
    watch: Watch,
    key: String,
}

impl Behind {
    fn new() -> Self {
        let (authority, place) = (Authority::new("Test CA"), tempdir().expect("directory"));
        let settings = ServerSettings {
            client_ca: Some(Source::text("client CA", authority.certificate())),
            ..authority.server_settings(&[NAME])
        };
        let security = SecurityConfig::new().user("me", PASSWORD, &["read"]);
        let cluster = Cluster::builder()
            .namespace(NamespaceConfig::new(NAMESPACE))
            .security(security)
            .tls(TlsPort::new(NAME, settings))
            .start()
            .expect("cluster");
        generate::load(&cluster, NAMESPACE, generate::Shape::Types, 3000, 7);
        authority.write_to(place.path()).expect("ca.pem");
        let client = authority.client("me");
        client.write_to(place.path(), "me").expect("me.pem");
        let locked = client.encrypted_key(KEY_PASSWORD);
        fs::write(place.path().join("locked.key"), &locked).expect("key");
        let key = write_key(place.path());
        let watch = Watch::new(&[PASSWORD, KEY_PASSWORD, &key_text(), &locked, &client.key]);
        Self {
            cluster,
            place,
            watch,
            key,
        }
    }

    fn file(&self, name: &str) -> String {
        let path = self.place.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    /// The flags of every run: the way in, and the key of the files.
    fn flags(&self) -> Vec<String> {
        let path = |flag: &str, name: &str| format!("{flag}={}", self.file(name));
        vec![
            format!("--host={}", self.cluster.tls_seeds().join(",")),
            format!("--namespace={NAMESPACE}"),
            "--tls-enable".to_owned(),
            path("--tls-cafile", "ca.pem"),
            path("--tls-certfile", "me.pem"),
            path("--tls-keyfile", "locked.key"),
            format!("--tls-keyfile-password={KEY_PASSWORD}"),
            "--tls-log-session-info".to_owned(),
            "--user=me".to_owned(),
            "--encrypt=AES128".to_owned(),
            self.key.clone(),
            "--verbose".to_owned(),
        ]
    }

    fn backup(&self, more: &[&str]) -> Run {
        let flags = self.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let variables = [("ABSCTL_TEST_PASSWORD", PASSWORD)];
        let run = run(&[&["backup"], &flags[..], more].concat(), &variables);
        self.watch.run(&run);
        assert!(run.stderr.contains("DEBUG"), "{run:?}");
        run
    }
}

#[test]
fn not_of_a_backup_that_is_interrupted_and_continued() {
    let behind = Behind::new();
    let set = behind.file("set");
    let target = ["-d", &set, "-w1", "--durable-interval=1"];
    let given = format!("--password={PASSWORD}");
    let hangs = Rule::new(On::Scan, Reaction::Silence).after_records(1500);
    behind.cluster.faults().add(hangs);
    let broken = [
        &target[..],
        &[&given, "--total-timeout=900", "--state-file-dst=run.state"],
    ];
    let broken = behind.backup(&broken.concat());
    assert_eq!(broken.code, Some(1), "{broken:?}");
    let folder = behind.place.path().join("set");
    assert!(names(&folder).contains(&"run.state".to_owned()));
    behind.watch.files(&folder);
    behind.cluster.faults().clear();
    let from_variable = "--password=env:ABSCTL_TEST_PASSWORD";
    behind
        .backup(&[&target[..], &[from_variable, "-c", "run.state"]].concat())
        .succeeds();
    assert!(names(&folder).contains(&"test.manifest.json".to_owned()));
    behind.watch.files(&folder);
}

#[test]
fn not_in_a_log_file_or_in_json() {
    let behind = Behind::new();
    let (set, log) = (behind.file("set"), behind.file("log"));
    let command = format!("--password-command=printf {PASSWORD}");
    // What shows the command shows the password.
    let run = behind_log(&behind, &["-d", &set, &command, "--log-file", &log]);
    run.succeeds();
    let log = fs::read(&log).expect("log");
    assert!(log.windows(5).any(|part| part == b"DEBUG"));
    behind.watch.text("the log file", &log);
    let base64 = {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD.encode(PASSWORD)
    };
    let given = format!("--password=b64:{base64}");
    let json = behind.backup(&["-e", &given, "--log-json"]).succeeds();
    Watch::new(&[&base64]).run(&json);
    // A failure tells no more.
    let wrong = behind.backup(&["-e", "--password=hush-wrong", "--log-json"]);
    assert_eq!(wrong.code, Some(12), "{wrong:?}");
    Watch::new(&["hush-wrong"]).run(&wrong);
}

fn behind_log(behind: &Behind, more: &[&str]) -> Run {
    let flags = behind.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let run = run(&[&["backup"], &flags[..], more].concat(), &[]);
    behind.watch.run(&run);
    run
}

#[test]
fn not_of_an_agent() {
    let cluster = filled(1, 50);
    let watch = Watch::new(&[PASSWORD, "hush-user"]);
    let port = cluster.addresses()[0].port().to_string();
    let secrets = [
        ("user", "hush-user"),
        ("password", PASSWORD),
        ("port", &port),
    ];
    let agent = Agent::tcp(Manner::secrets(&secrets), None);
    let flags: Vec<&str> = agent.flags.iter().map(String::as_str).collect();
    let own = [
        "backup",
        "--estimate",
        "-v",
        "-ntest",
        "--port=secrets:res:port",
        "--user=secrets:res:user",
        "--password=secrets:res:password",
    ];
    let run = run(&[&own, &flags[..]].concat(), &[]).survives();
    wait_for("questions", || agent.asked().len() == 3);
    watch.run(&run);
}

#[test]
fn not_of_a_bucket() {
    let (server, source) = (ObjectServer::s3(), filled(1, 200));
    let (id, secret) = ObjectServer::keys();
    let hosts = crate::support::hosts(&source);
    let bucket = [
        format!("--s3-bucket-name={BUCKET}"),
        format!("--s3-endpoint-override={}", server.url()),
        "--s3-region=eu-central-1".to_owned(),
        format!("--s3-access-key-id={id}"),
        "--directory=set".to_owned(),
        "-v".to_owned(),
    ];
    let bucket: Vec<&str> = bucket.iter().map(String::as_str).collect();
    let watch = Watch::new(&[secret, "hush-token"]);
    let variables = [
        ("ABSCTL_S3_SECRET_ACCESS_KEY", secret),
        ("ABSCTL_S3_SESSION_TOKEN", "hush-token"),
    ];
    let made = run(
        &[&["backup", "-ntest", &hosts], &bucket[..]].concat(),
        &variables,
    );
    watch.run(&made);
    made.survives();
    watch.files(&server.path("set"));
    let target = empty(1);
    let hosts = crate::support::hosts(&target);
    let restored = run(
        &[&["restore", "-ntest", &hosts], &bucket[..]].concat(),
        &variables,
    );
    watch.run(&restored);
    restored.survives();
}

#[test]
fn not_in_the_settings() {
    let secrets = [
        "password",
        "password-command",
        "tls-keyfile-password",
        "s3-access-key-id",
        "s3-secret-access-key",
        "s3-session-token",
        "azure-endpoint",
        "azure-account-key",
        "azure-client-secret",
        "azure-sas-token",
    ];
    let value = |name: &str| format!("hush-{name}");
    let values: Vec<_> = secrets.iter().map(|name| value(name)).collect();
    let watch = Watch::new(&values.iter().map(String::as_str).collect::<Vec<_>>());
    let flags: Vec<_> = secrets
        .iter()
        .map(|name| format!("--{name}={}", value(name)))
        .collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let check = |run: Run| {
        let run = run.succeeds();
        watch.run(&run);
        let text = String::from_utf8_lossy(&run.stdout);
        assert_eq!(text.matches("(hidden)").count(), secrets.len(), "{text}");
    };
    check(run(
        &[&["config", "show", "backup"], &flags[..]].concat(),
        &[],
    ));
    let named = secrets.iter().map(|name| {
        let variable = name.to_uppercase().replace('-', "_");
        (format!("ABSCTL_{variable}"), value(name))
    });
    let named: Vec<_> = named.collect();
    let variables: Vec<_> = named
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    check(run(&["config", "show", "restore"], &variables));
    // What is refused is not repeated either.
    let both = ["backup", "-v", "-ntest", "-d", "/nowhere/x", "-Ume"];
    let refused = run(&[&both, &flags[..]].concat(), &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    watch.run(&refused);
}
