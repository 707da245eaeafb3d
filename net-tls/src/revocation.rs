//! Certificates that are no longer good: revocation lists, and the blacklist of the C tools.

use crate::{error::Error, names, pem::Source};
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::Arc;

/// Which certificates of a server's chain must be on no revocation list. A certificate whose
/// authority has given no list, or only outdated ones, is refused then, as OpenSSL does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RevocationCheck {
    /// None (default).
    #[default]
    Off,
    /// The server's own.
    Leaf,
    /// The server's own and those of the authorities between it and the root.
    Chain,
}

/// Certificates to refuse whatever else speaks for them: one per line, the serial number in hex,
/// optionally a blank and the issuer as `/C=…/O=…/CN=…`. Empty lines are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blacklist(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Without leading zeros.
    serial: Vec<u8>,
    issuer: Option<String>,
}

impl Blacklist {
    /// Reads a blacklist.
    ///
    /// # Errors
    /// The file cannot be read, or a line is malformed.
    pub fn read(origin: &Source) -> Result<Self, Error> {
        let bytes = origin.read()?;
        let text = String::from_utf8_lossy(&bytes);
        let mut entries = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if !text.is_empty() {
                let entry = Entry::parse(text).ok_or_else(|| Error::Blacklist {
                    origin: origin.clone(),
                    line,
                })?;
                entries.push(entry);
            }
        }
        Ok(Self(entries))
    }

    fn holds(&self, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
        let certificate = names::parse(certificate)?;
        let content = certificate.tbs_certificate();
        let serial = trimmed(content.serial_number().as_bytes());
        let issuer = names::one_line(content.issuer());
        let matches = |entry: &Entry| {
            entry.serial == serial && entry.issuer.as_ref().is_none_or(|known| *known == issuer)
        };
        Ok(self.0.iter().any(matches))
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let (serial, issuer) = match line.split_once(char::is_whitespace) {
            Some((serial, issuer)) => (serial, Some(issuer.trim())),
            None => (line, None),
        };
        if issuer.is_some_and(|issuer| !issuer.starts_with('/')) {
            return None;
        }
        Some(Self {
            serial: hex(serial)?,
            issuer: issuer.map(str::to_owned),
        })
    }
}

/// The bytes of a hexadecimal number, in either case, without leading zeros.
fn hex(digits: &str) -> Option<Vec<u8>> {
    let mut values = Vec::with_capacity(digits.len());
    for digit in digits.chars() {
        values.push(u8::try_from(digit.to_digit(16)?).ok()?);
    }
    if values.is_empty() {
        return None;
    }
    if !values.len().is_multiple_of(2) {
        values.insert(0, 0);
    }
    let pairs = values.chunks_exact(2);
    let bytes: Vec<u8> = pairs
        .map(|pair| pair.iter().fold(0, |all, v| (all << 4) | v))
        .collect();
    Some(trimmed(&bytes).to_vec())
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Refuses what is on the blacklist, and asks rustls about the rest.
#[derive(Debug)]
pub(crate) struct BlacklistVerifier {
    pub(crate) blacklist: Blacklist,
    pub(crate) inner: Arc<WebPkiServerVerifier>,
}

#[deny(clippy::missing_trait_methods)]
impl ServerCertVerifier for BlacklistVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        for certificate in std::iter::once(end_entity).chain(intermediates) {
            match self.blacklist.holds(certificate) {
                Ok(false) => {}
                Ok(true) => return Err(CertificateError::Revoked.into()),
                Err(_) => return Err(CertificateError::BadEncoding.into()),
            }
        }
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.inner.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[rustls::DistinguishedName]> {
        self.inner.root_hint_subjects()
    }
}
