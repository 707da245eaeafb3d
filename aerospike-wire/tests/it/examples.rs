//! The hex examples of the specification, byte for byte.

use crate::{
    capture::{hex, messages},
    truth::digest,
};
use aerospike_wire::{
    batch::{self, BatchBuilder, BatchItem, Rows, WriteHead},
    digest::{Digest, PartitionId},
    field::{self, code},
    frame::{self, FrameHeader, FrameType},
    message::{Found, Message, MessageBuilder, MessageHeader, flags, split},
    op,
    particle::{ParticleType, geojson_text},
    result_code::{Advice, ResultCode},
    scan::{self, ScanItem, ScanRequest},
    single,
    stream::{MessageStream, Step},
};

/// Digest of set "demo", key "key1".
const KEY1: &str = "ec91192d4b7f8ce35d5d78d34bca65cbaaaac960";
const NAMESPACE_TEST: &str = "00 00 00 05 00 74 65 73 74";
const SET_DEMO: &str = "00 00 00 05 01 64 65 6d 6f";

/// The one message that is all of `body`.
fn message(body: &[u8]) -> Message<'_> {
    match split(body, body.len()).unwrap() {
        Found::Message { message, len } if len == body.len() => message,
        other => panic!("{other:?}"),
    }
}

fn write_head(info2: u8, generation: u16, record_ttl: u32) -> WriteHead {
    WriteHead {
        info2,
        info3: 0,
        generation,
        record_ttl,
    }
}

/// Frame headers, `wire-protocol.md` §2.1, `info-protocol.md` §1.
#[test]
fn frame_headers() {
    let check = |text: &str, kind, body_len| {
        let header = FrameHeader { kind, body_len };
        assert_eq!(FrameHeader::parse(&hex(text)), Ok(header));
        assert_eq!(header.to_bytes()[..], hex(text));
    };
    check("02 04 00 00 00 00 00 4f", FrameType::Compressed, 79);
    check("02 03 00 00 00 00 00 5d", FrameType::Message, 93);
    check("02 03 00 00 00 00 00 54", FrameType::Message, 84);
    check("02 01 00 00 00 00 00 06", FrameType::Info, 6);
    check("02 01 00 00 00 00 00 0e", FrameType::Info, 14);
}

/// `wire-protocol.md` §3.5.
#[test]
fn put_and_get() {
    let digest = digest(KEY1);
    assert_eq!(digest.partition().get(), 492);
    let mut batch = BatchBuilder::with_capacity(0);
    batch.start_write(&digest, &write_head(0, 0, 0));
    batch.field(code::NAMESPACE, b"test");
    batch.field(code::SET, b"demo");
    batch.write(1, b"a", &42u64.to_be_bytes());
    batch.write(3, b"s", b"hi");
    batch.finish_row();
    let mut put = Vec::new();
    single::from_row(&mut put, batch.row(0).unwrap(), 1000).unwrap();
    let fields = format!("{NAMESPACE_TEST} {SET_DEMO} 00 00 00 15 04 {KEY1}");
    let expected = format!(
        "02 03 00 00 00 00 00 5d
         16 00 01 00 00 00 | 00 00 00 00 | 00 00 00 00 | 00 00 03 e8 | 00 03 | 00 02
         {fields}
         00 00 00 0d 02 01 00 01 61 00 00 00 00 00 00 00 2a
         00 00 00 07 02 03 00 01 73 68 69"
    );
    assert_eq!(put, hex(&expected));

    let reply = hex("16 00 00 00 00 00 | 00 00 00 01 | 00000000 | 00000000 | 00 00 00 00");
    let expected = MessageHeader {
        generation: 1,
        ..MessageHeader::default()
    };
    assert_eq!(message(&reply).header, expected);

    let mut get = Vec::new();
    let header = MessageHeader {
        info1: flags::READ | flags::GET_ALL,
        transaction_ttl: 1000,
        ..MessageHeader::default()
    };
    let mut builder = MessageBuilder::new(&mut get, &header);
    builder.raw_fields(3, &hex(&fields));
    builder.finish();
    let head = "16 03 00 00 00 00 | 00000000 | 00000000 | 00 00 03 e8 | 00 03 | 00 00";
    assert_eq!(get[frame::HEADER_SIZE..], hex(&format!("{head} {fields}")));

    let reply = hex(
        "16 00 00 00 00 00 | 00 00 00 01 | 00000000 | 00000000 | 00 00 00 02
         00 00 00 0d 01 01 00 01 61 00 00 00 00 00 00 00 2a
         00 00 00 07 01 03 00 01 73 68 69",
    );
    let bins: Vec<_> = message(&reply)
        .ops()
        .map(|bin| (bin.name, bin.value))
        .collect();
    assert_eq!(bins, [(&b"a"[..], &42u64.to_be_bytes()[..]), (b"s", b"hi")]);
}

