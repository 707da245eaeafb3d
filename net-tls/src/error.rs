//! Why TLS settings cannot be used. Every one is the user's to mend, so each names the file or
//! option and says what would help.

use crate::pem::Source;
use std::{error::Error as StdError, io, path::PathBuf};

/// What lies below an error of this crate.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// PEM text whose framing or base64 is damaged.
    #[error("{origin} is damaged PEM; export the {what} again")]
    Pem {
        /// Where it was found.
        origin: Source,
        /// What it should have held.
        what: &'static str,
        /// What the reader says.
        source: Cause,
    },
    /// Nothing of the kind in a file.
    #[error("{origin} holds no {what} in PEM form (a line beginning with `-----BEGIN`)")]
    Missing {
        /// Where it was looked for.
        origin: Source,
        /// What was looked for.
        what: &'static str,
    },
    /// No usable file in a folder of authorities.
    #[error("no file in {path} holds a CA certificate in PEM form", path = path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A certificate that is PEM but not usable.
    #[error("a certificate in {origin} cannot be used")]
    Certificate {
        /// Where it was found.
        origin: Source,
        /// Why.
        source: Cause,
    },
    /// A certificate that a peer sent or a caller gave is not X.509.
    #[error("the certificate is not well-formed X.509")]
    X509 {
        /// Why.
        source: Cause,
    },
    /// No authority at all: no server could be trusted.
    #[error("there is no CA certificate, neither given nor on this system; give a CA file")]
    NoAuthority,
    /// A certificate without its key.
    #[error("{origin} is given as certificate, but no private key; give the key file too")]
    NoKey {
        /// The certificate.
        origin: Source,
    },
    /// A key without its certificate.
    #[error("{origin} is given as private key, but no certificate; give the certificate file too")]
    NoCertificate {
        /// The key.
        origin: Source,
    },
    /// An encrypted key, and no password.
    #[error("the private key in {origin} is encrypted; give its password")]
    PasswordNeeded {
        /// The key.
        origin: Source,
    },
    /// An encrypted key that the password does not open.
    #[error("the private key in {origin} cannot be decrypted; is the password right?")]
    Decrypt {
        /// The key.
        origin: Source,
        /// What the cipher says.
        source: Cause,
    },
    /// A key in the encryption of OpenSSL 0.9, which derives its cipher key with one round of MD5.
    #[error(
        "the private key in {origin} uses the traditional PEM encryption (`Proc-Type: \
         4,ENCRYPTED`), which is too weak; convert it with `openssl pkcs8 -topk8 -v2 aes256 -in \
         OLD -out NEW`"
    )]
    TraditionalKey {
        /// The key.
        origin: Source,
    },
    /// A key that does not fit its certificate, or of a kind that ring does not know.
    #[error(
        "the certificate in {certificate} and the private key in {key} cannot be used together"
    )]
    Identity {
        /// The certificate.
        certificate: Source,
        /// The key.
        key: Source,
        /// Why.
        source: Cause,
    },
    /// A word in a list of protocols that is none.
    #[error("unknown TLS protocol `{word}`; known are `all`, `TLSv1.2` and `TLSv1.3`")]
    UnknownProtocol {
        /// The word.
        word: String,
    },
    /// A protocol that is too old.
    #[error("{word} is not supported, because it is not secure; use TLSv1.2 or TLSv1.3")]
    OldProtocol {
        /// The word.
        word: String,
    },
    /// A list that leaves no protocol.
    #[error("the TLS protocols `{text}` leave none to use")]
    NoProtocol {
        /// The list.
        text: String,
    },
    /// A word in a list of cipher suites that is not the name of one.
    #[error("cipher suite `{word}` is not supported; there are {known}")]
    UnknownCipher {
        /// The word.
        word: String,
        /// The names of all suites.
        known: String,
    },
    /// Suites that none of the chosen protocols uses.
    #[error("none of the cipher suites works with the chosen TLS protocols ({protocols})")]
    NoCipher {
        /// The protocols.
        protocols: String,
    },
    /// Revocation is to be checked, and there is no list.
    #[error(
        "revocation is to be checked, but there is no certificate revocation list (CRL) in {places}"
    )]
    NoRevocationList {
        /// Where lists were looked for.
        places: String,
    },
    /// A revocation list that cannot be used.
    #[error("a certificate revocation list cannot be used")]
    RevocationList {
        /// Why.
        source: Cause,
    },
    /// A line of a blacklist that is not `SERIAL [ISSUER]`.
    #[error(
        "line {line} of {origin} is not a serial number in hex, optionally followed by an issuer such as /O=Example/CN=CA"
    )]
    Blacklist {
        /// The blacklist.
        origin: Source,
        /// Its line, counted from 1.
        line: usize,
    },
    /// A TLS name that no certificate could carry.
    #[error("`{name}` is neither a DNS name nor an IP address, so no server can prove to be it")]
    Name {
        /// The name.
        name: String,
    },
    /// rustls refuses a combination of settings.
    #[error("the TLS settings do not fit together")]
    Settings {
        /// Why.
        source: Cause,
    },
}
