//! The data message: 22-byte header, fields, operations (`wire-protocol.md` §3).

use crate::{
    error::{Error, ErrorKind},
    field::{self, Field, Fields},
    frame,
    op::{self, Ops},
    reader::{Reader, patch_u16},
    result_code::ResultCode,
};
use alloc::vec::Vec;

/// Size of the message header in bytes.
pub const HEADER_SIZE: usize = 22;

/// Bits of the four info bytes.
pub mod flags {
    /// info1: the message reads.
    pub const READ: u8 = 0x01;
    /// info1: all bins are wanted.
    pub const GET_ALL: u8 = 0x02;
    /// info1: short query.
    pub const SHORT_QUERY: u8 = 0x04;
    /// info1: a batch request; decides alone.
    pub const BATCH: u8 = 0x08;
    /// info1: from XDR.
    pub const XDR: u8 = 0x10;
    /// info1: metadata only; set in the replies of such a scan, too.
    pub const NO_BINS: u8 = 0x20;
    /// info1: the reply may be compressed.
    pub const COMPRESS: u8 = 0x80;
    /// info2: the message writes (deletes too).
    pub const WRITE: u8 = 0x01;
    /// info2: delete the record.
    pub const DELETE: u8 = 0x02;
    /// info2: write only if the generations are equal.
    pub const GENERATION: u8 = 0x04;
    /// info2: write only if the message's generation is greater than the record's.
    pub const GENERATION_GT: u8 = 0x08;
    /// info2: leave a tombstone.
    pub const DURABLE_DELETE: u8 = 0x10;
    /// info2: fail if the record exists.
    pub const CREATE_ONLY: u8 = 0x20;
    /// info2: long query with relaxed consistency.
    pub const RELAX_AP_LONG_QUERY: u8 = 0x40;
    /// info2: one reply operation for each request operation.
    pub const RESPOND_ALL_OPS: u8 = 0x80;
    /// info3: last message of a reply of several.
    pub const LAST: u8 = 0x01;
    /// info3: reply after the master's write.
    pub const COMMIT_LEVEL_MASTER: u8 = 0x02;
    /// info3: in a request, partition scans are understood; in a reply, a partition's status.
    pub const PARTITION_DONE: u8 = 0x04;
    /// info3: fail if the record is missing; merge bins.
    pub const UPDATE_ONLY: u8 = 0x08;
    /// info3: bins that are not in the message vanish.
    pub const CREATE_OR_REPLACE: u8 = 0x10;
    /// info3: as above, and fail if the record is missing.
    pub const REPLACE_ONLY: u8 = 0x20;
}

/// The fixed part of a message. Byte offsets: header size 0, info1–4 1–4, result 5,
/// generation u32 6, record TTL u32 10, transaction TTL u32 14, fields u16 18, operations u16 20.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageHeader {
    /// Read flags.
    pub info1: u8,
    /// Write flags.
    pub info2: u8,
    /// Reply and policy flags.
    pub info3: u8,
    /// Transaction flags.
    pub info4: u8,
    /// Outcome; 0 in requests.
    pub result: ResultCode,
    /// Expected or actual generation; the partition id in a partition status.
    pub generation: u32,
    /// Requests: TTL in seconds with special values. Replies: void-time, seconds since
    /// 2010-01-01 UTC, 0 = never.
    pub record_ttl: u32,
    /// Requests: server time-out in ms. Batch replies: row index.
    pub transaction_ttl: u32,
    /// Number of fields that follow.
    pub n_fields: u16,
    /// Number of operations that follow the fields.
    pub n_ops: u16,
}

impl MessageHeader {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let [_header_size, info1, info2, info3, info4, result] = reader.array("message header")?;
        Ok(Self {
            info1,
            info2,
            info3,
            info4,
            result: ResultCode(result),
            generation: reader.u32("message header")?,
            record_ttl: reader.u32("message header")?,
            transaction_ttl: reader.u32("message header")?,
            n_fields: reader.u16("message header")?,
            n_ops: reader.u16("message header")?,
        })
    }

    /// Appends the 22 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[
            22,
            self.info1,
            self.info2,
            self.info3,
            self.info4,
            self.result.0,
        ]);
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&self.record_ttl.to_be_bytes());
        out.extend_from_slice(&self.transaction_ttl.to_be_bytes());
        out.extend_from_slice(&self.n_fields.to_be_bytes());
        out.extend_from_slice(&self.n_ops.to_be_bytes());
    }
}

/// A whole message, borrowed from the bytes it arrived in. Sizes of all fields and operations
/// were checked when it was made.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The fixed part.
    pub header: MessageHeader,
    fields: &'a [u8],
    ops: &'a [u8],
}

