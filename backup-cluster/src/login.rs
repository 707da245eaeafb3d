//! Logging in, and what is kept of it (`auth-tls.md` §2, §3).
//!
//! The first connection to a node logs in and gets a token; the others show it. A token is
//! renewed a minute before it ends, by whichever connection comes next: connections that are open
//! already stay good.

use crate::{
    auth::AuthMode,
    error::Error,
    tls::{Socket, entering},
    view::{Node, NodeName},
};
use aerospike_wire::{
    admin::{self, AdminMessage},
    error::{Error as WireError, ErrorKind},
    frame::{FrameHeader, FrameType, HEADER_SIZE},
    result_code::ResultCode,
};
use net_tls::secret::Secret;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The salt of every Aerospike client: `7EqJtq98hPqEX7fNZaFWoO` in bcrypt's base64.
const SALT: [u8; 16] = [
    0xf4, 0x6b, 0x0b, 0xbe, 0xcf, 0xfe, 0x8d, 0x1b, 0x06, 0x67, 0xd8, 0x4f, 0x6d, 0xc1, 0xd8, 0xa9,
];

/// Rounds of bcrypt as a power of two, fixed by the server.
const COST: u32 = 10;

/// A token is not used for longer than until this before its end.
const MARGIN: Duration = Duration::from_secs(60);

/// Longest answer to a login that is read.
const MAX_REPLY: u32 = 1 << 20;

const LOGIN: &str = "login";

/// Who logs in, ready to be sent.
enum Who {
    Internal {
        user: String,
        credential: Secret,
    },
    External {
        user: String,
        credential: Secret,
        password: Secret,
    },
    Pki,
}

impl Who {
    fn user(&self) -> Option<&[u8]> {
        match self {
            Self::Internal { user, .. } | Self::External { user, .. } => Some(user.as_bytes()),
            Self::Pki => None,
        }
    }

    fn login(&self, out: &mut Vec<u8>) {
        match self {
            Self::Internal { user, credential } => {
                admin::login_internal(out, user.as_bytes(), credential.expose().as_bytes());
            }
            Self::External {
                user,
                credential,
                password,
            } => admin::login_external(
                out,
                user.as_bytes(),
                credential.expose().as_bytes(),
                password.expose().as_bytes(),
            ),
            Self::Pki => admin::login_pki(out),
        }
    }

    fn authenticate(&self, token: Option<&[u8]>, out: &mut Vec<u8>) {
        match (token, self) {
            (Some(token), _) => admin::authenticate(out, self.user(), token),
            (
                None,
                Self::Internal { user, credential }
                | Self::External {
                    user, credential, ..
                },
            ) => {
                let credential = credential.expose().as_bytes();
                admin::authenticate_with_credential(out, user.as_bytes(), credential);
            }
            (None, Self::Pki) => admin::login_pki(out),
        }
    }
}

/// What a node gave for a login.
#[derive(Clone)]
enum Session {
    /// A token, until it should be renewed.
    Token(Arc<[u8]>, Option<Instant>),
    /// Nothing, as old servers do: the credential is shown each time.
    Credential,
    /// The node asks nobody.
    Open,
}

impl Session {
    fn is_fresh(&self) -> bool {
        !matches!(self, Self::Token(_, Some(renew_at)) if *renew_at <= Instant::now())
    }
}

/// How a connection fared at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Requests are taken.
    Entered,
    /// The token is no longer good, and forgotten.
    Refused(ResultCode),
}

type Slot = Arc<tokio::sync::Mutex<Option<Session>>>;

/// The logins of one run.
pub(crate) struct Logins {
    who: Who,
    /// For one answer; zero = none.
    limit: Duration,
    slots: Mutex<HashMap<NodeName, Slot>>,
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logins").finish_non_exhaustive()
    }
}

impl Logins {
    /// For whom `mode` names; `None` when that is nobody. Hashes the password, which takes a
    /// moment of computing.
    pub(crate) async fn new(mode: &AuthMode, limit: Duration) -> Option<Self> {
        let who = match mode {
            AuthMode::None => return None,
            AuthMode::Pki => Who::Pki,
            AuthMode::Internal { user, password } => Who::Internal {
                user: user.clone(),
                credential: credential(password.clone()).await,
            },
            AuthMode::External { user, password, .. } => Who::External {
                user: user.clone(),
                credential: credential(password.clone()).await,
                password: password.clone(),
            },
        };
        let slots = Mutex::default();
        Some(Self { who, limit, slots })
    }

    /// Makes `socket` one on which the node takes requests.
    pub(crate) async fn enter(&self, node: &Node, socket: &mut Socket) -> Result<Entry, Error> {
        let slot = self.slot(&node.name);
        // Held while logging in, so that many connections opened at a time log in once.
        let mut kept = slot.lock().await;
        let session = match kept.as_ref().filter(|session| session.is_fresh()) {
            Some(session) => session.clone(),
            None => {
                *kept = Some(self.login(node, socket).await?);
                return Ok(Entry::Entered);
            }
        };
        drop(kept);
        let token = match &session {
            Session::Open => return Ok(Entry::Entered),
            Session::Credential => None,
            Session::Token(token, _) => Some(&**token),
        };
        self.authenticate(node, socket, token).await
    }

