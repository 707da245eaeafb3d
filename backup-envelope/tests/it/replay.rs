//! The property of the fuzz target `envelope_decode`, which uses this file too.

use backup_envelope::{
    Compression, Decoder, DecoderOptions, Error, FrameScanner, KeyBytes, KeySize, Wants, WindowLog,
};

/// Any bytes, with and without a key, cut anywhere: no panic, the same text and the same end as in
/// one piece, and frames that the scanner finds where the decoder does. The first byte chooses how
/// the rest is read.
pub(crate) fn check_file(input: &[u8]) {
    let Some((how, file)) = input.split_first() else {
        return;
    };
    let whole = read(*how, &[file], 1 << 16);
    let size = usize::from(how >> 3) + 1;
    let pieces: Vec<&[u8]> = file.chunks(size).collect();
    for room in [1 << 16, size] {
        let again = read(*how, &pieces, room);
        assert_eq!(whole.1.is_ok(), again.1.is_ok());
        if whole.1.is_ok() {
            assert!(whole.0 == again.0, "another text");
        } else {
            // What is out before an error depends on the pieces, but is the same text.
            let common = whole.0.len().min(again.0.len());
            assert!(whole.0[..common] == again.0[..common], "another text");
        }
    }
    if how & 7 < 3 && whole.1.is_ok() && whole.2 {
        check_frames(file);
    }
}

/// Text, end, and whether it was compressed.
type Outcome = (Vec<u8>, Result<bool, Error>, bool);

fn read(how: u8, pieces: &[&[u8]], room: usize) -> Outcome {
    let compression = match how & 3 {
        0 | 3 => Compression::Detect,
        1 => Compression::Zstd,
        _ => Compression::Plain,
    };
    let key = || KeyBytes::raw(b"fuzz").map(|bytes| bytes.key(KeySize::Aes128));
    let mut decoder = Decoder::new(DecoderOptions {
        compression,
        key: if how & 4 == 0 { None } else { key().ok() },
        window_log: WindowLog::new(20).unwrap_or_default(),
    });
    let mut text = Vec::new();
    let end = read_pieces(&mut decoder, pieces, room, &mut text);
    (text, end, decoder.is_compressed() == Some(true))
}

fn read_pieces(
    decoder: &mut Decoder,
    pieces: &[&[u8]],
    room: usize,
    text: &mut Vec<u8>,
) -> Result<bool, Error> {
    let mut out = Vec::with_capacity(room);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let capacity = out.capacity();
            let progress = decoder.read(rest, &mut out);
            assert_eq!(out.capacity(), capacity, "the room was exceeded");
            text.append(&mut out);
            let progress = progress?;
            rest = &rest[progress.consumed..];
            if progress.wants == Wants::Input {
                break;
            }
            // Enough for any file that a fuzzer makes worth while.
            if text.len() > 1 << 22 {
                return Ok(false);
            }
        }
    }
    decoder.finish()
}

/// The scanner reads what the decoder could read, whatever pieces it is given.
fn check_frames(stream: &[u8]) {
    let mut found = [Vec::new(), Vec::new()];
    for (found, window) in found.iter_mut().zip([18, usize::MAX]) {
        let mut scanner = FrameScanner::new();
        while (scanner.position() as usize) < stream.len() {
            let rest = &stream[scanner.position() as usize..];
            let rest = rest.get(..window).unwrap_or(rest);
            found.extend(
                scanner
                    .advance(rest)
                    .unwrap_or_else(|error| panic!("{error}")),
            );
        }
        assert_eq!(scanner.finish(stream.len() as u64), Ok(()));
    }
    assert_eq!(found[0], found[1]);
}
