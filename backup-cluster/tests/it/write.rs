//! Outcomes of rows: each final at once, or tried again.

use crate::support::*;
use aerospike_wire::{
    batch::{BatchBuilder, WriteHead},
    digest::Digest,
    field::code,
    result_code::ResultCode,
};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rows, Rule},
};
use backup_cluster::batch_write::{BatchWriter, RowOutcome, WriteOptions, Written};
use tokio_util::sync::CancellationToken;

pub(crate) fn batch(rows: u8) -> BatchBuilder {
    let mut batch = BatchBuilder::with_capacity(1024);
    let head = WriteHead {
        info2: 0,
        info3: 0,
        generation: 0,
        record_ttl: u32::MAX,
    };
    for row in 0..rows {
        batch.start_write(&Digest::for_key(b"s", 4, &[row]), &head);
        batch.field(code::NAMESPACE, NAMESPACE.as_bytes());
        batch.field(code::SET, b"s");
        batch.write(4, b"b", &[row; 100]);
        batch.finish_row();
    }
    batch
}

async fn write(cluster: &Cluster, change: impl FnOnce(&mut WriteOptions)) -> Written {
    let mut options = WriteOptions {
        retry: RETRY,
        ..WriteOptions::new(NAMESPACE)
    };
    change(&mut options);
    let writer = BatchWriter::new(view(cluster).await, options)
        .await
        .unwrap();
    let node = writer.map().nodes()[0].clone();
    writer
        .write(&node, batch(50), &CancellationToken::new())
        .await
}

pub(crate) const OK: RowOutcome = RowOutcome::Answered(ResultCode::OK);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_for_other_nodes_are_passed_on() {
    let cluster = cluster(3);
    let written = write(&cluster, |_| {}).await;
    assert_eq!(written.outcomes, [OK; 50]);
    assert_eq!((cluster.count(NAMESPACE), written.retries), (50, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_rows_without_a_final_answer_are_sent_again() {
    let cluster = cluster(2);
    let refuse = |row, code| Rule::new(On::BatchRow, Reaction::Result(code)).rows(Rows::At(row));
    cluster.faults().add(refuse(7, 13).times(1));
    cluster.faults().add(refuse(9, 18).times(1));
    let written = write(&cluster, |_| {}).await;
    let mut expected = [OK; 50];
    expected[7] = RowOutcome::Answered(ResultCode::RECORD_TOO_BIG);
    assert_eq!(written.outcomes, expected);
    assert_eq!(written.retries, 1);
    assert_eq!(cluster.counters().batch_rows, 51, "one row went twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_never_taken_keeps_the_last_answer() {
    let cluster = cluster(1);
    cluster
        .faults()
        .add(Rule::new(On::BatchRow, Reaction::Result(8)).rows(Rows::All));
    let written = write(&cluster, |_| {}).await;
    assert_eq!(
        written.outcomes,
        [RowOutcome::NotApplied(Some(ResultCode::OUT_OF_SPACE)); 50]
    );
    assert_eq!(written.retries, RETRY.attempts - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_comes_leaves_rows_in_doubt() {
    for single_writes in [false, true] {
        let cluster = cluster(1);
        let on = if single_writes { On::Write } else { On::Batch };
        cluster.faults().add(Rule::new(on, Reaction::ApplyThenDrop));
        let written = write(&cluster, |options| options.single_writes = single_writes).await;
        assert!(written.outcomes.contains(&RowOutcome::InDoubt));
        assert!(!written.outcomes.contains(&OK), "{:?}", written.outcomes);
        assert!(written.failure.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_writes_keep_their_order() {
    let cluster = cluster(2);
    cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::Result(13)).skip(4).times(1));
    let written = write(&cluster, |options| options.single_writes = true).await;
    let mut expected = [OK; 50];
    expected[4] = RowOutcome::Answered(ResultCode::RECORD_TOO_BIG);
    assert_eq!(written.outcomes, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_batch_for_the_server_goes_as_single_writes() {
    let cluster = Cluster::builder()
        .namespace(asnode::NamespaceConfig::new(NAMESPACE))
        .batch_max_requests(10)
        .start()
        .unwrap();
    let written = write(&cluster, |_| {}).await;
    assert_eq!(written.outcomes, [OK; 50]);
    assert_eq!(cluster.counters().writes, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_write_does_not_wait_for_a_node_that_hangs() {
    let cluster = cluster(1);
    let rule = cluster
        .faults()
        .add(Rule::new(On::Batch, Reaction::Silence));
    let options = WriteOptions {
        retry: RETRY,
        ..WriteOptions::new(NAMESPACE)
    };
    let writer = BatchWriter::new(view(&cluster).await, options)
        .await
        .unwrap();
    let (node, cancel) = (writer.map().nodes()[0].clone(), CancellationToken::new());
    let stop = cancel.clone();
    let started = std::time::Instant::now();
    let (written, ()) = tokio::join!(writer.write(&node, batch(50), &cancel), async {
        while cluster.faults().fired(rule) == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });
    assert_eq!(written.outcomes, [RowOutcome::InDoubt; 50]);
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}
