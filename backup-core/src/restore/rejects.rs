//! Records that the server has refused, in a file of their own (`cli.md` §18).
//!
//! `F` is a backup file of format 3.1 that any tool can restore; `F.jsonl` says for each of its
//! records, in the same order, where it came from and why it was refused. Both lie there as
//! `.part` until the restore ends, and get their names, durable, whatever its end is. Without a
//! refusal there are no files.
//!
//! The text is made from the row that was refused: the buffer that the record was decoded from is
//! gone when the answer comes, and a stream cannot be read again. So the record is as it would
//! have been written, with the bins that were selected, under the namespace of the backup, and
//! with its generation and void-time.

use super::{
    outcome::Refusal,
    routing::{Batch, Origin},
};
use crate::{
    convert::{row_to_asb, wire_to_asb},
    error::Error,
};
use aerospike_wire::{batch::Row, field, result_code::ResultCode};
use asb_format::{Encoder, KeyRef, Version};
use backup_cluster::batch_write::Written;
use backup_storage::{ErrorKind, LocalFile, LocalOptions, Store, Upload};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Where refused records are kept.
#[derive(Debug, Clone)]
pub struct Rejects {
    records: LocalFile,
    reasons: LocalFile,
}

impl Rejects {
    /// The file at `path`, and `path.jsonl` beside it.
    ///
    /// # Errors
    /// The path cannot be that of a file.
    pub fn new(path: &Path) -> Result<Self, Error> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".jsonl");
        Ok(Self {
            records: LocalFile::new(path, LocalOptions::default())?,
            reasons: LocalFile::new(Path::new(&beside), LocalOptions::default())?,
        })
    }

    /// Whether there is nothing in their places.
    ///
    /// # Errors
    /// [`Error::TargetExists`]; what the disk says.
    pub(super) fn check_free(&self) -> Result<(), Error> {
        for store in [&self.records, &self.reasons] {
            match store.stat(store.single_name().unwrap_or_default()) {
                Ok(_) => {
                    let target = store.location().to_owned();
                    return Err(Error::TargetExists { target });
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Begins both files.
    ///
    /// # Errors
    /// As [`Self::check_free`].
    pub(super) fn open(&self, namespace: &str) -> Result<RejectFile, Error> {
        self.check_free()?;
        let create = |store: &LocalFile| store.create(store.single_name().unwrap_or_default());
        let (mut records, reasons) = (create(&self.records)?, create(&self.reasons)?);
        let (encoder, mut head) = (Encoder::new(), Vec::new());
        encoder.header(&mut head, Version::V3_1);
        encoder.namespace_meta(&mut head, namespace.as_bytes());
        encoder.first_file(&mut head);
        records.write_all(&head)?;
        Ok(RejectFile {
            namespace: namespace.to_owned(),
            open: Mutex::new(Some(Open {
                records,
                reasons,
                count: 0,
            })),
        })
    }
}

/// The files of a running restore.
#[derive(Debug)]
pub(super) struct RejectFile {
    namespace: String,
    /// `None` once they are finished.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    records: Box<dyn Upload>,
    reasons: Box<dyn Upload>,
    count: u64,
}

/// Refused records of one batch, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Rejected {
    records: Vec<u8>,
    reasons: Vec<u8>,
    count: u64,
}

/// A line of `F.jsonl`.
#[derive(Debug, Serialize)]
struct Reason<'a> {
    digest: String,
    key: Option<Value>,
    set: Option<String>,
    code: u8,
    text: &'a str,
    file: &'a str,
    offset: u64,
}

impl RejectFile {
    /// The text of the refused rows of a batch.
    ///
    /// # Errors
    /// [`Error::Internal`], [`Error::Unrepresentable`]: defects.
    pub(super) fn encode(
        &self,
        batch: &Batch,
        written: &Written,
        refused: &[Refusal],
    ) -> Result<Rejected, Error> {
        let mut out = Rejected::default();
        for (index, code) in refused {
            let row = written.batch.view(*index).zip(batch.origins.get(*index));
            let (row, origin) =
                row.ok_or_else(|| Error::Internal("a refusal of no row".to_owned()))?;
            let meta = row_to_asb::RowMeta {
                namespace: self.namespace.as_bytes(),
                generation: origin.generation,
                void_time: origin.void_time,
            };
            row_to_asb::encode(&Encoder::new(), &row, &meta, &mut out.records)?;
            let reason = reason(&row, origin, *code, &batch.file);
            serde_json::to_writer(&mut out.reasons, &reason)
                .map_err(|error| Error::Internal(error.to_string()))?;
            out.reasons.push(b'\n');
            out.count += 1;
        }
        Ok(out)
    }

    /// Writes them. Blocks.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn append(&self, rejected: &Rejected) -> Result<(), Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let finished = || Error::Internal("a refusal after the end".to_owned());
        let open = open.as_mut().ok_or_else(finished)?;
        open.records.write_all(&rejected.records)?;
        open.reasons.write_all(&rejected.reasons)?;
        open.count = open.count.saturating_add(rejected.count);
        Ok(())
    }

    /// Gives both files their names; without a record there are none. Blocks.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = open.take() else {
            return Ok(());
        };
        if open.count == 0 {
            open.records.abort()?;
            open.reasons.abort()?;
        } else {
            // The reasons first: whoever sees the records finds them.
            open.reasons.finish()?;
            open.records.finish()?;
        }
        Ok(())
    }
}

fn reason<'a>(row: &Row<'_>, origin: &Origin, code: ResultCode, file: &'a str) -> Reason<'a> {
    let set = row.message.field(field::code::SET);
    Reason {
        digest: row.digest.to_string(),
        key: row.message.field(field::code::KEY).and_then(json_key),
        set: set.map(|name| String::from_utf8_lossy(name).into_owned()),
        code: code.0,
        text: code.text(),
        file,
        offset: origin.offset,
    }
}

/// Numbers and text as they are, other bytes as base64 in an object.
fn json_key(field: &[u8]) -> Option<Value> {
    let bytes = |bytes: &[u8]| json!({ "base64": STANDARD.encode(bytes) });
    Some(match wire_to_asb::key(field).ok()? {
        KeyRef::Integer(value) => json!(value),
        KeyRef::Double(value) => json!(value),
        KeyRef::String(text) => match std::str::from_utf8(text) {
            Ok(text) => json!(text),
            Err(_) => bytes(text),
        },
        KeyRef::Blob(blob) => bytes(blob),
    })
}
