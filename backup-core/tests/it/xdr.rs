//! Backups by XDR from clusters that go on being written to.

use crate::{
    support::{
        NAMESPACE, backup_config, backup_ok, connect, fill, names, restore_config, restore_ok,
        to_directory,
    },
    troubled::troubled,
};
use aerospike_wire::digest::Digest;
use asbx_format::{
    Decoder, FileName, Item, Step,
    payload::{Effect, effect},
    sequences,
};
use asnode::{Cluster, Edition, NamespaceConfig, NodeLoss, RawRecord, Shipping};
use backup_core::{
    backup::Wrap,
    conversion::{self, ConvertConfig},
    convert::asbx_to_asb::Unconvertible,
    envelope::{Decoder as Unwrapper, DecoderOptions, Key, KeyBytes, KeySize, Level},
    error::Error,
    handle::Outcome,
    manifest::Manifest,
    replay::{self, ExistsPolicy, GenerationPolicy, ReplayConfig, WritePolicy},
    stats::{BackupStats, ConvertStats},
    xdr::{self, CleanUp, DcName, InfoRetry, Rewind, XdrConfig},
};
use backup_storage::{Capabilities, Error as StorageError, LocalDir, Operation};
use net_tls::testing::Authority;
use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// No run in these tests takes this long.
const LIMIT: Duration = Duration::from_secs(240);

fn enterprise(nodes: usize, shipping: Shipping) -> Cluster {
    let namespace = NamespaceConfig {
        replication_factor: 2,
        ..NamespaceConfig::new(NAMESPACE)
    };
    let builder = Cluster::builder().nodes(nodes).namespace(namespace);
    let builder = builder.edition(Edition::Enterprise).shipping(shipping);
    builder.start().unwrap()
}

fn dc() -> DcName {
    DcName::new("dc").unwrap()
}

/// A quick run; the port is chosen by the system.
fn config(cluster: &Cluster, path: &Path) -> XdrConfig {
    let mut config = XdrConfig::new(NAMESPACE, Arc::new(LocalDir::new(path)), dc());
    config.connect = connect(cluster);
    config.parallel_write = Some(3);
    config.listener.port = 0;
    config.listener.read_timeout = Duration::from_secs(20);
    config.listener.write_timeout = Duration::from_secs(20);
    config.polling = Duration::from_millis(50);
    config.settle = Duration::ZERO;
    config.retry = InfoRetry {
        interval: Duration::from_millis(20),
        ..InfoRetry::default()
    };
    config
}

async fn run(config: XdrConfig) -> Outcome<BackupStats> {
    let ended = tokio::time::timeout(LIMIT, xdr::start(config).wait()).await;
    ended.expect("the backup hangs")
}

/// What files of a set hold of a record in the end: everything but its digest and times.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    set: Vec<u8>,
    key: Option<Vec<u8>>,
    generation: u32,
    bins: Vec<(Vec<u8>, u8, Vec<u8>)>,
}

/// Replays a set in the order of its files.
fn content(path: &Path, key: Option<&Key>) -> BTreeMap<Digest, Kept> {
    let names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| FileName::is_asbx(name))
        .collect();
    let parsed = names
        .iter()
        .map(|name| (FileName::parse(name).unwrap(), name));
    let mut state = BTreeMap::new();
    for sequence in sequences(parsed) {
        for (number, name) in sequence.files {
            apply(
                &plain(&fs::read(path.join(name)).unwrap(), key),
                number,
                &mut state,
            );
        }
    }
    state
}

fn plain(stored: &[u8], key: Option<&Key>) -> Vec<u8> {
    let mut decoder = Unwrapper::new(DecoderOptions {
        key: key.cloned(),
        ..DecoderOptions::default()
    });
    let mut out = Vec::with_capacity(64 << 20);
    let progress = decoder.read(stored, &mut out).unwrap();
    assert_eq!(progress.consumed, stored.len());
    decoder.finish().unwrap();
    out
}

