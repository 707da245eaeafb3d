//! Selections: a backup holds exactly the records that a plain look at the cluster's own store
//! selects, each once.

mod rules;

use crate::support::*;
use aerospike_wire::digest::Digest;
use asb_format::{Decoder, Item, Step};
use asnode::{Cluster, Edition, NamespaceConfig, RawRecord};
use backup_core::backup::{BackupConfig, PartitionFilter, PartitionList, Scope, Selection};
use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::*,
    sample::{select, subsequence},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::{collections::BTreeMap, fs, path::Path};

const RECORDS: u32 = 700;
const SETS: [&str; 4] = ["", "s1", "s2", "a,b"];
const BINS: [&str; 3] = ["a", "b", "c"];

/// 2026-01-01 in milliseconds since 2010-01-01.
const BASE_MS: u64 = 504_921_600_000;

/// The same moment in nanoseconds since 1970.
const BASE_NS: i64 = 1_767_225_600_000_000_000;

/// Records in all sets, modified at 0 to 99 ms after the base, one in three with a TTL, with one
/// to three of the bins. Many of them share a partition.
fn data() -> Vec<RawRecord> {
    let far = u32::try_from(BASE_MS / 1000).unwrap() + 2_000_000_000;
    (0..RECORDS)
        .map(|number| {
            let mut digest = Digest::for_key(b"", 1, &i64::from(number).to_be_bytes());
            if number % 2 == 0 {
                digest.0[..2]
                    .copy_from_slice(&u16::to_le_bytes(40 + u16::try_from(number % 7).unwrap()));
            }
            let set = SETS[number as usize / 2 % 4];
            let mut record = RawRecord::new(digest);
            record.set = (!set.is_empty()).then(|| set.as_bytes().to_vec());
            record.last_update_ms = BASE_MS + u64::from(number % 100);
            record.void_time = if number % 3 == 0 { far } else { 0 };
            record.key = (number % 5 == 0).then(|| vec![3, b'k']);
            for (bin, name) in BINS.iter().enumerate() {
                if (number / 3 + u32::try_from(bin).unwrap()) % 3 > 0 {
                    record = record.bin(name.as_bytes(), 1, &i64::from(number).to_be_bytes());
                }
            }
            record
        })
        .collect()
}

/// A cluster of the Community Edition.
fn filled(nodes: usize) -> Cluster {
    filled_as(Edition::Community, nodes)
}

/// A cluster, in the Enterprise Edition with each node in a rack of its own, from 0 on.
fn filled_as(edition: Edition, nodes: usize) -> Cluster {
    let namespace = NamespaceConfig {
        replication_factor: 2,
        rack_ids: (0..4).collect(),
        ..NamespaceConfig::new(NAMESPACE)
    };
    let cluster = Cluster::builder()
        .edition(edition)
        .nodes(nodes)
        .namespace(namespace)
        .start()
        .unwrap();
    for record in data() {
        assert!(cluster.put(NAMESPACE, &record));
    }
    cluster
}

/// Digest and names of bins of every record in the files of a directory.
fn read(path: &Path) -> BTreeMap<[u8; 20], Vec<String>> {
    let mut found = BTreeMap::new();
    for name in data_names(path) {
        let text = fs::read(path.join(&name)).unwrap();
        let (mut decoder, mut rest) = (Decoder::new(), text.as_slice());
        loop {
            match decoder.decode(rest, true).unwrap() {
                Step::Complete { consumed, item } => {
                    if let Item::Record(record) = item {
                        let bins = record
                            .bins()
                            .map(|bin| String::from_utf8(bin.name.to_cow().into_owned()).unwrap());
                        let previous = found.insert(record.digest, bins.collect());
                        assert!(previous.is_none(), "a record is there twice");
                    }
                    rest = &rest[consumed..];
                }
                Step::Incomplete { needed } => panic!("{name} ends early: {needed}"),
                Step::End => break,
            }
        }
    }
    found
}

/// Whether an expression is true for a record.
type Meaning = fn(&RawRecord) -> bool;

/// Filters that users write, with what they mean.
const EXPRESSIONS: [(&[u8], Meaning); 4] = [
    (&[0xc3], |_| true),
    (&[0x91, 0x47], |record| record.key.is_some()),
    (&[0x93, 0x01, 0x91, 0x46, 0xa3, 3, b's', b'1'], |record| {
        record.set.as_deref() == Some(b"s1")
    }),
    // The integer bin "a" is below 300.
    (
        &[0x93, 0x05, 0x93, 0x51, 0x02, 0xa1, b'a', 0xcd, 0x01, 0x2c],
        |record| {
            let bin = record.bins.iter().find(|bin| bin.name == b"a");
            bin.is_some_and(|bin| bin.value.as_slice() < &300i64.to_be_bytes()[..])
        },
    ),
];

