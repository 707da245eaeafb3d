//! The estimate beside a backup: it warns when the disk is too small, and does nothing else.

use crate::support::*;
use asnode::Cluster;
use backup_core::backup::{BackupConfig, BackupTarget};
use backup_storage::{
    Capabilities, Download, Durability, Entry, Error, ErrorKind, LocalDir, Operation, Result,
    Store, Stored, Unfinished, Upload,
};
use std::{
    fmt::{self, Write},
    path::Path,
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Far more than any wait in these tests takes.
const LIMIT: Duration = Duration::from_secs(100);

/// What the store says about its free space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Free {
    Bytes(u64),
    Unknown,
    Fails,
    /// No answer until the test is over.
    Hangs,
}

/// A local directory on a disk of the test's making.
#[derive(Debug, Clone)]
struct Disk {
    inner: LocalDir,
    free: Free,
    /// Files are complete only after the warning.
    waits: bool,
    over: Arc<(Mutex<bool>, Condvar)>,
}

impl Disk {
    fn new(path: &Path, free: Free) -> Self {
        Self {
            inner: LocalDir::new(path),
            free,
            waits: false,
            over: Arc::default(),
        }
    }

    fn release(&self) {
        *self.over.0.lock().unwrap() = true;
        self.over.1.notify_all();
    }
}

#[derive(Debug)]
struct PatientUpload {
    inner: Box<dyn Upload>,
    place: String,
    waits: bool,
}

impl Upload for PatientUpload {
    fn write_all(&mut self, data: &[u8]) -> Result<()> {
        self.inner.write_all(data)
    }
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }
    fn durable_point(&mut self) -> Result<Durability> {
        self.inner.durable_point()
    }
    fn finish(self: Box<Self>) -> Result<Stored> {
        if self.waits {
            await_warning(&self.place);
        }
        self.inner.finish()
    }
    fn finish_unpublished(self: Box<Self>) -> Result<Stored> {
        if self.waits {
            await_warning(&self.place);
        }
        self.inner.finish_unpublished()
    }
    fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort()
    }
}

impl Store for Disk {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    fn location(&self) -> &str {
        self.inner.location()
    }
    fn single_name(&self) -> Option<&str> {
        self.inner.single_name()
    }
    fn check_writable(&self) -> Result<()> {
        self.inner.check_writable()
    }
    fn available_bytes(&self) -> Result<Option<u64>> {
        match self.free {
            Free::Bytes(bytes) => Ok(Some(bytes)),
            Free::Unknown => Ok(None),
            Free::Fails => Err(Error::new(ErrorKind::Other, Operation::Stat, "the disk")),
            Free::Hangs => {
                let (over, changed) = &*self.over;
                let over = over.lock().unwrap();
                drop(changed.wait_timeout_while(over, LIMIT, |over| !*over));
                Ok(None)
            }
        }
    }
    fn list(&self) -> Result<Vec<Entry>> {
        self.inner.list()
    }
    fn stat(&self, name: &str) -> Result<Entry> {
        self.inner.stat(name)
    }
    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        self.inner.open(name, offset)
    }
    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        Ok(Box::new(PatientUpload {
            inner: self.inner.create(name)?,
            place: self.inner.location().to_owned(),
            waits: self.waits,
        }))
    }
    fn create_new(&self, name: &str, content: &[u8]) -> Result<()> {
        self.inner.create_new(name, content)
    }
    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        self.inner.put(name, content)
    }
    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
        self.inner.replace(name, expected, content)
    }
    fn reopen(&self, name: &str, length: u64) -> Result<Box<dyn Upload>> {
        self.inner.reopen(name, length)
    }
    fn publish(&self, names: &[&str]) -> Result<()> {
        self.inner.publish(names)
    }
    fn withdraw(&self, name: &str) -> Result<()> {
        self.inner.withdraw(name)
    }
    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        self.inner.unfinished()
    }
    fn discard(&self, name: &str) -> Result<()> {
        self.inner.discard(name)
    }
    fn delete(&self, names: &[&str]) -> Result<()> {
        self.inner.delete(names)
    }
}

