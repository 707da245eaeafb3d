//! Conversions of what XDR has shipped: golden files of the established tool, and sets made for
//! one case each.

use crate::{
    replay::{content as bins_of, expected, golden, index, key as asbx_key},
    support::{NAMESPACE, cluster, names, restore_config, restore_ok, to_directory, to_file},
};
use aerospike_wire::{
    digest::Digest,
    message::{MessageBuilder, MessageHeader, flags},
    op,
    xdr::{Change, NEVER_EXPIRES, Shipment},
};
use asbx_format::{Header, token};
use asnode::{Cluster, Edition};
use backup_core::{
    conversion::{self, ConvertConfig},
    convert::asbx_to_asb::Unconvertible,
    envelope::{KeySize, Level},
    error::{Error, ErrorClass},
    handle::Outcome,
    manifest::{Manifest, Status},
    replay::{self, ExistsPolicy, GenerationPolicy, ReplayConfig, WritePolicy},
    stats::ConvertStats,
};
use backup_storage::{LocalDir, LocalOptions, single_file};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The state of the source: what is there is replaced by what was shipped.
const AS_SHIPPED: WritePolicy = WritePolicy {
    generation: GenerationPolicy::None,
    exists: ExistsPolicy::Replace,
};

fn config(source: &Path, target: &Path) -> ConvertConfig {
    let store: Arc<dyn backup_storage::Store> = if source.is_dir() {
        Arc::new(LocalDir::new(source))
    } else {
        single_file(source, LocalOptions::default()).unwrap()
    };
    ConvertConfig {
        shipped_at: Some(SystemTime::now()),
        parallel: Some(2),
        ..ConvertConfig::new(store, to_directory(target))
    }
}

async fn run(config: ConvertConfig) -> Outcome<ConvertStats> {
    let limit = Duration::from_secs(120);
    let ended = tokio::time::timeout(limit, conversion::start(config).wait()).await;
    ended.expect("the conversion hangs")
}

async fn run_ok(config: ConvertConfig) -> Arc<ConvertStats> {
    let outcome = run(config).await;
    outcome.result.unwrap();
    assert!(outcome.stats.is_balanced());
    outcome.stats
}

/// Fails, and leaves nothing in the target.
async fn run_err(config: ConvertConfig, target: &Path) -> Error {
    let error = run(config).await.result.unwrap_err();
    assert!(names(target).is_empty(), "{:?}", names(target));
    error
}

fn manifest(path: &Path) -> Manifest {
    let content = fs::read(path.join("test.manifest.json")).unwrap();
    Manifest::decode(&content, None).unwrap().manifest
}

/// What a restore of the text leaves in an empty namespace.
async fn restored(path: &Path) -> Cluster {
    let target = cluster(2);
    let counts = restore_ok(restore_config(&target, path)).await;
    assert_eq!(counts.inserted, counts.records_read, "each record once");
    target
}

