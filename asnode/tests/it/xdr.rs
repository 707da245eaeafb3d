//! Shipping to a data centre, with a destination that writes down what it gets.

use crate::client::{Client, cluster, until};
use aerospike_wire::{
    digest::Digest,
    field::code,
    frame::FrameHeader,
    message::flags,
    op,
    xdr::{self, Shipped},
};
use asnode::{Cluster, Edition, NodeLoss, RawRecord, Shipping};
use net_tls::{names, server::ServerSettings, testing::Authority};
use rustls::{ServerConnection, StreamOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// A destination: a listener, whose connections acknowledge and keep what they get.
struct Destination {
    port: u16,
    got: Arc<Mutex<Vec<Vec<u8>>>>,
    connections: Arc<AtomicU64>,
    /// Whether it says "ship it again" instead.
    refuses: Arc<AtomicBool>,
}

impl Destination {
    fn start(tls: Option<ServerSettings>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let destination = Self {
            port: listener.local_addr().unwrap().port(),
            got: Arc::default(),
            connections: Arc::default(),
            refuses: Arc::default(),
        };
        let got = Arc::clone(&destination.got);
        let connections = Arc::clone(&destination.connections);
        let refuses = Arc::clone(&destination.refuses);
        let tls = tls.map(|settings| settings.build().unwrap());
        // Ends with the test process; each connection ends with its node.
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let (got, refuses) = (Arc::clone(&got), Arc::clone(&refuses));
                let tls = tls.clone();
                thread::spawn(move || match tls {
                    None => converse(stream, &got, &refuses),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).unwrap();
                        converse(StreamOwned::new(connection, stream), &got, &refuses);
                    }
                });
            }
        });
        destination
    }

    /// Everything that came so far, in order of arrival.
    fn messages(&self) -> Vec<Vec<u8>> {
        self.got.lock().unwrap().clone()
    }

    /// What the messages come to: digest to generation, without deleted records.
    fn state(&self) -> BTreeMap<Digest, u32> {
        let mut state = BTreeMap::new();
        for message in self.messages() {
            let shipped = Shipped::parse(&message[8..], b"test").unwrap();
            if shipped.header.info2 & flags::DELETE == 0 {
                state.insert(shipped.digest, shipped.header.generation);
            } else {
                state.remove(&shipped.digest);
            }
        }
        state
    }
}

fn converse(mut stream: impl Read + Write, got: &Mutex<Vec<Vec<u8>>>, refuses: &AtomicBool) {
    let mut header = [0; 8];
    while stream.read_exact(&mut header).is_ok() {
        let len = FrameHeader::parse(&header).unwrap().body_len as usize;
        let mut message = header.to_vec();
        message.resize(8 + len, 0);
        if stream.read_exact(&mut message[8..]).is_err() {
            return;
        }
        let refused = refuses.load(Ordering::SeqCst);
        if !refused {
            got.lock().unwrap().push(message);
        }
        let result = if refused {
            xdr::SHIP_AGAIN
        } else {
            xdr::SHIPPED
        };
        if stream.write_all(&xdr::ack(result)).is_err() || stream.flush().is_err() {
            return;
        }
    }
}

fn enterprise(nodes: usize, shipping: Shipping) -> Cluster {
    let builder = Cluster::builder().nodes(nodes).shipping(shipping);
    builder.edition(Edition::Enterprise).start().unwrap()
}

/// Asks one node one thing.
fn ask(cluster: &Cluster, node: usize, command: &str) -> String {
    let mut client = Client::to(cluster.addresses()[node]);
    client.info(command)
}

fn set_up(cluster: &Cluster, destination: &Destination, rewind: &str) {
    for node in 0..cluster.addresses().len() {
        let port = destination.port;
        for tail in [
            "action=create".to_owned(),
            "connector=true".to_owned(),
            format!("node-address-port=127.0.0.1:{port};action=add"),
            format!("namespace=test;action=add{rewind}"),
        ] {
            let command = format!("set-config:context=xdr;dc=dc;{tail}");
            assert_eq!(ask(cluster, node, &command), "ok", "{command}");
        }
    }
}

