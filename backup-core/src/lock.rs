//! One run for each target: the lock beside the data (`files-and-state.md` §5.2, goal R15).
//!
//! A lock is a small file that exactly one run can create. It says who holds it, and until when;
//! its holder refreshes it long before. So a target becomes free again though nobody may delete
//! anything there: a lock that has expired, or whose process on this machine is gone, can be
//! taken over, by comparing and swapping, so that again exactly one run wins.
//!
//! Expiry goes by the clocks of the machines: they may differ by less than [`LIFETIME`] minus
//! [`REFRESH_AFTER`].

pub(crate) mod keeper;
mod process;

use self::process::ProcessId;
use crate::names::{SetNames, Shard, SmallFile};
use backup_storage::{EntryKind, ErrorKind, Store, StoreExt};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a lock lasts without being refreshed.
pub const LIFETIME: Duration = Duration::from_secs(300);

/// How often its holder is to refresh it.
pub const REFRESH_AFTER: Duration = Duration::from_secs(60);

/// Who waits for the end of a lock looks this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the file says it is.
const FORMAT: &str = "absctl-lock";

/// Raised only when an older reader must refuse it.
const VERSION: u32 = 1;

/// Largest lock that is read, in bytes.
const LIMIT_BYTES: u64 = 64 << 10;

/// How often a lock may slip away between two looks at it.
const ATTEMPTS: u32 = 100;

/// An id for a new run: 32 hexadecimal digits.
#[must_use]
pub fn new_run_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

/// What a run says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// Id of the run, the same for its continuations and for all its shards.
    pub run: String,
    /// Number of the first file that it will write.
    pub first_file: u64,
    /// Which part of the run.
    pub shard: Option<Shard>,
}

/// Who holds a lock. The content of the file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    format: String,
    version: u32,
    /// Id of the run.
    pub run: String,
    #[serde(flatten)]
    process: ProcessId,
    /// When the run took the lock, milliseconds since 1970-01-01 UTC.
    pub started_ms: u64,
    /// When the lock ends unless it is refreshed, likewise.
    pub expires_ms: u64,
    /// Number of the first file of the run.
    pub first_file: u64,
    /// Number of the shard, from 1; 0 without shards.
    #[serde(default)]
    pub shard: u16,
    /// Number of shards; 0 without.
    #[serde(default)]
    pub shards: u16,
}

impl Holder {
    fn new(request: &LockRequest, now: SystemTime) -> Self {
        let (shard, shards) = request
            .shard
            .map_or((0, 0), |shard| (shard.number, shard.count));
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            run: request.run.clone(),
            process: ProcessId::own(),
            started_ms: millis(now),
            expires_ms: 0,
            first_file: request.first_file,
            shard,
            shards,
        }
        .refreshed(now)
    }

    fn refreshed(&self, now: SystemTime) -> Self {
        let lifetime = u64::try_from(LIFETIME.as_millis()).unwrap_or(u64::MAX);
        Self {
            expires_ms: millis(now).saturating_add(lifetime),
            ..self.clone()
        }
    }

    /// Name of the machine.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.process.host
    }

    /// Number of the process.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Whether the run may still be going on: its time has not come, and its process is not
    /// known to be gone.
    #[must_use]
    pub fn is_live(&self, now: SystemTime) -> bool {
        millis(now) < self.expires_ms && !self.process.is_gone()
    }

    /// Whether this machine can see whether the process is gone. A lock of one that cannot be
    /// looked up ends only with its time.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.process.is_visible()
    }

    /// The content of a lock file; `None` for anything else.
    #[must_use]
    pub fn decode(content: &[u8]) -> Option<Self> {
        let holder: Self = serde_json::from_slice(content).ok()?;
        (holder.format == FORMAT && holder.version == VERSION).then_some(holder)
    }

    fn encode(&self) -> Result<Vec<u8>, LockError> {
        let mut content = serde_json::to_vec_pretty(self).map_err(|error| LockError::Internal {
            reason: error.to_string(),
        })?;
        content.push(b'\n');
        Ok(content)
    }
}

/// `process 17 on host db1 (run 0123…)`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pid, host) = (self.pid(), self.host());
        write!(f, "process {pid} on host {host} (run {}", self.run)?;
        if self.shards > 0 {
            write!(f, ", shard {} of {}", self.shard, self.shards)?;
        }
        f.write_str(")")
    }
}

/// Why a lock is not ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another run is writing there.
    #[error("another backup is writing there: {holder}; its lock {file} ends in {} s unless it is \
        refreshed", ends_in.as_secs())]
    Held {
        /// The lock.
        file: String,
        /// Who holds it.
        holder: Box<Holder>,
        /// What is left of its time.
        ends_in: Duration,
    },
    /// Another run took the lock over: this one did not refresh it in time.
    #[error("the lock {file} was lost to {holder}")]
    Lost {
        /// The lock.
        file: String,
        /// Who holds it now.
        holder: Box<Holder>,
    },
    /// The lock was removed by somebody else.
    #[error("the lock {file} was removed")]
    Removed {
        /// The lock.
        file: String,
    },
    /// The file is no lock, or that of a newer version.
    #[error("{file} is not a lock that is known here")]
    Foreign {
        /// The file.
        file: String,
    },
    /// The lock changes all the time.
    #[error("the lock {file} changes faster than it can be taken")]
    Restless {
        /// The lock.
        file: String,
    },
    /// Something about the storage.
    #[error(transparent)]
    Storage(#[from] backup_storage::Error),
    /// A defect.
    #[error("internal error: {reason}")]
    Internal {
        /// What happened.
        reason: String,
    },
}

