//! Policies, limits and refusals of a restore, by their flags.

use crate::support::{
    NAMESPACE, Run, absctl, assert_equal, backup, command, empty, filled, hosts, names, restore,
};
use asnode::{
    Cluster, Collection, Index, IndexSource, IndexType, NamespaceConfig, RawRecord,
    faults::{On, Reaction, Rows, Rule},
};
use std::{fs, path::Path};
use tempfile::{TempDir, tempdir};

/// A backup of `records` records of every type.
fn backup_of(records: u64) -> (Cluster, TempDir) {
    let (source, place) = (filled(1, records), tempdir().expect("directory"));
    backup(&source, &[&"-d", &place.path().join("set")]).succeeds();
    (source, place)
}

#[test]
fn records_that_exist_are_merged_replaced_or_kept() {
    let (source, place) = backup_of(300);
    let set = place.path().join("set");
    let total = source.count(NAMESPACE);
    // All records of the target are of generation 1 and equal, so only flags decide.
    let target = empty(1);
    restore(&target, &[&"-d", &set]).succeeds();
    let check = |flags: &[&str], label: &str| {
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"-d", &set];
        flags.iter().for_each(|flag| args.push(flag));
        let run = restore(&target, &args).succeeds();
        assert_eq!(run.reported(label), total, "{flags:?} {run:?}");
        assert_equal(&source, &target);
    };
    check(&["-u"], "Existed Records");
    check(&["--unique", "--no-generation"], "Existed Records");
    check(&["-g"], "Inserted Records");
    check(&["-r", "-g"], "Inserted Records");
    check(
        &["--replace=true", "-g", "--disable-batch-writes"],
        "Inserted Records",
    );
}

#[test]
fn replacing_removes_other_bins_and_merging_does_not() {
    let (source, place) = backup_of(50);
    let set = place.path().join("set");
    for (flag, stays) in [("-g", true), ("-rg", false)] {
        let target = empty(1);
        source.for_each(NAMESPACE, |record| {
            let there = RawRecord {
                set: record.set,
                ..RawRecord::new(record.digest)
            };
            assert!(target.put(NAMESPACE, &there.bin(b"mine", 1, &[0; 8])));
        });
        restore(&target, &[&"-d", &set, &flag]).succeeds();
        target.for_each(NAMESPACE, |record| {
            let has = record.bins.iter().any(|bin| bin.name == b"mine");
            assert_eq!(has, stays, "{flag}");
        });
    }
}

#[test]
fn another_namespace_is_named_behind_a_comma() {
    let (source, place) = backup_of(200);
    let set = place.path().join("set");
    let target = Cluster::builder()
        .namespace(NamespaceConfig::new("other"))
        .start()
        .expect("cluster");
    let run = |namespaces: &str| {
        let hosts = hosts(&target);
        absctl(&[&"restore", &hosts, &"-n", &namespaces, &"-d", &set])
    };
    run("test,other").succeeds();
    assert_eq!(target.count("other"), source.count(NAMESPACE));
    assert_eq!(target.indexes().len(), source.indexes().len());
    assert!(
        target
            .indexes()
            .iter()
            .all(|index| index.namespace == "other")
    );
    run("a,b,c").fails(1, "--namespace (-n)").at_once();
    run("a,").fails(1, "the name is empty").at_once();
    run("test").fails(1, "namespace test does not exist");
    run("wrong,other").fails(1, "is a backup of namespace test, not of wrong");
}

