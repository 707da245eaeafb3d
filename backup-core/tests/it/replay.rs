//! Restores of what XDR has shipped: golden files of the established tool, and our own.

use crate::support::{NAMESPACE, RETRY, cluster, from_path, restore_config};
use asbx_format::token;
use asnode::{
    Cluster, Edition,
    faults::{On, Reaction, Rows, Rule},
};
use backup_core::{
    envelope::{Key, KeyBytes, KeySize},
    error::{Error, ErrorClass},
    handle::Outcome,
    replay::{self, ExistsPolicy, GenerationPolicy, Kinds, ReplayConfig, WritePolicy},
    restore::{Existing, Trust, Unwrap, ValidateConfig},
    stats::{RestoreCounts, RestoreStats},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

/// The files of the established tool, in the crate of the format.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../asbx-format/tests/data")
        .join(name)
}

pub(crate) fn index() -> Value {
    serde_json::from_slice(&fs::read(golden("index.json")).unwrap()).unwrap()
}

fn config(cluster: &Cluster, path: &Path) -> ReplayConfig {
    ReplayConfig::new(restore_config(cluster, path))
}

async fn run(config: ReplayConfig) -> Outcome<RestoreStats> {
    let limit = Duration::from_secs(120);
    let ended = tokio::time::timeout(limit, replay::start(config).wait()).await;
    let outcome = ended.expect("the restore hangs");
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced(), "{counts:?}");
    outcome
}

async fn run_ok(config: ReplayConfig) -> RestoreCounts {
    let outcome = run(config).await;
    outcome.result.unwrap();
    outcome.stats.snapshot()
}

pub(crate) fn key(size: KeySize) -> Key {
    let keys: Value = serde_json::from_slice(&fs::read(golden("keys.json")).unwrap()).unwrap();
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    let (label, body) = (text("pem_label"), text("pem_body_base64"));
    let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    KeyBytes::pem_file(pem.as_bytes()).unwrap().key(size)
}

/// Bins of all records, by digest: name to particle type and value.
pub(crate) type Content = BTreeMap<String, BTreeMap<String, (u64, String)>>;

pub(crate) fn content(cluster: &Cluster) -> Content {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let bins = |bins: Vec<asnode::RawBin>| {
        let bin = |bin: asnode::RawBin| {
            let name = String::from_utf8(bin.name).unwrap();
            (name, (u64::from(bin.particle), hex(&bin.value)))
        };
        bins.into_iter().map(bin).collect()
    };
    let records = cluster.records(NAMESPACE).into_iter();
    records
        .map(|r| (r.digest.to_string(), bins(r.bins)))
        .collect()
}

pub(crate) fn expected(state: &Value) -> Content {
    let bin = |(name, bin): (&String, &Value)| {
        (
            name.clone(),
            (
                bin[0].as_u64().unwrap(),
                bin[1].as_str().unwrap().to_owned(),
            ),
        )
    };
    let record = |(digest, bins): (&String, &Value)| {
        (
            digest.clone(),
            bins.as_object().unwrap().iter().map(bin).collect(),
        )
    };
    state.as_object().unwrap().iter().map(record).collect()
}

