//! Restores that are interrupted and continued: every record is restored, and counted once.

use crate::support::*;
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    error::Error,
    handle::Outcome,
    restore::{self, RestoreConfig, RestoreSource, StateOptions},
    stats::RestoreStats,
};
use backup_storage::LocalDir;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

const RECORDS: u32 = 6000;

fn options(state: &Path, resume: bool) -> Option<StateOptions> {
    Some(StateOptions {
        resume,
        interval: Duration::from_millis(5),
        ..StateOptions::new(state)
    })
}

fn config(target: &Cluster, set: &Path, state: &Path) -> RestoreConfig {
    RestoreConfig {
        state: options(state, false),
        batch_rows: 50,
        batches_in_flight: 2,
        ..restore_config(target, set)
    }
}

/// Runs a restore until the target has taken so many rows, and cancels it there.
async fn interrupt(target: &Cluster, config: RestoreConfig, rows: u64) -> Outcome<RestoreStats> {
    let slow = Reaction::Delay(Duration::from_millis(2));
    target.faults().add(Rule::new(On::Batch, slow));
    let job = restore::start(config);
    while target.counters().batch_rows < rows && !job.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await; // a counter cannot be awaited
    }
    job.cancel_token().cancel();
    let outcome = job.wait().await;
    target.faults().clear();
    outcome
}

/// A directory with a backup of a cluster with data.
async fn backed_up(path: &Path) -> Cluster {
    let source = cluster(1);
    fill(&source, RECORDS);
    backup_ok(backup_config(&source, to_directory(path))).await;
    source
}

struct Places {
    _directory: tempfile::TempDir,
    set: PathBuf,
    state: PathBuf,
}

