//! Incremental backups: a chain of them holds all that its cluster holds, whatever the clocks of
//! the nodes say.

use crate::support::*;
use asnode::{
    Cluster, RawRecord,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    backup::{BackupConfig, PartitionList, Scope, StateFile},
    error::{Error, ErrorClass},
    manifest::{Manifest, Status},
    storage::LocalDir,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const SECOND_NS: u64 = 1_000_000_000;

pub(crate) fn manifest(path: &Path) -> Manifest {
    let content = fs::read(path.join("test.manifest.json")).unwrap();
    Manifest::decode(&content, None).unwrap().manifest
}

/// A backup of `cluster` into `path`, of what has changed since `parent`.
pub(crate) fn after(cluster: &Cluster, parent: &Path, path: &Path) -> BackupConfig {
    BackupConfig {
        incremental_from: Some(Arc::new(LocalDir::new(parent))),
        ..backup_config(cluster, to_directory(path))
    }
}

pub(crate) fn full(cluster: &Cluster, path: &Path) -> BackupConfig {
    backup_config(cluster, to_directory(path))
}

/// The record with this number.
fn record(number: u32) -> RawRecord {
    RawRecord::for_key("chain", 3, format!("key-{number}").as_bytes())
}

/// Writes as a server does: one more generation, and a time that its master gives and that never
/// goes back.
fn write(cluster: &Cluster, number: u32, value: i64) {
    let new = record(number).bin(b"n", 1, &value.to_be_bytes());
    let old = cluster.get(NAMESPACE, &new.digest);
    let (generation, last_ms) = old.map_or((0, 0), |old| (old.generation, old.last_update_ms));
    let new = RawRecord {
        generation: generation % 60_000 + 1,
        last_update_ms: cluster.write_ms(NAMESPACE, &new.digest).max(last_ms),
        ..new
    };
    assert!(cluster.put(NAMESPACE, &new));
}

/// The number of a record whose master is this node.
fn number_on(cluster: &Cluster, node: usize) -> u32 {
    let is_there = |number: &u32| {
        let partition = record(*number).digest.partition().get();
        cluster.owners(NAMESPACE, partition).first() == Some(&node)
    };
    (0..).find(is_there).unwrap()
}

/// What a restore of the sets, one after the other, would leave: of each record the newest.
async fn union(chain: &[PathBuf]) -> BTreeMap<[u8; 20], String> {
    let mut all = BTreeMap::new();
    for path in chain {
        let copy = cluster(1);
        restore_ok(restore_config(&copy, path)).await;
        let found = content(&copy).into_iter();
        all.extend(found.map(|(digest, record)| (digest, format!("{record:?}"))));
    }
    all
}

/// Writes to records of chance until it is told to stop.
fn writer(
    cluster: &Arc<Cluster>,
    seed: u64,
    records: u32,
) -> (Arc<AtomicBool>, thread::JoinHandle<()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (cluster, stopped) = (Arc::clone(cluster), Arc::clone(&stop));
    let work = move || {
        let mut random = fastrand::Rng::with_seed(seed);
        while !stopped.load(Ordering::Relaxed) {
            write(&cluster, random.u32(..records), random.i64(..));
            thread::yield_now();
        }
    };
    (stop, thread::spawn(work))
}

async fn chain_holds_everything(seed: u64) {
    const RECORDS: u32 = 800;
    let mut random = fastrand::Rng::with_seed(seed);
    let source = Arc::new(cluster(3));
    for node in 0..3 {
        let skew = if node == 0 {
            -5000
        } else {
            random.i64(-5000..=5000)
        };
        source.clock().skew(node, skew);
    }
    (0..RECORDS).for_each(|number| write(&source, number, 0));
    let place = tempfile::tempdir().unwrap();
    let mut chain: Vec<PathBuf> = Vec::new();
    for link in 0..4 {
        let path = place.path().join(link.to_string());
        let mut config = match chain.last() {
            None => full(&source, &path),
            Some(parent) => after(&source, parent, &path),
        };
        // Long enough for writes behind the back of the scan; the last one finds the cluster quiet.
        config.records_per_second = 4000;
        let writing = (link < 3).then(|| writer(&source, seed + link, RECORDS + 100));
        backup_ok(config).await;
        if let Some((stop, thread)) = writing {
            stop.store(true, Ordering::Relaxed);
            thread.join().unwrap();
        }
        // Right behind it, and new ones too.
        for _ in 0..50 {
            write(&source, random.u32(..RECORDS + 200), random.i64(..));
        }
        chain.push(path);
    }
    let last = place.path().join("last");
    backup_ok(after(&source, &chain[3], &last)).await;
    chain.push(last);
    let expected = content(&source).into_iter();
    let expected: BTreeMap<_, _> = expected.map(|(d, r)| (d, format!("{r:?}"))).collect();
    let found = union(&chain).await;
    assert_eq!(found.len(), expected.len(), "seed {seed}");
    let differing = expected
        .iter()
        .filter(|(digest, record)| found.get(*digest) != Some(record));
    assert_eq!(differing.count(), 0, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_holds_everything_though_clocks_differ_and_writes_go_on() {
    for seed in [1, 20, 300] {
        chain_holds_everything(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_reaches_back_by_the_measured_skew_and_two_seconds() {
    let source = cluster(2);
    fill(&source, 500);
    source.clock().skew(0, -5000);
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    backup_ok(full(&source, &path("0"))).await;
    let first = manifest(&path("0"));
    let skew_ns = first.window.clock_skew_ns.unwrap();
    assert!(skew_ns >= 5 * SECOND_NS, "{skew_ns}");
    assert_eq!((first.parent, first.window.modified_after_ns), (None, None));

    let number = number_on(&source, 0);
    write(&source, number, 7);
    let stamped_ms = source
        .get(NAMESPACE, &record(number).digest)
        .unwrap()
        .last_update_ms;
    assert!(
        stamped_ms < source.clock().now_ms() - 4000,
        "by the clock that is behind"
    );
    let counts = backup_ok(after(&source, &path("0"), &path("1"))).await;
    assert_eq!(counts.records_read, 1);
    let second = manifest(&path("1"));
    let bound_ns = first.window.scan_start_ns - skew_ns - 2 * SECOND_NS;
    assert_eq!(second.window.modified_after_ns, Some(bound_ns));
    assert_eq!(counts.since_ns, bound_ns);
    assert_eq!(counts.overlap_ns, skew_ns + 2 * SECOND_NS);
    assert_eq!(second.parent, Some(first.run.clone()));
    assert_eq!(second.status, Status::Complete);
    assert_eq!(second.selection.get("--incremental-from"), Some(&first.run));

    // An incremental one of an incremental one begins where that one did.
    backup_ok(after(&source, &path("1"), &path("2"))).await;
    let third = manifest(&path("2"));
    let overlap_ns = second.window.clock_skew_ns.unwrap() + 2 * SECOND_NS;
    let bound_ns = second.window.scan_start_ns - overlap_ns;
    assert_eq!(third.window.modified_after_ns, Some(bound_ns));
    assert_eq!(third.parent, Some(second.run));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_put_back_since_makes_the_window_longer() {
    let source = cluster(2);
    fill(&source, 300);
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("0"), place.path().join("1"));
    backup_ok(full(&source, &first)).await;
    source.clock().skew(1, -600_000);
    write(&source, number_on(&source, 1), 7);
    let counts = backup_ok(after(&source, &first, &second)).await;
    assert_eq!(counts.records_read, 1);
    assert!(counts.overlap_ns >= 602 * SECOND_NS, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_clocks_cannot_be_measured_a_minute_is_allowed_for() {
    let source = cluster(2);
    fill(&source, 300);
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("0"), place.path().join("1"));
    let silent = Reaction::InfoValue("objects=300;effective_replication_factor=2");
    source
        .faults()
        .add(Rule::new(On::Info, silent).command("namespace").node(1));
    backup_ok(full(&source, &first)).await;
    assert_eq!(manifest(&first).window.clock_skew_ns, None);
    source.faults().clear();
    let counts = backup_ok(after(&source, &first, &second)).await;
    assert_eq!(counts.overlap_ns, 62 * SECOND_NS);
    assert!(manifest(&second).window.clock_skew_ns.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_backup_whose_window_has_an_end_the_next_begins_there() {
    let source = cluster(1);
    fill(&source, 300);
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("0"), place.path().join("1"));
    // 2010-01-01 and 1000 s: what was updated after is not in the first backup.
    let sealed_ns = (1_262_304_000 + 1000) * i64::try_from(SECOND_NS).unwrap();
    let mut late = record(1).bin(b"n", 1, &[0; 8]);
    late.last_update_ms = 1_000_000;
    assert!(source.put(NAMESPACE, &late));
    let mut config = full(&source, &first);
    config.selection.modified_before = Some(sealed_ns);
    assert_eq!(backup_ok(config).await.records_read, 300);
    let counts = backup_ok(after(&source, &first, &second)).await;
    assert_eq!(counts.records_read, 1);
    assert_eq!(counts.since_ns, u64::try_from(sealed_ns).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_continued_one_keeps_its_window_and_its_parent() {
    let source = cluster_with_copies(2, 1);
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    backup_ok(full(&source, &path("0"))).await;
    backup_ok(full(&source, &path("other"))).await;
    (0..4000).for_each(|number| write(&source, number, 1));
    let state = StateFile::Beside("s.state".to_owned());
    let mut first = after(&source, &path("0"), &path("1"));
    first.state_file = Some(state.clone());
    first.durable_interval = Duration::from_millis(1);
    first.durable_records = 50;
    first.retry.attempts = 2;
    let failed = run_until(&source, first, 600, 0).await;
    assert!(failed.result.is_err());
    let since_ns = failed.stats.snapshot().since_ns;
    // Behind by more than before: the window must not follow.
    source.clock().skew(1, -300_000);

    let again = |parent: Option<&str>| BackupConfig {
        incremental_from: parent.map(|name| Arc::new(LocalDir::new(path(name))) as Arc<_>),
        resume: Some(state.clone()),
        ..full(&source, &path("1"))
    };
    for parent in [Some("other"), None] {
        let error = run_backup(again(parent)).await.result.unwrap_err();
        let is_named = matches!(&error, Error::ContinueDiffers { option, .. } if option == "--incremental-from");
        assert!(is_named, "{error}");
    }
    let counts = backup_ok(again(Some("0"))).await;
    assert_eq!((counts.since_ns, counts.resumes), (since_ns, 1));
    assert_eq!(counts.records_read, 4000, "each once");
    let written = manifest(&path("1"));
    assert_eq!(written.window.modified_after_ns, Some(since_ns));
    assert!(written.window.clock_skew_ns.unwrap() >= 300 * SECOND_NS);
    assert_eq!(written.parent, Some(manifest(&path("0")).run));
}

type Change = fn(&mut BackupConfig);
type Spoil = fn(&Path);

/// A backup changed by `before`, and one that goes on from it, changed by `now`: it is refused.
async fn refused(before: Change, spoil: Spoil, now: Change, part: &str, class: ErrorClass) {
    let source = cluster(1);
    fill(&source, 60);
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("0"), place.path().join("1"));
    let mut config = full(&source, &first);
    before(&mut config);
    backup_ok(config).await;
    spoil(&first);
    let mut config = after(&source, &first, &second);
    now(&mut config);
    let error = run_backup(config).await.result.expect_err(part);
    assert!(chain(&error).contains(part), "{part}: {}", chain(&error));
    assert_eq!(error.class(), class, "{part}");
    assert!(error.advice().is_some() || matches!(error, Error::Unsupported(_) | Error::Storage(_)));
    assert!(!second.exists(), "{part}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn selections_that_would_leave_gaps_are_refused_by_name() {
    use ErrorClass::General;
    let (as_it_is, whole): (Change, Spoil) = (|_| {}, |_| {});
    let parents: [(Change, &str); 6] = [
        (|c| c.selection.max_records = 10, "made with --max-records"),
        (|c| c.selection.no_bins = true, "made with --no-bins"),
        (|c| c.no_records = true, "made with --no-records"),
        (
            |c| c.selection.modified_after = Some(1),
            "made with --modified-after",
        ),
        (
            |c| c.selection.sets = vec!["orders".into()],
            "--set-list differs: \"orders\" then, not given now",
        ),
        (|c| c.manifest = false, "it has no manifest"),
    ];
    for (parent, part) in parents {
        refused(parent, whole, as_it_is, part, General).await;
    }
    let now: [(Change, &str); 9] = [
        (
            |c| c.selection.sets = vec!["orders".into()],
            "--set-list differs",
        ),
        (
            |c| c.selection.bins = vec!["n".into()],
            "--bin-list differs",
        ),
        (|c| c.selection.no_ttl_only = true, "--no-ttl-only differs"),
        (
            |c| c.selection.scope = Scope::Partitions("0-100".parse::<PartitionList>().unwrap()),
            "--partition-list differs",
        ),
        (
            |c| c.selection.scope = Scope::Nodes(vec!["A1".into()]),
            "by nodes or racks",
        ),
        (|c| c.selection.no_bins = true, "with their bins"),
        (|c| c.no_records = true, "with their bins"),
        (|c| c.selection.max_records = 3, "not a number of them"),
        (
            |c| c.selection.modified_after = Some(1),
            "its time window itself",
        ),
    ];
    for (now, part) in now {
        refused(as_it_is, whole, now, part, General).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_that_are_not_whole_are_refused_by_name() {
    use ErrorClass::{Damage, General, InputMissing};
    let as_it_is: Change = |_| {};
    let data = |path: &Path| path.join(&data_names(path)[0]);
    let spoiled: [(Spoil, &str, ErrorClass); 6] = [
        (
            |path| {
                let mut later = manifest(path);
                later.window.scan_start_ns += 86_400 * SECOND_NS;
                let content = later.encode(None).unwrap();
                fs::write(path.join("test.manifest.json"), content).unwrap();
            },
            "it began in the future",
            General,
        ),
        (
            |path| fs::remove_file(path.join("test.manifest.json")).unwrap(),
            "it has no manifest",
            General,
        ),
        (
            |path| {
                fs::remove_file(path.join("test.manifest.json")).unwrap();
                fs::write(path.join("0_test_9.asb.part"), "x").unwrap();
            },
            "it was never completed: 0_test_9.asb.part",
            InputMissing,
        ),
        (
            |path| fs::write(path.join("test.manifest.json"), "{}").unwrap(),
            "it is not whole: test.manifest.json cannot be used",
            Damage,
        ),
        (
            |path| fs::remove_dir_all(path).unwrap(),
            "o such file or directory",
            InputMissing,
        ),
        (
            |path| fs::write(path.join("9_test_9.asb"), "x").unwrap(),
            "does not belong to the set",
            Damage,
        ),
    ];
    for (spoil, part, class) in spoiled {
        refused(as_it_is, spoil, as_it_is, part, class).await;
    }
    let source = cluster(1);
    fill(&source, 60);
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("0");
    backup_ok(full(&source, &path)).await;
    // It would take the place of what it goes on from.
    let mut config = after(&source, &path, &path);
    config.remove_files = true;
    let error = run_backup(config).await.result.unwrap_err();
    assert!(
        chain(&error).contains("it is in the target"),
        "{}",
        chain(&error)
    );
    assert!(path.join("test.manifest.json").exists() && data(&path).exists());
    // Of another namespace.
    let other = Cluster::builder()
        .namespace(asnode::NamespaceConfig::new("other"))
        .start()
        .unwrap();
    let mut config = after(&other, &path, &place.path().join("1"));
    config.namespace = "other".to_owned();
    let error = run_backup(config).await.result.unwrap_err();
    let part = "it is a backup of namespace test, not of other";
    assert!(chain(&error).contains(part), "{}", chain(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_another_cluster_is_refused() {
    let named = |name| {
        let builder = Cluster::builder().cluster_name(name);
        builder
            .namespace(asnode::NamespaceConfig::new(NAMESPACE))
            .start()
            .unwrap()
    };
    let (one, other) = (named("one"), named("other"));
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    backup_ok(full(&one, &path("0"))).await;
    backup_ok(after(&one, &path("0"), &path("1"))).await;
    let error = run_backup(after(&other, &path("0"), &path("2")))
        .await
        .result
        .unwrap_err();
    let part = "it is a backup of cluster \"one\", and this is \"other\"";
    assert!(chain(&error).contains(part), "{}", chain(&error));
    assert!(!path("2").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_the_chain_is_needed() {
    use backup_core::{
        backup::Wrap,
        envelope::{KeyBytes, KeySize},
    };
    let wrap = |byte: u8| Wrap {
        key: Some(KeyBytes::raw(&[byte; 32]).unwrap().key(KeySize::Aes128)),
        ..Wrap::default()
    };
    let source = cluster(1);
    fill(&source, 60);
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    for (name, wrap) in [("keyed", wrap(1)), ("plain", Wrap::default())] {
        let config = BackupConfig {
            wrap,
            ..full(&source, &path(name))
        };
        backup_ok(config).await;
    }
    for (parent, byte, part) in [
        ("keyed", 2, "the encryption key is not the one"),
        ("plain", 1, "is not authenticated"),
    ] {
        let config = BackupConfig {
            wrap: wrap(byte),
            ..after(&source, &path(parent), &path("1"))
        };
        let error = run_backup(config).await.result.unwrap_err();
        assert!(chain(&error).contains(part), "{}", chain(&error));
        assert_eq!(error.class(), ErrorClass::Access);
        assert!(error.advice().unwrap().contains("same encryption key"));
    }
    let config = BackupConfig {
        wrap: wrap(1),
        ..after(&source, &path("keyed"), &path("1"))
    };
    backup_ok(config).await;
}
