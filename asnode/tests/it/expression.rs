//! Filter expressions as the real server evaluates them (`expressions.md` §5, §6).

use crate::{
    client::{
        Client, Request, all_partitions, batch, batch_with, cluster, hex, scan_request, scanned,
    },
    golden::golden_cluster,
};
use aerospike_wire::{field::code, op};

/// Filters and the number of the 358 golden records that the server selected by them.
const SELECTIONS: [(&str, usize); 53] = [
    ("93 01 91 46 a3 03 73 31", 66),
    ("93 01 91 46 a1 03", 71),
    ("93 11 93 01 91 46 a3 03 73 31 93 01 91 46 a3 03 73 32", 142),
    ("91 47", 194),
    ("92 12 91 47", 164),
    ("93 01 91 45 ff", 259),
    ("93 02 91 44 ff", 99),
    ("93 04 91 42 d3 18 e9 e6 ba 4c b3 a3 40", 188),
    ("93 01 92 40 07 00", 47),
    ("93 01 92 40 0a 01", 31),
    ("93 04 91 4a cc 80", 185),
    ("93 04 91 4a cd 02 00", 16),
    ("93 02 92 52 a1 6e 00", 9),
    ("93 01 92 52 a1 6e 13", 1),
    ("93 05 93 51 02 a1 6e 0a", 7),
    ("93 51 01 a1 74", 1),
    ("93 03 93 51 07 a1 66 cb 3f e0 00 00 00 00 00 00", 1),
    ("93 04 92 50 02 00", 57),
    ("93 03 92 50 03 a1 03", 94),
    ("93 03 92 50 06 a1 04", 40),
    ("94 07 01 a8 5e 73 28 31 7c 33 29 24 91 46", 154),
    ("93 09 91 46 92 7e 92 a3 03 73 31 a3 03 73 33", 154),
    ("93 13 91 47 93 01 91 46 a3 03 73 31", 178),
    (
        "96 7b 93 01 91 46 a3 03 73 31 91 47 93 01 91 46 a3 03 73 32 c3 c2",
        117,
    ),
    (
        "94 7d a1 78 91 46 93 11 93 01 92 7c a1 78 a3 03 73 31 93 01 92 7c a1 78 a3 03 73 32",
        142,
    ),
    ("93 01 93 1a 93 51 02 a1 76 03 00", 8),
    ("93 03 92 1b 93 51 02 a1 76 0a", 9),
    ("93 05 92 15 93 51 02 a1 76 f6", 9),
    ("93 01 93 32 93 51 02 a1 76 05 05", 16),
    ("93 01 93 20 93 51 02 a1 76 01 01", 19),
    ("93 01 93 17 93 51 02 a1 76 00 00", 0),
    ("93 11 91 00 c3", 358),
    ("92 12 91 00", 0),
    ("92 12 93 10 91 00 c2", 358),
    ("c3", 358),
    // Other spellings of the same: every form of integers, strings and lists is understood.
    ("93 01 92 40 d0 07 cc 00", 47),
    ("dc 00 03 01 dd 00 00 00 01 46 c4 03 03 73 31", 66),
    ("93 04 91 42 cf 18 e9 e6 ba 4c b3 a3 40", 188),
    ("93 01 92 40 f9 00", 47), // a negative modulus gives the same remainders
    // What follows from the above.
    ("92 12 93 04 91 42 d3 18 e9 e6 ba 4c b3 a3 40", 358 - 188),
    ("93 05 91 42 d3 18 e9 e6 ba 4c b3 a3 40", 358 - 188),
    ("93 03 91 45 ff", 99),
    ("93 01 91 44 ff", 259),
    ("93 05 91 4a cc 80", 358 - 185),
    ("93 01 91 49 91 4a", 358), // in memory
    ("93 01 91 41 00", 358),
    ("91 48", 0),
    ("93 04 91 43 00", 358),
    ("94 07 00 a8 5e 73 28 31 7c 33 29 24 91 46", 0), // basic syntax: no such set
    ("94 07 00 ac 5e 73 5c 28 31 5c 7c 33 5c 29 24 00 91 46", 154),
    ("94 07 03 a8 5e 53 28 31 7c 33 29 24 91 46", 154), // case does not matter
    (
        "93 10 93 02 91 46 a9 03 3c 45 52 4f 7e 4d 52 54 93 01 91 45 ff",
        259,
    ),
    ("93 02 91 46 a9 03 3c 45 52 4f 7e 4d 52 54", 358),
];

