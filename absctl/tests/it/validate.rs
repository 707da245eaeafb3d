//! `restore --validate`.

use crate::support::{Run, absctl, backup, command, data_names, filled};
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
    assert!(
        run.stderr
            .starts_with("\nValidation report\n-----------------\n"),
        "{run:?}"
    );
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
        .fails(13, "3 of 6 files cannot be restored");
    let findings: Vec<_> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("finding: "))
        .collect();
    assert_eq!(findings.len(), 3, "the two and the manifest: {run:?}");
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
