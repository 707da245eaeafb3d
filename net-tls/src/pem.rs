//! Certificates, keys and revocation lists out of PEM text.
//!
//! A file may hold several sections and text between them, as `openssl` writes it; sections of
//! other kinds are passed over.

use crate::{error::Error, secret::Secret};
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
    pem::{self, PemObject},
};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Where PEM text comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The text itself, perhaps out of a secret store.
    Text {
        /// What to call it in an error, such as an option's name.
        name: String,
        /// The text.
        text: Secret,
    },
}

impl Source {
    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// Text, which errors call `name`.
    pub fn text(name: impl Into<String>, text: impl Into<Secret>) -> Self {
        Self::Text {
            name: name.into(),
            text: text.into(),
        }
    }

    /// The bytes. They are overwritten when dropped, as they may be a key.
    pub(crate) fn read(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self {
            Self::File(path) => read(path),
            Self::Text { text, .. } => Ok(Zeroizing::new(text.expose().as_bytes().to_vec())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Text { name, .. } => write!(f, "the text of {name}"),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    fs::read(path).map(Zeroizing::new).map_err(|source| {
        let path = path.to_owned();
        Error::Read { path, source }
    })
}

/// The certificates of `origin`, in their order: a chain begins with the leaf.
///
/// # Errors
/// The file cannot be read, is damaged, or holds none.
pub fn certificates(origin: &Source) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bytes = origin.read()?;
    let found: Vec<_> = sections(&bytes, origin, "certificate")?;
    present(found, origin, "certificate")
}

/// What a file of a folder of authorities holds.
#[derive(Debug, Default)]
pub(crate) struct Authorities {
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) lists: Vec<CertificateRevocationListDer<'static>>,
}

impl Authorities {
    /// Certificates and revocation lists of `origin`, perhaps none.
    pub(crate) fn read(origin: &Source) -> Result<Self, Error> {
        let bytes = origin.read()?;
        Ok(Self {
            certificates: sections(&bytes, origin, "CA certificate")?,
            lists: sections(&bytes, origin, "revocation list")?,
        })
    }
}

/// The files of a folder, by name; what is in folders below is left out.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<Source>, Error> {
    let failed = |source| {
        let path = folder.to_owned();
        Error::Read { path, source }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.into_iter().map(Source::File).collect())
}

/// The first private key of `origin`: PKCS#8, PKCS#1 or SEC1, or encrypted PKCS#8 (PBES2), which
/// `password` opens. A password for a key that is not encrypted is not used.
///
/// # Errors
/// The file cannot be read, is damaged or holds no key; the key is encrypted and the password
/// missing or wrong; the key has the traditional encryption.
pub fn private_key(
    origin: &Source,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, Error> {
    let bytes = origin.read()?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        let origin = origin.clone();
        return Err(Error::TraditionalKey { origin });
    }
    if let Some(section) = encrypted_section(&text) {
        return decrypt(section, origin, password);
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|source| {
        let what = "private key";
        match source {
            pem::Error::NoItemsFound => Error::Missing {
                origin: origin.clone(),
                what,
            },
            source => damaged(origin, what, source),
        }
    })
}

/// The section of an encrypted key, if there is one and no plain key before it.
fn encrypted_section(text: &str) -> Option<&str> {
    const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let (before, _) = text.split_once(BEGIN)?;
    if before.contains("PRIVATE KEY-----") {
        return None;
    }
    let rest = text.get(before.len()..)?;
    let end = rest.find(END).map(|at| at.saturating_add(END.len()));
    end.and_then(|end| rest.get(..end)).or(Some(rest))
}

fn decrypt(
    section: &str,
    origin: &Source,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, Error> {
    let (_, document) = SecretDocument::from_pem(section)
        .map_err(|source| damaged(origin, "private key", source))?;
    let wrong = |source: pkcs8::Error| Error::Decrypt {
        origin: origin.clone(),
        source: source.to_string().into(),
    };
    let key = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .map_err(|source| damaged(origin, "private key", source))?;
    let password = password.ok_or_else(|| {
        let origin = origin.clone();
        Error::PasswordNeeded { origin }
    })?;
    let opened = key.decrypt(password.expose()).map_err(wrong)?;
    Ok(PrivatePkcs8KeyDer::from(opened.as_bytes().to_vec()).into())
}

/// All sections of one kind.
fn sections<T: PemObject>(
    bytes: &[u8],
    origin: &Source,
    what: &'static str,
) -> Result<Vec<T>, Error> {
    T::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|source| damaged(origin, what, source))
}

fn present<T>(found: Vec<T>, origin: &Source, what: &'static str) -> Result<Vec<T>, Error> {
    if found.is_empty() {
        let origin = origin.clone();
        return Err(Error::Missing { origin, what });
    }
    Ok(found)
}

/// Only the kind of damage is kept: the readers quote lines of the file, which may be a key.
fn damaged(origin: &Source, what: &'static str, source: impl Damage) -> Error {
    Error::Pem {
        origin: origin.clone(),
        what,
        source: source.describe().into(),
    }
}

/// A reader's error without the bytes it met.
trait Damage {
    fn describe(&self) -> String;
}

impl Damage for pem::Error {
    fn describe(&self) -> String {
        match self {
            Self::MissingSectionEnd { .. } => "a section has no END line",
            Self::IllegalSectionStart { .. } => "a BEGIN line is malformed",
            Self::Base64Decode(_) => "a section is not base64",
            Self::SectionTooLarge => "a section is too large",
            _ => "a section cannot be read",
        }
        .to_owned()
    }
}

impl Damage for pkcs8::der::Error {
    fn describe(&self) -> String {
        self.kind().to_string()
    }
}

impl Damage for pkcs8::Error {
    fn describe(&self) -> String {
        "the key's structure is malformed, or its cipher is not known".to_owned()
    }
}
