//! Scans (`wire-scan.md`, `test-node.md` §5.7 to 11).

use crate::client::{
    Client, Msg, Request, all_partitions, cluster, hex, messages, scan_request, scanned,
};
use aerospike_wire::{digest::Digest, field::code, message::flags};
use asnode::{
    Cluster, NamespaceConfig, RawRecord,
    faults::{On, Reaction, Rule},
};
use std::{collections::BTreeSet, time::Duration};

/// `n` records with an integer bin `n`; every third has a bin `t`, too.
fn fill(cluster: &Cluster, set: &str, n: i64) {
    for i in 0..n {
        let mut record =
            RawRecord::for_key(set, 1, &i.to_be_bytes()).bin(b"n", 1, &i.to_be_bytes());
        if i % 3 == 0 {
            record = record.bin(b"t", 3, b"third");
        }
        record.last_update_ms = 1000 * u64::try_from(i).unwrap();
        cluster.put("test", &record);
    }
}

fn digests(records: &[&Msg]) -> BTreeSet<Digest> {
    let all: BTreeSet<_> = records.iter().map(|record| record.digest()).collect();
    assert_eq!(all.len(), records.len(), "a record came twice");
    all
}

#[test]
fn a_record_is_the_bytes_of_the_capture() {
    let cluster = cluster();
    let capture = "16000000000000000001 00000000 00000000 0004 0001
        00000005 00 74657374
        00000015 04 6ef1230c24af81917257ca974c120c669683e966
        00000003 01 7363
        0000000a 02 01 00000000000003c6
        0000000d 01 01 00 01 6e 00000000000003c6";
    let mut record =
        RawRecord::for_key("sc", 1, &966i64.to_be_bytes()).bin(b"n", 1, &966i64.to_be_bytes());
    record.key = Some([&[1][..], &966i64.to_be_bytes()].concat());
    cluster.put("test", &record);
    let pid = [record.digest.partition().get()];
    let frames = Client::connect(&cluster).frames(&scan_request(&pid, |_| {}));
    assert_eq!(frames[0][8..], hex(capture));
    assert_eq!(
        frames[1],
        hex("0203000000000016 16000001 0000 00000000 00000000 00000000 0000 0000")
    );
}

#[test]
fn the_request_of_the_specification_is_answered() {
    let cluster = cluster();
    fill(&cluster, "demo", 3000);
    let request = hex(
        "0203000000000054 16010004 0000 00000000 00000000 00000000 0006 0000
         00000005 00 74657374  00000005 01 64656d6f  00000005 0b ec01b704
         00000009 0d 0000000000000064  00000005 09 00007530  00000009 07 1122334455667788",
    );
    let reply = Client::connect(&cluster).collect(&request);
    for record in scanned(&reply) {
        assert!([492, 1207].contains(&record.digest().partition().get()));
    }
}

#[test]
fn partitions_come_in_descending_order_and_resume_after_a_digest() {
    let cluster = cluster();
    fill(&cluster, "demo", 20_000);
    let mut client = Client::connect(&cluster);
    let reply = client.collect(&scan_request(&[492], |_| {}));
    let all: Vec<_> = scanned(&reply)
        .iter()
        .map(|record| record.digest())
        .collect();
    assert!(all.len() > 2);
    assert!(all.is_sorted_by(|a, b| a > b), "strictly descending");
    for (position, after) in all.iter().enumerate() {
        let reply = client.collect(&scan_request(&[], |scan| {
            scan.digests = std::slice::from_ref(after)
        }));
        let rest: Vec<_> = scanned(&reply)
            .iter()
            .map(|record| record.digest())
            .collect();
        assert_eq!(rest, all[position + 1..]);
    }
    let mut absent = all[0];
    absent.0[19] ^= 1;
    let both = scan_request(&[493], |scan| scan.digests = std::slice::from_ref(&absent));
    assert!(scanned(&client.collect(&both)).len() > all.len());
}

