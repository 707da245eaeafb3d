//! Backups that are interrupted and continued: the union of their files holds each record once.

use crate::support::*;
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    backup::{self, BackupConfig, Scope, Selection, StateFile},
    error::{Error, ErrorClass, StateProblem},
    restore::{self, ValidateConfig},
};
use std::{fs, path::Path, time::Duration};

const RECORDS: u32 = 6000;

fn beside(name: &str) -> StateFile {
    StateFile::Beside(name.to_owned())
}

/// Runs a backup until about `after` records were sent, and lets it fail there.
async fn interrupt(source: &Cluster, config: BackupConfig, after: u64) -> Error {
    let outcome = run_until(source, impatient(config), after, 0).await;
    outcome.result.unwrap_err()
}

fn impatient(mut config: BackupConfig) -> BackupConfig {
    config.retry.attempts = 2;
    config.retry.base = Duration::from_millis(1);
    config
}

/// Asserts that the files decode strictly and hold the namespace, each record once.
async fn assert_whole(source: &Cluster, path: &Path) {
    let config = ValidateConfig {
        source: from_path(path),
        unwrap: restore::Unwrap::default(),
        trust: restore::Trust::default(),
        namespace: Some(NAMESPACE.to_owned()),
        bytes_per_second: 0,
        parallel: None,
    };
    let outcome = restore::validate(config, |report| {
        assert!(report.finding.is_none(), "{report:?}");
    })
    .wait()
    .await;
    outcome.result.unwrap();
    let copy = cluster(1);
    let restored = restore_ok(restore_config(&copy, path)).await;
    let records = content(source);
    let count = records.len() as u64;
    assert_eq!(
        (restored.records_read, restored.inserted),
        (count, count),
        "each record once"
    );
    assert_eq!(content(&copy), records);
}

