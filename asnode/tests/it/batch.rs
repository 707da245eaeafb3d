//! Batches (`wire-write.md` §6).

use crate::client::{Client, Msg, Request, batch, batch_with, cluster, hex};
use aerospike_wire::message::flags;
use asnode::{Cluster, NamespaceConfig};

/// Go's flags: inline, respond to all.
const ALL: u8 = 0x05;
/// Rows that write: WRITE and RESPOND_ALL_OPS.
const PUT: u8 = flags::WRITE | flags::RESPOND_ALL_OPS;

fn put(key: &str) -> Request {
    Request::put("demo", key)
        .with(|h| h.info2 = PUT)
        .int("n", 1)
}

/// Index and result of each row, sorted, and the result of the last message.
fn results(reply: &[Msg]) -> (Vec<(u32, u8)>, u8) {
    let (last, rows) = reply.split_last().unwrap();
    assert!(last.is_last());
    let mut rows: Vec<_> = rows
        .iter()
        .map(|r| (r.header.transaction_ttl, r.result()))
        .collect();
    rows.sort_unstable();
    (rows, last.result())
}

#[test]
fn rows_write_read_and_delete() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let rows = [
        put("a").row(0),
        put("b").key("b").row(7),
        Request::get("demo", "nobody").row(2),
        Request::delete("demo", "nobody").row(3),
        Request::get("demo", "a").row(4),
        put("a").with(|h| h.record_ttl = 315_360_001).row(5),
        put("a")
            .with(|h| (h.info2, h.generation) = (PUT | flags::GENERATION_GT, 1))
            .row(6),
    ];
    let reply = client.collect(&batch(ALL, &rows));
    let expected = vec![(0, 0), (2, 2), (3, 2), (4, 0), (5, 4), (6, 3), (7, 0)];
    assert_eq!(results(&reply), (expected, 0));
    let row = |index| {
        reply
            .iter()
            .find(|r| r.header.transaction_ttl == index)
            .unwrap()
    };
    assert_eq!(
        row(0).ops,
        [(2, 0, b"n".to_vec(), vec![])],
        "one null op for each write"
    );
    assert_eq!(row(4).bins()[&b"n"[..]].1, 1i64.to_be_bytes());
    assert_eq!(row(6).outcome(), (3, 1, 0), "generation of what is stored");
    assert_eq!(
        cluster.get("test", &put("b").digest()).unwrap().key,
        Some(b"\x03b".to_vec())
    );
    assert_eq!(cluster.counters().batch_rows, 7);
}

#[test]
fn a_minimal_row_and_repeats() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    client.collect(&batch(ALL, &[put("a").row(0), put("b").row(1)]));
    let digest = |key| Request::get("demo", key).digest().0;
    let minimal = [
        &[0; 4][..],
        &digest("a"),
        &hex("00 03 0000 0000 00000005 00 74657374"),
    ]
    .concat();
    let repeat = [&[0, 0, 0, 1][..], &digest("b"), &[1]].concat();
    let reply = client.collect(&batch(ALL, &[minimal.clone(), repeat.clone()]));
    assert_eq!(results(&reply), (vec![(0, 0), (1, 0)], 0));
    assert_eq!(reply[1].ops.len(), 1);
    let refused = |client: &mut Client, rows: &[Vec<u8>]| {
        assert_eq!(results(&client.collect(&batch(ALL, rows))), (vec![], 4));
    };
    refused(&mut client, std::slice::from_ref(&repeat));
    refused(&mut client, &[put("a").key("a").row(0), repeat]);
}

#[test]
fn malformed_batches_are_refused_as_a_whole() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let row = put("a").row(0);
    let unknown = {
        let mut request = put("a");
        request.fields[0].1 = b"nope".to_vec();
        request.row(1)
    };
    let set_first = {
        let mut request = put("a");
        request.fields.swap(0, 1);
        request.row(1)
    };
    let mut check = |request: Vec<u8>| {
        assert_eq!(results(&client.collect(&request)), (vec![], 4));
    };
    check(batch(ALL, &[]));
    check(batch_with(ALL, 2, &row, &[]));
    check(batch_with(ALL, u32::MAX, &row, &[]));
    check(batch(ALL, &[row.clone(), unknown]));
    check(batch(ALL, &[row.clone(), set_first]));
    check(batch(ALL, &[row[..30].to_vec()]));
    check(batch_with(ALL, 1, &row, b"\x90"));
    let surplus = batch_with(ALL, 1, &[&row[..], &[0xff; 9]].concat(), &[]);
    assert_eq!(
        results(&client.collect(&surplus)),
        (vec![(0, 0)], 0),
        "surplus is ignored"
    );
}

