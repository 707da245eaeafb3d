//! Shipping by XDR (`xdr-protocol.md` §4): the server is the client here. It sends ordinary
//! messages of one record each, any number of them back to back, and reads one [`ack`] for each,
//! in their order.
//!
//! There is no greeting and no login. Only what a receiver has to know of a message is read here:
//! its fields are checked, its operations are passed over.

use crate::{
    digest::Digest,
    error::{Error, ErrorKind},
    field::{Fields, code},
    frame::{self, FrameHeader, FrameType},
    message::{HEADER_SIZE, MessageBuilder, MessageHeader, flags},
    reader::Reader,
    result_code::ResultCode,
};
use alloc::vec::Vec;

/// Largest body that is taken: together with its header it is what an ASBX file may hold.
pub const MAX_BODY: u64 = frame::MAX_BODY - frame::HEADER_SIZE as u64;

/// Fewest fields of a message: namespace, digest, and one of set, key and last-update time.
const MIN_FIELDS: u16 = 3;

/// Bytes of an acknowledgement.
pub const ACK_SIZE: usize = 30;

/// Where the result code stands in an acknowledgement.
const ACK_RESULT: usize = 13;

/// Set of the records by which a server keeps track of transactions; they are acknowledged and
/// not kept.
pub const MONITOR_SET: &[u8] = b"<ERO~MRT";

/// Result of an acknowledgement: shipped.
pub const SHIPPED: ResultCode = ResultCode::OK;

/// Result of an acknowledgement: ship it again.
pub const SHIP_AGAIN: ResultCode = ResultCode(11);

/// Length of the body that the frame header in `bytes` announces.
///
/// # Errors
/// Fewer than eight bytes, another version than 2, another type than 3 (compressed messages too),
/// a body over [`MAX_BODY`].
pub fn body_len(bytes: &[u8]) -> Result<usize, Error> {
    let header = FrameHeader::parse(bytes)?;
    if header.kind != FrameType::Message {
        let found = header.kind as u8;
        return Err(Error::new(ErrorKind::FrameType { found }, 1));
    }
    let found = u64::from(header.body_len);
    let limit = MAX_BODY;
    match usize::try_from(found) {
        Ok(len) if found <= limit => Ok(len),
        _ => Err(Error::new(ErrorKind::FrameTooLarge { found, limit }, 2)),
    }
}

/// What a receiver has to know about a shipped message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped<'a> {
    /// The fixed part.
    pub header: MessageHeader,
    /// Identity of the record.
    pub digest: Digest,
    /// Its set; empty = the null set, or not said.
    pub set: &'a [u8],
}

impl<'a> Shipped<'a> {
    /// Reads a message about a record of `namespace` from `body`, which is all of it.
    ///
    /// # Errors
    /// Fewer than three fields, one that does not fit into the body, no namespace or another one,
    /// no digest of 20 bytes, a key that is empty or of a type that keys do not have.
    pub fn parse(body: &'a [u8], namespace: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let header = MessageHeader::read(&mut reader)?;
        if header.n_fields < MIN_FIELDS {
            let found = u64::from(header.n_fields);
            let what = "number of fields";
            return Err(reader.error(ErrorKind::Size { what, found }));
        }
        check_fields(&mut reader, header.n_fields)?;
        let fields = body.get(HEADER_SIZE..reader.offset()).unwrap_or_default();
        let field = |kind| Fields::new(fields).find(|field| field.kind == kind);
        let missing = |what| Error::new(ErrorKind::MissingField { what }, HEADER_SIZE);
        let found = field(code::NAMESPACE).ok_or_else(|| missing("namespace"))?;
        if found.data != namespace {
            return Err(Error::new(ErrorKind::OtherNamespace, HEADER_SIZE));
        }
        if let Some(key) = field(code::KEY) {
            check_key(key.data)?;
        }
        let digest = field(code::DIGEST).and_then(|field| Digest::from_slice(field.data));
        Ok(Self {
            header,
            digest: digest.ok_or_else(|| missing("digest"))?,
            set: field(code::SET).map_or(&[], |field| field.data),
        })
    }

    /// Whether it is about the bookkeeping of transactions ([`MONITOR_SET`]).
    #[must_use]
    pub fn is_monitor(&self) -> bool {
        self.set == MONITOR_SET
    }
}

