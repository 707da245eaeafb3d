//! Why a job failed.

use crate::{
    backup::{ParentProblem, ShardViolation, Violation, WriteProblem},
    convert::asbx_to_asb::Unconvertible,
    lock::{Holder, LockError},
    manifest::{AnnotationProblem, BlockError, MergeError, SetError},
    names::Shard,
    restore::ChainProblem,
};
use aerospike_wire::{digest::Digest, result_code::ResultCode};
use backup_cluster::{error::Error as ClusterError, view::NodeName};
use backup_xdr::error::Error as XdrError;
use std::fmt;

/// A failed job. Causes are behind `source()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The target holds something already.
    #[error("{target} is not empty: it holds {entry}")]
    TargetNotEmpty {
        /// The directory.
        target: String,
        /// The first entry in the way.
        entry: String,
    },
    /// The target holds a backup that was interrupted.
    #[error("{target} holds an unfinished backup: {entry}")]
    TargetUnfinished {
        /// The directory or file.
        target: String,
        /// What shows it.
        entry: String,
    },
    /// The target holds something that is not of the run whose shard was to be written.
    #[error(
        "{target} holds {entry}, which is not of run {expected}{}",
        of_run(found)
    )]
    OtherRun {
        /// The directory.
        target: String,
        /// What is in the way.
        entry: String,
        /// The run that it is of, where that is known.
        found: Option<String>,
        /// The run asked for.
        expected: String,
    },
    /// Another process has made the same shard in the same moment.
    #[error("another process has worked on shard {number} of {count} meanwhile")]
    ShardMoved {
        /// The shard.
        number: u16,
        /// Of how many.
        count: u16,
    },
    /// The shards of a run are complete and make no set.
    #[error("{target}: all shards are complete, but together they are no backup")]
    Shards {
        /// The directory.
        target: String,
        /// Why.
        source: Box<MergeError>,
    },
    /// A backup that cannot be made by several processes.
    #[error("{}", join(violations, "; "))]
    Sharding {
        /// Everything that speaks against it.
        violations: Vec<ShardViolation>,
    },
    /// Texts that no manifest can hold.
    #[error("annotations that cannot be kept")]
    Annotations {
        /// What is wrong with them.
        source: AnnotationProblem,
    },
    /// A state file cannot be used.
    #[error("{file} {problem}")]
    State {
        /// The file.
        file: String,
        /// What about it, as the end of a sentence.
        problem: StateProblem,
    },
    /// A continuation that asks for something else than the first run.
    #[error("{option} differs from the first run: {}", differing(.first, .now))]
    ContinueDiffers {
        /// The option.
        option: String,
        /// Its value in the first run, if it had one.
        first: Option<String>,
        /// Its value now.
        now: Option<String>,
    },
    /// A restore that cannot be continued, so that a state would be of no use.
    #[error("no state can be kept: {why}")]
    NoState {
        /// What speaks against it.
        why: &'static str,
    },
    /// There is a state already where a new one was to be kept.
    #[error("{file} exists: it may be the state of an interrupted restore")]
    StateExists {
        /// The file.
        file: String,
    },
    /// Another restore uses the state file.
    #[error("the state {file} is in use")]
    StateInUse {
        /// The file.
        file: String,
        /// Who has it.
        source: LockError,
    },
    /// The input of a restore is not what it was.
    #[error("{file} {what} since the first run: the restore cannot be continued")]
    InputChanged {
        /// The file of the input.
        file: String,
        /// What has changed.
        what: &'static str,
    },
    /// A file is not as the state says.
    #[error("{file} has {found} bytes, and the state file says that {expected} are durable")]
    Shortened {
        /// The file.
        file: String,
        /// Bytes found.
        found: u64,
        /// Bytes that must be there.
        expected: u64,
    },
    /// An incremental backup cannot go on from the backup that was named.
    #[error("no incremental backup can go on from {parent}")]
    Parent {
        /// The directory or file.
        parent: String,
        /// Why not.
        source: Box<ParentProblem>,
    },
    /// Several backups, some of which go on from others, are no chain.
    #[error("{source_name} is no link of a chain with the others")]
    Chain {
        /// The directory.
        source_name: String,
        /// Why not.
        source: Box<ChainProblem>,
    },
    /// The target belongs to another run.
    #[error(transparent)]
    Lock(LockError),
    /// The set is not as its manifest says.
    #[error("{source_name} is not whole")]
    Set {
        /// The directory or file.
        source_name: String,
        /// What is wrong.
        source: Box<SetError>,
    },
    /// What was asked for cannot be done with this target.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The output file exists already.
    #[error("{target} exists already")]
    TargetExists {
        /// The file.
        target: String,
    },
    /// The input holds no backup.
    #[error("{source_name} holds no backup file (*.asb)")]
    InputEmpty {
        /// The directory or file.
        source_name: String,
    },
    /// The input was never completed.
    #[error(
        "{source_name} is an unfinished backup: {}",
        unfinished(entry, holder.as_deref(), missing)
    )]
    InputUnfinished {
        /// The directory.
        source_name: String,
        /// What shows it.
        entry: String,
        /// The run that is still writing it, if one is.
        holder: Option<Box<Holder>>,
        /// Shards that have not finished, as far as others have.
        missing: Vec<Shard>,
    },
    /// A file cannot be decrypted or decompressed, or is something else.
    #[error("{file} cannot be read")]
    Envelope {
        /// The file.
        file: String,
        /// What is wrong, and where.
        source: backup_envelope::Error,
    },
    /// A file is not the one that was backed up.
    #[error("{file} is not as it was backed up")]
    Altered {
        /// The file.
        file: String,
        /// What differs, and where.
        source: BlockError,
    },
    /// The files are encrypted, and there is no key.
    #[error(
        "{source_name} is encrypted ({}), and no key was given",
        encryption.to_uppercase()
    )]
    NoKey {
        /// The directory or file.
        source_name: String,
        /// `aes128` or `aes256`, by the manifest.
        encryption: String,
    },
    /// The manifest is that of another namespace.
    #[error("{source_name} is a backup of namespace {found}, not of {expected}")]
    OtherSource {
        /// The directory or file.
        source_name: String,
        /// Namespace of the manifest.
        found: String,
        /// Namespace asked for.
        expected: String,
    },
    /// The set is not known to be of the run that was asked for.
    #[error(
        "{source_name} is not known to be of run {expected}{}",
        other_run(found)
    )]
    SourceOfOtherRun {
        /// The directory or file.
        source_name: String,
        /// Another run that it is of.
        found: Option<String>,
        /// The run asked for.
        expected: String,
    },
    /// The compression or encryption of a file failed.
    #[error("{file} cannot be compressed or encrypted")]
    Wrap {
        /// The file.
        file: String,
        /// Why.
        source: backup_envelope::Error,
    },
    /// What was about to be written does not read back as it should (`--verify-writes`).
    #[error("{file}, byte {offset} of its text: what was to be written does not read back")]
    WriteCheck {
        /// The file.
        file: String,
        /// Where in its text, before compression and encryption, the wrong piece begins.
        offset: u64,
        /// What is wrong.
        source: WriteProblem,
    },
    /// A file is damaged.
    #[error("{file} is damaged")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong, and where.
        source: asb_format::Error,
    },
    /// The name of an ASBX file does not say which one it is.
    #[error("{file}: not a name of the form WORKER_NAMESPACE_NUMBER.asbx")]
    AsbxName {
        /// The file.
        file: String,
    },
    /// The header of an ASBX file is that of another one.
    #[error("{file} says that it is file {number} of namespace {namespace}")]
    AsbxHeader {
        /// The file.
        file: String,
        /// Number in its header.
        number: u64,
        /// Namespace in its header.
        namespace: String,
    },
    /// An ASBX file is damaged.
    #[error("{file} is damaged")]
    AsbxDamaged {
        /// The file.
        file: String,
        /// What is wrong, and where.
        source: asbx_format::Error,
    },
    /// A message of an ASBX file that has no form in text.
    #[error("{file}, byte {offset}: record {digest} cannot be converted")]
    NotConvertible {
        /// The file.
        file: String,
        /// Where the token begins in its content.
        offset: u64,
        /// The record.
        digest: Digest,
        /// Why not.
        source: Unconvertible,
    },
    /// Two writers had messages about the same records.
    #[error(
        "{one} and {other} both hold records of partition {partition}, and nothing says which of \
         them are newer"
    )]
    OrderUnknown {
        /// A file of one writer.
        one: String,
        /// A file of another one.
        other: String,
        /// The partition.
        partition: u16,
    },
    /// Records in a file that should hold indexes and modules only.
    #[error("{file} holds records, which have no place in the order of the ASBX files beside it")]
    RecordsBeside {
        /// The file.
        file: String,
    },
    /// Validation found damage and went on to the end.
    #[error("{} of {files} files cannot be restored", findings)]
    Invalid {
        /// Files looked at.
        files: u64,
        /// Files with a finding.
        findings: u64,
    },
    /// A record belongs to another namespace than the one asked for.
    #[error("{file}, byte {offset}: the record belongs to namespace {found}, not to {expected}")]
    OtherNamespace {
        /// The file.
        file: String,
        /// Where the record begins.
        offset: u64,
        /// Namespace in the file.
        found: String,
        /// Namespace asked for.
        expected: String,
    },
    /// A record that the backup format cannot hold.
    #[error("record {digest}: {reason}")]
    Unrepresentable {
        /// The record.
        digest: Digest,
        /// What about it.
        reason: Unrepresentable,
    },
    /// The server refused a record.
    #[error(
        "{file}, byte {offset}: record {digest}{} was refused: {code}",
        of_key(key)
    )]
    RecordRefused {
        /// The file.
        file: String,
        /// Where the record begins.
        offset: u64,
        /// The record.
        digest: Digest,
        /// Its user key, if it has one.
        key: Option<String>,
        /// The server's answer.
        code: ResultCode,
    },
    /// The namespace takes no records that expire.
    #[error(
        "{file}, byte {offset}: record {digest} was refused because it expires: namespace \
         {namespace} has nsup-period 0 and allow-ttl-without-nsup false"
    )]
    TtlRefused {
        /// The file.
        file: String,
        /// Where the record begins.
        offset: u64,
        /// The record.
        digest: Digest,
        /// The namespace.
        namespace: String,
    },
    /// A record would live longer than a write can say.
    #[error(
        "{file}, byte {offset}: record {digest} would live for {ttl} s, which no write can say"
    )]
    TtlTooLong {
        /// The file.
        file: String,
        /// Where the record begins.
        offset: u64,
        /// The record.
        digest: Digest,
        /// Seconds.
        ttl: u64,
    },
    /// Indexes or modules that could not be brought to the cluster; all else was done.
    #[error(
        "{} of the indexes and modules could not be created; the first is {first}",
        count
    )]
    Globals {
        /// How many.
        count: usize,
        /// Kind and name of the first.
        first: String,
        /// Why it could not.
        source: Box<backup_cluster::error::Error>,
    },
    /// The cluster has an index or module of another definition, and it was not to be replaced.
    #[error("{what} {name} exists with another definition")]
    Conflict {
        /// `index` or `module`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Two definitions of one index in the input.
    #[error("the input defines index {name} twice, and differently")]
    IndexTwice {
        /// Its name.
        name: String,
    },
    /// A selection that makes no sense in itself.
    #[error("{}", join(violations, "; "))]
    Selection {
        /// Everything that is wrong with it.
        violations: Vec<Violation>,
    },
    /// A node was listed that the cluster does not have.
    #[error(
        "no node of the cluster is called {name:?}; there are: {}",
        join(known, "; ")
    )]
    UnknownNode {
        /// As it was listed.
        name: String,
        /// The nodes with their addresses.
        known: Vec<String>,
    },
    /// A rack was listed that has no nodes.
    #[error("no node is in rack {id}; racks with nodes: {}", join(known, ", "))]
    UnknownRack {
        /// Its id.
        id: u32,
        /// Racks that have nodes.
        known: Vec<u32>,
    },
    /// The server makes nothing of a filter expression.
    #[error("node {node} refuses the filter expression: it makes no sense, or is not of type bool")]
    FilterRefused {
        /// The node that was asked.
        node: NodeName,
    },
    /// Something about the cluster.
    #[error(transparent)]
    Cluster(backup_cluster::error::Error),
    /// Something about shipping by XDR.
    #[error(transparent)]
    Xdr(backup_xdr::error::Error),
    /// Something about the storage.
    #[error(transparent)]
    Storage(backup_storage::Error),
    /// Indexes and modules that wait for the last record cannot be kept.
    #[error("indexes and modules cannot be kept in a temporary file")]
    Spill {
        /// What the system says.
        source: std::io::Error,
    },
    /// The job was cancelled.
    #[error("interrupted")]
    Cancelled,
    /// A promise of ours does not hold: a defect.
    #[error("internal error: {0}; please report this")]
    Internal(String),
}

