//! What is about to be written is read back first (`--verify-writes`; goal R13 of
//! `trust-and-ux.md`): a mistake of the encoder, or of the machine's memory, is found while the
//! record is still in the cluster.
//!
//! Here is the check of the text. Every record is decoded as a restore would, and each partition's
//! part of a chunk has to have the number and the fingerprint that the scan took from the bytes of
//! the server; generations and times of expiry, which are no part of fingerprints, have a sum of
//! their own. What compression and encryption make of the text is read back by
//! [`backup_envelope::Verifier`], before these bytes go to the store ([`super::files`]).
//!
//! Decoding all text would be much beside the little that a backup without compression costs, so that
//! it is done for one chunk of [`ONE_OF`] there: the first of each writer, and every so many after it.
//! Where there is compression, all of them are decoded.

mod problem;

pub use self::problem::WriteProblem;

use super::{scan_stage::Chunk, state::WrittenGlobals};
use crate::{
    convert::asb_to_fingerprint,
    fingerprint::{Fingerprint, Fingerprinter},
    manifest::Hash,
};
use asb_format::{Decoder, Encoder, Item, Record, Step, Version};

/// Chunks of which one is decoded, without compression.
pub(super) const ONE_OF: u64 = 32;

/// What is wrong with a piece of text, and at which of its bytes.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) at: usize,
    pub(super) problem: WriteProblem,
}

/// A sum over the generations and times of expiry of records in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lives(u64);

impl Lives {
    /// Adds a record.
    #[inline]
    pub(super) const fn add(&mut self, generation: u16, void_time: u32) {
        /// Odd, with bits everywhere (2^64 divided by the golden ratio).
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let life = (generation as u64) << 32 | void_time as u64;
        self.0 = (self.0 ^ life).wrapping_mul(FACTOR).rotate_left(29);
    }
}

/// Reads the chunks of a writer back.
#[derive(Debug)]
pub(super) struct TextCheck {
    decoder: Decoder,
    by: Fingerprinter,
    namespace: String,
    /// Chunks of which one is decoded.
    one_of: u64,
    /// Chunks so far.
    chunks: u64,
}

impl TextCheck {
    /// A check of every chunk, or of one in so many.
    pub(super) fn new(namespace: &str, one_of: u64) -> Self {
        Self {
            decoder: body_decoder(),
            by: Fingerprinter::new(),
            namespace: namespace.to_owned(),
            one_of: one_of.max(1),
            chunks: 0,
        }
    }

    /// Reads a chunk, if it is its turn; the records that were found to be right.
    pub(super) fn check(&mut self, chunk: &Chunk) -> Result<u64, Flaw> {
        let is_its_turn = self.chunks.is_multiple_of(self.one_of);
        self.chunks = self.chunks.wrapping_add(1);
        match is_its_turn {
            true => self.read(chunk),
            false => Ok(0),
        }
    }

    fn read(&mut self, chunk: &Chunk) -> Result<u64, Flaw> {
        let (mut lives, mut records, mut at) = (Lives::default(), 0_u64, 0);
        for span in &chunk.spans {
            let (begun, partition) = (at, span.last.partition());
            let (mut sum, mut last, mut is_ours) = (Fingerprint::default(), None, true);
            for _ in 0..span.records {
                let rest = chunk.text.get(at..).unwrap_or_default();
                let (record, consumed) = record(&mut self.decoder, rest, at)?;
                sum = sum.plus(asb_to_fingerprint::fingerprint(&mut self.by, &record));
                lives.add(record.generation, record.void_time);
                is_ours &= record.namespace == *self.namespace.as_bytes();
                last = Some(record.digest);
                at = at.saturating_add(consumed);
            }
            if sum != span.fingerprint || last != Some(span.last.0) || !is_ours {
                let partition = partition.get();
                return Err(flaw(begun, WriteProblem::Records { partition }));
            }
            records = records.saturating_add(span.records);
        }
        if at != chunk.text.len() || records != chunk.records {
            return Err(flaw(at, WriteProblem::Count));
        }
        if lives != chunk.lives {
            return Err(flaw(0, WriteProblem::Lives));
        }
        Ok(records)
    }
}

