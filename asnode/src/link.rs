//! The sending half of a client's connection.

use crate::connection::Flow;
use std::{io::Write, net::TcpStream, time::Duration};

/// A socket that is written to; errors mean that the client has gone.
#[derive(Debug)]
pub(crate) struct Link {
    stream: TcpStream,
    /// The client's address, for `query-show`.
    pub(crate) from: String,
    /// Carry requests out, but do not send what they answer.
    pub(crate) mute: bool,
}

impl Link {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let from = stream.peer_addr().map_or_else(
            |_| "unknown".to_owned(),
            |a| format!("{}+{}", a.ip(), a.port()),
        );
        Self {
            stream,
            from,
            mute: false,
        }
    }

    /// Sends with one write call where the socket takes it.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Flow {
        if self.mute {
            return Flow::Continue;
        }
        match self.stream.write_all(bytes) {
            Ok(()) => Flow::Continue,
            Err(_gone) => Flow::Close,
        }
    }

    /// How long a client that does not read holds up a reply; 0 = for ever.
    pub(crate) fn set_timeout_ms(&self, ms: u32) {
        let limit = (ms > 0).then(|| Duration::from_millis(u64::from(ms)));
        // A socket that refuses the option has been closed; the next write tells.
        let _closed = self.stream.set_write_timeout(limit);
    }
}
