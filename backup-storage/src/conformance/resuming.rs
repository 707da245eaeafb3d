//! Continuing an unfinished file at a durable length.

use super::{Check, assert_kind, content_from, file_name, start, store_file};
use crate::{ErrorKind, Store};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "a reopened file goes on at the length",
        run: reopen,
    },
    Check {
        name: "a file shorter than the length is refused",
        run: too_short,
    },
    Check {
        name: "only unfinished files are reopened",
        run: only_unfinished,
    },
    Check {
        name: "a file is reopened time and again",
        run: repeatedly,
    },
];

fn reopen(store: &dyn Store) {
    let name = file_name(store, 0);
    drop(start(store, &name, b"durable, and a tail"));
    if !store.capabilities().resumable {
        return assert_kind(store.reopen(&name, 7), ErrorKind::Unsupported);
    }
    let mut upload = store.reopen(&name, 7).expect("reopen");
    assert_eq!(upload.bytes(), 7);
    upload.write_all(b" end").expect("write");
    assert_eq!(upload.finish().expect("finish").bytes, 11);
    assert_eq!(content_from(store, &name, 0), b"durable end");
}

fn too_short(store: &dyn Store) {
    if !store.capabilities().resumable {
        return;
    }
    let name = file_name(store, 0);
    drop(start(store, &name, b"1234"));
    let short = ErrorKind::WrongSize {
        expected: 5,
        found: 4,
    };
    assert_kind(store.reopen(&name, 5), short);
    assert_eq!(store.unfinished().expect("unfinished")[0].bytes, Some(4));
}

fn only_unfinished(store: &dyn Store) {
    if !store.capabilities().resumable {
        return;
    }
    let name = file_name(store, 0);
    assert_kind(store.reopen(&name, 0), ErrorKind::NotFound);
    store_file(store, &name, b"whole");
    assert_kind(store.reopen(&name, 0), ErrorKind::NotFound);
    assert_eq!(content_from(store, &name, 0), b"whole");
}

fn repeatedly(store: &dyn Store) {
    if !store.capabilities().resumable {
        return;
    }
    let name = file_name(store, 0);
    let mut upload = store.create(&name).expect("create");
    for length in 0..20 {
        upload.write_all(b"x and what is lost").expect("write");
        drop(upload);
        upload = store.reopen(&name, length + 1).expect("reopen");
    }
    upload.finish().expect("finish");
    assert_eq!(content_from(store, &name, 0), b"x".repeat(20));
}
