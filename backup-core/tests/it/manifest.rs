//! Manifests: what is written can be read, and nothing else can.

use crate::support::data;
use aerospike_wire::digest::PartitionId;
use backup_core::{
    backup::Shard,
    fingerprint::{Fingerprint, PartitionTable},
    manifest::{
        Authenticity, BlockHasher, Decoded, Envelope, FileEntry, Hash, IndexEntry, LeftOut,
        Manifest, ManifestError, MergeError, Server, SetKey, Status, Totals, UdfEntry,
        WholeManifest, Window, merge, publish_whole,
    },
    names::SetNames,
    storage::{LocalDir, Store, StoreExt},
};
use std::{collections::BTreeMap, fs};

pub(crate) fn entry(name: &str, content: &[u8], records: u64) -> FileEntry {
    let mut hasher = BlockHasher::new();
    hasher.update(content);
    FileEntry::new(name, hasher.finish(), content.len() as u64, records)
}

fn partition(id: u16) -> PartitionId {
    PartitionId::new(id).unwrap()
}

/// A manifest with a value for every key, out of order where order is not given.
pub(crate) fn sample() -> Manifest {
    let text = |text: &str| text.to_owned();
    let mut partitions = PartitionTable::new();
    partitions.mark_read(partition(0));
    partitions.add(partition(4095), Fingerprint(u128::MAX));
    partitions.add(partition(7), Fingerprint(1 << 64));
    Manifest {
        run: text("00112233445566778899aabbccddeeff"),
        status: Status::Complete,
        shard: None,
        divided: Vec::new(),
        tool: text("absctl 0.1.0"),
        server: Server {
            builds: vec![text("8.1.2.0"), text("7.0.0.5"), text("8.1.2.0")],
            cluster: Some(text("demo")),
        },
        namespace: text("test"),
        selection: BTreeMap::from([
            (text("set"), text("a,\"b\"")),
            (text("no-bins"), text("true")),
        ]),
        window: Window {
            scan_start_ns: 1_795_000_000_000_000_001,
            scan_end_ns: 1_795_000_001_000_000_000,
            modified_after_ns: Some(5),
            modified_before_ns: Some(6),
            clock_skew_ns: Some(7),
        },
        parent: Some(text("ffeeddccbbaa99887766554433221100")),
        envelope: Envelope {
            compression: Some(text("zstd")),
            level: Some(-3),
            encryption: Some(text("aes128")),
            key_check: Some(SetKey::derive(b"key").check_value()),
        },
        files: vec![
            entry("metadata_test_1.asb", b"meta", 0),
            entry("0_test_2.asb", &vec![5; (4 << 20) + 1], 2),
        ],
        partitions,
        indexes: vec![IndexEntry {
            name: text("ix"),
            definition: text("* i test demo ix N 1 bin S"),
        }],
        udfs: vec![UdfEntry {
            name: text("b.lua"),
            blake3: Hash::of(b"return 1"),
        }],
        left_out: vec![LeftOut {
            name: text("odd"),
            reason: text("its context is no base64"),
        }],
        totals: Totals::default(),
        annotations: BTreeMap::from([(text("ticket"), text("OPS-1\nä"))]),
    }
}

/// Puts a checksum on text that was edited, as its author would.
fn sealed(text: &str) -> Vec<u8> {
    let at = text.rfind("\"checksum\": \"").unwrap() + 13;
    let unsigned = format!("{}\"\n}}\n", &text[..at]);
    format!("{}{}\"\n}}\n", &text[..at], Hash::of(unsigned.as_bytes())).into_bytes()
}

#[test]
fn what_is_written_can_be_read() {
    for key in [None, Some(SetKey::derive(b"key"))] {
        let mut written = sample();
        let content = written.encode(key.as_ref()).unwrap();
        let Decoded {
            manifest,
            authenticity,
        } = Manifest::decode(&content, key.as_ref()).unwrap();
        assert_eq!(manifest, written);
        assert_eq!(manifest.totals.records, 2);
        assert_eq!(manifest.totals.bytes, (4 << 20) + 5);
        let expected = if key.is_some() {
            Authenticity::Proved
        } else {
            Authenticity::NoCode
        };
        assert_eq!(authenticity, expected);
        assert_eq!(manifest.file("0_test_2.asb").unwrap().records, 2);
        assert_eq!(manifest.file("nope"), None);
    }
}

