//! Single-record writes (`wire-write.md` §1), built from batch rows so that a record is encoded
//! once, however it is sent.

use crate::{
    batch::Rows,
    error::Error,
    field::code,
    message::{MessageBuilder, MessageHeader},
};
use alloc::vec::Vec;

/// Appends the single-record message for an encoded batch row ([`crate::batch::BatchBuilder::row`]).
/// `timeout_ms` is the server's limit, 0 = its default.
///
/// # Errors
/// Bytes that are not a row.
pub fn from_row(out: &mut Vec<u8>, row: &[u8], timeout_ms: u32) -> Result<(), Error> {
    let row = Rows::of_one(row)?;
    let header = MessageHeader {
        transaction_ttl: timeout_ms,
        ..row.message.header
    };
    let mut message = MessageBuilder::new(out, &header);
    for field in row.message.fields() {
        // Where a batch row has an empty set, a single write has none.
        if field.kind != code::SET || !field.data.is_empty() {
            message.field(field.kind, field.data);
        }
    }
    message.field(code::DIGEST, &row.digest.0);
    message.raw_ops(header.n_ops, row.message.op_bytes());
    message.finish();
    Ok(())
}
