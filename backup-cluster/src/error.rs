//! What can go wrong between us and a cluster, split by blame.

use crate::view::NodeName;
use aerospike_wire::{error::Error as WireError, info::Refusal, result_code::ResultCode};
use std::{fmt, io, time::Duration};

/// A failed operation on the cluster. The cause, where there is one, is behind `source()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No seed could be reached, or none belongs to a usable cluster.
    #[error("no connection to the cluster by {seeds}: {reason}")]
    Connect {
        /// The seeds as given.
        seeds: String,
        /// What the last attempt said.
        reason: String,
    },
    /// Settings of TLS and authentication that contradict each other.
    #[error("{reason}")]
    Settings {
        /// Why, as a sentence.
        reason: &'static str,
    },
    /// TLS settings that cannot be used.
    #[error("TLS cannot be set up")]
    TlsSettings {
        /// Which, and why.
        source: net_tls::error::Error,
    },
    /// A node is not who it should be, or does not take us for who we say.
    #[error("node {node}: no TLS connection by the name {tls_name}")]
    Tls {
        /// The node.
        node: NodeName,
        /// The name that its certificate has to carry.
        tls_name: String,
        /// What TLS objects to.
        source: io::Error,
    },
    /// A node does not let us in.
    #[error("node {node}: login refused: {} (code {})", login_reason(*code), code.0)]
    Login {
        /// The node.
        node: NodeName,
        /// Its answer.
        code: ResultCode,
    },
    /// The user may not do this.
    #[error("node {node}: {action} refused: the user lacks the privilege {privilege}")]
    Privilege {
        /// The node.
        node: NodeName,
        /// What was being done.
        action: String,
        /// What would allow it.
        privilege: &'static str,
    },
    /// A node broke or refused the connection.
    #[error("node {node}: {action} failed")]
    Transport {
        /// The node.
        node: NodeName,
        /// What was being done.
        action: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A node did not answer in time.
    #[error("node {node}: no answer to {action} within {} ms", after.as_millis())]
    Timeout {
        /// The node.
        node: NodeName,
        /// What was being done.
        action: &'static str,
        /// The limit that passed.
        after: Duration,
    },
    /// A node has failed again and again, and was not asked this time.
    #[error("node {node} fails again and again")]
    Sick {
        /// The node.
        node: NodeName,
    },
    /// A node sent bytes that are not the protocol.
    #[error("node {node}: malformed reply to {action}")]
    Malformed {
        /// The node.
        node: NodeName,
        /// What was being done.
        action: &'static str,
        /// What is wrong, and where.
        source: WireError,
    },
    /// A node answered with a result code.
    #[error("node {node}: {action} refused: {code}")]
    Refused {
        /// The node.
        node: NodeName,
        /// What was being done.
        action: &'static str,
        /// Its answer.
        code: ResultCode,
    },
    /// A node runs as many scans as it may, or a rule of its configuration forbids ours.
    #[error("node {node}: scan refused: too many scans at a time, or forbidden by configuration")]
    TooManyScans {
        /// The node.
        node: NodeName,
    },
    /// A node answered an info command with an error.
    #[error("node {node}: {command} refused: {} (code {})", refusal.message, refusal.code)]
    Info {
        /// The node.
        node: NodeName,
        /// The command without its parameters.
        command: String,
        /// Its answer.
        refusal: Refusal,
    },
    /// An info reply that does not follow the grammar of its command.
    #[error("node {node}: the answer to {command} makes no sense: {reason}")]
    InfoText {
        /// The node.
        node: NodeName,
        /// The command without its parameters.
        command: String,
        /// What is wrong.
        reason: String,
    },
    /// The namespace exists on no node.
    #[error("namespace {namespace} does not exist on this cluster")]
    NoNamespace {
        /// Its name.
        namespace: String,
    },
    /// The cluster has no racks, because its edition has none.
    #[error(
        "node {node} is of the Community edition: racks need the Enterprise edition of the server"
    )]
    NoRacks {
        /// The node.
        node: NodeName,
    },
    /// The cluster has no nodes left.
    #[error("the cluster has no reachable node left")]
    NoNodes,
    /// Partitions that no node served, after all retries.
    #[error(
        "{} of namespace {namespace} could not be read after {rounds} rounds without progress; \
         the first is partition {first}",
        plural(*count)
    )]
    Unavailable {
        /// The namespace.
        namespace: String,
        /// How many partitions.
        count: usize,
        /// The lowest of them.
        first: u16,
        /// Rounds in which none of them made progress.
        rounds: u32,
        /// The last failure.
        source: Option<Box<Self>>,
    },
    /// A scan took longer than it was given.
    #[error("the scan of namespace {namespace} was not finished within {} ms", after.as_millis())]
    Overdue {
        /// The namespace.
        namespace: String,
        /// The limit that passed.
        after: Duration,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// What a user can make of the result of a login. Servers do not tell apart what would help a
/// stranger to guess.
const fn login_reason(code: ResultCode) -> &'static str {
    match code {
        ResultCode::INVALID_USER
        | ResultCode::INVALID_PASSWORD
        | ResultCode::INVALID_CREDENTIAL => "unknown user or wrong password",
        ResultCode::NOT_AUTHENTICATED => {
            "the cluster wants to know who is there; give a user and a password"
        }
        code => code.text(),
    }
}

