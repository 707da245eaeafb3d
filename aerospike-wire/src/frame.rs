//! The 8-byte header in front of every request and reply (`wire-protocol.md` §2).
//!
//! | offset | size | meaning |
//! | --- | --- | --- |
//! | 0 | u8 | version, always 2 |
//! | 1 | u8 | [`FrameType`] |
//! | 2 | u48 | length of the body that follows, header not counted |

use crate::{
    error::{Error, ErrorKind},
    reader::Reader,
};
use alloc::vec::Vec;

/// Size of the header in bytes.
pub const HEADER_SIZE: usize = 8;

/// Largest body either side accepts: 128 MiB.
pub const MAX_BODY: u64 = 128 << 20;

/// The one protocol version.
pub const VERSION: u8 = 2;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// Text commands and their answers ([`crate::info`]).
    Info = 1,
    /// Login and user administration.
    Admin = 2,
    /// Data messages ([`crate::message`]): one in a request, one or many in a reply.
    Message = 3,
    /// A zlib-compressed data frame (Enterprise only).
    Compressed = 4,
}

impl FrameType {
    /// The type for a wire byte, if it is one that a client meets.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Info),
            2 => Some(Self::Admin),
            3 => Some(Self::Message),
            4 => Some(Self::Compressed),
            _ => None,
        }
    }
}

/// A checked frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the body is.
    pub kind: FrameType,
    /// Length of the body in bytes, at most [`MAX_BODY`].
    pub body_len: u32,
}

impl FrameHeader {
    /// Reads a header from the start of `bytes`.
    ///
    /// # Errors
    /// Fewer than eight bytes, another version than 2, an unknown type, a length over
    /// [`MAX_BODY`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let [version, code, l0, l1, l2, l3, l4, l5] = reader.array::<8>("frame header")?;
        if version != VERSION {
            return Err(Error::new(ErrorKind::Version { found: version }, 0));
        }
        let Some(kind) = FrameType::from_code(code) else {
            return Err(Error::new(ErrorKind::FrameType { found: code }, 1));
        };
        let found = u64::from_be_bytes([0, 0, l0, l1, l2, l3, l4, l5]);
        match u32::try_from(found) {
            Ok(body_len) if found <= MAX_BODY => Ok(Self { kind, body_len }),
            _ => Err(Error::new(
                ErrorKind::FrameTooLarge {
                    found,
                    limit: MAX_BODY,
                },
                2,
            )),
        }
    }

    /// The header as it goes on the wire.
    #[must_use]
    pub fn to_bytes(self) -> [u8; HEADER_SIZE] {
        let [l0, l1, l2, l3] = self.body_len.to_be_bytes();
        [VERSION, self.kind as u8, 0, 0, l0, l1, l2, l3]
    }
}

/// Starts a frame at the end of `out`; [`finish`] fills in the length.
/// Returns the position to give to [`finish`].
#[must_use]
pub fn begin(out: &mut Vec<u8>, kind: FrameType) -> usize {
    let at = out.len();
    out.extend_from_slice(&FrameHeader { kind, body_len: 0 }.to_bytes());
    at
}

/// Ends the frame that [`begin`] started at `at`: everything after its header is its body.
pub fn finish(out: &mut [u8], at: usize) {
    let body = out.len().saturating_sub(at).saturating_sub(HEADER_SIZE);
    crate::reader::patch_u32(out, at.saturating_add(4), crate::reader::wire_len(body));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_round_trips_and_refuses_hostile_lengths() {
        let header = FrameHeader {
            kind: FrameType::Message,
            body_len: 93,
        };
        assert_eq!(header.to_bytes(), [2, 3, 0, 0, 0, 0, 0, 0x5d]);
        assert_eq!(FrameHeader::parse(&header.to_bytes()), Ok(header));
        let check = |bytes: &[u8], kind: ErrorKind| {
            assert_eq!(FrameHeader::parse(bytes).unwrap_err().kind(), &kind);
        };
        check(&[1, 3, 0, 0, 0, 0, 0, 1], ErrorKind::Version { found: 1 });
        check(&[2, 9, 0, 0, 0, 0, 0, 1], ErrorKind::FrameType { found: 9 });
        check(
            &[2, 3, 0x80, 0, 0, 0, 0, 0],
            ErrorKind::FrameTooLarge {
                found: 1 << 47,
                limit: MAX_BODY,
            },
        );
        check(
            &[2, 3, 0, 0],
            ErrorKind::Truncated {
                what: "frame header",
                needed: 8,
                present: 4,
            },
        );
    }
}
