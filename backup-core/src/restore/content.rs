//! The content of a stored file: decrypted and decompressed on the way in.

use super::frames::Frames;
use crate::{
    error::Error,
    manifest::{BlockError, WholeSet},
};
use backup_envelope::{Compression, Decoder, DecoderOptions, HEAD_BYTES, Key, Wants, WindowLog};
use backup_storage::Store;
use std::{
    fmt,
    io::{self, Read},
    time::{Duration, Instant},
};

/// Stored bytes of a compressed or encrypted file that are read at a time.
const STORED_BYTES: usize = 256 << 10;

/// Content of such a file that is decoded at a time.
const DECODED_BYTES: usize = 256 << 10;

/// How every plain file begins.
pub(super) const PLAIN: &[u8] = b"Version ";

/// How the files of a backup are wrapped (`envelope.md` §1).
#[derive(Debug, Clone, Default)]
pub struct Unwrap {
    /// What the user says about compression; by default every file tells for itself.
    pub compression: Compression,
    /// The key, if the files are encrypted.
    pub key: Option<Key>,
    /// Largest window of a ZSTD frame that is accepted.
    pub window_log: WindowLog,
    /// Take a `metadata_` file that is plain text for what it is, whatever else is said here. The
    /// established tool wraps what XDR has shipped and leaves such a file beside it as it is
    /// (`asbx-binary.md` §3).
    pub plain_metadata: bool,
}

impl Unwrap {
    pub(super) fn decoder_options(&self) -> DecoderOptions {
        DecoderOptions {
            compression: self.compression,
            key: self.key.clone(),
            window_log: self.window_log,
        }
    }

    /// Whether there is a key if one is needed, by the manifests.
    ///
    /// # Errors
    /// [`Error::NoKey`].
    pub(crate) fn check_key(&self, store: &dyn Store, set: &WholeSet) -> Result<(), Error> {
        let mut manifests = set.manifests.iter();
        let encryption = manifests.find_map(|(manifest, _)| manifest.envelope.encryption.clone());
        match encryption {
            Some(encryption) if self.key.is_none() => Err(Error::NoKey {
                source_name: store.location().to_owned(),
                encryption,
            }),
            _ => Ok(()),
        }
    }
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum Failure {
    Storage(backup_storage::Error),
    Envelope(backup_envelope::Error),
    /// The stored bytes are not those that were backed up.
    Block(BlockError),
    /// A thread that unwraps a file cannot be started, or has ended early.
    Thread(io::Error),
}

/// An open file.
pub(super) struct Content {
    source: Option<Source>,
    /// First bytes that were read to find out what the file is, and not handed out yet.
    head: Vec<u8>,
    wrapped: Option<Wrapped>,
    /// A compressed file that several threads decompress, instead of `source`.
    frames: Option<Frames>,
    /// Time that decryption and decompression took.
    unwrapping: Duration,
}

/// Where the stored bytes come from.
pub(super) struct Source {
    download: Box<dyn Read + Send>,
    /// Bytes read from it.
    stored: u64,
}

/// A file that is not plain text.
#[derive(Debug)]
struct Wrapped {
    decoder: Decoder,
    input: Vec<u8>,
    taken: usize,
    at_end: bool,
    text: Vec<u8>,
    read: usize,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrapped = self.wrapped.as_ref();
        f.debug_struct("Content")
            .field("stored", &self.stored())
            .field("wrapped", &wrapped.map(|wrapped| &wrapped.decoder))
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

impl Content {
    /// Looks at the first bytes. A plain file is handed through without a copy; a compressed one
    /// is decompressed by threads of its own if it `is_shared` by decoders that wait for it.
    pub(super) fn open(
        download: Box<dyn Read + Send>,
        unwrap: &Unwrap,
        is_shared: bool,
    ) -> Result<Self, Failure> {
        let mut source = Source {
            download,
            stored: 0,
        };
        let (mut head, mut len) = (vec![0; HEAD_BYTES], 0);
        while len < PLAIN.len() {
            match source.fetch(head.get_mut(len..).unwrap_or_default())? {
                0 => break,
                read => len += read,
            }
        }
        head.truncate(len);
        let may_be_plain = unwrap.plain_metadata
            || unwrap.key.is_none() && unwrap.compression != Compression::Zstd;
        if may_be_plain && head.starts_with(PLAIN) {
            return Ok(Self {
                source: Some(source),
                head,
                wrapped: None,
                frames: None,
                unwrapping: Duration::ZERO,
            });
        }
        if is_shared && is_compressed(&head, unwrap)? {
            let frames = Frames::start(source, head, unwrap.key.as_ref(), unwrap.window_log)?;
            return Ok(Self {
                source: None,
                head: Vec::new(),
                wrapped: None,
                frames: Some(frames),
                unwrapping: Duration::ZERO,
            });
        }
        let wrapped = Wrapped {
            decoder: Decoder::new(unwrap.decoder_options()),
            input: head,
            taken: 0,
            at_end: false,
            text: Vec::with_capacity(DECODED_BYTES),
            read: 0,
        };
        Ok(Self {
            source: Some(source),
            head: Vec::new(),
            wrapped: Some(wrapped),
            frames: None,
            unwrapping: Duration::ZERO,
        })
    }

