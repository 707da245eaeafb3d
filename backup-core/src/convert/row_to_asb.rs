//! From a row of a batch write back to ASB text, for rows that the server has refused.
//!
//! Set, key, bins and digest are in the row as they were in the file; a row carries neither
//! generation nor void-time in every mode, so these come from beside it.

use super::wire_to_asb::{key, value};
use crate::error::{Error, Unrepresentable};
use aerospike_wire::{batch::Row, field::code};
use asb_format::{Encoder, RecordHead};

/// What a row does not hold.
#[derive(Debug, Clone, Copy)]
pub struct RowMeta<'a> {
    /// Namespace of the backup.
    pub namespace: &'a [u8],
    /// Generation of the backup.
    pub generation: u16,
    /// Seconds since 2010-01-01 UTC, 0 = never expires.
    pub void_time: u32,
}

/// Appends the text of the record in `row` to `out`.
///
/// # Errors
/// [`Error::Unrepresentable`] for what no backup holds; `out` is left as it was.
pub fn encode(
    encoder: &Encoder,
    row: &Row<'_>,
    meta: &RowMeta<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let start = out.len();
    try_encode(encoder, row, meta, out).map_err(|reason| {
        out.truncate(start);
        let digest = row.digest;
        Error::Unrepresentable { digest, reason }
    })
}

fn try_encode(
    encoder: &Encoder,
    row: &Row<'_>,
    meta: &RowMeta<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Unrepresentable> {
    let field = |kind| row.message.field(kind);
    encoder.record(
        out,
        &RecordHead {
            key: field(code::KEY).map(key).transpose()?,
            namespace: meta.namespace,
            digest: &row.digest.0,
            set: field(code::SET),
            generation: meta.generation,
            void_time: meta.void_time,
            bin_count: row.message.header.n_ops,
        },
    );
    for bin in row.message.ops() {
        encoder.bin(out, bin.name, value(&bin)?);
    }
    Ok(())
}
