//! The client's side: whom to trust, who to be, what to speak.

use crate::{
    ciphers::Ciphers,
    error::{Cause, Error},
    pem::{self, Authorities, Source},
    protocols::Protocols,
    revocation::{Blacklist, BlacklistVerifier, RevocationCheck},
    secret::Secret,
};
use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore,
    client::{WantsClientCert, WebPkiServerVerifier},
    crypto::CryptoProvider,
    pki_types::CertificateRevocationListDer,
};
use std::{path::PathBuf, sync::Arc};

/// Settings of a TLS client. Without any, servers are checked against the authorities of the
/// system, and the client has no certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// Authorities to trust; may hold revocation lists too.
    pub ca_file: Option<Source>,
    /// A folder of such files; what is no PEM in it is passed over.
    pub ca_path: Option<PathBuf>,
    /// Trust the authorities of the system as well (default true).
    pub system_roots: bool,
    /// Certificate to show, the leaf first; needs [`Self::key`].
    pub certificate: Option<Source>,
    /// Its private key.
    pub key: Option<Source>,
    /// Password of the key, if that is encrypted.
    pub key_password: Option<Secret>,
    /// Versions to speak (default 1.2 and 1.3).
    pub protocols: Protocols,
    /// Suites to offer (default all of ring's).
    pub ciphers: Ciphers,
    /// Whether revocation lists are asked (default no).
    pub revocation: RevocationCheck,
    /// Files of revocation lists, beside those that the authorities' files hold.
    pub revocation_lists: Vec<Source>,
    /// File of certificates to refuse ([`Blacklist`]).
    pub blacklist: Option<Source>,
    /// Whoever opens a session is to log what was agreed on (default no).
    pub log_sessions: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            ca_file: None,
            ca_path: None,
            system_roots: true,
            certificate: None,
            key: None,
            key_password: None,
            protocols: Protocols::default(),
            ciphers: Ciphers::default(),
            revocation: RevocationCheck::default(),
            revocation_lists: Vec::new(),
            blacklist: None,
            log_sessions: false,
        }
    }
}

impl ClientSettings {
    /// Whether a certificate is given, which mutual TLS and PKI authentication need.
    #[must_use]
    pub const fn has_identity(&self) -> bool {
        self.certificate.is_some() && self.key.is_some()
    }

    /// Reads every file and makes the configuration. Reads and computes without waiting for
    /// others, but blocks while it does; an encrypted key may take a second.
    ///
    /// # Errors
    /// What [`Error`] lists: files, key and password, lists of words, settings that contradict
    /// each other.
    pub fn build(&self) -> Result<Arc<ClientConfig>, Error> {
        let provider = self.ciphers.provider(self.protocols)?;
        let authorities = self.authorities()?;
        let verifier = self.verifier(&provider, authorities)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.protocols.versions())
            .map_err(|error| settings(&error))?;
        let builder = match &self.blacklist {
            None => builder.with_webpki_verifier(verifier),
            Some(origin) => {
                let blacklist = Blacklist::read(origin)?;
                let inner = verifier;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(BlacklistVerifier {
                        blacklist,
                        inner,
                    }))
            }
        };
        self.with_identity(builder).map(Arc::new)
    }

    /// The given authorities and lists.
    fn authorities(&self) -> Result<Trust, Error> {
        let mut trust = Trust::default();
        if let Some(origin) = &self.ca_file
            && trust.add(origin)? == 0
        {
            let (origin, what) = (origin.clone(), "CA certificate");
            return Err(Error::Missing { origin, what });
        }
        if let Some(path) = &self.ca_path {
            let mut found = 0usize;
            for origin in pem::files_of(path)? {
                found = found.saturating_add(trust.add(&origin)?);
            }
            if found == 0 {
                let path = path.clone();
                return Err(Error::EmptyFolder { path });
            }
        }
        if self.system_roots {
            // What the system holds but cannot read is not the user's to mend here; a server
            // that needs it is refused with a reason.
            let system = rustls_native_certs::load_native_certs();
            trust.roots.add_parsable_certificates(system.certs);
        }
        if trust.roots.is_empty() {
            return Err(Error::NoAuthority);
        }
        Ok(trust)
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
        trust: Trust,
    ) -> Result<Arc<WebPkiServerVerifier>, Error> {
        let roots = Arc::new(trust.roots);
        let mut builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
        if self.revocation != RevocationCheck::Off {
            let lists = self.all_lists(trust.lists)?;
            builder = builder.with_crls(lists).enforce_revocation_expiration();
        }
        if self.revocation == RevocationCheck::Leaf {
            builder = builder.only_check_end_entity_revocation();
        }
        builder.build().map_err(|error| Error::RevocationList {
            source: error.to_string().into(),
        })
    }

    /// `lists` and those of the files of lists. There has to be one: without any, rustls would
    /// not check at all.
    fn all_lists(
        &self,
        mut lists: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
        for origin in &self.revocation_lists {
            let found = Authorities::read(origin)?.lists;
            if found.is_empty() {
                let (origin, what) = (origin.clone(), "certificate revocation list");
                return Err(Error::Missing { origin, what });
            }
            lists.extend(found);
        }
        if lists.is_empty() {
            let places = self.places();
            return Err(Error::NoRevocationList { places });
        }
        Ok(lists)
    }

    /// Where revocation lists were looked for, as the end of a sentence.
    fn places(&self) -> String {
        let file = self.ca_file.as_ref().map(ToString::to_string);
        let path = self.ca_path.as_ref().map(|path| path.display().to_string());
        let places: Vec<_> = file.into_iter().chain(path).collect();
        if places.is_empty() {
            return "any CA file or CA path, as neither is given".to_owned();
        }
        places.join(" or ")
    }

    fn with_identity(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, Error> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(origin), None) => Err(Error::NoKey {
                origin: origin.clone(),
            }),
            (None, Some(origin)) => Err(Error::NoCertificate {
                origin: origin.clone(),
            }),
            (Some(certificate), Some(key)) => {
                let chain = pem::certificates(certificate)?;
                let private = pem::private_key(key, self.key_password.as_ref())?;
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| identity(certificate, key, &error))
            }
        }
    }
}

/// Authorities that are trusted, and the revocation lists that came with them.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) roots: RootCertStore,
    lists: Vec<CertificateRevocationListDer<'static>>,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            roots: RootCertStore::empty(),
            lists: Vec::new(),
        }
    }
}

impl Trust {
    /// Adds what `origin` holds, and returns the number of certificates.
    pub(crate) fn add(&mut self, origin: &Source) -> Result<usize, Error> {
        let Authorities {
            certificates,
            lists,
        } = Authorities::read(origin)?;
        let count = certificates.len();
        for certificate in certificates {
            self.roots
                .add(certificate)
                .map_err(|error| Error::Certificate {
                    origin: origin.clone(),
                    source: cause(&error),
                })?;
        }
        self.lists.extend(lists);
        Ok(count)
    }
}

pub(crate) fn settings(error: &rustls::Error) -> Error {
    let source = cause(error);
    Error::Settings { source }
}

pub(crate) fn identity(certificate: &Source, key: &Source, error: &rustls::Error) -> Error {
    Error::Identity {
        certificate: certificate.clone(),
        key: key.clone(),
        source: cause(error),
    }
}

fn cause(error: &rustls::Error) -> Cause {
    error.to_string().into()
}