/// `wire-protocol.md` §4: what is carried as it is, and what a GeoJSON value begins with.
#[test]
fn values() {
    let kinds = (0..=255u8).filter(|kind| ParticleType::from_code(*kind).is_ok());
    assert!(kinds.eq([0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20, 23]));
    let opaque = |particle, text: &str| {
        let mut bytes = Vec::new();
        op::put(&mut bytes, op::code::WRITE, particle, b"b", &hex(text));
        let mut frame = Vec::new();
        let mut builder = MessageBuilder::new(&mut frame, &MessageHeader::default());
        builder.raw_ops(1, &bytes);
        builder.finish();
        let bin = messages(&frame)[0].ops().next().unwrap();
        assert_eq!((bin.particle, bin.value), (particle, &hex(text)[..]));
    };
    opaque(
        18,
        "00 04 00 | 00 00 00 00 00 00 00 00 | 00 00 00 00 00 00 00 00 00 00 00 00",
    );
    opaque(20, "94 c7 00 01 01 02 03");
    opaque(19, "83 c7 00 01 c0 01 0a 02 0b");

    let geo = |cells: &str, text: &[u8]| {
        let value = [&hex(cells)[..], text].concat();
        assert_eq!(geojson_text(&value), Ok(text));
    };
    geo("00 00 00", b"{}");
    geo(
        "00 00 01 | 11 22 33 44 55 66 77 88",
        b"{\"type\":\"Point\"}",
    );
    geo(&format!("01 00 09 {}", "aa".repeat(72)), b"{}");
    geo("00 00 00", b"");
    for short in ["", "00 00", "00 00 01 11 22", "00 ff ff"] {
        assert!(geojson_text(&hex(short)).is_err(), "{short}");
    }
}

/// `wire-scan.md` §1.
#[test]
fn scan_requests() {
    let check = |request: ScanRequest<'_>, expected: &str| {
        let mut found = Vec::new();
        request.encode(&mut found);
        assert_eq!(found, hex(expected));
    };
    let scan = ScanRequest {
        set: Some(b"demo"),
        socket_timeout_ms: 30_000,
        ..ScanRequest::new(b"test", 0x1122_3344_5566_7788)
    };
    let fresh = ScanRequest {
        partitions: &[492, 1207],
        max_records: 100,
        ..scan
    };
    let expected = format!(
        "02 03 00 00 00 00 00 54
         16 01 00 04 00 00 | 00000000 | 00000000 | 00000000 | 00 06 | 00 00
         {NAMESPACE_TEST} {SET_DEMO}
         00 00 00 05 0b ec 01 b7 04
         00 00 00 09 0d 00 00 00 00 00 00 00 64
         00 00 00 05 09 00 00 75 30
         00 00 00 09 07 11 22 33 44 55 66 77 88"
    );
    check(fresh, &expected);
    let resumed = ScanRequest {
        digests: &[digest(KEY1)],
        bins: &[b"a"],
        query_id: 0x1122_3344_5566_7789,
        ..scan
    };
    let expected = format!(
        "02 03 00 00 00 00 00 60
         16 01 00 04 00 00 | 00000000 | 00000000 | 00000000 | 00 05 | 00 01
         {NAMESPACE_TEST} {SET_DEMO}
         00 00 00 15 0c {KEY1}
         00 00 00 05 09 00 00 75 30
         00 00 00 09 07 11 22 33 44 55 66 77 89
         00 00 00 05 01 00 00 01 61"
    );
    check(resumed, &expected);
}

