//! Queries on secondary indexes and background writes (`wire-scan.md` §9).

use crate::client::{
    Client, Msg, Request, all_partitions, cluster, hex, scan_request, scanned, until,
};
use aerospike_wire::{
    field::code,
    message::{MessageBuilder, MessageHeader, flags},
    op,
};
use asnode::{Build, Cluster, NamespaceConfig};
use std::{collections::BTreeSet, time::Duration};

/// INDEX_RANGE of one range.
fn range(bin: &str, particle: u8, start: &[u8], end: &[u8]) -> Vec<u8> {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let name_len = u8::try_from(bin.len()).unwrap();
    [
        &[1, name_len],
        bin.as_bytes(),
        &[particle],
        &len(start),
        start,
        &len(end),
        end,
    ]
    .concat()
}

fn ints(bin: &str, start: i64, end: i64) -> Vec<u8> {
    range(bin, 1, &start.to_be_bytes(), &end.to_be_bytes())
}

/// A query of all partitions with these fields beside the usual ones.
fn query(set: &str, fields: &[(u8, &[u8])]) -> Vec<u8> {
    let pids: Vec<u8> = (0..4096u16).flat_map(u16::to_le_bytes).collect();
    query_of(set, &[&[(code::PID_ARRAY, &pids[..])], fields].concat())
}

fn query_of(set: &str, fields: &[(u8, &[u8])]) -> Vec<u8> {
    let header = MessageHeader {
        info1: flags::READ,
        info3: flags::PARTITION_DONE,
        ..MessageHeader::default()
    };
    let mut out = Vec::new();
    let mut message = MessageBuilder::new(&mut out, &header);
    message.field(code::NAMESPACE, b"test");
    if !set.is_empty() {
        message.field(code::SET, set.as_bytes());
    }
    for (kind, data) in fields {
        message.field(*kind, data);
    }
    message.finish();
    out
}

/// A hundred records with numbers, texts, lists and maps, and an index on each.
fn filled(nodes: usize) -> Cluster {
    let mut config = NamespaceConfig::new("test");
    config.replication_factor = 2;
    let builder = Cluster::builder().nodes(nodes).namespace(config);
    let cluster = builder.start().unwrap();
    let mut client = Client::connect(&cluster);
    for i in 0..100u8 {
        let text = format!("t{}", i % 10);
        let list = [0x93, 0xc7, 0, 1, i, 0xcd, 1, i]; // [i, 256 + i], ordered
        let map = [0x81, 0xa2, 3, b'k', 0x92, i, 0xa2, 3, b'a' + i % 10]; // {"k": [i, letter]}
        let put = Request::put("s", &i.to_string())
            .int("n", i.into())
            .op(op::code::WRITE, 3, "t", text.as_bytes())
            .op(op::code::WRITE, 4, "b", &[i % 5])
            .op(op::code::WRITE, 20, "l", &list)
            .op(op::code::WRITE, 19, "m", &map);
        assert_eq!(client.call(&put.bytes()).result(), 0);
    }
    client.call(&Request::put("", "n").int("n", 5).bytes());
    for definition in [
        "set=s;indexname=n;bin=n;type=numeric",
        "set=s;indexname=t;bin=t;type=string",
        "set=s;indexname=b;bin=b;type=blob",
        "set=s;indexname=l;indextype=list;bin=l;type=numeric",
        "set=s;indexname=mk;indextype=mapkeys;bin=m;type=string",
        // Inside the list under key "k": its first element, and all of them.
        "set=s;indexname=mc;context=lCKiA2sQAA==;bin=m;type=numeric",
        "set=s;indexname=ml;indextype=list;context=kiKiA2s=;bin=m;type=string",
        // n modulo 7
        "set=s;indexname=e;exp=kxqTUQKhbgc=;type=numeric",
        "indexname=all;bin=n;type=numeric",
    ] {
        let command = format!("sindex-create:namespace=test;{definition}");
        assert_eq!(client.info(&command), "ok", "{definition}");
    }
    cluster
}

/// The numbers of the records found.
fn numbers(reply: &[Msg]) -> Vec<i64> {
    let number = |msg: &&Msg| {
        let bins = msg.bins();
        i64::from_be_bytes(bins[&b"n"[..]].1.as_slice().try_into().unwrap())
    };
    let mut all: Vec<_> = scanned(reply).iter().map(number).collect();
    all.sort_unstable();
    all
}

