//! BLAKE3 of a file and of its blocks of 4 MiB.
//!
//! BLAKE3 is a tree: the hash of a file is the root over the chaining values of its blocks, which
//! the manifest lists. So one pass gives both, a block can be checked before the rest is read,
//! and hashing goes on at any length with at most one block read again.
//!
//! A file of one block has no chaining value above its chunks: its root is listed instead. So a
//! listed block is the plain BLAKE3 of the file where there is one block, and otherwise the
//! chaining value of a subtree that begins at the block's offset.

use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    fmt,
    io::{self, Read},
    str::FromStr,
};

/// Size of a block in bytes; the last one of a file may be shorter, none is empty.
pub const BLOCK_BYTES: u64 = 4 << 20;

/// [`BLOCK_BYTES`] as a size in memory.
const BLOCK_LEN: usize = 4 << 20;

/// 32 bytes of BLAKE3: of a file, a text or a block. Shown and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(
    /// The bytes.
    pub [u8; 32],
);

impl Hash {
    /// The hash of something small.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The text is not made of 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash has 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(NotAHash);
        }
        let hash = blake3::Hash::from_hex(text).map_err(|_| NotAHash)?;
        Ok(Self(hash.into()))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Hash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hash, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Hashes of a complete file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHash {
    /// Size of the file.
    pub bytes: u64,
    /// Plain BLAKE3 of all of it.
    pub whole: Hash,
    /// One for each block.
    pub blocks: Vec<Hash>,
}

impl FileHash {
    /// Number of blocks in a file of so many bytes.
    #[must_use]
    pub const fn block_count(bytes: u64) -> u64 {
        bytes.div_ceil(BLOCK_BYTES)
    }

    /// Whether there are as many blocks as the size asks for, and the whole is the root over
    /// them. True for every [`BlockHasher::finish`]; to be asked about what was read.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.blocks.len() as u64 == Self::block_count(self.bytes)
            && root(&self.blocks) == self.whole
    }
}

/// The root over the blocks of a file.
fn root(blocks: &[Hash]) -> Hash {
    match blocks {
        [] => Hash::of(&[]),
        [only] => *only,
        _ => {
            let (left, right) = halves(blocks);
            let root = merge_subtrees_root(&subtree(left).0, &subtree(right).0, Mode::Hash);
            Hash(root.into())
        }
    }
}

fn subtree(blocks: &[Hash]) -> Hash {
    match blocks {
        [] => Hash::of(&[]), // does not occur: no half is empty
        [only] => *only,
        _ => {
            let (left, right) = halves(blocks);
            let (left, right) = (subtree(left).0, subtree(right).0);
            Hash(merge_subtrees_non_root(&left, &right, Mode::Hash))
        }
    }
}

/// The left half is the largest power of two that leaves something for the right one. Blocks are
/// full but for the last, so counting them gives the same as counting bytes.
fn halves(blocks: &[Hash]) -> (&[Hash], &[Hash]) {
    let left = blocks.len().div_ceil(2).next_power_of_two();
    blocks.split_at(left)
}

/// Hashes a file as it is written.
#[derive(Debug, Clone)]
pub struct BlockHasher {
    /// Of the blocks that are full and have something behind them.
    blocks: Vec<Hash>,
    /// The last block, as far as it has come; empty only at the start of the file.
    last: blake3::Hasher,
    last_bytes: u64,
}

impl Default for BlockHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockHasher {
    /// At the start of a file.
    #[must_use]
    pub fn new() -> Self {
        Self {
            blocks: Vec::new(),
            last: blake3::Hasher::new(),
            last_bytes: 0,
        }
    }

    /// In a file that was cut to `bytes`, whose first blocks are known from
    /// [`full_blocks`](Self::full_blocks). More of them than fit are left out. Returns the offset
    /// from which on the caller has to [`update`](Self::update) with the file's content, up to
    /// `bytes`: at most one block. `None` if there are too few blocks for this length.
    #[must_use]
    pub fn resume(mut blocks: Vec<Hash>, bytes: u64) -> Option<(Self, u64)> {
        let full = usize::try_from(bytes.saturating_sub(1) / BLOCK_BYTES).ok()?;
        if blocks.len() < full {
            return None;
        }
        blocks.truncate(full);
        let offset = (full as u64).saturating_mul(BLOCK_BYTES);
        Some((Self::at(blocks, offset), offset))
    }

    /// Continues at the beginning of a block.
    fn at(blocks: Vec<Hash>, offset: u64) -> Self {
        let mut last = blake3::Hasher::new();
        last.set_input_offset(offset);
        Self {
            blocks,
            last,
            last_bytes: 0,
        }
    }

