//! Backups between absctl and the library backup-go, in both directions.

use crate::{
    clusters::{
        LANGUAGES, NAMESPACE, assert_equal, empty, mixed, records, with_language_blobs, with_types,
    },
    programs::{Go, absctl},
};
use asnode::{Collection, Index, IndexSource, IndexType, RawBin};
use std::{fs, path::Path};
use tempfile::tempdir;

const BLOB: u8 = 4;
const PHP: u8 = 11;

/// Data files in a directory.
fn data_files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).expect("directory");
    let names = entries.map(|entry| entry.expect("entry").file_name().into_string());
    names
        .filter(|name| {
            name.as_ref()
                .is_ok_and(|name| !name.starts_with("metadata"))
        })
        .count()
}

#[test]
fn absctl_restores_what_the_library_backs_up() {
    let Some(go) = Go::find() else { return };
    for (nodes, more) in [
        (1, None),
        (1, Some("--compact")),
        (3, None),
        (3, Some("--compact")),
    ] {
        let (source, target) = (mixed(nodes), empty(4 - nodes));
        let place = tempdir().expect("directory");
        let args = ["--parallel=3", "--file-limit=2000000"]
            .into_iter()
            .chain(more);
        let args: Vec<_> = args.collect();
        let run = go
            .library("backup", &source, &args, place.path())
            .succeeds();
        assert_eq!(run.count("records"), source.count(NAMESPACE));
        assert_eq!(run.count("indexes"), source.indexes().len() as u64);
        assert!(data_files(place.path()) > 3, "the limit made more files");
        absctl("restore", &target, &["--validate"], place.path()).runs_clean();
        absctl("restore", &target, &[], place.path()).runs_clean();
        assert_equal(&source, &target);
    }
}

#[test]
fn the_library_restores_what_absctl_backs_up() {
    let Some(go) = Go::find() else { return };
    for nodes in [1, 3] {
        let source = mixed(nodes);
        for (backup, restore) in [
            (None, None),
            (Some("--compact"), None),
            (None, Some("--single")),
        ] {
            let target = empty(4 - nodes);
            let place = tempdir().expect("directory");
            let args: Vec<_> = ["--parallel=3"].into_iter().chain(backup).collect();
            absctl("backup", &source, &args, place.path()).runs_clean();
            assert_eq!(data_files(place.path()), 3);
            let args: Vec<_> = restore.into_iter().collect();
            let run = go
                .library("restore", &target, &args, place.path())
                .succeeds();
            assert_eq!(run.count("inserted"), source.count(NAMESPACE));
            assert_eq!(run.count("udfs"), source.udfs().len() as u64);
            assert_equal(&source, &target);
        }
    }
}

/// What `asb-text.md` §7.2 says of bins that hold serialised objects of a language.
#[test]
fn the_library_loses_language_blobs() {
    let Some(go) = Go::find() else { return };
    let (source, target) = (with_language_blobs(), empty(1));
    let place = tempdir().expect("directory");
    let (theirs, ours) = (place.path().join("theirs"), place.path().join("ours"));
    let as_blob = |mut bin: RawBin| {
        bin.particle = BLOB;
        bin
    };
    let bins = records(&source).remove(0).bins;
    assert!(bins.iter().all(|bin| LANGUAGES.contains(&bin.particle)));

    go.library("backup", &source, &[], &theirs).succeeds();
    absctl("restore", &target, &[], &theirs).succeeds();
    let php = bins.iter().filter(|bin| bin.particle == PHP).cloned();
    assert_eq!(
        records(&target)[0].bins,
        php.map(as_blob).collect::<Vec<_>>()
    );

    let target = empty(1);
    absctl("backup", &source, &[], &ours).succeeds();
    go.library("restore", &target, &[], &ours).succeeds();
    assert_eq!(
        records(&target)[0].bins,
        bins.into_iter().map(as_blob).collect::<Vec<_>>()
    );
}

/// Version 0.11.0 can neither read nor skip a set index.
#[test]
fn the_library_refuses_set_indexes() {
    let Some(go) = Go::find() else { return };
    let (source, target) = (with_types(1), empty(1));
    assert!(source.create_index(set_index()));
    let place = tempdir().expect("directory");
    let (theirs, ours) = (place.path().join("theirs"), place.path().join("ours"));
    go.library("backup", &source, &[], &theirs)
        .fails(&["sindex"]);
    absctl("backup", &source, &[], &ours).succeeds();
    go.library("restore", &target, &[], &ours)
        .fails(&["version", "3.3"]);
    assert!(target.indexes().is_empty());
}

fn set_index() -> Index {
    Index {
        namespace: NAMESPACE.to_owned(),
        name: "of_a_set".to_owned(),
        set: Some("types".to_owned()),
        source: IndexSource::Set,
        value_type: IndexType::Numeric,
        collection: Collection::Default,
    }
}
