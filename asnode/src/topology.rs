//! Which node is alive, and which partitions it holds. Only a table: no data ever moves.
//!
//! Clients learn of changes through two counters: the peers generation grows when a node comes
//! or goes, the partition generation when an owner changes (`info-protocol.md` §3, §4).

use crate::{
    namespace::PARTITIONS,
    ports::Doors,
    sync::{read, write},
};
use std::{
    net::SocketAddr,
    sync::{
        RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// What happens to the partitions of a node that dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeLoss {
    /// Its replicas, or without replicas the other nodes in turn, become masters: no record is
    /// lost, as after a clean takeover.
    Takeover,
    /// Partitions without another copy stay without an owner: their records cannot be reached
    /// until [`Cluster::set_owners`](crate::Cluster::set_owners) gives them one.
    DataUnavailable,
}

/// A node as the others see it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Upper-case hexadecimal id.
    pub(crate) id: String,
    /// The plain one.
    pub(crate) address: SocketAddr,
    /// All of them.
    pub(crate) doors: Doors,
    /// Empty without TLS.
    pub(crate) tls_name: String,
    pub(crate) alive: bool,
    /// Peers generation in which it came or went last.
    pub(crate) changed: u32,
}

/// Owners of one partition: the master, then the replicas; node indices.
type Owners = Vec<usize>;

#[derive(Debug)]
struct Table {
    members: Vec<Member>,
    /// Per namespace, per partition.
    owners: Vec<Vec<Owners>>,
    replication_factors: Vec<usize>,
    peers_generation: u32,
    partition_generation: u32,
}

/// The table behind a lock.
#[derive(Debug)]
pub(crate) struct Topology {
    table: RwLock<Table>,
    /// Whether partitions have owners yet …
    is_formed: AtomicBool,
    /// … and from when on they have; `None`: not by themselves.
    forms_at: Option<Instant>,
}

