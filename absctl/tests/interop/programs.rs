//! Where the programs are, and how they are run.

use crate::access::Entrance;
use asnode::Cluster;
use assert_cmd::Command;
use std::{env, net::SocketAddr, path::Path, time::Duration};

/// Limit for a run of a program; nothing here takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(120);

/// Names the program that is built from `interop/go`.
const GO: &str = "ABSCTL_TEST_GO";

/// Names the interpreter for `interop/node`.
const NODE: &str = "ABSCTL_TEST_NODE";

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How a run ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn of(command: &mut Command) -> Self {
        let output = command
            .timeout(LIMIT)
            .output()
            .expect("a program that runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            success: output.status.success(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert!(self.success, "{self:?}");
        self
    }

    /// Succeeds, and has nothing to complain about.
    #[track_caller]
    pub(crate) fn runs_clean(self) {
        let run = self.succeeds();
        for word in ["WARN", "ERROR", "finding:"] {
            assert!(!run.stderr.contains(word), "{word} in {run:?}");
        }
    }

    /// Ends with an error that says all of this.
    #[track_caller]
    pub(crate) fn fails(self, parts: &[&str]) {
        assert!(!self.success, "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} in {self:?}");
        }
    }

    /// A number in the line of JSON that the Go program prints.
    #[track_caller]
    pub(crate) fn count(&self, name: &str) -> u64 {
        let field = format!("\"{name}\":");
        let (_, rest) = self.stdout.split_once(&field).expect(name);
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
        digits.and_then(|digits| digits.parse().ok()).expect(name)
    }
}

/// Our own program, on a cluster's namespace.
pub(crate) fn absctl(command: &str, cluster: &Cluster, args: &[&str], directory: &Path) -> Run {
    let hosts = cluster.seeds().join(",");
    Run::of(ours(command, &hosts, directory).args(args))
}

/// `absctl convert` from one directory to another.
pub(crate) fn convert(from: &Path, to: &Path, args: &[&str]) -> Run {
    let mut run = Command::new(env!("CARGO_BIN_EXE_absctl"));
    run.arg("convert").arg("--directory").arg(from);
    run.arg("--output-directory").arg(to);
    Run::of(run.args(args))
}

/// The same by another way than the plain one, from one seed.
pub(crate) fn absctl_by(command: &str, way: &Entrance, directory: &Path) -> Run {
    let mut run = ours(command, &way.seed.to_string(), directory);
    for arg in &way.args {
        let arg = match arg.as_str() {
            "--tls-ca" => "--tls-cafile",
            "--tls-cert" => "--tls-certfile",
            "--tls-key" => "--tls-keyfile",
            "--alternate" => "--services-alternate",
            "--tls-name" => {
                run.arg("--tls-enable");
                arg
            }
            same => same,
        };
        run.arg(arg);
    }
    Run::of(&mut run)
}

fn ours(command: &str, hosts: &str, directory: &Path) -> Command {
    let mut run = Command::new(env!("CARGO_BIN_EXE_absctl"));
    run.args(command.split(' '));
    run.args(["--namespace=test", "--host", hosts, "--directory"]);
    run.arg(directory);
    run
}

/// The program of `interop/go`.
#[derive(Debug)]
pub(crate) struct Go {
    path: String,
}

impl Go {
    pub(crate) fn find() -> Option<Self> {
        let named = env::var(GO).ok();
        let built = || format!("{ROOT}/target/ci/interop-go");
        let path = named.unwrap_or_else(built);
        let there = probe(Command::new(&path).arg("version"));
        there_or_skipped(there, GO, &path).then_some(Self { path })
    }

    fn on(&self, command: &str, seed: SocketAddr) -> Command {
        let mut run = Command::new(&self.path);
        run.arg(command).args(["--namespace", "test"]);
        run.arg("--host").arg(seed.ip().to_string());
        run.arg("--port").arg(seed.port().to_string());
        run
    }

    /// `backup` or `restore` of the library backup-go.
    pub(crate) fn library(
        &self,
        command: &str,
        cluster: &Cluster,
        args: &[&str],
        directory: &Path,
    ) -> Run {
        let mut run = self.on(command, cluster.addresses()[0]);
        Run::of(run.arg("--dir").arg(directory).args(args))
    }

    /// The same by another way than the plain one.
    pub(crate) fn library_by(&self, command: &str, way: &Entrance, directory: &Path) -> Run {
        let mut run = self.on(command, way.seed);
        Run::of(run.arg("--dir").arg(directory).args(&way.args))
    }

    /// The client alone.
    pub(crate) fn client(&self, way: &Entrance) -> Run {
        let nodes = way.cluster.addresses().len().to_string();
        let mut run = self.on("client", way.seed);
        Run::of(run.args(["--nodes", &nodes]).args(&way.args))
    }
}

/// The Node.js interpreter, with the official client beside the program of `interop/node`.
#[derive(Debug)]
pub(crate) struct Node {
    interpreter: String,
}

impl Node {
    pub(crate) fn find() -> Option<Self> {
        let interpreter = env::var(NODE).unwrap_or_else(|_| "node".to_owned());
        let mut load = Command::new(&interpreter);
        load.current_dir(format!("{ROOT}/interop/node"));
        let there = probe(load.args(["-e", "require('aerospike')"]));
        there_or_skipped(there, NODE, &interpreter).then_some(Self { interpreter })
    }

    pub(crate) fn client(&self, way: &Entrance) -> Run {
        let nodes = way.cluster.addresses().len().to_string();
        let mut run = Command::new(&self.interpreter);
        run.arg(format!("{ROOT}/interop/node/client.js"));
        run.args([
            way.seed.ip().to_string(),
            way.seed.port().to_string(),
            nodes,
        ]);
        Run::of(run.args(&way.args))
    }
}

fn probe(command: &mut Command) -> bool {
    let output = command.timeout(LIMIT).output();
    output.is_ok_and(|output| output.status.success())
}

/// Passes `there` on, and says so where a test has to be skipped.
#[track_caller]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn there_or_skipped(there: bool, variable: &str, program: &str) -> bool {
    if !there {
        let must = env::var_os(variable).is_some() && env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!must, "{program} does not run, or lacks the client");
        println!("skipped: {program} does not run, or lacks the client: see interop/README.md");
    }
    there
}
