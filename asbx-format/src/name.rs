//! File names: `<worker>_<namespace>_<n>.asbx` (§3).

use core::fmt;

/// Ending of all file names, with its dot; exactly so, in lower case.
const EXTENSION: &str = ".asbx";

/// The parts of a file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName<'a> {
    /// The worker that wrote the file, from 0. Files of one worker follow each other.
    pub worker: u32,
    /// The namespace; it may contain `_`.
    pub namespace: &'a str,
    /// The number of the file, from 1, the same as in its header.
    pub number: u64,
}

/// A name from which worker and number cannot be learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name of the form WORKER_NAMESPACE_NUMBER.asbx")]
pub struct BadName;

impl<'a> FileName<'a> {
    /// Whether a file of this name is an ASBX file at all; others in a directory are no concern.
    #[must_use]
    pub fn is_asbx(name: &str) -> bool {
        name.ends_with(EXTENSION)
    }

    /// Takes a name apart: the digits before the first `_`, the digits after the last, and the
    /// namespace between them.
    ///
    /// # Errors
    /// A name of another form, without a namespace, or with a number that is out of range.
    pub fn parse(name: &'a str) -> Result<Self, BadName> {
        let parts = || {
            let (worker, rest) = name.strip_suffix(EXTENSION)?.split_once('_')?;
            let (namespace, number) = rest.rsplit_once('_')?;
            Some(Self {
                worker: digits(worker)?.parse().ok()?,
                namespace: Some(namespace).filter(|name| !name.is_empty())?,
                number: digits(number)?.parse().ok()?,
            })
        };
        parts().ok_or(BadName)
    }
}

impl fmt::Display for FileName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (worker, number) = (self.worker, self.number);
        write!(f, "{worker}_{}_{number}{EXTENSION}", self.namespace)
    }
}

/// `text`, if it is nothing but digits; `parse` alone would accept a sign.
fn digits(text: &str) -> Option<&str> {
    let only_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    Some(text).filter(|_| only_digits)
}