/// `wire-scan.md` §3.
#[test]
fn scan_record() {
    let body = hex(
        "16 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 04 00 01
         00 00 00 05 00 74 65 73 74
         00 00 00 15 04 6e f1 23 0c 24 af 81 91 72 57 ca 97 4c 12 0c 66 96 83 e9 66
         00 00 00 03 01 73 63
         00 00 00 0a 02 01 00 00 00 00 00 00 03 c6
         00 00 00 0d 01 01 00 01 6e 00 00 00 00 00 00 03 c6",
    );
    let ScanItem::Record(record) = scan::item(message(&body)).unwrap() else {
        panic!("a record");
    };
    let value = 966u64.to_be_bytes();
    assert_eq!(record.namespace, b"test");
    assert_eq!(record.digest, Digest::for_key(b"sc", 1, &value));
    assert_eq!(record.set, Some(&b"sc"[..]));
    assert_eq!(record.key, Some(&[&[1], &value[..]].concat()[..]));
    assert_eq!((record.generation, record.void_time), (1, 0));
    assert_eq!(record.bin_count, 1);
    let bin = record.bins().next().unwrap();
    assert_eq!(
        (bin.name, bin.particle, bin.value),
        (&b"n"[..], 1, &value[..])
    );
}

/// `wire-scan.md` §4, and the order of precedence of `wire-protocol.md` §10.
#[test]
fn scan_ends() {
    let item = |text: &str| {
        let body = hex(&format!("{text} {}", "00".repeat(22 - hex(text).len())));
        format!("{:?}", scan::item(message(&body)).unwrap())
    };
    let code = ResultCode;
    let id = PartitionId::new(2).unwrap();
    let check = |text, expected: ScanItem<'_>| assert_eq!(item(text), format!("{expected:?}"));
    check("16 00 00 01 00 00", ScanItem::Last(code(0)));
    check("16 00 00 01 00 0f", ScanItem::Last(code(15)));
    let unavailable = ScanItem::Partition {
        id,
        result: code(11),
    };
    check("16 00 00 04 00 0b 00 00 00 02", unavailable);
    let done = ScanItem::Partition {
        id,
        result: code(0),
    };
    check("16 00 00 04 00 00 00 00 00 02", done);
    check("16 00 00 00 00 10", ScanItem::Refused(code(16)));
    check("16 00 00 05 00 09 00 00 00 02", ScanItem::Last(code(9)));
}

/// What a record or a partition status must have.
#[test]
fn scan_items_without_their_parts() {
    let digest_field = format!("00 00 00 15 04 {KEY1}");
    let check = |head: &str, fields: &str, error: &str| {
        let body = hex(&format!("{head} {fields}"));
        let found = scan::item(message(&body)).unwrap_err();
        assert_eq!(found.to_string(), error);
    };
    let one = "16 00 00 00 00 00 | 00000001 | 00000000 | 00000000 | 00 01 | 00 00";
    check(
        one,
        &digest_field,
        "the message has no namespace field (byte 0)",
    );
    check(
        one,
        NAMESPACE_TEST,
        "the message has no digest field (byte 0)",
    );
    check(
        "16 00 00 00 00 00 | 00010000 | 00000000 | 00000000 | 00 02 | 00 00",
        &format!("{NAMESPACE_TEST} {digest_field}"),
        "generation has the impossible size 65536 (byte 6)",
    );
    check(
        "16 00 00 04 00 0b | 00001000 | 00000000 | 00000000 | 00 00 | 00 00",
        "",
        "partition id has the impossible size 4096 (byte 6)",
    );
}

/// `wire-write.md` §1: what the Go restore sends.
#[test]
fn single_write() {
    let digest = digest("bb64e37a7306a87b7481786fb66ab2a7cc9f6104");
    let head = write_head(flags::GENERATION_GT, 1, u32::MAX);
    let mut batch = BatchBuilder::with_capacity(0);
    batch.start_write(&digest, &head);
    batch.field(code::NAMESPACE, b"bar");
    batch.field(code::SET, b"demo");
    batch.write(1, b"x", &1u64.to_be_bytes());
    batch.finish_row();
    let mut found = Vec::new();
    single::from_row(&mut found, batch.row(0).unwrap(), 9999).unwrap();
    let expected = format!(
        "16 00 09 00 00 00 | 00 00 00 01 | ff ff ff ff | 00 00 27 0f | 00 03 | 00 01
         00 00 00 04 00 62 61 72 {SET_DEMO} 00 00 00 15 04 {digest}
         00 00 00 0d 02 01 00 01 78 00 00 00 00 00 00 00 01"
    );
    assert_eq!(found[frame::HEADER_SIZE..], hex(&expected));
}

