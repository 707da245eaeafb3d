//! What must hold for any bytes at all: fuzz targets, corpus replay and properties call the same
//! functions, which panic when it does not.
//!
//! The fuzz targets include this file, so it uses nothing but the crate and std.

use aerospike_wire::{
    batch::{BatchBuilder, Row, Rows, WriteHead},
    digest::Digest,
    error::ErrorKind,
    field,
    frame::{self, FrameHeader},
    info,
    message::{Message, flags},
    partition, scan, single,
    stream::{MessageStream, Step},
    xdr,
};

/// A message taken out of its buffer: header, fields, operations as bytes.
type Owned = (aerospike_wire::message::MessageHeader, Vec<u8>, Vec<u8>);

/// How a walk ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Incomplete,
    Malformed(ErrorKind),
}

/// Walks `input` as it arrives: `grow` says how many bytes are there after the next read.
pub(crate) fn walk(input: &[u8], mut grow: impl FnMut(usize) -> usize) -> (Vec<Owned>, End) {
    let mut stream = MessageStream::new();
    let mut out = Vec::new();
    let (mut start, mut end) = (0, 0);
    // Every step takes a byte, a read or the end: more steps than this would be a loop.
    for _ in 0..=2 * input.len() + 2 {
        let present = &input[start..end];
        match stream.next(present) {
            Err(error) => return (out, End::Malformed(error.kind().clone())),
            Ok(Step::Message { message, consumed }) => {
                assert!((1..=present.len()).contains(&consumed));
                out.push((
                    message.header,
                    message.field_bytes().to_vec(),
                    message.op_bytes().to_vec(),
                ));
                start += consumed;
            }
            Ok(Step::Incomplete { consumed, needed }) => {
                assert!(consumed <= present.len());
                assert!(needed > present.len() - consumed, "would not wait");
                start += consumed;
                if end == input.len() {
                    return (out, End::Incomplete);
                }
                end = grow(end).clamp(end + 1, input.len());
            }
        }
    }
    panic!("{} bytes take too many steps", input.len());
}

/// Replies of a scan: no step waits for bytes beyond its frame, views hold what their headers
/// announce, and reading in pieces finds the same as reading at once.
pub(crate) fn stream(input: &[u8]) {
    bounded(input);
    let whole = walk(input, |_| input.len());
    assert_eq!(walk(input, |end| end + 1), whole, "byte by byte");
    let piece = input.first().map_or(1, |byte| usize::from(*byte) + 1);
    assert_eq!(walk(input, |end| end + piece), whole, "pieces of {piece}");
}

/// Walks what is present, with an account of the frames kept beside.
fn bounded(mut input: &[u8]) {
    let mut stream = MessageStream::new();
    let mut left = 0;
    loop {
        let (consumed, needed) = match stream.next(input) {
            Err(error) => {
                assert!(error.offset() <= input.len());
                return;
            }
            Ok(Step::Message { message, consumed }) => {
                sound(&message);
                (consumed, 0)
            }
            Ok(Step::Incomplete { consumed, needed }) => (consumed, needed),
        };
        let mut taken = 0;
        while left == 0 && taken < consumed {
            left = FrameHeader::parse(&input[taken..]).unwrap().body_len as usize;
            taken += frame::HEADER_SIZE;
        }
        left -= consumed - taken;
        input = &input[consumed..];
        if needed > 0 {
            assert!(needed <= left || (left == 0 && needed == frame::HEADER_SIZE));
            assert_eq!(stream.at_frame_end(), left == 0);
            return;
        }
    }
}

/// A message is what its header announces, whatever it means.
fn sound(message: &Message<'_>) {
    let mut fields = Vec::new();
    for item in message.fields() {
        field::put(&mut fields, item.kind, item.data);
    }
    assert_eq!(fields, message.field_bytes());
    let header = message.header;
    assert_eq!(message.fields().count(), usize::from(header.n_fields));
    assert_eq!(message.ops().count(), usize::from(header.n_ops));
    let (mut least, mut luts) = (0, 0);
    for op in message.ops() {
        least += 8 + op.name.len() + op.value.len();
        luts += 8;
    }
    assert!((least..=least + luts).contains(&message.op_bytes().len()));
    if let Ok(scan::ScanItem::Record(record)) = scan::item(*message) {
        assert_eq!(record.bins().count(), usize::from(record.bin_count));
        assert_eq!(
            Some(record.namespace),
            message.field(field::code::NAMESPACE)
        );
        assert!(record.set.is_none_or(|set| !set.is_empty()));
    }
}

/// The content of a BATCH field: rows end, are what they announce, and are the same after they
/// were written, carried over and sent alone.
pub(crate) fn batch(input: &[u8]) {
    let _ = single::from_row(&mut Vec::new(), input, 0);
    let Ok(rows) = Rows::new(input) else {
        assert!(input.len() < 5);
        return;
    };
    let mut count = 0;
    let mut batch = BatchBuilder::with_capacity(0);
    for row in rows {
        count += 1;
        assert!(
            count * 25 <= input.len() + 25,
            "a row has 25 bytes at least"
        );
        match row {
            Ok(row) => {
                sound(&row.message);
                same_row(&mut batch, &row);
            }
            Err(error) => assert!(error.offset() <= input.len()),
        }
    }
}