#[test]
fn every_record_comes_once_whatever_the_frame_size() {
    for frame_bytes in [1, 100, 4096, 1 << 20] {
        let cluster = Cluster::builder()
            .scan_frame_bytes(frame_bytes)
            .start()
            .unwrap();
        fill(&cluster, "demo", 500);
        let mut client = Client::connect(&cluster);
        let frames = client.frames(&scan_request(&all_partitions(), |_| {}));
        let reply: Vec<_> = frames.iter().flat_map(|frame| messages(frame)).collect();
        assert_eq!(digests(&scanned(&reply)).len(), 500);
        assert_eq!(
            frames.last().unwrap().len(),
            30,
            "the last message is alone"
        );
        if frame_bytes == 1 {
            assert_eq!(frames.len(), 501, "one record in each frame");
        }
    }
}

#[test]
fn partitions_can_be_interleaved_and_shuffled() {
    let build = Cluster::builder().scan_frame_bytes(1);
    let cluster = build.scan_lanes(2).shuffle(5).start().unwrap();
    fill(&cluster, "demo", 20_000);
    let wanted: Vec<u16> = (0..50).collect();
    let reply = Client::connect(&cluster).collect(&scan_request(&wanted, |_| {}));
    let records = scanned(&reply);
    let order: Vec<_> = records
        .iter()
        .map(|r| r.digest().partition().get())
        .collect();
    let runs = 1 + order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(runs > 100, "{runs} runs of 50 partitions");
    assert!(
        order[0] != 0 || order[1] != 1,
        "not in the order of the request"
    );
    let expected = cluster.records("test");
    let expected = expected
        .iter()
        .filter(|r| r.digest.partition().get() < 50)
        .count();
    assert_eq!(digests(&records).len(), expected);
    for p in wanted {
        let of_one = records
            .iter()
            .map(|r| r.digest())
            .filter(|d| d.partition().get() == p);
        assert!(
            of_one.is_sorted_by(|a, b| a > b),
            "descending within partition {p}"
        );
    }
}

#[test]
fn sets_bins_and_metadata_are_selected() {
    let cluster = cluster();
    fill(&cluster, "one", 30);
    fill(&cluster, "two", 60);
    fill(&cluster, "", 6);
    cluster.put(
        "test",
        &RawRecord::for_key("<ERO~MRT", 3, b"monitor").bin(b"n", 1, &[0; 8]),
    );
    let mut client = Client::connect(&cluster);
    let all = all_partitions();
    let mut count = |change: &dyn Fn(&mut aerospike_wire::scan::ScanRequest<'_>)| {
        let reply = client.collect(&scan_request(&all, change));
        let records = scanned(&reply);
        (
            records.len(),
            records.iter().map(|record| record.ops.len()).sum::<usize>(),
        )
    };
    assert_eq!(
        count(&|_| {}),
        (96, 96 + 32),
        "monitor records are left out"
    );
    assert_eq!(count(&|scan| scan.set = Some(b"<ERO~MRT")), (1, 1));
    assert_eq!(count(&|scan| scan.set = Some(b"one")), (30, 40));
    assert_eq!(
        count(&|scan| scan.set = Some(b"")),
        (96, 128),
        "empty is no restriction"
    );
    assert_eq!(count(&|scan| scan.set = Some(b"nope")), (0, 0));
    assert_eq!(
        count(&|scan| scan.bins = &[b"t"]),
        (32, 32),
        "records without it are dropped"
    );
    assert_eq!(count(&|scan| scan.bins = &[b"t", b"n"]), (96, 128));
    assert_eq!(count(&|scan| scan.bins = &[b""]), (0, 0));
    assert_eq!(
        count(&|scan| {
            scan.no_bins = true;
            scan.bins = &[b"t"];
        }),
        (96, 0),
        "metadata ignores bins"
    );
    let reply = client.collect(&scan_request(&all, |scan| scan.no_bins = true));
    assert!(
        scanned(&reply)
            .iter()
            .all(|record| record.header.info1 == flags::NO_BINS)
    );
}

#[test]
fn maxima_count_after_the_filter_and_before_bins() {
    let cluster = cluster();
    fill(&cluster, "demo", 300);
    let mut client = Client::connect(&cluster);
    let all = all_partitions();
    let later = hex("930491 42 d3") // last_update >= second 200
        .into_iter()
        .chain(((1_262_304_000i64 + 200) * 1_000_000_000).to_be_bytes())
        .collect::<Vec<_>>();
    let reply = client.collect(&scan_request(&all, |scan| scan.max_records = 7));
    assert_eq!(scanned(&reply).len(), 7);
    let filtered = scan_request(&all, |scan| (scan.max_records, scan.filter) = (70, &later));
    assert_eq!(scanned(&client.collect(&filtered)).len(), 70);
    let more = scan_request(&all, |scan| (scan.max_records, scan.filter) = (500, &later));
    assert_eq!(scanned(&client.collect(&more)).len(), 100);
    let bins = scan_request(&all, |scan| {
        scan.max_records = 90;
        scan.bins = &[b"t"];
    });
    let found = scanned(&client.collect(&bins)).len();
    assert!(
        (1..90).contains(&found),
        "records dropped for their bins count: {found}"
    );
}