/// The committed file is a promise: it can be read for ever.
#[test]
fn the_form_is_the_committed_one() {
    let key = SetKey::derive(b"key");
    let mut manifest = sample();
    let content = manifest.encode(Some(&key)).unwrap();
    let committed = fs::read(data("manifest-1.json")).unwrap();
    assert_eq!(
        String::from_utf8(content).unwrap(),
        String::from_utf8(committed.clone()).unwrap()
    );
    let found = Manifest::decode(&committed, Some(&key)).unwrap();
    assert_eq!(found.manifest, manifest);
    assert_eq!(key.check_value(), "351a3aced917d8ff");
}

#[test]
fn equal_manifests_have_equal_bytes_in_whatever_order_they_were_made() {
    let mut other = sample();
    other.files.reverse();
    other.server.builds.reverse();
    assert_eq!(other.encode(None).unwrap(), sample().encode(None).unwrap());
}

#[test]
fn nothing_is_written_that_no_reader_takes() {
    let without_partitions = Manifest {
        partitions: PartitionTable::new(),
        ..sample()
    };
    let mut twice = sample();
    twice.files.push(twice.files[0].clone());
    let mut odd = sample();
    odd.files[0].name = "a/b".to_owned();
    let mut edited = sample();
    edited.files[0].bytes += 4 << 20;
    for mut manifest in [without_partitions, twice, odd, edited] {
        let error = manifest.encode(None).unwrap_err();
        assert!(
            matches!(error, ManifestError::Inconsistent { .. }),
            "{error}"
        );
    }
}

#[test]
fn keys_of_later_versions_are_ignored() {
    let text = String::from_utf8(sample().encode(None).unwrap()).unwrap();
    let text = text.replacen("{\n", "{\n  \"later\": {\"x\": [1, {}]},\n", 1);
    let decoded = Manifest::decode(&sealed(&text), None).unwrap();
    assert_eq!(decoded.manifest.files.len(), 2);
}

#[test]
fn every_damaged_byte_is_noticed() {
    let mut manifest = Manifest {
        files: Vec::new(),
        partitions: PartitionTable::new(),
        ..sample()
    };
    let content = manifest.encode(Some(&SetKey::derive(b"key"))).unwrap();
    for at in 0..content.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut altered = content.clone();
            altered[at] ^= bit;
            assert_eq!(
                Manifest::decode(&altered, None),
                Err(ManifestError::Checksum),
                "{at}"
            );
        }
        assert_eq!(
            Manifest::decode(&content[..at], None),
            Err(ManifestError::Checksum)
        );
    }
    let longer = [&content[..], b"\n"].concat();
    assert_eq!(
        Manifest::decode(&longer, None),
        Err(ManifestError::Checksum)
    );
}

#[test]
fn damage_on_purpose_is_noticed_with_the_key() {
    let (right, wrong) = (SetKey::derive(b"key"), SetKey::derive(b"other"));
    let content = sample().encode(Some(&right)).unwrap();
    let text = String::from_utf8(content.clone()).unwrap();
    assert_eq!(
        Manifest::decode(&content, None).unwrap().authenticity,
        Authenticity::NotChecked
    );
    assert_eq!(
        Manifest::decode(&content, Some(&wrong)),
        Err(ManifestError::WrongKey)
    );
    let forged = sealed(&text.replace("OPS-1", "OPS-2"));
    assert!(
        Manifest::decode(&forged, None).is_ok(),
        "its checksum is right"
    );
    assert_eq!(
        Manifest::decode(&forged, Some(&right)),
        Err(ManifestError::Forged)
    );
    let line = text.lines().find(|line| line.contains("\"mac\"")).unwrap();
    let bare = sealed(&text.replace(&format!("{line}\n"), ""));
    assert_eq!(
        Manifest::decode(&bare, Some(&right)),
        Err(ManifestError::NotAuthenticated)
    );
    assert!(!format!("{right:?}").contains(&right.check_value()));
}

