//! The lines with which a run begins: where its data is, which nodes are asked, and its settings.
//! Messages, keys and their order are those of the reference tool (`behaviour.md` §8.1), so that
//! filters over logs go on working. No secret is among them.

use super::{
    cli::{BackupArgs, Connection, Given, Port, RestoreArgs, cloud::Cloud, envelope::Envelope},
    output::{Field, Value, event},
};
use std::path::Path;

/// What there is to say of a backup before it starts.
pub(crate) fn backup(args: &BackupArgs) {
    if args.is_old {
        return; // that tool has other lines
    }
    let target = &args.target;
    if !args.estimate.estimate {
        let paths = [target.directory.as_deref(), target.output_file.as_deref()];
        event(
            "initializing storage for writer",
            vec![
                path("directory", paths[0]),
                path("output-file", paths[1]),
                truth("should-clear-target", target.remove_files),
                truth("continue-backup", args.resume.resume.is_some()),
            ],
        );
        let kind = storage(&args.cloud, &paths);
        event(&format!("initialized {kind} storage writer"), Vec::new());
    }
    client(&args.connection);
    event("initialized scan backup config", backup_settings(args));
}

/// What there is to say of a restore or a validation before it starts.
pub(crate) fn restore(args: &RestoreArgs) {
    if args.is_old {
        return;
    }
    let source = &args.source;
    let paths = [source.directory.as_deref(), source.input_file.as_deref()];
    event(
        "initializing storage for reader",
        vec![
            path("directory", paths[0]),
            path("input-file", paths[1]),
            path("parent-directory", source.parent_directory.as_deref()),
            list("directory-list", source.directory_list.as_deref()),
        ],
    );
    let kind = storage(&args.cloud, &paths);
    event(&format!("initialized {kind} storage reader"), Vec::new());
    if !source.validate {
        client(&args.connection);
        event("initialized restore config", restore_settings(args));
    }
}

fn client(flags: &Connection) {
    let port = match &flags.port {
        Given::Here(Port(port)) => port.to_string(),
        Given::Secret(_) => "a secret".to_owned(),
    };
    let seed = |given: &_| match given {
        Given::Secret(_) => "a secret".to_owned(),
        Given::Here(seed) => seed_text(seed, &port),
    };
    let seeds = Value::List(flags.host.iter().map(seed).collect());
    event(
        "initializing Aerospike client",
        vec![("seeds".to_owned(), seeds)],
    );
}

fn seed_text(seed: &super::cli::Seed, port: &str) -> String {
    let own = seed.port.map(|own| own.to_string());
    let port = own.as_deref().unwrap_or(port);
    match seed.name.contains(':') {
        true => format!("[{}]:{port}", seed.name),
        false => format!("{}:{port}", seed.name),
    }
}

fn backup_settings(args: &BackupArgs) -> Vec<Field> {
    let (selection, records) = (&args.selection, &args.records);
    let [encrypt, compress] = envelope(&args.envelope);
    vec![
        text("namespace", selection.namespace.as_deref()),
        encrypt,
        compress,
        list("partition-list", records.partition_list.as_deref()),
        list("node-list", records.node_list.as_deref()),
        list("set-list", records.set_list.as_deref()),
        list("bin-list", records.bin_list.as_deref()),
        list("rack-list", records.rack_list.as_deref()),
        count("parallel", args.tuning.parallel.into()),
        truth("no-records", selection.no_records),
        truth("no-indexes", selection.no_indexes),
        truth("no-udfs", selection.no_udfs),
        count("records-per-second", args.limits.records_per_second),
        count("bandwidth", args.limits.bandwidth),
        count("file-limit", args.target.file_limit.saturating_mul(1 << 20)),
        truth("compact", args.target.compact),
        truth("no-ttl-only", records.no_ttl_only),
        text("state-file-dst", args.resume.state_file_dst.as_deref()),
        text("continue", args.resume.resume.as_deref()),
        count("scan-page-size", args.resume.scan_page_size),
        text(
            "output-file-prefix",
            args.target.output_file_prefix.as_deref(),
        ),
    ]
}

fn restore_settings(args: &RestoreArgs) -> Vec<Field> {
    let (selection, writing, policy) = (&args.selection, &args.writing, &args.policy);
    let typed = selection.namespace.as_deref().unwrap_or_default();
    let (source, destination) = typed.split_once(',').unwrap_or((typed, typed));
    let namespace = vec![
        text("source", Some(source)),
        text("destination", Some(destination)),
    ];
    let [encrypt, compress] = envelope(&args.envelope);
    vec![
        ("namespace".to_owned(), Value::Group(namespace)),
        encrypt,
        compress,
        // The key is misspelt there, and filters know it so.
        count("retry-bas-interval", writing.retry_base_interval.into()),
        count("retry-max-attempts", writing.retry_max_attempts.into()),
        number("retry-multiplier", writing.retry_multiplier),
        list("set-list", args.chosen.set_list.as_deref()),
        list("bin-list", args.chosen.bin_list.as_deref()),
        count("parallel", args.tuning.parallel.into()),
        count("bandwidth", args.limits.bandwidth),
        truth("no-records", selection.no_records),
        truth("no-indexes", selection.no_indexes),
        truth("no-udfs", selection.no_udfs),
        truth("disable-batch-writes", writing.disable_batch_writes),
        count("batch-size", writing.batch_size.unwrap_or_default().into()),
        count("max-async-batches", writing.max_async_batches.into()),
        count("extra-ttl", policy.extra_ttl.into()),
        truth("ignore-record-error", policy.ignore_record_error),
        truth("apply-metadata-last", args.source.apply_metadata_last),
    ]
}

fn envelope(flags: &Envelope) -> [Field; 2] {
    let name = |name: Option<String>| name.unwrap_or_else(|| "NONE".to_owned());
    let upper = |mode: String| mode.to_uppercase();
    let encrypt = flags.encrypt.map(|mode| upper(format!("{mode:?}")));
    let compress = flags.compress.map(|mode| upper(format!("{mode:?}")));
    [
        text("encrypt", Some(&name(encrypt))),
        text("compress", Some(&name(compress))),
    ]
}

/// What kind of storage a run has.
fn storage(flags: &Cloud, paths: &[Option<&Path>]) -> &'static str {
    let is = |test: fn(&Path) -> bool| paths.iter().flatten().any(|path| test(path));
    match () {
        () if flags.gcp.is_configured() => "GCP",
        () if flags.azure.is_configured() => "Azure",
        () if flags.s3.is_configured() || is(|path| path.starts_with("s3:/")) => "S3",
        () if is(|path| path == Path::new("-")) => "standard stream",
        () => "local",
    }
}

fn text(name: &str, value: Option<&str>) -> Field {
    let value = value.unwrap_or_default().to_owned();
    (name.to_owned(), Value::Text(value))
}

fn path(name: &str, value: Option<&Path>) -> Field {
    let shown = value.map(|path| path.display().to_string());
    text(name, shown.as_deref())
}

fn list(name: &str, typed: Option<&str>) -> Field {
    let parts = typed.into_iter().flat_map(|typed| typed.split(','));
    let parts = parts.filter(|part| !part.is_empty()).map(str::to_owned);
    (name.to_owned(), Value::List(parts.collect()))
}

fn truth(name: &str, value: bool) -> Field {
    (name.to_owned(), Value::Truth(value))
}

fn count(name: &str, value: u64) -> Field {
    (name.to_owned(), Value::Count(value))
}

fn number(name: &str, value: f64) -> Field {
    (name.to_owned(), Value::Number(value.to_string()))
}
