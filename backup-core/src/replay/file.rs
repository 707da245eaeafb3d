//! The content of a stored file, token by token.

use super::input::File;
use crate::{
    error::Error,
    manifest::{BlockError, BlockReader},
    restore::Unwrap,
};
use asbx_format::{Decoder, Item, Step, Token, token};
use backup_envelope::{Decoder as Envelope, DecoderOptions, Wants};
use backup_storage::{Store, StoreExt};
use std::io::{self, Read};

/// Stored bytes that are read at a time.
const STORED_BYTES: usize = 256 << 10;

/// Content that is decoded at a time.
const CONTENT_BYTES: usize = 256 << 10;

/// An open file: stored bytes, envelope, tokens.
pub(super) struct OpenFile<'a> {
    file: &'a File,
    download: Box<dyn Read + Send>,
    envelope: Envelope,
    stored: Vec<u8>,
    taken: usize,
    /// Content that was not consumed yet.
    content: Vec<u8>,
    start: usize,
    /// Where that begins in the content.
    offset: u64,
    at_end: bool,
    decoder: Decoder,
    /// Bytes read from the storage.
    pub(super) fetched: u64,
}

/// A token and where it begins.
pub(super) struct Place<'a> {
    pub(super) token: Token<'a>,
    pub(super) offset: u64,
}

impl<'a> OpenFile<'a> {
    /// Opens a file. Compression is found out, unless it is given; the key is not.
    pub(super) fn open(store: &dyn Store, unwrap: &Unwrap, file: &'a File) -> Result<Self, Error> {
        let download = store.open_entry(&file.entry)?;
        let download: Box<dyn Read + Send> = match &file.hash {
            Some(hash) => Box::new(BlockReader::new(download, hash.clone())),
            None => Box::new(download),
        };
        Ok(Self {
            file,
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
            decoder: Decoder::new(),
            fetched: 0,
        })
    }

    /// Reads the header and compares it with the name of the file and with `namespace`.
    pub(super) fn header(&mut self, namespace: &str) -> Result<(), Error> {
        let header = loop {
            let input = self.content.get(self.start..).unwrap_or_default();
            match self.decoder.decode(input, self.at_end) {
                Ok(Step::Complete {
                    consumed,
                    item: Item::Header(header),
                }) => {
                    self.advance(consumed);
                    break header;
                }
                Ok(Step::Incomplete { needed }) => self.fill(needed)?,
                Ok(_) => return Err(Error::Internal("a file without a header".to_owned())),
                Err(source) => return Err(self.damaged(source)),
            }
        };
        let found = String::from_utf8_lossy(header.namespace()).into_owned();
        let differs = header.number() != self.file.number || found != self.file.namespace;
        if differs {
            return Err(Error::AsbxHeader {
                file: self.file.shown.to_string(),
                number: header.number(),
                namespace: found,
            });
        }
        if found != namespace {
            return Err(Error::OtherNamespace {
                file: self.file.shown.to_string(),
                offset: 13,
                found,
                expected: namespace.to_owned(),
            });
        }
        Ok(())
    }

    /// The next token; `None` at the end of the file.
    pub(super) fn token(&mut self) -> Result<Option<Place<'_>>, Error> {
        let consumed = loop {
            let input = self.content.get(self.start..).unwrap_or_default();
            match self.decoder.decode(input, self.at_end) {
                Ok(Step::Complete { consumed, .. }) => break consumed,
                Ok(Step::End) => return Ok(None),
                Ok(Step::Incomplete { needed }) => self.fill(needed)?,
                Err(source) => return Err(self.damaged(source)),
            }
        };
        let (start, offset) = (self.start, self.offset);
        self.advance(consumed);
        let bytes = self.content.get(start..self.start).unwrap_or_default();
        let parts = bytes.split_first_chunk().zip(bytes.get(token::HEAD_SIZE..));
        let Some(((digest, _), payload)) = parts else {
            return Err(Error::Internal("a token without a payload".to_owned()));
        };
        let token = Token { digest, payload };
        Ok(Some(Place { token, offset }))
    }

    fn advance(&mut self, consumed: usize) {
        self.start += consumed;
        self.offset = self.offset.saturating_add(consumed as u64);
    }

    /// Decodes until `needed` bytes of content are there, or the file ends.
    fn fill(&mut self, needed: usize) -> Result<(), Error> {
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
                file: self.file.shown.to_string(),
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
            file: self.file.shown.to_string(),
            source,
        }
    }

    fn damaged(&self, source: asbx_format::Error) -> Error {
        Error::AsbxDamaged {
            file: self.file.shown.to_string(),
            source,
        }
    }
}
