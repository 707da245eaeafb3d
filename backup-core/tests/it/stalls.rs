//! Targets and limits that make us slow: a node that gives scans up whose client does not read
//! (field 9 of a scan, `wire-scan.md` §6) must not mind.
//!
//! The real server waits 10 s unless it is told otherwise. The node of these tests waits a moment,
//! and the targets stall for some more: what counts is which of the two is longer. So a stall of
//! 30 s against 10 s behaves as one of 1.5 s against 0.3 s does here.

use crate::{support::*, troubled::troubled};
use asnode::{
    Cluster, NamespaceConfig, RawRecord,
    faults::{On, Reaction, Rule},
};
use backup_core::{backup::BackupTarget, stats::BackupCounts};
use backup_storage::Capabilities;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What a node waits for a client that does not read, unless it asks for ever.
const PATIENCE: Duration = Duration::from_millis(300);

const STALL: Duration = Duration::from_millis(1500);

/// A node of little patience with more data than sockets buffer.
fn impatient(patience: Duration, records: u32) -> Cluster {
    let cluster = Cluster::builder()
        .namespace(NamespaceConfig::new(NAMESPACE))
        .scan_patience(patience)
        .start()
        .unwrap();
    for number in 0..records {
        let record = RawRecord::for_key("s", 1, &i64::from(number).to_be_bytes());
        assert!(cluster.put(NAMESPACE, &record.bin(b"b", 4, &[7; 128 << 10])));
    }
    cluster
}

/// Backs up to a target that stalls.
async fn stalled(capabilities: Capabilities, socket_timeout: Option<Duration>) -> BackupCounts {
    const RECORDS: u32 = 500;
    let source = impatient(PATIENCE, RECORDS);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let has_stalled = Arc::new(AtomicBool::new(false));
    let stall = Arc::clone(&has_stalled);
    let store = troubled(&path, capabilities, move |_, bytes| {
        if bytes > 100_000 && !stall.swap(true, Ordering::Relaxed) {
            std::thread::sleep(STALL); // the stall is the subject
        }
        Ok(())
    });
    let mut config = backup_config(&source, BackupTarget::Directory(store));
    config.parallel = Some(1);
    config.socket_timeout = socket_timeout;
    let counts = backup_ok(config).await;
    assert!(has_stalled.load(Ordering::Relaxed));
    assert_eq!(counts.records_read, u64::from(RECORDS), "each record once");
    let copy = cluster(1);
    restore_ok(restore_config(&copy, &path)).await;
    assert_same(&source, &copy);
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_waits_for_an_object_store_that_stalls() {
    let counts = stalled(Capabilities::OBJECTS, None).await;
    assert_eq!(counts.retries, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_gave_up_is_resumed() {
    // A local disk is given the usual time; and the user's word counts for any target.
    let counts = stalled(Capabilities::LOCAL, None).await;
    assert!(counts.retries > 0, "the stall was not noticed");
    let counts = stalled(Capabilities::OBJECTS, Some(Duration::from_secs(10))).await;
    assert!(counts.retries > 0, "the time-out was not sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_waits_for_a_backup_with_a_limit() {
    // 100 records a second, and a node that would give up after a millisecond.
    let source = impatient(Duration::from_millis(1), 150);
    let counted = source
        .faults()
        .add(Rule::new(On::Scan, Reaction::Delay(Duration::ZERO)));
    let temporary = tempfile::tempdir().unwrap();
    let mut config = backup_config(&source, to_directory(&temporary.path().join("set")));
    config.parallel = Some(1);
    config.records_per_second = 100;
    let counts = backup_ok(config).await;
    assert_eq!((counts.records_read, counts.retries), (150, 0));
    assert_eq!(source.faults().fired(counted), 1, "one scan did it all");
}
