//! Estimates against the backups that they are about.

mod forecast;

use crate::support::*;
use asnode::{
    Cluster, Edition, NamespaceConfig, RawRecord,
    faults::{On, Reaction, Rule},
    generate,
};
use backup_core::{
    backup::{self, BackupConfig, Estimate, EstimateConfig, PartitionList, Scope, Selection, Wrap},
    envelope::{KeyBytes, KeySize, Level},
    handle::Outcome,
};
use std::{path::Path, time::Duration};

/// The size of a text without a pattern is anything from 20 bytes up, most of them small: a few
/// records have many times the mean.
fn put_uneven(cluster: &Cluster, set: &str, count: u32) {
    let mut random = fastrand::Rng::with_seed(u64::from(count));
    for number in 0..count {
        let length = 2_000 / random.usize(2..=100);
        let text: String = (0..length).map(|_| random.alphanumeric()).collect();
        let mut record = RawRecord::for_key(set, 1, &i64::from(number).to_be_bytes())
            .bin(b"n", 1, &i64::from(number).to_be_bytes())
            .bin(b"text", 3, text.as_bytes());
        if number % 10 == 0 {
            record = record.bin(b"rare", 1, &7i64.to_be_bytes());
        }
        record.last_update_ms = 500_000_000_000 + u64::from(number) * 1000;
        assert!(cluster.put(NAMESPACE, &record));
    }
}

fn uneven() -> Cluster {
    let cluster = cluster(2);
    put_uneven(&cluster, "uneven", 6_000);
    put_uneven(&cluster, "other", 1_000);
    cluster
}

async fn ended(config: EstimateConfig) -> Outcome<backup::EstimateStats> {
    let job = backup::estimate(config);
    tokio::time::timeout(Duration::from_secs(120), job.wait())
        .await
        .expect("the estimate hangs")
}

async fn estimate(config: EstimateConfig) -> Estimate {
    let outcome = ended(config).await;
    outcome.result.unwrap();
    let found = *outcome.stats.estimate().expect("an estimate");
    assert_eq!(outcome.stats.snapshot().records_sampled, found.samples);
    assert!(found.bytes <= found.bound_bytes, "{found:?}");
    found
}

/// The size of a real backup, and its records.
async fn real(config: &BackupConfig) -> (u64, u64) {
    let counts = backup_ok(config.clone()).await;
    (counts.bytes_written, counts.records_read)
}

/// An estimate of this backup by so many samples, and its size and records.
async fn both(config: BackupConfig, samples: u64) -> (Estimate, u64, u64) {
    let (bytes, records) = real(&config).await;
    let config = EstimateConfig {
        samples,
        seed: Some(11),
        ..EstimateConfig::new(config)
    };
    (estimate(config).await, bytes, records)
}

/// Everything is read, so nothing is left to chance.
async fn exact(config: BackupConfig) -> Estimate {
    let (found, bytes, records) = both(config, 1_000_000).await;
    assert!(found.is_exact, "{found:?}");
    assert_eq!((found.records, found.samples), (records, records));
    assert_eq!(
        (found.bytes, found.bound_bytes),
        (bytes, bytes),
        "{found:?}"
    );
    assert_eq!(found.record_bytes, found.record_bound_bytes);
    found
}

/// The real size is within the bound, and not far from what was expected.
#[track_caller]
fn close(found: &Estimate, bytes: u64, share: f64) {
    assert!(bytes <= found.bound_bytes, "{bytes} of {found:?}");
    let (bytes, expected) = (bytes as f64, found.bytes as f64);
    assert!(
        (expected - bytes).abs() <= bytes * share,
        "{bytes} of {found:?}"
    );
}

fn sets(names: &[&str]) -> Selection {
    Selection {
        sets: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Selection::default()
    }
}

