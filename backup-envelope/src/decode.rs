//! Stored bytes to text: AES, then ZSTD if the content is compressed.
//!
//! The hard part is the middle: with encryption the compressed bytes exist nowhere but here, so up
//! to [`PENDING_BYTES`] of them are held between the calls. Bytes that were taken from the caller
//! are never asked for again.

use crate::aes_ctr::{AesCtr, HEADER_BYTES, HEADER_LEN, Iv};
use crate::detect::{Content, Mismatch, Verdict};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::zstd::decode::ZstdDecoder;
use crate::zstd::window::WindowLog;

/// Decrypted bytes that wait for the decompressor, at most.
const PENDING_BYTES: usize = 64 * 1024;

/// Stored bytes kept for the explanation of a file that cannot be read.
const KEPT_BYTES: usize = 64;

/// What is expected of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// ZSTD if it begins with a frame, plain if it begins as a backup does; else refused.
    #[default]
    Detect,
    /// A plain backup, else refused.
    Plain,
    /// ZSTD frames, else refused.
    Zstd,
}

/// How to read a file from its start. The default detects compression and decrypts nothing.
#[derive(Debug, Default)]
pub struct DecoderOptions {
    /// What is expected of the content.
    pub compression: Compression,
    /// The key if the file is encrypted.
    pub key: Option<Key>,
    /// The largest window of a frame; bounds the memory of the decoder.
    pub window_log: WindowLog,
}

/// How to read a part of a file, whose beginning somebody else has looked at.
#[derive(Debug)]
pub struct PartOptions {
    /// ZSTD frames or the text itself. A ZSTD part must begin at a frame.
    pub zstd: bool,
    /// Key and start of the counter ([`Iv::from_header`]) if the file is encrypted.
    pub encryption: Option<(Key, Iv)>,
    /// The largest window of a frame.
    pub window_log: WindowLog,
    /// Where the part begins, in stored bytes from the start of the file, header included.
    pub stored_offset: u64,
}

/// What a call of [`Decoder::read`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Stored bytes that were taken.
    pub consumed: usize,
    /// What the decoder needs to go on.
    pub wants: Wants,
}

/// What the decoder needs to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Further stored bytes; all that was given is taken and all its text is out.
    Input,
    /// Room for text; there may be more of it even if all input was taken.
    Room,
}

/// Reader of one file, or of a part of one.
#[derive(Debug)]
pub struct Decoder {
    decryption: Decryption,
    stage: Stage,
    /// Content before decompression, and how much of it is done.
    pending: Vec<u8>,
    done: usize,
    /// The first stored bytes.
    kept: Vec<u8>,
    /// Where the content begins, in stored bytes.
    content_start: u64,
    /// Stored bytes taken, those before a part included.
    stored: u64,
}

/// What lies between the stored bytes and the content.
#[derive(Debug)]
enum Decryption {
    None,
    /// The header is not complete.
    Header(Key),
    Running(AesCtr),
}

/// What the content is.
#[derive(Debug)]
enum Stage {
    /// Not known before its first bytes are there.
    Unknown(Compression, WindowLog),
    Plain,
    Zstd(ZstdDecoder),
}

impl Decoder {
    /// A reader at the start of a file.
    #[must_use]
    pub fn new(options: DecoderOptions) -> Self {
        let content_start = if options.key.is_some() { HEADER_LEN } else { 0 };
        let decryption = options.key.map_or(Decryption::None, Decryption::Header);
        let stage = Stage::Unknown(options.compression, options.window_log);
        Self::with(decryption, stage, content_start, 0)
    }

    /// A reader of a part.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadResume`] for an offset inside the header of an encrypted file, or
    /// [`ErrorKind::OutOfMemory`].
    pub fn part(options: PartOptions) -> Result<Self, Error> {
        let at = options.stored_offset;
        Self::part_at(options).map_err(|kind| Error::new(kind, at))
    }

    fn part_at(options: PartOptions) -> Result<Self, ErrorKind> {
        let at = options.stored_offset;
        let decryption = match &options.encryption {
            Some((key, iv)) => Decryption::Running(AesCtr::after(key, *iv, at)?),
            None => Decryption::None,
        };
        let stage = match options.zstd {
            true => Stage::Zstd(ZstdDecoder::new(options.window_log)?),
            false => Stage::Plain,
        };
        Ok(Self::with(decryption, stage, at, at))
    }

