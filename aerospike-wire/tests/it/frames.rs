//! Every capture, frame by frame: offsets, lengths, types, headers, counts.

use crate::capture::{Capture, Frame, frames, list, messages, number, texts};
use aerospike_wire::{
    error::ErrorKind,
    frame::FrameType,
    info,
    message::{Message, MessageBuilder},
    stream::MessageStream,
};
use serde_json::{Value, json};

/// What the index says of a frame, computed by this crate.
fn describe(frame: &Frame<'_>, request: bool) -> Value {
    let mut value = json!({
        "offset": frame.offset,
        "length": frame.bytes.len(),
        "type": frame.header.kind as u8,
    });
    let more = match frame.header.kind {
        FrameType::Info => describe_info(frame.body, request),
        FrameType::Message if request => describe_request(frame.bytes),
        FrameType::Message => describe_reply(frame.bytes),
        FrameType::Admin => json!({"kind": "security", "result": frame.body[1]}),
        FrameType::Compressed => json!({"kind": "compressed"}),
    };
    let more = more.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(more);
    value
}

fn describe_info(body: &[u8], request: bool) -> Value {
    let commands: Vec<_> = if request {
        info::commands(body).collect()
    } else {
        info::replies(body).map(|(command, _)| command).collect()
    };
    let commands: Vec<_> = commands.into_iter().map(String::from_utf8_lossy).collect();
    json!({"kind": "info", "commands": commands})
}

fn describe_request(bytes: &[u8]) -> Value {
    let messages = messages(bytes);
    assert_eq!(messages.len(), 1, "a request is one message");
    let header = messages[0].header;
    let fields = messages[0].fields();
    let fields: Vec<_> = fields.map(|field| (field.kind, field.data.len())).collect();
    assert_eq!(fields.len(), usize::from(header.n_fields));
    let [info1, info2, info3, info4] = [header.info1, header.info2, header.info3, header.info4];
    json!({
        "kind": "message",
        "info": format!("{info1:02x} {info2:02x} {info3:02x} {info4:02x}"),
        "generation": header.generation,
        "ttl": header.record_ttl,
        "transaction_ttl": header.transaction_ttl,
        "fields": fields,
        "ops": messages[0].ops().count(),
    })
}

fn describe_reply(bytes: &[u8]) -> Value {
    let messages = messages(bytes);
    for message in &messages {
        assert_eq!(
            message.fields().count(),
            usize::from(message.header.n_fields)
        );
        assert_eq!(message.ops().count(), usize::from(message.header.n_ops));
    }
    let mut codes: Vec<_> = messages.iter().map(|m| m.header.result.0).collect();
    codes.sort_unstable();
    codes.dedup();
    json!({
        "kind": "message",
        "messages": messages.len(),
        "last": messages.iter().any(Message::is_last),
        "result_codes": codes,
    })
}

#[test]
fn every_frame_is_what_the_index_says() {
    let check = |name: &str, bytes: &[u8], expected: &[Value], request| {
        let found: Vec<_> = frames(bytes)
            .iter()
            .map(|frame| describe(frame, request))
            .collect();
        assert_eq!(found, expected, "{name}");
    };
    let captures = Capture::all();
    assert!(captures.len() > 30);
    for capture in captures {
        let Capture { name, index, .. } = &capture;
        check(name, &capture.requests, list(index, "req_frames"), true);
        check(name, &capture.replies, list(index, "resp_frames"), false);
        assert_eq!(capture.requests.len() as u64, number(index, "req_bytes"));
        assert_eq!(capture.replies.len() as u64, number(index, "resp_bytes"));
    }
}

/// Puts a message together again from its parts.
fn rebuild(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut builder = MessageBuilder::new(&mut out, &message.header);
    for field in message.fields() {
        builder.field(field.kind, field.data);
    }
    for op in message.ops() {
        builder.op(op.code, op.particle, op.name, op.value);
    }
    builder.finish();
    out
}

#[test]
fn requests_are_built_again_byte_for_byte() {
    for capture in Capture::all() {
        for frame in frames(&capture.requests) {
            let found = match frame.header.kind {
                FrameType::Message => rebuild(&messages(frame.bytes)[0]),
                FrameType::Info => {
                    let description = describe_info(frame.body, true);
                    let mut out = Vec::new();
                    info::request(&mut out, &texts(&description, "commands"));
                    out
                }
                FrameType::Admin | FrameType::Compressed => continue,
            };
            assert_eq!(found, frame.bytes, "{} at {}", capture.name, frame.offset);
        }
    }
}

#[test]
fn only_data_frames_are_walked() {
    let capture = Capture::open("raw-replies");
    let check = |frame: Frame<'_>, found| {
        let error = MessageStream::new().next(frame.bytes).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::FrameType { found });
        assert_eq!(error.offset(), 1);
    };
    check(capture.request(40), 4); // compressed
    check(capture.request(41), 2); // login
    check(Capture::open("go-connect-bare").request(0), 1);
}
