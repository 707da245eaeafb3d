//! First contact: whether a seed lets us in, before the `aerospike` crate is set to work.
//!
//! The crate tells a failed login from an unreachable host by its text only, and treats a
//! Community server's answer to a login as a failure. So one connection of our own comes first,
//! where there is TLS or a login at all.

use crate::{
    access::Access,
    auth::AuthMode,
    client::ConnectOptions,
    error::Error,
    login::Logins,
    tls::{Socket, entering},
    view::{Host, Node, NodeName},
};
use aerospike_wire::{
    admin::MAX_USER,
    frame::{FrameHeader, HEADER_SIZE},
    info,
    result_code::ResultCode,
};
use std::{io, sync::Arc};
use tokio_rustls::rustls::ClientConfig;

/// Most bytes of an answer to `node` that are read.
const MAX_ID: u32 = 1 << 10;

/// What first contact found out.
pub(crate) struct Contact {
    pub(crate) access: Access,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// The mode to go on with: [`AuthMode::None`] where the cluster asks nobody.
    pub(crate) auth: AuthMode,
}

impl ConnectOptions {
    /// Refuses what cannot work, or would send a password in the clear unasked.
    fn check(&self) -> Result<(), Error> {
        let refused = |reason| Err(Error::Settings { reason });
        match &self.auth {
            AuthMode::External { insecure, .. } if self.tls.is_none() && !insecure => refused(
                "external authentication sends the password itself: it needs TLS, or the mode \
                 EXTERNAL_INSECURE, which lets everyone on the way read it",
            ),
            AuthMode::Pki if !self.tls.as_ref().is_some_and(|tls| tls.has_identity()) => {
                refused("PKI authentication needs TLS with a client certificate and its key")
            }
            AuthMode::Internal { user, .. } | AuthMode::External { user, .. }
                if user.is_empty() || user.len() > MAX_USER =>
            {
                refused("the user name has to have 1 to 63 bytes")
            }
            _ => Ok(()),
        }
    }

    /// Builds the TLS configuration, and tries the seeds until one lets us in. The first refusal
    /// counts when none does.
    pub(crate) async fn first_contact(&self) -> Result<Contact, Error> {
        self.check()?;
        let tls = self.build_tls().await?;
        let logins = Logins::new(&self.auth, self.login_timeout).await;
        let logins = logins.map(Arc::new);
        let logs_sessions = self.tls.as_ref().is_some_and(|tls| tls.log_sessions);
        let access = |logins| Access::new(tls.clone(), logins).logging_sessions(logs_sessions);
        let mut contact = Contact {
            access: access(logins.clone()),
            tls: tls.clone(),
            auth: self.auth.clone(),
        };
        if contact.tls.is_none() && logins.is_none() {
            return Ok(contact);
        }
        let mut failure = None;
        for seed in &self.seeds {
            let node = seed_node(seed);
            match self.greet(&node, &contact.access).await {
                Ok(()) => {
                    if let Some(logins) = logins
                        && logins.is_open(&node.name).await
                    {
                        tracing::warn!(
                            seed = %seed,
                            "the cluster asks for no login: going on without user and password"
                        );
                        contact.access = access(None);
                        contact.auth = AuthMode::None;
                    }
                    return Ok(contact);
                }
                Err(error) if failure.as_ref().is_none_or(Error::is_unreachable) => {
                    failure = Some(error);
                }
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or(Error::NoNodes))
    }

    /// Whether a seed wants a login where there is none: the crate finds only that such a node has
    /// no name.
    pub(crate) async fn wants_login(&self, access: &Access) -> Option<Error> {
        if self.auth != AuthMode::None {
            return None;
        }
        for seed in &self.seeds {
            match self.greet(&seed_node(seed), access).await {
                Err(error) if error.is_access() => return Some(error),
                _ => {}
            }
        }
        None
    }

    async fn build_tls(&self) -> Result<Option<Arc<ClientConfig>>, Error> {
        let Some(settings) = self.tls.clone() else {
            return Ok(None);
        };
        // Reads files, and an encrypted key takes a second to open.
        let building = tokio::task::spawn_blocking(move || settings.build());
        match building.await {
            Ok(Ok(config)) => Ok(Some(config)),
            Ok(Err(source)) => Err(Error::TlsSettings { source }),
            Err(_) => Err(Error::Cancelled),
        }
    }

    /// Enters a seed and asks for its id: with TLS 1.3 a refused client certificate shows only
    /// in the first answer.
    async fn greet(&self, node: &Node, access: &Access) -> Result<(), Error> {
        const ACTION: &str = "first contact";
        let seeds = u32::try_from(self.seeds.len()).unwrap_or(u32::MAX).max(1);
        let limit = self.connect_timeout / seeds;
        let talk = async {
            let mut socket = access.open(node, limit).await?;
            let refusal = ask_id(&mut socket)
                .await
                .map_err(|source| entering(node, ACTION, source))?;
            let code = ResultCode::NOT_AUTHENTICATED;
            if refusal == Some(u16::from(code.0)) {
                let node = node.name.clone();
                return Err(Error::Login { node, code });
            }
            Ok(())
        };
        tokio::time::timeout(limit, talk).await.unwrap_or_else(|_| {
            Err(Error::Timeout {
                node: node.name.clone(),
                action: ACTION,
                after: limit,
            })
        })
    }
}

/// Asks for the id of a node; returns the code of a refusal.
async fn ask_id(socket: &mut Socket) -> io::Result<Option<u16>> {
    let mut request = Vec::new();
    info::request(&mut request, &["node"]);
    socket.send(&request).await?;
    let mut header = [0; HEADER_SIZE];
    socket.read_exact(&mut header).await?;
    let header = FrameHeader::parse(&header).map_err(io::Error::other)?;
    let mut body = vec![0; usize::try_from(header.body_len.min(MAX_ID)).unwrap_or_default()];
    socket.read_exact(&mut body).await?;
    let value = info::replies(&body).next().map(|(_, value)| value);
    Ok(value.and_then(info::refusal).map(|refusal| refusal.code))
}

/// A seed before its id is known.
fn seed_node(seed: &Host) -> Node {
    Node {
        name: NodeName::new(&seed.to_string()),
        host: seed.clone(),
    }
}