/// Filters that the server refused.
const REFUSALS: [&str; 13] = [
    "92 10 c3",
    "93 01 91 45 a2 03 78",
    "93 01 92 40 00 00",
    "91 45",
    "91 63",
    "93 01 91 46 a2 73 31",
    "93 02 92 52 b0 78 78 78 78 78 78 78 78 78 78 78 78 78 78 78 78 00",
    "90",
    "93 01 91 45",
    "c3 00",
    "c0",
    "05",
    "",
];

#[test]
fn scans_select_what_the_server_selected() {
    let cluster = golden_cluster();
    let mut client = Client::connect(&cluster);
    let all = all_partitions();
    for (filter, expected) in SELECTIONS {
        let filter = hex(filter);
        for no_bins in [false, true] {
            let reply = client.collect(&scan_request(&all, |scan| {
                (scan.filter, scan.no_bins) = (&filter, no_bins);
            }));
            assert_eq!(scanned(&reply).len(), expected, "{filter:x?} {no_bins}");
        }
    }
}

#[test]
fn scans_refuse_what_the_server_refused() {
    let cluster = golden_cluster();
    let mut client = Client::connect(&cluster);
    for filter in REFUSALS {
        let mut request = Request::get("", "");
        request.fields.truncate(1);
        let request = request
            .with(|h| (h.info1, h.info3) = (1, 4))
            .field(code::PID_ARRAY, &[0, 0])
            .field(code::FILTER_EXP, &hex(filter));
        let reply = client.call(&request.bytes());
        assert_eq!(
            (reply.outcome(), reply.header.info3),
            ((4, 0, 0), 0),
            "{filter}"
        );
    }
}

const PASSES: &str = "9301 935102a16e 01"; // n = 1
const FAILS: &str = "9301 935102a16e 02";
const UNKNOWN: &str = "9301 935102a178 01";
const BAD: &str = "9210c3";

fn filtered(request: Request, filter: &str) -> Request {
    request.field(code::FILTER_EXP, &hex(filter))
}

fn put(key: &str) -> Request {
    Request::put("demo", key).int("n", 1)
}

#[test]
fn single_commands_on_a_record_that_exists() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    client.call(&put("k").bytes());
    let generation_of = |cluster: &asnode::Cluster| {
        let record = cluster.get("test", &put("k").digest());
        record.map(|record| record.generation)
    };
    for (filter, result) in [(FAILS, 27), (UNKNOWN, 27), (BAD, 4), ("", 4)] {
        for request in [
            put("k"),
            Request::get("demo", "k"),
            Request::delete("demo", "k"),
        ] {
            let reply = client.call(&filtered(request.clone(), filter).bytes());
            assert_eq!(reply.result(), result, "{filter} {request:?}");
            assert!(reply.ops.is_empty());
        }
        assert_eq!(
            generation_of(&cluster),
            Some(1),
            "{filter}: nothing is changed"
        );
    }
    let mut run = |request| client.call(&filtered(request, PASSES).bytes()).result();
    assert_eq!(run(Request::get("demo", "k")), 0);
    assert_eq!(run(put("k")), 0);
    assert_eq!(generation_of(&cluster), Some(2));
    assert_eq!(run(Request::delete("demo", "k")), 0);
    assert_eq!(generation_of(&cluster), None);
}

#[test]
fn single_commands_on_a_missing_record() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    for filter in [PASSES, FAILS, UNKNOWN, BAD] {
        let mut run = |request| client.call(&filtered(request, filter).bytes()).result();
        assert_eq!(run(Request::get("demo", "k")), 2, "{filter}");
        assert_eq!(run(Request::delete("demo", "k")), 2, "{filter}");
        assert_eq!(run(put("k")), 0, "{filter}: writes ignore it");
        assert_eq!(
            client.call(&Request::delete("demo", "k").bytes()).result(),
            0
        );
    }
}

