//! Every reaction of a rule, shown to happen.

use crate::client::{
    Client, Msg, Request, all_partitions, batch, cluster, framed, messages, scan_request, scanned,
};
use aerospike_wire::{
    info,
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

/// Whether nothing comes, and the connection stays open.
fn is_silent(client: &mut Client) -> bool {
    let patience = Some(Duration::from_millis(50));
    client.stream.set_read_timeout(patience).unwrap();
    let end = client.stream.read(&mut [0]);
    end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
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
    client.send(&framed(1, b"build\n"));
    assert!(is_silent(&mut client));
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

/// Every kind of request, with the answer it usually gets as whole frames.
fn requests(cluster: &Cluster) -> Vec<(On, Vec<u8>, Vec<u8>)> {
    let mut info = Vec::new();
    info::request(&mut info, &["build", "status"]);
    let kinds = [
        (On::Info, info),
        (On::Write, put("k").bytes()),
        (On::Read, Request::get("demo", "k").bytes()),
        (On::Batch, batch(5, &rows(30))),
        (
            On::Scan,
            scan_request(&all_partitions(), |scan| scan.set = Some(b"demo")),
        ),
    ];
    kinds
        .into_iter()
        .map(|(on, request)| {
            let mut client = Client::connect(cluster);
            let reply = match on {
                On::Batch | On::Scan => client.frames(&request).concat(),
                _ => {
                    client.send(&request);
                    client.frame().unwrap()
                }
            };
            (on, request, reply)
        })
        .collect()
}

/// The first half of the next frame, then silence, for every kind of request.
#[test]
fn frames_are_cut_in_half() {
    let cluster = Cluster::builder().scan_frame_bytes(500).start().unwrap();
    fill(&cluster, 30);
    cluster.clock().set_ms(500_000_000_000);
    for (on, request, reply) in requests(&cluster) {
        let id = cluster
            .faults()
            .add(Rule::new(on, Reaction::HalfFrame).times(1));
        let mut client = Client::connect(&cluster);
        client.send(&request);
        let [_, _, _, _, b4, b5, b6, b7] = *reply.first_chunk().unwrap();
        let len = 8 + usize::try_from(u32::from_be_bytes([b4, b5, b6, b7])).unwrap();
        let mut half = vec![0; len / 2];
        client.stream.read_exact(&mut half).unwrap();
        assert_eq!(half[..8], reply[..8], "{on:?}");
        assert!(half.len() > 8 && is_silent(&mut client), "{on:?}");
        client.send(&framed(1, b"build\n"));
        assert!(
            is_silent(&mut client),
            "{on:?}: nothing is answered any more"
        );
        assert_eq!(cluster.faults().fired(id), 1);
        assert_eq!(Client::connect(&cluster).info("status"), "ok");
    }
    assert_eq!(cluster.counters().batches, 2, "requests are carried out");
}

#[test]
fn half_frames_in_the_middle_of_a_scan() {
    let cluster = Cluster::builder().scan_frame_bytes(1000).start().unwrap();
    fill(&cluster, 100);
    cluster
        .faults()
        .add(Rule::new(On::Scan, Reaction::HalfFrame).after_records(20));
    let mut client = Client::connect(&cluster);
    client.send(&scan_request(&all_partitions(), |_| {}));
    let mut records = 0;
    while records < 20 {
        records += messages(&client.frame().unwrap()).len();
    }
    assert_eq!(records, 20);
    let mut header = [0; 8];
    client.stream.read_exact(&mut header).unwrap();
    assert_eq!(header[1], 3);
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut rest = Vec::new();
    assert!(client.stream.read_to_end(&mut rest).is_err(), "no end");
    let announced = u64::from_be_bytes(header) & 0xffff_ffff;
    assert!(rest.len() as u64 * 2 < announced);
}

#[test]
fn replies_trickle() {
    let cluster = cluster();
    fill(&cluster, 30);
    cluster.clock().set_ms(500_000_000_000);
    for (on, request, reply) in requests(&cluster) {
        let bytes_per_second = u32::try_from(reply.len()).unwrap() * 8;
        let slow = Rule::new(on, Reaction::Trickle { bytes_per_second });
        cluster.faults().add(slow.times(1));
        let mut client = Client::connect(&cluster);
        let started = Instant::now();
        client.send(&request);
        let mut pieces = 0;
        let mut found = Vec::new();
        while found.len() < reply.len() {
            let mut piece = [0; 1 << 16];
            let len = client.stream.read(&mut piece).unwrap();
            found.extend_from_slice(&piece[..len]);
            pieces += 1;
        }
        let elapsed = started.elapsed();
        assert_eq!(found.len(), reply.len(), "{on:?}");
        assert!(pieces >= 2, "{on:?} in {pieces} pieces");
        assert!(
            elapsed >= Duration::from_millis(90),
            "{on:?} took {elapsed:?}"
        );
    }
}

#[test]
fn one_reply_trickles_and_the_next_does_not() {
    let cluster = cluster();
    let bytes_per_second = 200;
    let slow = Rule::new(On::Info, Reaction::Trickle { bytes_per_second }).times(1);
    cluster.faults().add(slow);
    let mut client = Client::connect(&cluster);
    let started = Instant::now();
    for _ in 0..100 {
        assert_eq!(client.info("status"), "ok"); // 18 bytes
    }
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(80) && elapsed < Duration::from_secs(5));
}

#[test]
fn a_whole_connection_trickles() {
    let cluster = cluster();
    let bytes_per_second = 200;
    let slow = Rule::new(On::Connect, Reaction::Trickle { bytes_per_second }).times(1);
    cluster.faults().add(slow);
    let mut client = Client::connect(&cluster);
    for _ in 0..2 {
        let started = Instant::now();
        assert_eq!(client.info("status"), "ok"); // 18 bytes
        assert!(started.elapsed() >= Duration::from_millis(80));
    }
}

#[test]
fn clocks_jump() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    client.call(&put("k").with(|h| h.record_ttl = 100).bytes());
    let get = Request::get("demo", "k").bytes();
    cluster
        .faults()
        .add(Rule::new(On::Read, Reaction::JumpClock { by_ms: 200_000 }).nth(2));
    let results: Vec<_> = (0..3).map(|_| client.call(&get).result()).collect();
    assert_eq!(results, [0, 2, 2], "it expires between two reads");
    cluster
        .faults()
        .add(Rule::new(On::Read, Reaction::JumpClock { by_ms: -200_000 }).times(1));
    assert_eq!(client.call(&get).result(), 0, "and comes back");
}

