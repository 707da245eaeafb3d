//! One object as the target: `-o KEY`, `-i KEY` with a bucket.

use std::sync::Arc;

use object_store::path::Path;

use super::{bucket::Inner, dir::ObjectDir};
use crate::{Entry, Error, ErrorKind, Operation, Result, Single, Store, name};

/// One object, and what is named after it: `KEY.lock`, `KEY.manifest.json` and the like. Neither its
/// neighbours nor these show in a listing.
pub type ObjectFile = Single<ObjectDir>;

pub(super) fn of_key(bucket: Arc<Inner>, key: &str) -> Result<ObjectFile> {
    let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
    let shown = format!("{}/{key}", bucket.shown);
    let is_plain = Path::parse(key).is_ok_and(|path| path.as_ref() == key);
    if name::check(name).is_err() || !is_plain {
        return Err(Error::new(ErrorKind::InvalidName, Operation::Name, shown));
    }
    let directory = ObjectDir::new(bucket, prefix)?;
    Ok(Single::of(directory, name.to_owned(), shown, list))
}

/// Asks for the one object only: the right to list is not needed.
fn list(directory: &ObjectDir, name: &str) -> Result<Vec<Entry>> {
    match directory.stat(name) {
        Ok(entry) => Ok(vec![entry]),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
