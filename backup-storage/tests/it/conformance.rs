//! Every store of this crate passes the suite.

use std::{path::PathBuf, sync::Arc};

use backup_storage::{
    LocalDir, LocalFile, LocalOptions, Store, Stream,
    conformance::{StreamFixture, run, run_stream},
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

/// Fresh paths below one temporary directory.
struct Paths {
    root: TempDir,
    used: usize,
}

impl Paths {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("temporary directory");
        Self { root, used: 0 }
    }

    fn fresh(&mut self) -> PathBuf {
        self.used += 1;
        self.root.path().join(self.used.to_string())
    }
}

#[test]
fn local_directory() {
    let mut paths = Paths::new();
    run(|| {
        let path = paths.fresh();
        std::fs::create_dir(&path).unwrap();
        Arc::new(LocalDir::new(path))
    });
}

#[test]
fn local_directory_that_does_not_exist_yet() {
    let mut paths = Paths::new();
    run(|| Arc::new(LocalDir::new(paths.fresh().join("a/b"))));
}

#[test]
fn local_file() {
    let mut paths = Paths::new();
    run(|| {
        let path = paths.fresh();
        std::fs::create_dir(&path).unwrap();
        let store = LocalFile::new(&path.join("backup.asb"), LocalOptions::default());
        Arc::new(store.unwrap())
    });
}

#[test]
fn fifo() {
    let mut paths = Paths::new();
    run_stream(|| {
        let path = paths.fresh();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let store: Arc<dyn Store> = Arc::new(Stream::special(&path));
        StreamFixture {
            writer: Arc::clone(&store),
            reader: store,
        }
    });
}
