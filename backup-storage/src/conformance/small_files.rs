//! Lock, state and manifest: whole or not at all, and one winner.

use std::thread;

use super::{Check, assert_kind, content_from, file_name};
use crate::{ErrorKind, Store};

const RACERS: u8 = 8;
/// Long enough that a reader could see half of it, if halves were ever visible.
const CONTENT_BYTES: usize = 64 << 10;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "create-only refuses a taken name",
        run: create_new,
    },
    Check {
        name: "of many creators one wins",
        run: race_to_create,
    },
    Check {
        name: "putting replaces",
        run: put,
    },
    Check {
        name: "readers see whole contents only",
        run: readers_see_whole,
    },
    Check {
        name: "replacing needs the expected content",
        run: replace,
    },
    Check {
        name: "of many who replace one wins",
        run: race_to_replace,
    },
    Check {
        name: "small files leave nothing beside them",
        run: leave_nothing,
    },
];

fn create_new(store: &dyn Store) {
    let name = file_name(store, 0);
    store.create_new(&name, b"first").expect("create");
    assert_kind(store.create_new(&name, b"2"), ErrorKind::AlreadyExists);
    assert_eq!(content_from(store, &name, 0), b"first");
    store.delete(&[&name]).expect("delete");
    store.create_new(&name, b"").expect("create again");
    assert_eq!(content_from(store, &name, 0), b"");
}

fn race_to_create(store: &dyn Store) {
    let name = file_name(store, 0);
    let winners = winners(
        |content| store.create_new(&name, content),
        |kind| kind == ErrorKind::AlreadyExists,
    );
    assert_eq!(winners.len(), 1, "winners");
    assert!(
        content_from(store, &name, 0) == winners[0],
        "loser's content"
    );
}

fn put(store: &dyn Store) {
    let name = file_name(store, 0);
    for content in [&b"first, long"[..], b"second", b""] {
        store.put(&name, content).expect("put");
        assert_eq!(content_from(store, &name, 0), content);
    }
}

fn readers_see_whole(store: &dyn Store) {
    let name = file_name(store, 0);
    store.put(&name, &content_of(0)).expect("put");
    thread::scope(|scope| {
        scope.spawn(|| {
            for racer in 0..RACERS {
                store.put(&name, &content_of(racer)).expect("put");
            }
        });
        for _ in 0..20 {
            let seen = content_from(store, &name, 0);
            assert!(seen == content_of(seen[0]), "a mixture was read");
        }
    });
}

fn replace(store: &dyn Store) {
    let name = file_name(store, 0);
    assert_kind(store.replace(&name, b"", b"x"), ErrorKind::NotFound);
    store.create_new(&name, b"first").expect("create");
    for other in [&b""[..], b"firs", b"first1", b"other"] {
        assert_kind(store.replace(&name, other, b"x"), ErrorKind::Changed);
    }
    store.replace(&name, b"first", b"second").expect("replace");
    assert_eq!(content_from(store, &name, 0), b"second");
}

fn race_to_replace(store: &dyn Store) {
    let name = file_name(store, 0);
    store.create_new(&name, b"expired").expect("create");
    let winners = winners(
        |content| store.replace(&name, b"expired", content),
        |kind| kind == ErrorKind::Changed,
    );
    assert_eq!(winners.len(), 1, "winners");
    assert!(
        content_from(store, &name, 0) == winners[0],
        "loser's content"
    );
}

fn leave_nothing(store: &dyn Store) {
    let name = file_name(store, 0);
    store.create_new(&name, b"1").expect("create");
    assert_kind(store.create_new(&name, b"2"), ErrorKind::AlreadyExists);
    store.put(&name, b"3").expect("put");
    store.replace(&name, b"3", b"4").expect("replace");
    assert_eq!(store.unfinished().expect("unfinished"), []);
    assert_eq!(store.list().expect("list").len(), 1);
}

fn content_of(racer: u8) -> Vec<u8> {
    vec![racer; CONTENT_BYTES]
}

/// The contents of those who succeeded; every loser has to have lost in the right way.
fn winners(
    put: impl Fn(&[u8]) -> crate::Result<()> + Sync,
    lost: impl Fn(ErrorKind) -> bool,
) -> Vec<Vec<u8>> {
    let results = thread::scope(|scope| {
        let put = &put;
        let racers: Vec<_> = (0..RACERS)
            .map(|racer| scope.spawn(move || put(&content_of(racer))))
            .collect();
        let join = |racer: thread::ScopedJoinHandle<'_, _>| racer.join().expect("no panic");
        racers.into_iter().map(join).collect::<Vec<_>>()
    });
    let mut winners = Vec::new();
    for (racer, result) in (0..).zip(results) {
        match result {
            Ok(()) => winners.push(content_of(racer)),
            Err(error) => assert!(lost(error.kind()), "{error}"),
        }
    }
    winners
}