/// What a restore of the messages leaves in an empty namespace.
async fn replayed(source: &Path, change: impl FnOnce(&mut ReplayConfig)) -> Cluster {
    let target = cluster(2);
    let mut config = ReplayConfig::new(restore_config(&target, source));
    config.policy = AS_SHIPPED;
    change(&mut config);
    replay::start(config).wait().await.result.unwrap();
    target
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_golden_sets_become_the_records_that_they_restore() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "plain",
        "parallel4",
        "limit",
        "zstd",
        "aes128",
        "zstd-aes256",
    ] {
        let target = folder.path().join(name);
        let key = match name {
            "aes128" => Some(asbx_key(KeySize::Aes128)),
            "zstd-aes256" => Some(asbx_key(KeySize::Aes256)),
            _ => None,
        };
        let mut config = config(&golden(name), &target);
        config.unwrap.key = key.clone();
        let stats = run_ok(config).await;
        assert_eq!(
            (stats.snapshot().messages_read, stats.backup().records_read),
            (358, 358)
        );
        let shipped = replayed(&golden(name), |config| config.restore.unwrap.key = key).await;
        assert!(
            bins_of(&restored(&target).await) == bins_of(&shipped),
            "{name}"
        );
        let set = manifest(&target);
        assert_eq!((set.status, set.totals.records), (Status::Complete, 358));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_of_a_record_ends_with_its_last_message() {
    let folder = tempfile::tempdir().unwrap();
    let expected = &expected(&index()["versions"]["final_state"]["replace"]);
    // With room for all digests, for some partitions, and for one partition at a time.
    for index_bytes in [1 << 20, 28 * 12, 1] {
        let target = folder.path().join(index_bytes.to_string());
        let config = ConvertConfig {
            index_bytes,
            ..config(&golden("versions"), &target)
        };
        let stats = run_ok(config).await;
        let (read, written) = (stats.snapshot(), stats.backup().records_read);
        assert_eq!(read.messages_read, 80);
        assert_eq!(read.superseded, 40, "of 40 records");
        assert_eq!(
            (read.deleted + written, written),
            (40, expected.len() as u64)
        );
        assert_eq!(read.bytes_fetched, read.bytes_expected);
        assert!(bins_of(&restored(&target).await) == *expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_delete_is_a_delete() {
    let folder = tempfile::tempdir().unwrap();
    let stats = run_ok(config(&golden("durable"), folder.path())).await;
    let read = stats.snapshot();
    assert_eq!(
        (read.superseded, read.deleted, stats.backup().records_read),
        (1, 1, 1)
    );
    let enterprise = Cluster::builder()
        .edition(Edition::Enterprise)
        .start()
        .unwrap();
    let replay = ReplayConfig::new(restore_config(&enterprise, &golden("durable")));
    replay::start(replay).wait().await.result.unwrap();
    assert!(bins_of(&restored(folder.path()).await) == bins_of(&enterprise));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_wrapped_and_cut_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (wrapped, single) = (folder.path().join("set"), folder.path().join("x.asb"));
    let mut asked = config(&golden("plain"), &wrapped);
    asked.wrap.compression = Level::new(3);
    asked.wrap.key = Some(asbx_key(KeySize::Aes128));
    (asked.file_limit, asked.compact) = (1, true);
    run_ok(asked).await;
    let target = cluster(1);
    let mut restore = restore_config(&target, &wrapped);
    restore.unwrap.key = Some(asbx_key(KeySize::Aes128));
    assert_eq!(restore_ok(restore).await.inserted, 358);
    let asked = ConvertConfig {
        target: to_file(&single),
        ..config(&golden("plain"), folder.path())
    };
    run_ok(asked).await;
    assert!(bins_of(&restored(&single).await) == bins_of(&target));
    let one = ConvertConfig {
        manifest: false,
        ..config(
            &golden("plain").join("0_test_1.asbx"),
            &folder.path().join("one"),
        )
    };
    assert_eq!(run_ok(one).await.backup().records_read, 171);
    assert_eq!(names(&folder.path().join("one")), ["0_test_1.asb"]);
}

/// The file that the established tool leaves beside all its sets, encrypted ones too.
fn metadata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/asbx/metadata_test_1.asb")
}

/// A golden set with that file.
fn with_metadata(name: &str, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for file in names(&golden(name)) {
        fs::copy(golden(name).join(&file), folder.join(&file)).unwrap();
    }
    fs::copy(metadata(), folder.join("metadata_test_1.asb")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_and_modules_come_along_also_where_they_are_not_wrapped() {
    let folder = tempfile::tempdir().unwrap();
    for (name, size) in [("plain", None), ("zstd-aes256", Some(KeySize::Aes256))] {
        let (source, target) = (
            folder.path().join(name),
            folder.path().join("out").join(name),
        );
        with_metadata(name, &source);
        let key = size.map(asbx_key);
        let mut config = config(&source, &target);
        config.unwrap.key = key.clone();
        let written = run_ok(config).await.backup();
        let shipped = replayed(&source, |config| config.restore.unwrap.key = key).await;
        let found = restored(&target).await;
        assert_eq!(
            (found.udfs(), found.indexes()),
            (shipped.udfs(), shipped.indexes())
        );
        let counts = (found.udfs().len() as u64, found.indexes().len() as u64);
        assert_eq!((written.udfs_read, written.indexes_read), counts);
        let head = fs::read(target.join("metadata_test_1.asb")).unwrap();
        assert!(head == fs::read(metadata()).unwrap(), "line by line");
        let set = manifest(&target);
        assert_eq!(
            (set.udfs.len(), set.indexes.len()),
            (2, found.indexes().len())
        );
    }
}

/// A set that is made message by message.
struct Shipped {
    folder: tempfile::TempDir,
}

/// A record and what happens to it.
struct Version {
    key: u64,
    ttl: u32,
    value: Option<u64>,
}

impl Shipped {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shipped")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("text")
    }

    fn config(&self) -> ConvertConfig {
        config(&self.path(), &self.target())
    }

    /// Adds a file with these messages.
    fn file(&self, worker: u32, number: u64, messages: &[(Digest, Vec<u8>)]) {
        fs::create_dir_all(self.path()).unwrap();
        let mut file = Vec::new();
        Header::new(number, NAMESPACE.as_bytes())
            .unwrap()
            .encode(&mut file);
        for (digest, message) in messages {
            token::encode(&mut file, &digest.0, message).unwrap();
        }
        let name = format!("{worker}_{NAMESPACE}_{number}.asbx");
        fs::write(self.path().join(name), file).unwrap();
    }
}

impl Version {
    const fn of(key: u64, value: Option<u64>) -> Self {
        Self {
            key,
            ttl: NEVER_EXPIRES,
            value,
        }
    }

    fn digest(&self) -> Digest {
        Digest::for_key(b"set", 1, &self.key.to_be_bytes())
    }

    fn message(&self) -> (Digest, Vec<u8>) {
        let (mut ops, mut message) = (Vec::new(), Vec::new());
        op::put(
            &mut ops,
            2,
            1,
            b"n",
            &self.value.unwrap_or_default().to_be_bytes(),
        );
        Shipment {
            namespace: NAMESPACE.as_bytes(),
            digest: self.digest(),
            set: b"set",
            key: Some(&[&[1], &self.key.to_be_bytes()[..]].concat()),
            generation: 1,
            ttl: self.ttl,
            last_update_ms: 1,
            change: match self.value {
                Some(_) => Change::Write {
                    n_ops: 1,
                    ops: &ops,
                },
                None => Change::Delete { durable: false },
            },
        }
        .encode(&mut message);
        (self.digest(), message)
    }
}

/// A write of some bins only, as shipping of changed bins would send it.
fn merge(key: u64) -> (Digest, Vec<u8>) {
    let digest = Version::of(key, None).digest();
    let header = MessageHeader {
        info2: flags::WRITE,
        record_ttl: NEVER_EXPIRES,
        ..MessageHeader::default()
    };
    let mut out = Vec::new();
    let mut message = MessageBuilder::new(&mut out, &header);
    message.field(0, NAMESPACE.as_bytes());
    message.field(4, &digest.0);
    message.field(1, b"set");
    message.op(2, 1, b"n", &[0; 8]);
    message.finish();
    (digest, out)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_text_cannot_say_ends_the_run_with_its_place() {
    let set = Shipped::new();
    let first = Version::of(1, Some(7)).message();
    let offset = 44 + 26 + first.1.len() as u64;
    set.file(0, 1, &[first, merge(2)]);
    let error = run_err(set.config(), &set.target()).await;
    let Error::NotConvertible {
        file,
        offset: found,
        digest,
        source,
    } = &error
    else {
        panic!("{error}");
    };
    assert!(file.ends_with("0_test_1.asbx"), "{file}");
    assert_eq!((*found, *digest), (offset, merge(2).0));
    assert_eq!(*source, Unconvertible::Merge);
    assert_eq!(error.class(), ErrorClass::General);
    // What comes after it makes it void.
    set.file(0, 2, &[Version::of(2, Some(8)).message()]);
    let stats = run_ok(set.config()).await;
    assert_eq!(
        (stats.snapshot().superseded, stats.backup().records_read),
        (1, 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_to_live_needs_a_moment_to_count_from() {
    let set = Shipped::new();
    let version = Version {
        ttl: 1000,
        ..Version::of(1, Some(7))
    };
    set.file(0, 1, &[version.message()]);
    let unknown = ConvertConfig {
        shipped_at: None,
        ..set.config()
    };
    let error = run_err(unknown, &set.target()).await;
    let expected = Unconvertible::ShippedAtUnknown { ttl: 1000 };
    assert!(matches!(&error, Error::NotConvertible { source, .. } if *source == expected));
    assert!(error.advice().unwrap().contains("--shipped-at"));
    let since_2010 = Duration::from_secs(1_262_304_000 + 500_000_000);
    let known = ConvertConfig {
        shipped_at: Some(SystemTime::UNIX_EPOCH + since_2010),
        ..set.config()
    };
    run_ok(known).await;
    let text = fs::read_to_string(set.target().join("0_test_1.asb")).unwrap();
    assert!(text.contains("\n+ t 500001000\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_order_is_refused() {
    let set = Shipped::new();
    set.file(0, 1, &[Version::of(1, Some(7)).message()]);
    set.file(1, 2, &[Version::of(1, None).message()]);
    let error = run_err(set.config(), &set.target()).await;
    let partition = Version::of(1, None).digest().partition().get();
    assert!(
        matches!(&error, Error::OrderUnknown { one, other, partition: found }
            if one.ends_with("0_test_1.asbx") && other.ends_with("1_test_2.asbx")
                && *found == partition),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_beside_the_messages_holds_definitions_only() {
    let set = Shipped::new();
    set.file(0, 1, &[Version::of(1, Some(7)).message()]);
    run_ok(set.config()).await;
    let beside = set.path().join("1_test_2.asb");
    fs::rename(set.target().join("0_test_1.asb"), &beside).unwrap();
    fs::remove_dir_all(set.target()).unwrap();
    let error = run_err(set.config(), &set.target()).await;
    assert!(matches!(&error, Error::RecordsBeside { .. }), "{error}");
    let index = "Version 3.1\n# namespace best\n* i best s i N 1 b N\n";
    fs::write(&beside, index).unwrap();
    let error = run_err(set.config(), &set.target()).await;
    assert!(
        matches!(&error, Error::OtherNamespace { found, offset: 29, .. } if found == "best"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_leaves_nothing() {
    let damaged = fs::read(golden("damaged/index.json")).unwrap();
    let damaged: serde_json::Value = serde_json::from_slice(&damaged).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for case in damaged["cases"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let (path, target) = (golden("damaged").join(name), folder.path().join(name));
        let config = config(path.parent().unwrap(), &target);
        if case["expect"] == "ok" {
            let read = run_ok(config).await.snapshot();
            assert_eq!(Some(read.messages_read), case["tokens"].as_u64(), "{name}");
            continue;
        }
        let error = run_err(config, &target).await;
        if let Error::AsbxDamaged { source, .. } = &error {
            let found = source.position().offset;
            assert_eq!(Some(found), case["offset"].as_u64(), "{name}");
        }
    }
    // Of a kind that the format does not look at: behind the digest all is the server's.
    let set = Shipped::new();
    let (digest, mut message) = Version::of(1, Some(7)).message();
    let at = message.len() - 9; // the length of a bin's name
    message[at - 1] = 200;
    set.file(0, 1, &[(digest, message)]);
    let error = run_err(set.config(), &set.target()).await;
    assert_eq!(error.class(), ErrorClass::Damage, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_and_targets_have_to_be_fit() {
    let set = Shipped::new();
    set.file(0, 1, &[Version::of(1, Some(7)).message()]);
    let other = ConvertConfig {
        namespace: Some("best".to_owned()),
        ..set.config()
    };
    let error = run_err(other, &set.target()).await;
    assert!(matches!(&error, Error::OtherNamespace { .. }), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = run_err(config(empty.path(), &set.target()), &set.target()).await;
    assert!(matches!(&error, Error::InputEmpty { .. }), "{error}");
    // A stream is read once.
    let stream = ConvertConfig {
        source: Arc::new(backup_storage::Stream::stdin()),
        ..set.config()
    };
    let error = run_err(stream, &set.target()).await;
    assert!(matches!(&error, Error::Unsupported(_)), "{error}");
    // What is there stays, until it is replaced by a set that is complete.
    run_ok(set.config()).await;
    let before = names(&set.target());
    let error = run(set.config()).await.result.unwrap_err();
    assert!(matches!(&error, Error::TargetNotEmpty { .. }), "{error}");
    set.file(0, 2, &[merge(3)]);
    let replacing = || ConvertConfig {
        remove_files: true,
        ..set.config()
    };
    run(replacing()).await.result.unwrap_err();
    assert_eq!(names(&set.target()), before);
    set.file(0, 3, &[Version::of(3, Some(3)).message()]);
    run_ok(replacing()).await;
    assert_eq!(manifest(&set.target()).totals.records, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversion_that_is_cancelled_leaves_nothing() {
    let set = Shipped::new();
    let many: Vec<_> = (0..2000)
        .map(|n| Version::of(n, Some(n)).message())
        .collect();
    (1..30).for_each(|number| set.file(0, number, &many));
    let job = conversion::start(ConvertConfig {
        index_bytes: 1, // every partition is read for itself: this takes long
        ..set.config()
    });
    while job.stats().snapshot().messages_read == 0 {
        assert!(!job.is_finished());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    job.cancel_token().cancel();
    let outcome = job.wait().await;
    assert!(
        matches!(outcome.result, Err(Error::Cancelled)),
        "{:?}",
        outcome.result
    );
    assert!(names(&set.target()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_source_is_not_touched() {
    let set = Shipped::new();
    set.file(0, 1, &[Version::of(1, Some(7)).message()]);
    let inside = ConvertConfig {
        target: to_directory(&set.path()),
        ..set.config()
    };
    let before = names(&set.path());
    let error = run(inside).await.result.unwrap_err();
    assert!(matches!(&error, Error::TargetNotEmpty { .. }), "{error}");
    assert_eq!(names(&set.path()), before);
    let replacing = ConvertConfig {
        target: to_directory(&set.path()),
        remove_files: true,
        ..set.config()
    };
    let error = run(replacing).await.result.unwrap_err();
    assert!(matches!(&error, Error::Unsupported(_)), "{error}");
    assert_eq!(names(&set.path()), before);
}
