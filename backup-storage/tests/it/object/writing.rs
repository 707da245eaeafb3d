//! Writing: one request or parts, classes, encryption, sizes.

use backup_storage::{
    Durability, ErrorKind, Store,
    object::{ObjectOptions, PartSize, S3Encryption},
    testing::ObjectServer,
};
use http::Method;

use super::{PART, bucket_with, content, options, pattern, runtime, store_file};

fn parts(server: &ObjectServer) -> usize {
    let seen = server.seen().into_iter();
    seen.filter(|seen| seen.query.contains("partNumber"))
        .count()
}

#[test]
fn what_fits_into_one_part_is_one_request() {
    let server = ObjectServer::s3();
    let store = bucket_with(&server, options()).directory("set").unwrap();
    for bytes in [0, 1, PART] {
        let before = server.seen().len();
        store_file(&store, "f.asb", &pattern(bytes));
        assert_eq!(server.seen().len(), before + 1, "{bytes}");
    }
    store_file(&store, "f.asb", &pattern(PART + 1));
    assert_eq!(parts(&server), 2);
    assert!(content(&store, "f.asb") == pattern(PART + 1));
}

#[test]
fn parts_may_be_under_way_together() {
    let server = ObjectServer::s3();
    for (uploads_per_file, uploads) in [(0, None), (1, None), (3, Some(2)), (8, Some(1))] {
        let options = ObjectOptions {
            uploads_per_file,
            uploads,
            ..options()
        };
        let store = bucket_with(&server, options).directory("set").unwrap();
        let written = pattern(2 * PART + 17);
        store_file(&store, "f.asb", &written);
        assert!(content(&store, "f.asb") == written, "{uploads_per_file}");
    }
    assert_eq!(parts(&server), 12);
    assert_eq!(server.open_uploads(), [""; 0]);
}

#[test]
fn nothing_is_durable_before_the_end() {
    let server = ObjectServer::s3();
    let store = bucket_with(&server, options()).directory("set").unwrap();
    let mut upload = store.create("f.asb").unwrap();
    upload.write_all(&pattern(2 * PART)).unwrap();
    assert_eq!(upload.durable_point().unwrap(), Durability::OnFinish);
    assert_eq!(store.list().unwrap(), []);
    assert_eq!(store.unfinished().unwrap().remove(0).name, "f.asb");
    upload.abort().unwrap();
    assert_eq!(server.open_uploads(), [""; 0]);
}

#[test]
fn open_uploads_of_others_are_found_and_discarded_by_name() {
    let server = ObjectServer::s3();
    let store = bucket_with(&server, options()).directory("set").unwrap();
    let sibling = bucket_with(&server, options()).directory("set2").unwrap();
    let mut open = Vec::new();
    for (store, name) in [(&store, "a.asb"), (&store, "a.asb2"), (&sibling, "a.asb")] {
        let other = ObjectServerUpload::begin(&server, store, name);
        open.push(other);
    }
    let names: Vec<_> = store
        .unfinished()
        .unwrap()
        .into_iter()
        .map(|found| found.name)
        .collect();
    assert_eq!(names, ["a.asb", "a.asb2"]);
    store.discard("a.asb").unwrap();
    let mut left = server.open_uploads();
    left.sort();
    assert_eq!(left, ["set/a.asb2", "set2/a.asb"]);
}

/// An upload by another process: a bucket of its own, which is never dropped.
struct ObjectServerUpload(
    #[expect(dead_code, reason = "kept open")] Box<dyn backup_storage::Upload>,
);

impl ObjectServerUpload {
    fn begin(server: &ObjectServer, like: &backup_storage::object::ObjectDir, name: &str) -> Self {
        let prefix = like.location().rsplit('/').nth(1).unwrap().to_owned();
        let store = bucket_with(server, options()).directory(&prefix).unwrap();
        let mut upload = store.create(name).unwrap();
        upload.write_all(&pattern(PART + 1)).unwrap();
        Self(upload)
    }
}