/// Why a state file cannot be used; as the end of a sentence that begins with its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateProblem {
    /// It is of `absctl` in Go.
    #[error("is a state file of the Go tools, which only they can continue")]
    Go,
    /// It is of `asbackup`, or none at all.
    #[error("is no state file of absctl (those of asbackup only asbackup can continue)")]
    Foreign,
    /// A newer version wrote it.
    #[error("has version {found}; this program knows version 1")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It belongs to another command.
    #[error("is the state of a {found}")]
    Kind {
        /// The command.
        found: String,
    },
    /// It was altered or cut.
    #[error("is damaged: its checksum does not fit")]
    Checksum,
    /// It is no JSON, or lacks something.
    #[error("is damaged: line {line}, column {column}: {what}")]
    Json {
        /// What the parser says.
        what: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Another run has written to the target since.
    #[error("is older than what is in the target: run {run} has begun to write there since")]
    OtherRun {
        /// The other run.
        run: String,
    },
    /// A value that cannot be.
    #[error("is damaged: the {what} cannot be")]
    Value {
        /// Which.
        what: &'static str,
    },
}

impl StateProblem {
    pub(crate) fn json(error: serde_json::Error) -> Self {
        Self::Json {
            line: error.line(),
            column: error.column(),
            what: error.to_string(),
        }
    }
}

