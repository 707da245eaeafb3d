//! The content of a stored file, as far as it was read and not consumed yet: decrypted and
//! decompressed.

use super::input::{Input, Stored};
use crate::{
    error::Error,
    manifest::{BlockError, BlockReader},
};
use backup_envelope::{Compression, Decoder as Envelope, DecoderOptions, Wants};
use backup_storage::StoreExt;
use std::{
    io::{self, Read},
    sync::Arc,
};

/// Stored bytes that are read at a time.
const STORED_BYTES: usize = 256 << 10;

/// Content that is decoded at a time.
const CONTENT_BYTES: usize = 256 << 10;

/// How every plain text begins.
const PLAIN: &[u8] = b"Version ";

/// An open file: stored bytes, envelope, content.
pub(crate) struct Content {
    /// Path for messages.
    shown: Arc<str>,
    download: Box<dyn Read + Send>,
    envelope: Envelope,
    stored: Vec<u8>,
    taken: usize,
    /// Content that was not consumed yet begins at `start`.
    content: Vec<u8>,
    start: usize,
    /// Where that is in the content of the file.
    offset: u64,
    at_end: bool,
    /// Bytes read from the storage.
    pub(super) fetched: u64,
}

impl Content {
    /// Opens a file of `input`, which is compared with its hash while it is read. Compression is
    /// found out, unless it is given; the key is not.
    pub(super) fn open(
        input: &Input,
        (entry, hash): &Stored,
        shown: &Arc<str>,
    ) -> Result<Self, Error> {
        let unwrap = &input.unwrap;
        let mut download = input.store.open_entry(entry)?;
        if let Some(throttle) = &input.throttle {
            download = throttle.slow(download);
        }
        let download: Box<dyn Read + Send> = match hash {
            Some(hash) => Box::new(BlockReader::new(download, hash.clone())),
            None => Box::new(download),
        };
        Ok(Self {
            shown: Arc::clone(shown),
            download,
            envelope: Envelope::new(DecoderOptions {
                compression: unwrap.compression,
                key: unwrap.key.clone(),
                window_log: unwrap.window_log,
            }),
            stored: Vec::with_capacity(STORED_BYTES),
            taken: 0,
            content: Vec::new(),
            start: 0,
            offset: 0,
            at_end: false,
            fetched: 0,
        })
    }

    /// The same of a file with indexes and modules: plain text is taken for what it is, whatever
    /// was said of the set. The established tool wraps the messages and leaves this file as it is
    /// (`asbx-binary.md` §3).
    pub(crate) fn open_text(input: &Input, file: &Stored, shown: &Arc<str>) -> Result<Self, Error> {
        let mut content = Self::open(input, file, shown)?;
        content.fetch()?;
        if content.stored.starts_with(PLAIN) {
            content.envelope = Envelope::new(DecoderOptions {
                compression: Compression::Plain,
                key: None,
                window_log: input.unwrap.window_log,
            });
        }
        Ok(content)
    }

    /// What was read and not consumed; whether nothing follows behind it.
    pub(crate) fn unread(&self) -> (&[u8], bool) {
        let unread = self.content.get(self.start..).unwrap_or_default();
        (unread, self.at_end)
    }

    /// Where the unread part begins, in bytes of content.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes so many bytes off the unread part. They stay until more is read.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset = self.offset.saturating_add(bytes as u64);
    }

    /// The last `bytes` that were consumed.
    pub(super) fn consumed(&self, bytes: usize) -> &[u8] {
        let from = self.start.saturating_sub(bytes);
        self.content.get(from..self.start).unwrap_or_default()
    }

    /// Decodes until `needed` bytes are unread, or the file ends.
    pub(crate) fn fill(&mut self, needed: usize) -> Result<(), Error> {
        self.content.drain(..self.start);
        self.start = 0;
        while self.content.len() < needed && !self.at_end {
            let mut out = Vec::with_capacity(CONTENT_BYTES);
            let input = self.stored.get(self.taken..).unwrap_or_default();
            let progress = self.envelope.read(input, &mut out);
            let progress = progress.map_err(|source| self.envelope_error(source))?;
            self.taken += progress.consumed;
            self.content.extend_from_slice(&out);
            if out.is_empty() && progress.wants == Wants::Input {
                self.fetch()?;
            }
        }
        Ok(())
    }

    fn fetch(&mut self) -> Result<(), Error> {
        self.stored.drain(..self.taken);
        self.taken = 0;
        let limit = STORED_BYTES as u64;
        let read = loop {
            let mut part = Read::by_ref(&mut self.download).take(limit);
            match part.read_to_end(&mut self.stored) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let read = read.map_err(|error| match BlockError::of_read(&error) {
            Some(source) => Error::Altered {
                file: self.shown.to_string(),
                source,
            },
            None => Error::Storage(backup_storage::Error::from_read(error)),
        })?;
        self.fetched = self.fetched.saturating_add(read as u64);
        if read == 0 {
            let finished = self.envelope.finish();
            finished.map_err(|source| self.envelope_error(source))?;
            self.at_end = true;
        }
        Ok(())
    }

    fn envelope_error(&self, source: backup_envelope::Error) -> Error {
        Error::Envelope {
            file: self.shown.to_string(),
            source,
        }
    }
}
