//! Backups as the start of a cluster's data.

use crate::{client::cluster, golden::golden_cluster};
use aerospike_wire::particle::geojson_text;
use asb_format::{
    Base64Text, BlobKind, Encoder, IndexData, IndexDef, IndexKind, KeyRef, RecordHead, ValueRef,
    Version,
};
use asnode::{
    Cluster, Collection, Index, IndexSource, IndexType, RawRecord,
    generate::{self, Shape},
    load::{LoadError, Refusal, from_path},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const GEOJSON: u8 = 23;

/// Data of the Go tool.
pub(crate) fn golden_backup() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/go/plain.asb")
}

/// What a backup keeps: no last-update time, no order of bins, no cells of GeoJSON.
fn kept(mut record: RawRecord) -> RawRecord {
    record.last_update_ms = 0;
    record.bins.sort();
    for bin in &mut record.bins {
        if bin.particle == GEOJSON {
            bin.value = geojson_text(&bin.value).unwrap().to_vec();
        }
    }
    record
}

fn kept_records(cluster: &Cluster) -> Vec<RawRecord> {
    cluster.records("test").into_iter().map(kept).collect()
}

#[test]
fn the_golden_backup_is_what_the_server_held() {
    let (truth, loaded) = (golden_cluster(), cluster());
    let before_ms = loaded.clock().now_ms();
    let summary = from_path(&loaded, "test", &golden_backup()).unwrap();
    assert_eq!((summary.files, summary.records), (1, 358));
    assert_eq!((summary.indexes, summary.udfs), (12, 2));
    assert_eq!(kept_records(&loaded), kept_records(&truth));
    let records = loaded.records("test");
    assert!(records.iter().any(|record| record.generation > 1));
    let now_s = loaded.clock().now_s();
    assert!(
        records.iter().any(|record| record.void_time > now_s),
        "{now_s}"
    );
    assert!(records.iter().all(|r| r.last_update_ms >= before_ms));
    let names: Vec<_> = loaded.udfs().into_iter().map(|udf| udf.name).collect();
    assert_eq!(names, ["alpha.lua", "beta_mod.lua"]);
    let indexes = loaded.indexes();
    let sourced = |name: &str| {
        let index = indexes.iter().find(|index| index.name == name).unwrap();
        (index.set.as_deref(), index.source.clone())
    };
    let bin = |bin: &str, context: Option<&str>| IndexSource::Bin {
        bin: bin.to_owned(),
        context: context.map(str::to_owned),
    };
    assert_eq!(sourced("ix_noset"), (None, bin("v", None)));
    let nested = bin("n", Some("lCKlA25lc3QQAA=="));
    assert_eq!(sourced("ix_ctxl"), (Some("types"), nested));
    let expression = IndexSource::Expression("kxSTUQKhbpNRAqFt".to_owned());
    assert_eq!(sourced("ix_expns"), (None, expression));
}

/// A record as backup text; `None`: the format has no such key or value.
fn put_record(out: &mut Vec<u8>, record: &RawRecord) {
    let encoder = Encoder::new();
    let eight = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).unwrap();
    let key = record.key.as_deref().map(|key| match key {
        [1, value @ ..] => KeyRef::Integer(i64::from_be_bytes(eight(value))),
        [2, value @ ..] => KeyRef::Double(f64::from_be_bytes(eight(value))),
        [3, value @ ..] => KeyRef::String(value),
        [4, value @ ..] => KeyRef::Blob(value),
        _ => panic!("{key:?}"),
    });
    let head = RecordHead {
        key,
        namespace: b"elsewhere",
        digest: &record.digest.0,
        set: record.set.as_deref(),
        generation: record.generation,
        void_time: record.void_time,
        bin_count: u16::try_from(record.bins.len()).unwrap(),
    };
    encoder.record(out, &head);
    for bin in &record.bins {
        let value = match bin.particle {
            0 => ValueRef::Nil,
            1 => ValueRef::Integer(i64::from_be_bytes(eight(&bin.value))),
            2 => ValueRef::Double(f64::from_be_bytes(eight(&bin.value))),
            3 => ValueRef::String(&bin.value),
            17 => ValueRef::Bool(bin.value == [1]),
            GEOJSON => ValueRef::GeoJson(geojson_text(&bin.value).unwrap()),
            kind => ValueRef::Blob(BlobKind::from_particle_type(kind).unwrap(), &bin.value),
        };
        encoder.bin(out, &bin.name, value);
    }
}

fn put_index(out: &mut Vec<u8>, index: &Index) {
    let base64 = |text: &'_ str| Base64Text::new(text.as_bytes().to_vec().leak()).unwrap();
    let (bin, context, expression) = match &index.source {
        IndexSource::Bin { bin, context } => (bin.as_str(), context.as_deref().map(base64), None),
        IndexSource::Expression(text) => ("", None, Some(base64(text))),
        IndexSource::Set => ("", None, None),
    };
    let kind = match index.collection {
        Collection::Default if index.source == IndexSource::Set => IndexKind::Set,
        Collection::Default => IndexKind::Bin,
        Collection::List => IndexKind::List,
        Collection::MapKeys => IndexKind::MapKeys,
        Collection::MapValues => IndexKind::MapValues,
    };
    let data = match index.value_type {
        IndexType::Numeric => IndexData::Numeric,
        IndexType::String => IndexData::String,
        IndexType::Blob => IndexData::Blob,
        IndexType::Geo2dSphere => IndexData::Geo2dSphere,
    };
    let definition = IndexDef {
        namespace: index.namespace.as_bytes(),
        set: index.set.as_deref().map(str::as_bytes),
        name: index.name.as_bytes(),
        kind,
        bin: bin.as_bytes(),
        data,
        context,
        expression,
    };
    Encoder::new().index(out, &definition);
}

