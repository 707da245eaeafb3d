//! AES in counter mode, and the 16 bytes in front of an encrypted file.
//!
//! `file = E(V), CTR(V + 1, content)`: the header is the first block of the key stream that begins
//! at V, and the content is what follows. So nothing special is needed to write it, and only block
//! decryption to find V again. There is no authentication: flipped bits go through.

use std::fmt;

use aes::cipher::{BlockCipherDecrypt, KeyInit, KeyIvInit, StreamCipher, StreamCipherSeek};
use aes::{Aes128, Aes256};
use ctr::Ctr128BE;

use crate::error::ErrorKind;
use crate::key::{Cipher, Key};

/// Bytes in front of the content of an encrypted file.
pub const HEADER_BYTES: usize = 16;

/// [`HEADER_BYTES`] as an offset.
pub(crate) const HEADER_LEN: u64 = 16;

/// V of §4: where the counter of a file starts, 16 bytes. It is not secret, but must be random:
/// two files with the same key and V give each other away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Iv([u8; 16]);

impl Iv {
    /// A new file's start, 16 random bytes.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The start of the file that begins with `header`. Any header gives one; whether the key was
    /// right shows in the content.
    #[must_use]
    pub fn from_header(key: &Key, header: [u8; HEADER_BYTES]) -> Self {
        let mut block = header.into();
        match key.cipher() {
            Cipher::Aes128(key) => Aes128::new((&**key).into()).decrypt_block(&mut block),
            Cipher::Aes256(key) => Aes256::new((&**key).into()).decrypt_block(&mut block),
        }
        Self(block.into())
    }

    /// The first bytes of the file that starts here.
    #[must_use]
    pub fn header(self, key: &Key) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        Stream::new(key, self).apply(&mut header);
        header
    }
}

/// The key stream of one file's content. Encrypting and decrypting are the same.
pub struct AesCtr(Box<Stream>);

impl AesCtr {
    /// The stream from `offset` on, counted from the first byte after the header. `None` where no
    /// file can reach, within 16 bytes of 2^64.
    #[must_use]
    pub fn at(key: &Key, iv: Iv, offset: u64) -> Option<Self> {
        let mut stream = Box::new(Stream::new(key, iv));
        stream.seek(offset.checked_add(HEADER_LEN)?).then_some(())?;
        Some(Self(stream))
    }

    /// [`at`](Self::at) for the length of a file, its header included.
    pub(crate) fn after(key: &Key, iv: Iv, stored_len: u64) -> Result<Self, ErrorKind> {
        let offset = stored_len.checked_sub(HEADER_LEN);
        offset
            .and_then(|offset| Self::at(key, iv, offset))
            .ok_or(ErrorKind::BadResume { stored_len })
    }

    /// Encrypts or decrypts the next bytes in place.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply(bytes);
    }
}

impl fmt::Debug for AesCtr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AesCtr").finish_non_exhaustive()
    }
}

/// The key stream from V on, the header's block included.
enum Stream {
    Aes128(Ctr128BE<Aes128>),
    Aes256(Ctr128BE<Aes256>),
}

impl Stream {
    fn new(key: &Key, iv: Iv) -> Self {
        let iv = &iv.0.into();
        match key.cipher() {
            Cipher::Aes128(key) => Self::Aes128(Ctr128BE::new((&**key).into(), iv)),
            Cipher::Aes256(key) => Self::Aes256(Ctr128BE::new((&**key).into(), iv)),
        }
    }

    /// Whether the stream has that offset.
    fn seek(&mut self, offset: u64) -> bool {
        match self {
            Self::Aes128(stream) => stream.try_seek(offset).is_ok(),
            Self::Aes256(stream) => stream.try_seek(offset).is_ok(),
        }
    }

    /// The stream of 2^128 blocks repeats far beyond any offset that a file can have.
    fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::Aes128(stream) => stream.apply_keystream(bytes),
            Self::Aes256(stream) => stream.apply_keystream(bytes),
        }
    }
}