fn apply(mut file: &[u8], number: u64, state: &mut BTreeMap<Digest, Kept>) {
    let mut decoder = Decoder::new();
    loop {
        let Step::Complete { consumed, item } = decoder.decode(file, true).unwrap() else {
            return;
        };
        file = &file[consumed..];
        let token = match item {
            Item::Token(token) => token,
            Item::Header(header) => {
                assert_eq!(
                    (header.number(), header.namespace()),
                    (number, NAMESPACE.as_bytes())
                );
                continue;
            }
        };
        assert_eq!(token.payload[9], 0, "the mark of XDR");
        let digest = Digest(*token.digest);
        if effect(token.payload) != Effect::Write {
            state.remove(&digest);
            continue;
        }
        let found = aerospike_wire::message::split(&token.payload[8..], token.payload.len() - 8);
        let aerospike_wire::message::Found::Message { message, .. } = found.unwrap() else {
            panic!("a message is cut");
        };
        let bins = message.ops();
        let kept = Kept {
            set: message.field(1).unwrap_or_default().to_vec(),
            key: message.field(2).map(<[u8]>::to_vec),
            generation: message.header.generation,
            bins: bins
                .map(|op| (op.name.to_vec(), op.particle, op.value.to_vec()))
                .collect(),
        };
        state.insert(digest, kept);
    }
}

/// The same of a cluster.
fn of_cluster(cluster: &Cluster) -> BTreeMap<Digest, Kept> {
    let kept = |record: RawRecord| {
        let bins = record.bins.into_iter();
        let kept = Kept {
            set: record.set.unwrap_or_default(),
            key: record.key,
            generation: u32::from(record.generation),
            bins: bins
                .map(|bin| (bin.name, bin.particle, bin.value))
                .collect(),
        };
        (record.digest, kept)
    };
    cluster.records(NAMESPACE).into_iter().map(kept).collect()
}

/// Nothing of a run is left on the nodes.
fn assert_clean(cluster: &Cluster) {
    for seed in cluster.seeds() {
        for (command, expected) in [
            ("get-config:context=xdr", "dcs=;"),
            (
                "get-config:context=namespace;namespace=test",
                "disable-mrt-writes=false",
            ),
        ] {
            let answer = ask(&seed, command);
            assert!(answer.contains(expected), "{seed}: {answer}");
        }
    }
}

