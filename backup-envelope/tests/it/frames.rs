//! The frame scanner against the library that made the frames, and on what is no frame.

use backup_envelope::{
    Compression, Decoder, DecoderOptions, Error, ErrorKind, Frame, FrameScanner, SCAN_BYTES,
    WindowLog,
};

use crate::tools::{data, decode, decode_with, encode, hex, reading, writing};

/// All frames of a stream, looking at as little as possible.
pub(crate) fn scan(stream: &[u8], mut scanner: FrameScanner) -> Result<Vec<Frame>, Error> {
    let mut frames = Vec::new();
    loop {
        let position = scanner.position();
        let at = (position as usize).min(stream.len());
        let end = (at + SCAN_BYTES).min(stream.len());
        frames.extend(scanner.advance(&stream[at..end])?);
        if scanner.position() == position {
            scanner.finish(stream.len() as u64)?;
            return Ok(frames);
        }
    }
}

fn scan_all(stream: &[u8]) -> Result<Vec<Frame>, Error> {
    scan(stream, FrameScanner::new())
}

fn frame(text: &[u8], level: i32) -> Vec<u8> {
    zstd::bulk::compress(text, level).unwrap()
}

fn skippable(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x5c, 0x2a, 0x4d, 0x18];
    out.extend((content.len() as u32).to_le_bytes());
    out.extend(content);
    out
}

#[test]
fn frames_of_all_sizes() {
    let mut noise = 1_u64;
    let mut random = |_| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (noise >> 56) as u8
    };
    let texts: Vec<Vec<u8>> = [0, 1, 255, 256, 65_791, 65_792, 300_000, 1_000_000]
        .into_iter()
        .flat_map(|len| {
            [
                vec![b'a'; len],
                (0..len).map(&mut random).collect(),
                b"+ t 0\n+ g 1\n"
                    .iter()
                    .copied()
                    .cycle()
                    .take(len)
                    .collect(),
            ]
        })
        .collect();
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for (level, text) in (1..8).cycle().zip(&texts) {
        let start = stream.len() as u64;
        stream.extend(frame(text, level));
        expected.push((start, stream.len() as u64, text.len() as u64));
    }
    let frames = scan_all(&stream).unwrap();
    let found: Vec<_> = frames
        .iter()
        .map(|f| (f.start, f.end, f.text_len.unwrap()))
        .collect();
    assert_eq!(found, expected);
    assert!(
        frames
            .iter()
            .all(|f| f.text_len.unwrap() <= f.text_max && !f.skippable)
    );
    assert_eq!(
        decode(reading(Compression::Zstd, None), &stream).unwrap(),
        texts.concat()
    );
}

#[test]
fn skippable_frames_and_empty_ones() {
    let stream = [
        skippable(b"x"),
        frame(b"Version", 3),
        skippable(b""),
        frame(b"", 3),
    ]
    .concat();
    let frames = scan_all(&stream).unwrap();
    let kinds: Vec<_> = frames.iter().map(|frame| frame.skippable).collect();
    assert_eq!(kinds, [true, false, true, false]);
    assert_eq!(
        decode(reading(Compression::Detect, None), &stream).unwrap(),
        b"Version"
    );
}

#[test]
fn cuts_are_noticed_everywhere() {
    let stream = [
        frame(&[7; 1000], 3),
        skippable(b"xyz"),
        frame(b"Version 3.1", 3),
    ]
    .concat();
    let ends: Vec<_> = scan_all(&stream)
        .unwrap()
        .iter()
        .map(|frame| frame.end)
        .collect();
    for cut in 0..stream.len() {
        let whole = cut == 0 || ends.contains(&(cut as u64));
        assert_eq!(scan_all(&stream[..cut]).is_ok(), whole, "{cut}");
        let decoded = decode(reading(Compression::Detect, None), &stream[..cut]);
        assert_eq!(decoded.is_ok(), whole, "{cut}");
    }
}

