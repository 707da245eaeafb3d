//! Who the run says it is (`auth-tls.md` §2).

use net_tls::secret::Secret;

/// How to log in to a cluster. No password is ever shown by `Debug`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMode {
    /// Not at all (default).
    #[default]
    None,
    /// As a user whom the cluster itself knows; the password is sent as its bcrypt hash.
    Internal {
        /// At most 63 bytes.
        user: String,
        /// May be empty.
        password: Secret,
    },
    /// As a user whom LDAP knows; the password itself is sent.
    External {
        /// At most 63 bytes.
        user: String,
        /// May be empty.
        password: Secret,
        /// Send it without TLS too, for everyone on the way to read.
        insecure: bool,
    },
    /// As the user whom the TLS client certificate names.
    Pki,
}
