//! Servers that others wrote, where they are installed: moto (S3 with classes and an archive) and Azurite.
//!
//! `ABSCTL_TEST_MOTO` is a Python that has moto, `ABSCTL_TEST_AZURITE` the program `azurite-blob` of a Node.js
//! package; `.ci/run` installs both.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use backup_storage::{
    ErrorKind, Store,
    conformance::run,
    object::{AzureAccess, AzureOptions, Keys, ObjectOptions, S3Options, Thaw},
};
use object_store::{
    aws::{AwsAuthorizer, AwsCredential},
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    client::{HttpClient, HttpRequestBody},
};

use super::{PART, content, options, pattern, runtime, store_file};

/// The account that Azurite has by itself.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const AZURITE: &str = "azurite-3.35.0/node_modules/.bin/azurite-blob";

/// A server in a process of its own.
struct Server {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts `command` on a free port, unless the variable that names it is not set.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    fn start(
        variable: &str,
        usual: &str,
        command: impl Fn(&OsString, u16) -> Command,
    ) -> Option<Self> {
        let usual = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target/ci")
            .join(usual);
        let usual = usual.exists().then(|| usual.into_os_string());
        let Some(program) = std::env::var_os(variable).or(usual) else {
            println!("skipped: {variable} is not set, and .ci/run has not installed the server");
            return None;
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(&program, address.port());
        command
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command
            .spawn()
            .expect("the program that the variable names");
        let server = Self {
            child,
            address,
            _folder: folder,
        };
        let deadline = Instant::now() + Duration::from_secs(120);
        while TcpStream::connect(address).is_err() {
            assert!(
                Instant::now() < deadline,
                "{variable}: the server does not listen"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Request = http::Request<HttpRequestBody>;

/// Makes the bucket: no store does that.
fn make(url: String, authorize: impl FnOnce(&mut Request)) {
    let request = http::Request::put(url).header("content-length", 0);
    let mut request = request.body(HttpRequestBody::empty()).unwrap();
    authorize(&mut request);
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ));
    let tls = tls.with_safe_default_protocol_versions().unwrap();
    let tls = tls
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap();
    let answer = runtime()
        .block_on(HttpClient::new(client).execute(request))
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

fn moto() -> Option<(Server, S3Options)> {
    let server = Server::start(
        "ABSCTL_TEST_MOTO",
        "moto-5.2.5/bin/python",
        |python, port| {
            let mut command = Command::new(python);
            command.args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ]);
            command
        },
    )?;
    let credential = AwsCredential {
        key_id: "id".to_owned(),
        secret_key: "secret".to_owned(),
        token: None,
    };
    make(format!("{}/bucket", server.url()), |request| {
        let authorizer = AwsAuthorizer::new(&credential, "s3", "us-east-1");
        authorizer.try_authorize(request, None).unwrap();
    });
    let options = S3Options {
        endpoint: Some(server.url()),
        region: Some("us-east-1".to_owned()),
        keys: Some(Keys {
            id: "id".to_owned(),
            secret: "secret".into(),
            session_token: None,
        }),
        ..S3Options::new("bucket")
    };
    Some((server, options))
}

#[test]
fn moto_passes_the_suite() {
    let Some((_server, s3)) = moto() else {
        return;
    };
    let bucket = s3.open(options(), runtime()).unwrap();
    let mut used = 0;
    run(|| {
        used += 1;
        Arc::new(bucket.directory(&format!("sets/{used}")).unwrap())
    });
}

#[test]
fn moto_brings_objects_back() {
    let Some((_server, mut s3)) = moto() else {
        return;
    };
    s3.storage_class = Some("GLACIER".to_owned());
    let cold = s3
        .open(options(), runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    store_file(&cold, "small.asb", b"content");
    store_file(&cold, "large.asb", &pattern(PART + 1));
    let error = cold.make_readable(&["small.asb"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archived);
    let thawing = ObjectOptions {
        thaw: Some(Thaw {
            tier: "Standard".to_owned(),
            poll: Duration::from_millis(20),
            deadline: Duration::from_secs(60),
        }),
        ..options()
    };
    let store = s3
        .open(thawing, runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    store.make_readable(&["small.asb", "large.asb"]).unwrap();
    assert_eq!(content(&store, "small.asb"), b"content");
    assert!(content(&store, "large.asb") == pattern(PART + 1));
}

fn azurite() -> Option<(Server, AzureOptions)> {
    let server = Server::start("ABSCTL_TEST_AZURITE", AZURITE, |program, port| {
        let mut command = Command::new(program);
        command.args(["--silent", "--inMemoryPersistence", "--skipApiVersionCheck"]);
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        command.args(["--disableTelemetry"]);
        command
    })?;
    let endpoint = format!("{}/{ACCOUNT}", server.url());
    let key = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY).unwrap());
    make(
        format!("{endpoint}/container?restype=container"),
        |request| {
            AzureAuthorizer::new(&key, ACCOUNT)
                .try_authorize(request)
                .unwrap();
        },
    );
    let options = AzureOptions {
        access: AzureAccess::Key(KEY.into()),
        ..AzureOptions::new(&endpoint, "container")
    };
    Some((server, options))
}

#[test]
fn azurite_passes_the_suite() {
    let Some((_server, azure)) = azurite() else {
        return;
    };
    let bucket = azure.open(options(), runtime()).unwrap();
    let mut used = 0;
    run(|| {
        used += 1;
        Arc::new(bucket.directory(&format!("sets/{used}")).unwrap())
    });
}

#[test]
fn azurite_takes_blocks_and_tiers() {
    let Some((_server, mut azure)) = azurite() else {
        return;
    };
    for tier in [None, Some("Cool"), Some("Archive")] {
        azure.tier = tier.map(str::to_owned);
        let blocks = ObjectOptions {
            uploads_per_file: 3,
            ..options()
        };
        let store = azure
            .open(blocks, runtime())
            .unwrap()
            .directory("set")
            .unwrap();
        let large = pattern(2 * PART + 17);
        store_file(&store, "small.asb", b"content");
        store_file(&store, "large.asb", &large);
        if tier == Some("Archive") {
            let error = store.open("large.asb", 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Archived, "{error}");
            continue;
        }
        assert!(content(&store, "large.asb") == large, "{tier:?}");
    }
    let thawing = ObjectOptions {
        thaw: Some(Thaw {
            tier: "Hot".to_owned(),
            poll: Duration::from_millis(20),
            deadline: Duration::from_secs(60),
        }),
        ..options()
    };
    let store = azure
        .open(thawing, runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    store.make_readable(&["small.asb", "large.asb"]).unwrap();
    assert_eq!(content(&store, "small.asb"), b"content");
}

#[test]
fn azurite_names_what_is_missing() {
    let Some((_server, mut azure)) = azurite() else {
        return;
    };
    azure.container = "missing".to_owned();
    let store = azure
        .open(options(), runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    assert_eq!(
        store.check_writable().unwrap_err().kind(),
        ErrorKind::NoBucket
    );
    azure.access = AzureAccess::Key("bm90IHRoZSBrZXk=".into());
    let store = azure
        .open(options(), runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    let error = store.check_writable().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}
