//! Servers that others wrote, where they are installed: moto (S3 with classes and an archive) and Azurite.
//!
//! `ABSCTL_TEST_MOTO` is a Python that has moto, `ABSCTL_TEST_AZURITE` the program `azurite-blob` of a Node.js
//! package; `.ci/run` installs both.

use std::{
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use object_store::{
    aws::{AwsAuthorizer, AwsCredential},
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    client::HttpRequestBody,
};

use super::{ACCESS_KEY, BUCKET, SECRET_KEY, front};
use crate::object::{AzureAccess, AzureOptions, Keys, S3Options};

/// The account that Azurite has by itself.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Time for such a server to begin to listen.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server in a process of its own, with an empty bucket [`BUCKET`]. It ends when it is dropped.
#[derive(Debug)]
pub struct Other {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Other {
    /// S3 by moto; `None` where it is not installed.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn moto() -> Option<Self> {
        let server = Self::start(
            "ABSCTL_TEST_MOTO",
            "moto-5.2.5/bin/python",
            |python, port| {
                let mut command = Command::new(python);
                command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p"]);
                command.arg(port.to_string());
                command
            },
        )?;
        let credential = AwsCredential {
            key_id: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            token: None,
        };
        server.make(format!("{}/{BUCKET}", server.url()), |request| {
            AwsAuthorizer::new(&credential, "s3", "us-east-1").try_authorize(request, None)
        });
        Some(server)
    }

    /// Azure by Azurite; `None` where it is not installed.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn azurite() -> Option<Self> {
        let usual = "azurite-3.35.0/node_modules/.bin/azurite-blob";
        let server = Self::start("ABSCTL_TEST_AZURITE", usual, |program, port| {
            let mut command = Command::new(program);
            command.args(["--silent", "--inMemoryPersistence", "--skipApiVersionCheck"]);
            command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
            // It does not know checksums, and refuses what it does not know unless it is told not to.
            command.args(["--disableTelemetry", "--loose"]);
            command
        })?;
        let key = AzureAccessKey::try_new(ACCOUNT_KEY).expect("a key");
        let key = AzureCredential::AccessKey(key);
        let url = format!("{}/{ACCOUNT}/{BUCKET}?restype=container", server.url());
        server.make(url, |request| {
            AzureAuthorizer::new(&key, ACCOUNT).try_authorize(request)
        });
        Some(server)
    }

    /// Starts `command` on a free port, unless its program is not there.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    fn start(
        variable: &str,
        usual: &str,
        command: impl Fn(&OsStr, u16) -> Command,
    ) -> Option<Self> {
        let usual = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../target/ci")
            .join(usual);
        let usual = usual.exists().then(|| usual.into_os_string());
        let Some(program) = std::env::var_os(variable).or(usual) else {
            println!("skipped: {variable} is not set, and .ci/run has not installed the server");
            return None;
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = free.local_addr().expect("its address");
        drop(free);
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = command(&program, address.port());
        command
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Self {
            child: command
                .spawn()
                .expect("the program that the variable names"),
            address,
            _folder: folder,
        };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(
                Instant::now() < deadline,
                "{variable}: the server does not listen"
            );
            thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// Makes the bucket: no store does that.
    fn make(
        &self,
        url: String,
        authorize: impl FnOnce(&mut Request<HttpRequestBody>) -> object_store::Result<()>,
    ) {
        let request = Request::put(url).header("content-length", 0);
        let mut request = request.body(HttpRequestBody::empty()).expect("a request");
        authorize(&mut request).expect("signed");
        let (parts, _) = request.into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let answer = runtime.block_on(front::pass_on(self.address, parts, Bytes::new()));
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The account of Azurite and its key.
    #[must_use]
    pub const fn account() -> (&'static str, &'static str) {
        (ACCOUNT, ACCOUNT_KEY)
    }

    /// Its bucket, for S3.
    #[must_use]
    pub fn s3_options(&self) -> S3Options {
        S3Options {
            endpoint: Some(self.url()),
            region: Some("us-east-1".to_owned()),
            keys: Some(Keys {
                id: ACCESS_KEY.to_owned(),
                secret: SECRET_KEY.into(),
                session_token: None,
            }),
            ..S3Options::new(BUCKET)
        }
    }

    /// Its container, for Azure.
    #[must_use]
    pub fn azure_options(&self) -> AzureOptions {
        AzureOptions {
            access: AzureAccess::Key(ACCOUNT_KEY.into()),
            ..AzureOptions::new(&format!("{}/{ACCOUNT}", self.url()), BUCKET)
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
