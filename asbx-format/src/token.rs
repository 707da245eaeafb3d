//! A token: `digest, 20 bytes | length u48 | payload`, where the payload is a complete protocol
//! message with its own header (§1.2).

use alloc::vec::Vec;

use crate::error::{Error, ErrorKind, Position};
use crate::payload;

/// Size of a digest in bytes.
pub const DIGEST_SIZE: usize = 20;

/// Bytes of a token in front of its payload.
pub const HEAD_SIZE: usize = 26;

/// Shortest payload: the headers of frame and message.
pub const MIN_PAYLOAD: u64 = 30;

/// Longest payload: 128 MiB, its own header included.
pub const MAX_PAYLOAD: u64 = 128 << 20;

/// Bytes of the frame header in front of a message.
const FRAME_SIZE: usize = 8;

/// One version of a record, or its deletion, borrowed from the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Digest of the record, equal to that in the message.
    pub digest: &'a [u8; DIGEST_SIZE],
    /// The message: frame header and body.
    pub payload: &'a [u8],
}

/// Appends a token, with the mark of XDR taken from its message ([`payload::clear_xdr`]).
///
/// # Errors
/// What a decoder would refuse: a message of a wrong length, version or type, or without this
/// digest. Nothing is appended then.
pub fn encode(out: &mut Vec<u8>, digest: &[u8; DIGEST_SIZE], message: &[u8]) -> Result<(), Error> {
    check(digest, message).map_err(|(kind, at)| {
        let position = Position {
            offset: at,
            token: None,
        };
        Error::new(kind, position)
    })?;
    let [_, _, length @ ..] = len(message).to_be_bytes();
    out.extend_from_slice(digest);
    out.extend_from_slice(&length);
    let at = out.len();
    out.extend_from_slice(message);
    if let Some(stored) = out.get_mut(at..) {
        payload::clear_xdr(stored);
    }
    Ok(())
}

/// What is at the start of an input.
pub(crate) enum Found<'a> {
    /// A token of so many bytes.
    Token(Token<'a>, usize),
    /// So many bytes are needed; the input ends inside this part of the token.
    Incomplete(usize, &'static str),
}

/// Looks for a token at the start of `input`. An error comes with its offset.
pub(crate) fn split(input: &[u8]) -> Result<Found<'_>, (ErrorKind, u64)> {
    let Some((digest, rest)) = input.split_first_chunk::<DIGEST_SIZE>() else {
        return Ok(Found::Incomplete(HEAD_SIZE, "the digest of a token"));
    };
    let Some((&[l0, l1, l2, l3, l4, l5], rest)) = rest.split_first_chunk::<6>() else {
        return Ok(Found::Incomplete(HEAD_SIZE, "the length of a token"));
    };
    let length = u64::from_be_bytes([0, 0, l0, l1, l2, l3, l4, l5]);
    check_length(length)?;
    let Some(frame) = rest.first_chunk::<FRAME_SIZE>() else {
        let needed = HEAD_SIZE.saturating_add(FRAME_SIZE);
        return Ok(Found::Incomplete(needed, PAYLOAD));
    };
    check_frame(frame, length)?;
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    let whole = HEAD_SIZE.saturating_add(size);
    let Some(payload) = rest.get(..size) else {
        return Ok(Found::Incomplete(whole, PAYLOAD));
    };
    check_digest(digest, payload)?;
    Ok(Found::Token(Token { digest, payload }, whole))
}

const PAYLOAD: &str = "the payload of a token";

/// Offset of the length in a token.
const LENGTH_OFFSET: u64 = DIGEST_SIZE as u64;

/// Offset of the payload in a token.
const PAYLOAD_OFFSET: u64 = HEAD_SIZE as u64;

fn check(digest: &[u8; DIGEST_SIZE], message: &[u8]) -> Result<(), (ErrorKind, u64)> {
    let length = len(message);
    check_length(length)?;
    if let Some(frame) = message.first_chunk() {
        check_frame(frame, length)?;
    }
    check_digest(digest, message)
}

const fn check_length(found: u64) -> Result<(), (ErrorKind, u64)> {
    if found < MIN_PAYLOAD || found > MAX_PAYLOAD {
        return Err((ErrorKind::PayloadLength { found }, LENGTH_OFFSET));
    }
    Ok(())
}

fn check_frame(frame: &[u8; FRAME_SIZE], token: u64) -> Result<(), (ErrorKind, u64)> {
    let [version, kind, l0, l1, l2, l3, l4, l5] = *frame;
    if version != 2 {
        let found = ErrorKind::ProtocolVersion { found: version };
        return Err((found, PAYLOAD_OFFSET));
    }
    if kind != 3 {
        let found = ErrorKind::MessageType { found: kind };
        return Err((found, PAYLOAD_OFFSET.saturating_add(1)));
    }
    let body = u64::from_be_bytes([0, 0, l0, l1, l2, l3, l4, l5]);
    let message = body.saturating_add(FRAME_SIZE as u64);
    if message != token {
        return Err((ErrorKind::LengthsDiffer { token, message }, LENGTH_OFFSET));
    }
    Ok(())
}

fn check_digest(digest: &[u8; DIGEST_SIZE], message: &[u8]) -> Result<(), (ErrorKind, u64)> {
    let found =
        payload::digest(message).map_err(|(kind, at)| (kind, PAYLOAD_OFFSET.saturating_add(at)))?;
    if found != digest {
        return Err((ErrorKind::DigestsDiffer, 0));
    }
    Ok(())
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
