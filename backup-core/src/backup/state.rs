//! The state file of a backup: what is durable, so that another run can go on from there
//! (`files-and-state.md` §7.2).
//!
//! JSON, with a checksum of itself. It names nothing that a crash could take away: data is
//! durable before the state mentions it.

use super::{
    BackupConfig, BackupTarget, Layout, Shard,
    ledger::{Ledger, Position},
};
use crate::{
    error::{Error, StateProblem},
    manifest::{Hash, IndexEntry, LeftOut, Manifest, UdfEntry},
    partitions,
    state::{FORMAT, VERSION, check_head, checksum, seal},
};
use aerospike_wire::digest::PartitionId;
use asb_format::Version;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::SystemTime};

/// What it is the state of.
const KIND: &str = "backup";

/// A backup that can be continued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    format: String,
    version: u32,
    kind: String,
    /// Id of the run, the same for all its continuations.
    pub(crate) run: String,
    /// Name and version of the tool that wrote it.
    pub(crate) tool: String,
    /// The arguments that a continuation must repeat, by the names of their options.
    pub(crate) arguments: BTreeMap<String, String>,
    /// When the first run began, milliseconds since 1970.
    pub(crate) started_ms: u64,
    /// How long all runs together took, milliseconds.
    pub(crate) elapsed_ms: u64,
    /// How often it was continued.
    pub(crate) resumes: u32,
    /// Number of the next file.
    pub(crate) next_number: u64,
    /// Whether the old set in the directory goes once this one is complete (`--remove-files`).
    pub(crate) replaces: bool,
    /// Whether indexes and modules are durable.
    pub(crate) globals_done: bool,
    /// Indexes and modules written, and indexes left out.
    pub(crate) globals: WrittenGlobals,
    /// The files, in the order in which they were begun.
    pub(crate) files: Vec<FileState>,
    /// Of an incremental backup: where its time window begins, nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since_ns: Option<u64>,
    /// Largest difference between the clocks of nodes and that of the machine, as far as all
    /// runs have measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) clock_skew_ns: Option<u64>,
    /// The partitions that were chosen: as `first-count`, or the digest after which to begin.
    pub(crate) selected: Vec<String>,
    /// With shards, the partitions that all of them divide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) divided: Vec<String>,
    /// How far each partition is durable.
    pub(crate) partitions: Vec<PartitionState>,
    /// BLAKE3 of the bytes of the whole file with this value left out, which is the last one. Empty
    /// but in the file.
    checksum: String,
}

/// What was written before the records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenGlobals {
    /// Secondary indexes.
    pub(crate) indexes: Vec<IndexEntry>,
    /// UDF modules.
    pub(crate) udfs: Vec<UdfEntry>,
    /// What no file can hold, and why.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A file of the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileState {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Its final name.
    pub(crate) name: String,
    /// Whether it is complete.
    pub(crate) closed: bool,
    /// Bytes on the storage that are durable.
    pub(crate) bytes: u64,
    /// Bytes of text in these.
    pub(crate) plain_bytes: u64,
    /// Records in these.
    pub(crate) records: u64,
    /// Chaining value of each complete block of 4 MiB in these; of every block once it is closed.
    pub(crate) blocks: Vec<Hash>,
    /// BLAKE3 of the whole file, once it is closed.
    pub(crate) hash: Option<Hash>,
}

/// How far a partition is durable: id, digest of the last record in hex or empty, whether it is
/// complete, records, fingerprint in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionState(u16, String, bool, u64, String);