#[test]
fn ranges_and_values_are_found() {
    let cluster = filled(1);
    let mut client = Client::connect(&cluster);
    let mut check = |what: &str, fields: &[(u8, &[u8])], wanted: &dyn Fn(i64) -> bool| {
        let reply = client.collect(&query("s", fields));
        let expected: Vec<_> = (0..100).filter(|n| wanted(*n)).collect();
        assert_eq!(numbers(&reply), expected, "{what}");
    };
    const RANGE: u8 = code::INDEX_RANGE;
    // The example of the protocol description.
    let example = hex("01 01 6e 01 00000008 000000000000000a 00000008 0000000000000013");
    assert_eq!(example, ints("n", 10, 19));
    check("numbers", &[(RANGE, &example)], &|n| (10..20).contains(&n));
    check("one number", &[(RANGE, &ints("n", 7, 7))], &|n| n == 7);
    check("no number", &[(RANGE, &ints("n", -9, -1))], &|_| false);
    let text = range("t", 3, b"t4", b"");
    check("text", &[(RANGE, &text)], &|n| n % 10 == 4);
    let text = range("t", 3, b"t4", b"t4");
    check("text, said twice", &[(RANGE, &text)], &|n| n % 10 == 4);
    let blob = range("b", 4, &[3], b"");
    check("blob", &[(RANGE, &blob)], &|n| n % 5 == 3);
    let list = [(RANGE, &ints("l", 256, 265)[..]), (code::INDEX_TYPE, &[1])];
    check("list", &list, &|n| n < 10);
    let keys = range("m", 3, b"k", b"");
    check(
        "map keys",
        &[(RANGE, &keys), (code::INDEX_TYPE, &[2])],
        &|_| true,
    );
    let context = hex("94 22 a2 03 6b 10 00");
    let inside = ints("m", 90, 200);
    let fields = [(RANGE, &inside[..]), (code::INDEX_CONTEXT, &context)];
    check("in a context", &fields, &|n| n >= 90);
    let context = hex("92 22 a2 03 6b");
    let letter = range("m", 3, b"c", b"");
    let fields = [
        (RANGE, &letter[..]),
        (code::INDEX_CONTEXT, &context),
        (code::INDEX_TYPE, &[1]),
    ];
    check("a list in a context", &fields, &|n| n % 10 == 2);
    let nameless = ints("", 2, 3);
    let fields = [(RANGE, &nameless[..]), (code::INDEX_NAME, b"e")];
    check("expression by name", &fields, &|n| {
        (2..4).contains(&(n % 7))
    });
    let expression = hex("93 1a 93 51 02 a1 6e 07");
    let fields = [
        (RANGE, &nameless[..]),
        (code::INDEX_EXPRESSION, &expression),
    ];
    check("expression", &fields, &|n| (2..4).contains(&(n % 7)));
    let filter = hex("93 01 93 51 03 a1 74 a3 03 74 31"); // t = "t1"
    let fields = [(RANGE, &example[..]), (code::FILTER_EXP, &filter)];
    check("with a filter", &fields, &|n| n == 11);
    let reply = client.collect(&query("", &[(RANGE, &ints("n", 5, 5))]));
    assert_eq!(numbers(&reply), [5, 5], "the index on the namespace");
}

#[test]
fn records_come_with_the_value_they_were_found_by() {
    let cluster = filled(1);
    let mut client = Client::connect(&cluster);
    let reply = client.collect(&query("s", &[(code::INDEX_RANGE, &ints("n", 3, 5))]));
    for record in scanned(&reply) {
        let number = record.bins()[&b"n"[..]].1.clone();
        let number = i64::from_be_bytes(number.try_into().unwrap());
        let value = record.field(code::BVAL_ARRAY).unwrap();
        assert_eq!(value, number.to_le_bytes());
        let last = record.fields.last().unwrap();
        assert_eq!(last.0, code::BVAL_ARRAY, "it is the last field");
    }
    let scan = client.collect(&query("s", &[]));
    assert!(
        scanned(&scan)
            .iter()
            .all(|r| r.field(code::BVAL_ARRAY).is_none())
    );
}

