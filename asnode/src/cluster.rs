//! The cluster: builder, lifetime, and the direct, wire-free API for tests.

use crate::{
    build::{Build, DEFAULT_BUILD, Edition},
    catalogue::{Catalogue, Index, Udf},
    clock::Clock,
    config::{NamespaceConfig, ServiceConfig},
    counters::{CounterValues, Counters},
    direct::RawRecord,
    faults::Faults,
    namespace::{Namespace, PARTITIONS},
    node::Node,
    ports::{Door, Doors, Listeners, PortPlan},
    record::Draft,
    request::State,
    security::{Security, SecurityConfig},
    shuffle::Shuffle,
    tls::TlsPort,
    topology::{Member, NodeLoss, Topology},
};
use aerospike_wire::digest::Digest;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, RwLock, atomic::Ordering},
    time::{Duration, Instant},
};

/// Bytes after which a scan reply starts a new frame, as on the real server.
const SCAN_FRAME_BYTES: usize = 1 << 20;

/// Collects what a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterBuilder {
    nodes: usize,
    ports: PortPlan,
    namespaces: Vec<NamespaceConfig>,
    build: Build,
    edition: Edition,
    cluster_name: Option<String>,
    scan_frame_bytes: usize,
    scan_lanes: usize,
    scan_limit: Option<usize>,
    connection_limit: Option<usize>,
    partition_map_delay: Duration,
    index_build_delay: Duration,
    shuffle: Shuffle,
    batch_max_requests: Option<u32>,
    security: Option<SecurityConfig>,
}

impl Default for ClusterBuilder {
    fn default() -> Self {
        Self {
            nodes: 1,
            ports: PortPlan::default(),
            namespaces: Vec::new(),
            build: DEFAULT_BUILD,
            edition: Edition::default(),
            cluster_name: None,
            scan_frame_bytes: SCAN_FRAME_BYTES,
            scan_lanes: 1,
            scan_limit: None,
            connection_limit: None,
            partition_map_delay: Duration::ZERO,
            index_build_delay: Duration::ZERO,
            shuffle: Shuffle::default(),
            batch_max_requests: None,
            security: None,
        }
    }
}

impl ClusterBuilder {
    /// Number of nodes, at least 1. Default 1. Their ids are `A1`, `A2` …
    #[must_use]
    pub const fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// Port of the first node; the others follow. Default 0: the system chooses all of them.
    #[must_use]
    pub const fn first_port(mut self, port: u16) -> Self {
        self.ports.first_port = port;
        self
    }

    /// Adds a namespace. Without any there is one called `test`.
    #[must_use]
    pub fn namespace(mut self, config: NamespaceConfig) -> Self {
        self.namespaces.push(config);
        self
    }

    /// Server version that the nodes emulate. Default [`DEFAULT_BUILD`].
    #[must_use]
    pub const fn build(mut self, build: Build) -> Self {
        self.build = build;
        self
    }

    /// Edition that the nodes emulate. Default Community.
    #[must_use]
    pub const fn edition(mut self, edition: Edition) -> Self {
        self.edition = edition;
        self
    }

    /// Name of the cluster. Default none.
    #[must_use]
    pub fn cluster_name(mut self, name: &str) -> Self {
        self.cluster_name = Some(name.to_owned());
        self
    }

    /// Bytes after which a scan reply starts a new frame; 1 puts each record into a frame of its
    /// own. Default 1 MiB.
    #[must_use]
    pub const fn scan_frame_bytes(mut self, bytes: usize) -> Self {
        self.scan_frame_bytes = bytes;
        self
    }

    /// Partitions that a scan reads in turns, a frame of each: their records come interleaved.
    /// Default 1, one after the other.
    #[must_use]
    pub const fn scan_lanes(mut self, lanes: usize) -> Self {
        self.scan_lanes = lanes;
        self
    }

    /// Scans that a node runs at a time, short queries not counted; more are refused with result
    /// 22 (`query-threads-limit`). Default 128.
    #[must_use]
    pub const fn scan_limit(mut self, scans: usize) -> Self {
        self.scan_limit = Some(scans);
        self
    }

    /// Connections that a node has at a time; more are closed at once (`proto-fd-max`). Default
    /// 15000.
    #[must_use]
    pub const fn connection_limit(mut self, connections: usize) -> Self {
        self.connection_limit = Some(connections);
        self
    }

    /// Time after the start in which no node owns a partition and the partition generation is
    /// −1; [`Cluster::form`] ends it early, and [`Duration::MAX`] is for ever. Default 0.
    #[must_use]
    pub const fn partition_map_delay(mut self, delay: Duration) -> Self {
        self.partition_map_delay = delay;
        self
    }

    /// Time that an index takes to be built after the command that creates it: until then its state
    /// is WO, 0 percent are loaded, and queries on it are refused with 203.
    /// [`Cluster::finish_indexes`] ends it early, and [`Duration::MAX`] is for ever. Default 0.
    #[must_use]
    pub const fn index_build_delay(mut self, delay: Duration) -> Self {
        self.index_build_delay = delay;
        self
    }

