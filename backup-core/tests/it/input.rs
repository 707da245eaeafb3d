//! What a restore reads: directories, several of them, metadata first and last, and files that
//! are not those that were backed up.

use crate::{
    golden::moment,
    manifest::{entry, sample},
    support::*,
};
use aerospike_wire::digest::Digest;
use asb_format::{Encoder, RecordHead, ValueRef, Version};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    error::{Error, ErrorClass},
    fingerprint::{Fingerprint, PartitionTable},
    manifest::{Manifest, SetError, Status},
    restore::{self, Clock, RestoreConfig, RestoreSource},
    stats::RestoreCounts,
    storage::{LocalDir, Store},
};
use std::{fs, path::Path, sync::Arc, time::Duration};

pub(crate) fn directories(paths: &[&Path]) -> RestoreSource {
    let store = |path: &&Path| Arc::new(LocalDir::new(*path)) as Arc<dyn Store>;
    RestoreSource::Directories(paths.iter().map(store).collect())
}

pub(crate) fn from(source: RestoreSource, cluster: &Cluster) -> RestoreConfig {
    let mut config = restore_config(cluster, Path::new("/"));
    config.source = source;
    config
}

/// A restore that fails; with what it did.
pub(crate) async fn fails(config: RestoreConfig) -> (Error, RestoreCounts) {
    let outcome = run_restore(config).await;
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced(), "{counts:?}");
    (outcome.result.unwrap_err(), counts)
}

