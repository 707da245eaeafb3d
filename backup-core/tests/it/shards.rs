//! One backup by several processes: shards in one directory.

use crate::support::*;
use asnode::{
    Cluster, NodeLoss, Udf,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    backup::{
        BackupConfig, PartitionFilter, PartitionList, Scope, Shard, ShardViolation, ShardedRun,
        StateFile,
    },
    error::{Error, ErrorClass},
    lock::{Lock, LockRequest},
    manifest::{Manifest, Status},
    restore::Trust,
    storage::{LocalDir, Store},
};
use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const RUN: &str = "run-7";

fn shard(number: u16, count: u16) -> Shard {
    Shard { number, count }
}

/// The backup of one shard. Small pieces, so that an interruption leaves something.
fn part(source: &Cluster, path: &Path, shard: Shard) -> BackupConfig {
    let mut config = backup_config(source, to_directory(path));
    let run = RUN.to_owned();
    config.sharded = Some(ShardedRun { shard, run });
    config.file_limit = 50_000;
    config.socket.read_buffer = 16 << 10;
    config.parallel = Some(2);
    config
}

fn manifest(path: &Path, name: &str) -> Manifest {
    let content = fs::read(path.join(name)).unwrap();
    Manifest::decode(&content, None).unwrap().manifest
}

