//! Backup, restore, comparison.

use crate::support::{
    Run, assert_equal, backup, command, data_names, empty, filled, hosts, names, restore,
};
use tempfile::tempdir;

#[test]
fn directory() {
    let (source, target) = (filled(1, 2000), empty(1));
    let place = tempdir().expect("directory");
    let path = place.path().join("not/yet/there");
    let run = backup(&source, &[&"-d", &path, &"-w", &"3"]).succeeds();
    assert!(run.stdout.is_empty());
    assert_eq!(run.reported("Records Read"), source.count("test"));
    assert_eq!(run.reported("sIndex Read"), source.indexes().len() as u64);
    assert_eq!(run.reported("UDFs Read"), 2);
    assert_eq!(run.reported("Files Written"), 4);
    let bytes: u64 = data_names(&path)
        .iter()
        .map(|name| path.join(name).metadata().expect("file").len())
        .sum();
    assert_eq!(run.reported("Bytes Written"), bytes);
    assert!(
        names(&path).contains(&"metadata_test_1.asb".to_owned()),
        "{:?}",
        names(&path)
    );

    let run = restore(&target, &[&"-d", &path]).succeeds();
    assert!(run.stdout.is_empty());
    assert_eq!(run.reported("Inserted Records"), source.count("test"));
    assert_eq!(run.reported("Total Bytes Read"), bytes);
    assert_equal(&source, &target);
}

#[test]
fn single_file_between_clusters_of_different_size() {
    let (source, target) = (filled(3, 2000), empty(2));
    let place = tempdir().expect("directory");
    let path = place.path().join("all.asb");
    let run = backup(&source, &[&"-o", &path]).succeeds();
    assert_eq!(run.reported("Files Written"), 1);
    assert_eq!(names(place.path()), ["all.asb", "all.asb.manifest.json"]);
    restore(&target, &[&"-i", &path, &"-w", &"1"]).succeeds();
    assert_equal(&source, &target);
}

#[test]
fn standard_output_into_standard_input() {
    let (source, target) = (filled(1, 2000), empty(1));
    let run = backup(&source, &[&"-o", &"-"]).succeeds();
    assert!(run.stdout.starts_with(b"Version 3."));
    let bytes = run.stdout.len() as u64;
    assert_eq!(run.reported("Bytes Written"), bytes);
    let mut command = command(&[&"restore", &hosts(&target), &"-n=test", &"-i=-"]);
    let run = Run::of(command.write_stdin(run.stdout)).succeeds();
    assert_eq!(run.reported("Total Bytes Read"), bytes);
    assert_equal(&source, &target);
}

#[test]
fn compact_is_smaller_and_holds_the_same() {
    let (source, target) = (filled(1, 2000), empty(1));
    let place = tempdir().expect("directory");
    let (plain, compact) = (place.path().join("plain"), place.path().join("compact"));
    let plain_run = backup(&source, &[&"-d", &plain]).succeeds();
    let compact_run = backup(&source, &[&"-d", &compact, &"--compact"]).succeeds();
    assert!(compact_run.reported("Bytes Written") < plain_run.reported("Bytes Written"));
    restore(&target, &[&"-d", &compact]).succeeds();
    assert_equal(&source, &target);
}

#[test]
fn restoring_twice_finds_everything_there() {
    let (source, target) = (filled(1, 500), empty(1));
    let place = tempdir().expect("directory");
    backup(&source, &[&"-d", &place.path()]).succeeds();
    restore(&target, &[&"-d", &place.path()]).succeeds();
    let again = restore(&target, &[&"-d", &place.path()]).succeeds();
    let written = again.reported("Inserted Records") + again.reported("Fresher Records");
    assert_eq!(written, source.count("test"));
    assert_eq!(target.count("test"), source.count("test"));
}

#[test]
fn report_has_the_layout_of_the_reference_tool() {
    let source = filled(1, 500);
    let place = tempdir().expect("directory");
    let run = backup(&source, &[&"-d", &place.path(), &"-w1"]).succeeds();
    let log = run
        .stderr
        .lines()
        .take_while(|line| line.starts_with("time="));
    let log: Vec<_> = log.collect();
    let last = log.last().expect("a log");
    assert!(last.contains("starting scan backup"), "{run:?}");
    let lines: Vec<_> = run.stderr.lines().skip(log.len()).collect();
    assert_eq!(
        &lines[..3],
        ["", "Backup report", "-------------"],
        "{run:?}"
    );
    assert!(lines[3].starts_with("Start Time:           ") && lines[3].ends_with(" UTC"));
    assert!(lines[4].starts_with("Duration:             ") && lines[4].ends_with('s'));
    let rest = "
Records Read:         500
sIndex Read:          13
UDFs Read:            2

Bytes Written:        ";
    assert!(lines[5..].join("\n").starts_with(rest), "{run:?}");
    assert_eq!(lines[11], "Files Written:        2");
    assert_eq!(lines.len(), 12, "{run:?}");
}
