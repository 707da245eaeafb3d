//! What the tests share: clusters with data, runs, comparisons.

use asnode::{
    Cluster, NamespaceConfig, NodeLoss, RawRecord,
    faults::{On, Reaction, Rule},
};
use backup_cluster::{client::ConnectOptions, retry::RetryPolicy, view::Host};
use backup_core::{
    backup::{self, BackupConfig, BackupTarget},
    error::Error,
    handle::Outcome,
    restore::{self, RestoreConfig, RestoreSource},
    stats::{BackupCounts, BackupStats, RestoreCounts, RestoreStats},
};
use backup_storage::{LocalDir, LocalOptions, single_file};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub(crate) const NAMESPACE: &str = "test";

/// Quick retries, so that faults do not slow the tests down.
pub(crate) const RETRY: RetryPolicy = RetryPolicy {
    attempts: 8,
    base: Duration::from_millis(20),
    multiplier: 2.0,
    max_pause: Duration::from_millis(500),
};

pub(crate) fn cluster(nodes: usize) -> Cluster {
    cluster_with_copies(nodes, 2)
}

pub(crate) fn cluster_with_copies(nodes: usize, replication_factor: usize) -> Cluster {
    let namespace = NamespaceConfig {
        replication_factor,
        ..NamespaceConfig::new(NAMESPACE)
    };
    Cluster::builder()
        .nodes(nodes)
        .namespace(namespace)
        .start()
        .unwrap()
}

/// `count` records in three sets, large enough that a scan takes many reads.
pub(crate) fn fill(cluster: &Cluster, count: u32) {
    for number in 0..count {
        let set = ["", "orders", "line items"][number as usize % 3];
        let key = format!("key-{number}");
        let mut record = RawRecord::for_key(set, 3, key.as_bytes())
            .bin(b"n", 1, &i64::from(number).to_be_bytes())
            .bin(b"text", 3, key.repeat(20).as_bytes());
        if number % 2 == 0 {
            record.key = Some([&[3], key.as_bytes()].concat());
        }
        assert!(cluster.put(NAMESPACE, &record));
    }
}

pub(crate) fn connect(cluster: &Cluster) -> ConnectOptions {
    let seeds = cluster.addresses().into_iter().map(Host::from).collect();
    ConnectOptions {
        seeds,
        connect_timeout: Duration::from_secs(10),
        info_timeout: Duration::from_secs(5),
        ..ConnectOptions::default()
    }
}

pub(crate) fn to_directory(path: &Path) -> BackupTarget {
    BackupTarget::Directory(Arc::new(LocalDir::new(path)))
}

pub(crate) fn to_file(path: &Path) -> BackupTarget {
    BackupTarget::Single(single_file(path, LocalOptions::default()).unwrap())
}

pub(crate) fn from_path(path: &Path) -> RestoreSource {
    if path.is_dir() {
        RestoreSource::Directory(Arc::new(LocalDir::new(path)))
    } else {
        RestoreSource::Single(single_file(path, LocalOptions::default()).unwrap())
    }
}

pub(crate) fn backup_config(cluster: &Cluster, target: BackupTarget) -> BackupConfig {
    BackupConfig {
        connect: connect(cluster),
        parallel: Some(3),
        retry: RETRY,
        forecast_samples: 0, // faults are to hit the backup
        ..BackupConfig::new(NAMESPACE, target)
    }
}

pub(crate) fn restore_config(cluster: &Cluster, path: &Path) -> RestoreConfig {
    RestoreConfig {
        connect: connect(cluster),
        retry: RETRY,
        ..RestoreConfig::new(NAMESPACE, from_path(path))
    }
}

/// No run in these tests takes this long.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) async fn run_backup(config: BackupConfig) -> Outcome<BackupStats> {
    tokio::time::timeout(LIMIT, backup::start(config).wait())
        .await
        .expect("the backup hangs")
}

pub(crate) async fn run_restore(config: RestoreConfig) -> Outcome<RestoreStats> {
    tokio::time::timeout(LIMIT, restore::start(config).wait())
        .await
        .expect("the restore hangs")
}

