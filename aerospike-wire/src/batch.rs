//! Batch writes (`wire-write.md` §6): many records of one node in one frame.
//!
//! Row: `u32 index | 20 digest | u8 row flags | u8 info1 | u8 info2 | u8 info3 |
//! u16 generation | u32 record TTL | u16 n_fields | u16 n_ops | fields | ops`. The namespace is
//! the first field of every row. Rows are written in full, never as REPEAT: that form is not
//! allowed after a row with a key.

use crate::{
    digest::{DIGEST_SIZE, Digest},
    error::{Error, ErrorKind},
    field, frame,
    message::{Message, MessageHeader, flags},
    op,
    reader::{Reader, patch_u16, patch_u32, wire_len},
    result_code::ResultCode,
};
use alloc::vec::Vec;

/// Bits of the batch flags byte.
pub mod batch_flags {
    /// Rows of namespaces in memory may be answered inline.
    pub const ALLOW_INLINE: u8 = 0x01;
    /// Rows on SSD may be answered inline.
    pub const ALLOW_INLINE_SSD: u8 = 0x02;
    /// Every row is answered; errors do not stop the batch.
    pub const RESPOND_ALL: u8 = 0x04;
}

/// Bits of a row's flags byte.
pub mod row_flags {
    /// Everything after the flags is taken from the previous row.
    pub const REPEAT: u8 = 0x01;
    /// info2 and info3 follow info1.
    pub const INFO: u8 = 0x02;
    /// A generation follows.
    pub const GENERATION: u8 = 0x04;
    /// A record TTL follows.
    pub const TTL: u8 = 0x08;
    /// info4 follows.
    pub const INFO4: u8 = 0x10;
}

const WRITE_ROW: u8 = row_flags::INFO | row_flags::GENERATION | row_flags::TTL;

/// Bytes from the start of a row to its field count.
const ROW_COUNTS: usize = 4 + DIGEST_SIZE + 1 + 3 + 2 + 4;

/// How a record is to be written (`wire-write.md` §1, §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteHead {
    /// Policy bits beside WRITE, which is implied: [`flags::GENERATION_GT`],
    /// [`flags::CREATE_ONLY`] …
    pub info2: u8,
    /// Policy bits: [`flags::CREATE_OR_REPLACE`] …
    pub info3: u8,
    /// Generation to compare with; 0 without a generation bit.
    pub generation: u16,
    /// TTL in seconds; `u32::MAX` = never expires.
    pub record_ttl: u32,
}

/// A batch write frame under construction, kept and reused.
///
/// A row has room for 65535 fields and as many operations, the frame for
/// [`frame::MAX_BODY`] bytes; [`Self::len_bytes`] tells when to send.
///
/// Rows can be taken over into another frame, or turned into a message of their own, without
/// being decoded: that is how refused rows are tried again.
#[derive(Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    /// Start of each row.
    rows: Vec<u32>,
    n_fields: u16,
    n_ops: u16,
}

/// Offsets in the frame that [`BatchBuilder::finish`] patches.
const FRAME_LEN: usize = 4;
const TIMEOUT: usize = frame::HEADER_SIZE + 14;
const FIELD_SIZE: usize = frame::HEADER_SIZE + crate::message::HEADER_SIZE;
const ROW_COUNT: usize = FIELD_SIZE + 5;
const PREFIX: usize = ROW_COUNT + 5;

