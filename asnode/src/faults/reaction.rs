//! What can go wrong.

use crate::topology::NodeLoss;
use std::time::Duration;

/// Bytes that no server would send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// A data frame that announces 2^47 bytes.
    HugeLength,
    /// A frame of protocol version 9.
    WrongVersion,
    /// A frame whose message ends inside its header.
    CutMessage,
    /// A message with a field that runs past the end of the frame.
    FieldPastEnd,
    /// A message with an operation of size 0.
    ZeroOp,
}

/// What happens when a rule fires.
///
/// After some reactions the request goes on as usual, and the next rules are tried. Those that
/// change how replies are sent last for the request, or, with [`On::Connect`](super::On::Connect),
/// for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reaction {
    /// Waits, then goes on.
    Delay(Duration),
    /// Moves the cluster's clock, then goes on.
    JumpClock {
        /// Milliseconds, backwards if negative.
        by_ms: i64,
    },
    /// Sends slowly: a few bytes at a time.
    Trickle {
        /// At least 1.
        bytes_per_second: u32,
    },
    /// Sends the first half of the next frame and nothing after it. The request is carried out,
    /// the connection stays open.
    HalfFrame,
    /// Puts a field of an unknown type (45) first into every message of the reply, as a later
    /// server might.
    UnknownField,
    /// The partition gets a new master (node index); the scan in which it happens finishes the
    /// partition it is in and reports 11 for this one if it comes later.
    MovePartition {
        /// Partition id, 0 to 4095.
        partition: u16,
        /// Index of the new master.
        to: usize,
    },
    /// The node leaves in good order: its partitions are handed over, the others forget it, its
    /// port closes, and each of its connections closes after the request it is busy with. A scan
    /// finishes the partition it is in and reports 11 for the rest.
    RetireNode,
    /// The node dies: its port and all its connections close, the others tell of it.
    KillNode(NodeLoss),
    /// Closes the connection: at once without an answer, or where a byte or record count of the
    /// rule is reached in a scan reply.
    Drop,
    /// Closes the connection with a reset, at once or where a count of the rule is reached: what
    /// the client has not read by then may be lost to it.
    Reset,
    /// Sends this many bytes of the reply and closes the connection. A shorter reply is sent as a
    /// whole, and the connection goes on.
    CutReply {
        /// Bytes, frame headers included.
        after_bytes: u64,
    },
    /// Keeps the connection open and never answers on it again; after a byte count of a scan
    /// reply this is in the middle of a frame.
    Silence,
    /// Carries a write or batch out, then closes the connection without an answer: the client
    /// is in doubt.
    ApplyThenDrop,
    /// Answers garbage and closes the connection.
    Garbage(Garbage),
    /// Answers this result code instead of doing anything: a batch with one last message, a row
    /// with a row of its own, a scan with a refusal.
    Result(u8),
    /// Scans report the partition of the rule as unavailable (11), others carry on.
    PartitionUnavailable,
    /// Answers an info command with this text, which may be an error, instead of carrying it out.
    InfoValue(&'static str),
    /// Appends this text to the answer of an info command, such as `;key=value` of a key that
    /// nobody knows.
    InfoTail(&'static str),
}

impl Reaction {
    /// Whether it is about one command of an info message and not about a whole request.
    pub(super) const fn is_per_command(self) -> bool {
        matches!(self, Self::InfoValue(_) | Self::InfoTail(_))
    }
}

impl Garbage {
    /// The bytes to send.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let header = |n_fields: u8, n_ops: u8| {
            let mut bytes = vec![22];
            bytes.resize(18, 0);
            bytes.extend_from_slice(&[0, n_fields, 0, n_ops]);
            bytes
        };
        let framed = |body: &[u8]| {
            let [.., b4, b5, b6, b7] = (body.len() as u64).to_be_bytes();
            [&[2, 3, 0, 0, b4, b5, b6, b7], body].concat()
        };
        match self {
            Self::HugeLength => [&[2, 3, 0x80, 0, 0, 0, 0, 0][..], &[22; 64]].concat(),
            Self::WrongVersion => [&[9, 3, 0, 0, 0, 0, 0, 22][..], &header(0, 0)].concat(),
            Self::CutMessage => framed(&[22, 0, 0, 0, 0]),
            Self::FieldPastEnd => {
                framed(&[&header(1, 0)[..], &[0, 0, 0xff, 0xff, 0, b't', b'e']].concat())
            }
            Self::ZeroOp => framed(&[&header(0, 1)[..], &[0; 8]].concat()),
        }
    }
}
