//! After the first few, a record costs no allocation on either hot path.

use crate::support::NAMESPACE;
use aerospike_wire::{
    batch::BatchBuilder,
    field::{self, code},
    frame::{self, FrameType},
    message::MessageHeader,
    op,
    scan::{self, ScanItem},
    single,
    stream::{MessageStream, Step},
};
use asb_format::{Decoder, Encoder, Item, Version};
use asnode::generate::{Shape, records};
use backup_core::convert::{
    asb_to_wire::{self, RowStyle},
    wire_to_asb,
};

const RECORDS: u64 = 500;

/// A scan reply with every type of value, as one frame.
fn reply() -> Vec<u8> {
    let mut out = Vec::new();
    let at = frame::begin(&mut out, FrameType::Message);
    for record in records(Shape::Types, RECORDS, 3, 500_000_000) {
        let key = record.key.as_deref();
        let set = record.set.as_deref();
        let header = MessageHeader {
            generation: u32::from(record.generation),
            record_ttl: record.void_time,
            n_fields: 2 + u16::from(key.is_some()) + u16::from(set.is_some()),
            n_ops: u16::try_from(record.bins.len()).unwrap(),
            ..MessageHeader::default()
        };
        header.encode(&mut out);
        field::put(&mut out, code::NAMESPACE, NAMESPACE.as_bytes());
        field::put(&mut out, code::DIGEST, &record.digest.0);
        set.into_iter()
            .for_each(|set| field::put(&mut out, code::SET, set));
        key.into_iter()
            .for_each(|key| field::put(&mut out, code::KEY, key));
        for bin in &record.bins {
            op::put(
                &mut out,
                op::code::READ,
                bin.particle,
                &bin.name,
                &bin.value,
            );
        }
    }
    frame::finish(&mut out, at);
    out
}

/// The way of a backup: walk and encode. Returns the number of records.
fn encode(reply: &[u8], text: &mut Vec<u8>) -> u64 {
    let (mut stream, mut rest, mut count) = (MessageStream::new(), reply, 0);
    let encoder = Encoder::new();
    while let Ok(Step::Message { message, consumed }) = stream.next(rest) {
        let Ok(ScanItem::Record(record)) = scan::item(message) else {
            panic!("no record")
        };
        wire_to_asb::encode(&encoder, &record, text).unwrap();
        count += 1;
        rest = &rest[consumed..];
    }
    assert!(rest.is_empty());
    count
}

/// The way of a restore: decode and build rows. Returns the number of records.
fn decode(decoder: &mut Decoder, text: &[u8], batch: &mut BatchBuilder) -> u64 {
    let style = RowStyle::default();
    let (mut rest, mut count) = (text, 0);
    while let Ok(asb_format::Step::Complete { consumed, item }) = decoder.decode(rest, false) {
        if let Item::Record(record) = item {
            asb_to_wire::add_row(batch, &record, asb_to_wire::NEVER, &style);
            count += 1;
        }
        rest = &rest[consumed..];
    }
    assert!(rest.is_empty());
    count
}

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn encoding_allocates_nothing() {
    let (reply, mut text) = (reply(), Vec::new());
    assert!(encode(&reply, &mut text) >= RECORDS);
    text.clear();
    let found = allocations(|| {
        encode(&reply, &mut text);
    });
    assert_eq!(found, 0);
}

#[test]
fn decoding_allocates_nothing() {
    let (mut text, mut decoder) = (Vec::new(), Decoder::new());
    Encoder::new().header(&mut text, Version::V3_1);
    let head = text.len();
    let records = encode(&reply(), &mut text);
    let mut batch = BatchBuilder::with_capacity(0);
    assert_eq!(decode(&mut decoder, &text, &mut batch), records);
    batch.clear();
    let found = allocations(|| {
        decode(&mut decoder, &text[head..], &mut batch);
    });
    assert_eq!(found, 0, "for {records} records");
}

/// The way of a restore into a server that has no batch writes: rows become messages.
#[test]
fn single_writes_allocate_nothing() {
    let (mut text, mut decoder) = (Vec::new(), Decoder::new());
    Encoder::new().header(&mut text, Version::V3_1);
    encode(&reply(), &mut text);
    let mut batch = BatchBuilder::with_capacity(0);
    let records = decode(&mut decoder, &text, &mut batch);
    let mut requests = Vec::with_capacity(batch.len_bytes() * 2);
    let found = allocations(|| {
        for row in (0..batch.rows()).filter_map(|index| batch.row(index)) {
            single::from_row(&mut requests, row, 1000).unwrap();
        }
    });
    assert_eq!((batch.rows() as u64, found), (records, 0));
    assert!(requests.len() > batch.len_bytes() / 2);
}
