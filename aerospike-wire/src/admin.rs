//! Admin messages, both sides: login, and every further connection's proof of it
//! (`auth-tls.md` §1–§3).
//!
//! A frame of type [`FrameType::Admin`] whose body is
//!
//! | offset | size | meaning |
//! | --- | --- | --- |
//! | 0 | u8 | scheme, 0 |
//! | 1 | u8 | result, 0 in a request |
//! | 2 | u8 | [`command`] |
//! | 3 | u8 | number of fields |
//! | 4 | 12 | zero |
//! | 16 | | fields: `u32 size \| u8 type \| data`, size counts the type byte |
//!
//! Not here: hashing a password (a request carries what bcrypt made of it), and the lists of
//! users and roles, of which neither a backup nor a restore has a use.

use crate::{
    error::{Error, ErrorKind},
    field::{self, Fields},
    frame::{self, FrameType},
    reader::Reader,
    result_code::ResultCode,
};
use alloc::vec::Vec;
use core::{fmt, time::Duration};

/// Size of the body up to its fields.
pub const HEADER_SIZE: usize = 16;

/// Most bytes of a user name.
pub const MAX_USER: usize = 63;

/// Command codes.
pub mod command {
    /// Shows the token of an earlier login, on another connection to the same node.
    pub const AUTHENTICATE: u8 = 0;
    /// New user with password and roles.
    pub const CREATE_USER: u8 = 1;
    /// Removes a user.
    pub const DROP_USER: u8 = 2;
    /// Sets another user's password.
    pub const SET_PASSWORD: u8 = 3;
    /// Changes one's own password.
    pub const CHANGE_PASSWORD: u8 = 4;
    /// Adds roles to a user.
    pub const GRANT_ROLES: u8 = 5;
    /// Takes roles from a user.
    pub const REVOKE_ROLES: u8 = 6;
    /// Lists users.
    pub const QUERY_USERS: u8 = 9;
    /// New role.
    pub const CREATE_ROLE: u8 = 10;
    /// Removes a role.
    pub const DROP_ROLE: u8 = 11;
    /// Adds privileges to a role.
    pub const GRANT_PRIVILEGES: u8 = 12;
    /// Takes privileges from a role.
    pub const REVOKE_PRIVILEGES: u8 = 13;
    /// Sets the addresses that a role may come from.
    pub const SET_WHITELIST: u8 = 14;
    /// Sets the quotas of a role.
    pub const SET_QUOTAS: u8 = 15;
    /// Lists roles.
    pub const QUERY_ROLES: u8 = 16;
    /// Proves who the client is, and asks for a token.
    pub const LOGIN: u8 = 20;
}

/// Field type codes; those that users and roles are managed with are left out.
pub mod code {
    /// User name, at most [`super::MAX_USER`] bytes.
    pub const USER: u8 = 0;
    /// bcrypt text of a password that is set.
    pub const PASSWORD: u8 = 1;
    /// bcrypt text of the password that was valid before.
    pub const OLD_PASSWORD: u8 = 2;
    /// bcrypt text of the password, 60 bytes.
    pub const CREDENTIAL: u8 = 3;
    /// The password itself, for LDAP.
    pub const CLEAR_PASSWORD: u8 = 4;
    /// Opaque bytes that stand for a login.
    pub const SESSION_TOKEN: u8 = 5;
    /// u32: seconds that the token is good for.
    pub const SESSION_TTL: u8 = 6;
}

/// A checked admin message. `Debug` leaves the content of the fields out, as it is secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AdminMessage<'a> {
    /// How it went; [`ResultCode::OK`] in a request.
    pub result: ResultCode,
    /// What is asked or answered, see [`command`]. 0 in the refusals of a node without security.
    pub command: u8,
    n_fields: u8,
    fields: &'a [u8],
}

impl fmt::Debug for AdminMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminMessage")
            .field("result", &self.result)
            .field("command", &self.command)
            .field("n_fields", &self.n_fields)
            .finish_non_exhaustive()
    }
}

impl<'a> AdminMessage<'a> {
    /// Reads the message at the start of `body`, the bytes after a frame header. What follows it
    /// is not looked at.
    ///
    /// # Errors
    /// Fewer bytes than header and fields need, or a field of size 0.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let [_, result, command, n_fields] = reader.array::<4>("admin message")?;
        reader.take(12, "admin message")?;
        let fields = reader.peek_rest();
        let start = reader.offset();
        for _ in 0..n_fields {
            let at = reader.offset();
            let size = reader.u32("admin field")?;
            if size == 0 {
                let what = "admin field";
                return Err(Error::new(ErrorKind::Size { what, found: 0 }, at));
            }
            reader.take(usize::try_from(size).unwrap_or(usize::MAX), "admin field")?;
        }
        let len = reader.offset().saturating_sub(start);
        Ok(Self {
            result: ResultCode(result),
            command,
            n_fields,
            fields: fields.get(..len).unwrap_or_default(),
        })
    }

    /// Its fields, in their order. Unknown ones are to be skipped.
    #[must_use]
    pub const fn fields(&self) -> Fields<'a> {
        Fields::new(self.fields)
    }

    /// Content of the first field of type `kind` (see [`code`]).
    #[must_use]
    pub fn field(&self, kind: u8) -> Option<&'a [u8]> {
        self.fields()
            .find(|field| field.kind == kind)
            .map(|field| field.data)
    }

    /// The session that a login opened. `None` from servers that know no tokens: their other
    /// connections show the credential ([`authenticate_with_credential`]).
    ///
    /// # Errors
    /// A time to live that is not four bytes.
    pub fn session(&self) -> Result<Option<Session<'a>>, Error> {
        let Some(token) = self.field(code::SESSION_TOKEN) else {
            return Ok(None);
        };
        let ttl = match self.field(code::SESSION_TTL) {
            None => 0,
            Some(data) => u32::from_be_bytes(data.try_into().map_err(|_| {
                let kind = ErrorKind::Size {
                    what: "session time to live",
                    found: data.len() as u64,
                };
                Error::new(kind, HEADER_SIZE)
            })?),
        };
        let ttl = (ttl != 0).then(|| Duration::from_secs(u64::from(ttl)));
        Ok(Some(Session { token, ttl }))
    }
}

