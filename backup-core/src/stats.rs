//! Counters of a job: atomic while it runs, plain in the report.

use crate::{
    load::{BackupLoad, Phase, RestoreLoad, STAGES, StageLoad},
    manifest::Manifest,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

macro_rules! counters {
    ($(#[$doc:meta])* $live:ident $({ $($extra_vis:vis $extra:ident: $extra_type:ty,)* })?,
     $(#[$plain_doc:meta])* $plain:ident {
        $($(#[$field_doc:meta])* $field:ident,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $live {
            $(pub(crate) $field: Counter,)*
            $($($extra_vis $extra: $extra_type,)*)?
        }

        impl $live {
            /// The figures at this moment. Each is exact; together they may be a chunk apart.
            #[must_use]
            pub fn snapshot(&self) -> $plain {
                $plain { $($field: self.$field.get(),)* }
            }
        }

        $(#[$plain_doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $plain {
            $($(#[$field_doc])* pub $field: u64,)*
        }

        impl $plain {
            /// What was added since `before`.
            #[must_use]
            pub const fn since(&self, before: &Self) -> Self {
                Self { $($field: self.$field.saturating_sub(before.$field),)* }
            }
        }
    };
}

/// A counter that many tasks add to.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    /// Live counters of a backup.
    BackupStats {
        pub(crate) load: BackupLoad,
        pub(crate) run: OnceLock<String>,
    },
    /// What a backup did (`behaviour.md` §8.2).
    BackupCounts {
        /// Records written to files.
        records_read,
        /// Records expected; 0 while unknown. For progress only.
        records_expected,
        /// Secondary indexes written.
        indexes_read,
        /// Secondary indexes left out: of sets that are not selected, or of unknown kinds.
        indexes_skipped,
        /// UDF modules written.
        udfs_read,
        /// Bytes that reached the storage.
        bytes_written,
        /// Files finished.
        files_written,
        /// Scans that had to be resumed.
        retries,
        /// Records, or messages shipped by XDR, whose text was decoded again and found right, with
        /// [`BackupConfig::verify_writes`](crate::backup::BackupConfig::verify_writes).
        records_verified,
        /// Milliseconds that workers waited because of a limit, added up.
        throttled_ms,
        /// How often the backup was continued after an interruption.
        resumes,
        /// Milliseconds that the runs before this one took.
        earlier_ms,
        /// Of an incremental backup: where its time window begins, nanoseconds since 1970.
        since_ns,
        /// How much of that window lies before the start of the backup that it goes on from, in
        /// nanoseconds.
        overlap_ns,
    }
}

counters! {
    /// Live counters of a restore or validation.
    RestoreStats {
        sets: Mutex<Vec<SetCounts>>,
        pub(crate) load: RestoreLoad,
        sources: Mutex<Vec<SourceSet>>,
    },
    /// What a restore did (`behaviour.md` §8.2). Every record read is in exactly one of the
    /// counters from `expired` to `not_sent`.
    RestoreCounts {
        /// Records decoded.
        records_read,
        /// Secondary indexes decoded.
        indexes_read,
        /// UDF modules decoded.
        udfs_read,
        /// Secondary indexes not created: on request, or because the server cannot hold them.
        indexes_skipped,
        /// UDF modules not registered, on request.
        udfs_skipped,
        /// Expired meanwhile.
        expired,
        /// Left out on request, or without bins.
        skipped,
        /// Refused by the server, and the user said to go on.
        ignored,
        /// The cluster has the same generation or a greater one.
        fresher,
        /// The record exists, and only new ones were to be created.
        existed,
        /// Written.
        inserted,
        /// How often a record was sent and left without an answer. No outcome: it was sent again,
        /// or counts as failed.
        in_doubt,
        /// Refused by the server, or given up after all attempts.
        failed,
        /// Read, and not sent because the restore ended before.
        not_sent,
        /// Bytes of text read: after decryption and decompression.
        bytes_read,
        /// Bytes fetched from the storage. For progress only.
        bytes_fetched,
        /// Bytes of all input files; 0 while unknown. For progress only.
        bytes_expected,
        /// Attempts at batches after the first.
        retries,
        /// Ignored records that were written to the reject file.
        rejected,
        /// Milliseconds that workers waited because of a limit, added up.
        throttled_ms,
        /// How often the restore was continued after an interruption. The other counters are those
        /// of all its runs together.
        resumes,
        /// Milliseconds that the runs before this one took.
        earlier_ms,
    }
}

counters! {
    /// Live counters of a conversion.
    ConvertStats {
        written: Arc<BackupStats>,
    },
    /// What a conversion read. Every message is in one of the three counters behind the first, or
    /// its record was written.
    ConvertCounts {
        /// Messages.
        messages_read,
        /// Those that another message of their record follows.
        superseded,
        /// Those that delete their record, and no other follows.
        deleted,
        /// Those about what servers keep for themselves.
        left_out,
        /// Bytes fetched from the storage, in all readings. For progress only.
        bytes_fetched,
        /// Bytes of all readings. For progress only.
        bytes_expected,
    }
}

impl ConvertStats {
    /// The counters of the backup that is written.
    pub(crate) const fn written(&self) -> &Arc<BackupStats> {
        &self.written
    }

    /// What was written: the figures of a backup.
    #[must_use]
    pub fn backup(&self) -> BackupCounts {
        self.written.snapshot()
    }

    /// What the conversion is at.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.written.phase()
    }

    /// How busy the stages of what is written have been, in the order of the data.
    #[must_use]
    pub fn stages(&self) -> [StageLoad; STAGES] {
        self.written.stages()
    }

    /// Whether every message has exactly one outcome.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let ConvertCounts {
            messages_read,
            superseded,
            deleted,
            left_out,
            ..
        } = self.snapshot();
        messages_read == superseded + deleted + left_out + self.backup().records_read
    }
}

/// What the restore of a chain did with one of its sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCounts {
    /// The directory.
    pub source: String,
    /// Id of the run that made it.
    pub run: String,
    /// What was added to the counters while it was restored.
    pub counts: RestoreCounts,
}

/// A set that is read, as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSet {
    /// The directory or file.
    pub source: String,
    /// Id of the run that made it.
    pub run: String,
    /// What the user wanted to be kept with it.
    pub annotations: BTreeMap<String, String>,
}

