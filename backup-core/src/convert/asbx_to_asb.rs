//! From a message that XDR has shipped, as ASBX keeps it, to the record that it leaves, of which
//! [`wire_to_asb`](super::wire_to_asb) makes text.
//!
//! Only plain messages are understood: one that writes all bins of a record, and one that deletes
//! it (`asbx-binary.md` §2). Whatever else a message may ask for depends on what it meets, and no
//! text can say it. What a restore of the message would not do either is left behind: last-update
//! times, and the time that the server has for the write.

use crate::error::Unrepresentable;
use aerospike_wire::{
    field::code,
    frame,
    message::{self, Found, Message, MessageHeader, flags},
    op,
    particle::ParticleType,
    scan::ScanRecord,
};
use asbx_format::payload::{Effect, effect};

/// TTL of a record that never expires.
const NEVER: u32 = u32::MAX;

/// TTL of a write that leaves the expiry as it is.
const UNCHANGED: u32 = u32::MAX - 1;

/// Fields that a record has; the last-update time is set by the server that takes a client's write.
const KNOWN_FIELDS: [u8; 5] = [
    code::NAMESPACE,
    code::SET,
    code::KEY,
    code::DIGEST,
    code::LAST_UPDATE,
];

/// What is known about all messages of a set.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Namespace of all of them.
    pub namespace: &'a [u8],
    /// The moment that times to live count from, in seconds since 2010-01-01 UTC, where one is
    /// known.
    pub shipped_at: Option<u32>,
}

/// What a message leaves of its record.
#[derive(Debug, Clone, Copy)]
pub enum Left<'a> {
    /// This.
    Record(ScanRecord<'a>),
    /// Nothing.
    Nothing,
}

/// Why a message has no form in text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unconvertible {
    /// It is no message.
    #[error("the message is damaged")]
    Damaged(#[source] aerospike_wire::error::Error),
    /// It ends too early.
    #[error("the message is cut")]
    Cut,
    /// Bytes that belong to nothing.
    #[error("{bytes} bytes follow the operations of the message")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A record of another namespace than the file.
    #[error("the record belongs to namespace {found}")]
    Namespace {
        /// Namespace in the message.
        found: String,
    },
    /// A field that no record has.
    #[error("the message has a field of type {kind}, which text cannot hold")]
    Field {
        /// Its type.
        kind: u8,
    },
    /// Flags that make the outcome depend on what is there.
    #[error("flags {bits:#04x} of {byte} ask for more than to write or to delete")]
    Flags {
        /// `info1` to `info4`.
        byte: &'static str,
        /// The flags in question.
        bits: u8,
    },
    /// Only some bins are written.
    #[error("its bins are to be added to those of the record, and not to replace them")]
    Merge,
    /// Another operation than to write a bin.
    #[error("operation {code} on bin {bin:?} is no plain write")]
    Operation {
        /// Code of the operation.
        code: u8,
        /// Name of the bin.
        bin: String,
    },
    /// Nothing is written.
    #[error("it writes no bins")]
    NoBins,
    /// The namespace decides when the record expires.
    #[error("the default of the namespace decides when it expires")]
    DefaultTtl,
    /// The record expires when the one that it replaces would.
    #[error("it keeps the expiry of the record that it replaces")]
    UnchangedTtl,
    /// Nobody knows when it was shipped.
    #[error("it expires {ttl} s after it was shipped, and nothing says when that was")]
    ShippedAtUnknown {
        /// Seconds to live.
        ttl: u32,
    },
    /// It expires later than text can say.
    #[error("it expires {ttl} s after it was shipped, which is later than text can say")]
    TtlTooLong {
        /// Seconds to live.
        ttl: u32,
    },
    /// The set is about changes since some moment, and the record was deleted.
    #[error("it was deleted, and text cannot say so to the backup that these changes go on from")]
    Deleted,
    /// A key or a value without a form in text.
    #[error("{0}")]
    Value(Unrepresentable),
}

/// What the message `payload`, frame header included, leaves of its record.
///
/// # Errors
/// [`Unconvertible`]; types of bins and keys are judged when the text is made.
pub fn left_by<'a>(payload: &'a [u8], origin: &Origin<'_>) -> Result<Left<'a>, Unconvertible> {
    let message = message(payload)?;
    check_fields(&message, origin.namespace)?;
    let header = &message.header;
    only(header.info1, flags::XDR, "info1")?;
    only(header.info4, 0, "info4")?;
    if let Effect::Delete { .. } = effect(payload) {
        check_delete(header)?;
        return Ok(Left::Nothing);
    }
    check_write(header)?;
    check_ops(&message)?;
    let mut record = ScanRecord::from_message(message).map_err(Unconvertible::Damaged)?;
    record.void_time = void_time(header.record_ttl, origin.shipped_at)?;
    Ok(Left::Record(record))
}

