//! The estimate beside a backup: it warns when the disk is too small, and does nothing else.

use crate::support::*;
use asnode::Cluster;
use backup_core::backup::{BackupConfig, BackupTarget};
use backup_storage::{Call, Error, ErrorKind, Hooked, Hooks, LocalDir, Operation, Result, Store};
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

/// A disk of the test's making.
#[derive(Debug)]
struct Disk {
    place: String,
    free: Free,
    /// Files are complete only after the warning.
    waits: bool,
    over: (Mutex<bool>, Condvar),
}

impl Disk {
    fn release(&self) {
        *self.over.0.lock().unwrap() = true;
        self.over.1.notify_all();
    }
}

impl Hooks for Disk {
    fn before(&self, call: Call<'_>) -> Result<()> {
        if matches!(call, Call::Finish(_)) && self.waits {
            await_warning(&self.place);
        }
        Ok(())
    }

    fn available_bytes(&self, _store: &dyn Store) -> Result<Option<u64>> {
        match self.free {
            Free::Bytes(bytes) => Ok(Some(bytes)),
            Free::Unknown => Ok(None),
            Free::Fails => Err(Error::new(ErrorKind::Other, Operation::Stat, "the disk")),
            Free::Hangs => {
                let (over, changed) = &self.over;
                let over = over.lock().unwrap();
                drop(changed.wait_timeout_while(over, LIMIT, |over| !*over));
                Ok(None)
            }
        }
    }
}

/// A local directory on such a disk.
struct OnDisk {
    store: Arc<Hooked>,
    disk: Arc<Disk>,
}

impl OnDisk {
    fn new(path: &Path, free: Free) -> Self {
        Self::of(path, free, false)
    }

    /// Where files are complete only after the warning.
    fn waiting(path: &Path, free: Free) -> Self {
        Self::of(path, free, true)
    }

    fn of(path: &Path, free: Free, waits: bool) -> Self {
        let directory = LocalDir::new(path);
        let disk = Arc::new(Disk {
            place: directory.location().to_owned(),
            free,
            waits,
            over: Default::default(),
        });
        let store = Hooked::new(Arc::new(directory), Arc::<Disk>::clone(&disk));
        Self {
            store: Arc::new(store),
            disk,
        }
    }

    fn warning(&self) -> Option<String> {
        warning_of(&self.disk.place)
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

fn config(source: &Cluster, disk: &OnDisk) -> BackupConfig {
    warnings();
    BackupConfig {
        forecast_samples: 1_000,
        ..backup_config(
            source,
            BackupTarget::Directory(Arc::<Hooked>::clone(&disk.store)),
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_disk_is_warned_of() {
    let source = filled();
    let temporary = tempfile::tempdir().unwrap();
    let disk = OnDisk::waiting(&temporary.path().join("small"), Free::Bytes(10_000));
    let counts = backup_ok(config(&source, &disk)).await;
    assert_eq!(counts.records_read, 3_000, "a warning ends nothing");
    let said = disk.warning().unwrap();
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
    let plenty = OnDisk::new(&temporary.path().join("two"), Free::Bytes(u64::MAX));
    let bytes = backup_ok(config(&source, &plenty)).await.bytes_written;
    assert_eq!(plenty.warning(), None);
    let disk = OnDisk::waiting(&temporary.path().join("two"), Free::Bytes(bytes * 3 / 2));
    let config = BackupConfig {
        remove_files: true,
        ..config(&source, &disk)
    };
    backup_ok(config).await;
    let said = disk.warning().unwrap();
    assert!(said.contains("--remove-early"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_says_nothing_is_no_failure() {
    let source = filled();
    let temporary = tempfile::tempdir().unwrap();
    for free in [Free::Unknown, Free::Fails] {
        let disk = OnDisk::new(&temporary.path().join(format!("{free:?}")), free);
        backup_ok(config(&source, &disk)).await;
        assert_eq!(disk.warning(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_answer_delays_nothing() {
    let source = filled();
    let temporary = tempfile::tempdir().unwrap();
    let disk = OnDisk::new(&temporary.path().join("hangs"), Free::Hangs);
    let begun = Instant::now();
    backup_ok(config(&source, &disk)).await;
    assert!(begun.elapsed() < LIMIT, "it has waited for the answer");
    disk.disk.release();
}
