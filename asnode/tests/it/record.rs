//! Single-record commands: the record rules of `test-node.md` §5 (1 to 6).

use crate::client::{Client, Request, cluster, cluster_with, hex};
use aerospike_wire::{digest::Digest, field::code, message::flags, op};
use asnode::RawRecord;
use std::time::Duration;

const WRITE_ONLY: u8 = flags::WRITE;

/// Sends requests one after the other and compares result, generation and void-time.
fn check(client: &mut Client, steps: &[(&str, Request, (u8, u32, u32))]) {
    for (what, request, expected) in steps {
        assert_eq!(client.call(&request.bytes()).outcome(), *expected, "{what}");
    }
}

fn put() -> Request {
    Request::put("demo", "k").int("a", 1)
}

#[test]
fn generations_count_wrap_and_are_checked() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let equal = |generation| {
        put().with(|h| (h.info2, h.generation) = (WRITE_ONLY | flags::GENERATION, generation))
    };
    let greater = |generation| {
        put().with(|h| (h.info2, h.generation) = (WRITE_ONLY | flags::GENERATION_GT, generation))
    };
    check(
        &mut client,
        &[
            ("missing has 0: greater than 0 fails", greater(0), (3, 0, 0)),
            ("missing has 0: equal 1 fails", equal(1), (3, 0, 0)),
            ("missing has 0: equal 0 passes", equal(0), (0, 1, 0)),
            ("one more", put(), (0, 2, 0)),
            ("equal", equal(2), (0, 3, 0)),
            ("not equal", equal(2), (3, 3, 0)),
            ("greater", greater(4), (0, 4, 0)),
            ("not greater", greater(4), (3, 4, 0)),
            ("full 32 bits are compared", equal(0x1_0004), (3, 4, 0)),
            (
                "deletes are checked, too, and tell nothing",
                Request::delete("demo", "k").with(|h| (h.info2, h.generation) = (7, 9)),
                (3, 0, 0),
            ),
        ],
    );
    let digest = put().digest();
    let mut record = cluster.get("test", &digest).unwrap();
    record.generation = u16::MAX;
    cluster.put("test", &record);
    check(&mut client, &[("65535 is followed by 1", put(), (0, 1, 0))]);
}

#[test]
fn existence_policies() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let info2 = |bits: u8| put().with(|h| h.info2 |= bits);
    let info3 = |bits: u8| put().with(|h| h.info3 = bits);
    let two_bins = || put().int("b", 2);
    check(
        &mut client,
        &[
            ("update-only, missing", info3(flags::UPDATE_ONLY), (2, 0, 0)),
            (
                "replace-only, missing",
                info3(flags::REPLACE_ONLY),
                (2, 0, 0),
            ),
            (
                "touch, missing",
                put().op(op::code::TOUCH, 0, "", &[]),
                (2, 0, 0),
            ),
            ("create-only, missing", info2(flags::CREATE_ONLY), (0, 1, 0)),
            (
                "create-only, existing",
                info2(flags::CREATE_ONLY),
                (5, 1, 0),
            ),
            (
                "existence before generation",
                put().with(|h| {
                    h.info2 |= flags::CREATE_ONLY | flags::GENERATION_GT;
                }),
                (5, 1, 0),
            ),
            ("second bin", two_bins(), (0, 2, 0)),
            ("update-only merges", info3(flags::UPDATE_ONLY), (0, 3, 0)),
        ],
    );
    let bins = |client: &mut Client| client.call(&Request::get("demo", "k").bytes()).ops.len();
    assert_eq!(bins(&mut client), 2);
    check(
        &mut client,
        &[("replace drops bins", info3(flags::REPLACE_ONLY), (0, 4, 0))],
    );
    assert_eq!(bins(&mut client), 1);
    for bad in [
        put().op(op::code::WRITE, 0, "b", &[]),
        put().op(op::code::INCR, 1, "b", &[0; 8]),
        put().op(op::code::TOUCH, 0, "", &[]),
        put().op(op::code::DELETE_ALL, 0, "", &[]),
    ] {
        let bad = bad.with(|h| h.info3 = flags::CREATE_OR_REPLACE);
        assert_eq!(
            client.call(&bad.bytes()).outcome(),
            (4, 0, 0),
            "only writes may replace"
        );
    }
}

