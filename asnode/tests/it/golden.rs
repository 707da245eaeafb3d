//! Requests recorded from real clients and tools, replayed; answers of the real server are what
//! ours are compared with, byte for byte where nothing varies by nature.

use crate::client::{Client, Msg, messages, until};
use aerospike_wire::{digest::Digest, particle::geojson_text};
use asnode::{Cluster, NamespaceConfig, RawBin, RawRecord};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// When the captures were taken (`current_time` of the server).
const CAPTURED_MS: u64 = 532_917_609_000;

fn data(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "data", name]
        .iter()
        .collect();
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn unhex(text: &Value) -> Vec<u8> {
    crate::client::hex(text.as_str().unwrap())
}

/// The records of the real server.
fn truth() -> Vec<RawRecord> {
    let text = String::from_utf8(data("records.jsonl")).unwrap();
    text.lines()
        .map(|line| record(&serde_json::from_str(line).unwrap()))
        .collect()
}

fn record(json: &Value) -> RawRecord {
    let number = |value: &Value| value.as_u64().unwrap();
    let mut record = RawRecord::new(Digest::from_slice(&unhex(&json["digest"])).unwrap());
    record.set = json["set"].as_str().map(|set| set.as_bytes().to_vec());
    if !json["key"].is_null() {
        let kind = u8::try_from(number(&json["key"]["particle"])).unwrap();
        record.key = Some([&[kind][..], &unhex(&json["key"]["value_hex"])].concat());
    }
    record.generation = u16::try_from(number(&json["generation"])).unwrap();
    record.void_time = u32::try_from(number(&json["void_time"])).unwrap();
    record.last_update_ms = number(&json["last_update_ms"]);
    record.bins = json["bins"].as_array().unwrap().iter().map(bin).collect();
    record
}

fn bin(json: &Value) -> RawBin {
    RawBin {
        name: unhex(&json["name_hex"]),
        particle: u8::try_from(json["particle"].as_u64().unwrap()).unwrap(),
        value: unhex(&json["value_hex"]),
    }
}

/// A recorded session.
struct Capture {
    requests: Vec<u8>,
    replies: Vec<u8>,
    index: Value,
}

impl Capture {
    fn open(name: &str) -> Self {
        let index: Value = serde_json::from_slice(&data("wire/index.json")).unwrap();
        Self {
            requests: data(&format!("wire/{name}.req.bin")),
            replies: data(&format!("wire/{name}.resp.bin")),
            index: index[name].clone(),
        }
    }

    /// Request frames, each with the frames that answered it.
    fn exchanges(&self) -> Vec<(&[u8], Vec<&[u8]>)> {
        let at = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        let cut = |bytes: &'_ [u8], frames: &Value, i: &Value| -> std::ops::Range<usize> {
            let frame = &frames[at(i)];
            assert!(at(&frame[0]) + at(&frame[1]) <= bytes.len());
            at(&frame[0])..at(&frame[0]) + at(&frame[1])
        };
        let exchanges = self.index["exchanges"].as_array().unwrap();
        exchanges
            .iter()
            .map(|exchange| {
                let request = &self.requests[cut(&self.requests, &self.index["req"], &exchange[0])];
                let replies = exchange[1].as_array().unwrap().iter();
                let replies =
                    replies.map(|i| &self.replies[cut(&self.replies, &self.index["resp"], i)]);
                (request, replies.collect())
            })
            .collect()
    }
}

/// A node with the golden data and the golden clock.
pub(crate) fn golden_cluster() -> Cluster {
    let cluster = Cluster::builder()
        .namespace(NamespaceConfig::new("test"))
        .namespace(NamespaceConfig::new("bar"))
        .start()
        .unwrap();
    cluster.clock().set_ms(CAPTURED_MS);
    for record in truth() {
        assert!(cluster.put("test", &record));
    }
    cluster
}

/// Messages in an order that does not depend on threads and frames.
fn sorted(mut messages: Vec<Msg>) -> Vec<String> {
    let last = messages.pop().unwrap();
    assert!(last.is_last());
    let mut all: Vec<_> = messages
        .iter()
        .map(|message| format!("{message:x?}"))
        .collect();
    all.sort();
    all.push(format!("{last:x?}"));
    all
}

