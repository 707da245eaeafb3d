//! What the manifest and the lock of a backup are good for.

use crate::{
    signals::start,
    support::{backup, data_names, empty, filled, hosts, names, restore, wait_for},
};
use asnode::faults::{On, Reaction, Rule};
use std::{fs, path::Path};
use tempfile::tempdir;

/// A backup of several files in a fresh directory.
fn sample(path: &Path) {
    let source = filled(1, 800);
    backup(&source, &[&"-d", &path, &"-w", &"3"]).succeeds();
}

#[test]
fn a_set_that_is_not_whole_is_refused_before_anything_is_written() {
    type Damage = fn(&Path, &str);
    let cases: [(&str, i32, &str, Damage); 4] = [
        ("missing", 10, "is missing", |path, name| {
            fs::remove_file(path.join(name)).expect("file")
        }),
        ("cut", 13, "bytes", |path, name| {
            let file = fs::OpenOptions::new()
                .write(true)
                .open(path.join(name))
                .expect("file");
            file.set_len(file.metadata().expect("size").len() - 1)
                .expect("cut");
        }),
        ("extra", 13, "does not belong to the set", |path, name| {
            fs::copy(path.join(name), path.join("9_test_9.asb"))
                .map(drop)
                .expect("copy");
        }),
        ("manifest", 13, "test.manifest.json", |path, _| {
            let file = path.join("test.manifest.json");
            let text = fs::read_to_string(&file).expect("manifest");
            fs::write(&file, text.replacen("\"records\"", "\"recorts\"", 1)).expect("manifest");
        }),
    ];
    for (what, code, part, damage) in cases {
        let (place, target) = (tempdir().expect("directory"), empty(1));
        sample(place.path());
        damage(place.path(), &data_names(place.path())[1]);
        let run = restore(&target, &[&"-d", &place.path()]);
        assert_eq!(run.code, Some(code), "{what}: {run:?}");
        assert!(run.stderr.contains(part), "{what}: {run:?}");
        assert_eq!(target.count("test"), 0, "{what}");
        assert_eq!(target.counters().connections, 0, "{what}");
    }
}

#[test]
fn an_altered_value_is_found_before_its_block_is_restored() {
    let (place, target) = (tempdir().expect("directory"), empty(1));
    sample(place.path());
    let file = place.path().join(&data_names(place.path())[0]);
    let mut content = fs::read(&file).expect("file");
    // A digit of an integer bin: the text stays well-formed.
    let line = content
        .windows(4)
        .position(|window| window == b"- I ")
        .expect("an integer");
    let digit = content[line..]
        .iter()
        .position(u8::is_ascii_digit)
        .expect("a digit");
    let digit = line
        + content[line..]
            .iter()
            .skip(digit)
            .position(|b| *b == b' ')
            .expect("a space")
        + digit
        + 1;
    let old = content[digit];
    content[digit] = if old == b'1' { b'2' } else { b'1' };
    fs::write(&file, &content).expect("file");
    restore(&target, &[&"-d", &place.path(), &"-w1"]).fails(13, "is not as it was backed up");
    restore(&empty(1), &[&"-d", &place.path(), &"--ignore-manifest"]).succeeds();
}

#[test]
fn one_run_at_a_time_has_a_target() {
    let source = filled(1, 3000);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let fault = source
        .faults()
        .add(Rule::new(On::Scan, Reaction::Silence).after_records(500));
    let mut first = start(&[&"backup", &hosts(&source), &"-ntest", &"-d", &path]);
    wait_for("a hanging scan", || source.faults().fired(fault) > 0);
    let pid = format!("process {} on host ", first.id());
    for more in ["--no-manifest", "--remove-files"] {
        let run =
            backup(&source, &[&"-d", &path, &more]).fails(11, "another backup is writing there");
        assert!(run.stderr.contains(&pid), "{run:?}");
    }
    let run = restore(&empty(1), &[&"-d", &path]).fails(10, "is an unfinished backup");
    assert!(
        run.stderr.contains(&pid) && run.stderr.contains("is still writing it"),
        "{run:?}"
    );
    first.kill().expect("kill");
    first.wait().expect("child");
    // Its lock has died with it, and tells that the set was never finished.
    source.faults().clear();
    assert!(
        names(&path).contains(&"test.lock".to_owned()),
        "{:?}",
        names(&path)
    );
    backup(&source, &[&"-d", &path]).fails(1, "holds an unfinished backup");
    backup(&source, &[&"-d", &path, &"--remove-files"]).survives();
    assert!(
        !names(&path).contains(&"test.lock".to_owned()),
        "{:?}",
        names(&path)
    );
    restore(&empty(1), &[&"-d", &path]).succeeds();
}

#[test]
fn without_a_manifest_a_set_is_accepted_as_one_of_another_tool() {
    let (source, target) = (filled(1, 300), empty(1));
    let place = tempdir().expect("directory");
    backup(&source, &[&"-d", &place.path(), &"--no-manifest"]).succeeds();
    assert_eq!(names(place.path()), data_names(place.path()));
    let run = restore(&target, &[&"-d", &place.path()]).succeeds();
    assert!(run.stderr.contains("has no manifest: nothing proves"));
    assert_eq!(target.count("test"), source.count("test"));
}