impl<'a> Message<'a> {
    /// The fields in the order of the message.
    #[must_use]
    pub const fn fields(&self) -> Fields<'a> {
        Fields::new(self.fields)
    }

    /// The content of the first field of type `kind`, see [`field::code`].
    #[must_use]
    pub fn field(&self, kind: u8) -> Option<&'a [u8]> {
        self.fields()
            .find(|field: &Field<'a>| field.kind == kind)
            .map(|field| field.data)
    }

    /// The operations in the order of the message.
    #[must_use]
    pub const fn ops(&self) -> Ops<'a> {
        Ops::new(self.ops)
    }

    /// The bytes of all fields, as sent.
    #[must_use]
    pub const fn field_bytes(&self) -> &'a [u8] {
        self.fields
    }

    /// The bytes of all operations, as sent.
    #[must_use]
    pub const fn op_bytes(&self) -> &'a [u8] {
        self.ops
    }

    /// Whether this is the last message of a reply.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.header.info3 & flags::LAST != 0
    }
}

impl<'a> Message<'a> {
    /// Reads the fields and operations that `header` announces from the start of `bytes`, which
    /// are all there is. Returns the message and the bytes it takes. For batch rows, whose
    /// header has a form of its own.
    ///
    /// # Errors
    /// A field or operation of impossible size, or one that runs past the end. Offsets count
    /// from the start of `bytes`.
    pub fn with_header(header: MessageHeader, bytes: &'a [u8]) -> Result<(Self, usize), Error> {
        let mut walk = Walk {
            present: bytes,
            body_left: bytes.len(),
            at: 0,
        };
        match walk.message(header)? {
            Some(message) => Ok((message, walk.at)),
            None => Err(Error::new(
                ErrorKind::Size {
                    what: "message",
                    found: 0,
                },
                walk.at,
            )),
        }
    }
}

/// What stands at the start of a body that may still be arriving.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// A whole message of `len` bytes.
    Message {
        /// The message.
        message: Message<'a>,
        /// Its length in bytes.
        len: usize,
    },
    /// At least this many bytes, counted from the start, are needed to see more.
    Incomplete {
        /// Lower bound: greater than what is present, never beyond the end of the body.
        needed: usize,
    },
}

/// Looks for a message at the start of `present`, the part that has arrived of a body with
/// `body_left` bytes still to go (`present.len() <= body_left`).
///
/// # Errors
/// A field or operation of impossible size, one that runs past the end of the body, or more of
/// them than it has room for: this is found at once, without waiting for bytes that cannot come.
pub fn split(present: &[u8], body_left: usize) -> Result<Found<'_>, Error> {
    let present = present.get(..body_left).unwrap_or(present);
    let mut walk = Walk {
        present,
        body_left,
        at: 0,
    };
    let Some(head) = walk.skip(HEADER_SIZE, "message header")? else {
        return Ok(walk.incomplete());
    };
    let header = MessageHeader::read(&mut Reader::new(head))?;
    Ok(match walk.message(header)? {
        Some(message) => Found::Message {
            message,
            len: walk.at,
        },
        None => walk.incomplete(),
    })
}

/// Checks that name and last-update time fit into an operation (given without its size).
fn check_op(op: &[u8]) -> Result<(), Error> {
    let [_, _, flags, name_len, ..] = *op else {
        return Ok(());
    };
    let lut = if flags & op::HAS_LUT == 0 { 0 } else { 8 };
    let needed = usize::from(name_len).saturating_add(lut).saturating_add(4);
    if needed <= op.len() {
        return Ok(());
    }
    let kind = ErrorKind::Truncated {
        what: "bin name",
        needed: needed as u64,
        present: op.len() as u64,
    };
    Err(Error::new(kind, 0))
}

/// A walk over sized items of which the last may not have arrived yet.
struct Walk<'a> {
    present: &'a [u8],
    body_left: usize,
    at: usize,
}

impl<'a> Walk<'a> {
    /// Steps over `len` bytes. `None`: they are announced but not here yet; `at` then says how
    /// far they reach.
    fn skip(&mut self, len: usize, what: &'static str) -> Result<Option<&'a [u8]>, Error> {
        let end = self.at.saturating_add(len);
        if end > self.body_left {
            let kind = ErrorKind::Truncated {
                what,
                needed: len as u64,
                present: self.body_left.saturating_sub(self.at) as u64,
            };
            return Err(Error::new(kind, self.at));
        }
        let found = self.present.get(self.at..end);
        self.at = end;
        Ok(found)
    }

    /// Steps over the fields and operations of a message. `None`: not all of them are here yet.
    fn message(&mut self, header: MessageHeader) -> Result<Option<Message<'a>>, Error> {
        let fields = self.at;
        // A count that cannot be right is found before the items arrive.
        let least = usize::from(header.n_fields)
            .saturating_mul(field::MIN_SIZE)
            .saturating_add(usize::from(header.n_ops).saturating_mul(op::HEAD));
        self.skip(least, "fields and operations")?;
        let least = core::mem::replace(&mut self.at, fields);
        let found = self.items(header)?;
        if found.is_none() {
            self.at = self.at.max(least);
        }
        Ok(found)
    }

