//! What a later server might add to its replies, and clients have to pass over.

use aerospike_wire::{
    field,
    frame::{FrameType, HEADER_SIZE},
    message,
};

/// A field type that no server uses yet.
const UNKNOWN_FIELD: u8 = 45;

/// Offset of the number of fields in a message.
const N_FIELDS: usize = 18;

/// Whole frames with one more field in each message.
pub(crate) fn with_unknown_field(frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frames.len() * 2);
    let mut rest = frames;
    while let Some((header, body, later)) = split_frame(rest) {
        let start = out.len();
        out.extend_from_slice(header);
        if header[1] == FrameType::Message as u8 {
            put_messages(&mut out, body);
        } else {
            out.extend_from_slice(body);
        }
        let [.., l2, l3, l4, l5, l6, l7] = ((out.len() - start - HEADER_SIZE) as u64).to_be_bytes();
        out[start + 2..start + HEADER_SIZE].copy_from_slice(&[l2, l3, l4, l5, l6, l7]);
        rest = later;
    }
    out.extend_from_slice(rest);
    out
}

/// Length of the first frame, header included, by the word of its header.
pub(crate) fn frame_len(frames: &[u8]) -> Option<usize> {
    let [_, _, l0, l1, l2, l3, l4, l5] = *frames.first_chunk::<HEADER_SIZE>()?;
    let len = u64::from_be_bytes([0, 0, l0, l1, l2, l3, l4, l5]);
    usize::try_from(len).ok()?.checked_add(HEADER_SIZE)
}

fn split_frame(frames: &[u8]) -> Option<(&[u8; HEADER_SIZE], &[u8], &[u8])> {
    let (frame, later) = frames.split_at_checked(frame_len(frames)?)?;
    let (header, body) = frame.split_first_chunk()?;
    Some((header, body, later))
}

fn put_messages(out: &mut Vec<u8>, body: &[u8]) {
    let mut rest = body;
    while let Ok(message::Found::Message { message, len }) = message::split(rest, rest.len()) {
        let (head, tail) = rest[..len].split_at(message::HEADER_SIZE);
        let start = out.len();
        out.extend_from_slice(head);
        let n_fields = message.header.n_fields.saturating_add(1);
        out[start + N_FIELDS..start + N_FIELDS + 2].copy_from_slice(&n_fields.to_be_bytes());
        field::put(out, UNKNOWN_FIELD, b"novelty");
        out.extend_from_slice(tail);
        rest = &rest[len..];
    }
    out.extend_from_slice(rest);
}