/// A selection in the words of this test.
#[derive(Debug, Clone)]
struct Case {
    nodes: usize,
    parallel: usize,
    sets: Vec<&'static str>,
    bins: Vec<&'static str>,
    no_bins: bool,
    no_ttl_only: bool,
    after_ms: Option<u8>,
    before_ms: Option<u8>,
    expression: Option<usize>,
    max_records: u64,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    All,
    /// Ranges, as distances and counts, and whether the last entry is a digest.
    List(Vec<(u16, u16)>, bool),
    /// After the digest of this record, or of none.
    After(Option<u32>),
    Nodes(Vec<usize>),
    /// Racks are the nodes.
    Racks(Vec<usize>),
}

impl Case {
    fn selection(&self, cluster: &Cluster) -> Selection {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let at = |ms: Option<u8>| ms.map(|ms| BASE_NS + i64::from(ms) * 1_000_000);
        Selection {
            sets: own(&self.sets),
            bins: own(&self.bins),
            no_bins: self.no_bins,
            no_ttl_only: self.no_ttl_only,
            modified_after: at(self.after_ms),
            modified_before: at(self.before_ms),
            filter_expression: self
                .expression
                .map_or_else(Vec::new, |at| EXPRESSIONS[at].0.to_vec()),
            max_records: self.max_records,
            scope: self.place.scope(self.nodes, cluster),
            prefer_racks: Vec::new(),
        }
    }

    fn selects(&self, record: &RawRecord, cluster: &Cluster) -> bool {
        let set = record.set.as_deref().unwrap_or_default();
        let ms = record.last_update_ms - BASE_MS;
        let has_bin = |bin: &&str| record.bins.iter().any(|found| found.name == bin.as_bytes());
        (self.sets.is_empty() || self.sets.iter().any(|name| name.as_bytes() == set))
            && (self.no_bins || self.bins.is_empty() || self.bins.iter().any(has_bin))
            && (!self.no_ttl_only || record.void_time == 0)
            && self.after_ms.is_none_or(|after| ms >= u64::from(after))
            && self.before_ms.is_none_or(|before| ms < u64::from(before))
            && self.expression.is_none_or(|at| EXPRESSIONS[at].1(record))
            && self.place.holds(self.nodes, &record.digest, cluster)
    }

    /// The bins that the backup has of a record.
    fn bins_of(&self, record: &RawRecord) -> Vec<String> {
        let names = record
            .bins
            .iter()
            .map(|bin| String::from_utf8(bin.name.clone()).unwrap());
        names
            .filter(|name| {
                !self.no_bins && (self.bins.is_empty() || self.bins.contains(&name.as_str()))
            })
            .collect()
    }
}

impl Place {
    fn filters(ranges: &[(u16, u16)], ends_in_digest: bool) -> Vec<PartitionFilter> {
        let mut next = 0;
        let mut filters = Vec::new();
        for (number, (gap, count)) in ranges.iter().enumerate() {
            let begin = next + gap;
            next = begin + count;
            let is_last = number + 1 == ranges.len();
            filters.push(if is_last && ends_in_digest {
                let mut digest = Digest([0x80; 20]);
                digest.0[..2].copy_from_slice(&begin.to_le_bytes());
                PartitionFilter::After(digest)
            } else {
                PartitionFilter::Range {
                    begin,
                    count: *count,
                }
            });
        }
        filters.reverse();
        filters
    }

    fn digest(number: Option<u32>) -> Digest {
        number.map_or(Digest([0x28; 20]), |number| data()[number as usize].digest)
    }

