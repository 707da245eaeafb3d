//! One manifest from those of all shards.
//!
//! Whoever finishes last writes it. As two may finish at the same moment, the result does not
//! depend on who merges or in what order: both write the same bytes, and only the first of them
//! does.

use super::{Decoded, FileEntry, LIMIT_BYTES, Manifest, ManifestError, SetKey, Status, Window};
use crate::{
    names::{SetNames, Shard},
    partitions,
};
use aerospike_wire::digest::PartitionId;
use backup_cluster::scan::PartitionCursor;
use backup_storage::{ErrorKind, Store, StoreExt};

/// Why manifests do not belong together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A shard is missing, or there twice, or one is no shard.
    #[error("the manifests are not those of all shards, each once")]
    Shards,
    /// The shards were not told the same.
    #[error("shard {number} differs from the first one in its {key}")]
    Differs {
        /// The shard.
        number: u16,
        /// Key of the manifest.
        key: &'static str,
    },
    /// Two shards have read the same.
    #[error("two shards have {what}")]
    Overlap {
        /// What they both have.
        what: String,
    },
    /// No shard has read a partition that all together were to read.
    #[error("no shard has read partition {partition}")]
    Gap {
        /// The partition, the first of these.
        partition: u16,
    },
    /// A manifest cannot be used.
    #[error("{file}: the manifest of a shard cannot be used")]
    Manifest {
        /// The file.
        file: String,
        /// Why.
        source: ManifestError,
    },
    /// Another manifest of the whole set is there already.
    #[error("{file} is there already, with other content")]
    Exists {
        /// The file.
        file: String,
    },
    /// Something about the storage.
    #[error(transparent)]
    Storage(#[from] backup_storage::Error),
}

/// The shards of a run whose manifests are not there yet.
pub type ShardsLeft = Vec<Shard>;

/// What became of the manifest of the whole set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WholeManifest {
    /// It is there, written by this call or by another shard.
    Written(Box<Manifest>),
    /// These shards have to finish first.
    Waits(ShardsLeft),
}

/// Writes the manifest of the whole set if all shards have finished. `names` are those of any
/// shard; `count` is how many there are, and `run` the id that they share. To be called after
/// the shard's own manifest is durable.
///
/// # Errors
/// A manifest that cannot be used, or one of another run.
pub fn publish_whole(
    store: &dyn Store,
    names: &SetNames,
    count: u16,
    run: &str,
    key: Option<&SetKey>,
) -> Result<WholeManifest, MergeError> {
    let (mut found, mut left) = (Vec::new(), Vec::new());
    for number in 1..=count {
        let shard = Shard { number, count };
        match read(store, &names.shard_manifest(shard), key)? {
            Some(manifest) if manifest.run != run => {
                return Err(MergeError::Differs { number, key: "run" });
            }
            Some(manifest) => found.push(manifest),
            None => left.push(shard),
        }
    }
    if !left.is_empty() {
        return Ok(WholeManifest::Waits(left));
    }
    let mut whole = merge(found)?;
    let file = names.whole_manifest();
    let content = whole
        .encode(key)
        .map_err(|source| manifest_error(store, &file, source))?;
    match store.create_new(&file, &content) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if store.read_small(&file, LIMIT_BYTES)? != content {
                let file = store.location_of(&file);
                return Err(MergeError::Exists { file });
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(WholeManifest::Written(Box::new(whole)))
}

fn read(
    store: &dyn Store,
    file: &str,
    key: Option<&SetKey>,
) -> Result<Option<Manifest>, MergeError> {
    let content = match store.read_small(file, LIMIT_BYTES) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        content => content?,
    };
    match Manifest::decode(&content, key) {
        Ok(Decoded { manifest, .. }) => Ok(Some(manifest)),
        Err(source) => Err(manifest_error(store, file, source)),
    }
}

fn manifest_error(store: &dyn Store, file: &str, source: ManifestError) -> MergeError {
    let file = store.location_of(file);
    MergeError::Manifest { file, source }
}

