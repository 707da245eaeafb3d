//! [`ClusterView`] on the `aerospike` crate: it does seeds, tend, peers and info connections.

use crate::{
    access::Access,
    auth::AuthMode,
    error::Error,
    retry::RetryPolicy,
    seeds::Contact,
    view::{BoxFuture, ClusterView, Host, Node, NodeName},
};
use aerospike::{AdminPolicy, Client, ClientPolicy, TlsPolicy};
use net_tls::client::ClientSettings;
use std::{fmt, io, time::Duration};
use tokio::runtime::Handle;

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Where to look first; the other nodes are found from there.
    pub seeds: Vec<Host>,
    /// Limit for reaching the cluster at all (default 30 s).
    pub connect_timeout: Duration,
    /// Limit for one info command; zero = none (default 10 s).
    pub info_timeout: Duration,
    /// Attempts for one info command, and the pauses between them.
    pub info_retry: RetryPolicy,
    /// Limit for a login; zero = none (default 10 s).
    pub login_timeout: Duration,
    /// Idle time after which a connection is not used again; zero (default) = any.
    pub idle_timeout: Duration,
    /// Use the nodes' alternate addresses.
    pub services_alternate: bool,
    /// Speak TLS with every node; `None` (default) = in the clear. A node's certificate has to
    /// carry the TLS name of its [`Host`].
    pub tls: Option<ClientSettings>,
    /// Who logs in (default nobody).
    pub auth: AuthMode,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            seeds: vec![Host::new("127.0.0.1", 3000)],
            connect_timeout: Duration::from_secs(30),
            info_timeout: Duration::from_secs(10),
            info_retry: RetryPolicy::INFO,
            login_timeout: Duration::from_secs(10),
            idle_timeout: Duration::ZERO,
            services_alternate: false,
            tls: None,
            auth: AuthMode::None,
        }
    }
}

/// How often the crate looks at the nodes: a fresher map than this cannot be had.
pub const TEND_INTERVAL: Duration = Duration::from_millis(250);

/// A live view of a cluster. Dropping it ends its connections and its tending.
pub struct AerospikeView {
    client: Client,
    access: Access,
    info_timeout: Duration,
    info_retry: RetryPolicy,
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
    /// [`Error::Connect`] when none does within the time-out; [`Error::Tls`] and [`Error::Login`]
    /// when the first refusal was one of these; [`Error::Settings`] and [`Error::TlsSettings`].
    pub async fn connect(options: &ConnectOptions) -> Result<Self, Error> {
        let connecting = Box::pin(Self::connect_at_leisure(options));
        tokio::time::timeout(options.connect_timeout, connecting)
            .await
            .unwrap_or_else(|_| {
                let after = options.connect_timeout.as_millis();
                Err(unreached(options, format!("no answer within {after} ms")))
            })
    }

    async fn connect_at_leisure(options: &ConnectOptions) -> Result<Self, Error> {
        let contact = match options.first_contact().await {
            Err(error) if error.is_unreachable() => {
                return Err(unreached(options, root_cause(&error)));
            }
            contact => contact?,
        };
        let with_tls = contact.tls.is_some();
        let host = |seed: &Host| match with_tls {
            true => aerospike::Host::new_tls(&seed.name, seed.certificate_name(), seed.port),
            false => aerospike::Host::new(&seed.name, seed.port),
        };
        let hosts: Vec<_> = options.seeds.iter().map(host).collect();
        let policy = policy(options, &contact);
        let client = match Client::new(&policy, &hosts).await {
            Ok(client) => client,
            Err(error) => {
                let reason = root_cause(&error);
                let refused = options.wants_login(&contact.access).await;
                return Err(refused.unwrap_or_else(|| unreached(options, reason)));
            }
        };
        Ok(Self {
            client,
            access: contact.access,
            info_timeout: limited(options.info_timeout),
            info_retry: options.info_retry,
            runtime: Handle::current(),
        })
    }
}

fn unreached(options: &ConnectOptions, reason: String) -> Error {
    let seeds: Vec<String> = options.seeds.iter().map(ToString::to_string).collect();
    let seeds = seeds.join(", ");
    Error::Connect { seeds, reason }
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

fn policy(options: &ConnectOptions, contact: &Contact) -> ClientPolicy {
    let info_timeout = limited(options.info_timeout);
    ClientPolicy {
        timeout: millis(info_timeout),
        connect_timeout: millis(options.connect_timeout.min(info_timeout)),
        login_timeout: millis(limited(options.login_timeout)),
        idle_timeout: millis(options.idle_timeout),
        tend_interval: millis(TEND_INTERVAL),
        use_services_alternate: options.services_alternate,
        fail_if_not_connected: true,
        tls_policy: contact.tls.clone().map(TlsPolicy::new),
        auth_mode: auth_mode(&contact.auth),
        ..ClientPolicy::default()
    }
}

/// The crate keeps passwords as plain text, but does not show them.
fn auth_mode(auth: &AuthMode) -> aerospike::AuthMode {
    match auth {
        AuthMode::None => aerospike::AuthMode::None,
        AuthMode::Pki => aerospike::AuthMode::Pki,
        AuthMode::Internal { user, password } => {
            aerospike::AuthMode::Internal(user.clone(), password.expose().to_owned())
        }
        AuthMode::External {
            user,
            password,
            insecure,
        } => {
            let (user, password) = (user.clone(), password.expose().to_owned());
            match insecure {
                true => aerospike::AuthMode::ExternalInsecure(user, password),
                false => aerospike::AuthMode::External(user, password),
            }
        }
    }
}

/// A limit, where zero stands for none: then 49 days, the longest that the crate can be told.
fn limited(limit: Duration) -> Duration {
    const LONGEST: Duration = Duration::from_millis(u32::MAX as u64);
    if limit.is_zero() { LONGEST } else { limit }
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
                        tls_name: host.tls_name,
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

    fn info_retry(&self) -> RetryPolicy {
        self.info_retry
    }

    fn access(&self) -> Access {
        self.access.clone()
    }
}
