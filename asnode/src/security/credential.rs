//! Passwords as clients send them: bcrypt with a salt that all of them share (`auth-tls.md` §2).

use std::fmt;

/// bcrypt cost and salt in the text of every credential.
const PREFIX: &str = "$2a$10$7EqJtq98hPqEX7fNZaFWoO";
const COST: u32 = 10;
const SALT: [u8; 16] = [
    0xf4, 0x6b, 0x0b, 0xbe, 0xcf, 0xfe, 0x8d, 0x1b, 0x06, 0x67, 0xd8, 0x4f, 0x6d, 0xc1, 0xd8, 0xa9,
];

/// The password that clients send for users who have none, because a certificate names them.
const NO_PASSWORD: &str = "nopassword";

/// How a user proves who it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// By this credential.
    Password(Vec<u8>),
    /// By a TLS client certificate with its name, and nothing else.
    Certificate,
    /// By a password that LDAP knows.
    External(String),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Certificate => "Certificate",
            Self::External(_) => "External",
        })
    }
}

impl Proof {
    pub(super) fn of_password(password: &str) -> Self {
        Self::Password(credential(password).into_bytes())
    }

    /// What a CREATE_USER or SET_PASSWORD asks for; `None`: that is no credential.
    pub(super) fn of_credential(sent: &[u8]) -> Option<Self> {
        if !sent.starts_with(b"$2") || sent.len() != 60 {
            return None;
        }
        // Hashed only when it may be the one: hashing takes long.
        let is_none =
            sent.starts_with(PREFIX.as_bytes()) && sent == credential(NO_PASSWORD).as_bytes();
        Some(if is_none {
            Self::Certificate
        } else {
            Self::Password(sent.to_vec())
        })
    }

    pub(super) fn is_credential(&self, sent: &[u8]) -> bool {
        matches!(self, Self::Password(stored) if stored == sent)
    }
}

/// What clients send for a password.
fn credential(password: &str) -> String {
    bcrypt::hash_with_salt(password, COST, SALT)
        .map(|parts| parts.format_for_version(bcrypt::Version::TwoA))
        .unwrap_or_default() // only a cost out of range is refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_the_specification() {
        let table = [
            ("admin", "1mVO/4MLpGzsqojz6E9Gef6iXDjXdDa"),
            ("secret", "u7NRZ0i7m5NbgPBEsHTCoJzZDEKQRb."),
            ("", "LCkFexA7A9eoJ0Ew.mTDdk.E60D.9zS"),
        ];
        for (password, hash) in table {
            assert_eq!(credential(password), format!("{PREFIX}{hash}"));
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(
            format!("{:?}", Proof::External("secret".into())),
            "External"
        );
    }
}
