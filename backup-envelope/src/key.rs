//! Encryption keys: which bytes are hashed, and the key that comes of it.
//!
//! `K = SHA-256(key bytes)`; AES-128 takes the first half. There is no salt and no key check. What
//! the key bytes are depends on where the key comes from (§5); reading files and variables and
//! asking agents is the caller's.

mod pem;
mod private_key;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::KeyError;

/// Which AES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySize {
    /// AES-128, 16 bytes of key.
    Aes128,
    /// AES-256, 32 bytes of key.
    Aes256,
}

impl fmt::Display for KeySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128 => "AES-128",
            Self::Aes256 => "AES-256",
        })
    }
}

/// How the value of an environment variable becomes key bytes (§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnvRule {
    /// Any form of an RSA key, always hashed as PKCS#1; the rule of the Go tool.
    #[default]
    Key,
    /// Base64 of any bytes, hashed as they are; the rule of the C tools.
    Raw,
}

/// The bytes that are hashed. Cleared when dropped.
pub struct KeyBytes(Zeroizing<Vec<u8>>);

impl KeyBytes {
    /// Of the content of a PEM file: the first private key in it. RSA gives its PKCS#1 DER, EC its
    /// SEC1 DER, Ed25519, Ed448, X25519 and X448 their PKCS#8 DER.
    ///
    /// # Errors
    ///
    /// When there is no such key, or it is protected by a password.
    pub fn pem_file(content: &[u8]) -> Result<Self, KeyError> {
        pem::key_bytes(content).map(Self)
    }

    /// Of the value of an environment variable.
    ///
    /// # Errors
    ///
    /// When it is empty, or not what `rule` asks for.
    pub fn environment(value: &str, rule: EnvRule) -> Result<Self, KeyError> {
        match rule {
            EnvRule::Key => any_form(value.trim()).map(Self),
            EnvRule::Raw => not_empty(&base64(value.trim().as_bytes())?),
        }
    }

    /// Of a value that a Secret Agent gave: the forms that an environment variable may have.
    ///
    /// # Errors
    ///
    /// When it is empty or none of these forms.
    pub fn secret(value: &str) -> Result<Self, KeyError> {
        Self::environment(value, EnvRule::Key)
    }

    /// Of bytes that are hashed as they are.
    ///
    /// # Errors
    ///
    /// [`KeyError::Empty`].
    pub fn raw(bytes: &[u8]) -> Result<Self, KeyError> {
        not_empty(bytes)
    }

    /// The key of these bytes.
    #[must_use]
    pub fn key(&self, size: KeySize) -> Key {
        let hash: Zeroizing<[u8; 32]> = Zeroizing::new(Sha256::digest(self.0.as_slice()).into());
        Key(match size {
            KeySize::Aes128 => {
                let mut half = Zeroizing::new([0; 16]);
                half.iter_mut()
                    .zip(hash.iter())
                    .for_each(|(to, from)| *to = *from);
                Cipher::Aes128(half)
            }
            KeySize::Aes256 => Cipher::Aes256(hash),
        })
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes(hidden)")
    }
}

/// An AES key. Cleared when dropped.
#[derive(Clone)]
pub struct Key(Cipher);

impl Key {
    /// Which AES it is for.
    #[must_use]
    pub const fn size(&self) -> KeySize {
        match self.0 {
            Cipher::Aes128(_) => KeySize::Aes128,
            Cipher::Aes256(_) => KeySize::Aes256,
        }
    }

    /// The key itself, 16 or 32 bytes: for what is derived from it elsewhere, never for output.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        match &self.0 {
            Cipher::Aes128(key) => key.as_slice(),
            Cipher::Aes256(key) => key.as_slice(),
        }
    }

    /// The key in the size that its cipher takes.
    pub(crate) const fn cipher(&self) -> &Cipher {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, hidden)", self.size())
    }
}

/// A key in the size of its cipher.
#[derive(Clone)]
pub(crate) enum Cipher {
    Aes128(Zeroizing<[u8; 16]>),
    Aes256(Zeroizing<[u8; 32]>),
}

/// The attempts of the Go tool, in its order: PEM, base64 of PEM, base64 of base64 of DER, base64
/// of DER.
fn any_form(value: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if value.is_empty() {
        return Err(KeyError::Empty);
    }
    if pem::is_pem(value.as_bytes()) {
        return pem::key_bytes(&pem::with_line_breaks(value.as_bytes()));
    }
    let once = base64(value.as_bytes())?;
    if pem::is_pem(&once) {
        return pem::key_bytes(&pem::with_line_breaks(&once));
    }
    match base64(&once) {
        Ok(twice) => private_key::rsa(&twice),
        Err(_) => private_key::rsa(&once),
    }
}

/// Decodes base64; white space in it is left out.
fn base64(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let is_text = |byte: &u8| !byte.is_ascii_whitespace();
    let text: Zeroizing<Vec<u8>> = Zeroizing::new(text.iter().copied().filter(is_text).collect());
    let decoded = STANDARD.decode(text.as_slice());
    decoded.map(Zeroizing::new).map_err(|_| KeyError::Base64)
}

fn not_empty(bytes: &[u8]) -> Result<KeyBytes, KeyError> {
    if bytes.is_empty() {
        return Err(KeyError::Empty);
    }
    Ok(KeyBytes(Zeroizing::new(bytes.to_vec())))
}
