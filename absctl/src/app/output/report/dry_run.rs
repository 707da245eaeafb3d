//! What a dry run found: the plan that would run, for people and for programs.

use super::{Line, Report, chain, duration, fields};
use crate::app::output::line::{Field, Value};
use backup_core::{
    backup::{BackupConfig, BackupDryRun, BackupDryRunStats, Beginning, PlannedNode},
    handle::Outcome,
    restore::{
        Existing, Fate, IndexConflict, PlannedDefinition, RestoreConfig, RestoreDryRun,
        RestoreDryRunStats,
    },
};
use std::collections::BTreeMap;

/// Names that are shown one by one; programs get all of them.
const SHOWN: usize = 20;

/// What is limited, and in what unit.
type Limit = (&'static str, u64, &'static str);

impl Report {
    /// The plan of a backup; there is nothing to say of one that could not be made.
    pub(crate) fn backup_plan(config: &BackupConfig, outcome: &Outcome<BackupDryRunStats>) -> Self {
        let found = outcome.stats.found();
        let limits = [
            ("records/s", config.records_per_second, ""),
            ("written", config.bytes_per_second, " bytes/s"),
        ];
        let file_limit = config.file_limit;
        Self::plan(
            "Backup plan",
            found.map(|found| backup_groups(found, &limits, file_limit)),
            found.map(|found| backup_fields(found, &limits, file_limit)),
        )
    }

    /// The plan of a restore.
    pub(crate) fn restore_plan(
        config: &RestoreConfig,
        outcome: &Outcome<RestoreDryRunStats>,
    ) -> Self {
        let found = outcome.stats.found();
        let report = Self::plan(
            "Restore plan",
            found.map(|found| restore_groups(config, found)),
            found.map(|found| restore_fields(config, found)),
        );
        report.with_annotations(found.map_or(&[], |found| &found.sets))
    }

    fn plan(
        title: &'static str,
        groups: Option<Vec<Vec<Line>>>,
        fields: Option<Vec<Field>>,
    ) -> Self {
        let mut groups = groups.unwrap_or_default();
        groups.retain(|group| !group.is_empty());
        Self {
            title,
            is_apart: true,
            matters: fields.is_some(),
            groups,
            fields: fields.unwrap_or_default(),
            machine: Vec::new(),
            old: Vec::new(),
        }
    }
}

const fn beginning(found: &BackupDryRun) -> &'static str {
    match found.beginning {
        Beginning::Anew => "a new backup",
        Beginning::Replaces => "replaces the old backup once the new one is complete",
        Beginning::RemovesFirst => "removes the old backup first",
        Beginning::Continues => "goes on with an interrupted backup",
        Beginning::Nothing => "nothing is left to do: the shard is complete",
    }
}

fn backup_groups(found: &BackupDryRun, limits: &[Limit], file_limit: u64) -> Vec<Vec<Line>> {
    let mut target = vec![
        ("Target", chain::printable(&found.target)),
        ("Beginning", beginning(found).to_owned()),
    ];
    target.extend(listed("Removes", &found.removed));
    target.extend(listed("Writes", &found.written));
    if found.beginning == Beginning::Nothing {
        return vec![target];
    }
    let mut reads = vec![
        ("Partitions", partitions(found)),
        ("Workers", found.workers.to_string()),
    ];
    reads.extend(found.nodes.iter().map(|one| ("Node", node(one))));
    reads.extend(limited(limits));
    reads.extend((file_limit > 0).then(|| ("File Limit", format!("{file_limit} bytes"))));
    let selection = found.selection.iter();
    let selection =
        selection.map(|(option, value)| ("Option", chain::printable(&format!("{option}={value}"))));
    let mut definitions = Vec::new();
    definitions.extend(listed("sIndex", &found.indexes));
    definitions.extend(listed("sIndex Skipped", &found.indexes_left_out));
    definitions.extend(listed("UDF", &found.udfs));
    vec![
        target,
        reads,
        selection.collect(),
        super::changes(&found.counts),
        definitions,
        expected(found),
    ]
}

