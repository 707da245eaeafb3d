//! The stand-alone program.

use crate::{admin::SECRET, client::Client, load::golden_backup};
use net_tls::testing::Authority;
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
fn the_binary_takes_users_and_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("Test CA");
    let files = authority
        .server(&["node.test"])
        .write_to(directory.path(), "server")
        .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_asnode"))
        .args([
            "--nodes=2",
            "--until-stdin-closes",
            "--alternate",
            "--tls-name=node.test",
        ])
        .args(["--user=ann:secret:read,write", "--user=bob:a:b:user-admin"])
        .arg("--tls-cert")
        .arg(files.certificate)
        .arg("--tls-key")
        .arg(files.key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<_> = lines.take(4).map(Result::unwrap).collect();
    let mut client = Client::to(lines[0].parse().unwrap());
    assert_eq!(client.info_body("build"), "ERROR:80:not authenticated\n");
    assert_eq!(client.login("ann", SECRET).0, 0);
    assert_ne!(client.info("service-clear-alt"), "");
    let address = client.info("service-tls-std");
    assert_eq!(lines[2], address.replacen(':', ":node.test:", 1));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_binary_refuses_users_without_form() {
    for user in ["ann", "ann:secret", "ann:secret:none", ":secret:read"] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_asnode"));
        let output = run.arg("--user").arg(user).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains("a user "),
            "{text}"
        );
    }
    let mut run = Command::new(env!("CARGO_BIN_EXE_asnode"));
    assert!(
        !run.arg("--tls-name=node.test")
            .output()
            .unwrap()
            .status
            .success()
    );
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
