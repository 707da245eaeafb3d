//! PEM armour: the first private key in a text.

use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

use crate::error::KeyError;
use crate::key::private_key;

/// How the first line of every section begins.
const BEGIN: &[u8] = b"-----BEGIN";
/// How the last line of every section begins.
const END: &[u8] = b"-----END";
/// How both end.
const DASHES: &[u8] = b"-----";

/// Whether there is a section in it.
pub(crate) fn is_pem(text: &[u8]) -> bool {
    find(text, BEGIN).is_some()
}

/// The key bytes of the first private key.
pub(crate) fn key_bytes(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(KeyError::Empty);
    }
    // Both armours of protected keys have the word: a label of its own, or a header line.
    if is_pem(text) && find(text, b"ENCRYPTED").is_some() {
        return Err(KeyError::Protected);
    }
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|_| KeyError::Pem)?;
        let der = Zeroizing::new(der);
        match kind {
            SectionKind::PrivateKey => return private_key::pkcs8(&der),
            SectionKind::RsaPrivateKey => return private_key::pkcs1(&der),
            SectionKind::EcPrivateKey => return private_key::sec1(&der),
            _ => {}
        }
    }
    Err(KeyError::NoPrivateKey)
}

/// Puts line breaks after the first and before the last marker, which variables tend to lose.
pub(crate) fn with_line_breaks(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len().saturating_add(16)));
    let mut rest = text;
    while let Some(marker) = next_marker(rest) {
        out.extend_from_slice(rest.get(..marker.start).unwrap_or_default());
        out.push(b'\n');
        out.extend_from_slice(rest.get(marker.clone()).unwrap_or_default());
        out.push(b'\n');
        rest = rest.get(marker.end..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// The next `-----BEGIN …-----` or `-----END …-----`.
fn next_marker(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = match (find(text, BEGIN), find(text, END)) {
        (Some(begin), Some(end)) => begin.min(end),
        (begin, end) => begin.or(end)?,
    };
    let label = start.saturating_add(DASHES.len());
    let len = find(text.get(label..)?, DASHES)?;
    let end = label.saturating_add(len).saturating_add(DASHES.len());
    Some(start..end)
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len())
        .position(|window| window == pattern)
}
