//! Why backups that were listed together are no chain.

/// Why not; a sentence about one of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainProblem {
    /// Nothing says what it goes on from.
    #[error("it has no manifest that speaks for its files, and others of the list are incremental")]
    NoManifest,
    /// More than one backup of the namespace is there.
    #[error("there are several backups of the namespace in it")]
    Several,
    /// The same backup was listed before.
    #[error("{other} is the same backup")]
    Twice {
        /// The other place.
        other: String,
    },
    /// It does not hold records as they were.
    #[error("it holds only a part of the records or bins: it was made with {option}")]
    Partial {
        /// The option that made it so.
        option: &'static str,
    },
    /// What it goes on from is not in the list.
    #[error("it goes on from the backup of run {run}, which is not in the list")]
    NoParent {
        /// The run.
        run: String,
    },
    /// Two backups go on from the same one.
    #[error("it goes on from {parent}, and so does {other}")]
    Forked {
        /// The other one.
        other: String,
        /// The earlier backup.
        parent: String,
    },
    /// It begins too late.
    #[error("its time window begins after {parent} did: what changed in between is in neither")]
    Gap {
        /// The earlier backup.
        parent: String,
    },
    /// Two backups go on from nothing.
    #[error("it is a full backup, and so is {other}")]
    OtherBeginning {
        /// The other one.
        other: String,
    },
    /// It goes on from itself, maybe by way of others.
    #[error("it goes on from itself, by way of others of the list")]
    Ring,
}

impl ChainProblem {
    /// Whether a backup is missing, which has an exit code of its own.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::NoParent { .. })
    }

    /// What can be done about it.
    pub(crate) const fn advice(&self) -> &'static str {
        match self {
            Self::NoParent { .. } => {
                "list all backups of the chain, the full one included; their order does not matter"
            }
            Self::Partial { .. } | Self::Gap { .. } => {
                "restore the sets one by one, the oldest first, if that is what you want"
            }
            _ => "list one full backup and the incremental ones after it, each once",
        }
    }
}
