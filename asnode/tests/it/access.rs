//! Ways to get into a cluster, for the programs that others wrote (also `absctl/tests/interop`).

use asnode::{Cluster, ClusterBuilder, SecurityConfig, TlsPort};
use net_tls::testing::Authority;
use std::{net::SocketAddr, path::Path};
use tempfile::TempDir;

/// TLS name of the nodes.
const NAME: &str = "cluster.test";

const PASSWORD: &str = "correct horse";

/// What the programs do needs these.
const ROLES: [&str; 5] = [
    "read-write",
    "truncate",
    "udf-admin",
    "sindex-admin",
    "user-admin",
];

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    None,
    Internal,
    External,
    Certificate,
}

/// Who shows a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    /// Nobody: there is no TLS.
    None,
    Server,
    Mutual,
}

/// A way in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    login: Login,
    tls: Tls,
    alternate: bool,
}

const fn way(login: Login, tls: Tls, alternate: bool) -> Way {
    Way {
        login,
        tls,
        alternate,
    }
}

/// All that differ for a client.
pub(crate) const WAYS: [Way; 8] = [
    way(Login::None, Tls::None, false),
    way(Login::None, Tls::None, true),
    way(Login::Internal, Tls::None, false),
    way(Login::None, Tls::Server, false),
    way(Login::None, Tls::Mutual, false),
    way(Login::Internal, Tls::Server, true),
    way(Login::External, Tls::Server, false),
    way(Login::Certificate, Tls::Mutual, false),
];

/// A cluster, and what a program has to be told to get in.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) cluster: Cluster,
    pub(crate) seed: SocketAddr,
    /// Options of the programs.
    pub(crate) args: Vec<String>,
    way: Way,
    _files: TempDir,
}

impl Way {
    /// Starts the cluster that `builder` describes so that this way leads in.
    pub(crate) fn open(self, mut builder: ClusterBuilder) -> Entrance {
        let files = tempfile::tempdir().expect("directory");
        let mut args = self.login_args();
        if self.login != Login::None {
            builder = builder.security(security());
        }
        if self.has_tls() {
            let authority = Authority::new("Test CA");
            builder = builder.tls(self.port(&authority));
            args.extend(self.tls_args(&authority, files.path()));
        }
        if self.alternate {
            builder = builder.alternate_addresses();
            args.push("--alternate".into());
        }
        let cluster = builder.start().expect("cluster");
        let addresses = match (self.has_tls(), self.alternate) {
            (false, false) => cluster.addresses().into_iter().map(Some).collect(),
            (false, true) => cluster.alternate_addresses(),
            (true, false) => cluster.tls_addresses(),
            (true, true) => cluster.alternate_tls_addresses(),
        };
        Entrance {
            seed: addresses[0].expect("such a port"),
            cluster,
            args,
            way: self,
            _files: files,
        }
    }

    fn has_tls(self) -> bool {
        self.tls != Tls::None
    }

    fn login_args(self) -> Vec<String> {
        let args: &[&str] = match self.login {
            Login::None => &[],
            Login::Internal => &["--user", "ann", "--password", PASSWORD],
            Login::External => &[
                "--auth",
                "external",
                "--user",
                "eve",
                "--password",
                PASSWORD,
            ],
            Login::Certificate => &["--auth", "pki"],
        };
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }

    fn port(self, authority: &Authority) -> TlsPort {
        let mut settings = authority.server_settings(&[NAME]);
        if self.tls == Tls::Mutual {
            settings.client_ca = authority.client_settings().ca_file;
        }
        TlsPort::new(NAME, settings)
    }

    fn tls_args(self, authority: &Authority, folder: &Path) -> Vec<String> {
        let ca = authority.write_to(folder).expect("file");
        let text = |path: &Path| path.to_str().expect("text").to_owned();
        let mut args = vec![
            "--tls-name".into(),
            NAME.into(),
            "--tls-ca".into(),
            text(&ca),
        ];
        if self.tls == Tls::Mutual {
            let files = authority.client("cert").write_to(folder, "client");
            let files = files.expect("files");
            args.extend(["--tls-cert".into(), text(&files.certificate)]);
            args.extend(["--tls-key".into(), text(&files.key)]);
        }
        args
    }
}

impl Entrance {
    /// Fails unless every connection there was came in by this way's ports.
    #[track_caller]
    pub(crate) fn assert_used(&self) {
        let counters = self.cluster.counters();
        let of = |applies| if applies { counters.connections } else { 0 };
        assert!(counters.connections > 0, "{:?}", self.way);
        let (tls, alternate) = (self.way.has_tls(), self.way.alternate);
        assert_eq!(counters.tls_connections, of(tls), "{:?}", self.way);
        assert_eq!(
            counters.alternate_connections,
            of(alternate),
            "{:?}",
            self.way
        );
    }
}

fn security() -> SecurityConfig {
    SecurityConfig::new()
        .user("ann", PASSWORD, &ROLES)
        .external_user("eve", PASSWORD, &ROLES)
        .certificate_user("cert", &ROLES)
}
