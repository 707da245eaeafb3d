//! What real servers do at bad moments: repeated where that helps, reported in plain words where not, and
//! never left half done (`storage.md` §2.7, goal R10).

use std::{error::Error as _, time::Duration};

use backup_storage::{
    Error, ErrorKind, Store,
    object::{GcsOptions, ObjectOptions, S3Options},
    testing::{Fault, ObjectServer, Rule},
};
use http::Method;

use super::{PART, bucket, bucket_with, content, directory, options, pattern, runtime, store_file};

/// Passing faults of each request that an upload makes.
#[test]
fn an_upload_outlives_passing_faults() {
    let faults = [
        Fault::Answer(500, None, "InternalError"),
        Fault::Answer(503, Some(0), "SlowDown"),
        Fault::Answer(429, None, "TooManyRequests"),
        Fault::Answer(400, None, "RequestTimeout"),
        Fault::Answer(403, None, "RequestTimeTooSkewed"),
        Fault::LoseRequest(100_000),
        Fault::LoseAnswer,
    ];
    let large = pattern(2 * PART + 1000);
    for fault in faults {
        let server = ObjectServer::s3();
        let rule = |method, query| Rule::new(method, fault.clone()).query(query).times(2);
        server.add(rule(Method::POST, "uploads"));
        server.add(rule(Method::PUT, "partNumber=2"));
        server.add(rule(Method::POST, "uploadId"));
        // An answer to HEAD has no body that could tell what an error of the client's is.
        if !matches!(fault, Fault::Answer(400 | 403, ..)) {
            server.add(rule(Method::HEAD, ""));
        }
        server.add(rule(Method::PUT, ""));
        let store = directory(&server);
        store_file(&*store, "large.asb", &large);
        store_file(&*store, "small.asb", b"small");
        assert!(content(&*store, "large.asb") == large, "{fault:?}");
        assert_eq!(content(&*store, "small.asb"), b"small", "{fault:?}");
        // The answer that was lost began an upload that nobody knows of; a discard finds it.
        store.discard("large.asb").unwrap();
        assert_eq!(server.open_uploads(), [""; 0], "{fault:?}");
    }
}

#[test]
fn an_error_inside_a_good_answer_is_one() {
    let server = ObjectServer::s3();
    let rule = Rule::new(Method::POST, Fault::ErrorInside("InternalError")).query("uploadId");
    server.add(rule.times(1));
    let store = directory(&server);
    let large = pattern(PART + 1);
    store_file(&*store, "large.asb", &large);
    assert!(content(&*store, "large.asb") == large);
}

#[test]
fn a_lost_answer_is_no_other_winner() {
    let server = ObjectServer::s3();
    server.add(Rule::new(Method::PUT, Fault::LoseAnswer).times(1));
    let store = directory(&server);
    store.create_new("lock", b"mine").unwrap();
    let error = store.create_new("lock", b"yours").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    server.add(Rule::new(Method::PUT, Fault::LoseAnswer).times(1));
    store.replace("lock", b"mine", b"mine again").unwrap();
    assert_eq!(content(&*store, "lock"), b"mine again");
    let error = store.replace("lock", b"mine", b"late").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
}

#[test]
fn a_server_is_left_alone_as_long_as_it_asks() {
    let server = ObjectServer::s3();
    server.add(Rule::new(Method::HEAD, Fault::Answer(503, Some(1), "SlowDown")).times(1));
    let store = directory(&server);
    let begin = std::time::Instant::now();
    let error = store.stat("missing").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

/// After so many attempts, and for good at once.
#[track_caller]
fn check_reported(answer: (u16, &'static str), kind: ErrorKind, attempts: usize) {
    let (status, code) = answer;
    let server = ObjectServer::s3();
    server.add(Rule::new(Method::PUT, Fault::Answer(status, None, code)));
    let error = directory(&server).put("state", b"x").unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(server.seen().len(), attempts, "{code}");
    let cause = error.source().unwrap().to_string();
    assert!(
        cause.contains(code) && cause.contains("as a rule wants it"),
        "{cause}"
    );
}

#[test]
fn what_does_not_pass_is_reported() {
    check_reported((503, "SlowDown"), ErrorKind::Unavailable, 4);
    check_reported((403, "AccessDenied"), ErrorKind::PermissionDenied, 1);
    check_reported((400, "ExpiredToken"), ErrorKind::PermissionDenied, 1);
    check_reported((403, "InvalidAccessKeyId"), ErrorKind::PermissionDenied, 1);
    check_reported((404, "NoSuchBucket"), ErrorKind::NoBucket, 1);
    check_reported((400, "BadDigest"), ErrorKind::Damaged, 1);
    check_reported((412, "PreconditionFailed"), ErrorKind::Changed, 1);
    check_reported((507, "QuotaExceeded"), ErrorKind::DiskFull, 1);
    check_reported((400, "InvalidRequest"), ErrorKind::Other, 1);
    check_reported((301, "PermanentRedirect"), ErrorKind::Settings, 1);
}

#[test]
fn wrong_keys_are_refused() {
    let server = ObjectServer::s3();
    let mut wrong = server.s3_options();
    if let Some(keys) = &mut wrong.keys {
        keys.secret = "another".into();
    }
    let bucket = wrong.open(options(), runtime()).unwrap();
    let store = bucket.directory("set").unwrap();
    let error = store.check_writable().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let text = format!("{error:?} {bucket:?} {wrong:?} {store:?}");
    assert!(
        !text.contains("another") && !text.contains(ObjectServer::keys().1),
        "{text}"
    );
}

#[test]
fn a_missing_bucket_is_named() {
    let server = ObjectServer::s3();
    let missing = S3Options {
        bucket: "missing".to_owned(),
        ..server.s3_options()
    };
    let bucket = missing.open(options(), runtime()).unwrap();
    let store = bucket.directory("set").unwrap();
    for error in [
        store.check_writable().unwrap_err(),
        store.list().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoBucket);
        assert_eq!(error.location(), "s3://missing/set/");
    }
}

#[test]
fn nobody_there_is_said_after_the_attempts() {
    let server = ObjectServer::s3();
    let bucket = bucket(&server);
    drop(server);
    let error = bucket.directory("set").unwrap().list().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("refused"), "{cause}");
}