fn expected(found: &BackupDryRun) -> Vec<Line> {
    let Some(estimate) = &found.estimate else {
        return Vec::new();
    };
    let mut lines = vec![
        ("Expected Records", estimate.records.to_string()),
        ("Expected Bytes", estimate.bytes.to_string()),
        ("Upper Bound (bytes)", estimate.bound_bytes.to_string()),
    ];
    lines.extend(found.free_bytes.map(|free| {
        let note = match free < estimate.bytes {
            true => ", too few",
            false => "",
        };
        ("Free Bytes", format!("{free}{note}"))
    }));
    let took = found.duration.map(|took| ("Expected Time", about(took)));
    lines.extend(took);
    lines
}

/// Whole milliseconds: more would be a lie.
fn about(took: std::time::Duration) -> String {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    format!(
        "about {}",
        duration::go(std::time::Duration::from_millis(millis))
    )
}

fn partitions(found: &BackupDryRun) -> String {
    let shown = found.partitions.iter().take(SHOWN).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(",");
    let more = if found.partitions.len() > SHOWN {
        ",..."
    } else {
        ""
    };
    match found.partition_count {
        0 => "none".to_owned(),
        count => format!("{count} ({shown}{more})"),
    }
}

fn node(node: &PlannedNode) -> String {
    let PlannedNode {
        name,
        address,
        partitions,
    } = node;
    format!("{name} ({address}), master of {partitions} of the partitions")
}

/// A line for each name, as far as there are not too many.
fn listed(label: &'static str, names: &[String]) -> Vec<Line> {
    let shown = names.iter().take(SHOWN);
    let mut lines: Vec<Line> = shown.map(|name| (label, chain::printable(name))).collect();
    let more = names.len().saturating_sub(SHOWN);
    lines.extend((more > 0).then(|| (label, format!("and {more} more"))));
    lines
}

fn limited(limits: &[Limit]) -> Vec<Line> {
    let given = limits.iter().filter(|(_, limit, _)| *limit > 0);
    given
        .map(|(what, limit, unit)| ("Limit", format!("{what} {limit}{unit}")))
        .collect()
}

fn text(name: &str, text: impl Into<String>) -> Field {
    (name.to_owned(), Value::Text(text.into()))
}

fn list(name: &str, texts: impl Iterator<Item = String>) -> Field {
    (name.to_owned(), Value::List(texts.collect()))
}

fn backup_fields(found: &BackupDryRun, limits: &[Limit], file_limit: u64) -> Vec<Field> {
    let names = |name: &str, names: &[String]| list(name, names.iter().cloned());
    let mut all = vec![
        text("target", &*found.target),
        text("beginning", beginning(found)),
        fields::count("partitions", found.partition_count as u64),
        list("partition-list", found.partitions.iter().cloned()),
        fields::count("workers", found.workers as u64),
        list("nodes", found.nodes.iter().map(node)),
        options(&found.selection),
        fields::count("file-limit", file_limit),
    ];
    let limits = limits.iter().filter(|(_, limit, _)| *limit > 0);
    all.extend(limits.map(|(what, limit, _)| fields::count(&format!("limit-{what}"), *limit)));
    all.extend([
        names("removes", &found.removed),
        names("writes", &found.written),
        names("s-index", &found.indexes),
        names("s-index-skipped", &found.indexes_left_out),
        names("udf", &found.udfs),
        fields::count("since-ns", found.counts.since_ns),
    ]);
    if let Some(estimate) = &found.estimate {
        all.push(fields::count("records", estimate.records));
        all.push(fields::count("file-size-bytes", estimate.bytes));
        all.push(fields::count("upper-bound-bytes", estimate.bound_bytes));
    }
    all.extend(
        found
            .free_bytes
            .map(|free| fields::count("free-bytes", free)),
    );
    all.extend(found.duration.map(|took| {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        fields::count("expected-ms", millis)
    }));
    all
}

fn options(selection: &BTreeMap<String, String>) -> Field {
    let fields = selection
        .iter()
        .map(|(option, value)| text(option, &**value));
    ("selection".to_owned(), Value::Group(fields.collect()))
}

