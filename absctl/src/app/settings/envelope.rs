//! Compression, and the encryption key from where it is kept.

use super::Secrets;
use crate::app::{
    cli::envelope::{Compress, Encrypt, Envelope, Level, Window},
    error::Error,
};
use backup_core::{
    backup::Wrap,
    envelope::{self, Compression, EnvRule, Key, KeyBytes, KeyError, KeySize, WindowLog},
    restore::Unwrap,
};
use std::{env, fs, path::Path};

/// The envelope of a backup.
pub(super) fn wrap(flags: &Envelope, level: &Level, secrets: &Secrets) -> Result<Wrap, Error> {
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
        key: key(flags, secrets)?,
    })
}

/// The envelope that a restore expects.
pub(super) fn unwrap(
    flags: &Envelope,
    window: &Window,
    secrets: &Secrets,
) -> Result<Unwrap, Error> {
    Ok(Unwrap {
        compression: match flags.compress {
            None => Compression::Detect,
            Some(Compress::None) => Compression::Plain,
            Some(Compress::Zstd) => Compression::Zstd,
        },
        key: key(flags, secrets)?,
        window_log: WindowLog::new(window.zstd_window_log).unwrap_or_default(),
        plain_metadata: false,
    })
}

fn key(flags: &Envelope, secrets: &Secrets) -> Result<Option<Key>, Error> {
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
        Error::usage("--encrypt needs --encryption-key-file, --encryption-key-env or --encryption-key-secret",
        )
    })?;
    Ok(Some(
        source.read(flags.encryption_key_raw, secrets)?.key(size),
    ))
}

enum Source<'a> {
    File(&'a Path),
    Variable(&'a str),
    Secret(&'a str),
}

fn source(flags: &Envelope) -> Result<Option<Source<'_>>, Error> {
    let file = flags.encryption_key_file.as_deref().map(Source::File);
    let variable = flags.encryption_key_env.as_deref().map(Source::Variable);
    let secret = flags.encryption_key_secret.as_deref().map(Source::Secret);
    let mut given = [file, variable, secret].into_iter().flatten();
    let first = given.next();
    match (&first, given.next()) {
        (Some(first), Some(second)) => Err(super::exclusive(first.flag(), second.flag())),
        _ => Ok(first),
    }
}

impl Source<'_> {
    const fn flag(&self) -> &'static str {
        match self {
            Self::File(_) => "--encryption-key-file",
            Self::Variable(_) => "--encryption-key-env",
            Self::Secret(_) => "--encryption-key-secret",
        }
    }

    fn read(&self, raw: bool, secrets: &Secrets) -> Result<KeyBytes, Error> {
        match self {
            Self::File(path) => self.file(path, secrets),
            Self::Variable(name) => self.variable(name, raw, secrets),
            Self::Secret(typed) => {
                let secret = secrets.secret(self.flag(), typed)?.ok_or_else(|| {
                    Error::usage(
                        "--encryption-key-secret: a secret is written secrets:<resource>:<key>",
                    )
                })?;
                KeyBytes::secret(secret.expose())
                    .map_err(|error| Error::key(format!("{typed}: {error}")))
            }
        }
    }

    fn file(&self, path: &Path, secrets: &Secrets) -> Result<KeyBytes, Error> {
        let shown = path.display();
        let secret = path.to_str().map(|typed| secrets.file(self.flag(), typed));
        let key = match secret.transpose()?.flatten() {
            Some(text) => KeyBytes::pem_file(text.expose().as_bytes()),
            None => {
                let content = fs::read(path)
                    .map_err(|error| Error::key(format!("{shown} cannot be read: {error}")))?;
                KeyBytes::pem_file(&content)
            }
        };
        key.map_err(|error| Error::key(format!("{shown}: {error}")))
    }

    /// A variable that a secret names is called by the secret, not by its name.
    fn variable(&self, typed: &str, raw: bool, secrets: &Secrets) -> Result<KeyBytes, Error> {
        let secret = secrets.secret(self.flag(), typed)?;
        let name = secret.as_ref().map_or(typed, |secret| secret.expose());
        let value = env::var(name).unwrap_or_default();
        let rule = if raw { EnvRule::Raw } else { EnvRule::Key };
        let of = if secret.is_some() { "named by " } else { "" };
        KeyBytes::environment(&value, rule).map_err(|error| {
            Error::key(match error {
                KeyError::Empty => format!("environment variable {of}{typed} is not set"),
                error => format!("environment variable {of}{typed}: {error}"),
            })
        })
    }
}
