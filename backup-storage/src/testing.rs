//! An object store in the process of a test: the S3 server `s3s-fs` on a loopback socket, and in front of it
//! what that server lacks and what real ones do at bad moments.
//!
//! The front adds conditional reads, a list of open uploads, storage classes, an archive, and the dialect of
//! Google ([`ObjectServer::google`]). [`Rule`]s make requests fail: by an answer, a lost connection before or
//! in the middle of something, a changed byte. Signatures are checked by `s3s`, except where the front has
//! to change what was signed.
//!
//! It is for tests: what goes wrong in it panics or closes a connection.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot start its server has failed"
)]

mod answer;
mod chaos;
mod front;
mod google;
mod others;
mod rule;
mod state;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, thread};

use hyper_util::rt::TokioIo;
use s3s::{
    S3Result,
    auth::SimpleAuth,
    host::{S3Host, VirtualHost},
    service::S3ServiceBuilder,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime::Runtime,
    sync::oneshot,
};
use tokio_rustls::TlsAcceptor;

use self::{
    front::{Dialect, Front},
    state::State,
};
pub use self::{
    others::Other,
    rule::{Fault, Rule},
    state::{ArchiveState, Seen},
};
use crate::object::{GcsOptions, Keys, S3Options};

/// The one bucket that there is.
pub const BUCKET: &str = "backups";
const ACCESS_KEY: &str = "test-access-key";
const SECRET_KEY: &str = "test-secret-key";

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub struct ObjectServer {
    address: SocketAddr,
    state: Arc<State>,
    root: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl ObjectServer {
    /// One that speaks S3.
    #[must_use]
    pub fn s3() -> Self {
        Self::start(Dialect::S3)
    }

    /// One that speaks as Google Cloud Storage does.
    #[must_use]
    pub fn google() -> Self {
        Self::start(Dialect::Google)
    }

    /// One that speaks S3 within TLS.
    #[must_use]
    pub fn s3_with_tls(settings: Arc<rustls::ServerConfig>) -> Self {
        Self::listen(Dialect::S3, Some(settings.into()))
    }

    /// One that asks another server, so that things can go wrong on the way and requests are seen.
    #[must_use]
    pub fn before(other: &Other) -> Self {
        Self::start(Dialect::Other(other.address()))
    }

    fn start(dialect: Dialect) -> Self {
        Self::listen(dialect, None)
    }

    fn listen(dialect: Dialect, tls: Option<TlsAcceptor>) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(root.path().join(BUCKET)).expect("a bucket");
        let files = || s3s_fs::FileSystem::new(root.path()).expect("a file system");
        let mut signed = S3ServiceBuilder::new(files());
        signed.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        signed.set_host(Hosts);
        let state = Arc::new(State::default());
        let front = Front::new(
            signed.build(),
            S3ServiceBuilder::new(files()).build(),
            Arc::clone(&state),
            root.path().join(BUCKET),
            dialect,
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("its address");
        let (stop, stopped) = oneshot::channel();
        let server = Server {
            listener,
            front: Arc::new(front),
            tls,
        };
        let thread = thread::spawn(move || server.serve(&runtime, stopped));
        Self {
            address,
            state,
            root,
            stop: Some(stop),
            thread: Some(thread),
        }
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

    /// The access key and its secret.
    #[must_use]
    pub const fn keys() -> (&'static str, &'static str) {
        (ACCESS_KEY, SECRET_KEY)
    }

    /// Its bucket, for S3.
    #[must_use]
    pub fn s3_options(&self) -> S3Options {
        let mut options = S3Options::new(BUCKET);
        options.endpoint = Some(self.url());
        options.region = Some("us-east-1".to_owned());
        options.keys = Some(Keys {
            id: ACCESS_KEY.to_owned(),
            secret: SECRET_KEY.into(),
            session_token: None,
        });
        options
    }

    /// Its bucket, for Google.
    #[must_use]
    pub fn google_options(&self) -> GcsOptions {
        let mut options = GcsOptions::new(BUCKET);
        options.endpoint = Some(self.url());
        options
    }

    /// From now on, requests that fit the rule go wrong.
    pub fn add(&self, rule: Rule) {
        self.state.add(rule);
    }

    /// Nothing goes wrong any more because of a rule.
    pub fn forget_rules(&self) {
        self.state.forget_rules();
    }

    /// From now on, most requests go wrong, by heavy rates and the chance of this seed; with `None` only
    /// those that a rule is for.
    pub fn set_chaos(&self, seed: Option<u64>) {
        self.state.set_chaos(seed);
    }

    /// Requests that have come, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen()
    }

    /// Keys of multipart uploads that were begun and neither completed nor aborted.
    #[must_use]
    pub fn open_uploads(&self) -> Vec<String> {
        self.state
            .open_uploads("")
            .into_iter()
            .map(|(_, key)| key)
            .collect()
    }

    /// Where an object lies on disk.
    #[must_use]
    pub fn path(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }

    /// The storage class that an object was written with.
    #[must_use]
    pub fn storage_class(&self, key: &str) -> Option<String> {
        self.state.storage_class(key)
    }

    /// Puts an object into the archive, or takes it out.
    pub fn set_archive(&self, key: &str, state: ArchiveState) {
        self.state.set_archive(key, state);
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A bucket in front of the host, or in the path.
struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match front::bucket_in_host(host) {
            Some(domain) => VirtualHost::new(domain).with_bucket(BUCKET),
            None => VirtualHost::new(host),
        })
    }
}

struct Server {
    listener: std::net::TcpListener,
    front: Arc<Front>,
    tls: Option<TlsAcceptor>,
}

impl Server {
    fn serve(self, runtime: &Runtime, mut stopped: oneshot::Receiver<()>) {
        runtime.block_on(async {
            let listener = TcpListener::from_std(self.listener).expect("a socket");
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = &mut stopped => return,
                };
                let Ok((socket, _)) = accepted else {
                    continue;
                };
                let (front, tls) = (Arc::clone(&self.front), self.tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(socket, front).await,
                        Some(tls) => {
                            // A client that does not trust us goes away.
                            if let Ok(stream) = tls.accept(socket).await {
                                answer(stream, front).await;
                            }
                        }
                    }
                });
            }
        });
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, front: Arc<Front>) {
    let service = hyper::service::service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { front.answer(request).await }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A rule that closes the connection ends it with an error.
    let _ = connection.await;
}
