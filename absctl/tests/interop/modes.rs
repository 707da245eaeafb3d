//! Backups of the modes that only absctl has, read by the library backup-go.

use crate::{
    clusters::{NAMESPACE, assert_equal, empty, mixed, records},
    files::{set_index, write_key},
    programs::{Go, absctl},
};
use asnode::{
    Cluster, RawRecord,
    faults::{Garbage, On, Reaction, Rule},
};
use std::path::Path;
use tempfile::tempdir;

/// Restores a directory by the library; how many records came.
#[track_caller]
fn library_restores(go: &Go, path: &Path, target: &Cluster) -> u64 {
    unwrapped_by(go, path, target, &[])
}

fn unwrapped_by(go: &Go, path: &Path, target: &Cluster, flags: &[&str]) -> u64 {
    let run = go.library("restore", target, flags, path).succeeds();
    run.count("inserted")
}

fn has_bins_of(one: &RawRecord, other: &RawRecord) -> bool {
    let names = |record: &RawRecord| -> Vec<_> {
        let bins = record.bins.iter();
        bins.map(|bin| bin.name.clone()).collect()
    };
    names(one) == names(other)
}

#[test]
fn the_library_restores_files_of_any_name_and_size() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (mixed(2), tempdir().expect("directory"));
    let flags = ["-w2", "--file-limit=1", "--output-file-prefix=pre-"];
    absctl("backup", &source, &flags, place.path()).runs_clean();
    let target = empty(1);
    let inserted = library_restores(&go, place.path(), &target);
    assert_eq!(inserted, source.count(NAMESPACE));
    assert_equal(&source, &target);
}

#[test]
fn the_library_restores_what_was_interrupted_and_continued() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (mixed(1), tempdir().expect("directory"));
    let key = write_key(place.path());
    let path = place.path().join("backup");
    let wrapped = ["--compress=ZSTD", "--encrypt=AES256", &key];
    let kept = ["-w2", "--state-file-dst=run.state", "--durable-interval=1"];
    let fault = Rule::new(On::Scan, Reaction::Garbage(Garbage::WrongVersion));
    source
        .faults()
        .add(fault.after_records(source.count(NAMESPACE) / 3));
    let flags = [&wrapped[..], &kept].concat();
    absctl("backup", &source, &flags, &path).fails(&["--continue run.state"]);
    source.faults().clear();
    let flags = [&wrapped[..], &["-w3", "--continue=run.state"]].concat();
    absctl("backup", &source, &flags, &path).succeeds();
    let target = empty(1);
    let inserted = unwrapped_by(&go, &path, &target, &wrapped);
    assert_eq!(inserted, source.count(NAMESPACE), "each record once");
    assert_equal(&source, &target);
}

#[test]
fn the_library_restores_shards() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (mixed(2), tempdir().expect("directory"));
    for shard in ["--shard=2/3", "--shard=1/3", "--shard=3/3"] {
        let flags = ["--run-id=night", shard];
        absctl("backup", &source, &flags, place.path()).runs_clean();
    }
    let target = empty(1);
    let inserted = library_restores(&go, place.path(), &target);
    assert_eq!(inserted, source.count(NAMESPACE), "each record once");
    assert_equal(&source, &target);
}

#[test]
fn the_library_restores_a_full_backup_and_what_came_after_it() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (mixed(1), tempdir().expect("directory"));
    let (full, next) = (place.path().join("full"), place.path().join("next"));
    absctl("backup", &source, &[], &full).runs_clean();
    // A tenth of those with the same bins is written again with the content of others.
    let records = records(&source);
    let pairs = records.iter().zip(records.iter().skip(1)).step_by(10);
    let changed: Vec<_> = pairs.filter(|(a, b)| has_bins_of(a, b)).collect();
    assert!(changed.len() > 1000);
    for (record, other) in &changed {
        let mut record = (*record).clone();
        record.bins.clone_from(&other.bins);
        record.generation = record.generation.max(1) + 1;
        record.last_update_ms = source.write_ms(NAMESPACE, &record.digest);
        assert!(source.put(NAMESPACE, &record));
    }
    let parent = format!("--incremental-from={}", full.display());
    absctl("backup", &source, &[&parent], &next).succeeds();
    let target = empty(2);
    library_restores(&go, &full, &target);
    let inserted = library_restores(&go, &next, &target);
    assert_eq!(inserted, changed.len() as u64);
    assert_equal(&source, &target);
}

/// Version 0.11.0 refuses format 3.3.
#[test]
fn the_library_restores_the_format_that_it_knows() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (mixed(1), tempdir().expect("directory"));
    assert!(source.create_index(set_index()));
    let flags = ["--asb-version-max=3.2"];
    absctl("backup", &source, &flags, place.path()).succeeds();
    let target = empty(1);
    let inserted = library_restores(&go, place.path(), &target);
    assert_eq!(inserted, source.count(NAMESPACE));
    let names = |cluster: &Cluster| -> Vec<_> {
        let mut names: Vec<_> = cluster.indexes().into_iter().map(|i| i.name).collect();
        names.sort();
        names
    };
    let mut expected = names(&source);
    expected.retain(|name| *name != set_index().name);
    assert_eq!(names(&target), expected);
}
