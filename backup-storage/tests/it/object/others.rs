//! Servers that others wrote, where they are installed.

use std::time::Duration;

use backup_storage::{
    ErrorKind, Store,
    object::{AzureAccess, ObjectOptions, Thaw},
    testing::{Fault, ObjectServer, Other, Rule},
};
use http::Method;

use super::{PART, content, options, passes_the_suite, pattern, runtime, store_file};

#[test]
fn moto_passes_the_suite() {
    let Some(server) = Other::moto() else {
        return;
    };
    let s3 = server.s3_options();
    passes_the_suite(&s3.open(options(), runtime()).unwrap());
}

#[test]
fn moto_brings_objects_back() {
    let Some(server) = Other::moto() else {
        return;
    };
    let mut s3 = server.s3_options();
    s3.storage_class = Some("GLACIER".to_owned());
    let cold = s3
        .open(options(), runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    store_file(&cold, "small.asb", b"content");
    store_file(&cold, "large.asb", &pattern(PART + 1));
    let error = cold.make_readable(&["small.asb"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archived);
    let thawing = ObjectOptions {
        thaw: Some(Thaw {
            tier: "Standard".to_owned(),
            poll: Duration::from_millis(20),
            deadline: Duration::from_secs(60),
        }),
        ..options()
    };
    let store = s3
        .open(thawing, runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    store.make_readable(&["small.asb", "large.asb"]).unwrap();
    assert_eq!(content(&store, "small.asb"), b"content");
    assert!(content(&store, "large.asb") == pattern(PART + 1));
}

#[test]
fn azurite_passes_the_suite() {
    let Some(server) = Other::azurite() else {
        return;
    };
    let azure = server.azure_options();
    passes_the_suite(&azure.open(options(), runtime()).unwrap());
}

#[test]
fn azurite_takes_blocks_and_tiers() {
    let Some(server) = Other::azurite() else {
        return;
    };
    let mut azure = server.azure_options();
    for tier in [None, Some("Cool"), Some("Archive")] {
        azure.tier = tier.map(str::to_owned);
        let blocks = ObjectOptions {
            uploads_per_file: 3,
            ..options()
        };
        let store = azure
            .open(blocks, runtime())
            .unwrap()
            .directory("set")
            .unwrap();
        let large = pattern(2 * PART + 17);
        store_file(&store, "small.asb", b"content");
        store_file(&store, "large.asb", &large);
        if tier == Some("Archive") {
            let error = store.open("large.asb", 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Archived, "{error}");
            continue;
        }
        assert!(content(&store, "large.asb") == large, "{tier:?}");
    }
    let thawing = ObjectOptions {
        thaw: Some(Thaw {
            tier: "Hot".to_owned(),
            poll: Duration::from_millis(20),
            deadline: Duration::from_secs(60),
        }),
        ..options()
    };
    let store = azure
        .open(thawing, runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    store.make_readable(&["small.asb", "large.asb"]).unwrap();
    assert_eq!(content(&store, "small.asb"), b"content");
}

#[test]
fn azurite_names_what_is_missing() {
    let Some(server) = Other::azurite() else {
        return;
    };
    let mut azure = server.azure_options();
    azure.container = "missing".to_owned();
    let store = azure
        .open(options(), runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    assert_eq!(
        store.check_writable().unwrap_err().kind(),
        ErrorKind::NoBucket
    );
    azure.access = AzureAccess::Key("bm90IHRoZSBrZXk=".into());
    let store = azure
        .open(options(), runtime())
        .unwrap()
        .directory("set")
        .unwrap();
    let error = store.check_writable().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

/// What goes wrong on the way to it is dealt with as anywhere, and the checksums that are asked for are there.
#[test]
fn azurite_behind_a_bad_line() {
    let Some(server) = Other::azurite() else {
        return;
    };
    let front = ObjectServer::before(&server);
    let mut azure = server.azure_options();
    azure.endpoint = azure.endpoint.replace(&server.url(), &front.url());
    azure.checksum = true;
    let bucket = azure.open(options(), runtime()).unwrap();
    let store = bucket.directory("set").unwrap();
    for fault in [
        Fault::Answer(503, Some(0), "ServerBusy"),
        Fault::Answer(500, None, "OperationTimedOut"),
        Fault::LoseRequest(100_000),
        Fault::LoseAnswer,
    ] {
        for (method, query) in [
            (Method::PUT, "comp=block&"),
            (Method::PUT, "blocklist"),
            (Method::GET, ""),
        ] {
            front.add(Rule::new(method, fault.clone()).query(query).times(1));
        }
        let large = pattern(PART + 1000);
        store_file(&store, "large.asb", &large);
        assert!(content(&store, "large.asb") == large, "{fault:?}");
    }
    store_file(&store, "small.asb", b"123456789");
    let seen = front.seen();
    let of = |seen: &&backup_storage::testing::Seen| seen.method == Method::PUT;
    let blocks: Vec<_> = seen
        .iter()
        .filter(of)
        .filter(|seen| seen.query.contains("comp=block&"))
        .collect();
    assert!(
        blocks.len() >= 8
            && blocks
                .iter()
                .all(|seen| seen.headers.contains_key("x-ms-content-crc64"))
    );
    // The check value of CRC-64/NVME, ae8b14860a799888, from its last byte to its first.
    let small = seen
        .iter()
        .rev()
        .find(|seen| seen.method == Method::PUT && seen.path.ends_with("small.asb"));
    assert_eq!(small.unwrap().headers["x-ms-content-crc64"], "iJh5CoYUi64=");
}