impl Topology {
    /// Partition p of each namespace: master p mod n, replica r on (p + r) mod n.
    pub(crate) fn new(mut members: Vec<Member>, replication_factors: Vec<usize>) -> Self {
        let n = members.len().max(1);
        let spread = |factor: &usize| {
            let copies = (*factor).clamp(1, n);
            (0..PARTITIONS)
                .map(|p| (0..copies).map(|r| (p + r) % n).collect())
                .collect()
        };
        let owners = replication_factors.iter().map(spread).collect();
        let peers_generation = if n == 1 {
            0
        } else {
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        members
            .iter_mut()
            .for_each(|m| m.changed = peers_generation);
        Self {
            table: RwLock::new(Table {
                members,
                owners,
                replication_factors,
                peers_generation,
                partition_generation: 0,
            }),
            is_formed: AtomicBool::new(true),
            forms_at: None,
        }
    }

    /// Nobody owns a partition for this long, from now on.
    pub(crate) fn formed_after(mut self, delay: Duration) -> Self {
        self.is_formed = AtomicBool::new(delay.is_zero());
        self.forms_at = Instant::now().checked_add(delay);
        self
    }

    /// Partitions have owners from now on.
    pub(crate) fn form(&self) {
        self.is_formed.store(true, Ordering::Release);
    }

    pub(crate) fn is_formed(&self) -> bool {
        if self.is_formed.load(Ordering::Acquire) {
            return true;
        }
        let is_time = self.forms_at.is_some_and(|at| at <= Instant::now());
        if is_time {
            self.form();
        }
        is_time
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        read(&self.table).members.clone()
    }

    pub(crate) fn peers_generation(&self) -> u32 {
        read(&self.table).peers_generation
    }

    /// −1 until partitions have owners.
    pub(crate) fn partition_generation(&self) -> i64 {
        if self.is_formed() {
            i64::from(read(&self.table).partition_generation)
        } else {
            -1
        }
    }

    /// Owners of partition `p`: master first; empty if nobody has it.
    pub(crate) fn owners(&self, namespace: usize, p: usize) -> Vec<usize> {
        let table = read(&self.table);
        table
            .owners
            .get(namespace)
            .and_then(|o| o.get(p))
            .cloned()
            .unwrap_or_default()
    }

    /// Whether `node` holds a copy of partition `p`, which is what a scan needs.
    pub(crate) fn holds(&self, namespace: usize, p: usize, node: usize) -> bool {
        let table = read(&self.table);
        let owners = table.owners.get(namespace).and_then(|o| o.get(p));
        self.is_formed() && owners.is_some_and(|o| o.contains(&node))
    }

    /// Whether anybody holds partition `p`: then any node executes or proxies a command on it.
    pub(crate) fn is_available(&self, namespace: usize, p: usize) -> bool {
        let table = read(&self.table);
        let owners = table.owners.get(namespace).and_then(|o| o.get(p));
        self.is_formed() && owners.is_some_and(|o| !o.is_empty())
    }

    /// Copies in effect: the configured number, at most one for each living node.
    pub(crate) fn replication_factor(&self, namespace: usize) -> usize {
        let table = read(&self.table);
        let alive = table.members.iter().filter(|member| member.alive).count();
        table
            .replication_factors
            .get(namespace)
            .map_or(1, |f| (*f).clamp(1, alive.max(1)))
    }

    /// Bitmap of the partitions that `node` holds in `column` (0 = as master): partition p is bit
    /// `0x80 >> (p & 7)` of byte `p >> 3`.
    pub(crate) fn bitmap(&self, namespace: usize, node: usize, column: usize) -> [u8; 512] {
        let mut bits = [0; PARTITIONS / 8];
        if !self.is_formed() {
            return bits;
        }
        let table = read(&self.table);
        for (p, owners) in table
            .owners
            .get(namespace)
            .into_iter()
            .flatten()
            .enumerate()
        {
            if owners.get(column) == Some(&node) {
                bits[p >> 3] |= 0x80 >> (p & 7);
            }
        }
        bits
    }

    /// Gives partition `p` new owners and tells the clients by a new partition generation.
    pub(crate) fn set_owners(&self, namespace: usize, p: usize, owners: Vec<usize>) {
        let mut table = write(&self.table);
        if let Some(slot) = table.owners.get_mut(namespace).and_then(|o| o.get_mut(p)) {
            *slot = owners;
        }
        table.partition_generation += 1;
    }

    /// Makes `to` the master of partition `p` in every namespace; former owners lose it.
    pub(crate) fn move_partition(&self, p: usize, to: usize) {
        let mut table = write(&self.table);
        for slot in table
            .owners
            .iter_mut()
            .filter_map(|owners| owners.get_mut(p))
        {
            *slot = vec![to];
        }
        table.partition_generation += 1;
    }

    /// Marks `node` dead and hands its partitions on. `false`: it was dead already.
    pub(crate) fn remove(&self, node: usize, loss: NodeLoss) -> bool {
        let mut table = write(&self.table);
        let generation = table.peers_generation + 1;
        match table.members.get_mut(node) {
            Some(member) if member.alive => {
                (member.alive, member.changed) = (false, generation);
            }
            _ => return false,
        }
        let living: Vec<usize> = (0..table.members.len())
            .filter(|i| table.members[*i].alive)
            .collect();
        for (p, owners) in table
            .owners
            .iter_mut()
            .flat_map(|o| o.iter_mut().enumerate())
        {
            owners.retain(|owner| *owner != node);
            if owners.is_empty() && loss == NodeLoss::Takeover && !living.is_empty() {
                owners.push(living[p % living.len()]);
            }
        }
        table.peers_generation += 1;
        table.partition_generation += 1;
        true
    }

    /// Puts a dead node back with the default layout over all living nodes.
    pub(crate) fn restore(&self, node: usize) {
        let mut guard = write(&self.table);
        let table = &mut *guard;
        if let Some(member) = table.members.get_mut(node) {
            (member.alive, member.changed) = (true, table.peers_generation + 1);
        }
        let living: Vec<usize> = (0..table.members.len())
            .filter(|i| table.members[*i].alive)
            .collect();
        for (owners, factor) in table.owners.iter_mut().zip(&table.replication_factors) {
            let copies = (*factor).clamp(1, living.len().max(1));
            for (p, slot) in owners.iter_mut().enumerate() {
                *slot = (0..copies)
                    .map(|r| living[(p + r) % living.len()])
                    .collect();
            }
        }
        table.peers_generation += 1;
        table.partition_generation += 1;
    }
}
