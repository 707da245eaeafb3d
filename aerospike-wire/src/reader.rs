//! One bounded reader does all slicing of peer bytes, so that message code never indexes.

use crate::error::{Error, ErrorKind};

/// A cursor over bytes that are present. Every read is checked; errors carry the offset.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) const fn offset(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(crate) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let end = self.at.saturating_add(len);
        match self.bytes.get(self.at..end) {
            Some(slice) => {
                self.at = end;
                Ok(slice)
            }
            None => Err(self.truncated(len as u64, what)),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.first_chunk::<N>() {
            Some(chunk) => {
                self.at = self.at.saturating_add(N);
                Ok(*chunk)
            }
            None => Err(self.truncated(N as u64, what)),
        }
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        Ok(u8::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    /// Everything that is left, without reading it.
    pub(crate) fn peek_rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind, self.at)
    }

    fn truncated(&self, needed: u64, what: &'static str) -> Error {
        self.error(ErrorKind::Truncated {
            what,
            needed,
            present: self.left() as u64,
        })
    }
}

/// Overwrites the four bytes at `at` with `value`; used to patch a size once it is known.
pub(crate) fn patch_u32(out: &mut [u8], at: usize, value: u32) {
    if let Some(slot) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *slot = value.to_be_bytes();
    }
}

/// Overwrites the two bytes at `at` with `value`.
pub(crate) fn patch_u16(out: &mut [u8], at: usize, value: u16) {
    if let Some(slot) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<2>) {
        *slot = value.to_be_bytes();
    }
}

/// `len` as the u32 that the wire has for it. Message builders never exceed it: a frame ends at
/// 128 MiB; a caller who tries gets the largest value, which every peer refuses.
pub(crate) fn wire_len(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
