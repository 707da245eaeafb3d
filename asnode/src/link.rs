//! A client's connection: how its bytes come, and how replies go.

use crate::{compression, connection::Flow, faults::novelty, transport::Transport};
use socket2::SockRef;
use std::{
    borrow::Cow,
    io::{self, BufRead},
    thread,
    time::Duration,
};

/// Pieces per second in which a slow reply is sent, if it has that many bytes.
const PIECES_PER_SECOND: u32 = 100;

/// How much of a reply is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Voice {
    #[default]
    Whole,
    /// The first half of the next frame, then nothing.
    HalfFrame,
    /// Nothing: requests are only carried out.
    Mute,
}

/// How replies are sent; all but compression is a fault.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    pub(crate) voice: Voice,
    pub(crate) bytes_per_second: Option<u32>,
    /// Put a field of an unknown type into every message.
    pub(crate) unknown_field: bool,
    /// Send compressed frames, as the client asked for.
    pub(crate) compress: bool,
    /// Bytes that may still be sent before the connection is closed.
    pub(crate) bytes_left: Option<u64>,
}

/// A connection; errors in writing mean that the client has gone.
#[derive(Debug)]
pub(crate) struct Link {
    transport: Transport,
    /// The client's address, for `query-show`.
    pub(crate) from: String,
    pub(crate) manner: Manner,
}

impl Link {
    pub(crate) fn new(transport: Transport) -> Self {
        let from = transport.socket().peer_addr().map_or_else(
            |_| "unknown".to_owned(),
            |a| format!("{}+{}", a.ip(), a.port()),
        );
        Self {
            transport,
            from,
            manner: Manner::default(),
        }
    }

    pub(crate) fn reader(&mut self) -> &mut dyn BufRead {
        self.transport.reader()
    }

    pub(crate) const fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Sends whole frames, with one write call where the socket takes it.
    pub(crate) fn send(&mut self, frames: &[u8]) -> Flow {
        let dressed = self.dressed(frames);
        self.send_part(&dressed)
    }

    /// Whole frames in the form in which they are to be sent.
    pub(crate) fn dressed<'a>(&self, frames: &'a [u8]) -> Cow<'a, [u8]> {
        let frames = if self.manner.unknown_field {
            Cow::Owned(novelty::with_unknown_field(frames))
        } else {
            Cow::Borrowed(frames)
        };
        if self.manner.compress {
            Cow::Owned(deflated(&frames))
        } else {
            frames
        }
    }

    /// Sends bytes that may begin and end anywhere.
    pub(crate) fn send_part(&mut self, bytes: &[u8]) -> Flow {
        let bytes = match self.manner.voice {
            Voice::Whole => bytes,
            Voice::HalfFrame => half_frame(bytes),
            Voice::Mute => return Flow::Continue,
        };
        if self.manner.voice == Voice::HalfFrame {
            self.manner.voice = Voice::Mute;
        }
        let (bytes, is_cut) = self.within_limit(bytes);
        let sent = match self.manner.bytes_per_second {
            Some(rate) => self.trickle(bytes, rate.max(1)),
            None => self.write(bytes),
        };
        if is_cut { Flow::Close } else { sent }
    }

    /// As much as may be sent, and whether that is not all.
    fn within_limit<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], bool) {
        let Some(left) = self.manner.bytes_left else {
            return (bytes, false);
        };
        let len = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.manner.bytes_left = Some(left - len as u64);
        let (now, cut) = bytes.split_at(len);
        (now, !cut.is_empty())
    }

    /// Makes the end of the connection a reset.
    pub(crate) fn reset(&self) {
        // A socket that refuses the option has been closed by the client.
        let _closed = SockRef::from(self.transport.socket()).set_linger(Some(Duration::ZERO));
    }

    fn trickle(&mut self, bytes: &[u8], rate: u32) -> Flow {
        let piece = (rate / PIECES_PER_SECOND).max(1);
        let pause = Duration::from_secs(1) * piece / rate;
        for piece in bytes.chunks(usize::try_from(piece).unwrap_or(usize::MAX)) {
            if self.write(piece) == Flow::Close {
                return Flow::Close;
            }
            thread::sleep(pause);
        }
        Flow::Continue
    }

    fn write(&mut self, bytes: &[u8]) -> Flow {
        match self.transport.write_all(bytes) {
            Ok(()) => Flow::Continue,
            Err(_gone) => Flow::Close,
        }
    }

    /// Reads and ignores everything until the client or the node closes the connection.
    pub(crate) fn hold(&mut self) {
        // Either end of the wait is fine: the connection is over.
        let _ended = io::copy(self.transport.reader(), &mut io::sink());
    }

    /// How long a client that does not read holds up a reply; 0 = for ever.
    pub(crate) fn set_timeout_ms(&self, ms: u32) {
        let limit = (ms > 0).then(|| Duration::from_millis(u64::from(ms)));
        // A socket that refuses the option has been closed; the next write tells.
        let _closed = self.transport.set_write_timeout(limit);
    }
}

fn deflated(frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frames.len());
    let mut rest = frames;
    while let Some((frame, later)) =
        novelty::frame_len(rest).and_then(|len| rest.split_at_checked(len))
    {
        compression::put_deflated(&mut out, frame);
        rest = later;
    }
    out.extend_from_slice(rest);
    out
}

fn half_frame(frames: &[u8]) -> &[u8] {
    let len = novelty::frame_len(frames).map_or(frames.len(), |len| len.min(frames.len()));
    frames.get(..len / 2).unwrap_or_default()
}
