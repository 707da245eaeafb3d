//! What the user wanted to be kept with a set: texts by key, and how many and how long they may be.

use std::collections::BTreeMap;

/// Most annotations of a set.
const MOST: usize = 64;

/// Longest key in bytes.
const KEY_BYTES: usize = 64;

/// Longest value in bytes.
const VALUE_BYTES: usize = 1024;

/// Why annotations cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotationProblem {
    /// There are more than a manifest holds.
    #[error("{found} annotations: a backup has {MOST} at most")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// A key that is empty, long, or has other characters than `A-Z a-z 0-9 . _ -`.
    #[error("{key:?} is no key of an annotation: it has 1 to {KEY_BYTES} of A-Z a-z 0-9 . _ -")]
    Key {
        /// The key.
        key: String,
    },
    /// A value that is long, or has control characters.
    #[error(
        "the value of the annotation {key} has {bytes} bytes: it has {VALUE_BYTES} at most, without \
         control characters"
    )]
    Value {
        /// Its key.
        key: String,
        /// Its length.
        bytes: usize,
    },
}

/// Whether a manifest may hold these.
///
/// # Errors
/// What speaks against the first that it may not.
pub fn check_annotations(all: &BTreeMap<String, String>) -> Result<(), AnnotationProblem> {
    let found = all.len();
    if found > MOST {
        return Err(AnnotationProblem::TooMany { found });
    }
    all.iter()
        .try_for_each(|(key, value)| check_annotation(key, value))
}

/// Whether a manifest may hold this one.
///
/// # Errors
/// What speaks against it.
pub fn check_annotation(key: &str, value: &str) -> Result<(), AnnotationProblem> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !(1..=KEY_BYTES).contains(&key.len()) || !key.bytes().all(is_allowed) {
        let key = key.to_owned();
        return Err(AnnotationProblem::Key { key });
    }
    if value.len() > VALUE_BYTES || value.contains(char::is_control) {
        let (key, bytes) = (key.to_owned(), value.len());
        return Err(AnnotationProblem::Value { key, bytes });
    }
    Ok(())
}
