//! Every reaction of a rule, shown to happen.

use crate::client::{
    Client, Msg, Request, all_partitions, batch, cluster, messages, scan_request, scanned,
};
use aerospike_wire::{
    message::flags,
    stream::{MessageStream, Step},
};
use asnode::{
    Cluster, NamespaceConfig, NodeLoss, RawRecord,
    faults::{Garbage, On, Reaction, Rows, Rule},
};
use std::{
    io::Read,
    net::TcpStream,
    time::{Duration, Instant},
};

fn three() -> Cluster {
    Cluster::builder()
        .nodes(3)
        .namespace(NamespaceConfig::new("test"))
        .start()
        .unwrap()
}

fn fill(cluster: &Cluster, n: i64) {
    for i in 0..n {
        let record = RawRecord::for_key("demo", 1, &i.to_be_bytes()).bin(b"n", 1, &i.to_be_bytes());
        cluster.put("test", &record);
    }
}

fn put(key: &str) -> Request {
    Request::put("demo", key).int("n", 1)
}

fn rows(n: u32) -> Vec<Vec<u8>> {
    (0..n).map(|i| put(&format!("k{i}")).row(i)).collect()
}

fn row_results(reply: &[Msg]) -> Vec<u8> {
    let mut rows: Vec<_> = reply.iter().filter(|msg| !msg.is_last()).collect();
    rows.sort_by_key(|row| row.header.transaction_ttl);
    rows.into_iter().map(Msg::result).collect()
}

/// Everything the node sends until it closes the connection.
fn read_to_end(client: &mut Client) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let _end = client.stream.read_to_end(&mut bytes);
    bytes
}

/// Whole messages at the start of a stream that may be cut anywhere.
fn whole_messages(bytes: &[u8]) -> usize {
    let (mut stream, mut rest, mut count) = (MessageStream::new(), bytes, 0);
    while let Step::Message { consumed, .. } = stream.next(rest).unwrap() {
        rest = &rest[consumed..];
        count += 1;
    }
    count
}

#[test]
fn a_node_dies_in_the_middle_of_a_scan() {
    let cluster = three();
    fill(&cluster, 3000);
    let kill = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::Takeover));
    let id = cluster
        .faults()
        .add(kill.node(1).after_total_records(200).times(1));
    let addresses = cluster.addresses();
    let mine: Vec<u16> = (0..4096).filter(|p| p % 3 == 1).collect();
    let mut client = Client::to(addresses[1]);
    client.send(&scan_request(&mine, |_| {}));
    assert_eq!(whole_messages(&read_to_end(&mut client)), 200);
    assert_eq!(cluster.faults().fired(id), 1);
    assert!(
        TcpStream::connect(addresses[1]).is_err(),
        "its port is closed"
    );
    assert_eq!(cluster.seeds().len(), 2);
    let mut other = Client::to(addresses[0]);
    assert_eq!(other.info("peers-generation"), "4");
    assert!(!other.info("peers-clear-std").contains("A2"));
    assert_eq!(other.info("partition-generation"), "1");
    let found: usize = [0, 2]
        .into_iter()
        .map(|node| {
            let mine: Vec<u16> = (0..4096)
                .filter(|p| cluster.owners("test", *p) == [node])
                .collect();
            scanned(&Client::to(addresses[node]).collect(&scan_request(&mine, |_| {}))).len()
        })
        .sum();
    assert_eq!(found, 3000, "the others have all of it");
}

#[test]
fn a_node_dies_and_takes_its_data_along() {
    let cluster = three();
    cluster.kill_node(1, NodeLoss::DataUnavailable);
    assert!(cluster.owners("test", 1).is_empty());
    let mut client = Client::connect(&cluster);
    let reply = client.collect(&scan_request(&[0, 1, 2], |_| {}));
    let parts: Vec<_> = reply
        .iter()
        .filter(|m| !m.is_last())
        .map(|m| m.header.generation)
        .collect();
    assert_eq!(parts, [1, 2]);
    let lost = (0..).map(|i| put(&format!("k{i}")));
    let lost = lost
        .into_iter()
        .find(|p| p.digest().partition().get() % 3 == 1)
        .unwrap();
    assert_eq!(client.call(&lost.bytes()).result(), 11);
    assert_eq!(
        row_results(&client.collect(&batch(5, &[lost.row(0)]))),
        [11]
    );
    cluster.set_owners("test", lost.digest().partition().get(), &[2]);
    assert_eq!(client.call(&lost.bytes()).result(), 0);
}

#[test]
fn scan_connections_drop_in_the_middle_of_a_frame() {
    let cluster = cluster();
    fill(&cluster, 500);
    let drop = Rule::new(On::Scan, Reaction::Drop)
        .after_bytes(5001)
        .times(2);
    let id = cluster.faults().add(drop);
    for _ in 0..2 {
        let mut client = Client::connect(&cluster);
        client.send(&scan_request(&all_partitions(), |_| {}));
        assert_eq!(read_to_end(&mut client).len(), 5001);
    }
    let reply = Client::connect(&cluster).collect(&scan_request(&all_partitions(), |_| {}));
    assert_eq!(scanned(&reply).len(), 500);
    assert_eq!(cluster.faults().fired(id), 2);
}

