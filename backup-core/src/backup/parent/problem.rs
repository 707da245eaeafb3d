//! Why a backup cannot be the one that an incremental backup goes on from.

use crate::manifest::SetError;

/// Why not; a sentence about the earlier backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParentProblem {
    /// Nothing says when it was made and of what.
    #[error("it has no manifest that speaks for its files, so nothing proves that it is complete")]
    NoManifest,
    /// It was never completed.
    #[error("it was never completed: {entry}")]
    Unfinished {
        /// What shows it.
        entry: String,
    },
    /// It is not as its manifest says, or the manifest cannot be trusted.
    #[error("it is not whole")]
    Set {
        /// What is wrong.
        #[from]
        source: SetError,
    },
    /// It is one of other namespaces.
    #[error("it is a backup of namespace {found}, not of {expected}")]
    OtherNamespace {
        /// The namespaces in it.
        found: String,
        /// The one that is to be backed up.
        expected: String,
    },
    /// More than one backup of the namespace is there.
    #[error("there are {count} backups of the namespace in one place")]
    Several {
        /// How many.
        count: usize,
    },
    /// It comes from another cluster.
    #[error("it is a backup of cluster {found:?}, and this is {now:?}")]
    OtherCluster {
        /// Name of its cluster.
        found: String,
        /// Name of the cluster that is to be backed up.
        now: String,
    },
    /// It does not hold everything that was selected.
    #[error("it holds only a part of the records: it was made with {option}")]
    Partial {
        /// The option that made it so.
        option: &'static str,
    },
    /// It selects other records or bins.
    #[error("{option} differs: {}", shown(.parent, .now))]
    Differs {
        /// The option.
        option: &'static str,
        /// Its value then, if it had one.
        parent: Option<String>,
        /// Its value now.
        now: Option<String>,
    },
    /// By our clock it has not begun yet.
    #[error("it began in the future, by the clock of this machine: one of the clocks is wrong")]
    Future,
    /// It would be replaced by the backup that goes on from it.
    #[error("it is in the target, and would be removed in the end")]
    Replaced,
}

impl ParentProblem {
    /// Whether it is about the encryption key.
    pub(crate) const fn is_about_the_key(&self) -> bool {
        matches!(self, Self::Set { source } if source.is_about_the_key())
    }

    /// What can be done about it.
    pub(crate) const fn advice(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => "complete it with --continue, or go on from another backup",
            Self::OtherNamespace { .. } => "name the namespace of the backup with -n",
            Self::Future => "set the clocks right, or begin anew with a full backup",
            Self::Replaced => "write to another directory: a chain needs all of its backups",
            Self::Set { .. } if self.is_about_the_key() => {
                "all backups of a chain need the same encryption key; begin a new chain with a full backup to change it"
            }
            Self::Differs { .. } => {
                "repeat the selection of the earlier backup, or begin a new chain with a full backup"
            }
            _ => "go on from another backup, or begin a new chain with a full backup",
        }
    }
}

fn shown(parent: &Option<String>, now: &Option<String>) -> String {
    let shown = |value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(|| "not given".to_owned(), |value| format!("{value:?}"))
    };
    format!("{} then, {} now", shown(parent), shown(now))
}