/// A backup of so many records with one index, in three files and more.
async fn backup_of(source: &Cluster, path: &Path) {
    let mut config = backup_config(source, to_directory(path));
    config.file_limit = 400_000;
    backup_ok(config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_directories_with_foreign_and_nested_files_in_them() {
    let (source, copy) = (cluster(1), cluster(1));
    fill(&source, 3000);
    let place = tempfile::tempdir().unwrap();
    let (one, two) = (place.path().join("one"), place.path().join("two"));
    backup_of(&source, &one).await;
    // Half of a set of another tool: no manifest, so nobody misses the other half.
    fs::create_dir(&two).unwrap();
    let moved = &data_names(&one)[..2];
    for name in moved {
        fs::rename(one.join(name), two.join(name)).unwrap();
    }
    fs::remove_file(one.join("test.manifest.json")).unwrap();
    fs::create_dir(one.join("nested.asb")).unwrap();
    fs::write(one.join("nested.asb/0_test_9.asb"), "no backup").unwrap();
    fs::write(two.join("metadata.yaml"), "no backup").unwrap();
    fs::write(two.join(".asb"), "no backup").unwrap();
    let counts = restore_ok(from(directories(&[&one, &two]), &copy)).await;
    assert_eq!(counts.inserted, 3000);
    assert_same(&source, &copy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_directory_is_looked_at_before_anything_is_written() {
    let (source, copy) = (cluster(1), cluster(1));
    fill(&source, 100);
    let place = tempfile::tempdir().unwrap();
    let (set, empty) = (place.path().join("set"), place.path().join("empty"));
    backup_of(&source, &set).await;
    fs::create_dir(&empty).unwrap();
    for second in [&empty, &place.path().join("missing")] {
        let (error, _) = fails(from(directories(&[&set, second]), &copy)).await;
        assert_eq!(error.class(), ErrorClass::InputMissing, "{error}");
        let name = second.file_name().unwrap().to_str().unwrap();
        assert!(chain(&error).contains(name), "{}", chain(&error));
        assert_eq!(copy.count(NAMESPACE), 0);
    }
}

/// A restore of a golden backup while nothing in it has expired, into a cluster with a fault.
async fn golden(name: &str, fault: Rule, last: bool) -> (Cluster, Error, RestoreCounts) {
    let copy = cluster(1);
    copy.faults().add(fault);
    let mut config = golden_config(name, &copy);
    config.parallel = Some(4);
    config.apply_metadata_last = last;
    let (error, counts) = fails(config).await;
    (copy, error, counts)
}

fn golden_config(name: &str, into: &Cluster) -> RestoreConfig {
    into.clock().set_ms(u64::from(moment()) * 1000);
    let mut config = restore_config(into, &data("golden").join(name));
    config.clock = Clock::Fixed(moment());
    config
}

fn refused_index() -> Rule {
    Rule::new(On::Info, Reaction::InfoValue("ERROR:4:no")).command("sindex-create")
}

fn refused_record() -> Rule {
    Rule::new(On::BatchRow, Reaction::Result(13))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_with_metadata_come_before_all_others() {
    for name in [
        "go/plain-dir",
        "go/parallel-dir",
        "go/plain.asb",
        "c/plain.asb",
    ] {
        let copy = cluster(1);
        let hangs = Rule::new(On::Info, Reaction::Silence).command("sindex-create");
        let rule = copy.faults().add(hangs);
        let mut config = golden_config(name, &copy);
        config.parallel = Some(4);
        let job = restore::start(config);
        while copy.faults().fired(rule) == 0 {
            assert!(!job.is_finished(), "{name}: no index was created");
            tokio::time::sleep(Duration::from_millis(1)).await; // nothing tells when it fires
        }
        let counts = job.stats().snapshot();
        assert_eq!(
            (copy.count(NAMESPACE), counts.records_read),
            (0, 0),
            "{name}"
        );
        job.cancel_token().cancel();
        job.wait().await.result.unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_may_come_last_from_any_kind_of_input() {
    for name in [
        "go/plain-dir",
        "go/plain.asb",
        "c/plain.asb",
        "c/parallel-dir",
    ] {
        let (copy, error, counts) = golden(name, refused_index(), true).await;
        assert!(matches!(error, Error::Globals { .. }), "{name}: {error}");
        assert_eq!(
            counts.inserted, 358,
            "{name}: all records were there before"
        );
        assert_eq!(copy.count(NAMESPACE), 358, "{name}");

        let (copy, error, _) = golden(name, refused_record(), true).await;
        assert!(
            matches!(error, Error::RecordRefused { .. }),
            "{name}: {error}"
        );
        assert!(
            copy.indexes().is_empty() && copy.udfs().is_empty(),
            "{name}"
        );

        let target = cluster(1);
        let mut config = golden_config(name, &target);
        config.apply_metadata_last = true;
        let counts = restore_ok(config).await;
        assert_eq!((counts.indexes_read, counts.udfs_read), (12, 2), "{name}");
        assert_eq!(
            (target.indexes().len(), target.udfs().len()),
            (12, 2),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_is_shared_by_several_decoders() {
    let (source, copy) = (cluster(2), cluster(2));
    fill(&source, 20_000);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("all.asb");
    backup_ok(backup_config(&source, to_file(&file))).await;
    assert!(fs::metadata(&file).unwrap().len() > 5 << 20);
    for parallel in [1, 2, 5] {
        let mut config = restore_config(&copy, &file);
        config.parallel = Some(parallel);
        let counts = restore_ok(config).await;
        let expected = if parallel == 1 {
            (20_000, 0)
        } else {
            (0, 20_000)
        };
        assert_eq!((counts.inserted, counts.fresher), expected);
        assert_same(&source, &copy);
    }
}

/// A file with one record, 4 KiB long.
fn file_with(number: u8) -> Vec<u8> {
    let (encoder, mut out) = (Encoder::new(), Vec::new());
    encoder.header(&mut out, Version::V3_1);
    let head = RecordHead {
        key: None,
        namespace: NAMESPACE.as_bytes(),
        digest: &[number; 20],
        set: None,
        generation: 1,
        void_time: 0,
        bin_count: 1,
    };
    encoder.record(&mut out, &head);
    encoder.bin(&mut out, b"text", ValueRef::String(&[number; 4000]));
    out
}

/// A set of two files of one size, with its manifest.
fn set_of_two(place: &Path) -> [std::path::PathBuf; 2] {
    let names = ["0_test_1.asb", "1_test_2.asb"];
    let mut partitions = PartitionTable::new();
    let mut files = Vec::new();
    for (name, number) in names.iter().zip([1, 2]) {
        let content = file_with(number);
        files.push(entry(name, &content, 1));
        partitions.add(Digest([number; 20]).partition(), Fingerprint(1));
        fs::write(place.join(name), content).unwrap();
    }
    let mut manifest = Manifest {
        status: Status::Complete,
        shard: None,
        namespace: NAMESPACE.to_owned(),
        files,
        partitions,
        ..sample()
    };
    manifest.envelope.encryption = None; // the files are plain
    let content = manifest.encode(None).unwrap();
    fs::write(place.join("test.manifest.json"), content).unwrap();
    names.map(|name| place.join(name))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_were_exchanged_are_found_before_the_first_write() {
    let place = tempfile::tempdir().unwrap();
    let [one, two] = set_of_two(place.path());
    let copy = cluster(1);
    let counts = restore_ok(restore_config(&copy, place.path())).await;
    assert_eq!(counts.inserted, 2, "the set is sound");

    let spare = place.path().join("spare");
    fs::rename(&one, &spare).unwrap();
    fs::rename(&two, &one).unwrap();
    fs::rename(&spare, &two).unwrap();
    let copy = cluster(1);
    let connections = copy.counters().connections;
    let (error, counts) = fails(restore_config(&copy, place.path())).await;
    assert_eq!(error.class(), ErrorClass::Damage);
    let Error::Set { source, .. } = &error else {
        panic!("{error}")
    };
    let SetError::Exchanged { file, holds } = &**source else {
        panic!("{source}")
    };
    assert_eq!(file, "0_test_1.asb");
    assert_eq!(holds, "1_test_2.asb");
    assert_eq!((counts.records_read, copy.count(NAMESPACE)), (0, 0));
    assert_eq!(copy.counters().connections, connections, "nobody was asked");
}
