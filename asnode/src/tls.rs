//! TLS ports (`auth-tls.md` §4).

use net_tls::server::ServerSettings;

/// A port on which a node speaks TLS, beside the plain one. TLS makes the cluster an Enterprise
/// one.
#[derive(Debug, Clone)]
pub struct TlsPort {
    pub(crate) settings: ServerSettings,
    pub(crate) name: String,
    pub(crate) first_port: u16,
}

impl TlsPort {
    /// A port with these settings, announced under the TLS name `name`, which clients verify the
    /// certificate by.
    #[must_use]
    pub fn new(name: &str, settings: ServerSettings) -> Self {
        Self {
            settings,
            name: name.to_owned(),
            first_port: 0,
        }
    }

    /// Port of the first node; the others follow. Default 0: the system chooses all of them.
    #[must_use]
    pub const fn first_port(mut self, port: u16) -> Self {
        self.first_port = port;
        self
    }
}