#[test]
fn keys_stick_and_are_compared() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let key = |bytes: &[u8]| put().field(code::KEY, bytes);
    check(
        &mut client,
        &[
            ("empty key", key(b""), (16, 0, 0)),
            ("integer key of 4 bytes", key(&[1, 0, 0, 0, 1]), (16, 0, 0)),
            ("without key", put(), (0, 1, 0)),
            ("key is added", key(b"\x03k"), (0, 2, 0)),
            ("later writes keep it", put(), (0, 3, 0)),
            (
                "replace keeps it",
                put().with(|h| h.info3 = flags::CREATE_OR_REPLACE),
                (0, 4, 0),
            ),
            ("another key", key(b"\x03other"), (19, 4, 0)),
            (
                "another key in a read",
                Request::get("demo", "k").key("other"),
                (19, 4, 0),
            ),
            (
                "another key in a delete",
                Request::delete("demo", "k").key("other"),
                (19, 0, 0),
            ),
        ],
    );
    let record = cluster.get("test", &put().digest()).unwrap();
    assert_eq!(record.key.as_deref(), Some(&b"\x03k"[..]));
}

#[test]
fn sets_are_compared_and_named() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    assert_eq!(client.call(&put().bytes()).result(), 0);
    let with_set = |mut request: Request, set: Option<&str>| {
        match set {
            Some(set) => request.fields[1].1 = set.into(),
            None => {
                request.fields.remove(1);
            }
        }
        request
    };
    check(
        &mut client,
        &[
            (
                "write, other set",
                with_set(put(), Some("other")),
                (4, 1, 0),
            ),
            ("write, no set", with_set(put(), None), (4, 1, 0)),
            ("write, empty set", with_set(put(), Some("")), (4, 1, 0)),
            (
                "read, other set",
                with_set(Request::get("demo", "k"), Some("other")),
                (4, 1, 0),
            ),
            (
                "read, no set",
                with_set(Request::get("demo", "k"), None),
                (0, 1, 0),
            ),
            (
                "delete, other set",
                with_set(Request::delete("demo", "k"), Some("x")),
                (4, 0, 0),
            ),
            (
                "delete, no set",
                with_set(Request::delete("demo", "k"), None),
                (0, 0, 0),
            ),
            (
                "63 bytes",
                Request::put(&"s".repeat(63), "k").int("a", 1),
                (0, 1, 0),
            ),
            (
                "64 bytes",
                Request::put(&"s".repeat(64), "k").int("a", 1),
                (4, 0, 0),
            ),
            (
                "empty is null",
                Request::put("", "k").field(code::SET, b"").int("a", 1),
                (0, 1, 0),
            ),
            ("null", Request::put("", "k").int("a", 1), (0, 2, 0)),
        ],
    );
    let strict = cluster_with(|config| config.disallow_null_setname = true);
    let mut client = Client::connect(&strict);
    check(
        &mut client,
        &[(
            "null set forbidden",
            Request::put("", "k").int("a", 1),
            (4, 0, 0),
        )],
    );
}

