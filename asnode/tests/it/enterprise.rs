//! What only the Enterprise Edition has, and what the Community Edition answers instead.

use crate::client::{
    Client, Msg, Request, all_partitions, batch, framed, hex, messages, scan_request, scanned,
};
use aerospike_wire::message::flags;
use asnode::{Build, Cluster, Edition, NamespaceConfig};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use std::io::{Read, Write};

fn enterprise() -> Cluster {
    let builder = Cluster::builder().edition(Edition::Enterprise);
    builder.start().unwrap()
}

/// A compressed frame around a whole frame that claims to have `claimed` bytes.
fn compressed(frame: &[u8], claimed: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(frame).unwrap();
    let packed = encoder.finish().unwrap();
    framed(4, &[&(claimed as u64).to_be_bytes()[..], &packed].concat())
}

/// The frame inside a compressed frame.
fn inflated(frame: &[u8]) -> Vec<u8> {
    assert_eq!(frame[1], 4, "a compressed frame");
    let size = u64::from_be_bytes(frame[8..16].try_into().unwrap());
    let mut inner = Vec::new();
    ZlibDecoder::new(&frame[16..])
        .read_to_end(&mut inner)
        .unwrap();
    assert_eq!(inner.len() as u64, size);
    inner
}

/// Frames of a reply up to the last message; the number of compressed ones, and all messages.
fn exchange(client: &mut Client, request: &[u8]) -> (usize, Vec<Msg>) {
    client.send(request);
    let (mut n_compressed, mut all) = (0, Vec::new());
    loop {
        let mut frame = client.frame().unwrap();
        if frame[1] == 4 {
            n_compressed += 1;
            frame = inflated(&frame);
        }
        all.extend(messages(&frame));
        if all.last().unwrap().is_last() {
            return (n_compressed, all);
        }
    }
}

#[test]
fn it_says_what_it_is() {
    let cluster = enterprise();
    let mut client = Client::connect(&cluster);
    assert_eq!(client.info("edition"), "Aerospike Enterprise Edition");
    assert_eq!(
        client.info("version"),
        "Aerospike Enterprise Edition build 8.1.2.0"
    );
    assert!(client.info("features").ends_with(";udf;xdr"));
    assert_eq!(client.info("service-tls-std"), "");
    assert_eq!(client.info("peers-tls-std"), "0,4333,[]");
}

#[test]
fn racks_are_told() {
    let mut config = NamespaceConfig::new("test");
    config.rack_ids = vec![1, 2, 1];
    let cluster = Cluster::builder()
        .edition(Edition::Enterprise)
        .nodes(3)
        .namespace(config)
        .namespace(NamespaceConfig::new("bar"))
        .start()
        .unwrap();
    let mut second = Client::to(cluster.addresses()[1]);
    assert_eq!(
        second.info("racks:"),
        "ns=test:rack_1=A1,A3:rack_2=A2;ns=bar:rack_0=A1,A2,A3"
    );
    assert_eq!(
        second.info("racks:namespace=test"),
        "rack_1=A1,A3:rack_2=A2"
    );
    assert_eq!(
        second.info("racks:namespace=x"),
        "ERROR:20:namespace not found on node"
    );
    assert_eq!(second.info("rack-ids"), "test:2;bar:0");
    let items = second.info("get-config:context=namespace;namespace=test");
    assert!(items.contains(";rack-id=2;"), "{items}");
    assert!(cluster.retire_node(0));
    assert_eq!(second.info("racks:namespace=test"), "rack_1=A3:rack_2=A2");
}

#[test]
fn requests_may_be_compressed() {
    let cluster = enterprise();
    let mut client = Client::connect(&cluster);
    let text = "much of the same ".repeat(100);
    let put = Request::put("s", "k")
        .op(2, 3, "t", text.as_bytes())
        .bytes();
    let squeezed = compressed(&put, put.len());
    assert!(squeezed.len() < put.len() / 4);
    assert_eq!(client.call(&squeezed).outcome(), (0, 1, 0));
    let found = client.call(&Request::get("s", "k").bytes());
    assert_eq!(found.bins()[&b"t"[..]].1, text.as_bytes());
    let rows: Vec<_> = (0..50)
        .map(|i| Request::put("s", &format!("b{i}")).int("n", 1).row(i))
        .collect();
    let batch = batch(0x05, &rows);
    let reply = client.collect(&compressed(&batch, batch.len()));
    assert_eq!(reply.len(), 51);
    assert_eq!(cluster.count("test"), 51);
}

/// The put of `wire-protocol.md` §3.5, compressed by another implementation (Python's zlib).
#[test]
fn a_foreign_compressed_request() {
    let cluster = enterprise();
    let request = hex(
        "020400000000005d0000000000000065789c6362660081583106460664c0fc8281998109c8606528 \
         492d2e013118535273f3810c519637132575bdeb7b1ec7c6565cf63e957a7ad5aa930940095e2646 \
         06c644a8015a40cccec4ccc0589c910900edbc11a3",
    );
    let mut client = Client::connect(&cluster);
    assert_eq!(client.call(&request).outcome(), (0, 1, 0));
    let found = client.call(&Request::get("demo", "key1").bytes()).bins();
    assert_eq!(found[&b"a"[..]], (1, 42i64.to_be_bytes().to_vec()));
    assert_eq!(found[&b"s"[..]], (3, b"hi".to_vec()));
}

