//! How much smaller compression makes the text.

use super::figures::Spread;
use crate::{
    backup::{
        BackupConfig, BackupTarget,
        wrap::{self, Wrap},
    },
    error::Error,
};
use backup_envelope::Encoder;

/// The name under which errors speak of the sample.
const NAME: &str = "the sample";

/// Compresses text and forgets it.
#[derive(Debug)]
pub(super) struct Packer {
    encoder: Encoder,
    /// Bytes of text so far.
    text: u64,
    /// Bytes of text in the file that is imagined to be open.
    in_file: u64,
    /// Records that the backup is expected to have.
    records: u64,
    /// Files that are written at a time.
    writers: u64,
    /// Size at which a file ends anyway.
    limit: u64,
    out: Vec<u8>,
}

impl Packer {
    /// What a backup of so many records by `writers` does; `None` without compression.
    pub(super) fn new(
        config: &BackupConfig,
        records: u64,
        writers: usize,
    ) -> Result<Option<Self>, Error> {
        if config.wrap.compression.is_none() {
            return Ok(None);
        }
        let is_directory = matches!(config.target, BackupTarget::Directory(_));
        let limit = if is_directory { config.file_limit } else { 0 };
        Ok(Some(Self {
            encoder: encoder(config)?,
            text: 0,
            in_file: 0,
            records,
            writers: writers.max(1) as u64,
            limit: if limit == 0 { u64::MAX } else { limit },
            out: Vec::new(),
        }))
    }

    /// Compresses a chunk; `sizes` are those of all records so far. Where the files will be
    /// short, the compressor forgets as often as it will there.
    pub(super) fn add(&mut self, mut text: &[u8], sizes: &Spread) -> Result<(), Error> {
        let file = self.file_bytes(sizes);
        while !text.is_empty() {
            let room = usize::try_from(file.saturating_sub(self.in_file)).unwrap_or(usize::MAX);
            let (now, later) = text.split_at(room.clamp(1, text.len()));
            self.out.clear();
            let written = self.encoder.write(now, &mut self.out);
            written.map_err(|source| wrap::failed(NAME, source))?;
            self.text = self.text.saturating_add(now.len() as u64);
            self.in_file = self.in_file.saturating_add(now.len() as u64);
            if self.in_file >= file {
                self.end_file()?;
            }
            text = later;
        }
        Ok(())
    }

    /// Text in a file.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the conversion saturates"
    )]
    fn file_bytes(&self, sizes: &Spread) -> u64 {
        let records = self.records.max(sizes.count()) as f64;
        let bytes = (records * sizes.mean() / self.writers as f64).ceil() as u64;
        bytes.clamp(1, self.limit)
    }

    fn end_file(&mut self) -> Result<(), Error> {
        self.out.clear();
        let ended = self.encoder.end_frame(&mut self.out);
        ended.map_err(|source| wrap::failed(NAME, source))?;
        self.in_file = 0;
        Ok(())
    }

    /// Compressed size divided by the size of the text.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub(super) fn finish(mut self) -> Result<f64, Error> {
        self.end_file()?;
        if self.text == 0 {
            return Ok(1.0);
        }
        Ok(self.encoder.stored_len() as f64 / self.text as f64)
    }
}

/// The stored size of a text that is compressed at once.
pub(super) fn stored_bytes(config: &BackupConfig, text: &[u8]) -> Result<u64, Error> {
    if text.is_empty() {
        return Ok(0);
    }
    let mut encoder = encoder(config)?;
    let mut out = Vec::new();
    let written = encoder.write(text, &mut out);
    let stored = written.and_then(|()| encoder.finish(&mut out));
    stored.map_err(|source| wrap::failed(NAME, source))
}

/// Encryption changes no sizes but for the header of each file.
fn encoder(config: &BackupConfig) -> Result<Encoder, Error> {
    let plain = Wrap {
        compression: config.wrap.compression,
        key: None,
    };
    plain.encoder(NAME)
}
