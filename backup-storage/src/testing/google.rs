//! What Google says differently from Amazon: generations in place of conditions on ETags, hashes, classes.

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum};
use http::{HeaderName, HeaderValue, Uri, request::Parts};

use super::{answer::Whole, front::decoded};

const CONDITION: &str = "x-goog-if-generation-match";
const GENERATION: HeaderName = HeaderName::from_static("x-goog-generation");
const HASH: HeaderName = HeaderName::from_static("x-goog-hash");
const CLASS: &str = "x-goog-storage-class";

/// Makes a request one of S3; returns the generation that the object must have, 0 for none.
pub(super) fn to_s3(parts: &mut Parts) -> Option<u64> {
    // Google's clients encode slashes in names, too.
    let path = decoded(parts.uri.path());
    let path: String = path.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let query = parts
        .uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    if let Ok(uri) = format!("{path}{query}").parse::<Uri>() {
        parts.uri = uri;
    }
    if let Some(class) = parts.headers.remove(CLASS) {
        parts.headers.insert("x-amz-storage-class", class);
    }
    parts.headers.remove(http::header::AUTHORIZATION);
    parts.headers.remove(CONDITION)?.to_str().ok()?.parse().ok()
}

fn encoded(part: &str) -> String {
    let byte = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    part.bytes().map(byte).collect()
}

/// A number that changes with the content.
pub(super) fn generation(e_tag: &str) -> u64 {
    let digits: String = e_tag
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(12)
        .collect();
    u64::from_str_radix(&digits, 16).unwrap_or(1)
}

/// Adds what Google's answers have. `content` is that of the whole object.
pub(super) fn from_s3(mut answer: Whole, content: Option<&Bytes>) -> Whole {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let e_tag = answer
        .headers()
        .get(http::header::ETAG)
        .and_then(|tag| tag.to_str().ok());
    if let Some(e_tag) = e_tag {
        let generation = generation(e_tag);
        answer.headers_mut().insert(GENERATION, generation.into());
    }
    if let Some(content) = content {
        let crc = checksum(CrcAlgorithm::Crc32Iscsi, content);
        let crc = u32::try_from(crc).unwrap_or_default().to_be_bytes();
        let hash = format!("crc32c={}", STANDARD.encode(crc));
        if let Ok(hash) = HeaderValue::from_str(&hash) {
            answer.headers_mut().insert(HASH, hash);
        }
    }
    answer
}
