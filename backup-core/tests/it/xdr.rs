//! Backups by XDR from clusters that go on being written to.

use crate::support::{NAMESPACE, connect, fill};
use aerospike_wire::digest::Digest;
use asbx_format::{
    Decoder, FileName, Item, Step,
    payload::{Effect, effect},
    sequences,
};
use asnode::{Cluster, Edition, NamespaceConfig, NodeLoss, RawRecord, Shipping};
use backup_core::{
    backup::Wrap,
    envelope::{Decoder as Unwrapper, DecoderOptions, Key, KeyBytes, KeySize, Level},
    error::Error,
    handle::Outcome,
    stats::BackupStats,
    xdr::{self, CleanUp, DcName, InfoRetry, Rewind, XdrConfig},
};
use backup_storage::LocalDir;
use net_tls::testing::Authority;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
            replay(
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

fn replay(mut file: &[u8], number: u64, state: &mut BTreeMap<Digest, Kept>) {
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

/// Writes, updates and deletes until it is told to stop.
fn writer(cluster: Arc<Cluster>, stop: Arc<AtomicBool>, seed: u32) -> thread::JoinHandle<u32> {
    thread::spawn(move || {
        let mut count: u32 = 0;
        while !stop.load(Ordering::SeqCst) {
            let n = (count.wrapping_mul(7919) + seed) % 30_000;
            let key = format!("key-{n}");
            let record = RawRecord::for_key("live", 3, key.as_bytes());
            match count % 5 {
                4 => drop(cluster.delete(NAMESPACE, &record.digest)),
                _ => {
                    let value = i64::from(count).to_be_bytes();
                    assert!(cluster.put(NAMESPACE, &record.bin(b"v", 1, &value)));
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|seed| writer(Arc::clone(&cluster), Arc::clone(&stop), seed))
        .collect();
    let mut config = config(&cluster, &path);
    config.file_limit = 4 << 20;
    let job = xdr::start(config);
    // As long as the nodes are held in recovery, the run goes on.
    while job.stats().snapshot().records_read < 100_000 {
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
    let manifest = fs::read_to_string(folder.path().join("test.manifest.json")).unwrap();
    assert!(manifest.contains("\"--rewind\""), "{manifest}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_restored_into_an_equal_namespace() {
    let shipping = Shipping {
        hold_recovery: true,
        ..Shipping::default()
    };
    let cluster = Arc::new(enterprise(3, shipping));
    fill(&cluster, 20_000);
    cluster.put_udf(asnode::Udf {
        name: "module.lua".to_owned(),
        content: b"function f() end\n".to_vec(),
    });
    let folder = tempfile::tempdir().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = writer(Arc::clone(&cluster), Arc::clone(&stop), 1);
    let job = xdr::start(config(&cluster, folder.path()));
    while job.stats().snapshot().records_read < 30_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!job.is_finished(), "{:?}", job.wait().await.result);
    }
    stop.store(true, Ordering::SeqCst);
    writing.join().unwrap();
    cluster.ship(|shipping| shipping.hold_recovery = false);
    let outcome = tokio::time::timeout(LIMIT, job.wait()).await.unwrap();
    outcome.result.unwrap();

    let target = crate::support::cluster(2);
    let restore = crate::support::restore_config(&target, folder.path());
    let mut replay = backup_core::replay::ReplayConfig::new(restore);
    replay.policy = backup_core::replay::WritePolicy {
        generation: backup_core::replay::GenerationPolicy::None,
        exists: backup_core::replay::ExistsPolicy::Replace,
    };
    let replaying = backup_core::replay::start(replay).wait();
    let restored = tokio::time::timeout(LIMIT, replaying).await.unwrap();
    restored.result.unwrap();
    let without_generation = |content: BTreeMap<Digest, Kept>| {
        let kept = content.into_iter();
        kept.map(|(digest, kept)| {
            (
                digest,
                Kept {
                    generation: 0,
                    ..kept
                },
            )
        })
        .collect::<BTreeMap<_, _>>()
    };
    let (found, expected) = (of_cluster(&target), of_cluster(&cluster));
    assert!(without_generation(found) == without_generation(expected));
    assert_eq!(target.udfs(), cluster.udfs());
}