#[test]
fn ttl_rules() {
    let cluster = cluster_with(|config| config.default_ttl_s = 1000);
    cluster.clock().set_ms(500_000_000_000);
    let mut client = Client::connect(&cluster);
    let mut void_time = |ttl: u32| {
        let (result, _, void_time) = client
            .call(&put().with(|h| h.record_ttl = ttl).bytes())
            .outcome();
        let ttl = i64::from(void_time) - i64::from(cluster.clock().now_s());
        (result, if void_time == 0 { 0 } else { ttl })
    };
    let near = |(result, found): (u8, i64), ttl: i64| {
        assert!(
            result == 0 && (ttl - 2..=ttl).contains(&found),
            "{result} {found} {ttl}"
        );
    };
    near(void_time(u32::MAX - 1), 1000); // keep, on create: the default
    assert_eq!(void_time(u32::MAX), (0, 0));
    assert_eq!(void_time(u32::MAX - 1), (0, 0)); // keep never
    near(void_time(0), 1000);
    near(void_time(5000), 5000);
    near(void_time(u32::MAX - 1), 5000);
    near(void_time(315_360_000), 315_360_000);
    assert_eq!(void_time(315_360_001).0, 4);
    assert_eq!(void_time(u32::MAX - 2).0, 4);

    let off = cluster_with(|config| config.nsup_period_s = 0);
    let mut client = Client::connect(&off);
    check(
        &mut client,
        &[
            ("no expirer", put().with(|h| h.record_ttl = 10), (22, 0, 0)),
            (
                "never is fine",
                put().with(|h| h.record_ttl = u32::MAX),
                (0, 1, 0),
            ),
            ("default never is fine", put(), (0, 2, 0)),
        ],
    );
    assert_eq!(
        client.info("set-config:context=namespace;namespace=test;allow-ttl-without-nsup=true"),
        "ok"
    );
    assert_eq!(
        client
            .call(&put().with(|h| h.record_ttl = 10).bytes())
            .result(),
        0
    );
}

#[test]
fn expired_records_are_missing() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    for _ in 0..3 {
        client.call(&put().with(|h| h.record_ttl = 100).bytes());
    }
    assert_eq!(
        client
            .call(&Request::get("demo", "k").bytes())
            .header
            .generation,
        3
    );
    cluster.clock().advance(Duration::from_secs(102));
    assert_eq!(
        client.call(&Request::get("demo", "k").bytes()).outcome(),
        (2, 0, 0)
    );
    assert_eq!(
        client.call(&Request::delete("demo", "k").bytes()).result(),
        2
    );
    assert_eq!(cluster.count("test"), 1, "it counts until it is swept");
    let again = put().with(|h| (h.info2, h.record_ttl) = (flags::WRITE | 0x20, u32::MAX));
    assert_eq!(client.call(&again.bytes()).outcome(), (0, 1, 0));
}

#[test]
fn sizes_and_names_have_limits() {
    // 35 + 1+4 (set) + 1 (bins) + 1+1+5+n (blob) + 4
    let fits = 1000 - (35 + 5 + 1 + 7 + 4);
    let cluster = cluster_with(|config| config.max_record_size = 1000);
    let mut client = Client::connect(&cluster);
    let blob = |len: usize| Request::put("demo", "k").op(2, 4, "a", &vec![0; len]);
    check(
        &mut client,
        &[
            ("one byte too big", blob(fits + 1), (13, 0, 0)),
            ("just fits", blob(fits), (0, 1, 0)),
            (
                "void-time takes four",
                blob(fits).with(|h| h.record_ttl = 100),
                (13, 1, 0),
            ),
            (
                "15 bytes",
                Request::put("demo", "n").int("fifteen_bytes_x", 1),
                (0, 1, 0),
            ),
            (
                "16 bytes",
                Request::put("demo", "n").int("sixteen_bytes_xx", 1),
                (21, 0, 0),
            ),
            (
                "NUL in a name",
                Request::put("demo", "n").int("a\0b", 1),
                (21, 0, 0),
            ),
            (
                "empty name",
                Request::put("demo", "n").int("", 1),
                (0, 2, 0),
            ),
            ("no ops", Request::put("demo", "n"), (4, 0, 0)),
        ],
    );
}

#[test]
fn values_are_refused_by_type_and_stored_canonically() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let mut write = |particle: u8, value: &[u8]| {
        client
            .call(
                &Request::put("demo", "k")
                    .op(2, particle, "v", value)
                    .bytes(),
            )
            .outcome()
    };
    assert_eq!(write(1, &[0xff; 4]).0, 0);
    assert_eq!(
        write(5, &[0; 8]),
        (4, 1, 0),
        "a failure after the look-up tells what is there"
    );
    assert_eq!(write(20, &hex("92 01")), (1, 1, 0));
    assert_eq!(write(23, b"\0\0\0{}"), (160, 1, 0));
    let value = |cluster: &asnode::Cluster| {
        cluster.get("test", &put().digest()).unwrap().bins[0]
            .value
            .clone()
    };
    assert_eq!(value(&cluster), 0xffff_ffffi64.to_be_bytes());
    assert_eq!(write(19, &hex("83 03 01 01 02 02 03")).0, 0);
    assert_eq!(value(&cluster), hex("83 01 02 02 03 03 01"));
    assert_eq!(write(20, &hex("94 c7 00 11 01 02 03")).0, 0);
    assert_eq!(value(&cluster), hex("94 c7 00 01 01 02 03"));
}