fn of_run(found: &Option<String>) -> String {
    let run = found.as_deref();
    run.map_or_else(String::new, |run| format!(" but of run {run}"))
}

fn other_run(found: &Option<String>) -> String {
    found.as_deref().map_or_else(
        || ": it has no manifest".to_owned(),
        |run| format!(" but of run {run}"),
    )
}

fn unfinished(entry: &str, holder: Option<&Holder>, missing: &[Shard]) -> String {
    if let Some(holder) = holder {
        return format!("{holder} is still writing it");
    }
    match missing {
        [] => format!("{entry} was never completed"),
        [Shard { count, .. }, ..] => {
            const SHOWN: usize = 10;
            let numbers = missing.iter().take(SHOWN).map(|shard| shard.number);
            let numbers = join(&numbers.collect::<Vec<_>>(), ", ");
            let more = if missing.len() > SHOWN { ", …" } else { "" };
            format!("of {count} shards these have not finished: {numbers}{more}")
        }
    }
}

fn differing(first: &Option<String>, now: &Option<String>) -> String {
    let shown = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "not given".to_owned(), |v| format!("{v:?}"))
    };
    format!("{} then, {} now", shown(first), shown(now))
}

fn of_key(key: &Option<String>) -> String {
    key.as_ref()
        .map_or_else(String::new, |key| format!(" (key {key})"))
}

