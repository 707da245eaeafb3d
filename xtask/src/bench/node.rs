//! An embedded node as a process of its own, so that its work is not the tool's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wait4::Wait4;

use super::child::{Usage, log_to};
use crate::failure::Failure;

/// Longest time until a node is ready; seeding a million records takes a few seconds.
const READY_TIMEOUT: Duration = Duration::from_secs(300);

/// Longest time for a node to end after its standard input was closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two looks.
const POLL: Duration = Duration::from_millis(10);

/// How to start a node.
#[derive(Debug)]
pub(crate) struct Seeding<'a> {
    /// The `asnode` program.
    pub(crate) binary: &'a Path,
    /// Where the ready file and the log go.
    pub(crate) folder: &'a Path,
    /// Stem of their names.
    pub(crate) name: &'a str,
    /// Namespace it holds.
    pub(crate) namespace: &'a str,
    /// Records to make before it is ready.
    pub(crate) records: u64,
}

/// A running node. It ends when its standard input closes, hence also when this is dropped.
#[derive(Debug)]
pub(crate) struct Node {
    child: Child,
    log: PathBuf,
    host: String,
    port: String,
    begin: Instant,
}

impl Node {
    /// Starts a node and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends early, or is not ready in time.
    pub(crate) fn start(seeding: &Seeding<'_>) -> Result<Self, Failure> {
        let ready = seeding.folder.join(format!("{}.ready", seeding.name));
        let log = seeding.folder.join(format!("{}.log", seeding.name));
        remove_stale(&ready)?;
        let mut command = Command::new(seeding.binary);
        command
            .args([
                "--nodes", "1", "--port", "0", "--shape", "bench", "--seed", "1",
            ])
            .args(["--namespace", seeding.namespace, "--until-stdin-closes"])
            .args(["--records", &seeding.records.to_string()])
            .arg("--ready-file")
            .arg(&ready)
            .stdin(Stdio::piped());
        log_to(&mut command, &log)?;
        let child = command
            .spawn()
            .map_err(|cause| Failure::file("start", seeding.binary, &cause))?;
        let mut node = Self {
            child,
            log,
            host: String::new(),
            port: String::new(),
            begin: Instant::now(),
        };
        node.wait_until_ready(&ready)?;
        Ok(node)
    }

    /// Host to connect to.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Port to connect to.
    pub(crate) fn port(&self) -> &str {
        &self.port
    }

    /// Closes its standard input and waits for its end.
    ///
    /// # Errors
    ///
    /// When it does not end in time.
    pub(crate) fn stop(mut self) -> Result<Usage, Failure> {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(usage) = self.try_wait()? {
                return Ok(usage);
            }
            sleep(POLL);
        }
        // Nothing more to learn from it; the time-out is what gets reported.
        drop(self.child.kill());
        Err(self.failure("did not end when its standard input closed"))
    }

    /// Reads the address from the ready file once two looks in a row see the same one.
    fn wait_until_ready(&mut self, ready: &Path) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let mut before = String::new();
        while Instant::now() < deadline {
            let text = fs::read_to_string(ready).unwrap_or_default();
            if let Some((host, port)) = address(&text).filter(|_| text == before) {
                self.host = host.to_owned();
                self.port = port.to_owned();
                return Ok(());
            }
            before = text;
            if self.try_wait()?.is_some() {
                return Err(self.failure("ended before it was ready"));
            }
            sleep(POLL);
        }
        Err(self.failure("was not ready in time"))
    }

    /// What it used, once it has ended.
    fn try_wait(&mut self) -> Result<Option<Usage>, Failure> {
        let result = self
            .child
            .try_wait4()
            .map_err(|cause| Failure::new(format!("cannot wait for asnode: {cause}")))?;
        Ok(result.map(|result| Usage::new(self.begin.elapsed(), result.rusage)))
    }

    /// A failure with the log of the node.
    fn failure(&self, what: &str) -> Failure {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Failure::new(format!("asnode {what}\n{log}"))
    }
}

/// Host and port of a ready file, if they are there.
fn address(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.trim_end().rsplit_once(':')?;
    port.parse::<u16>()
        .is_ok_and(|port| port > 0)
        .then_some((host, port))
}

/// A ready file of an earlier node would name a port where nobody listens.
fn remove_stale(ready: &Path) -> Result<(), Failure> {
    match fs::remove_file(ready) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file("remove", ready, &cause))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Node, Seeding, address};
    use crate::failure::Failure;
    use crate::workspace::Workspace;

    /// Starts `binary` as if it were a node, in a folder of its own.
    fn start(binary: &Path, name: &str) -> (PathBuf, Result<Node, Failure>) {
        let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let node = Node::start(&Seeding {
            binary,
            folder: &folder,
            name,
            namespace: "test",
            records: 7,
        });
        (folder, node)
    }

    #[test]
    fn waits_for_the_address_and_stops_with_the_input() {
        let workspace = Workspace::load().unwrap();
        let binary = workspace.root().join("xtask/testdata/pretend-node.sh");
        let (folder, node) = start(&binary, "pretend");
        let node = node.unwrap();
        assert_eq!((node.host(), node.port()), ("127.0.0.1", "3456"));
        let usage = node.stop().unwrap();
        assert!(usage.peak_bytes > 0, "{usage:?}");
        let log = fs::read_to_string(folder.join("pretend.log")).unwrap();
        assert!(log.contains("--records\nargument 7\n"), "{log}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn notices_a_node_that_ends_early() {
        let (folder, node) = start(Path::new("true"), "early");
        let text = node.unwrap_err().to_string();
        assert!(
            text.starts_with("asnode ended before it was ready"),
            "{text}"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn reads_host_and_port() {
        assert_eq!(address("127.0.0.1:41234\n"), Some(("127.0.0.1", "41234")));
        assert_eq!(address("127.0.0.1:3000"), Some(("127.0.0.1", "3000")));
        for partial in ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0\n"] {
            assert_eq!(address(partial), None, "{partial}");
        }
    }
}