#[test]
fn data_has_the_class_and_small_files_the_usual_one() {
    let server = ObjectServer::s3();
    let mut deep = server.s3_options();
    deep.storage_class = Some("deep_archive".to_owned());
    let store = deep
        .open(options(), runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    store_file(&store, "large.asb", &pattern(PART + 1));
    store_file(&store, "small.asb", b"x");
    store.put("manifest", b"x").unwrap();
    let class = |name: &str| server.storage_class(&format!("set/{name}"));
    assert_eq!(class("large.asb").as_deref(), Some("DEEP_ARCHIVE"));
    assert_eq!(class("small.asb").as_deref(), Some("DEEP_ARCHIVE"));
    assert_eq!(class("manifest"), None);
    // The server says so, and nobody has asked for it.
    assert_eq!(
        store.open("large.asb", 1).unwrap_err().kind(),
        ErrorKind::Archived
    );
}

#[test]
fn encryption_is_asked_for() {
    let server = ObjectServer::s3();
    let key = "arn:aws:kms:us-east-1:1:key/2".to_owned();
    for (encryption, word, id) in [
        (S3Encryption::S3, "AES256", None),
        (S3Encryption::Kms(None), "aws:kms", None),
        (
            S3Encryption::Kms(Some(key.clone())),
            "aws:kms",
            Some(key.as_str()),
        ),
    ] {
        let mut options = server.s3_options();
        options.encryption = Some(encryption);
        let bucket = options.open(super::options(), runtime()).unwrap();
        let store = bucket.directory("set").unwrap();
        store_file(&store, "small.asb", b"x");
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.method, Method::PUT);
        let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("x-amz-server-side-encryption"), Some(word));
        assert_eq!(header("x-amz-server-side-encryption-aws-kms-key-id"), id);
    }
}

#[test]
fn checksums_are_sent_only_when_asked_for() {
    let server = ObjectServer::s3();
    for checksum in [false, true] {
        let mut options = server.s3_options();
        options.checksum = checksum;
        let bucket = options.open(super::options(), runtime()).unwrap();
        let before = server.seen().len();
        store_file(
            &bucket.directory("set").unwrap(),
            "f.asb",
            &pattern(PART + 1),
        );
        let sent = server.seen().split_off(before).into_iter().any(|seen| {
            seen.headers
                .keys()
                .any(|name| name.as_str().starts_with("x-amz-checksum"))
        });
        assert_eq!(sent, checksum);
    }
}

#[test]
fn parts_grow_and_fit_the_limit() {
    let automatic = |file_limit| PartSize::Automatic {
        file_limit,
        least: 0,
    };
    const MIB: u64 = 1 << 20;
    assert_eq!(automatic(Some(250 * MIB)).bytes(0), 8 * MIB);
    let large = automatic(Some(1 << 40));
    assert_eq!(large.bytes(0), large.bytes(9_000));
    large.check(1 << 40).unwrap();
    let endless = automatic(None);
    let sizes: Vec<_> = [0, 999, 1000, 2000, 5000, 9999]
        .map(|n| endless.bytes(n) / MIB)
        .into();
    assert_eq!(sizes, [8, 8, 16, 32, 256, 256]);
    PartSize::Fixed(5 * MIB).check(49_995 * MIB - 1).unwrap();
    let error = PartSize::Fixed(5 * MIB).check(50_000 * MIB).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
}

#[test]
fn an_object_has_so_many_parts() {
    let server = ObjectServer::google();
    let mut options = options();
    options.part_size = PartSize::Fixed(1);
    options.uploads_per_file = 32;
    let bucket = server.google_options().open(options, runtime()).unwrap();
    let store = bucket.directory("set").unwrap();
    let mut upload = store.create("f.asb").unwrap();
    let error = upload.write_all(&[0; 10_002]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    upload.abort().unwrap();
    assert_eq!(server.open_uploads(), [""; 0]);
}