    async fn login(&self, node: &Node, socket: &mut Socket) -> Result<Session, Error> {
        let mut request = Vec::new();
        self.who.login(&mut request);
        let body = self.exchange(node, socket, &request).await?;
        let malformed = |source| malformed(node, source);
        let reply = AdminMessage::parse(&body).map_err(malformed)?;
        match reply.result {
            ResultCode::OK => {}
            ResultCode::SECURITY_NOT_ENABLED | ResultCode::SECURITY_NOT_SUPPORTED => {
                return Ok(Session::Open);
            }
            code => {
                let node = node.name.clone();
                return Err(Error::Login { node, code });
            }
        }
        let session = reply.session().map_err(malformed)?;
        Ok(session.map_or(Session::Credential, |session| {
            let renew_in = session.ttl.map(|ttl| ttl.saturating_sub(MARGIN));
            let renew_at = renew_in.and_then(|rest| Instant::now().checked_add(rest));
            Session::Token(session.token.into(), renew_at)
        }))
    }

    async fn authenticate(
        &self,
        node: &Node,
        socket: &mut Socket,
        token: Option<&[u8]>,
    ) -> Result<Entry, Error> {
        let mut request = Vec::new();
        self.who.authenticate(token, &mut request);
        let body = self.exchange(node, socket, &request).await?;
        let reply = AdminMessage::parse(&body).map_err(|source| malformed(node, source))?;
        match reply.result {
            ResultCode::OK
            | ResultCode::SECURITY_NOT_ENABLED
            | ResultCode::SECURITY_NOT_SUPPORTED => Ok(Entry::Entered),
            code @ (ResultCode::INVALID_CREDENTIAL
            | ResultCode::EXPIRED_SESSION
            | ResultCode::NOT_AUTHENTICATED) => {
                self.forget(&node.name);
                Ok(Entry::Refused(code))
            }
            code => Err(Error::Login {
                node: node.name.clone(),
                code,
            }),
        }
    }

    /// [`exchange`] within the limit.
    async fn exchange(
        &self,
        node: &Node,
        socket: &mut Socket,
        request: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let answering = exchange(node, socket, request);
        if self.limit.is_zero() {
            return answering.await;
        }
        tokio::time::timeout(self.limit, answering)
            .await
            .unwrap_or_else(|_| {
                Err(Error::Timeout {
                    node: node.name.clone(),
                    action: LOGIN,
                    after: self.limit,
                })
            })
    }

    /// How long one answer may take; zero = any time.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether `node` let us in without looking.
    pub(crate) async fn is_open(&self, node: &NodeName) -> bool {
        matches!(*self.slot(node).lock().await, Some(Session::Open))
    }

    /// Forgets the session with a node: the next connection logs in.
    pub(crate) fn forget(&self, node: &NodeName) {
        self.slots().remove(node);
    }

    fn slot(&self, node: &NodeName) -> Slot {
        Arc::clone(self.slots().entry(node.clone()).or_default())
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<NodeName, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bcrypt text of a password. Its 50 ms of computing are kept off the runtime's own threads.
async fn credential(password: Secret) -> Secret {
    let hashing = tokio::task::spawn_blocking(move || {
        bcrypt::hash_with_salt(password.expose(), COST, SALT)
            .map(|parts| parts.format_for_version(bcrypt::Version::TwoA))
            .unwrap_or_default()
    });
    hashing.await.unwrap_or_default().into()
}

/// Sends an admin request and returns the body of the answer.
async fn exchange(node: &Node, socket: &mut Socket, request: &[u8]) -> Result<Vec<u8>, Error> {
    let failed = |source| entering(node, LOGIN, source);
    socket.send(request).await.map_err(failed)?;
    let mut header = [0; HEADER_SIZE];
    socket.read_exact(&mut header).await.map_err(failed)?;
    let header = FrameHeader::parse(&header).map_err(|source| malformed(node, source))?;
    if header.kind != FrameType::Admin {
        let found = header.kind as u8;
        let source = WireError::new(ErrorKind::FrameType { found }, 1);
        return Err(malformed(node, source));
    }
    if header.body_len > MAX_REPLY {
        let kind = ErrorKind::FrameTooLarge {
            found: header.body_len.into(),
            limit: MAX_REPLY.into(),
        };
        return Err(malformed(node, WireError::new(kind, 2)));
    }
    let mut body = vec![0; usize::try_from(header.body_len).unwrap_or_default()];
    socket.read_exact(&mut body).await.map_err(failed)?;
    Ok(body)
}

fn malformed(node: &Node, source: WireError) -> Error {
    Error::Malformed {
        node: node.name.clone(),
        action: LOGIN,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `auth-tls.md` §2.
    #[tokio::test]
    async fn credentials_of_the_specification() {
        for (password, text) in [
            ("admin", "1mVO/4MLpGzsqojz6E9Gef6iXDjXdDa"),
            ("secret", "u7NRZ0i7m5NbgPBEsHTCoJzZDEKQRb."),
            ("", "LCkFexA7A9eoJ0Ew.mTDdk.E60D.9zS"),
        ] {
            let expected = format!("$2a$10$7EqJtq98hPqEX7fNZaFWoO{text}");
            assert_eq!(credential(password.into()).await.expose(), expected);
        }
    }
}