/// `wire-write.md` §6.1: what the Go restore sends, RESPOND_ALL_OPS included.
#[test]
fn batch_request() {
    let expected = hex("00000002 05
         00000000 bb64e37a7306a87b7481786fb66ab2a7cc9f6104 0e 00 89 00 0001 ffffffff 0002 0001
            00000004 00 626172   00000005 01 64656d6f
            0000000d 02 01 00 01 78 0000000000000001
         00000001 4bbb7fe372a9d96139fbafc2964e1954c5099a47 0e 00 89 00 0001 ffffffff 0003 0002
            00000004 00 626172   00000005 01 64656d6f   00000004 02 03 706b
            0000000d 02 01 00 01 61 0000000000000001
            0000001a 02 13 00 01 6d 82a203629401cb4004000000000000c3c0a2037a01");
    let head = write_head(flags::GENERATION_GT | flags::RESPOND_ALL_OPS, 1, u32::MAX);
    let mut batch = BatchBuilder::with_capacity(0);
    batch.start_write(&digest("bb64e37a7306a87b7481786fb66ab2a7cc9f6104"), &head);
    batch.field(code::NAMESPACE, b"bar");
    batch.field(code::SET, b"demo");
    batch.write(1, b"x", &1u64.to_be_bytes());
    batch.finish_row();
    batch.start_write(&digest("4bbb7fe372a9d96139fbafc2964e1954c5099a47"), &head);
    batch.field(code::NAMESPACE, b"bar");
    batch.field(code::SET, b"demo");
    batch.field(code::KEY, b"\x03pk");
    batch.write(1, b"a", &1u64.to_be_bytes());
    let map = hex("82a203629401cb4004000000000000c3c0a2037a01");
    batch.write(19, b"m", &map);
    batch.finish_row();
    let frame = batch.finish(10_000);
    let found = messages(frame)[0];
    assert_eq!(found.header.info1, flags::BATCH);
    assert_eq!(found.header.transaction_ttl, 10_000);
    assert_eq!(found.field(code::BATCH), Some(&expected[..]));
}

/// `wire-write.md` §6.1: the other forms of a row.
#[test]
fn batch_row_forms() {
    let digest = digest(KEY1);
    let check = |rows: &str, expected: &[(u32, u8, bool, usize)]| {
        let data = hex(rows);
        let found: Vec<_> = Rows::new(&data)
            .unwrap()
            .map(|row| {
                let row = row.unwrap();
                assert_eq!(row.digest, digest);
                let message = row.message;
                let fields = message.fields().count();
                (row.index, message.header.info1, row.repeated, fields)
            })
            .collect();
        assert_eq!(found, expected);
    };
    let bare = format!("00000007 {KEY1} 00 03 0001 0000 {NAMESPACE_TEST}");
    check(&format!("00000001 04 {bare}"), &[(7, 3, false, 1)]);
    let repeat = format!("00000008 {KEY1} 01");
    let both = [(7, 3, false, 1), (8, 3, true, 1)];
    check(&format!("00000002 04 {bare} {repeat}"), &both);
    check(&format!("00000001 04 {bare} 01 02 03"), &both[..1]);
    let no_fields = format!("00000007 {KEY1} 00 03 0000 0000 {NAMESPACE_TEST}");
    check(&format!("00000001 04 {no_fields}"), &[(7, 3, false, 1)]);
    let all = format!("00000007 {KEY1} 1e 21 01 02 04 0009 0000000a 0001 0000 {NAMESPACE_TEST}");
    check(&format!("00000001 04 {all}"), &[(7, 0x21, false, 1)]);
    let data = hex(&format!("00000001 04 {all}"));
    let header = Rows::new(&data)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .message
        .header;
    assert_eq!((header.info2, header.info3, header.info4), (1, 2, 4));
    assert_eq!((header.generation, header.record_ttl), (9, 10));

    let refuse = |rows: String, error: &str| {
        let data = hex(&rows);
        let rows: Vec<_> = Rows::new(&data).unwrap().collect();
        let found = rows.last().unwrap().as_ref().unwrap_err();
        assert_eq!(found.to_string(), error);
    };
    let first = "the message has no row to repeat field (byte 30)";
    refuse(format!("00000001 04 {repeat}"), first);
    let fewer = "batch row needs 4 bytes, but only 0 are left (byte 44)";
    refuse(format!("00000003 04 {bare}"), fewer);
}

/// `wire-write.md` §6.2, and the null operation of §5.
#[test]
fn batch_reply() {
    let messages = [
        "16 00 00 00 00 00 | 00000001 | 00000000 | 00000000 | 0000 | 0001
         0000000d 01 01 00 01 6e 0000000000000000",
        "16 00 00 00 00 02 | 00000000 | 00000000 | 00000002 | 0000 | 0000",
        "16 00 00 01 00 00 | 00000000 | 00000000 | 00000000 | 0000 | 0000",
    ];
    let found = messages.map(|text| match batch::item(&message(&hex(text))) {
        BatchItem::Row { index, result } => (Some(index), result.0),
        BatchItem::Last(result) => (None, result.0),
    });
    assert_eq!(found, [(Some(0), 0), (Some(2), 2), (None, 0)]);
    let null = hex(
        "16 00 00 00 00 00 | 00000001 | 00000000 | 00000000 | 0000 | 0001
                    00 00 00 05 02 00 00 01 6e",
    );
    let op = message(&null).ops().next().unwrap();
    assert_eq!((op.code, op.particle), (op::code::WRITE, 0));
    assert_eq!((op.name, op.value), (&b"n"[..], &[][..]));
}

/// `wire-protocol.md` §3.4: a last-update time is no part of the value.
#[test]
fn bins_with_a_last_update_time() {
    let body = hex(
        "16 00 01 00 00 00 | 00000000 | 00000000 | 00000000 | 0000 | 0001
                    00 00 00 0e 02 03 01 01 61 | 00 00 00 7c 11 22 33 44 | 68",
    );
    let op = message(&body).ops().next().unwrap();
    assert_eq!((op.name, op.value), (&b"a"[..], &b"h"[..]));
    let mut short = body;
    short[25] = 0x0c;
    short.truncate(22 + 4 + 12);
    let error = split(&short, short.len()).unwrap_err();
    let text = "bin name needs 13 bytes, but only 12 are left (byte 22)";
    assert_eq!(error.to_string(), text);
}

/// `wire-write.md` §7: the stored payload of a change stream begins like any request.
#[test]
fn payload_offsets() {
    let mut out = Vec::new();
    let header = MessageHeader {
        info2: 0x29,
        info3: 0x10,
        result: ResultCode(28),
        ..MessageHeader::default()
    };
    MessageBuilder::new(&mut out, &header).finish();
    assert_eq!((out[10], out[11], out[13]), (0x29, 0x10, 28));
    assert_eq!(out.len(), 30);
    let step = MessageStream::new().next(&out).unwrap();
    assert!(matches!(step, Step::Message { consumed: 30, .. }));
}

/// `wire-protocol.md` §3.3: unknown fields are skipped.
#[test]
fn unknown_fields_are_skipped() {
    let fields = format!("00 00 00 02 2d 80 {NAMESPACE_TEST} 00 00 00 08 03 01020304050607");
    let digest = format!("00 00 00 15 04 {KEY1}");
    let head = "16 00 00 00 00 00 | 00000001 | 00000000 | 00000000 | 0004 | 0000";
    let body = hex(&format!("{head} {fields} {digest}"));
    assert!(matches!(
        scan::item(message(&body)),
        Ok(ScanItem::Record(_))
    ));
    let mut built = Vec::new();
    field::put(&mut built, code::NAMESPACE, b"test");
    assert_eq!(built, hex(NAMESPACE_TEST));
}

/// `wire-protocol.md` §9.
#[test]
fn result_codes() {
    let documented = (0..=28)
        .chain([32])
        .chain(50..=56)
        .chain(60..=66)
        .chain(70..=75);
    let documented = documented
        .chain(80..=83)
        .chain(90..=94)
        .chain([100])
        .chain(120..=127);
    let documented = documented.chain(150..=152).chain([160]).chain(200..=206);
    let documented: Vec<u8> = documented.collect();
    for code in 0..=255 {
        let named = ResultCode(code).name().is_some();
        assert_eq!(named, documented.contains(&code), "{code}");
        let expected = match code {
            0 | 50 => Advice::Done,
            7 | 9 | 11 | 14 | 32 | 83 | 120 | 152 | 203 => Advice::Retry,
            8 | 18 => Advice::RetryWrite,
            65 | 66 | 80 => Advice::Login,
            _ => Advice::Final,
        };
        assert_eq!(ResultCode(code).advice(), expected, "{code}");
        assert_eq!(ResultCode(code).is_ok(), code == 0);
    }
}