/// Until an index is built it says so on every node, and cannot be asked.
#[test]
fn indexes_are_built_in_their_time() {
    let builder = Cluster::builder().nodes(2);
    let cluster = builder.index_build_delay(Duration::MAX).start().unwrap();
    let mut clients = cluster
        .addresses()
        .into_iter()
        .map(Client::to)
        .collect::<Vec<_>>();
    for definition in [
        "indexname=n;bin=n;type=numeric",
        "indexname=all;indextype=set",
    ] {
        let create = format!("sindex-create:namespace=test;set=s;{definition}");
        assert_eq!(clients[0].info(&create), "ok");
    }
    let put = Request::put("s", "k").int("n", 5).bytes();
    assert_eq!(clients[0].call(&put).result(), 0);
    let question = query("s", &[(code::INDEX_RANGE, &ints("n", 0, 9))]);
    let mut check = |state: &str, percent: u32, populating: bool, found: u8| {
        for client in &mut clients {
            let listed = client.info("sindex-list:namespace=test;b64=true");
            assert_eq!(
                listed.matches(":state=").count(),
                1,
                "set indexes have none"
            );
            assert!(listed.contains(&format!(":state={state};")), "{listed}");
            for name in ["n", "all"] {
                let stat = client.info(&format!("sindex-stat:namespace=test;indexname={name}"));
                assert!(stat.contains(&format!(";load_pct={percent}")), "{stat}");
            }
            let set = client.info("sets/test/s");
            assert!(
                set.contains(&format!(":index_populating={populating}:")),
                "{set}"
            );
        }
        let reply = clients[0].collect(&question);
        assert_eq!(reply.last().map(Msg::result), Some(found));
    };
    check("WO", 0, true, 203);
    cluster.finish_indexes();
    check("RW", 100, false, 0);
}

#[test]
fn queries_are_refused() {
    let cluster = filled(1);
    let mut client = Client::connect(&cluster);
    let mut check = |what: &str, set: &str, expected: u8, fields: &[(u8, &[u8])]| {
        let result = client.collect(&query(set, fields))[0].result();
        assert_eq!(result, expected, "{what}");
    };
    const RANGE: u8 = code::INDEX_RANGE;
    let good = ints("n", 1, 2);
    check("no such bin", "s", 201, &[(RANGE, &ints("x", 1, 2))]);
    check(
        "no index of this type",
        "s",
        201,
        &[(RANGE, &range("n", 3, b"a", b""))],
    );
    check(
        "another collection",
        "s",
        201,
        &[(RANGE, &good), (code::INDEX_TYPE, &[1])],
    );
    check(
        "another context",
        "s",
        201,
        &[(RANGE, &good), (code::INDEX_CONTEXT, &hex("921000"))],
    );
    check("another set", "other", 201, &[(RANGE, &good)]);
    check(
        "only on a set",
        "",
        201,
        &[(RANGE, &range("t", 3, b"t1", b""))],
    );
    let nameless = ints("", 1, 2);
    check(
        "unknown name",
        "s",
        201,
        &[(RANGE, &nameless), (code::INDEX_NAME, b"x")],
    );
    check(
        "name and bin",
        "s",
        4,
        &[(RANGE, &good), (code::INDEX_NAME, b"n")],
    );
    check("the ends swapped", "s", 4, &[(RANGE, &ints("n", 2, 1))]);
    check(
        "short numbers",
        "s",
        4,
        &[(RANGE, &range("n", 1, &[1], &[2]))],
    );
    check("two texts", "s", 4, &[(RANGE, &range("t", 3, b"a", b"b"))]);
    check("a list", "s", 4, &[(RANGE, &range("l", 20, b"\x90", b""))]);
    check("a place", "s", 16, &[(RANGE, &range("g", 23, b"{}", b""))]);
    check("empty", "s", 4, &[(RANGE, b"")]);
    check("cut", "s", 4, &[(RANGE, &good[..good.len() - 1])]);
    check("surplus", "s", 4, &[(RANGE, &[&good[..], &[0]].concat())]);
    check(
        "two ranges",
        "s",
        4,
        &[(RANGE, &[&[2], &good[1..]].concat())],
    );
    check(
        "values without digests",
        "s",
        4,
        &[(RANGE, &good), (code::BVAL_ARRAY, &[0; 8])],
    );
}

