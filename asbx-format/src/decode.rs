//! The incremental decoder: one header, then tokens until the input ends.

use crate::error::{Error, ErrorKind, Position};
use crate::header::{HEADER_SIZE, Header, check_version};
use crate::token::{Found, Token, split};

/// Decodes a file, item by item, from input that arrives in pieces of any size.
///
/// Items, errors and positions are the same however the input is cut. It keeps two numbers and
/// reserves nothing; what a file declares is checked before more input is asked for.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    /// Bytes consumed so far.
    offset: u64,
    /// Tokens so far; `None` before the header.
    tokens: Option<u64>,
}

/// Outcome of [`Decoder::decode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// An item is complete; the next input begins `consumed` bytes further on.
    Complete {
        /// Number of bytes of the item, from the start of the input.
        consumed: usize,
        /// The item.
        item: Item<'a>,
    },
    /// The input ends inside an item or is empty. Call again with the same bytes and more behind
    /// them.
    Incomplete {
        /// The decoder cannot get further with fewer bytes than this, counted from the start of
        /// the input. More than are there now, and at most a token of the largest size.
        needed: usize,
    },
    /// The file ended where it may.
    End,
}

/// What a file consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// The header; always first, and once.
    Header(Header),
    /// A token.
    Token(Token<'a>),
}

impl Decoder {
    /// A decoder at the start of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            offset: 0,
            tokens: None,
        }
    }

    /// Decodes the item at the start of `input`. `end`: nothing follows behind the input.
    ///
    /// # Errors
    /// Input that is not ASBX, is damaged, or ends where it may not: everywhere but between two
    /// tokens (§1.3). An empty file is such an error.
    pub fn decode<'a>(&mut self, input: &'a [u8], end: bool) -> Result<Step<'a>, Error> {
        match self.tokens {
            None => self.header(input, end),
            Some(_) if end && input.is_empty() => Ok(Step::End),
            Some(tokens) => self.token(tokens, input, end),
        }
    }

    fn header<'a>(&mut self, input: &'a [u8], end: bool) -> Result<Step<'a>, Error> {
        let version = input.first().map_or(Ok(()), |byte| check_version(*byte));
        version.map_err(|at| self.error(at))?;
        let Some(bytes) = input.first_chunk::<HEADER_SIZE>() else {
            return self.incomplete(input, end, HEADER_SIZE, "the header");
        };
        let header = Header::decode(bytes).map_err(|at| self.error(at))?;
        self.tokens = Some(0);
        Ok(self.complete(HEADER_SIZE, Item::Header(header)))
    }

    fn token<'a>(&mut self, tokens: u64, input: &'a [u8], end: bool) -> Result<Step<'a>, Error> {
        match split(input).map_err(|at| self.error(at))? {
            Found::Incomplete(needed, inside) => self.incomplete(input, end, needed, inside),
            Found::Token(token, len) => {
                self.tokens = Some(tokens.saturating_add(1));
                Ok(self.complete(len, Item::Token(token)))
            }
        }
    }

    fn complete<'a>(&mut self, consumed: usize, item: Item<'a>) -> Step<'a> {
        self.offset = self.offset.saturating_add(consumed as u64);
        Step::Complete { consumed, item }
    }

    fn incomplete<'a>(
        &self,
        input: &[u8],
        end: bool,
        needed: usize,
        inside: &'static str,
    ) -> Result<Step<'a>, Error> {
        if end {
            let at = input.len() as u64;
            return Err(self.error((ErrorKind::UnexpectedEnd { inside }, at)));
        }
        Ok(Step::Incomplete { needed })
    }

    fn error(&self, (kind, at): (ErrorKind, u64)) -> Error {
        let position = Position {
            offset: self.offset.saturating_add(at),
            token: self.tokens,
        };
        Error::new(kind, position)
    }
}