#[test]
fn sets_and_bins_are_selected() {
    let (source, place) = backup_of(600);
    let set = place.path().join("set");
    let mut wanted = 0;
    let mut name = None;
    source.for_each(NAMESPACE, |record| {
        if name.is_none() {
            name.clone_from(&record.set);
        }
    });
    let name = name.expect("a set");
    source.for_each(NAMESPACE, |record| {
        wanted += u64::from(record.set.as_ref() == Some(&name));
    });
    let target = empty(1);
    let quoted = format!("'{}'", String::from_utf8_lossy(&name));
    let run = restore(&target, &[&"-d", &set, &"-s", &quoted]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let done = run.reported("Inserted Records") + run.reported("Expired Records");
    assert!(done > 0 && done <= wanted, "{run:?}");
    let run = restore(&empty(1), &[&"-d", &set, &"--bin-list", &"no such bin"]);
    assert_eq!(run.reported("Inserted Records"), 0, "{run:?}");
    assert!(run.reported("Skipped Records") > 0, "{run:?}");
    restore(&target, &[&"-d", &set, &"-s", &"a,a"]).fails(1, "--set-list (-s)");
    restore(&target, &[&"-d", &set, &"-B", &"far-too-long-a-name"]).fails(1, "--bin-list (-B)");
}

#[test]
fn refused_records_are_ignored_on_request_and_kept() {
    let (source, place) = backup_of(800);
    let set = place.path().join("set");
    let target = empty(1);
    let refuse = Rule::new(On::BatchRow, Reaction::Result(13)).rows(Rows::Percent(10));
    target.faults().add(refuse);
    restore(&target, &[&"-d", &set]).fails(1, "was refused: result 13");
    let rejects = place.path().join("rejects.asb");
    let flags: [&dyn AsRef<std::ffi::OsStr>; 5] = [
        &"-d",
        &set,
        &"--ignore-record-error",
        &"--reject-file",
        &rejects,
    ];
    let run = restore(&target, &flags).succeeds();
    let ignored = run.reported("Ignored Records");
    assert!(ignored > 0, "{run:?}");
    assert_eq!(run.reported("Rejected Records"), ignored);
    assert_eq!(
        names(place.path()),
        ["rejects.asb", "rejects.asb.jsonl", "set"]
    );
    let reasons = fs::read_to_string(place.path().join("rejects.asb.jsonl")).expect("reasons");
    assert_eq!(reasons.lines().count() as u64, ignored);
    restore(&target, &flags).fails(1, "rejects.asb exists already");
    target.faults().clear();
    let run = restore(&target, &[&"-i", &rejects]).succeeds();
    assert_eq!(run.reported("Inserted Records"), ignored);
    assert_equal(&source, &target);
    restore(&target, &[&"-d", &set, &"--reject-file", &rejects])
        .fails(1, "--reject-file needs --ignore-record-error")
        .at_once();
}

#[test]
fn attempts_are_those_that_were_asked_for() {
    let (source, place) = (filled(1, 100), tempdir().expect("directory"));
    let set = place.path().join("one.asb");
    backup(&source, &[&"-o", &set]).succeeds(); // one file, one batch
    for (attempts, expected) in [("0", 1), ("1", 1), ("3", 3)] {
        let target = empty(1);
        let fault = target
            .faults()
            .add(Rule::new(On::Batch, Reaction::Result(18)));
        let run = restore(
            &target,
            &[
                &"-i",
                &set,
                &"--retry-max-attempts",
                &attempts,
                &"--retry-base-interval=0",
                &"--batch-size=100000",
                &"-w1",
            ],
        );
        run.fails(1, "result 18");
        assert_eq!(target.faults().fired(fault), expected, "{attempts}");
    }
}

#[test]
fn batches_are_as_large_as_asked_for() {
    let (source, place) = backup_of(500);
    let set = place.path().join("set");
    for size in [1u64, 7, 100] {
        let target = empty(1);
        let size_flag = format!("--batch-size={size}");
        restore(&target, &[&"-d", &set, &size_flag, &"--warm-up=2"]).succeeds();
        let batches = target.counters().batches + target.counters().writes;
        let total = source.count(NAMESPACE);
        assert!(batches >= total / size, "{batches} of {size}");
    }
    let target = empty(1);
    restore(&target, &[&"-d", &set, &"--disable-batch-writes"]).succeeds();
    assert_eq!(target.counters().batches, 0);
}

#[test]
fn conflicting_indexes_are_replaced_kept_or_end_the_restore() {
    let (source, place) = backup_of(100);
    let set = place.path().join("set");
    let name = source.indexes().first().expect("an index").name.clone();
    let other = || Index {
        namespace: NAMESPACE.to_owned(),
        name: name.clone(),
        set: Some("nobody's".to_owned()),
        source: IndexSource::Bin {
            bin: "nobody's".to_owned(),
            context: None,
        },
        value_type: IndexType::Numeric,
        collection: Collection::Default,
    };
    let restored = |conflict: &str| {
        let target = empty(1);
        assert!(target.create_index(other()));
        let flag = format!("--index-conflict={conflict}");
        (restore(&target, &[&"-d", &set, &flag]), target)
    };
    let (run, target) = restored("replace");
    assert!(
        run.code == Some(0) && run.stderr.contains("is replaced"),
        "{run:?}"
    );
    assert!(!target.indexes().contains(&other()));
    let (run, target) = restored("KEEP");
    assert!(
        run.code == Some(0) && run.stderr.contains("is kept"),
        "{run:?}"
    );
    assert_eq!(run.reported("sIndex Skipped"), 1);
    assert!(target.indexes().contains(&other()));
    let (run, target) = restored("fail");
    run.fails(1, "exists with another definition");
    assert_eq!((target.count(NAMESPACE), target.indexes().len()), (0, 1));
}

#[test]
fn speed_is_limited() {
    let (_source, place) = backup_of(200);
    let set = place.path().join("set");
    let run = |flags: &[&str]| {
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"-d", &set];
        flags.iter().for_each(|flag| args.push(flag));
        let started = std::time::Instant::now();
        restore(&empty(1), &args).succeeds();
        started.elapsed().as_secs_f64()
    };
    assert!(run(&["-L", "100"]) > 1.5);
    let bytes: u64 = names(&set)
        .iter()
        .map(|name| fs::metadata(set.join(name)).expect("file").len())
        .sum();
    assert!(bytes > 0);
    run(&["--nice", "1000", "-L", "1000000"]);
}

