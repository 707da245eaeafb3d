//! What the state files of all commands have in common (`files-and-state.md` §7.2): JSON that says
//! what it is, and the arguments that a continuation must repeat.

use crate::error::{Error, StateProblem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the file says it is.
pub(crate) const FORMAT: &str = "absctl-state";
/// Raised only when an older reader must refuse it.
pub(crate) const VERSION: u32 = 1;
/// Largest state that is read, in bytes: 4096 partitions of a backup take half a megabyte, every
/// terabyte of files seventeen.
pub(crate) const LIMIT_BYTES: u64 = 1 << 30;

/// The arguments of a run, by the names of their options.
pub(crate) type Arguments = BTreeMap<String, String>;

/// What has to be known before the rest may be read.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
    kind: String,
}

/// What follows the checksum.
const END: &[u8] = b"\"}";

/// The checksum that these bytes should have.
pub(crate) fn checksum(content: &[u8]) -> Option<impl AsRef<str>> {
    let digits = 2 * blake3::OUT_LEN;
    let rest = content.strip_suffix(END)?;
    let (body, _) = rest.split_at_checked(rest.len().checked_sub(digits)?)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(body).update(END);
    Some(hasher.finalize().to_hex())
}

/// The bytes of a state whose last field is its checksum, which is empty.
///
/// # Errors
/// [`Error::Internal`]: a defect.
pub(crate) fn seal(state: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut content =
        serde_json::to_vec(state).map_err(|error| Error::Internal(error.to_string()))?;
    let checksum = blake3::hash(&content).to_hex();
    content.truncate(content.len().saturating_sub(END.len()));
    content.extend_from_slice(checksum.as_bytes());
    content.extend_from_slice(END);
    Ok(content)
}

/// Whether `content` is a state of this `kind` of command.
///
/// # Errors
/// A [`StateProblem`] that says what else it looks like.
pub(crate) fn check_head(content: &[u8], kind: &str) -> Result<(), StateProblem> {
    if is_gob(content) {
        return Err(StateProblem::Go);
    }
    let first = content.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(StateProblem::Foreign);
    }
    let head: Head = serde_json::from_slice(content).map_err(StateProblem::json)?;
    if head.format != FORMAT {
        return Err(StateProblem::Foreign);
    }
    if head.version != VERSION {
        return Err(StateProblem::Version {
            found: head.version,
        });
    }
    if head.kind != kind {
        return Err(StateProblem::Kind { found: head.kind });
    }
    Ok(())
}

/// The state files of the Go tools: length (one byte, or a length byte and big-endian bytes),
/// then the type id of the first definition (`files-and-state.md` §7.3).
fn is_gob(content: &[u8]) -> bool {
    let head = content.get(..8.min(content.len())).unwrap_or_default();
    head.first().is_some_and(|byte| *byte != b'{')
        && head.windows(2).any(|pair| pair == [0xff, 0x83])
}

/// Whether a run asks for the same as the first one.
///
/// # Errors
/// [`Error::ContinueDiffers`] with the first argument that differs.
pub(crate) fn compare(first: &Arguments, now: &Arguments) -> Result<(), Error> {
    let differs = |option: &&String| first.get(*option) != now.get(*option);
    match first.keys().chain(now.keys()).find(differs) {
        None => Ok(()),
        Some(option) => Err(Error::ContinueDiffers {
            option: option.clone(),
            first: first.get(option).cloned(),
            now: now.get(option).cloned(),
        }),
    }
}