fn of(cluster: &Cluster, path: &Path, selection: Selection) -> BackupConfig {
    BackupConfig {
        selection,
        ..backup_config(cluster, to_directory(path))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn true_size_is_within_the_bound() {
    const TRIALS: u64 = 100;
    let source = uneven();
    let temporary = tempfile::tempdir().unwrap();
    let config = backup_config(&source, to_directory(&temporary.path().join("set")));
    let (bytes, _) = real(&config).await;
    let mut within = 0;
    let mut errors = Vec::new();
    for seed in 0..TRIALS {
        let found = estimate(EstimateConfig {
            samples: 500,
            seed: Some(seed),
            ..EstimateConfig::new(config.clone())
        })
        .await;
        assert!(!found.is_exact);
        assert!((500..1_000).contains(&found.samples), "{found:?}");
        within += u64::from(bytes <= found.bound_bytes);
        errors.push(found.bytes as f64 / bytes as f64 - 1.0);
        // A bound that is always far away would be no help.
        assert!(found.bound_bytes < bytes * 3 / 2, "{bytes} of {found:?}");
    }
    assert!(within >= TRIALS - 1, "{within} of {TRIALS}");
    let bias = errors.iter().sum::<f64>() / TRIALS as f64;
    assert!(bias.abs() < 0.02, "on average wrong by {bias}");
    assert!(errors.iter().any(|error| *error < 0.0), "never too low");
    assert!(errors.iter().any(|error| *error > 0.0), "never too high");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn true_size_is_within_the_bound_with_filter_and_scaled_count() {
    const TRIALS: u64 = 30;
    let source = uneven();
    let temporary = tempfile::tempdir().unwrap();
    let selection = Selection {
        modified_after: Some((1_262_304_000 + 500_000_000 + 3_000) * 1_000_000_000),
        ..sets(&["uneven"])
    };
    let config = of(&source, &temporary.path().join("set"), selection);
    let (bytes, records) = real(&config).await;
    assert_eq!(records, 3_000);
    for seed in 0..TRIALS {
        let config = EstimateConfig {
            samples: 400,
            count_objects: 2_000,
            seed: Some(seed),
            ..EstimateConfig::new(config.clone())
        };
        let outcome = ended(config).await;
        outcome.result.unwrap();
        let counted = outcome.stats.snapshot().records_counted;
        assert!((500..1_500).contains(&counted), "{counted} of {records}");
        let found = outcome.stats.estimate().unwrap();
        assert!(bytes <= found.bound_bytes, "{bytes} of {found:?}");
        assert!(found.records.abs_diff(records) < 600, "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_where_everything_is_read() {
    let source = cluster(2);
    generate::load(&source, NAMESPACE, generate::Shape::Types, 700, 5);
    let temporary = tempfile::tempdir().unwrap();
    let path = |name: &str| temporary.path().join(name);
    let plain = of(&source, &path("plain"), Selection::default());
    let all = exact(plain.clone()).await;
    assert_eq!(all.records, source.count(NAMESPACE));
    assert!((all.compression_ratio - 1.0).abs() < f64::EPSILON);

    let compact = BackupConfig {
        compact: true,
        ..of(&source, &path("compact"), Selection::default())
    };
    assert!(exact(compact).await.bytes < all.bytes);

    let key = KeyBytes::environment("a2V5", backup_core::envelope::EnvRule::Raw).unwrap();
    let encrypted = BackupConfig {
        wrap: Wrap {
            compression: None,
            key: Some(key.key(KeySize::Aes256)),
        },
        ..of(&source, &path("encrypted"), Selection::default())
    };
    assert_eq!(exact(encrypted).await.bytes, all.bytes + 4 * 16); // metadata and three workers

    let bare = BackupConfig {
        no_indexes: true,
        no_udfs: true,
        ..of(&source, &path("bare"), Selection::default())
    };
    assert!(exact(bare).await.bytes < all.bytes);

    let file = backup_config(&source, to_file(&path("file.asb")));
    exact(file).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_for_every_kind_of_selection() {
    let source = uneven();
    let temporary = tempfile::tempdir().unwrap();
    let partitions = "100-300,1000,4000-96".parse::<PartitionList>().unwrap();
    let digest = source.records(NAMESPACE)[3_000].digest;
    let one = |change: fn(&mut Selection)| {
        let mut selection = Selection::default();
        change(&mut selection);
        selection
    };
    let selections = [
        (sets(&["other"]), Some(1_000)),
        (sets(&["other", "uneven"]), Some(7_000)),
        (sets(&["none"]), Some(0)),
        (one(|s| s.bins = vec!["rare".to_owned()]), Some(700)),
        (one(|s| s.no_bins = true), Some(7_000)),
        (one(|s| s.no_ttl_only = true), Some(7_000)),
        (
            one(|s| s.modified_before = Some(1_762_304_100_000_000_000)),
            Some(200),
        ),
        (one(|s| s.max_records = 7_000), Some(7_000)),
        (
            Selection {
                scope: Scope::Partitions(partitions),
                ..Selection::default()
            },
            None,
        ),
        (
            Selection {
                scope: Scope::AfterDigest(digest),
                ..Selection::default()
            },
            None,
        ),
        (
            Selection {
                scope: Scope::Nodes(vec!["A1".to_owned()]),
                ..Selection::default()
            },
            None,
        ),
    ];
    for (number, (selection, records)) in selections.into_iter().enumerate() {
        let config = of(
            &source,
            &temporary.path().join(number.to_string()),
            selection,
        );
        let found = exact(config).await;
        match records {
            Some(records) => assert_eq!(found.records, records, "{number}"),
            None => assert!((100..7_000).contains(&found.records), "{number}: {found:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exact_for_a_rack() {
    let namespace = NamespaceConfig {
        replication_factor: 2,
        rack_ids: vec![1, 2],
        ..NamespaceConfig::new(NAMESPACE)
    };
    let builder = Cluster::builder().edition(Edition::Enterprise).nodes(2);
    let source = builder.namespace(namespace).start().unwrap();
    put_uneven(&source, "uneven", 500);
    let temporary = tempfile::tempdir().unwrap();
    let selection = Selection {
        scope: Scope::Racks(vec![2]),
        ..Selection::default()
    };
    let found = exact(of(&source, &temporary.path().join("set"), selection)).await;
    assert!((1..500).contains(&found.records), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_are_counted_by_the_cluster_and_all_else_one_by_one() {
    let source = uneven();
    let temporary = tempfile::tempdir().unwrap();
    let bins = Selection {
        bins: vec!["rare".to_owned()],
        ..Selection::default()
    };
    let partitions = Selection {
        scope: Scope::Partitions("0-2048".parse().unwrap()),
        ..Selection::default()
    };
    for (selection, counted) in [(sets(&["uneven"]), 0), (bins, 700), (partitions, 3_000)] {
        let config = of(&source, &temporary.path().join("set"), selection);
        let outcome = ended(EstimateConfig {
            samples: 100,
            ..EstimateConfig::new(config)
        })
        .await;
        outcome.result.unwrap();
        let found = outcome.stats.snapshot().records_counted;
        assert!(
            found.abs_diff(counted) <= counted / 5,
            "{found} of {counted}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_that_miss_a_set_are_not_believed() {
    let source = uneven();
    // The list of sets ends, for who reads it line by line, at the set with this name.
    for set in ["a\nb", "behind"] {
        put_uneven(&source, set, 1_500);
    }
    let temporary = tempfile::tempdir().unwrap();
    let config = of(&source, &temporary.path().join("set"), sets(&["behind"]));
    let (found, bytes, _) = both(config, 100).await;
    assert!(!found.is_exact, "{found:?}");
    assert_eq!(found.records, 1_500);
    assert!(bytes <= found.bound_bytes, "{bytes} of {found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compression_is_measured() {
    let source = cluster(2);
    fill(&source, 12_000);
    let temporary = tempfile::tempdir().unwrap();
    let compressed = |name: &str, level| BackupConfig {
        wrap: Wrap {
            compression: Level::new(level),
            key: None,
        },
        ..of(&source, &temporary.path().join(name), Selection::default())
    };
    let (found, bytes, _) = both(compressed("some", 3), 3_000).await;
    assert!(found.compression_ratio < 0.5, "{found:?}");
    close(&found, bytes, 0.1);
    assert!(!found.is_exact);
    let (found, bytes, records) = both(compressed("all", 9), 1_000_000).await;
    assert_eq!((found.records, found.samples), (records, records));
    assert!(!found.is_exact, "which records meet in a file is chance");
    close(&found, bytes, 0.05);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_files_compress_as_badly_as_they_will() {
    let source = cluster(1);
    fill(&source, 150);
    let temporary = tempfile::tempdir().unwrap();
    let config = BackupConfig {
        parallel: Some(8),
        wrap: Wrap {
            compression: Some(Level::DEFAULT),
            key: None,
        },
        ..of(&source, &temporary.path().join("set"), Selection::default())
    };
    let (found, bytes, _) = both(config, 0).await;
    close(&found, bytes, 0.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_at_their_limit_are_counted() {
    let source = cluster(1);
    fill(&source, 4_000);
    let temporary = tempfile::tempdir().unwrap();
    let config = BackupConfig {
        file_limit: 100_000,
        ..of(&source, &temporary.path().join("set"), Selection::default())
    };
    let (found, bytes, _) = both(config, 1_000_000).await;
    assert!(!found.is_exact, "how many files there will be is chance");
    close(&found, bytes, 0.01);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_records_limits_the_estimate() {
    let source = uneven();
    let temporary = tempfile::tempdir().unwrap();
    let selection = Selection {
        max_records: 700,
        ..Selection::default()
    };
    let config = of(&source, &temporary.path().join("set"), selection);
    let (found, bytes, records) = both(config, 2_000).await;
    assert_eq!((found.records, records), (700, 700));
    assert!(!found.is_exact);
    close(&found, bytes, 0.3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_namespace_takes_its_metadata_only() {
    let temporary = tempfile::tempdir().unwrap();
    let empty = cluster(1);
    let config = of(&empty, &temporary.path().join("set"), Selection::default());
    assert_eq!(exact(config).await.bytes, 0);
    let config = backup_config(&empty, to_file(&temporary.path().join("file.asb")));
    assert!(exact(config).await.bytes > 0, "a file has a header");
    let full = uneven();
    let config = BackupConfig {
        no_records: true,
        ..of(&full, &temporary.path().join("none"), Selection::default())
    };
    assert_eq!(exact(config).await.bytes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_target_is_not_touched() {
    let source = cluster(1);
    fill(&source, 100);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let config = backup_config(&source, to_directory(&path));
    estimate(EstimateConfig::new(config)).await;
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_seed_decides_what_is_read() {
    let source = uneven();
    let config = BackupConfig {
        connect: connect(&source),
        ..EstimateConfig::of_namespace(NAMESPACE).backup
    };
    let by = |seed| {
        estimate(EstimateConfig {
            samples: 200,
            seed: Some(seed),
            ..EstimateConfig::new(config.clone())
        })
    };
    let first = by(1).await;
    assert_eq!(first, by(1).await);
    assert_ne!(first, by(2).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused() {
    let source = cluster(1);
    let config = |namespace: &str| {
        let mut config = EstimateConfig::of_namespace(namespace);
        config.backup.connect = connect(&source);
        config
    };
    let outcome = ended(config("nowhere")).await;
    assert!(chain(&outcome.result.unwrap_err()).contains("nowhere"));
    assert!(outcome.stats.estimate().is_none());
    let mut wrong = config(NAMESPACE);
    wrong.backup.selection = sets(&["a", "a"]);
    let error = ended(wrong).await.result.unwrap_err();
    assert!(chain(&error).contains("listed twice"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_estimate_can_be_cancelled() {
    let source = cluster(1);
    fill(&source, 2_000);
    let rule = source.faults().add(Rule::new(On::Scan, Reaction::Silence));
    let mut config = EstimateConfig::of_namespace(NAMESPACE);
    config.backup.connect = connect(&source);
    let job = backup::estimate(config);
    while source.faults().fired(rule) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    job.cancel_token().cancel();
    let outcome = job.wait().await;
    assert!(matches!(
        outcome.result,
        Err(backup_core::error::Error::Cancelled)
    ));
    assert!(outcome.stats.estimate().is_none());
}