#[test]
fn scans_answer_what_the_server_answered() {
    let cluster = golden_cluster();
    for name in [
        "go-scan-full",
        "go-scan-range-0-40",
        "go-scan-range-0-400",
        "go-scan-after-digest",
        "go-scan-filter-exp",
        "go-scan-modified",
        "go-scan-no-ttl",
        "go-scan-bins",
        "go-scan-set",
        "go-scan-two-sets",
        "go-scan-nobins",
        "go-scan-count",
        "c-scan-range-0-40",
        "c-scan-range-0-400",
        "c-scan-after-digest",
        "c-scan-filter-exp",
        "c-scan-modified",
        "c-scan-no-ttl",
        "c-scan-bins",
        "c-scan-nobins",
        "c-scan-set",
        "c-scan-two-sets",
    ] {
        let capture = Capture::open(name);
        let mut client = Client::connect(&cluster);
        for (request, replies) in capture.exchanges() {
            let expected = replies.iter().flat_map(|frame| messages(frame)).collect();
            assert_eq!(sorted(client.collect(request)), sorted(expected), "{name}");
        }
    }
}

#[test]
fn a_scan_with_a_maximum_ends_there() {
    let cluster = golden_cluster();
    let capture = Capture::open("go-scan-max-records");
    let reply = Client::connect(&cluster).collect(capture.exchanges()[0].0);
    assert_eq!(reply.len(), 7 + 1);
}

/// Which records a page holds is up to the server: of those that it had not sent yet, the maximum,
/// or all of them on the last page.
#[test]
fn pages_hold_what_is_left() {
    let cluster = golden_cluster();
    let mut client = Client::connect(&cluster);
    let capture = Capture::open("go-scan-paged");
    let exchanges = capture.exchanges();
    let recorded: Vec<Vec<Msg>> = exchanges
        .iter()
        .map(|(_, replies)| replies.iter().flat_map(|frame| messages(frame)).collect())
        .collect();
    let records = |page: &Vec<Msg>| page.len() - 1; // and the last message
    assert_eq!(recorded.iter().map(records).collect::<Vec<_>>(), [5, 5, 2]);
    for (at, (request, _)) in exchanges.iter().enumerate() {
        let left: Vec<_> = recorded[at..].iter().flatten().collect();
        let page = client.collect(request);
        assert_eq!(page.len(), recorded[at].len(), "page {at}");
        assert!(
            page.iter().all(|message| left.contains(&message)),
            "page {at}"
        );
    }
}

#[test]
fn an_aborted_scan_sends_what_it_has_read() {
    let cluster = golden_cluster();
    let capture = Capture::open("raw-scan-aborted");
    let exchanges = capture.exchanges();
    let (request, replies) = &exchanges[0];
    let mut all = Client::connect(&cluster).collect(Capture::open("go-scan-full").exchanges()[0].0);
    all.pop();
    let mut other = Client::connect(&cluster);
    let mut client = Client::connect(&cluster);
    client.send(request);
    until(|| other.info("query-show").contains("status=active(ok)"));
    let shown = other.info("query-show");
    let id = shown
        .strip_prefix("trid=")
        .unwrap()
        .split(':')
        .next()
        .unwrap();
    assert_eq!(other.info(&format!("query-abort:id={id}")), "ok");
    let mut found = Vec::new();
    let last = loop {
        let frame = client.frame().unwrap();
        let here = messages(&frame);
        if here[0].is_last() {
            break frame;
        }
        found.extend(here);
    };
    assert_eq!(&last, replies.last().unwrap(), "alone, with result 15");
    let recorded = messages(replies[0]);
    for record in found.iter().chain(&recorded) {
        assert!(all.contains(record), "{record:?}");
    }
    assert!(found.len() < all.len() && recorded.len() < all.len());
}

#[test]
fn a_read_of_the_python_client() {
    let cluster = golden_cluster();
    let mut client = Client::connect(&cluster);
    for (request, replies) in Capture::open("py-get").exchanges() {
        client.send(request);
        assert_eq!(client.frame().unwrap(), replies[0]);
    }
}

/// The text of an info frame with what varies by nature replaced.
fn info_text(frame: &[u8]) -> String {
    let mut text = String::from_utf8(frame[8..].to_vec()).unwrap();
    for id in ["1450", "1770"] {
        text = text.replace(&format!("node\t{id}\n"), "node\tA1\n");
    }
    // An address of its own has every node.
    let address = "service-clear-std\t";
    if let Some(rest) = text.strip_prefix(address) {
        assert!(rest.starts_with("127.0.0.1:") && rest.ends_with('\n'));
        text = address.to_owned();
    }
    text
}

/// `key=value` pairs of a long answer.
fn pairs(text: &str) -> BTreeMap<&str, &str> {
    let value = text.split_once('\t').unwrap().1.trim_end();
    value
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .collect()
}