#[test]
fn bytes_behind_the_last_frame_are_an_error_with_their_offset() {
    let good = frame(b"Version 3.1", 3);
    for garbage in [
        &b"x"[..],
        b"\0\0\0\0\0",
        b"\x28\xb5\x2f\xfe",
        b"Version 3.1\n",
    ] {
        let file = [&good, garbage].concat();
        let error = decode(reading(Compression::Detect, None), &file).unwrap_err();
        assert_eq!(
            *error.kind(),
            ErrorKind::TrailingBytes,
            "{}",
            garbage.escape_ascii()
        );
        assert_eq!(error.offset(), good.len() as u64);
        let error = scan_all(&file).unwrap_err();
        assert_eq!(
            error.offset(),
            if garbage.len() < 4 {
                file.len()
            } else {
                good.len()
            } as u64
        );
    }
}

#[test]
fn headers_that_cannot_be_are_refused_by_the_scanner() {
    let cases = [
        ("28b52ffd 08 58", "reserved bit of a frame header", 0),
        ("28b52ffd 00 58 070000", "block of a reserved type", 6),
        ("28b52ffd 00 58 ffff0f", "block of a reserved type", 6),
        ("28b52ffd 00 58 050020", "block larger than 128 KiB", 6),
    ];
    for (bytes, detail, offset) in cases {
        let error = scan_all(&hex(bytes)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Damaged { detail });
        assert_eq!(error.offset(), offset);
    }
}

#[test]
fn windows_are_limited() {
    // Window descriptors of 2^27, 2^28 and 2^31 bytes, then an empty last block.
    let file = |log: u8| {
        let mut file = hex("28b52ffd 00");
        file.push((log - 10) << 3);
        file.extend([1, 0, 0]);
        file
    };
    let read = |log, limit| {
        let options = DecoderOptions {
            window_log: WindowLog::new(limit).unwrap(),
            ..reading(Compression::Detect, None)
        };
        decode_with(Decoder::new(options), &[&file(log)], 64).1
    };
    assert_eq!(read(27, 27), Ok(true));
    assert_eq!(read(28, 28), Ok(true));
    for (log, limit_log) in [(28, 27), (31, 27), (11, 10)] {
        let error = read(log, limit_log).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::WindowTooLarge { limit_log });
    }
    assert_eq!((WindowLog::new(9), WindowLog::new(32)), (None, None));
}

#[test]
fn flipped_bits_of_a_frame_are_noticed() {
    let file = data("damaged/zstd-good.asb");
    let good = decode(reading(Compression::Detect, None), &file).unwrap();
    let mut unchanged = 0;
    for bit in 0..file.len() * 8 {
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        // Some bits change nothing that matters, such as those of the size of the window.
        if let Ok(text) = decode(reading(Compression::Detect, None), &file) {
            assert_eq!(text, good, "bit {bit}");
            unchanged += 1;
        }
    }
    assert!(unchanged * 100 < file.len() * 8, "{unchanged}");
}

#[test]
fn a_bomb_stays_inside_the_room() {
    let bomb = zstd::bulk::compress(&vec![b'V'; 64 << 20], 3).unwrap();
    assert!(bomb.len() < 16 << 10);
    let decoder = Decoder::new(reading(Compression::Zstd, None));
    // The helper asserts that the room of 64 KiB is never exceeded.
    let (text, end) = decode_with(decoder, &[&bomb], 64 << 10);
    assert_eq!((text.len(), end), (64 << 20, Ok(true)));
}

#[test]
fn our_frames_have_checksums_and_windows_of_32_mib_at_most() {
    for level in [-7, 1, 3, 19, 22] {
        let file = encode(writing(Some(level), None), &[b"Version 3.1\n"]);
        // Frame header descriptor and window descriptor, RFC 8878, 3.1.1.1.
        assert_eq!(file[4] & 0x24, 0x04, "level {level}");
        assert!(file[5] >> 3 <= 25 - 10, "level {level}");
    }
}
