//! Info commands and their answers (`info-protocol.md` §1).
//!
//! A request is one command per line, each ended by LF. The reply has, in the same order,
//! `command TAB value LF`. Values never contain LF; binary content is base64.

use crate::frame::{self, FrameType};
use alloc::{string::String, vec::Vec};
use core::str::FromStr;

/// Appends a framed request of `commands`.
pub fn request(out: &mut Vec<u8>, commands: &[&str]) {
    let at = frame::begin(out, FrameType::Info);
    for command in commands {
        out.extend_from_slice(command.as_bytes());
        out.push(b'\n');
    }
    frame::finish(out, at);
}

/// The `(command, value)` pairs of a reply body, commands as they were sent. A line without TAB is a value without command:
/// a secured node answers one that did not log in with `ERROR:80:not authenticated` alone.
pub fn replies(body: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    items(body, b'\n').map(|line| split_once(line, b'\t').unwrap_or((&[], line)))
}

/// The commands of a request body. An unterminated last one is dropped, as the server does.
pub fn commands(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memrchr(b'\n', body).unwrap_or(0);
    let whole = body.get(..end).filter(|_| body.contains(&b'\n'));
    whole
        .into_iter()
        .flat_map(|text| text.split(|byte| *byte == b'\n'))
}

/// The parts of `text` between separators; empty parts are left out.
pub fn items(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    text.split(move |byte| *byte == separator)
        .filter(|item| !item.is_empty())
}

/// `key=value` pairs between separators, split at the **first** `=`: base64 values contain more.
/// A part without `=` comes with an empty value.
pub fn pairs(text: &[u8], separator: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
    items(text, separator).map(|item| split_once(item, b'=').unwrap_or((item, &[])))
}

/// The value of `key` among the `key=value` pairs of `text`.
#[must_use]
pub fn value<'a>(text: &'a [u8], separator: u8, key: &[u8]) -> Option<&'a [u8]> {
    pairs(text, separator)
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value)
}

/// Cuts `text` at the first `separator`.
#[must_use]
pub fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, text)?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

/// A decimal number that fills all of `text`.
#[must_use]
pub fn number<T: FromStr>(text: &[u8]) -> Option<T> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// A refusal in an info value (`info-protocol.md` §1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Result code; 1 where the server leaves it out.
    pub code: u16,
    /// The server's text.
    pub message: String,
}

/// The refusal that `value` is, if it is one: `ERROR` or `FAIL` (any case), alone or followed by
/// `:code:message`, or `error=reason` (UDF commands). Only the start counts: a set may be called
/// ERROR. Some commands say `type=unknown` or `ns_type=unknown` instead, which is not one.
#[must_use]
pub fn refusal(value: &[u8]) -> Option<Refusal> {
    let text = String::from_utf8_lossy(value);
    if let Some(reason) = text.strip_prefix("error=") {
        return Some(Refusal {
            code: 1,
            message: reason.into(),
        });
    }
    let mut parts = text.splitn(3, ':');
    let word = parts.next()?;
    if !word.eq_ignore_ascii_case("ERROR") && !word.eq_ignore_ascii_case("FAIL") {
        return None;
    }
    let code = parts.next().and_then(|code| code.parse().ok()).unwrap_or(1);
    Some(Refusal {
        code,
        message: parts.next().unwrap_or(&text).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn request_and_reply() {
        let mut out = Vec::new();
        request(&mut out, &["build"]);
        assert_eq!(out, [&[2, 1, 0, 0, 0, 0, 0, 6][..], b"build\n"].concat());
        let found: Vec<_> = replies(b"build\t8.1.2.0\nnode\tA1\n").collect();
        assert_eq!(found, [(&b"build"[..], &b"8.1.2.0"[..]), (b"node", b"A1")]);
    }

    #[test]
    fn an_unterminated_command_is_dropped() {
        let all = |body: &'static [u8]| commands(body).collect::<Vec<_>>();
        assert_eq!(all(b"build\nnode"), vec![&b"build"[..]]);
        assert_eq!(all(b"build\n\nnode\n"), vec![&b"build"[..], b"", b"node"]);
        assert!(all(b"build").is_empty());
        assert!(all(b"").is_empty());
        assert_eq!(all(b"\n"), vec![&b""[..]]);
    }

    #[test]
    fn refusals_are_known_by_their_start() {
        let check = |value: &str, code, message: &str| {
            let found = refusal(value.as_bytes()).unwrap();
            assert_eq!((found.code, found.message.as_str()), (code, message));
        };
        check("ERROR:4:unrecognized command", 4, "unrecognized command");
        check("ERROR::oops", 1, "oops");
        check("FAIL:201:no index", 201, "no index");
        check("FAIL", 1, "FAIL");
        check("error=not_found", 1, "not_found");
        for fine in ["ok", "", "ns=test:set=ERROR:objects=1", "ERRORS=3"] {
            assert_eq!(refusal(fine.as_bytes()), None, "{fine}");
        }
    }
}