/// A configuration that cuts its work into small pieces.
fn pieces(source: &Cluster, path: &Path) -> BackupConfig {
    let mut config = backup_config(source, to_directory(path));
    config.file_limit = 200_000;
    config.socket.read_buffer = 16 << 10;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_failed_goes_on_where_it_stopped() {
    let source = cluster_with_copies(2, 1);
    fill(&source, RECORDS);
    for (after, parallel_then, parallel_now) in [(250, 3, 3), (1250, 4, 1), (2700, 1, 6)] {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("set");
        let mut config = pieces(&source, &path);
        config.parallel = Some(parallel_then);
        interrupt(&source, config, after).await;
        assert!(
            names(&path).contains(&"test.asb.state".to_owned()),
            "{:?}",
            names(&path)
        );
        let sent = source.counters();
        let mut config = pieces(&source, &path);
        config.resume = Some(beside("test.asb.state"));
        config.parallel = Some(parallel_now);
        let counts = backup_ok(config).await;
        assert_eq!((counts.records_read, counts.resumes), (RECORDS.into(), 1));
        let again = source.counters().scan_records - sent.scan_records;
        assert!(
            again < u64::from(RECORDS) - after / 2,
            "{again} records were read after {after}"
        );
        let mut left = names(&path);
        assert_eq!(left.pop().as_deref(), Some("test.manifest.json"));
        assert!(left.iter().all(|name| name.ends_with(".asb")), "{left:?}");
        let bytes = left
            .iter()
            .map(|name| fs::metadata(path.join(name)).unwrap().len());
        assert_eq!(counts.bytes_written, bytes.sum::<u64>());
        assert_eq!(counts.files_written, left.len() as u64);
        assert_whole(&source, &path).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_file_goes_on_where_it_stopped() {
    let source = cluster(1);
    fill(&source, RECORDS);
    source.put_udf(asnode::Udf {
        name: "one.lua".to_owned(),
        content: b"return 1".to_vec(),
    });
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("all.asb");
    interrupt(&source, backup_config(&source, to_file(&path)), 3000).await;
    assert_eq!(names(temporary.path()), ["all.asb.part", "all.asb.state"]);
    let mut config = backup_config(&source, to_file(&path));
    config.resume = Some(beside("all.asb.state"));
    let counts = backup_ok(config).await;
    assert_eq!((counts.records_read, counts.udfs_read), (RECORDS.into(), 1));
    assert_eq!(
        names(temporary.path()),
        ["all.asb", "all.asb.manifest.json"]
    );
    assert_whole(&source, &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_again_and_again_it_ends_all_the_same() {
    let source = cluster_with_copies(3, 1);
    fill(&source, RECORDS);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let first = run_until(&source, impatient(pieces(&source, &path)), 100, 0).await;
    first.result.unwrap_err();
    let (mut rounds, mut earlier) = (1, first.stats.snapshot().records_read);
    loop {
        let mut config = pieces(&source, &path);
        config.resume = Some(beside("test.asb.state"));
        let outcome = run_until(&source, impatient(config), 100, earlier).await;
        let counts = outcome.stats.snapshot();
        if outcome.result.is_ok() {
            assert_eq!(counts.resumes, rounds);
            break;
        }
        earlier = counts.records_read;
        rounds += 1;
        assert!(rounds < 20, "no progress: {:?}", outcome.stats.snapshot());
    }
    assert!(rounds > 2, "it was not interrupted often enough");
    assert_whole(&source, &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_backup_can_be_continued() {
    let source = cluster(1);
    fill(&source, RECORDS);
    let slow = Rule::new(
        On::Scan,
        Reaction::Trickle {
            bytes_per_second: 100_000,
        },
    );
    source.faults().add(slow);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let state = temporary.path().join("here.state");
    let mut config = pieces(&source, &path);
    config.state_file = Some(StateFile::Local(state.clone()));
    config.durable_interval = Duration::from_millis(20);
    let job = backup::start(config);
    // A state on disk says that something is durable.
    let mut seen = false;
    while !seen && !job.is_finished() {
        tokio::task::yield_now().await;
        seen = fs::read_to_string(&state).is_ok_and(|text| text.contains(r#""closed":true"#));
    }
    assert!(seen, "no state was written while the backup ran");
    job.cancel_token().cancel();
    let error = job.wait().await.result.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Interrupted);
    source.faults().clear();
    let mut config = pieces(&source, &path);
    config.resume = Some(StateFile::Local(state.clone()));
    let counts = backup_ok(config).await;
    assert_eq!(counts.records_read, u64::from(RECORDS));
    assert!(!state.exists());
    assert_whole(&source, &path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_arguments_are_refused_by_name() {
    let source = cluster(1);
    fill(&source, RECORDS);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    interrupt(&source, pieces(&source, &path), 2000).await;
    let before = names(&path);
    type Change = fn(&mut BackupConfig);
    let changes: [(&str, Change); 14] = [
        ("--compact", |config| config.compact = true),
        ("--no-udfs", |config| config.no_udfs = true),
        ("--output-file-prefix", |config| {
            config.prefix = "p".to_owned()
        }),
        ("--set-list", |config| {
            config.selection.sets = vec!["orders".to_owned()];
        }),
        ("--bin-list", |config| {
            config.selection.bins = vec!["n".to_owned()];
        }),
        ("--no-bins", |config| config.selection.no_bins = true),
        ("--no-ttl-only", |config| {
            config.selection.no_ttl_only = true
        }),
        ("--modified-after", |config| {
            config.selection.modified_after = Some(0);
        }),
        ("--modified-before", |config| {
            config.selection.modified_before = Some(1);
        }),
        ("--filter-exp", |config| {
            config.selection.filter_expression = vec![0xc3];
        }),
        ("--max-records", |config| config.selection.max_records = 5),
        ("--partition-list", |config| {
            config.selection.scope = Scope::Partitions("0-9".parse().unwrap());
        }),
        ("--node-list", |config| {
            config.selection.scope = Scope::Nodes(vec!["A1".to_owned()]);
        }),
        ("--namespace", |config| {
            config.namespace = "other".to_owned()
        }),
    ];
    for (option, change) in changes {
        let mut config = pieces(&source, &path);
        config.resume = Some(beside("test.asb.state"));
        change(&mut config);
        let error = run_backup(config).await.result.unwrap_err();
        assert!(
            matches!(&error, Error::ContinueDiffers { option: found, .. } if found == option),
            "{option}: {error}"
        );
    }
    assert_eq!(names(&path), before, "nothing was touched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_lost_durable_bytes_is_found() {
    let source = cluster(1);
    fill(&source, RECORDS);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let config = backup_config(&source, to_directory(&path));
    interrupt(&source, config, 3000).await;
    let part = names(&path)
        .into_iter()
        .find(|name| name.ends_with(".part"))
        .unwrap();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(path.join(&part))
        .unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    let mut config = backup_config(&source, to_directory(&path));
    config.resume = Some(beside("test.asb.state"));
    let error = run_backup(config).await.result.unwrap_err();
    assert!(matches!(error, Error::Shortened { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Damage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_state_of_ours_is_refused() {
    let source = cluster(1);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    fs::create_dir(&path).unwrap();
    let check = async |content: &[u8], expected: StateProblem| {
        fs::write(path.join("x.state"), content).unwrap();
        let mut config = pieces(&source, &path);
        config.resume = Some(beside("x.state"));
        let error = run_backup(config).await.result.unwrap_err();
        assert!(
            matches!(&error, Error::State { problem, .. } if *problem == expected),
            "{error}"
        );
    };
    check(&fs::read(data("go.state")).unwrap(), StateProblem::Go).await;
    check(&[0x49; 196 * 8], StateProblem::Foreign).await;
    check(b"", StateProblem::Foreign).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_selection_goes_on_where_it_stopped() {
    let source = cluster_with_copies(2, 1);
    fill(&source, RECORDS);
    let sets = vec!["orders".to_owned(), "line items".to_owned()];
    let partitions = Scope::Partitions("100-3000".parse().unwrap());
    let is_selected = |record: &asnode::RawRecord| {
        record.set.is_some() && (100..3100).contains(&record.digest.partition().get())
    };
    let records = source.records(NAMESPACE);
    let all = records.iter().filter(|record| is_selected(record)).count() as u64;
    for max_records in [0, all - 100, all] {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("set");
        let selection = Selection {
            sets: sets.clone(),
            scope: partitions.clone(),
            max_records,
            ..Selection::default()
        };
        let config = BackupConfig {
            selection,
            ..pieces(&source, &path)
        };
        // One scan at a time: others would go on to the limit.
        let first = BackupConfig {
            parallel: Some(1),
            ..config.clone()
        };
        interrupt(&source, first, 1000).await;
        let config = BackupConfig {
            resume: Some(beside("test.asb.state")),
            ..config
        };
        let expected = if max_records == 0 { all } else { max_records };
        let counts = backup_ok(config).await;
        assert_eq!((counts.records_read, counts.resumes), (expected, 1));
        let copy = cluster(1);
        let restored = restore_ok(restore_config(&copy, &path)).await;
        assert_eq!(
            (restored.records_read, restored.inserted),
            (expected, expected)
        );
        copy.for_each(NAMESPACE, |record| assert!(is_selected(&record)));
    }
}
