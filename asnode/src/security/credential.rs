//! Passwords as clients send them: bcrypt with a salt that all of them share (`auth-tls.md` §2).

use std::fmt;

/// bcrypt cost and salt of every credential.
const COST: u32 = 10;
const SALT: [u8; 16] = [
    0xf4, 0x6b, 0x0b, 0xbe, 0xcf, 0xfe, 0x8d, 0x1b, 0x06, 0x67, 0xd8, 0x4f, 0x6d, 0xc1, 0xd8, 0xa9,
];

/// What clients send for users who have no password, because a certificate names them: the
/// credential of `nopassword`.
const NO_PASSWORD: &str = "$2a$10$7EqJtq98hPqEX7fNZaFWoOePA2sZy..tlOF99W2N0g5KZ3dLaw8WO";

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
        Some(if sent == NO_PASSWORD.as_bytes() {
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
            let text = format!("$2a$10$7EqJtq98hPqEX7fNZaFWoO{hash}");
            assert_eq!(credential(password), text);
        }
        assert_eq!(credential("nopassword"), NO_PASSWORD);
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(
            format!("{:?}", Proof::External("secret".into())),
            "External"
        );
    }
}
