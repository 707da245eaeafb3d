//! Properties over generated and damaged input.

use crate::replay::{self, End, walk};
use aerospike_wire::{
    batch::{BatchBuilder, Row, Rows, WriteHead},
    digest::Digest,
    error::ErrorKind,
    field::{self, code},
    frame,
    message::{MessageHeader, flags},
    op,
    partition::{self, PartitionBitmap},
    result_code::ResultCode,
};
use proptest::{collection::vec, prelude::*};

type Field = (u8, Vec<u8>);
type Op = (u8, Vec<u8>, Vec<u8>);

/// The content of a message; counts follow from it.
#[derive(Debug, Clone)]
struct Parts {
    header: MessageHeader,
    fields: Vec<Field>,
    ops: Vec<Op>,
}

impl Parts {
    fn encode(&self, out: &mut Vec<u8>) {
        self.header.encode(out);
        for (kind, data) in &self.fields {
            field::put(out, *kind, data);
        }
        for (particle, name, value) in &self.ops {
            op::put(out, op::code::READ, *particle, name, value);
        }
    }
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    let kind = prop_oneof![0..=4u8, any::<u8>()];
    let data = prop_oneof![Just(vec![7; 20]), vec(any::<u8>(), 0..30)];
    vec((kind, data), 0..6)
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let name = vec(any::<u8>(), 0..=op::MAX_BIN_NAME);
    vec((any::<u8>(), name, vec(any::<u8>(), 0..80)), 0..6)
}

prop_compose! {
    fn parts()(
        [info3, result] in prop_oneof![Just([0, 0]), any::<[u8; 2]>()],
        [generation, record_ttl, transaction_ttl] in any::<[u32; 3]>(),
        fields in fields(),
        ops in ops(),
    ) -> Parts {
        let header = MessageHeader {
            info3,
            result: ResultCode(result),
            generation,
            record_ttl,
            transaction_ttl,
            n_fields: u16::try_from(fields.len()).unwrap(),
            n_ops: u16::try_from(ops.len()).unwrap(),
            ..MessageHeader::default()
        };
        Parts { header, fields, ops }
    }
}

/// Frames of any number of messages, none included.
fn reply(frames: &[Vec<Parts>]) -> Vec<u8> {
    let mut out = Vec::new();
    for messages in frames {
        let at = frame::begin(&mut out, frame::FrameType::Message);
        messages.iter().for_each(|parts| parts.encode(&mut out));
        frame::finish(&mut out, at);
    }
    out
}

fn replies() -> impl Strategy<Value = Vec<Vec<Parts>>> {
    vec(vec(parts(), 0..5), 0..5)
}

/// A row to write.
#[derive(Debug, Clone)]
struct Write {
    digest: [u8; 20],
    info2: u8,
    info3: u8,
    generation: u16,
    record_ttl: u32,
    fields: Vec<Field>,
    ops: Vec<Op>,
}

impl Write {
    fn push(&self, batch: &mut BatchBuilder) {
        let head = WriteHead {
            info2: self.info2,
            info3: self.info3,
            generation: self.generation,
            record_ttl: self.record_ttl,
        };
        batch.start_write(&Digest(self.digest), &head);
        batch.field(code::NAMESPACE, b"test");
        for (kind, data) in &self.fields {
            batch.field_with(*kind, |out| out.extend_from_slice(data));
        }
        for (particle, name, value) in &self.ops {
            batch.write(*particle, name, value);
        }
        batch.finish_row();
    }

    /// Whether `row` is this write under `index`.
    fn check(&self, index: usize, row: &Row<'_>) {
        let header = row.message.header;
        assert_eq!(row.index as usize, index);
        assert_eq!(row.digest, Digest(self.digest));
        assert_eq!(header.info2, self.info2 | flags::WRITE);
        assert_eq!(header.info3, self.info3);
        assert_eq!(header.generation, u32::from(self.generation));
        assert_eq!(header.record_ttl, self.record_ttl);
        let mut fields = row.message.fields().map(|f| (f.kind, f.data.to_vec()));
        assert_eq!(fields.next(), Some((code::NAMESPACE, b"test".to_vec())));
        assert!(fields.eq(self.fields.iter().cloned()));
        let ops = row.message.ops().map(|op| {
            assert_eq!(op.code, op::code::WRITE);
            (op.particle, op.name.to_vec(), op.value.to_vec())
        });
        assert!(ops.eq(self.ops.iter().cloned()));
    }
}

prop_compose! {
    fn write()(
        digest in any::<[u8; 20]>(),
        [info2, info3] in any::<[u8; 2]>(),
        generation in any::<u16>(),
        record_ttl in any::<u32>(),
        fields in fields(),
        ops in ops(),
    ) -> Write {
        Write { digest, info2, info3, generation, record_ttl, fields, ops }
    }
}

