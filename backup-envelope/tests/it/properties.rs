//! Properties of any text, any cut and any bytes.

use backup_envelope::{
    Compression, Decoder, Encoder, FrameScanner, Iv, KeyBytes, KeySize, Level, Look,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::replay::check_file;
use crate::tools::{decode, decode_with, encode, reading, some_key, writing};

/// Text that begins as a backup does; much of it repeats.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        vec(any::<u8>(), 0..300),
        (any::<u8>(), 0_usize..5000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    vec(part, 0..8).prop_map(|parts| [b"Version 3.1\n".to_vec(), parts.concat()].concat())
}

/// Cuts a slice into pieces of these sizes, over and over.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (now, later) = bytes.split_at((*size).clamp(1, bytes.len()));
        pieces.push(now);
        bytes = later;
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_cut_gives_the_same(
        text in text(),
        level in proptest::option::of(-7_i32..=9),
        encrypted: bool,
        sizes in vec(1_usize..3000, 1..6),
        room in 1_usize..5000,
    ) {
        let key = || encrypted.then(some_key);
        let file = encode(writing(level, key()), &[&text]);
        let pieces = cut(&text, &sizes);
        let again = encode(writing(level, key()), &pieces);
        // The compressor may choose other blocks for other pieces; without it nothing differs.
        prop_assert!(level.is_some() || file == again);
        for file in [file, again] {
            let decoder = Decoder::new(reading(Compression::Detect, key()));
            let (found, end) = decode_with(decoder, &cut(&file, &sizes), room);
            prop_assert_eq!(end, Ok(true));
            prop_assert!(found == text);
        }
    }

    #[test]
    fn durable_points_anywhere_can_be_resumed(
        text in text(),
        sizes in vec(1_usize..2000, 1..6),
        level in proptest::option::of(1_i32..=5),
        encrypted: bool,
        lost in vec(any::<u8>(), 0..100),
    ) {
        let key = || encrypted.then(some_key);
        let mut stored = Vec::new();
        let mut encoder = Encoder::new(writing(level, key())).unwrap();
        for piece in cut(&text, &sizes) {
            encoder.write(piece, &mut stored).unwrap();
            encoder.end_frame(&mut stored).unwrap();
            let len = encoder.stored_len();
            // Killed while it wrote on: the file has more than is durable, and is cut.
            encoder.write(&lost, &mut stored).unwrap();
            stored.truncate(len as usize);
            encoder = Encoder::resume(writing(level, key()), len).unwrap();
        }
        encoder.finish(&mut stored).unwrap();
        let found = decode(reading(Compression::Detect, key()), &stored).unwrap();
        prop_assert!(found == text);
    }

    #[test]
    fn hostile_bytes(bytes in vec(any::<u8>(), 0..2000)) {
        check_file(&bytes);
        let _ = Look::of(&bytes, "name");
        let _ = KeyBytes::pem_file(&bytes);
        let mut scanner = FrameScanner::new();
        let _ = scanner.advance(&bytes);
    }

    #[test]
    fn hostile_frames(how: u8, tail in vec(any::<u8>(), 0..300), text in text(), flips in vec(any::<usize>(), 0..6)) {
        let mut bytes = encode(writing(Some(3), None), &[&text]);
        for flip in flips {
            let at = flip % (bytes.len() * 8);
            bytes[at / 8] ^= 1 << (at % 8);
        }
        bytes.extend(tail);
        bytes.insert(0, how);
        check_file(&bytes);
    }

    #[test]
    fn hostile_keys(text in "[-A-Z \n=]{0,80}", body in "[A-Za-z0-9+/=\n ]{0,200}") {
        for value in [
            text.clone(),
            format!("-----BEGIN {text}-----{body}-----END {text}-----"),
            format!("-----BEGIN PRIVATE KEY-----{body}-----END PRIVATE KEY-----"),
        ] {
            prop_assert!(KeyBytes::secret(&value).is_err());
            prop_assert!(KeyBytes::pem_file(value.as_bytes()).is_err());
        }
    }

    #[test]
    fn the_start_is_found_in_the_header(start: [u8; 16], key: [u8; 20]) {
        for size in [KeySize::Aes128, KeySize::Aes256] {
            let key = KeyBytes::raw(&key).unwrap().key(size);
            let iv = Iv::new(start);
            prop_assert_eq!(Iv::from_header(&key, iv.header(&key)), iv);
        }
    }

    #[test]
    fn levels(level: i32) {
        let found = Level::new(level).map(Level::get);
        let inside = (-7..=22).contains(&level);
        prop_assert_eq!(found, inside.then_some(if level == 0 { 3 } else { level }));
    }
}