#[test]
fn connects_and_backups_are_told_what_the_server_told() {
    let cluster = golden_cluster();
    // The definitions stand in the answer to sindex-list; order is that of creation.
    let mut admin = Client::connect(&cluster);
    for (request, _) in Capture::open("go-restore-info").exchanges() {
        let command = info_text(request);
        if command.starts_with("udf-put") || command.starts_with("sindex-create") {
            assert_eq!(admin.info(command.trim_end()), "ok");
        }
    }
    for name in [
        "go-connect-bare",
        "c-connect-tend",
        "py-connect-tend",
        "go-backup-info",
        "c-backup-info",
        "go-node-list-info",
    ] {
        let mut client = Client::connect(&cluster);
        for (request, replies) in Capture::open(name).exchanges() {
            client.send(request);
            let (found, expected) = (info_text(&client.frame().unwrap()), info_text(replies[0]));
            if expected.starts_with("namespace/") {
                let (found, expected) = (pairs(&found), pairs(&expected));
                for key in ["ns_cluster_size", "effective_replication_factor", "objects"] {
                    assert_eq!(found[key], expected[key], "{name} {key}");
                }
            } else if expected.starts_with("sindex-list") {
                let items = |text: &str| {
                    let mut items: Vec<_> = text
                        .trim_end()
                        .split([';', '\t'])
                        .map(str::to_owned)
                        .collect();
                    items.sort();
                    items
                };
                assert_eq!(items(&found), items(&expected), "{name}");
            } else {
                assert_eq!(found, expected, "{name}");
            }
        }
    }
}

fn restore_definitions(cluster: &Cluster, name: &str) {
    let mut agents = 0;
    let mut client = Client::connect(cluster);
    for (request, replies) in Capture::open(name).exchanges() {
        let command = info_text(request);
        // Several connections were joined: each set its user agent.
        if command.starts_with("user-agent-set") {
            agents += 1;
            client = Client::connect(cluster);
        }
        client.send(request);
        let (found, expected) = (info_text(&client.frame().unwrap()), info_text(replies[0]));
        // What the server had not got round to, and what is only statistics.
        let varies = ["sindex-list", "udf-list", "get-config"];
        if !varies.iter().any(|prefix| command.starts_with(prefix)) {
            assert_eq!(found, expected, "{name}");
        }
    }
    assert!(agents > 0);
    assert_eq!(
        (cluster.indexes().len(), cluster.udfs().len()),
        (12, 2),
        "{name}"
    );
}

#[test]
fn restores_of_definitions_get_the_same_answers() {
    for names in [
        &["go-restore-info"][..],
        &["c-restore-info", "go-restore-info-existing"],
    ] {
        let cluster = Cluster::builder()
            .namespace(NamespaceConfig::new("test"))
            .namespace(NamespaceConfig::new("bar"))
            .start()
            .unwrap();
        for name in names {
            restore_definitions(&cluster, name);
        }
    }
}

/// A target of the recorded restores: records up to 16 KiB, and what stood there before.
fn restore_target(existing: Option<(&RawRecord, u16)>) -> Cluster {
    let mut config = NamespaceConfig::new("test");
    config.max_record_size = 16 << 10;
    let cluster = Cluster::builder().namespace(config).start().unwrap();
    cluster.clock().set_ms(CAPTURED_MS);
    if let Some((record, generation)) = existing {
        let mut record = record.clone();
        record.bins = vec![RawBin {
            name: b"old".to_vec(),
            particle: 1,
            value: vec![0; 8],
        }];
        (record.generation, record.void_time, record.key) = (generation, 0, None);
        cluster.put("test", &record);
    }
    cluster
}

/// Result, generation, whether it expires, number of operations.
fn fact(message: &Msg) -> (u8, u32, bool, usize) {
    let (result, generation, void_time) = message.outcome();
    (result, generation, void_time != 0, message.ops.len())
}

#[test]
fn batch_restores_get_the_same_results_and_store_the_same() {
    let truth: BTreeMap<Digest, RawRecord> = truth()
        .into_iter()
        .map(|record| (record.digest, record))
        .collect();
    for tool in ["go", "c"] {
        for mode in ["unique", "fresher", "replace-nogen"] {
            let capture = Capture::open(&format!("{tool}-restore-batch-{mode}"));
            let conflict = Digest::from_slice(&unhex(&capture.index["conflict_digest"])).unwrap();
            let expected: Vec<_> = capture
                .exchanges()
                .iter()
                .flat_map(|(_, replies)| replies.iter().flat_map(|frame| messages(frame)))
                .collect();
            let stored = expected.iter().map(|m| m.header.generation).max().unwrap();
            let generation = if mode == "replace-nogen" {
                stored - 1
            } else {
                stored
            };
            let generation = u16::try_from(generation).unwrap();
            let cluster = restore_target(Some((&truth[&conflict], generation)));
            let mut client = Client::connect(&cluster);
            for (request, replies) in capture.exchanges() {
                let rows = |messages: &[Msg]| -> BTreeMap<u32, _> {
                    let rows = messages.iter().filter(|message| !message.is_last());
                    rows.map(|row| (row.header.transaction_ttl, fact(row)))
                        .collect()
                };
                let expected: Vec<_> = replies.iter().flat_map(|frame| messages(frame)).collect();
                let found = client.collect(request);
                assert_eq!(rows(&found), rows(&expected), "{tool} {mode}");
                assert_eq!(rows(&found).len(), 40);
            }
            let restored = cluster.records("test");
            assert_eq!(restored.len(), 39);
            for record in restored.iter().filter(|record| record.digest != conflict) {
                let expected = &truth[&record.digest];
                assert_eq!((&record.set, &record.key), (&expected.set, &expected.key));
                assert_eq!(
                    comparable(&record.bins),
                    comparable(&expected.bins),
                    "{tool} {mode}"
                );
            }
        }
    }
}