    /// Mixes the order in which the partitions of a scan and the rows of a batch are served and
    /// answered, by a seed. Default: the order of the request.
    #[must_use]
    pub const fn shuffle(mut self, seed: u64) -> Self {
        self.shuffle = Shuffle { seed: Some(seed) };
        self
    }

    /// Rows that a batch may have, 0 = no limit; more are refused with result 151. Default: no
    /// limit, on builds before 8.1 5000.
    #[must_use]
    pub const fn batch_max_requests(mut self, rows: u32) -> Self {
        self.batch_max_requests = Some(rows);
        self
    }

    /// Enables security, which makes the cluster an Enterprise one. Default: none.
    #[must_use]
    pub fn security(mut self, config: SecurityConfig) -> Self {
        self.security = Some(config);
        self
    }

    /// Adds a user, and with the first one security. The roles are those of
    /// [`PREDEFINED_ROLES`](crate::PREDEFINED_ROLES) or of the configuration.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str, roles: &[&str]) -> Self {
        let config = self.security.unwrap_or_default();
        self.security = Some(config.user(name, password, roles));
        self
    }

    /// Gives every node a second port, with TLS, which makes the cluster an Enterprise one.
    /// Default: none.
    #[must_use]
    pub fn tls(mut self, port: TlsPort) -> Self {
        self.ports.tls = Some(port);
        self
    }

    /// As [`tls`](Self::tls), for the node with this index alone, counted from 0: nodes may have
    /// certificates and TLS names of their own.
    #[must_use]
    pub fn tls_of(mut self, node: usize, port: TlsPort) -> Self {
        self.ports.tls_of.push((node, port));
        self
    }

    /// Gives every port an alternate one that leads to the same node; the `-alt` info commands
    /// tell of them. Default: none.
    #[must_use]
    pub const fn alternate_addresses(mut self) -> Self {
        self.ports.has_alternates = true;
        self
    }

    /// Opens the ports on 127.0.0.1 and starts to serve.
    ///
    /// # Errors
    /// A port is taken, a thread cannot be made, or the settings of TLS do not go together.
    pub fn start(self) -> io::Result<Cluster> {
        let listeners = (0..self.nodes.max(1)).map(|node| self.ports.open(node));
        let listeners = listeners.collect::<io::Result<Vec<_>>>()?;
        let doors = listeners.iter().map(Listeners::doors);
        let doors = doors.collect::<io::Result<Vec<_>>>()?;
        let cluster = Cluster {
            state: Arc::new(self.into_state(&doors)?),
        };
        for (index, listeners) in listeners.into_iter().enumerate() {
            Node::start(&cluster.state, index, listeners)?;
        }
        Ok(cluster)
    }

    fn into_state(mut self, doors: &[Doors]) -> io::Result<State> {
        if self.namespaces.is_empty() {
            self.namespaces.push(NamespaceConfig::new("test"));
        }
        let factors = self
            .namespaces
            .iter()
            .map(|config| config.replication_factor)
            .collect();
        let mut service = ServiceConfig::of(self.build);
        if let Some(rows) = self.batch_max_requests {
            service.batch_max_requests = rows;
        }
        if let Some(scans) = self.scan_limit {
            service.query_threads_limit = scans;
        }
        if let Some(connections) = self.connection_limit {
            service.proto_fd_max = connections;
        }
        let clock = Clock::default();
        let now_s = clock.now_s();
        let members: Vec<_> = doors
            .iter()
            .enumerate()
            .map(|(i, doors)| self.member(i, doors))
            .collect();
        let nodes = doors
            .iter()
            .enumerate()
            .map(|(i, doors)| self.node(i, doors));
        let nodes = nodes.collect::<io::Result<_>>()?;
        let has_tls = members.iter().any(|member| !member.tls_name.is_empty());
        Ok(State {
            build: self.build,
            edition: if self.security.is_some() || has_tls {
                Edition::Enterprise
            } else {
                self.edition
            },
            cluster_name: self.cluster_name,
            clock,
            started: Instant::now(),
            service: RwLock::new(service),
            migrations: 0.into(),
            namespaces: self
                .namespaces
                .into_iter()
                .map(|config| Namespace::new(config, self.build, now_s))
                .collect(),
            topology: Topology::new(members, factors).formed_after(self.partition_map_delay),
            catalogue: Catalogue::default(),
            index_build_delay: self.index_build_delay,
            faults: Faults::default(),
            security: self
                .security
                .map(|config| Security::new(config, doors.len())),
            counters: Counters::default(),
            nodes,
            jobs: doors.iter().map(|_| crate::jobs::Jobs::default()).collect(),
            scan_frame_bytes: self.scan_frame_bytes.max(1),
            scan_lanes: self.scan_lanes.max(1),
            shuffle: self.shuffle,
        })
    }

    fn member(&self, index: usize, doors: &Doors) -> Member {
        let tls = self.ports.tls(index);
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Member {
            id: format!("A{:X}", index + 1),
            address: doors.get(Door::Clear).unwrap_or(nowhere),
            doors: *doors,
            tls_name: tls.map_or_else(String::new, |tls| tls.name.clone()),
            alive: true,
            changed: 0,
        }
    }

    fn node(&self, index: usize, doors: &Doors) -> io::Result<Node> {
        let tls = self.ports.tls(index).map(|tls| tls.settings.build());
        Ok(Node::new(
            *doors,
            tls.transpose().map_err(io::Error::other)?,
        ))
    }
}

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

    /// Makes the nodes tell that this many partitions wait to be migrated, each way, until told
    /// otherwise: `cluster-stable` is refused for as long. Nothing is moved.
    pub fn set_migrations_remaining(&self, partitions: u64) {
        self.state.migrations.store(partitions, Ordering::Relaxed);
    }

    /// Digests of the records that were deleted durably and not written again, in order.
    #[must_use]
    pub fn tombstones(&self, namespace: &str) -> Vec<Digest> {
        let found = self.state.namespace(namespace.as_bytes());
        found.map_or_else(Vec::new, |(_, ns)| {
            ns.graves().keys().map(|digest| Digest(*digest)).collect()
        })
    }

    /// Stores a record as it is, generation and times included, in place of any other with its
    /// digest. Values are not checked or normalised. `false`: there is no such namespace.
    pub fn put(&self, namespace: &str, record: &RawRecord) -> bool {
        let Some((_, ns)) = self.state.namespace(namespace.as_bytes()) else {
            return false;
        };
        let set = record.set.as_deref().unwrap_or_default();
        if ns.ensure_set(set).is_err() {
            return false;
        }
        let bins = record.wire_bins();
        let draft = Draft {
            set,
            key: record.key.as_deref(),
            generation: record.generation,
            void_time: record.void_time,
            lut_ms: record.last_update_ms,
            bins: &bins,
        };
        let stored = draft.build();
        ns.records_mut(record.digest.partition().index())
            .insert(record.digest.0, stored);
        true
    }

    /// The record with this digest, expired or not.
    #[must_use]
    pub fn get(&self, namespace: &str, digest: &Digest) -> Option<RawRecord> {
        let (_, ns) = self.state.namespace(namespace.as_bytes())?;
        let records = ns.records(digest.partition().index());
        records
            .get(&digest.0)
            .map(|record| RawRecord::of(*digest, record))
    }

    /// Removes a record; says whether it was there.
    pub fn delete(&self, namespace: &str, digest: &Digest) -> bool {
        self.state
            .namespace(namespace.as_bytes())
            .is_some_and(|(_, ns)| {
                ns.records_mut(digest.partition().index())
                    .remove(&digest.0)
                    .is_some()
            })
    }

    /// Calls `visit` for every record of a namespace, partition by partition, digests
    /// descending, expired ones included.
    pub fn for_each(&self, namespace: &str, mut visit: impl FnMut(RawRecord)) {
        let Some((_, ns)) = self.state.namespace(namespace.as_bytes()) else {
            return;
        };
        for p in 0..PARTITIONS {
            for (digest, record) in ns.records(p).iter().rev() {
                visit(RawRecord::of(Digest(*digest), record));
            }
        }
    }

    /// All records of a namespace, sorted by digest.
    #[must_use]
    pub fn records(&self, namespace: &str) -> Vec<RawRecord> {
        let mut all = Vec::new();
        self.for_each(namespace, |record| all.push(record));
        all.sort_by_key(|record| record.digest);
        all
    }

    /// Number of records of a namespace, expired ones included.
    #[must_use]
    pub fn count(&self, namespace: &str) -> u64 {
        self.state
            .namespace(namespace.as_bytes())
            .map_or(0, |(_, ns)| ns.count())
    }

    /// All secondary indexes in order of creation.
    #[must_use]
    pub fn indexes(&self) -> Vec<Index> {
        self.state.catalogue.indexes()
    }

    /// Defines a secondary index, built at once; the same definition under another name renames it. `false`:
    /// the name is taken, the namespace has 256 indexes, or the cluster's version has no such
    /// index.
    pub fn create_index(&self, index: Index) -> bool {
        index.since() <= self.state.build
            && self
                .state
                .catalogue
                .create_index(index, Some(Instant::now()))
                .is_ok()
    }

    /// All UDF modules, sorted by name.
    #[must_use]
    pub fn udfs(&self) -> Vec<Udf> {
        self.state.catalogue.udfs()
    }

    /// Registers a UDF module in place of one with the same name.
    pub fn put_udf(&self, udf: Udf) {
        self.state.catalogue.put_udf(udf);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &self.state.nodes {
            node.stop();
        }
        for node in &self.state.nodes {
            node.join();
        }
    }
}
