//! Compressed messages (`wire-protocol.md` §2.1), which only the Enterprise Edition knows:
//! `size of the inner frame u64 | zlib stream of the inner frame`.

use aerospike_wire::frame::{self, FrameType, HEADER_SIZE};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use std::io::{Read, Write};

/// Frames up to this size are sent as they are.
const WORTHWHILE_BYTES: usize = 128;

/// The body of the message in a compressed frame's body. `None`: it holds anything else.
pub(crate) fn inflate(body: &[u8]) -> Option<Vec<u8>> {
    let (size, packed) = body.split_first_chunk::<8>()?;
    let size = u64::from_be_bytes(*size);
    if size > frame::MAX_BODY {
        return None;
    }
    let mut inner = Vec::new();
    // The limit holds, whatever the stream unpacks to; memory grows with what is there.
    let read = ZlibDecoder::new(packed)
        .take(size + 1)
        .read_to_end(&mut inner);
    let is_whole = read.is_ok_and(|read| read as u64 == size);
    let (&[version, kind, l0, l1, l2, l3, l4, l5], message) =
        inner.split_first_chunk::<HEADER_SIZE>()?;
    let announced = u64::from_be_bytes([0, 0, l0, l1, l2, l3, l4, l5]);
    let fits = version == frame::VERSION
        && kind == FrameType::Message as u8
        && announced == message.len() as u64;
    if !is_whole || !fits {
        return None;
    }
    inner.drain(..HEADER_SIZE);
    Some(inner)
}

/// Appends a whole frame, compressed where that makes it smaller.
pub(crate) fn put_deflated(out: &mut Vec<u8>, whole: &[u8]) {
    if whole.len() <= WORTHWHILE_BYTES {
        out.extend_from_slice(whole);
        return;
    }
    let at = frame::begin(out, FrameType::Compressed);
    out.extend_from_slice(&(whole.len() as u64).to_be_bytes());
    let mut encoder = ZlibEncoder::new(&mut *out, Compression::fast());
    // Writing to a vector cannot fail.
    let _written = encoder.write_all(whole).and_then(|()| encoder.try_finish());
    drop(encoder);
    if out.len() - at < whole.len() {
        frame::finish(out, at);
    } else {
        out.truncate(at);
        out.extend_from_slice(whole);
    }
}
