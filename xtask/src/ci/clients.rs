//! Tells before the long steps which programs of others the tests can use.
//!
//! The tests themselves belong to asnode and absctl and run with `cargo test --workspace`. Each
//! skips itself with a printed reason when its program is missing. On the CI machine a skip is a
//! failure.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace::Workspace;

/// A program that tests need, with a client inside.
struct Client {
    /// What the client is.
    name: &'static str,
    /// Names the program; set by `.ci/run`.
    variable: &'static str,
    /// Where the program is otherwise.
    program: &'static str,
    /// Folder to run it in.
    folder: &'static str,
    /// What makes it print the version of the client.
    arguments: &'static [&'static str],
}

const CLIENTS: [Client; 5] = [
    Client {
        name: "official Python client",
        variable: "ABSCTL_TEST_PYTHON",
        program: "python3",
        folder: ".",
        // The module itself does not know its version.
        arguments: &[
            "-c",
            "import aerospike, importlib.metadata as m; print(m.version('aerospike'))",
        ],
    },
    Client {
        name: "backup-go and official Go client",
        variable: "ABSCTL_TEST_GO",
        program: "target/ci/interop-go",
        folder: ".",
        arguments: &["version"],
    },
    Client {
        name: "official Node.js client",
        variable: "ABSCTL_TEST_NODE",
        program: "node",
        folder: "interop/node",
        arguments: &[
            "-p",
            "require('aerospike'), require('aerospike/package.json').version",
        ],
    },
    Client {
        name: "S3 server moto",
        variable: "ABSCTL_TEST_MOTO",
        program: "target/ci/moto-5.2.5/bin/python",
        folder: ".",
        arguments: &[
            "-c",
            "import moto.server, importlib.metadata as m; print(m.version('moto'))",
        ],
    },
    Client {
        name: "Azure server Azurite",
        variable: "ABSCTL_TEST_AZURITE",
        program: "target/ci/azurite-3.35.0/node_modules/.bin/azurite-blob",
        folder: ".",
        arguments: &["--version"],
    },
];

/// Asks each program for the version of its client.
///
/// # Errors
///
/// When one is missing although `CI` is `true` and the program was named.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
    let mut missing = Vec::new();
    for client in &CLIENTS {
        let named = std::env::var(client.variable).ok();
        let program = named.as_deref().unwrap_or(client.program);
        match client.version(program, workspace.root()) {
            Some(version) => println!("{} {version} ({program})", client.name),
            None if named.is_some() && must => {
                missing.push(format!("{program} lacks the {}", client.name));
            }
            None => println!(
                "tests will be skipped: {program} lacks the {}; see interop/README.md",
                client.name
            ),
        }
    }
    Failure::unless_empty("clients:", &missing)
}

impl Client {
    /// Version of the client that `program` has.
    fn version(&self, program: &str, root: &Path) -> Option<String> {
        let output = Command::new(program)
            .args(self.arguments)
            .current_dir(root.join(self.folder))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.trim().to_owned())
    }
}
