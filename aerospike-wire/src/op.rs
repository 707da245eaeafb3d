//! Operations of a data message, which also carry the bins of replies (`wire-protocol.md` §3.4).
//!
//! `u32 size | u8 op code | u8 particle type | u8 flags | u8 name length | name | [u64 lut] |
//! value`, where size counts everything after itself. Flag bit 0 says that a last-update time
//! stands between name and value.

use crate::reader::{Reader, patch_u32, wire_len};
use alloc::vec::Vec;

/// Operation codes.
pub mod code {
    /// Read one bin by name; also every bin of a reply.
    pub const READ: u8 = 1;
    /// Write a bin; particle type 0 deletes it.
    pub const WRITE: u8 = 2;
    /// List or map read.
    pub const CDT_READ: u8 = 3;
    /// List or map change.
    pub const CDT_MODIFY: u8 = 4;
    /// Add to an integer or a double.
    pub const INCR: u8 = 5;
    /// Append to a string or blob.
    pub const APPEND: u8 = 9;
    /// Prepend to a string or blob.
    pub const PREPEND: u8 = 10;
    /// Renew the expiry.
    pub const TOUCH: u8 = 11;
    /// Remove all bins.
    pub const DELETE_ALL: u8 = 14;
}

/// Longest bin name in bytes.
pub const MAX_BIN_NAME: usize = 15;

/// Flag bit: eight bytes of last-update time precede the value.
pub const HAS_LUT: u8 = 0x01;

/// Bytes of an operation before its name, size included.
pub(crate) const HEAD: usize = 8;

/// An operation, or a bin of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op<'a> {
    /// Operation code, see [`code`].
    pub code: u8,
    /// Particle type byte of the value, see [`crate::particle::ParticleType`].
    pub particle: u8,
    /// Bin name, 0 to 255 bytes as sent (servers allow 15).
    pub name: &'a [u8],
    /// Value bytes without the last-update time.
    pub value: &'a [u8],
}

/// Iterator over operations whose sizes were checked when the message was made.
#[derive(Debug, Clone)]
pub struct Ops<'a> {
    reader: Reader<'a>,
}

impl<'a> Ops<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(bytes),
        }
    }
}

impl<'a> Iterator for Ops<'a> {
    type Item = Op<'a>;

    #[inline]
    fn next(&mut self) -> Option<Op<'a>> {
        let [s0, s1, s2, s3, code, particle, flags, name_len] =
            self.reader.array::<HEAD>("op").ok()?;
        let size = usize::try_from(u32::from_be_bytes([s0, s1, s2, s3])).ok()?;
        let body = self.reader.take(size.checked_sub(4)?, "op").ok()?;
        let (name, rest) = body.split_at_checked(usize::from(name_len))?;
        let value = if flags & HAS_LUT == 0 {
            rest
        } else {
            rest.get(8..)?
        };
        Some(Op {
            code,
            particle,
            name,
            value,
        })
    }
}

/// Appends an operation. A name over 255 bytes is cut; servers refuse more than
/// [`MAX_BIN_NAME`] with result 21.
pub fn put(out: &mut Vec<u8>, code: u8, particle: u8, name: &[u8], value: &[u8]) {
    let at = begin(out, code, particle, name);
    out.extend_from_slice(value);
    finish(out, at);
}

/// Appends an operation up to its value; the caller appends the value and calls [`finish`] with
/// the position returned here. For values that are decoded straight into `out`.
#[must_use]
pub fn begin(out: &mut Vec<u8>, code: u8, particle: u8, name: &[u8]) -> usize {
    let at = out.len();
    let name = name.get(..255).unwrap_or(name);
    let [.., name_len] = wire_len(name.len()).to_be_bytes();
    out.extend_from_slice(&[0, 0, 0, 0, code, particle, 0, name_len]);
    out.extend_from_slice(name);
    at
}

/// As [`begin`], with a name that `fill` appends; it must not append more than 255 bytes.
#[must_use]
pub fn begin_with(
    out: &mut Vec<u8>,
    code: u8,
    particle: u8,
    fill: impl FnOnce(&mut Vec<u8>),
) -> usize {
    let at = begin(out, code, particle, &[]);
    let name = out.len();
    fill(out);
    let [.., name_len] = wire_len(out.len().saturating_sub(name)).to_be_bytes();
    if let Some(slot) = out.get_mut(name.saturating_sub(1)) {
        *slot = name_len;
    }
    at
}

/// Ends the operation that [`begin`] started at `at`.
pub fn finish(out: &mut [u8], at: usize) {
    let size = out.len().saturating_sub(at).saturating_sub(4);
    patch_u32(out, at, wire_len(size));
}