impl LockError {
    /// Whether another run is in the way, for which there is an exit code.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. } | Self::Lost { .. })
    }
}

/// A lock that this run holds. Dropping it leaves the file; see [`release`](Self::release).
#[derive(Debug)]
pub struct Lock {
    store: Arc<dyn Store>,
    name: String,
    holder: Holder,
    content: Vec<u8>,
    replaced: Option<Box<Holder>>,
}

impl Lock {
    /// Takes the lock `name` in `store`. `now` is the time, here and below.
    ///
    /// # Errors
    /// [`LockError::Held`] when a live run has it; [`LockError::Foreign`] when the file is no
    /// lock. A lock that has ended is taken over, see [`replaced`](Self::replaced).
    pub fn acquire(
        store: Arc<dyn Store>,
        name: &str,
        request: &LockRequest,
        now: SystemTime,
    ) -> Result<Self, LockError> {
        let holder = Holder::new(request, now);
        let content = holder.encode()?;
        let mut lock = Self {
            name: name.to_owned(),
            store,
            holder,
            content,
            replaced: None,
        };
        for _ in 0..ATTEMPTS {
            if lock.try_acquire(now)? {
                return Ok(lock);
            }
        }
        let file = lock.file();
        Err(LockError::Restless { file })
    }

    /// `false` when the lock changed while it was looked at.
    fn try_acquire(&mut self, now: SystemTime) -> Result<bool, LockError> {
        match self.store.create_new(&self.name, &self.content) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        let Some((old, content)) = read(&*self.store, &self.name)? else {
            return Ok(false);
        };
        if old.is_live(now) {
            return Err(held(self.file(), old, now));
        }
        if !self.swap(&content)? {
            return Ok(false);
        }
        self.replaced = Some(Box::new(old));
        Ok(true)
    }