fn restore_groups(config: &RestoreConfig, found: &RestoreDryRun) -> Vec<Vec<Line>> {
    let unknown = || "unknown".to_owned();
    let count = |count: Option<u64>| count.map_or_else(unknown, |count| count.to_string());
    let (from, to) = (&config.namespace, config.target_namespace());
    let mut source = vec![("Namespace", format!("{from} into {to}"))];
    source.extend(found.sets.iter().map(|set| {
        let shown = format!("{}, run {}", set.source, set.run);
        ("Set", chain::printable(&shown))
    }));
    let files = found.files.iter().map(|file| {
        let (bytes, records) = (count(file.bytes), count(file.records));
        format!("{}: {bytes} bytes, {records} records", file.file)
    });
    source.extend(listed("File", &files.collect::<Vec<_>>()));
    source.extend([
        ("Files", found.files.len().to_string()),
        ("Expected Bytes", count(found.bytes())),
        ("Expected Records", count(found.records())),
    ]);
    let mut writes = vec![("Policy", policy(config, found))];
    writes.extend(found.nodes.iter().map(|one| ("Node", node(one))));
    writes.extend(limited(&restore_limits(config)));
    let selection = [("Sets", &config.sets), ("Bins", &config.bins)];
    let selection = selection.iter().filter(|(_, names)| !names.is_empty());
    writes.extend(selection.map(|(label, names)| (*label, chain::printable(&names.join(",")))));
    let definitions = found.definitions.iter();
    let definitions = definitions.map(|one| ("Definition", chain::printable(&fate(one))));
    vec![source, writes, definitions.collect()]
}

const fn restore_limits(config: &RestoreConfig) -> [Limit; 2] {
    [
        ("records/s", config.records_per_second, ""),
        ("read", config.bytes_per_second, " bytes/s"),
    ]
}

/// What happens to what exists, in words.
fn policy(config: &RestoreConfig, found: &RestoreDryRun) -> String {
    let existing = match config.policy.existing {
        Existing::Merge => "existing records are merged",
        Existing::Replace => "existing records are replaced",
        Existing::Keep => "existing records are kept",
    };
    let generation = match config.policy.check_generation {
        true => ", unless they are fresher",
        false => "",
    };
    let conflict = match config.index_conflict {
        IndexConflict::Replace => "other definitions are replaced",
        IndexConflict::Keep => "other definitions are kept",
        IndexConflict::Fail => "other definitions end the restore",
    };
    let way = match found.single_writes {
        true => "one by one",
        false => "in batches",
    };
    let longer = match config.extra_ttl {
        0 => String::new(),
        seconds => format!("; records that expire live {seconds} s longer"),
    };
    format!("{existing}{generation}; {conflict}; written {way}{longer}")
}

fn fate(one: &PlannedDefinition) -> String {
    let what = &one.what;
    match &one.fate {
        Fate::Created => format!("{what} is created"),
        Fate::Same => format!("{what} is there already"),
        Fate::OtherName { existing } => format!("{what} is there as {existing}, and stays so"),
        Fate::Replaces => format!("{what} differs, and is replaced"),
        Fate::Keeps => format!("{what} differs, and is kept as it is"),
    }
}

fn restore_fields(config: &RestoreConfig, found: &RestoreDryRun) -> Vec<Field> {
    let files = found.files.iter().map(|file| file.file.clone());
    let sets = found.sets.iter();
    let sets = sets.map(|set| format!("{}, run {}", set.source, set.run));
    let mut all = vec![
        text("namespace", &*config.namespace),
        text("destination", config.target_namespace()),
        list("sets", sets),
        fields::count("file-count", found.files.len() as u64),
        list("files", files),
        text("policy", policy(config, found)),
        list("nodes", found.nodes.iter().map(node)),
        list("definitions", found.definitions.iter().map(fate)),
    ];
    all.extend(found.bytes().map(|bytes| fields::count("bytes", bytes)));
    let records = found.records();
    all.extend(records.map(|records| fields::count("records", records)));
    let limits = restore_limits(config);
    let limits = limits.iter().filter(|(_, limit, _)| *limit > 0);
    all.extend(limits.map(|(what, limit, _)| fields::count(&format!("limit-{what}"), *limit)));
    all
}
