//! Limits of speed: by what was read and written in the time it took.

use crate::support::*;
use asnode::faults::{On, Reaction, Rule};
use std::time::Duration;

const SECONDS: u64 = 10;

/// How long so many workers waited for a limit, all together.
struct Waits {
    throttled_ms: u64,
    workers: u32,
}

/// Asserts that `amount` at so many a second took the time it has to: not less, and not more
/// than what the run did besides waiting for its limit, `throttled_ms` of all `workers` together.
fn assert_rate(amount: u64, per_second: u64, duration: Duration, waits: Waits) {
    let Waits {
        throttled_ms,
        workers,
    } = waits;
    let (took, has_to) = (duration.as_secs_f64(), amount as f64 / per_second as f64);
    assert!(took >= has_to / 1.05, "{took} s instead of {has_to} s");
    // On a machine that has other things to do a run takes longer, but not by our waits: those of
    // a worker cover no more than the time that its rate gives.
    let waited = Duration::from_millis(throttled_ms).as_secs_f64() / f64::from(workers);
    assert!(waited > 0.0, "the limit did nothing");
    assert!(waited <= has_to * 1.1, "waited {waited} s of {has_to} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_a_second_are_exact_for_all_workers_together() {
    let source = cluster(2);
    let rate = 500;
    fill(&source, u32::try_from(rate * SECONDS).unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let mut config = backup_config(&source, to_directory(&temporary.path().join("set")));
    config.parallel = Some(5);
    config.records_per_second = rate;
    let outcome = run_backup(config).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    assert_eq!(counts.records_read, rate * SECONDS);
    let waits = Waits {
        throttled_ms: counts.throttled_ms,
        workers: 5,
    };
    assert_rate(counts.records_read, rate, outcome.duration, waits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_a_second_are_exact_and_those_of_the_storage() {
    let source = cluster(1);
    fill(&source, 24_000);
    let temporary = tempfile::tempdir().unwrap();
    let plain = backup_ok(backup_config(
        &source,
        to_directory(&temporary.path().join("a")),
    ))
    .await;
    let rate = plain.bytes_written / SECONDS;
    let mut config = backup_config(&source, to_directory(&temporary.path().join("b")));
    config.bytes_per_second = rate;
    config.socket.read_buffer = 16 << 10;
    let outcome = run_backup(config).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    assert_eq!(counts.records_read, 24_000);
    let waits = Waits {
        throttled_ms: counts.throttled_ms,
        workers: 3,
    };
    assert_rate(counts.bytes_written, rate, outcome.duration, waits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_backup_is_not_given_up_by_the_node() {
    // The node would close a scan whose client reads nothing for its time-out; with a limit it
    // is asked to wait for ever, so nothing has to be resumed.
    let source = cluster(1);
    fill(&source, 3000);
    let counted = source
        .faults()
        .add(Rule::new(On::Scan, Reaction::Delay(Duration::ZERO)));
    let temporary = tempfile::tempdir().unwrap();
    let mut config = backup_config(&source, to_directory(&temporary.path().join("set")));
    config.parallel = Some(1);
    config.records_per_second = 1000;
    let counts = backup_ok(config).await;
    assert_eq!((counts.records_read, counts.retries), (3000, 0));
    assert_eq!(source.faults().fired(counted), 1, "one scan did it all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_writes_no_faster_than_asked() {
    let (source, copy) = (cluster(1), cluster(2));
    let rate = 500;
    fill(&source, u32::try_from(rate * SECONDS).unwrap());
    let temporary = tempfile::tempdir().unwrap();
    backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    let mut config = restore_config(&copy, temporary.path());
    config.records_per_second = rate;
    config.parallel = Some(2);
    let outcome = run_restore(config).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    assert_eq!(counts.inserted, rate * SECONDS);
    let waits = Waits {
        throttled_ms: counts.throttled_ms,
        workers: 2,
    };
    assert_rate(counts.inserted, rate, outcome.duration, waits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_reads_no_faster_than_asked() {
    let (source, copy) = (cluster(1), cluster(1));
    fill(&source, 24_000);
    let temporary = tempfile::tempdir().unwrap();
    let written = backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    let rate = written.bytes_written / SECONDS;
    let mut config = restore_config(&copy, temporary.path()); // of files with a manifest
    config.bytes_per_second = rate;
    config.parallel = Some(2);
    let outcome = run_restore(config).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    assert_eq!(counts.inserted, 24_000);
    assert_eq!(counts.bytes_fetched, written.bytes_written);
    let waits = Waits {
        throttled_ms: counts.throttled_ms,
        workers: 2,
    };
    assert_rate(counts.bytes_fetched, rate, outcome.duration, waits);
}
