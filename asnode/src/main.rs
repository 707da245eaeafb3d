//! Stand-alone embedded cluster: for demonstrations, benches, and programs in other languages.
//! Everything it can do is in the library.

use asnode::{
    Cluster, NamespaceConfig,
    generate::{self, Shape},
};
use clap::Parser;
use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Embedded in-memory Aerospike cluster on 127.0.0.1, for tests and demonstrations.
///
/// Runs until it is terminated. The addresses of the nodes are printed, one per line.
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
    /// Records to put into the first namespace before the nodes are announced.
    #[arg(long, default_value_t = 0, value_name = "N")]
    records: u64,
    /// Shape of these records: bench, types.
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

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere left to complain to if this fails.
            let _written = writeln!(io::stderr(), "asnode: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let mut builder = Cluster::builder()
        .nodes(options.nodes)
        .first_port(options.port);
    for name in &options.namespace {
        let mut config = NamespaceConfig::new(name);
        config.replication_factor = options.replication_factor;
        builder = builder.namespace(config);
    }
    let cluster = builder.start()?;
    if options.records > 0 || options.shape == Shape::Types {
        let namespace = options.namespace.first().map_or("test", String::as_str);
        generate::load(
            &cluster,
            namespace,
            options.shape,
            options.records,
            options.seed,
        );
    }
    let seeds = cluster.seeds();
    if let (Some(path), Some(seed)) = (&options.ready_file, seeds.first()) {
        announce(path, seed)?;
    }
    writeln!(io::stdout(), "{}", seeds.join("\n"))?;
    io::stdout().flush()?;
    wait(options.until_stdin_closes)
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
