//! Backups by XDR between absctl and the library backup-go, in both directions.

use crate::{
    clusters::{NAMESPACE, assert_equal, builder, empty},
    files::{args, write_key},
    programs::{Go, absctl, convert},
};
use asnode::{
    Cluster, Edition,
    generate::{self, Shape},
};
use std::net::TcpListener;
use tempfile::tempdir;

const RECORDS: u64 = 5000;

/// Forms of the files, as both programs are told.
const FORMS: [&[&str]; 3] = [
    &[],
    &["--compress=ZSTD"],
    &["--compress=ZSTD", "--encrypt=AES256"],
];

/// A cluster that ships. The library takes no keys but integers, strings and blobs.
fn source() -> Cluster {
    let cluster = builder(2).edition(Edition::Enterprise).start();
    let cluster = cluster.expect("cluster");
    let loaded = generate::load(&cluster, NAMESPACE, Shape::Bench, RECORDS, 3);
    assert_eq!(loaded, RECORDS);
    cluster
}

/// `--local-port` with a port that nobody uses now.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    format!("--local-port={port}")
}

#[test]
fn absctl_restores_what_the_cluster_ships_to_the_library() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (source(), tempdir().expect("directory"));
    let key = write_key(place.path());
    for (number, form) in FORMS.into_iter().enumerate() {
        let path = place.path().join(number.to_string());
        let port = free_port();
        let mut flags = vec!["--parallel=3", "--file-limit=500000", port.as_str()];
        flags.extend(args(form, &key, "backup"));
        let run = go.library("xdr", &source, &flags, &path).succeeds();
        assert_eq!(run.count("records"), RECORDS);
        let flags = args(form, &key, "restore");
        let validate = [flags.as_slice(), &["--validate"]].concat();
        let target = empty(3);
        absctl("restore", &target, &validate, &path).runs_clean();
        absctl("restore", &target, &flags, &path).runs_clean();
        assert_equal(&source, &target);
    }
}

#[test]
fn the_library_restores_what_the_cluster_ships_to_absctl() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (source(), tempdir().expect("directory"));
    let key = write_key(place.path());
    for (number, form) in FORMS.into_iter().enumerate() {
        let path = place.path().join(number.to_string());
        let mut flags = vec!["--parallel-write=3", "--local-port=0"];
        flags.extend(args(form, &key, "backup"));
        absctl("backup xdr", &source, &flags, &path).runs_clean();
        let target = empty(1);
        let mut flags = args(form, &key, "restore");
        flags.push("--asbx");
        let run = go.library("restore", &target, &flags, &path).succeeds();
        assert_eq!(run.count("inserted"), RECORDS);
        assert_equal(&source, &target);
    }
}

#[test]
fn the_library_restores_what_absctl_converts() {
    let Some(go) = Go::find() else { return };
    let (source, place) = (source(), tempdir().expect("directory"));
    let key = write_key(place.path());
    let (theirs, ours) = (place.path().join("theirs"), place.path().join("ours"));
    let port = free_port();
    let flags = ["--parallel=3", "--file-limit=500000", port.as_str()];
    go.library("xdr", &source, &flags, &theirs).succeeds();
    absctl("backup xdr", &source, &["--local-port=0"], &ours).runs_clean();
    for shipped in [theirs, ours] {
        for (number, form) in FORMS.into_iter().enumerate() {
            let path = shipped.with_extension(number.to_string());
            convert(&shipped, &path, &args(form, &key, "backup")).runs_clean();
            let target = empty(1);
            let flags = args(form, &key, "restore");
            let run = go.library("restore", &target, &flags, &path).succeeds();
            assert_eq!(run.count("inserted"), RECORDS);
            assert_equal(&source, &target);
        }
    }
}
