//! Compression, and the encryption key from where it is kept.

use crate::app::{
    cli::envelope::{Compress, Encrypt, Envelope, Level, Window},
    error::Error,
};
use backup_core::{
    backup::Wrap,
    envelope::{self, Compression, EnvRule, Key, KeyBytes, KeyError, KeySize, WindowLog},
    restore::Unwrap,
};
use std::{env, fs};

/// The envelope of a backup.
pub(super) fn wrap(flags: &Envelope, level: &Level) -> Result<Wrap, Error> {
    let compression = match flags.compress {
        Some(Compress::Zstd) => {
            let level = level.compression_level.filter(|level| *level != 0);
            level.map_or(Some(envelope::Level::DEFAULT), envelope::Level::new)
        }
        _ => {
            if level.compression_level.is_some() {
                tracing::warn!("--compression-level has no effect without --compress ZSTD (-z)");
            }
            None
        }
    };
    Ok(Wrap {
        compression,
        key: key(flags)?,
    })
}

/// The envelope that a restore expects.
pub(super) fn unwrap(flags: &Envelope, window: &Window) -> Result<Unwrap, Error> {
    Ok(Unwrap {
        compression: match flags.compress {
            None => Compression::Detect,
            Some(Compress::None) => Compression::Plain,
            Some(Compress::Zstd) => Compression::Zstd,
        },
        key: key(flags)?,
        window_log: WindowLog::new(window.zstd_window_log).unwrap_or_default(),
    })
}

fn key(flags: &Envelope) -> Result<Option<Key>, Error> {
    let source = source(flags)?;
    let size = match flags.encrypt {
        Some(Encrypt::Aes128) => KeySize::Aes128,
        Some(Encrypt::Aes256) => KeySize::Aes256,
        None | Some(Encrypt::None) => {
            return match source {
                None => Ok(None),
                Some(_) => Err(Error::usage(
                    "an encryption key needs --encrypt AES128 or AES256",
                )),
            };
        }
    };
    let source = source.ok_or_else(|| {
        Error::usage("--encrypt needs --encryption-key-file or --encryption-key-env")
    })?;
    Ok(Some(source.read(flags.encryption_key_raw)?.key(size)))
}

enum Source<'a> {
    File(&'a std::path::Path),
    Variable(&'a str),
}

fn source(flags: &Envelope) -> Result<Option<Source<'_>>, Error> {
    match (&flags.encryption_key_file, &flags.encryption_key_env) {
        (Some(_), Some(_)) => Err(super::exclusive(
            "--encryption-key-file",
            "--encryption-key-env",
        )),
        (Some(path), None) => Ok(Some(Source::File(path))),
        (None, Some(name)) => Ok(Some(Source::Variable(name))),
        (None, None) => Ok(None),
    }
}

impl Source<'_> {
    fn read(&self, raw: bool) -> Result<KeyBytes, Error> {
        match self {
            Self::File(path) => {
                let shown = path.display();
                let content = fs::read(path)
                    .map_err(|error| Error::key(format!("{shown} cannot be read: {error}")))?;
                KeyBytes::pem_file(&content)
                    .map_err(|error| Error::key(format!("{shown}: {error}")))
            }
            Self::Variable(name) => {
                let value = env::var(name).unwrap_or_default();
                let rule = if raw { EnvRule::Raw } else { EnvRule::Key };
                KeyBytes::environment(&value, rule).map_err(|error| match error {
                    KeyError::Empty => {
                        Error::key(format!("environment variable {name} is not set"))
                    }
                    error => Error::key(format!("environment variable {name}: {error}")),
                })
            }
        }
    }
}
