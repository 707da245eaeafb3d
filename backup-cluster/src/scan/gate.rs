//! How many scans of ours a node takes at a time (`wire-scan.md` §1, result 22).
//!
//! Nobody tells the limit of a node, nor how much of it other clients use. So scans begin freely
//! until one is refused. From then on no more of them run on that node than it has taken: the others
//! wait, without a connection, until one of ours ends. Now and then a single one of them tries
//! whether there is more room; while it is refused, the pauses between such tries grow.

use crate::{retry::RetryPolicy, view::NodeName};
use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Pauses between tries for more room, while scans of ours run on the node.
const TRIES: RetryPolicy = RetryPolicy {
    attempts: u32::MAX,
    base: Duration::from_secs(1),
    multiplier: 2.0,
    max_pause: Duration::from_secs(30),
};

/// What the scans of a run know about the room on the nodes. They share it.
#[derive(Debug, Default)]
pub struct ScanGate {
    nodes: Mutex<HashMap<NodeName, Room>>,
    /// Somebody has left, or has found room.
    changed: Notify,
}

/// The room on one node.
#[derive(Debug)]
struct Room {
    /// Scans of ours, those included that are not answered yet.
    running: usize,
    /// As many as the node takes; `None` = no limit was met yet.
    most: Option<usize>,
    /// Tries for more room in a row that were refused.
    tries: u32,
    /// Refusals in a row while no scan of ours was running: others fill the node.
    alone: u32,
    /// When one more may be tried.
    next_try: Instant,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            running: 0,
            most: None,
            tries: 0,
            alone: 0,
            next_try: Instant::now(),
        }
    }
}

/// A scan's place on a node, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<ScanGate>,
    node: NodeName,
    /// It is one more than the node was known to take.
    is_try: bool,
    accepted: AtomicBool,
}

impl ScanGate {
    /// Waits until `node` can be expected to take one more scan.
    pub(super) async fn enter(self: &Arc<Self>, node: &NodeName) -> Place {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable(); // before looking: nothing may be missed in between
            match self.try_enter(node) {
                Ok(is_try) => {
                    return Place {
                        gate: Arc::clone(self),
                        node: node.clone(),
                        is_try,
                        accepted: AtomicBool::new(false),
                    };
                }
                Err(later) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(later) => {}
                },
            }
        }
    }

    /// Enters, and says whether that is a try; or says when one may be made.
    fn try_enter(&self, node: &NodeName) -> Result<bool, Instant> {
        let mut rooms = self.rooms();
        let room = rooms.entry(node.clone()).or_default();
        let is_full = room.most.is_some_and(|most| room.running >= most);
        let now = Instant::now();
        if is_full && now < room.next_try {
            return Err(room.next_try);
        }
        if is_full {
            room.put_off(TRIES.pause(room.tries.saturating_add(1)));
        }
        room.running = room.running.saturating_add(1);
        Ok(is_full)
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<NodeName, Room>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn put_off(&mut self, pause: Duration) {
        let now = Instant::now();
        self.next_try = now.checked_add(pause).unwrap_or(now);
    }

    /// The node takes no more than run there without the one that was refused.
    fn refuse(&mut self, is_try: bool, policy: &RetryPolicy) -> Option<u32> {
        let others = self.running.saturating_sub(1);
        self.most = Some(others);
        if others > 0 {
            self.alone = 0;
            self.tries = self.tries.saturating_add(u32::from(is_try));
            self.put_off(TRIES.pause(self.tries.max(1)));
            return None;
        }
        self.alone = self.alone.saturating_add(1);
        self.put_off(policy.pause(self.alone));
        policy.is_exhausted(self.alone).then_some(self.alone)
    }
}

impl Place {
    /// The node has begun to answer.
    pub(super) fn accept(&self) {
        if self.accepted.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut rooms = self.gate.rooms();
        let Some(room) = rooms.get_mut(&self.node) else {
            return;
        };
        room.alone = 0;
        room.most = room.most.map(|most| most.max(room.running));
        if self.is_try {
            room.tries = 0;
            room.next_try = Instant::now();
            drop(rooms);
            self.gate.changed.notify_waiters();
        }
    }

    /// Whether the node had begun to answer.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The node has refused. `None`: [`ScanGate::enter`] will wait until it is worth a new try.
    /// Otherwise it was refused so many times in a row, while none of our scans ran there, and
    /// `policy` allows no more.
    pub(super) fn refused(self, policy: &RetryPolicy) -> Option<u32> {
        let mut rooms = self.gate.rooms();
        let room = rooms.get_mut(&self.node)?;
        if room.most.is_none() {
            tracing::info!(node = %self.node, "the node runs as many scans as it may; others wait");
        }
        room.refuse(self.is_try, policy)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(room) = self.gate.rooms().get_mut(&self.node) {
            room.running = room.running.saturating_sub(1);
        }
        self.gate.changed.notify_waiters();
    }
}
