//! Finishing without publishing, as replacing an old set needs it.

use super::{Check, assert_kind, assert_missing, content_from, file_name, start, store_file};
use crate::{ErrorKind, Store};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "unpublished files are published on demand",
        run: publish,
    },
    Check {
        name: "publishing replaces",
        run: publish_over_another,
    },
    Check {
        name: "publishing can be repeated",
        run: publish_again,
    },
    Check {
        name: "a withdrawn file can be continued",
        run: withdraw,
    },
    Check {
        name: "withdrawing does not replace",
        run: withdraw_over_another,
    },
    Check {
        name: "stores that cannot defer say so",
        run: unsupported,
    },
];

fn store_unpublished(store: &dyn Store, name: &str, content: &[u8]) {
    let stored = start(store, name, content).finish_unpublished();
    assert_eq!(stored.expect("finish").bytes, content.len() as u64);
}

fn publish(store: &dyn Store) {
    if !store.capabilities().deferred_publish {
        return;
    }
    let names = [0, 1].map(|index| file_name(store, index));
    for name in &names {
        store_unpublished(store, name, name.as_bytes());
        assert_missing(store, name);
    }
    let unfinished = store.unfinished().expect("unfinished");
    assert!(unfinished.iter().map(|found| &found.name).eq(&names));
    store.publish(&[]).expect("nothing to publish");
    let all = names.each_ref().map(String::as_str);
    store.publish(&all).expect("publish");
    for name in &names {
        assert_eq!(content_from(store, name, 0), name.as_bytes());
    }
    assert_eq!(store.unfinished().expect("unfinished"), []);
}

fn publish_over_another(store: &dyn Store) {
    if !store.capabilities().deferred_publish {
        return;
    }
    let name = file_name(store, 0);
    store_file(store, &name, b"the old set");
    store_unpublished(store, &name, b"new");
    assert_eq!(content_from(store, &name, 0), b"the old set");
    store.publish(&[&name]).expect("publish");
    assert_eq!(content_from(store, &name, 0), b"new");
}

fn publish_again(store: &dyn Store) {
    if !store.capabilities().deferred_publish {
        return;
    }
    let names = [0, 1, 2].map(|index| file_name(store, index));
    let [first, second, missing] = names.each_ref().map(String::as_str);
    store_unpublished(store, first, b"1");
    store_unpublished(store, second, b"2");
    store.publish(&[first]).expect("publish");
    store.publish(&[first, second]).expect("publish again");
    assert_eq!(content_from(store, second, 0), b"2");
    assert_kind(store.publish(&[missing]), ErrorKind::NotFound);
}

fn withdraw(store: &dyn Store) {
    if !store.capabilities().deferred_publish {
        return;
    }
    let name = file_name(store, 0);
    assert_kind(store.withdraw(&name), ErrorKind::NotFound);
    store_file(store, &name, b"durable, and a tail");
    store.withdraw(&name).expect("withdraw");
    store.withdraw(&name).expect("withdraw again");
    assert_missing(store, &name);
    store.publish(&[&name]).expect("publish");
    assert_eq!(content_from(store, &name, 0), b"durable, and a tail");
}

fn withdraw_over_another(store: &dyn Store) {
    if !store.capabilities().deferred_publish {
        return;
    }
    let name = file_name(store, 0);
    store_file(store, &name, b"published");
    store_unpublished(store, &name, b"unpublished");
    assert_kind(store.withdraw(&name), ErrorKind::AlreadyExists);
    assert_eq!(content_from(store, &name, 0), b"published");
}

fn unsupported(store: &dyn Store) {
    if store.capabilities().deferred_publish {
        return;
    }
    let (name, unsupported) = (file_name(store, 0), ErrorKind::Unsupported);
    assert_kind(store.publish(&[&name]), unsupported);
    assert_kind(store.withdraw(&name), unsupported);
    let upload = start(store, &name, b"x");
    assert_kind(upload.finish_unpublished(), unsupported);
    assert_missing(store, &name);
}
