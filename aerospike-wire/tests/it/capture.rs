//! Recorded traffic (`tests/data`, see ORIGIN.md there) and what its index says about it.

use aerospike_wire::{
    frame::{self, FrameHeader},
    message::Message,
    stream::{MessageStream, Step},
};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// Reads a file of `tests/data`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = [env!("CARGO_MANIFEST_DIR"), "tests", "data", name];
    let path: PathBuf = path.iter().collect();
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Bytes from hex digits; blanks and `|` are for the reader.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '|')
        .map(|c| c.to_digit(16).unwrap_or_else(|| panic!("{c:?} in {text}")))
        .collect();
    assert_eq!(digits.len() % 2, 0, "{text}");
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The unsigned number under `key`.
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    let found = value[key].as_u64();
    found.unwrap_or_else(|| panic!("{key} of {value}"))
}

/// The elements of the array under `key`.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    let found = value[key].as_array();
    found.unwrap_or_else(|| panic!("{key} of {value}"))
}

/// The texts of the array under `key`.
pub(crate) fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    let text = |item: &'a Value| item.as_str().unwrap();
    list(value, key).iter().map(text).collect()
}

/// A frame inside a capture.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) offset: usize,
    pub(crate) header: FrameHeader,
    /// Header and body.
    pub(crate) bytes: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// Cuts `bytes` into frames by their headers alone.
pub(crate) fn frames(bytes: &[u8]) -> Vec<Frame<'_>> {
    let mut out = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let header = FrameHeader::parse(&bytes[offset..]).unwrap();
        let end = offset + frame::HEADER_SIZE + header.body_len as usize;
        let bytes = &bytes[offset..end];
        let body = &bytes[frame::HEADER_SIZE..];
        out.push(Frame {
            offset,
            header,
            bytes,
            body,
        });
        offset = end;
    }
    out
}

/// All messages of data frames that are complete.
pub(crate) fn messages(mut bytes: &[u8]) -> Vec<Message<'_>> {
    let mut stream = MessageStream::new();
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let Step::Message { message, consumed } = stream.next(bytes).unwrap() else {
            panic!("{} bytes are left over", bytes.len());
        };
        out.push(message);
        bytes = &bytes[consumed..];
    }
    assert!(stream.at_frame_end());
    out
}

/// One recorded conversation.
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) requests: Vec<u8>,
    pub(crate) replies: Vec<u8>,
    pub(crate) index: Value,
}

impl Capture {
    /// The capture of this name.
    pub(crate) fn open(name: &str) -> Self {
        let found = Self::all().into_iter().find(|capture| capture.name == name);
        found.unwrap_or_else(|| panic!("no capture {name}"))
    }

    /// All captures of the index.
    pub(crate) fn all() -> Vec<Self> {
        let index: Value = serde_json::from_slice(&data("index.json")).unwrap();
        let load = |index: &Value| {
            let name = index["name"].as_str().unwrap();
            Self {
                name: name.to_owned(),
                requests: data(&format!("{name}.req.bin")),
                replies: data(&format!("{name}.resp.bin")),
                index: index.clone(),
            }
        };
        list(&index, "captures").iter().map(load).collect()
    }

    /// What was computed for this capture by other code.
    pub(crate) fn facts(&self) -> &Value {
        &self.index["facts"]
    }

    /// Frame `at` of the requests.
    pub(crate) fn request(&self, at: usize) -> Frame<'_> {
        frames(&self.requests)[at]
    }

    /// The frames that answer request `at`, in one piece.
    pub(crate) fn reply(&self, at: usize) -> Vec<u8> {
        let frames = frames(&self.replies);
        let numbers = list(&list(&self.index, "exchanges")[at], "resp");
        let bytes = |number: &Value| frames[number.as_u64().unwrap() as usize].bytes;
        numbers.iter().flat_map(bytes).copied().collect()
    }
}
