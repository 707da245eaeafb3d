//! The state file of a restore: what is finished, so that another run can go on from there
//! (`files-and-state.md` §7.2).
//!
//! JSON, with a checksum of itself.

use super::{Existing, IndexConflict, RestoreConfig, RestoreSource, input::Input, progress::Tally};
use crate::{
    error::{Error, StateProblem},
    state::{self, Arguments, FORMAT, VERSION},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

/// What it is the state of.
const KIND: &str = "restore";

/// A restore that can be continued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    format: String,
    version: u32,
    kind: String,
    /// Id of the run, the same for all its continuations.
    pub(super) run: String,
    /// Name and version of the tool that wrote it.
    tool: String,
    /// The arguments that a continuation must repeat, by the names of their options.
    pub(super) arguments: Arguments,
    /// When the first run began, milliseconds since 1970.
    started_ms: u64,
    /// How long all runs together took, milliseconds.
    pub(super) elapsed_ms: u64,
    /// How often it was continued.
    pub(super) resumes: u64,
    /// Definitions that were dealt with, as hashes, and whether they were left out.
    pub(super) globals: BTreeMap<String, bool>,
    /// What became of the records of the finished intervals.
    pub(super) counters: Tally,
    /// What is no outcome: retries, replies in doubt, milliseconds of waiting for limits.
    pub(super) efforts: [u64; 3],
    /// All files of the input.
    pub(super) files: Vec<FileState>,
    /// BLAKE3 of the bytes of the whole file with this value, the last one, left out. Empty but in the
    /// file.
    checksum: String,
}

/// A file of the input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    /// Path or URL.
    pub(super) name: String,
    /// Its size as it is stored.
    pub(super) bytes: u64,
    /// BLAKE3 of its first 4 MiB as they are stored.
    pub(super) block: String,
    /// Bytes of its text, once the end was seen.
    pub(super) end: Option<u64>,
    /// Finished intervals of its text: where each begins, and the place of its end.
    pub(super) done: Vec<(u64, String)>,
}

impl State {
    /// The state of a run that begins now.
    pub(super) fn begin(run: String, arguments: Arguments, files: Vec<FileState>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_millis();
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind: KIND.to_owned(),
            run,
            tool: crate::TOOL.to_owned(),
            arguments,
            started_ms: u64::try_from(now).unwrap_or(u64::MAX),
            elapsed_ms: 0,
            resumes: 0,
            globals: BTreeMap::new(),
            counters: Tally::default(),
            efforts: [0; 3],
            files,
            checksum: String::new(),
        }
    }

    /// The bytes of the file.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        state::seal(self)
    }

    /// Reads the bytes of the file.
    ///
    /// # Errors
    /// A [`StateProblem`] that says what else it looks like.
    pub(super) fn decode(content: &[u8]) -> Result<Self, StateProblem> {
        state::check_head(content, KIND)?;
        let mut state: Self = serde_json::from_slice(content).map_err(StateProblem::json)?;
        let stored = std::mem::take(&mut state.checksum);
        if state::checksum(content).is_none_or(|found| stored != found.as_ref()) {
            return Err(StateProblem::Checksum);
        }
        if !state.counters.is_balanced() {
            return Err(StateProblem::Value { what: "counters" });
        }
        Ok(state)
    }
}