    fn items(&mut self, header: MessageHeader) -> Result<Option<Message<'a>>, Error> {
        let fields = self.at;
        for _ in 0..header.n_fields {
            if self.sized("field", 1)?.is_none() {
                return Ok(None);
            }
        }
        let ops = self.at;
        for _ in 0..header.n_ops {
            let start = self.at;
            match self.sized("operation", 4)? {
                None => return Ok(None),
                Some(op) => check_op(op).map_err(|error| error.shifted(start))?,
            }
        }
        Ok(Some(Message {
            header,
            fields: self.present.get(fields..ops).unwrap_or_default(),
            ops: self.present.get(ops..self.at).unwrap_or_default(),
        }))
    }

    /// Steps over an item with a u32 size in front; returns what follows the size. `None`: not
    /// all of it is here yet.
    #[inline]
    fn sized(&mut self, what: &'static str, min: u32) -> Result<Option<&'a [u8]>, Error> {
        let rest = self.present.get(self.at..).unwrap_or_default();
        if let Some((size, rest)) = rest.split_first_chunk::<4>() {
            let size = u32::from_be_bytes(*size);
            let item = rest.get(..usize::try_from(size).unwrap_or(usize::MAX));
            if let Some(item) = item.filter(|_| size >= min) {
                self.at = self.at.saturating_add(4).saturating_add(item.len());
                return Ok(Some(item));
            }
        }
        self.unfinished(what, min).map(|()| None)
    }

    /// An item that is wrong, or not all here yet; `at` then says how far it reaches at least.
    #[cold]
    fn unfinished(&mut self, what: &'static str, min: u32) -> Result<(), Error> {
        let start = self.at;
        let Some(size) = self.skip(4, what)?.and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(());
        };
        let size = u32::from_be_bytes(*size);
        if size < min {
            let found = u64::from(size);
            return Err(Error::new(ErrorKind::Size { what, found }, start));
        }
        self.skip(usize::try_from(size).unwrap_or(usize::MAX), what)
            .map_err(|error| Error::new(error.kind().clone(), start))?;
        Ok(())
    }

    const fn incomplete<'m>(&self) -> Found<'m> {
        Found::Incomplete { needed: self.at }
    }
}

/// Builds one framed message at the end of a buffer: header first, then fields, then operations.
/// Counts and lengths are filled in by [`MessageBuilder::finish`]; without it the frame is not
/// valid. There is room for 65535 fields, as many operations, and [`frame::MAX_BODY`] bytes.
#[derive(Debug)]
pub struct MessageBuilder<'a> {
    out: &'a mut Vec<u8>,
    at: usize,
    n_fields: u16,
    n_ops: u16,
}

impl<'a> MessageBuilder<'a> {
    /// Starts a frame and its message; the counts in `header` are ignored.
    pub fn new(out: &'a mut Vec<u8>, header: &MessageHeader) -> Self {
        let at = frame::begin(out, frame::FrameType::Message);
        header.encode(out);
        Self {
            out,
            at,
            n_fields: 0,
            n_ops: 0,
        }
    }

    /// Appends a field. All fields come before the first operation.
    pub fn field(&mut self, kind: u8, data: &[u8]) {
        field::put(self.out, kind, data);
        self.n_fields = self.n_fields.saturating_add(1);
    }

    /// Appends a field of `len` bytes that `fill` appends.
    pub fn field_with(&mut self, kind: u8, len: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        field::put_head(self.out, kind, len);
        fill(self.out);
        self.n_fields = self.n_fields.saturating_add(1);
    }

    /// Appends fields that are already encoded.
    pub fn raw_fields(&mut self, count: u16, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.n_fields = self.n_fields.saturating_add(count);
    }

    /// Appends an operation.
    pub fn op(&mut self, code: u8, particle: u8, name: &[u8], value: &[u8]) {
        op::put(self.out, code, particle, name, value);
        self.n_ops = self.n_ops.saturating_add(1);
    }

    /// Appends operations that are already encoded.
    pub fn raw_ops(&mut self, count: u16, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.n_ops = self.n_ops.saturating_add(count);
    }

    /// Fills in counts and lengths.
    pub fn finish(self) {
        let counts = self.at.saturating_add(frame::HEADER_SIZE + 18);
        patch_u16(self.out, counts, self.n_fields);
        patch_u16(self.out, counts.saturating_add(2), self.n_ops);
        frame::finish(self.out, self.at);
    }
}
