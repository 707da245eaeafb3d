//! Writing: nothing half-written has a final name, and what is given up disappears.

use super::{Check, assert_kind, assert_missing, content_from, file_name, start, store_file};
use crate::{Durability, ErrorKind, Store};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "an open upload is not published",
        run: open_upload,
    },
    Check {
        name: "a dropped upload is not published",
        run: dropped_upload,
    },
    Check {
        name: "an aborted upload leaves nothing",
        run: aborted_upload,
    },
    Check {
        name: "creating drops what was unfinished",
        run: create_again,
    },
    Check {
        name: "finishing does not replace where names can be reserved",
        run: finish_over_another,
    },
    Check {
        name: "a durable point says what is durable",
        run: durable_point,
    },
    Check {
        name: "several files are written at once",
        run: several_at_once,
    },
    Check {
        name: "deleting takes what is there",
        run: delete,
    },
];

fn open_upload(store: &dyn Store) {
    let name = file_name(store, 0);
    let mut upload = start(store, &name, b"half");
    upload.durable_point().expect("durable point");
    assert_missing(store, &name);
    upload.finish().expect("finish");
    assert_eq!(content_from(store, &name, 0), b"half");
    assert_eq!(store.unfinished().expect("unfinished"), []);
}

fn dropped_upload(store: &dyn Store) {
    let name = file_name(store, 0);
    drop(start(store, &name, b"half"));
    assert_missing(store, &name);
    if store.capabilities().resumable {
        let unfinished = store.unfinished().expect("unfinished").remove(0);
        assert_eq!((unfinished.name, unfinished.bytes), (name.clone(), Some(4)));
    }
    store.discard(&name).expect("discard");
    store.discard(&name).expect("discard again");
    assert_eq!(store.unfinished().expect("unfinished"), []);
    assert_missing(store, &name);
}

fn aborted_upload(store: &dyn Store) {
    let name = file_name(store, 0);
    start(store, &name, b"half").abort().expect("abort");
    assert_eq!(store.unfinished().expect("unfinished"), []);
    assert_eq!(store.list().expect("list"), []);
}

fn create_again(store: &dyn Store) {
    let name = file_name(store, 0);
    drop(start(store, &name, b"a long beginning"));
    store_file(store, &name, b"short");
    assert_eq!(content_from(store, &name, 0), b"short");
}

fn finish_over_another(store: &dyn Store) {
    let name = file_name(store, 0);
    store_file(store, &name, b"old");
    let upload = start(store, &name, b"new");
    if store.capabilities().deferred_publish {
        assert_kind(upload.finish(), ErrorKind::AlreadyExists);
        assert_eq!(content_from(store, &name, 0), b"old");
    } else {
        upload.finish().expect("finish");
        assert_eq!(content_from(store, &name, 0), b"new");
    }
}

fn durable_point(store: &dyn Store) {
    let mut upload = start(store, &file_name(store, 0), b"1234");
    let expected = match store.capabilities().resumable {
        true => Durability::Bytes(4),
        false => Durability::OnFinish,
    };
    assert_eq!(upload.durable_point().expect("durable point"), expected);
    assert_eq!(upload.durable_point().expect("durable point"), expected);
}

fn several_at_once(store: &dyn Store) {
    std::thread::scope(|scope| {
        for index in 0..4 {
            scope.spawn(move || write_slowly(store, index));
        }
    });
    for index in 0..4 {
        let content = content_from(store, &file_name(store, index), 0);
        assert_eq!(content, index.to_string().repeat(100).as_bytes());
    }
}

fn write_slowly(store: &dyn Store, index: usize) {
    let mut upload = store.create(&file_name(store, index)).expect("create");
    for _ in 0..100 {
        let chunk = index.to_string();
        upload.write_all(chunk.as_bytes()).expect("write");
    }
    upload.finish().expect("finish");
}

fn delete(store: &dyn Store) {
    let names = [0, 1, 2].map(|index| file_name(store, index));
    store.delete(&[&names[0]]).expect("nothing to delete");
    store_file(store, &names[0], b"0");
    store_file(store, &names[2], b"2");
    let all = names.each_ref().map(String::as_str);
    store.delete(&all[..2]).expect("delete");
    assert_missing(store, &names[0]);
    assert_eq!(content_from(store, &names[2], 0), b"2");
    store.delete(&all).expect("delete");
    store.delete(&[]).expect("delete nothing");
    assert_missing(store, &names[2]);
}