/// The arguments that a continuation must repeat, by the names of their options: all that decide
/// which records are written, and how. Those that have their default are left out.
pub(super) fn arguments(config: &RestoreConfig, input: &Input) -> Arguments {
    let mut arguments = Arguments::new();
    let mut set = |option: &str, value: Option<String>| {
        arguments.extend(value.map(|value| (option.to_owned(), value)));
    };
    let flag = |is_set: bool| is_set.then(|| "true".to_owned());
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(","));
    let places = config.source.stores().iter();
    let places: Vec<_> = places.map(|store| store.location().to_owned()).collect();
    let source = match config.source {
        RestoreSource::Directory(_) => "--directory",
        RestoreSource::Directories(_) => "--directory-list",
        RestoreSource::Single(_) => "--input-file",
    };
    set(source, list(&places));
    set("run of the backup", list(&input.run_ids()));
    set("--namespace", Some(config.namespace.clone()));
    set("namespace to restore into", config.destination.clone());
    set("--run-id", config.run.clone());
    let shard = config.shard;
    let shard = shard.map(|shard| format!("{}/{}", shard.number, shard.count));
    set("--shard", shard);
    set("--set-list", list(&config.sets));
    set("--bin-list", list(&config.bins));
    set("--no-records", flag(config.no_records));
    set("--no-indexes", flag(config.no_indexes));
    set("--no-udfs", flag(config.no_udfs));
    set("--unique", flag(config.policy.existing == Existing::Keep));
    set(
        "--replace",
        flag(config.policy.existing == Existing::Replace),
    );
    set("--no-generation", flag(!config.policy.check_generation));
    let extra = config.extra_ttl;
    set("--extra-ttl", (extra > 0).then(|| extra.to_string()));
    set("--ignore-record-error", flag(config.ignore_record_errors));
    set("--apply-metadata-last", flag(config.apply_metadata_last));
    let conflict = match config.index_conflict {
        IndexConflict::Replace => None,
        IndexConflict::Keep => Some("keep".to_owned()),
        IndexConflict::Fail => Some("fail".to_owned()),
    };
    set("--index-conflict", conflict);
    arguments
}

/// Whether the input is that of the first run.
///
/// # Errors
/// [`Error::InputChanged`] with the first file that differs.
pub(super) fn compare_files(first: &[FileState], now: &[FileState]) -> Result<(), Error> {
    let by_name = |files: &[FileState]| -> BTreeMap<String, (u64, String)> {
        let entry = |file: &FileState| (file.name.clone(), (file.bytes, file.block.clone()));
        files.iter().map(entry).collect()
    };
    let (first, now) = (by_name(first), by_name(now));
    let changed = |file: &String, what| Error::InputChanged {
        file: file.clone(),
        what,
    };
    for (name, (bytes, block)) in &first {
        return Err(match now.get(name) {
            None => changed(name, "is gone"),
            Some((found, _)) if found != bytes => changed(name, "has another size"),
            Some((_, found)) if found != block => changed(name, "begins differently"),
            Some(_) => continue,
        });
    }
    let added = now.keys().find(|name| !first.contains_key(*name));
    added.map_or(Ok(()), |name| Err(changed(name, "was added")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> State {
        let arguments = Arguments::from([("--namespace".to_owned(), "test".to_owned())]);
        let file = FileState {
            name: "set/1.asb".to_owned(),
            bytes: 17,
            block: "ab".to_owned(),
            end: Some(12),
            done: vec![(0, "3.1 body 12 3 1".to_owned())],
        };
        let mut state = State::begin("run".to_owned(), arguments, vec![file]);
        state.globals.insert("hash".to_owned(), true);
        state
    }

    #[test]
    fn comes_back_as_it_was() {
        let state = sample();
        let content = state.encode().expect("JSON");
        assert_eq!(State::decode(&content).expect("sound"), state);
    }

    #[test]
    fn every_change_of_a_byte_is_noticed() {
        let content = sample().encode().expect("JSON");
        for at in 0..content.len() {
            let mut altered = content.clone();
            altered[at] ^= 1;
            let shown = String::from_utf8_lossy(&altered).into_owned();
            assert!(State::decode(&altered).is_err(), "byte {at}: {shown}");
            assert!(State::decode(&content[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn counters_that_do_not_add_up_are_refused() {
        let mut state = sample();
        state.counters.records_read = 1;
        let content = state.encode().expect("JSON");
        let wrong = StateProblem::Value { what: "counters" };
        assert_eq!(State::decode(&content), Err(wrong));
    }

    #[test]
    fn the_input_has_to_be_the_same() {
        let first = sample().files;
        let differs = |change: &dyn Fn(&mut Vec<FileState>), expected: &str| {
            let mut now = first.clone();
            change(&mut now);
            let error = compare_files(&first, &now).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        };
        assert!(compare_files(&first, &first).is_ok());
        differs(&Vec::clear, "set/1.asb is gone");
        differs(&|files| files[0].bytes = 18, "has another size");
        differs(&|files| files[0].block.clear(), "begins differently");
        differs(&|files| files.push(FileState::default()), "was added");
    }
}