#[test]
fn messages_have_a_field_that_nobody_knows() {
    let cluster = Cluster::builder().scan_frame_bytes(500).start().unwrap();
    fill(&cluster, 30);
    cluster.clock().set_ms(500_000_000_000);
    for (on, request, reply) in requests(&cluster) {
        cluster.faults().clear();
        cluster.faults().add(Rule::new(on, Reaction::UnknownField));
        let mut client = Client::connect(&cluster);
        client.send(&request);
        if on == On::Info {
            assert_eq!(client.frame().unwrap(), reply);
            continue;
        }
        let mut found = Vec::new();
        while found.len() < messages(&reply).len() {
            found.append(&mut messages(&client.frame().unwrap()));
        }
        let by_kind =
            |a: &Msg, b: &Msg| (a.is_last(), a.ops.len()).cmp(&(b.is_last(), b.ops.len()));
        assert!(found.is_sorted_by(|a, b| by_kind(a, b).is_le()));
        for (message, usual) in found.iter_mut().zip(messages(&reply)) {
            assert_eq!(
                message.fields.remove(0),
                (45, b"novelty".to_vec()),
                "{on:?}"
            );
            assert_eq!(
                (&message.fields, &message.ops),
                (&usual.fields, &usual.ops),
                "{on:?}"
            );
            assert_eq!(message.result(), usual.result(), "{on:?}");
        }
    }
}

#[test]
fn info_values_are_forged_and_grow() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let build = client.info("build");
    let forged = Reaction::InfoValue("ERROR:4:no such thing");
    let id = cluster
        .faults()
        .add(Rule::new(On::Info, forged).command("sindex-create"));
    let create = "sindex-create:namespace=test;indexname=i;bin=b;type=numeric";
    assert_eq!(client.info(create), "ERROR:4:no such thing");
    assert!(cluster.indexes().is_empty(), "it is not carried out");
    assert_eq!(client.info("build"), build);
    assert_eq!(cluster.faults().fired(id), 1);
    cluster.faults().clear();
    assert_eq!(client.info(create), "ok");

    let tail = Rule::new(On::Info, Reaction::InfoTail(";colour=blue"));
    cluster.faults().add(tail.command("statistics"));
    assert!(client.info("statistics").ends_with(";colour=blue"));
    assert_eq!(client.info("build"), build);
    cluster.faults().add(Rule::unstable_cluster());
    let answer = client.info("cluster-stable:size=1;ignore-migrations=true");
    assert_eq!(answer, "ERROR:7:unstable cluster");
}

