//! What a file looks like, by its first bytes.
//!
//! The envelope has no marker (§1). Compression shows by itself; encryption cannot be seen, only
//! suspected. Nothing here decides by a file's name but for JSON files without a format of ours.

use std::fmt;

use crate::aes_ctr::HEADER_LEN;
use crate::decode::Compression;
use crate::zstd::{FRAME_MAGIC, SKIPPABLE_MAGIC_TAIL};

/// Bytes from the start of a file that [`Look::of`] can make use of. Fewer will do.
pub const HEAD_BYTES: usize = 512;

/// First bytes of every ASB file.
const ASB_MAGIC: &[u8] = b"Version ";

/// Bytes of an ASBX header.
const ASBX_HEADER_BYTES: usize = 44;

/// Content that a restore can work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Backup text, ASB.
    Asb,
    /// Backup of an XDR stream, ASBX.
    Asbx,
    /// ZSTD frames with one of the others in it.
    Zstd,
}

/// How far the first bytes of a file have told what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Is(Content),
    /// It may still become something.
    Open,
    Foreign,
}

impl Content {
    /// What `head` begins with, as soon as that is certain. After decryption the check of ASBX
    /// reads the whole header, for its first byte is right by chance too often.
    pub(crate) fn verdict(head: &[u8], decrypted: bool) -> Verdict {
        match head {
            [] => Verdict::Open,
            [1, ..] => asbx(head, decrypted),
            [b'V', ..] => prefix(head, ASB_MAGIC, Self::Asb),
            [0x28, ..] => prefix(head, &FRAME_MAGIC, Self::Zstd),
            [0x50..=0x5f, tail @ ..] => prefix(tail, &SKIPPABLE_MAGIC_TAIL, Self::Zstd),
            _ => Verdict::Foreign,
        }
    }
}

/// Compares as much of a magic number as there is.
fn prefix(head: &[u8], magic: &[u8], content: Content) -> Verdict {
    if head.starts_with(magic) {
        Verdict::Is(content)
    } else if magic.starts_with(head) {
        Verdict::Open
    } else {
        Verdict::Foreign
    }
}

/// Version 1, file number (8), zeros (4), namespace padded with zeros (31): `asbx-binary.md` §1.1.
/// With `to_be_sure`, less than a header decides nothing.
fn asbx(head: &[u8], to_be_sure: bool) -> Verdict {
    let is = Verdict::Is(Content::Asbx);
    match head.get(..ASBX_HEADER_BYTES) {
        None if to_be_sure => Verdict::Open,
        Some(header) => {
            let reserved = header.get(9..13).unwrap_or_default();
            let namespace = header.get(13..).unwrap_or_default();
            let likely = reserved.iter().all(|byte| *byte == 0) || is_padded_name(namespace);
            if likely { is } else { Verdict::Foreign }
        }
        None => is,
    }
}

/// Whether it is a name without control characters, then zeros only.
fn is_padded_name(field: &[u8]) -> bool {
    let len = field.iter().position(|byte| *byte == 0);
    let (name, padding) = field.split_at(len.unwrap_or(field.len()));
    !name.is_empty()
        && name.iter().all(|byte| !byte.is_ascii_control())
        && padding.iter().all(|byte| *byte == 0)
}

/// What a file looks like. `Display` completes the sentence "the file …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Look {
    /// No bytes at all.
    Empty,
    /// Backup text with the three bytes of its version, or what is there of them.
    Asb {
        /// Such as `3.1`; missing bytes are zero.
        version: [u8; 3],
    },
    /// Header of an ASBX file.
    Asbx,
    /// ZSTD frames.
    Zstd,
    /// A manifest of ours.
    Manifest,
    /// A state file of ours.
    State,
    /// A lock file of ours.
    Lock,
    /// A state file of the Go tool.
    GoState,
    /// Other JSON.
    Json,
    /// Other compression, or an archive: gzip, xz, bzip2, lz4, zip.
    Archive,
    /// Text of some other kind.
    Text,
    /// A private key or certificate.
    Pem,
    /// Bytes without any order: encrypted or otherwise unreadable.
    Random,
    /// Bytes with some order that is not known here.
    Binary,
}

impl Look {
    /// What the first bytes of a file look like; `name` is its file name, or empty.
    #[must_use]
    pub fn of(head: &[u8], name: &str) -> Self {
        match Content::verdict(head, false) {
            Verdict::Is(Content::Asb) => {
                let mut version = [0; 3];
                let found = head.iter().skip(ASB_MAGIC.len());
                version
                    .iter_mut()
                    .zip(found)
                    .for_each(|(to, from)| *to = *from);
                Self::Asb { version }
            }
            Verdict::Is(Content::Asbx) if is_asbx(head) => Self::Asbx,
            Verdict::Is(Content::Zstd) => Self::Zstd,
            _ => Self::other(head, name),
        }
    }

    fn other(head: &[u8], name: &str) -> Self {
        match head {
            [] => Self::Empty,
            [b'{', ..] => Self::json(head, name),
            [0x1f, 0x8b, ..]
            | [0xfd, b'7', b'z', b'X', b'Z', ..]
            | [b'B', b'Z', b'h', ..]
            | [0x04, 0x22, 0x4d, 0x18, ..]
            | [b'P', b'K', 3, 4, ..] => Self::Archive,
            [_, 0xff, 0x83, ..] => Self::GoState,
            [b'-', b'-', b'-', b'-', b'-', b'B', ..] => Self::Pem,
            _ if is_text(head) => Self::Text,
            _ if is_random(head) => Self::Random,
            _ => Self::Binary,
        }
    }

