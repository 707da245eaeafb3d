//! Every server version that tools have to work with: a backup of all kinds of data, its indexes
//! and modules, and back.

use crate::support::*;
use asnode::{
    Build, Cluster, NamespaceConfig,
    generate::{self, Shape},
};

fn server(build: Build, nodes: usize) -> Cluster {
    let namespace = NamespaceConfig {
        replication_factor: 2,
        ..NamespaceConfig::new(NAMESPACE)
    };
    Cluster::builder()
        .build(build)
        .nodes(nodes)
        .namespace(namespace)
        .start()
        .unwrap()
}

fn server_with_data(build: Build) -> Cluster {
    let cluster = server(build, 2);
    generate::load(&cluster, NAMESPACE, Shape::Types, 3000, 7);
    cluster
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_goes_there_and_back_on_each_version() {
    for build in Build::GENERATIONS {
        let (source, copy) = (server_with_data(build), server(build, 2));
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("set");
        let written = backup_ok(backup_config(&source, to_directory(&path))).await;
        assert_eq!(written.records_read, source.count(NAMESPACE), "{build}");
        assert_eq!(written.indexes_read, source.indexes().len() as u64);
        assert_eq!(
            (written.retries, written.indexes_skipped),
            (0, 0),
            "{build}"
        );
        let restored = restore_ok(restore_config(&copy, &path)).await;
        assert_eq!(restored.inserted, written.records_read, "{build}");
        assert_eq!(
            (restored.retries, restored.indexes_skipped),
            (0, 0),
            "{build}"
        );
        assert_same(&source, &copy);
        let has_batches = build >= Build::new(6, 0, 0, 0);
        assert_eq!(copy.counters().batches > 0, has_batches, "{build}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_that_an_older_version_cannot_hold_are_left_out() {
    let source = server_with_data(*Build::GENERATIONS.last().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    backup_ok(backup_config(&source, to_directory(&path))).await;
    for build in Build::GENERATIONS {
        // What a cluster of that version has of the same data.
        let (expected, copy) = (server_with_data(build), server(build, 1));
        let restored = restore_ok(restore_config(&copy, &path)).await;
        let left_out = source.indexes().len() - expected.indexes().len();
        assert_eq!(restored.indexes_skipped, left_out as u64, "{build}");
        let names = |cluster: &Cluster| {
            let indexes = cluster.indexes().into_iter();
            let mut names: Vec<_> = indexes.map(|index| index.name).collect();
            names.sort();
            names
        };
        assert_eq!(names(&copy), names(&expected), "{build}");
        assert_eq!(content(&copy).len(), content(&source).len(), "{build}");
    }
    let oldest = server_with_data(Build::GENERATIONS[0]);
    assert!(oldest.indexes().len() < source.indexes().len());
}
