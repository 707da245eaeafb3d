//! Where an agent is and how to talk to it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use net_tls::client::ClientSettings;

/// How to reach an agent and how to read its values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub address: Address,
    /// TLS, over TCP only; `None` (the default) sends the value in clear.
    pub tls: Option<Tls>,
    /// Time for one secret, from connecting to the end of the answer (default 10 s). Zero is no
    /// time at all.
    pub timeout: Duration,
    /// How values are written (default as they are).
    pub encoding: Encoding,
}

impl Settings {
    /// The defaults of the Go tool for this address.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self {
            address,
            tls: None,
            timeout: Duration::from_secs(10),
            encoding: Encoding::Text,
        }
    }
}

/// Where an agent listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Host name or IP address, and port.
    Tcp {
        /// Name or address, an IPv6 address also in `[ ]`.
        host: String,
        /// Port; the agent's own default is 3005.
        port: u16,
    },
    /// Path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// A host and a port.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        Self::Tcp { host, port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// TLS to an agent.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Whom to trust, and the client's certificate for mutual TLS.
    pub settings: ClientSettings,
    /// The name that the agent's certificate must prove; `None` is the host of the address.
    pub name: Option<String>,
}

/// How an agent writes its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As they are.
    #[default]
    Text,
    /// In base64, with line breaks and white space at the ends left out: what the C tools always
    /// expect, at most 100 KiB there.
    Base64,
}
