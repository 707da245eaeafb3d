//! Recorded scans: the records that came back, and the requests that asked for them.

use crate::{
    capture::{Capture, hex, list, messages, number, texts},
    meaning::Meaning,
    truth::{Record, digest, records},
};
use aerospike_wire::{
    digest::Digest,
    message::flags,
    result_code::ResultCode,
    scan::{self, ScanItem, ScanRecord, ScanRequest},
};
use std::collections::BTreeMap;

/// The records of a reply and its end.
fn read(bytes: &[u8]) -> (Vec<ScanRecord<'_>>, ResultCode) {
    let mut records = Vec::new();
    let mut end = None;
    for message in messages(bytes) {
        assert_eq!(end, None, "the last message is the last");
        match scan::item(message).unwrap() {
            ScanItem::Record(record) => records.push(record),
            ScanItem::Last(result) => end = Some(result),
            other => panic!("{other:?}"),
        }
    }
    (records, end.unwrap())
}

/// The record as the truth has it.
fn truth_of(record: &ScanRecord<'_>) -> Record {
    assert_eq!(record.namespace, b"test");
    let bins = record.bins();
    let bins: Vec<_> = bins
        .map(|bin| (bin.name.to_vec(), bin.particle, bin.value.to_vec()))
        .collect();
    assert_eq!(bins.len(), usize::from(record.bin_count));
    Record {
        set: record.set.map(<[u8]>::to_vec),
        key: record.key.map(<[u8]>::to_vec),
        generation: record.generation.into(),
        void_time: record.void_time.into(),
        bins,
    }
}

/// The truth as a scan with these restrictions shows it.
fn shown(truth: &Record, no_bins: bool, bins: &[&[u8]]) -> Record {
    let wanted = |name: &[u8]| !no_bins && (bins.is_empty() || bins.contains(&name));
    let bins = truth.bins.iter().filter(|(name, ..)| wanted(name));
    Record {
        set: truth.set.clone(),
        key: truth.key.clone(),
        generation: truth.generation,
        void_time: truth.void_time,
        bins: bins.cloned().collect(),
    }
}

#[test]
fn replies_hold_the_records_of_the_server() {
    let truth = records();
    let mut seen = 0;
    for capture in Capture::all() {
        let facts = capture.facts();
        if !capture.name.contains("-scan-") || facts["records"].is_null() {
            continue;
        }
        seen += 1;
        let Capture { name, index, .. } = &capture;
        let mut found = BTreeMap::new();
        for at in 0..list(index, "exchanges").len() {
            let no_bins = messages(capture.request(at).bytes)[0].header.info1 & flags::NO_BINS != 0;
            let bins: &[&[u8]] = match name.ends_with("-bins") {
                true => &[b"b0", b"v"],
                false => &[],
            };
            let reply = capture.reply(at);
            let (records, end) = read(&reply);
            for record in records {
                let expected = shown(&truth[&record.digest], no_bins, bins);
                let record_found = truth_of(&record);
                assert_eq!(record_found, expected, "{name} {}", record.digest);
                let before = found.insert(record.digest, record_found);
                assert_eq!(before, None, "{name}: {} came twice", record.digest);
            }
            assert!(end.is_ok());
            if let Some(expected) = facts["last_result"].as_u64() {
                assert_eq!(u64::from(end.0), expected);
            }
        }
        assert_eq!(found.len() as u64, number(facts, "records"), "{name}");
        if !facts["digests"].is_null() {
            let digests: Vec<_> = texts(facts, "digests").into_iter().map(digest).collect();
            assert!(found.keys().eq(&digests), "{name}: the digests");
        }
        if let Some(bins) = facts["bins_total"].as_u64() {
            let total: usize = found.values().map(|record| record.bins.len()).sum();
            assert_eq!(total as u64, bins, "{name}: the number of bins");
        }
    }
    assert!(seen >= 15);
}

#[test]
fn a_refused_or_empty_scan_says_so() {
    let capture = Capture::open("raw-replies");
    let check = |label: &str, end: u8| {
        let labels = list(capture.facts(), "exchanges");
        let at = labels
            .iter()
            .position(|exchange| exchange["label"] == label);
        let reply = capture.reply(at.unwrap_or_else(|| panic!("no exchange {label}")));
        let items = messages(&reply).into_iter().map(scan::item);
        match *items.map(Result::unwrap).collect::<Vec<_>>() {
            [ScanItem::Refused(result)] => assert_eq!(result.0, end, "{label}"),
            [ScanItem::Last(result)] => assert_eq!((result.0, end), (0, 0), "{label}"),
            ref items => panic!("{label}: {items:?}"),
        }
    };
    check("scan without the partition-done bit", 16);
    check("scan of an unknown namespace", 20);
    check("scan, partition twice", 4);
    check("scan of an unknown set", 0);
    check("scan of one empty partition", 0);
}

/// NE(set name, "<ERO~MRT"): what the Go tool sends when there is no other filter.
const NOT_MONITOR: &str = "93 02 91 46 a9 03 3c 45 52 4f 7e 4d 52 54";

/// The Go tool's filter around another one.
fn and_not_monitor(filter: &str) -> Vec<u8> {
    hex(&format!("93 10 {NOT_MONITOR} {filter}"))
}

/// `request`, encoded, means what the client of the capture sent as request `at`.
fn check_request(name: &str, at: usize, request: ScanRequest<'_>) {
    let capture = Capture::open(name);
    let frame = capture.request(at);
    let mut ours = Vec::new();
    request.encode(&mut ours);
    let meaning = |bytes| Meaning::of_scan(&messages(bytes)[0]);
    assert_eq!(meaning(&ours), meaning(frame.bytes), "{name} request {at}");
}

