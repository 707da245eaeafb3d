//! Frames to text: any number of them, skippable ones left out, checksums verified.

use std::fmt;

use ::zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode as Code;
use ::zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use crate::error::ErrorKind;
use crate::zstd::window::WindowLog;

/// Reader of frames.
pub(crate) struct ZstdDecoder {
    context: DCtx<'static>,
    window_log: WindowLog,
    /// Stored bytes taken so far.
    position: u64,
    /// Where the frame in work began, or the next one will.
    frame_start: u64,
    /// The last call ended a frame.
    between_frames: bool,
    /// The last call filled all the room there was.
    may_hold_text: bool,
}

impl ZstdDecoder {
    /// A reader at the start of a frame.
    pub(crate) fn new(window_log: WindowLog) -> Result<Self, ErrorKind> {
        let mut context = DCtx::try_create().ok_or(ErrorKind::OutOfMemory)?;
        context
            .set_parameter(DParameter::WindowLogMax(window_log.get()))
            .map_err(|code| ErrorKind::Library {
                detail: get_error_name(code),
            })?;
        Ok(Self {
            context,
            window_log,
            position: 0,
            frame_start: 0,
            between_frames: true,
            may_hold_text: false,
        })
    }

    /// Takes bytes of `input` and appends text to `out`, as far as `out` has room already.
    ///
    /// Stops when `input` is used up and nothing waits in the library, or when `out` is full.
    /// An error comes with its offset from the start of the frames.
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, (ErrorKind, u64)> {
        let mut rest = InBuffer::around(input);
        // The library takes calls without input or room for an endless loop.
        while out.len() < out.capacity() && (rest.pos() < input.len() || self.may_hold_text) {
            self.step(&mut rest, out)?;
            self.may_hold_text = out.len() == out.capacity();
        }
        Ok(rest.pos())
    }

    /// Whether all frames that began have ended.
    pub(crate) const fn is_between_frames(&self) -> bool {
        self.between_frames
    }

    /// Whether there may be text without further input.
    pub(crate) const fn may_hold_text(&self) -> bool {
        self.may_hold_text
    }

    fn step(
        &mut self,
        input: &mut InBuffer<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), (ErrorKind, u64)> {
        let (taken, at) = (input.pos(), out.len());
        let mut output = OutBuffer::around_pos(out, at);
        let hint = self.context.decompress_stream(&mut output, input);
        let taken = input.pos().saturating_sub(taken);
        self.position = self.position.saturating_add(taken as u64);
        match hint {
            Ok(0) => {
                self.frame_start = self.position;
                self.between_frames = true;
            }
            // Without input the library only repeats what it waits for.
            Ok(_) if taken == 0 => {}
            Ok(_) => self.between_frames = false,
            Err(code) => return Err(self.error(code)),
        }
        Ok(())
    }

    fn error(&self, code: usize) -> (ErrorKind, u64) {
        let is = |known: Code| code == (known as usize).wrapping_neg();
        if is(Code::ZSTD_error_prefix_unknown) {
            return (ErrorKind::TrailingBytes, self.frame_start);
        }
        let kind = if is(Code::ZSTD_error_frameParameter_windowTooLarge) {
            ErrorKind::WindowTooLarge {
                limit_log: self.window_log.get(),
            }
        } else if is(Code::ZSTD_error_dictionary_wrong) {
            ErrorKind::Dictionary
        } else if is(Code::ZSTD_error_checksum_wrong) {
            ErrorKind::Checksum
        } else if is(Code::ZSTD_error_memory_allocation) {
            ErrorKind::OutOfMemory
        } else {
            ErrorKind::Damaged {
                detail: get_error_name(code),
            }
        };
        (kind, self.position)
    }
}

impl fmt::Debug for ZstdDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdDecoder")
            .field("position", &self.position)
            .field("between_frames", &self.between_frames)
            .finish_non_exhaustive()
    }
}