#[test]
fn rules_keep_to_an_info_command() {
    let cluster = cluster();
    let rule = Rule::new(On::Info, Reaction::Drop).command("replicas");
    let id = cluster.faults().add(rule);
    let mut client = Client::connect(&cluster);
    assert_eq!(client.info("status"), "ok");
    assert_eq!(client.info("partition-generation"), "0");
    let mut request = Vec::new();
    info::request(&mut request, &["status", "replicas:max=1"]);
    client.send(&request);
    assert!(client.is_closed());
    let mut client = Client::connect(&cluster);
    assert_eq!(client.call(&put("k").bytes()).result(), 0);
    assert_eq!(cluster.faults().fired(id), 1);
}

#[test]
fn the_nth_connection_is_refused() {
    let cluster = cluster();
    cluster
        .faults()
        .add(Rule::new(On::Connect, Reaction::Drop).nth(3));
    let mut answered = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(&cluster);
        // A connection that is refused may take the request or not.
        let _sent = std::io::Write::write_all(&mut client.stream, &framed(1, b"status\n"));
        answered.push(client.frame().is_ok());
    }
    assert_eq!(answered, [true, true, false, true]);
}

#[test]
fn rules_wait_for_their_time() {
    let cluster = cluster();
    let rule = Rule::new(On::Write, Reaction::Result(9)).times(1);
    let never = cluster
        .faults()
        .add(rule.after_time(Duration::from_secs(3600)));
    let mut client = Client::connect(&cluster);
    assert_eq!(client.call(&put("k").bytes()).result(), 0);
    assert_eq!(cluster.faults().fired(never), 0);
    cluster.faults().add(rule.after_time(Duration::ZERO));
    assert_eq!(client.call(&put("k").bytes()).result(), 9);
}

#[test]
fn reactions_are_combined() {
    let cluster = cluster();
    let time = Duration::from_millis(50);
    cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::Delay(time)));
    cluster
        .faults()
        .add(Rule::new(On::Request, Reaction::UnknownField));
    cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::Result(9)));
    let never = cluster.faults().add(Rule::new(On::Write, Reaction::Drop));
    let started = Instant::now();
    let reply = Client::connect(&cluster).call(&put("k").bytes());
    assert_eq!((reply.result(), reply.fields[0].0), (9, 45));
    assert!(started.elapsed() >= time);
    assert_eq!(
        cluster.faults().fired(never),
        0,
        "the first that ends the request decides"
    );
}

/// A node that leaves answers what it was asked; one that dies does not.
#[test]
fn a_node_leaves_in_good_order() {
    let cluster = three();
    fill(&cluster, 3000);
    let [first, second] = [0, 1].map(|node| cluster.addresses()[node]);
    let mut idle = Client::to(second);
    assert_eq!(idle.info("status"), "ok");
    let retire = Rule::new(On::Scan, Reaction::RetireNode).node(1);
    let id = cluster.faults().add(retire.after_records(200).times(1));
    let mine: Vec<u16> = (0..4096).filter(|p| p % 3 == 1).collect();
    let mut client = Client::to(second);
    let reply = client.collect(&scan_request(&mine, |_| {}));
    assert_eq!(cluster.faults().fired(id), 1);
    let last = reply.last().unwrap();
    assert!(
        last.is_last() && last.result() == 0,
        "the scan comes to its end"
    );
    let denied = reply.iter().filter(|m| m.result() == 11).count();
    let sent = reply.len() - 1 - denied;
    assert!((200..300).contains(&sent), "{sent} records");
    assert!(denied > 1000, "the rest has been handed over: {denied}");
    assert!(client.is_closed() && idle.is_closed());
    assert!(TcpStream::connect(second).is_err(), "its port is closed");
    let mut other = Client::to(first);
    assert!(!other.info("peers-clear-std").contains("A2"));
    assert_eq!(other.info("peers-generation"), "4");
    assert_eq!(other.info("partition-generation"), "1");
    assert!(mine.iter().all(|p| cluster.owners("test", *p) != [1]));
    assert!(!cluster.retire_node(1), "it has left");
    cluster.restart_node(1).unwrap();
    assert_eq!(Client::to(second).info("status"), "ok");
}

#[test]
fn requests_under_way_survive_a_node_that_leaves() {
    let cluster = three();
    let time = Duration::from_millis(100);
    let id = cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::Delay(time)).node(1));
    let mut client = Client::to(cluster.addresses()[1]);
    client.send(&put("k").bytes());
    while cluster.faults().fired(id) == 0 {
        std::thread::yield_now();
    }
    assert!(cluster.retire_node(1));
    assert_eq!(messages(&client.frame().unwrap())[0].result(), 0);
    assert!(client.is_closed());
    assert_eq!(cluster.count("test"), 1);
}