fn join<T: ToString>(items: &[T], separator: &str) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(separator)
}

/// What about a record cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unrepresentable {
    /// A bin of a type without a form in the backup.
    BinType {
        /// Name of the bin.
        bin: String,
        /// Particle type number.
        particle: u8,
    },
    /// A bin whose bytes do not fit its type.
    BinValue {
        /// Name of the bin.
        bin: String,
        /// Particle type number.
        particle: u8,
    },
    /// A user key of a type without a form in the backup.
    Key {
        /// Particle type number.
        particle: u8,
    },
}

impl fmt::Display for Unrepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BinType { bin, particle } => {
                write!(
                    f,
                    "bin {bin:?} has particle type {particle}, which no backup file can hold"
                )
            }
            Self::BinValue { bin, particle } => {
                write!(
                    f,
                    "the value of bin {bin:?} does not fit its particle type {particle}"
                )
            }
            Self::Key { particle } => {
                write!(
                    f,
                    "its key has particle type {particle}, which no backup file can hold"
                )
            }
        }
    }
}

/// Classes of failure that a caller acts on; `absctl` has an exit code for each (`cli.md` §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Anything else: refused combination, target not empty, record refused, no space.
    General,
    /// The input is missing, has no backup files, or was never finished.
    InputMissing,
    /// User, password, certificate or privilege.
    Access,
    /// Another run has the target.
    Locked,
    /// Damaged input.
    Damage,
    /// The cluster cannot be reached, or was lost beyond all retries.
    Unreachable,
    /// Cancelled.
    Interrupted,
}

