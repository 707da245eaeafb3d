//! Errors name what was tried and where; the kind says what to do about it.

use std::{error::Error as _, fs, os::unix::fs::symlink, path::Path};

use backup_storage::{ErrorKind, LocalDir, Operation, Store, Stream};

#[test]
fn text_names_operation_and_path_and_leaves_the_cause_to_source() {
    let root = tempfile::tempdir().unwrap();
    let error = LocalDir::new(root.path()).open("f.asb", 0).unwrap_err();
    let path = root.path().join("f.asb");
    let expected = format!("cannot open {}: it does not exist", path.display());
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.operation(), Operation::Open);
    assert!(error.source().unwrap().to_string().contains("os error 2"));
    assert!(!error.is_retryable());
}

#[test]
fn a_file_where_a_directory_is_expected() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, "").unwrap();
    for path in [path.clone(), path.join("below")] {
        let store = LocalDir::new(path);
        let kinds = [
            store.check_writable().unwrap_err().kind(),
            store.list().unwrap_err().kind(),
            store.create("f.asb").unwrap_err().kind(),
            store.put("f", b"").unwrap_err().kind(),
            store.offending_entry_kind(),
        ];
        assert_eq!(kinds, [ErrorKind::NotADirectory; 5]);
    }
}

trait OffendingEntryKind {
    fn offending_entry_kind(&self) -> ErrorKind;
}

impl OffendingEntryKind for LocalDir {
    fn offending_entry_kind(&self) -> ErrorKind {
        use backup_storage::StoreExt;
        self.offending_entry(|_| false).unwrap_err().kind()
    }
}

#[track_caller]
fn check_refused(path: &Path) {
    let refused = [ErrorKind::PermissionDenied, ErrorKind::ReadOnly];
    let store = LocalDir::new(path);
    let create = store.create("f.asb").unwrap_err();
    assert!(refused.contains(&create.kind()), "{create}");
    let put = store.create_new("f.lock", b"").unwrap_err();
    assert!(refused.contains(&put.kind()), "{put}");
}

#[test]
fn a_directory_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("read-only");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(path.join("probe"), "").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    check_refused(&path);
    let checked = LocalDir::new(path.join("below")).check_writable();
    assert_eq!(checked.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_file_system_that_refuses_even_root() {
    let path = Path::new("/sys/kernel");
    if !path.is_dir() {
        println!("skipped: there is no {}", path.display());
        return;
    }
    check_refused(path);
}

#[test]
fn a_full_disk_poisons_the_upload() {
    let root = tempfile::tempdir().unwrap();
    symlink("/dev/full", root.path().join("f.asb.part")).unwrap();
    let store = LocalDir::new(root.path());
    let mut upload = store.create("f.asb").unwrap();
    assert_eq!(
        upload.write_all(b"x").unwrap_err().kind(),
        ErrorKind::DiskFull
    );
    assert_eq!(upload.bytes(), 0);
    assert_eq!(
        upload.durable_point().unwrap_err().kind(),
        ErrorKind::DiskFull
    );
    assert_eq!(upload.finish().unwrap_err().kind(), ErrorKind::DiskFull);
    assert_eq!(store.stat("f.asb").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_full_device_is_said() {
    let store = Stream::special(Path::new("/dev/full"));
    let mut upload = store.create("/dev/full").unwrap();
    let error = upload.write_all(b"x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot write /dev/full: no space is left"
    );
}

#[test]
fn a_name_too_long_is_an_invalid_name() {
    let root = tempfile::tempdir().unwrap();
    let error = LocalDir::new(root.path()).create(&"x".repeat(300));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidName);
}