    fn nodes(listed: &[usize], nodes: usize) -> Vec<usize> {
        let mut listed: Vec<_> = listed.iter().map(|node| node % nodes).collect();
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    fn scope(&self, nodes: usize, cluster: &Cluster) -> Scope {
        match self {
            Self::All => Scope::All,
            Self::List(ranges, ends_in_digest) => {
                let filters = Self::filters(ranges, *ends_in_digest);
                Scope::Partitions(PartitionList::new(filters).unwrap())
            }
            Self::After(number) => Scope::AfterDigest(Self::digest(*number)),
            Self::Nodes(listed) => {
                let name = |node: usize| match node % 2 {
                    0 => cluster.node_ids()[node].clone(),
                    _ => cluster.addresses()[node].to_string(),
                };
                Scope::Nodes(Self::nodes(listed, nodes).into_iter().map(name).collect())
            }
            Self::Racks(listed) => {
                let ids = Self::nodes(listed, nodes).into_iter();
                Scope::Racks(ids.map(|id| u32::try_from(id).unwrap()).collect())
            }
        }
    }

    fn holds(&self, nodes: usize, digest: &Digest, cluster: &Cluster) -> bool {
        let partition = digest.partition().get();
        match self {
            Self::All => true,
            Self::List(ranges, ends_in_digest) => Self::filters(ranges, *ends_in_digest)
                .into_iter()
                .any(|filter| match filter {
                    PartitionFilter::Range { begin, count } => {
                        (begin..begin + count).contains(&partition)
                    }
                    PartitionFilter::After(after) => {
                        after.partition().get() == partition && *digest < after
                    }
                }),
            Self::After(number) => {
                let after = Self::digest(*number);
                let first = after.partition().get();
                partition > first || partition == first && *digest < after
            }
            Self::Nodes(listed) | Self::Racks(listed) => {
                let master = cluster.owners(NAMESPACE, partition)[0];
                Self::nodes(listed, nodes).contains(&master)
            }
        }
    }
}

fn places() -> impl Strategy<Value = Place> {
    let ranges = vec((0u16..60, 1u16..40), 1..6);
    let nodes = || btree_set(0usize..4, 1..4).prop_map(|nodes| nodes.into_iter().collect());
    prop_oneof![
        2 => Just(Place::All),
        3 => (ranges, any::<bool>()).prop_map(|(ranges, digest)| Place::List(ranges, digest)),
        2 => option::of(0..RECORDS).prop_map(Place::After),
        2 => nodes().prop_map(Place::Nodes),
        1 => nodes().prop_map(Place::Racks),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let sets = subsequence(&SETS[1..], 0..=3);
    let bins = subsequence(&BINS[..], 0..=2);
    let limits = prop_oneof![Just(0), 1..200u64, Just(1000)];
    let window = (option::of(0..60u8), option::of(60..110u8));
    let switches = (any::<bool>(), any::<bool>());
    let expression = option::of(select((0..EXPRESSIONS.len()).collect::<Vec<_>>()));
    (
        1..=4usize,
        1..=16usize,
        sets,
        bins,
        switches,
        window,
        expression,
        limits,
        places(),
    )
        .prop_map(
            |(
                nodes,
                parallel,
                sets,
                bins,
                (no_bins, no_ttl_only),
                (after_ms, before_ms),
                expression,
                max_records,
                place,
            )| Case {
                nodes,
                parallel,
                sets,
                bins,
                no_bins,
                no_ttl_only,
                after_ms,
                before_ms,
                expression,
                max_records,
                place,
            },
        )
}

fn backup_of(
    cluster: &Cluster,
    path: &Path,
    parallel: usize,
    selection: Selection,
) -> BackupConfig {
    BackupConfig {
        parallel: Some(parallel),
        selection,
        ..backup_config(cluster, to_directory(path))
    }
}

#[test]
fn a_backup_holds_what_a_plain_look_selects() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let clusters: Vec<_> = (1..=4)
        .map(|nodes| filled_as(Edition::Enterprise, nodes))
        .collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let checked = runner.run(&cases(), |case| {
        let cluster = &clusters[case.nodes - 1];
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("set");
        let config = backup_of(cluster, &path, case.parallel, case.selection(cluster));
        let counts = runtime.block_on(backup_ok(config));
        let found = read(&path);
        let all = cluster.records(NAMESPACE).into_iter();
        let expected: BTreeMap<_, _> = all
            .filter(|record| case.selects(record, cluster))
            .map(|record| (record.digest.0, case.bins_of(&record)))
            .collect();
        prop_assert_eq!(counts.records_read, found.len() as u64);
        if case.max_records == 0 {
            prop_assert_eq!(found, expected);
        } else {
            prop_assert_eq!(
                found.len() as u64,
                case.max_records.min(expected.len() as u64)
            );
            for (digest, bins) in found {
                prop_assert_eq!(Some(&bins), expected.get(&digest));
            }
        }
        Ok(())
    });
    checked.unwrap();
}
