//! From flags to what is kept with a backup (`cli.md` §18).

use super::{Error, exclusive, problems::Problems};
use crate::app::cli::Written;
use backup_core::manifest::check_annotations;
use std::collections::BTreeMap;

const ANNOTATION: &str = "--annotation";

/// The annotations by their keys. What is wrong with them goes to `problems`.
pub(super) fn annotations(
    flags: &Written,
    no_manifest: bool,
    problems: &mut Problems,
) -> Result<BTreeMap<String, String>, Error> {
    let mut all = BTreeMap::new();
    for one in &flags.annotation {
        if all.insert(one.key.clone(), one.value.clone()).is_some() {
            problems.add(format!("{ANNOTATION} {}: the key is there twice", one.key));
        }
    }
    if let Err(problem) = check_annotations(&all) {
        problems.add(format!("{ANNOTATION}: {problem}"));
    }
    if !all.is_empty() && no_manifest {
        problems.note::<()>(Err(exclusive(ANNOTATION, "--no-manifest")))?;
    }
    Ok(all)
}