#[test]
fn bad_compressed_requests_are_refused_and_the_connection_stays() {
    let cluster = enterprise();
    let mut client = Client::connect(&cluster);
    let put = Request::put("s", "k").int("n", 1).bytes();
    let nested = compressed(&put, put.len());
    let cut = {
        let whole = compressed(&put, put.len());
        framed(4, &whole[8..whole.len() - 6])
    };
    for (what, bad) in [
        ("no size", framed(4, &[0; 7])),
        ("no stream", framed(4, &[0; 8])),
        ("garbage", framed(4, &[7; 100])),
        ("too small a size", compressed(&put, put.len() - 1)),
        ("too great a size", compressed(&put, put.len() + 1)),
        ("an enormous size", compressed(&put, usize::MAX)),
        ("a cut stream", cut),
        ("info inside", compressed(&framed(1, b"build\n"), 14)),
        ("compressed inside", compressed(&nested, nested.len())),
    ] {
        assert_eq!(client.call(&bad).result(), 4, "{what}");
    }
    assert_eq!(cluster.count("test"), 0);
    assert_eq!(client.call(&put).result(), 0);
}

#[test]
fn replies_are_compressed_for_those_who_ask() {
    let cluster = enterprise();
    let mut client = Client::connect(&cluster);
    for i in 0..200 {
        let text = format!("{i} ").repeat(50);
        let put = Request::put("s", &i.to_string()).op(2, 3, "t", text.as_bytes());
        client.call(&put.bytes());
    }
    let partitions = all_partitions();
    let mut scan = scan_request(&partitions, |_| {});
    let (none, plain) = exchange(&mut client, &scan);
    scan[8 + 1] |= flags::COMPRESS;
    let (some, squeezed) = exchange(&mut client, &scan);
    assert_eq!((none, some), (0, 1), "the last message is not worth it");
    assert_eq!(scanned(&squeezed), scanned(&plain));
    let get = |info1: u8| {
        let get = Request::get("s", "7").with(|header| header.info1 |= info1);
        get.bytes()
    };
    let plain = client.call(&get(0));
    client.send(&get(flags::COMPRESS));
    let reply = client.frame().unwrap();
    assert_eq!(messages(&inflated(&reply)), std::slice::from_ref(&plain));
    assert_eq!(
        client.call(&get(0)),
        plain,
        "only for the request that asks"
    );
}

#[test]
fn community_refuses_compression() {
    let cluster = crate::client::cluster();
    let mut client = Client::connect(&cluster);
    let put = Request::put("s", "k").op(2, 3, "t", &[b'x'; 500]).bytes();
    assert_eq!(client.call(&compressed(&put, put.len())).result(), 25);
    assert_eq!(client.call(&put).result(), 0);
    let get = Request::get("s", "k").with(|header| header.info1 |= flags::COMPRESS);
    assert_eq!(client.call(&get.bytes()).result(), 0, "the bit is ignored");
}

#[test]
fn durable_deletes_leave_tombstones() {
    let cluster = enterprise();
    let mut client = Client::connect(&cluster);
    let durable = |request: Request| {
        let request = request.with(|header| header.info2 |= flags::DURABLE_DELETE);
        request.bytes()
    };
    for key in ["a", "b", "c"] {
        client.call(&Request::put("s", key).int("n", 1).bytes());
    }
    assert_eq!(client.call(&durable(Request::delete("s", "a"))).result(), 0);
    assert_eq!(client.call(&durable(Request::delete("s", "a"))).result(), 2);
    // A write that takes the last bin away is a delete as well.
    let emptied = durable(Request::put("s", "b").op(2, 0, "n", &[]));
    assert_eq!(client.call(&emptied).result(), 0);
    assert_eq!(client.call(&Request::delete("s", "c").bytes()).result(), 0);
    let mut buried = [
        Request::get("s", "a").digest(),
        Request::get("s", "b").digest(),
    ];
    buried.sort();
    assert_eq!(cluster.tombstones("test"), buried);
    assert_eq!(client.call(&Request::get("s", "a").bytes()).result(), 2);
    let partitions = all_partitions();
    let reply = client.collect(&scan_request(&partitions, |_| {}));
    assert!(scanned(&reply).is_empty());
    assert!(client.info("namespace/test").contains(";tombstones=2;"));
    assert!(
        client
            .info("sets/test/s")
            .starts_with("objects=0:tombstones=2:")
    );
    let put = Request::put("s", "a").int("n", 2).bytes();
    assert_eq!(client.call(&put).outcome(), (0, 1, 0));
    assert_eq!(
        cluster.tombstones("test"),
        [Request::get("s", "b").digest()]
    );
    assert_eq!(client.info("truncate:namespace=test;set=s"), "ok");
    assert!(cluster.tombstones("test").is_empty());
}

#[test]
fn writes_of_transactions_can_be_switched_off() {
    const SWITCH: &str = "set-config:context=namespace;namespace=test;disable-mrt-writes=true";
    const INVALID: &str = "ERROR:4:invalid set-config parameter";
    let put = || Request::put("s", "k").int("n", 1);
    let in_transaction = || put().field(5, &7u64.to_le_bytes()).bytes();
    let cluster = enterprise();
    let mut client = Client::connect(&cluster);
    assert_eq!(client.call(&in_transaction()).result(), 0);
    assert_eq!(client.info(SWITCH), "ok");
    assert_eq!(client.call(&in_transaction()).result(), 22);
    assert_eq!(client.call(&put().bytes()).result(), 0);
    let config = client.info("get-config:context=namespace;namespace=test");
    assert!(config.contains(";disable-mrt-writes=true;"));
    let community = crate::client::cluster();
    assert_eq!(Client::connect(&community).info(SWITCH), INVALID);
    let older = Cluster::builder()
        .edition(Edition::Enterprise)
        .build(Build::new(7, 2, 0, 0))
        .start()
        .unwrap();
    let mut client = Client::connect(&older);
    assert_eq!(client.info(SWITCH), INVALID);
    let config = client.info("get-config:context=namespace;namespace=test");
    assert!(!config.contains("mrt"));
}
