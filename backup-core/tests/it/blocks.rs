//! The hashes of files and of their blocks.

use backup_core::manifest::{
    BlockError, BlockHasher, BlockReader, FileHash, Hash,
    blocks::{BLOCK_BYTES, check_block},
};
use std::io::{self, Read};

const BLOCK: usize = 4 << 20;

/// Lengths around every seam: chunks of BLAKE3, blocks, powers of two of blocks.
const LENGTHS: [usize; 16] = [
    0,
    1,
    1024,
    1025,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    2 * BLOCK - 1,
    2 * BLOCK,
    2 * BLOCK + 1025,
    3 * BLOCK,
    3 * BLOCK + 1,
    4 * BLOCK,
    5 * BLOCK + 7,
    7 * BLOCK + 1,
    8 * BLOCK + 123,
];

fn content(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(len as u64).fill(&mut bytes);
    bytes
}

fn hash(bytes: &[u8]) -> FileHash {
    let mut hasher = BlockHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

#[test]
fn a_block_has_4_mib() {
    assert_eq!(BLOCK as u64, BLOCK_BYTES);
}

#[test]
fn the_whole_is_plain_blake3_however_the_file_is_cut() {
    let mut rng = fastrand::Rng::with_seed(1);
    for len in LENGTHS {
        let bytes = content(len);
        let expected = Hash(blake3::hash(&bytes).into());
        let at_once = hash(&bytes);
        assert_eq!((at_once.whole, at_once.bytes), (expected, len as u64));
        assert_eq!(at_once.blocks.len(), len.div_ceil(BLOCK));
        assert!(at_once.is_consistent());
        let (mut hasher, mut rest) = (BlockHasher::new(), &bytes[..]);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rng.usize(..=rest.len().min(1 << 20)));
            hasher.update(now);
            rest = later;
        }
        assert_eq!(hasher.finish(), at_once, "{len}");
    }
}

#[test]
fn hashing_goes_on_at_any_length_with_one_block_read_again() {
    let len = 3 * BLOCK + 5000;
    let bytes = content(len);
    let whole = hash(&bytes);
    let cuts = [
        0,
        1,
        BLOCK - 1,
        BLOCK,
        BLOCK + 1,
        2 * BLOCK,
        3 * BLOCK,
        len - 1,
        len,
    ];
    for written in cuts {
        let mut first = BlockHasher::new();
        first.update(&bytes[..written]);
        let blocks = first.full_blocks().to_vec();
        // The file may be cut to less than was hashed.
        for durable in cuts.into_iter().filter(|cut| *cut <= written) {
            let (mut hasher, offset) = BlockHasher::resume(blocks.clone(), durable as u64).unwrap();
            let offset = usize::try_from(offset).unwrap();
            assert!(offset <= durable && durable - offset <= BLOCK);
            hasher.update(&bytes[offset..durable]);
            assert_eq!(hasher.bytes(), durable as u64);
            hasher.update(&bytes[durable..]);
            assert_eq!(hasher.finish(), whole, "{written} {durable}");
        }
    }
    assert!(BlockHasher::resume(vec![whole.blocks[0]], 2 * BLOCK_BYTES + 1).is_none());
}

#[test]
fn blocks_are_checked_alone() {
    for len in [1, BLOCK, 2 * BLOCK + 99] {
        let bytes = content(len);
        let hash = hash(&bytes);
        for (index, block) in bytes.chunks(BLOCK).enumerate() {
            assert_eq!(check_block(&hash, index, block), Ok(()));
            let mut altered = block.to_vec();
            altered[block.len() / 2] ^= 1;
            let start = index as u64 * BLOCK_BYTES;
            let end = (start + BLOCK_BYTES).min(len as u64);
            let expected = Err(BlockError::Altered { start, end });
            assert_eq!(check_block(&hash, index, &altered), expected);
            assert_eq!(check_block(&hash, index, &block[1..]), expected);
            assert!(check_block(&hash, index + 1, block).is_err());
        }
        assert!(check_block(&hash, 0, &vec![0; BLOCK + 1]).is_err());
    }
}

#[test]
fn contradictions_are_found() {
    let good = hash(&content(3 * BLOCK));
    let mut swapped = good.clone();
    swapped.blocks.swap(0, 1);
    let mut short = good.clone();
    short.blocks.pop();
    let mut resized = good.clone();
    resized.bytes += 1;
    let mut other = good.clone();
    other.whole = Hash::of(b"other");
    assert!(good.is_consistent());
    for bad in [swapped, short, resized, other] {
        assert!(!bad.is_consistent());
    }
}

/// What a reader lets out, and how it ends.
fn read(mut reader: impl Read) -> (Vec<u8>, Option<BlockError>) {
    let mut out = Vec::new();
    let result = reader.read_to_end(&mut out);
    (
        out,
        result
            .err()
            .map(|error| BlockError::of_read(&error).unwrap()),
    )
}

#[test]
fn a_reader_lets_out_only_what_was_checked() {
    for len in [0, 1, BLOCK, 2 * BLOCK, 2 * BLOCK + 77] {
        let bytes = content(len);
        let hash = hash(&bytes);
        let found = read(BlockReader::new(&bytes[..], hash.clone()));
        assert!(found == (bytes.clone(), None), "{len}");
        let longer = [&bytes[..], b"x"].concat();
        let expected = Some(BlockError::Size {
            expected: len as u64,
        });
        assert_eq!(
            read(BlockReader::new(&longer[..], hash.clone())).1,
            expected
        );
        if len > 0 {
            let shorter = &bytes[..len - 1];
            let (out, error) = read(BlockReader::new(shorter, hash));
            assert_eq!((out.len(), error), ((len - 1) / BLOCK * BLOCK, expected));
        }
    }
    let mut bytes = content(2 * BLOCK + 77);
    let hash = hash(&bytes);
    bytes[BLOCK + 5] ^= 0x80;
    let (out, error) = read(BlockReader::new(&bytes[..], hash));
    assert!(out == bytes[..BLOCK]);
    let expected = BlockError::Altered {
        start: BLOCK_BYTES,
        end: 2 * BLOCK_BYTES,
    };
    assert_eq!(error, Some(expected));
}

#[test]
fn a_reader_lets_nothing_out_after_a_failure() {
    struct Breaks(usize);
    impl Read for Breaks {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let len = out.len().min(self.0);
            self.0 -= len;
            out[..len].fill(7);
            Ok(len)
        }
    }
    let hash = hash(&vec![7; 2 * BLOCK]);
    let mut reader = BlockReader::new(Breaks(BLOCK + 10), hash);
    let mut out = vec![0; BLOCK];
    reader.read_exact(&mut out).unwrap();
    for _ in 0..2 {
        let error = reader.read(&mut out).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