#[test]
fn filters_of_backups() {
    let cluster = cluster();
    cluster.clock().set_ms(532_000_000_000);
    fill(&cluster, "s1", 10);
    fill(&cluster, "s2", 20);
    fill(&cluster, "s3", 40);
    fill(&cluster, "", 80);
    let mut expiring = RawRecord::for_key("s4", 3, b"expires").bin(b"n", 1, &[0; 8]);
    expiring.void_time = 532_000_000 + 1000;
    expiring.key = Some(b"\x03expires".to_vec());
    cluster.put("test", &expiring);
    let mut client = Client::connect(&cluster);
    let all = all_partitions();
    let mut count = |filter: &str| {
        let filter = hex(filter);
        let reply = client.collect(&scan_request(&all, |scan| scan.filter = &filter));
        match &reply[..] {
            [refused] if !refused.is_last() => Err(refused.result()),
            reply => Ok(scanned(reply).len()),
        }
    };
    let epoch_plus = |seconds: i64| {
        let time = (1_262_304_000 + seconds) * 1_000_000_000;
        format!("d3 {time:016x}")
    };
    let s1 = "9301 9146 a3 03 73 31";
    let s2 = "9301 9146 a3 03 73 32";
    let not_monitor = "93 02 91 46 a9 03 3c 45 52 4f 7e 4d 52 54";
    let (after, before) = (epoch_plus(5), epoch_plus(15));
    for (filter, expected) in [
        ("c3".to_owned(), Ok(151)),
        (not_monitor.to_owned(), Ok(151)),
        (s1.to_owned(), Ok(10)),
        ("93 01 91 46 a1 03".to_owned(), Ok(80)),
        (format!("9311{s1}{s2}"), Ok(30)),
        (
            format!("9310 {not_monitor} 9310 93049142{after} 93059142{before}"),
            Ok(5 + 3 * 10),
        ),
        (
            format!("93049142{}", after.replace("d3", "cf")),
            Ok(5 + 15 + 35 + 75),
        ),
        (format!("9310 {not_monitor} 93019145ff"), Ok(150)),
        ("93029144ff".to_owned(), Ok(1)), // void_time != -1
        ("9147".to_owned(), Ok(1)),       // key stored
        ("92129147".to_owned(), Ok(150)),
        (format!("93139147{s1}"), Ok(11)),
        (format!("93119100{s1}"), Ok(10)),       // or(unknown, s1)
        (format!("92129310 9100{s1}"), Ok(141)), // not(and(unknown, s1))
        ("93119100c3".to_owned(), Ok(151)),
        ("92129100".to_owned(), Ok(0)),
        ("9212931 09100c2".replace(' ', ""), Ok(151)),
        ("9210c3".to_owned(), Err(4)),
        ("93019145a20378".to_owned(), Err(4)),
        ("9301 924000 00".to_owned(), Err(4)),
        ("9145".to_owned(), Err(4)),
        ("9163".to_owned(), Err(4)),
        ("93019146a27331".to_owned(), Err(4)),
        ("90".to_owned(), Err(4)),
        ("93019145".to_owned(), Err(4)),
        ("c300".to_owned(), Err(4)),
        ("c0".to_owned(), Err(4)),
    ] {
        assert_eq!(count(&filter), expected, "{filter}");
    }
}