    /// The rest of a plain file.
    pub(super) const fn plain(download: Box<dyn Read + Send>) -> Self {
        let source = Source {
            download,
            stored: 0,
        };
        Self {
            source: Some(source),
            head: Vec::new(),
            wrapped: None,
            frames: None,
            unwrapping: Duration::ZERO,
        }
    }

    /// Whether the text is what is stored.
    pub(super) const fn is_plain(&self) -> bool {
        self.wrapped.is_none() && self.frames.is_none()
    }

    /// Bytes read from the storage so far.
    pub(super) fn stored(&self) -> u64 {
        let frames = self.frames.as_ref().map_or(0, Frames::stored);
        self.source.as_ref().map_or(frames, Source::stored)
    }

    /// Time that decryption and decompression took so far.
    pub(super) const fn unwrapping(&self) -> Duration {
        self.unwrapping
    }

    /// Reads some content; 0 at its end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Failure> {
        let Some(source) = &mut self.source else {
            let (frames, begun) = (self.frames.as_mut(), Instant::now());
            let read = frames.map_or(Ok(0), |frames| frames.read(out));
            self.unwrapping += begun.elapsed(); // its threads are what is waited for
            return read;
        };
        if let Some(wrapped) = &mut self.wrapped {
            return wrapped.read(source, out, &mut self.unwrapping);
        }
        if self.head.is_empty() {
            return source.fetch(out);
        }
        let len = self.head.len().min(out.len());
        out.iter_mut()
            .zip(self.head.drain(..len))
            .for_each(|(to, from)| *to = from);
        Ok(len)
    }
}

impl Wrapped {
    /// Adds to `spent` what its decoder takes.
    fn read(
        &mut self,
        source: &mut Source,
        out: &mut [u8],
        spent: &mut Duration,
    ) -> Result<usize, Failure> {
        loop {
            let text = self.text.get(self.read..).unwrap_or_default();
            if !text.is_empty() {
                let len = text.len().min(out.len());
                out[..len].copy_from_slice(&text[..len]);
                self.read += len;
                return Ok(len);
            }
            self.read = 0;
            self.text.clear();
            let input = self.input.get(self.taken..).unwrap_or_default();
            let begun = Instant::now();
            let progress = self.decoder.read(input, &mut self.text);
            *spent += begun.elapsed();
            let progress = progress.map_err(Failure::Envelope)?;
            self.taken += progress.consumed;
            if !self.text.is_empty() || progress.wants == Wants::Room {
                continue;
            }
            if self.at_end {
                self.decoder.finish().map_err(Failure::Envelope)?;
                return Ok(0);
            }
            self.refill(source)?;
        }
    }

    fn refill(&mut self, source: &mut Source) -> Result<(), Failure> {
        self.input.drain(..self.taken);
        self.taken = 0;
        let kept = self.input.len();
        self.input.resize(STORED_BYTES.max(kept + 1), 0);
        let read = source.fetch(self.input.get_mut(kept..).unwrap_or_default())?;
        self.input.truncate(kept + read);
        self.at_end = read == 0;
        Ok(())
    }
}

/// Whether the file that begins so holds ZSTD frames for sure.
fn is_compressed(head: &[u8], unwrap: &Unwrap) -> Result<bool, Failure> {
    let mut decoder = Decoder::new(unwrap.decoder_options());
    let looked = decoder.read(head, &mut Vec::with_capacity(1));
    looked.map_err(Failure::Envelope)?;
    Ok(decoder.is_compressed() == Some(true))
}

impl Source {
    /// Bytes read so far.
    pub(super) const fn stored(&self) -> u64 {
        self.stored
    }

    /// Reads some stored bytes; 0 at their end.
    pub(super) fn fetch(&mut self, out: &mut [u8]) -> Result<usize, Failure> {
        loop {
            match self.download.read(out) {
                Ok(read) => {
                    self.stored = self.stored.saturating_add(read as u64);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(match BlockError::of_read(&error) {
                        Some(error) => Failure::Block(error),
                        None => Failure::Storage(backup_storage::Error::from_read(error)),
                    });
                }
            }
        }
    }
}
