//! How the files of a backup are wrapped: compressed, then encrypted (`envelope.md` §1).

use crate::{
    error::Error,
    manifest::{Envelope, SetKey},
};
use backup_envelope::{
    Compression, DecoderOptions, Encoder, EncoderOptions, HEADER_BYTES, Iv, Key, KeySize, Level,
    PartOptions, WindowLog,
};

/// Compression and encryption of the files of a backup. Both are off by default.
#[derive(Debug, Clone, Default)]
pub struct Wrap {
    /// Level of ZSTD.
    pub compression: Option<Level>,
    /// Key and mode of AES.
    pub key: Option<Key>,
}

impl Wrap {
    /// The encoder of a new file.
    pub(super) fn encoder(&self, file: &str) -> Result<Encoder, Error> {
        let iv = self.key.as_ref().map(|_| fresh_iv()).transpose()?;
        let encryption = self.key.clone().zip(iv);
        let encoder = Encoder::new(EncoderOptions {
            compression: self.compression,
            encryption,
        });
        encoder.map_err(|source| failed(file, source))
    }

    /// The encoder that goes on with a file of `stored` bytes that begins with `header`.
    pub(super) fn resume(
        &self,
        file: &str,
        stored: u64,
        header: [u8; HEADER_BYTES],
    ) -> Result<Encoder, Error> {
        let key = self.key.clone();
        let encryption = key.map(|key| (key.clone(), Iv::from_header(&key, header)));
        let options = EncoderOptions {
            compression: self.compression,
            encryption,
        };
        Encoder::resume(options, stored).map_err(|source| failed(file, source))
    }

    /// How a new file is read; `None` where its text is stored as it is.
    pub(super) fn reading(&self) -> Option<DecoderOptions> {
        self.is_something().then(|| DecoderOptions {
            compression: match self.compression {
                Some(_) => Compression::Zstd,
                None => Compression::Plain,
            },
            key: self.key.clone(),
            window_log: WindowLog::DEFAULT,
        })
    }

    /// How a file is read from `stored` bytes on, that begins with `header`.
    pub(super) fn reading_from(
        &self,
        stored: u64,
        header: [u8; HEADER_BYTES],
    ) -> Option<PartOptions> {
        let key = self.key.clone();
        self.is_something().then(|| PartOptions {
            zstd: self.compression.is_some(),
            encryption: key.map(|key| (key.clone(), Iv::from_header(&key, header))),
            window_log: WindowLog::DEFAULT,
            stored_offset: stored,
        })
    }

    const fn is_something(&self) -> bool {
        self.compression.is_some() || self.key.is_some()
    }

    /// The key by which the manifest is authenticated, if there is any.
    pub(super) fn set_key(&self) -> Option<SetKey> {
        let key = self.key.as_ref();
        key.map(|key| SetKey::derive(key.expose_bytes()))
    }

    /// What the manifest says about the files.
    pub(super) fn envelope(&self) -> Envelope {
        Envelope {
            compression: self.compression.map(|_| "ZSTD".to_owned()),
            level: self.compression.map(|level| level.get()),
            encryption: self.encryption_name(),
            key_check: self.set_key().map(|key| key.check_value()),
        }
    }

    /// Name of the compression, as flags and manifests have it.
    pub(super) fn compression_name(&self) -> Option<String> {
        self.compression
            .map(|level| format!("ZSTD level {}", level.get()))
    }

    /// Name of the encryption, as flags and manifests have it.
    pub(super) fn encryption_name(&self) -> Option<String> {
        self.key.as_ref().map(|key| {
            let mode = match key.size() {
                KeySize::Aes128 => "AES128",
                KeySize::Aes256 => "AES256",
            };
            mode.to_owned()
        })
    }
}

/// The error of an encoder.
pub(super) fn failed(file: &str, source: backup_envelope::Error) -> Error {
    Error::Wrap {
        file: file.to_owned(),
        source,
    }
}

/// The start of a counter that was never used before: it must come from the system.
fn fresh_iv() -> Result<Iv, Error> {
    let mut random = [0; HEADER_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| Error::Internal(format!("the system gives no random numbers: {error}")))?;
    Ok(Iv::new(random))
}
