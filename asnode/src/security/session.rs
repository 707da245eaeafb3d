//! Tokens that a node has given out. They are good for this node only.

use aerospike_wire::result_code::ResultCode;
use std::{collections::HashMap, fmt};

/// Bytes of a token.
const TOKEN_BYTES: usize = 32;

/// What stands for a login.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token([u8; TOKEN_BYTES]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    fn random() -> Self {
        Self(std::array::from_fn(|_| fastrand::u8(..)))
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Debug)]
struct Session {
    user: String,
    /// By the cluster's clock; `None` = never.
    expires_at_ms: Option<u64>,
    uses_left: u64,
}

/// The sessions of a node. Expired ones are kept, so that they can be told from wrong ones.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_token: HashMap<Token, Session>,
}

impl Sessions {
    pub(super) fn open(
        &mut self,
        user: &str,
        expires_at_ms: Option<u64>,
        uses: Option<u64>,
    ) -> Token {
        let token = Token::random();
        let session = Session {
            user: user.to_owned(),
            expires_at_ms,
            uses_left: uses.unwrap_or(u64::MAX),
        };
        self.by_token.insert(token, session);
        token
    }

    /// Uses a token; returns the user whose it is.
    ///
    /// # Errors
    /// 65 for a token of another node or user, 66 for one that has expired.
    pub(super) fn redeem(
        &mut self,
        token: &[u8],
        user: Option<&str>,
        now_ms: u64,
    ) -> Result<String, ResultCode> {
        let token = token.try_into().map(Token).ok();
        let session = token.and_then(|token| self.by_token.get_mut(&token));
        let session = session
            .filter(|session| user.is_none_or(|user| user == session.user))
            .ok_or(ResultCode::INVALID_CREDENTIAL)?;
        let is_late = session.expires_at_ms.is_some_and(|end| end <= now_ms);
        if is_late || session.uses_left == 0 {
            return Err(ResultCode::EXPIRED_SESSION);
        }
        session.uses_left -= 1;
        Ok(session.user.clone())
    }

    pub(super) fn expire_all(&mut self) {
        for session in self.by_token.values_mut() {
            session.uses_left = 0;
        }
    }
}