#[test]
fn filters_of_batch_and_row() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    client.collect(&batch(ALL, &[put("a").row(0), put("b").row(1)]));
    let expires = hex("930291 45 ff");
    let get = |key| Request::get("demo", key);
    let rows = [
        get("a").row(0),
        get("b").field(43, &hex("c3")).row(1), // its own filter counts
        get("b").field(43, &hex("90")).row(2),
        get("nobody").row(3),
    ];
    let reply = client.collect(&batch_with(ALL, 4, &rows.concat(), &expires));
    assert_eq!(results(&reply), (vec![(0, 27), (1, 0), (2, 4), (3, 2)], 0));
}

#[test]
fn without_respond_all_the_first_error_ends_the_batch() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let rows = [
        put("a").row(0),
        Request::get("demo", "nobody").row(1), // 2 is reported and goes on
        put("a").with(|h| h.info2 = PUT | flags::CREATE_ONLY).row(2),
        put("c").row(3),
    ];
    let silent = client.collect(&batch(0x01, &rows));
    assert_eq!(results(&silent), (vec![(0, 0), (1, 2)], 5));
    let shown = client.collect(&batch(0x09, &rows));
    assert_eq!(results(&shown), (vec![(0, 0), (1, 2), (2, 5)], 5));
    assert_eq!(cluster.get("test", &put("c").digest()), None);
    let at_once = client.collect(&batch(0x01, &rows[2..3]));
    assert_eq!(results(&at_once), (vec![], 5));
}

#[test]
fn rows_can_be_answered_in_any_order() {
    let cluster = Cluster::builder().shuffle(3).start().unwrap();
    let rows: Vec<_> = (0..50).map(|i| put(&format!("k{i}")).row(i)).collect();
    let reply = Client::connect(&cluster).collect(&batch(ALL, &rows));
    let order: Vec<_> = reply.iter().map(|row| row.header.transaction_ttl).collect();
    assert!(!order[..50].is_sorted());
    assert_eq!(
        results(&reply).0,
        (0..50).map(|i| (i, 0)).collect::<Vec<_>>()
    );
}

#[test]
fn row_counts_can_be_limited() {
    let cluster = Cluster::builder().batch_max_requests(2).start().unwrap();
    let mut client = Client::connect(&cluster);
    let rows: Vec<_> = (0..3).map(|i| put("a").row(i)).collect();
    assert_eq!(results(&client.collect(&batch(ALL, &rows))), (vec![], 151));
    assert_eq!(results(&client.collect(&batch(ALL, &rows[..2]))).1, 0);
}

#[test]
fn rows_of_other_nodes_and_namespaces_are_carried_out() {
    let cluster = Cluster::builder()
        .nodes(3)
        .namespace(NamespaceConfig::new("test"))
        .namespace(NamespaceConfig::new("bar"))
        .start()
        .unwrap();
    let mut client = Client::connect(&cluster);
    let rows: Vec<_> = (0..60)
        .map(|i| {
            let mut request = put(&format!("k{i}"));
            if i % 2 == 1 {
                request.fields[0].1 = b"bar".to_vec();
            }
            request.row(i)
        })
        .collect();
    let reply = client.collect(&batch(ALL, &rows));
    assert_eq!(
        results(&reply).0,
        (0..60).map(|i| (i, 0)).collect::<Vec<_>>()
    );
    assert_eq!((cluster.count("test"), cluster.count("bar")), (30, 30));
}

#[test]
fn long_replies_come_in_blocks() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let blob = vec![7; 10_000];
    client.call(&Request::put("demo", "big").op(2, 4, "b", &blob).bytes());
    let rows: Vec<_> = (0..200)
        .map(|i| Request::get("demo", "big").row(i))
        .collect();
    let frames = client.frames(&batch(ALL, &rows));
    assert!(frames.len() > 10, "{} frames", frames.len());
    assert!(
        frames
            .iter()
            .all(|frame| frame.len() < (128 << 10) + 11_000)
    );
    assert_eq!(
        frames.last().unwrap().len(),
        30,
        "the last message is alone"
    );
    assert_eq!(client.info("status"), "ok");
}