/// The start of a file.
fn header() -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new().header(&mut out, Version::V3_3);
    out
}

/// A cluster with everything, whose backup is cut into three files.
#[test]
fn a_directory_brings_everything_back() {
    let source = cluster();
    generate::load(&source, "test", Shape::Types, 600, 5);
    let whole_set = Index {
        namespace: "test".to_owned(),
        name: "ix_set".to_owned(),
        set: Some("types".to_owned()),
        source: IndexSource::Set,
        value_type: IndexType::Numeric,
        collection: Collection::Default,
    };
    assert!(source.create_index(whole_set));
    let directory = tempfile::tempdir().unwrap();
    let mut files = [header(), header(), header()];
    for index in source.indexes() {
        put_index(&mut files[0], &index);
    }
    for udf in source.udfs() {
        Encoder::new().udf(&mut files[0], udf.name.as_bytes(), &udf.content);
    }
    for (i, record) in source.records("test").iter().enumerate() {
        put_record(&mut files[i % 3], record);
    }
    for (i, file) in files.iter().enumerate() {
        fs::write(directory.path().join(format!("part_{i}.asb")), file).unwrap();
    }
    fs::write(directory.path().join("notes.txt"), "not a backup").unwrap();

    let loaded = cluster();
    let summary = from_path(&loaded, "test", directory.path()).unwrap();
    assert_eq!((summary.files, summary.records), (3, source.count("test")));
    assert_eq!(kept_records(&loaded), kept_records(&source));
    assert_eq!(loaded.indexes(), source.indexes());
    assert_eq!(loaded.udfs(), source.udfs());
}

/// Loads a file with this content.
fn load_text(cluster: &Cluster, text: &[u8]) -> Result<asnode::load::Loaded, LoadError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("some.asb");
    fs::write(&path, text).unwrap();
    from_path(cluster, "test", &path)
}

#[test]
fn expired_records_are_kept_and_empty_ones_are_not() {
    let cluster = cluster();
    let mut expired = RawRecord::for_key("s", 3, b"expired").bin(b"n", 1, &[0; 8]);
    (expired.generation, expired.void_time) = (7, 1000);
    let empty = RawRecord::for_key("s", 3, b"empty");
    let nil = RawRecord::for_key("s", 3, b"nil").bin(b"n", 0, &[]);
    let mut text = header();
    for record in [&expired, &empty, &nil] {
        put_record(&mut text, record);
    }
    let summary = load_text(&cluster, &text).unwrap();
    assert_eq!((summary.records, summary.empty_records), (1, 2));
    assert_eq!(kept_records(&cluster), [expired]);
}

/// Larger than the block that is read at a time.
#[test]
fn a_value_of_several_megabytes() {
    let cluster = cluster();
    let large = vec![7; 3_500_000];
    let record = RawRecord::for_key("s", 3, b"large").bin(b"b", 4, &large);
    let mut text = header();
    put_record(&mut text, &record);
    load_text(&cluster, &text).unwrap();
    assert_eq!(kept_records(&cluster), [record]);
}

#[test]
fn errors_name_file_and_place() {
    let cluster = cluster();
    let good = RawRecord::for_key("s", 3, b"good").bin(b"n", 1, &[0; 8]);
    let mut start = header();
    put_record(&mut start, &good);

    let cut = [&start[..], b"+ n test\n+ d "].concat();
    let error = load_text(&cluster, &cut).unwrap_err();
    let LoadError::Malformed { path, offset, .. } = &error else {
        panic!("{error}");
    };
    assert!(path.ends_with("some.asb"));
    assert_eq!(*offset, cut.len() as u64);
    assert!(
        error
            .to_string()
            .ends_with(&format!("some.asb is malformed at byte {offset}"))
    );
    assert_eq!(cluster.count("test"), 1, "what came before is there");

    let mut bad = start.clone();
    put_record(
        &mut bad,
        &RawRecord::for_key("s", 3, b"bad").bin(b"l", 20, b"\x92\x01"),
    );
    let error = load_text(&cluster, &bad).unwrap_err();
    let LoadError::Refused { offset, source, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*offset, start.len() as u64);
    let refusal = Refusal::Value {
        bin: "l".to_owned(),
        particle: 20,
    };
    assert_eq!(*source, refusal);
}

#[test]
fn paths_and_namespaces_are_checked() {
    let cluster = cluster();
    let directory = tempfile::tempdir().unwrap();
    let load = |namespace, path: &Path| from_path(&cluster, namespace, path).unwrap_err();
    let error = load("nope", directory.path());
    assert!(
        matches!(error, LoadError::UnknownNamespace { .. }),
        "{error}"
    );
    let error = load("test", directory.path());
    assert!(matches!(error, LoadError::NoFiles { .. }), "{error}");
    let error = load("test", &directory.path().join("missing"));
    assert!(matches!(error, LoadError::Read { .. }), "{error}");
}