#[test]
fn scan_connections_drop_after_records() {
    let cluster = cluster();
    fill(&cluster, 100);
    cluster.faults().add(
        Rule::new(On::Scan, Reaction::Drop)
            .after_records(7)
            .skip(1)
            .times(1),
    );
    let mut client = Client::connect(&cluster);
    assert_eq!(
        scanned(&client.collect(&scan_request(&all_partitions(), |_| {}))).len(),
        100
    );
    client.send(&scan_request(&all_partitions(), |_| {}));
    assert_eq!(whole_messages(&read_to_end(&mut client)), 7);
}

#[test]
fn a_partition_is_unavailable_for_some_requests() {
    let cluster = cluster();
    let record = RawRecord::for_key("demo", 3, b"k").bin(b"n", 1, &[0; 8]);
    cluster.put("test", &record);
    let pid = record.digest.partition().get();
    let rule = Rule::new(On::Scan, Reaction::PartitionUnavailable)
        .partition(pid)
        .times(3);
    cluster.faults().add(rule);
    let mut client = Client::connect(&cluster);
    for round in 0..5 {
        let reply = client.collect(&scan_request(&[pid, pid ^ 1], |_| {}));
        let expected = if round < 3 {
            (flags::PARTITION_DONE, 11, u32::from(pid))
        } else {
            (0, 0, 1)
        };
        let first = &reply[0];
        assert_eq!(
            (first.header.info3, first.result(), first.header.generation),
            expected
        );
        assert_eq!(reply.len(), 2);
    }
}

#[test]
fn a_partition_moves_during_a_scan() {
    let cluster = three();
    fill(&cluster, 3000);
    let moved = Reaction::MovePartition {
        partition: 3000,
        to: 1,
    };
    cluster.faults().add(
        Rule::new(On::Scan, moved)
            .node(0)
            .after_records(10)
            .times(1),
    );
    let mine: Vec<u16> = (0..4096).filter(|p| p % 3 == 0).collect();
    let mut client = Client::connect(&cluster);
    let reply = client.collect(&scan_request(&mine, |_| {}));
    let status: Vec<_> = reply
        .iter()
        .filter(|m| m.header.info3 == flags::PARTITION_DONE)
        .collect();
    assert_eq!(status.len(), 1);
    assert_eq!(
        (status[0].header.generation, status[0].result()),
        (3000, 11)
    );
    assert_eq!(reply.last().unwrap().result(), 0);
    assert_eq!(cluster.owners("test", 3000), [1]);
    assert_eq!(client.info("partition-generation"), "1");
    let rest = Client::to(cluster.addresses()[1]).collect(&scan_request(&[3000], |_| {}));
    let expected = cluster
        .records("test")
        .iter()
        .filter(|r| r.digest.partition().get() == 3000)
        .count();
    assert_eq!(scanned(&rest).len(), expected);
}

#[test]
fn commands_are_delayed() {
    let cluster = cluster();
    let time = Duration::from_millis(80);
    cluster
        .faults()
        .add(Rule::new(On::Read, Reaction::Delay(time)).times(1));
    let mut client = Client::connect(&cluster);
    let started = Instant::now();
    assert_eq!(client.call(&put("k").bytes()).result(), 0);
    assert_eq!(client.call(&Request::get("demo", "k").bytes()).result(), 0);
    assert!(started.elapsed() >= time);
}

#[test]
fn connections_are_refused() {
    let cluster = cluster();
    let id = cluster
        .faults()
        .add(Rule::new(On::Connect, Reaction::Drop).times(2));
    assert!(Client::connect(&cluster).is_closed());
    assert!(Client::connect(&cluster).is_closed());
    assert_eq!(Client::connect(&cluster).info("status"), "ok");
    assert_eq!(cluster.faults().fired(id), 2);
}

#[test]
fn a_node_never_answers() {
    let cluster = cluster();
    let id = cluster.faults().add(Rule::new(On::Info, Reaction::Silence));
    let mut client = Client::connect(&cluster);
    client.send(&crate::client::framed(1, b"build\n"));
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert!(
        client
            .stream
            .read(&mut [0])
            .is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
    );
    cluster.faults().remove(id);
    assert_eq!(Client::connect(&cluster).info("status"), "ok");
    drop(cluster); // ends although a connection is held
    client.stream.set_read_timeout(None).unwrap();
    assert!(client.is_closed());
}

#[test]
fn garbage_is_answered() {
    let cluster = cluster();
    for garbage in [
        Garbage::HugeLength,
        Garbage::WrongVersion,
        Garbage::CutMessage,
        Garbage::FieldPastEnd,
        Garbage::ZeroOp,
    ] {
        cluster.faults().clear();
        cluster
            .faults()
            .add(Rule::new(On::Request, Reaction::Garbage(garbage)));
        let mut client = Client::connect(&cluster);
        client.send(&scan_request(&[1], |_| {}));
        let bytes = read_to_end(&mut client);
        assert!(bytes.len() > 8, "{garbage:?}");
        let found = MessageStream::new().next(&bytes);
        assert!(found.is_err(), "{garbage:?}: {found:?}");
    }
}

