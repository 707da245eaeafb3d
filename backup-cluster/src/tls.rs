//! The socket of a data connection, clear or TLS.
//!
//! An enum rather than a boxed trait: reads of the clear case compile to what they are without
//! TLS, straight into the connection's buffer.

use crate::{error::Error, view::Node};
use net_tls::names;
use socket2::{SockRef, TcpKeepalive};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// As it is.
    Clear(TcpStream),
    /// Through TLS; boxed, as its buffers are large.
    Tls(Box<TlsStream<TcpStream>>),
}

/// What both ends of a TLS session have agreed on, by the names of rustls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) version: &'static str,
    pub(crate) suite: &'static str,
}

/// Silence after which the kernel asks whether the peer is still there: dead peers are noticed
/// after about 25 s without any time-out on the data.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(5), 3);

const ACTION: &str = "connecting";

impl Socket {
    /// Connects to `node`, with TLS if there is a configuration for it.
    pub(crate) async fn connect(
        node: &Node,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> Result<Self, Error> {
        let transport = |source| Error::Transport {
            node: node.name.clone(),
            action: ACTION,
            source,
        };
        let address = (node.host.name.as_str(), node.host.port);
        let socket = TcpStream::connect(address).await.map_err(transport)?;
        socket.set_nodelay(true).map_err(transport)?;
        let (idle, interval, probes) = KEEPALIVE;
        let keepalive = TcpKeepalive::new()
            .with_time(idle)
            .with_interval(interval)
            .with_retries(probes);
        SockRef::from(&socket)
            .set_tcp_keepalive(&keepalive)
            .map_err(transport)?;
        let Some(config) = tls else {
            return Ok(Self::Clear(socket));
        };
        let name = names::server_name(node.host.certificate_name())
            .map_err(|source| Error::TlsSettings { source })?;
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name, socket);
        let stream = connecting
            .await
            .map_err(|source| entering(node, "TLS handshake", source))?;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// What was agreed on; `None` in the clear.
    pub(crate) fn session(&self) -> Option<Session> {
        let Self::Tls(stream) = self else {
            return None;
        };
        let (_, connection) = stream.get_ref();
        let version = connection.protocol_version()?;
        let suite = connection.negotiated_cipher_suite()?;
        Some(Session {
            version: version.as_str().unwrap_or("unknown"),
            suite: suite.suite().as_str().unwrap_or("unknown"),
        })
    }

    /// Reads once. Cancel safe.
    #[inline]
    pub(crate) async fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(space).await,
            Self::Tls(stream) => stream.read(space).await,
        }
    }

    /// Fills all of `space`.
    pub(crate) async fn read_exact(&mut self, space: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.read_exact(space).await.map(|_| ()),
            Self::Tls(stream) => stream.read_exact(space).await.map(|_| ()),
        }
    }

    /// Sends all of `bytes`. TLS keeps what the socket does not take at once; that has to be
    /// pushed out before an answer is waited for.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(socket) => socket.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}

/// An error before the first request: what TLS itself objects to does not pass by waiting. With
/// TLS 1.3 a server's refusal of our certificate comes after the handshake.
pub(crate) fn entering(node: &Node, action: &'static str, source: io::Error) -> Error {
    let of_tls = source
        .get_ref()
        .is_some_and(|error| error.is::<rustls::Error>());
    if of_tls {
        return Error::Tls {
            node: node.name.clone(),
            tls_name: node.host.certificate_name().to_owned(),
            source,
        };
    }
    Error::Transport {
        node: node.name.clone(),
        action,
        source,
    }
}
