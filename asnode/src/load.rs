//! Fills a namespace from a backup in text form (`asb-text.md`), so that a test or a
//! demonstration can start from data that some tool has saved.
//!
//! This is direct access, not a restore: generations and void-times are those of the file,
//! expired records are kept, and records and UDFs that exist already are replaced. Values are
//! stored as a write would store them. Not here: compressed and encrypted files, and ASBX.

mod convert;

use crate::Cluster;
use asb_format::{Decoder, Item, Step};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// What a backup held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// Files that were read.
    pub files: u64,
    /// Records that were stored.
    pub records: u64,
    /// Records without any value, as in a backup made without bins. No server can hold them:
    /// they are left out.
    pub empty_records: u64,
    /// Secondary indexes.
    pub indexes: u64,
    /// UDF modules.
    pub udfs: u64,
}

/// Why a backup could not be loaded; says which file, and where in it. What stood before that
/// place is in the namespace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The cluster has no such namespace.
    #[error("there is no namespace {name:?}")]
    UnknownNamespace {
        /// The name that was given.
        name: String,
    },
    /// A directory without any file whose name ends in `.asb`.
    #[error("{} holds no .asb file", path.display())]
    NoFiles {
        /// The directory.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// The file is not what `asb-text.md` describes.
    #[error("{} is malformed at byte {offset}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Place of the first byte that cannot stand there.
        offset: u64,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is well formed, but no server would take this.
    #[error("{}: what begins at byte {offset} is refused", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Where the record, index or UDF begins.
        offset: u64,
        /// What is wrong.
        source: Refusal,
    },
}

/// What no server would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A list, map, HLL or GeoJSON value that is not one.
    #[error("the value of bin {bin:?} is not of its type {particle}")]
    Value {
        /// Name of the bin.
        bin: String,
        /// Particle type number.
        particle: u8,
    },
    /// There are too many sets.
    #[error("set {set:?} cannot be created")]
    Set {
        /// Name of the set.
        set: String,
    },
    /// Another index has this name, or there are too many.
    #[error("index {index:?} cannot be created")]
    Index {
        /// Name of the index.
        index: String,
    },
    /// A name of an index or UDF that info commands could not show.
    #[error("name {name:?} is not UTF-8")]
    Name {
        /// The name, with replacement characters.
        name: String,
    },
}

/// Stores what an `.asb` file holds, or all such files of a directory, in order of their names.
/// Everything goes into `namespace`, whatever namespace it comes from.
///
/// # Errors
/// There is no such namespace or file, a file cannot be read, or holds what cannot be stored.
pub fn from_path(cluster: &Cluster, namespace: &str, path: &Path) -> Result<Loaded, LoadError> {
    if cluster.state.namespace(namespace.as_bytes()).is_none() {
        let name = namespace.to_owned();
        return Err(LoadError::UnknownNamespace { name });
    }
    let mut load = Load {
        cluster,
        namespace,
        loaded: Loaded::default(),
    };
    for file in files(path)? {
        load.file(&file)?;
        load.loaded.files += 1;
    }
    Ok(load.loaded)
}

/// The file, or the files in the directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let read = |source| read_error(path, source);
    if !fs::metadata(path).map_err(read)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        if file.extension().is_some_and(|end| end == "asb") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let path = path.to_owned();
        return Err(LoadError::NoFiles { path });
    }
    Ok(files)
}

fn read_error(path: &Path, source: io::Error) -> LoadError {
    let path = path.to_owned();
    LoadError::Read { path, source }
}

/// A load under way.
struct Load<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    loaded: Loaded,
}

impl Load<'_> {
    fn file(&mut self, path: &Path) -> Result<(), LoadError> {
        let read = |source| read_error(path, source);
        let mut file = File::open(path).map_err(read)?;
        let mut decoder = Decoder::new();
        let (mut buffer, mut at, mut end) = (Vec::new(), 0, false);
        loop {
            let offset = decoder.position().offset;
            match decoder.decode(&buffer[at..], end) {
                Ok(Step::Complete { consumed, item }) => {
                    let stored = self.store(&item);
                    stored.map_err(|source| LoadError::Refused {
                        path: path.to_owned(),
                        offset,
                        source,
                    })?;
                    at += consumed;
                }
                Ok(Step::Incomplete { needed }) => {
                    buffer.drain(..at);
                    at = 0;
                    end = fill(&mut file, &mut buffer, needed).map_err(read)?;
                }
                Ok(Step::End) => return Ok(()),
                Err(source) => {
                    return Err(LoadError::Malformed {
                        path: path.to_owned(),
                        offset: source.position().offset,
                        source: source.into(),
                    });
                }
            }
        }
    }

    fn store(&mut self, item: &Item<'_>) -> Result<(), Refusal> {
        match item {
            Item::Header(_) | Item::Namespace(_) | Item::FirstFile => {}
            Item::Record(record) => self.store_record(record)?,
            Item::Index(index) => {
                let index = convert::index(self.namespace, index)?;
                let name = index.name.clone();
                if !self.cluster.create_index(index) {
                    return Err(Refusal::Index { index: name });
                }
                self.loaded.indexes += 1;
            }
            Item::Udf(udf) => {
                self.cluster.put_udf(convert::udf(udf)?);
                self.loaded.udfs += 1;
            }
        }
        Ok(())
    }

    fn store_record(&mut self, record: &asb_format::Record<'_>) -> Result<(), Refusal> {
        let record = convert::record(record, self.cluster.clock().now_ms())?;
        if record.bins.is_empty() {
            self.loaded.empty_records += 1;
            return Ok(());
        }
        if !self.cluster.put(self.namespace, &record) {
            let set = record.set.unwrap_or_default();
            let set = String::from_utf8_lossy(&set).into_owned();
            return Err(Refusal::Set { set });
        }
        self.loaded.records += 1;
        Ok(())
    }
}

/// Reads on until `buffer` has `needed` bytes, and a block at least; says whether the file ended.
/// The buffer grows as bytes arrive, not on the word of the file.
fn fill(file: &mut File, buffer: &mut Vec<u8>, needed: usize) -> io::Result<bool> {
    let missing = needed.saturating_sub(buffer.len()).max(BLOCK_BYTES) as u64;
    let got = file.take(missing).read_to_end(buffer)?;
    Ok((got as u64) < missing)
}
