//! Backups between absctl and the library backup-go, in both directions.

use crate::{
    clusters::{
        LANGUAGES, NAMESPACE, assert_equal, empty, mixed, records, with_language_blobs, with_types,
    },
    programs::{Go, absctl},
};
use asnode::{Collection, Index, IndexSource, IndexType, RawBin};
use serde_json::Value;
use std::{fs, path::Path};
use tempfile::tempdir;

const BLOB: u8 = 4;
const PHP: u8 = 11;

/// The key of the test files of `backup-envelope`.
const KEYS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../backup-envelope/tests/data/keys.json"
);

/// What both programs are told about the form of the files; the first ones are not wrapped.
const FORMS: [&[&str]; 7] = [
    &[],
    &[COMPACT],
    &["--compress=ZSTD"],
    &["--encrypt=AES128"],
    &["--encrypt=AES256"],
    &["--compress=ZSTD", "--encrypt=AES128"],
    &[COMPACT, "--compress=ZSTD", "--encrypt=AES256"],
];

const COMPACT: &str = "--compact";

/// A form and a number of nodes: all forms on one node, those that are not wrapped on three also.
fn cases() -> impl Iterator<Item = (usize, &'static [&'static str])> {
    let on = |nodes| move |form| (nodes, form);
    let three = FORMS.into_iter().take(2).map(on(3));
    FORMS.into_iter().map(on(1)).chain(three)
}

/// Arguments for files of this form. A restore needs not be told that they are compact.
pub(crate) fn args<'a>(form: &[&'a str], key: &'a str, command: &str) -> Vec<&'a str> {
    let encrypts = form.iter().any(|arg| arg.starts_with("--encrypt"));
    let told = |arg: &&str| command == "backup" || *arg != COMPACT;
    let form = form.iter().copied().filter(told);
    form.chain(encrypts.then_some(key)).collect()
}

/// Writes the key to a file, and returns the argument that names it.
pub(crate) fn write_key(directory: &Path) -> String {
    let keys: Value = serde_json::from_slice(&fs::read(KEYS).expect("keys")).expect("JSON");
    let body = keys["pem_body_base64"].as_str().expect("text");
    let (path, label) = (directory.join("key.pem"), "PRIVATE KEY");
    let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    fs::write(&path, pem).expect("key file");
    format!("--encryption-key-file={}", path.display())
}

/// The data files of a directory.
fn data_files(directory: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(directory).expect("directory");
    let paths = entries.map(|entry| entry.expect("entry").path());
    let is_data = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with(".asb") && !name.starts_with("metadata"))
    };
    let data = paths.filter(|path| is_data(path));
    data.map(|path| fs::read(path).expect("file")).collect()
}

/// Fails unless the files are wrapped as the form says, whatever the programs make of it.
#[track_caller]
fn assert_form(files: &[Vec<u8>], form: &[&str]) {
    let (plain, zstd): (&[u8], &[u8]) = (b"Version 3.1\n", b"\x28\xb5\x2f\xfd");
    let last = form.last().copied().unwrap_or(COMPACT);
    for file in files {
        assert_eq!(file.starts_with(plain), last == COMPACT, "{form:?}");
        assert_eq!(file.starts_with(zstd), last.ends_with("ZSTD"), "{form:?}");
    }
}

#[test]
fn absctl_restores_what_the_library_backs_up() {
    let Some(go) = Go::find() else { return };
    let (source, place) = ([1, 3].map(mixed), tempdir().expect("directory"));
    let key = write_key(place.path());
    for (number, (nodes, form)) in cases().enumerate() {
        let source = &source[nodes / 2];
        let (target, path) = (empty(4 - nodes), place.path().join(number.to_string()));
        let mut flags = vec!["--parallel=3", "--file-limit=1000000"];
        flags.extend(args(form, &key, "backup"));
        let run = go.library("backup", source, &flags, &path).succeeds();
        assert_eq!(run.count("records"), source.count(NAMESPACE));
        assert_eq!(run.count("indexes"), source.indexes().len() as u64);
        let files = data_files(&path);
        assert!(files.len() > 3, "the limit made more files: {form:?}");
        assert_form(&files, form);

        let flags = args(form, &key, "restore");
        let validate = [flags.as_slice(), &["--validate"]].concat();
        absctl("restore", &target, &validate, &path).runs_clean();
        assert_eq!(target.count(NAMESPACE), 0);
        absctl("restore", &target, &flags, &path).runs_clean();
        assert_equal(source, &target);
    }
}

#[test]
fn the_library_restores_what_absctl_backs_up() {
    let Some(go) = Go::find() else { return };
    let (source, place) = ([1, 3].map(mixed), tempdir().expect("directory"));
    let key = write_key(place.path());
    for (number, (nodes, form)) in cases().enumerate() {
        let source = &source[nodes / 2];
        let path = place.path().join(number.to_string());
        let mut flags = vec!["--parallel=3"];
        flags.extend(args(form, &key, "backup"));
        absctl("backup", source, &flags, &path).runs_clean();
        let files = data_files(&path);
        assert_eq!(files.len(), 3);
        assert_form(&files, form);
        assert!(path.join("test.manifest.json").exists());

        // Batches, and once on each number of nodes a write for each record.
        let ways: &[&[&str]] = match form {
            [] => &[&[], &["--single"]],
            _ => &[&[]],
        };
        for &how in ways {
            let target = empty(4 - nodes);
            let flags = [args(form, &key, "restore").as_slice(), how].concat();
            let run = go.library("restore", &target, &flags, &path).succeeds();
            assert_eq!(run.count("inserted"), source.count(NAMESPACE));
            assert_eq!(run.count("udfs"), source.udfs().len() as u64);
            assert_equal(source, &target);
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

pub(crate) fn set_index() -> Index {
    Index {
        namespace: NAMESPACE.to_owned(),
        name: "of_a_set".to_owned(),
        set: Some("types".to_owned()),
        source: IndexSource::Set,
        value_type: IndexType::Numeric,
        collection: Collection::Default,
    }
}
