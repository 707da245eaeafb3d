//! What a restore does with records that exist, that are not selected, or whose time is over.

use crate::support::*;
use asb_format::{Encoder, RecordHead, ValueRef, Version};
use asnode::{Build, Cluster, Index, IndexSource, IndexType, NamespaceConfig, RawRecord};
use backup_core::{
    error::Error,
    restore::{Clock, Existing, RestoreConfig, WritePolicy},
    stats::RestoreCounts,
};
use std::{fs, path::Path};

/// A time in the middle of 2026, in seconds since 2010.
const NOW: u32 = 520_000_000;

/// A backup file with one record per entry: number (the key), generation, void-time, and the
/// names of bins that hold the number.
pub(crate) fn write_file(path: &Path, records: &[(u32, u16, u32, &[&str])]) {
    let (encoder, mut out) = (Encoder::new(), Vec::new());
    encoder.header(&mut out, Version::V3_1);
    encoder.namespace_meta(&mut out, NAMESPACE.as_bytes());
    encoder.first_file(&mut out);
    for (number, generation, void_time, bins) in records {
        let head = RecordHead {
            key: None,
            namespace: NAMESPACE.as_bytes(),
            digest: &digest(*number),
            set: Some(b"s"),
            generation: *generation,
            void_time: *void_time,
            bin_count: u16::try_from(bins.len()).unwrap(),
        };
        encoder.record(&mut out, &head);
        for bin in *bins {
            encoder.bin(
                &mut out,
                bin.as_bytes(),
                ValueRef::Integer(i64::from(*number)),
            );
        }
    }
    fs::write(path, out).unwrap();
}

pub(crate) fn digest(number: u32) -> [u8; 20] {
    record(number).digest.0
}

pub(crate) fn record(number: u32) -> RawRecord {
    RawRecord::for_key("s", 1, &i64::from(number).to_be_bytes())
}

fn bins(cluster: &Cluster, number: u32) -> Vec<(String, i64)> {
    let found = cluster.get(NAMESPACE, &record(number).digest);
    let bins = found.into_iter().flat_map(|record| record.bins);
    let shown = |bin: asnode::RawBin| {
        let value = i64::from_be_bytes(bin.value.try_into().unwrap());
        (String::from_utf8(bin.name).unwrap(), value)
    };
    let mut bins: Vec<_> = bins.map(shown).collect();
    bins.sort();
    bins
}

