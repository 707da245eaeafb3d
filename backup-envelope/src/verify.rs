//! Stored bytes read again as they come out of an encoder, and compared with the text that went in.
//!
//! No hash stands between the two: the text of the last call is at hand, and the compressor holds
//! back less than a block of what came before. So every byte of text that stored bytes determine
//! is compared before these bytes are handed on, and the first that differs has a place.

use crate::decode::{Decoder, DecoderOptions, PartOptions, Progress, Wants};
use crate::error::{Error, ErrorKind};

/// Text that is decoded at a time, in bytes.
const ROOM: usize = 64 << 10;

/// Reader behind an [`Encoder`](crate::Encoder). Give it the arguments and the output of each call.
///
/// Its memory is a decompressor's window and twice 64 KiB or so. After an error it must be dropped.
#[derive(Debug)]
pub struct Verifier {
    decoder: Decoder,
    /// Text that was decoded and is compared next.
    decoded: Vec<u8>,
    /// Text that was given and has not come out yet.
    waiting: Vec<u8>,
    /// Text that was compared, in bytes.
    compared: u64,
}

impl Verifier {
    /// A reader of a new file.
    #[must_use]
    pub fn new(options: DecoderOptions) -> Self {
        Self::with(Decoder::new(options))
    }

    /// A reader of a file that is [resumed](crate::Encoder::resume) after so many stored bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Decoder::part`].
    pub fn part(options: PartOptions) -> Result<Self, Error> {
        Decoder::part(options).map(Self::with)
    }

    fn with(decoder: Decoder) -> Self {
        Self {
            decoder,
            decoded: Vec::with_capacity(ROOM),
            waiting: Vec::new(),
            compared: 0,
        }
    }

    /// Text that was compared and found equal, in bytes.
    #[must_use]
    pub const fn compared(&self) -> u64 {
        self.compared
    }

    /// Reads `stored`, which an encoder has given for `text`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Differs`], or why the bytes cannot be read.
    pub fn check(&mut self, text: &[u8], stored: &[u8]) -> Result<(), Error> {
        let (mut text, mut rest) = (text, stored);
        loop {
            self.decoded.clear();
            let Progress { consumed, wants } = self.decoder.read(rest, &mut self.decoded)?;
            rest = rest.get(consumed..).unwrap_or_default();
            self.compare(&mut text)?;
            if wants == Wants::Input {
                break;
            }
        }
        self.waiting.extend_from_slice(text);
        Ok(())
    }

    /// All text has come out: where a frame or the file ends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Differs`] where text is missing, or what is incomplete.
    pub fn check_end(&self) -> Result<(), Error> {
        self.decoder.finish()?;
        match self.waiting.is_empty() {
            true => Ok(()),
            false => Err(self.differs(0)),
        }
    }

    /// Compares what was decoded with what waits, then with `text`, and takes that from them.
    fn compare(&mut self, text: &mut &[u8]) -> Result<(), Error> {
        let early = self.decoded.len().min(self.waiting.len());
        let (old, fresh) = self.decoded.split_at(early);
        let (now, later) = text.split_at(fresh.len().min(text.len()));
        let at = first_difference(old, self.waiting.get(..early).unwrap_or_default());
        let at = at.or_else(|| Some(early.saturating_add(first_difference(fresh, now)?)));
        if let Some(at) = at {
            return Err(self.differs(at));
        }
        self.waiting.drain(..early);
        self.compared = self.compared.saturating_add(self.decoded.len() as u64);
        *text = later;
        Ok(())
    }

    fn differs(&self, at: usize) -> Error {
        let text_offset = self.compared.saturating_add(at as u64);
        Error::new(
            ErrorKind::Differs { text_offset },
            self.decoder.stored_offset(),
        )
    }
}

/// Where two texts differ, if they do; where the shorter one ends, if that is all.
fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    if one == other {
        return None;
    }
    let at = one.iter().zip(other).position(|(a, b)| a != b);
    Some(at.unwrap_or_else(|| one.len().min(other.len())))
}
