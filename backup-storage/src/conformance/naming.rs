//! Names: impossible ones are refused everywhere, listings are complete and in order.

use super::{Check, assert_kind, file_name, store_file};
use crate::{EntryKind, ErrorKind, Store, StoreExt};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "a new store is empty",
        run: new_store_is_empty,
    },
    Check {
        name: "impossible names are refused",
        run: impossible_names,
    },
    Check {
        name: "names of unfinished files cannot be written",
        run: part_names,
    },
    Check {
        name: "a listing is complete and in order",
        run: listing,
    },
    Check {
        name: "the first entry in the way is found",
        run: offending_entry,
    },
];

fn new_store_is_empty(store: &dyn Store) {
    store.check_writable().expect("check_writable");
    store.available_bytes().expect("available_bytes");
    assert!(!store.location().is_empty());
    assert_eq!(store.offending_entry(|_| false).expect("list"), None);
    assert_eq!(store.unfinished().expect("unfinished"), []);
}

fn impossible_names(store: &dyn Store) {
    let before = store.list().ok();
    for name in ["", ".", "..", "a/b", "/a", "../a", "a/", "a\0b"] {
        let invalid = ErrorKind::InvalidName;
        assert_kind(store.stat(name), invalid);
        assert_kind(store.open(name, 0), invalid);
        assert_kind(store.create(name), invalid);
        assert_kind(store.create_new(name, b""), invalid);
        assert_kind(store.put(name, b""), invalid);
        assert_kind(store.replace(name, b"", b""), invalid);
        assert_kind(store.discard(name), invalid);
        assert_kind(store.delete(&[name]), invalid);
        if store.capabilities().resumable {
            assert_kind(store.reopen(name, 0), invalid);
        }
        if store.capabilities().deferred_publish {
            assert_kind(store.publish(&[name]), invalid);
            assert_kind(store.withdraw(name), invalid);
        }
    }
    assert_eq!(store.list().ok(), before);
}

fn part_names(store: &dyn Store) {
    let name = file_name(store, 0) + ".part";
    assert_kind(store.create(&name), ErrorKind::InvalidName);
    assert_kind(store.create_new(&name, b""), ErrorKind::InvalidName);
    assert_kind(store.put(&name, b""), ErrorKind::InvalidName);
}

fn listing(store: &dyn Store) {
    if store.single_name().is_some() {
        store_file(store, &file_name(store, 1), b"a neighbour");
        assert_eq!(store.list().expect("list"), []);
        return;
    }
    let names = ["b.asb", "a.asb", "B.asb", "10_n.asb", "2_n.asb", "\u{fc}"];
    for (size, name) in names.iter().enumerate() {
        store_file(store, name, &vec![b'x'; size]);
    }
    let found: Vec<_> = (store.list().expect("list").into_iter())
        .map(|entry| (entry.name, entry.kind, entry.size))
        .collect();
    let expected = [
        ("10_n.asb", 3),
        ("2_n.asb", 4),
        ("B.asb", 2),
        ("a.asb", 1),
        ("b.asb", 0),
        ("\u{fc}", 5),
    ]
    .map(|(name, size)| (name.to_owned(), EntryKind::File, Some(size)));
    assert_eq!(found, expected);
}

fn offending_entry(store: &dyn Store) {
    let name = file_name(store, 0);
    store_file(store, &name, b"x");
    let found = store.offending_entry(|_| false).expect("list");
    assert_eq!(found.map(|entry| entry.name), Some(name));
    assert_eq!(store.offending_entry(|_| true).expect("list"), None);
}