/// Restores record 7 with generation 5 and bin `n` over one of generation `stored` with bins
/// `n` and `old`, on servers of this version.
async fn over(
    build: Build,
    policy: WritePolicy,
    stored: u16,
) -> (RestoreCounts, Vec<(String, i64)>) {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("one.asb");
    write_file(&path, &[(7, 5, 0, &["n"])]);
    let mut results = Vec::new();
    for single_writes in [false, true] {
        let copy = Cluster::builder()
            .build(build)
            .namespace(NamespaceConfig::new(NAMESPACE))
            .start()
            .unwrap();
        let mut there = record(7);
        there.generation = stored;
        for name in [b"n".as_slice(), b"old"] {
            there = there.bin(name, 1, &1i64.to_be_bytes());
        }
        assert!(copy.put(NAMESPACE, &there));
        let mut config = restore_config(&copy, &path);
        (config.policy, config.single_writes) = (policy, single_writes);
        let mut counts = restore_ok(config).await;
        counts.retries = 0;
        results.push((counts, bins(&copy, 7)));
    }
    assert_eq!(results[0], results[1], "batch and single writes differ");
    results.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_policy_does_what_it_says_to_records_that_exist() {
    use Existing::{Keep, Merge, Replace};
    let pair = |name: &str, value| (name.to_owned(), value);
    let (untouched, merged) = (
        vec![pair("n", 1), pair("old", 1)],
        vec![pair("n", 7), pair("old", 1)],
    );
    let replaced = vec![pair("n", 7)];
    // Which counter: inserted, fresher, existed.
    for (existing, check_generation, stored, counter, expected) in [
        (Merge, true, 1, 0, &merged),
        (Merge, true, 4, 0, &merged),
        (Merge, true, 5, 1, &untouched),
        (Merge, true, 9, 1, &untouched),
        (Replace, true, 1, 0, &replaced),
        (Replace, true, 9, 1, &untouched),
        (Keep, true, 1, 2, &untouched),
        (Keep, true, 9, 2, &untouched),
        (Merge, false, 9, 0, &merged),
        (Replace, false, 9, 0, &replaced),
        (Keep, false, 9, 2, &untouched),
    ] {
        let policy = WritePolicy {
            existing,
            check_generation,
        };
        for build in Build::GENERATIONS {
            let (counts, found) = over(build, policy, stored).await;
            let mut one = [0; 3];
            one[counter] = 1;
            let counted = [counts.inserted, counts.fresher, counts.existed];
            let case = format!("{policy:?} over generation {stored} on {build}");
            assert_eq!(counted, one, "{case}");
            assert_eq!(found, *expected, "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_policy_creates_what_is_missing() {
    let source = cluster(1);
    fill(&source, 300);
    let temporary = tempfile::tempdir().unwrap();
    backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    for existing in [Existing::Merge, Existing::Replace, Existing::Keep] {
        for check_generation in [true, false] {
            let copy = cluster(2);
            let mut config = restore_config(&copy, temporary.path());
            config.policy = WritePolicy {
                existing,
                check_generation,
            };
            assert_eq!(restore_ok(config).await.inserted, 300);
            assert_same(&source, &copy);
        }
    }
}

pub(crate) fn index(namespace: &str, name: &str, set: Option<&str>) -> Index {
    Index {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        set: set.map(str::to_owned),
        source: IndexSource::Bin {
            bin: name.to_owned(),
            context: None,
        },
        value_type: IndexType::Numeric,
        collection: asnode::Collection::Default,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_and_indexes_go_to_another_namespace() {
    let source = cluster(1);
    fill(&source, 300);
    assert!(source.create_index(index(NAMESPACE, "n", None)));
    let temporary = tempfile::tempdir().unwrap();
    backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    let copy = Cluster::builder()
        .namespace(NamespaceConfig::new(NAMESPACE))
        .namespace(NamespaceConfig::new("other"))
        .start()
        .unwrap();
    let mut config = restore_config(&copy, temporary.path());
    config.destination = Some("other".to_owned());
    assert_eq!(restore_ok(config).await.inserted, 300);
    assert_eq!((copy.count("other"), copy.count(NAMESPACE)), (300, 0));
    assert_eq!(copy.indexes(), [index("other", "n", None)]);

    let mut config = restore_config(&copy, temporary.path());
    config.destination = Some("nowhere".to_owned());
    let error = run_restore(config).await.result.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_and_bins_are_selected() {
    let source = cluster(1);
    fill(&source, 300); // a third each: no set, `orders`, `line items`
    let indexes = [
        ("all", None),
        ("mine", Some("orders")),
        ("its", Some("line items")),
    ];
    for (name, set) in indexes {
        assert!(source.create_index(index(NAMESPACE, name, set)));
    }
    let temporary = tempfile::tempdir().unwrap();
    backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    let restored = async |change: &dyn Fn(&mut RestoreConfig)| {
        let copy = cluster(1);
        let mut config = restore_config(&copy, temporary.path());
        change(&mut config);
        (restore_ok(config).await, copy)
    };
    let (counts, copy) = restored(&|config| config.sets = vec!["orders".to_owned()]).await;
    assert_eq!((counts.inserted, counts.skipped), (100, 200));
    assert_eq!(counts.indexes_skipped, 1);
    let mut names: Vec<_> = copy.indexes().into_iter().map(|index| index.name).collect();
    names.sort();
    assert_eq!(names, ["all", "mine"]);
    copy.for_each(NAMESPACE, |record| {
        assert_eq!(record.set.as_deref(), Some(b"orders".as_slice()));
    });
    let (counts, copy) = restored(&|config| config.bins = vec!["n".to_owned()]).await;
    assert_eq!((counts.inserted, counts.skipped), (300, 0));
    copy.for_each(NAMESPACE, |record| {
        let names: Vec<_> = record.bins.iter().map(|bin| &bin.name[..]).collect();
        assert_eq!(names, [b"n"]);
    });
    let (counts, _) = restored(&|config| config.bins = vec!["none".to_owned()]).await;
    assert_eq!((counts.inserted, counts.skipped), (0, 300));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extra_ttl_is_for_records_that_expire() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file.asb");
    write_file(
        &path,
        &[
            (1, 1, 0, &["n"]),
            (2, 1, NOW - 50, &["n"]),
            (3, 1, NOW - 100, &["n"]),
            (4, 1, NOW + 1000, &["n"]),
        ],
    );
    let copy = cluster(1);
    let mut config = restore_config(&copy, &path);
    (config.clock, config.extra_ttl) = (Clock::Fixed(NOW), 100);
    let counts = restore_ok(config).await;
    assert_eq!((counts.inserted, counts.expired), (3, 1));
    let now = copy.clock().now_s();
    let life = |number| {
        let found = copy.get(NAMESPACE, &record(number).digest).unwrap();
        found.void_time
    };
    assert_eq!(life(1), 0);
    // The node has its own clock, and the restore took some of the time.
    for (number, ttl) in [(2, 50), (4, 1100)] {
        let left = life(number).saturating_sub(now);
        assert!(left <= ttl && left + 40 >= ttl, "{left} of {ttl}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_that_no_write_can_say_is_an_error() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file.asb");
    write_file(&path, &[(1, 1, 0, &["n"]), (2, 1, u32::MAX, &["n"])]);
    let copy = cluster(1);
    let mut config = restore_config(&copy, &path);
    (config.clock, config.extra_ttl) = (Clock::Fixed(NOW), u32::MAX);
    let outcome = run_restore(config).await;
    let error = outcome.result.unwrap_err();
    assert!(matches!(error, Error::TtlTooLong { .. }), "{error}");
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced() && counts.failed == 1, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_outcome_in_one_batch_has_its_counter() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file.asb");
    let wide: Vec<String> = (0..200).map(|number| format!("b{number}")).collect();
    let wide: Vec<_> = wide.iter().map(String::as_str).collect();
    write_file(
        &path,
        &[
            (1, 3, 0, &["n"]),         // inserted
            (2, 1, 0, &["n"]),         // fresher
            (3, 1, NOW - 1, &["n"]),   // expired
            (4, 1, 0, &[]),            // skipped
            (5, 1, 0, &wide),          // too big
            (6, 1, NOW + 900, &["n"]), // inserted
        ],
    );
    for ignores in [true, false] {
        let namespace = NamespaceConfig {
            max_record_size: 1024,
            ..NamespaceConfig::new(NAMESPACE)
        };
        let copy = Cluster::builder().namespace(namespace).start().unwrap();
        assert!(copy.put(NAMESPACE, &record(2).bin(b"n", 1, &[0; 8])));
        let mut config = restore_config(&copy, &path);
        config.clock = Clock::Fixed(NOW);
        config.ignore_record_errors = ignores;
        let outcome = run_restore(config).await;
        assert_eq!(outcome.result.is_ok(), ignores);
        let counts = outcome.stats.snapshot();
        assert!(counts.is_balanced(), "{counts:?}");
        let found = [
            counts.inserted,
            counts.fresher,
            counts.expired,
            counts.skipped,
            counts.ignored,
            counts.failed,
            counts.not_sent,
        ];
        let refused = if ignores { [1, 0] } else { [0, 1] };
        let expected = [2, 1, 1, 1, refused[0], refused[1], 0];
        assert_eq!(found, expected);
    }
}
