//! Listing and deleting: thousands, and nothing but direct children.

use std::fs;

use backup_storage::{EntryKind, ErrorKind, Store, testing::ObjectServer};
use http::Method;

use super::{bucket, directory, options, runtime, store_file};

#[test]
fn siblings_and_deeper_objects_are_other_peoples() {
    let server = ObjectServer::s3();
    let bucket = bucket(&server);
    for (prefix, name) in [
        ("set", "a.asb"),
        ("set2", "b.asb"),
        ("set/deeper", "c.asb"),
        ("", "set.asb"),
    ] {
        store_file(&bucket.directory(prefix).unwrap(), name, b"x");
    }
    for prefix in ["set", "set/"] {
        let store = bucket.directory(prefix).unwrap();
        let found: Vec<_> = store
            .list()
            .unwrap()
            .into_iter()
            .map(|entry| (entry.name, entry.kind))
            .collect();
        let expected = [("a.asb", EntryKind::File), ("deeper", EntryKind::Directory)];
        assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind)));
        assert_eq!(store.location(), "s3://backups/set/");
    }
    for root in ["", "/"] {
        let names = bucket.directory(root).unwrap().list().unwrap();
        let names: Vec<_> = names.into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["set", "set.asb", "set2"]);
    }
}

#[test]
fn prefixes_that_cannot_be_are_refused() {
    let server = ObjectServer::s3();
    let bucket = bucket(&server);
    for prefix in ["/set", "a//b", "a/../b", "./a"] {
        let error = bucket.directory(prefix).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{prefix}");
    }
    for key in ["", "a/", "/a", "a/..", "a//b"] {
        let error = bucket.file(key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{key}");
    }
}

#[test]
fn thousands_are_listed_and_deleted_in_batches() {
    let server = ObjectServer::s3();
    fs::create_dir(server.path("set")).unwrap();
    let mut names: Vec<_> = (0..2500).map(|index| format!("{index}_ns_1.asb")).collect();
    for name in &names {
        fs::write(server.path("set").join(name), "").unwrap();
    }
    let store = directory(&server);
    names.sort();
    let listed = store.list().unwrap();
    assert!(listed.iter().map(|entry| &entry.name).eq(&names));
    let pages = server.seen().len();
    assert_eq!(pages, 3);
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    store.delete(&all).unwrap();
    assert_eq!(store.list().unwrap(), []);
    let batches = server
        .seen()
        .into_iter()
        .filter(|seen| seen.method == Method::POST)
        .count();
    assert_eq!(batches, 3);
}

#[test]
fn google_lists_and_deletes_too() {
    let server = ObjectServer::google();
    let bucket = server.google_options().open(options(), runtime()).unwrap();
    let store = bucket.directory("a set/with \u{fc}").unwrap();
    for name in ["1.asb", "2.asb", "3.asb"] {
        store_file(&store, name, b"x");
    }
    store.delete(&["1.asb", "missing.asb", "3.asb"]).unwrap();
    let names: Vec<_> = store
        .list()
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, ["2.asb"]);
}
