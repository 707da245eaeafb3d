//! What may be in a target, and what is left in it.

use crate::support::*;
use backup_core::error::{Error, ErrorClass};
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_not_empty_is_refused_and_left_alone() {
    let source = cluster(1);
    fill(&source, 10);
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("notes.txt"), "mine").unwrap();
    let outcome = run_backup(backup_config(&source, to_directory(temporary.path()))).await;
    let error = outcome.result.unwrap_err();
    assert!(
        matches!(&error, Error::TargetNotEmpty { entry, .. } if entry == "notes.txt"),
        "{error}"
    );
    assert_eq!(names(temporary.path()), ["notes.txt"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn remove_files_replaces_a_set_and_leaves_foreign_files() {
    let source = cluster(1);
    fill(&source, 500);
    let temporary = tempfile::tempdir().unwrap();
    let old = ["7_test_8.asb", "0_test_1.asb", "notes.txt"];
    old.iter()
        .for_each(|name| fs::write(temporary.path().join(name), "old").unwrap());
    let mut config = backup_config(&source, to_directory(temporary.path()));
    (config.remove_files, config.parallel) = (true, Some(1));
    backup_ok(config).await;
    assert_eq!(
        names(temporary.path()),
        ["0_test_1.asb", "notes.txt", "test.manifest.json"]
    );
    let copy = cluster(1);
    assert_eq!(
        restore_ok(restore_config(&copy, temporary.path()))
            .await
            .inserted,
        500
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_leaves_the_old_set_and_nothing_of_its_own() {
    let source = cluster(1);
    fill(&source, 500);
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("0_test_1.asb"), "old").unwrap();
    let mut config = backup_config(&source, to_directory(temporary.path()));
    config.remove_files = true;
    config.namespace = "elsewhere".to_owned();
    let error = run_backup(config).await.result.unwrap_err();
    assert!(error.to_string().contains("elsewhere"), "{error}");
    assert_eq!(names(temporary.path()), ["0_test_1.asb"]);
    assert_eq!(
        fs::read(temporary.path().join("0_test_1.asb")).unwrap(),
        b"old"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_file_is_replaced_only_on_request_and_whole() {
    let source = cluster(1);
    fill(&source, 20);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("all.asb");
    fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
    let error = run_backup(backup_config(&source, to_file(&path)))
        .await
        .result
        .unwrap_err();
    assert!(matches!(error, Error::TargetExists { .. }), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 20);
    let mut config = backup_config(&source, to_file(&path));
    config.remove_files = true;
    let written = backup_ok(config).await;
    assert_eq!(fs::metadata(&path).unwrap().len(), written.bytes_written);
    assert_eq!(
        names(temporary.path()),
        ["all.asb", "all.asb.manifest.json"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_namespace_gives_an_empty_directory_set_and_a_file_with_a_header() {
    let source = cluster(1);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let counts = backup_ok(backup_config(&source, to_directory(&path))).await;
    assert_eq!((counts.records_read, counts.files_written), (0, 0));
    assert_eq!(names(&path), ["test.manifest.json"]);
    // A backup of nothing is a whole one, and can be restored.
    let copy = cluster(1);
    let restored = restore_ok(restore_config(&copy, &path)).await;
    assert_eq!(restored.records_read, 0);
    let file = temporary.path().join("all.asb");
    backup_ok(backup_config(&source, to_file(&file))).await;
    assert_eq!(
        fs::read(&file).unwrap(),
        b"Version 3.1\n# namespace test\n# first-file\n"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_that_was_never_completed_is_not_restored() {
    let copy = cluster(1);
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("0_test_1.asb"), "Version 3.1\n").unwrap();
    fs::write(temporary.path().join("1_test_2.asb.part"), "Version 3.1\n").unwrap();
    let error = run_restore(restore_config(&copy, temporary.path()))
        .await
        .result
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::InputMissing);
    assert!(error.to_string().contains("1_test_2.asb.part"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_discards_everything() {
    let source = cluster(1);
    fill(&source, 3000);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let rule =
        asnode::faults::Rule::new(asnode::faults::On::Scan, asnode::faults::Reaction::Silence);
    let rule = source.faults().add(rule);
    let job = backup_core::backup::start(backup_config(&source, to_directory(&path)));
    while source.faults().fired(rule) == 0 {
        tokio::task::yield_now().await;
    }
    job.cancel_token().cancel();
    let outcome = job.wait().await;
    assert!(matches!(outcome.result, Err(Error::Cancelled)));
    assert!(names(&path).is_empty(), "{:?}", names(&path));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layout_of_c_has_its_names_and_one_place_for_definitions() {
    use backup_core::{
        backup::Layout,
        restore::{IndexConflict, Unwrap, find_namespace},
    };
    let source = cluster(1);
    fill(&source, 500);
    assert!(source.create_index(crate::indexes::index("by_n", "n")));
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("notes.txt"), "mine").unwrap();
    let config = || {
        let mut config = backup_config(&source, to_directory(temporary.path()));
        config.layout = Layout::C;
        config
    };
    let counts = backup_ok(config()).await;
    assert_eq!((counts.records_read, counts.indexes_read), (500, 1));
    let all = [
        "notes.txt",
        "test.manifest.json",
        "test_00000.asb",
        "test_00001.asb",
        "test_00002.asb",
    ];
    assert_eq!(names(temporary.path()), all);
    let definitions = |name: &str| {
        let content = fs::read(temporary.path().join(name)).unwrap();
        String::from_utf8_lossy(&content).contains("\n* i ")
    };
    assert!(definitions("test_00000.asb"));
    assert!(!definitions("test_00001.asb") && !definitions("test_00002.asb"));
    let error = run_backup(config()).await.result.unwrap_err();
    assert!(
        matches!(&error, Error::TargetNotEmpty { entry, .. } if entry == "test_00000.asb"),
        "{error}"
    );
    let found = find_namespace(&from_path(temporary.path()), &Unwrap::default());
    assert_eq!(found.unwrap().as_deref(), Some(NAMESPACE));
    // A conflict is found before the first write, although data files hold the definitions.
    let copy = cluster(1);
    assert!(copy.create_index(crate::indexes::index("by_n", "text")));
    let mut restore = restore_config(&copy, temporary.path());
    restore.index_conflict = IndexConflict::Fail;
    let error = run_restore(restore).await.result.unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    assert_eq!(copy.count(NAMESPACE), 0);
}
