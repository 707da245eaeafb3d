//! An ASBX file, token by token.

use super::{
    content::Content,
    input::{File, Input},
};
use crate::error::Error;
use asbx_format::{Decoder, Header, Item, Step, Token, token};

/// An open file.
pub(crate) struct OpenFile<'a> {
    file: &'a File,
    content: Content,
    decoder: Decoder,
}

/// A token and where it begins.
pub(crate) struct Place<'a> {
    pub(crate) token: Token<'a>,
    pub(crate) offset: u64,
}

impl<'a> OpenFile<'a> {
    /// Opens a file of `input`, and compares its header with its name and with `namespace`.
    pub(crate) fn open(input: &Input, file: &'a File, namespace: &str) -> Result<Self, Error> {
        let mut open = Self {
            file,
            content: Content::open(input, &file.stored, &file.shown)?,
            decoder: Decoder::new(),
        };
        let header = open.header()?;
        open.check(&header, namespace)?;
        Ok(open)
    }

    /// Bytes read from the storage so far.
    pub(crate) const fn fetched(&self) -> u64 {
        self.content.fetched
    }

    fn header(&mut self) -> Result<Header, Error> {
        loop {
            let (input, at_end) = self.content.unread();
            match self.decoder.decode(input, at_end) {
                Ok(Step::Complete {
                    consumed,
                    item: Item::Header(header),
                }) => {
                    self.content.consume(consumed);
                    return Ok(header);
                }
                Ok(Step::Incomplete { needed }) => self.content.fill(needed)?,
                Ok(_) => return Err(Error::Internal("a file without a header".to_owned())),
                Err(source) => return Err(self.damaged(source)),
            }
        }
    }

    fn check(&self, header: &Header, namespace: &str) -> Result<(), Error> {
        let found = String::from_utf8_lossy(header.namespace()).into_owned();
        if header.number() != self.file.number || found != self.file.namespace {
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
    pub(crate) fn token(&mut self) -> Result<Option<Place<'_>>, Error> {
        let consumed = loop {
            let (input, at_end) = self.content.unread();
            match self.decoder.decode(input, at_end) {
                Ok(Step::Complete { consumed, .. }) => break consumed,
                Ok(Step::End) => return Ok(None),
                Ok(Step::Incomplete { needed }) => self.content.fill(needed)?,
                Err(source) => return Err(self.damaged(source)),
            }
        };
        let offset = self.content.offset();
        self.content.consume(consumed);
        let bytes = self.content.consumed(consumed);
        let parts = bytes.split_first_chunk().zip(bytes.get(token::HEAD_SIZE..));
        let Some(((digest, _), payload)) = parts else {
            return Err(Error::Internal("a token without a payload".to_owned()));
        };
        let token = Token { digest, payload };
        Ok(Some(Place { token, offset }))
    }

    fn damaged(&self, source: asbx_format::Error) -> Error {
        Error::AsbxDamaged {
            file: self.file.shown.to_string(),
            source,
        }
    }
}