#[test]
fn emptying_a_record_deletes_it() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let remove = |name: &str| Request::put("demo", "k").op(2, 0, name, &[]);
    check(
        &mut client,
        &[
            ("nothing to empty", remove("a"), (2, 0, 0)),
            ("create", put().int("b", 2), (0, 1, 0)),
            ("one of two", remove("a"), (0, 2, 0)),
            ("the other", remove("b"), (0, 0, 0)),
            ("gone", Request::get("demo", "k"), (2, 0, 0)),
            ("create again", put(), (0, 1, 0)),
            (
                "delete all",
                Request::put("demo", "k").op(14, 0, "", &[]),
                (0, 0, 0),
            ),
            (
                "delete all, missing",
                Request::put("demo", "k").op(14, 0, "", &[]),
                (2, 0, 0),
            ),
        ],
    );
}

#[test]
fn operate_reads_and_changes_in_order() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let operate = || {
        Request::put("demo", "k")
            .with(|h| (h.info1, h.info2) = (flags::READ, flags::WRITE | flags::RESPOND_ALL_OPS))
            .op(op::code::INCR, 1, "n", &5i64.to_be_bytes())
            .read("n")
            .op(op::code::APPEND, 3, "s", b"b")
            .op(op::code::PREPEND, 3, "s", b"a")
            .read("s")
            .op(op::code::TOUCH, 0, "", &[])
            .read("missing")
    };
    let create = Request::put("demo", "k").int("n", 1);
    client.call(&create.bytes());
    let reply = client.call(&operate().bytes());
    let found: Vec<_> = reply
        .ops
        .iter()
        .map(|(c, p, n, v)| (*c, *p, str::from_utf8(n).unwrap(), &v[..]))
        .collect();
    assert_eq!(
        found,
        [
            (5, 0, "n", &b""[..]),
            (1, 1, "n", &6i64.to_be_bytes()),
            (9, 0, "s", b""),
            (10, 0, "s", b""),
            (1, 3, "s", b"ab"),
            (1, 0, "missing", b""),
        ]
    );
    let quiet = operate().with(|h| h.info2 = flags::WRITE);
    let codes: Vec<_> = client
        .call(&quiet.bytes())
        .ops
        .iter()
        .map(|o| o.0)
        .collect();
    assert_eq!(
        codes,
        [1, 1],
        "without the bit only reads that find something answer"
    );
    let blind = operate().with(|h| h.info1 = 0);
    assert_eq!(
        client.call(&blind.bytes()).outcome(),
        (4, 0, 0),
        "READ without the READ bit"
    );
    let wrong = Request::put("demo", "k").op(op::code::APPEND, 3, "n", b"x");
    assert_eq!(client.call(&wrong.bytes()).result(), 12);
    let all = Request::put("demo", "k")
        .with(|h| h.info1 = 3)
        .int("z", 1)
        .read("");
    assert_eq!(client.call(&all.bytes()).ops.len(), 3);
    let emptied = Request::put("demo", "k")
        .with(|h| h.info2 |= flags::RESPOND_ALL_OPS)
        .op(op::code::DELETE_ALL, 0, "", &[]);
    let reply = client.call(&emptied.bytes());
    assert_eq!((reply.outcome(), reply.ops.len()), ((0, 0, 0), 1));
}

