//! What the state files of all commands have in common (`files-and-state.md` §7.2): JSON that says
//! what it is, and the arguments that a continuation must repeat.

use crate::error::{Error, StateProblem};
use serde::Deserialize;
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