#[test]
fn nonsense_is_refused_at_once() {
    let place = tempdir().expect("directory");
    let run = |flags: &[&str]| {
        let path: &Path = place.path();
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> =
            vec![&"restore", &"-n", &"test", &"-d", &path];
        flags.iter().for_each(|flag| args.push(flag));
        absctl(&args)
    };
    let check = |flags: &[&str], part: &str| {
        run(flags).fails(1, part).at_once();
    };
    check(&["-u", "-r"], "exclude each other");
    check(&["--batch-size", "0"], "--batch-size");
    check(&["--max-async-batches", "0"], "--max-async-batches");
    check(&["--extra-ttl", "-1"], "--extra-ttl");
    check(&["--warm-up", "-1"], "--warm-up");
    check(&["--retry-multiplier", "0.5"], "--retry-multiplier");
    check(&["--retry-base-interval", "-1"], "--retry-base-interval");
    check(&["--socket-timeout", "-1"], "--socket-timeout");
    check(&["--index-conflict", "x"], "--index-conflict");
    check(&["-L", "-1"], "-1");
}

#[test]
fn rejects_are_kept_from_standard_input_too() {
    let (source, place) = (filled(1, 300), tempdir().expect("directory"));
    let text = backup(&source, &[&"-o", &"-"]).succeeds().stdout;
    let (target, rejects) = (empty(1), place.path().join("rejects.asb"));
    let run = |flags: &[&dyn AsRef<std::ffi::OsStr>]| {
        let hosts = hosts(&target);
        let common: [&dyn AsRef<std::ffi::OsStr>; 6] =
            [&"restore", &hosts, &"-n", &"test", &"-i", &"-"];
        Run::of(command(&[&common, flags].concat()).write_stdin(text.clone()))
    };
    let refuse = Rule::new(On::BatchRow, Reaction::Result(13)).rows(Rows::Percent(10));
    target.faults().add(refuse);
    let failed = run(&[]).fails(1, "stdin, byte ");
    assert_eq!(
        failed.sum(&["Inserted Records", "Failed Records", "Not Sent"]),
        failed.reported("Records Read"),
        "{failed:?}"
    );
    let kept = run(&[&"--ignore-record-error", &"--reject-file", &rejects]).succeeds();
    let ignored = kept.reported("Ignored Records");
    assert!(ignored > 0, "{kept:?}");
    assert_eq!(kept.reported("Rejected Records"), ignored);
    target.faults().clear();
    let again = restore(&target, &[&"-i", &rejects]).succeeds();
    assert_eq!(again.reported("Inserted Records"), ignored);
    assert_equal(&source, &target);
}