fn plural(count: usize) -> String {
    if count == 1 {
        "1 partition".to_owned()
    } else {
        format!("{count} partitions")
    }
}

/// Shows an error with its causes, for log lines.
pub(crate) struct WithCauses<'a>(pub(crate) &'a Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error {
    /// The error for a refusal with code 81; `action` is the name of an info command, or what the
    /// data plane calls what it does (`auth-tls.md` §3).
    pub(crate) fn privilege(node: &NodeName, action: &str) -> Self {
        let privilege = match action {
            "scan" => "read on this namespace (or read-write)",
            "batch write" | "write" => "write on this namespace (or read-write)",
            "sindex-create" | "sindex-delete" => "sindex-admin",
            "udf-put" | "udf-remove" => "udf-admin",
            "truncate" | "truncate-namespace" => "truncate on this namespace",
            "set-config" => "sys-admin",
            _ => "for it",
        };
        Self::Privilege {
            node: node.clone(),
            action: action.to_owned(),
            privilege,
        }
    }

    /// Whether the same request may succeed later, or on another node.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        use aerospike_wire::result_code::Advice;
        match self {
            Self::Transport { .. }
            | Self::Timeout { .. }
            | Self::Sick { .. }
            | Self::NoNodes
            | Self::TooManyScans { .. } => true,
            Self::Refused { code, .. } => {
                let advice = code.advice();
                matches!(advice, Advice::Retry | Advice::RetryWrite | Advice::Login)
            }
            Self::Info { refusal, .. } => matches!(refusal.code, 7 | 9 | 11),
            _ => false,
        }
    }

    /// Whether the cluster was lost or never reached: what `absctl` exits with 14 for.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Transport { .. }
            | Self::Timeout { .. }
            | Self::Sick { .. }
            | Self::NoNodes => true,
            Self::Unavailable { source, .. } => {
                source.as_ref().is_none_or(|source| source.is_unreachable())
            }
            _ => false,
        }
    }

    /// Whether user, password, certificate or privilege are to blame.
    #[must_use]
    pub fn is_access(&self) -> bool {
        let code = match self {
            Self::Tls { .. }
            | Self::TlsSettings { .. }
            | Self::Login { .. }
            | Self::Privilege { .. } => return true,
            Self::Unavailable {
                source: Some(source),
                ..
            } => return source.is_access(),
            Self::Refused { code, .. } => u16::from(code.0),
            Self::Info { refusal, .. } => refusal.code,
            _ => return false,
        };
        matches!(code, 60..=66 | 80..=82)
    }
}
