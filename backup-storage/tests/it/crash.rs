//! What a kill between any two steps leaves: no final name, or all of the content.

use std::{fs, path::Path};

use backup_storage::{LocalDir, Store};

/// All files below `root` with their contents, as a kill would leave them now.
fn snapshot(root: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(children) = fs::read_dir(root) else {
        return Vec::new();
    };
    let read = |child: fs::DirEntry| {
        let name = child.file_name().into_string().unwrap();
        (name, fs::read(child.path()).unwrap())
    };
    let mut files: Vec<_> = children.map(|child| read(child.unwrap())).collect();
    files.sort();
    files
}

/// Whoever has a final name is whole.
fn check_final_names(snapshot: &[(String, Vec<u8>)], whole: &[&[u8]]) {
    for (name, content) in snapshot {
        let is_final = !name.ends_with(".part");
        assert!(
            !is_final || whole.contains(&&content[..]),
            "half-written {name}: {content:?}"
        );
    }
}

#[test]
fn between_the_steps_of_one_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("set");
    let store = LocalDir::new(&path);
    let whole: &[&[u8]] = &[b"abcdef"];
    let check = || check_final_names(&snapshot(&path), whole);
    let mut upload = store.create("f.asb").unwrap();
    check();
    for part in ["ab", "cd", "ef"] {
        upload.write_all(part.as_bytes()).unwrap();
        check();
        upload.durable_point().unwrap();
        check();
    }
    upload.finish().unwrap();
    assert_eq!(snapshot(&path), [("f.asb".to_owned(), b"abcdef".to_vec())]);
}

/// Replacing an old set whose names the new one uses again (`files-and-state.md` §4): whatever step is the
/// last, the old set is whole under its names, or the new one is whole with its `.part` files counted.
#[test]
fn between_the_steps_of_replacing_a_set() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDir::new(root.path());
    let (old, new) = (["0.asb", "1.asb", "2.asb"], ["0.asb", "1.asb"]);
    for name in old {
        let mut upload = store.create(name).unwrap();
        upload.write_all(b"old").unwrap();
        upload.finish().unwrap();
    }
    store.create_new("manifest.json", b"old: 0 1 2").unwrap();

    let mut states = vec![snapshot(root.path())];
    let mut step = || states.push(snapshot(root.path()));
    for name in new {
        let mut upload = store.create(name).unwrap();
        step();
        upload.write_all(b"new").unwrap();
        step();
        upload.finish_unpublished().unwrap();
        step();
    }
    let mut manifest = store.create("manifest.json").unwrap();
    manifest.write_all(b"new: 0 1").unwrap();
    manifest.finish_unpublished().unwrap();
    step();
    for name in old.iter().chain(&["manifest.json"]) {
        store.delete(&[name]).unwrap();
        step();
    }
    for name in new.iter().chain(&["manifest.json"]) {
        store.publish(&[name]).unwrap();
        step();
    }
    for state in &states {
        assert!(is_whole(state, &old, b"old") || is_whole(state, &new, b"new"));
    }
    let last = states.last().unwrap();
    let names: Vec<_> = last.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["0.asb", "1.asb", "manifest.json"]);
}

fn is_whole(state: &[(String, Vec<u8>)], names: &[&str], content: &[u8]) -> bool {
    let has = |name: &str| {
        let part = format!("{name}.part");
        (state.iter()).any(|(found, bytes)| (found == name || *found == part) && bytes == content)
    };
    names.iter().all(|name| has(name))
}

#[test]
fn after_a_finished_file_that_the_state_calls_open() {
    let root = tempfile::tempdir().unwrap();
    let store = LocalDir::new(root.path());
    let mut upload = store.create("f.asb").unwrap();
    upload.write_all(b"recorded").unwrap();
    upload.durable_point().unwrap();
    upload.write_all(b", not recorded").unwrap();
    upload.finish().unwrap();

    store.withdraw("f.asb").unwrap();
    let mut upload = store.reopen("f.asb", 8).unwrap();
    assert_eq!(snapshot(root.path())[0].0, "f.asb.part");
    upload.write_all(b", again").unwrap();
    upload.finish().unwrap();
    assert_eq!(snapshot(root.path())[0].1, b"recorded, again");
}

/// Where renaming without replacement takes a link and an unlink (NFS), a kill between them leaves two names.
#[test]
fn between_link_and_unlink() {
    type Repair = fn(&LocalDir);
    let repairs: [(Repair, &str); 3] = [
        (|store| store.publish(&["f.asb"]).unwrap(), "f.asb"),
        (|store| store.withdraw("f.asb").unwrap(), "f.asb.part"),
        (
            |store| drop(store.reopen("f.asb", 5).unwrap()),
            "f.asb.part",
        ),
    ];
    for (repair, left) in repairs {
        let root = tempfile::tempdir().unwrap();
        let path = |name| root.path().join(name);
        fs::write(path("f.asb.part"), "whole").unwrap();
        fs::hard_link(path("f.asb.part"), path("f.asb")).unwrap();
        repair(&LocalDir::new(root.path()));
        assert_eq!(
            snapshot(root.path()),
            [(left.to_owned(), b"whole".to_vec())]
        );
    }
}