#[test]
fn requests_that_cannot_be_served_are_refused_without_last() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let mut check = |what: &str, result: u8, request: Request| {
        let reply = client.call(&request.bytes());
        assert_eq!(
            (reply.outcome(), reply.header.info3),
            ((result, 0, 0), 0),
            "{what}"
        );
    };
    let scan = || {
        let mut request = Request::get("", "");
        request.fields.truncate(1);
        request.with(|h| (h.info1, h.info3) = (1, flags::PARTITION_DONE))
    };
    let pids = |ids: &[u16]| {
        scan().field(
            code::PID_ARRAY,
            &ids.iter()
                .flat_map(|id| id.to_le_bytes())
                .collect::<Vec<_>>(),
        )
    };
    check(
        "no partition-done bit",
        16,
        pids(&[1]).with(|h| h.info3 = 0),
    );
    check("no partitions", 16, scan());
    check("empty array", 4, pids(&[]));
    check("partition 4096", 4, pids(&[4096]));
    check("twice", 4, pids(&[3, 3]));
    check(
        "twice, as digest",
        4,
        pids(&[0x101]).field(code::DIGEST_ARRAY, &[1; 20]),
    );
    check(
        "max records of 4 bytes",
        4,
        pids(&[1]).field(code::MAX_RECORDS, &[0; 4]),
    );
    check(
        "time-out of 8 bytes",
        4,
        pids(&[1]).field(code::SOCKET_TIMEOUT, &[0; 8]),
    );
    check(
        "rps of 1 byte",
        4,
        pids(&[1]).field(code::RECORDS_PER_SECOND, &[1]),
    );
    check("an op that writes", 4, pids(&[1]).int("a", 1));
    check("long bin name", 4, pids(&[1]).read("sixteen_bytes_xx"));
    check("empty filter", 4, pids(&[1]).field(code::FILTER_EXP, b""));
    let short = pids(&[1]).with(|h| h.info1 = 5);
    check(
        "short query with rps",
        4,
        short.field(code::RECORDS_PER_SECOND, &[0, 0, 0, 9]),
    );
    let odd = pids(&[1]).field(code::QUERY_ID, &[1, 2, 3]);
    let reply = client.collect(&odd.bytes());
    assert!(reply[0].is_last(), "an id of a wrong size is not refused");
}

#[test]
fn partitions_of_other_nodes_are_reported_and_replicas_are_served() {
    for (factor, expected) in [(1, 334), (2, 667)] {
        let mut config = NamespaceConfig::new("test");
        config.replication_factor = factor;
        let cluster = Cluster::builder()
            .nodes(3)
            .namespace(config)
            .start()
            .unwrap();
        let wanted: Vec<_> = (0..1000).collect();
        let reply = Client::connect(&cluster).collect(&scan_request(&wanted, |_| {}));
        let (last, parts) = reply.split_last().unwrap();
        assert_eq!((last.is_last(), last.result()), (true, 0));
        assert_eq!(parts.len(), 1000 - expected);
        for part in parts {
            assert_eq!(
                (part.header.info3, part.result()),
                (flags::PARTITION_DONE, 11)
            );
            let id = u16::try_from(part.header.generation).unwrap();
            assert!(!cluster.owners("test", id).contains(&0), "partition {id}");
        }
    }
}

#[test]
fn three_nodes_have_everything_between_them() {
    let cluster = Cluster::builder()
        .nodes(3)
        .namespace(NamespaceConfig::new("test"))
        .start()
        .unwrap();
    fill(&cluster, "demo", 1000);
    let mut seen = BTreeSet::new();
    for (node, address) in cluster.addresses().into_iter().enumerate() {
        let mine: Vec<_> = (0..4096)
            .filter(|p| cluster.owners("test", *p) == [node])
            .collect();
        let reply = Client::to(address).collect(&scan_request(&mine, |_| {}));
        for digest in digests(&scanned(&reply)) {
            assert!(seen.insert(digest));
        }
    }
    assert_eq!(seen.len(), 1000);
}

#[test]
fn expired_records_are_skipped() {
    let cluster = cluster();
    let mut record = RawRecord::for_key("demo", 3, b"k").bin(b"n", 1, &[0; 8]);
    record.void_time = cluster.clock().now_s() + 50;
    cluster.put("test", &record);
    let mut client = Client::connect(&cluster);
    let request = || scan_request(&[2_000], |_| {});
    let pid = [record.digest.partition().get()];
    assert_eq!(scanned(&client.collect(&request())).len(), 0);
    assert_eq!(
        scanned(&client.collect(&scan_request(&pid, |_| {}))).len(),
        1
    );
    cluster.clock().advance(Duration::from_secs(60));
    assert_eq!(
        scanned(&client.collect(&scan_request(&pid, |_| {}))).len(),
        0
    );
}

