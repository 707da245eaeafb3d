//! Indexes and modules of a restore: compared, created, verified and waited for.

use crate::support::*;
use asnode::{
    Cluster, Collection, Index, IndexSource, IndexType, NamespaceConfig, Udf,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    error::Error,
    restore::{self, IndexConflict},
    stats::RestoreCounts,
};
use std::{fs, time::Duration};

pub(crate) fn index(name: &str, bin: &str) -> Index {
    Index {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        set: None,
        source: IndexSource::Bin {
            bin: bin.to_owned(),
            context: None,
        },
        value_type: IndexType::Numeric,
        collection: Collection::Default,
    }
}

fn module(content: &str) -> Udf {
    Udf {
        name: "m.lua".to_owned(),
        content: content.as_bytes().to_vec(),
    }
}

/// A backup of 100 records, index `i` on bin `n` and module `m.lua`.
async fn backup(path: &std::path::Path) -> Cluster {
    let source = cluster(1);
    fill(&source, 100);
    assert!(source.create_index(index("i", "n")));
    source.put_udf(module("return 1"));
    backup_ok(backup_config(&source, to_directory(path))).await;
    source
}

/// Restores that into a cluster with `existing`, and says what was there afterwards.
async fn over(
    existing: &[Index],
    existing_module: Option<Udf>,
    conflict: IndexConflict,
) -> (Result<(), Error>, RestoreCounts, Cluster) {
    let temporary = tempfile::tempdir().unwrap();
    backup(temporary.path()).await;
    let copy = cluster(2);
    for index in existing {
        assert!(copy.create_index(index.clone()));
    }
    existing_module
        .into_iter()
        .for_each(|udf| copy.put_udf(udf));
    let mut config = restore_config(&copy, temporary.path());
    config.index_conflict = conflict;
    let outcome = run_restore(config).await;
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced());
    (outcome.result, counts, copy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_already_is_left_alone() {
    for conflict in [
        IndexConflict::Replace,
        IndexConflict::Keep,
        IndexConflict::Fail,
    ] {
        let same = [index("i", "n"), index("other", "x")];
        let (result, counts, copy) = over(&same, Some(module("return 1")), conflict).await;
        result.unwrap();
        assert_eq!((counts.indexes_skipped, counts.udfs_skipped), (1, 1));
        assert_eq!((counts.inserted, copy.indexes().len()), (100, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_definition_is_replaced_or_kept_or_ends_the_restore() {
    use IndexConflict::{Fail, Keep, Replace};
    let old = [index("i", "old")];
    let (result, counts, copy) = over(&old, None, Replace).await;
    result.unwrap();
    assert_eq!((counts.indexes_skipped, counts.inserted), (0, 100));
    assert_eq!(copy.indexes(), [index("i", "n")]);

    let (result, counts, copy) = over(&old, None, Keep).await;
    result.unwrap();
    assert_eq!((counts.indexes_skipped, counts.inserted), (1, 100));
    assert_eq!(copy.indexes(), old);

    let (result, _, copy) = over(&old, None, Fail).await;
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    assert_eq!((copy.count(NAMESPACE), copy.indexes()), (0, old.to_vec()));
    assert!(copy.udfs().is_empty(), "nothing was written before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_another_name_keeps_it() {
    use IndexConflict::{Fail, Keep, Replace};
    let twin = [index("twin", "n")];
    for conflict in [Replace, Keep] {
        let (result, counts, copy) = over(&twin, None, conflict).await;
        result.unwrap();
        assert_eq!(counts.indexes_skipped, 1);
        assert_eq!(copy.indexes(), twin);
    }
    let (result, _, copy) = over(&twin, None, Fail).await;
    assert!(matches!(result, Err(Error::Conflict { .. })));
    assert_eq!(copy.count(NAMESPACE), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_of_other_content_is_replaced_or_kept_or_ends_the_restore() {
    use IndexConflict::{Fail, Keep, Replace};
    let old = || Some(module("return 2"));
    let (result, _, copy) = over(&[], old(), Replace).await;
    result.unwrap();
    assert_eq!(copy.udfs(), [module("return 1")]);
    let (result, counts, copy) = over(&[], old(), Keep).await;
    result.unwrap();
    assert_eq!((counts.udfs_skipped, counts.inserted), (1, 100));
    assert_eq!(copy.udfs(), [module("return 2")]);
    let (result, _, copy) = over(&[], old(), Fail).await;
    assert!(matches!(result, Err(Error::Conflict { .. })));
    assert_eq!((copy.count(NAMESPACE), copy.indexes().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_ends_when_its_indexes_are_built() {
    let temporary = tempfile::tempdir().unwrap();
    backup(temporary.path()).await;
    let copy = Cluster::builder()
        .nodes(2)
        .namespace(NamespaceConfig::new(NAMESPACE))
        .index_build_delay(Duration::MAX)
        .start()
        .unwrap();
    let job = restore::start(restore_config(&copy, temporary.path()));
    while copy.count(NAMESPACE) < 100 {
        assert!(!job.is_finished());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!job.is_finished(), "the index is not built yet");
    copy.finish_indexes();
    job.wait().await.result.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_cannot_be_created_does_not_stop_the_records() {
    let temporary = tempfile::tempdir().unwrap();
    backup(temporary.path()).await;
    for command in ["sindex-create", "udf-put"] {
        let copy = cluster(1);
        let refuse = Rule::new(On::Info, Reaction::InfoValue("ERROR:4:no"));
        copy.faults().add(refuse.command(command));
        let outcome = run_restore(restore_config(&copy, temporary.path())).await;
        let error = outcome.result.unwrap_err();
        assert!(matches!(error, Error::Globals { count: 1, .. }), "{error}");
        assert_eq!(copy.count(NAMESPACE), 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_name_for_two_definitions_ends_the_restore_before_it_begins() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("one.asb");
    let head = "Version 3.1\n# namespace test\n# first-file\n* i test s i N 1 a N\n";
    let record = "+ n test\n+ d AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n+ g 1\n+ t 0\n+ b 1\n- I n 1\n";
    let copy = cluster(1);
    fs::write(&path, format!("{head}* i test s i N 1 b N\n{record}")).unwrap();
    let error = run_restore(restore_config(&copy, &path)).await.result;
    assert!(matches!(error, Err(Error::IndexTwice { .. })), "{error:?}");
    assert_eq!((copy.count(NAMESPACE), copy.indexes().len()), (0, 0));
    // An exact repetition is taken once.
    fs::write(&path, format!("{head}* i test s i N 1 a N\n{record}")).unwrap();
    let counts = restore_ok(restore_config(&copy, &path)).await;
    assert_eq!((counts.indexes_read, counts.indexes_skipped), (2, 0));
    assert_eq!((copy.count(NAMESPACE), copy.indexes().len()), (1, 1));
}
