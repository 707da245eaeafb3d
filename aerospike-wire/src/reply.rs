//! The server's side of the messages: what an embedded node sends back
//! (`wire-protocol.md` §10).
//!
//! Replies of scans and batches are frames of whole messages; [`ReplyFrames`] cuts them at a
//! target size. Nothing here decides what an answer is.

use crate::{
    digest::PartitionId,
    frame::{self, FrameType},
    message::{HEADER_SIZE, MessageHeader, flags},
    op,
    result_code::ResultCode,
};
use alloc::vec::Vec;

/// Appends a framed message without fields and operations: the answer to most writes.
/// `void_time` is in seconds since 2010-01-01 UTC, 0 = never.
pub fn status(out: &mut Vec<u8>, result: ResultCode, generation: u32, void_time: u32) {
    let at = frame::begin(out, FrameType::Message);
    MessageHeader {
        result,
        generation,
        record_ttl: void_time,
        ..MessageHeader::default()
    }
    .encode(out);
    frame::finish(out, at);
}

/// Appends the framed message that ends a scan or batch reply.
pub fn last(out: &mut Vec<u8>, result: ResultCode) {
    let at = frame::begin(out, FrameType::Message);
    last_message(out, result);
    frame::finish(out, at);
}

/// Appends the message of [`last`] without a frame.
pub fn last_message(out: &mut Vec<u8>, result: ResultCode) {
    MessageHeader {
        result,
        info3: flags::LAST,
        ..MessageHeader::default()
    }
    .encode(out);
}

/// Appends the message, without a frame, that reports on a partition within a scan: the id
/// stands where records have their generation.
pub fn partition_status(out: &mut Vec<u8>, partition: PartitionId, result: ResultCode) {
    MessageHeader {
        result,
        info3: flags::PARTITION_DONE,
        generation: u32::from(partition.get()),
        ..MessageHeader::default()
    }
    .encode(out);
}

/// Appends the answer of an operation that has nothing to say: its code, particle type 0, its
/// bin name and no value (`wire-write.md` §5).
pub fn null_op(out: &mut Vec<u8>, code: u8, name: &[u8]) {
    op::put(out, code, 0, name, &[]);
}

/// Appends the framed answer of a node without security to a login or any other admin request.
pub fn security(out: &mut Vec<u8>, result: ResultCode) {
    let at = frame::begin(out, FrameType::Admin);
    out.extend_from_slice(&[0, result.0]);
    out.extend_from_slice(&[0; 14]);
    frame::finish(out, at);
}

/// Reserves the header of a message whose operations follow; [`put_header`] fills it in.
/// Returns the position to give to it.
#[must_use]
pub fn reserve_header(out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.resize(at.saturating_add(HEADER_SIZE), 0);
    at
}

/// Writes `header` over the bytes that [`reserve_header`] reserved at `at`.
pub fn put_header(out: &mut [u8], at: usize, header: &MessageHeader) {
    let Some(slot) = out
        .get_mut(at..)
        .and_then(<[u8]>::first_chunk_mut::<HEADER_SIZE>)
    else {
        return;
    };
    let [g0, g1, g2, g3] = header.generation.to_be_bytes();
    let [r0, r1, r2, r3] = header.record_ttl.to_be_bytes();
    let [t0, t1, t2, t3] = header.transaction_ttl.to_be_bytes();
    let [f0, f1] = header.n_fields.to_be_bytes();
    let [o0, o1] = header.n_ops.to_be_bytes();
    *slot = [
        22,
        header.info1,
        header.info2,
        header.info3,
        header.info4,
        header.result.0,
        g0,
        g1,
        g2,
        g3,
        r0,
        r1,
        r2,
        r3,
        t0,
        t1,
        t2,
        t3,
        f0,
        f1,
        o0,
        o1,
    ];
}

/// Messages collected into frames of about a target size. A message never spans two frames.
#[derive(Debug)]
pub struct ReplyFrames {
    bytes: Vec<u8>,
    target: usize,
    /// Start of the open frame.
    open: Option<usize>,
}

