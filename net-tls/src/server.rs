//! The server's side: a certificate to show, and perhaps an authority that clients have to be
//! certified by.

use crate::{
    ciphers::Ciphers,
    client::{Trust, identity, settings},
    error::Error,
    pem::{self, Source},
    protocols::Protocols,
    secret::Secret,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use std::sync::Arc;

/// Settings of a TLS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Certificate to show, the leaf first.
    pub certificate: Source,
    /// Its private key.
    pub key: Source,
    /// Password of the key, if that is encrypted.
    pub key_password: Option<Secret>,
    /// Authorities of clients: with some, every client has to show a certificate of theirs
    /// (mutual TLS); `None` = clients are not asked.
    pub client_ca: Option<Source>,
    /// Versions to speak (default 1.2 and 1.3).
    pub protocols: Protocols,
    /// Suites to accept (default all of ring's).
    pub ciphers: Ciphers,
}

impl ServerSettings {
    /// Settings that ask no certificate of clients.
    #[must_use]
    pub fn new(certificate: Source, key: Source) -> Self {
        Self {
            certificate,
            key,
            key_password: None,
            client_ca: None,
            protocols: Protocols::default(),
            ciphers: Ciphers::default(),
        }
    }

    /// Reads every file and makes the configuration.
    ///
    /// # Errors
    /// As [`crate::client::ClientSettings::build`].
    pub fn build(&self) -> Result<Arc<ServerConfig>, Error> {
        let provider = self.ciphers.provider(self.protocols)?;
        let clients = self.clients(&provider)?;
        let chain = pem::certificates(&self.certificate)?;
        let key = pem::private_key(&self.key, self.key_password.as_ref())?;
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.protocols.versions())
            .map_err(|error| settings(&error))?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map(Arc::new)
            .map_err(|error| identity(&self.certificate, &self.key, &error))
    }

    fn clients(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let Some(origin) = &self.client_ca else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let mut trust = Trust::default();
        if trust.add(origin)? == 0 {
            let (origin, what) = (origin.clone(), "CA certificate");
            return Err(Error::Missing { origin, what });
        }
        let roots: Arc<RootCertStore> = Arc::new(trust.roots);
        WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
            .build()
            .map_err(|error| Error::Settings {
                source: error.to_string().into(),
            })
    }
}
