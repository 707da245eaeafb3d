//! `restore --validate`.

use crate::support::{
    Run, absctl, assert_equal, backup, command, data_names, empty, filled, hosts,
};
use std::fs;
use tempfile::tempdir;

#[test]
fn a_sound_backup() {
    let source = filled(1, 300);
    let place = tempdir().expect("directory");
    backup(&source, &[&"-d", &place.path()]).succeeds();
    let before = source.counters().connections;
    let run = absctl(&[
        &"restore",
        &"--validate",
        &"-d",
        &place.path(),
        &"-n",
        &"test",
    ])
    .succeeds();
    let (files, report) = run
        .stderr
        .split_once("\nValidation report\n-----------------\n")
        .expect("a report");
    let start = "msg=\"starting asb validation\"\n";
    let (_, files) = files.split_once(start).expect("a log");
    let total = |what: &str| -> u64 {
        let numbers = files.lines().filter_map(|line| {
            let before = line.split_once(&format!(" {what}"))?.0;
            before.rsplit(' ').next()?.parse::<u64>().ok()
        });
        numbers.sum()
    };
    assert!(report.contains("Records Read"), "{run:?}");
    assert_eq!(files.lines().count(), data_names(place.path()).len());
    assert_eq!(total("records,"), source.count("test"), "{files}");
    assert_eq!(total("secondary indexes,"), source.indexes().len() as u64);
    assert_eq!(total("UDF modules,"), 2);
    assert!(total("bytes") > 10_000, "{files}");
    assert_eq!(run.reported("Records Read"), source.count("test"));
    assert_eq!(run.reported("sIndex Read"), source.indexes().len() as u64);
    assert_eq!(run.reported("UDFs Read"), 2);
    assert!(run.value("Inserted Records").is_none());
    assert_eq!(source.counters().connections, before);
}

#[test]
fn every_finding_is_told() {
    let source = filled(1, 300);
    let place = tempdir().expect("directory");
    backup(&source, &[&"-d", &place.path(), &"-w", &"4"]).succeeds();
    let data: Vec<_> = data_names(place.path())
        .into_iter()
        .filter(|name| !name.starts_with("metadata"))
        .collect();
    let (cut, emptied) = (place.path().join(&data[0]), place.path().join(&data[1]));
    let content = fs::read(&cut).expect("file");
    fs::write(&cut, &content[..content.len() - 1]).expect("file");
    fs::write(&emptied, "").expect("file");
    let run = absctl(&[&"restore", &"--validate", &"-d", &place.path()])
        .fails(13, "2 of 5 files cannot be restored");
    let findings: Vec<_> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("finding: "))
        .collect();
    assert_eq!(findings.len(), 2, "{run:?}");
    let about = |path: &std::path::Path| {
        let path = path.display().to_string();
        findings
            .iter()
            .find(|line| line.contains(&path))
            .copied()
            .expect("a finding")
    };
    assert!(about(&emptied).ends_with(" is empty"), "{run:?}");
    let place = format!("(byte {}, line ", content.len() - 1);
    assert!(about(&cut).contains(&place), "{run:?}");
    assert!(
        run.value("Result").expect("result").starts_with("failed, "),
        "{run:?}"
    );
}

#[test]
fn another_namespace_is_a_finding() {
    let source = filled(1, 100);
    let place = tempdir().expect("directory");
    backup(&source, &[&"-d", &place.path()]).succeeds();
    let run = absctl(&[&"restore", &"--validate", &"-nother", &"-d", &place.path()]);
    let run = run.fails(13, "cannot be restored");
    assert!(
        run.stderr
            .contains("belongs to namespace test, not to other"),
        "{run:?}"
    );
}

#[test]
fn standard_input() {
    let source = filled(1, 100);
    let text = backup(&source, &[&"-o-"]).succeeds().stdout;
    let mut validation = command(&[&"restore", &"--validate", &"-i-"]);
    let run = Run::of(validation.write_stdin(text)).succeeds();
    assert_eq!(run.reported("Records Read"), source.count("test"));
}

#[test]
fn several_directories_below_a_parent() {
    let source = filled(1, 300);
    let place = tempdir().expect("directory");
    for name in ["one", "two"] {
        backup(&source, &[&"-d", &place.path().join(name)]).succeeds();
    }
    let parent = place.path();
    let list = |list: &str| {
        let (list, parent) = (list.to_owned(), parent.to_owned());
        absctl(&[
            &"restore",
            &"--validate",
            &"--directory-list",
            &list,
            &"--parent-directory",
            &parent,
        ])
    };
    let run = list("one,two").succeeds();
    assert_eq!(run.reported("Records Read"), 2 * source.count("test"));
    list("one,none").fails(10, "none");
    let paths = format!("{0}/one,{0}/two", parent.display());
    let run = absctl(&[&"restore", &"--validate", &"--directory-list", &paths]).succeeds();
    assert_eq!(run.reported("Records Read"), 2 * source.count("test"));
}

#[test]
fn metadata_last_from_a_pipe() {
    let source = filled(1, 300);
    let text = backup(&source, &[&"-o-"]).succeeds().stdout;
    let target = empty(1);
    let hosts = hosts(&target);
    let args: [&dyn AsRef<std::ffi::OsStr>; 6] = [
        &"restore",
        &hosts,
        &"-ntest",
        &"-i-",
        &"--apply-metadata-last",
        &"-w4",
    ];
    let run = Run::of(command(&args).write_stdin(text)).succeeds();
    assert_eq!(run.reported("sIndex Read"), source.indexes().len() as u64);
    assert_equal(&source, &target);
}
