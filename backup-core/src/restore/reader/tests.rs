//! Two decoders at one file are in it at the same time, and take every item once.

use super::*;
use crate::restore::{RestoreSource, Trust, Unwrap, files::Files};
use asb_format::{Encoder, RecordHead, ValueRef, Version};
use backup_storage::LocalDir;
use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar},
    thread,
    time::Duration,
};

const RECORDS: usize = 4000;

/// Who has taken what.
#[derive(Default)]
struct Seen {
    by_offset: Mutex<BTreeMap<u64, usize>>,
    /// Decoders that have a record.
    present: Mutex<usize>,
    changed: Condvar,
}

struct Meeting<'a> {
    number: usize,
    has_met: bool,
    seen: &'a Seen,
}

impl Sink for Meeting<'_> {
    /// Nobody goes on before both have a record: alone, nobody could.
    fn take(&mut self, item: &Item<'_>, offset: u64) -> Result<(), Error> {
        let previous = self
            .seen
            .by_offset
            .lock()
            .expect("lock")
            .insert(offset, self.number);
        assert_eq!(previous, None, "byte {offset}");
        if self.has_met || !matches!(item, Item::Record(_)) {
            return Ok(());
        }
        let mut present = self.seen.present.lock().expect("lock");
        *present += 1;
        self.seen.changed.notify_all();
        let limit = Duration::from_secs(120);
        let waited = self
            .seen
            .changed
            .wait_timeout_while(present, limit, |present| *present < 2);
        assert!(
            !waited.expect("lock").1.timed_out(),
            "the other one never came"
        );
        self.has_met = true;
        Ok(())
    }
}

fn write(path: &std::path::Path) {
    let (encoder, mut text) = (Encoder::new(), Vec::new());
    encoder.header(&mut text, Version::V3_1);
    for number in 0..RECORDS {
        let head = RecordHead {
            key: None,
            namespace: b"test",
            digest: &[u8::try_from(number % 256).expect("fits"); 20],
            set: None,
            generation: 1,
            void_time: 0,
            bin_count: 1,
        };
        encoder.record(&mut text, &head);
        encoder.bin(&mut text, b"text", ValueRef::String(&[b'+'; 1000]));
    }
    std::fs::write(path, text).expect("file");
}

#[test]
fn two_decoders_are_at_one_file_at_the_same_time() {
    let place = tempfile::tempdir().expect("directory");
    write(&place.path().join("0_test_1.asb"));
    let source = RestoreSource::Directory(Arc::new(LocalDir::new(place.path())));
    let input = Input::list(source, Unwrap::default(), Trust::default()).expect("input");
    let (files, seen, stats) = (
        Files::new(input, 2),
        Seen::default(),
        RestoreStats::default(),
    );
    thread::scope(|scope| {
        // Both have joined before one begins, so that none is alone.
        let open = [files.next(), files.next()].map(|open| open.expect("a file"));
        for (number, open) in open.into_iter().enumerate() {
            let (files, seen, stats) = (&files, &seen, &stats);
            scope.spawn(move || {
                let place = Place {
                    input: &files.input,
                    file: files.file(&open).expect("a file"),
                    stats,
                    is_shared: files.is_shared,
                };
                let mut sink = Meeting {
                    number,
                    has_met: false,
                    seen,
                };
                open.read(place, &mut Reader::default(), &mut sink)
                    .expect("sound");
                files.leave(&open);
            });
        }
    });
    let seen = seen.by_offset.lock().expect("lock");
    assert_eq!(seen.len(), RECORDS + 1, "every record once, and the header");
    assert!(files.next().is_none());
}