#[test]
fn queries_are_resumed() {
    let cluster = filled(1);
    let mut client = Client::connect(&cluster);
    let range = ints("n", 0, 49);
    let mut found = BTreeSet::new();
    let mut resume: Vec<Msg> = Vec::new();
    let mut pages = 0;
    loop {
        let seen: BTreeSet<u16> = resume
            .iter()
            .map(|m| m.digest().partition().get())
            .collect();
        let fresh = (0..4096u16).filter(|p| !seen.contains(p));
        let pids: Vec<u8> = fresh.flat_map(u16::to_le_bytes).collect();
        let digests: Vec<u8> = resume.iter().flat_map(|m| m.digest().0).collect();
        let values: Vec<u8> = resume
            .iter()
            .flat_map(|m| m.field(code::BVAL_ARRAY).unwrap().to_vec())
            .collect();
        let mut fields = vec![
            (code::PID_ARRAY, &pids[..]),
            (code::INDEX_RANGE, &range),
            (code::MAX_RECORDS, &[0, 0, 0, 0, 0, 0, 0, 7]),
        ];
        if !resume.is_empty() {
            fields.push((code::DIGEST_ARRAY, &digests));
            fields.push((code::BVAL_ARRAY, &values));
        }
        let reply = client.collect(&query_of("s", &fields));
        let page = scanned(&reply);
        pages += 1;
        for record in &page {
            assert!(found.insert(record.digest()), "twice");
            resume.retain(|m| m.digest().partition() != record.digest().partition());
            resume.push((*record).clone());
        }
        if page.len() < 7 {
            break;
        }
    }
    assert_eq!((found.len(), pages), (50, 8));
    let one = Request::get("s", "1").digest().0;
    let unequal = [
        (code::DIGEST_ARRAY, &one[..]),
        (code::INDEX_RANGE, &range),
        (code::BVAL_ARRAY, &[0; 16]),
    ];
    assert_eq!(client.collect(&query_of("s", &unequal))[0].result(), 4);
}

#[test]
fn queries_before_6_0_take_no_partitions() {
    let builder = Cluster::builder().build(Build::GENERATIONS[0]).nodes(2);
    let cluster = builder.start().unwrap();
    let mut clients: Vec<_> = cluster.addresses().into_iter().map(Client::to).collect();
    for i in 0..50 {
        clients[0].call(&Request::put("s", &i.to_string()).int("n", i).bytes());
    }
    let command = "sindex-create:ns=test;set=s;indexname=n;indexdata=n,numeric";
    assert_eq!(clients[0].info(command), "ok");
    let request = query_of("s", &[(code::INDEX_RANGE, &ints("n", 10, 39))]);
    let found = clients.iter_mut().map(|c| numbers(&c.collect(&request)));
    let found: Vec<_> = found.collect();
    assert!(
        found.iter().all(|part| !part.is_empty()),
        "both nodes have some"
    );
    let mut all = found.concat();
    all.sort_unstable();
    assert_eq!(all, (10..40).collect::<Vec<_>>());
    let newer = filled(1);
    assert_eq!(Client::connect(&newer).collect(&request)[0].result(), 16);
}

#[test]
fn a_query_is_a_job_with_an_index() {
    let cluster = filled(1);
    let mut client = Client::connect(&cluster);
    let id = 777u64.to_be_bytes();
    let fields = [
        (code::INDEX_RANGE, &ints("n", 1, 2)[..]),
        (code::QUERY_ID, &id),
    ];
    client.collect(&query("s", &fields));
    let shown = client.info("query-show:id=777");
    assert!(
        shown.contains(":set=s:sindex-name=n:n-pids-requested=4096:"),
        "{shown}"
    );
    assert!(shown.contains(":job-type=basic:"));
}

/// A background write of these operations.
fn background(id: u64, rps: u32, request: Request) -> Vec<u8> {
    let mut request = request
        .field(code::QUERY_ID, &id.to_be_bytes())
        .field(code::RECORDS_PER_SECOND, &rps.to_be_bytes());
    request.fields.retain(|(kind, _)| *kind != code::DIGEST);
    request.bytes()
}

