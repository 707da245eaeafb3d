//! The server that a cluster ships to (`xdr-protocol.md` §4).
//!
//! A connection is read in large pieces; the messages in a piece go to the [`Sink`] together, and
//! are acknowledged when it has taken them. A sink that waits makes the connection wait, then the
//! node: that is all the flow control there is.

use crate::{connection, error::Error};
use aerospike_wire::digest::Digest;
use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tokio_util::sync::CancellationToken;

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where to listen; port 0 lets the system choose.
    pub bind: SocketAddr,
    /// The namespace that is received; messages about others are refused.
    pub namespace: String,
    /// Connections at a time; further ones are closed at once (default 4096).
    pub max_connections: usize,
    /// Time that a message may take to arrive, counted from the end of the one before it: an idle
    /// connection is closed after it, too (default 1 s).
    pub read_timeout: Duration,
    /// Time that acknowledgements may take to be sent (default 1 s).
    pub write_timeout: Duration,
    /// Acknowledgements of a connection that may wait to be sent, and so the messages that are
    /// taken together; 0 counts as 1 (default 256).
    pub ack_queue: usize,
    /// Our certificate; `None` (default) = in the clear.
    pub tls: Option<Arc<ServerConfig>>,
}

impl ServerOptions {
    /// The default settings.
    #[must_use]
    pub fn new(bind: SocketAddr, namespace: &str) -> Self {
        Self {
            bind,
            namespace: namespace.to_owned(),
            max_connections: 4096,
            read_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(1),
            ack_queue: 256,
            tls: None,
        }
    }
}

/// A message that has arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// The record that it is about.
    pub digest: Digest,
    /// The message as it came, frame header included.
    pub frame: &'a [u8],
}

/// Takes what arrives. Shared by all connections.
pub trait Sink: Send + Sync + 'static {
    /// Takes messages, all or none, in this order. Those of one record have to stay in the order in
    /// which they come. Waits while there is no room; what is taken is acknowledged.
    ///
    /// # Errors
    /// It cannot take any more: the connection is closed without an acknowledgement.
    fn take(&self, messages: &[Arrived<'_>]) -> impl Future<Output = Result<(), SinkGone>> + Send;
}

/// The sink cannot take any more; whoever owns it knows why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkGone;

/// What a server has done so far.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) received: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) monitors: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) connections: AtomicU64,
}

impl Counters {
    /// Messages that were taken and acknowledged.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Their bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Records of transactions' bookkeeping, acknowledged and not kept.
    #[must_use]
    pub fn monitors(&self) -> u64 {
        self.monitors.load(Ordering::Relaxed)
    }

    /// Messages that were not understood; each has ended its connection.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Connections closed at once because there were too many.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// A server that listens and does not yet accept.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: ServerOptions,
    counters: Arc<Counters>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Pause after the system could not give us a connection: too many open files, as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Server {
    /// Opens the port.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn bind(options: ServerOptions) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Listen {
            address: options.bind,
            source,
        };
        let listener = TcpListener::bind(options.bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            options,
            counters: Arc::default(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has done so far.
    #[must_use]
    pub const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Serves until `stop`, then closes the port and all connections and waits for their tasks: the
    /// sink gets nothing any more when this returns.
    pub async fn run<S: Sink>(self, sink: Arc<S>, stop: CancellationToken) {
        let stop = stop.child_token();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_ended) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.welcome(stream, peer, &sink, &stop, &mut connections),
                    Err(error) => {
                        tracing::warn!(%error, "a connection of XDR could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }

    fn welcome<S: Sink>(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        sink: &Arc<S>,
        stop: &CancellationToken,
        connections: &mut JoinSet<()>,
    ) {
        if connections.len() >= self.options.max_connections.max(1) {
            let limit = self.options.max_connections;
            self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%peer, limit, "too many connections of XDR: closed");
            return; // and with this the connection is closed
        }
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        let context = connection::Context {
            sink: Arc::clone(sink),
            options: self.options.clone(),
            counters: Arc::clone(&self.counters),
        };
        let tls = self.options.tls.clone().map(TlsAcceptor::from);
        let stop = stop.clone();
        connections.spawn(async move {
            let served = async {
                match tls {
                    None => connection::serve(&context, stream).await,
                    Some(tls) => connection::serve_tls(&context, &tls, stream).await,
                }
            };
            let ended = tokio::select! {
                ended = served => ended,
                () = stop.cancelled() => return,
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection of XDR has ended");
            }
        });
    }
}
