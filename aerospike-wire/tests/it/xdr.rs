//! Shipping by XDR: the vectors of xdr-protocol.md and asbx-binary.md, and a recorded run.

use aerospike_wire::{
    digest::Digest,
    error::ErrorKind,
    message::flags,
    op,
    result_code::ResultCode,
    xdr::{self, Change, NEVER_EXPIRES, Shipment, Shipped},
};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

use crate::capture::{data, frames, hex, list, messages, number};

/// The message of asbx-binary.md §5, as it is shipped.
fn vector() -> Vec<u8> {
    hex(concat!(
        "02030000000000781610011000000000000300278d0000000000000500020000",
        "000500746573740000001504dc2e595bc2a0d8c6290c474d74e71b23e3ed846a",
        "000000050164656d6f0000000a02010000000000000007000000090e00000074",
        "6a5288000000000d0201000161000000000000002a0000000702030001736869",
    ))
}

fn digest() -> Digest {
    Digest::for_key(b"demo", 1, &7_i64.to_be_bytes())
}

#[test]
fn the_vector_is_read_and_made() {
    let message = vector();
    assert_eq!(xdr::body_len(&message), Ok(120));
    let shipped = Shipped::parse(&message[8..], b"test").unwrap();
    assert_eq!(shipped.digest, digest());
    assert_eq!((shipped.set, shipped.header.generation), (&b"demo"[..], 3));
    assert_eq!(shipped.digest.partition().get(), 3804);
    assert!(!shipped.is_monitor());

    let mut ops = Vec::new();
    op::put(&mut ops, op::code::WRITE, 1, b"a", &42_i64.to_be_bytes());
    op::put(&mut ops, op::code::WRITE, 3, b"s", b"hi");
    let key = [&[1][..], &7_i64.to_be_bytes()].concat();
    let shipment = Shipment {
        namespace: b"test",
        digest: digest(),
        set: b"demo",
        key: Some(&key),
        generation: 3,
        ttl: 2_592_000,
        last_update_ms: 500_000_000_000,
        change: Change::Write {
            n_ops: 2,
            ops: &ops,
        },
    };
    let mut made = Vec::new();
    shipment.encode(&mut made);
    assert_eq!(made, message);
}

#[test]
fn acknowledgements_are_those_of_the_established_tool() {
    let ok = hex("020300000000001600000000000000000000000000000000000000000000");
    let retry = hex("020300000000001600000000000b00000000000000000000000000000000");
    assert_eq!(xdr::ack(xdr::SHIPPED)[..], ok);
    assert_eq!(xdr::ack(xdr::SHIP_AGAIN)[..], retry);
    let result = |bytes: &[u8]| xdr::ack_result(bytes.first_chunk().unwrap());
    assert_eq!(result(&retry), Ok(ResultCode(11)));
    // A server would say the size of its message header.
    let mut other = ok.clone();
    other[8] = 22;
    assert_eq!(result(&other), Ok(ResultCode::OK));
    other[7] = 23;
    assert!(result(&other).is_err());
}

#[test]
fn a_recorded_run_is_understood_and_answered_alike() {
    let index: Value = serde_json::from_slice(&data("xdr/index.json")).unwrap();
    let captures = list(&index, "captures");
    let facts = captures.iter().find(|c| c["name"] == "xdr-ship").unwrap();
    let facts = &facts["facts"];
    let (shipped, acks) = (data("xdr/xdr-ship.req.bin"), data("xdr/xdr-ship.resp.bin"));
    let (mut kept, mut dropped, mut deletes) = (0, 0, 0);
    let mut answers = Vec::new();
    for frame in frames(&shipped) {
        let message = Shipped::parse(frame.body, b"test").unwrap();
        let whole = messages(frame.bytes)[0];
        assert_eq!(whole.field(4), Some(&message.digest.0[..]));
        assert_eq!(whole.field(1).unwrap_or_default(), message.set);
        let is_delete = message.header.info2 & flags::DELETE != 0;
        deletes += u64::from(is_delete);
        if message.is_monitor() {
            dropped += 1;
        } else {
            kept += 1;
        }
        answers.extend_from_slice(&xdr::ack(xdr::SHIPPED));

        // The same message again, from its parts.
        let change = match is_delete {
            true => Change::Delete { durable: false },
            false => Change::Write {
                n_ops: whole.header.n_ops,
                ops: whole.op_bytes(),
            },
        };
        let last_update = whole.field(14).unwrap().try_into().unwrap();
        let again = Shipment {
            namespace: b"test",
            digest: message.digest,
            set: message.set,
            key: whole.field(2),
            generation: message.header.generation as u16,
            ttl: message.header.record_ttl,
            last_update_ms: u64::from_be_bytes(last_update),
            change,
        };
        let mut made = Vec::new();
        again.encode(&mut made);
        assert!(made == frame.bytes, "message at {}", frame.offset);
    }
    assert_eq!(answers, acks);
    assert_eq!(kept + dropped, number(facts, "messages"));
    assert_eq!(kept, number(facts, "stored_tokens"));
    assert_eq!(dropped, number(facts, "monitor_records_dropped"));
    assert_eq!(deletes, 15);
}

