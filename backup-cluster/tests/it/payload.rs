//! Stored messages, sent as they are and in order.

use crate::support::*;
use aerospike_wire::{
    digest::Digest,
    op,
    result_code::ResultCode,
    xdr::{Change, NEVER_EXPIRES, Shipment},
};
use asnode::{
    Cluster, NodeLoss,
    faults::{On, Reaction, Rows, Rule},
};
use backup_cluster::{
    batch_write::RowOutcome,
    payload_write::{Payload, PayloadOptions, PayloadWriter, Replayed},
};
use tokio_util::sync::CancellationToken;

fn digest(n: u64) -> Digest {
    Digest::for_key(b"s", 1, &n.to_be_bytes())
}

/// A message about record `n`; version 0 deletes it.
fn message(n: u64, version: u64) -> (Digest, Vec<u8>) {
    let mut ops = Vec::new();
    op::put(&mut ops, op::code::WRITE, 1, b"v", &version.to_be_bytes());
    let mut out = Vec::new();
    Shipment {
        namespace: NAMESPACE.as_bytes(),
        digest: digest(n),
        set: b"s",
        key: None,
        generation: 1,
        ttl: if version == 0 { 0 } else { NEVER_EXPIRES },
        last_update_ms: 1,
        change: match version {
            0 => Change::Delete { durable: false },
            _ => Change::Write {
                n_ops: 1,
                ops: &ops,
            },
        },
    }
    .encode(&mut out);
    out[9] = 0; // as a backup stores it
    (digest(n), out)
}

async fn write(cluster: &Cluster, messages: &[(Digest, Vec<u8>)]) -> Replayed {
    let options = PayloadOptions {
        retry: RETRY,
        ..PayloadOptions::new(NAMESPACE)
    };
    let writer = PayloadWriter::new(view(cluster).await, options)
        .await
        .unwrap();
    let payloads: Vec<_> = messages
        .iter()
        .map(|(digest, message)| Payload {
            digest: *digest,
            message,
        })
        .collect();
    writer.write(&payloads, &CancellationToken::new()).await
}

const OK: RowOutcome = RowOutcome::Answered(ResultCode::OK);

fn version(cluster: &Cluster, n: u64) -> Option<u64> {
    let record = cluster.get(NAMESPACE, &digest(n))?;
    let value = record.bins[0].value.clone().try_into().unwrap();
    Some(u64::from_be_bytes(value))
}

/// Every record many times, in the order of a history.
fn history() -> Vec<(Digest, Vec<u8>)> {
    let versions = |n: u64| move |v: u64| (n * 31 + v * 7) % 5 + 1;
    let rounds = (0..10).flat_map(|v| (0..100).map(move |n| (n, versions(n)(v))));
    rounds.map(|(n, v)| message(n, v)).collect()
}

fn check_history(cluster: &Cluster) {
    for n in 0..100 {
        assert_eq!(version(cluster, n), Some((n * 31 + 9 * 7) % 5 + 1), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_version_wins() {
    let cluster = cluster(3);
    let replayed = write(&cluster, &history()).await;
    assert_eq!(replayed.outcomes, [OK; 1000]);
    assert_eq!(replayed.retries, 0);
    check_history(&cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_version_wins_over_retries_too() {
    for reaction in [
        Reaction::Drop,
        Reaction::ApplyThenDrop,
        Reaction::Result(ResultCode::DEVICE_OVERLOAD.0),
        Reaction::Result(ResultCode::TIMEOUT.0),
    ] {
        let cluster = cluster(3);
        for skip in [5, 50, 120, 300] {
            cluster
                .faults()
                .add(Rule::new(On::Write, reaction).skip(skip).times(1));
        }
        let replayed = write(&cluster, &history()).await;
        assert_eq!(replayed.outcomes, [OK; 1000], "{reaction:?}");
        assert!(replayed.retries > 0, "{reaction:?}");
        check_history(&cluster);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletes_are_carried_out_and_refusals_are_final() {
    let cluster = cluster(1);
    let messages = [message(1, 1), message(2, 1), message(1, 0), message(3, 0)];
    let replayed = write(&cluster, &messages).await;
    let missing = RowOutcome::Answered(ResultCode::NOT_FOUND);
    assert_eq!(replayed.outcomes, [OK, OK, OK, missing]);
    assert_eq!(
        (version(&cluster, 1), version(&cluster, 2)),
        (None, Some(1))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_is_replaced() {
    let cluster = cluster(3);
    write(&cluster, &[message(1, 1)]).await;
    cluster.faults().add(
        Rule::new(On::Write, Reaction::KillNode(NodeLoss::Takeover))
            .skip(20)
            .times(1),
    );
    let replayed = write(&cluster, &history()).await;
    assert_eq!(replayed.outcomes, [OK; 1000]);
    check_history(&cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_after_a_message_without_an_answer() {
    let cluster = cluster(1);
    let always = Rule::new(On::Write, Reaction::Result(ResultCode::DEVICE_OVERLOAD.0));
    cluster.faults().add(always.rows(Rows::Of(digest(2))));
    let messages = [message(1, 1), message(2, 1), message(1, 2), message(4, 1)];
    let replayed = write(&cluster, &messages).await;
    let overload = RowOutcome::NotApplied(Some(ResultCode::DEVICE_OVERLOAD));
    let unsent = RowOutcome::NotApplied(None);
    assert_eq!(replayed.outcomes, [OK, overload, unsent, unsent]);
    assert_eq!(
        (version(&cluster, 1), version(&cluster, 4)),
        (Some(1), None)
    );
}
