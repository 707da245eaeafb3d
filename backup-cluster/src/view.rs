//! The cluster as seen by its info plane: which nodes there are, and what they say.

use crate::{
    access::Access,
    error::{Error, WithCauses},
    retry::RetryPolicy,
};
use aerospike_wire::result_code::ResultCode;
use std::{fmt, future::Future, net::SocketAddr, pin::Pin, sync::Arc};

/// A node's id, upper-case hex as the node reports it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeName(Arc<str>);

impl NodeName {
    /// The name `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeName({})", self.0)
    }
}

/// A node that takes part in the cluster now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub name: NodeName,
    /// Where it serves clients: host name or address, and port.
    pub host: Host,
}

/// A service address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    /// Name or address, without brackets.
    pub name: String,
    /// Port.
    pub port: u16,
    /// Name that the certificate of the node has to carry; `None` = `name`. Without TLS it means
    /// nothing.
    pub tls_name: Option<String>,
}

impl Host {
    /// A host that is its own TLS name.
    #[must_use]
    pub fn new(name: impl Into<String>, port: u16) -> Self {
        Self {
            name: name.into(),
            port,
            tls_name: None,
        }
    }

    /// The name that its certificate has to carry.
    #[must_use]
    pub fn certificate_name(&self) -> &str {
        self.tls_name.as_deref().unwrap_or(&self.name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port, .. } = self;
        if name.contains(':') {
            write!(f, "[{name}]:{port}")
        } else {
            write!(f, "{name}:{port}")
        }
    }
}

impl From<SocketAddr> for Host {
    fn from(address: SocketAddr) -> Self {
        Self::new(address.ip().to_string(), address.port())
    }
}

/// A boxed future, so that views can be used as trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything the data plane needs to know from the cluster. Object safe, shared as
/// `Arc<dyn ClusterView>`; calls may come from many tasks at a time.
pub trait ClusterView: fmt::Debug + Send + Sync {
    /// The nodes that take part now, in the order of their names.
    fn nodes(&self) -> Vec<Node>;

    /// Sends info commands to one node. The values come in the order of the commands; a value
    /// may itself be a refusal ([`aerospike_wire::info::refusal`]).
    ///
    /// # Errors
    /// The node is not there, breaks the connection, or does not answer in time.
    fn info<'a>(
        &'a self,
        node: &'a NodeName,
        commands: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<String>, Error>>;

    /// How often [`ask`] sends a command again that brought no answer (default: never).
    fn info_retry(&self) -> RetryPolicy {
        RetryPolicy::ONCE
    }

    /// What data connections have to do before they may ask anything (default: nothing).
    fn access(&self) -> Access {
        Access::default()
    }
}

/// The value of one command from one node, refusals turned into errors. What may pass is tried
/// again as [`ClusterView::info_retry`] says: all commands of ours mean the same when they come
/// twice. Dropping the future ends it.
///
/// # Errors
/// As [`ClusterView::info`]; [`Error::Privilege`] or [`Error::Info`] for a refusal.
pub async fn ask(view: &dyn ClusterView, node: &NodeName, command: &str) -> Result<String, Error> {
    let policy = view.info_retry();
    let mut attempts = 0u32;
    loop {
        attempts = attempts.saturating_add(1);
        match ask_once(view, node, command).await {
            Err(error) if error.is_retryable() && !policy.is_exhausted(attempts) => {
                tracing::debug!(error = %WithCauses(&error), "info command again");
                tokio::time::sleep(policy.pause(attempts)).await;
            }
            answer => return answer,
        }
    }
}

/// [`ask`] without retries, for those who have better ones of their own.
///
/// # Errors
/// As [`ask`].
pub async fn ask_once(
    view: &dyn ClusterView,
    node: &NodeName,
    command: &str,
) -> Result<String, Error> {
    let mut values = view.info(node, &[command]).await?;
    let value = values.pop().unwrap_or_default();
    match aerospike_wire::info::refusal(value.as_bytes()) {
        Some(refusal) if refusal.code == u16::from(ResultCode::ROLE_VIOLATION.0) => {
            Err(Error::privilege(node, &command_name(command)))
        }
        Some(refusal) => Err(Error::Info {
            node: node.clone(),
            command: command_name(command),
            refusal,
        }),
        None => Ok(value),
    }
}

/// The name of a command, without its parameters: those may hold whole modules.
pub(crate) fn command_name(command: &str) -> String {
    command
        .split([':', '/', ';'])
        .next()
        .unwrap_or_default()
        .to_owned()
}