#[test]
fn reads_select_bins() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    client.call(&put().int("b", 2).bytes());
    let mut read = |info1: u8, names: &[&str]| {
        let request = Request::get("demo", "k").with(|h| h.info1 = info1);
        let request = names
            .iter()
            .fold(request, |request, name| request.read(name));
        let reply = client.call(&request.bytes());
        (reply.result(), reply.ops.len())
    };
    assert_eq!(read(0x01, &["a"]), (0, 1));
    assert_eq!(read(0x01, &["missing", "b"]), (0, 1));
    assert_eq!(read(0x01, &["missing"]), (0, 0));
    assert_eq!(read(0x01, &[""]), (0, 0), "an empty name is not all bins");
    assert_eq!(read(0x03, &["a"]), (0, 2));
    assert_eq!(read(0x21, &[""]), (0, 0));
    assert_eq!(read(0x01, &[]), (4, 0));
}

#[test]
fn read_touch_is_checked_where_there_is_something_to_touch() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    client.call(&put().bytes());
    let get = |ttl| Request::get("demo", "k").with(|h| h.record_ttl = ttl);
    assert_eq!(client.call(&get(101).bytes()).result(), 0);
    client.call(&put().with(|h| h.record_ttl = 100).bytes());
    for (ttl, result) in [(0, 0), (1, 0), (100, 0), (u32::MAX, 0), (101, 4)] {
        assert_eq!(client.call(&get(ttl).bytes()).result(), result, "{ttl}");
    }
}

#[test]
fn filters_apply_to_records_that_exist() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let filter = |request: Request, text: &str| request.field(code::FILTER_EXP, &hex(text));
    let never = "930191 45 ff"; // ttl == -1
    let expires = "930291 45 ff";
    check(
        &mut client,
        &[
            (
                "a write that finds nothing does not look",
                filter(put(), "ff ff"),
                (0, 1, 0),
            ),
            ("true", filter(put(), never), (0, 2, 0)),
            ("false", filter(put(), expires), (27, 2, 0)),
            ("unknown", filter(put(), "91 00"), (27, 2, 0)),
            ("malformed", filter(put(), "90"), (4, 2, 0)),
            (
                "read",
                filter(Request::get("demo", "k"), expires),
                (27, 2, 0),
            ),
            (
                "read, missing",
                filter(Request::get("demo", "no"), expires),
                (2, 0, 0),
            ),
            (
                "delete",
                filter(Request::delete("demo", "k"), expires),
                (27, 0, 0),
            ),
            (
                "delete, missing",
                filter(Request::delete("demo", "no"), expires),
                (2, 0, 0),
            ),
        ],
    );
}

#[test]
fn some_writes_are_refused_before_anything_else() {
    let cluster = cluster_with(|config| config.reject_xdr_writes = true);
    let mut client = Client::connect(&cluster);
    let xdr = put().with(|h| h.info1 = flags::XDR);
    let durable = Request::delete("demo", "k").with(|h| h.info2 |= flags::DURABLE_DELETE);
    check(
        &mut client,
        &[
            ("XDR", xdr, (22, 0, 0)),
            ("not XDR", put(), (0, 1, 0)),
            ("durable delete", durable, (25, 0, 0)),
            (
                "durable write",
                put().with(|h| h.info2 |= flags::DURABLE_DELETE),
                (0, 2, 0),
            ),
        ],
    );
    let stopped = cluster_with(|config| config.stop_writes = true);
    let mut client = Client::connect(&stopped);
    stopped.put(
        "test",
        &RawRecord::for_key("demo", 3, b"k").bin(b"a", 1, &[0; 8]),
    );
    check(
        &mut client,
        &[
            ("write", put(), (8, 0, 0)),
            ("delete", Request::delete("demo", "k"), (0, 0, 0)),
        ],
    );
}

#[test]
fn raw_records_go_in_and_come_out_unchanged() {
    let cluster = cluster();
    let mut record = RawRecord::new(Digest([7; 20])).bin(b"odd \\\n", 99, b"\0\xff");
    record.set = Some(b"a set".to_vec());
    record.key = Some(vec![4, 0, 1]);
    record.generation = 300;
    record.void_time = 5;
    record.last_update_ms = 1 << 39;
    assert!(cluster.put("test", &record));
    assert_eq!(cluster.get("test", &record.digest), Some(record.clone()));
    assert_eq!(cluster.records("test"), [record.clone()]);
    assert!(cluster.delete("test", &record.digest));
    assert!(!cluster.delete("test", &record.digest));
    assert!(!cluster.put("nope", &record));
}
