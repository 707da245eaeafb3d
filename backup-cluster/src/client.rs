//! [`ClusterView`] on the `aerospike` crate: it does seeds, tend, peers and info connections.

use crate::{
    error::Error,
    view::{BoxFuture, ClusterView, Host, Node, NodeName},
};
use aerospike::{AdminPolicy, Client, ClientPolicy};
use std::{fmt, io, time::Duration};
use tokio::runtime::Handle;

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Where to look first; the other nodes are found from there.
    pub seeds: Vec<Host>,
    /// Limit for reaching the cluster at all (default 30 s).
    pub connect_timeout: Duration,
    /// Limit for one info command (default 10 s).
    pub info_timeout: Duration,
    /// Use the nodes' alternate addresses.
    pub services_alternate: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            seeds: vec![Host {
                name: "127.0.0.1".to_owned(),
                port: 3000,
            }],
            connect_timeout: Duration::from_secs(30),
            info_timeout: Duration::from_secs(10),
            services_alternate: false,
        }
    }
}

/// How often the crate looks at the nodes: a fresher map than this cannot be had.
pub const TEND_INTERVAL: Duration = Duration::from_millis(250);

/// A live view of a cluster. Dropping it ends its connections and its tending.
pub struct AerospikeView {
    client: Client,
    info_timeout: Duration,
    runtime: Handle,
}

impl fmt::Debug for AerospikeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AerospikeView")
            .field("nodes", &self.client.node_names())
            .finish()
    }
}

impl AerospikeView {
    /// Connects by the first seed that answers.
    ///
    /// # Errors
    /// [`Error::Connect`] when none does within the time-out.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, Error> {
        let seeds: Vec<String> = options.seeds.iter().map(ToString::to_string).collect();
        let failed = |reason: String| Error::Connect {
            seeds: seeds.join(", "),
            reason,
        };
        let hosts: Vec<_> = options
            .seeds
            .iter()
            .map(|seed| aerospike::Host::new(&seed.name, seed.port))
            .collect();
        let policy = policy(options);
        let connecting = Box::pin(Client::new(&policy, &hosts));
        let client = tokio::time::timeout(options.connect_timeout, connecting)
            .await
            .map_err(|_| {
                failed(format!(
                    "no answer within {} ms",
                    options.connect_timeout.as_millis()
                ))
            })?
            .map_err(|error| failed(root_cause(&error)))?;
        Ok(Self {
            client,
            info_timeout: options.info_timeout,
            runtime: Handle::current(),
        })
    }
}

impl Drop for AerospikeView {
    /// The crate goes on tending until it is told to stop, which takes a task: the last owner of
    /// a view may be a thread without a runtime.
    fn drop(&mut self) {
        let client = self.client.clone();
        self.runtime.spawn(async move {
            if let Err(error) = client.close().await {
                tracing::debug!(%error, "closing the cluster view");
            }
        });
    }
}

fn policy(options: &ConnectOptions) -> ClientPolicy {
    ClientPolicy {
        timeout: millis(options.info_timeout),
        connect_timeout: millis(options.connect_timeout.min(options.info_timeout)),
        tend_interval: millis(TEND_INTERVAL),
        use_services_alternate: options.services_alternate,
        fail_if_not_connected: true,
        ..ClientPolicy::default()
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The innermost cause as one line: the crate chains every level it passes, and lists its hosts
/// one per line.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

impl ClusterView for AerospikeView {
    fn nodes(&self) -> Vec<Node> {
        let mut nodes: Vec<Node> = self
            .client
            .nodes()
            .iter()
            .filter(|node| node.is_active())
            .map(|node| {
                let host = node.host();
                Node {
                    name: NodeName::new(node.name()),
                    host: Host {
                        name: host.name,
                        port: host.port,
                    },
                }
            })
            .collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }

    fn info<'a>(
        &'a self,
        node: &'a NodeName,
        commands: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(async move {
            let action = "info command";
            let failed = |error: aerospike::Error| Error::Transport {
                node: node.clone(),
                action,
                source: io::Error::other(error),
            };
            let policy = AdminPolicy {
                timeout: millis(self.info_timeout),
            };
            let found = self.client.get_node(node.as_str()).map_err(failed)?;
            let answering = Box::pin(found.info(&policy, commands));
            let values = tokio::time::timeout(self.info_timeout, answering)
                .await
                .map_err(|_| Error::Timeout {
                    node: node.clone(),
                    action,
                    after: self.info_timeout,
                })?
                .map_err(failed)?;
            Ok(commands
                .iter()
                .map(|command| values.get(*command).cloned().unwrap_or_default())
                .collect())
        })
    }
}
