//! One request over one connection.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use net_tls::names;
use net_tls::secret::Secret;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use zeroize::Zeroizing;

use crate::deadline::{Deadline, Socket, Timed};
use crate::error::{Error, ErrorKind, Failure, SetupError};
use crate::reference::Reference;
use crate::request;
use crate::settings::{Address, Encoding, Settings, Tls};

/// An agent that can be asked. Making one reads the TLS files, but connects to nothing.
#[derive(Debug, Clone)]
pub struct Agent {
    address: Address,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Duration,
    encoding: Encoding,
}

impl Agent {
    /// An agent with these settings.
    ///
    /// # Errors
    ///
    /// Settings that contradict each other, or TLS files that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        if settings.timeout.is_zero() {
            return Err(SetupError::NoTime);
        }
        let tls = settings.tls.as_ref();
        let tls = tls.map(|tls| prepare(tls, &settings.address)).transpose()?;
        Ok(Self {
            address: settings.address,
            tls,
            timeout: settings.timeout,
            encoding: settings.encoding,
        })
    }

    /// Asks for a secret, and blocks until it is there or the time is over.
    ///
    /// # Errors
    ///
    /// The agent cannot be reached, refuses, or gives an answer that is none. The error names the
    /// secret and the agent, never the value.
    pub fn fetch(&self, reference: &Reference) -> Result<Secret, Error> {
        self.ask(reference)
            .map_err(|failure| Error::new(reference, &self.address, failure))
    }

    fn ask(&self, reference: &Reference) -> Result<Secret, Failure> {
        let request = request::encode(reference)?;
        let deadline = Deadline::after(self.timeout);
        let socket = self.connect(deadline)?;
        let mut stream = Timed { socket, deadline };
        match &self.tls {
            None => self.exchange(&mut stream, &request),
            Some((config, name)) => {
                let connection = ClientConnection::new(Arc::clone(config), name.clone());
                let connection = connection.map_err(|error| Failure {
                    kind: ErrorKind::Tls,
                    source: Some(io::Error::other(error)),
                })?;
                self.exchange(&mut StreamOwned::new(connection, stream), &request)
            }
        }
    }

    /// Sends the request, reads the answer, and takes the value out of it.
    fn exchange(
        &self,
        stream: &mut (impl Read + Write),
        request: &[u8],
    ) -> Result<Secret, Failure> {
        let sent = stream.write_all(request).and_then(|()| stream.flush());
        sent.map_err(|error| self.io(ErrorKind::Transport, error))?;
        let (mut magic, mut len) = ([0; 4], [0; 4]);
        self.receive(stream, &mut magic)?;
        request::check_magic(magic)?;
        self.receive(stream, &mut len)?;
        let mut json = Zeroizing::new(vec![0; request::answer_len(len)?]);
        self.receive(stream, &mut json)?;
        request::decode(&json, self.encoding)
    }

    fn receive(&self, stream: &mut impl Read, buffer: &mut [u8]) -> Result<(), Failure> {
        stream.read_exact(buffer).map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
                _ => ErrorKind::Transport,
            };
            self.io(kind, error)
        })
    }

    fn connect(&self, deadline: Deadline) -> Result<Socket, Failure> {
        match &self.address {
            Address::Tcp { host, port } => self.connect_tcp(host, *port, deadline),
            Address::Unix(path) => {
                connect_unix(path, deadline).map_err(|error| self.io(ErrorKind::Connect, error))
            }
        }
    }

    /// Tries the addresses of the host one after the other.
    fn connect_tcp(&self, host: &str, port: u16, deadline: Deadline) -> Result<Socket, Failure> {
        let addresses = (bare(host), port).to_socket_addrs();
        let addresses = addresses.map_err(|error| self.io(ErrorKind::Resolve, error))?;
        let mut failure = Failure::from(ErrorKind::Resolve);
        for address in addresses {
            let connected = deadline.left().and_then(|left| match left {
                Some(left) => TcpStream::connect_timeout(&address, left),
                None => TcpStream::connect(address),
            });
            match connected {
                Ok(socket) => return Ok(Socket::Tcp(socket)),
                Err(error) => failure = self.io(ErrorKind::Connect, error),
            }
        }
        Err(failure)
    }

    fn io(&self, kind: ErrorKind, error: io::Error) -> Failure {
        Failure::io(kind, error, self.timeout)
    }
}

/// The TLS configuration and the name to verify.
fn prepare(
    tls: &Tls,
    address: &Address,
) -> Result<(Arc<ClientConfig>, ServerName<'static>), SetupError> {
    let Address::Tcp { host, .. } = address else {
        return Err(SetupError::TlsOverUnix);
    };
    let name = names::server_name(tls.name.as_deref().unwrap_or(host));
    let name = name.map_err(|source| SetupError::Tls { source })?;
    let config = tls.settings.build();
    let config = config.map_err(|source| SetupError::Tls { source })?;
    Ok((config, name))
}

/// The host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Connects without waiting for an agent whose queue is full: the system refuses then.
#[cfg(unix)]
fn connect_unix(path: &Path, deadline: Deadline) -> io::Result<Socket> {
    use socket2::{Domain, SockAddr, Type};

    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(path)?;
    match deadline.left()? {
        Some(left) => socket.connect_timeout(&address, left)?,
        None => socket.connect(&address)?,
    }
    let descriptor = std::os::fd::OwnedFd::from(socket);
    Ok(Socket::Unix(descriptor.into()))
}

#[cfg(not(unix))]
fn connect_unix(_: &Path, _: Deadline) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}