    /// Adds what was written. Pieces of 64 KiB and more are fastest.
    pub fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.last_bytes == BLOCK_BYTES {
                self.close_block();
            }
            let room = BLOCK_BYTES.saturating_sub(self.last_bytes);
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
            let (now, rest) = data.split_at(room);
            self.last.update(now);
            self.last_bytes = self.last_bytes.saturating_add(room as u64);
            data = rest;
        }
    }

    fn close_block(&mut self) {
        let mut blocks = std::mem::take(&mut self.blocks);
        blocks.push(Hash(self.last.finalize_non_root()));
        let offset = (blocks.len() as u64).saturating_mul(BLOCK_BYTES);
        *self = Self::at(blocks, offset);
    }

    /// Bytes so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        let full = (self.blocks.len() as u64).saturating_mul(BLOCK_BYTES);
        full.saturating_add(self.last_bytes)
    }

    /// The blocks that [`resume`](Self::resume) needs at the present length, for the state file.
    /// The last block is not among them, even if it is full.
    #[must_use]
    pub fn full_blocks(&self) -> &[Hash] {
        &self.blocks
    }

    /// At the end of the file.
    #[must_use]
    pub fn finish(mut self) -> FileHash {
        let bytes = self.bytes();
        if self.blocks.is_empty() {
            let whole = Hash(self.last.finalize().into());
            let blocks = if bytes == 0 { Vec::new() } else { vec![whole] };
            return FileHash {
                bytes,
                whole,
                blocks,
            };
        }
        if self.last_bytes > 0 {
            self.blocks.push(Hash(self.last.finalize_non_root()));
        }
        FileHash {
            bytes,
            whole: root(&self.blocks),
            blocks: self.blocks,
        }
    }
}

/// A file that is not what its hashes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// A block was altered.
    #[error("bytes {start} to {end} are not those that were backed up")]
    Altered {
        /// First byte of the block.
        start: u64,
        /// The byte behind it.
        end: u64,
    },
    /// The file ends early, or goes on where it should end.
    #[error("it has another size than the {expected} bytes that were backed up")]
    Size {
        /// Bytes that it should have.
        expected: u64,
    },
}

impl BlockError {
    /// Takes the error out of one of reading from a [`BlockReader`].
    #[must_use]
    pub fn of_read(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// Checks block `index` of a file, from 0. `data` is all of it.
///
/// # Errors
/// [`BlockError::Altered`]; also for a block that does not exist.
pub fn check_block(hash: &FileHash, index: usize, data: &[u8]) -> Result<(), BlockError> {
    let start = (index as u64).saturating_mul(BLOCK_BYTES);
    if hash_of_block(hash, start, data).is_some_and(|found| hash.blocks.get(index) == Some(&found))
    {
        return Ok(());
    }
    let end = start.saturating_add(BLOCK_BYTES).min(hash.bytes);
    Err(BlockError::Altered { start, end })
}

/// `None` for what cannot be a block.
fn hash_of_block(hash: &FileHash, start: u64, data: &[u8]) -> Option<Hash> {
    if data.is_empty() || data.len() > BLOCK_LEN {
        return None;
    }
    if hash.blocks.len() == 1 {
        return Some(Hash::of(data));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(start).update(data);
    Some(Hash(hasher.finalize_non_root()))
}

/// Reads a file from its beginning and lets nothing out that was not checked. Holds one block.
///
/// As [`Read`] it fails with the errors of the file itself, after which it must not be read from
/// again, or with `InvalidData` that carries a [`BlockError`].
#[derive(Debug)]
pub struct BlockReader<R> {
    file: R,
    hash: FileHash,
    block: Vec<u8>,
    /// Bytes of the block that were handed out.
    taken: usize,
    /// Number of the block that comes next.
    next: usize,
    /// What went wrong; nothing comes after it.
    failed: Option<BlockError>,
}

impl<R: Read> BlockReader<R> {
    /// Reads `file`, which must be at its beginning.
    #[must_use]
    pub const fn new(file: R, hash: FileHash) -> Self {
        Self {
            file,
            hash,
            block: Vec::new(),
            taken: 0,
            next: 0,
            failed: None,
        }
    }

    /// Reads `file`, which must be at the beginning of the block of this number.
    #[must_use]
    pub fn at_block(file: R, hash: FileHash, number: usize) -> Self {
        let mut reader = Self::new(file, hash);
        reader.next = number;
        reader
    }

    /// Reads and checks the next block; leaves none at the end, and none after an error.
    fn fill(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.block.clear();
        let filled = self.try_fill();
        if filled.is_err() {
            self.block.clear();
        }
        filled
    }

    fn try_fill(&mut self) -> io::Result<()> {
        if let Some(error) = self.failed {
            return Err(invalid(error));
        }
        self.block
            .reserve_exact(BLOCK_LEN.min(usize::try_from(self.hash.bytes).unwrap_or(BLOCK_LEN)));
        Read::take(&mut self.file, BLOCK_BYTES).read_to_end(&mut self.block)?;
        self.check().map_err(|error| {
            self.failed = Some(error);
            invalid(error)
        })?;
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    fn check(&self) -> Result<(), BlockError> {
        let start = (self.next as u64).saturating_mul(BLOCK_BYTES);
        let left = self.hash.bytes.saturating_sub(start);
        if self.block.len() as u64 != left.min(BLOCK_BYTES) {
            let expected = self.hash.bytes;
            return Err(BlockError::Size { expected });
        }
        if left == 0 {
            return Ok(());
        }
        check_block(&self.hash, self.next, &self.block)
    }
}

fn invalid(error: BlockError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.block.len() {
            self.fill()?;
        }
        let mut rest = self.block.get(self.taken..).unwrap_or_default();
        let len = rest.read(out)?;
        self.taken = self.taken.saturating_add(len);
        Ok(len)
    }
}