    fn json(head: &[u8], name: &str) -> Self {
        let has = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
        if has(b"\"absctl-manifest\"") || name.ends_with(".manifest.json") {
            Self::Manifest
        } else if has(b"\"absctl-state\"") || name.ends_with(".state") {
            Self::State
        } else if name.ends_with(".lock") {
            Self::Lock
        } else {
            Self::Json
        }
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Asb { version } => {
                let known = version.split(|byte| !byte.is_ascii_graphic()).next();
                let known = known.unwrap_or_default().escape_ascii();
                return write!(f, "is backup text (ASB {known})");
            }
            Self::Asbx => "is an XDR backup (ASBX)",
            Self::Zstd => "is compressed with ZSTD",
            Self::Manifest => "is the manifest of a backup",
            Self::State => "is the state file of a run",
            Self::Lock => "is the lock file of a run",
            Self::GoState => "is a state file of the Go tool, which cannot be read",
            Self::Json => "is JSON, not a backup",
            Self::Archive => "is an archive or compressed in another way, not a backup",
            Self::Text => "is text, not a backup",
            Self::Pem => "is a PEM file, not a backup",
            Self::Random => "looks encrypted, or is not a backup",
            Self::Binary => "is not a backup",
        })
    }
}

/// Why a file was refused. `Display` is a sentence that says what the file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    kind: MismatchKind,
    stored: Look,
    content: Look,
}

/// What does not fit, as a caller may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MismatchKind {
    /// ZSTD was asked for; the content is a backup that is not compressed.
    NotCompressed,
    /// No compression was asked for; the content is compressed.
    Compressed,
    /// A key was given; the file is a backup that is not encrypted.
    NotEncrypted,
    /// A key was given; what it gives is no backup: wrong key, wrong AES size, not encrypted, or
    /// the key was hashed by the other rule for variables (§5).
    WrongKey,
    /// No key was given; the file looks encrypted, or is not a backup.
    NoKey,
    /// The file is something else.
    Foreign,
}

impl Mismatch {
    /// What does not fit when `content` was expected in the form of `compression`, and is not.
    /// `stored` is the head of the file, header included; without a key they are the same.
    pub(crate) fn new(stored: &[u8], content: &[u8], key: bool, compression: Compression) -> Self {
        let looks = (Look::of(stored, ""), Look::of(content, ""));
        Self {
            kind: Self::kind_of(looks, key, compression),
            stored: looks.0,
            content: looks.1,
        }
    }

    fn kind_of(looks: (Look, Look), key: bool, compression: Compression) -> MismatchKind {
        match (looks.0, looks.1, compression) {
            (_, Look::Asb { .. } | Look::Asbx, Compression::Zstd) => MismatchKind::NotCompressed,
            (_, Look::Zstd, Compression::Plain) => MismatchKind::Compressed,
            (Look::Asb { .. } | Look::Asbx | Look::Zstd, ..) if key => MismatchKind::NotEncrypted,
            _ if key => MismatchKind::WrongKey,
            (Look::Random | Look::Binary, ..) => MismatchKind::NoKey,
            _ => MismatchKind::Foreign,
        }
    }

    /// What does not fit.
    #[must_use]
    pub const fn kind(&self) -> MismatchKind {
        self.kind
    }

    /// What the stored bytes look like.
    #[must_use]
    pub const fn stored(&self) -> Look {
        self.stored
    }

    /// What the content looks like, after decryption if a key was given.
    #[must_use]
    pub const fn content(&self) -> Look {
        self.content
    }

    /// Whether the encryption key is the likely cause: missing, wrong, or given in vain.
    #[must_use]
    pub const fn is_about_the_key(&self) -> bool {
        use MismatchKind::{NoKey, NotEncrypted, WrongKey};
        matches!(self.kind, NoKey | NotEncrypted | WrongKey)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stored, content) = (self.stored, self.content);
        match self.kind {
            MismatchKind::NotCompressed => {
                write!(
                    f,
                    "the content {content} and is not compressed, but ZSTD was asked for"
                )
            }
            MismatchKind::Compressed => {
                write!(f, "the content {content}, but no compression was asked for")
            }
            MismatchKind::NotEncrypted => {
                write!(
                    f,
                    "the file {stored} and is not encrypted, but a key was given"
                )
            }
            MismatchKind::WrongKey => {
                f.write_str(
                    "wrong key, wrong AES size, or not encrypted: the key gives no backup",
                )?;
                match stored {
                    Look::Random => Ok(()),
                    other => write!(f, "; as it is, the file {other}"),
                }
            }
            MismatchKind::NoKey => f.write_str("the file is encrypted, or not a backup"),
            MismatchKind::Foreign => write!(f, "the file {content}"),
        }
    }
}

/// Whether an ASBX header that may be cut can be one.
fn is_asbx(head: &[u8]) -> bool {
    asbx(head, head.len() >= ASBX_HEADER_BYTES) == Verdict::Is(Content::Asbx)
}

/// Whether nearly all of it is printable ASCII or UTF-8.
fn is_text(head: &[u8]) -> bool {
    let readable = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if head.len().saturating_sub(error.valid_up_to()) < 4 => {
            let valid = head.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !readable.is_empty() && !readable.contains(|c: char| c.is_control() && !c.is_whitespace())
}

/// Whether the bytes show no order: about as many different ones as chance would give.
///
/// Of n random bytes, 256 × (1 − (255/256)^n) are different; four fifths of that are asked for.
fn is_random(head: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in head {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    let different = seen.iter().filter(|seen| **seen).count();
    let mut missing = 256 * 1024_usize;
    for _ in head {
        missing = missing.saturating_sub(missing / 256);
    }
    let expected = (256 * 1024_usize).saturating_sub(missing) / 1024;
    head.len() as u64 >= HEADER_LEN && different.saturating_mul(5) >= expected.saturating_mul(4)
}