    /// Puts our content over `expected`; `false` when that is not there any more.
    fn swap(&self, expected: &[u8]) -> Result<bool, LockError> {
        match self.store.replace(&self.name, expected, &self.content) {
            Ok(()) => Ok(true),
            Err(error) if is_swap_lost(error.kind()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves the end of the lock [`LIFETIME`] from now. To be called every [`REFRESH_AFTER`].
    ///
    /// # Errors
    /// [`LockError::Lost`] or [`LockError::Removed`]: the run must stop. Errors of the storage
    /// leave the lock as it is; refreshing may be tried again.
    pub fn refresh(&mut self, now: SystemTime) -> Result<(), LockError> {
        let holder = self.holder.refreshed(now);
        let content = holder.encode()?;
        match self.store.replace(&self.name, &self.content, &content) {
            Ok(()) => {}
            Err(error) if is_swap_lost(error.kind()) => self.own_again(&content)?,
            Err(error) => return Err(error.into()),
        }
        (self.holder, self.content) = (holder, content);
        Ok(())
    }

    /// A refresh whose answer was lost has happened all the same.
    fn own_again(&self, content: &[u8]) -> Result<(), LockError> {
        let file = self.file();
        match read(&*self.store, &self.name)? {
            None => Err(LockError::Removed { file }),
            Some((_, found)) if found == content => Ok(()),
            Some((holder, _)) => Err(LockError::Lost {
                file,
                holder: Box::new(holder),
            }),
        }
    }

    /// Removes the lock at the end of the run, if it is still ours.
    ///
    /// # Errors
    /// When it cannot be removed; where deleting is not allowed it ends by itself, see
    /// [`LIFETIME`].
    pub fn release(self) -> Result<(), LockError> {
        match read(&*self.store, &self.name)? {
            Some((_, found)) if found == self.content => {}
            _ => return Ok(()),
        }
        match self.store.delete(&[&self.name]) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => self.end_now(),
            deleted => Ok(deleted?),
        }
    }

    /// Where nothing may be deleted, the lock is made one that has ended.
    fn end_now(self) -> Result<(), LockError> {
        let ended = Holder {
            expires_ms: 0,
            ..self.holder
        };
        let content = ended.encode()?;
        Ok(self.store.replace(&self.name, &self.content, &content)?)
    }

    /// Path or URL, for messages.
    #[must_use]
    pub fn file(&self) -> String {
        self.store.location_of(&self.name)
    }

    /// What this run says of itself.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Whose lock had ended and was taken over: to be told to the user.
    #[must_use]
    pub fn replaced(&self) -> Option<&Holder> {
        self.replaced.as_deref()
    }

    /// Looks whether another run works in the same place under another lock: another namespace
    /// or prefix, or shards of another run. To be called after the lock was taken, so that of
    /// two runs at least one sees the other.
    ///
    /// # Errors
    /// [`LockError::Held`].
    pub fn check_alone(&self, now: SystemTime) -> Result<(), LockError> {
        for (name, holder) in live_locks(&*self.store, now)? {
            if name != self.name && holder.run != self.holder.run {
                return Err(held(self.store.location_of(&name), holder, now));
            }
        }
        Ok(())
    }
}

/// The locks in a directory whose runs may still be going on, by name. A lock that cannot be
/// read as one is left out.
///
/// # Errors
/// When the directory cannot be listed or a lock cannot be read.
pub fn live_locks(
    store: &dyn Store,
    now: SystemTime,
) -> Result<Vec<(String, Holder)>, backup_storage::Error> {
    let mut found = locks(store)?;
    found.retain(|(_, holder)| holder.is_live(now));
    Ok(found)
}

/// All locks of a directory, or that of a single file, ended ones included.
///
/// # Errors
/// When the directory cannot be listed or a lock cannot be read.
pub fn locks(store: &dyn Store) -> Result<Vec<(String, Holder)>, backup_storage::Error> {
    let names = match store.single_name() {
        _ if !store.capabilities().named => Vec::new(),
        Some(file) => vec![SetNames::single(file).lock()],
        None => match store.list() {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            entries => entries?
                .into_iter()
                .filter(|entry| entry.kind == EntryKind::File)
                .map(|entry| entry.name)
                .filter(|name| SmallFile::of(name) == Some(SmallFile::Lock))
                .collect(),
        },
    };
    let mut found = Vec::new();
    for name in names {
        match read(store, &name) {
            Ok(holder) => found.extend(holder.map(|(holder, _)| (name, holder))),
            Err(LockError::Storage(error)) => return Err(error),
            Err(_) => {} // foreign: somebody else's idea of a lock
        }
    }
    Ok(found)
}

/// `None` when there is none.
fn read(store: &dyn Store, name: &str) -> Result<Option<(Holder, Vec<u8>)>, LockError> {
    let foreign = || LockError::Foreign {
        file: store.location_of(name),
    };
    let content = match store.read_small(name, LIMIT_BYTES) {
        Err(error) => match error.kind() {
            ErrorKind::NotFound => return Ok(None),
            ErrorKind::WrongSize { .. } => return Err(foreign()),
            _ => return Err(error.into()),
        },
        Ok(content) => content,
    };
    let holder = Holder::decode(&content).ok_or_else(foreign)?;
    Ok(Some((holder, content)))
}

/// Waits until the lock `name` of a process that nobody here can look up has ended, if its run is
/// `run`. That is how a part of a run gets its place again when its machine is gone: whoever still
/// holds the lock refreshes it, and is seen to be alive by that.
///
/// # Errors
/// [`LockError::Held`] by a process that is seen to be alive, or by another run. Returns early
/// when `stop` says so.
pub fn wait_for_own(
    store: &dyn Store,
    name: &str,
    run: &str,
    stop: impl Fn() -> bool,
) -> Result<(), LockError> {
    let mut first: Option<Holder> = None;
    while !stop() {
        let Some((holder, _)) = read(store, name)? else {
            return Ok(());
        };
        let now = SystemTime::now();
        if !holder.is_live(now) {
            return Ok(());
        }
        let is_other = |first: &Holder| *first != holder;
        if holder.run != run || holder.is_visible() || first.as_ref().is_some_and(is_other) {
            return Err(held(store.location_of(name), holder, now));
        }
        let left = Duration::from_millis(holder.expires_ms.saturating_sub(millis(now)));
        if first.is_none() {
            let (file, left) = (store.location_of(name), left.as_secs());
            tracing::info!("{file} is held by {holder}; if it is gone, this ends in {left} s");
            first = Some(holder);
        }
        std::thread::sleep(left.min(LOOK_EVERY));
    }
    Ok(())
}

/// Whether nobody but processes of `run` is writing to `store` now.
///
/// # Errors
/// [`LockError::Held`] by a live process of another run, or what the storage says.
pub fn check_free_but_for(store: &dyn Store, run: &str, now: SystemTime) -> Result<(), LockError> {
    let mut live = live_locks(store, now)?.into_iter();
    match live.find(|(_, holder)| holder.run != run) {
        None => Ok(()),
        Some((name, holder)) => Err(held(store.location_of(&name), holder, now)),
    }
}

/// Whether nobody is writing to `store` now. A store that does not exist is free.
///
/// # Errors
/// [`LockError::Held`] by a live run, or what the storage says.
pub fn check_free(store: &dyn Store, now: SystemTime) -> Result<(), LockError> {
    let live = match live_locks(store, now) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        live => live?,
    };
    match live.into_iter().next() {
        None => Ok(()),
        Some((name, holder)) => Err(held(store.location_of(&name), holder, now)),
    }
}

fn held(file: String, holder: Holder, now: SystemTime) -> LockError {
    let ends_in = Duration::from_millis(holder.expires_ms.saturating_sub(millis(now)));
    LockError::Held {
        file,
        holder: Box::new(holder),
        ends_in,
    }
}

const fn is_swap_lost(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Changed | ErrorKind::NotFound)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
