//! Recorded writes: batches and single records, their rows and outcomes, and the same requests
//! built from the records.

use crate::{
    capture::{Capture, Frame, list, messages, number},
    meaning::Meaning,
    truth::{Record, digest, records},
};
use aerospike_wire::{
    batch::{self, BatchBuilder, BatchItem, Row, Rows, WriteHead},
    digest::Digest,
    field::code,
    message::flags,
    single,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The rows of a batch request.
fn rows(frame: Frame<'_>) -> Vec<Row<'_>> {
    let message = messages(frame.bytes)[0];
    let rows = Rows::new(message.field(code::BATCH).unwrap()).unwrap();
    rows.map(Result::unwrap).collect()
}

fn u16_of(value: &Value, key: &str) -> u16 {
    u16::try_from(number(value, key)).unwrap()
}

fn u8_of(value: &Value, key: &str) -> u8 {
    u8::try_from(number(value, key)).unwrap()
}

/// The head that we would give for a row or write of the index.
fn head(value: &Value) -> WriteHead {
    WriteHead {
        info2: u8_of(value, "info2") & !flags::RESPOND_ALL_OPS,
        info3: u8_of(value, "info3"),
        generation: u16_of(value, "generation"),
        record_ttl: u32::try_from(number(value, "ttl")).unwrap(),
    }
}

/// Adds the row that writes `record`, as a restore does.
fn push(batch: &mut BatchBuilder, digest: &Digest, record: &Record, head: &WriteHead) {
    batch.start_write(digest, head);
    batch.field(code::NAMESPACE, b"test");
    batch.field(code::SET, record.set.as_deref().unwrap_or_default());
    if let Some(key) = &record.key {
        batch.field_with(code::KEY, |out| out.extend_from_slice(key));
    }
    for (name, particle, value) in record.bins_to_write() {
        batch.write(particle, &name, &value);
    }
    batch.finish_row();
}

/// The record that a row writes.
fn record_of(row: &Row<'_>) -> Record {
    let ops = row.message.ops();
    Record {
        set: row.message.field(code::SET).map(<[u8]>::to_vec),
        key: row.message.field(code::KEY).map(<[u8]>::to_vec),
        generation: 0,
        void_time: 0,
        bins: ops
            .map(|op| (op.name.to_vec(), op.particle, op.value.to_vec()))
            .collect(),
    }
}

/// A row as the index has it.
fn describe(row: &Row<'_>) -> Value {
    let header = row.message.header;
    let fields: Vec<_> = row.message.fields().map(|field| field.kind).collect();
    json!({
        "index": row.index,
        "digest": row.digest.to_string(),
        "info1": header.info1,
        "info2": header.info2,
        "info3": header.info3,
        "generation": header.generation,
        "ttl": header.record_ttl,
        "fields": fields,
        "ops": row.message.ops().count(),
    })
}

fn batches() -> Vec<Capture> {
    let mut captures = Capture::all();
    captures.retain(|capture| capture.name.contains("-restore-batch-"));
    assert!(captures.len() >= 3);
    captures
}

#[test]
fn batch_rows_are_what_the_index_says() {
    for capture in batches() {
        let expected = list(capture.facts(), "row_list");
        let rows = rows(capture.request(0));
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(expected) {
            assert!(!row.repeated);
            for (key, found) in describe(row).as_object().unwrap() {
                assert_eq!(found, &expected[key], "{} {key}", capture.name);
            }
        }
    }
}

#[test]
fn batch_replies_are_what_the_index_says() {
    for capture in batches() {
        let facts = capture.facts();
        let mut counts = BTreeMap::new();
        let mut end = None;
        for message in messages(&capture.reply(0)) {
            match batch::item(&message) {
                BatchItem::Last(result) => end = Some(result.0),
                BatchItem::Row { index, result } => {
                    *counts.entry(result.0.to_string()).or_insert(0u64) += 1;
                    let expected = &list(facts, "row_list")[index as usize];
                    assert_eq!(u64::from(index), number(expected, "index"));
                    let found = json!([
                        result.0,
                        message.header.generation,
                        message.header.record_ttl,
                        message.ops().count(),
                    ]);
                    let keys = ["result", "reply_generation", "reply_void_time", "reply_ops"];
                    let expected: Value = keys.iter().map(|key| expected[*key].clone()).collect();
                    assert_eq!(found, expected, "{} row {index}", capture.name);
                }
            }
        }
        assert_eq!(json!(counts), facts["results"], "{}", capture.name);
        assert_eq!(end, Some(0));
    }
}

#[test]
fn batch_writes_of_the_same_records_mean_the_same() {
    let mut truth = records();
    for capture in batches() {
        let name = &capture.name;
        let mut batch = BatchBuilder::with_capacity(0);
        // The record that is too big for the server is not among those that it held.
        let too_big = digest(capture.facts()["too_big_digest"].as_str().unwrap());
        let theirs = rows(capture.request(0));
        let theirs = theirs.iter().find(|row| row.digest == too_big).unwrap();
        truth.insert(too_big, record_of(theirs));
        for row in list(capture.facts(), "row_list") {
            let digest = digest(row["digest"].as_str().unwrap());
            push(&mut batch, &digest, &truth[&digest], &head(row));
        }
        let ours = batch.finish(10_000).to_vec();
        let ours = crate::capture::frames(&ours)[0];
        assert_eq!(rows(ours).len(), rows(capture.request(0)).len());
        for (our, their) in rows(ours).iter().zip(rows(capture.request(0))) {
            assert_eq!((our.index, our.digest), (their.index, their.digest));
            let meaning = Meaning::of(&our.message);
            assert_eq!(meaning, Meaning::of(&their.message), "{name} {}", our.index);
        }
    }
}

/// With the one flag that we leave out, the frame is the Go tool's to the last byte.
#[test]
fn batch_frames_are_the_tools_own_bytes() {
    for capture in batches() {
        let frame = capture.request(0);
        let message = messages(frame.bytes)[0];
        let mut batch = BatchBuilder::with_capacity(frame.bytes.len());
        for row in rows(frame) {
            let header = row.message.header;
            let head = WriteHead {
                info2: header.info2,
                info3: header.info3,
                generation: u16::try_from(header.generation).unwrap(),
                record_ttl: header.record_ttl,
            };
            batch.start_write(&row.digest, &head);
            for field in row.message.fields() {
                batch.field(field.kind, field.data);
            }
            for op in row.message.ops() {
                batch.write(op.particle, op.name, op.value);
            }
            batch.finish_row();
        }
        let mut ours = batch.finish(message.header.transaction_ttl).to_vec();
        // The C client adds "include the failing row", which means nothing beside RESPOND_ALL.
        let flags_at = 8 + 22 + 5 + 4;
        assert_eq!(ours[flags_at] | 8, frame.bytes[flags_at] | 8);
        ours[flags_at] = frame.bytes[flags_at];
        assert!(ours == frame.bytes, "{}", capture.name);
    }
}

fn singles() -> Vec<Capture> {
    let mut captures = Capture::all();
    captures.retain(|capture| capture.name.contains("-restore-single"));
    assert!(captures.len() >= 2);
    captures
}

#[test]
fn single_writes_are_what_the_index_says() {
    for capture in singles() {
        for (at, write) in list(capture.facts(), "writes").iter().enumerate() {
            let request = messages(capture.request(at).bytes)[0];
            let reply = capture.reply(at);
            let reply = messages(&reply)[0].header;
            let header = request.header;
            let fields: Vec<_> = request.fields().map(|field| field.kind).collect();
            let digest = Digest::from_slice(request.field(code::DIGEST).unwrap()).unwrap();
            let found = json!({
                "digest": digest.to_string(),
                "info2": header.info2,
                "info3": header.info3,
                "generation": header.generation,
                "ttl": header.record_ttl,
                "transaction_ttl": header.transaction_ttl,
                "fields": fields,
                "ops": request.ops().count(),
                "result": reply.result.0,
                "reply_generation": reply.generation,
                "reply_void_time": reply.record_ttl,
            });
            assert_eq!(&found, write, "{} write {at}", capture.name);
        }
    }
}

#[test]
fn single_writes_of_the_same_records_mean_the_same() {
    let truth = records();
    for capture in singles() {
        for (at, write) in list(capture.facts(), "writes").iter().enumerate() {
            let digest = digest(write["digest"].as_str().unwrap());
            let mut batch = BatchBuilder::with_capacity(0);
            push(&mut batch, &digest, &truth[&digest], &head(write));
            let mut ours = Vec::new();
            single::from_row(&mut ours, batch.row(0).unwrap(), 10_000).unwrap();
            let ours = messages(&ours)[0];
            assert_eq!(ours.header.transaction_ttl, 10_000);
            let theirs = capture.request(at);
            let theirs = Meaning::of(&messages(theirs.bytes)[0]);
            assert_eq!(Meaning::of(&ours), theirs, "{} write {at}", capture.name);
        }
    }
}

/// Hand-made requests of every kind: the outcomes stand in the order of the messages.
#[test]
fn outcomes_are_what_the_index_says() {
    let capture = Capture::open("raw-replies");
    let exchanges = list(capture.facts(), "exchanges");
    for (at, exchange) in exchanges.iter().enumerate() {
        if exchange["label"] == "login (type 2) on Community" {
            continue; // no data frame
        }
        let reply = capture.reply(at);
        let messages = messages(&reply);
        let results: Vec<_> = messages.iter().map(|m| m.header.result.0).collect();
        assert_eq!(json!(results), exchange["results"], "{exchange}");
        for message in &messages {
            assert!(message.header.result.name().is_some());
        }
    }
}

/// A node answers a batch that it refuses with one last message.
#[test]
fn refused_batches_end_at_once() {
    let capture = Capture::open("raw-replies");
    for (at, exchange) in list(capture.facts(), "exchanges").iter().enumerate() {
        let label = exchange["label"].as_str().unwrap();
        if label != "batch of zero rows" && label != "batch, unknown namespace in a row" {
            continue;
        }
        let reply = capture.reply(at);
        let items: Vec<_> = messages(&reply).iter().map(batch::item).collect();
        let [BatchItem::Last(result)] = *items else {
            panic!("{label}: {items:?}");
        };
        assert_eq!(result.0, 4, "{label}");
    }
}
