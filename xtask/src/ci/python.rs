//! Tells before the long steps whether the official Python client can be tested.
//!
//! The test itself is one of asnode's and runs with `cargo test --workspace`. It takes the
//! interpreter from `ABSCTL_TEST_PYTHON`, else `python3`, and skips itself with a printed reason
//! when that has no `aerospike` module. On the CI machine a skip is a failure.

use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::workspace::Workspace;

/// Interpreter for tests with the official client; set by `.ci/run`.
const INTERPRETER: &str = "ABSCTL_TEST_PYTHON";

/// Prints the client's version. The module itself does not know it.
const PROGRAM: &str = "import aerospike, importlib.metadata as m; print(m.version('aerospike'))";

/// Asks the interpreter for the client's version.
///
/// # Errors
///
/// When the client is missing although `CI` is `true` and an interpreter was named.
pub(crate) fn check(_: &Workspace) -> Result<(), Failure> {
    let named = std::env::var(INTERPRETER).ok();
    let interpreter = named.as_deref().unwrap_or("python3");
    match client_version(interpreter) {
        Some(version) => println!("official Python client {version} ({interpreter})"),
        None if named.is_some() && std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            return Err(Failure::new(format!(
                "{interpreter} cannot import aerospike"
            )));
        }
        None => println!(
            "skipped: {interpreter} cannot import aerospike; \
             `pip install aerospike`, or name another interpreter in {INTERPRETER}"
        ),
    }
    Ok(())
}

/// Version of the client that `interpreter` imports.
fn client_version(interpreter: &str) -> Option<String> {
    let output = Command::new(interpreter)
        .args(["-c", PROGRAM])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}
