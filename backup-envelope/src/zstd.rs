//! ZSTD frames (RFC 8878) as backup files hold them: several in a row, no dictionary.
//!
//! The library does the work; here are the limits, the ends of frames and the words for errors.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod scan;
pub(crate) mod window;

/// First bytes of a frame.
pub(crate) const FRAME_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Last three of the four first bytes of a skippable frame; the first one is `50` to `5f`.
pub(crate) const SKIPPABLE_MAGIC_TAIL: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Whether `head` begins with the first bytes of a skippable frame.
pub(crate) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, tail @ ..] if tail.starts_with(&SKIPPABLE_MAGIC_TAIL))
}