#[test]
fn a_throttled_scan_can_be_watched_and_aborted() {
    let cluster = cluster();
    fill(&cluster, "demo", 1000);
    let mut client = Client::connect(&cluster);
    let request = scan_request(&all_partitions(), |scan| {
        (scan.records_per_second, scan.query_id) = (50, 777);
    });
    client.send(&request);
    let mut other = Client::connect(&cluster);
    let shown = loop {
        let shown = other.info("query-show:id=777");
        if shown != "ERROR:2:job not found" {
            break shown;
        }
    };
    assert!(
        shown.starts_with("trid=777:ns=test:n-pids-requested=4096:"),
        "{shown}"
    );
    assert!(
        shown.contains(":rps=50:") && shown.contains("status=active(ok)"),
        "{shown}"
    );
    let refused = Client::connect(&cluster).collect(&request);
    assert_eq!(refused[0].outcome(), (4, 0, 0), "the id is taken");
    assert_eq!(other.info("query-abort:id=777"), "ok");
    let mut reply = Vec::new();
    while !reply.last().is_some_and(Msg::is_last) {
        reply.extend(messages(&client.frame().unwrap()));
    }
    assert_eq!(reply.last().unwrap().result(), 15);
    assert!(reply.len() < 1000);
    assert!(
        other
            .info("query-show:trid=777")
            .contains("status=done(user-aborted)")
    );
    assert_eq!(other.info("query-abort:id=777"), "ERROR:2:id not active");
    assert_eq!(other.info("query-show:id=x"), "ERROR:4:bad id");
    assert_eq!(other.info("query-abort-all:"), "number-of-queries-killed:0");
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let cluster = cluster();
    let blob = vec![0; 1 << 20];
    for i in 0..40i64 {
        let record = RawRecord::for_key("demo", 1, &i.to_be_bytes()).bin(b"b", 4, &blob);
        cluster.put("test", &record);
    }
    let mut client = Client::connect(&cluster);
    client.send(&scan_request(&all_partitions(), |scan| {
        scan.socket_timeout_ms = 50
    }));
    // The node tells that it gave up; until then nothing is read here.
    let mut other = Client::connect(&cluster);
    while !other
        .info("query-show")
        .contains("done(abandoned-response-error)")
    {}
    let mut frames = 0;
    while client.frame().is_ok() {
        frames += 1;
    }
    assert!(
        frames < 40,
        "the reply ends early and without a last message"
    );
}

/// A scan that waits for the client, or for the cluster, holds one of the places.
#[test]
fn concurrent_scans_are_limited() {
    let cluster = Cluster::builder().nodes(2).scan_limit(2).start().unwrap();
    fill(&cluster, "demo", 100);
    let hang = Rule::new(On::Scan, Reaction::Silence).after_records(1);
    let id = cluster.faults().add(hang.times(2));
    let request = || scan_request(&[0, 2, 4, 6, 8, 10], |scan| scan.set = Some(b"demo"));
    let all: Vec<_> = (0..4096).collect();
    let mut hanging: Vec<_> = (0..2)
        .map(|_| {
            let mut client = Client::connect(&cluster);
            client.send(&scan_request(&all, |_| {}));
            client
        })
        .collect();
    while cluster.faults().fired(id) < 2 {
        std::thread::yield_now();
    }
    let mut client = Client::connect(&cluster);
    let refused = client.collect(&request());
    assert_eq!(refused.len(), 1);
    let header = refused[0].header;
    assert_eq!((refused[0].outcome(), header.info3), ((22, 0, 0), 0));
    let mut short = request();
    short[9] |= flags::SHORT_QUERY;
    scanned(&client.collect(&short));
    let other = Client::to(cluster.addresses()[1]).collect(&scan_request(&[1], |_| {}));
    scanned(&other);
    cluster.kill_node(0, asnode::NodeLoss::Takeover);
    assert!(hanging.iter_mut().all(|client| {
        client.frame().unwrap();
        client.is_closed()
    }));
    cluster.restart_node(0).unwrap();
    let mut client = Client::connect(&cluster);
    while client.collect(&request())[0].result() == 22 {
        std::thread::yield_now(); // the threads of the dead node are on their way out
    }
    let config = client.info("get-config:context=service");
    assert!(config.contains("query-threads-limit=2;"));
}