#[test]
fn requests_mean_what_the_tools_send() {
    let ids: Vec<u16> = (0..4096).collect();
    let after = digest("686f080ea9690aabe9046cb322422cd58581301b");
    let last_update = "93 04 91 42 d3 18 e9 e6 ba 4c b3 a3 40";
    let user = hex(last_update);
    let and_user = and_not_monitor(last_update);
    let modified = and_not_monitor(
        "93 10 93 04 91 42 d3 18 e9 e6 ba 3a 48 ac 00 93 05 91 42 d3 18 e9 e6 ba 75 e3 76 00",
    );
    let no_ttl = and_not_monitor("93 01 91 45 ff");
    let either_set = hex("93 11 93 01 91 46 a3 03 73 31 93 01 91 46 a3 03 73 32");
    let monitor = hex(NOT_MONITOR);

    let c = ScanRequest {
        partitions: &ids[..400],
        ..ScanRequest::new(b"test", 1)
    };
    let go = ScanRequest {
        filter: &monitor,
        ..c
    };
    let check = check_request;
    let all = ScanRequest {
        partitions: &ids,
        ..go
    };
    check("go-scan-full", 0, all);
    let few = |request| ScanRequest {
        partitions: &ids[..40],
        ..request
    };
    check("go-scan-range-0-40", 0, few(go));
    check("c-scan-range-0-40", 0, few(c));
    check("go-scan-range-0-400", 0, go);
    let resumed = ScanRequest {
        partitions: &ids[3945..],
        digests: &[after],
        ..go
    };
    check("go-scan-after-digest", 0, resumed);
    let digest_alone = ScanRequest {
        partitions: &[],
        digests: &[after],
        ..c
    };
    check("c-scan-after-digest", 0, digest_alone);
    let following = ScanRequest {
        partitions: &ids[3945..],
        ..c
    };
    check("c-scan-after-digest", 1, following);
    let filtered = |filter, request| ScanRequest { filter, ..request };
    check("go-scan-filter-exp", 0, filtered(&and_user, go));
    check("c-scan-filter-exp", 0, filtered(&user, c));
    check("go-scan-modified", 0, filtered(&modified, go));
    check("go-scan-no-ttl", 0, filtered(&no_ttl, go));
    check("c-scan-two-sets", 0, filtered(&either_set, c));
    let bins = |request| ScanRequest {
        bins: &[b"b0", b"v"],
        ..request
    };
    check("go-scan-bins", 0, bins(go));
    check("c-scan-bins", 0, bins(c));
    let no_bins = |request| ScanRequest {
        no_bins: true,
        ..request
    };
    check("go-scan-nobins", 0, no_bins(go));
    check("c-scan-nobins", 0, no_bins(c));
    let counted = ScanRequest {
        partitions: &[0x22],
        ..no_bins(go)
    };
    check("go-scan-count", 0, counted);
    let in_set = |set, request| ScanRequest {
        set: Some(set),
        ..request
    };
    check("go-scan-set", 0, in_set(b"s1", go));
    check("c-scan-set", 0, in_set(b"s1", c));
    check("go-scan-two-sets", 0, in_set(b"s1", go));
    check("go-scan-two-sets", 1, in_set(b"s2", go));
}

/// Every page asks for what the pages before it left: the way a backup resumes.
#[test]
fn pages_resume_after_the_last_digest_of_a_partition() {
    let capture = Capture::open("go-scan-paged");
    let monitor = hex(NOT_MONITOR);
    let mut cursors = BTreeMap::new();
    for page in 0..list(&capture.index, "exchanges").len() {
        let fresh: Vec<u16> = (0..200).filter(|id| !cursors.contains_key(id)).collect();
        let digests: Vec<Digest> = cursors.values().copied().collect();
        let request = ScanRequest {
            partitions: &fresh,
            digests: &digests,
            filter: &monitor,
            max_records: 5,
            ..ScanRequest::new(b"test", 1)
        };
        check_request("go-scan-paged", page, request);
        for record in read(&capture.reply(page)).0 {
            let before = cursors.insert(record.digest.partition().get(), record.digest);
            assert!(
                before.is_none_or(|digest| digest > record.digest),
                "descending"
            );
        }
    }
    assert!(!cursors.is_empty());
}

#[test]
fn values_of_all_types_arrive_unchanged() {
    use aerospike_wire::particle::{ParticleType, geojson_text};
    let capture = Capture::open("go-scan-full");
    let mut types = BTreeMap::new();
    for record in read(&capture.replies).0 {
        for bin in record.bins() {
            let kind = ParticleType::from_code(bin.particle).unwrap();
            *types.entry(kind).or_insert(0) += 1;
            match kind {
                ParticleType::Integer | ParticleType::Double => assert_eq!(bin.value.len(), 8),
                ParticleType::Bool => assert!(matches!(bin.value, [0 | 1])),
                ParticleType::GeoJson => {
                    assert!(geojson_text(bin.value).unwrap().starts_with(b"{"))
                }
                _ => {}
            }
        }
    }
    let truth = records();
    let mut expected = BTreeMap::new();
    for (_, code, _) in truth.values().flat_map(|record| &record.bins) {
        *expected
            .entry(ParticleType::from_code(*code).unwrap())
            .or_insert(0) += 1;
    }
    assert_eq!(types, expected);
    assert_eq!(types.len(), 9);
}
