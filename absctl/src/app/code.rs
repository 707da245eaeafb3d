//! Names of failures that scripts may rely on (U11): finer than exit codes, steadier than texts.
//! `docs/errors.md` explains each.

use super::error::Error;
use backup_core::error::{Error as Job, ErrorClass};

impl Error {
    /// The stable name of this failure.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::Key(_) => "encryption-key",
            Self::Secret { .. } | Self::WrongSecret { .. } => "secret",
            Self::Agent(_) => "secret-agent",
            Self::System { .. } => "system",
            Self::Hook { .. } => "hook",
            Self::Job(error) => of_job(error),
        }
    }
}

/// The name of a job's failure; one without a name of its own has that of its class.
pub(crate) fn of_job(error: &Job) -> &'static str {
    match error {
        Job::TargetNotEmpty { .. } | Job::TargetExists { .. } => "target-not-empty",
        Job::TargetUnfinished { .. } => "target-unfinished",
        Job::OtherRun { .. } | Job::SourceOfOtherRun { .. } => "other-run",
        Job::Shards { .. } | Job::Sharding { .. } => "shards",
        Job::Annotations { .. } => "annotations",
        Job::State { .. } => "state-file",
        Job::ContinueDiffers { .. } => "continue-differs",
        Job::Shortened { .. } => "file-shortened",
        Job::Parent { .. } => "incremental-parent",
        Job::Set { .. } => "backup-set",
        Job::InputEmpty { .. } => "input-empty",
        Job::InputUnfinished { .. } => "input-unfinished",
        Job::Envelope { .. } | Job::Wrap { .. } => "envelope",
        Job::NoKey { .. } => "encryption-key",
        Job::Altered { .. } => "file-altered",
        Job::WriteCheck { .. } => "write-check",
        Job::OtherNamespace { .. } => "other-namespace",
        Job::NotConvertible { .. } | Job::OrderUnknown { .. } | Job::RecordsBeside { .. } => {
            "not-convertible"
        }
        Job::RecordRefused { .. } => "record-refused",
        Job::TtlRefused { .. } | Job::TtlTooLong { .. } => "ttl-refused",
        Job::Conflict { .. } | Job::IndexTwice { .. } => "index-conflict",
        Job::Selection { .. } => "selection",
        Job::UnknownNode { .. } => "unknown-node",
        Job::UnknownRack { .. } => "unknown-rack",
        Job::FilterRefused { .. } => "filter-refused",
        Job::Internal(_) => "internal",
        error => of_class(error.class()),
    }
}

const fn of_class(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::General => "failed",
        ErrorClass::InputMissing => "input-missing",
        ErrorClass::Locked => "locked",
        ErrorClass::Access => "access",
        ErrorClass::Damage => "damage",
        ErrorClass::Unreachable => "unreachable",
        ErrorClass::Interrupted => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained() {
        const DOCS: &str = include_str!("../../../docs/errors.md");
        let (source, _) = include_str!("code.rs")
            .split_once("#[cfg(test)]")
            .expect("tests");
        let is_code = |text: &&str| {
            let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
            !text.is_empty() && text.chars().all(is_part)
        };
        let codes: Vec<_> = source
            .split('"')
            .skip(1)
            .step_by(2)
            .filter(is_code)
            .collect();
        assert!(codes.len() > 30, "{codes:?}");
        for code in codes {
            assert!(DOCS.contains(&format!("`{code}`")), "{code}");
        }
    }

    #[test]
    fn codes_say_what_happened() {
        assert_eq!(Error::usage("no").code(), "usage");
        assert_eq!(Error::Job(Job::Cancelled).code(), "interrupted");
        let internal = Job::Internal("why".to_owned());
        assert_eq!(Error::Job(internal).code(), "internal");
    }
}