impl BatchBuilder {
    /// An empty batch with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let mut batch = Self {
            bytes: Vec::with_capacity(capacity),
            rows: Vec::new(),
            n_fields: 0,
            n_ops: 0,
        };
        batch.clear();
        batch
    }

    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        let at = frame::begin(&mut self.bytes, frame::FrameType::Message);
        debug_assert_eq!(at, 0);
        let head = MessageHeader {
            info1: flags::BATCH,
            n_fields: 1,
            ..MessageHeader::default()
        };
        head.encode(&mut self.bytes);
        field::put_head(&mut self.bytes, field::code::BATCH, 0);
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes
            .push(batch_flags::ALLOW_INLINE | batch_flags::RESPOND_ALL);
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of the frame so far.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of memory that the batch holds on to.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Starts a write row; fields and operations follow, then [`Self::finish_row`].
    pub fn start_write(&mut self, digest: &Digest, head: &WriteHead) {
        let index = wire_len(self.rows.len());
        self.rows.push(wire_len(self.bytes.len()));
        (self.n_fields, self.n_ops) = (0, 0);
        let out = &mut self.bytes;
        out.extend_from_slice(&index.to_be_bytes());
        out.extend_from_slice(&digest.0);
        out.extend_from_slice(&[WRITE_ROW, 0, flags::WRITE | head.info2, head.info3]);
        out.extend_from_slice(&head.generation.to_be_bytes());
        out.extend_from_slice(&head.record_ttl.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
    }

    /// Appends a field to the row. The namespace comes first.
    pub fn field(&mut self, kind: u8, data: &[u8]) {
        field::put(&mut self.bytes, kind, data);
        self.n_fields = self.n_fields.saturating_add(1);
    }

    /// Appends a field whose data `fill` appends, and nothing else.
    pub fn field_with(&mut self, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        field::put_head(&mut self.bytes, kind, 0);
        fill(&mut self.bytes);
        let size = self.bytes.len().saturating_sub(at).saturating_sub(4);
        patch_u32(&mut self.bytes, at, wire_len(size));
        self.n_fields = self.n_fields.saturating_add(1);
    }

    /// Appends a WRITE operation whose name and value `name` and `value` append: for parts that
    /// are decoded straight into the frame. A name has at most [`op::MAX_BIN_NAME`] bytes.
    pub fn write_parts(
        &mut self,
        particle: u8,
        name: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>),
    ) {
        let at = op::begin_with(&mut self.bytes, op::code::WRITE, particle, name);
        value(&mut self.bytes);
        op::finish(&mut self.bytes, at);
        self.n_ops = self.n_ops.saturating_add(1);
    }

    /// Appends a WRITE operation.
    pub fn write(&mut self, particle: u8, name: &[u8], value: &[u8]) {
        op::put(&mut self.bytes, op::code::WRITE, particle, name, value);
        self.n_ops = self.n_ops.saturating_add(1);
    }

    /// Ends the row: fills in its counts.
    pub fn finish_row(&mut self) {
        let at = self
            .rows
            .last()
            .map_or(0, |start| to_usize(*start))
            .saturating_add(ROW_COUNTS);
        patch_u16(&mut self.bytes, at, self.n_fields);
        patch_u16(&mut self.bytes, at.saturating_add(2), self.n_ops);
    }

    /// Drops the row that was started last.
    pub fn cancel_row(&mut self) {
        if let Some(start) = self.rows.pop() {
            self.bytes.truncate(to_usize(start));
        }
    }

    /// The encoded row `index`, to be given to [`Self::push_row`] of another batch.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<&[u8]> {
        let start = to_usize(*self.rows.get(index)?);
        let next = index.checked_add(1).and_then(|next| self.rows.get(next));
        let end = next.map_or(self.bytes.len(), |end| to_usize(*end));
        self.bytes.get(start..end)
    }

    /// The digest of row `index`.
    #[must_use]
    pub fn digest(&self, index: usize) -> Option<Digest> {
        self.row(index)?
            .get(4..)?
            .first_chunk::<DIGEST_SIZE>()
            .map(|bytes| Digest(*bytes))
    }

    /// Row `index`, read back.
    #[must_use]
    pub fn view(&self, index: usize) -> Option<Row<'_>> {
        Rows::of_one(self.row(index)?).ok()
    }

    /// Takes over a row of another batch under the next index.
    pub fn push_row(&mut self, row: &[u8]) {
        let start = self.bytes.len();
        let index = wire_len(self.rows.len());
        self.rows.push(wire_len(start));
        self.bytes.extend_from_slice(row);
        patch_u32(&mut self.bytes, start, index);
    }

    /// Completes lengths and counts and returns the frame. `timeout_ms` is the server's limit
    /// for the batch, 0 = its default. More rows may be added afterwards.
    pub fn finish(&mut self, timeout_ms: u32) -> &[u8] {
        let total = self.bytes.len();
        patch_u32(
            &mut self.bytes,
            FRAME_LEN,
            wire_len(total.saturating_sub(frame::HEADER_SIZE)),
        );
        patch_u32(&mut self.bytes, TIMEOUT, timeout_ms);
        patch_u32(
            &mut self.bytes,
            FIELD_SIZE,
            wire_len(total.saturating_sub(FIELD_SIZE + 4)),
        );
        patch_u32(&mut self.bytes, ROW_COUNT, wire_len(self.rows.len()));
        &self.bytes
    }

    /// Size of an empty batch in bytes.
    #[must_use]
    pub const fn overhead() -> usize {
        PREFIX
    }
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A row of a batch request, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Echoed in the reply.
    pub index: u32,
    /// The record.
    pub digest: Digest,
    /// The row's flags byte, see [`row_flags`].
    pub flags: u8,
    /// Whether everything else was taken from the row before.
    pub repeated: bool,
    /// info bytes, generation and TTL (all 0 if absent), counts, fields, operations. A count of
    /// no fields is read as one.
    pub message: Message<'a>,
}

