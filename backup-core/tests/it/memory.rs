//! Many workers, records of all sizes, and hardly any memory for the large ones: every backup ends, and
//! holds each record once. A circle of workers that wait for each other would run into the limit of
//! `run_backup`.

use crate::support::*;
use asnode::{
    Cluster, NamespaceConfig, RawRecord,
    faults::{On, Reaction, Rule},
};
use backup_core::{
    backup::{BackupConfig, BackupTarget, StateFile},
    envelope::Level,
};
use std::time::Duration;

const RECORDS: u32 = 400;

/// Two nodes with records of up to 200 KiB, most of them larger than the read buffers are here.
fn large_records(scan_limit: usize) -> Cluster {
    let source = Cluster::builder()
        .nodes(2)
        .namespace(NamespaceConfig::new(NAMESPACE))
        .scan_limit(scan_limit)
        .start()
        .unwrap();
    for number in 0..RECORDS {
        let key = format!("key-{number}");
        let length = [100, 20_000, 70_000, 200_000][number as usize % 4];
        let record = RawRecord::for_key("large", 3, key.as_bytes()).bin(
            b"b",
            4,
            &vec![number.to_le_bytes()[0]; length],
        );
        assert!(source.put(NAMESPACE, &record));
    }
    source
}

/// Room for less than one of the largest, or for a few of the smaller ones.
const ROOMS: [usize; 2] = [100 << 10, 1 << 20];

fn crowded(source: &Cluster, target: BackupTarget, room: usize) -> BackupConfig {
    let mut config = backup_config(source, target);
    config.parallel = Some(16);
    config.socket.read_buffer = 16 << 10;
    config.chunk_bytes = Some(256 << 10); // more than most records: they must not wait for others
    config.large_record_bytes = room;
    config.forecast_samples = 100; // one more that takes from the same room
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_workers_share_room_for_less_than_one_record() {
    let source = large_records(128);
    for room in ROOMS {
        for wrapped in [false, true] {
            let temporary = tempfile::tempdir().unwrap();
            let set = temporary.path().join("set");
            let single = temporary.path().join("all.asb");
            for (target, path) in [(to_directory(&set), &set), (to_file(&single), &single)] {
                let mut config = crowded(&source, target, room);
                config.wrap.compression = wrapped.then_some(Level::DEFAULT);
                let counts = backup_ok(config).await;
                assert_eq!(counts.records_read, u64::from(RECORDS));
                let copy = cluster(1);
                let restored = restore_ok(restore_config(&copy, path)).await;
                assert_eq!(restored.inserted, u64::from(RECORDS), "each record once");
                assert_same(&source, &copy);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_comes_back_from_connections_that_break() {
    // A record that breaks off has its grant already, and its worker then waits for a free place
    // on the node, which others have who wait for grants.
    let source = large_records(3);
    let breaks = Rule::new(On::Scan, Reaction::Reset).after_bytes(150_000);
    for room in ROOMS {
        let rule = source.faults().add(breaks.times(60));
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("set");
        let mut config = crowded(&source, to_directory(&path), room);
        config.retry.attempts = 1000;
        config.retry.max_pause = Duration::from_millis(20);
        config.state_file = Some(StateFile::Beside("run.state".to_owned()));
        config.durable_interval = Duration::from_millis(1);
        let counts = backup_ok(config).await;
        assert_eq!(counts.records_read, u64::from(RECORDS));
        assert!(source.faults().fired(rule) > 10, "connections broke");
        source.faults().clear();
        let copy = cluster(1);
        let restored = restore_ok(restore_config(&copy, &path)).await;
        assert_eq!(restored.inserted, u64::from(RECORDS), "each record once");
    }
}
