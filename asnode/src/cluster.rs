//! The cluster: builder, lifetime, and the direct, wire-free API for tests.

mod builder;
mod content;

pub use builder::ClusterBuilder;

use crate::{
    clock::Clock,
    counters::CounterValues,
    faults::Faults,
    node::Node,
    ports::{Door, Listeners},
    request::State,
    security::Security,
    topology::{Member, NodeLoss},
    xdr::Shipping,
};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

/// A running cluster. Dropping it closes all sockets and waits for its threads.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) state: Arc<State>,
}

impl Cluster {
    /// Starts to describe a cluster.
    #[must_use]
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// Addresses of all nodes, by index; dead ones included.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.state
            .topology
            .members()
            .into_iter()
            .map(|member| member.address)
            .collect()
    }

    /// Addresses of the living nodes as `127.0.0.1:port`, for a client's seed list.
    #[must_use]
    pub fn seeds(&self) -> Vec<String> {
        let members = self.state.topology.members();
        members
            .into_iter()
            .filter(|m| m.alive)
            .map(|m| m.address.to_string())
            .collect()
    }

    /// TLS addresses of all nodes, by index; `None` where a node has none.
    #[must_use]
    pub fn tls_addresses(&self) -> Vec<Option<SocketAddr>> {
        self.behind(Door::Tls)
    }

    /// TLS addresses of the living nodes as `127.0.0.1:tls-name:port`, for a client's seed list.
    #[must_use]
    pub fn tls_seeds(&self) -> Vec<String> {
        let members = self.state.topology.members();
        let living = members.into_iter().filter(|member| member.alive);
        let seed = |member: Member| {
            let address = member.doors.get(Door::Tls)?;
            let (ip, port) = (address.ip(), address.port());
            Some(format!("{ip}:{}:{port}", member.tls_name))
        };
        living.filter_map(seed).collect()
    }

    /// Alternate addresses of all nodes, by index; `None` without
    /// [`alternate_addresses`](ClusterBuilder::alternate_addresses).
    #[must_use]
    pub fn alternate_addresses(&self) -> Vec<Option<SocketAddr>> {
        self.behind(Door::ClearAlternate)
    }

    /// Alternate TLS addresses of all nodes, by index.
    #[must_use]
    pub fn alternate_tls_addresses(&self) -> Vec<Option<SocketAddr>> {
        self.behind(Door::TlsAlternate)
    }

    fn behind(&self, door: Door) -> Vec<Option<SocketAddr>> {
        let members = self.state.topology.members();
        members
            .iter()
            .map(|member| member.doors.get(door))
            .collect()
    }

    /// Ids of all nodes, by index.
    #[must_use]
    pub fn node_ids(&self) -> Vec<String> {
        self.state
            .topology
            .members()
            .into_iter()
            .map(|member| member.id)
            .collect()
    }

    /// The rules by which things go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// Users, roles and tokens; `None` without security.
    #[must_use]
    pub fn security(&self) -> Option<&Security> {
        self.state.security.as_ref()
    }

    /// The clock that TTLs and last-update times go by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.state.clock
    }

    /// What the cluster was asked so far.
    #[must_use]
    pub fn counters(&self) -> CounterValues {
        self.state.counters.values()
    }

    /// Closes the port and all connections of a node. `false`: it was dead already.
    pub fn kill_node(&self, node: usize, loss: NodeLoss) -> bool {
        self.state.kill_node(node, loss)
    }

    /// Lets a node leave in good order: its partitions are handed over, the others forget it, its
    /// port closes, and its connections end after the request they are busy with. `false`: it was
    /// dead already.
    pub fn retire_node(&self, node: usize) -> bool {
        self.state.retire_node(node)
    }

    /// Closes the ports of a node: new connections are refused, those that are open go on.
    pub fn close_port(&self, node: usize) {
        if let Some(node) = self.state.nodes.get(node) {
            node.refuse();
        }
    }

    /// Opens the ports of a living node again.
    ///
    /// # Errors
    /// There is no such node, it is dead, or a port is taken meanwhile.
    pub fn open_port(&self, node: usize) -> io::Result<()> {
        let members = self.state.topology.members();
        let member = members.get(node).filter(|member| member.alive);
        let doors = &member.ok_or(io::ErrorKind::NotFound)?.doors;
        Node::start(&self.state, node, Listeners::reopen(doors)?)
    }

    /// Ends the time in which nobody owns a partition
    /// ([`partition_map_delay`](ClusterBuilder::partition_map_delay)).
    pub fn form(&self) {
        self.state.topology.form();
    }

    /// Ends the time that the indexes there are take to be built
    /// ([`index_build_delay`](ClusterBuilder::index_build_delay)).
    pub fn finish_indexes(&self) {
        self.state.catalogue.finish_indexes();
    }

    /// Brings a dead node back on its old ports, with the default layout of partitions.
    ///
    /// # Errors
    /// A port is taken meanwhile.
    pub fn restart_node(&self, node: usize) -> io::Result<()> {
        let members = self.state.topology.members();
        let member = members.get(node).ok_or(io::ErrorKind::NotFound)?;
        if member.alive {
            return Ok(());
        }
        let listeners = Listeners::reopen(&member.doors)?;
        if let Some(security) = &self.state.security {
            security.forget_sessions(node);
        }
        Node::start(&self.state, node, listeners)?;
        self.state.topology.restore(node);
        Ok(())
    }

    /// Owners of a partition (node indices, master first) in a namespace; empty if nobody has it.
    #[must_use]
    pub fn owners(&self, namespace: &str, partition: u16) -> Vec<usize> {
        let index = self
            .state
            .namespace(namespace.as_bytes())
            .map_or(usize::MAX, |(i, _)| i);
        self.state.topology.owners(index, usize::from(partition))
    }

    /// Gives a partition new owners, master first; an empty list makes it unavailable. Clients
    /// learn of it by a new partition generation.
    pub fn set_owners(&self, namespace: &str, partition: u16, owners: &[usize]) {
        if let Some((index, _)) = self.state.namespace(namespace.as_bytes()) {
            let partition = usize::from(partition);
            self.state
                .topology
                .set_owners(index, partition, owners.to_vec());
        }
    }

    /// Changes how nodes ship to data centres (XDR).
    pub fn ship(&self, change: impl FnOnce(&mut Shipping)) {
        self.state.xdr.change_shipping(change);
    }

    /// Makes the nodes tell that this many partitions wait to be migrated, each way, until told
    /// otherwise: `cluster-stable` is refused for as long. Nothing is moved.
    pub fn set_migrations_remaining(&self, partitions: u64) {
        self.state.migrations.store(partitions, Ordering::Relaxed);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in 0..self.state.nodes.len() {
            self.state.xdr.stop_node(node);
        }
        for node in &self.state.nodes {
            node.stop();
        }
        for node in &self.state.nodes {
            node.join();
        }
    }
}
