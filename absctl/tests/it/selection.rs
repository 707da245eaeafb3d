//! `--no-records`, `--no-indexes`, `--no-udfs`.

use crate::support::{Run, backup, empty, filled, names, restore};
use tempfile::tempdir;

const FLAGS: [&str; 3] = ["-R", "-I", "--no-udfs"];

/// All combinations of the three flags, with the counts of records, indexes and modules left.
fn combinations(all: [u64; 3]) -> impl Iterator<Item = (Vec<&'static str>, [u64; 3])> {
    (0..8u32).map(move |bits| {
        let is_set = |i: usize| bits & (1 << i) != 0;
        let flags = (0..3).filter(|i| is_set(*i)).map(|i| FLAGS[i]).collect();
        (flags, [0, 1, 2].map(|i| if is_set(i) { 0 } else { all[i] }))
    })
}

/// Whoever leaves out everything is warned.
#[track_caller]
fn ends(run: Run, flags: &[&str]) -> Run {
    if flags.len() < FLAGS.len() {
        return run.succeeds();
    }
    assert!(run.stderr.contains("leave nothing to do"), "{run:?}");
    run.survives()
}

#[test]
fn backup_leaves_out_what_it_is_told_to() {
    let source = filled(1, 300);
    let all = [source.count("test"), source.indexes().len() as u64, 2];
    for (flags, expected) in combinations(all) {
        let place = tempdir().expect("directory");
        let path = place.path().join("backup");
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"-d", &path];
        args.extend(flags.iter().map(|flag| flag as &dyn AsRef<_>));
        let run = ends(backup(&source, &args), &flags);
        let found = ["Records Read", "sIndex Read", "UDFs Read"].map(|l| run.reported(l));
        assert_eq!(found, expected, "{flags:?}");
        let metadata = names(&path)
            .iter()
            .filter(|name| name.starts_with("metadata_"))
            .count();
        assert_eq!(
            metadata,
            usize::from(expected[1] + expected[2] > 0),
            "{flags:?}"
        );
        if expected != [0; 3] {
            let target = empty(1);
            restore(&target, &[&"-d", &path]).succeeds();
            let found = [
                target.count("test"),
                target.indexes().len() as u64,
                target.udfs().len() as u64,
            ];
            assert_eq!(found, expected, "{flags:?}");
        }
    }
}

#[test]
fn restore_leaves_out_what_it_is_told_to() {
    let source = filled(1, 300);
    let all = [source.count("test"), source.indexes().len() as u64, 2];
    let place = tempdir().expect("directory");
    let path = place.path().join("all.asb");
    backup(&source, &[&"-o", &path]).succeeds();
    for (flags, expected) in combinations(all) {
        let target = empty(1);
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"-i", &path];
        args.extend(flags.iter().map(|flag| flag as &dyn AsRef<_>));
        let run = ends(restore(&target, &args), &flags);
        let found = [
            target.count("test"),
            target.indexes().len() as u64,
            target.udfs().len() as u64,
        ];
        assert_eq!(found, expected, "{flags:?}");
        assert_eq!(run.reported("Inserted Records"), expected[0]);
        assert_eq!(run.reported("Skipped Records"), all[0] - expected[0]);
        let skipped = |label| {
            run.value(label)
                .map_or(0, |value| value.parse().expect("number"))
        };
        assert_eq!(skipped("sIndex Skipped"), all[1] - expected[1]);
        assert_eq!(skipped("UDFs Skipped"), all[2] - expected[2]);
    }
}

#[test]
fn a_backup_of_nothing_makes_no_data_file() {
    let source = filled(1, 100);
    let place = tempdir().expect("directory");
    let (directory, file) = (place.path().join("d"), place.path().join("f.asb"));
    for (flag, path) in [("-d", &directory), ("-o", &file)] {
        let run = backup(&source, &[&flag, path, &"-RI", &"--no-udfs"]).survives();
        assert_eq!(
            run.reported("Files Written") + run.reported("Bytes Written"),
            0
        );
    }
    // That it was everything, the manifest says.
    assert_eq!(names(place.path()), ["d", "f.asb.manifest.json"]);
    assert_eq!(names(&directory), ["test.manifest.json"]);
    let run = backup(&source, &[&"-o-", &"-RI", &"--no-udfs"]).survives();
    assert!(run.stdout.is_empty());
}
