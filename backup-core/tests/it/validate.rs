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
    let reports = Arc::new(Mutex::new(Vec::new()));
    let config = ValidateConfig {
        source: from_path(path),
        unwrap: restore::Unwrap::default(),
        trust: restore::Trust::default(),
        namespace: namespace.map(str::to_owned),
        bytes_per_second: 0,
        parallel: Some(2),
    };
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
