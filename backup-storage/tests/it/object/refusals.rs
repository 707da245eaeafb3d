//! What cannot pass is asked for once, whatever is asked for (goal R10).

use std::io::Read as _;

use backup_storage::{
    Error, ErrorKind, Result, Store,
    object::{ObjectOptions, Thaw},
    testing::{ArchiveState, Fault, ObjectServer, Rule},
};
use http::Method;

use super::{PART, bucket_with, options, pattern, store_file};

/// Refusals of each kind, and what becomes of them.
const REFUSALS: [(u16, &str, ErrorKind); 7] = [
    (403, "AccessDenied", ErrorKind::PermissionDenied),
    (403, "SignatureDoesNotMatch", ErrorKind::PermissionDenied),
    (400, "ExpiredToken", ErrorKind::PermissionDenied),
    (404, "NoSuchBucket", ErrorKind::NoBucket),
    (400, "BadDigest", ErrorKind::Damaged),
    (507, "QuotaExceeded", ErrorKind::DiskFull),
    (412, "PreconditionFailed", ErrorKind::Changed),
];

/// A use of a store, and the requests that are refused of it.
type Use = (
    &'static str,
    Method,
    &'static str,
    fn(&dyn Store) -> Result<()>,
);

fn upload(store: &dyn Store, bytes: usize) -> Result<()> {
    let mut upload = store.create("new.asb")?;
    upload.write_all(&pattern(bytes))?;
    upload.finish().map(drop)
}

const USES: [Use; 13] = [
    ("list", Method::GET, "list-type", |store| {
        store.list().map(drop)
    }),
    ("check", Method::GET, "list-type", |store| {
        store.check_writable()
    }),
    ("stat", Method::HEAD, "", |store| {
        store.stat("old.asb").map(drop)
    }),
    ("open", Method::GET, "", |store| {
        store.open("old.asb", 0).map(drop)
    }),
    ("read", Method::GET, "", |store| {
        let mut file = store.open("old.asb", 1)?;
        file.read_to_end(&mut Vec::new())
            .map(drop)
            .map_err(Error::from_read)
    }),
    ("put", Method::PUT, "", |store| store.put("state", b"x")),
    ("create", Method::PUT, "", |store| {
        store.create_new("lock", b"x")
    }),
    ("small file", Method::PUT, "", |store| upload(store, 10)),
    ("begin", Method::POST, "uploads", |store| {
        upload(store, PART + 1)
    }),
    ("part", Method::PUT, "partNumber=1", |store| {
        upload(store, PART + 1)
    }),
    ("complete", Method::POST, "uploadId", |store| {
        upload(store, PART + 1)
    }),
    ("delete", Method::POST, "delete", |store| {
        store.delete(&["old.asb"])
    }),
    ("thaw", Method::POST, "restore", |store| {
        store.make_readable(&["cold.asb"])
    }),
];

#[test]
fn a_refusal_is_final() {
    let server = ObjectServer::s3();
    let options = || ObjectOptions {
        thaw: Some(Thaw {
            tier: "Bulk".to_owned(),
            poll: std::time::Duration::from_millis(1),
            deadline: std::time::Duration::from_secs(60),
        }),
        ..options()
    };
    let store = bucket_with(&server, options()).directory("set").unwrap();
    store_file(&store, "old.asb", b"content");
    store_file(&store, "cold.asb", b"content");
    server.set_archive("set/cold.asb", ArchiveState::Archived);
    for (status, code, kind) in REFUSALS {
        for (what, method, query, use_it) in USES {
            if what == "delete" && status == 404 {
                continue; // what is not there need not be deleted
            }
            let refused = Fault::Answer(status, None, code);
            server.add(
                Rule::new(method.clone(), refused.clone())
                    .query(query)
                    .times(2),
            );
            let before = server.seen().len();
            // A bucket of its own: nothing of it is under way when the next one is looked at.
            let store = bucket_with(&server, options()).directory("set").unwrap();
            let error = use_it(&store).expect_err(&format!("{what}: {code}"));
            drop(store);
            let seen = server.seen().split_off(before);
            let count = seen
                .iter()
                .filter(|seen| seen.fault.as_ref() == Some(&refused))
                .count();
            assert_eq!(count, 1, "{what}: {code}: {seen:?}");
            // An answer to HEAD has no body that could tell the code.
            if method != Method::HEAD && what != "create" {
                assert_eq!(error.kind(), kind, "{what}: {code}: {error}");
            }
            server.forget_rules();
        }
    }
}
