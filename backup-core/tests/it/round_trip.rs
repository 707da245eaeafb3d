//! What goes in comes out, through every kind of target.

use crate::support::*;
use std::{fs, path::Path};

async fn check(
    nodes: usize,
    target: &str,
    change: impl Fn(&mut backup_core::backup::BackupConfig),
) {
    let (source, copy) = (cluster(nodes), cluster(1));
    fill(&source, 5000);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join(target);
    let is_file = Path::new(target).extension().is_some();
    let target = if is_file {
        to_file(&path)
    } else {
        to_directory(&path)
    };
    let mut config = backup_config(&source, target);
    change(&mut config);
    let written = backup_ok(config).await;
    assert_eq!(written.records_read, 5000);
    let on_disk: u64 = match is_file {
        true => fs::metadata(&path).unwrap().len(),
        false => data_names(&path)
            .iter()
            .map(|name| fs::metadata(path.join(name)).unwrap().len())
            .sum(),
    };
    assert_eq!(written.bytes_written, on_disk);
    let restored = restore_ok(restore_config(&copy, &path)).await;
    assert_eq!((restored.records_read, restored.inserted), (5000, 5000));
    assert_eq!(restored.bytes_read, on_disk);
    assert_same(&source, &copy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directory_of_one_node() {
    check(1, "set", |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directory_of_three_nodes_with_replicas() {
    check(3, "set", |config| config.parallel = Some(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_file_fed_by_several_scans() {
    check(2, "all.asb", |config| config.parallel = Some(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compact() {
    check(1, "set", |config| config.compact = true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_read_buffer_and_a_small_file_limit_change_nothing() {
    check(1, "set", |config| {
        config.socket.read_buffer = 300;
        config.file_limit = 100_000;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_writes_do_the_same_as_batches() {
    let (source, copy) = (cluster(1), cluster(2));
    fill(&source, 2000);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    backup_ok(backup_config(&source, to_directory(&path))).await;
    let mut config = restore_config(&copy, &path);
    config.single_writes = true;
    assert_eq!(restore_ok(config).await.inserted, 2000);
    assert_eq!(copy.counters().batches, 0);
    assert_same(&source, &copy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_restore_finds_every_record_fresher() {
    let (source, copy) = (cluster(1), cluster(1));
    fill(&source, 300);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    backup_ok(backup_config(&source, to_directory(&path))).await;
    assert_eq!(restore_ok(restore_config(&copy, &path)).await.inserted, 300);
    assert_eq!(restore_ok(restore_config(&copy, &path)).await.fresher, 300);
    assert_same(&source, &copy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_of_every_type() {
    let (source, copy) = (cluster(2), cluster(1));
    asnode::generate::load(&source, NAMESPACE, asnode::generate::Shape::Types, 400, 7);
    let temporary = tempfile::tempdir().unwrap();
    for compact in [false, true] {
        let path = temporary.path().join(format!("set-{compact}"));
        let mut config = backup_config(&source, to_directory(&path));
        config.compact = compact;
        backup_ok(config).await;
        let target = if compact { &cluster(1) } else { &copy };
        restore_ok(restore_config(target, &path)).await;
        assert_same(&source, target);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_larger_than_every_buffer() {
    let large = || asnode::NamespaceConfig {
        max_record_size: 9 << 20,
        ..asnode::NamespaceConfig::new(NAMESPACE)
    };
    let start = || {
        asnode::Cluster::builder()
            .namespace(large())
            .start()
            .unwrap()
    };
    let (source, copy) = (start(), start());
    fill(&source, 200);
    for mib in [1, 2, 3, 5, 8] {
        let value: Vec<u8> = (0..=u8::MAX).cycle().take(mib << 20).collect();
        let key = mib.to_be_bytes();
        let record = asnode::RawRecord::for_key("big", 4, &key).bin(b"blob", 4, &value);
        assert!(source.put(NAMESPACE, &record.bin(b"text", 3, b"- S x 1 y\n+ k")));
    }
    let temporary = tempfile::tempdir().unwrap();
    for (name, compact) in [("base64", false), ("raw", true)] {
        let path = temporary.path().join(name);
        let mut config = backup_config(&source, to_directory(&path));
        config.compact = compact;
        assert_eq!(backup_ok(config).await.records_read, 205);
        let copy = if compact { &start() } else { &copy };
        assert_eq!(restore_ok(restore_config(copy, &path)).await.inserted, 205);
        assert_same(&source, copy);
    }
}
