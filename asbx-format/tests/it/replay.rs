//! What the property tests, the corpus test and the fuzz target share: files as owned items, and
//! the properties that hold for any bytes.
//!
//! The fuzz target includes this file, so it uses nothing but the crate and std.

use asbx_format::{Decoder, Error, FileName, Header, Item, Step, payload, token};

/// A file as it was read: as far as it could be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) header: Option<Header>,
    pub(crate) tokens: Vec<([u8; 20], Vec<u8>)>,
    pub(crate) error: Option<Error>,
}

impl Outcome {
    fn add(&mut self, item: Item<'_>) {
        match item {
            Item::Header(header) => {
                assert_eq!(self.header, None, "a second header");
                self.header = Some(header);
            }
            Item::Token(token) => self.tokens.push((*token.digest, token.payload.to_vec())),
        }
    }
}

/// Reads a file in one piece.
pub(crate) fn decode(file: &[u8]) -> Outcome {
    decode_split(file, [file.len()])
}

/// Reads a file in pieces of these sizes, and what is left in one.
pub(crate) fn decode_split(file: &[u8], sizes: impl IntoIterator<Item = usize>) -> Outcome {
    let mut decoder = Decoder::new();
    let mut outcome = Outcome::default();
    let mut sizes = sizes.into_iter();
    let (mut start, mut present) = (0, 0);
    loop {
        let end = present == file.len();
        let input = &file[start..present];
        match decoder.decode(input, end) {
            Ok(Step::Complete { consumed, item }) => {
                assert!(consumed > 0 && consumed <= input.len());
                outcome.add(item);
                start += consumed;
            }
            Ok(Step::Incomplete { needed }) => {
                assert!(!end && needed > input.len(), "asks for nothing");
                assert!(needed <= (128 << 20) + 26, "asks for {needed} bytes");
                let more = sizes.next().unwrap_or(file.len());
                present = present.saturating_add(more).min(file.len());
            }
            Ok(Step::End) => return outcome,
            Err(error) => {
                assert!(error.position().offset <= file.len() as u64);
                outcome.error = Some(error);
                return outcome;
            }
        }
    }
}

/// Any bytes, cut anywhere: the same as in one piece; what was read is the same again after
/// encoding, and only the mark of XDR may be lost on that way.
pub(crate) fn check_file(file: &[u8]) {
    let whole = decode(file);
    let cut = file.first().map_or(1, |byte| usize::from(*byte % 61) + 1);
    assert_eq!(whole, decode_split(file, vec![cut; file.len() / cut + 1]));
    let Some(header) = &whole.header else { return };
    let mut again = Vec::new();
    header.encode(&mut again);
    for (digest, payload) in &whole.tokens {
        token::encode(&mut again, digest, payload).expect("what was decoded can be encoded");
    }
    let mut expected = whole.clone();
    expected.error = None;
    let payloads = expected.tokens.iter_mut().map(|(_, payload)| payload);
    payloads.for_each(|bytes| payload::clear_xdr(bytes));
    assert_eq!(decode(&again), expected);
}

/// Any text as a file name: what can be read is written in the same way.
pub(crate) fn check_name(text: &str) {
    if let Ok(name) = FileName::parse(text) {
        let written = name.to_string();
        assert_eq!(FileName::parse(&written), Ok(name));
        assert!(FileName::is_asbx(text));
    }
}
