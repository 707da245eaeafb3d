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

#[test]
fn the_old_set_can_go_first() {
    let (old, new, target) = (filled(1, 900), filled(1, 300), empty(1));
    let place = tempdir().expect("directory");
    backup(&old, &[&"-d", &place.path(), &"-w", &"5"]).succeeds();
    backup(&new, &[&"-d", &place.path(), &"--remove-early"])
        .fails(1, "--remove-early needs --remove-files")
        .at_once();
    // The new one dies at once: nothing of the old one is there any more.
    let fault = new
        .faults()
        .add(Rule::new(On::Scan, Reaction::Garbage(Garbage::ZeroOp)));
    backup(&new, &[&"-d", &place.path(), &"-r", &"--remove-early"]).fails(1, "malformed reply");
    assert!(
        names(place.path())
            .iter()
            .all(|name| !name.starts_with("4_")),
        "{:?}",
        names(place.path())
    );
    new.faults().remove(fault);
    backup(&new, &[&"-d", &place.path(), &"-r", &"--remove-early"]).survives();
    restore(&target, &[&"-d", &place.path()]).succeeds();
    assert_equal(&new, &target);
}

#[test]
fn artifacts_are_removed_without_a_cluster() {
    let source = filled(1, 300);
    let place = tempdir().expect("directory");
    let path = place.path().join("d");
    backup(&source, &[&"-d", &path, &"-w", &"2"]).succeeds();
    for (name, content) in [
        ("notes.txt", "not ours"),
        ("8_test_9.asb.part", ""),
        ("test.asb.state", "{}"),
    ] {
        fs::write(path.join(name), content).expect("file");
    }
    let run = absctl(&[&"backup", &"-d", &path, &"--remove-artifacts"]).succeeds();
    assert!(
        run.stderr.contains("removed metadata_test_1.asb"),
        "{run:?}"
    );
    assert_eq!(names(&path), ["notes.txt"]);
    absctl(&[&"backup", &"-d", &path, &"--remove-artifacts"]).succeeds();
    absctl(&[
        &"backup",
        &"-d",
        &place.path().join("missing"),
        &"--remove-artifacts",
    ])
    .succeeds();
    let file = place.path().join("all.asb");
    backup(&source, &[&"-o", &file]).succeeds();
    absctl(&[&"backup", &"-o", &file, &"--remove-artifacts"]).succeeds();
    assert_eq!(names(place.path()), ["d"]);
    let refused = |flags: &[&dyn AsRef<std::ffi::OsStr>], part: &str| {
        absctl(
            &[
                &[
                    &"backup" as &dyn AsRef<std::ffi::OsStr>,
                    &"--remove-artifacts",
                ],
                flags,
            ]
            .concat(),
        )
        .fails(1, part);
    };
    refused(&[], "is needed");
    refused(&[&"-d", &path, &"-c", &"x"], "exclude each other");
    refused(&[&"-o", &"-"], "stream");
}