#[test]
fn what_contradicts_itself_is_refused() {
    let text = String::from_utf8(sample().encode(None).unwrap()).unwrap();
    let check = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Manifest::decode(&sealed(&text.replacen(from, to, 1)), None).unwrap_err()
    };
    let inconsistent = [
        ("\"bytes\": 4,", "\"bytes\": 5,"),
        ("\"plain-bytes\": 4,", "\"plain-bytes\": 5,"),
        ("\"records\": 1,", "\"records\": 2,"),
        ("\"0_test_2.asb\"", "\"../0_test_2.asb\""),
        ("\"0_test_2.asb\"", "\"0_test_2.asb.part\""),
        ("\"0_test_2.asb\"", "\"metadata_test_1.asb\""),
        ("\"0_test_2.asb\"", "\"z\""),
        ("\"files\": 2", "\"files\": 1"),
    ];
    for (from, to) in inconsistent {
        let error = check(from, to);
        assert!(
            matches!(error, ManifestError::Inconsistent { .. }),
            "{to}: {error}"
        );
    }
    let malformed = [
        ("\"id\": 4095", "\"id\": 4096"),
        ("\"id\": 4095", "\"id\": 7"),
        ("\"fingerprint\": \"f", "\"fingerprint\": \"F"),
        ("\"blake3\": \"", "\"blake3\": \"0"),
        ("\"status\": \"complete\"", "\"status\": \"?\""),
        ("\"run\": ", "\"rum\": "),
        ("\"run\": ", "\"shard\": {\"i\": 3, \"n\": 2}, \"run\": "),
        ("\"records\": 1,", "\"records\": -1,"),
        ("\"no-bins\": \"true\"", "\"set\": \"true\""),
    ];
    for (from, to) in malformed {
        let error = check(from, to);
        assert!(
            matches!(error, ManifestError::Malformed { .. }),
            "{to}: {error}"
        );
    }
    assert_eq!(
        check("absctl-manifest", "absctl-state"),
        ManifestError::Foreign
    );
    assert_eq!(
        check("\"version\": 1", "\"version\": 2"),
        ManifestError::Version { found: 2 }
    );
    assert_eq!(Manifest::decode(b"{}", None), Err(ManifestError::Checksum));
}

#[test]
fn lists_of_an_enemy_have_a_limit() {
    let text = String::from_utf8(sample().encode(None).unwrap()).unwrap();
    let many = "\"x\", ".repeat(5000);
    let text = text.replace("\"builds\": [", &format!("\"builds\": [{many}"));
    let error = Manifest::decode(&sealed(&text), None).unwrap_err();
    assert!(matches!(error, ManifestError::Malformed { .. }), "{error}");
}

/// The manifest of one of three shards.
fn shard(number: u16) -> Manifest {
    let mut partitions = PartitionTable::new();
    partitions.add(partition(number), Fingerprint(u128::from(number)));
    let whole = sample();
    let is_first = number == 1;
    let mut files = vec![entry(&format!("shard{number}of3_0_test_1.asb"), &[1], 1)];
    files.extend(is_first.then(|| entry("metadata_test_2.asb", b"meta", 0)));
    Manifest {
        status: Status::Partial,
        shard: Some(Shard { number, count: 3 }),
        files,
        partitions,
        indexes: if is_first {
            whole.indexes.clone()
        } else {
            Vec::new()
        },
        udfs: if is_first {
            whole.udfs.clone()
        } else {
            Vec::new()
        },
        left_out: Vec::new(),
        window: Window {
            scan_start_ns: u64::from(10 - number),
            scan_end_ns: u64::from(20 + number),
            clock_skew_ns: Some(u64::from(5 - number)),
            ..whole.window
        },
        ..whole
    }
}

#[test]
fn shards_make_one_set_whoever_merges() {
    let mut whole = merge(vec![shard(1), shard(2), shard(3)]).unwrap();
    let content = whole.encode(None).unwrap();
    for order in [[2, 1, 3], [3, 2, 1], [2, 3, 1]] {
        let mut other = merge(order.map(shard).to_vec()).unwrap();
        assert_eq!(other.encode(None).unwrap(), content);
    }
    assert_eq!((whole.status, whole.shard), (Status::Complete, None));
    assert_eq!(
        (whole.totals.files, whole.totals.records, whole.totals.udfs),
        (4, 3, 1)
    );
    assert_eq!(
        (whole.window.scan_start_ns, whole.window.scan_end_ns),
        (7, 23)
    );
    assert_eq!(whole.window.clock_skew_ns, Some(4));
}

#[test]
fn the_window_of_all_shards_is_what_each_of_them_knows_and_has() {
    let mut second = shard(2);
    second.window.clock_skew_ns = None;
    let after_ns = second.window.modified_after_ns.unwrap();
    second.window.modified_after_ns = Some(after_ns - 1);
    let mut first = shard(1);
    first.window.modified_after_ns = Some(after_ns - 2);
    let whole = merge(vec![first, second, shard(3)]).unwrap();
    assert_eq!(whole.window.clock_skew_ns, None);
    assert_eq!(whole.window.modified_after_ns, Some(after_ns));
    // Without a parent the user has given it, the same to all of them.
    let on_its_own = |number| Manifest {
        parent: None,
        ..shard(number)
    };
    let mut second = on_its_own(2);
    second.window.modified_after_ns = Some(after_ns - 1);
    let error = merge(vec![on_its_own(1), second, on_its_own(3)]).unwrap_err();
    assert!(matches!(
        error,
        MergeError::Differs {
            number: 2,
            key: "window"
        }
    ));
}

