//! The suite, by the dialects of S3 and of Google.

use std::sync::Arc;

use backup_storage::{conformance::run, object::Bucket, testing::ObjectServer};

use super::{bucket, options, runtime};

/// Prefixes of their own on one server.
fn directories(bucket: &Bucket) {
    let mut used = 0;
    run(|| {
        used += 1;
        Arc::new(
            bucket
                .directory(&format!("sets/{used}"))
                .expect("a directory"),
        )
    });
}

#[test]
fn s3_directory() {
    let server = ObjectServer::s3();
    directories(&bucket(&server));
    assert_eq!(server.open_uploads(), [""; 0]);
}

#[test]
fn s3_file() {
    let server = ObjectServer::s3();
    let mut used = 0;
    run(|| {
        used += 1;
        Arc::new(
            bucket(&server)
                .file(&format!("sets/{used}/backup.asb"))
                .expect("a file"),
        )
    });
}

#[test]
fn google_directory() {
    let server = ObjectServer::google();
    let bucket = server
        .google_options()
        .open(options(), runtime())
        .expect("a bucket");
    directories(&bucket);
    assert_eq!(server.open_uploads(), [""; 0]);
}
