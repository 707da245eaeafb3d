//! Properties of generated and of broken files.

use asbx_format::{Header, token};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::golden::vector;
use crate::replay::{check_file, check_name, decode, decode_split};

/// A message with a digest somewhere among its fields, and any operations.
fn message() -> impl Strategy<Value = Shipped> {
    let fields = vec((5..=255_u8, vec(any::<u8>(), 0..30)), 0..4);
    let rest = vec(any::<u8>(), 0..80);
    (any::<[u8; 20]>(), fields, any::<[u8; 22]>(), rest).prop_map(|(digest, fields, head, rest)| {
        let mut body = head.to_vec();
        body[18..20].copy_from_slice(&u16::try_from(fields.len() + 1).unwrap().to_be_bytes());
        for (kind, data) in &fields {
            body.extend_from_slice(&u32::try_from(data.len() + 1).unwrap().to_be_bytes());
            body.push(*kind);
            body.extend_from_slice(data);
        }
        body.extend_from_slice(&[0, 0, 0, 21, 4]);
        body.extend_from_slice(&digest);
        body.extend_from_slice(&rest);
        let [_, _, length @ ..] = (body.len() as u64).to_be_bytes();
        (digest, [&[2, 3][..], &length, &body].concat())
    })
}

/// A digest, and a message that carries it.
type Shipped = ([u8; 20], Vec<u8>);

fn file() -> impl Strategy<Value = (Header, Vec<Shipped>)> {
    let header = (any::<u64>(), vec(1..=255_u8, 1..=31));
    let header = header.prop_map(|(number, name)| Header::new(number, &name).unwrap());
    (header, vec(message(), 0..8))
}

proptest! {
    #[test]
    fn what_is_written_is_read((header, messages) in file(), sizes in vec(1..200_usize, 0..40)) {
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        prop_assert_eq!(bytes.len(), 44);
        for (digest, message) in &messages {
            token::encode(&mut bytes, digest, message).unwrap();
        }
        let outcome = decode(&bytes);
        prop_assert_eq!(outcome.error, None);
        prop_assert_eq!(outcome.header, Some(header));
        let expected: Vec<_> = messages.into_iter().map(|(digest, mut message)| {
            message[9] &= !0x10;
            (digest, message)
        }).collect();
        prop_assert_eq!(&outcome.tokens, &expected);
        prop_assert_eq!(decode_split(&bytes, sizes), outcome);
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        check_file(&bytes);
    }

    #[test]
    fn any_change_of_a_file_is_survived(at in 0..198_usize, byte in any::<u8>(), len in 0..=198_usize) {
        let mut file = vector();
        file[at] = byte;
        check_file(&file[..len]);
    }

    #[test]
    fn any_text_is_survived_as_a_name(text in "[0-9_a+]{0,6}_[a-z_]{0,4}_[0-9]{0,21}(\\.asbx)?") {
        check_name(&text);
    }
}

#[test]
fn headers_that_could_not_be_read_back_are_not_made() {
    assert_eq!(Header::new(1, b""), None);
    assert_eq!(Header::new(1, b"a\0"), None);
    assert_eq!(Header::new(1, &[b'n'; 32]), None);
    assert!(Header::new(1, &[b'n'; 31]).is_some());
}

#[test]
fn messages_that_could_not_be_read_back_are_not_written() {
    let good = decode(&vector()).tokens.remove(0);
    let refused = |digest: &[u8; 20], message: &[u8]| {
        let mut out = Vec::new();
        assert!(token::encode(&mut out, digest, message).is_err());
        assert!(out.is_empty());
    };
    refused(&[0; 20], &good.1);
    refused(&good.0, &good.1[..100]);
    refused(&good.0, &[]);
    let mut no_digest = good.1.clone();
    no_digest[26..28].copy_from_slice(&[0, 1]);
    refused(&good.0, &no_digest);
}
