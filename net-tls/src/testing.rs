//! Certificates for tests: an authority made on the spot, and what it signs. Behind the feature
//! `testing`, so that no release contains it.
//!
//! ```
//! use net_tls::testing::Authority;
//!
//! let authority = Authority::new("Test CA");
//! let server = authority.server(&["node.test", "127.0.0.1"]);
//! let folder = tempfile::tempdir()?;
//! let ca_file = authority.write_to(folder.path())?;
//! let files = server.write_to(folder.path(), "server")?;
//! # assert!(ca_file.exists() && files.key.exists());
//! # Ok::<(), std::io::Error>(())
//! ```

use crate::{client::ClientSettings, pem::Source, server::ServerSettings};
use pkcs8::{LineEnding, PrivateKeyInfoRef, SecretDocument, pkcs5::pbes2::Parameters};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate as PEM.
    pub certificate: String,
    /// The key as PKCS#8 PEM.
    pub key: String,
    /// The serial number, most significant byte first.
    pub serial: Vec<u8>,
}

/// Where [`Identity::write_to`] put its parts.
#[derive(Debug, Clone)]
pub struct IdentityFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// What can go wrong here is a mistake in this file.
const SOUND: &str = "the parameters of test certificates are sound";

static NEXT_SERIAL: AtomicU64 = AtomicU64::new(0x1000);

impl Authority {
    /// An authority whose name is `/O=absctl tests/CN=…`.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    pub fn new(common_name: &str) -> Self {
        let mut parameters = parameters(common_name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect(SOUND);
        let issuer = CertifiedIssuer::self_signed(parameters, key).expect(SOUND);
        Self { issuer }
    }

    /// Its certificate as PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A server with these TLS names or addresses; the first is its common name too.
    ///
    /// # Panics
    /// When one is neither a DNS name nor an address.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Identity {
        self.sign(server_parameters(names))
    }

    /// The same, but its certificate ended in 2021.
    ///
    /// # Panics
    /// As [`Self::server`].
    #[must_use]
    pub fn expired_server(&self, names: &[&str]) -> Identity {
        let mut parameters = server_parameters(names);
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2021, 1, 1);
        self.sign(parameters)
    }

    /// A client whose common name is the user.
    #[must_use]
    pub fn client(&self, user: &str) -> Identity {
        let mut parameters = parameters(user);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(parameters)
    }

    fn sign(&self, mut parameters: CertificateParams) -> Identity {
        let serial = NEXT_SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        parameters.serial_number = Some(SerialNumber::from_slice(&serial));
        let key = KeyPair::generate().expect(SOUND);
        let certificate = parameters.signed_by(&key, &self.issuer).expect(SOUND);
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            serial: serial.to_vec(),
        }
    }

    /// Its revocation list as PEM, valid until 2090.
    ///
    /// # Panics
    /// When the list cannot be signed.
    #[must_use]
    pub fn revocation_list(&self, revoked: &[&Identity]) -> String {
        self.list_until(revoked, 2090)
    }

    /// Its revocation list as PEM that should have been renewed in 2021.
    ///
    /// # Panics
    /// As [`Self::revocation_list`].
    #[must_use]
    pub fn outdated_revocation_list(&self, revoked: &[&Identity]) -> String {
        self.list_until(revoked, 2021)
    }

    fn list_until(&self, revoked: &[&Identity], year: i32) -> String {
        let this_update = date_time_ymd(2020, 1, 1);
        let entry = |identity: &&Identity| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&identity.serial),
            revocation_time: this_update,
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update,
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let signed = list.signed_by(&self.issuer).expect(SOUND);
        signed.pem().expect(SOUND)
    }

    /// Writes the certificate to `ca.pem` in `folder`, and returns its path.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_to(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join("ca.pem");
        fs::write(&path, self.certificate())?;
        Ok(path)
    }

    /// A client that trusts this authority and no other.
    #[must_use]
    pub fn client_settings(&self) -> ClientSettings {
        ClientSettings {
            ca_file: Some(Source::text("the test CA", self.certificate())),
            system_roots: false,
            ..ClientSettings::default()
        }
    }

    /// A server with these names that asks no certificate of its clients.
    ///
    /// # Panics
    /// As [`Self::server`].
    #[must_use]
    pub fn server_settings(&self, names: &[&str]) -> ServerSettings {
        let identity = self.server(names);
        ServerSettings::new(identity.certificate_source(), identity.key_source())
    }
}

impl Identity {
    /// The certificate as a source for settings.
    #[must_use]
    pub fn certificate_source(&self) -> Source {
        Source::text("the test certificate", self.certificate.as_str())
    }

    /// The key as a source for settings.
    #[must_use]
    pub fn key_source(&self) -> Source {
        Source::text("the test key", self.key.as_str())
    }

    /// The key as encrypted PKCS#8 PEM (PBKDF2 with SHA-256, AES-256-CBC).
    ///
    /// # Panics
    /// When the key is not the one that [`Authority`] made.
    #[must_use]
    pub fn encrypted_key(&self, password: &str) -> String {
        let (_, document) = SecretDocument::from_pem(&self.key).expect(SOUND);
        let key = PrivateKeyInfoRef::try_from(document.as_bytes()).expect(SOUND);
        let parameters =
            Parameters::generate_pbkdf2_sha256_aes256cbc(2048, &[7; 16], [9; 16]).expect(SOUND);
        let encrypted = key.encrypt_with_params(parameters, password).expect(SOUND);
        let pem = encrypted.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF);
        pem.expect(SOUND).to_string()
    }

    /// Writes `NAME.pem` and `NAME.key` to `folder`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_to(&self, folder: &Path, name: &str) -> io::Result<IdentityFiles> {
        let files = IdentityFiles {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        fs::write(&files.certificate, &self.certificate)?;
        fs::write(&files.key, &self.key)?;
        Ok(files)
    }
}

fn parameters(common_name: &str) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "absctl tests");
    name.push(DnType::CommonName, common_name);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters
}

fn server_parameters(names: &[&str]) -> CertificateParams {
    let owned: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let common_name = owned.first().cloned().unwrap_or_default();
    let mut parameters = CertificateParams::new(owned).expect(SOUND);
    parameters.distinguished_name = self::parameters(&common_name).distinguished_name;
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters
}