    fn with(decryption: Decryption, stage: Stage, content_start: u64, stored: u64) -> Self {
        Self {
            decryption,
            stage,
            pending: Vec::new(),
            done: 0,
            kept: Vec::new(),
            content_start,
            stored,
        }
    }

    /// Stored bytes that were taken, those before a part included.
    #[must_use]
    pub const fn stored_offset(&self) -> u64 {
        self.stored
    }

    /// Whether the content is compressed; `None` before its first bytes were seen.
    #[must_use]
    pub const fn is_compressed(&self) -> Option<bool> {
        match self.stage {
            Stage::Unknown(..) => None,
            Stage::Plain => Some(false),
            Stage::Zstd(_) => Some(true),
        }
    }

    /// Takes stored bytes and appends text to `out`, as far as `out` has room already: it is never
    /// made larger, so its capacity bounds what a call gives, whatever the file claims.
    ///
    /// Call it again with the rest of the input while it wants room, with new input when it wants
    /// that, and [`finish`](Self::finish) when there is none.
    ///
    /// # Errors
    ///
    /// When the content is not what was expected, or is damaged. The decoder must be dropped then.
    pub fn read(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, Error> {
        let mut rest = input;
        self.keep(input);
        self.take_header(&mut rest);
        self.look(&mut rest)?;
        match &self.stage {
            Stage::Unknown(..) => {}
            Stage::Plain => self.read_plain(&mut rest, out),
            Stage::Zstd(_) => self.read_zstd(&mut rest, out)?,
        }
        let wants = match rest.is_empty() && !self.may_hold_text() {
            true => Wants::Input,
            false => Wants::Room,
        };
        Ok(Progress {
            consumed: input.len().saturating_sub(rest.len()),
            wants,
        })
    }

    /// Checks that the file may end here, after a call of [`read`](Self::read) that wanted input.
    /// Returns whether there was any content.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ShortHeader`], [`ErrorKind::UnexpectedEnd`] or [`ErrorKind::Mismatch`];
    /// [`ErrorKind::NotDrained`] when the last call wanted room.
    pub fn finish(&self) -> Result<bool, Error> {
        self.finish_kind()
            .map_err(|kind| Error::new(kind, self.stored))
    }

    fn finish_kind(&self) -> Result<bool, ErrorKind> {
        if let Decryption::Header(_) = self.decryption {
            let found = self.stored;
            return Err(ErrorKind::ShortHeader { found });
        }
        if self.may_hold_text() {
            return Err(ErrorKind::NotDrained);
        }
        match &self.stage {
            Stage::Unknown(..) if self.pending.is_empty() => Ok(false),
            Stage::Unknown(..) => Err(ErrorKind::UnexpectedEnd {
                expected: "the first bytes of a backup",
            }),
            Stage::Zstd(zstd) if !zstd.is_between_frames() => Err(ErrorKind::UnexpectedEnd {
                expected: "a ZSTD frame",
            }),
            _ => Ok(self.stored > self.content_start),
        }
    }

    /// Keeps the first stored bytes of the file, for explanations.
    fn keep(&mut self, input: &[u8]) {
        if matches!(self.stage, Stage::Unknown(..)) {
            // All input is taken as long as the content is unknown, so nothing comes twice.
            let missing = KEPT_BYTES.saturating_sub(self.kept.len());
            self.kept.extend(input.iter().take(missing));
        }
    }

    /// Takes what is missing of the header, and starts decryption when it is complete.
    fn take_header(&mut self, rest: &mut &[u8]) {
        let Decryption::Header(key) = &self.decryption else {
            return;
        };
        let seen = usize::try_from(self.stored).unwrap_or(usize::MAX);
        let taken = HEADER_BYTES.saturating_sub(seen).min(rest.len());
        *rest = rest.get(taken..).unwrap_or_default();
        self.stored = self.stored.saturating_add(taken as u64);
        if let Some(header) = self.kept.first_chunk::<HEADER_BYTES>()
            && let Some(stream) = AesCtr::at(key, Iv::from_header(key, *header), 0)
        {
            self.decryption = Decryption::Running(stream);
        }
    }

    /// Takes bytes one by one until it is certain what the content is.
    fn look(&mut self, rest: &mut &[u8]) -> Result<(), Error> {
        while let Stage::Unknown(compression, window_log) = self.stage {
            if matches!(self.decryption, Decryption::Header(_)) || rest.is_empty() {
                return Ok(());
            }
            self.take_pending(rest, 1);
            let decrypted = matches!(self.decryption, Decryption::Running(_));
            self.stage = match (Content::verdict(&self.pending, decrypted), compression) {
                (Verdict::Open, _) => continue,
                (Verdict::Is(Content::Zstd), Compression::Detect | Compression::Zstd) => {
                    let zstd = ZstdDecoder::new(window_log);
                    Stage::Zstd(zstd.map_err(|kind| Error::new(kind, self.content_start))?)
                }
                (
                    Verdict::Is(Content::Asb | Content::Asbx),
                    Compression::Detect | Compression::Plain,
                ) => Stage::Plain,
                _ => return Err(self.mismatch(rest, compression)),
            };
        }
        Ok(())
    }

    /// Why the file is refused, with a look at some more of it.
    fn mismatch(&mut self, rest: &mut &[u8], compression: Compression) -> Error {
        self.take_pending(rest, KEPT_BYTES);
        let key = matches!(self.decryption, Decryption::Running(_));
        let mismatch = Mismatch::new(&self.kept, &self.pending, key, compression);
        Error::new(ErrorKind::Mismatch(mismatch), 0)
    }

    /// Text as it is, decrypted where it lies.
    fn read_plain(&mut self, rest: &mut &[u8], out: &mut Vec<u8>) {
        let waiting = self.pending.get(self.done..).unwrap_or_default();
        let taken = waiting.len().min(spare(out));
        out.extend_from_slice(waiting.get(..taken).unwrap_or_default());
        self.done = self.done.saturating_add(taken);
        let at = out.len();
        let (now, later) = rest.split_at(rest.len().min(spare(out)));
        out.extend_from_slice(now);
        if let Some(fresh) = out.get_mut(at..) {
            self.decrypt(fresh);
        }
        self.stored = self.stored.saturating_add(now.len() as u64);
        *rest = later;
    }

    /// Frames: those that wait, then those of the input, by way of `pending` when encrypted.
    fn read_zstd(&mut self, rest: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        loop {
            self.drain_pending(out)?;
            if rest.is_empty() || spare(out) == 0 {
                return Ok(());
            }
            if matches!(self.decryption, Decryption::Running(_)) {
                self.take_pending(rest, PENDING_BYTES);
                continue;
            }
            let taken = self.decompress(rest, out)?;
            self.stored = self.stored.saturating_add(taken as u64);
            *rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Decompresses what waits. It is also the call that empties the library without input.
    fn drain_pending(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        let waiting = pending.get(self.done..).unwrap_or_default();
        let taken = self.decompress(waiting, out)?;
        self.done = self.done.saturating_add(taken);
        self.pending = pending;
        Ok(())
    }

    fn decompress(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
        let Stage::Zstd(zstd) = &mut self.stage else {
            return Ok(0);
        };
        zstd.read(input, out)
            .map_err(|(kind, offset)| Error::new(kind, self.content_start.saturating_add(offset)))
    }

    /// Moves up to `limit` bytes of the input, decrypted, behind those that wait.
    fn take_pending(&mut self, rest: &mut &[u8], limit: usize) {
        if self.done == self.pending.len() {
            self.pending.clear();
            self.done = 0;
        }
        let at = self.pending.len();
        let (now, later) = rest.split_at(rest.len().min(limit));
        self.pending.extend_from_slice(now);
        let mut pending = std::mem::take(&mut self.pending);
        if let Some(fresh) = pending.get_mut(at..) {
            self.decrypt(fresh);
        }
        self.pending = pending;
        self.stored = self.stored.saturating_add(now.len() as u64);
        *rest = later;
    }

    fn decrypt(&mut self, bytes: &mut [u8]) {
        if let Decryption::Running(stream) = &mut self.decryption {
            stream.apply(bytes);
        }
    }

    /// Whether text may still come without further input.
    fn may_hold_text(&self) -> bool {
        let waiting = self.done < self.pending.len();
        match &self.stage {
            Stage::Unknown(..) => false,
            Stage::Plain => waiting,
            Stage::Zstd(zstd) => waiting || zstd.may_hold_text(),
        }
    }
}

/// Room that is left without making it larger.
const fn spare(out: &Vec<u8>) -> usize {
    out.capacity().saturating_sub(out.len())
}