#[test]
fn rows_of_batches() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let rows = |inner: Option<&str>| -> Vec<Vec<u8>> {
        let with = |request: Request| match inner {
            Some(filter) => filtered(request, filter),
            None => request,
        };
        let requests = [
            Request::get("demo", "k"),
            put("k"),
            Request::get("demo", "no"),
            Request::delete("demo", "no"),
        ];
        (0..)
            .zip(requests)
            .map(|(i, request)| with(request).row(i))
            .collect()
    };
    let mut check = |outer: &str, inner: Option<&str>, expected: &[u8]| {
        client.call(&put("k").bytes());
        let rows = rows(inner);
        let count = u32::try_from(rows.len()).unwrap();
        let reply = client.collect(&batch_with(5, count, &rows.concat(), &hex(outer)));
        let mut found: Vec<_> = reply
            .iter()
            .map(|m| (m.is_last(), m.header.transaction_ttl, m.result()))
            .collect();
        found.sort_unstable();
        let results: Vec<_> = found.iter().map(|(_, _, result)| *result).collect();
        assert_eq!(results, expected, "{outer} {inner:?}");
    };
    check("", None, &[0, 0, 2, 2, 0]);
    for (filter, result) in [(PASSES, 0), (FAILS, 27), (UNKNOWN, 27), (BAD, 4)] {
        check("", Some(filter), &[result, result, 2, 2, 0]);
    }
    for (filter, result) in [(PASSES, 0), (FAILS, 27), (UNKNOWN, 27)] {
        check(filter, None, &[result, result, 2, 2, 0]);
    }
    check(FAILS, Some(PASSES), &[0, 0, 2, 2, 0]); // that of the row counts
    check(BAD, Some(PASSES), &[4]); // the whole batch
    check(BAD, None, &[4]);
}

#[test]
fn rows_that_create_ignore_filters() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    for filter in [FAILS, UNKNOWN, BAD] {
        let reply = client.collect(&batch(5, &[filtered(put("k"), filter).row(0)]));
        assert_eq!(reply[0].result(), 0, "{filter}");
        client.call(&Request::delete("demo", "k").bytes());
    }
    let outer = batch_with(5, 1, &put("k").row(0), &hex(FAILS));
    assert_eq!(client.collect(&outer)[0].result(), 0);
}

/// A GeoJSON literal.
fn geo(json: &str) -> Vec<u8> {
    let len = u16::try_from(json.len() + 1).unwrap().to_be_bytes();
    [&[0xda][..], &len, &[23], json.as_bytes()].concat()
}

#[test]
fn scans_select_places() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    for (lng, lat) in [(0, 0), (1, 0), (2, 1), (50, 50), (-179, 0)] {
        let key = format!("{lng} {lat}");
        let json = format!(r#"{{"type":"Point","coordinates":[{lng},{lat}]}}"#);
        let value = [&[0; 3], json.as_bytes()].concat();
        let put = Request::put("demo", &key).op(op::code::WRITE, 23, "g", &value);
        assert_eq!(client.call(&put.bytes()).result(), 0, "{json}");
    }
    client.call(&put("no place").bytes());
    let all = all_partitions();
    let regions = [
        (r#"{"type":"AeroCircle","coordinates":[[0,0],112000]}"#, 2),
        (
            r#"{"type":"Polygon","coordinates":[[[-1,-1],[3,-1],[3,3],[-1,3],[-1,-1]]]}"#,
            3,
        ),
        (r#"{"type":"AeroCircle","coordinates":[[179,0],250000]}"#, 1),
        (r#"{"type":"Point","coordinates":[0,0]}"#, 0),
    ];
    for (region, expected) in regions {
        let filter = [hex("9308 935108a167"), geo(region)].concat();
        let reply = client.collect(&scan_request(&all, |scan| scan.filter = &filter));
        assert_eq!(scanned(&reply).len(), expected, "{region}");
    }
    let bad = [hex("9308 935108a167"), geo("{}")].concat();
    let reply = client.call(&scan_request(&all, |scan| scan.filter = &bad));
    assert_eq!(reply.result(), 4);
}

/// The deepest filter that is accepted, on the stack that a connection has.
#[test]
fn deep_filters_fit_the_stack() {
    let cluster = golden_cluster();
    let mut client = Client::connect(&cluster);
    let all = all_partitions();
    for (open, close) in [
        ("9212", ""),
        ("947bc3", "c2"),
        ("9310c3", ""),
        ("9301c3", ""),
    ] {
        let filter = hex(&[&open.repeat(127), "c3", &close.repeat(127)].concat());
        let reply = client.collect(&scan_request(&all, |scan| scan.filter = &filter));
        assert!(reply.last().unwrap().is_last(), "{open} is not refused");
    }
    let name = |i: u8| format!("a2{:02x}{:02x}", b'a' + i / 16, b'a' + i % 16);
    let lets: String = (0..127).map(|i| format!("947d{}c3", name(i))).collect();
    let filter = hex(&[&lets, "c3"].concat());
    let reply = client.collect(&scan_request(&all, |scan| scan.filter = &filter));
    assert_eq!(scanned(&reply).len(), 358);
}