fn ask(seed: &str, command: &str) -> String {
    use std::io::{Read, Write};
    let mut request = Vec::new();
    aerospike_wire::info::request(&mut request, &[command]);
    let mut stream = std::net::TcpStream::connect(seed).unwrap();
    stream.write_all(&request).unwrap();
    let mut header = [0; 8];
    stream.read_exact(&mut header).unwrap();
    let len = aerospike_wire::frame::FrameHeader::parse(&header)
        .unwrap()
        .body_len;
    let mut body = vec![0; len as usize];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// Writes, updates and deletes until it is told to stop; half of the records expire some day.
fn writer(cluster: Arc<Cluster>, stop: Arc<AtomicBool>, seed: u32) -> thread::JoinHandle<u32> {
    thread::spawn(move || {
        let mut count: u32 = 0;
        while !stop.load(Ordering::SeqCst) {
            let n = (count.wrapping_mul(7919) + seed) % 30_000;
            let key = format!("key-{n}");
            let record = RawRecord::for_key("live", 3, key.as_bytes());
            match count % 5 {
                4 => drop(cluster.delete(NAMESPACE, &record.digest)),
                version => {
                    let value = i64::from(count).to_be_bytes();
                    let mut record = record.bin(b"v", 1, &value);
                    if version > 1 {
                        record.void_time = cluster.clock().now_s() + 10_000 + n;
                    }
                    assert!(cluster.put(NAMESPACE, &record));
                }
            }
            count += 1;
            if count.is_multiple_of(64) {
                thread::yield_now();
            }
        }
        count
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_is_written_to_arrives_whole() {
    let shipping = Shipping {
        hold_recovery: true,
        ..Shipping::default()
    };
    let cluster = Arc::new(enterprise(3, shipping));
    fill(&cluster, 100_000);
    cluster.put_udf(asnode::Udf {
        name: "module.lua".to_owned(),
        content: b"function f() end\n".to_vec(),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|seed| writer(Arc::clone(&cluster), Arc::clone(&stop), seed))
        .collect();
    let begun_s = cluster.clock().now_s();
    let mut config = config(&cluster, &path);
    config.file_limit = 4 << 20;
    let job = xdr::start(config);
    // As long as the nodes are held in recovery, the run goes on.
    while job.stats().snapshot().records_read < 110_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!job.is_finished(), "{:?}", job.wait().await.result);
    }
    stop.store(true, Ordering::SeqCst);
    let written: u32 = writers
        .into_iter()
        .map(|writer| writer.join().unwrap())
        .sum();
    assert!(written > 0);
    cluster.ship(|shipping| shipping.hold_recovery = false);
    let outcome = tokio::time::timeout(LIMIT, job.wait()).await.unwrap();
    outcome.result.unwrap();
    assert!(content(&path, None) == of_cluster(&cluster));
    assert!(path.join("test.manifest.json").exists());
    let counts = outcome.stats.snapshot();
    assert!(counts.files_written > 3, "{counts:?}");
    assert_clean(&cluster);

    // The messages restored, and the same as text.
    let replayed = crate::support::cluster(3);
    let mut replay = ReplayConfig::new(restore_config(&replayed, &path));
    replay.policy = WritePolicy {
        generation: GenerationPolicy::None,
        exists: ExistsPolicy::Replace,
    };
    replay::start(replay).wait().await.result.unwrap();
    assert_restored(&cluster, &replayed, begun_s);
    let text = folder.path().join("text");
    let converted = convert(&path, &text).await;
    converted.result.unwrap();
    let read = converted.stats.snapshot();
    assert_eq!(read.messages_read, counts.records_read);
    assert!(read.superseded > 0 && read.deleted > 0, "{read:?}");
    let restored = crate::support::cluster(3);
    restore_ok(restore_config(&restored, &text)).await;
    assert_restored(&cluster, &restored, begun_s);
    // By the fingerprints of its partitions the text is what a scan finds.
    let scanned = folder.path().join("scanned");
    backup_ok(backup_config(&cluster, to_directory(&scanned))).await;
    let (shipped, text, scanned) = (manifest(&path), manifest(&text), manifest(&scanned));
    assert!(text.partitions == scanned.partitions);
    assert_eq!((text.window, text.server), (shipped.window, shipped.server));
    assert_eq!(text.selection.get("converted from"), Some(&shipped.run));
}

/// What XDR has shipped to `path`, as text.
async fn convert(path: &Path, text: &Path) -> Outcome<ConvertStats> {
    let source = Arc::new(LocalDir::new(path));
    let config = ConvertConfig::new(source, to_directory(text));
    conversion::start(config).wait().await
}

fn manifest(path: &Path) -> Manifest {
    let content = fs::read(path.join("test.manifest.json")).unwrap();
    Manifest::decode(&content, None).unwrap().manifest
}

/// Keys, sets, bins and modules are those of the source, and so is the expiry but for the age of the
/// files: a time to live begins anew with the restore, or counts from the end of the backup.
fn assert_restored(source: &Cluster, copy: &Cluster, begun_s: u32) {
    let age_s = copy.clock().now_s().saturating_sub(begun_s) + 1;
    let (expected, found) = (
        crate::support::content(source),
        crate::support::content(copy),
    );
    assert_eq!(expected.len(), found.len());
    let mut expiring = 0;
    for (digest, (record, void_time)) in &expected {
        let (same, later) = &found[digest];
        assert_eq!(record, same, "{digest:02x?}");
        let longest = if *void_time == 0 {
            0
        } else {
            void_time + age_s
        };
        let is_near = (void_time.saturating_sub(1)..=longest).contains(later);
        assert!(is_near, "{void_time} became {later} within {age_s} s");
        expiring += u32::from(*void_time > 0);
    }
    assert!(expiring > 1000, "{expiring}");
    assert_eq!(source.udfs(), copy.udfs());
}

/// Acknowledgements that the nodes have got.
fn acknowledged(cluster: &Cluster) -> u64 {
    let of_node = |seed: &String| {
        let answer = ask(seed, "get-stats:context=xdr;dc=dc;namespace=test");
        let (_, rest) = answer.split_once("success=")?;
        rest.split(';').next()?.trim().parse::<u64>().ok()
    };
    cluster.seeds().iter().filter_map(of_node).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_after_acknowledgements_fails_the_run() {
    let shipping = Shipping {
        hold_recovery: true,
        ..Shipping::default()
    };
    let cluster = Arc::new(enterprise(2, shipping));
    fill(&cluster, 2000);
    let folder = tempfile::tempdir().unwrap();
    // It is well until nodes were told that their messages are safe.
    let asked = Arc::clone(&cluster);
    let disk = move |before: u64, _| match before {
        0..10_000 => Ok(()),
        _ => {
            assert!(acknowledged(&asked) > 0);
            let error = io::Error::from(io::ErrorKind::StorageFull);
            Err(StorageError::from_io(error, Operation::Write, "the-disk"))
        }
    };
    let mut config = config(&cluster, folder.path());
    config.parallel_write = Some(1);
    config.target = troubled(folder.path(), Capabilities::LOCAL, disk);
    let outcome = run(config).await;
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("cannot write the-disk"), "{error}");
    assert!(outcome.stats.snapshot().records_read > 0);
    assert!(names(folder.path()).is_empty(), "no manifest, and no file");
    assert_clean(&cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_stands_still_stops_the_nodes() {
    const RECORDS: u32 = 5000;
    const QUEUE: usize = 64;
    let cluster = enterprise(2, Shipping::default());
    fill(&cluster, RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (disk, writes) = (Arc::clone(&gate), Arc::new(AtomicU64::new(0)));
    let reached = Arc::clone(&writes);
    let slow = move |before: u64, _| {
        if before > 0 {
            reached.fetch_add(1, Ordering::SeqCst); // behind the header
            let (is_open, opened) = &*disk;
            let waiting = opened.wait_while(is_open.lock().unwrap(), |open| !*open);
            drop(waiting.unwrap());
        }
        Ok(())
    };
    let mut config = config(&cluster, folder.path());
    config.target = troubled(folder.path(), Capabilities::LOCAL, slow);
    (config.listener.results_queue, config.listener.ack_queue) = (QUEUE, 16);
    config.parallel_write = Some(1);
    let job = xdr::start(config);
    // The writer stands, and the queue is as full as it gets.
    let stands = || writes.load(Ordering::SeqCst) == 1;
    let received = || job.stats().snapshot().records_read;
    let mut last = (0, 0);
    while !stands() || last.0 == 0 || last.1 < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!job.is_finished());
        let now = received();
        last = (now, if now == last.0 { last.1 + 1 } else { 0 });
        // Whatever the machine does meanwhile, no more than the queue was taken and acknowledged.
        assert!(now <= QUEUE as u64, "{now}");
        assert!(acknowledged(&cluster) <= QUEUE as u64);
    }
    let (is_open, opened) = &*gate;
    *is_open.lock().unwrap() = true;
    opened.notify_all();
    let outcome = tokio::time::timeout(LIMIT, job.wait()).await.unwrap();
    outcome.result.unwrap();
    assert!(content(folder.path(), None) == of_cluster(&cluster));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_wrapped_as_asked_metadata_too() {
    let cluster = enterprise(1, Shipping::default());
    fill(&cluster, 2000);
    cluster.put_udf(asnode::Udf {
        name: "module.lua".to_owned(),
        content: b"function f() end\n".to_vec(),
    });
    let key = KeyBytes::raw(b"some key").unwrap().key(KeySize::Aes256);
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&cluster, folder.path());
    config.wrap = Wrap {
        compression: Level::new(3),
        key: Some(key.clone()),
    };
    run(config).await.result.unwrap();
    assert!(content(folder.path(), Some(&key)) == of_cluster(&cluster));
    let metadata = fs::read(folder.path().join("metadata_test_1.asb")).unwrap();
    let metadata = plain(&metadata, Some(&key));
    assert!(metadata.starts_with(b"Version 3.1\n") && metadata.ends_with(b"function f() end\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_shipping_cost_nothing_but_time() {
    let base = Shipping {
        connections: 3,
        window: 32,
        ..Shipping::default()
    };
    let faults = [
        Shipping {
            repeat: true,
            ..base
        },
        Shipping {
            reorder: true,
            ..base
        },
        Shipping {
            piece_bytes: Some(100),
            ..base
        },
        Shipping {
            cut_every: Some(301),
            ..base
        },
        Shipping {
            lose_acks_every: Some(307),
            ..base
        },
    ];
    for shipping in faults {
        let cluster = enterprise(2, shipping);
        fill(&cluster, 3000);
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&cluster, folder.path());
        // Some of the connections find no room, and come again.
        config.listener.max_connections = 4;
        (config.listener.ack_queue, config.listener.results_queue) = (7, 20);
        config.listener.read_timeout = Duration::from_millis(500);
        run(config).await.result.unwrap();
        assert!(
            content(folder.path(), None) == of_cluster(&cluster),
            "{shipping:?}"
        );
        assert_clean(&cluster);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewind_brings_what_is_younger() {
    let cluster = enterprise(2, Shipping::default());
    let now = cluster.clock().now_ms();
    for n in 0..100_u64 {
        let mut record = RawRecord::for_key("s", 1, &n.to_be_bytes()).bin(b"n", 1, &[0; 8]);
        record.last_update_ms = now - n * 10_000;
        cluster.put(NAMESPACE, &record);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&cluster, folder.path());
    config.rewind = Rewind::Seconds(505);
    let outcome = run(config).await;
    outcome.result.unwrap();
    assert_eq!(outcome.stats.snapshot().records_read, 51);
    let shipped = manifest(folder.path());
    assert_eq!(shipped.selection["--rewind"], "505");

    // As text it says that it is about changes, so nobody takes it for a beginning.
    let text = folder.path().join("text");
    convert(folder.path(), &text).await.result.unwrap();
    let since_ns = shipped.window.scan_start_ns - 505_000_000_000;
    assert_eq!(manifest(&text).window.modified_after_ns, Some(since_ns));
    assert_eq!(manifest(&text).totals.records, 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_among_changes_has_no_form_in_text() {
    let shipping = Shipping {
        hold_recovery: true,
        ..Shipping::default()
    };
    let cluster = enterprise(1, shipping);
    let mut record = RawRecord::for_key("s", 1, &[0; 8]).bin(b"n", 1, &[0; 8]);
    record.last_update_ms = cluster.clock().now_ms();
    assert!(cluster.put(NAMESPACE, &record));
    let folder = tempfile::tempdir().unwrap();
    let (path, text) = (folder.path().join("set"), folder.path().join("text"));
    let mut config = config(&cluster, &path);
    config.rewind = Rewind::Seconds(100);
    let job = xdr::start(config);
    while job.stats().snapshot().records_read == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!job.is_finished(), "{:?}", job.wait().await.result);
    }
    let gone = record.digest;
    assert!(cluster.delete(NAMESPACE, &gone));
    cluster.ship(|shipping| shipping.hold_recovery = false);
    job.wait().await.result.unwrap();
    let error = convert(&path, &text).await.result.unwrap_err();
    assert!(
        matches!(&error, Error::NotConvertible { digest, source, .. }
            if *digest == gone && *source == Unconvertible::Deleted),
        "{error}"
    );
    assert!(names(&text).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_namespace_is_a_backup_without_data() {
    let cluster = enterprise(2, Shipping::default());
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(config(&cluster, folder.path())).await;
    outcome.result.unwrap();
    assert_eq!(outcome.stats.snapshot().records_read, 0);
    assert!(folder.path().join("test.manifest.json").exists());
    assert_clean(&cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_the_nodes_verify_us() {
    let authority = Authority::new("test");
    let cluster = Cluster::builder()
        .edition(Edition::Enterprise)
        .shipping_tls(authority.client_settings())
        .start()
        .unwrap();
    fill(&cluster, 500);
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&cluster, folder.path());
    config.listener.address = "localhost".to_owned();
    config.listener.tls = Some(authority.server_settings(&["localhost"]));
    run(config).await.result.unwrap();
    assert!(content(folder.path(), None) == of_cluster(&cluster));
}

/// A run that fails: nothing of it is left, neither here nor there.
async fn check_failure(cluster: &Cluster, change: impl FnOnce(&mut XdrConfig)) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(cluster, folder.path());
    change(&mut config);
    let error = run(config).await.result.unwrap_err();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_clean(cluster);
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_address_is_told_of() {
    let cluster = enterprise(1, Shipping::default());
    fill(&cluster, 10);
    let error = check_failure(&cluster, |config| {
        // Nobody answers there, and it is no address of this host.
        config.listener.address = "192.0.2.1".to_owned();
        config.start_timeout = Duration::from_millis(300);
    })
    .await;
    assert!(error.to_string().contains("192.0.2.1"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_shipped_for_too_long() {
    let cluster = enterprise(
        2,
        Shipping {
            paused: true,
            ..Shipping::default()
        },
    );
    fill(&cluster, 10);
    let error = check_failure(&cluster, |config| {
        config.start_timeout = Duration::from_millis(300);
    })
    .await;
    assert!(
        error
            .to_string()
            .contains("no record arrived within 300 ms"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_ends_the_run() {
    let cluster = enterprise(
        3,
        Shipping {
            hold_recovery: true,
            ..Shipping::default()
        },
    );
    fill(&cluster, 3000);
    let folder = tempfile::tempdir().unwrap();
    let job = xdr::start(config(&cluster, folder.path()));
    while job.stats().snapshot().records_read == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    cluster.kill_node(1, NodeLoss::Takeover);
    let error = tokio::time::timeout(LIMIT, job.wait())
        .await
        .unwrap()
        .result
        .unwrap_err();
    assert!(matches!(error, Error::Xdr(_)), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_clean(&cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_cancelled_takes_everything_back() {
    let cluster = enterprise(
        2,
        Shipping {
            hold_recovery: true,
            ..Shipping::default()
        },
    );
    fill(&cluster, 100);
    let folder = tempfile::tempdir().unwrap();
    let job = xdr::start(config(&cluster, folder.path()));
    while job.stats().snapshot().records_read < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    job.cancel_token().cancel();
    let outcome = tokio::time::timeout(LIMIT, job.wait()).await.unwrap();
    assert!(
        matches!(outcome.result, Err(Error::Cancelled)),
        "{:?}",
        outcome.result
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_clean(&cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_left_is_in_the_way_and_can_be_removed() {
    let cluster = enterprise(2, Shipping::default());
    for (seed, command) in [
        (0, "set-config:context=xdr;dc=dc;action=create"),
        (
            1,
            "set-config:context=namespace;namespace=test;disable-mrt-writes=true",
        ),
    ] {
        assert!(ask(&cluster.seeds()[seed], command).ends_with("ok\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    let error = run(config(&cluster, folder.path()))
        .await
        .result
        .unwrap_err();
    assert!(error.to_string().contains("--stop-xdr"), "{error}");
    let clean_up = CleanUp {
        connect: connect(&cluster),
        namespace: NAMESPACE.to_owned(),
        dc: Some(dc()),
        unblock: true,
        retry: InfoRetry {
            attempts: 1,
            ..InfoRetry::default()
        },
    };
    let done = xdr::clean_up(&clean_up).await.unwrap();
    assert_eq!(
        (
            done.stopped.len(),
            done.untouched.len(),
            done.unblocked.len()
        ),
        (1, 1, 2)
    );
    assert_clean(&cluster);
    fill(&cluster, 10);
    run(config(&cluster, folder.path())).await.result.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clusters_without_xdr_are_refused() {
    let cluster = crate::support::cluster(1);
    let error = check_community(&cluster).await;
    assert!(error.to_string().contains("Enterprise Edition"), "{error}");
}

async fn check_community(cluster: &Cluster) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let error = run(config(cluster, folder.path()))
        .await
        .result
        .unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_set_goes_when_the_new_one_is_complete() {
    let cluster = enterprise(1, Shipping::default());
    fill(&cluster, 100);
    let folder = tempfile::tempdir().unwrap();
    run(config(&cluster, folder.path())).await.result.unwrap();
    let error = run(config(&cluster, folder.path()))
        .await
        .result
        .unwrap_err();
    assert!(matches!(error, Error::TargetNotEmpty { .. }), "{error}");
    fill(&cluster, 200);
    let mut again = config(&cluster, folder.path());
    (again.remove_files, again.parallel_write) = (true, Some(1));
    run(again).await.result.unwrap();
    assert!(content(folder.path(), None) == of_cluster(&cluster));
}