/// A figure of all living nodes together.
fn figure(cluster: &Cluster, key: &str) -> u64 {
    let nodes = cluster.seeds().len();
    let of = |node| {
        let stats = ask(cluster, node, "get-stats:context=xdr;dc=dc;namespace=test");
        let mut pairs = stats.split(';').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(name, _)| *name == key);
        found
            .unwrap_or_else(|| panic!("{key} in {stats}"))
            .1
            .parse::<u64>()
            .unwrap()
    };
    (0..nodes).map(of).sum()
}

fn is_idle(cluster: &Cluster) -> bool {
    ["recoveries_pending", "in_queue", "in_progress", "lag"]
        .iter()
        .all(|key| figure(cluster, key) == 0)
}

fn record(n: u64, generation: u16) -> RawRecord {
    let mut record = RawRecord::for_key("demo", 1, &n.to_be_bytes()).bin(b"n", 1, &n.to_be_bytes());
    record.generation = generation;
    record
}

fn fill(cluster: &Cluster, records: u64) {
    for n in 0..records {
        cluster.put("test", &record(n, 1));
    }
}

/// Every record with its generation.
fn content(cluster: &Cluster) -> BTreeMap<Digest, u32> {
    let records = cluster.records("test").into_iter();
    records
        .map(|r| (r.digest, u32::from(r.generation)))
        .collect()
}

/// Ships what is there, changes it meanwhile, and compares what arrived in the end.
fn check(
    nodes: usize,
    shipping: Shipping,
    change: impl FnOnce(&Cluster),
) -> (Cluster, Destination) {
    let cluster = enterprise(nodes, shipping);
    fill(&cluster, 2000);
    let destination = Destination::start(None);
    set_up(&cluster, &destination, ";rewind=all");
    change(&cluster);
    until(|| is_idle(&cluster));
    assert!(destination.state() == content(&cluster), "{shipping:?}");
    (cluster, destination)
}

fn write_on(cluster: &Cluster) {
    for n in 0..3000 {
        let generation = 2 + u16::try_from(n % 5).unwrap();
        match n % 7 {
            0 => drop(cluster.delete("test", &record(n, 1).digest)),
            _ => drop(cluster.put("test", &record(n, generation))),
        }
    }
}

#[test]
fn everything_arrives_and_what_changes_meanwhile() {
    let (cluster, destination) = check(3, Shipping::default(), write_on);
    assert_eq!(figure(&cluster, "recoveries"), 4096);
    let messages = destination.messages().len() as u64;
    assert_eq!(figure(&cluster, "success"), messages);
    assert_eq!(destination.connections.load(Ordering::SeqCst), 12);
    // Later writes follow by themselves.
    cluster.put("test", &record(1, 9));
    until(|| is_idle(&cluster));
    assert_eq!(destination.state(), content(&cluster));
}

#[test]
fn faults_of_shipping_lose_nothing() {
    let base = Shipping {
        connections: 2,
        window: 16,
        ..Shipping::default()
    };
    let faults = [
        Shipping {
            repeat: true,
            ..base
        },
        Shipping {
            reorder: true,
            ..base
        },
        Shipping {
            piece_bytes: Some(7),
            ..base
        },
        Shipping {
            cut_every: Some(101),
            ..base
        },
        Shipping {
            lose_acks_every: Some(97),
            ..base
        },
    ];
    for shipping in faults {
        let (cluster, destination) = check(2, shipping, write_on);
        let breaks = shipping.cut_every.is_some() || shipping.lose_acks_every.is_some();
        assert_eq!(
            figure(&cluster, "retry_conn_reset") > 0,
            breaks,
            "{shipping:?}"
        );
        if shipping.repeat {
            let success = figure(&cluster, "success");
            assert_eq!(destination.messages().len() as u64, 2 * success);
        }
    }
}

#[test]
fn what_is_refused_is_shipped_again() {
    let cluster = enterprise(1, Shipping::default());
    fill(&cluster, 100);
    let destination = Destination::start(None);
    destination.refuses.store(true, Ordering::SeqCst);
    set_up(&cluster, &destination, ";rewind=all");
    until(|| figure(&cluster, "retry_dest") > 200);
    assert!(figure(&cluster, "recoveries_pending") > 0);
    assert_eq!(figure(&cluster, "success"), 0);
    destination.refuses.store(false, Ordering::SeqCst);
    until(|| is_idle(&cluster));
    assert_eq!(destination.state(), content(&cluster));
}

