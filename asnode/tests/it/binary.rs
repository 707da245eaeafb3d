//! The stand-alone program.

use crate::{client::Client, load::golden_backup};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

#[test]
fn the_binary_announces_itself_and_ends_with_its_input() {
    let directory = tempfile::tempdir().unwrap();
    let ready = directory.path().join("ready");
    let mut child = Command::new(env!("CARGO_BIN_EXE_asnode"))
        .args([
            "--nodes",
            "2",
            "--namespace",
            "test",
            "--namespace",
            "bar",
            "--records",
            "300",
        ])
        .args(["--shape", "types", "--until-stdin-closes", "--ready-file"])
        .arg(&ready)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<_> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .take(2)
        .map(Result::unwrap)
        .collect();
    assert_eq!(std::fs::read_to_string(&ready).unwrap(), lines[0]);
    let mut client = Client::to(lines[1].parse().unwrap());
    assert_eq!(client.info("namespaces"), "test;bar");
    assert!(client.info("statistics").contains("cluster_size=2;"));
    assert!(client.info("udf-list").starts_with("filename=alpha.lua,"));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_binary_loads_a_backup() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asnode"))
        .args(["--until-stdin-closes", "--load"])
        .arg(golden_backup())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut address).unwrap();
    let mut client = Client::to(address.trim_end().parse().unwrap());
    assert!(client.info("namespace/test").contains(";objects=358;"));
    assert!(client.info("sindex-list").contains("indexname=ix_expi:"));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_binary_says_what_is_wrong_with_a_backup() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.asb");
    let whole = std::fs::read(golden_backup()).unwrap();
    std::fs::write(&path, &whole[..5000]).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_asnode"))
        .arg("--load")
        .arg(&path)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    for part in [
        "asnode: ",
        "cut.asb is malformed at byte 5000: ",
        "end of input",
    ] {
        assert!(complaint.contains(part), "{complaint}");
    }
    assert_eq!(complaint.lines().count(), 1);
}

#[test]
fn the_binary_refuses_unknown_shapes() {
    let output = Command::new(env!("CARGO_BIN_EXE_asnode"))
        .args(["--shape", "nope"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there are bench, small and types"));
}

#[test]
fn the_binary_is_any_version_and_edition() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asnode"))
        .args(["--until-stdin-closes", "--build", "7.2.0.4", "--enterprise"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut address).unwrap();
    let mut client = Client::to(address.trim_end().parse().unwrap());
    let expected = "Aerospike Enterprise Edition build 7.2.0.4";
    assert_eq!(client.info("version"), expected);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
