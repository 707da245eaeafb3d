//! Stand-alone embedded cluster: for demonstrations, benches, and programs in other languages.
//! Everything it can do is in the library.

use asnode::{
    Build, Cluster, ClusterBuilder, DEFAULT_BUILD, Edition, NamespaceConfig, TlsPort,
    generate::{self, Shape},
    load,
};
use clap::{Args, Parser};
use net_tls::{pem::Source, server::ServerSettings};
use std::{
    error::Error,
    fmt, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

/// Embedded in-memory Aerospike cluster on 127.0.0.1, for tests and demonstrations.
///
/// Starts empty, or with the content of a backup (--load), or with generated records (--records),
/// then prints the addresses of the nodes, one per line, those with TLS last and with their names,
/// and runs until it is terminated. Data is in memory only: ten million small records (--shape
/// small) take 1.5 GiB.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Number of nodes.
    #[arg(long, default_value_t = 1, value_name = "N")]
    nodes: usize,
    /// Port of the first node, the others follow; 0: the system chooses.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
    /// Namespace; may be given several times.
    #[arg(long, default_value = "test", value_name = "NAME")]
    namespace: Vec<String>,
    /// Copies of each partition.
    #[arg(long, default_value_t = 1, value_name = "N")]
    replication_factor: usize,
    /// Server version to emulate, 5.7 or later.
    #[arg(long, default_value_t = DEFAULT_BUILD, value_name = "VERSION")]
    build: Build,
    /// Emulate the Enterprise Edition: racks, compression, durable deletes.
    #[arg(long)]
    enterprise: bool,
    #[command(flatten)]
    access: Access,
    /// Text backup to put into the first namespace before the nodes are announced: an .asb file,
    /// or a directory with such files. Neither compressed nor encrypted.
    #[arg(long, value_name = "PATH")]
    load: Option<PathBuf>,
    /// Generated records to put into the first namespace before the nodes are announced.
    #[arg(long, default_value_t = 0, value_name = "N")]
    records: u64,
    /// Shape of these records: bench (about 520 bytes of backup text each), small (an integer and
    /// a short string), types (everything that a backup can hold, with indexes and UDFs).
    #[arg(long, default_value = "bench", value_name = "SHAPE")]
    shape: Shape,
    /// Seed of these records.
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u64,
    /// Write the address of the first node into this file once everything is ready.
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
    /// Stop when the standard input ends.
    #[arg(long)]
    until_stdin_closes: bool,
}

/// How clients get in.
#[derive(Debug, Args)]
struct Access {
    /// Enable security and add a user; may be given several times. There is always a user admin
    /// with password admin and role user-admin.
    #[arg(long, value_name = "NAME:PASSWORD:ROLE[,ROLE]")]
    user: Vec<User>,
    /// Give each port an alternate one that leads to the same node.
    #[arg(long)]
    alternate: bool,
    /// Give each node a port with TLS, announced under this name.
    #[arg(long, value_name = "NAME", requires_all = ["tls_cert", "tls_key"])]
    tls_name: Option<String>,
    /// Certificate of the nodes (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_name")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_name")]
    tls_key: Option<PathBuf>,
    /// Demand certificates of this authority (PEM) from clients.
    #[arg(long, value_name = "FILE", requires = "tls_name")]
    tls_client_ca: Option<PathBuf>,
    /// TLS port of the first node, the others follow; 0: the system chooses.
    #[arg(long, default_value_t = 0, value_name = "PORT", requires = "tls_name")]
    tls_port: u16,
}

/// A user with a password.
#[derive(Clone)]
struct User {
    name: String,
    password: String,
    roles: Vec<String>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl FromStr for User {
    type Err = &'static str;

    /// Roles have no colon in their names, passwords may have.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a user is NAME:PASSWORD:ROLE[,ROLE]";
        let (name, rest) = text.split_once(':').ok_or(FORM)?;
        let (password, roles) = rest.rsplit_once(':').ok_or(FORM)?;
        let roles: Vec<_> = roles.split(',').map(str::to_owned).collect();
        let unknown = |role: &String| !asnode::PREDEFINED_ROLES.contains(&role.as_str());
        if name.is_empty() || roles.iter().any(unknown) {
            return Err("a user needs a name and roles that exist, such as read-write");
        }
        Ok(Self {
            name: name.to_owned(),
            password: password.to_owned(),
            roles,
        })
    }
}

impl Access {
    fn apply(&self, mut builder: ClusterBuilder) -> ClusterBuilder {
        for user in &self.user {
            let roles: Vec<_> = user.roles.iter().map(String::as_str).collect();
            builder = builder.user(&user.name, &user.password, &roles);
        }
        if self.alternate {
            builder = builder.alternate_addresses();
        }
        match self.tls() {
            Some(port) => builder.tls(port),
            None => builder,
        }
    }

    fn tls(&self) -> Option<TlsPort> {
        let file = |path: &Option<PathBuf>| path.as_ref().map(Source::file);
        let mut settings = ServerSettings::new(file(&self.tls_cert)?, file(&self.tls_key)?);
        settings.client_ca = file(&self.tls_client_ca);
        let port = TlsPort::new(self.tls_name.as_ref()?, settings);
        Some(port.first_port(self.tls_port))
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error and its causes on one line.
fn complain(error: &dyn Error) {
    let mut line = format!("asnode: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    // There is nowhere left to complain to if this fails.
    let _written = writeln!(io::stderr(), "{line}");
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let cluster = start(options)?;
    fill(options, &cluster)?;
    let seeds = cluster.seeds();
    if let (Some(path), Some(seed)) = (&options.ready_file, seeds.first()) {
        announce(path, seed)?;
    }
    let all = [seeds, cluster.tls_seeds()].concat();
    writeln!(io::stdout(), "{}", all.join("\n"))?;
    io::stdout().flush()?;
    wait(options.until_stdin_closes)?;
    Ok(())
}

fn start(options: &Options) -> io::Result<Cluster> {
    let mut builder = Cluster::builder()
        .build(options.build)
        .nodes(options.nodes)
        .first_port(options.port);
    if options.enterprise {
        builder = builder.edition(Edition::Enterprise);
    }
    for name in &options.namespace {
        let mut config = NamespaceConfig::new(name);
        config.replication_factor = options.replication_factor;
        builder = builder.namespace(config);
    }
    options.access.apply(builder).start()
}

/// Puts everything that was asked for into the first namespace.
fn fill(options: &Options, cluster: &Cluster) -> Result<(), load::LoadError> {
    let namespace = options.namespace.first().map_or("test", String::as_str);
    if let Some(path) = &options.load {
        load::from_path(cluster, namespace, path)?;
    }
    let (shape, records) = (options.shape, options.records);
    if records > 0 || shape == Shape::Types {
        generate::load(cluster, namespace, shape, records, options.seed);
    }
    Ok(())
}

/// Renamed into place: who sees the file sees all of it.
fn announce(path: &Path, seed: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    fs::write(&temporary, seed)?;
    fs::rename(&temporary, path)
}

fn wait(until_stdin_closes: bool) -> io::Result<()> {
    if until_stdin_closes {
        return io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink()).map(|_| ());
    }
    loop {
        std::thread::park(); // a signal ends the process
    }
}