/// What is wrong with the vector after `change`.
fn refused(change: impl FnOnce(&mut Vec<u8>)) -> ErrorKind {
    let mut message = vector();
    change(&mut message);
    let body = match xdr::body_len(&message) {
        Ok(len) => message[8..].get(..len).unwrap_or_else(|| &message[8..]),
        Err(error) => return error.kind().clone(),
    };
    Shipped::parse(body, b"test").unwrap_err().kind().clone()
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let place = |bytes: &[u8]| {
        let message = vector();
        let mut windows = message.windows(bytes.len());
        windows.position(|window| window == bytes).unwrap()
    };
    let digest = place(&[0, 0, 0, 21, 4]);
    let key = place(&[0, 0, 0, 10, 2, 1]);
    let name = place(b"test");
    assert_eq!(refused(|m| m[0] = 3), ErrorKind::Version { found: 3 });
    assert_eq!(refused(|m| m[1] = 4), ErrorKind::FrameType { found: 4 });
    let too_large = ErrorKind::FrameTooLarge {
        found: (128 << 20) - 7,
        limit: (128 << 20) - 8,
    };
    let length = ((128_u32 << 20) - 7).to_be_bytes();
    assert_eq!(refused(|m| m[4..8].copy_from_slice(&length)), too_large);
    let fields = ErrorKind::Size {
        what: "number of fields",
        found: 2,
    };
    assert_eq!(refused(|m| m[27] = 2), fields);
    let missing = |what| ErrorKind::MissingField { what };
    assert_eq!(refused(|m| m[digest + 4] = 9), missing("digest"));
    assert_eq!(refused(|m| m[name - 1] = 9), missing("namespace"));
    assert_eq!(refused(|m| m[name] = b'T'), ErrorKind::OtherNamespace);
    assert_eq!(
        refused(|m| m[key + 5] = 9),
        ErrorKind::Particle { found: 9 }
    );
    let short_digest = |m: &mut Vec<u8>| {
        m[digest + 3] = 20;
        m.remove(digest + 10);
    };
    assert_eq!(refused(short_digest), missing("digest"));
    let empty_key = |m: &mut Vec<u8>| {
        m[key + 3] = 1;
        m.drain(key + 5..key + 14);
    };
    let what = "key";
    assert_eq!(refused(empty_key), ErrorKind::Size { what, found: 0 });
    let what = "field";
    let zero = |m: &mut Vec<u8>| m[key + 3] = 0;
    assert_eq!(refused(zero), ErrorKind::Size { what, found: 0 });
    for size in [[0, 0, 1, 0], [0x7f, 0xff, 0xff, 0xff], [0xff; 4]] {
        let found = refused(|m| m[key..key + 4].copy_from_slice(&size));
        assert!(matches!(found, ErrorKind::Truncated { .. }), "{found}");
    }
    let found = refused(|m| m[26..28].copy_from_slice(&[0xff, 0xff]));
    assert!(!matches!(found, ErrorKind::OtherNamespace), "{found}");
}

#[test]
fn deletes_have_the_bits_of_the_server() {
    let delete = |durable| Shipment {
        namespace: b"test",
        digest: digest(),
        set: b"",
        key: None,
        generation: 4,
        ttl: NEVER_EXPIRES,
        last_update_ms: 1,
        change: Change::Delete { durable },
    };
    for (durable, info2) in [(false, 0x03), (true, 0x13)] {
        let mut out = Vec::new();
        delete(durable).encode(&mut out);
        assert_eq!(out[9..12], [0x10, info2, 0]);
        let shipped = Shipped::parse(&out[8..], b"test").unwrap();
        assert_eq!((shipped.set, shipped.header.n_ops), (&b""[..], 0));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        crate::replay::xdr(&bytes);
    }

    #[test]
    fn any_change_is_survived(at in 0..128_usize, byte in any::<u8>(), len in 0..=128_usize) {
        let mut message = vector();
        message[at] = byte;
        crate::replay::xdr(&message[..len]);
    }
}
