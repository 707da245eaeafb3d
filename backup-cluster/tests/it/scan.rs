//! Cursors: where a scan stopped, another one goes on.

use crate::support::*;
use aerospike_wire::{
    digest::{Digest, PARTITIONS, PartitionId},
    field::code,
    frame::{self, FrameType},
    message::{MessageHeader, flags},
    scan::ScanRecord,
};
use asnode::faults::{On, Reaction, Rule};
use backup_cluster::{
    error::Error,
    scan::{PartitionCursor, RecordLimit, RecordSink, ScanError, ScanOptions, Silence, scan},
    view::{BoxFuture, ClusterView, Node, NodeName},
};
use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

fn all() -> Vec<PartitionCursor> {
    (0..PARTITIONS)
        .map(|id| PartitionCursor::start(PartitionId::new(id).unwrap()))
        .collect()
}

fn options() -> ScanOptions {
    ScanOptions {
        retry: RETRY,
        ..ScanOptions::new(NAMESPACE)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_failed_goes_on_at_its_cursors() {
    let cluster = cluster(2);
    fill(&cluster, 3000);
    let view = view(&cluster).await;
    let rule = Rule::new(On::Scan, Reaction::Result(15)).skip(1);
    let rule = cluster.faults().add(rule);
    let (mut cursors, mut sink, cancel) = (all(), Digests::default(), CancellationToken::new());
    let failed = scan(&*view, &options(), &mut cursors, &mut sink, &cancel).await;
    assert!(
        matches!(failed, Err(ScanError::Cluster(Error::Refused { .. }))),
        "{failed:?}"
    );
    let before = sink.0.len();
    assert!(before > 0 && before < 3000, "one node of two was read");
    cluster.faults().remove(rule);
    let stats = scan(&*view, &options(), &mut cursors, &mut sink, &cancel)
        .await
        .unwrap();
    assert_eq!(stats.records, 3000 - before as u64);
    assert_eq!(sink.0.iter().collect::<BTreeSet<_>>().len(), 3000);
    assert!(cursors.iter().all(PartitionCursor::is_done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_after_a_digest_leaves_that_record_out() {
    let cluster = cluster(1);
    fill(&cluster, 3000);
    let view = view(&cluster).await;
    let cancel = CancellationToken::new();
    let (mut cursors, mut sink) = (all(), Digests::default());
    scan(&*view, &options(), &mut cursors, &mut sink, &cancel)
        .await
        .unwrap();
    let of = |digests: &Digests, id: u16| -> Vec<[u8; 20]> {
        let inside = |digest: &&[u8; 20]| Digest(**digest).partition().get() == id;
        digests.0.iter().filter(inside).copied().collect()
    };
    let partition = (0..PARTITIONS).find(|id| of(&sink, *id).len() > 1).unwrap();
    let expected = of(&sink, partition);
    assert!(expected.is_sorted_by(|a, b| a > b), "digests descend");
    let mut rest = Digests::default();
    let mut cursor = [PartitionCursor::after(Digest(expected[0]))];
    scan(&*view, &options(), &mut cursor, &mut rest, &cancel)
        .await
        .unwrap();
    assert_eq!(rest.0, expected[1..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_node_that_still_answers_is_waited_for() {
    let cluster = cluster(1);
    fill(&cluster, 500);
    let view = view(&cluster).await;
    let delay = Reaction::Delay(Duration::from_millis(300));
    cluster.faults().add(Rule::new(On::Scan, delay).times(1));
    let patience = ScanOptions {
        silence: Silence::Ask(Duration::from_millis(40)),
        ..options()
    };
    let (mut cursors, mut sink, cancel) = (all(), Digests::default(), CancellationToken::new());
    let stats = scan(&*view, &patience, &mut cursors, &mut sink, &cancel)
        .await
        .unwrap();
    assert_eq!((stats.records, stats.retries), (500, 0));
}

/// A view of one node that is nobody's: it owns every partition.
#[derive(Debug)]
struct Impostor(Node);

impl ClusterView for Impostor {
    fn nodes(&self) -> Vec<Node> {
        vec![self.0.clone()]
    }

    fn info<'a>(
        &'a self,
        _node: &'a NodeName,
        commands: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        let everything = format!("{NAMESPACE}:0,1,{}8=", "/".repeat(682));
        Box::pin(async move { Ok(commands.iter().map(|_| everything.clone()).collect()) })
    }
}

/// A reply with these digests as records, in this order, and a last message.
fn reply(digests: &[[u8; 20]]) -> Vec<u8> {
    let mut out = Vec::new();
    let at = frame::begin(&mut out, FrameType::Message);
    for digest in digests {
        let header = MessageHeader {
            generation: 1,
            n_fields: 2,
            ..MessageHeader::default()
        };
        header.encode(&mut out);
        aerospike_wire::field::put(&mut out, code::NAMESPACE, NAMESPACE.as_bytes());
        aerospike_wire::field::put(&mut out, code::DIGEST, digest);
    }
    MessageHeader {
        info3: flags::LAST,
        ..MessageHeader::default()
    }
    .encode(&mut out);
    frame::finish(&mut out, at);
    out
}

/// Scans partition 0 from a peer that answers with these digests.
async fn scan_impostor(digests: &[[u8; 20]]) -> (Result<u64, String>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = Node {
        name: NodeName::new("BAD"),
        host: listener.local_addr().unwrap().into(),
    };
    let answer = reply(digests);
    let peer = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(&answer).await.unwrap();
    });
    let mut cursors = [PartitionCursor::start(PartitionId::new(0).unwrap())];
    let (mut sink, cancel) = (Digests::default(), CancellationToken::new());
    let view = Impostor(node);
    let result = scan(&view, &options(), &mut cursors, &mut sink, &cancel).await;
    peer.await.unwrap();
    let records = result
        .map(|stats| stats.records)
        .map_err(|error| error.to_string());
    (records, sink.0.len())
}

fn in_partition_0(last: u8) -> [u8; 20] {
    let mut digest = [0; 20];
    digest[19] = last;
    digest
}

#[tokio::test]
async fn records_that_break_the_order_end_the_scan() {
    let [low, high] = [in_partition_0(1), in_partition_0(2)];
    assert_eq!(scan_impostor(&[high, low]).await, (Ok(2), 2));
    for wrong in [[low, high], [high, high]] {
        let (result, delivered) = scan_impostor(&wrong).await;
        assert!(result.unwrap_err().contains("malformed reply"));
        assert_eq!(
            delivered, 1,
            "the second would be a repetition, or hide one"
        );
    }
}

#[tokio::test]
async fn records_of_partitions_that_were_not_asked_for_end_the_scan() {
    let mut foreign = in_partition_0(9);
    foreign[0] = 1;
    let (result, delivered) = scan_impostor(&[foreign]).await;
    assert!(result.unwrap_err().contains("malformed reply"));
    assert_eq!(delivered, 0);
}

async fn scan_with(cluster: &asnode::Cluster, options: &ScanOptions) -> Vec<[u8; 20]> {
    let view = view(cluster).await;
    let (mut cursors, mut sink, cancel) = (all(), Digests::default(), CancellationToken::new());
    scan(&*view, options, &mut cursors, &mut sink, &cancel)
        .await
        .unwrap();
    sink.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_exact_over_all_nodes() {
    let cluster = cluster(3);
    fill(&cluster, 500);
    for (limit, expected) in [
        (0, 0),
        (1, 1),
        (170, 170),
        (499, 499),
        (500, 500),
        (9000, 500),
    ] {
        for bins in [vec![], vec![b"n".to_vec()]] {
            let limit = Arc::new(RecordLimit::new(limit));
            let options = ScanOptions {
                limit: Some(Arc::clone(&limit)),
                bins,
                ..options()
            };
            let found = scan_with(&cluster, &options).await;
            assert_eq!(found.len(), expected);
            assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_that_share_a_limit_all_end_when_one_of_them_reaches_it() {
    let cluster = cluster(1);
    fill(&cluster, 300);
    // This scan never gets an answer.
    let silent = Rule::new(On::Scan, Reaction::Silence);
    let rule = cluster.faults().add(silent.times(1));
    let limit = Arc::new(RecordLimit::new(200));
    let options = ScanOptions {
        limit: Some(Arc::clone(&limit)),
        ..options()
    };
    let view = view(&cluster).await;
    let waiting = {
        let (view, options) = (Arc::clone(&view), options.clone());
        tokio::spawn(async move {
            let (mut cursors, mut sink) = (all(), Digests::default());
            let cancel = CancellationToken::new();
            scan(&*view, &options, &mut cursors, &mut sink, &cancel)
                .await
                .unwrap()
                .records
        })
    };
    while cluster.faults().fired(rule) == 0 {
        tokio::task::yield_now().await;
    }
    let found = scan_with(&cluster, &options).await;
    assert_eq!(found.len(), 200);
    let ended = tokio::time::timeout(Duration::from_secs(60), waiting);
    assert_eq!(ended.await.expect("the scan hangs").unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_not_wanted_does_not_count() {
    /// Wants every other record.
    #[derive(Default)]
    struct Picky(Digests);
    impl RecordSink for Picky {
        type Error = Infallible;
        fn wants(&self, record: &ScanRecord<'_>) -> bool {
            record.digest.0[19].is_multiple_of(2)
        }
        fn record(&mut self, record: &ScanRecord<'_>) -> Result<(), Infallible> {
            self.0.record(record)
        }
        async fn ready(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }
    let cluster = cluster(2);
    fill(&cluster, 400);
    let mut wanted = 0;
    cluster.for_each(NAMESPACE, |record| {
        wanted += u64::from(record.digest.0[19].is_multiple_of(2))
    });
    let view = view(&cluster).await;
    for limit in [wanted - 5, wanted + 5] {
        let options = ScanOptions {
            limit: Some(Arc::new(RecordLimit::new(limit))),
            ..options()
        };
        let (mut cursors, mut sink) = (all(), Picky::default());
        let cancel = CancellationToken::new();
        scan(&*view, &options, &mut cursors, &mut sink, &cancel)
            .await
            .unwrap();
        assert_eq!(sink.0.0.len() as u64, limit.min(wanted));
        let is_all = cursors.iter().all(PartitionCursor::is_done);
        assert_eq!(is_all, limit > wanted);
    }
}