/// The file is whole or not there, and no upload stays open.
#[test]
fn a_failed_upload_leaves_nothing() {
    let server = ObjectServer::s3();
    let refused = || Fault::Answer(403, None, "AccessDenied");
    let large = pattern(3 * PART);
    let requests = [(Method::PUT, "partNumber=2"), (Method::POST, "uploadId")];
    for (method, query) in requests {
        server.add(Rule::new(method, refused()).query(query).times(1));
        let store = directory(&server);
        let mut upload = store.create("large.asb").unwrap();
        let written = large
            .chunks(1 << 20)
            .try_for_each(|piece| upload.write_all(piece));
        let error = written.and_then(|()| upload.finish()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        store.discard("large.asb").unwrap();
        assert_eq!(server.open_uploads(), [""; 0]);
        let error = store.stat("large.asb").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn after_a_failure_nothing_more_is_sent() {
    let server = ObjectServer::s3();
    server.add(Rule::new(
        Method::POST,
        Fault::Answer(403, None, "AccessDenied"),
    ));
    let store = directory(&server);
    let mut upload = store.create("large.asb").unwrap();
    let failed = upload.write_all(&pattern(2 * PART)).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::PermissionDenied);
    let kinds = [
        upload.write_all(b"more").unwrap_err().kind(),
        upload.durable_point().unwrap_err().kind(),
        upload.finish().unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::PermissionDenied; 3]);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_flipped_bit_is_noticed() {
    let server = ObjectServer::s3();
    let mut checked = server.s3_options();
    checked.checksum = true;
    let bucket = checked.open(options(), runtime()).unwrap();
    let store = bucket.directory("set").unwrap();
    let large = pattern(2 * PART);
    store_file(&store, "large.asb", &large);
    assert!(content(&store, "large.asb") == large);
    server.add(
        Rule::new(Method::PUT, Fault::FlipBit)
            .query("partNumber=1")
            .times(1),
    );
    let mut upload = store.create("other.asb").unwrap();
    let written = upload.write_all(&large).and_then(|()| upload.finish());
    assert!(written.is_err());
    assert_eq!(
        store.stat("other.asb").unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn google_removes_what_was_damaged_on_its_way() {
    let server = ObjectServer::google();
    let checked = GcsOptions {
        checksum: true,
        ..server.google_options()
    };
    let bucket = checked.open(options(), runtime()).unwrap();
    let store = bucket.directory("set").unwrap();
    for bytes in [1000, PART + 1000] {
        server.add(Rule::new(Method::PUT, Fault::FlipBit).times(1));
        let mut upload = store.create("f.asb").unwrap();
        upload.write_all(&pattern(bytes)).unwrap();
        let error = upload.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert_eq!(store.stat("f.asb").unwrap_err().kind(), ErrorKind::NotFound);
    }
}

/// Reads a file of 1 MiB in ranges of 64 KiB.
fn read_with(rule: Rule) -> Result<bool, Error> {
    let server = ObjectServer::s3();
    let options = ObjectOptions {
        range_bytes: 64 << 10,
        ..options()
    };
    let store = bucket_with(&server, options).directory("set").unwrap();
    let written = pattern(1 << 20);
    store_file(&store, "f.asb", &written);
    server.add(rule);
    let mut read = Vec::new();
    let mut download = store.open("f.asb", 0)?;
    std::io::Read::read_to_end(&mut download, &mut read).map_err(Error::from_read)?;
    Ok(read == written)
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let broken = Fault::BreakAnswer(10_000);
    // Each answer breaks, after some progress.
    assert!(read_with(Rule::new(Method::GET, broken)).unwrap());
    let passing = [
        Fault::Answer(500, None, "InternalError"),
        Fault::Answer(503, Some(0), "SlowDown"),
        Fault::BreakAnswer(0),
        Fault::LoseAnswer,
        Fault::Trickle(16 << 10, Duration::from_millis(1)),
    ];
    for fault in passing {
        let rule = Rule::new(Method::GET, fault.clone()).after(2).times(2);
        assert!(read_with(rule).unwrap(), "{fault:?}");
    }
}

#[test]
fn a_download_that_never_goes_on_ends() {
    let error = read_with(Rule::new(Method::GET, Fault::BreakAnswer(0))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let refused = Fault::Answer(403, None, "AccessDenied");
    let error = read_with(Rule::new(Method::GET, refused).after(3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_request_has_a_time() {
    let server = ObjectServer::s3();
    let mut options = options();
    options.connection.request_timeout = Some(Duration::from_millis(200));
    options.retry = Some(super::quick(2));
    let store = bucket_with(&server, options).directory("set").unwrap();
    store.put("state", b"content").unwrap();
    server.add(Rule::new(
        Method::GET,
        Fault::Trickle(1, Duration::from_secs(600)),
    ));
    let error = store.list().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}
