//! TLS to the cluster (`cli.md` §4).

use backup_core::cluster::net_tls::secret::Secret;
use clap::Args;
use std::path::PathBuf;

/// Flags of TLS.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct Tls {
    /// Speak TLS with the cluster
    #[arg(long, alias = "tlsEnable")]
    pub(crate) tls_enable: bool,

    /// Name in the nodes' certificates, for hosts that are given without one
    #[arg(long, alias = "tlsName", value_name = "NAME")]
    pub(crate) tls_name: Option<String>,

    /// Certificate authorities to trust beside those of the system: a path, file:PATH,
    /// env-b64:VARIABLE or b64:BASE64
    #[arg(long, alias = "tlsCaFile", value_name = "FILE")]
    pub(crate) tls_cafile: Option<Secret>,

    /// Directory of such files
    #[arg(long, alias = "tlsCaPath", value_name = "DIR")]
    pub(crate) tls_capath: Option<PathBuf>,

    /// Certificate to show to the cluster, in the forms of --tls-cafile
    #[arg(long, alias = "tlsCertFile", value_name = "FILE")]
    pub(crate) tls_certfile: Option<Secret>,

    /// Its private key, in the forms of --tls-cafile
    #[arg(long, alias = "tlsKeyFile", value_name = "FILE")]
    pub(crate) tls_keyfile: Option<Secret>,

    /// Password of the key, in the forms of --password
    #[arg(long, value_name = "PASSWORD", num_args = 0..=1)]
    pub(crate) tls_keyfile_password: Option<Option<Secret>>,

    /// Versions to speak: words such as "-all +TLSv1.2"; both TLSv1.2 and TLSv1.3 without
    #[arg(
        long,
        alias = "tlsProtocols",
        value_name = "LIST",
        allow_hyphen_values = true
    )]
    pub(crate) tls_protocols: Option<String>,

    /// Cipher suites to offer, by their names in OpenSSL, with ":" between them
    #[arg(long, alias = "tlsCipherSuite", value_name = "LIST")]
    pub(crate) tls_cipher_suite: Option<String>,

    /// Refuse nodes whose certificate is on a revocation list; the lists are in the CA file or
    /// directory
    #[arg(long, alias = "tlsCrlCheck")]
    pub(crate) tls_crl_check: bool,

    /// The same for all certificates up to the authority
    #[arg(long, aliases = ["tls-crl-checkall", "tlsCrlCheckAll"])]
    pub(crate) tls_crl_check_all: bool,

    /// File of certificates to refuse: lines of a serial number and optionally an issuer
    /// (deprecated)
    #[arg(long, alias = "tlsCertBlackList", value_name = "FILE")]
    pub(crate) tls_cert_blacklist: Option<PathBuf>,

    /// Log version and cipher suite of each session with a node
    #[arg(long, alias = "tlsLogSessionInfo")]
    pub(crate) tls_log_session_info: bool,
}
