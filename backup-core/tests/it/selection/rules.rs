//! What selections are refused, and what else they change.

use super::{RECORDS, backup_of, filled, filled_as, read};
use crate::support::*;
use asnode::{
    Cluster, Edition, RawRecord,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    backup::{BackupConfig, PartitionFilter, PartitionList, Scope, Selection},
    error::{Error, ErrorClass},
};

/// Runs a backup that must fail before anything is touched.
async fn refused(cluster: &Cluster, selection: Selection) -> Error {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("set");
    let outcome = run_backup(backup_of(cluster, &path, 2, selection)).await;
    assert!(!path.exists(), "the target was touched");
    outcome.result.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_selection_that_makes_no_sense_is_refused_with_all_its_faults() {
    let cluster = filled(1);
    let before = cluster.counters().connections;
    let selection = Selection {
        sets: vec!["s1".into(), "s1".into(), "<ERO~MRT".into(), "x".repeat(64)],
        bins: vec![String::new(), "b".repeat(16)],
        modified_after: Some(5),
        modified_before: Some(5),
        filter_expression: vec![0x93, 0x01],
        scope: Scope::Racks(vec![1, 1, 1_000_001]),
        prefer_racks: vec![1],
        ..Selection::default()
    };
    let error = refused(&cluster, selection).await;
    assert_eq!(error.class(), ErrorClass::General);
    let Error::Selection { violations } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(violations.len(), 10, "{violations:#?}");
    assert_eq!(cluster.counters().connections, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expression_that_the_server_refuses_touches_nothing() {
    let cluster = filled(2);
    // A list that is no operation, and an operation of type int.
    for bytes in [&[0x91, 0x63][..], &[0x91, 0x45], &[0x90], &[0x01]] {
        let selection = Selection {
            filter_expression: bytes.to_vec(),
            ..Selection::default()
        };
        let error = refused(&cluster, selection).await;
        assert!(matches!(error, Error::FilterRefused { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_racks_that_are_not_there_are_named() {
    let cluster = filled(2);
    let scope = |scope| Selection {
        scope,
        ..Selection::default()
    };
    let nodes = scope(Scope::Nodes(vec!["127.0.0.1:1".into()]));
    let error = refused(&cluster, nodes).await.to_string();
    assert!(error.contains("\"127.0.0.1:1\""), "{error}");
    for known in cluster.node_ids().into_iter().chain(cluster.seeds()) {
        assert!(error.contains(&known), "{known} in {error}");
    }
    let racks = scope(Scope::Racks(vec![1]));
    let community = refused(&cluster, racks.clone()).await.to_string();
    assert!(community.contains("Enterprise"), "{community}");
    let preferred = Selection {
        prefer_racks: vec![1],
        ..Selection::default()
    };
    let community = refused(&cluster, preferred).await.to_string();
    assert!(community.contains("Enterprise"), "{community}");
    let enterprise = filled_as(Edition::Enterprise, 2);
    let error = refused(&enterprise, scope(Scope::Racks(vec![1, 7]))).await;
    let error = error.to_string();
    assert!(
        error.contains("no node is in rack 7; racks with nodes: 0, 1"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preferred_racks_are_read_from() {
    let cluster = filled_as(Edition::Enterprise, 2);
    for (racks, spared) in [(vec![1], 0), (vec![0, 1], 1)] {
        let scans = Rule::new(On::Scan, Reaction::Delay(std::time::Duration::ZERO));
        let scans = cluster.faults().add(scans.node(spared));
        let place = tempfile::tempdir().unwrap();
        let selection = Selection {
            prefer_racks: racks,
            ..Selection::default()
        };
        backup_ok(backup_of(&cluster, place.path(), 4, selection)).await;
        assert_eq!(read(place.path()).len(), RECORDS as usize);
        assert_eq!(cluster.faults().fired(scans), 0, "both nodes hold all");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitors_are_never_backed_up_and_the_filter_says_so() {
    let cluster = filled(1);
    for number in 0..20u8 {
        let monitor = RawRecord::for_key("<ERO~MRT", 4, &[number]).bin(b"m", 1, &[0; 8]);
        assert!(cluster.put(NAMESPACE, &monitor));
    }
    for max_records in [0, u64::from(RECORDS)] {
        let place = tempfile::tempdir().unwrap();
        let selection = Selection {
            max_records,
            ..Selection::default()
        };
        backup_ok(backup_of(&cluster, place.path(), 3, selection)).await;
        assert_eq!(read(place.path()).len(), RECORDS as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_of_other_sets_stay_behind() {
    let cluster = cluster(1);
    let all = asnode::generate::load(&cluster, NAMESPACE, asnode::generate::Shape::Types, 300, 1);
    assert!(all >= 300);
    let sets: Vec<_> = cluster
        .indexes()
        .into_iter()
        .map(|index| index.set)
        .collect();
    let chosen = sets
        .iter()
        .flatten()
        .next()
        .expect("an index on a set")
        .clone();
    let kept = sets
        .iter()
        .filter(|set| set.as_ref().is_none_or(|set| *set == chosen));
    let kept = kept.count() as u64;
    assert!(kept < sets.len() as u64);
    let place = tempfile::tempdir().unwrap();
    let selection = Selection {
        sets: vec![chosen],
        ..Selection::default()
    };
    let counts = backup_ok(backup_of(&cluster, place.path(), 1, selection)).await;
    assert_eq!(counts.indexes_read, kept);
    assert_eq!(counts.indexes_skipped, sets.len() as u64 - kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_expects_what_the_counters_of_the_cluster_say() {
    let cluster = filled(2);
    let expected = async |selection: Selection| {
        let place = tempfile::tempdir().unwrap();
        let counts = backup_ok(backup_of(&cluster, place.path(), 2, selection)).await;
        counts.records_expected
    };
    let all = Selection::default();
    assert_eq!(expected(all.clone()).await, u64::from(RECORDS));
    let sets = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let one_set = Selection {
        sets: sets(&["s1"]),
        ..all.clone()
    };
    assert_eq!(expected(one_set.clone()).await, 176);
    assert_eq!(
        expected(Selection {
            max_records: 9,
            ..one_set
        })
        .await,
        9
    );
    let half = PartitionList::new(vec![PartitionFilter::Range {
        begin: 0,
        count: 2048,
    }]);
    let half = Selection {
        scope: Scope::Partitions(half.unwrap()),
        ..all.clone()
    };
    assert_eq!(expected(half).await, u64::from(RECORDS) / 2);
    assert_eq!(
        expected(Selection {
            no_ttl_only: true,
            ..all
        })
        .await,
        0,
        "unknown"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_no_more_workers_than_partitions_and_no_fewer_than_one() {
    let cluster = filled(1);
    let place = tempfile::tempdir().unwrap();
    for (number, (list, files)) in [("40-3", 3), ("40,41-2,46", 4)].into_iter().enumerate() {
        let path = place.path().join(number.to_string());
        let scope = Scope::Partitions(list.parse().unwrap());
        let selection = Selection {
            scope,
            ..Selection::default()
        };
        let counts = backup_ok(backup_of(&cluster, &path, 16, selection)).await;
        assert_eq!(counts.files_written, files);
    }
    // A node without partitions of its own leaves nothing to read.
    let other = filled(2);
    for partition in 0..4096 {
        other.set_owners(NAMESPACE, partition, &[0]);
    }
    let scope = Scope::Nodes(vec![other.node_ids()[1].clone()]);
    let selection = Selection {
        scope,
        ..Selection::default()
    };
    let config = BackupConfig {
        selection,
        ..backup_config(&other, to_file(&place.path().join("none.asb")))
    };
    assert_eq!(backup_ok(config).await.records_read, 0);
}