impl Error {
    /// The class of this failure.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        use backup_storage::{ErrorKind, Operation};
        match self {
            Self::InputEmpty { .. } | Self::InputUnfinished { .. } => ErrorClass::InputMissing,
            Self::Lock(error) if error.is_held() => ErrorClass::Locked,
            Self::StateInUse { source, .. } if source.is_held() => ErrorClass::Locked,
            Self::ShardMoved { .. } => ErrorClass::Locked,
            Self::Set { source, .. } if source.is_missing() => ErrorClass::InputMissing,
            Self::Set { source, .. } if source.is_about_the_key() => ErrorClass::Access,
            Self::NoKey { .. } => ErrorClass::Access,
            Self::Parent { source, .. } => parent_class(source),
            Self::Chain { source, .. } if source.is_missing() => ErrorClass::InputMissing,
            Self::Set { .. } => ErrorClass::Damage,
            Self::Envelope { source, .. } if is_about_the_key(source) => ErrorClass::Access,
            Self::Damaged { .. }
            | Self::AsbxDamaged { .. }
            | Self::AsbxHeader { .. }
            | Self::AsbxName { .. }
            | Self::NotConvertible {
                source: Unconvertible::Damaged(_) | Unconvertible::Cut,
                ..
            }
            | Self::Invalid { .. }
            | Self::Envelope { .. }
            | Self::Altered { .. }
            | Self::WriteCheck { .. }
            | Self::InputChanged { .. }
            | Self::Shortened { .. } => ErrorClass::Damage,
            Self::State {
                problem:
                    StateProblem::Checksum | StateProblem::Json { .. } | StateProblem::Value { .. },
                ..
            } => ErrorClass::Damage,
            Self::Cancelled => ErrorClass::Interrupted,
            Self::RecordRefused { code, .. } if is_access(*code) => ErrorClass::Access,
            Self::Globals { source, .. } if source.is_access() => ErrorClass::Access,
            Self::Cluster(backup_cluster::error::Error::Cancelled) => ErrorClass::Interrupted,
            Self::Cluster(error) if error.is_access() => ErrorClass::Access,
            Self::Cluster(error) if error.is_unreachable() => ErrorClass::Unreachable,
            Self::Xdr(backup_xdr::error::Error::Control { .. }) => ErrorClass::Unreachable,
            Self::Storage(error) => match (error.operation(), error.kind()) {
                (_, ErrorKind::NoBucket) => ErrorClass::InputMissing,
                (_, ErrorKind::Damaged) => ErrorClass::Damage,
                // On local disk that is a matter of modes, as good as any other failure.
                (_, ErrorKind::PermissionDenied) if error.location().contains("://") => {
                    ErrorClass::Access
                }
                (Operation::Open | Operation::List | Operation::Stat, ErrorKind::NotFound) => {
                    ErrorClass::InputMissing
                }
                (Operation::Open | Operation::Read, ErrorKind::WrongSize { .. }) => {
                    ErrorClass::Damage
                }
                _ => ErrorClass::General,
            },
            _ => ErrorClass::General,
        }
    }

    /// Whether the storage refuses a right.
    pub(crate) fn is_denied(&self) -> bool {
        self.storage_kind() == Some(backup_storage::ErrorKind::PermissionDenied)
    }

    /// Whether a call of the storage ended because the run is to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.storage_kind() == Some(backup_storage::ErrorKind::Interrupted)
    }

    const fn storage_kind(&self) -> Option<backup_storage::ErrorKind> {
        match self {
            Self::Storage(error) | Self::Lock(LockError::Storage(error)) => Some(error.kind()),
            _ => None,
        }
    }

    /// What the user can do about it, where that is not plain from the message.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::TargetNotEmpty { .. } => {
                Some("choose an empty directory, or replace an old backup with --remove-files")
            }
            Self::OtherRun { .. } => Some(
                "shards share a directory with nothing else: choose an empty one, or clear it with --remove-artifacts",
            ),
            Self::Shards { .. } => Some(
                "start all shards with the same arguments; the backup has to be made again, with another run id, in another directory",
            ),
            Self::TargetUnfinished { .. } => {
                Some("go on with --continue, or remove it with --remove-artifacts")
            }
            Self::ContinueDiffers { .. } => Some(
                "repeat the arguments of the first run; only hosts, credentials, limits, time-outs, retries, --parallel, --file-limit and logging may change",
            ),
            Self::StateExists { .. } => {
                Some("go on with --continue and this file, or remove it to begin anew")
            }
            Self::Parent { source, .. } => Some(source.advice()),
            Self::Chain { source, .. } => Some(source.advice()),
            Self::TargetExists { .. } => Some("choose another name, or use --remove-files"),
            Self::InputUnfinished {
                holder: Some(_), ..
            } => Some("wait until it has finished"),
            Self::InputUnfinished { .. } => Some(
                "complete it with `absctl backup --continue`, take another backup, or restore what is there with --allow-incomplete",
            ),
            Self::NoKey { .. } => Some(KEY_ADVICE),
            Self::Set { source, .. } if source.is_about_the_key() => Some(KEY_ADVICE),
            Self::Envelope { source, .. } if is_about_the_key(source) => Some(KEY_ADVICE),
            Self::RecordRefused {
                code: ResultCode::ROLE_VIOLATION,
                ..
            } => Some("give the user a role with `write` or `read-write` on the namespace"),
            Self::RecordRefused {
                code: ResultCode::ENTERPRISE_ONLY,
                ..
            } => Some(
                "durable deletes need the Enterprise Edition; leave them out with --ignore-record-error",
            ),
            Self::Cluster(error) => cluster_advice(error),
            Self::Globals { source, .. } => cluster_advice(source),
            Self::Xdr(XdrError::NoXdr { .. } | XdrError::TooOld { .. }) => {
                Some("a backup by scans needs no XDR: absctl backup without xdr")
            }
            Self::OtherNamespace { .. } | Self::OtherSource { .. } => Some(
                "name the namespace of the backup with -n, and another one to restore into behind a comma",
            ),
            Self::NotConvertible {
                source: Unconvertible::ShippedAtUnknown { .. },
                ..
            } => Some("say it with --shipped-at: times to live count from then"),
            Self::NotConvertible { .. } => {
                Some("restore the ASBX files as they are: that writes what was shipped")
            }
            Self::TtlRefused { .. } => Some(
                "set nsup-period or allow-ttl-without-nsup for the namespace; --ignore-record-error leaves such records out",
            ),
            Self::WriteCheck { .. } => Some(
                "the memory or the processor of this machine may be faulty; nothing of the wrong piece was stored. Test the memory; on another machine the backup can be made, or continued with --continue",
            ),
            Self::Conflict { .. } => {
                Some("--index-conflict replace or keep says what is to become of it")
            }
            _ => None,
        }
    }
}

