//! The official Python client, unmodified, against one node and three, by all ways in.
//!
//! Runs with the interpreter named by `ABSCTL_TEST_PYTHON`, else `python3`. Where the module
//! `aerospike` is missing it says so and passes, except when `CI` is `true` and the interpreter
//! was named: then that is a failure.

use crate::access::{WAYS, Way};
use asnode::{Cluster, NamespaceConfig};
use std::{
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn python_client() {
    let named = std::env::var("ABSCTL_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let probe = Command::new(&python)
        .args(["-c", "import aerospike"])
        .output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        let must = named.is_some() && std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!must, "{python} cannot import aerospike: {probe:?}");
        println!("skipped: {python} cannot import the module aerospike");
        return;
    }
    // A run mostly waits.
    std::thread::scope(|scope| {
        for way in WAYS {
            let python = &python;
            scope.spawn(move || [1, 3].map(|nodes| passes(python, way, nodes)));
        }
    });
}

/// Runs the program on a cluster.
fn passes(python: &str, way: Way, nodes: usize) {
    let directory = tempfile::tempdir().unwrap();
    let builder = Cluster::builder().nodes(nodes);
    let entrance = way.open(builder.namespace(NamespaceConfig::new("test")));
    let child = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/client.py"
        ))
        .args([entrance.seed.to_string(), nodes.to_string()])
        .args(&entrance.args)
        .current_dir(directory.path()) // the client keeps a copy of UDF modules there
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = finish(child);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success() && text(&output.stdout).ends_with("all passed\n"),
        "{nodes} nodes, {way:?}: {}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr),
    );
    entrance.assert_used();
    let counters = entrance.cluster.counters();
    assert!(counters.batch_rows > 0 && counters.scans > 0);
}

/// Waits with a limit. The outputs are short enough for their pipes.
fn finish(mut child: Child) -> Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!(
                "no end after {LIMIT:?}: {}",
                String::from_utf8_lossy(&output.stdout)
            );
        }
        std::thread::sleep(Duration::from_millis(20)); // a child has no event to wait for in std
    }
    child.wait_with_output().unwrap()
}