#[test]
fn a_rewind_goes_back_so_far_and_no_further() {
    let cluster = enterprise(1, Shipping::default());
    let now = cluster.clock().now_ms();
    for (n, age_s) in [(1, 1000), (2, 10), (3, 2000)] {
        let mut record = record(n, 1);
        record.last_update_ms = now - age_s * 1000;
        cluster.put("test", &record);
    }
    let destination = Destination::start(None);
    set_up(&cluster, &destination, ";rewind=100");
    until(|| is_idle(&cluster));
    let digests: Vec<_> = destination.state().into_keys().collect();
    assert_eq!(digests, [record(2, 1).digest]);
    assert_eq!(
        ask(&cluster, 0, "set-config:context=xdr;dc=dc;action=delete"),
        "ok"
    );
    set_up(&cluster, &destination, "");
    cluster.put("test", &record(4, 1));
    until(|| destination.state().len() == 2);
    assert_eq!(figure(&cluster, "recoveries"), 0);
}

#[test]
fn lag_and_recovery_can_be_held() {
    let cluster = enterprise(
        1,
        Shipping {
            paused: true,
            ..Shipping::default()
        },
    );
    fill(&cluster, 10);
    let destination = Destination::start(None);
    set_up(&cluster, &destination, ";rewind=all");
    assert_eq!(figure(&cluster, "recoveries_pending"), 4096);
    cluster.put("test", &record(77, 1));
    assert_eq!(figure(&cluster, "in_queue"), 1);
    until(|| figure(&cluster, "lag") > 0);
    assert!(destination.messages().is_empty());
    cluster.ship(|shipping| {
        (shipping.paused, shipping.hold_recovery, shipping.lag_s) = (false, true, Some(5));
    });
    until(|| destination.state().len() == 11);
    assert_eq!(figure(&cluster, "lag"), 5);
    assert!(figure(&cluster, "recoveries_pending") >= 1);
    cluster.ship(|shipping| (shipping.hold_recovery, shipping.lag_s) = (false, None));
    until(|| is_idle(&cluster));
}

#[test]
fn partitions_of_a_dead_node_are_shipped_by_the_others() {
    let cluster = enterprise(
        3,
        Shipping {
            window: 4,
            ..Shipping::default()
        },
    );
    fill(&cluster, 3000);
    let destination = Destination::start(None);
    set_up(&cluster, &destination, ";rewind=all");
    until(|| !destination.messages().is_empty());
    assert!(cluster.kill_node(2, NodeLoss::Takeover));
    until(|| figure(&cluster, "recoveries") == 4096);
    until(|| is_idle(&cluster));
    assert!(destination.state() == content(&cluster));
    // It comes back without its data centre.
    cluster.restart_node(2).unwrap();
    let stats = ask(&cluster, 2, "get-stats:context=xdr;dc=dc;namespace=test");
    assert!(stats.contains("DC not found"), "{stats}");
}

#[test]
fn only_forwarding_ships_what_came_through_xdr() {
    let cluster = enterprise(1, Shipping::default());
    let destination = Destination::start(None);
    set_up(&cluster, &destination, ";rewind=all");
    // A recovery ships whatever it finds, wherever that came from.
    until(|| is_idle(&cluster));
    let write = |n: u64| {
        let digest = Digest::for_key(b"demo", 1, &n.to_be_bytes());
        let mut ops = Vec::new();
        op::put(&mut ops, op::code::WRITE, 1, b"n", &n.to_be_bytes());
        let mut bytes = Vec::new();
        xdr::Shipment {
            namespace: b"test",
            digest,
            set: b"demo",
            key: None,
            generation: 1,
            ttl: xdr::NEVER_EXPIRES,
            last_update_ms: 1,
            change: xdr::Change::Write {
                n_ops: 1,
                ops: &ops,
            },
        }
        .encode(&mut bytes);
        let mut client = Client::connect(&cluster);
        client.send(&bytes);
        assert_eq!(client.frame().unwrap()[13], 0);
        digest
    };
    write(1);
    let forward = "set-config:context=xdr;dc=dc;namespace=test;forward=true";
    assert_eq!(ask(&cluster, 0, forward), "ok");
    let second = write(2);
    until(|| !destination.messages().is_empty());
    until(|| is_idle(&cluster));
    assert_eq!(
        destination.state().into_keys().collect::<Vec<_>>(),
        [second]
    );
}

