//! What is special about local directories: modes, foreign entries, changes under the reader.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink},
    path::Path,
};

use backup_storage::{Entry, EntryKind, Error, ErrorKind, LocalDir, LocalOptions, Store, StoreExt};
use rustix::fs::{CWD, FileType, Mode, mknodat};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[track_caller]
fn check_modes(options: LocalOptions, file: u32, directory: u32) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b");
    let store = LocalDir::with_options(&path, options);
    store.create("f.asb").unwrap().finish().unwrap();
    store.create_new("f.lock", b"x").unwrap();
    assert_eq!(mode(&path.join("f.asb")), file);
    assert_eq!(mode(&path.join("f.lock")), file);
    assert_eq!(mode(&path), directory);
    assert_eq!(mode(&root.path().join("a")), directory);
}

#[test]
fn modes_are_ours_whatever_the_umask() {
    check_modes(LocalOptions::default(), 0o600, 0o700);
    check_modes(LocalOptions::default().file_mode(0o640), 0o640, 0o750);
    check_modes(LocalOptions::default().file_mode(0o666), 0o666, 0o777);
}

#[test]
fn directories_that_exist_keep_their_mode() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("mine");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    LocalDir::new(&path).put("x", b"").unwrap();
    assert_eq!(mode(&path), 0o755);
}

#[test]
fn nothing_is_created_before_the_first_file() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDir::new(root.path().join("a/b"));
    store.check_writable().unwrap();
    assert!(store.available_bytes().unwrap().is_some());
    assert_eq!(store.offending_entry(|_| false).unwrap(), None);
    assert_eq!(store.unfinished().unwrap(), []);
    store.delete(&["x.asb"]).unwrap();
    assert_eq!(store.list().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

fn entry(name: &str, kind: EntryKind, size: Option<u64>) -> Entry {
    Entry {
        name: name.to_owned(),
        kind,
        size,
    }
}

#[test]
fn foreign_entries_are_listed_and_never_opened() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("c.asb")).unwrap();
    mknodat(CWD, path("d.asb"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    symlink("nowhere", path("e.asb")).unwrap();
    fs::write(path("f.asb"), "1234").unwrap();
    symlink("f.asb", path("g.asb")).unwrap();
    fs::write(root.path().join(OsStr::from_bytes(b"\xff.asb")), "x").unwrap();

    let store = LocalDir::new(root.path());
    let entries = store.list().unwrap();
    let expected = [
        entry("c.asb", EntryKind::Directory, None),
        entry("d.asb", EntryKind::Other, None),
        entry("e.asb", EntryKind::Other, None),
        entry("f.asb", EntryKind::File, Some(4)),
        entry("g.asb", EntryKind::File, Some(4)),
        entry("\u{fffd}.asb", EntryKind::Other, None),
    ];
    assert_eq!(entries, expected);
    let backups = entries.iter().filter(|entry| entry.is_backup_file());
    assert_eq!(backups.count(), 2);
    for entry in entries.iter().filter(|entry| entry.kind != EntryKind::File) {
        store.open_entry(entry).unwrap_err();
    }
    let error = store.delete(&["c.asb"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotAFile);
}

/// Reads one byte, lets `change` happen, and reads on.
fn read_while(change: impl FnOnce(&Path)) -> ErrorKind {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("f.asb");
    fs::write(&path, "0123456789").unwrap();
    let mut download = LocalDir::new(root.path()).open("f.asb", 0).unwrap();
    download.read_exact(&mut [0]).unwrap();
    change(&path);
    let error = Error::from_read(download.read_to_end(&mut Vec::new()).unwrap_err());
    assert!(error.location().ends_with("f.asb"), "{error}");
    error.kind()
}

#[test]
fn a_file_that_shrinks_or_grows_while_it_is_read_is_an_error() {
    let truncate = |path: &Path| fs::write(path, "0123").unwrap();
    let extend = |path: &Path| fs::write(path, "0123456789ab").unwrap();
    let expected = 10;
    assert_eq!(
        read_while(truncate),
        ErrorKind::WrongSize { expected, found: 4 }
    );
    assert_eq!(
        read_while(extend),
        ErrorKind::WrongSize {
            expected,
            found: 12
        }
    );
}

#[test]
fn writers_create_the_directory_together() {
    for _ in 0..20 {
        let root = tempfile::tempdir().unwrap();
        let store = LocalDir::new(root.path().join("a/b/c"));
        std::thread::scope(|scope| {
            for index in 0..4 {
                let store = &store;
                scope.spawn(move || store.create(&format!("{index}.asb")).unwrap());
            }
        });
        assert_eq!(store.unfinished().unwrap().len(), 4);
    }
}