/// Where the key of the backup is missing or another one.
const KEY_ADVICE: &str = "--encrypt names the encryption of the backup, --encryption-key-file, -env or -secret its key; leave them out where it has none";

const fn cluster_advice(error: &ClusterError) -> Option<&'static str> {
    match error {
        ClusterError::Privilege { .. } => {
            Some("give the user a role that has it, or log in as another one with --user (-U)")
        }
        ClusterError::Login { .. } => Some("see --user (-U), --password (-P) and --auth (-A)"),
        ClusterError::NoRacks { .. } => Some("leave out --rack-list and --prefer-racks"),
        _ => None,
    }
}

fn parent_class(problem: &ParentProblem) -> ErrorClass {
    match problem {
        ParentProblem::Unfinished { .. } => ErrorClass::InputMissing,
        ParentProblem::Set { source } if source.is_missing() => ErrorClass::InputMissing,
        ParentProblem::Set { .. } if problem.is_about_the_key() => ErrorClass::Access,
        ParentProblem::Set { .. } => ErrorClass::Damage,
        _ => ErrorClass::General,
    }
}

fn is_about_the_key(error: &backup_envelope::Error) -> bool {
    use backup_envelope::{ErrorKind, Look, MismatchKind};
    match error.kind() {
        // Without a key, only what looks random can be meant to be encrypted.
        ErrorKind::Mismatch(mismatch) => {
            mismatch.is_about_the_key()
                && (mismatch.kind() != MismatchKind::NoKey || mismatch.stored() == Look::Random)
        }
        ErrorKind::ShortHeader { .. } => true,
        _ => false,
    }
}

fn is_access(code: ResultCode) -> bool {
    matches!(code.0, 60..=66 | 80..=82)
}

impl From<backup_cluster::error::Error> for Error {
    fn from(error: backup_cluster::error::Error) -> Self {
        match error {
            backup_cluster::error::Error::Cancelled => Self::Cancelled,
            error => Self::Cluster(error),
        }
    }
}

impl From<backup_xdr::error::Error> for Error {
    fn from(error: backup_xdr::error::Error) -> Self {
        match error {
            backup_xdr::error::Error::Cancelled => Self::Cancelled,
            error => Self::Xdr(error),
        }
    }
}

impl From<backup_storage::Error> for Error {
    fn from(error: backup_storage::Error) -> Self {
        Self::Storage(error)
    }
}
