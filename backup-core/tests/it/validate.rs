//! Validation reads every file to its end and needs no cluster.

use crate::support::*;
use backup_core::{
    error::{Error, ErrorClass},
    restore::{self, FileReport, Finding, ValidateConfig},
};
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

async fn validate(path: &Path, namespace: Option<&str>) -> (Result<(), Error>, Vec<FileReport>) {
    validate_by(path, |config| {
        config.namespace = namespace.map(str::to_owned)
    })
    .await
}

pub(crate) async fn validate_by(
    path: &Path,
    change: impl FnOnce(&mut ValidateConfig),
) -> (Result<(), Error>, Vec<FileReport>) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let mut config = ValidateConfig {
        source: from_path(path),
        unwrap: restore::Unwrap::default(),
        trust: restore::Trust::default(),
        namespace: None,
        bytes_per_second: 0,
        parallel: Some(2),
    };
    change(&mut config);
    let sink = Arc::clone(&reports);
    let job = restore::validate(config, move |report| sink.lock().unwrap().push(report));
    let result = job.wait().await.result;
    let mut reports = std::mem::take(&mut *reports.lock().unwrap());
    reports.sort_by(|a, b| a.file.cmp(&b.file));
    (result, reports)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_files_are_looked_at_and_every_finding_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let good = fs::read(data("golden/c/partitions-0-100.asb")).unwrap();
    fs::write(directory.path().join("a.asb"), &good).unwrap();
    fs::write(directory.path().join("b.asb"), &good[..good.len() - 1]).unwrap();
    fs::write(directory.path().join("c.asb"), b"").unwrap();
    fs::write(directory.path().join("d.asb"), &good).unwrap();
    fs::write(directory.path().join("ignored.txt"), b"x").unwrap();
    let (result, reports) = validate(directory.path(), None).await;
    let error = result.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Damage);
    assert_eq!(error.to_string(), "2 of 4 files cannot be restored");
    let [a, b, c, d] = &reports[..] else {
        panic!("{reports:?}")
    };
    assert!(a.finding.is_none() && d.finding.is_none());
    assert_eq!((a.records, a.indexes, a.udfs), (4, 12, 2));
    assert!(matches!(c.finding, Some(Finding::Empty)));
    let Some(Finding::Error(error)) = &b.finding else {
        panic!("{b:?}")
    };
    let text = chain(error);
    assert!(text.contains("byte 1659, line 64, record 3"), "{text}");
    assert_eq!(b.records, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_is_given_is_compared() {
    let file = data("golden/c/partitions-0-100.asb");
    assert!(validate(&file, Some("test")).await.0.is_ok());
    let (result, reports) = validate(&file, Some("prod")).await;
    assert!(matches!(
        result,
        Err(Error::Invalid {
            files: 1,
            findings: 1
        })
    ));
    let Some(Finding::Error(error)) = &reports[0].finding else {
        panic!()
    };
    assert!(
        error.to_string().contains("namespace test, not to prod"),
        "{error}"
    );
}

/// A backup of 20,000 records, more than five pieces of text in each of its files.
async fn large(path: &Path, files: usize) {
    let source = cluster(1);
    fill(&source, 20_000);
    let mut config = backup_config(&source, to_directory(path));
    config.parallel = Some(files);
    backup_ok(config).await;
}

fn finding(report: &FileReport) -> String {
    match &report.finding {
        Some(Finding::Error(error)) => chain(error),
        other => panic!("{}: {other:?}", report.file),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_decoders_find_in_one_file_what_one_finds() {
    let place = tempfile::tempdir().unwrap();
    large(&place.path().join("set"), 1).await;
    let data = data_names(&place.path().join("set"));
    let sound = fs::read(place.path().join("set").join(&data[0])).unwrap();
    let file = place.path().join("one.asb");
    let mut texts = Vec::new();
    // Two wrong lines in different pieces, and a cut.
    for (at, cut) in [
        (vec![], sound.len()),
        (vec![3, 4], sound.len()),
        (vec![2], sound.len() - 7),
    ] {
        let mut content = sound[..cut].to_vec();
        for mebibyte in at {
            let from = mebibyte << 20;
            let line = content[from..]
                .windows(5)
                .position(|line| line == b"\n+ g ");
            content[from + line.unwrap() + 5] = b'x';
        }
        fs::write(&file, &content).unwrap();
        let mut seen = Vec::new();
        for parallel in [1, 2, 5] {
            let (result, reports) =
                validate_by(&file, |config| config.parallel = Some(parallel)).await;
            let [report] = &reports[..] else {
                panic!("{reports:?}")
            };
            assert_eq!(result.is_ok(), report.finding.is_none());
            let text = result.is_err().then(|| finding(report));
            seen.push((report.records, report.indexes, text));
        }
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        texts.extend(seen.swap_remove(0).2);
    }
    let [wrong, cut] = &texts[..] else {
        panic!("{texts:?}")
    };
    assert!(wrong.contains("expected a number, found 'x'"), "{wrong}");
    assert!(!wrong.contains(cut.as_str()));
    let offset = |text: &str| {
        text.split_once("byte ")
            .unwrap()
            .1
            .split(',')
            .next()
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    assert_eq!(offset(wrong) >> 20, 3, "{wrong}");
    assert_eq!(offset(cut) >> 20, 2, "{cut}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_manifest_says_is_told_beside_what_the_files_say() {
    let place = tempfile::tempdir().unwrap();
    let set = place.path();
    large(set, 5).await;
    let data = data_names(set);
    let [altered, cut, grown, gone, ..] = &data[..] else {
        panic!("{data:?}")
    };
    let change = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut content = fs::read(set.join(name)).unwrap();
        change(&mut content);
        fs::write(set.join(name), content).unwrap();
    };
    // A digit for a digit: only the hash can tell.
    change(altered, &|content| {
        let at = content
            .windows(4)
            .rposition(|line| line == b"+ g ")
            .unwrap();
        content[at + 4] = if content[at + 4] == b'7' { b'8' } else { b'7' };
    });
    change(cut, &|content| content.truncate(content.len() / 2));
    change(grown, &|content| {
        let from = content
            .windows(5)
            .position(|line| line == b"\n+ n ")
            .unwrap()
            + 1;
        content.extend_from_within(from..);
    });
    fs::remove_file(set.join(gone)).unwrap();
    fs::copy(set.join(altered), set.join("x.asb")).unwrap();
    let (result, reports) = validate(set, Some(NAMESPACE)).await;
    let sound = data.len() - 4;
    assert!(
        matches!(result, Err(Error::Invalid { findings: 5, files }) if files == (sound + 5) as u64),
        "{result:?} {reports:?}"
    );
    let of = |name: &str| {
        let report = reports
            .iter()
            .find(|report| report.file.ends_with(&format!("/{name}")));
        finding(report.unwrap_or_else(|| panic!("{name}: {reports:?}")))
    };
    assert!(
        of(altered).contains("are not those that were backed up"),
        "{}",
        of(altered)
    );
    assert!(of(cut).contains("unexpected end of input"), "{}", of(cut));
    assert!(of(grown).contains("were backed up"), "{}", of(grown));
    assert!(of(gone).contains("is missing"), "{}", of(gone));
    assert!(
        of("x.asb").contains("does not belong to the set"),
        "{}",
        of("x.asb")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_was_never_finished_is_a_finding_and_its_files_are_read() {
    let place = tempfile::tempdir().unwrap();
    large(place.path(), 2).await;
    let data = data_names(place.path());
    fs::remove_file(place.path().join("test.manifest.json")).unwrap();
    let part = place.path().join("9_test_9.asb.part");
    fs::write(&part, b"Version 3.1\n").unwrap();
    let (result, reports) = validate(place.path(), None).await;
    assert!(
        matches!(result, Err(Error::Invalid { findings: 1, .. })),
        "{result:?}"
    );
    assert_eq!(reports.len(), data.len() + 1);
    assert_eq!(
        reports.iter().map(|report| report.records).sum::<u64>(),
        20_000
    );
    let found: Vec<_> = reports
        .iter()
        .filter(|report| report.finding.is_some())
        .collect();
    assert!(finding(found[0]).contains("9_test_9.asb.part was never completed"));
    let allow = |config: &mut ValidateConfig| config.trust.allow_incomplete = true;
    assert!(validate_by(place.path(), allow).await.0.is_ok());

    fs::remove_file(part).unwrap();
    assert!(
        validate(place.path(), None).await.0.is_ok(),
        "a set of another tool"
    );
}