/// What a login gives. `Debug` leaves the token out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Session<'a> {
    /// Opaque bytes for [`authenticate`], good for the node that gave them.
    pub token: &'a [u8],
    /// How long it is good, in whole seconds; `None` = for ever.
    pub ttl: Option<Duration>,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// Appends a framed admin message: fields between [`AdminBuilder::new`] and
/// [`AdminBuilder::finish`].
#[derive(Debug)]
pub struct AdminBuilder<'a> {
    out: &'a mut Vec<u8>,
    at: usize,
    n_fields: u8,
}

impl<'a> AdminBuilder<'a> {
    /// Begins a message; `result` is [`ResultCode::OK`] in a request.
    #[must_use]
    pub fn new(out: &'a mut Vec<u8>, command: u8, result: ResultCode) -> Self {
        let at = frame::begin(out, FrameType::Admin);
        out.extend_from_slice(&[0, result.0, command, 0]);
        out.extend_from_slice(&[0; 12]);
        let n_fields = 0;
        Self { out, at, n_fields }
    }

    /// Appends a field (see [`code`]). A message has 255 at most; further ones are left out.
    pub fn field(&mut self, kind: u8, data: &[u8]) -> &mut Self {
        if let Some(n_fields) = self.n_fields.checked_add(1) {
            self.n_fields = n_fields;
            field::put(self.out, kind, data);
        }
        self
    }

    /// Fills in length and number of fields.
    pub fn finish(&mut self) {
        let count = self.at.saturating_add(frame::HEADER_SIZE).saturating_add(3);
        if let Some(slot) = self.out.get_mut(count) {
            *slot = self.n_fields;
        }
        frame::finish(self.out, self.at);
    }
}

/// Appends the login of a user whom the server itself knows. `credential` is the bcrypt text of
/// the password.
pub fn login_internal(out: &mut Vec<u8>, user: &[u8], credential: &[u8]) {
    AdminBuilder::new(out, command::LOGIN, ResultCode::OK)
        .field(code::USER, user)
        .field(code::CREDENTIAL, credential)
        .finish();
}

/// Appends the login of a user whom LDAP knows. The password itself crosses the wire: meant for
/// TLS.
pub fn login_external(out: &mut Vec<u8>, user: &[u8], credential: &[u8], password: &[u8]) {
    AdminBuilder::new(out, command::LOGIN, ResultCode::OK)
        .field(code::USER, user)
        .field(code::CREDENTIAL, credential)
        .field(code::CLEAR_PASSWORD, password)
        .finish();
}

/// Appends the login of whom the TLS client certificate names.
pub fn login_pki(out: &mut Vec<u8>) {
    AdminBuilder::new(out, command::LOGIN, ResultCode::OK).finish();
}

/// Appends the first message of a further connection. `user` is `None` after [`login_pki`].
pub fn authenticate(out: &mut Vec<u8>, user: Option<&[u8]>, token: &[u8]) {
    let mut message = AdminBuilder::new(out, command::AUTHENTICATE, ResultCode::OK);
    if let Some(user) = user {
        message.field(code::USER, user);
    }
    message.field(code::SESSION_TOKEN, token).finish();
}

/// Appends the same for a server that gave no token.
pub fn authenticate_with_credential(out: &mut Vec<u8>, user: &[u8], credential: &[u8]) {
    AdminBuilder::new(out, command::AUTHENTICATE, ResultCode::OK)
        .field(code::USER, user)
        .field(code::CREDENTIAL, credential)
        .finish();
}

/// Appends the answer of a node that has nothing to say but `result`.
pub fn reply(out: &mut Vec<u8>, command: u8, result: ResultCode) {
    AdminBuilder::new(out, command, result).finish();
}

/// Appends the answer to a login that succeeded. Parts of a second of `ttl` are dropped.
pub fn login_reply(out: &mut Vec<u8>, session: &Session<'_>) {
    let mut message = AdminBuilder::new(out, command::LOGIN, ResultCode::OK);
    message.field(code::SESSION_TOKEN, session.token);
    if let Some(ttl) = session.ttl {
        let seconds = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
        message.field(code::SESSION_TTL, &seconds.to_be_bytes());
    }
    message.finish();
}
