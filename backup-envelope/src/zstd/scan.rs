//! Where the frames of a file begin and end, found without decompressing them.
//!
//! Frame headers and block headers give all sizes (RFC 8878, 3.1.1), so a scan jumps from block to
//! block and looks at a few bytes of each 128 KiB of text.

use crate::error::{Error, ErrorKind};
use crate::zstd::{FRAME_MAGIC, is_skippable};

/// Bytes that the longest header has: give [`FrameScanner::advance`] at least that many.
pub const SCAN_BYTES: usize = 18;

/// The most text that one block can hold, and the most bytes a compressed one has: 128 KiB.
const BLOCK_BYTES: u64 = 128 << 10;

/// One frame of a file. Offsets are those of the ZSTD stream: an encrypted file has 16 bytes more
/// in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Offset of its first byte.
    pub start: u64,
    /// Offset of the byte after its last one.
    pub end: u64,
    /// A frame without text, for other purposes.
    pub skippable: bool,
    /// Bytes of text as its header declares them, unchecked; most writers leave this out.
    pub text_len: Option<u64>,
    /// Bytes of text that it can hold at most, by the number of its blocks.
    pub text_max: u64,
}

/// Walks over the headers of a ZSTD stream.
///
/// ```
/// use backup_envelope::{FrameScanner, SCAN_BYTES};
///
/// # let stream = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
/// let mut scanner = FrameScanner::new();
/// let mut frames = Vec::new();
/// while let Some(rest) = stream.get(scanner.position() as usize..).filter(|rest| !rest.is_empty()) {
///     // A file would be read here, at that position.
///     let window = rest.get(..SCAN_BYTES).unwrap_or(rest);
///     let position = scanner.position();
///     frames.extend(scanner.advance(window)?);
///     if scanner.position() == position { break }
/// }
/// scanner.finish(stream.len() as u64)?;
/// assert_eq!(frames[0].end, 10);
/// # Ok::<(), backup_envelope::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FrameScanner {
    position: u64,
    open: Option<OpenFrame>,
}

/// A frame whose header was seen.
#[derive(Debug, Clone, Copy)]
struct OpenFrame {
    frame: Frame,
    checksum: bool,
}

/// A header that was read, or that needs more bytes.
type Header<T> = Result<Option<T>, ErrorKind>;

impl FrameScanner {
    /// A scanner at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Offset in the ZSTD stream of the byte that the next call of `advance` must begin with. It
    /// lies beyond the end of the stream if that is cut off.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Takes the bytes from [`position`](Self::position) on: [`SCAN_BYTES`], or more, or what is
    /// left. Returns the first frame that ends in them or in what they announce; `None` asks for
    /// bytes at the new position. With fewer bytes than a header has, nothing moves.
    ///
    /// # Errors
    ///
    /// Bytes that are no frame, or no block of one.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Option<Frame>, Error> {
        let base = self.position;
        loop {
            let here = usize::try_from(self.position.saturating_sub(base)).unwrap_or(usize::MAX);
            let rest = bytes.get(here..).unwrap_or_default();
            match self.step(rest) {
                Ok(Step::Frame(frame)) => return Ok(Some(frame)),
                Ok(Step::Moved) => {}
                Ok(Step::NeedsBytes) => return Ok(None),
                Err(kind) => return Err(Error::new(kind, self.position)),
            }
        }
    }

    /// Checks that the stream ends where a frame ends, at `stream_len` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnexpectedEnd`] if it does not.
    pub fn finish(&self, stream_len: u64) -> Result<(), Error> {
        if self.open.is_none() && self.position == stream_len {
            return Ok(());
        }
        let expected = "a ZSTD frame";
        Err(Error::new(
            ErrorKind::UnexpectedEnd { expected },
            stream_len,
        ))
    }

    fn step(&mut self, bytes: &[u8]) -> Result<Step, ErrorKind> {
        match self.open {
            None => self.begin(bytes),
            Some(open) => self.block(open, bytes),
        }
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<Step, ErrorKind> {
        let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
            return Ok(Step::NeedsBytes);
        };
        if is_skippable(magic) {
            return Ok(self.skippable(rest));
        }
        if *magic != FRAME_MAGIC {
            return Err(ErrorKind::TrailingBytes);
        }
        let Some(header) = frame_header(rest)? else {
            return Ok(Step::NeedsBytes);
        };
        let frame = self.frame(false, header.text_len);
        self.move_by(header.bytes.saturating_add(4));
        self.open = Some(OpenFrame {
            frame,
            checksum: header.checksum,
        });
        Ok(Step::Moved)
    }

    fn skippable(&mut self, rest: &[u8]) -> Step {
        let Some(len) = rest.first_chunk::<4>() else {
            return Step::NeedsBytes;
        };
        let mut frame = self.frame(true, None);
        self.move_by(u64::from(u32::from_le_bytes(*len)).saturating_add(8));
        frame.end = self.position;
        Step::Frame(frame)
    }

    fn block(&mut self, mut open: OpenFrame, bytes: &[u8]) -> Result<Step, ErrorKind> {
        let Some(block) = block_header(bytes)? else {
            return Ok(Step::NeedsBytes);
        };
        open.frame.text_max = open.frame.text_max.saturating_add(block.text_max);
        self.move_by(block.bytes.saturating_add(3));
        if !block.last {
            self.open = Some(open);
            return Ok(Step::Moved);
        }
        self.move_by(if open.checksum { 4 } else { 0 });
        self.open = None;
        open.frame.end = self.position;
        Ok(Step::Frame(open.frame))
    }

    const fn frame(&self, skippable: bool, text_len: Option<u64>) -> Frame {
        Frame {
            start: self.position,
            end: self.position,
            skippable,
            text_len,
            text_max: 0,
        }
    }

    const fn move_by(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
    }
}