const REPLACE: WritePolicy = WritePolicy {
    generation: GenerationPolicy::None,
    exists: ExistsPolicy::Replace,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_all_golden_sets_arrive() {
    let index = index();
    let mut contents = Vec::new();
    for name in [
        "plain",
        "parallel4",
        "limit",
        "zstd",
        "aes128",
        "zstd-aes256",
    ] {
        let target = cluster(3);
        let mut config = config(&target, &golden(name));
        config.restore.unwrap.key = match name {
            "aes128" => Some(key(KeySize::Aes128)),
            "zstd-aes256" => Some(key(KeySize::Aes256)),
            _ => None,
        };
        let counts = run_ok(config).await;
        let tokens = index[name]["tokens"].as_u64().unwrap();
        assert_eq!(
            (counts.records_read, counts.inserted),
            (tokens, tokens),
            "{name}"
        );
        contents.push(content(&target));
    }
    assert_eq!(contents[0].len(), 358);
    assert!(contents.iter().all(|other| *other == contents[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_of_a_record_ends_as_with_the_established_tool() {
    let states = &index()["versions"]["final_state"];
    for (name, exists) in [
        ("merge (default restore)", ExistsPolicy::Update),
        ("replace", ExistsPolicy::Replace),
    ] {
        let target = cluster(2);
        let mut config = config(&target, &golden("versions"));
        config.policy.exists = exists;
        let counts = run_ok(config).await;
        assert_eq!(counts.records_read, 80);
        assert!(content(&target) == expected(&states[name]), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_decide_about_records_that_exist() {
    let target = cluster(1);
    run_ok(config(&target, &golden("plain"))).await;
    let counts = run_ok(config(&target, &golden("plain"))).await;
    assert_eq!(counts.inserted + counts.fresher, 358);
    assert!(counts.fresher > 0);
    let mut unique = restore_config(&target, &golden("plain"));
    unique.policy.existing = Existing::Keep;
    let counts = run_ok(ReplayConfig::new(unique)).await;
    assert_eq!(counts.existed, 358);
    let mut replace = config(&target, &golden("plain"));
    replace.policy = REPLACE;
    assert_eq!(run_ok(replace).await.inserted, 358);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn durable_deletes_need_the_enterprise_edition() {
    let community = cluster(1);
    let outcome = run(config(&community, &golden("durable"))).await;
    let error = outcome.result.unwrap_err();
    assert!(
        matches!(error, Error::RecordRefused { code, .. } if code.0 == 25),
        "{error}"
    );
    assert!(error.advice().unwrap().contains("Enterprise Edition"));
    let mut ignoring = config(&community, &golden("durable"));
    ignoring.restore.ignore_record_errors = true;
    assert_eq!(run_ok(ignoring).await.ignored, 1);
    let enterprise = Cluster::builder()
        .edition(Edition::Enterprise)
        .start()
        .unwrap();
    assert_eq!(
        run_ok(config(&enterprise, &golden("durable")))
            .await
            .inserted,
        3
    );
    assert_eq!(enterprise.tombstones(NAMESPACE).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_the_cluster_do_not_change_the_order() {
    let states = &index()["versions"]["final_state"]["replace"];
    for reaction in [
        Reaction::Drop,
        Reaction::ApplyThenDrop,
        Reaction::Result(18),
        Reaction::Result(9),
    ] {
        let target = cluster(3);
        let mut config = config(&target, &golden("versions"));
        config.policy = REPLACE;
        config.restore.retry = RETRY;
        for skip in [3, 20, 40, 60] {
            target
                .faults()
                .add(Rule::new(On::Write, reaction).skip(skip).times(1));
        }
        let counts = run_ok(config).await;
        assert!(counts.retries > 0, "{reaction:?}");
        assert!(content(&target) == expected(states), "{reaction:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_refused_ends_the_restore_and_is_named() {
    let target = cluster(1);
    let digest = index()["versions"]["files"][0]["digests"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let bytes: Vec<u8> = (0..20)
        .map(|at| u8::from_str_radix(&digest[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let digest = aerospike_wire::digest::Digest::from_slice(&bytes).unwrap();
    let rule = Rule::new(On::Write, Reaction::Result(13)).rows(Rows::Of(digest));
    target.faults().add(rule);
    let outcome = run(config(&target, &golden("versions"))).await;
    let error = outcome.result.unwrap_err();
    assert!(
        matches!(&error, Error::RecordRefused { digest: found, offset: 44, code, .. }
            if *found == digest && code.0 == 13),
        "{error}"
    );
    let mut ignoring = config(&target, &golden("versions"));
    ignoring.restore.ignore_record_errors = true;
    assert!(run_ok(ignoring).await.ignored > 0);
}

/// A set with one file of one message about a record of `namespace`.
fn write_file(folder: &Path, name: &str, number: u64, namespace: &str) {
    let digest = aerospike_wire::digest::Digest::for_key(b"s", 1, &[0; 8]);
    let (mut ops, mut message) = (Vec::new(), Vec::new());
    aerospike_wire::op::put(&mut ops, 2, 1, b"n", &[0; 8]);
    aerospike_wire::xdr::Shipment {
        namespace: namespace.as_bytes(),
        digest,
        set: b"s",
        key: None,
        generation: 1,
        ttl: u32::MAX,
        last_update_ms: 1,
        change: aerospike_wire::xdr::Change::Write {
            n_ops: 1,
            ops: &ops,
        },
    }
    .encode(&mut message);
    let mut file = Vec::new();
    asbx_format::Header::new(number, namespace.as_bytes())
        .unwrap()
        .encode(&mut file);
    token::encode(&mut file, &digest.0, &message).unwrap();
    fs::write(folder.join(name), file).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_not_what_they_say_are_refused_before_anything_is_written() {
    let check = async |names: &[(&str, u64, &str)], part: &str, class: ErrorClass| {
        let target = cluster(1);
        let folder = tempfile::tempdir().unwrap();
        write_file(folder.path(), "0_test_1.asbx", 1, "test");
        for (name, number, namespace) in names {
            write_file(folder.path(), name, *number, namespace);
        }
        let error = run(config(&target, folder.path()))
            .await
            .result
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(target.count(NAMESPACE), 0);
    };
    check(
        &[("backup.asbx", 2, "test")],
        "WORKER_NAMESPACE_NUMBER",
        ErrorClass::Damage,
    )
    .await;
    check(
        &[("1_test_3.asbx", 2, "test")],
        "file 2",
        ErrorClass::Damage,
    )
    .await;
    check(
        &[("1_best_2.asbx", 2, "test")],
        "namespace test",
        ErrorClass::Damage,
    )
    .await;
    check(
        &[("1_best_2.asbx", 2, "best")],
        "belongs to namespace best",
        ErrorClass::General,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_found_where_it_is() {
    let index: Value =
        serde_json::from_slice(&fs::read(golden("damaged/index.json")).unwrap()).unwrap();
    for case in index["cases"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let target = cluster(1);
        let path = golden("damaged").join(name);
        let outcome = run(config(&target, path.parent().unwrap())).await;
        let is_ok = case["expect"] == "ok";
        assert_eq!(
            outcome.result.is_ok(),
            is_ok,
            "{name}: {:?}",
            outcome.result
        );
        if let Err(Error::AsbxDamaged { source, .. }) = &outcome.result {
            assert_eq!(
                Some(source.position().offset),
                case["offset"].as_u64(),
                "{name}"
            );
        }
        let written = outcome.stats.snapshot().inserted;
        let expected = if is_ok { "tokens" } else { "tokens_before" };
        assert!(written <= case[expected].as_u64().unwrap_or(0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_of_files_are_told_by_their_names() {
    let kinds = |path: &Path| Kinds::of_source(&from_path(path)).unwrap();
    let asbx = Kinds {
        asb: false,
        asbx: true,
    };
    assert_eq!(kinds(&golden("plain")), asbx);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(kinds(folder.path()), Kinds::default());
    fs::write(folder.path().join("metadata_test_1.asb"), "").unwrap();
    assert_eq!(
        kinds(folder.path()),
        Kinds {
            asb: true,
            asbx: false
        }
    );
    assert_eq!(kinds(&golden("plain").join("0_test_1.asbx")), asbx);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_file_is_restored_alone() {
    let target = cluster(1);
    let counts = run_ok(config(&target, &golden("plain").join("0_test_1.asbx"))).await;
    assert_eq!(counts.inserted, 171);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validation_reads_every_file_to_its_end() {
    let validate = async |path: &Path| {
        let config = ValidateConfig {
            namespace: None,
            source: from_path(path),
            unwrap: Unwrap::default(),
            trust: Trust::default(),
            parallel: None,
            bytes_per_second: 0,
        };
        let reports = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&reports);
        let job = replay::validate(config, move |report| kept.lock().unwrap().push(report));
        let outcome = job.wait().await;
        let findings = reports
            .lock()
            .unwrap()
            .iter()
            .filter(|r| r.finding.is_some())
            .count();
        let files = reports.lock().unwrap().len();
        (
            outcome.result,
            outcome.stats.snapshot().records_read,
            files,
            findings,
        )
    };
    let (result, records, files, _) = validate(&golden("limit")).await;
    result.unwrap();
    assert_eq!((records, files), (358, 8));
    let (result, _, files, findings) = validate(&golden("damaged/asbx-cut-after-length")).await;
    assert!(
        matches!(
            result,
            Err(Error::Invalid {
                files: 1,
                findings: 1
            })
        ),
        "{result:?}"
    );
    assert_eq!((files, findings), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storage_is_read_no_faster_than_asked() {
    const RATE: u64 = 60_000;
    let target = cluster(1);
    let mut config = config(&target, &golden("plain"));
    config.restore.bytes_per_second = RATE;
    let outcome = run(config).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    let has_to = Duration::from_secs(counts.bytes_fetched).div_f64(RATE as f64);
    assert!(has_to > Duration::from_millis(1500), "{counts:?}");
    assert!(
        outcome.duration >= has_to.mul_f64(0.9),
        "{:?} of {has_to:?}",
        outcome.duration
    );
    assert!(counts.throttled_ms > 0);
}
