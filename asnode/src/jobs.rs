//! Scans that are running or have run on a node, as `query-show` tells of them
//! (`info-protocol.md` §10).

use crate::sync::lock;
use aerospike_wire::result_code::ResultCode;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    UserAborted,
    ResponseError,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It returns records.
    Basic,
    /// It writes to them and returns nothing.
    BackgroundOps,
}

/// A scan, query or background write.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) namespace: String,
    pub(crate) set: String,
    pub(crate) kind: Kind,
    /// Empty = no index.
    pub(crate) index_name: String,
    pub(crate) n_pids: usize,
    pub(crate) n_digests: usize,
    pub(crate) rps: u32,
    pub(crate) socket_timeout_ms: u32,
    pub(crate) from: String,
    /// Short queries do not count against the limit.
    pub(crate) is_short: bool,
    pub(crate) started: Instant,
    pub(crate) partitions_done: AtomicUsize,
    pub(crate) succeeded: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) abort: AtomicBool,
    pub(crate) end: Mutex<Option<(End, Instant)>>,
}

/// Jobs of one node.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    list: Mutex<Lists>,
    numbers: AtomicU64,
}

#[derive(Debug, Default)]
struct Lists {
    active: Vec<Arc<Job>>,
    done: VecDeque<Arc<Job>>,
}

impl Jobs {
    /// An id for a client that gave none.
    pub(crate) fn next_id(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Registers a job.
    ///
    /// # Errors
    /// 4: one with its id is running; 22: `limit` long ones are.
    pub(crate) fn start(&self, job: Job, limit: usize) -> Result<Arc<Job>, ResultCode> {
        let mut lists = lock(&self.list);
        if lists.active.iter().any(|other| other.id == job.id) {
            return Err(ResultCode::PARAMETER);
        }
        let long = lists.active.iter().filter(|other| !other.is_short).count();
        if !job.is_short && long >= limit {
            return Err(ResultCode::FORBIDDEN);
        }
        let job = Arc::new(job);
        lists.active.push(Arc::clone(&job));
        Ok(job)
    }

    /// Ends a job; `remembered`: finished ones that are kept (`query-max-done`).
    pub(crate) fn finish(&self, job: &Arc<Job>, end: End, remembered: usize) {
        *lock(&job.end) = Some((end, Instant::now()));
        let mut lists = lock(&self.list);
        lists.active.retain(|other| !Arc::ptr_eq(other, job));
        lists.done.push_front(Arc::clone(job));
        lists.done.truncate(remembered);
    }

    /// Running jobs first, then finished ones, newest first.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        let lists = lock(&self.list);
        lists
            .active
            .iter()
            .rev()
            .chain(&lists.done)
            .map(Arc::clone)
            .collect()
    }

    pub(crate) fn find(&self, id: u64) -> Option<Arc<Job>> {
        self.all().into_iter().find(|job| job.id == id)
    }

    /// Asks a running job to stop. `false`: there is none with this id.
    pub(crate) fn abort(&self, id: u64) -> bool {
        let lists = lock(&self.list);
        let job = lists.active.iter().find(|job| job.id == id);
        job.inspect(|job| job.abort.store(true, Ordering::Relaxed))
            .is_some()
    }

    /// Asks all running jobs to stop; returns their number.
    pub(crate) fn abort_all(&self) -> usize {
        let lists = lock(&self.list);
        lists
            .active
            .iter()
            .for_each(|job| job.abort.store(true, Ordering::Relaxed));
        lists.active.len()
    }
}

impl Job {
    /// The line of `query-show`.
    pub(crate) fn line(&self) -> String {
        let end = *lock(&self.end);
        let until = end.map_or_else(Instant::now, |(_, at)| at);
        let status = match end {
            None => "active(ok)",
            Some((End::Ok, _)) => "done(ok)",
            Some((End::UserAborted, _)) => "done(user-aborted)",
            Some((End::ResponseError, _)) => "done(abandoned-response-error)",
        };
        let set = if self.set.is_empty() {
            String::new()
        } else {
            format!("set={}:", self.set)
        };
        let index = if self.index_name.is_empty() {
            String::new()
        } else {
            format!("sindex-name={}:", self.index_name)
        };
        let (asked, active, kind) = match self.kind {
            Kind::Basic => {
                let asked = format!(
                    "n-pids-requested={}:n-keyds-requested={}:",
                    self.n_pids, self.n_digests
                );
                (asked, "", "basic")
            }
            Kind::BackgroundOps => (String::new(), ":ops-active=0", "background-ops"),
        };
        let total = (self.n_pids + self.n_digests).max(1);
        let progress = self.partitions_done.load(Ordering::Relaxed) * 10_000 / total;
        format!(
            "trid={}:ns={}:{set}{index}{asked}rps={}:active-threads={}{active}:\
             status={status}:job-progress={}.{:02}:run-time={}:time-since-done={}:recs-throttled=0:\
             recs-filtered-meta=0:recs-filtered-bins=0:recs-succeeded={}:recs-failed={}:from={}:\
             job-type={kind}:net-io-bytes=0:net-io-time=0:socket-timeout={}",
            self.id,
            self.namespace,
            self.rps,
            u8::from(end.is_none()),
            progress / 100,
            progress % 100,
            until.duration_since(self.started).as_millis(),
            end.map_or(0, |(_, at)| at.elapsed().as_millis()),
            self.succeeded.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
            self.from,
            self.socket_timeout_ms,
        )
    }
}
