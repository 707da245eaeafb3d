//! One connection of a shipper, the partitions that go over it, and the thread that serves both.

use super::{
    link::Link,
    shipper::{Gone, Shipper},
    shipping::Shipping,
};
use crate::{
    namespace::{Namespace, PARTITIONS},
    record::{DigestBytes, StoredRecord},
    request::State,
    sync::lock,
};
use aerospike_wire::{
    digest::Digest,
    op,
    xdr::{Change, NEVER_EXPIRES, Shipment},
};
use std::{
    collections::{HashSet, VecDeque},
    net::{Shutdown, TcpStream},
    sync::{Condvar, Mutex, PoisonError, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

/// How long a lane without work waits before it looks round.
const IDLE: Duration = Duration::from_millis(20);

/// Pause before a connection that failed is made again.
const RECONNECT: Duration = Duration::from_millis(20);

/// Bytes of a window of records, about.
const WINDOW_BYTES: usize = 512 << 10;

/// What others know of a lane.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(super) queue: Mutex<Queue>,
    wake: Condvar,
    /// The connection, to be shut down by others.
    socket: Mutex<Option<TcpStream>>,
}

/// What is to be shipped.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(super) changes: VecDeque<Item>,
    /// Partitions to recover …
    pub(super) recover: VecDeque<usize>,
    /// … of those that the node masters …
    pub(super) mastered: HashSet<usize>,
    /// … by the map of this generation.
    pub(super) generation: Option<i64>,
    /// Since when the oldest change waits that was sent and not acknowledged.
    pub(super) in_flight: Option<Instant>,
}

/// A record to be shipped.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    digest: DigestBytes,
    /// What is said if it should be gone.
    gone: Option<Gone>,
    /// When it changed; `None`: it is recovered.
    pub(super) since: Option<Instant>,
}

impl Lane {
    pub(super) fn push(&self, digest: DigestBytes, gone: Option<Gone>) {
        let since = Some(Instant::now());
        let item = Item {
            digest,
            gone,
            since,
        };
        lock(&self.queue).changes.push_back(item);
        self.wake.notify_one();
    }

    pub(super) fn stop(&self) {
        if let Some(socket) = lock(&self.socket).as_ref() {
            // A socket that is closed already needs no closing.
            let _closed = socket.shutdown(Shutdown::Both);
        }
        self.wake.notify_all();
    }

    /// Ships until it is told to stop.
    pub(super) fn run(shipper: &Shipper, state: &State, number: usize) {
        let Some(namespace) = state.namespaces.get(shipper.target.namespace) else {
            return;
        };
        let mut worker = Worker {
            shipper,
            state,
            namespace,
            lane: shipper.lane(number),
            link: None,
            recovery: None,
            again: VecDeque::new(),
        };
        while !shipper.is_stopped() {
            shipper.look_at_owners(state, number);
            let shipping = state.xdr.shipping();
            let items = worker.take(&shipping);
            if !items.is_empty() {
                worker.ship(items, &shipping);
            }
        }
    }