fn message(payload: &[u8]) -> Result<Message<'_>, Unconvertible> {
    let body = payload.get(frame::HEADER_SIZE..).unwrap_or_default();
    match message::split(body, body.len()).map_err(Unconvertible::Damaged)? {
        Found::Message { message, len } if len == body.len() => Ok(message),
        Found::Message { len, .. } => Err(Unconvertible::Trailing {
            bytes: body.len().saturating_sub(len),
        }),
        Found::Incomplete { .. } => Err(Unconvertible::Cut),
    }
}

fn check_fields(message: &Message<'_>, namespace: &[u8]) -> Result<(), Unconvertible> {
    let mut kinds = message.fields().map(|field| field.kind);
    if let Some(kind) = kinds.find(|kind| !KNOWN_FIELDS.contains(kind)) {
        return Err(Unconvertible::Field { kind });
    }
    let found = message.field(code::NAMESPACE).unwrap_or_default();
    if found != namespace {
        let found = String::from_utf8_lossy(found).into_owned();
        return Err(Unconvertible::Namespace { found });
    }
    Ok(())
}

/// No other flags than these.
const fn only(found: u8, allowed: u8, byte: &'static str) -> Result<(), Unconvertible> {
    match found & !allowed {
        0 => Ok(()),
        bits => Err(Unconvertible::Flags { byte, bits }),
    }
}

fn check_delete(header: &MessageHeader) -> Result<(), Unconvertible> {
    let allowed = flags::WRITE | flags::DELETE | flags::DURABLE_DELETE;
    only(header.info2, allowed, "info2")?;
    let allowed = flags::CREATE_OR_REPLACE | flags::COMMIT_LEVEL_MASTER;
    only(header.info3, allowed, "info3")
}

fn check_write(header: &MessageHeader) -> Result<(), Unconvertible> {
    let allowed = flags::WRITE | flags::DURABLE_DELETE | flags::RESPOND_ALL_OPS;
    only(header.info2, allowed, "info2")?;
    let allowed = flags::CREATE_OR_REPLACE | flags::COMMIT_LEVEL_MASTER;
    only(header.info3, allowed, "info3")?;
    match header.info3 & flags::CREATE_OR_REPLACE {
        0 => Err(Unconvertible::Merge),
        _ => Ok(()),
    }
}

fn check_ops(message: &Message<'_>) -> Result<(), Unconvertible> {
    if message.header.n_ops == 0 {
        return Err(Unconvertible::NoBins);
    }
    let is_plain =
        |op: &op::Op<'_>| op.code == op::code::WRITE && op.particle != ParticleType::Null as u8;
    match message.ops().find(|op| !is_plain(op)) {
        None => Ok(()),
        Some(op) => Err(Unconvertible::Operation {
            code: op.code,
            bin: String::from_utf8_lossy(op.name).into_owned(),
        }),
    }
}

