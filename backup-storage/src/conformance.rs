//! The suite that every store and every wrapper round one has to pass.
//!
//! A store is finished when it passes [`run`] (or [`run_stream`]), not when its own tests pass. The checks ask
//! [`Capabilities`](crate::Capabilities) what is promised, and demand
//! [`Unsupported`](crate::ErrorKind::Unsupported) for the rest. Not here: durability, which needs a kill or a
//! trace of system calls, and speed.

mod naming;
mod publishing;
mod reading;
mod resuming;
mod small_files;
mod streams;
mod writing;

use std::{
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

pub use self::streams::{StreamFixture, run_stream};
use crate::{ErrorKind, Result, Store, Upload};

/// One promise of the trait.
#[derive(Clone, Copy, Debug)]
struct Check {
    name: &'static str,
    run: fn(&dyn Store),
}

/// Runs every check, each on a store of its own; `fresh` makes an empty one each time.
///
/// # Panics
///
/// When a check fails; the message names all that did.
pub fn run(mut fresh: impl FnMut() -> Arc<dyn Store>) {
    let groups = [
        naming::CHECKS,
        publishing::CHECKS,
        reading::CHECKS,
        resuming::CHECKS,
        small_files::CHECKS,
        writing::CHECKS,
    ];
    let failed: Vec<_> = (groups.concat().into_iter())
        .filter(|check| !passes(|| (check.run)(&*fresh())))
        .map(|check| check.name)
        .collect();
    assert!(failed.is_empty(), "failed checks: {failed:?}");
}

fn passes(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_ok()
}

/// The name of the `index`-th file, such as the store can take.
fn file_name(store: &dyn Store, index: usize) -> String {
    match (store.single_name(), index) {
        (Some(single), 0) => single.to_owned(),
        (Some(single), _) => format!("{single}.{index}"),
        (None, _) => format!("{index}_my_ns_1.asb"),
    }
}

fn start(store: &dyn Store, name: &str, content: &[u8]) -> Box<dyn Upload> {
    let mut upload = store.create(name).expect("create");
    upload.write_all(content).expect("write");
    upload
}

fn store_file(store: &dyn Store, name: &str, content: &[u8]) {
    let stored = start(store, name, content).finish().expect("finish");
    assert_eq!(stored.bytes, content.len() as u64);
}

fn content_from(store: &dyn Store, name: &str, offset: u64) -> Vec<u8> {
    let mut content = Vec::new();
    let mut download = store.open(name, offset).expect("open");
    download.read_to_end(&mut content).expect("read");
    content
}

#[track_caller]
fn assert_kind<T>(result: Result<T>, expected: ErrorKind) {
    match result {
        Ok(_) => assert_eq!(None, Some(expected), "it succeeded"),
        Err(error) => assert_eq!(error.kind(), expected, "{error}"),
    }
}

#[track_caller]
fn assert_missing(store: &dyn Store, name: &str) {
    assert_kind(store.stat(name), ErrorKind::NotFound);
    assert_kind(store.open(name, 0), ErrorKind::NotFound);
}