/// The rows of a finished batch are `writes`, in order.
fn check_batch(batch: &mut BatchBuilder, writes: &[&Write]) {
    assert_eq!(batch.rows(), writes.len());
    assert_eq!(batch.is_empty(), writes.is_empty());
    let frame = batch.finish(9).to_vec();
    assert_eq!(frame.len(), batch.len_bytes());
    let (messages, end) = walk(&frame, |_| frame.len());
    assert_eq!(end, End::Incomplete, "nothing follows");
    let [(header, fields, _)] = &messages[..] else {
        panic!("{} messages", messages.len());
    };
    assert_eq!(header.transaction_ttl, 9);
    let rows = Rows::new(&fields[5..]).unwrap();
    assert_eq!(rows.left() as usize, writes.len());
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), writes.len());
    for (index, (row, write)) in rows.iter().zip(writes).enumerate() {
        write.check(index, row);
        assert_eq!(batch.digest(index), Some(row.digest));
    }
    assert_eq!(batch.row(writes.len()), None);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(
        frames in replies(),
        cuts in vec(1usize..200, 1..20),
    ) {
        let bytes = reply(&frames);
        let whole = walk(&bytes, |_| bytes.len());
        let expected = frames.iter().flatten();
        prop_assert_eq!(whole.0.len(), expected.clone().count());
        for ((header, fields, ops), parts) in whole.0.iter().zip(expected) {
            prop_assert_eq!(header, &parts.header);
            let mut encoded = Vec::new();
            parts.encode(&mut encoded);
            prop_assert_eq!([&fields[..], ops].concat(), &encoded[22..]);
        }
        prop_assert_eq!(&whole.1, &End::Incomplete);
        let mut cuts = cuts.into_iter().cycle();
        prop_assert_eq!(walk(&bytes, |end| end + cuts.next().unwrap()), whole);
        replay::stream(&bytes);
    }

    #[test]
    fn a_reply_cut_anywhere_is_incomplete(frames in replies(), at in any::<prop::sample::Index>()) {
        let bytes = reply(&frames);
        let cut = &bytes[..at.index(bytes.len() + 1)];
        let (found, end) = walk(cut, |_| cut.len());
        prop_assert_eq!(end, End::Incomplete);
        let (whole, _) = walk(&bytes, |_| bytes.len());
        prop_assert_eq!(&found[..], &whole[..found.len()]);
        replay::stream(cut);
    }

    #[test]
    fn damaged_replies_are_survived(
        frames in replies(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = reply(&frames);
        if !bytes.is_empty() {
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        replay::stream(&bytes);
    }

    #[test]
    fn batch_rows_come_back(writes in vec(write(), 0..8)) {
        let mut batch = BatchBuilder::with_capacity(0);
        writes.iter().for_each(|write| write.push(&mut batch));
        check_batch(&mut batch, &writes.iter().collect::<Vec<_>>());
    }

    /// As a retry does it: some rows go over to another frame, in any order, and may be followed.
    #[test]
    fn batch_rows_are_carried_over(
        writes in vec(write(), 1..8),
        taken in vec(any::<prop::sample::Index>(), 0..8),
        cancelled in write(),
        added in write(),
    ) {
        let mut batch = BatchBuilder::with_capacity(0);
        let mut retry = BatchBuilder::with_capacity(0);
        let mut expected = Vec::new();
        writes.iter().for_each(|write| write.push(&mut batch));
        for at in taken {
            let at = at.index(writes.len());
            retry.push_row(batch.row(at).unwrap());
            expected.push(&writes[at]);
        }
        check_batch(&mut retry, &expected);
        let before = retry.len_bytes();
        cancelled.push(&mut retry);
        retry.cancel_row();
        prop_assert_eq!(retry.len_bytes(), before);
        added.push(&mut retry);
        expected.push(&added);
        check_batch(&mut retry, &expected);
        let memory = retry.capacity();
        retry.clear();
        prop_assert_eq!(retry.len_bytes(), BatchBuilder::overhead());
        prop_assert_eq!(retry.capacity(), memory);
        check_batch(&mut retry, &[]);
    }

    #[test]
    fn damaged_batches_are_survived(
        writes in vec(write(), 1..5),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut batch = BatchBuilder::with_capacity(0);
        writes.iter().for_each(|write| write.push(&mut batch));
        let mut data = batch.finish(0)[8 + 22 + 5..].to_vec();
        for (at, byte) in damage {
            let at = at.index(data.len());
            data[at] = byte;
        }
        replay::batch(&data);
        data.truncate(cut.index(data.len()));
        replay::batch(&data);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        replay::stream(&bytes);
        replay::batch(&bytes);
        replay::info(&bytes);
    }

    #[test]
    fn any_text_is_survived(text in "[a-z:;,=\t\n/A-Z0-9]{0,80}") {
        replay::info(text.as_bytes());
    }

    #[test]
    fn bitmaps_come_back(ids in vec(0u16..4096, 0..50), regime in any::<u32>()) {
        let mut bitmap = PartitionBitmap::new();
        let ids: Vec<_> = ids.into_iter().filter_map(aerospike_wire::digest::PartitionId::new).collect();
        ids.iter().for_each(|id| bitmap.insert(*id));
        let text = bitmap.to_base64();
        prop_assert_eq!(text.len(), 684);
        let reply = format!("other:0,1,{text};test:{regime},2,{text},{text}");
        let found = partition::ownership(reply.as_bytes(), b"test").unwrap().unwrap();
        prop_assert_eq!(found.regime, regime);
        prop_assert_eq!(found.columns, vec![bitmap; 2]);
        replay::info(reply.as_bytes());
    }
}

/// A frame with two fields and two operations, and where its lengths stand.
fn sample() -> Vec<u8> {
    let mut out = Vec::new();
    let at = frame::begin(&mut out, frame::FrameType::Message);
    let header = MessageHeader {
        n_fields: 2,
        n_ops: 2,
        ..MessageHeader::default()
    };
    header.encode(&mut out);
    field::put(&mut out, code::NAMESPACE, b"test");
    field::put(&mut out, code::SET, b"demo");
    op::put(&mut out, op::code::READ, 3, b"bin", b"value");
    op::put(&mut out, op::code::READ, 3, b"b", b"");
    frame::finish(&mut out, at);
    out
}

/// With `garbage` at `at` and nothing behind it, the walk ends at once.
fn check_garbage(at: usize, garbage: &[u8], after: usize) {
    let mut bytes = sample();
    let end = at + garbage.len();
    bytes[at..end].copy_from_slice(garbage);
    bytes.truncate(end + after);
    let (messages, end) = walk(&bytes, |_| bytes.len());
    assert_eq!(messages, []);
    let expected = |kind: &ErrorKind| {
        matches!(
            kind,
            ErrorKind::FrameTooLarge { .. } | ErrorKind::Truncated { .. } | ErrorKind::Size { .. }
        )
    };
    assert!(
        matches!(&end, End::Malformed(kind) if expected(kind)),
        "{garbage:?} at {at}: {end:?}"
    );
    replay::stream(&bytes);
}

#[test]
fn a_garbage_length_is_refused_at_once() {
    let (whole, _) = walk(&sample(), |_| sample().len());
    assert_eq!(whole.len(), 1, "the sample is good");
    for garbage in [[0xff; 6], [0, 0, 8, 0, 0, 1], [1, 0, 0, 0, 0, 0]] {
        check_garbage(2, &garbage, 0);
    }
    // Fields and operations that the body has no room for, even if they were empty.
    let (n_fields, n_ops) = (8 + 18, 8 + 20);
    check_garbage(n_fields, &[0xff, 0xff], 2);
    check_garbage(n_ops, &[0xff, 0xff], 0);
    check_garbage(n_fields, &[0, 10], 2);
    check_garbage(n_ops, &[0, 6], 0);
    let fields = [30, 39];
    let ops = [48, 64];
    let left = |at: usize| u32::try_from(sample().len() - at - 4).unwrap();
    let too_long = |at| [left(at) + 1, 1 << 24, 1 << 31, u32::MAX];
    for at in fields {
        for size in too_long(at).into_iter().chain([0]) {
            check_garbage(at, &size.to_be_bytes(), 0);
        }
    }
    for at in ops {
        for size in too_long(at).into_iter().chain(0..4) {
            check_garbage(at, &size.to_be_bytes(), 0);
        }
        let rest = sample().len() - at;
        for len in [9, 16, 255] {
            check_garbage(at + 7, &[len], rest);
        }
    }
}

/// A body that ends early is refused, wherever it ends; a part of it is only incomplete.
#[test]
fn a_sample_cut_at_each_length() {
    let sample = sample();
    for len in 0..sample.len() {
        let cut = &sample[..len];
        assert_eq!(walk(cut, |_| len), (vec![], End::Incomplete), "{len}");
        if len <= frame::HEADER_SIZE {
            continue;
        }
        let mut short = cut.to_vec();
        frame::finish(&mut short, 0);
        let (messages, end) = walk(&short, |_| len);
        assert_eq!(messages, []);
        let truncated = matches!(end, End::Malformed(ErrorKind::Truncated { .. }));
        assert!(truncated, "{len}: {end:?}");
        replay::stream(&short);
    }
}

/// As above for rows: all bytes are there, so every cut is an error.
#[test]
fn a_row_cut_at_each_length() {
    let mut batch = BatchBuilder::with_capacity(0);
    let head = WriteHead {
        info2: 0,
        info3: 0,
        generation: 1,
        record_ttl: 0,
    };
    batch.start_write(&Digest([1; 20]), &head);
    batch.field(code::NAMESPACE, b"test");
    batch.write(3, b"bin", b"value");
    batch.finish_row();
    let data = batch.finish(0)[8 + 22 + 5..].to_vec();
    assert!(Rows::new(&data).unwrap().all(|row| row.is_ok()));
    for len in 0..data.len() {
        let cut = &data[..len];
        match Rows::new(cut) {
            Err(error) => assert!(len < 5 && error.offset() <= len),
            Ok(rows) => {
                let rows: Vec<_> = rows.collect();
                assert_eq!(rows.len(), 1, "an error is the last item");
                assert!(rows[0].is_err(), "{len}");
            }
        }
        replay::batch(cut);
    }
}
