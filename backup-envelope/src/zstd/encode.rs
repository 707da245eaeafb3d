//! Text to frames: every frame with a checksum, ended at chunk borders.

use std::fmt;

use ::zstd::zstd_safe::zstd_sys::ZSTD_EndDirective as Directive;
use ::zstd::zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, get_error_name};

use crate::error::ErrorKind;

/// Bytes of text after which a frame is ended: 32 MiB (§3).
///
/// The chunk that reaches it is still part of the frame, so that a frame ends where an item ends
/// and each frame can be decoded on its own.
pub const FRAME_TEXT_BYTES: u64 = 32 << 20;

/// Spare room that the library is given at least, per call.
const ROOM: usize = 16 * 1024;

/// The largest window that can be of use in a frame of [`FRAME_TEXT_BYTES`].
const WINDOW_LOG: u32 = 25;

/// Compression level of the ZSTD library, −7 to 22 (§3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(i32);

impl Level {
    /// 3.
    pub const DEFAULT: Self = Self(3);
    /// −7, the fastest.
    pub const MIN: Self = Self(-7);
    /// 22, the smallest result. Levels from 20 take hundreds of MiB of memory.
    pub const MAX: Self = Self(22);

    /// The level with this number; 0 is the default. `None` outside of −7 to 22.
    #[must_use]
    pub const fn new(level: i32) -> Option<Self> {
        match level {
            0 => Some(Self::DEFAULT),
            -7..=22 => Some(Self(level)),
            _ => None,
        }
    }

    /// The number, never 0.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Writer of frames. A frame begins with the first text after the end of the last one.
pub(crate) struct ZstdEncoder {
    context: CCtx<'static>,
    /// Text in the open frame; 0 is none open.
    frame_text: u64,
}

impl ZstdEncoder {
    /// A writer at the start of a frame.
    pub(crate) fn new(level: Level) -> Result<Self, ErrorKind> {
        let mut context = CCtx::try_create().ok_or(ErrorKind::OutOfMemory)?;
        let mut set = |parameter| context.set_parameter(parameter).map_err(library);
        set(CParameter::CompressionLevel(level.get()))?;
        set(CParameter::ChecksumFlag(true))?;
        // Only the highest levels have larger windows, which would be memory for nothing.
        if level.get() > 20 {
            set(CParameter::WindowLog(WINDOW_LOG))?;
        }
        Ok(Self {
            context,
            frame_text: 0,
        })
    }

    /// Appends what the library has ready of `text`.
    pub(crate) fn write(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), ErrorKind> {
        let mut input = InBuffer::around(text);
        while input.pos() < text.len() {
            self.step(&mut input, out, Directive::ZSTD_e_continue)?;
        }
        self.frame_text = self.frame_text.saturating_add(text.len() as u64);
        Ok(())
    }

    /// Ends the open frame if it is long enough.
    pub(crate) fn end_if_long(&mut self, out: &mut Vec<u8>) -> Result<(), ErrorKind> {
        if self.frame_text >= FRAME_TEXT_BYTES {
            self.end(out)?;
        }
        Ok(())
    }

    /// Ends the open frame, if there is one.
    pub(crate) fn end_frame(&mut self, out: &mut Vec<u8>) -> Result<(), ErrorKind> {
        if self.frame_text > 0 {
            self.end(out)?;
        }
        Ok(())
    }

    /// Ends the open frame, or writes a frame without content.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), ErrorKind> {
        let mut nothing = InBuffer::around(&[]);
        while self.step(&mut nothing, out, Directive::ZSTD_e_end)? > 0 {}
        self.frame_text = 0;
        Ok(())
    }

    /// One call of the library; what still waits in it is only known at a frame's end.
    fn step(
        &mut self,
        input: &mut InBuffer<'_>,
        out: &mut Vec<u8>,
        directive: Directive,
    ) -> Result<usize, ErrorKind> {
        if out.capacity().saturating_sub(out.len()) < ROOM {
            out.reserve(CCtx::out_size());
        }
        let at = out.len();
        let mut output = OutBuffer::around_pos(out, at);
        let rest = self.context.compress_stream2(&mut output, input, directive);
        rest.map_err(library)
    }
}

impl fmt::Debug for ZstdEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdEncoder")
            .field("frame_text", &self.frame_text)
            .finish_non_exhaustive()
    }
}

fn library(code: usize) -> ErrorKind {
    ErrorKind::Library {
        detail: get_error_name(code),
    }
}
