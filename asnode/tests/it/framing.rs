//! Frames, good and bad (`wire-protocol.md` §1–§3).

use crate::client::{Client, Request, cluster, framed, hex, messages};
use aerospike_wire::{field, info};

#[test]
fn put_and_get_are_the_bytes_of_the_specification() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let key = "00000005 00 74657374  00000005 01 64656d6f
               00000015 04 ec91192d4b7f8ce35d5d78d34bca65cbaaaac960";
    let ops = "0000000d 02 01 00 01 61 000000000000002a  00000007 02 03 00 01 73 6869";
    client.send(&hex(&format!(
        "02 03 00000000005d 160001000000 00000000 00000000 000003e8 0003 0002 {key} {ops}"
    )));
    let stored = "0203 000000000016 160000000000 00000001 00000000 00000000 00000000";
    assert_eq!(client.frame().unwrap(), hex(stored));

    client.send(&hex(&format!(
        "02 03 000000000041 160300000000 00000000 00000000 000003e8 0003 0000 {key}"
    )));
    let found = "0203 000000000032 160000000000 00000001 00000000 00000000 0000 0002
                 0000000d 01 01 00 01 61 000000000000002a  00000007 01 03 00 01 73 6869";
    assert_eq!(client.frame().unwrap(), hex(found));
}

#[test]
fn bad_headers_close_the_connection() {
    let cluster = cluster();
    for header in [
        "03 03 000000000016", // version
        "00 03 000000000016", // version 0 is for admin messages only
        "02 00 000000000016", // type
        "02 06 000000000016",
        "02 03 000008000001", // over 128 MiB
        "02 03 800000000000",
        "16 03 010200010001", // TLS
    ] {
        let mut client = Client::connect(&cluster);
        client.send(&hex(header));
        assert!(client.is_closed(), "{header}");
    }
}

#[test]
fn malformed_messages_are_answered_and_the_connection_stays() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let get = Request::get("demo", "k").bytes();
    let body = &get[8..];
    let cut_field = {
        let mut body = body.to_vec();
        body[22..26].copy_from_slice(&0xffffu32.to_be_bytes());
        body
    };
    let zero_field = {
        let mut body = body.to_vec();
        body[22..26].copy_from_slice(&0u32.to_be_bytes());
        body
    };
    let too_many_fields = {
        let mut body = body.to_vec();
        body[19] = 200;
        body
    };
    for bad in [
        &body[..21],
        &[],
        &[body, &[0]].concat(),
        &cut_field,
        &zero_field,
        &too_many_fields,
    ] {
        assert_eq!(client.call(&framed(3, bad)).outcome(), (4, 0, 0));
    }
    assert_eq!(client.call(&framed(4, &[0; 16])).result(), 25);
    assert_eq!(client.call(&framed(5, body)).result(), 4);
    assert_eq!(client.call(&get).result(), 2);
    client.send(&framed(
        2,
        &[0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ));
    let admin = client.frame().unwrap();
    assert_eq!(
        admin,
        hex("02 02 000000000010 00 33 0000000000000000000000000000")
    );
}

#[test]
fn header_size_unknown_fields_and_order_do_not_matter() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let mut put = Request::put("demo", "k")
        .int("a", 1)
        .field(99, b"future")
        .field(45, b"");
    put.fields.reverse();
    let mut bytes = put.bytes();
    bytes[8] = 7;
    assert_eq!(client.call(&bytes).outcome(), (0, 1, 0));
    assert_eq!(client.call(&Request::get("demo", "k").bytes()).ops.len(), 1);
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let mut ahead = Request::put("demo", "k").int("a", 1).bytes();
    info::request(&mut ahead, &["build"]);
    ahead.extend_from_slice(&Request::get("demo", "k").bytes());
    client.send(&ahead);
    assert_eq!(messages(&client.frame().unwrap())[0].result(), 0);
    assert_eq!(client.frame().unwrap(), framed(1, b"build\t8.1.2.0\n"));
    assert_eq!(messages(&client.frame().unwrap())[0].ops.len(), 1);
}

#[test]
fn routing_by_namespace_and_flags() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let mut check = |request: Request, result: u8| {
        assert_eq!(client.call(&request.bytes()).result(), result);
    };
    let mut unknown = Request::get("demo", "k");
    unknown.fields[0].1 = b"nope".to_vec();
    check(unknown, 20);
    let mut nameless = Request::get("demo", "k");
    nameless.fields.remove(0);
    check(nameless, 20);
    let mut short_digest = Request::get("demo", "k");
    short_digest.fields[2].1.pop();
    check(short_digest, 4);
    let mut no_digest = Request::get("demo", "k");
    no_digest.fields.pop();
    check(no_digest, 16);
    let mut background = Request::put("demo", "k");
    background.fields.pop();
    check(background, 4);
    check(Request::get("demo", "k").with(|h| h.info1 = 0), 4);
    check(Request::delete("demo", "k").with(|h| h.info2 = 2), 4);
    // A BATCH field without the BATCH bit is not looked at.
    let mut batch = Request::get("demo", "k").field(field::code::BATCH, &[0; 5]);
    batch.fields.remove(0);
    check(batch, 20);
}

#[test]
fn random_bytes_never_stop_the_node() {
    let cluster = cluster();
    let mut rng = Rng(7);
    let templates = [
        Request::put("demo", "k")
            .key("k")
            .int("a", 1)
            .op(2, 19, "m", &[0x81, 1, 2])
            .bytes(),
        Request::get("demo", "k")
            .field(field::code::FILTER_EXP, &hex("930591450a"))
            .bytes(),
        crate::client::batch(5, &[Request::put("demo", "k").int("a", 1).row(0)]),
        crate::client::scan_request(&[1, 2, 3], |scan| scan.filter = b"\x93\x01\x91\x45\xff"),
        framed(
            1,
            b"sindex-create:namespace=test;indexname=a;bin=b;type=numeric\nsets/test\n",
        ),
    ];
    for round in 0..2000 {
        let mut body = templates[round % templates.len()][8..].to_vec();
        let kind = templates[round % templates.len()][1];
        for _ in 0..1 + rng.next() % 6 {
            let at = usize::try_from(rng.next()).unwrap() % body.len();
            body[at] = rng.next().to_le_bytes()[0];
        }
        let mut client = Client::connect(&cluster);
        client.send(&framed(kind, &body));
        // Some answers come in many frames; the first shows that the thread lives.
        assert!(client.frame().is_ok(), "round {round}: {body:x?}");
    }
    assert_eq!(Client::connect(&cluster).info("status"), "ok");
}

/// A generator of test noise (xorshift).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