/// Runs a backup while the first node dies with its data, after it has sent `count` records and the
/// backup has taken as many beside the `earlier` ones of the runs that it continues. So the node is
/// killed when there is something to keep, on any machine: a scan that is stopped because another one
/// failed first leaves unread what the node has sent.
pub(crate) async fn run_until(
    source: &Cluster,
    mut config: BackupConfig,
    count: u64,
    earlier: u64,
) -> Outcome<BackupStats> {
    config.chunk_bytes = Some(1); // what was read is handed over and counted at once
    let stop = Rule::new(On::Scan, Reaction::Silence).node(0);
    let stop = stop.after_total_records(count).times(1);
    let stop = source.faults().add(stop);
    let job = backup::start(config);
    let outcome = tokio::time::timeout(LIMIT, async {
        let is_taken = || {
            source.faults().fired(stop) > 0
                && job.stats().snapshot().records_read >= earlier + count
        };
        while !job.is_finished() && !is_taken() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        source.kill_node(0, NodeLoss::DataUnavailable);
        job.wait().await
    });
    let outcome = outcome.await.expect("the backup hangs");
    source.faults().clear();
    source.restart_node(0).unwrap();
    outcome
}

pub(crate) async fn backup_ok(config: BackupConfig) -> BackupCounts {
    let outcome = run_backup(config).await;
    outcome.result.unwrap();
    outcome.stats.snapshot()
}

pub(crate) async fn restore_ok(config: RestoreConfig) -> RestoreCounts {
    let outcome = run_restore(config).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced(), "{counts:?}");
    counts
}

/// The message of an error with all its causes.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(source) = cause {
        text += &format!(": {source}");
        cause = source.source();
    }
    text
}

/// Names of everything in a directory, sorted; nothing when it does not exist.
pub(crate) fn names(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Names of the data files in a directory, sorted.
pub(crate) fn data_names(path: &Path) -> Vec<String> {
    let mut names = names(path);
    names.retain(|name| name.ends_with(".asb"));
    names
}

/// Everything about a record that a restore can bring back. Generations restart at 1 and
/// last-update times are the restore's own: no tool can set them.
type Content = (
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(Vec<u8>, u8, Vec<u8>)>,
);

pub(crate) fn content(cluster: &Cluster) -> BTreeMap<[u8; 20], (Content, u32)> {
    let mut all = BTreeMap::new();
    cluster.for_each(NAMESPACE, |record| {
        let bins = record
            .bins
            .into_iter()
            .map(|bin| (bin.name, bin.particle, bin.value));
        let mut bins: Vec<_> = bins.collect();
        bins.sort();
        let previous = all.insert(
            record.digest.0,
            ((record.set, record.key, bins), record.void_time),
        );
        assert!(previous.is_none());
    });
    all
}

/// Asserts that two namespaces hold the same records, indexes and modules. Void-times may differ
/// by the seconds that the copy took: files hold them, servers take only TTLs.
pub(crate) fn assert_same(source: &Cluster, copy: &Cluster) {
    let (source_records, copy_records) = (content(source), content(copy));
    assert_eq!(source_records.len(), copy_records.len());
    for (digest, (expected, void_time)) in &source_records {
        let (found, found_void_time) = &copy_records[digest];
        assert_eq!(expected, found, "{digest:02x?}");
        assert!(
            void_time.abs_diff(*found_void_time) <= 5,
            "{void_time} {found_void_time}"
        );
    }
    let sorted = |cluster: &Cluster| {
        let mut indexes: Vec<_> = cluster
            .indexes()
            .iter()
            .map(|index| format!("{index:?}"))
            .collect();
        indexes.sort();
        indexes
    };
    assert_eq!(sorted(source), sorted(copy));
    let modules = |cluster: &Cluster| {
        let mut modules: Vec<_> = cluster
            .udfs()
            .into_iter()
            .map(|udf| format!("{udf:?}"))
            .collect();
        modules.sort();
        modules
    };
    assert_eq!(modules(source), modules(copy));
}

/// A file or directory of this crate's test data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}