    /// Waits for a change, not for long.
    fn idle(&self) {
        let queue = lock(&self.queue);
        if queue.changes.is_empty() {
            let waited = self.wake.wait_timeout(queue, IDLE);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// The thread of a lane.
struct Worker<'a> {
    shipper: &'a Shipper,
    state: &'a State,
    namespace: &'a Namespace,
    lane: &'a Lane,
    link: Option<Link>,
    /// What is left of the partition in recovery.
    recovery: Option<VecDeque<DigestBytes>>,
    /// What was sent and not acknowledged.
    again: VecDeque<Item>,
}

impl Worker<'_> {
    /// The records of the next window: those that failed, then changes, then recovery.
    fn take(&mut self, shipping: &Shipping) -> Vec<Item> {
        if shipping.paused {
            thread::sleep(IDLE);
            return Vec::new();
        }
        let window = shipping.window.max(1);
        let mut items: Vec<Item> = Vec::with_capacity(window);
        while let Some(item) = self.again.pop_front() {
            items.push(item);
        }
        {
            let mut queue = lock(&self.lane.queue);
            while items.len() < window
                && let Some(item) = queue.changes.pop_front()
            {
                items.push(item);
            }
            queue.in_flight = items.iter().filter_map(|item| item.since).min();
        }
        if items.len() < window {
            self.recover(&mut items, window);
        }
        if items.is_empty() {
            self.lane.idle();
        }
        items
    }

    /// Adds records of the partition in recovery, and ends it when all are shipped.
    fn recover(&mut self, items: &mut Vec<Item>, window: usize) {
        while items.len() < window {
            let digests = match &mut self.recovery {
                Some(digests) => digests,
                None => {
                    let Some(p) = lock(&self.lane.queue).recover.pop_front() else {
                        return;
                    };
                    let digests = self.shipper.recovery(self.namespace, p % PARTITIONS);
                    self.recovery.insert(digests.into())
                }
            };
            while items.len() < window
                && let Some(digest) = digests.pop_front()
            {
                items.push(Item {
                    digest,
                    gone: None,
                    since: None,
                });
            }
            if digests.is_empty() && !items.is_empty() {
                return; // not before these are acknowledged
            }
            if digests.is_empty() {
                self.finish_recovery();
            }
        }
    }

    fn finish_recovery(&mut self) {
        self.recovery = None;
        let pending = &self.shipper.tally.recoveries_pending;
        pending.fetch_sub(1, Ordering::Release);
    }

    /// Sends a window of records and waits until each is acknowledged or failed.
    fn ship(&mut self, mut items: Vec<Item>, shipping: &Shipping) {
        if shipping.reorder && all_differ(&items) {
            items.reverse();
        }
        let tally = &self.shipper.tally;
        self.shipper
            .pace(u32::try_from(items.len()).unwrap_or(u32::MAX));
        let mut link = match self.link.take() {
            Some(link) => link,
            None => match Link::connect(self.shipper) {
                Ok(link) => link,
                Err(_refused) => {
                    tally.retry_no_node.fetch_add(1, Ordering::Relaxed);
                    self.again.extend(items);
                    thread::sleep(RECONNECT);
                    return;
                }
            },
        };
        *lock(&self.lane.socket) = link.closer();
        if self.shipper.is_stopped() {
            return; // the socket may have come too late for who stops it
        }
        let mut messages = Vec::new();
        let mut sent = Vec::with_capacity(items.len());
        let mut rest = items.into_iter();
        for item in rest.by_ref() {
            let start = messages.len();
            self.encode(&item, &mut messages);
            if messages.len() == start {
                tally.not_found.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let end = messages.len();
            sent.push((item, start..end));
            if end > WINDOW_BYTES {
                break;
            }
        }
        self.again.extend(rest);
        tally
            .in_progress
            .fetch_add(sent.len() as u64, Ordering::Relaxed);
        let ranges: Vec<_> = sent.iter().map(|(_, range)| range.clone()).collect();
        let outcome = link.exchange(&messages, &ranges, shipping, tally);
        tally
            .in_progress
            .fetch_sub(sent.len() as u64, Ordering::Relaxed);
        let mut failed: Vec<Item> = Vec::new();
        for (at, (item, range)) in sent.into_iter().enumerate() {
            match outcome.results.get(at) {
                Some(true) => {
                    tally.success.fetch_add(1, Ordering::Relaxed);
                    let bytes = range.len() as u64;
                    tally.bytes_shipped.fetch_add(bytes, Ordering::Relaxed);
                }
                Some(false) => {
                    tally.retry_dest.fetch_add(1, Ordering::Relaxed);
                    failed.push(item);
                }
                None => {
                    tally.retry_conn_reset.fetch_add(1, Ordering::Relaxed);
                    failed.push(item);
                }
            }
        }
        let is_done = failed.is_empty() && self.again.is_empty();
        failed.extend(std::mem::take(&mut self.again));
        self.again = failed.into();
        if outcome.is_open {
            self.link = Some(link);
        }
        if is_done {
            lock(&self.lane.queue).in_flight = None;
            if self.recovery.as_ref().is_some_and(VecDeque::is_empty) {
                self.finish_recovery();
            }
        }
    }

    /// Appends the message of a record as it is now; none, if there is nothing to say.
    fn encode(&self, item: &Item, out: &mut Vec<u8>) {
        let p = Namespace::partition_of(&item.digest);
        let records = self.namespace.records(p);
        let now_s = self.state.clock.now_s();
        let found = records.get(&item.digest);
        match (found.filter(|record| !record.is_expired(now_s)), &item.gone) {
            (Some(record), _) => self.encode_record(&item.digest, record, now_s, out),
            (None, Some(gone)) => {
                let shipment = Shipment {
                    set: &gone.set,
                    generation: gone.generation,
                    last_update_ms: gone.lut_ms,
                    ttl: 0,
                    ..self.shipment(
                        &item.digest,
                        Change::Delete {
                            durable: gone.durable,
                        },
                    )
                };
                shipment.encode(out);
            }
            (None, None) => {}
        }
    }

    fn encode_record(
        &self,
        digest: &DigestBytes,
        record: &StoredRecord,
        now_s: u32,
        out: &mut Vec<u8>,
    ) {
        let mut ops = Vec::with_capacity(record.bin_bytes().len());
        for bin in record.bins() {
            op::put(&mut ops, op::code::WRITE, bin.particle, bin.name, bin.value);
        }
        let change = Change::Write {
            n_ops: record.n_bins(),
            ops: &ops,
        };
        let shipment = Shipment {
            set: record.set(),
            key: record.key(),
            generation: record.generation(),
            last_update_ms: record.lut_ms(),
            ttl: match record.void_time() {
                0 => NEVER_EXPIRES,
                void_time => void_time.saturating_sub(now_s).max(1),
            },
            ..self.shipment(digest, change)
        };
        shipment.encode(out);
    }

    fn shipment<'s>(&'s self, digest: &DigestBytes, change: Change<'s>) -> Shipment<'s> {
        Shipment {
            namespace: self.namespace.name().as_bytes(),
            digest: Digest(*digest),
            set: &[],
            key: None,
            generation: 1,
            ttl: NEVER_EXPIRES,
            last_update_ms: 0,
            change,
        }
    }
}

/// Versions of one record stay in their order.
fn all_differ(items: &[Item]) -> bool {
    let distinct: HashSet<_> = items.iter().map(|item| item.digest).collect();
    distinct.len() == items.len()
}