#[test]
fn background_writes_reach_every_record_that_they_mean() {
    let cluster = filled(3);
    let mut clients: Vec<_> = cluster.addresses().into_iter().map(Client::to).collect();
    let writes = Request::put("s", "")
        .int("new", 1)
        .op(op::code::INCR, 1, "n", &1000i64.to_be_bytes())
        .field(code::INDEX_RANGE, &ints("n", 50, 2000));
    for client in &mut clients {
        let reply = client.call(&background(777, 0, writes.clone()));
        assert_eq!((reply.result(), reply.is_last()), (0, true));
    }
    for client in &mut clients {
        until(|| {
            client
                .info("query-show:id=777")
                .contains(":status=done(ok):")
        });
    }
    let mut changed = 0;
    cluster.for_each("test", |record| {
        let bin = |name: &[u8]| record.bins.iter().find(|bin| bin.name == name);
        let number = &bin(b"n").unwrap().value;
        let number = i64::from_be_bytes(number.as_slice().try_into().unwrap());
        let expected = if number >= 1000 { 2 } else { 1 };
        assert_eq!(record.generation, expected, "written once");
        assert_eq!(bin(b"new").is_some(), number >= 1000);
        assert!(number < 50 || (1050..1100).contains(&number));
        changed += i32::from(number >= 1000);
    });
    assert_eq!(changed, 50, "each by the master of its partition");
    let shown = clients[0].info("query-show:id=777");
    assert!(shown.contains(":sindex-name=n:rps=0:"), "{shown}");
    assert!(shown.contains(":ops-active=0:") && !shown.contains("n-pids"));
    assert!(shown.contains(":job-type=background-ops:"));
}

#[test]
fn background_writes_take_their_time_and_are_aborted() {
    let cluster = filled(1);
    let mut client = Client::connect(&cluster);
    let touch = Request::put("s", "").op(op::code::TOUCH, 0, "", &[]);
    let reply = client.call(&background(777, 1, touch.clone()));
    assert_eq!(reply.result(), 0);
    let shown = client.info("query-show:id=777");
    assert!(
        shown.contains(":rps=1:") && shown.contains(":status=active(ok):"),
        "{shown}"
    );
    // The id is taken for as long.
    assert_eq!(client.call(&background(777, 1, touch)).result(), 4);
    assert_eq!(client.info("query-abort:id=777"), "ok");
    until(|| {
        client
            .info("query-show:id=777")
            .contains(":status=done(user-aborted):")
    });
    // The end of the cluster ends what is under way.
    let touch = Request::put("s", "").op(op::code::TOUCH, 0, "", &[]);
    assert_eq!(client.call(&background(778, 1, touch)).result(), 0);
    drop(cluster);
}

#[test]
fn background_writes_can_delete_and_fail() {
    let cluster = filled(1);
    let mut client = Client::connect(&cluster);
    let mut run = |id: u64, request: Request| {
        assert_eq!(client.call(&background(id, 0, request)).result(), 0);
        let command = format!("query-show:id={id}");
        until(|| client.info(&command).contains("done(ok)"));
        client.info(&command)
    };
    let filter = hex("93 05 93 51 02 a1 6e 0a"); // n < 10
    let delete = Request::put("s", "")
        .op(op::code::DELETE_ALL, 0, "", &[])
        .field(code::FILTER_EXP, &filter);
    let shown = run(1, delete);
    assert!(
        shown.contains(":recs-succeeded=10:recs-failed=0:"),
        "{shown}"
    );
    assert_eq!(cluster.count("test"), 91);
    let append = Request::put("s", "").op(op::code::APPEND, 3, "n", b"x");
    let shown = run(2, append);
    assert!(
        shown.contains(":recs-succeeded=0:recs-failed=90:"),
        "{shown}"
    );
}

#[test]
fn background_writes_are_refused() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let put = || Request::put("s", "").int("n", 1);
    for (what, request, expected) in [
        ("no operation", Request::put("s", ""), 4),
        ("a delete", put().with(|h| h.info2 |= flags::DELETE), 4),
        ("a read", put().read("n"), 4),
        ("a bad filter", put().field(code::FILTER_EXP, &[0x91]), 4),
        (
            "no index",
            put().field(code::INDEX_RANGE, &ints("n", 1, 2)),
            201,
        ),
        ("a UDF", put().field(code::UDF_OP, &[2]), 16),
    ] {
        let reply = client.call(&background(5, 0, request));
        assert_eq!(
            (reply.result(), reply.is_last()),
            (expected, false),
            "{what}"
        );
    }
    assert_eq!(client.info("query-show:id=5"), "ERROR:2:job not found");
    let partitions = all_partitions();
    let scan = scan_request(&partitions, |_| {});
    assert!(scanned(&client.collect(&scan)).is_empty());
}