/// All warnings of this process.
#[derive(Debug, Default)]
struct Warnings {
    said: Mutex<Vec<String>>,
    changed: Condvar,
}

static WARNINGS: OnceLock<Warnings> = OnceLock::new();

/// Begins to listen, once for all tests.
fn warnings() -> &'static Warnings {
    WARNINGS.get_or_init(|| {
        let _ = tracing::subscriber::set_global_default(Listener);
        Warnings::default()
    })
}

/// The warning about the space of this place, if there was one.
fn warning_of(place: &str) -> Option<String> {
    let said = warnings()
        .said
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    said.iter().find(|text| text.contains(place)).cloned()
}

fn await_warning(place: &str) {
    let deadline = Instant::now() + LIMIT;
    while warning_of(place).is_none() {
        assert!(Instant::now() < deadline, "no warning came");
        let warnings = warnings();
        let said = warnings.said.lock().unwrap();
        drop(
            warnings
                .changed
                .wait_timeout(said, Duration::from_millis(100)),
        );
    }
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("backup_core")
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let Some(warnings) = WARNINGS.get() else {
            return;
        };
        warnings.said.lock().unwrap().push(text.0);
        warnings.changed.notify_all();
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{value:?} ");
    }
}

fn filled() -> Cluster {
    let cluster = cluster(1);
    fill(&cluster, 3_000);
    cluster
}

fn config(source: &Cluster, disk: &Disk) -> BackupConfig {
    warnings();
    BackupConfig {
        forecast_samples: 1_000,
        ..backup_config(source, BackupTarget::Directory(Arc::new(disk.clone())))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_disk_is_warned_of() {
    let source = filled();
    let temporary = tempfile::tempdir().unwrap();
    let mut disk = Disk::new(&temporary.path().join("small"), Free::Bytes(10_000));
    disk.waits = true;
    let counts = backup_ok(config(&source, &disk)).await;
    assert_eq!(counts.records_read, 3_000, "a warning ends nothing");
    let said = warning_of(disk.location()).unwrap();
    assert!(said.contains("only 10000 bytes are free"), "{said}");
    assert!(!said.contains("--remove-early"), "{said}");
    let mut words = said.split_whitespace();
    let about: u64 = words.find_map(|word| word.parse().ok()).unwrap();
    assert!(
        about.abs_diff(counts.bytes_written) < counts.bytes_written / 5,
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_for_one_is_not_enough_where_two_are_kept() {
    let source = filled();
    let temporary = tempfile::tempdir().unwrap();
    let plenty = Disk::new(&temporary.path().join("two"), Free::Bytes(u64::MAX));
    let bytes = backup_ok(config(&source, &plenty)).await.bytes_written;
    assert_eq!(warning_of(plenty.location()), None);
    let mut disk = Disk::new(&temporary.path().join("two"), Free::Bytes(bytes * 3 / 2));
    disk.waits = true;
    let config = BackupConfig {
        remove_files: true,
        ..config(&source, &disk)
    };
    backup_ok(config).await;
    let said = warning_of(disk.location()).unwrap();
    assert!(said.contains("--remove-early"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_says_nothing_is_no_failure() {
    let source = filled();
    let temporary = tempfile::tempdir().unwrap();
    for free in [Free::Unknown, Free::Fails] {
        let disk = Disk::new(&temporary.path().join(format!("{free:?}")), free);
        backup_ok(config(&source, &disk)).await;
        assert_eq!(warning_of(disk.location()), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_answer_delays_nothing() {
    let source = filled();
    let temporary = tempfile::tempdir().unwrap();
    let disk = Disk::new(&temporary.path().join("hangs"), Free::Hangs);
    let begun = Instant::now();
    backup_ok(config(&source, &disk)).await;
    assert!(begun.elapsed() < LIMIT, "it has waited for the answer");
    disk.release();
}
