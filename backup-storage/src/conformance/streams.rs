//! The part of the trait that streams have, and their refusal of the rest.

use std::{fmt, io::Read, sync::Arc, thread};

use super::{assert_kind, passes};
use crate::{Durability, ErrorKind, Store, StoreExt};

/// A stream with both ends in one process: what is written to `writer` is read from `reader`.
pub struct StreamFixture {
    /// The store to write to.
    pub writer: Arc<dyn Store>,
    /// The store to read from; the same one for a FIFO.
    pub reader: Arc<dyn Store>,
}

impl fmt::Debug for StreamFixture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamFixture")
            .field("writer", &self.writer)
            .field("reader", &self.reader)
            .finish()
    }
}

type StreamCheck = (&'static str, fn(&StreamFixture));

const CHECKS: &[StreamCheck] = &[
    ("what was written is read", round_trip),
    ("a closed reader is an error of its own", closed),
    ("everything but one pass is refused", unsupported),
    ("nothing is in the way", never_in_the_way),
];

/// Runs the sequential checks, each on a stream of its own that `fresh` makes.
///
/// # Panics
///
/// When a check fails; the message names all that did.
pub fn run_stream(mut fresh: impl FnMut() -> StreamFixture) {
    let failed: Vec<_> = (CHECKS.iter())
        .filter(|(_, check)| !passes(|| check(&fresh())))
        .map(|(name, _)| *name)
        .collect();
    assert!(failed.is_empty(), "failed checks: {failed:?}");
}

fn name(store: &dyn Store) -> &str {
    store.single_name().expect("a stream has one name")
}

/// More than any pipe holds, so that both ends have to work at the same time.
fn chunks() -> impl Iterator<Item = Vec<u8>> {
    (0_u8..20).map(|index| vec![index; 100_000])
}

fn write_all_chunks(store: &dyn Store) {
    let mut upload = store.create(name(store)).expect("create");
    for chunk in chunks() {
        upload.write_all(&chunk).expect("write");
        let durability = upload.durable_point().expect("durable point");
        assert_eq!(durability, Durability::Never);
    }
    assert_eq!(upload.bytes(), 2_000_000);
    assert_eq!(upload.finish().expect("finish").bytes, 2_000_000);
}

fn round_trip(fixture: &StreamFixture) {
    thread::scope(|scope| {
        scope.spawn(|| write_all_chunks(&*fixture.writer));
        let reader = &*fixture.reader;
        let mut content = Vec::new();
        let mut download = reader.open(name(reader), 0).expect("open");
        assert_eq!(download.size(), None);
        download.read_to_end(&mut content).expect("read");
        assert!(content.into_iter().eq(chunks().flatten()), "differs");
    });
}

fn closed(fixture: &StreamFixture) {
    thread::scope(|scope| {
        let reader = &*fixture.reader;
        scope.spawn(|| drop(reader.open(name(reader), 0).expect("open")));
        let writer = &*fixture.writer;
        let mut upload = writer.create(name(writer)).expect("create");
        let failed = chunks().find_map(|chunk| upload.write_all(&chunk).err());
        let failed = failed.expect("a pipe holds less");
        assert_eq!(failed.kind(), ErrorKind::Closed);
        assert_kind(upload.write_all(b"more"), ErrorKind::Closed);
        assert_kind(upload.finish(), ErrorKind::Closed);
    });
}

fn unsupported(fixture: &StreamFixture) {
    let (store, unsupported) = (&*fixture.reader, ErrorKind::Unsupported);
    let name = name(store);
    assert_kind(store.stat(name), unsupported);
    assert_kind(store.open(name, 1), unsupported);
    assert_kind(store.create_new(name, b""), unsupported);
    assert_kind(store.put(name, b""), unsupported);
    assert_kind(store.replace(name, b"", b""), unsupported);
    assert_kind(store.reopen(name, 0), unsupported);
    assert_kind(store.publish(&[name]), unsupported);
    assert_kind(store.withdraw(name), unsupported);
    assert_kind(store.discard(name), unsupported);
    assert_kind(store.delete(&[name]), unsupported);
    assert_kind(store.open("another", 0), ErrorKind::NotFound);
    assert_kind(store.create("another"), ErrorKind::NotFound);
}

fn never_in_the_way(fixture: &StreamFixture) {
    for store in [&fixture.writer, &fixture.reader] {
        assert_eq!(store.offending_entry(|_| false).expect("list"), None);
        assert_eq!(store.available_bytes().expect("space"), None);
        let entry = store.list().expect("list").remove(0);
        assert_eq!((entry.name.as_str(), entry.size), (name(&**store), None));
    }
}
