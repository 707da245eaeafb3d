//! Why the program failed: a wrong command line, or a failed job.

use super::exit::Exit;
use backup_core::{error as core, secret_agent, storage};
use std::{fmt, io};

/// A failure on its way to the user. Causes are behind `source()`.
#[derive(Debug)]
pub(crate) enum Error {
    /// The command line makes no sense.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The encryption key cannot be had.
    Key(String),
    /// The Secret Agent does not give a secret.
    Secret {
        /// Whose value was to be a secret.
        flag: String,
        /// Which secret, and why.
        error: Box<secret_agent::Error>,
    },
    /// TLS to the Secret Agent cannot be set up.
    Agent(Box<secret_agent::SetupError>),
    /// A secret cannot be used for what it is meant.
    WrongSecret {
        /// Which, and why; nothing of its value.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A job failed, or could not be described.
    Job(core::Error),
    /// The command of a hook failed after a job that succeeded.
    Hook {
        /// The flag that names it.
        flag: &'static str,
        /// How it ended.
        how: String,
    },
    /// The process could not get what it needs: threads, signals, standard output.
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// A wrong command line, without a hint.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    /// A key that cannot be had. The message holds nothing of it.
    pub(crate) const fn key(message: String) -> Self {
        Self::Key(message)
    }

    /// A secret that cannot be used. The message holds nothing of it.
    pub(crate) const fn secret(message: String) -> Self {
        let hint = None;
        Self::WrongSecret { message, hint }
    }

    /// The same with a hint, where there was none.
    pub(crate) fn with_hint(mut self, text: &str) -> Self {
        if let Self::Usage { hint, .. } | Self::WrongSecret { hint, .. } = &mut self {
            hint.get_or_insert_with(|| text.to_owned());
        }
        self
    }

    /// The exit code for this failure.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::System { .. } | Self::Hook { .. } => Exit::Failure,
            Self::Key(_) | Self::Secret { .. } | Self::Agent(_) | Self::WrongSecret { .. } => {
                Exit::Access
            }
            Self::Job(error) => error.class().into(),
        }
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Usage { hint, .. } | Self::WrongSecret { hint, .. } => hint.as_deref(),
            Self::Job(error) => error.advice(),
            Self::Key(_)
            | Self::Secret { .. }
            | Self::Agent(_)
            | Self::Hook { .. }
            | Self::System { .. } => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { message, .. } | Self::WrongSecret { message, .. } => f.write_str(message),
            Self::Key(message) => write!(f, "the encryption key cannot be had: {message}"),
            Self::Secret { flag, error } => write!(f, "{flag}: {error}"),
            Self::Agent(error) => error.fmt(f),
            Self::Job(error) => error.fmt(f),
            Self::Hook { flag, how } => write!(f, "the command of {flag} failed: {how}"),
            Self::System { action, .. } => write!(f, "cannot {action}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Usage { .. } | Self::Key(_) | Self::WrongSecret { .. } | Self::Hook { .. } => {
                None
            }
            Self::Secret { error, .. } => error.source(),
            Self::Agent(error) => error.source(),
            Self::Job(error) => error.source(),
            Self::System { source, .. } => Some(source),
        }
    }
}

impl From<core::Error> for Error {
    fn from(error: core::Error) -> Self {
        Self::Job(error)
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Job(error.into())
    }
}
