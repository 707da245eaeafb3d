//! Header line and meta lines. Source: asb-text.md §2, §3.

use crate::decode::Item;
use crate::decode::scanner::{Ending, Scan, Scanner};
use crate::error::ErrorKind;
use crate::name::NameField;
use crate::version::Version;

const WORD: &[u8] = b"Version ";
const NAMESPACE: &[u8] = b"# namespace ";
const FIRST_FILE: &[u8] = b"# first-file\n";

/// Takes `Version d.d` and LF.
pub(super) fn version(scanner: &mut Scanner<'_>) -> Scan<Version> {
    let same = common(scanner.rest(), WORD);
    if same < WORD.len() {
        return match scanner.rest().get(same) {
            Some(_) => Err(scanner.fail(ErrorKind::BadHeader, same)),
            None => Err(scanner.need(WORD.len().saturating_add(4), "\"Version 3.1\"")),
        };
    }
    scanner.skip(WORD.len());
    let Some(&digits) = scanner.rest().first_chunk::<3>() else {
        return Err(scanner.need(4, "version number"));
    };
    let Some(version) = Version::from_digits(digits) else {
        let is_number = matches!(digits, [b'0'..=b'9', b'.', b'0'..=b'9']);
        let kind = if is_number {
            ErrorKind::UnsupportedVersion { found: digits }
        } else {
            ErrorKind::BadHeader
        };
        return Err(scanner.fail(kind, 0));
    };
    scanner.skip(3);
    if scanner.peek("line feed")? != b'\n' {
        return Err(scanner.fail(ErrorKind::BadHeader, 0));
    }
    scanner.skip(1);
    Ok(version)
}

/// Takes a line that begins with `#`.
pub(super) fn meta<'a>(scanner: &mut Scanner<'a>) -> Scan<Item<'a>> {
    let rest = scanner.rest();
    if rest.starts_with(FIRST_FILE) {
        scanner.skip(FIRST_FILE.len());
        return Ok(Item::FirstFile);
    }
    if rest.starts_with(NAMESPACE) {
        scanner.skip(NAMESPACE.len());
        let name = scanner.full_name(NameField::Namespace, Ending::Line)?;
        return Ok(Item::Namespace(scanner.text(name)));
    }
    let same = common(rest, FIRST_FILE).max(common(rest, NAMESPACE));
    match rest.get(same) {
        Some(_) => Err(scanner.fail(ErrorKind::UnknownMeta, same)),
        None => Err(scanner.need(NAMESPACE.len(), "meta line")),
    }
}

/// Length of the common prefix.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
