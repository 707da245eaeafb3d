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

mod front;
mod google;
mod rule;
mod state;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, thread};

use hyper_util::rt::TokioIo;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

use self::{
    front::{Dialect, Front},
    state::State,
};
pub use self::{
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

    fn start(dialect: Dialect) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(root.path().join(BUCKET)).expect("a bucket");
        let files = || s3s_fs::FileSystem::new(root.path()).expect("a file system");
        let mut signed = S3ServiceBuilder::new(files());
        signed.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
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
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a loopback port");
        let address = listener.local_addr().expect("its address");
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || serve(&runtime, &listener, &Arc::new(front), stopped));
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

fn serve(
    runtime: &Runtime,
    listener: &TcpListener,
    front: &Arc<Front>,
    mut stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = &mut stopped => return,
            };
            let Ok((socket, _)) = accepted else {
                continue;
            };
            let front = Arc::clone(front);
            let service = hyper::service::service_fn(move |request| {
                let front = Arc::clone(&front);
                async move { front.answer(request).await }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service);
            tokio::spawn(async move {
                // A rule that closes the connection ends it with an error.
                let _ = connection.await;
            });
        }
    });
}
