//! Checksum and authentication code: the last lines of the file.
//!
//! ```text
//!   "mac": "<64 digits>",          only with an encryption key
//!   "checksum": "<64 digits>"
//! }
//! ```
//!
//! Both are over the bytes of the file, not over what they mean, so nobody has to agree on a
//! canonical form of JSON: the checksum is BLAKE3 with the digits of `checksum` left out, the
//! code is HMAC-SHA-256 with the digits of both left out. These lines stay as they are in every
//! version.

use super::{Hash, ManifestError};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;

const MAC: &[u8] = b",\n  \"mac\": \"";
const MAC_END: &[u8] = b"\"";
const CHECKSUM: &[u8] = b",\n  \"checksum\": \"";
const CHECKSUM_END: &[u8] = b"\"\n}\n";

/// Label of the key of the authentication code.
const MAC_LABEL: &[u8] = b"absctl manifest mac 1";

/// Label of the key check value.
const CHECK_LABEL: &[u8] = b"absctl key check 1";

/// Digits of a hash.
const DIGITS: usize = 64;

/// What is derived from the encryption key of a set, by HKDF-SHA-256 without salt. The key
/// itself is not kept.
#[derive(Clone)]
pub struct SetKey {
    mac: [u8; 32],
    check: [u8; 8],
}

impl fmt::Debug for SetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetKey").finish_non_exhaustive()
    }
}

impl SetKey {
    /// From the key that the files are encrypted with.
    #[must_use]
    pub fn derive(encryption_key: &[u8]) -> Self {
        let derivation = Hkdf::<Sha256>::new(None, encryption_key);
        let (mut mac, mut check) = ([0; 32], [0; 8]);
        // These can fail only for more than 8160 bytes.
        let _ = derivation.expand(MAC_LABEL, &mut mac);
        let _ = derivation.expand(CHECK_LABEL, &mut check);
        Self { mac, check }
    }

    /// 16 hexadecimal digits that tell keys apart and say nothing about them.
    #[must_use]
    pub fn check_value(&self) -> String {
        format!("{:016x}", u64::from_be_bytes(self.check))
    }

    fn code(&self, parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let code = Hmac::<Sha256>::new_from_slice(&self.mac).ok()?; // any length will do
        Some(
            parts
                .iter()
                .fold(code, |code, part| code.chain_update(part)),
        )
    }
}

/// Whether the author of a manifest had the encryption key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authenticity {
    /// There is no code, and no key was asked about.
    NoCode,
    /// There is a code, and nobody gave the key.
    NotChecked,
    /// The code was made with the key.
    Proved,
}

/// Puts the last lines in. `body` ends in LF, brace, LF.
pub(super) fn seal(mut body: Vec<u8>, key: Option<&SetKey>) -> Vec<u8> {
    body.truncate(body.len().saturating_sub(3));
    if let Some(key) = key {
        body.extend_from_slice(MAC);
        let code = key.code(&[&body, MAC_END, CHECKSUM, CHECKSUM_END]);
        let code = code.map_or([0; 32], |code| code.finalize().into_bytes().into());
        body.extend_from_slice(Hash(code).to_string().as_bytes());
        body.extend_from_slice(MAC_END);
    }
    body.extend_from_slice(CHECKSUM);
    let checksum = hash(&[&body, CHECKSUM_END]);
    body.extend_from_slice(checksum.to_string().as_bytes());
    body.extend_from_slice(CHECKSUM_END);
    body
}

/// Checks the checksum.
pub(super) fn check(content: &[u8]) -> Result<(), ManifestError> {
    let (body, stored) = split_checksum(content).ok_or(ManifestError::Checksum)?;
    if hash(&[body, CHECKSUM_END]) != stored {
        return Err(ManifestError::Checksum);
    }
    Ok(())
}

/// Checks the authentication code; without `key` only whether there is one.
pub(super) fn authenticate(
    content: &[u8],
    key: Option<&SetKey>,
) -> Result<Authenticity, ManifestError> {
    let mac = split_checksum(content).and_then(|(body, _)| split_mac(body));
    match (mac, key) {
        (None, None) => Ok(Authenticity::NoCode),
        (Some(_), None) => Ok(Authenticity::NotChecked),
        (None, Some(_)) => Err(ManifestError::NotAuthenticated),
        (Some((body, Hash(stored))), Some(key)) => {
            let code = key.code(&[body, MAC_END, CHECKSUM, CHECKSUM_END]);
            let is_right = code.is_some_and(|code| code.verify_slice(&stored).is_ok());
            is_right
                .then_some(Authenticity::Proved)
                .ok_or(ManifestError::Forged)
        }
    }
}

/// Everything up to the digits of the checksum, and these.
fn split_checksum(content: &[u8]) -> Option<(&[u8], Hash)> {
    let (body, hash) = split_digits(content.strip_suffix(CHECKSUM_END)?)?;
    body.ends_with(CHECKSUM).then_some((body, hash))
}

/// Everything up to the digits of the code, and these.
fn split_mac(body: &[u8]) -> Option<(&[u8], Hash)> {
    let rest = body.strip_suffix(CHECKSUM)?.strip_suffix(MAC_END)?;
    let (body, hash) = split_digits(rest)?;
    body.ends_with(MAC).then_some((body, hash))
}

fn split_digits(bytes: &[u8]) -> Option<(&[u8], Hash)> {
    let (front, digits) = bytes.split_at_checked(bytes.len().checked_sub(DIGITS)?)?;
    let hash = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((front, hash))
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    Hash(hasher.finalize().into())
}