/// The manifest of the whole set from those of all its shards, in whatever order.
///
/// # Errors
/// Shards that are not those of one run, that overlap, or that leave a gap.
pub fn merge(mut shards: Vec<Manifest>) -> Result<Manifest, MergeError> {
    shards.sort_by_key(|manifest| manifest.shard.map(|shard| shard.number));
    let count = u16::try_from(shards.len()).map_err(|_| MergeError::Shards)?;
    let expected = (1..=count).map(|number| Some(Shard { number, count }));
    if count == 0 || !shards.iter().map(|shard| shard.shard).eq(expected) {
        return Err(MergeError::Shards);
    }
    let mut shards = shards.into_iter();
    let mut whole = shards.next().ok_or(MergeError::Shards)?;
    for (shard, number) in shards.zip(2..) {
        agree(&whole, &shard, number)?;
        join(&mut whole, shard)?;
    }
    whole.files.sort_by(|a, b| a.name.cmp(&b.name));
    let twice = |pair: &&[FileEntry]| matches!(pair, [a, b] if a.name == b.name);
    if let Some([file, ..]) = whole.files.windows(2).find(twice) {
        let what = format!("a file {}", file.name);
        return Err(MergeError::Overlap { what });
    }
    check_gaps(&whole)?;
    whole.divided.clear();
    let is_limited = (whole.given("--max-records")).is_some_and(|limit| limit != "0");
    whole.status = if is_limited {
        Status::Partial
    } else {
        Status::Complete
    };
    whole.shard = None;
    Ok(whole)
}

/// Whether a shard was told the same as the first one.
fn agree(first: &Manifest, shard: &Manifest, number: u16) -> Result<(), MergeError> {
    // A node that did not answer is no other cluster.
    let is_same_cluster = |(one, other)| one == other;
    let clusters = first.server.cluster.as_ref();
    let clusters = clusters.zip(shard.server.cluster.as_ref());
    // Shards of an incremental backup find the beginning for themselves.
    let window = |manifest: &Manifest| {
        let Window {
            modified_after_ns,
            modified_before_ns,
            ..
        } = manifest.window;
        let is_found = manifest.parent.is_some();
        let after = modified_after_ns.map(|after| if is_found { 0 } else { after });
        (after, modified_before_ns)
    };
    let keys = [
        ("run", first.run == shard.run),
        ("cluster", clusters.is_none_or(is_same_cluster)),
        ("namespace", first.namespace == shard.namespace),
        ("selection", first.selection == shard.selection),
        ("divided partitions", first.divided == shard.divided),
        ("parent", first.parent == shard.parent),
        ("window", window(first) == window(shard)),
        ("envelope", first.envelope == shard.envelope),
        ("annotations", first.annotations == shard.annotations),
    ];
    match keys.into_iter().find(|(_, is_same)| !is_same) {
        Some((key, _)) => Err(MergeError::Differs { number, key }),
        None => Ok(()),
    }
}

/// Whether everything was read that was to be divided.
fn check_gaps(whole: &Manifest) -> Result<(), MergeError> {
    let divided = partitions::parse(&whole.divided).ok_or(MergeError::Shards)?;
    let mut missing = divided.iter().map(PartitionCursor::partition);
    let is_missing = |id: &u16| {
        let sum = PartitionId::new(*id).and_then(|id| whole.partitions.sum(id));
        sum.is_none()
    };
    match missing.find(is_missing) {
        Some(partition) => Err(MergeError::Gap { partition }),
        None => Ok(()),
    }
}

fn join(whole: &mut Manifest, shard: Manifest) -> Result<(), MergeError> {
    for (partition, sum) in shard.partitions.iter() {
        if whole.partitions.sum(partition).is_some() {
            let what = format!("read partition {}", partition.get());
            return Err(MergeError::Overlap { what });
        }
        whole.partitions.add_sum(partition, sum);
    }
    // The newest of several versions speaks for the set.
    whole.tool = whole.tool.clone().max(shard.tool);
    whole.server.builds.extend(shard.server.builds);
    whole.server.cluster = whole.server.cluster.take().or(shard.server.cluster);
    let (window, other) = (&mut whole.window, shard.window);
    window.scan_start_ns = window.scan_start_ns.min(other.scan_start_ns);
    window.scan_end_ns = window.scan_end_ns.max(other.scan_end_ns);
    // What all of them have is what the whole has.
    window.modified_after_ns = window.modified_after_ns.max(other.modified_after_ns);
    // What one shard does not know, nobody knows of the whole.
    let skews = window.clock_skew_ns.zip(other.clock_skew_ns);
    window.clock_skew_ns = skews.map(|(one, other)| one.max(other));
    whole.files.extend(shard.files);
    whole.indexes.extend(shard.indexes);
    whole.udfs.extend(shard.udfs);
    whole.left_out.extend(shard.left_out);
    Ok(())
}