impl State {
    /// The state of a run that begins now.
    pub(super) fn begin(run: String, arguments: BTreeMap<String, String>, replaces: bool) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        Self {
            started_ms: u64::try_from(now).unwrap_or(u64::MAX),
            replaces,
            ..Self::new(run, arguments)
        }
    }

    /// The same for a continuation.
    pub(super) fn resumed(self) -> Self {
        Self {
            resumes: self.resumes.saturating_add(1),
            ..self
        }
    }

    /// An empty state of a new run.
    pub(crate) fn new(run: String, arguments: BTreeMap<String, String>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind: KIND.to_owned(),
            run,
            tool: crate::TOOL.to_owned(),
            arguments,
            started_ms: 0,
            elapsed_ms: 0,
            resumes: 0,
            next_number: 1,
            replaces: false,
            globals_done: false,
            globals: WrittenGlobals::default(),
            files: Vec::new(),
            since_ns: None,
            clock_skew_ns: None,
            selected: Vec::new(),
            divided: Vec::new(),
            partitions: Vec::new(),
            checksum: String::new(),
        }
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        seal(self)
    }

    /// Reads the bytes of the file.
    ///
    /// # Errors
    /// A [`StateProblem`] that says what else it looks like.
    pub(crate) fn decode(content: &[u8]) -> Result<Self, StateProblem> {
        check_head(content, KIND)?;
        let mut state: Self = serde_json::from_slice(content).map_err(StateProblem::json)?;
        let stored = std::mem::take(&mut state.checksum);
        if checksum(content).is_none_or(|found| stored != found.as_ref()) {
            return Err(StateProblem::Checksum);
        }
        Ok(state)
    }

    /// The positions of its partitions.
    pub(crate) fn ledger(&self) -> Result<Ledger, StateProblem> {
        let mut ledger = Ledger::default();
        for PartitionState(id, last, done, records, fingerprint) in &self.partitions {
            let id = PartitionId::new(*id).ok_or(StateProblem::Value {
                what: "partition id",
            })?;
            let last = match last.as_str() {
                "" => None,
                text => {
                    Some(partitions::digest(text).ok_or(StateProblem::Value { what: "digest" })?)
                }
            };
            let fingerprint = fingerprint.parse();
            let position = Position {
                last,
                done: *done,
                records: *records,
                fingerprint: fingerprint.map_err(|_| StateProblem::Value {
                    what: "fingerprint",
                })?,
            };
            if last.is_some_and(|last| last.partition() != id) {
                return Err(StateProblem::Value {
                    what: "digest of another partition",
                });
            }
            ledger.insert(id, position);
        }
        Ok(ledger)
    }

    /// Sets the positions of its partitions.
    pub(crate) fn set_ledger(&mut self, ledger: &Ledger) {
        let entry = |(id, position): (u16, &Position)| {
            let last = position
                .last
                .map(|digest| digest.to_string())
                .unwrap_or_default();
            let fingerprint = position.fingerprint.to_string();
            PartitionState(id, last, position.done, position.records, fingerprint)
        };
        self.partitions = ledger.iter().map(entry).collect();
    }
}

const SHARD: &str = "--shard";
const RUN_ID: &str = "--run-id";
const DIRECTORY: &str = "--directory";

/// Those of `arguments` that are the same for all shards: each machine may know the directory
/// by another path.
pub(super) fn shared(arguments: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut shared = arguments.clone();
    shared.retain(|option, _| ![SHARD, RUN_ID, DIRECTORY].contains(&option.as_str()));
    shared
}

/// What is before the key in the option of an annotation.
const ANNOTATION: &str = "--annotation ";

/// Those of `arguments` that say what is in the backup, for the manifest: annotations have a place of
/// their own there.
pub(super) fn selecting(arguments: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut selecting = arguments.clone();
    selecting.retain(|option, _| !option.starts_with(ANNOTATION));
    selecting
}

/// The arguments of the run that wrote `done`, as far as its manifest has them.
pub(super) fn repeated(done: &Manifest) -> BTreeMap<String, String> {
    let annotations = done.annotations.iter();
    let annotations = annotations.map(|(key, value)| (format!("{ANNOTATION}{key}"), value.clone()));
    done.selection
        .clone()
        .into_iter()
        .chain(annotations)
        .collect()
}

