//! Records that the server refuses: each is judged by itself, and none is lost in silence.

use crate::{
    policy::{record, write_file},
    support::*,
};
use asb_format::{Decoder, Item, Step};
use asnode::{
    Cluster, NamespaceConfig,
    faults::{On, Reaction, Rows, Rule},
    generate::{self, Shape},
};
use backup_core::{
    error::{Error, ErrorClass},
    restore::Rejects,
};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

fn small_records_only() -> Cluster {
    let namespace = NamespaceConfig {
        max_record_size: 1024,
        ..NamespaceConfig::new(NAMESPACE)
    };
    Cluster::builder().namespace(namespace).start().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_too_big_does_no_harm_to_its_neighbours() {
    const ROWS: u32 = 8;
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file.asb");
    let wide: Vec<String> = (0..200).map(|number| format!("b{number}")).collect();
    let wide: Vec<_> = wide.iter().map(String::as_str).collect();
    for position in 0..ROWS {
        let records: Vec<(u32, u16, u32, &[&str])> = (0..ROWS)
            .map(|number| match number == position {
                true => (number, 1, 0, &wide[..]),
                false => (number, 1, 0, &["n"][..]),
            })
            .collect();
        write_file(&path, &records);
        for (ignores, single_writes) in [(true, false), (true, true), (false, false), (false, true)]
        {
            let copy = small_records_only();
            let mut config = restore_config(&copy, &path);
            config.ignore_record_errors = ignores;
            config.single_writes = single_writes;
            let outcome = run_restore(config).await;
            let counts = outcome.stats.snapshot();
            assert!(counts.is_balanced(), "{counts:?}");
            assert_eq!(counts.inserted, u64::from(ROWS - 1));
            assert_eq!(copy.count(NAMESPACE), u64::from(ROWS - 1));
            let refused = [counts.ignored, counts.failed];
            if ignores {
                assert_eq!(refused, [1, 0]);
                outcome.result.unwrap();
            } else {
                assert_eq!(refused, [0, 1]);
                let error = outcome.result.unwrap_err();
                let Error::RecordRefused { digest, code, .. } = error else {
                    panic!("{error}")
                };
                assert_eq!((digest, code.0), (record(position).digest, 13));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_code_is_ignored_or_ends_the_restore() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file.asb");
    let records: Vec<(u32, u16, u32, &[&str])> =
        (0..20).map(|number| (number, 1, 0, &["n"][..])).collect();
    write_file(&path, &records);
    let check = async |code: u8, single_writes: bool, ignores: bool, can_be: bool| {
        let copy = cluster(1);
        let on = if single_writes {
            On::Write
        } else {
            On::BatchRow
        };
        let refuse = Rule::new(on, Reaction::Result(code)).rows(Rows::Of(record(11).digest));
        copy.faults().add(refuse);
        let mut config = restore_config(&copy, &path);
        config.ignore_record_errors = ignores;
        config.single_writes = single_writes;
        let outcome = run_restore(config).await;
        let counts = outcome.stats.snapshot();
        assert!(counts.is_balanced(), "{counts:?}");
        assert_eq!((counts.inserted, counts.retries), (19, 0), "code {code}");
        let is_ignored = ignores && can_be;
        assert_eq!(outcome.result.is_ok(), is_ignored, "code {code}");
        assert_eq!(counts.ignored, u64::from(is_ignored), "code {code}");
    };
    for single_writes in [false, true] {
        for ignores in [true, false] {
            for code in [10, 12, 13, 17, 19, 21, 22] {
                check(code, single_writes, ignores, true).await;
            }
            for code in [1, 4, 16, 25, 27, 81] {
                check(code, single_writes, ignores, false).await;
            }
        }
    }
    check(2, true, true, true).await;
    check(2, true, false, true).await;
    check(2, false, true, false).await;
}

/// What a file of records says about each: generation, void-time.
fn decode(path: &Path) -> BTreeMap<[u8; 20], (u16, u32)> {
    let text = fs::read(path).unwrap();
    let (mut decoder, mut rest, mut all) = (Decoder::new(), &text[..], BTreeMap::new());
    loop {
        match decoder.decode(rest, true).unwrap() {
            Step::Complete { consumed, item } => {
                if let Item::Record(record) = item {
                    let meta = (record.generation, record.void_time);
                    assert!(all.insert(record.digest, meta).is_none());
                }
                rest = &rest[consumed..];
            }
            Step::Incomplete { .. } => panic!("cut"),
            Step::End => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_records_can_be_restored_from_the_reject_file() {
    let (source, copy) = (cluster(1), cluster(2));
    generate::load(&source, NAMESPACE, Shape::Types, 1500, 11);
    let temporary = tempfile::tempdir().unwrap();
    let set = temporary.path().join("set");
    backup_ok(backup_config(&source, to_directory(&set))).await;
    let rejects = temporary.path().join("rejects.asb");
    let refuse = Rule::new(On::BatchRow, Reaction::Result(22)).rows(Rows::Percent(20));
    copy.faults().add(refuse);
    let mut config = restore_config(&copy, &set);
    config.ignore_record_errors = true;
    config.rejects = Some(Rejects::new(&rejects).unwrap());
    // The generation is not in the row then, and has to be kept all the same.
    config.policy.check_generation = false;
    let counts = restore_ok(config).await;
    assert!(counts.ignored > 100, "{counts:?}");
    assert_eq!(counts.rejected, counts.ignored);

    let written = decode(&rejects);
    assert_eq!(written.len() as u64, counts.ignored);
    for (digest, meta) in &written {
        let stored = source.get(NAMESPACE, &aerospike_wire::digest::Digest(*digest));
        let stored = stored.unwrap();
        assert_eq!(*meta, (stored.generation, stored.void_time));
    }
    let reasons = fs::read_to_string(temporary.path().join("rejects.asb.jsonl")).unwrap();
    let reasons: Vec<serde_json::Value> = reasons
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(reasons.len(), written.len());
    for reason in &reasons {
        assert_eq!(reason["code"], 22);
        assert!(reason["text"].as_str().unwrap().contains("forbidden"));
        assert!(reason["file"].as_str().unwrap().ends_with(".asb"));
        assert!(reason["offset"].as_u64().unwrap() > 0);
        assert_eq!(reason["digest"].as_str().unwrap().len(), 40);
        assert!(reason.get("key").is_some() && reason.get("set").is_some());
    }
    copy.faults().clear();
    let again = restore_ok(restore_config(&copy, &rejects)).await;
    assert_eq!(again.inserted, counts.ignored);
    assert_same(&source, &copy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_fails_keeps_what_it_rejected() {
    let (source, copy) = (cluster(1), cluster(1));
    fill(&source, 3000);
    let temporary = tempfile::tempdir().unwrap();
    let set = temporary.path().join("set");
    backup_ok(backup_config(&source, to_directory(&set))).await;
    let rejects = temporary.path().join("rejects.asb");
    let refuse = |code| Rule::new(On::BatchRow, Reaction::Result(code));
    copy.faults().add(refuse(13).rows(Rows::Percent(10)));
    copy.faults().add(refuse(4).skip(1500).times(1));
    let mut config = restore_config(&copy, &set);
    config.ignore_record_errors = true;
    config.rejects = Some(Rejects::new(&rejects).unwrap());
    let outcome = run_restore(config).await;
    let counts = outcome.stats.snapshot();
    assert!(
        outcome.result.is_err() && counts.is_balanced(),
        "{counts:?}"
    );
    assert!(counts.ignored > 0);
    assert_eq!(decode(&rejects).len() as u64, counts.ignored);
    assert_eq!(
        names(temporary.path()),
        ["rejects.asb", "rejects.asb.jsonl", "set"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reject_file_is_never_written_over_and_never_empty() {
    let (source, copy) = (cluster(1), cluster(1));
    fill(&source, 50);
    let temporary = tempfile::tempdir().unwrap();
    let set = temporary.path().join("set");
    backup_ok(backup_config(&source, to_directory(&set))).await;
    let config = |name: &str| {
        let mut config = restore_config(&copy, &set);
        config.ignore_record_errors = true;
        config.rejects = Some(Rejects::new(&temporary.path().join(name)).unwrap());
        config
    };
    for taken in ["a", "b.jsonl"] {
        fs::write(temporary.path().join(taken), "mine").unwrap();
        let error = run_restore(config(&taken.replace(".jsonl", "")))
            .await
            .result;
        assert!(
            matches!(error, Err(Error::TargetExists { .. })),
            "{error:?}"
        );
        assert_eq!(copy.count(NAMESPACE), 0);
        assert_eq!(fs::read(temporary.path().join(taken)).unwrap(), b"mine");
    }
    assert_eq!(restore_ok(config("c")).await.inserted, 50);
    assert_eq!(names(temporary.path()), ["a", "b.jsonl", "set"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_ttls_are_explained() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file.asb");
    let later = cluster(1).clock().now_s() + 1_000_000;
    write_file(&path, &[(1, 1, 0, &["n"]), (2, 1, later, &["n"])]);
    for ignores in [false, true] {
        let namespace = NamespaceConfig {
            nsup_period_s: 0,
            ..NamespaceConfig::new(NAMESPACE)
        };
        let copy = Cluster::builder().namespace(namespace).start().unwrap();
        let mut config = restore_config(&copy, &path);
        config.ignore_record_errors = ignores;
        let outcome = run_restore(config).await;
        let counts = outcome.stats.snapshot();
        assert_eq!((counts.inserted, counts.ignored + counts.failed), (1, 1));
        if ignores {
            outcome.result.unwrap();
        } else {
            let error = outcome.result.unwrap_err();
            assert!(error.to_string().contains("nsup-period 0"), "{error}");
            assert!(error.advice().unwrap().contains("allow-ttl-without-nsup"));
            assert_eq!(error.class(), ErrorClass::General);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_lets_the_others_finish_and_sends_nothing_more() {
    let (source, copy) = (cluster(1), cluster(1));
    fill(&source, 6000);
    let temporary = tempfile::tempdir().unwrap();
    backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    // The others take longer than the grace that an interrupt would leave them.
    let slow = Reaction::Delay(Duration::from_millis(1500));
    copy.faults().add(Rule::new(On::Batch, slow).skip(1));
    let refuse = Rule::new(On::BatchRow, Reaction::Result(13));
    copy.faults().add(refuse.rows(Rows::At(3)).times(1));
    let mut config = restore_config(&copy, temporary.path());
    (config.batch_rows, config.batches_in_flight) = (100, 4);
    let outcome = run_restore(config).await;
    let counts = outcome.stats.snapshot();
    assert!(
        outcome.result.is_err() && counts.is_balanced(),
        "{counts:?}"
    );
    assert_eq!((counts.failed, counts.in_doubt), (1, 0), "{counts:?}");
    assert_eq!(copy.count(NAMESPACE), counts.inserted);
    assert!(counts.not_sent > 0, "{counts:?}");
}
