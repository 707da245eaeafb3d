//! One data connection: a socket, and the buffer that replies are walked in.
//!
//! The buffer is filled by large reads and walked in place; what is left of a message that has
//! not arrived whole moves to the front before the next read. It grows only for a message that
//! is larger than the buffer, never further than that message says, which the codec has
//! compared with the length of its frame, and it shrinks when that message was taken.

use crate::{
    access::Access,
    error::Error,
    tls::Socket,
    view::{Node, NodeName},
};
use aerospike_wire::{
    message::Message,
    stream::{MessageStream, Step},
};
use std::{io, time::Duration};

/// Time-outs of a data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// For connecting, TLS and login included (default 10 s).
    pub connect_timeout: Duration,
    /// For one answer, or for the node to take what we send; zero = none (default 10 s).
    pub io_timeout: Duration,
    /// Idle time after which a connection that was kept is not used again; zero (default) = any.
    pub idle_timeout: Duration,
    /// Size of the read buffer in bytes (default 1 MiB).
    pub read_buffer: usize,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            io_timeout: Duration::from_secs(10),
            idle_timeout: Duration::ZERO,
            read_buffer: 1 << 20,
        }
    }
}

/// An open data connection to one node.
#[derive(Debug)]
pub struct Connection {
    node: NodeName,
    socket: Socket,
    stream: MessageStream,
    buffer: Vec<u8>,
    /// The unread part of `buffer`.
    start: usize,
    end: usize,
    /// What must be unread before the walk can go on.
    needed: usize,
    options: SocketOptions,
}

impl Connection {
    /// Connects to `node`, by the way that `access` is.
    ///
    /// # Errors
    /// The node refuses, does not answer in time, is not who it should be, or does not let us in.
    pub async fn open(node: &Node, options: SocketOptions, access: &Access) -> Result<Self, Error> {
        let socket = access.open(node, options.connect_timeout).await?;
        Ok(Self {
            node: node.name.clone(),
            socket,
            stream: MessageStream::new(),
            buffer: vec![0; options.read_buffer.max(64)],
            start: 0,
            end: 0,
            needed: 0,
            options,
        })
    }

    /// The node at the other end.
    #[must_use]
    pub const fn node(&self) -> &NodeName {
        &self.node
    }

    /// Whether the connection stands between two exchanges: nothing read ahead, no half frame.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.start == self.end && self.stream.at_frame_end()
    }

    /// Sends all of `request`.
    ///
    /// # Errors
    /// The connection broke, or the node did not take the bytes in time.
    pub async fn send(&mut self, request: &[u8], action: &'static str) -> Result<(), Error> {
        let limit = self.options.io_timeout;
        let sending = self.socket.send(request);
        let sent = if limit.is_zero() {
            sending.await
        } else {
            let timeout = || Error::Timeout {
                node: self.node.clone(),
                action,
                after: limit,
            };
            tokio::time::timeout(limit, sending)
                .await
                .map_err(|_| timeout())?
        };
        sent.map_err(|source| Error::Transport {
            node: self.node.clone(),
            action,
            source,
        })
    }

    /// The next whole message among the bytes that have arrived, if there is one. Does not wait.
    ///
    /// # Errors
    /// Bytes that are not the protocol.
    #[inline]
    pub fn arrived(&mut self, action: &'static str) -> Result<Option<Message<'_>>, Error> {
        let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
        if unread.len() < self.needed {
            return Ok(None);
        }
        match self.stream.next(unread) {
            Ok(Step::Message { message, consumed }) => {
                self.start = self.start.saturating_add(consumed);
                self.needed = 0;
                Ok(Some(message))
            }
            Ok(Step::Incomplete { consumed, needed }) => {
                self.start = self.start.saturating_add(consumed);
                self.needed = needed;
                Ok(None)
            }
            Err(source) => Err(Error::Malformed {
                node: self.node.clone(),
                action,
                source,
            }),
        }
    }

    /// Reads once, and waits until there is something. Cancel safe.
    ///
    /// # Errors
    /// The connection broke or ended.
    pub async fn fill(&mut self, action: &'static str) -> Result<(), Error> {
        self.make_room();
        let space = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = self.socket.read(space).await.and_then(|read| match read {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            read => Ok(read),
        });
        match read {
            Ok(read) => {
                self.end = self.end.saturating_add(read);
                Ok(())
            }
            Err(source) => Err(Error::Transport {
                node: self.node.clone(),
                action,
                source,
            }),
        }
    }

    /// [`Self::fill`] with the time-out of [`SocketOptions::io_timeout`].
    ///
    /// # Errors
    /// As `fill`, and [`Error::Timeout`].
    pub async fn fill_in_time(&mut self, action: &'static str) -> Result<(), Error> {
        let limit = self.options.io_timeout;
        if limit.is_zero() {
            return self.fill(action).await;
        }
        let node = self.node.clone();
        tokio::time::timeout(limit, self.fill(action))
            .await
            .unwrap_or(Err(Error::Timeout {
                node,
                action,
                after: limit,
            }))
    }

    /// The most bytes that the next message may have, if it is larger than the usual buffer.
    #[must_use]
    pub fn outgrown(&self) -> Option<usize> {
        let most = self.needed.max(self.stream.frame_left());
        (self.needed > self.usual()).then_some(most)
    }

    /// Gives back what a large message took, once all of it was handed out.
    pub fn shrink(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            let usual = self.usual();
            if self.buffer.len() > usual {
                self.buffer.truncate(usual);
                self.buffer.shrink_to_fit();
            }
        }
    }

    fn usual(&self) -> usize {
        self.options.read_buffer.max(64)
    }

    /// Makes sure that a read has room: drops what was consumed, and doubles a buffer that a
    /// single message fills. Doubling, not reserving what the message announces: a peer gets no
    /// more memory than it fills. Nothing behind the message is read into the larger buffer, so
    /// it is empty when the message was taken.
    fn make_room(&mut self) {
        self.shrink();
        if self.end == 0 {
            return;
        }
        let waits_for = self.start.saturating_add(self.needed);
        if self.end == self.buffer.len() || waits_for > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
        let len = self.buffer.len();
        if self.end == len {
            let more = self
                .needed
                .clamp(len.saturating_add(1), len.saturating_mul(2));
            self.buffer.reserve_exact(more.saturating_sub(len));
            self.buffer.resize(more, 0);
        }
    }
}
