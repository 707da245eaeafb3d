//! `-o FILE` and `-i FILE`.

use std::{fs, path::Path};

use backup_storage::{
    Capabilities, ErrorKind, LocalFile, LocalOptions, Store, StoreExt, single_file,
};

fn write(store: &dyn Store, content: &[u8]) -> Box<dyn backup_storage::Upload> {
    let mut upload = store.create(store.single_name().unwrap()).unwrap();
    upload.write_all(content).unwrap();
    upload
}

#[test]
fn neighbours_are_not_in_the_way_and_the_old_file_is_whole_until_the_end() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("b.asb");
    fs::write(root.path().join("b.asb.old"), "foreign").unwrap();
    let store = single_file(&path, LocalOptions::default()).unwrap();
    assert_eq!(store.single_name(), Some("b.asb"));
    assert_eq!(
        store.location_of("b.asb.lock"),
        format!("{}.lock", path.display())
    );
    assert_eq!(store.offending_entry(|_| false).unwrap(), None);
    write(&*store, b"old").finish().unwrap();
    let offending = store.offending_entry(|_| false).unwrap().unwrap();
    assert_eq!(offending.name, "b.asb");

    write(&*store, b"new").finish_unpublished().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    store.publish(&["b.asb"]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

#[test]
fn only_names_after_the_file_can_be_used() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("b.asb");
    let store = LocalFile::new(&path, LocalOptions::default()).unwrap();
    store.create_new("b.asb.lock", b"x").unwrap();
    for name in ["c.asb", "b.as", "b.asb2", ""] {
        let error = store.put(name, b"").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName);
    }
    assert_eq!(store.list().unwrap(), []);
}

#[test]
fn the_path_decides_what_it_is() {
    let root = tempfile::tempdir().unwrap();
    let open = |path: &Path| single_file(path, LocalOptions::default());
    let capabilities = |path: &str| open(Path::new(path)).unwrap().capabilities();
    assert_eq!(capabilities("/dev/null"), Capabilities::STREAM);
    assert_eq!(capabilities("/dev/stdout"), Capabilities::STREAM);
    assert_eq!(capabilities("new.asb"), Capabilities::LOCAL);
    let kind = |path: &Path| open(path).unwrap_err().kind();
    assert_eq!(kind(root.path()), ErrorKind::NotAFile);
    assert_eq!(kind(Path::new("missing/")), ErrorKind::InvalidName);
    assert_eq!(kind(Path::new("missing/..")), ErrorKind::InvalidName);
}

#[test]
fn missing_parents_are_created() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b/c.asb");
    let store = single_file(&path, LocalOptions::default()).unwrap();
    write(&*store, b"x").finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"x");
}