/// What one look at the bytes gave.
enum Step {
    Frame(Frame),
    Moved,
    NeedsBytes,
}

/// What a frame header says, the magic number left out.
struct FrameHeader {
    bytes: u64,
    checksum: bool,
    text_len: Option<u64>,
}

/// Reads a frame header: descriptor, window, dictionary id, content size.
fn frame_header(bytes: &[u8]) -> Header<FrameHeader> {
    let Some((descriptor, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    if descriptor & 0x08 != 0 {
        return Err(damaged("reserved bit of a frame header"));
    }
    let single_segment = descriptor & 0x20 != 0;
    let dictionary_bytes: usize = match descriptor & 3 {
        3 => 4,
        bytes => bytes.into(),
    };
    let text_len_bytes = match descriptor >> 6 {
        0 => usize::from(single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let before = dictionary_bytes.saturating_add(usize::from(!single_segment));
    let after = before.saturating_add(text_len_bytes);
    let Some(field) = rest.get(before..after) else {
        return Ok(None);
    };
    Ok(Some(FrameHeader {
        bytes: after.saturating_add(1) as u64,
        checksum: descriptor & 0x04 != 0,
        text_len: content_size(field),
    }))
}

/// The content size field: little-endian, and the one of two bytes counts from 256.
fn content_size(field: &[u8]) -> Option<u64> {
    let mut wide = [0; 8];
    wide.get_mut(..field.len())?.copy_from_slice(field);
    match field.len() {
        0 => None,
        2 => Some(u64::from_le_bytes(wide).saturating_add(256)),
        _ => Some(u64::from_le_bytes(wide)),
    }
}

/// What a block header says.
struct BlockHeader {
    last: bool,
    bytes: u64,
    text_max: u64,
}

/// Reads a block header: 3 bytes, little-endian; last, type (2 bits), size (21 bits).
fn block_header(bytes: &[u8]) -> Header<BlockHeader> {
    let Some([low, middle, high]) = bytes.first_chunk::<3>() else {
        return Ok(None);
    };
    let bits = u32::from_le_bytes([*low, *middle, *high, 0]);
    let size = u64::from(bits >> 3);
    if size > BLOCK_BYTES {
        return Err(damaged("block larger than 128 KiB"));
    }
    let (bytes, text_max) = match bits >> 1 & 3 {
        0 => (size, size),
        1 => (1, size),
        2 => (size, BLOCK_BYTES),
        _ => return Err(damaged("block of a reserved type")),
    };
    let last = bits & 1 == 1;
    Ok(Some(BlockHeader {
        last,
        bytes,
        text_max,
    }))
}

const fn damaged(detail: &'static str) -> ErrorKind {
    ErrorKind::Damaged { detail }
}