fn void_time(ttl: u32, shipped_at: Option<u32>) -> Result<u32, Unconvertible> {
    match ttl {
        NEVER => Ok(0),
        0 => Err(Unconvertible::DefaultTtl),
        UNCHANGED => Err(Unconvertible::UnchangedTtl),
        ttl => shipped_at
            .ok_or(Unconvertible::ShippedAtUnknown { ttl })?
            .checked_add(ttl)
            .ok_or(Unconvertible::TtlTooLong { ttl }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerospike_wire::{
        digest::Digest,
        message::MessageBuilder,
        xdr::{Change, Shipment},
    };

    const ORIGIN: Origin<'_> = Origin {
        namespace: b"test",
        shipped_at: Some(1000),
    };

    /// A plain write, its header and fields changed.
    fn write(change: impl FnOnce(&mut MessageHeader), field: Option<u8>, op: (u8, u8)) -> Vec<u8> {
        let mut header = MessageHeader {
            info2: flags::WRITE,
            info3: flags::CREATE_OR_REPLACE,
            generation: 3,
            record_ttl: 60,
            ..MessageHeader::default()
        };
        change(&mut header);
        let mut out = Vec::new();
        let mut message = MessageBuilder::new(&mut out, &header);
        message.field(code::NAMESPACE, b"test");
        message.field(code::DIGEST, &[7; 20]);
        message.field(code::LAST_UPDATE, &[1; 8]);
        if let Some(kind) = field {
            message.field(kind, b"x");
        }
        message.op(op.0, op.1, b"bin", &[0; 8]);
        message.finish();
        out
    }

    const PUT: (u8, u8) = (op::code::WRITE, 1);

    #[test]
    fn a_plain_write_leaves_its_record() {
        let payload = write(|_| (), Some(code::SET), PUT);
        let Ok(Left::Record(record)) = left_by(&payload, &ORIGIN) else {
            panic!("a record");
        };
        assert_eq!(
            (record.digest, record.set),
            (Digest([7; 20]), Some(&b"x"[..]))
        );
        assert_eq!((record.generation, record.void_time), (3, 1060));
        assert_eq!((record.bin_count, record.bins().count()), (1, 1));
        let forever = write(|header| header.record_ttl = NEVER, None, PUT);
        let Ok(Left::Record(record)) = left_by(&forever, &ORIGIN) else {
            panic!("a record");
        };
        assert_eq!((record.void_time, record.set), (0, None));
    }

    #[test]
    fn a_delete_leaves_nothing() {
        for durable in [false, true] {
            let mut payload = Vec::new();
            Shipment {
                namespace: b"test",
                digest: Digest([7; 20]),
                set: b"",
                key: None,
                generation: 1,
                ttl: 0,
                last_update_ms: 1,
                change: Change::Delete { durable },
            }
            .encode(&mut payload);
            assert!(matches!(left_by(&payload, &ORIGIN), Ok(Left::Nothing)));
        }
    }

    #[test]
    fn what_text_cannot_say_is_refused() {
        let check = |payload: &[u8], expected: Unconvertible| {
            assert_eq!(left_by(payload, &ORIGIN).unwrap_err(), expected);
        };
        let header = |change: fn(&mut MessageHeader)| write(change, None, PUT);
        let flags = |byte, bits| Unconvertible::Flags { byte, bits };
        check(&header(|h| h.info1 = flags::READ), flags("info1", 1));
        check(
            &header(|h| h.info2 |= flags::GENERATION_GT),
            flags("info2", 8),
        );
        check(
            &header(|h| h.info2 |= flags::CREATE_ONLY),
            flags("info2", 0x20),
        );
        check(
            &header(|h| h.info3 |= flags::UPDATE_ONLY),
            flags("info3", 8),
        );
        check(&header(|h| h.info4 = 2), flags("info4", 2));
        let conditional = |h: &mut MessageHeader| h.info2 |= flags::DELETE | flags::GENERATION;
        check(&header(conditional), flags("info2", 4));
        check(&header(|h| h.info3 = 0), Unconvertible::Merge);
        check(&header(|h| h.record_ttl = 0), Unconvertible::DefaultTtl);
        check(
            &header(|h| h.record_ttl = UNCHANGED),
            Unconvertible::UnchangedTtl,
        );
        let ttl = UNCHANGED - 1;
        let too_long = header(|h| h.record_ttl = UNCHANGED - 1);
        check(&too_long, Unconvertible::TtlTooLong { ttl });
        let filter = write(|_| (), Some(code::FILTER_EXP), PUT);
        check(&filter, Unconvertible::Field { kind: 43 });
        let operation = |code| Unconvertible::Operation {
            code,
            bin: "bin".to_owned(),
        };
        check(&write(|_| (), None, (op::code::INCR, 1)), operation(5));
        check(&write(|_| (), None, (op::code::WRITE, 0)), operation(2));
    }

    #[test]
    fn the_set_has_to_be_known() {
        let payload = write(|_| (), None, PUT);
        let unknown = Origin {
            shipped_at: None,
            ..ORIGIN
        };
        let expected = Unconvertible::ShippedAtUnknown { ttl: 60 };
        assert_eq!(left_by(&payload, &unknown).unwrap_err(), expected);
        let other = Origin {
            namespace: b"best",
            ..ORIGIN
        };
        let found = "test".to_owned();
        let expected = Unconvertible::Namespace { found };
        assert_eq!(left_by(&payload, &other).unwrap_err(), expected);
    }

    #[test]
    fn damage_is_no_record() {
        let payload = write(|_| (), None, PUT);
        for end in 8..payload.len() {
            let cut = payload.get(..end).unwrap_or_default();
            assert!(left_by(cut, &ORIGIN).is_err(), "cut at {end}");
        }
        let longer = [&payload[..], b"x"].concat();
        let expected = Unconvertible::Trailing { bytes: 1 };
        assert_eq!(left_by(&longer, &ORIGIN).unwrap_err(), expected);
    }
}