#[test]
fn deletes_are_shipped_as_such() {
    let cluster = enterprise(
        1,
        Shipping {
            connections: 1,
            ..Shipping::default()
        },
    );
    let destination = Destination::start(None);
    set_up(&cluster, &destination, ";rewind=all");
    until(|| is_idle(&cluster));
    for (n, info2) in [(1_u64, 0x03_u8), (2, 0x13)] {
        cluster.put("test", &record(n, 7));
        until(|| is_idle(&cluster));
        let mut bytes = Vec::new();
        let durable = info2 == 0x13;
        xdr::Shipment {
            namespace: b"test",
            digest: record(n, 7).digest,
            set: b"demo",
            key: None,
            generation: 0,
            ttl: 0,
            last_update_ms: 0,
            change: xdr::Change::Delete { durable },
        }
        .encode(&mut bytes);
        bytes[9] = 0; // a client's
        let mut client = Client::connect(&cluster);
        client.send(&bytes);
        assert_eq!(client.frame().unwrap()[13], 0);
        until(|| is_idle(&cluster));
        let last = destination.messages().pop().unwrap();
        let shipped = Shipped::parse(&last[8..], b"test").unwrap();
        assert_eq!((shipped.header.info1, shipped.header.info2), (0x10, info2));
        assert_eq!((shipped.header.generation, shipped.set), (8, &b"demo"[..]));
    }
}

#[test]
fn a_destination_with_tls_is_verified_by_its_name() {
    let authority = Authority::new("test");
    let destination = Destination::start(Some(authority.server_settings(&["backup.test"])));
    let cluster = Cluster::builder()
        .edition(Edition::Enterprise)
        .shipping_tls(authority.client_settings())
        .start()
        .unwrap();
    fill(&cluster, 50);
    let create = |name: &str| {
        let port = destination.port;
        for tail in [
            "action=create".to_owned(),
            "connector=true".to_owned(),
            format!("tls-name={name}"),
            format!("node-address-port=127.0.0.1:{port};action=add"),
            "namespace=test;action=add;rewind=all".to_owned(),
        ] {
            let command = format!("set-config:context=xdr;dc=dc;{tail}");
            assert_eq!(ask(&cluster, 0, &command), "ok", "{command}");
        }
    };
    assert!(names::server_name("other.test").is_ok());
    create("other.test");
    until(|| figure(&cluster, "retry_conn_reset") > 0);
    assert!(destination.messages().is_empty());
    assert_eq!(
        ask(&cluster, 0, "set-config:context=xdr;dc=dc;action=delete"),
        "ok"
    );
    create("backup.test");
    until(|| is_idle(&cluster));
    assert_eq!(destination.state(), content(&cluster));
}

/// A recorded conversation: pairs of commands and answers.
fn recorded(name: &str) -> (Vec<u8>, Vec<u8>) {
    let read = |kind: &str| {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../aerospike-wire/tests/data/xdr"
        );
        std::fs::read(format!("{folder}/{name}.{kind}.bin")).unwrap()
    };
    (read("req"), read("resp"))
}

fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let len = 8 + FrameHeader::parse(bytes).unwrap().body_len as usize;
        let (frame, rest) = bytes.split_at(len);
        frames.push(frame);
        bytes = rest;
    }
    frames
}

#[test]
fn the_recorded_commands_are_answered_alike() {
    let cluster = enterprise(1, Shipping::default());
    let (requests, replies) = recorded("xdr-info");
    let mut commands = 0;
    for (request, reply) in frames(&requests).into_iter().zip(frames(&replies)) {
        let command = std::str::from_utf8(&request[8..]).unwrap().trim_end();
        if !command.contains("xdr") && !command.contains("mrt") {
            continue;
        }
        let reply = std::str::from_utf8(&reply[8..]).unwrap().trim_end();
        let expected = reply.split_once('\t').unwrap().1;
        let found = ask(&cluster, 0, command);
        if expected == "ok" {
            assert_eq!(found, "ok", "{command}");
        } else {
            let keys = |text: &str| {
                let pairs = text.split([';', ':']).filter_map(|p| p.split_once('='));
                pairs
                    .map(|(key, _)| key.to_owned())
                    .collect::<BTreeSet<_>>()
            };
            assert!(
                keys(&found).is_superset(&keys(expected)),
                "{command}: {found}"
            );
        }
        commands += 1;
    }
    assert_eq!(commands, 12);
    assert_eq!(
        ask(&cluster, 0, "get-config:context=xdr"),
        "dcs=;src-id=0;trace-sample=0"
    );
}

