//! The bytes of a connection, plain or through TLS. One thread reads and writes them.

use net_tls::names;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

/// Buffer for requests; larger bodies go straight into their own.
const READ_BUFFER: usize = 16 << 10;

/// An accepted connection.
#[derive(Debug)]
pub(crate) enum Transport {
    Clear(BufReader<TcpStream>),
    Tls(Box<BufReader<StreamOwned<ServerConnection, TcpStream>>>),
}

impl Transport {
    /// A connection on a plain port, or with `tls` on one with TLS.
    ///
    /// # Errors
    /// The client has gone.
    pub(crate) fn new(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let Some(config) = tls else {
            return Ok(Self::Clear(BufReader::with_capacity(READ_BUFFER, stream)));
        };
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        let stream = StreamOwned::new(connection, stream);
        let reader = BufReader::with_capacity(READ_BUFFER, stream);
        Ok(Self::Tls(Box::new(reader)))
    }

    /// Completes the TLS handshake, if there is one; the common name in the client's certificate.
    ///
    /// # Errors
    /// The client does not speak TLS, refuses the certificate, or has none that is trusted.
    pub(crate) fn shake_hands(&mut self) -> io::Result<Option<String>> {
        let Self::Tls(reader) = self else {
            return Ok(None);
        };
        let StreamOwned { conn, sock } = reader.get_mut();
        while conn.is_handshaking() {
            conn.complete_io(sock)?;
        }
        let certificate = conn.peer_certificates().and_then(<[_]>::first);
        let name = certificate.map(names::common_name).transpose();
        name.map(Option::flatten).map_err(io::Error::other)
    }

    pub(crate) fn reader(&mut self) -> &mut dyn BufRead {
        match self {
            Self::Clear(reader) => reader,
            Self::Tls(reader) => reader,
        }
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(reader) => reader.get_mut().write_all(bytes),
            Self::Tls(reader) => {
                reader.get_mut().write_all(bytes)?;
                reader.get_mut().flush()
            }
        }
    }

    /// Says that nothing more will come, where that can be said.
    pub(crate) fn end(&mut self) {
        if let Self::Tls(reader) = self {
            reader.get_mut().conn.send_close_notify();
            // A client that has gone does not need to be told.
            let _told = reader.get_mut().flush();
        }
    }

    pub(crate) fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket().set_read_timeout(limit)
    }

    pub(crate) fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket().set_write_timeout(limit)
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(reader) => reader.get_ref(),
            Self::Tls(reader) => reader.get_ref().get_ref(),
        }
    }
}
