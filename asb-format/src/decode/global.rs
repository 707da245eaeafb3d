//! Global lines: indexes and UDF modules. Source: asb-text.md §6.

use crate::base64::Base64Text;
use crate::decode::Item;
use crate::decode::scanner::{Ending, Scan, Scanner};
use crate::error::ErrorKind;
use crate::index::{Index, IndexData, IndexKind, is_null};
use crate::name::NameField;
use crate::udf::{Udf, UdfLanguage};

/// Takes a line that begins with `*`.
pub(super) fn decode<'a>(scanner: &mut Scanner<'a>) -> Scan<Item<'a>> {
    scanner.literal(b"* ", "global line")?;
    let tag = scanner.peek("type of the global line")?;
    if !matches!(tag, b'i' | b'e' | b'u') {
        return Err(scanner.fail(ErrorKind::UnknownGlobal { found: tag }, 0));
    }
    scanner.skip(1);
    scanner.space()?;
    if tag == b'u' {
        udf(scanner).map(Item::Udf)
    } else {
        index(scanner, tag == b'e').map(Item::Index)
    }
}

fn udf<'a>(scanner: &mut Scanner<'a>) -> Scan<Udf<'a>> {
    let found = scanner.peek("UDF language")?;
    if found != b'L' {
        return Err(scanner.fail(ErrorKind::UnknownUdfLanguage { found }, 0));
    }
    scanner.skip(1);
    scanner.space()?;
    let name = scanner.full_name(NameField::Udf, Ending::Space)?;
    let size = scanner.size()?;
    let content = scanner.sized(size, false)?;
    Ok(Udf {
        language: UdfLanguage::Lua,
        name: scanner.text(name),
        content: content.bytes(scanner.input()),
    })
}

fn index<'a>(scanner: &mut Scanner<'a>, is_expression: bool) -> Scan<Index<'a>> {
    let namespace = scanner.full_name(NameField::Namespace, Ending::Space)?;
    let set = scanner.name(NameField::Set, Ending::Space)?;
    let name = scanner.full_name(NameField::Index, Ending::Space)?;
    let kind = letter(scanner, IndexKind::from_letter, |found| {
        ErrorKind::UnknownIndexKind { found }
    })?;
    scanner.space()?;
    paths(scanner)?;
    scanner.space()?;
    let bin = scanner.name(NameField::Bin, Ending::Space)?;
    let data = letter(scanner, IndexData::from_letter, |found| {
        ErrorKind::UnknownIndexData { found }
    })?;
    let tail = tail(scanner)?;

    let is_set = kind == IndexKind::Set || data == IndexData::Set;
    if is_set && (kind != IndexKind::Set || data != IndexData::Set || bin.len > 0 || set.len == 0) {
        return Err(scanner.fail_at(ErrorKind::BadSetIndex, bin.start));
    }
    if is_set && (is_expression || tail.is_some()) {
        return Err(scanner.fail_at(ErrorKind::BadSetIndex, bin.start));
    }
    if !is_set && bin.len == 0 {
        return Err(scanner.fail_at(
            ErrorKind::EmptyName {
                field: NameField::Bin,
            },
            bin.start,
        ));
    }

    // A set index must have a set, so there `null` can only be its name.
    let set_was_null = !is_set && is_null(&scanner.text(set).to_cow());
    Ok(Index {
        namespace: scanner.text(namespace),
        set: (set.len > 0 && !set_was_null).then(|| scanner.text(set)),
        set_was_null,
        name: scanner.text(name),
        kind,
        bin: (!is_set && !is_expression).then(|| scanner.text(bin)),
        data,
        context: tail.filter(|_| !is_expression),
        is_expression,
        expression: tail.filter(|_| is_expression),
    })
}

/// Takes one letter that `known` knows.
fn letter<T>(
    scanner: &mut Scanner<'_>,
    known: fn(u8) -> Option<T>,
    unknown: fn(u8) -> ErrorKind,
) -> Scan<T> {
    let found = scanner.peek("type letter")?;
    match known(found) {
        Some(value) => {
            scanner.skip(1);
            Ok(value)
        }
        None => Err(scanner.fail(unknown(found), 0)),
    }
}

/// Takes the number of paths, which is always 1.
fn paths(scanner: &mut Scanner<'_>) -> Scan<()> {
    let start = scanner.position();
    let found = scanner.unsigned(u64::from(u32::MAX))?;
    if found != 1 {
        return Err(scanner.fail_at(ErrorKind::IndexPaths { found }, start));
    }
    Ok(())
}

/// Takes context or expression, if any, and the end of the line. A space without anything behind
/// it is the same as neither.
fn tail<'a>(scanner: &mut Scanner<'a>) -> Scan<Option<Base64Text<'a>>> {
    if scanner.peek("space or line feed")? == b'\n' {
        scanner.skip(1);
        return Ok(None);
    }
    scanner.space()?;
    let start = scanner.position();
    let text = scanner.line("context or expression")?;
    match Base64Text::new(text) {
        Some(text) if !text.as_text().is_empty() => Ok(Some(text)),
        Some(_) => Ok(None),
        None => Err(scanner.bad_base64(text, start)),
    }
}