#[test]
fn shards_that_do_not_belong_together_are_refused() {
    let with = |change: &dyn Fn(&mut Manifest)| {
        let mut second = shard(2);
        change(&mut second);
        merge(vec![shard(1), second, shard(3)])
    };
    for shards in [
        vec![],
        vec![shard(1)],
        vec![shard(1), shard(3)],
        vec![sample()],
    ] {
        assert!(matches!(merge(shards), Err(MergeError::Shards)));
    }
    assert!(matches!(
        merge(vec![shard(1), shard(2), shard(2)]),
        Err(MergeError::Shards)
    ));
    type Change = fn(&mut Manifest);
    let differing: [(&str, Change); 6] = [
        ("run", |m| m.run.push('0')),
        ("namespace", |m| m.namespace.push('0')),
        ("selection", |m| m.selection.clear()),
        ("window", |m| m.window.modified_after_ns = None),
        ("envelope", |m| m.envelope.level = None),
        ("parent", |m| m.parent = None),
    ];
    for (expected, change) in differing {
        let error = with(&change).unwrap_err();
        let MergeError::Differs { number: 2, key } = error else {
            panic!("{error}")
        };
        assert_eq!(key, expected);
    }
    // A node that did not answer is no other cluster.
    with(&|m| m.server.cluster = None).unwrap();
    let other = with(&|m| m.server.cluster = Some("other".to_owned())).unwrap_err();
    let expected = "shard 2 differs from the first one in its cluster";
    assert_eq!(other.to_string(), expected);
    let overlap = with(&|m| m.partitions.mark_read(partition(1))).unwrap_err();
    assert_eq!(overlap.to_string(), "two shards have read partition 1");
    let overlap = with(&|m| m.files[0].name = "metadata_test_2.asb".to_owned()).unwrap_err();
    assert_eq!(
        overlap.to_string(),
        "two shards have a file metadata_test_2.asb"
    );
}

#[test]
fn what_shards_divide_must_be_the_same_and_read() {
    let dividing = |divided: [&str; 3]| {
        let shards = (1..=3).zip(divided).map(|(number, list)| Manifest {
            divided: list.split_whitespace().map(str::to_owned).collect(),
            ..shard(number)
        });
        merge(shards.collect())
    };
    let whole = dividing(["1-3"; 3]).unwrap();
    assert!(whole.divided.is_empty());
    // A partition that moved between two starts: the second shard has cut something else.
    let moved = dividing(["1-3", "1-2 3-1", "1-3"]).unwrap_err();
    let expected = "shard 2 differs from the first one in its divided partitions";
    assert_eq!(moved.to_string(), expected);
    let gap = dividing(["1-5"; 3]).unwrap_err();
    assert_eq!(gap.to_string(), "no shard has read partition 4");
    for wrong in ["1-5000", "x", "0-4096 0-4096"] {
        assert!(dividing([wrong; 3]).is_err(), "{wrong}");
    }
}

#[test]
fn the_last_shard_writes_the_whole_manifest_and_losing_that_race_is_success() {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalDir::new(directory.path());
    let (run, key) = (sample().run, SetKey::derive(b"key"));
    let names = |number| SetNames::directory("", "test", Some(Shard { number, count: 3 }));
    let finish = |number: u16| {
        let content = shard(number).encode(Some(&key)).unwrap();
        store
            .create_new(&names(number).manifest(), &content)
            .unwrap();
    };
    let publish = |number| publish_whole(&store, &names(number), 3, &run, Some(&key));
    finish(1);
    finish(3);
    let missing = WholeManifest::Waits(vec![Shard {
        number: 2,
        count: 3,
    }]);
    assert_eq!(publish(3).unwrap(), missing);
    finish(2);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=3)
            .map(|number| scope.spawn(move || publish(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap().unwrap())
            .collect()
    });
    assert!(
        results
            .iter()
            .all(|result| matches!(result, WholeManifest::Written(_)))
    );
    let content = store.read_small("test.manifest.json", 1 << 20).unwrap();
    let found = Manifest::decode(&content, Some(&key)).unwrap().manifest;
    assert_eq!(found.totals.files, 4);
    assert!(matches!(
        publish_whole(&store, &names(1), 3, "other", Some(&key)),
        Err(MergeError::Differs {
            number: 1,
            key: "run"
        })
    ));
    store.put("test.manifest.json", b"{}").unwrap();
    assert!(matches!(publish(1), Err(MergeError::Exists { .. })));
}
