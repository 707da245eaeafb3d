//! Reading: whole files, from an offset, and what is not there.

use std::io::Read;

use super::{Check, assert_kind, assert_missing, content_from, file_name, store_file};
use crate::{Error, ErrorKind, Store, StoreExt};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "what was written is read",
        run: round_trip,
    },
    Check {
        name: "an empty file is a file",
        run: empty_file,
    },
    Check {
        name: "reading starts at the offset",
        run: offsets,
    },
    Check {
        name: "what is missing is not found",
        run: missing,
    },
    Check {
        name: "a file that changed since it was listed is refused",
        run: changed_since_listed,
    },
    Check {
        name: "small files are read up to a limit",
        run: small_files,
    },
];

fn round_trip(store: &dyn Store) {
    let name = file_name(store, 0);
    let mut upload = store.create(&name).expect("create");
    let mut expected = Vec::new();
    for (index, size) in (0_u8..).zip([1, 0, 70_000, 1 << 20, 3]) {
        let chunk = vec![index; size];
        upload.write_all(&chunk).expect("write");
        expected.extend(chunk);
        assert_eq!(upload.bytes(), expected.len() as u64);
    }
    assert_eq!(
        upload.finish().expect("finish").bytes,
        expected.len() as u64
    );
    assert!(content_from(store, &name, 0) == expected, "content differs");
}

fn empty_file(store: &dyn Store) {
    let name = file_name(store, 0);
    store_file(store, &name, b"");
    assert_eq!(store.stat(&name).expect("stat").size, Some(0));
    assert_eq!(content_from(store, &name, 0), b"");
}

fn offsets(store: &dyn Store) {
    let name = file_name(store, 0);
    store_file(store, &name, b"0123456789");
    assert_eq!(content_from(store, &name, 3), b"3456789");
    assert_eq!(content_from(store, &name, 10), b"");
    let download = store.open(&name, 3).expect("open");
    assert_eq!(download.size(), Some(10));
    let too_far = ErrorKind::WrongSize {
        expected: 11,
        found: 10,
    };
    assert_kind(store.open(&name, 11), too_far);
}

fn missing(store: &dyn Store) {
    store_file(store, &file_name(store, 1), b"x");
    assert_missing(store, &file_name(store, 0));
    assert!(!store.exists(&file_name(store, 0)).expect("exists"));
    assert!(store.exists(&file_name(store, 1)).expect("exists"));
}

fn changed_since_listed(store: &dyn Store) {
    let name = file_name(store, 0);
    store.put(&name, b"long content").expect("put");
    let entry = store.stat(&name).expect("stat");
    store.put(&name, b"short").expect("put");
    let shrunk = ErrorKind::WrongSize {
        expected: 12,
        found: 5,
    };
    assert_kind(store.open_entry(&entry), shrunk);
    store.delete(&[&name]).expect("delete");
    let error = store.open_entry(&entry).expect_err("it has gone");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(&name), "{error}");
}

fn small_files(store: &dyn Store) {
    let name = file_name(store, 0);
    store_file(store, &name, b"12345");
    assert_eq!(store.read_small(&name, 5).expect("read"), b"12345");
    assert_eq!(
        store.read_small(&name, 4).expect_err("too long").kind(),
        ErrorKind::WrongSize {
            expected: 4,
            found: 5
        }
    );
    let mut one = [0];
    let mut download = store.open(&name, 4).expect("open");
    download
        .read_exact(&mut one)
        .map_err(Error::from_read)
        .expect("read");
    assert_eq!(&one, b"5");
}