/// The arguments that a continuation must repeat (`files-and-state.md` §7.2), by the names of
/// their options. Those that have their default are left out. `parent` is the run of the backup
/// that an incremental one goes on from: it tells it better than its place, and the window that
/// follows from it stands in the state.
pub(super) fn arguments(config: &BackupConfig, parent: Option<&str>) -> BTreeMap<String, String> {
    let mut arguments = BTreeMap::new();
    let mut set = |option: &str, value: Option<String>| {
        arguments.extend(value.map(|value| (option.to_owned(), value)));
    };
    let flag = |is_set: bool| is_set.then(|| "true".to_owned());
    let location = config.target.store().location().to_owned();
    let target = match config.target {
        BackupTarget::Directory(_) => DIRECTORY,
        BackupTarget::Single(_) => "--output-file",
    };
    set(target, Some(location));
    set("--namespace", Some(config.namespace.clone()));
    set("--no-records", flag(config.no_records));
    set("--no-indexes", flag(config.no_indexes));
    set("--no-udfs", flag(config.no_udfs));
    set("--compact", flag(config.compact));
    set("--compress", config.wrap.compression_name());
    set("--encrypt", config.wrap.encryption_name());
    set(
        "encryption key",
        config.wrap.set_key().map(|key| key.check_value()),
    );
    let prefix = Some(config.prefix.clone()).filter(|prefix| !prefix.is_empty());
    set("--output-file-prefix", prefix);
    if let Some(sharded) = &config.sharded {
        let Shard { number, count } = sharded.shard;
        set(SHARD, Some(format!("{number}/{count}")));
        set(RUN_ID, Some(sharded.run.clone()));
    }
    let version = Some(config.asb_version_max).filter(|version| *version < Version::V3_3);
    set(
        "--asb-version-max",
        version.map(|version| version.to_string()),
    );
    set("--incremental-from", parent.map(str::to_owned));
    // There is no option for it: it goes with the name of the program.
    let is_c = config.layout == Layout::C;
    set("names of files", is_c.then(|| "as of asbackup".to_owned()));
    for (key, value) in &config.annotations {
        set(&format!("{ANNOTATION}{key}"), Some(value.clone()));
    }
    arguments.extend(config.selection.arguments());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerospike_wire::digest::Digest;

    fn sample() -> State {
        let arguments = BTreeMap::from([("--namespace".to_owned(), "test".to_owned())]);
        let mut state = State::new("run".to_owned(), arguments);
        let mut ledger = Ledger::default();
        let mut bytes = [7; 20];
        (bytes[0], bytes[1]) = (0x23, 0x01);
        let position = Position {
            last: Some(Digest(bytes)),
            done: false,
            records: 3,
            fingerprint: crate::fingerprint::Fingerprint(1 << 127),
        };
        ledger.insert(PartitionId::new(0x123).unwrap(), position);
        ledger.insert(
            PartitionId::new(9).unwrap(),
            Position {
                done: true,
                ..Position::default()
            },
        );
        state.set_ledger(&ledger);
        state
    }

    #[test]
    fn comes_back_as_it_was() {
        let state = sample();
        let content = state.encode().unwrap();
        let found = State::decode(&content).unwrap();
        assert_eq!(found, state);
        assert_eq!(found.ledger().unwrap().iter().count(), 2);
        let mut again = State::new("run".to_owned(), state.arguments.clone());
        again.set_ledger(&found.ledger().unwrap());
        assert_eq!(again.partitions, state.partitions);
    }

    #[test]
    fn every_change_of_a_byte_is_noticed() {
        let content = sample().encode().unwrap();
        for at in 0..content.len() {
            let mut altered = content.clone();
            altered[at] ^= 1;
            assert!(
                State::decode(&altered).is_err(),
                "byte {at}: {}",
                String::from_utf8_lossy(&altered)
            );
        }
        for end in 0..content.len() {
            assert!(State::decode(&content[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn the_states_of_other_tools_are_told_apart() {
        let go = [0x62, 0xff, 0x83, 0x03, 0x01, 0x01, 0x05, 0x53, 0x74];
        assert!(matches!(State::decode(&go), Err(StateProblem::Go)));
        let go_long = [0xfe, 0x01, 0x62, 0xff, 0x83, 0x03, 0x01];
        assert!(matches!(State::decode(&go_long), Err(StateProblem::Go)));
        let c = vec![0x49; 196 * 8];
        assert!(matches!(State::decode(&c), Err(StateProblem::Foreign)));
        assert!(matches!(State::decode(b""), Err(StateProblem::Foreign)));
        let manifest = br#"{"format":"absctl-manifest","version":1,"kind":""}"#;
        assert!(matches!(
            State::decode(manifest),
            Err(StateProblem::Foreign)
        ));
        let newer = br#"{"format":"absctl-state","version":2,"kind":"backup"}"#;
        assert!(matches!(
            State::decode(newer),
            Err(StateProblem::Version { found: 2 })
        ));
        let restore = br#"{"format":"absctl-state","version":1,"kind":"restore"}"#;
        assert!(matches!(
            State::decode(restore),
            Err(StateProblem::Kind { .. })
        ));
    }
}
