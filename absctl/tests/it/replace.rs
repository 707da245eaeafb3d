//! `--remove-files`: the old backup goes when the new one is there, and not before.

use crate::support::{absctl, assert_equal, backup, empty, filled, names, restore};
use asnode::faults::{Garbage, On, Reaction, Rule};
use std::{fs, path::Path};
use tempfile::tempdir;

/// Every file of a directory with its content.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let content = fs::read(directory.join(&name)).expect("file");
        (name, content)
    };
    names(directory).into_iter().map(read).collect()
}

#[test]
fn a_directory_is_replaced() {
    let (old, new, target) = (filled(1, 900), filled(1, 300), empty(1));
    let place = tempdir().expect("directory");
    backup(&old, &[&"-d", &place.path(), &"-w", &"5"]).succeeds();
    fs::write(place.path().join("notes.txt"), "not ours").expect("file");
    backup(&new, &[&"-d", &place.path(), &"-w", &"2", &"-r"]).succeeds();
    assert_eq!(names(place.path()).len(), 5, "{:?}", names(place.path()));
    assert_eq!(
        fs::read(place.path().join("notes.txt")).expect("file"),
        b"not ours"
    );
    restore(&target, &[&"-d", &place.path()]).succeeds();
    assert_equal(&new, &target);
}

#[test]
fn a_file_is_replaced() {
    let (old, new, target) = (filled(1, 900), filled(1, 300), empty(1));
    let place = tempdir().expect("directory");
    let path = place.path().join("all.asb");
    backup(&old, &[&"-o", &path]).succeeds();
    let run = backup(&new, &[&"-o", &path])
        .fails(1, "exists already")
        .at_once();
    assert!(
        run.stderr
            .contains("hint: choose another name, or use --remove-files")
    );
    backup(&new, &[&"-o", &path, &"--remove-files"]).succeeds();
    assert_eq!(names(place.path()), ["all.asb", "all.asb.manifest.json"]);
    restore(&target, &[&"-i", &path]).succeeds();
    assert_equal(&new, &target);
}

#[test]
fn a_failed_backup_leaves_the_old_one_alone() {
    let source = filled(1, 900);
    let place = tempdir().expect("directory");
    let (directory, file) = (place.path().join("d"), place.path().join("f.asb"));
    backup(&source, &[&"-d", &directory]).succeeds();
    backup(&source, &[&"-o", &file]).succeeds();
    let mut data = contents(&directory);
    data.retain(|(name, _)| name.ends_with(".asb"));
    let whole = fs::read(&file).expect("file");
    // What the failed run left stands beside them, to be continued.
    let unchanged = || {
        let mut found = contents(&directory);
        found.retain(|(name, _)| name.ends_with(".asb"));
        assert!(found == data, "{:?}", names(&directory));
        assert_eq!(fs::read(&file).expect("file"), whole);
    };
    let rule = Rule::new(On::Scan, Reaction::Garbage(Garbage::ZeroOp)).after_total_records(400);
    for (flag, path) in [("-d", &directory), ("-o", &file)] {
        let fault = source.faults().add(rule);
        backup(&source, &[&flag, path, &"-r"]).fails(1, "malformed reply");
        source.faults().remove(fault);
        unchanged();
        let nobody = [
            "--host=127.0.0.1:1",
            "--client-timeout=1000",
            "--namespace=test",
        ];
        absctl(&[
            &"backup", &nobody[0], &nobody[1], &nobody[2], &flag, path, &"-r",
        ])
        .fails(14, "no connection to the cluster")
        .at_once();
        unchanged();
    }
}
