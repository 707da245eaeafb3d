//! What several tests need: whole files through decoder and encoder.

use std::path::Path;

use backup_envelope::{
    Compression, Decoder, DecoderOptions, Encoder, EncoderOptions, Error, Iv, Key, KeyBytes,
    KeySize, Level, Wants,
};

/// V of the vectors.
pub(crate) const V: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

pub(crate) fn data(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let path = root.join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&data(name)).unwrap()
}

/// Bytes of hex digits; white space is left out.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Some key, for tests in which it does not matter.
pub(crate) fn some_key() -> Key {
    KeyBytes::raw(b"some key").unwrap().key(KeySize::Aes128)
}

pub(crate) fn reading(compression: Compression, key: Option<Key>) -> DecoderOptions {
    DecoderOptions {
        compression,
        key,
        ..DecoderOptions::default()
    }
}

pub(crate) fn writing(level: Option<i32>, key: Option<Key>) -> EncoderOptions {
    EncoderOptions {
        compression: level.map(|level| Level::new(level).unwrap()),
        encryption: key.map(|key| (key, Iv::new(V))),
    }
}

/// Decodes a file given in pieces, with `room` bytes for text per call.
pub(crate) fn decode_with(
    mut decoder: Decoder,
    pieces: &[&[u8]],
    room: usize,
) -> (Vec<u8>, Result<bool, Error>) {
    let mut text = Vec::new();
    let mut out = Vec::with_capacity(room);
    let capacity = out.capacity();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let progress = match decoder.read(rest, &mut out) {
                Ok(progress) => progress,
                Err(error) => {
                    text.append(&mut out);
                    return (text, Err(error));
                }
            };
            assert_eq!(out.capacity(), capacity, "the room was exceeded");
            rest = &rest[progress.consumed..];
            let idle = progress.consumed == 0 && out.is_empty();
            text.append(&mut out);
            match progress.wants {
                Wants::Input => break assert!(rest.is_empty()),
                Wants::Room => assert!(!idle || rest.is_empty(), "nothing moves"),
            }
        }
    }
    (text, decoder.finish())
}

/// Decodes a whole file.
pub(crate) fn decode(options: DecoderOptions, file: &[u8]) -> Result<Vec<u8>, Error> {
    let (text, end) = decode_with(Decoder::new(options), &[file], 1 << 20);
    end.map(|_| text)
}

/// Encodes pieces of text, one call each.
pub(crate) fn encode(options: EncoderOptions, pieces: &[&[u8]]) -> Vec<u8> {
    let mut encoder = Encoder::new(options).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        encoder.write(piece, &mut out).unwrap();
        assert_eq!(encoder.stored_len(), out.len() as u64);
    }
    let len = encoder.finish(&mut out).unwrap();
    assert_eq!(len, out.len() as u64);
    out
}