/// The rows of a BATCH field, in order. The first malformed row is the last item. What follows
/// the announced number of rows is not looked at, as in the server; that the namespace comes
/// first and that no row with a key is repeated is for the server to check.
#[derive(Debug)]
pub struct Rows<'a> {
    reader: Reader<'a>,
    left: u32,
    previous: Option<Message<'a>>,
    /// The batch flags byte, see [`batch_flags`].
    pub flags: u8,
}

impl<'a> Rows<'a> {
    /// Opens the content of a BATCH field.
    ///
    /// # Errors
    /// Fewer than five bytes.
    pub fn new(data: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(data);
        let left = reader.u32("batch row count")?;
        let flags = reader.u8("batch flags")?;
        Ok(Self {
            reader,
            left,
            previous: None,
            flags,
        })
    }

    /// Reads an encoded row that stands alone.
    pub(crate) fn of_one(row: &'a [u8]) -> Result<Row<'a>, Error> {
        Self {
            reader: Reader::new(row),
            left: 1,
            previous: None,
            flags: 0,
        }
        .row()
    }

    /// Rows announced and not read yet.
    #[must_use]
    pub const fn left(&self) -> u32 {
        self.left
    }

    fn row(&mut self) -> Result<Row<'a>, Error> {
        let index = self.reader.u32("batch row")?;
        let digest = Digest(self.reader.array("batch row")?);
        let flags = self.reader.u8("batch row")?;
        let repeated = flags & row_flags::REPEAT != 0;
        let message = match self.previous {
            Some(message) if repeated => message,
            None if repeated => {
                let kind = ErrorKind::MissingField {
                    what: "row to repeat",
                };
                return Err(self.reader.error(kind));
            }
            _ => self.body(flags)?,
        };
        self.previous = Some(message);
        Ok(Row {
            index,
            digest,
            flags,
            repeated,
            message,
        })
    }

    fn body(&mut self, bits: u8) -> Result<Message<'a>, Error> {
        let reader = &mut self.reader;
        let mut header = MessageHeader {
            info1: reader.u8("batch row")?,
            ..MessageHeader::default()
        };
        if bits & row_flags::INFO != 0 {
            [header.info2, header.info3] = reader.array("batch row")?;
        }
        if bits & row_flags::INFO4 != 0 {
            header.info4 = reader.u8("batch row")?;
        }
        if bits & row_flags::GENERATION != 0 {
            header.generation = u32::from(reader.u16("batch row")?);
        }
        if bits & row_flags::TTL != 0 {
            header.record_ttl = reader.u32("batch row")?;
        }
        header.n_fields = reader.u16("batch row")?.max(1); // 0 is read as 1
        header.n_ops = reader.u16("batch row")?;
        let at = reader.offset();
        let (message, len) =
            Message::with_header(header, reader.peek_rest()).map_err(|error| error.shifted(at))?;
        reader.take(len, "batch row")?;
        Ok(message)
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let row = self.row();
        if row.is_err() {
            self.left = 0;
        }
        Some(row)
    }
}

/// One message of a batch reply.
#[derive(Debug, Clone, Copy)]
pub enum BatchItem {
    /// The outcome of a row.
    Row {
        /// Index that the request gave it.
        index: u32,
        /// Outcome of this row alone.
        result: ResultCode,
    },
    /// The end; not 0 when the batch as a whole failed.
    Last(ResultCode),
}

/// Reads a message of a batch reply.
#[must_use]
pub const fn item(message: &Message<'_>) -> BatchItem {
    let header = &message.header;
    if message.is_last() {
        return BatchItem::Last(header.result);
    }
    BatchItem::Row {
        index: header.transaction_ttl,
        result: header.result,
    }
}
