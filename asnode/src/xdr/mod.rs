//! XDR of the Enterprise Edition: what nodes ship to data centres that info commands define
//! (`xdr-protocol.md`, `test-node.md` §8).
//!
//! A data centre ([`dc`]) belongs to one node, as on a real server, and is gone when the node is.
//! Each namespace that is added to one gets a [`shipper::Shipper`]: lanes, a connection and a thread
//! each, between which the partitions are shared out. A lane ships the records of its partitions as
//! they are when their turn comes, so that later versions never come before earlier ones: first all
//! of a partition as far as the rewind goes, at any time what was changed since.
//!
//! Not emulated: filters by set and bin, policies other than shipping whole records, compression,
//! hot keys, destinations that are Aerospike clusters. `disable-mrt-writes` is a setting of the
//! namespace on all nodes at once.

mod dc;
mod lane;
mod link;
mod shipper;
mod shipping;

pub(crate) use self::dc::{Dc, DcNamespace, Rewind};
pub(crate) use self::shipper::Target;
pub use self::shipping::Shipping;

use crate::{
    namespace::Namespace,
    record::{DigestBytes, StoredRecord},
    request::State,
    sync::{lock, read, write},
};
use rustls::ClientConfig;
use shipper::{Gone, Shipper};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

/// All data centres of all nodes.
#[derive(Debug)]
pub(crate) struct Xdr {
    state: OnceLock<Weak<State>>,
    nodes: Vec<Mutex<BTreeMap<String, Dc>>>,
    /// Everybody who wants to know of changes.
    shippers: RwLock<Vec<Arc<Shipper>>>,
    /// Whether there is any.
    armed: AtomicBool,
    shipping: RwLock<Shipping>,
    tls: Option<Arc<ClientConfig>>,
}

/// How a record changed; what is left of it can only be told by who changed it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    Written,
    /// This one is gone.
    Deleted {
        record: &'a StoredRecord,
        durable: bool,
    },
}

impl Xdr {
    pub(crate) fn new(nodes: usize, shipping: Shipping, tls: Option<Arc<ClientConfig>>) -> Self {
        Self {
            state: OnceLock::new(),
            nodes: (0..nodes).map(|_| Mutex::default()).collect(),
            shippers: RwLock::default(),
            armed: AtomicBool::new(false),
            shipping: RwLock::new(shipping),
            tls,
        }
    }

    /// Makes known whose it is, for the threads that it starts.
    pub(crate) fn belongs_to(&self, state: &Arc<State>) {
        // Set once, when the cluster starts.
        let _set = self.state.set(Arc::downgrade(state));
    }

    /// How nodes ship at the moment.
    pub(crate) fn shipping(&self) -> Shipping {
        *read(&self.shipping)
    }

    pub(crate) fn change_shipping(&self, change: impl FnOnce(&mut Shipping)) {
        change(&mut write(&self.shipping));
    }

    /// The data centres of a node, locked.
    pub(crate) fn with_node<T>(
        &self,
        node: usize,
        work: impl FnOnce(&mut BTreeMap<String, Dc>) -> T,
    ) -> Option<T> {
        self.nodes.get(node).map(|dcs| work(&mut lock(dcs)))
    }

    /// Starts to ship a namespace from a node.
    pub(crate) fn start(&self, target: Target) -> Option<Arc<Shipper>> {
        let state = self.state.get()?.upgrade()?;
        let shipper = Shipper::new(&state, target, self.tls.clone());
        write(&self.shippers).push(Arc::clone(&shipper));
        self.armed.store(true, Ordering::Release);
        // Only now: what is written from here on is in the queue as well.
        Shipper::run(&shipper, &state);
        Some(shipper)
    }

    /// Stops shippers and waits for their threads.
    pub(crate) fn stop(&self, stopped: Vec<Arc<Shipper>>) {
        let mut shippers = write(&self.shippers);
        shippers.retain(|shipper| !stopped.iter().any(|gone| Arc::ptr_eq(gone, shipper)));
        self.armed.store(!shippers.is_empty(), Ordering::Release);
        drop(shippers);
        for shipper in &stopped {
            shipper.stop();
        }
        for shipper in &stopped {
            shipper.join();
        }
    }

    /// Forgets all data centres of a node.
    pub(crate) fn stop_node(&self, node: usize) {
        let dcs = self.with_node(node, std::mem::take).unwrap_or_default();
        self.stop(dcs.into_values().flat_map(Dc::into_shippers).collect());
    }

    /// To be called while the partition of the record is still locked, so that changes of a record
    /// are queued in their order. `from_xdr`: the write itself came through XDR.
    #[inline]
    pub(crate) fn changed(
        &self,
        state: &State,
        namespace: &Namespace,
        digest: &DigestBytes,
        change: Change<'_>,
        from_xdr: bool,
    ) {
        if self.armed.load(Ordering::Acquire) {
            self.queue(state, namespace, digest, change, from_xdr);
        }
    }

    #[cold]
    fn queue(
        &self,
        state: &State,
        namespace: &Namespace,
        digest: &DigestBytes,
        change: Change<'_>,
        from_xdr: bool,
    ) {
        let Some((index, _)) = state.namespace(namespace.name().as_bytes()) else {
            return;
        };
        let p = Namespace::partition_of(digest);
        let master = state.topology.owners(index, p).first().copied();
        let gone = match change {
            Change::Written => None,
            Change::Deleted { record, durable } => Some(Gone {
                set: record.set().to_vec(),
                generation: record.generation().wrapping_add(1).max(1),
                lut_ms: state.clock.now_ms().max(record.lut_ms()),
                durable,
            }),
        };
        for shipper in read(&self.shippers).iter() {
            if shipper.wants(index, master, from_xdr) {
                shipper.push(p, *digest, gone.clone());
            }
        }
    }
}
