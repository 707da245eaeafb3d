//! The suite, by the dialects of S3 and of Google.

use std::sync::Arc;

use backup_storage::{Call, Hooked, conformance::run, testing::ObjectServer};

use super::{bucket, options, passes_the_suite, runtime};

#[test]
fn s3_directory() {
    let server = ObjectServer::s3();
    passes_the_suite(&bucket(&server));
    assert_eq!(server.open_uploads(), [""; 0]);
}

/// A limit of speed is a hook; it may be round any store.
#[test]
fn a_bucket_behind_hooks() {
    let server = ObjectServer::s3();
    let bucket = bucket(&server);
    let mut used = 0;
    run(|| {
        used += 1;
        let inner = bucket
            .directory(&format!("sets/{used}"))
            .expect("a directory");
        Arc::new(Hooked::new(Arc::new(inner), Arc::new(|_: Call<'_>| Ok(()))))
    });
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
    passes_the_suite(&bucket);
    assert_eq!(server.open_uploads(), [""; 0]);
}
