//! The manifest: what a backup set consists of, so that missing, exchanged and altered files are
//! noticed (`files-and-state.md` §5.2, goals R2 to R5 and R12 of `trust-and-ux.md`).
//!
//! A small JSON file beside the data, written when all data is durable. `docs/manifest.md`
//! describes it for people and other programs; this is what reads and writes it. Here is no
//! decision about when it is written, and nothing that reads data files.

mod annotations;
pub mod blocks;
mod bounded;
mod checksum;
mod layout;
mod merge;
mod model;
mod verdict;

pub use self::{
    annotations::{AnnotationProblem, check_annotation, check_annotations},
    blocks::{BLOCK_BYTES, BlockError, BlockHasher, BlockReader, FileHash, Hash, check_block},
    checksum::{Authenticity, SetKey},
    merge::{MergeError, ShardsLeft, WholeManifest, merge, publish_whole},
    model::{
        Envelope, FileEntry, IndexEntry, LeftOut, Manifest, Server, Status, Totals, UdfEntry,
        Window,
    },
    verdict::{
        Inspection, Note, ReadOptions, SetError, SetFile, Verdict, WholeSet, inspect, judge,
    },
};
use backup_storage::name;
use serde::{Deserialize, Serialize};

/// What the file says it is.
const FORMAT: &str = "absctl-manifest";

/// Raised only when an older reader must refuse it.
const VERSION: u32 = 1;

/// Largest manifest, in bytes: 4096 partitions take 0.4 MB, every terabyte of files 17 MB.
pub const LIMIT_BYTES: u64 = 1 << 30;

/// Why a manifest cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It would be larger than any that is read.
    #[error("a manifest of {bytes} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The bytes are not those that were written.
    #[error("the checksum of the manifest is wrong: it was altered or damaged")]
    Checksum,
    /// The key is not that of the set.
    #[error("the encryption key is not the one that the backup was made with")]
    WrongKey,
    /// Somebody without the key wrote it.
    #[error("the manifest was not written with this encryption key: it was altered on purpose")]
    Forged,
    /// A key was given, and the manifest was made without any.
    #[error("the manifest is not authenticated, though an encryption key was given")]
    NotAuthenticated,
    /// It is another kind of JSON file.
    #[error("this is not a manifest of a backup")]
    Foreign,
    /// It comes from a newer version of the program.
    #[error("the manifest has version {found}, and {VERSION} is the newest that is known here")]
    Version {
        /// Its version.
        found: u32,
    },
    /// A key is missing or has a wrong value.
    #[error("the manifest is malformed: {reason}")]
    Malformed {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// Its parts contradict each other.
    #[error("the manifest contradicts itself: {what}")]
    Inconsistent {
        /// The contradiction.
        what: String,
    },
}

/// What a manifest says, and how far it can be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// What it says.
    pub manifest: Manifest,
    /// Whether its author had the key.
    pub authenticity: Authenticity,
}

#[derive(Serialize)]
struct File<'a> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

/// What has to be known before the rest may be read.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl ManifestError {
    /// Whether the encryption key is another one, or given in vain.
    #[must_use]
    pub const fn is_about_the_key(&self) -> bool {
        matches!(self, Self::WrongKey | Self::NotAuthenticated)
    }
}

impl Manifest {
    /// The value of a selecting option, if it was given; it stands with its dashes or without.
    pub(crate) fn given(&self, option: &str) -> Option<&String> {
        let bare = || self.selection.get(option.trim_start_matches('-'));
        self.selection.get(option).or_else(bare)
    }

    /// The bytes of the file. Sorts the lists and computes the totals; equal manifests give
    /// equal bytes. `key` is needed when the files are encrypted.
    ///
    /// # Errors
    /// [`ManifestError::TooLarge`], and [`ManifestError::Inconsistent`] for what no reader would
    /// take.
    pub fn encode(&mut self, key: Option<&SetKey>) -> Result<Vec<u8>, ManifestError> {
        self.sort();
        self.totals = Totals::of(self);
        self.check()?;
        let file = File {
            format: FORMAT,
            version: VERSION,
            manifest: self,
        };
        let body = layout::encode(&file).map_err(malformed)?;
        let content = checksum::seal(body, key);
        check_size(content.len() as u64)?;
        Ok(content)
    }

    /// Reads the bytes of the file. With `key`, the manifest must have been written with it.
    ///
    /// # Errors
    /// What is wrong with it; see [`ManifestError`].
    pub fn decode(content: &[u8], key: Option<&SetKey>) -> Result<Decoded, ManifestError> {
        check_size(content.len() as u64)?;
        checksum::check(content)?;
        let head: Head = serde_json::from_slice(content).map_err(|_| ManifestError::Foreign)?;
        if head.format != FORMAT {
            return Err(ManifestError::Foreign);
        }
        if head.version != VERSION {
            return Err(ManifestError::Version {
                found: head.version,
            });
        }
        let authenticity = checksum::authenticate(content, key);
        let manifest: Self = serde_json::from_slice(content).map_err(malformed)?;
        let authenticity = authenticity.map_err(|error| {
            // A wrong key is more likely than a forger.
            let expected = key.map(SetKey::check_value);
            let is_wrong =
                manifest.envelope.key_check.is_some() && manifest.envelope.key_check != expected;
            if error == ManifestError::Forged && is_wrong {
                return ManifestError::WrongKey;
            }
            error
        })?;
        manifest.check()?;
        Ok(Decoded {
            manifest,
            authenticity,
        })
    }

    /// The entry of a file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        let at = self
            .files
            .binary_search_by(|file| file.name.as_str().cmp(name));
        self.files.get(at.ok()?)
    }

    fn sort(&mut self) {
        self.server.builds.sort();
        self.server.builds.dedup();
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        self.indexes.sort_by(|a, b| a.name.cmp(&b.name));
        self.udfs.sort_by(|a, b| a.name.cmp(&b.name));
        self.left_out.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn check(&self) -> Result<(), ManifestError> {
        let inconsistent = |what| Err(ManifestError::Inconsistent { what });
        for file in &self.files {
            if name::check_final(&file.name).is_err() {
                return inconsistent(format!("{:?} cannot be the name of a file", file.name));
            }
            if !file.hash().is_consistent() {
                return inconsistent(format!("the hashes of {}", file.name));
            }
        }
        for pair in self.files.windows(2) {
            if let [first, second] = pair
                && first.name >= second.name
            {
                return inconsistent(format!("{} and {} in this order", first.name, second.name));
            }
        }
        if self.totals != Totals::of(self) {
            return inconsistent("the totals".to_owned());
        }
        let partitions = self.partitions.total().records;
        if partitions != self.totals.records {
            let records = self.totals.records;
            return inconsistent(format!(
                "{records} records in files, {partitions} in partitions"
            ));
        }
        Ok(())
    }
}

fn check_size(bytes: u64) -> Result<(), ManifestError> {
    let limit = LIMIT_BYTES;
    if bytes > limit {
        return Err(ManifestError::TooLarge { bytes, limit });
    }
    Ok(())
}

fn malformed(error: serde_json::Error) -> ManifestError {
    ManifestError::Malformed {
        reason: error.to_string(),
    }
}
