//! Exit codes (`cli.md` §1.1).

use backup_core::error::ErrorClass;
use std::process::ExitCode;

/// How the process ends. Scripts may rely on these numbers.
///
/// | Code | Meaning |
/// | --- | --- |
/// | 0 | everything that was asked for was done and checked; help; version |
/// | 1 | usage, refused combination, target not empty, record refused, no space, anything else |
/// | 10 | the input is missing, holds no backup file, or was never finished |
/// | 11 | another run has the target |
/// | 12 | user, password, certificate or privilege |
/// | 13 | damage: parse error, truncation, another format; `--validate` with findings |
/// | 14 | no seed could be reached, or the cluster was lost beyond all retries |
/// | 130 | interrupted by SIGINT or SIGTERM |
///
/// The first failure decides, except that an interrupt wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything was done.
    Success = 0,
    /// Any failure without a code of its own.
    Failure = 1,
    /// There is no complete input.
    InputMissing = 10,
    /// Another run has the target.
    Locked = 11,
    /// The cluster does not let us.
    Access = 12,
    /// The input is damaged, or none of ours.
    Damage = 13,
    /// There is no cluster.
    Unreachable = 14,
    /// The user ended it.
    Interrupted = 130,
}

impl From<ErrorClass> for Exit {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::General => Self::Failure,
            ErrorClass::InputMissing => Self::InputMissing,
            ErrorClass::Locked => Self::Locked,
            ErrorClass::Access => Self::Access,
            ErrorClass::Damage => Self::Damage,
            ErrorClass::Unreachable => Self::Unreachable,
            ErrorClass::Interrupted => Self::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_the_code_of_the_table() {
        let check = |class, code| assert_eq!(Exit::from(class) as u8, code, "{class:?}");
        check(ErrorClass::General, 1);
        check(ErrorClass::InputMissing, 10);
        check(ErrorClass::Locked, 11);
        check(ErrorClass::Access, 12);
        check(ErrorClass::Damage, 13);
        check(ErrorClass::Unreachable, 14);
        check(ErrorClass::Interrupted, 130);
    }
}