#[test]
fn the_recorded_messages_are_shipped_alike() {
    let (messages, _) = recorded("xdr-ship");
    let messages = frames(&messages);
    let cluster = enterprise(
        1,
        Shipping {
            connections: 1,
            ..Shipping::default()
        },
    );
    let destination = Destination::start(None);
    set_up(&cluster, &destination, ";rewind=all");
    until(|| is_idle(&cluster));
    let mut expected = Vec::new();
    for bytes in messages {
        let message = crate::client::messages(bytes).remove(0);
        // The generation of a delete is nothing that a server was seen to send.
        if message.header.info2 & flags::DELETE != 0 || message.ops.is_empty() {
            continue;
        }
        let field = |kind| message.field(kind).map(<[u8]>::to_vec);
        let last_update = field(code::LAST_UPDATE).unwrap().try_into().unwrap();
        let mut record = RawRecord::new(message.digest());
        record.set = field(code::SET);
        record.key = field(code::KEY);
        record.generation = u16::try_from(message.header.generation).unwrap();
        record.last_update_ms = u64::from_be_bytes(last_update);
        if message.header.record_ttl != xdr::NEVER_EXPIRES {
            record.void_time = cluster.clock().now_s() + message.header.record_ttl;
        }
        for (_, particle, name, value) in &message.ops {
            record = record.bin(name, *particle, value);
        }
        assert!(cluster.put("test", &record));
        expected.push(bytes.to_vec());
        until(|| destination.messages().len() == expected.len());
    }
    assert!(expected.len() > 60);
    for (mut found, expected) in destination.messages().into_iter().zip(expected) {
        let ttl = |message: &[u8]| u32::from_be_bytes(message[18..22].try_into().unwrap());
        assert!(ttl(&expected) - ttl(&found) < 60, "time goes by meanwhile");
        found[18..22].copy_from_slice(&expected[18..22]);
        assert_eq!(found, expected);
    }
}

#[test]
fn commands_that_make_no_sense_are_refused() {
    let ship = enterprise(1, Shipping::default());
    let ask = |tail: &str| ask(&ship, 0, &format!("set-config:context=xdr;{tail}"));
    assert_eq!(ask("dc=dc;action=create"), "ok");
    for tail in [
        "action=create",
        "dc=dc;action=create",
        "dc=a b;action=create",
        "dc=none;action=delete",
        "dc=none;connector=true",
        "dc=dc;connector=perhaps",
        "dc=dc;nonsense=1",
        "dc=dc;node-address-port=nowhere;action=add",
        "dc=dc;namespace=none;action=add;rewind=all",
        "dc=dc;namespace=test;action=add;rewind=some",
        "dc=dc;namespace=test;max-throughput=150",
        "dc=dc;namespace=test;action=remove",
    ] {
        assert!(ask(tail).starts_with("ERROR:"), "{tail}");
    }
    let community = cluster();
    let mut client = Client::connect(&community);
    let create = "set-config:context=xdr;dc=dc;action=create";
    assert_eq!(client.info(create), "ERROR:25:enterprise only");
    assert_eq!(client.info("get-config:context=xdr"), "");
}

#[test]
fn a_throughput_is_kept() {
    let cluster = enterprise(1, Shipping::default());
    fill(&cluster, 1000);
    let destination = Destination::start(None);
    for tail in [
        "action=create".to_owned(),
        format!(
            "node-address-port=127.0.0.1:{};action=add",
            destination.port
        ),
        "namespace=test;max-throughput=1000".to_owned(),
        "namespace=test;action=add;rewind=all".to_owned(),
    ] {
        let command = format!("set-config:context=xdr;dc=dc;{tail}");
        assert_eq!(ask(&cluster, 0, &command), "ok", "{command}");
    }
    let start = std::time::Instant::now();
    until(|| is_idle(&cluster));
    // Each of the four connections may have a window ahead.
    assert!(start.elapsed().as_millis() > 200);
    assert_eq!(destination.state().len(), 1000);
}