/// Bins by name, GeoJSON without cells: those are the server's own.
fn comparable(bins: &[RawBin]) -> BTreeMap<&[u8], (u8, &[u8])> {
    let value = |bin: &'_ RawBin| -> std::ops::Range<usize> {
        match bin.particle {
            23 => bin.value.len() - geojson_text(&bin.value).unwrap().len()..bin.value.len(),
            _ => 0..bin.value.len(),
        }
    };
    bins.iter()
        .map(|bin| (&bin.name[..], (bin.particle, &bin.value[value(bin)])))
        .collect()
}

#[test]
fn single_restores_get_the_same_results() {
    let truth = truth();
    for name in [
        "go-restore-single",
        "c-restore-single",
        "go-restore-single-unique",
        "c-restore-single-unique",
    ] {
        let capture = Capture::open(name);
        let first = &messages(capture.exchanges()[0].0)[0];
        let existing = truth
            .iter()
            .find(|record| record.digest == first.digest())
            .unwrap();
        let cluster = restore_target(Some((existing, 3)));
        let mut client = Client::connect(&cluster);
        for (request, replies) in capture.exchanges() {
            assert_eq!(
                fact(&client.call(request)),
                fact(&messages(replies[0])[0]),
                "{name}"
            );
        }
        assert_eq!(cluster.count("test"), 6);
    }
}

#[test]
fn payload_writes_get_the_same_results() {
    let cluster = restore_target(None);
    let mut client = Client::connect(&cluster);
    let mut count = 0;
    for (request, replies) in Capture::open("go-restore-asbx").exchanges() {
        assert_eq!(
            fact(&client.call(request)),
            fact(&messages(replies[0])[0]),
            "{count}"
        );
        count += 1;
    }
    assert_eq!((count, cluster.count("test")), (80, 30));
}

/// Every reply of a hand-made session, but for times and GeoJSON cells.
#[test]
fn hand_made_requests_get_the_same_replies() {
    let capture = Capture::open("raw-replies");
    let mut config = NamespaceConfig::new("test");
    config.max_record_size = 16 << 10;
    let cluster = Cluster::builder().namespace(config).start().unwrap();
    cluster.clock().set_ms(CAPTURED_MS + 60_000);
    let mut client = Client::connect(&cluster);
    let labels = capture.index["labels"].as_array().unwrap();
    let masked = |frames: Vec<Vec<u8>>| -> Vec<String> {
        let mut all = Vec::new();
        for frame in frames {
            if frame[1] != 3 {
                all.push(format!("{frame:x?}"));
                continue;
            }
            for mut message in messages(&frame) {
                message.header.record_ttl = u32::from(message.header.record_ttl != 0);
                for (_, particle, _, value) in &mut message.ops {
                    if *particle == 23 {
                        *value = geojson_text(value).unwrap().to_vec();
                    }
                }
                all.push(format!("{message:x?}"));
            }
        }
        all.sort();
        all
    };
    for ((request, replies), label) in capture.exchanges().into_iter().zip(labels) {
        client.send(request);
        let mut found = vec![client.frame().unwrap()];
        while found.len() < replies.len() {
            found.push(client.frame().unwrap());
        }
        let expected = replies.into_iter().map(<[u8]>::to_vec).collect();
        assert_eq!(masked(found), masked(expected), "{label}");
    }
}

/// Every capture that there is was replayed above.
#[test]
fn no_capture_is_forgotten() {
    let index: Value = serde_json::from_slice(&data("wire/index.json")).unwrap();
    let source = include_str!("golden.rs");
    for name in index.as_object().unwrap().keys() {
        let of_both_tools = ["unique", "fresher", "replace-nogen"];
        let is_batch = of_both_tools
            .iter()
            .any(|mode| name.ends_with(&format!("-restore-batch-{mode}")));
        let named = source.contains(&format!("\"{name}\""));
        assert!(is_batch || named, "{name} is not replayed");
    }
}
