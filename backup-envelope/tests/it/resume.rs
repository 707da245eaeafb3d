//! A file may be cut at every durable point, and goes on there.

use backup_envelope::{
    Compression, Decoder, Encoder, ErrorKind, FRAME_TEXT_BYTES, FrameScanner, Iv, Key, PartOptions,
    WindowLog,
};

use crate::frames::scan;
use crate::tools::{V, decode, decode_with, reading, some_key, writing};

const MODES: [(Option<i32>, bool); 4] = [
    (None, false),
    (Some(1), false),
    (None, true),
    (Some(3), true),
];

/// Pieces of text; the first one looks like a backup.
fn pieces() -> Vec<Vec<u8>> {
    let piece = |n: usize| match n {
        0 => b"Version 3.1\n".to_vec(),
        n => format!("+ d piece {n}\n").repeat(n * 97 % 50).into_bytes(),
    };
    (0..8).map(piece).collect()
}

fn key(encrypted: bool) -> Option<Key> {
    encrypted.then(some_key)
}

#[test]
fn every_durable_point_is_a_cut() {
    for (level, encrypted) in MODES {
        let mut encoder = Encoder::new(writing(level, key(encrypted))).unwrap();
        let mut file = Vec::new();
        let mut text = Vec::new();
        for piece in pieces() {
            encoder.write(&piece, &mut file).unwrap();
            encoder.end_frame(&mut file).unwrap();
            text.extend(&piece);
            check_cut(
                level,
                encrypted,
                &file[..encoder.stored_len() as usize],
                &text,
            );
        }
    }
}

/// The cut file is whole as it is, and after a resume holds what was added.
fn check_cut(level: Option<i32>, encrypted: bool, stored: &[u8], text: &[u8]) {
    let read = |file: &[u8]| decode(reading(Compression::Detect, key(encrypted)), file).unwrap();
    assert!(read(stored) == text, "{level:?} {encrypted}");
    let mut file = stored.to_vec();
    let mut options = writing(level, key(encrypted));
    if let Some((key, iv)) = &mut options.encryption {
        *iv = Iv::from_header(key, *stored.first_chunk().unwrap());
    }
    let mut encoder = Encoder::resume(options, stored.len() as u64).unwrap();
    encoder.write(b"what was added\n", &mut file).unwrap();
    assert_eq!(encoder.finish(&mut file).unwrap(), file.len() as u64);
    assert!(read(&file) == [text, b"what was added\n"].concat());
}

#[test]
fn a_file_without_text_is_recognised() {
    for (level, encrypted) in MODES {
        let mut file = Vec::new();
        let encoder = Encoder::new(writing(level, key(encrypted))).unwrap();
        encoder.finish(&mut file).unwrap();
        let text = decode(reading(Compression::Detect, key(encrypted)), &file).unwrap();
        assert_eq!(text, b"");
        let header = if encrypted { 16 } else { 0 };
        assert_eq!(file.len() > header, level.is_some());
    }
}

#[test]
fn a_resume_at_nothing_is_a_new_file_and_inside_the_header_is_refused() {
    let options = || writing(Some(3), Some(some_key()));
    let mut files = [Vec::new(), Vec::new()];
    let encoders = [Encoder::new(options()), Encoder::resume(options(), 0)];
    for (encoder, file) in encoders.into_iter().zip(&mut files) {
        let mut encoder = encoder.unwrap();
        encoder.write(b"text", file).unwrap();
        encoder.finish(file).unwrap();
    }
    assert_eq!(files[0], files[1]);
    for stored_len in 1..16 {
        let error = Encoder::resume(options(), stored_len).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::BadResume { stored_len });
    }
    // Without encryption every length is one.
    Encoder::resume(writing(Some(3), None), 1).unwrap();
}

#[test]
fn a_durable_point_without_text_adds_nothing() {
    let mut encoder = Encoder::new(writing(Some(3), Some(some_key()))).unwrap();
    let mut file = Vec::new();
    encoder.end_frame(&mut file).unwrap();
    assert_eq!(file.len(), 16);
    encoder.write(b"Version 3.1\n", &mut file).unwrap();
    encoder.end_frame(&mut file).unwrap();
    let len = file.len();
    encoder.end_frame(&mut file).unwrap();
    assert_eq!(
        (file.len(), encoder.finish(&mut file).unwrap()),
        (len, len as u64)
    );
}

/// A chunk of 1 MiB of text that compresses, but not to nothing.
fn chunk(seed: usize) -> Vec<u8> {
    let mut line = String::new();
    let mut out = Vec::new();
    let mut state = seed as u64 + 1;
    while out.len() < 1 << 20 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        line.clear();
        line.push_str(&format!("- I number {}\n", state >> 40));
        out.extend(line.as_bytes());
    }
    out
}

#[test]
fn frames_end_with_the_chunk_that_reaches_32_mib_and_decode_alone() {
    for encrypted in [false, true] {
        let mut encoder = Encoder::new(writing(Some(1), key(encrypted))).unwrap();
        let (mut file, mut text) = (Vec::new(), b"Version 3.1\n".to_vec());
        encoder.write(&text, &mut file).unwrap();
        for seed in 0..70 {
            let chunk = chunk(seed);
            encoder.write(&chunk, &mut file).unwrap();
            text.extend(chunk);
        }
        encoder.finish(&mut file).unwrap();
        check_frames(&file, encrypted, &text);
    }
}

/// Three frames, each read by a decoder of its own.
fn check_frames(file: &[u8], encrypted: bool, text: &[u8]) {
    let header = if encrypted { 16 } else { 0 };
    let mut content = file[header..].to_vec();
    let iv = Iv::new(V);
    if encrypted {
        let mut stream = backup_envelope::AesCtr::at(&some_key(), iv, 0).unwrap();
        stream.apply(&mut content);
    }
    let frames = scan(&content, FrameScanner::new()).unwrap();
    assert_eq!(frames.len(), 3);
    let mut joined = Vec::new();
    for frame in &frames {
        let at = header as u64 + frame.start;
        let decoder = Decoder::part(PartOptions {
            zstd: true,
            encryption: key(encrypted).map(|key| (key, iv)),
            window_log: WindowLog::DEFAULT,
            stored_offset: at,
        });
        let part = &file[at as usize..header + frame.end as usize];
        let (part, end) = decode_with(decoder.unwrap(), &[part], 1 << 20);
        assert_eq!(end, Ok(true));
        assert!(part.len() as u64 <= frame.text_max);
        assert!(part.len() as u64 <= FRAME_TEXT_BYTES + (2 << 20) && part.ends_with(b"\n"));
        joined.extend(part);
    }
    assert!(joined == text);
}

#[test]
fn plain_parts_decode_from_any_offset() {
    let text = chunk(3);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(writing(None, Some(some_key()))).unwrap();
    encoder.write(&text, &mut file).unwrap();
    encoder.finish(&mut file).unwrap();
    for offset in [0, 1, 15, 16, 17, 1000, text.len()] {
        let decoder = Decoder::part(PartOptions {
            zstd: false,
            encryption: Some((some_key(), Iv::new(V))),
            window_log: WindowLog::DEFAULT,
            stored_offset: offset as u64 + 16,
        });
        let (part, end) = decode_with(decoder.unwrap(), &[&file[offset + 16..]], 4096);
        assert_eq!(end, Ok(offset < text.len()));
        assert!(part == text[offset..], "{offset}");
    }
}
