//! What a manifest says (`files-and-state.md` §5.2; `docs/manifest.md` describes the file).
//!
//! Keys are those of the fields in kebab case. Only additive changes are allowed, and readers
//! ignore keys that they do not know.

use super::{
    blocks::{FileHash, Hash},
    bounded,
};
use crate::{
    fingerprint::{Fingerprint, PartitionSum, PartitionTable},
    names::Shard,
};
use aerospike_wire::digest::PartitionId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::collections::BTreeMap;

/// Whether a set holds everything that was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It does.
    Complete,
    /// A shard, or a run that was told to stop after some records.
    Partial,
}

/// A backup set, or the part of it that one shard wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Id of the run; shards of one set share it, and so do a run and its continuations.
    pub run: String,
    /// Whether everything that was selected is in it.
    pub status: Status,
    /// Which part of the run; `None` for a whole set.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shard")]
    pub shard: Option<Shard>,
    /// With a shard: the partitions that all shards together were to read, as `first-count`, or
    /// the digest in hex after which one begins. Empty without, and where no records were read.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::list"
    )]
    pub divided: Vec<String>,
    /// Name and version of the program.
    pub tool: String,
    /// Where the records came from.
    pub server: Server,
    /// Namespace of all records.
    pub namespace: String,
    /// Every option that selects, by its name (`--set-list`), with its value as given.
    #[serde(deserialize_with = "bounded::map")]
    pub selection: BTreeMap<String, String>,
    /// The time that the set stands for.
    pub window: Window,
    /// Run id of the previous set of an incremental backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How the files are wrapped.
    pub envelope: Envelope,
    /// All files of the set, in order of their names.
    pub files: Vec<FileEntry>,
    /// The partitions that were read, with what they held.
    #[serde(with = "partitions")]
    pub partitions: PartitionTable,
    /// Secondary indexes in the set, in order of their names.
    pub indexes: Vec<IndexEntry>,
    /// UDF modules in the set, in order of their names.
    pub udfs: Vec<UdfEntry>,
    /// Secondary indexes that are not in the set, in order of their names.
    pub left_out: Vec<LeftOut>,
    /// Sums over the lists above; [`Manifest::encode`](super::Manifest::encode) computes them.
    pub totals: Totals,
    /// What the user wanted to be kept with the set.
    #[serde(default, deserialize_with = "bounded::map")]
    pub annotations: BTreeMap<String, String>,
}

/// The cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Server {
    /// Versions of the nodes, each once, in order of their text.
    #[serde(deserialize_with = "bounded::list")]
    pub builds: Vec<String>,
    /// Name of the cluster, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// Times in nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Window {
    /// When the first scan began.
    pub scan_start_ns: u64,
    /// When the last scan ended.
    pub scan_end_ns: u64,
    /// Only records that were changed at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_after_ns: Option<u64>,
    /// Only records that were changed before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_before_ns: Option<u64>,
    /// Largest difference between clocks of nodes and ours that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_skew_ns: Option<u64>,
}

/// Compression and encryption of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Envelope {
    /// `zstd`, or `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Level of the compression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<i32>,
    /// `aes128` or `aes256`, or `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    /// Tells whether a key is the right one ([`SetKey::check_value`](super::SetKey::check_value)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_check: Option<String>,
}

/// A data or metadata file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileEntry {
    /// Its final name.
    pub name: String,
    /// Bytes as stored.
    pub bytes: u64,
    /// Bytes of text in it.
    pub plain_bytes: u64,
    /// Records in it.
    pub records: u64,
    /// BLAKE3 of the bytes as stored.
    pub blake3: Hash,
    /// One hash for each block of 4 MiB ([`super::blocks`]).
    pub blocks: Vec<Hash>,
}

impl FileEntry {
    /// The entry of a file that was written.
    #[must_use]
    pub fn new(name: impl Into<String>, hash: FileHash, plain_bytes: u64, records: u64) -> Self {
        Self {
            name: name.into(),
            bytes: hash.bytes,
            plain_bytes,
            records,
            blake3: hash.whole,
            blocks: hash.blocks,
        }
    }

    /// Its hashes, for a [`BlockReader`](super::BlockReader).
    #[must_use]
    pub fn hash(&self) -> FileHash {
        FileHash {
            bytes: self.bytes,
            whole: self.blake3,
            blocks: self.blocks.clone(),
        }
    }
}

/// A secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IndexEntry {
    /// Its name.
    pub name: String,
    /// Its line in the backup without the LF.
    pub definition: String,
}

/// A UDF module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UdfEntry {
    /// Its name.
    pub name: String,
    /// BLAKE3 of its source.
    pub blake3: Hash,
}

/// An index that no file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Sums over the set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Bytes as stored.
    pub bytes: u64,
    /// Bytes of text.
    pub plain_bytes: u64,
    /// Records.
    pub records: u64,
    /// Secondary indexes.
    pub indexes: u64,
    /// UDF modules.
    pub udfs: u64,
}

impl Totals {
    /// The sums over the lists of `manifest`.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let sum = |each: fn(&FileEntry) -> u64| {
            let values = manifest.files.iter().map(each);
            values.fold(0, u64::saturating_add)
        };
        Self {
            files: manifest.files.len() as u64,
            bytes: sum(|file| file.bytes),
            plain_bytes: sum(|file| file.plain_bytes),
            records: sum(|file| file.records),
            indexes: manifest.indexes.len() as u64,
            udfs: manifest.udfs.len() as u64,
        }
    }
}

mod shard {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Json {
        i: u16,
        n: u16,
    }

    #[expect(clippy::ref_option, reason = "serde wants it so")]
    pub(super) fn serialize<S: Serializer>(
        shard: &Option<Shard>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let json = shard.map(
            |Shard {
                 number: i,
                 count: n,
             }| Json { i, n },
        );
        json.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Shard>, D::Error> {
        let Json { i, n } = Json::deserialize(deserializer)?;
        if i == 0 || i > n {
            return Err(D::Error::custom("no such shard"));
        }
        Ok(Some(Shard {
            number: i,
            count: n,
        }))
    }
}

mod partitions {
    use super::*;
    use serde::de::{SeqAccess, Visitor};
    use std::{borrow::Cow, fmt};

    #[derive(Serialize, Deserialize)]
    struct Json<'a> {
        id: u16,
        records: u64,
        #[serde(borrow)]
        fingerprint: Cow<'a, str>,
    }

    pub(super) fn serialize<S: Serializer>(
        table: &PartitionTable,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(table.iter().map(|(id, sum)| Json {
            id: id.get(),
            records: sum.records,
            fingerprint: sum.fingerprint.to_string().into(),
        }))
    }

    struct Table;

    impl<'de> Visitor<'de> for Table {
        type Value = PartitionTable;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of partitions")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PartitionTable, A::Error> {
            let mut table = PartitionTable::new();
            while let Some(Json {
                id,
                records,
                fingerprint,
            }) = list.next_element()?
            {
                let id = PartitionId::new(id).filter(|id| table.sum(*id).is_none());
                let id = id.ok_or_else(|| A::Error::custom("a partition twice or out of range"))?;
                let fingerprint: Fingerprint = fingerprint.parse().map_err(A::Error::custom)?;
                table.add_sum(
                    id,
                    PartitionSum {
                        records,
                        fingerprint,
                    },
                );
            }
            Ok(table)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PartitionTable, D::Error> {
        deserializer.deserialize_seq(Table)
    }
}