#[test]
fn garbage_in_the_middle_of_a_scan() {
    let cluster = cluster();
    fill(&cluster, 50);
    let rule = Rule::new(On::Scan, Reaction::Garbage(Garbage::HugeLength)).after_records(20);
    cluster.faults().add(rule);
    let mut client = Client::connect(&cluster);
    client.send(&scan_request(&all_partitions(), |_| {}));
    let bytes = read_to_end(&mut client);
    let (mut stream, mut rest, mut count) = (MessageStream::new(), &bytes[..], 0);
    while let Ok(Step::Message { consumed, .. }) = stream.next(rest) {
        rest = &rest[consumed..];
        count += 1;
    }
    assert_eq!(count, 20);
    assert_eq!(rest[..8], [2, 3, 0x80, 0, 0, 0, 0, 0]);
}

#[test]
fn results_are_forced_on_rows_and_batches() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let one = cluster
        .faults()
        .add(Rule::new(On::BatchRow, Reaction::Result(18)).rows(Rows::At(2)));
    assert_eq!(
        row_results(&client.collect(&batch(5, &rows(4)))),
        [0, 0, 18, 0]
    );
    assert_eq!(cluster.count("test"), 3, "a refused row is not applied");
    cluster.faults().remove(one);

    cluster
        .faults()
        .add(Rule::new(On::BatchRow, Reaction::Result(14)).rows(Rows::Percent(30)));
    let found = row_results(&client.collect(&batch(5, &rows(1000))));
    let hit = found.iter().filter(|result| **result == 14).count();
    assert!((220..380).contains(&hit), "{hit} of 1000");
    assert_eq!(
        row_results(&client.collect(&batch(5, &rows(1000)))),
        found,
        "the same ones again"
    );
    cluster.faults().clear();

    cluster
        .faults()
        .add(Rule::new(On::Batch, Reaction::Result(152)).times(1));
    let reply = client.collect(&batch(5, &rows(3)));
    assert!(reply.len() == 1 && reply[0].is_last() && reply[0].result() == 152);
    assert_eq!(row_results(&client.collect(&batch(5, &rows(3)))), [0, 0, 0]);
}

#[test]
fn results_are_forced_on_single_commands_and_scans() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::Result(9)).skip(1).times(1));
    let results: Vec<_> = (0..3)
        .map(|_| client.call(&put("k").bytes()).result())
        .collect();
    assert_eq!(results, [0, 9, 0]);
    cluster
        .faults()
        .add(Rule::new(On::Scan, Reaction::Result(22)).times(1));
    let refused = client.collect(&scan_request(&[1], |_| {}));
    assert!(!refused[0].is_last() && refused[0].result() == 22);
    fill(&cluster, 50);
    cluster
        .faults()
        .add(Rule::new(On::Scan, Reaction::Result(15)).after_records(5));
    let cut = client.collect(&scan_request(&all_partitions(), |_| {}));
    assert_eq!(
        (cut.len(), cut[5].is_last(), cut[5].result()),
        (6, true, 15)
    );
}

#[test]
fn writes_are_applied_and_their_answers_lost() {
    let cluster = cluster();
    cluster
        .faults()
        .add(Rule::new(On::Batch, Reaction::ApplyThenDrop).times(1));
    cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::ApplyThenDrop).times(1));
    for request in [batch(5, &rows(3)), put("single").bytes()] {
        let mut client = Client::connect(&cluster);
        client.send(&request);
        assert!(read_to_end(&mut client).is_empty());
    }
    assert_eq!(cluster.count("test"), 4);
}

#[test]
fn rules_keep_to_their_node_and_partition() {
    let cluster = three();
    let [first, second] = [0, 1].map(|node| cluster.addresses()[node]);
    let digest = put("k").digest();
    let pid = digest.partition().get();
    cluster.faults().add(
        Rule::new(On::Write, Reaction::Result(11))
            .node(1)
            .partition(pid),
    );
    assert_eq!(Client::to(first).call(&put("k").bytes()).result(), 0);
    assert_eq!(Client::to(second).call(&put("k").bytes()).result(), 11);
    let other = (0..).map(|i| put(&format!("k{i}")));
    let other = other
        .into_iter()
        .find(|p| p.digest().partition().get() != pid)
        .unwrap();
    assert_eq!(Client::to(second).call(&other.bytes()).result(), 0);
}

#[test]
fn silence_in_the_middle_of_a_scan_ends_with_the_cluster() {
    let cluster = cluster();
    fill(&cluster, 50);
    cluster
        .faults()
        .add(Rule::new(On::Scan, Reaction::Silence).after_records(5));
    let mut client = Client::connect(&cluster);
    client.send(&scan_request(&all_partitions(), |_| {}));
    assert_eq!(messages(&client.frame().unwrap()).len(), 5);
    drop(cluster);
    assert!(client.is_closed());
}
