//! Memory stays as it is once the largest record was seen.

use asb_format::{Decoder, Encoder, Item, Step};

use crate::golden::files;
use crate::replay::{Owned, decode};

fn decode_all(decoder: &mut Decoder, mut rest: &[u8]) -> usize {
    let mut records = 0;
    while let Ok(Step::Complete { consumed, item }) = decoder.decode(rest, false) {
        records += usize::from(matches!(item, Item::Record(_)));
        rest = &rest[consumed..];
    }
    records
}

#[test]
fn decoder_keeps_its_scratch_memory() {
    let file = &files("c/plain.asb")[0];
    let mut decoder = Decoder::new();
    assert_eq!(decode_all(&mut decoder, file), 358);
    let capacity = decoder.scratch_capacity();
    assert!(capacity > 0);
    // The records once more, without what precedes them.
    let records = file
        .windows(7)
        .position(|window| window == b"\n+ n te")
        .unwrap()
        + 1;
    for _ in 0..3 {
        assert_eq!(decode_all(&mut decoder, &file[records..]), 358);
        assert_eq!(decoder.scratch_capacity(), capacity);
    }
}

#[test]
fn encoder_allocates_nothing_when_there_is_room() {
    let items = decode(&files("c/plain.asb")[0]).items;
    for encoder in [Encoder::new(), Encoder::compact()] {
        let mut out = Vec::new();
        let encode = |out: &mut Vec<u8>| {
            items
                .iter()
                .for_each(|item: &Owned| item.encode(encoder, out))
        };
        encode(&mut out);
        let (len, capacity) = (out.len(), out.capacity());
        assert!(capacity < 3 * len, "{capacity} for {len} bytes");
        out.clear();
        encode(&mut out);
        assert_eq!((out.len(), out.capacity()), (len, capacity));
    }
}

#[test]
fn declared_sizes_reserve_nothing() {
    let mut decoder = Decoder::new();
    let file = b"Version 3.1\n* u L a 4294967295 x";
    let Ok(Step::Complete { consumed, .. }) = decoder.decode(file, false) else {
        panic!("header")
    };
    let step = decoder.decode(&file[consumed..], false);
    // "* u L a 4294967295 ", the data and its line feed.
    assert_eq!(
        step,
        Ok(Step::Incomplete {
            needed: 19 + 4_294_967_295 + 1
        })
    );
    assert_eq!(decoder.scratch_capacity(), 0);
}

#[test]
fn announced_bins_reserve_nothing() {
    let file =
        b"Version 3.1\n+ n test\n+ d RNfvtsfls/oY29bYkXW6Gx/fyrk=\n+ g 1\n+ t 0\n+ b 65535\n";
    let mut decoder = Decoder::new();
    let Ok(Step::Complete { consumed, .. }) = decoder.decode(file, false) else {
        panic!("header")
    };
    let rest = &file[consumed..];
    assert_eq!(
        decoder.decode(rest, false),
        Ok(Step::Incomplete {
            needed: rest.len() + 2
        })
    );
    assert_eq!(decoder.scratch_capacity(), 0);
}