impl SourceSet {
    /// What `manifest` says of the set in `source`.
    pub(crate) fn new(source: &str, manifest: &Manifest) -> Self {
        Self {
            source: source.to_owned(),
            run: manifest.run.clone(),
            annotations: manifest.annotations.clone(),
        }
    }
}

impl BackupStats {
    /// What the backup is at.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.load.phase.get()
    }

    /// How busy its stages have been, in the order of the data.
    #[must_use]
    pub fn stages(&self) -> [StageLoad; STAGES] {
        self.load.stages()
    }

    /// Id of the run, once the target was found fit; a continuation has that of the first run.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.run.get().map(String::as_str)
    }
}

impl RestoreStats {
    /// What the restore is at.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.load.phase.get()
    }

    /// How busy its stages have been, in the order of the data.
    #[must_use]
    pub fn stages(&self) -> [StageLoad; STAGES] {
        self.load.stages()
    }

    /// The sets that are read, as far as they have manifests, once those were looked at.
    #[must_use]
    pub fn sources(&self) -> Vec<SourceSet> {
        self.locked_sources().clone()
    }

    /// Adds sets, each once: shards of a set have manifests that say the same.
    pub(crate) fn add_sources(&self, sets: impl IntoIterator<Item = SourceSet>) {
        let mut known = self.locked_sources();
        for set in sets {
            if !known.contains(&set) {
                known.push(set);
            }
        }
    }

    fn locked_sources(&self) -> MutexGuard<'_, Vec<SourceSet>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sets of a chain that were begun and left, in that order; empty where there is no chain.
    #[must_use]
    pub fn sets(&self) -> Vec<SetCounts> {
        self.locked_sets().clone()
    }

    pub(crate) fn add_set(&self, set: SetCounts) {
        self.locked_sets().push(set);
    }

    fn locked_sets(&self) -> MutexGuard<'_, Vec<SetCounts>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RestoreCounts {
    /// Whether every record read has exactly one outcome.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.without_outcome() == 0 && self.outcomes() == self.records_read
    }

    /// Records that were read and have no outcome yet.
    pub(crate) fn without_outcome(&self) -> u64 {
        self.records_read.saturating_sub(self.outcomes())
    }

    fn outcomes(&self) -> u64 {
        let outcomes = [
            self.expired,
            self.skipped,
            self.ignored,
            self.fresher,
            self.existed,
            self.inserted,
            self.failed,
            self.not_sent,
        ];
        outcomes.iter().sum()
    }
}

/// Whole milliseconds of a duration, for a counter.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
