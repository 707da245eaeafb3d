//! One namespace of one node on its way to a data centre.

use super::{
    dc::Rewind,
    lane::{Lane, Queue},
};
use crate::{
    namespace::{Namespace, PARTITIONS},
    record::DigestBytes,
    request::State,
    sync::lock,
};
use rustls::ClientConfig;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Records per second of a namespace, unless configured.
const DEFAULT_THROUGHPUT: u32 = 100_000;

/// Enough for a TLS handshake.
const STACK_BYTES: usize = 512 << 10;

/// What is configured about a namespace of a data centre, and may change while it is shipped.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Records per second.
    pub(crate) max_throughput: AtomicU32,
    /// Ships what itself came through XDR.
    pub(crate) forward: AtomicBool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_throughput: AtomicU32::new(DEFAULT_THROUGHPUT),
            forward: AtomicBool::new(false),
        }
    }
}

/// What is to be shipped from where to where.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) node: usize,
    /// Index of the namespace.
    pub(crate) namespace: usize,
    pub(crate) addresses: Vec<String>,
    pub(crate) tls_name: Option<String>,
    pub(crate) rewind: Rewind,
    pub(crate) settings: Arc<Settings>,
}

/// What happened so far, as statistics tell it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) success: AtomicU64,
    pub(crate) not_found: AtomicU64,
    pub(crate) retry_conn_reset: AtomicU64,
    pub(crate) retry_dest: AtomicU64,
    pub(crate) retry_no_node: AtomicU64,
    pub(crate) bytes_shipped: AtomicU64,
    pub(crate) recoveries: AtomicU64,
    pub(crate) recoveries_pending: AtomicU64,
    pub(crate) in_progress: AtomicU64,
    /// Messages sent, for faults that count them.
    pub(crate) sent: AtomicU64,
}

/// What there is to say about a record that is no more.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    pub(crate) set: Vec<u8>,
    pub(crate) generation: u16,
    pub(crate) lut_ms: u64,
    pub(crate) durable: bool,
}

/// Ships a namespace from a node.
#[derive(Debug)]
pub(crate) struct Shipper {
    pub(crate) target: Target,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Records updated before, in milliseconds since the CL epoch, are not recovered.
    pub(crate) since_ms: u64,
    pub(crate) tally: Tally,
    lanes: Vec<Lane>,
    stopped: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// From when on the throughput allows the next record.
    free_at: Mutex<Instant>,
}

/// The figures of [`Shipper::figures`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) lag_s: u64,
    pub(crate) in_queue: u64,
    pub(crate) recoveries_pending: u64,
}

impl Shipper {
    /// A shipper that knows which partitions it has to recover.
    pub(crate) fn new(
        state: &Arc<State>,
        target: Target,
        tls: Option<Arc<ClientConfig>>,
    ) -> Arc<Self> {
        let since_ms = match target.rewind {
            Rewind::All => 0,
            Rewind::Nothing => u64::MAX,
            Rewind::Seconds(s) => state.clock.now_ms().saturating_sub(s.saturating_mul(1000)),
        };
        let lanes = state.xdr.shipping().connections.clamp(1, PARTITIONS);
        let shipper = Self {
            target,
            tls,
            since_ms,
            tally: Tally::default(),
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            stopped: AtomicBool::new(false),
            threads: Mutex::default(),
            free_at: Mutex::new(Instant::now()),
        };
        for number in 0..lanes {
            shipper.look_at_owners(state, number);
        }
        Arc::new(shipper)
    }

    /// Starts its threads.
    pub(crate) fn run(shipper: &Arc<Self>, state: &Arc<State>) {
        for number in 0..shipper.lanes.len() {
            let (own, state) = (Arc::clone(shipper), Arc::clone(state));
            let builder = thread::Builder::new()
                .name("asnode-xdr".into())
                .stack_size(STACK_BYTES);
            // Without a thread the lane stays as it is, and its partitions wait for ever.
            if let Ok(thread) = builder.spawn(move || Lane::run(&own, &state, number)) {
                lock(&shipper.threads).push(thread);
            }
        }
    }

