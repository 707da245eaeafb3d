//! The namespace of a backup where nobody has said it: every file begins with it
//! (`asb-text.md` §3), and every record names it.

use super::{RestoreSource, Unwrap};
use crate::error::Error;
use asb_format::{Decoder, Item, Step};
use backup_storage::{Entry, ErrorKind, Store, StoreExt};
use std::{io::Read, sync::Arc};

/// Stored bytes that are looked at, at most: a large module may stand before the first record of a
/// file without a head.
const LOOK_BYTES: u64 = 1 << 20;

/// Text that is looked at, at most.
const TEXT_BYTES: usize = 1 << 20;

/// The namespace that the first file of `source` is of; `None` = it does not say. A stream is left
/// alone: [`namespace_in`] takes what was seen of it. Blocks.
///
/// # Errors
/// [`Error::Envelope`] for a file that is wrapped otherwise, or what the storage says.
pub fn find_namespace(source: &RestoreSource, unwrap: &Unwrap) -> Result<Option<String>, Error> {
    for store in source.stores() {
        if !store.capabilities().named {
            continue;
        }
        let Some(entry) = first_file(store)? else {
            continue;
        };
        let mut beginning = Vec::new();
        let download = store.open_entry(&entry)?;
        let read = download.take(LOOK_BYTES).read_to_end(&mut beginning);
        read.map_err(backup_storage::Error::from_read)?;
        return namespace_in(&store.location_of(&entry.name), &beginning, unwrap);
    }
    Ok(None)
}

/// The file whose name comes first, of those with content. None where there is nothing to restore.
fn first_file(store: &Arc<dyn Store>) -> Result<Option<Entry>, Error> {
    let found = match store.single_name() {
        Some(name) => store.stat(name).map(|entry| vec![entry]),
        None => store.list(),
    };
    let mut entries = match found {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let is_single = store.single_name().is_some();
    entries.retain(|entry| (is_single || entry.is_backup_file()) && entry.size != Some(0));
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries.into_iter().next())
}

/// The namespace in the first bytes of `file`; `None` = they do not go that far.
///
/// # Errors
/// [`Error::Envelope`] when they are wrapped otherwise.
pub fn namespace_in(
    file: &str,
    beginning: &[u8],
    unwrap: &Unwrap,
) -> Result<Option<String>, Error> {
    let mut text = Vec::with_capacity(TEXT_BYTES);
    let mut envelope = backup_envelope::Decoder::new(unwrap.decoder_options());
    let unwrapped = envelope.read(beginning, &mut text);
    unwrapped.map_err(|source| Error::Envelope {
        file: file.to_owned(),
        source,
    })?;
    let (mut decoder, mut rest) = (Decoder::new(), &text[..]);
    // What is wrong with the text is said with its place by those who read all of it.
    while let Ok(Step::Complete { consumed, item }) = decoder.decode(rest, false) {
        let name = match item {
            Item::Namespace(name) => Some(name),
            Item::Record(record) => Some(record.namespace),
            Item::Index(index) => Some(index.namespace),
            Item::Header(_) | Item::FirstFile | Item::Udf(_) => None,
        };
        if let Some(name) = name {
            return Ok(Some(String::from_utf8_lossy(&name.to_cow()).into_owned()));
        }
        rest = rest.get(consumed..).unwrap_or_default();
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        namespace_in("x.asb", text.as_bytes(), &Unwrap::default()).expect("plain text")
    }

    #[test]
    fn the_head_or_the_first_item_tells() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(found(text).as_deref(), expected, "{text}");
        };
        check(
            "Version 3.1\n# namespace my\\ ns\n# first-file\n",
            Some("my ns"),
        );
        check("Version 3.1\n* i test set name N 1 bin N\n", Some("test"));
        let record = "+ n test\n+ d aaaaaaaaaaaaaaaaaaaaaaaaaaa=\n+ s set\n+ g 1\n+ t 0\n+ b 0\n";
        check(&format!("Version 3.1\n{record}+ n"), Some("test"));
        check("Version 3.1\n", None);
        check("Version 3.1\n# names", None);
        check("", None);
    }
}
