//! Reading: one and the same object, in whatever ranges.

use std::io::Read;

use backup_storage::{
    Error, ErrorKind, Store, StoreExt,
    object::{ObjectOptions, Thaw},
    testing::{ArchiveState, ObjectServer},
};
use http::Method;

use super::{bucket_with, content, directory, options, pattern, store_file};

#[test]
fn any_number_of_ranges_gives_the_same_bytes() {
    let server = ObjectServer::s3();
    let written = pattern(300_000);
    store_file(&*directory(&server), "f.asb", &written);
    for (range_bytes, ranges_per_file, downloads) in [
        (1 << 20, 1, None),
        (100_000, 2, Some(1)),
        (7_001, 5, Some(3)),
    ] {
        let options = ObjectOptions {
            range_bytes,
            ranges_per_file,
            downloads,
            ..options()
        };
        let store = bucket_with(&server, options).directory("set").unwrap();
        assert!(content(&store, "f.asb") == written, "{range_bytes}");
        let mut tail = Vec::new();
        store
            .open("f.asb", 299_990)
            .unwrap()
            .read_to_end(&mut tail)
            .unwrap();
        assert_eq!(tail, written[299_990..]);
    }
}

#[test]
fn a_small_file_is_one_request() {
    let server = ObjectServer::s3();
    let store = directory(&server);
    store.put("lock", b"content").unwrap();
    let before = server.seen().len();
    assert_eq!(store.read_small("lock", 100).unwrap(), b"content");
    assert_eq!(server.seen().len(), before + 1);
}

#[test]
fn an_object_that_changes_while_it_is_read_is_refused() {
    let server = ObjectServer::s3();
    let store = directory(&server);
    store_file(&*store, "f.asb", &pattern(3 << 20));
    let mut download = store.open("f.asb", 0).unwrap();
    store_file(&*store, "f.asb", &vec![0; 3 << 20]);
    let mut read = Vec::new();
    let error = download
        .read_to_end(&mut read)
        .map_err(Error::from_read)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    let pinned = server
        .seen()
        .into_iter()
        .filter(|seen| seen.method == Method::GET)
        .skip(1);
    assert!(
        pinned
            .take(1)
            .all(|seen| seen.headers.contains_key("if-match"))
    );
}

#[test]
fn what_was_listed_and_is_gone_is_an_error() {
    let server = ObjectServer::s3();
    let store = directory(&server);
    store_file(&*store, "f.asb", b"content");
    let entry = store.list().unwrap().remove(0);
    std::fs::remove_file(server.path("set/f.asb")).unwrap();
    let error = store.open_entry(&entry).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.location(), "s3://backups/set/f.asb");
}

fn thawing(tier: &str, deadline_ms: u64) -> ObjectOptions {
    let ms = std::time::Duration::from_millis;
    ObjectOptions {
        thaw: Some(Thaw {
            tier: tier.to_owned(),
            poll: ms(1),
            deadline: ms(deadline_ms),
        }),
        ..options()
    }
}

#[test]
fn archived_objects_are_brought_back_together() {
    let server = ObjectServer::s3();
    let store = bucket_with(&server, thawing("Bulk", 60_000))
        .directory("set")
        .unwrap();
    let names: Vec<String> = (0..40).map(|index| format!("{index}.asb")).collect();
    for name in &names {
        store_file(&store, name, name.as_bytes());
    }
    for name in &names[..30] {
        server.set_archive(&format!("set/{name}"), ArchiveState::Archived);
    }
    server.set_archive("set/30.asb", ArchiveState::Coming(3));
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    store.make_readable(&all).unwrap();
    for name in &names {
        assert_eq!(content(&store, name), name.as_bytes());
    }
    let asked = server
        .seen()
        .into_iter()
        .filter(|seen| seen.query == "restore");
    assert_eq!(asked.count(), 30, "what is coming is not asked for again");
}

#[test]
fn archived_objects_need_a_tier_and_have_a_deadline() {
    let server = ObjectServer::s3();
    let store = directory(&server);
    store_file(&*store, "f.asb", b"content");
    server.set_archive("set/f.asb", ArchiveState::Archived);
    for error in [
        store.make_readable(&["f.asb"]).unwrap_err(),
        store.open("f.asb", 0).unwrap_err(),
        store.open("f.asb", 3).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Archived, "{error}");
    }
    server.set_archive("set/f.asb", ArchiveState::Coming(u32::MAX));
    let store = bucket_with(&server, thawing("Standard", 50))
        .directory("set")
        .unwrap();
    let error = store.make_readable(&["f.asb"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}