    /// The lanes, by number.
    pub(super) fn lane(&self, number: usize) -> &Lane {
        &self.lanes[number % self.lanes.len()]
    }

    /// Whether it ships a change in a namespace, of a partition with this master.
    pub(super) fn wants(&self, namespace: usize, master: Option<usize>, from_xdr: bool) -> bool {
        self.target.namespace == namespace
            && master == Some(self.target.node)
            && (!from_xdr || self.target.settings.forward.load(Ordering::Relaxed))
    }

    /// Queues a change of a record in partition `p`.
    pub(super) fn push(&self, p: usize, digest: DigestBytes, gone: Option<Gone>) {
        self.lane(p).push(digest, gone);
    }

    /// Lets lane `number` recover the partitions that the node masters since it looked last.
    pub(super) fn look_at_owners(&self, state: &State, number: usize) {
        let (namespace, node) = (self.target.namespace, self.target.node);
        let generation = state.topology.partition_generation();
        let mut queue = lock(&self.lane(number).queue);
        if queue.generation == Some(generation) {
            return;
        }
        queue.generation = Some(generation);
        let own = (number..PARTITIONS).step_by(self.lanes.len());
        let is_master = |p: &usize| state.topology.owners(namespace, *p).first() == Some(&node);
        let mastered: HashSet<usize> = own.filter(is_master).collect();
        let mut new: Vec<_> = mastered.difference(&queue.mastered).copied().collect();
        new.sort_unstable();
        if self.since_ms < u64::MAX {
            let count = new.len() as u64;
            self.tally.recoveries.fetch_add(count, Ordering::Relaxed);
            let pending = &self.tally.recoveries_pending;
            pending.fetch_add(count, Ordering::Release);
            queue.recover.extend(new);
        }
        queue.mastered = mastered;
    }

    /// Lets `records` pass at the configured rate; waits as long as it has to.
    pub(super) fn pace(&self, records: u32) {
        let rate = self.target.settings.max_throughput.load(Ordering::Relaxed);
        if rate == 0 {
            return;
        }
        let now = Instant::now();
        let wait = {
            let mut free_at = lock(&self.free_at);
            let start = (*free_at).max(now);
            *free_at = start + Duration::from_secs(1) * records / rate;
            start.saturating_duration_since(now)
        };
        let end = now + wait;
        while !self.is_stopped() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10).min(wait));
        }
    }

    /// How far it has come.
    pub(crate) fn figures(&self) -> Figures {
        let now = Instant::now();
        let mut figures = Figures {
            lag_s: 0,
            in_queue: 0,
            recoveries_pending: self.tally.recoveries_pending.load(Ordering::Acquire),
        };
        for lane in &self.lanes {
            let queue = lock(&lane.queue);
            figures.in_queue += queue.changes.len() as u64;
            let age = queue.oldest().map(|since| now.duration_since(since));
            figures.lag_s = figures.lag_s.max(age.map_or(0, |age| age.as_secs()));
        }
        figures
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Ends its connections and tells its threads to end.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        for lane in &self.lanes {
            lane.stop();
        }
    }

    /// Waits for its threads; not to be called by one of them.
    pub(crate) fn join(&self) {
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            let _ended = thread.join();
        }
    }

    /// The digests of partition `p` that are to be recovered.
    pub(super) fn recovery(&self, namespace: &Namespace, p: usize) -> Vec<DigestBytes> {
        let records = namespace.records(p);
        let recent = records.iter();
        let recent = recent.filter(|(_, record)| record.lut_ms() >= self.since_ms);
        recent.map(|(digest, _)| *digest).collect()
    }
}

impl Queue {
    /// Since when the oldest change waits that was not acknowledged.
    fn oldest(&self) -> Option<Instant> {
        let waiting = self.changes.front().and_then(|item| item.since);
        self.in_flight.into_iter().chain(waiting).min()
    }
}
