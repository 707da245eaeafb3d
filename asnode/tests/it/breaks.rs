//! Connections that break, and records and nodes that are singled out: what `faults.rs` leaves.

use crate::client::{
    Client, Msg, Request, all_partitions, batch, cluster, framed, scan_request, scanned,
};
use aerospike_wire::message::flags;
use asnode::{
    Cluster, NodeLoss, RawRecord,
    faults::{On, Reaction, Rows, Rule},
};
use std::{
    io::{ErrorKind, Read},
    net::TcpStream,
};

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

/// What comes until the connection ends, and how it ends.
fn read_to_end(client: &mut Client) -> (usize, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = client.stream.read_to_end(&mut bytes);
    (bytes.len(), end.err().map(|error| error.kind()))
}

#[test]
fn connections_are_reset() {
    let cluster = cluster();
    let rule = Rule::new(On::Request, Reaction::Reset);
    let id = cluster.faults().add(rule);
    for request in [
        framed(1, b"build\n"),
        put("k").bytes(),
        batch(5, &rows(3)),
        scan_request(&[1], |_| {}),
    ] {
        let mut client = Client::connect(&cluster);
        client.send(&request);
        assert_eq!(
            read_to_end(&mut client),
            (0, Some(ErrorKind::ConnectionReset))
        );
    }
    assert_eq!(cluster.faults().fired(id), 4);
    assert_eq!(cluster.count("test"), 0);
    cluster.faults().clear();
    let row = Rule::new(On::BatchRow, Reaction::Reset).rows(Rows::At(2));
    cluster.faults().add(row);
    let mut client = Client::connect(&cluster);
    client.send(&batch(5, &rows(4)));
    assert_eq!(
        read_to_end(&mut client),
        (0, Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(cluster.count("test"), 2, "the rows before it are written");
}

#[test]
fn scans_are_reset_in_the_middle_of_a_frame() {
    let cluster = cluster();
    fill(&cluster, 1000);
    let rule = Rule::new(On::Scan, Reaction::Reset).after_bytes(10_000);
    cluster.faults().add(rule);
    let mut client = Client::connect(&cluster);
    client.send(&scan_request(&all_partitions(), |_| {}));
    let (_, end) = read_to_end(&mut client);
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
}

#[test]
fn replies_of_every_kind_are_cut_after_bytes() {
    let cluster = cluster();
    fill(&cluster, 100);
    let requests = [
        (On::Info, framed(1, b"build\nnode\n")),
        (On::Write, put("k").bytes()),
        (On::Read, Request::get("demo", "k").bytes()),
        (On::Batch, batch(5, &rows(3))),
        (On::Scan, scan_request(&all_partitions(), |_| {})),
    ];
    for (on, request) in requests {
        for after_bytes in [0, 1, 8, 21] {
            cluster.faults().clear();
            let cut = Reaction::CutReply { after_bytes };
            cluster.faults().add(Rule::new(on, cut));
            let mut client = Client::connect(&cluster);
            client.send(&request);
            let expected = usize::try_from(after_bytes).unwrap();
            assert_eq!(read_to_end(&mut client), (expected, None), "{on:?}");
        }
    }
    // A reply that is short enough is not touched.
    cluster.faults().clear();
    let cut = Reaction::CutReply { after_bytes: 30 };
    cluster.faults().add(Rule::new(On::Write, cut));
    let mut client = Client::connect(&cluster);
    assert_eq!(client.call(&put("k").bytes()).result(), 0);
    assert_eq!(client.call(&put("k").bytes()).result(), 0);
}

#[test]
fn a_closed_port_refuses_and_open_connections_go_on() {
    let cluster = Cluster::builder().nodes(2).start().unwrap();
    let address = cluster.addresses()[1];
    let mut client = Client::to(address);
    assert_eq!(client.info("node"), "A2");
    cluster.close_port(1);
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(client.info("node"), "A2");
    assert_eq!(client.call(&put("k").bytes()).result(), 0);
    assert_eq!(client.info("peers-generation"), "2", "it is still a member");
    cluster.open_port(1).unwrap();
    assert_eq!(Client::to(address).info("node"), "A2");
    assert_eq!(client.info("node"), "A2");
    cluster.kill_node(1, NodeLoss::Takeover);
    assert_eq!(
        cluster.open_port(1).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn the_kth_write_and_the_kth_row_fail() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let faults = cluster.faults();
    faults.add(Rule::new(On::Write, Reaction::Result(8)).nth(3));
    let writes = (0..5).map(|i| put(&format!("w{i}")).bytes());
    let results: Vec<_> = writes.map(|put| client.call(&put).result()).collect();
    assert_eq!(results, [0, 0, 8, 0, 0]);
    faults.clear();
    // Counted over batches.
    faults.add(Rule::new(On::BatchRow, Reaction::Result(83)).nth(6));
    let refused = |reply: &[Msg]| -> Vec<u32> {
        let refused = reply.iter().filter(|row| row.result() == 83);
        refused.map(|row| row.header.transaction_ttl).collect()
    };
    assert!(refused(&client.collect(&batch(5, &rows(4)))).is_empty());
    assert_eq!(refused(&client.collect(&batch(5, &rows(4)))), [1]);
    assert!(refused(&client.collect(&batch(5, &rows(4)))).is_empty());
}

#[test]
fn one_record_is_refused_wherever_it_comes() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let digest = put("k2").digest();
    for on in [On::Write, On::Read, On::BatchRow] {
        let rule = Rule::new(on, Reaction::Result(14)).rows(Rows::Of(digest));
        cluster.faults().add(rule);
    }
    for (key, expected) in [("k1", 0), ("k2", 14), ("k3", 0)] {
        assert_eq!(client.call(&put(key).bytes()).result(), expected);
        let get = Request::get("demo", key).bytes();
        assert_eq!(client.call(&get).result(), expected);
    }
    let reply = client.collect(&batch(5, &rows(4)));
    let results: Vec<_> = reply.iter().map(Msg::result).collect();
    assert_eq!(results, [0, 0, 14, 0, 0]);
}

#[test]
fn a_share_of_single_writes_fails_the_same_every_time() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let rule = Rule::new(On::Write, Reaction::Result(27)).rows(Rows::Percent(25));
    cluster.faults().add(rule);
    let mut results = || -> Vec<u8> {
        let keys = (0..1000).map(|i| put(&format!("k{i}")));
        keys.map(|put| client.call(&put.bytes()).result()).collect()
    };
    let first = results();
    let hit = first.iter().filter(|result| **result == 27).count();
    assert!((180..320).contains(&hit), "{hit} of 1000");
    assert_eq!(results(), first);
}

#[test]
fn one_partition_has_no_owner() {
    let cluster = Cluster::builder().nodes(2).start().unwrap();
    fill(&cluster, 300);
    let lost = put("k").digest().partition().get();
    cluster.set_owners("test", lost, &[]);
    let (mut held, mut n_denied) = (0, 0);
    assert_ne!(put("k1").digest().partition().get(), lost);
    Client::connect(&cluster).call(&put("k1").bytes());
    for address in cluster.addresses() {
        let mut client = Client::to(address);
        assert!(
            client
                .info("namespace/test")
                .contains(";unavailable_partitions=1;")
        );
        assert_eq!(client.call(&put("k").bytes()).result(), 11);
        let reply = client.collect(&batch(5, &[put("k").row(0), put("k1").row(1)]));
        assert_eq!([reply[0].result(), reply[1].result()], [11, 0]);
        let reply = client.collect(&scan_request(&all_partitions(), |_| {}));
        held += scanned(&reply).len() as u64;
        let status = |msg: &&Msg| msg.header.info3 & flags::PARTITION_DONE != 0;
        let denied: Vec<_> = reply.iter().filter(status).collect();
        let of_lost = denied
            .iter()
            .find(|m| m.header.generation == u32::from(lost));
        assert_eq!(of_lost.unwrap().result(), 11);
        n_denied += denied.len();
    }
    assert_eq!(
        n_denied,
        2 * 2048 + 1,
        "each has the half of the other, and none this one"
    );
    let all = cluster.records("test");
    let of_lost = all
        .iter()
        .filter(|record| record.digest.partition().get() == lost);
    assert_eq!(held, (all.len() - of_lost.count()) as u64);
}

#[test]
fn peers_are_told_of_those_who_left_and_came_back() {
    let cluster = Cluster::builder().nodes(3).start().unwrap();
    let addresses = cluster.addresses();
    let mut client = Client::to(addresses[0]);
    let delta = |since: u32| format!("peers-clear-std:generation={since}");
    assert_eq!(client.info(&delta(3)), "3,3000,[]");
    assert_eq!(
        client.info(&delta(9)),
        "3,3000,[]",
        "a generation that is to come"
    );
    cluster.retire_node(2);
    let second = format!("[A2,,[{}]]", addresses[1]);
    assert_eq!(client.info(&delta(3)), "4,3000,[[A3,,]]");
    assert_eq!(client.info("peers-clear-std"), format!("4,3000,[{second}]"));
    cluster.restart_node(2).unwrap();
    let third = format!("[A3,,[{}]]", addresses[2]);
    assert_eq!(client.info(&delta(4)), format!("5,3000,[{third}]"));
    assert_eq!(client.info(&delta(0)), format!("5,3000,[{second},{third}]"));
    assert_eq!(client.info(&delta(5)), "5,3000,[]");
}
