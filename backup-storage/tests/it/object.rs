//! Object stores, against servers in this process.

mod faults;
mod listing;
mod others;
mod reading;
mod refusals;
mod suite;
mod writing;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use backup_storage::{
    Store, conformance,
    object::{Bucket, ObjectOptions, PartSize, Retry},
    testing::ObjectServer,
};
use tokio::runtime::{Handle, Runtime};

/// One for all tests: it is only a place where requests run.
fn runtime() -> &'static Handle {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime")
    });
    RUNTIME.handle()
}

/// Small parts and ranges, and hardly any pauses.
fn options() -> ObjectOptions {
    ObjectOptions {
        part_size: PartSize::Fixed(PART as u64),
        range_bytes: 1 << 20,
        retry: Some(quick(4)),
        read_retry: quick(3),
        ..ObjectOptions::default()
    }
}

/// The smallest part that S3 takes.
const PART: usize = 5 << 20;

fn quick(attempts: u32) -> Retry {
    let pause = Duration::from_millis(1);
    Retry::new(attempts, pause, 1.0, pause)
}

fn bucket(server: &ObjectServer) -> Bucket {
    bucket_with(server, options())
}

fn bucket_with(server: &ObjectServer, options: ObjectOptions) -> Bucket {
    server
        .s3_options()
        .open(options, runtime())
        .expect("a bucket")
}

fn directory(server: &ObjectServer) -> Arc<dyn Store> {
    Arc::new(bucket(server).directory("set").expect("a directory"))
}

/// Runs the suite, on prefixes of their own.
fn passes_the_suite(bucket: &Bucket) {
    let mut used = 0;
    conformance::run(|| {
        used += 1;
        let directory = bucket.directory(&format!("sets/{used}"));
        Arc::new(directory.expect("a directory"))
    });
}

/// Bytes that tell where they are: blocks that begin with their number.
fn pattern(bytes: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..=255).cycle().take(4096 - 8).collect();
    let mut pattern = Vec::with_capacity(bytes + 4096);
    for number in 0..bytes.div_ceil(4096) as u64 {
        pattern.extend_from_slice(&number.to_le_bytes());
        pattern.extend_from_slice(&block);
    }
    pattern.truncate(bytes);
    pattern
}

fn store_file(store: &dyn Store, name: &str, content: &[u8]) {
    let mut upload = store.create(name).expect("create");
    for piece in content.chunks(1 << 20) {
        upload.write_all(piece).expect("write");
    }
    assert_eq!(upload.finish().expect("finish").bytes, content.len() as u64);
}

fn content(store: &dyn Store, name: &str) -> Vec<u8> {
    let mut content = Vec::new();
    let mut download = store.open(name, 0).expect("open");
    std::io::Read::read_to_end(&mut download, &mut content).expect("read");
    content
}