fn source(records: u32) -> Cluster {
    let source = cluster_with_copies(2, 1);
    fill(&source, records);
    source.put_udf(Udf {
        name: "one.lua".to_owned(),
        content: b"return 1".to_vec(),
    });
    source
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_in_any_order_make_the_backup_of_one_process() {
    let source = source(3000);
    let temporary = tempfile::tempdir().unwrap();
    let (one, many) = (temporary.path().join("one"), temporary.path().join("many"));
    backup_ok(backup_config(&source, to_directory(&one))).await;
    let mut seven: Vec<u16> = (1..=7).collect();
    fastrand::Rng::with_seed(3).shuffle(&mut seven);
    let (alone, together) = seven.split_at(4);
    let mut read = 0;
    for number in alone {
        let counts = backup_ok(part(&source, &many, shard(*number, 7))).await;
        assert_eq!(counts.udfs_read, u64::from(*number == 1));
        read += counts.records_read;
    }
    let copy = cluster(1);
    let error = run_restore(restore_config(&copy, &many)).await.result;
    let error = error.unwrap_err();
    assert_eq!(error.class(), ErrorClass::InputMissing);
    let mut missing = together.to_vec();
    missing.sort_unstable();
    let missing: Vec<_> = missing.iter().map(u16::to_string).collect();
    let text = error.to_string();
    assert!(text.contains(&missing.join(", ")), "{text}");
    let mut incomplete = restore_config(&copy, &many);
    incomplete.trust = Trust {
        allow_incomplete: true,
        ..Trust::default()
    };
    assert_eq!(restore_ok(incomplete).await.records_read, read);
    let last = together
        .iter()
        .map(|number| backup_ok(part(&source, &many, shard(*number, 7))));
    for counts in futures_join(last).await {
        read += counts.records_read;
    }
    assert_eq!(read, 3000);
    let whole = manifest(&many, "test.manifest.json");
    let single = manifest(&one, "test.manifest.json");
    assert_eq!((whole.status, whole.shard), (Status::Complete, None));
    assert_eq!(whole.run, RUN);
    assert_eq!(whole.partitions, single.partitions);
    assert_eq!(whole.udfs, single.udfs);
    let first_files = data_names(&many).into_iter().filter(|name| {
        let text = fs::read_to_string(many.join(name)).unwrap();
        text.contains("# first-file")
    });
    assert_eq!(first_files.count(), 1, "one file of the set is the first");
    let is_left = |name: &String| name.ends_with(".state") || name.ends_with(".lock");
    assert!(!names(&many).iter().any(is_left), "{:?}", names(&many));
    let copy = cluster(1);
    let restored = restore_ok(restore_config(&copy, &many)).await;
    assert_eq!((restored.records_read, restored.inserted), (3000, 3000));
    assert_same(&source, &copy);
}

/// All of them at the same time.
async fn futures_join<T: Send + 'static>(
    all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = all.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_selection_is_cut_without_gap_or_overlap() {
    let source = source(500);
    let digest = *content(&source).keys().nth(250).unwrap();
    let digest = backup_core::cluster::wire::digest::Digest(digest);
    let range = |begin, count| PartitionFilter::Range { begin, count };
    let list = PartitionList::new(vec![range(4000, 96), range(7, 3)]).unwrap();
    let nodes = source.seeds();
    let scopes = [
        (Scope::Partitions(list), 99, 5),
        (Scope::AfterDigest(digest), 0, 3),
        (Scope::Nodes(nodes[..1].to_vec()), 0, 4),
        // More shards than partitions: some have nothing to do, and say so.
        (
            Scope::Partitions(PartitionList::new(vec![range(9, 2)]).unwrap()),
            2,
            5,
        ),
    ];
    for (scope, partitions, count) in scopes {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("set");
        let one = temporary.path().join("one");
        let mut config = backup_config(&source, to_directory(&one));
        config.selection.scope = scope.clone();
        let expected = backup_ok(config).await.records_read;
        let mut read = 0;
        for number in 1..=count {
            let mut config = part(&source, &path, shard(number, count));
            config.selection.scope = scope.clone();
            read += backup_ok(config).await.records_read;
        }
        assert_eq!(read, expected, "{scope:?}");
        let whole = manifest(&path, "test.manifest.json");
        let single = manifest(&one, "test.manifest.json");
        assert_eq!(whole.partitions, single.partitions, "{scope:?}");
        if partitions > 0 {
            assert_eq!(whole.partitions.iter().count(), partitions);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_was_interrupted_goes_on_when_it_is_started_again() {
    let source = source(6000);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let reaction = Reaction::KillNode(NodeLoss::DataUnavailable);
    let rule = Rule::new(On::Scan, reaction)
        .node(0)
        .after_total_records(900);
    source.faults().add(rule.times(1));
    let mut config = part(&source, &path, shard(1, 2));
    (config.retry.attempts, config.retry.base) = (2, Duration::from_millis(1));
    run_backup(config).await.result.unwrap_err();
    source.faults().clear();
    source.restart_node(0).unwrap();
    let state = "test.asb.shard1of2.state".to_owned();
    assert!(names(&path).contains(&state), "{:?}", names(&path));
    // The other one does not mind.
    let other = backup_ok(part(&source, &path, shard(2, 2))).await;
    let counts = backup_ok(part(&source, &path, shard(1, 2))).await;
    assert_eq!(counts.resumes, 1);
    assert_eq!(counts.records_read + other.records_read, 6000);
    // Once more, with everything done.
    let before = names(&path);
    let again = backup_ok(part(&source, &path, shard(1, 2))).await;
    assert_eq!(again.records_read, counts.records_read);
    assert_eq!(names(&path), before);
    let copy = cluster(1);
    assert_eq!(
        restore_ok(restore_config(&copy, &path)).await.inserted,
        6000
    );
    assert_same(&source, &copy);
    let mut config = part(&source, &path, shard(1, 2));
    config.no_udfs = true;
    let error = run_backup(config).await.result.unwrap_err();
    assert!(matches!(error, Error::ContinueDiffers { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_shard_may_die_before_the_manifest_of_all_is_written() {
    let source = source(300);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    for number in [2, 1] {
        backup_ok(part(&source, &path, shard(number, 2))).await;
    }
    fs::remove_file(path.join("test.manifest.json")).unwrap();
    fs::write(path.join("test.asb.shard2of2.state"), state_text(RUN)).unwrap();
    backup_ok(part(&source, &path, shard(2, 2))).await;
    manifest(&path, "test.manifest.json");
    assert!(!path.join("test.asb.shard2of2.state").exists());
    // Nor does it need the manifests of shards once that is there.
    fs::remove_file(path.join("test.shard1of2.manifest.json")).unwrap();
    backup_ok(part(&source, &path, shard(1, 2))).await;
}

fn state_text(run: &str) -> String {
    format!(r#"{{"format":"absctl-state","version":1,"kind":"backup","run":"{run}"}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_of_the_run_is_refused_by_name() {
    let source = source(100);
    let check = async |files: &[(&str, &str)], entry: &str, run: &str| {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path();
        for (name, content) in files {
            fs::write(path.join(name), content).unwrap();
        }
        let before = names(path);
        let error = run_backup(part(&source, path, shard(2, 7))).await.result;
        let error = error.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::OtherRun { .. }), "{text}");
        assert!(text.contains(entry) && text.contains(run), "{text}");
        assert_eq!(names(path), before);
    };
    check(&[("notes.txt", "mine")], "notes.txt", RUN).await;
    check(&[("0_test_1.asb", "")], "0_test_1.asb", RUN).await;
    let data = "shard3of7_0_test_1.asb";
    check(&[(data, "")], data, RUN).await;
    let state = "test.asb.shard3of7.state";
    let foreign = state_text("run-8");
    check(&[(data, ""), (state, &foreign)], data, "run-8").await;
    let mine = state_text(RUN);
    let other_count = "shard3of9_0_test_1.asb";
    check(&[(other_count, ""), (state, &mine)], other_count, RUN).await;
    check(&[("other.shard3of7.lock", &mine)], "other.shard3of7", RUN).await;
    let whole = r#"{"format":"absctl-manifest","version":1,"run":"run-8"}"#;
    let name = "test.manifest.json";
    check(&[(name, whole)], name, "run-8").await;
    let metadata = "metadata_test_1.asb";
    check(&[(metadata, ""), (state, &mine)], metadata, RUN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_other_shards_of_the_run_are_no_obstacle() {
    let source = source(100);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    let files = [
        ("shard3of7_0_test_1.asb", ""),
        ("shard3of7_0_test_2.asb.part", ""),
        ("test.asb.shard3of7.state", &*state_text(RUN)),
        ("test.asb.shard3of7.state.00ff.part", "{"),
        ("test.shard4of7.lock.00ff.part", "{"),
        ("metadata_test_1.asb", ""),
        ("test.asb.shard1of7.state", &state_text(RUN)),
    ];
    for (name, content) in files {
        fs::write(path.join(name), content).unwrap();
    }
    let before = names(path);
    backup_ok(part(&source, path, shard(2, 7))).await;
    let left = names(path);
    assert!(before.iter().all(|name| left.contains(name)), "{left:?}");
    assert!(left.contains(&"test.shard2of7.manifest.json".to_owned()));
}

/// A lock of the shard as a machine that is not this one would write it.
fn foreign_lock(path: &Path, run: &str, ends_in: Duration) {
    let store: Arc<dyn Store> = Arc::new(LocalDir::new(path));
    let request = LockRequest {
        run: run.to_owned(),
        first_file: 1,
        shard: Some(shard(2, 7)),
    };
    let name = "test.shard2of7.lock";
    Lock::acquire(store, name, &request, SystemTime::now()).unwrap();
    let file = path.join(name);
    let content = fs::read_to_string(&file).unwrap();
    let mut lock: serde_json::Value = serde_json::from_str(&content).unwrap();
    lock["host"] = "elsewhere".into();
    let end = SystemTime::now() + ends_in;
    let end = end.duration_since(UNIX_EPOCH).unwrap().as_millis();
    lock["expires-ms"] = u64::try_from(end).unwrap().into();
    fs::write(&file, lock.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_waits_for_the_end_of_its_lost_machine() {
    let source = source(100);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    foreign_lock(path, RUN, Duration::from_secs(2));
    // What the lost process has left without a state is of no use.
    fs::write(path.join("shard2of7_0_test_9.asb"), "Version").unwrap();
    fs::write(path.join("shard2of7_1_test_8.asb.part"), "Version").unwrap();
    let counts = backup_ok(part(&source, path, shard(2, 7))).await;
    let left = names(path);
    assert!(!left.contains(&"shard2of7_0_test_9.asb".to_owned()));
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
    let own = manifest(path, "test.shard2of7.manifest.json");
    assert_eq!(own.totals.records, counts.records_read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_whose_lock_is_refreshed_is_alive() {
    let source = source(100);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    foreign_lock(path, RUN, Duration::from_secs(3600));
    let job = backup_core::backup::start(part(&source, path, shard(2, 7)));
    // Refreshed as often as it takes: the first look may come late.
    let mut ends_in = 3600;
    while !job.is_finished() {
        ends_in += 1;
        let lock = tempfile::tempdir().unwrap();
        foreign_lock(lock.path(), RUN, Duration::from_secs(ends_in));
        let name = "test.shard2of7.lock";
        fs::rename(lock.path().join(name), path.join(name)).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let error = job.wait().await.result.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Locked);
    assert_eq!(names(path), ["test.shard2of7.lock"]);
    // Whoever waits can be told not to.
    foreign_lock_over(path);
    let job = backup_core::backup::start(part(&source, path, shard(2, 7)));
    job.cancel_token().cancel();
    let error = job.wait().await.result.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Interrupted);
    // The lock of another run is not waited for.
    fs::remove_file(path.join("test.shard2of7.lock")).unwrap();
    foreign_lock(path, "run-8", Duration::from_secs(3600));
    let error = run_backup(part(&source, path, shard(2, 7))).await.result;
    let error = error.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Locked);
    assert!(error.to_string().contains("run-8"), "{error}");
}

fn foreign_lock_over(path: &Path) {
    fs::remove_file(path.join("test.shard2of7.lock")).unwrap();
    foreign_lock(path, RUN, Duration::from_secs(3600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_in_parts_is_refused() {
    let source = cluster(1);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let violations = async |change: &dyn Fn(&mut BackupConfig)| {
        let mut config = part(&source, &path, shard(2, 7));
        change(&mut config);
        match run_backup(config).await.result.unwrap_err() {
            Error::Sharding { violations } => violations,
            error => panic!("{error}"),
        }
    };
    let with = |number, count, run: &str| {
        let run = run.to_owned();
        move |config: &mut BackupConfig| {
            let (shard, run) = (shard(number, count), run.clone());
            config.sharded = Some(ShardedRun { shard, run });
        }
    };
    for (number, count) in [(0, 7), (8, 7), (1, 0), (1, 4097)] {
        let expected = [ShardViolation::NoShard { number, count }];
        assert_eq!(violations(&with(number, count, RUN)).await, expected);
    }
    for id in ["", "a/b", "a b", "é", &"x".repeat(65)] {
        let expected = [ShardViolation::RunId { id: id.to_owned() }];
        assert_eq!(violations(&with(1, 7, id)).await, expected);
    }
    let file = temporary.path().join("all.asb");
    let found = violations(&|config| config.target = to_file(&file)).await;
    assert!(found.contains(&ShardViolation::NoDirectory), "{found:?}");
    let found = violations(&|config| {
        config.remove_files = true;
        config.manifest = false;
        config.selection.max_records = 1;
        config.state_file = Some(StateFile::Beside("mine".to_owned()));
    });
    let name = "test.asb.shard2of7.state".to_owned();
    let expected = [
        ShardViolation::Replaces,
        ShardViolation::NoManifest,
        ShardViolation::MaxRecords,
        ShardViolation::StateFile { name },
    ];
    assert_eq!(found.await, expected);
    assert!(names(temporary.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_of_a_restore_share_the_files() {
    let source = source(2000);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let mut config = part(&source, &path, shard(1, 1));
    config.parallel = Some(3);
    backup_ok(config).await;
    let files = u16::try_from(data_names(&path).len()).unwrap();
    assert!(files > 3, "{files} files");
    for count in [2, 3, files + 2] {
        let copy = cluster(1);
        let (mut inserted, mut shares) = (0, 0);
        for number in (1..=count).rev() {
            let mut config = restore_config(&copy, &path);
            config.shard = Some(shard(number, count));
            config.run = Some(RUN.to_owned());
            let counts = restore_ok(config).await;
            inserted += counts.inserted;
            shares += u16::from(counts.inserted > 0);
            assert_eq!(counts.udfs_read, u64::from(number == 1));
        }
        assert_eq!(inserted, 2000);
        assert_eq!(shares, count.min(files - 1));
        assert_same(&source, &copy);
    }
    let copy = cluster(1);
    let mut config = restore_config(&copy, &path);
    config.run = Some("run-8".to_owned());
    let error = run_restore(config).await.result.unwrap_err();
    assert!(
        matches!(&error, Error::SourceOfOtherRun { found: Some(found), .. } if found == RUN),
        "{error}"
    );
    let mut config = restore_config(&copy, &path);
    config.shard = Some(shard(3, 2));
    let error = run_restore(config).await.result.unwrap_err();
    assert!(matches!(error, Error::Sharding { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_of_shards_is_replaced_and_removed_like_any_other() {
    let source = source(300);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    for number in 1..=3 {
        backup_ok(part(&source, &path, shard(number, 3))).await;
    }
    let mut config = backup_config(&source, to_directory(&path));
    (config.remove_files, config.parallel) = (true, Some(1));
    backup_ok(config).await;
    assert_eq!(
        names(&path),
        ["0_test_2.asb", "metadata_test_1.asb", "test.manifest.json"]
    );
    let path = temporary.path().join("other");
    for number in 1..=2 {
        backup_ok(part(&source, &path, shard(number, 3))).await;
    }
    backup_core::backup::remove_artifacts(&to_directory(&path)).unwrap();
    assert!(names(&path).is_empty(), "{:?}", names(&path));
}
