//! What stands between a connection and its first request: TLS, and a login.

use crate::{
    error::Error,
    login::{Entry, Logins},
    tls::{Session, Socket},
    view::{Node, NodeName},
};
use aerospike_wire::result_code::{Advice, ResultCode};
use std::{fmt, sync::Arc, time::Duration};
use tokio_rustls::rustls::ClientConfig;

/// The way into the nodes of a cluster. Cheap to clone; the default is an open door. Logins are
/// shared by all clones.
#[derive(Clone, Default)]
pub struct Access {
    tls: Option<Arc<ClientConfig>>,
    logs_sessions: bool,
    logins: Option<Arc<Logins>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("tls", &self.tls.is_some())
            .field("logins", &self.logins.is_some())
            .finish()
    }
}

impl Access {
    pub(crate) const fn new(tls: Option<Arc<ClientConfig>>, logins: Option<Arc<Logins>>) -> Self {
        let logs_sessions = false;
        Self {
            tls,
            logs_sessions,
            logins,
        }
    }

    /// The same, with a line in the log for each TLS session if they are wanted.
    pub(crate) fn logging_sessions(self, logs_sessions: bool) -> Self {
        Self {
            logs_sessions,
            ..self
        }
    }

    /// A connected socket on which the node takes requests, within `limit` and the time that a
    /// login may take.
    pub(crate) async fn open(&self, node: &Node, limit: Duration) -> Result<Socket, Error> {
        let login = self
            .logins
            .as_ref()
            .map_or(Duration::ZERO, |logins| logins.limit());
        let limit = limit.saturating_add(login);
        tokio::time::timeout(limit, self.enter(node))
            .await
            .unwrap_or_else(|_| {
                Err(Error::Timeout {
                    node: node.name.clone(),
                    action: "connecting",
                    after: limit,
                })
            })
    }

    async fn enter(&self, node: &Node) -> Result<Socket, Error> {
        let mut socket = self.connect(node).await?;
        let Some(logins) = &self.logins else {
            return Ok(socket);
        };
        let Entry::Refused(_) = logins.enter(node, &mut socket).await? else {
            return Ok(socket);
        };
        // The token was refused, and is forgotten. The node may have done with this connection.
        let mut socket = self.connect(node).await?;
        match logins.enter(node, &mut socket).await? {
            Entry::Entered => Ok(socket),
            Entry::Refused(code) => Err(Error::Login {
                node: node.name.clone(),
                code,
            }),
        }
    }

    async fn connect(&self, node: &Node) -> Result<Socket, Error> {
        let socket = Socket::connect(node, self.tls.as_ref()).await?;
        if self.logs_sessions
            && let Some(session) = socket.session()
        {
            let (node, Session { version, suite }) = (&node.name, session);
            tracing::info!(%node, version, suite, "TLS session");
        }
        Ok(socket)
    }

    /// The error for a node that refused a request, after which its session may be over.
    pub(crate) fn refused(&self, node: &NodeName, action: &'static str, code: ResultCode) -> Error {
        self.note(node, code);
        let node = node.clone();
        match code {
            ResultCode::ROLE_VIOLATION => Error::privilege(&node, action),
            code if code.advice() == Advice::Login && self.logins.is_none() => {
                Error::Login { node, code }
            }
            code => Error::Refused { node, action, code },
        }
    }

    /// Takes notice of a result: some say that the session is over.
    pub(crate) fn note(&self, node: &NodeName, code: ResultCode) {
        let over = matches!(
            code,
            ResultCode::INVALID_CREDENTIAL | ResultCode::EXPIRED_SESSION
        );
        if let Some(logins) = self.logins.as_ref().filter(|_| over) {
            logins.forget(node);
        }
    }
}