impl ReplyFrames {
    /// No frame yet; each is ended when its length exceeds `target` bytes.
    #[must_use]
    pub const fn new(target: usize) -> Self {
        Self {
            bytes: Vec::new(),
            target,
            open: None,
        }
    }

    /// The buffer to which the next whole message is appended, inside a frame.
    pub fn message(&mut self) -> &mut Vec<u8> {
        if self.open.is_none() {
            self.open = Some(frame::begin(&mut self.bytes, FrameType::Message));
        }
        &mut self.bytes
    }

    /// To be called between messages: ends the frame if it is long enough.
    pub fn cut(&mut self) {
        let open = self.open.unwrap_or(self.bytes.len());
        if self.bytes.len().saturating_sub(open) > self.target {
            self.end_frame();
        }
    }

    /// Ends the open frame, if there is one.
    pub fn end_frame(&mut self) {
        if let Some(at) = self.open.take() {
            frame::finish(&mut self.bytes, at);
        }
    }

    /// Takes back the open frame if it holds no message.
    pub fn drop_empty_frame(&mut self) {
        if let Some(at) = self.open
            && self.bytes.len() == at.saturating_add(frame::HEADER_SIZE)
        {
            self.bytes.truncate(at);
            self.open = None;
        }
    }

    /// Bytes collected, the open frame included.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Ends the open frame and appends one with the last message alone.
    pub fn finish(&mut self, result: ResultCode) {
        self.end_frame();
        last(&mut self.bytes, result);
    }

    /// Ends the open frame and returns everything collected.
    pub fn frames(&mut self) -> &[u8] {
        self.end_frame();
        &self.bytes
    }

    /// Forgets everything collected and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.open = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_the_reply_of_the_specification() {
        let mut out = Vec::new();
        status(&mut out, ResultCode::OK, 1, 0);
        let body = [22, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!(
            out,
            [&[2, 3, 0, 0, 0, 0, 0, 22][..], &body, &[0; 12]].concat()
        );
    }

    #[test]
    fn partition_status_carries_the_partition_as_generation() {
        let mut out = Vec::new();
        let id = PartitionId::new(2).unwrap();
        partition_status(&mut out, id, ResultCode::UNAVAILABLE);
        assert_eq!(out[..10], [22, 0, 0, 4, 0, 11, 0, 0, 0, 2]);
        assert_eq!(out.len(), 22);
    }

    #[test]
    fn a_header_filled_in_later_is_the_same_header() {
        let header = MessageHeader {
            info1: 1,
            info2: 2,
            info3: 3,
            info4: 4,
            result: ResultCode(5),
            generation: 0x0607_0809,
            record_ttl: 0x0a0b_0c0d,
            transaction_ttl: 0x0e0f_1011,
            n_fields: 0x1213,
            n_ops: 0x1415,
        };
        let mut encoded = Vec::from([0xff]);
        header.encode(&mut encoded);
        let mut out = Vec::from([0xff]);
        let at = reserve_header(&mut out);
        put_header(&mut out, at, &header);
        assert_eq!(out, encoded);
    }

    #[test]
    fn frames_are_cut_between_messages() {
        let mut frames = ReplyFrames::new(40);
        for _ in 0..3 {
            last_message(frames.message(), ResultCode::OK);
            frames.cut();
        }
        frames.finish(ResultCode::OK);
        let lengths: Vec<u8> = [7, 8 + 44 + 7, 2 * 8 + 66 + 7]
            .iter()
            .map(|at| frames.frames()[*at])
            .collect();
        assert_eq!(lengths, [44, 22, 22]);
    }

    #[test]
    fn security_reply_is_sixteen_bytes() {
        let mut out = Vec::new();
        security(&mut out, ResultCode::SECURITY_NOT_SUPPORTED);
        assert_eq!(out[..10], [2, 2, 0, 0, 0, 0, 0, 16, 0, 51]);
        assert_eq!(out.len(), 24);
    }
}
