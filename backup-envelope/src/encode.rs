//! Text to stored bytes: ZSTD, then AES, into a buffer of the caller.

use crate::aes_ctr::{AesCtr, Iv};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::zstd::encode::{Level, ZstdEncoder};

/// What lies round a file that is written. The default is nothing.
#[derive(Debug, Default)]
pub struct EncoderOptions {
    /// Level of ZSTD; `None` stores the text as it is.
    pub compression: Option<Level>,
    /// Key and start of the counter; `None` does not encrypt. The start must be 16 fresh random
    /// bytes for each new file, and for a resumed one [`Iv::from_header`] of its first bytes.
    pub encryption: Option<(Key, Iv)>,
}

/// Writer of one file. Every call appends to `out`, which is best used again after its bytes are
/// stored; when a call fails, `out` is as before and the encoder must be dropped.
#[derive(Debug)]
pub struct Encoder {
    zstd: Option<ZstdEncoder>,
    cipher: Option<AesCtr>,
    /// Written by the first call.
    header: Option<[u8; 16]>,
    stored_len: u64,
}

impl Encoder {
    /// A writer of a new file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfMemory`] or [`ErrorKind::Library`].
    pub fn new(options: EncoderOptions) -> Result<Self, Error> {
        Self::resume(options, 0)
    }

    /// A writer that goes on with a file that was cut to `stored_len` bytes, a length that
    /// [`stored_len`](Self::stored_len) gave right after [`end_frame`](Self::end_frame). With 0
    /// it is a new file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadResume`] when `stored_len` lies inside the header of an encrypted file; or
    /// those of [`new`](Self::new).
    pub fn resume(options: EncoderOptions, stored_len: u64) -> Result<Self, Error> {
        Self::at(options, stored_len).map_err(|kind| Error::new(kind, stored_len))
    }

    fn at(options: EncoderOptions, stored_len: u64) -> Result<Self, ErrorKind> {
        let mut encoder = Self {
            zstd: options.compression.map(ZstdEncoder::new).transpose()?,
            cipher: None,
            header: None,
            stored_len,
        };
        if let Some((key, iv)) = &options.encryption {
            let header = (stored_len == 0).then(|| iv.header(key));
            let from = header.map_or(stored_len, |header| header.len() as u64);
            encoder.cipher = Some(AesCtr::after(key, *iv, from)?);
            encoder.header = header;
        }
        Ok(encoder)
    }

    /// Whether the stored bytes are the text itself, so that a caller may store it without a copy.
    /// It may leave this encoder out then.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.zstd.is_none() && self.cipher.is_none()
    }

    /// Bytes that were appended since the start of the file, those before a resume included. What
    /// the compressor still holds is not in it.
    #[must_use]
    pub const fn stored_len(&self) -> u64 {
        self.stored_len
    }

    /// Appends the stored form of `text`, as far as the compressor gives it out.
    ///
    /// `text` should be whole items: after the call that brings a frame to
    /// [`FRAME_TEXT_BYTES`](crate::FRAME_TEXT_BYTES) the frame is ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Library`], such as for lack of memory.
    pub fn write(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.write_part(text, out)?;
        self.append(out, |zstd, out| match zstd {
            Some(zstd) => zstd.end_if_long(out),
            None => Ok(()),
        })
    }

    /// The same for a piece of `text` that more of the same items follow: the frame goes on.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_part(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        self.append(out, |zstd, out| match zstd {
            Some(zstd) => zstd.write(text, out),
            None => {
                out.extend_from_slice(text);
                Ok(())
            }
        })
    }

    /// Makes a durable point: all text so far is in the stored bytes, and when they are safe the
    /// file may be cut here and [resumed](Self::resume). Without new text nothing is appended.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn end_frame(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.append(out, |zstd, out| match zstd {
            Some(zstd) => zstd.end_frame(out),
            None => Ok(()),
        })
    }

    /// Appends the end of the file and returns its length. A compressed file without text gets a
    /// frame without content, so that it can be recognised.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<u64, Error> {
        self.end_frame(out)?;
        let content = self.stored_len.saturating_sub(self.header_len());
        if content == 0 {
            self.append(out, |zstd, out| {
                zstd.as_mut().map_or(Ok(()), |zstd| zstd.end(out))
            })?;
        }
        Ok(self.stored_len)
    }

    fn header_len(&self) -> u64 {
        if self.cipher.is_some() { 16 } else { 0 }
    }

    /// Appends the header if it is due, then what `compress` gives, encrypted in place.
    fn append(
        &mut self,
        out: &mut Vec<u8>,
        compress: impl FnOnce(&mut Option<ZstdEncoder>, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let before = out.len();
        out.extend_from_slice(
            self.header
                .take()
                .as_ref()
                .map_or(&[], <[u8; 16]>::as_slice),
        );
        let content = out.len();
        if let Err(kind) = compress(&mut self.zstd, out) {
            out.truncate(before);
            return Err(Error::new(kind, self.stored_len));
        }
        if let (Some(cipher), Some(fresh)) = (&mut self.cipher, out.get_mut(content..)) {
            cipher.apply(fresh);
        }
        let appended = out.len().saturating_sub(before);
        self.stored_len = self.stored_len.saturating_add(appended as u64);
        Ok(())
    }
}
