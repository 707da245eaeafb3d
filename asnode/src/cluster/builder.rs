//! What a cluster is to be like, and its start.

use super::Cluster;
use crate::{
    build::{Build, DEFAULT_BUILD, Edition},
    catalogue::Catalogue,
    clock::Clock,
    config::{NamespaceConfig, ServiceConfig},
    counters::Counters,
    faults::Faults,
    namespace::Namespace,
    node::Node,
    ports::{Door, Doors, Listeners, PortPlan},
    request::State,
    security::{Security, SecurityConfig},
    shuffle::Shuffle,
    tls::TlsPort,
    topology::{Member, Topology},
    xdr::{Shipping, Xdr},
};
use net_tls::client::ClientSettings;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, RwLock},
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
    scan_patience: Option<Duration>,
    connection_limit: Option<usize>,
    partition_map_delay: Duration,
    index_build_delay: Duration,
    shuffle: Shuffle,
    batch_max_requests: Option<u32>,
    security: Option<SecurityConfig>,
    shipping: Shipping,
    shipping_tls: Option<ClientSettings>,
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
            scan_patience: None,
            connection_limit: None,
            partition_map_delay: Duration::ZERO,
            index_build_delay: Duration::ZERO,
            shuffle: Shuffle::default(),
            batch_max_requests: None,
            security: None,
            shipping: Shipping::default(),
            shipping_tls: None,
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

    /// Longest time that a scan waits for a client that does not read. Clients that ask for less
    /// get less, and those that ask for ever (0) still get that. Default: as long as they ask for;
    /// tests need not wait the seconds of the real server.
    #[must_use]
    pub const fn scan_patience(mut self, most: Duration) -> Self {
        self.scan_patience = Some(most);
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

    /// How nodes ship to data centres (XDR, Enterprise). It may be changed later
    /// ([`Cluster::ship`]).
    #[must_use]
    pub const fn shipping(mut self, shipping: Shipping) -> Self {
        self.shipping = shipping;
        self
    }

    /// Whom nodes trust, and who they are, when they ship to a data centre with a TLS name.
    /// Default: they cannot.
    #[must_use]
    pub fn shipping_tls(mut self, settings: ClientSettings) -> Self {
        self.shipping_tls = Some(settings);
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
        cluster.state.xdr.belongs_to(&cluster.state);
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
        let clock = Clock::of_nodes(doors.len());
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
        let shipping_tls = self.shipping_tls.map(|settings| settings.build());
        let shipping_tls = shipping_tls.transpose().map_err(io::Error::other)?;
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
            scan_patience_ms: self.scan_patience.map_or(u32::MAX, patience_ms),
            shuffle: self.shuffle,
            xdr: Xdr::new(doors.len(), self.shipping, shipping_tls),
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

/// At least 1: 0 is for ever.
fn patience_ms(most: Duration) -> u32 {
    u32::try_from(most.as_millis()).unwrap_or(u32::MAX).max(1)
}