/// Steps over `count` fields, all of which have to be there.
fn check_fields(reader: &mut Reader<'_>, count: u16) -> Result<(), Error> {
    for _ in 0..count {
        let size = reader.u32("field")?;
        if size == 0 {
            let what = "field";
            return Err(reader.error(ErrorKind::Size { what, found: 0 }));
        }
        reader.take(usize::try_from(size).unwrap_or(usize::MAX), "field")?;
    }
    Ok(())
}

/// Keys are integers, doubles, strings or blobs. The established tool refuses doubles; a server that
/// stores such a key would then ship its record for ever.
fn check_key(key: &[u8]) -> Result<(), Error> {
    match *key {
        [] => {
            let kind = ErrorKind::Size {
                what: "key",
                found: 0,
            };
            Err(Error::new(kind, HEADER_SIZE))
        }
        [1..=4, ..] => Ok(()),
        [found, ..] => Err(Error::new(ErrorKind::Particle { found }, HEADER_SIZE)),
    }
}

/// The 30 bytes that answer a message. All but the result is zero, also where a server would say
/// the size of its header.
#[must_use]
pub const fn ack(result: ResultCode) -> [u8; ACK_SIZE] {
    let code = result.0;
    [
        2, 3, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0, code, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0,
    ]
}

/// The result in an acknowledgement; its other bytes may be those of any server.
///
/// # Errors
/// Not the frame header of a message of 22 bytes.
pub fn ack_result(bytes: &[u8; ACK_SIZE]) -> Result<ResultCode, Error> {
    let len = body_len(bytes)?;
    if len != HEADER_SIZE {
        let found = u64::try_from(len).unwrap_or(u64::MAX);
        let what = "acknowledgement";
        return Err(Error::new(ErrorKind::Size { what, found }, 2));
    }
    let code = bytes.get(ACK_RESULT).copied().unwrap_or_default();
    Ok(ResultCode(code))
}

/// A record as XDR ships it; the other side of [`Shipped`].
#[derive(Debug, Clone, Copy)]
pub struct Shipment<'a> {
    /// Namespace.
    pub namespace: &'a [u8],
    /// Identity of the record.
    pub digest: Digest,
    /// Set; empty = the null set.
    pub set: &'a [u8],
    /// Particle type byte and value of the key, if it is stored.
    pub key: Option<&'a [u8]>,
    /// Generation of the record.
    pub generation: u16,
    /// Seconds that it has still to live; [`NEVER_EXPIRES`] = for ever.
    pub ttl: u32,
    /// Milliseconds since 2010-01-01 UTC.
    pub last_update_ms: u64,
    /// What happened to it.
    pub change: Change<'a>,
}

/// TTL of a record that never expires.
pub const NEVER_EXPIRES: u32 = u32::MAX;

/// What is shipped of a record.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// All its bins, as encoded operations of code 2 ([`crate::op::code::WRITE`]).
    Write {
        /// How many.
        n_ops: u16,
        /// Their bytes.
        ops: &'a [u8],
    },
    /// That it was deleted.
    Delete {
        /// Leaving a tombstone.
        durable: bool,
    },
}

impl Shipment<'_> {
    /// Appends the message, frame header included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (info2, info3) = match self.change {
            Change::Write { .. } => (flags::WRITE, flags::CREATE_OR_REPLACE),
            Change::Delete { durable: false } => (flags::WRITE | flags::DELETE, 0),
            Change::Delete { durable: true } => {
                (flags::WRITE | flags::DELETE | flags::DURABLE_DELETE, 0)
            }
        };
        let header = MessageHeader {
            info1: flags::XDR,
            info2,
            info3,
            generation: u32::from(self.generation),
            record_ttl: self.ttl,
            ..MessageHeader::default()
        };
        let mut message = MessageBuilder::new(out, &header);
        message.field(code::NAMESPACE, self.namespace);
        message.field(code::DIGEST, &self.digest.0);
        if !self.set.is_empty() {
            message.field(code::SET, self.set);
        }
        if let Some(key) = self.key {
            message.field(code::KEY, key);
        }
        message.field(code::LAST_UPDATE, &self.last_update_ms.to_be_bytes());
        if let Change::Write { n_ops, ops } = self.change {
            message.raw_ops(n_ops, ops);
        }
        message.finish();
    }
}