fn places() -> Places {
    let directory = tempfile::tempdir().unwrap();
    let (set, state) = (directory.path().join("set"), directory.path().join("state"));
    Places {
        _directory: directory,
        set,
        state,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interruptions_add_up_to_one_restore() {
    let Places {
        _directory,
        set,
        state,
    } = places();
    let source = backed_up(&set).await;
    let target = cluster(2);
    let mut now = config(&target, &set, &state);
    let mut resumes = 0;
    for share in [4, 2] {
        for parallel in [1, 3] {
            now.parallel = Some(parallel);
            let rows = target.counters().batch_rows + u64::from(RECORDS) / share / 2;
            let outcome = interrupt(&target, now.clone(), rows).await;
            let counts = outcome.stats.snapshot();
            assert!(counts.is_balanced(), "{counts:?}");
            if outcome.result.is_ok() {
                continue;
            }
            assert!(state.exists());
            now.state = options(&state, true);
            resumes += 1;
        }
    }
    assert!(resumes > 1);
    if state.exists() {
        let counts = restore_ok(now).await;
        assert_eq!(
            (counts.records_read, counts.resumes),
            (RECORDS.into(), resumes)
        );
        assert_eq!(counts.inserted + counts.fresher, u64::from(RECORDS));
    }
    assert!(!state.exists());
    assert_same(&source, &target);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_record_is_tried_again() {
    let Places {
        _directory,
        set,
        state,
    } = places();
    let source = backed_up(&set).await;
    let target = cluster(1);
    let refusal = Rule::new(On::BatchRow, Reaction::Result(22)).skip(3000);
    target.faults().add(refusal.times(1));
    let mut now = config(&target, &set, &state);
    let outcome = run_restore(now.clone()).await;
    assert!(matches!(outcome.result, Err(Error::RecordRefused { .. })));
    assert!(outcome.stats.snapshot().failed > 0);
    target.faults().clear();
    now.state = options(&state, true);
    let counts = restore_ok(now).await;
    assert_eq!(counts.failed, 0, "{counts:?}");
    assert_eq!(counts.records_read, u64::from(RECORDS));
    assert_same(&source, &target);
}

/// A large plain file is opened behind what is finished: nothing before that is read, and with a
/// manifest what is read is checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_finished_is_not_read_again() {
    let Places {
        _directory,
        set,
        state,
    } = places();
    let source = cluster(1);
    let long = vec![b'x'; 30_000];
    for number in 0..1200 {
        let key = format!("key-{number}");
        let record = asnode::RawRecord::for_key("", 3, key.as_bytes()).bin(b"text", 3, &long);
        assert!(source.put(NAMESPACE, &record));
    }
    let mut whole = backup_config(&source, to_directory(&set));
    whole.parallel = Some(1);
    backup_ok(whole).await;
    let file = set.join(data_names(&set).pop().unwrap());
    let content = fs::read(&file).unwrap();
    assert!(content.len() > 32 << 20);
    let target = cluster(1);
    let mut now = config(&target, &set, &state);
    now.parallel = Some(1);
    let outcome = interrupt(&target, now.clone(), 700).await;
    assert!(matches!(outcome.result, Err(Error::Cancelled)));
    let before = outcome.stats.snapshot();
    // In the second block of 4 MiB, and in the last.
    let alter = |at: usize| {
        let mut altered = content.clone();
        altered[at] ^= 1;
        fs::write(&file, altered).unwrap();
    };
    now.state = options(&state, true);
    alter(content.len() - 100);
    let failed = run_restore(now.clone()).await.result.unwrap_err();
    assert!(matches!(failed, Error::Altered { .. }), "{failed:?}");
    alter(5 << 20);
    let counts = restore_ok(now).await;
    assert_eq!((counts.records_read, counts.resumes), (1200, 2));
    assert_eq!(counts.bytes_read, content.len() as u64);
    assert!(before.inserted < 1200);
    assert_eq!(content_count(&target), 1200);
    assert_eq!(
        crate::support::content(&source),
        crate::support::content(&target)
    );
}

fn content_count(cluster: &Cluster) -> u64 {
    cluster.count(NAMESPACE)
}

/// Definitions are dealt with again by a continuation, and counted once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_not_lost() {
    for last in [false, true] {
        let Places {
            _directory,
            set,
            state,
        } = places();
        let source = cluster(1);
        fill(&source, RECORDS);
        source.put_udf(asnode::Udf {
            name: "one.lua".to_owned(),
            content: b"return 1".to_vec(),
        });
        let file = set.with_extension("asb");
        backup_ok(backup_config(&source, to_file(&file))).await;
        let target = cluster(1);
        let mut now = config(&target, &file, &state);
        now.apply_metadata_last = last;
        let outcome = interrupt(&target, now.clone(), 3000).await;
        assert!(matches!(outcome.result, Err(Error::Cancelled)));
        assert_eq!(target.udfs().is_empty(), last);
        now.state = options(&state, true);
        let counts = restore_ok(now).await;
        assert_eq!((counts.udfs_read, counts.udfs_skipped), (1, 0), "{last}");
        assert_eq!(counts.records_read, u64::from(RECORDS));
        assert_same(&source, &target);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_directories_go_on() {
    let (one, two) = (places(), places());
    let (first, second) = (cluster(1), cluster(1));
    fill(&first, RECORDS);
    fill(&second, 10);
    backup_ok(backup_config(&first, to_directory(&one.set))).await;
    backup_ok(backup_config(&second, to_directory(&two.set))).await;
    let target = cluster(1);
    let mut now = config(&target, &one.set, &one.state);
    let store = |path: &Path| -> Arc<dyn backup_storage::Store> { Arc::new(LocalDir::new(path)) };
    now.source = RestoreSource::Directories(vec![store(&one.set), store(&two.set)]);
    let outcome = interrupt(&target, now.clone(), 3000).await;
    assert!(matches!(outcome.result, Err(Error::Cancelled)));
    now.state = options(&one.state, true);
    let mut other = now.clone();
    other.source = from_path(&one.set);
    let refused = run_restore(other).await.result.unwrap_err();
    assert!(
        matches!(refused, Error::ContinueDiffers { .. }),
        "{refused:?}"
    );
    let counts = restore_ok(now).await;
    assert_eq!(counts.records_read, u64::from(RECORDS) + 10);
    assert_eq!(content_count(&target), u64::from(RECORDS));
}