/// Writes `row` again and reads it in all the ways there are.
fn same_row(batch: &mut BatchBuilder, row: &Row<'_>) {
    let header = row.message.header;
    let Ok(generation) = u16::try_from(header.generation) else {
        panic!("rows have 16 bits for it");
    };
    let head = WriteHead {
        info2: header.info2,
        info3: header.info3,
        generation,
        record_ttl: header.record_ttl,
    };
    batch.clear();
    for digest in [Digest([0; 20]), row.digest] {
        batch.start_write(&digest, &head);
        for field in row.message.fields() {
            batch.field(field.kind, field.data);
        }
        for op in row.message.ops() {
            batch.write(op.particle, op.name, op.value);
        }
        batch.finish_row();
    }
    let written = batch.row(1).unwrap().to_vec();
    batch.clear();
    batch.push_row(&written);
    assert_eq!(batch.digest(0), Some(row.digest));
    let frame = batch.finish(0);
    let (mut stream, body) = (MessageStream::new(), frame);
    let Ok(Step::Message { message, consumed }) = stream.next(body) else {
        panic!("the frame is whole");
    };
    assert_eq!(consumed, frame.len());
    let mut rows = Rows::new(message.field(field::code::BATCH).unwrap()).unwrap();
    let found = rows.next().unwrap().unwrap();
    assert!(rows.next().is_none());
    assert_eq!((found.index, found.digest), (0, row.digest));
    let mut expected = header;
    expected.info1 = 0;
    expected.info2 |= flags::WRITE;
    expected.info4 = 0;
    assert_eq!(found.message.header, expected);
    assert_eq!(found.message.field_bytes(), row.message.field_bytes());
    let ops = |message: &Message<'_>| -> Vec<_> {
        let op =
            |op: aerospike_wire::op::Op<'_>| (op.particle, op.name.to_vec(), op.value.to_vec());
        message.ops().map(op).collect()
    };
    assert_eq!(ops(&found.message), ops(&row.message));
    same_alone(&written, row);
}

/// The row as a message of its own.
fn same_alone(written: &[u8], row: &Row<'_>) {
    let mut out = Vec::new();
    single::from_row(&mut out, written, 7).unwrap();
    let Ok(Step::Message { message, consumed }) = MessageStream::new().next(&out) else {
        panic!("the frame is whole");
    };
    assert_eq!(consumed, out.len());
    assert_eq!(message.header.transaction_ttl, 7);
    assert_eq!(message.header.n_ops, row.message.header.n_ops);
    let digests = message.fields().filter(|f| f.kind == field::code::DIGEST);
    assert_eq!(digests.last().map(|f| f.data), Some(&row.digest.0[..]));
    let empty_set = |f: &field::Field<'_>| f.kind == field::code::SET && f.data.is_empty();
    assert!(!message.fields().any(|f| empty_set(&f)));
}

/// Text of the info protocol: parts are parts of the input, and nothing is lost.
pub(crate) fn info(input: &[u8]) {
    let mut commands = Vec::new();
    for command in info::commands(input) {
        commands.extend_from_slice(command);
        commands.push(b'\n');
    }
    assert!(input.starts_with(&commands));
    assert!(!input[commands.len()..].contains(&b'\n'));
    for (command, value) in info::replies(input) {
        assert!(!command.contains(&b'\t') && !command.contains(&b'\n'));
        assert!(!value.contains(&b'\n'));
        if let Some(refusal) = info::refusal(value) {
            let start = String::from_utf8_lossy(value).to_ascii_lowercase();
            assert!(["error", "fail"].iter().any(|word| start.starts_with(word)));
            assert!(refusal.message.len() <= 3 * value.len());
        }
    }
    for (key, value) in info::pairs(input, b';') {
        assert!(!key.contains(&b'=') && !key.contains(&b';'));
        assert!(key.len() + value.len() <= input.len());
        assert!(info::value(input, b';', key).is_some());
    }
    let first = info::items(input, b';').next().unwrap_or_default();
    let namespace = info::split_once(first, b':').map_or(&b"test"[..], |(name, _)| name);
    if let Ok(Some(found)) = partition::ownership(input, namespace) {
        for column in &found.columns {
            let text = column.to_base64();
            assert!(holds(input, text.as_bytes()));
        }
    }
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Any shipped bytes: no panic, and what is understood lies where it is said to. The first 30 bytes
/// as an acknowledgement, too.
pub(crate) fn xdr(data: &[u8]) {
    if let Some(bytes) = data.first_chunk() {
        let result = xdr::ack_result(bytes);
        assert!(result.is_err() || data[7] == 22);
    }
    let Ok(len) = xdr::body_len(data) else {
        return;
    };
    assert!(len as u64 <= xdr::MAX_BODY);
    let body = data.get(8..).unwrap_or_default();
    let body = body.get(..len).unwrap_or(body);
    let Ok(shipped) = xdr::Shipped::parse(body, b"test") else {
        return;
    };
    assert!(shipped.header.n_fields >= 3);
    let holds = |part: &[u8]| part.is_empty() || body.windows(part.len()).any(|w| w == part);
    assert!(holds(&shipped.digest.0) && holds(shipped.set) && holds(b"test"));
    // Every cut of it is noticed before its fields are complete.
    for len in 0..body.len() {
        if let Ok(cut) = xdr::Shipped::parse(&body[..len], b"test") {
            assert_eq!(cut, shipped);
        }
    }
}
