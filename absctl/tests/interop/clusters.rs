//! Clusters with data for these tests, and what makes two of them equal.

use asnode::{
    Cluster, ClusterBuilder, Index, IndexSource, NamespaceConfig, RawBin, RawRecord, Udf,
    generate::{self, Shape},
};

pub(crate) const NAMESPACE: &str = "test";

/// Particle types of language blobs, which the Go client does not keep.
pub(crate) const LANGUAGES: std::ops::RangeInclusive<u8> = 7..=12;

/// How far a time to live may be off. The Go library adds it to the time at which it gets round
/// to a record, so a slow machine delays the expiry.
const SLACK_S: u32 = 30;

const DOUBLE: u8 = 2;

/// Nodes with an empty namespace.
pub(crate) fn builder(nodes: usize) -> ClusterBuilder {
    let namespace = NamespaceConfig::new(NAMESPACE);
    Cluster::builder().nodes(nodes).namespace(namespace)
}

/// A cluster with an empty namespace.
pub(crate) fn empty(nodes: usize) -> Cluster {
    builder(nodes).start().expect("cluster")
}

/// A cluster with every type, every kind of index and UDF modules, but without what released
/// versions of backup-go cannot hold: language blobs and set indexes.
pub(crate) fn with_types(nodes: usize) -> Cluster {
    let cluster = empty(nodes);
    fill_with_types(&cluster);
    cluster
}

/// Puts the content of a [`with_types`] cluster into an empty one.
pub(crate) fn fill_with_types(cluster: &Cluster) {
    let all = everything();
    let kept = |record: &RawRecord| !record.bins.iter().any(is_language_blob);
    for record in all.records(NAMESPACE).iter().filter(|record| kept(record)) {
        assert!(cluster.put(NAMESPACE, record));
    }
    for index in all.indexes() {
        if index.source != IndexSource::Set {
            assert!(cluster.create_index(index));
        }
    }
    all.udfs().into_iter().for_each(|udf| cluster.put_udf(udf));
}

/// The same, and many ordinary records.
pub(crate) fn mixed(nodes: usize) -> Cluster {
    let cluster = empty(nodes);
    mix(&cluster);
    cluster
}

/// Puts the content of a [`mixed`] cluster into an empty one.
pub(crate) fn mix(cluster: &Cluster) {
    fill_with_types(cluster);
    let loaded = generate::load(cluster, NAMESPACE, Shape::Bench, 20_000, 3);
    assert_eq!(loaded, 20_000);
}

/// A cluster with one record that has a bin of each language's blobs.
pub(crate) fn with_language_blobs() -> Cluster {
    let (all, cluster) = (everything(), empty(1));
    let records = all.records(NAMESPACE);
    let blobs = |record: &&RawRecord| record.bins.iter().all(is_language_blob);
    let record = records.iter().find(blobs).expect("language blobs");
    assert_eq!(record.bins.len(), LANGUAGES.count());
    assert!(cluster.put(NAMESPACE, record));
    cluster
}

fn everything() -> Cluster {
    let cluster = empty(1);
    assert!(generate::load(&cluster, NAMESPACE, Shape::Types, 1000, 7) >= 1000);
    cluster
}

fn is_language_blob(bin: &RawBin) -> bool {
    LANGUAGES.contains(&bin.particle)
}

/// Fails unless both clusters hold the same records, indexes and modules, except for
///
/// - generations and last-update times, which no client can set;
/// - the order of bins, which the Go library takes from a hash map;
/// - the bits of a NaN, which a text cannot hold;
/// - some seconds of the time to live, which is counted anew by the backup and by the restore.
#[track_caller]
pub(crate) fn assert_equal(source: &Cluster, target: &Cluster) {
    let (sources, targets) = (records(source), records(target));
    let digests = |records: &[RawRecord]| records.iter().map(|r| r.digest).collect::<Vec<_>>();
    assert_eq!(sources.len(), targets.len(), "records");
    assert!(digests(&sources) == digests(&targets), "digests differ");
    for (a, b) in sources.iter().zip(&targets) {
        let shift = a.void_time.abs_diff(b.void_time);
        assert!(shift <= SLACK_S, "{a:?}\n{b:?}");
        assert_eq!((a.void_time == 0), (b.void_time == 0), "{a:?}\n{b:?}");
        assert_eq!(a.set, b.set, "{a:?}");
        assert_eq!(a.key, b.key, "{a:?}");
        assert_eq!(a.bins, b.bins, "{a:?}");
    }
    assert_eq!(definitions(source), definitions(target));
}

/// All records in order of their digests, bins in order of their names.
pub(crate) fn records(cluster: &Cluster) -> Vec<RawRecord> {
    let mut records = cluster.records(NAMESPACE);
    for record in &mut records {
        record.bins.sort();
        record.bins.iter_mut().for_each(normalise_nan);
    }
    records
}

fn normalise_nan(bin: &mut RawBin) {
    let bits = <[u8; 8]>::try_from(bin.value.as_slice());
    if bin.particle == DOUBLE && bits.is_ok_and(|bits| f64::from_be_bytes(bits).is_nan()) {
        bin.value = f64::NAN.to_be_bytes().to_vec();
    }
}

fn definitions(cluster: &Cluster) -> (Vec<Index>, Vec<Udf>) {
    let mut indexes = cluster.indexes();
    indexes.sort_by(|a, b| a.name.cmp(&b.name));
    (indexes, cluster.udfs())
}
