//! Restoring a chain of incremental backups: of each record the newest form, whatever the order
//! of the list, and nothing at all when the list is no chain.

use crate::{
    incremental::{after, full, manifest},
    input::{directories, fails, from},
    support::*,
    validate::validate_by,
};
use asnode::{
    Cluster, NamespaceConfig, RawRecord, Udf,
    faults::{On, Reaction, Rows, Rule},
};
use backup_core::{
    error::ErrorClass,
    manifest::{Manifest, Status},
    names::Shard,
    restore::{Clock, Existing, Finding, Trust, WritePolicy},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

const RECORDS: u32 = 300;

/// Seconds that some records live: less than passes before the restore.
const SHORT: u32 = 500;

/// Seconds between the last backup and the restore.
const PASSED: u32 = 1000;

/// Milliseconds by which records are older than the window of the next backup.
const AGE_MS: u64 = 3_600_000;

/// A record with some of four bins, made now.
fn record(random: &mut fastrand::Rng, source: &Cluster, number: u32, generation: u16) -> RawRecord {
    let key = format!("key-{number}");
    let mut record = RawRecord::for_key("chain", 3, key.as_bytes());
    let some = random.u8(1..16);
    for bin in 0..4_u8 {
        if some & (1 << bin) != 0 {
            let value = random.i64(..).to_be_bytes();
            record = record.bin(&[b'a' + bin], 1, &value);
        }
    }
    record.generation = generation;
    record.void_time = match random.u8(0..6) {
        0 => source.clock().now_s() + SHORT,
        1 => source.clock().now_s() + 1_000_000,
        _ => 0,
    };
    record.last_update_ms = source.write_ms(NAMESPACE, &record.digest);
    record
}

/// Updates that drop bins, records deleted, and some of them made anew. Notes what was deleted.
fn change(random: &mut fastrand::Rng, source: &Cluster, deleted: &mut BTreeSet<[u8; 20]>) {
    for _ in 0..RECORDS / 2 {
        let number = random.u32(..RECORDS);
        let new = record(random, source, number, 1);
        let digest = new.digest;
        let old = source.get(NAMESPACE, &digest);
        deleted.remove(&digest.0);
        match random.u8(0..4) {
            0 => {
                source.delete(NAMESPACE, &digest);
                deleted.insert(digest.0);
            }
            1 => assert!(source.put(NAMESPACE, &new)), // as one deleted and made anew
            _ => {
                let generation = old.map_or(1, |old| old.generation + 1);
                assert!(source.put(NAMESPACE, &RawRecord { generation, ..new }));
            }
        }
    }
}

/// Puts everything out of the window of the next backup.
fn age(source: &Cluster) {
    for mut record in source.records(NAMESPACE) {
        record.last_update_ms = record.last_update_ms.saturating_sub(AGE_MS);
        assert!(source.put(NAMESPACE, &record));
    }
}

/// The records that have not expired, with what a restore brings back of them.
fn living(cluster: &Cluster) -> BTreeMap<[u8; 20], (String, u32)> {
    let now = cluster.clock().now_s();
    let all = content(cluster).into_iter();
    let living = all.filter(|(_, (_, void_time))| *void_time == 0 || *void_time > now);
    living
        .map(|(digest, (record, void_time))| (digest, (format!("{record:?}"), void_time)))
        .collect()
}

/// A full backup and three after it, with changes in between.
async fn chain_of_four(
    random: &mut fastrand::Rng,
    place: &Path,
) -> (Cluster, Vec<PathBuf>, BTreeSet<[u8; 20]>) {
    let source = cluster(2);
    for number in 0..RECORDS {
        let generation = random.u16(1..200);
        let record = record(random, &source, number, generation);
        assert!(source.put(NAMESPACE, &record));
    }
    let mut deleted = BTreeSet::new();
    let mut chain = vec![place.join("d")];
    backup_ok(full(&source, &chain[0])).await;
    for name in ["b", "c", "a"] {
        age(&source);
        change(random, &source, &mut deleted);
        let path = place.join(name);
        let read = backup_ok(after(&source, chain.last().unwrap(), &path)).await;
        assert!(read.records_read < RECORDS.into(), "only what has changed");
        chain.push(path);
    }
    (source, chain, deleted)
}

async fn newest_wins(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let place = tempfile::tempdir().unwrap();
    let (source, chain, deleted) = chain_of_four(&mut random, place.path()).await;
    let copy = cluster(2);
    for cluster in [&source, &copy] {
        cluster.clock().advance(Duration::from_secs(PASSED.into()));
    }
    let mut list: Vec<&Path> = chain.iter().map(PathBuf::as_path).collect();
    random.shuffle(&mut list);
    let mut config = from(directories(&list), &copy);
    config.clock = Clock::Fixed(source.clock().now_s());
    config.batch_rows = random.usize(1..50);
    config.single_writes = seed.is_multiple_of(3);
    let outcome = run_restore(config).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced(), "{counts:?}");
    let sets = outcome.stats.sets();
    let order: Vec<_> = sets.iter().map(|set| set.source.clone()).collect();
    let expected: Vec<_> = chain
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(order, expected, "the manifests decide");
    let read = sets.iter().map(|set| set.counts.records_read);
    assert_eq!(read.sum::<u64>(), counts.records_read);
    copy.clock().advance(Duration::from_secs(2)); // for what was only to take an older form away
    let (expected, mut found) = (living(&source), living(&copy));
    for (digest, (record, void_time)) in &expected {
        let Some((copied, copied_void_time)) = found.remove(digest) else {
            panic!("seed {seed}: {digest:02x?} is missing")
        };
        assert_eq!(copied, *record, "seed {seed}");
        assert_eq!(copied_void_time == 0, *void_time == 0, "seed {seed}");
        assert!(copied_void_time.abs_diff(*void_time) < 120, "seed {seed}");
    }
    for digest in found.keys() {
        assert!(deleted.contains(digest), "seed {seed}: {digest:02x?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_each_record_the_newest_form_wins_in_any_order_of_the_list() {
    for seed in 1..=8 {
        newest_wins(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_is_written_to_its_end_before_the_next_one_begins() {
    // Every record is in each set; answers are late and lost all the time.
    let (source, copy) = (cluster(1), cluster(2));
    let place = tempfile::tempdir().unwrap();
    let path = |link: usize| place.path().join(link.to_string());
    for link in 0..3 {
        for number in 0..400_u32 {
            let key = format!("key-{number}");
            let mut record = RawRecord::for_key("chain", 3, key.as_bytes()).bin(
                b"link",
                1,
                &(link as u64).to_be_bytes(),
            );
            record.last_update_ms = source.write_ms(NAMESPACE, &record.digest);
            assert!(source.put(NAMESPACE, &record));
        }
        match link {
            0 => backup_ok(full(&source, &path(0))).await,
            _ => backup_ok(after(&source, &path(link - 1), &path(link))).await,
        };
    }
    let late = Rule::new(On::Batch, Reaction::Delay(Duration::from_millis(20)));
    copy.faults().add(late.node(1).times(10));
    let lost = Rule::new(On::Batch, Reaction::ApplyThenDrop);
    copy.faults().add(lost.times(5));
    let busy = Rule::new(On::BatchRow, Reaction::Result(14)).rows(Rows::Percent(10));
    copy.faults().add(busy.times(60));
    let list = [path(2), path(0), path(1)];
    let list: Vec<&Path> = list.iter().map(PathBuf::as_path).collect();
    let mut config = from(directories(&list), &copy);
    config.batch_rows = 16;
    let counts = restore_ok(config).await;
    assert!(counts.retries > 0);
    let plain = |cluster: &Cluster| {
        let all = content(cluster).into_iter();
        all.map(|(digest, (record, _))| (digest, record))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(plain(&copy), plain(&source));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_those_of_the_newest_set_that_has_them() {
    let source = cluster(1);
    fill(&source, 50);
    let module = |content: &str| Udf {
        name: "module.lua".to_owned(),
        content: content.as_bytes().to_vec(),
    };
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let index = |bin: &str| crate::policy::index(NAMESPACE, bin, Some("orders"));
    source.create_index(index("old"));
    source.put_udf(module("return 1"));
    backup_ok(full(&source, &path("0"))).await;
    source.create_index(index("new"));
    source.put_udf(module("return 2"));
    backup_ok(after(&source, &path("0"), &path("1"))).await;
    let mut config = after(&source, &path("1"), &path("2"));
    (config.no_indexes, config.no_udfs) = (true, true);
    backup_ok(config).await;
    for last in [false, true] {
        let copy = cluster(1);
        let paths = [path("2"), path("1"), path("0")];
        let list: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let mut config = from(directories(&list), &copy);
        config.apply_metadata_last = last;
        let counts = restore_ok(config).await;
        assert_eq!((counts.indexes_read, counts.indexes_skipped), (3, 1));
        assert_eq!((counts.udfs_read, counts.udfs_skipped), (2, 1));
        assert_eq!(copy.udfs(), [module("return 2")]);
        assert_eq!(copy.indexes(), source.indexes());
    }
}

type Spoil = fn(&mut Manifest);

/// Changes the manifest of a set.
fn edit(path: &Path, spoil: impl FnOnce(&mut Manifest)) {
    let mut manifest = manifest(path);
    spoil(&mut manifest);
    let content = manifest.encode(None).unwrap();
    fs::write(path.join("test.manifest.json"), content).unwrap();
}

/// Records that were changed just now, so that they are in every set.
fn fill_now(source: &Cluster) {
    fill(source, 60);
    for mut record in source.records(NAMESPACE) {
        record.last_update_ms = source.write_ms(NAMESPACE, &record.digest);
        assert!(source.put(NAMESPACE, &record));
    }
}

/// A full backup, three after it one after the other, and others, by their names.
async fn sets(place: &Path) {
    let source = cluster(1);
    fill_now(&source);
    let path = |name: &str| place.join(name);
    backup_ok(full(&source, &path("0"))).await;
    for (parent, name) in [("0", "1"), ("1", "2"), ("2", "3"), ("0", "fork")] {
        backup_ok(after(&source, &path(parent), &path(name))).await;
    }
    backup_ok(full(&source, &path("other"))).await;
    let mut config = full(&source, &path("bare"));
    config.manifest = false;
    backup_ok(config).await;
}

/// A list that is refused before anything is written, by a message with `part`.
async fn refused(place: &Path, list: &[&str], part: &str, class: ErrorClass) {
    let copy = cluster(1);
    let paths: Vec<_> = list.iter().map(|name| place.join(name)).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let (error, counts) = fails(from(directories(&paths), &copy)).await;
    assert!(chain(&error).contains(part), "{part}: {}", chain(&error));
    assert_eq!(error.class(), class, "{part}");
    assert!(error.advice().is_some(), "{part}");
    assert_eq!((copy.count(NAMESPACE), counts.records_read), (0, 0));
    // A validation finds the same.
    let (result, reports) = validate_by(Path::new("/"), |config| {
        config.source = directories(&paths);
    })
    .await;
    result.unwrap_err();
    let mut findings = reports.iter().filter_map(|report| match &report.finding {
        Some(Finding::Error(error)) => Some(chain(error)),
        _ => None,
    });
    assert!(findings.any(|found| found.contains(part)), "{part}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_chain_is_refused_by_name_before_anything_is_written() {
    use ErrorClass::{General, InputMissing};
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    sets(place).await;
    let run = manifest(&place.join("1")).run;
    let missing = format!("goes on from the backup of run {run}, which is not in the list");
    refused(place, &["3", "0", "2"], &missing, InputMissing).await;
    let none = "which is not in the list";
    refused(place, &["1", "2"], none, InputMissing).await;
    refused(place, &["1", "0", "bare"], "it has no manifest", General).await;
    let same = "0 is the same backup";
    refused(place, &["0", "1", "0"], same, General).await;
    let both = "it is a full backup, and so is ";
    refused(place, &["0", "1", "other"], both, General).await;
    refused(place, &["1", "0", "fork"], "and so does ", General).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_that_hold_parts_or_leave_gaps_are_refused() {
    use ErrorClass::General;
    let check = async |name: &str, spoil: Spoil, part: &str| {
        let place = tempfile::tempdir().unwrap();
        sets(place.path()).await;
        edit(&place.path().join(name), spoil);
        refused(place.path(), &["1", "0", "2"], part, General).await;
    };
    check(
        "1",
        |set| drop(set.selection.insert("--bin-list".into(), "n".into())),
        "made with --bin-list",
    )
    .await;
    check(
        "0",
        |set| drop(set.selection.insert("--no-bins".into(), "true".into())),
        "made with --no-bins",
    )
    .await;
    check("2", |set| set.status = Status::Partial, "made with --shard").await;
    check(
        "2",
        |set| set.window.modified_after_ns = Some(u64::MAX),
        "its time window begins after",
    )
    .await;
    // One that goes on from its own grandchild.
    let place = tempfile::tempdir().unwrap();
    sets(place.path()).await;
    let run = manifest(&place.path().join("2")).run;
    edit(&place.path().join("0"), |set| set.parent = Some(run));
    let part = "it goes on from itself";
    refused(place.path(), &["1", "0", "2"], part, General).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_of_bins_and_sets_of_another_namespace_are_refused() {
    let source = Cluster::builder()
        .namespace(NamespaceConfig::new(NAMESPACE))
        .namespace(NamespaceConfig::new("other"))
        .start()
        .unwrap();
    fill(&source, 60);
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let path = |name: &str| place.join(name);
    backup_ok(full(&source, &path("0"))).await;
    backup_ok(after(&source, &path("0"), &path("1"))).await;
    for (name, parent) in [("bins-0", None), ("bins-1", Some("bins-0"))] {
        let mut config = full(&source, &path(name));
        config.selection.bins = vec!["n".into()];
        config.incremental_from = parent.map(|parent| store(&path(parent)));
        backup_ok(config).await;
    }
    let part = "made with --bin-list";
    refused(place, &["bins-1", "bins-0"], part, ErrorClass::General).await;
    // Two namespaces, a chain each: a restore wants one, a validation looks at both.
    for (name, parent) in [("other-0", None), ("other-1", Some("other-0"))] {
        let mut config = full(&source, &path(name));
        config.namespace = "other".to_owned();
        config.incremental_from = parent.map(|parent| store(&path(parent)));
        backup_ok(config).await;
    }
    let all = ["0", "1", "other-1", "other-0"].map(path);
    let all: Vec<&Path> = all.iter().map(PathBuf::as_path).collect();
    let copy = cluster(1);
    let (error, _) = fails(from(directories(&all), &copy)).await;
    let part = "is a backup of namespace other, not of test";
    assert!(error.to_string().contains(part), "{error}");
    assert_eq!(copy.count(NAMESPACE), 0);
    let (result, _) = validate_by(Path::new("/"), |config| {
        config.source = directories(&all);
    })
    .await;
    result.unwrap();
    let gap = [path("0"), path("1"), path("other-1")];
    let gap: Vec<&Path> = gap.iter().map(PathBuf::as_path).collect();
    let (result, _) = validate_by(Path::new("/"), |config| {
        config.source = directories(&gap);
    })
    .await;
    result.unwrap_err();
}

fn store(path: &Path) -> std::sync::Arc<dyn backup_core::storage::Store> {
    std::sync::Arc::new(backup_core::storage::LocalDir::new(path))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_that_would_keep_older_forms_are_refused() {
    type Change = fn(&mut backup_core::restore::RestoreConfig);
    let place = tempfile::tempdir().unwrap();
    sets(place.path()).await;
    let paths = ["2", "1", "0"].map(|name| place.path().join(name));
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let changes: [(Change, &str); 5] = [
        (|c| c.policy.existing = Existing::Keep, "--unique (-u)"),
        (|c| c.policy.existing = Existing::Replace, "--replace (-r)"),
        (
            |c| c.policy.check_generation = false,
            "--no-generation (-g)",
        ),
        (|c| c.bins = vec!["n".into()], "--bin-list (-B)"),
        (
            |c| {
                c.shard = Some(Shard {
                    number: 1,
                    count: 2,
                })
            },
            "--shard",
        ),
    ];
    for (change, part) in changes {
        let copy = cluster(1);
        let mut config = from(directories(&paths), &copy);
        change(&mut config);
        let (error, _) = fails(config).await;
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert_eq!(
            (error.class(), copy.count(NAMESPACE)),
            (ErrorClass::General, 0)
        );
        assert_eq!(copy.counters().batch_rows, 0);
    }
    // Not treated as sets of ours they are no chain, and the user decides.
    let copy = cluster(1);
    let mut config = from(directories(&paths), &copy);
    config.trust = Trust {
        ignore_manifest: true,
        ..Trust::default()
    };
    config.policy = WritePolicy {
        existing: Existing::Keep,
        check_generation: false,
    };
    let outcome = run_restore(config).await;
    outcome.result.unwrap();
    assert!(outcome.stats.sets().is_empty());
}