/// A decoder behind the header of a file.
fn body_decoder() -> Decoder {
    let (mut decoder, mut head) = (Decoder::new(), Vec::new());
    Encoder::new().header(&mut head, Version::V3_3);
    // Our own header; whatever else there was to say about it, the first record says again.
    let _ = decoder.decode(&head, true);
    decoder
}

/// The record at the start of `text`, which is itself at byte `at`.
fn record<'a>(
    decoder: &'a mut Decoder,
    text: &'a [u8],
    at: usize,
) -> Result<(Record<'a>, usize), Flaw> {
    match decoder.decode(text, true) {
        Ok(Step::Complete {
            consumed,
            item: Item::Record(record),
        }) => Ok((record, consumed)),
        Ok(_) => Err(flaw(at, WriteProblem::Count)),
        Err(error) => Err(text_flaw(at, &error)),
    }
}

/// Reads indexes and modules back: each is there, with the same definition or source.
pub(super) fn check_globals(text: &[u8], written: &WrittenGlobals) -> Result<(), Flaw> {
    let mut decoder = body_decoder();
    let (mut indexes, mut modules) = (written.indexes.iter(), written.udfs.iter());
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len().saturating_sub(rest.len());
        let step = decoder.decode(rest, true);
        let step = step.map_err(|error| text_flaw(at, &error))?;
        let Step::Complete { consumed, item } = step else {
            return Err(flaw(at, WriteProblem::Globals));
        };
        let (item_text, later) = rest.split_at(consumed.min(rest.len()));
        let is_right = match item {
            Item::Index(_) => indexes.next().is_some_and(|index| {
                String::from_utf8_lossy(item_text).trim_end() == index.definition
            }),
            Item::Udf(udf) => modules.next().is_some_and(|module| {
                *udf.name.to_cow() == *module.name.as_bytes()
                    && Hash::of(udf.content) == module.blake3
            }),
            _ => false,
        };
        if !is_right {
            return Err(flaw(at, WriteProblem::Globals));
        }
        rest = later;
    }
    match (indexes.next(), modules.next()) {
        (None, None) => Ok(()),
        _ => Err(flaw(text.len(), WriteProblem::Globals)),
    }
}

/// Reads messages back that XDR has shipped: there are so many of them, and each is whole.
pub(super) fn check_tokens(tokens: &[u8], messages: u64) -> Result<u64, Flaw> {
    let mut decoder = asbx_format::Decoder::new();
    let mut head = Vec::with_capacity(asbx_format::HEADER_SIZE);
    if let Some(header) = asbx_format::Header::new(1, b"n") {
        header.encode(&mut head);
    }
    let read = |decoder: &mut asbx_format::Decoder, bytes: &[u8], at| {
        let step = decoder.decode(bytes, true);
        let step = step.map_err(|error| {
            let kind = *error.kind();
            flaw(at, WriteProblem::Messages { kind })
        })?;
        match step {
            asbx_format::Step::Complete { consumed, .. } => Ok(consumed),
            _ => Err(flaw(at, WriteProblem::Count)),
        }
    };
    read(&mut decoder, &head, 0)?;
    let (mut at, mut found) = (0, 0_u64);
    while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
        at = at.saturating_add(read(&mut decoder, rest, at)?);
        found = found.saturating_add(1);
    }
    match found == messages {
        true => Ok(found),
        false => Err(flaw(at, WriteProblem::Count)),
    }
}

fn text_flaw(at: usize, error: &asb_format::Error) -> Flaw {
    let kind = error.kind().clone();
    flaw(at, WriteProblem::Text { kind })
}

const fn flaw(at: usize, problem: WriteProblem) -> Flaw {
    Flaw { at, problem }
}

#[cfg(test)]
mod tests;
