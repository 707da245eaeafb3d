//! A walk over data frames that may still be arriving: scan and batch replies come as many
//! frames of up to a mebibyte, each holding whole messages back to back
//! (`wire-protocol.md` §10).
//!
//! The caller keeps one buffer, appends what the socket gives, and drops what was consumed. A
//! message is handed out as soon as its last byte is there, not when its frame is complete, so
//! memory is bounded by one read plus one message.

use crate::{
    error::{Error, ErrorKind},
    frame::{self, FrameHeader, FrameType},
    message::{self, Found, Message},
};

/// Where the walk stands between two calls.
#[derive(Debug, Clone, Default)]
pub struct MessageStream {
    /// Bytes of the current frame's body that were not consumed yet.
    body_left: usize,
}

/// Outcome of one step.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// A whole message; `consumed` counts from the start of the bytes given, frame headers on
    /// the way included.
    Message {
        /// The message.
        message: Message<'a>,
        /// Bytes to drop before the next call.
        consumed: usize,
    },
    /// Drop `consumed` bytes; then at least `needed` bytes must be present to get further.
    Incomplete {
        /// Bytes to drop: frame headers that were read.
        consumed: usize,
        /// Lower bound for what must be present, after dropping: more than there is, and never
        /// beyond the end of the frame.
        needed: usize,
    },
}

impl MessageStream {
    /// A walk that expects a frame header next.
    #[must_use]
    pub const fn new() -> Self {
        Self { body_left: 0 }
    }

    /// Whether the walk stands between two frames: where a peer may stop.
    #[must_use]
    pub const fn at_frame_end(&self) -> bool {
        self.body_left == 0
    }

    /// Bytes of the current frame that are still to come: no message in it can be longer.
    #[must_use]
    pub const fn frame_left(&self) -> usize {
        self.body_left
    }

    /// Looks for the next message in `bytes`, which start where the last call stopped. Frames
    /// without content are stepped over.
    ///
    /// # Errors
    /// Malformed frames or messages; a frame of another type than a data message (compressed
    /// ones come only when asked for). Offsets count from the start of `bytes`. There is no way
    /// on after an error: the connection is out of step.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, Error> {
        let mut consumed = 0usize;
        while self.body_left == 0 {
            let rest = bytes.get(consumed..).unwrap_or_default();
            if rest.len() < frame::HEADER_SIZE {
                return Ok(Step::Incomplete {
                    consumed,
                    needed: frame::HEADER_SIZE,
                });
            }
            self.body_left = Self::open(rest).map_err(|error| error.shifted(consumed))?;
            consumed = consumed.saturating_add(frame::HEADER_SIZE);
        }
        let body = bytes.get(consumed..).unwrap_or_default();
        let found = message::split(body, self.body_left);
        match found.map_err(|error| error.shifted(consumed))? {
            Found::Incomplete { needed } => Ok(Step::Incomplete { consumed, needed }),
            Found::Message { message, len } => {
                self.body_left = self.body_left.saturating_sub(len);
                Ok(Step::Message {
                    message,
                    consumed: consumed.saturating_add(len),
                })
            }
        }
    }

    fn open(bytes: &[u8]) -> Result<usize, Error> {
        let header = FrameHeader::parse(bytes)?;
        if header.kind != FrameType::Message {
            let found = header.kind as u8;
            return Err(Error::new(ErrorKind::FrameType { found }, 1));
        }
        Ok(usize::try_from(header.body_len).unwrap_or(usize::MAX))
    }
}
