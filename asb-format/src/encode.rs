//! The encoder: appends lines to a vector.
//!
//! Room for a line is reserved once and constant bytes are copied together, which is what makes
//! it fast. Nothing is checked: what servers allow fits the format, and sizes above 2^32-1 do not
//! occur there.

mod record;

use alloc::vec::Vec;

use crate::index::{IndexData, IndexDef, IndexKind, is_null};
use crate::version::Version;

pub use self::record::RecordHead;

/// Writes the lines of a file in the order in which its methods are called: header, meta lines,
/// indexes and modules, then for each record its head and as many bins as the head says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Encoder {
    /// Write blobs, lists, maps and their like raw (`- M! …`) instead of in base64.
    pub compact: bool,
}

impl Encoder {
    /// An encoder for base64 blobs.
    #[must_use]
    pub const fn new() -> Self {
        Self { compact: false }
    }

    /// An encoder for raw blobs, all ten kinds of them (asb-text.md §7.2). Keys are in base64
    /// all the same.
    #[must_use]
    pub const fn compact() -> Self {
        Self { compact: true }
    }

    /// Appends the first line. Source: asb-text.md §2.
    pub fn header(&self, out: &mut Vec<u8>, version: Version) {
        push_all(out, [b"Version ", version.as_str().as_bytes(), b"\n"]);
    }

    /// Appends `# namespace <namespace>`. Source: asb-text.md §3.
    pub fn namespace_meta(&self, out: &mut Vec<u8>, namespace: &[u8]) {
        out.extend_from_slice(b"# namespace ");
        push_name(out, namespace);
        out.push(b'\n');
    }

    /// Appends `# first-file`. Source: asb-text.md §3.
    pub fn first_file(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# first-file\n");
    }

    /// Appends an index as `* i`, or as `* e` if it has an expression. Source: asb-text.md §6.1,
    /// §6.2, §6.4.
    pub fn index(&self, out: &mut Vec<u8>, index: &IndexDef<'_>) {
        let is_set = index.kind == IndexKind::Set;
        let bin = match (is_set, index.expression) {
            (true, _) => &b""[..],
            (false, Some(_)) => b"null",
            (false, None) => index.bin,
        };
        let data = if is_set { IndexData::Set } else { index.data };
        out.extend_from_slice(if index.expression.is_some() {
            b"* e "
        } else {
            b"* i "
        });
        push_name(out, index.namespace);
        out.push(b' ');
        push_name(
            out,
            index
                .set
                .filter(|set| is_set || !is_null(set))
                .unwrap_or_default(),
        );
        out.push(b' ');
        push_name(out, index.name);
        out.extend_from_slice(&[b' ', index.kind.letter(), b' ', b'1', b' ']);
        push_name(out, bin);
        out.extend_from_slice(&[b' ', data.letter()]);
        if let Some(text) = index.expression.or(index.context) {
            push_all(out, [b" ", text.as_text()]);
        }
        out.push(b'\n');
    }

    /// Appends a Lua module. Source: asb-text.md §6.3.
    pub fn udf(&self, out: &mut Vec<u8>, name: &[u8], content: &[u8]) {
        out.extend_from_slice(b"* u L ");
        push_name(out, name);
        push_all(
            out,
            [
                b" ",
                itoa::Buffer::new().format(content.len()).as_bytes(),
                b" ",
                content,
                b"\n",
            ],
        );
    }
}

/// Appends the parts after reserving room for all of them.
fn push_all<const N: usize>(out: &mut Vec<u8>, parts: [&[u8]; N]) {
    out.reserve(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Appends a name with its escapes. Source: asb-text.md §4.
#[inline]
fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    // Without early exit this becomes a loop over whole registers.
    if name
        .iter()
        .fold(false, |found, &byte| found | is_special(byte))
    {
        push_escaped(out, name);
    } else {
        out.extend_from_slice(name);
    }
}

#[cold]
fn push_escaped(out: &mut Vec<u8>, name: &[u8]) {
    for &byte in name {
        if is_special(byte) {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

#[inline]
const fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b' ' | b'\n')
}
