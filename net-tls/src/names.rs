//! Names in certificates: the one a server has to prove, and the one a client is known by.

use crate::error::Error;
use rustls::pki_types::{CertificateDer, ServerName};
use x509_cert::{
    Certificate,
    der::{Decode, asn1::ObjectIdentifier},
    name::Name,
};

/// The name to verify a server by, from its TLS name: a DNS name or an IP address, the latter
/// also in `[ ]`. The address that is connected to does not matter.
///
/// # Errors
/// Text that is neither.
pub fn server_name(tls_name: &str) -> Result<ServerName<'static>, Error> {
    let bare = tls_name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(tls_name);
    ServerName::try_from(bare.to_owned()).map_err(|_| Error::Name {
        name: tls_name.to_owned(),
    })
}

/// The common name (CN) of the certificate's subject, the user of PKI authentication. `None` if
/// it has none.
///
/// # Errors
/// Bytes that are not a certificate, or a name that is not text.
pub fn common_name(certificate: &CertificateDer<'_>) -> Result<Option<String>, Error> {
    let certificate = parse(certificate)?;
    let name = certificate.tbs_certificate().subject().common_name();
    Ok(name.map_err(x509)?.map(|name| name.value().into_owned()))
}

pub(crate) fn parse(certificate: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(certificate).map_err(x509)
}

fn x509(source: x509_cert::der::Error) -> Error {
    Error::X509 {
        source: source.to_string().into(),
    }
}

/// Short names of the parts of a name, as OpenSSL writes them.
const PARTS: [(&str, &str); 13] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// A name on one line as OpenSSL's `X509_NAME_oneline` writes it: `/C=XX/O=Example/CN=CA`, bytes
/// outside printable ASCII as `\xNN`.
pub(crate) fn one_line(name: &Name) -> String {
    let mut line = String::new();
    for part in name.iter() {
        line.push('/');
        line.push_str(&part_name(&part.oid));
        line.push('=');
        for byte in part.value.value() {
            match byte {
                b' '..=b'~' => line.push(char::from(*byte)),
                byte => line.push_str(&format!("\\x{byte:02X}")),
            }
        }
    }
    line
}

fn part_name(oid: &ObjectIdentifier) -> String {
    let oid = oid.to_string();
    let known = PARTS.iter().find(|(number, _)| *number == oid);
    known.map_or(oid, |(_, name)| (*name).to_owned())
}
