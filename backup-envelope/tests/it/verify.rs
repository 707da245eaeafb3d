//! An encoder that puts out something else than it was given is noticed before its bytes are used.

use backup_envelope::{Compression, Encoder, ErrorKind, Iv, Key, PartOptions, Verifier, WindowLog};

use crate::tools::{V, decode, reading, some_key, writing};

const MODES: [(Option<i32>, bool); 3] = [(Some(3), false), (None, true), (Some(3), true)];

/// Text that begins as a backup does: more than a block of the compressor, not all of it alike.
fn pieces() -> Vec<Vec<u8>> {
    let mut state = 5_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut piece = |n: usize| {
        let mut text = format!("+ d piece {n}\n").repeat(5000).into_bytes();
        text.extend((0..20_000 * n).map(|_| noise()));
        text
    };
    let head = b"Version 3.1\n# namespace test\n".to_vec();
    [head].into_iter().chain((1..5).map(&mut piece)).collect()
}

fn key(encrypted: bool) -> Option<Key> {
    encrypted.then(some_key)
}

fn compression(level: Option<i32>) -> Compression {
    level.map_or(Compression::Plain, |_| Compression::Zstd)
}

/// Runs all pieces through an encoder whose output `corrupt` may change; it gets the number of the
/// call. Returns the bytes that would have been stored before something was noticed.
fn run(
    level: Option<i32>,
    encrypted: bool,
    mut corrupt: impl FnMut(usize, &mut Vec<u8>),
) -> Result<usize, (usize, ErrorKind)> {
    let mut encoder = Encoder::new(writing(level, key(encrypted))).unwrap();
    let mut verifier = Verifier::new(reading(compression(level), key(encrypted)));
    let (mut out, mut passed) = (Vec::new(), 0);
    let pieces = pieces();
    for (number, piece) in pieces.iter().enumerate() {
        out.clear();
        encoder.write(piece, &mut out).unwrap();
        corrupt(number, &mut out);
        let checked = verifier.check(piece, &out);
        checked.map_err(|error| (passed, error.kind().clone()))?;
        passed += out.len();
    }
    out.clear();
    encoder.end_frame(&mut out).unwrap();
    corrupt(pieces.len(), &mut out);
    let checked = verifier
        .check(&[], &out)
        .and_then(|()| verifier.check_end());
    checked.map_err(|error| (passed, error.kind().clone()))?;
    let text: usize = pieces.iter().map(Vec::len).sum();
    assert_eq!(verifier.compared(), text as u64);
    Ok(passed + out.len())
}

#[test]
fn what_is_right_passes_in_every_mode() {
    for (level, encrypted) in MODES {
        assert!(
            run(level, encrypted, |_, _| ()).is_ok(),
            "{level:?} {encrypted}"
        );
    }
}

/// A bit anywhere in what a call gives: in the header, a frame, a checksum. What passes is right for
/// every reader: a bit or two of a frame's header mean nothing.
#[test]
fn a_flipped_bit_is_noticed_before_the_end() {
    for (level, encrypted) in MODES {
        for call in 0..=pieces().len() {
            let mut at = 0;
            loop {
                let (mut file, mut begun, mut is_flipped) = (Vec::new(), 0, false);
                let ended = run(level, encrypted, |number, out| {
                    if number < call {
                        begun += out.len();
                    } else if number == call && at < out.len() {
                        out[at] ^= 1 << (at % 8);
                        is_flipped = true;
                    }
                    file.extend_from_slice(out);
                });
                if !is_flipped {
                    break;
                }
                let place = format!("{level:?} {encrypted} {call} {at}");
                match ended {
                    Err((passed, _)) => assert!(passed >= begun, "{place}"),
                    Ok(_) => {
                        let options = reading(compression(level), key(encrypted));
                        assert!(
                            decode(options, &file).unwrap() == pieces().concat(),
                            "{place}"
                        );
                    }
                }
                at += 1 + at * 3;
            }
        }
    }
}

#[test]
fn the_place_of_the_first_wrong_byte_is_told() {
    let wrong = run(None, true, |number, out| {
        if number == 1 {
            out[1000] ^= 4;
        }
    });
    let head = pieces()[0].len() as u64;
    let (passed, kind) = wrong.expect_err("a flipped bit");
    let text_offset = head + 1000;
    assert_eq!(kind, ErrorKind::Differs { text_offset });
    assert_eq!(passed as u64, 16 + head);
}

#[test]
fn bytes_that_are_missing_or_too_many_are_noticed() {
    for (level, encrypted) in MODES {
        let last = pieces().len();
        let cut = run(level, encrypted, |number, out| {
            if number == last - 1 {
                out.pop();
            }
        });
        assert!(cut.is_err(), "{level:?} {encrypted}");
        let longer = run(level, encrypted, |number, out| {
            if number == last {
                out.push(b'\n');
            }
        });
        assert!(longer.is_err(), "{level:?} {encrypted}");
    }
}

/// An encoder that takes another text than it is given, and another key than it should.
#[test]
fn another_text_and_another_key_are_noticed() {
    let mut encoder = Encoder::new(writing(Some(3), None)).unwrap();
    let mut verifier = Verifier::new(reading(Compression::Zstd, None));
    let mut out = Vec::new();
    encoder.write(b"Version 3.1\n+ k", &mut out).unwrap();
    verifier.check(b"Version 3.1\n+ K", &out).unwrap(); // not out yet
    out.clear();
    encoder.end_frame(&mut out).unwrap();
    let error = verifier.check(&[], &out).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Differs { text_offset: 14 });

    let mut encoder = Encoder::new(writing(None, None)).unwrap();
    let mut verifier = Verifier::new(reading(Compression::Plain, Some(some_key())));
    let mut out = Vec::new();
    let text = b"Version 3.1\n# namespace test\n+ k";
    encoder.write(text, &mut out).unwrap();
    assert!(verifier.check(text, &out).is_err(), "it was not encrypted");
}

#[test]
fn a_resumed_file_is_checked_from_there() {
    for (level, encrypted) in MODES {
        let mut encoder = Encoder::new(writing(level, key(encrypted))).unwrap();
        let mut file = Vec::new();
        encoder.write(&pieces()[1], &mut file).unwrap();
        encoder.end_frame(&mut file).unwrap();
        let stored = file.len() as u64;
        let mut options = writing(level, key(encrypted));
        if let Some((key, iv)) = &mut options.encryption {
            *iv = Iv::from_header(key, *file.first_chunk().unwrap());
        }
        let mut encoder = Encoder::resume(options, stored).unwrap();
        let mut verifier = Verifier::part(PartOptions {
            zstd: level.is_some(),
            encryption: key(encrypted).map(|key| (key, Iv::new(V))),
            window_log: WindowLog::DEFAULT,
            stored_offset: stored,
        })
        .unwrap();
        let (text, mut out) = (&pieces()[2], Vec::new());
        encoder.write(text, &mut out).unwrap();
        encoder.end_frame(&mut out).unwrap();
        verifier.check(text, &out).unwrap();
        verifier.check_end().unwrap();
        assert_eq!(verifier.compared(), text.len() as u64);
    }
}
