//! `absctl backup xdr` against clusters that ship.

use crate::support::{NAMESPACE, absctl, command, hosts, names};
use asnode::{Cluster, Edition, NamespaceConfig, RawRecord, Shipping, generate};
use net_tls::testing::Authority;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

fn enterprise(shipping: Shipping) -> Cluster {
    let cluster = Cluster::builder()
        .nodes(2)
        .namespace(NamespaceConfig::new(NAMESPACE))
        .edition(Edition::Enterprise)
        .shipping(shipping)
        .start()
        .expect("cluster");
    generate::load(&cluster, NAMESPACE, generate::Shape::Types, 500, 7);
    cluster
}

/// What one node answers to one info command.
fn ask(cluster: &Cluster, node: usize, question: &str) -> String {
    let mut stream = TcpStream::connect(cluster.addresses()[node]).expect("node");
    let length = u8::try_from(question.len() + 1).expect("a short question");
    let request = [
        &[2, 1, 0, 0, 0, 0, 0, length][..],
        question.as_bytes(),
        b"\n",
    ]
    .concat();
    stream.write_all(&request).expect("node");
    let mut header = [0; 8];
    stream.read_exact(&mut header).expect("node");
    let mut body = vec![0; usize::from(header[6]) * 256 + usize::from(header[7])];
    stream.read_exact(&mut body).expect("node");
    String::from_utf8(body).expect("text")
}

fn data_centres(cluster: &Cluster) -> Vec<bool> {
    let has = |node| !ask(cluster, node, "get-config:context=xdr").contains("dcs=;");
    (0..2).map(has).collect()
}

#[test]
fn a_namespace_is_backed_up_and_the_report_says_so() {
    let cluster = enterprise(Shipping::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let run = absctl(&[
        &"backup",
        &"xdr",
        &hosts(&cluster),
        &"-n",
        &NAMESPACE,
        &"-d",
        &path,
        &"--local-port",
        &"0",
        &"--parallel-write",
        &"2",
        &"--info-poling-period",
        &"100",
        &"-z",
        &"ZSTD",
        &"--max-throughput",
        &"50000",
        &"--forward",
        &"--verify-writes",
        &"--annotation=a=b",
    ])
    .succeeds();
    assert_eq!(run.reported("Records Received"), cluster.count(NAMESPACE));
    assert_eq!(run.reported("Records Verified"), cluster.count(NAMESPACE));
    assert_eq!(run.value("Annotation"), Some("a=b"));
    assert!(names(&path).contains(&"test.manifest.json".to_owned()));
    let data = names(&path)
        .into_iter()
        .filter(|name| name.ends_with(".asbx"));
    assert_eq!(data.count(), 2);
    assert_eq!(data_centres(&cluster), [false, false]);
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let check = |args: &[&str], part: &str| {
        let all = [&["backup", "xdr", "-n", "test"][..], args].concat();
        let all: Vec<&dyn AsRef<std::ffi::OsStr>> = all.iter().map(|a| a as _).collect();
        absctl(&all).fails(1, part);
    };
    check(&[], "--directory");
    check(&["-d", "x", "--dc", "a b"], "--dc");
    check(&["-d", "x", "--rewind", "0"], "--rewind");
    check(&["-d", "x", "--rewind", "some"], "--rewind");
    check(&["-d", "x", "--max-throughput", "150"], "--max-throughput");
    check(&["-d", "x", "--local-address", ""], "--local-address");
    check(&["-d", "x", "--xdr-tls-certfile", "c"], "--xdr-tls-keyfile");
    check(&["-d", "x", "--xdr-tls-cafile", "c"], "--xdr-tls-certfile");
    check(
        &["-d", "x", "--info-retry-multiplier", "0.5"],
        "--info-retry-multiplier",
    );
    check(&["-d", "x", "--max-connections", "0"], "--max-connections");
    assert!(!Path::new("x").exists());
}

#[test]
fn failures_have_their_exit_codes() {
    let community = crate::support::empty(1);
    let folder = tempfile::tempdir().unwrap();
    absctl(&[
        &"backup",
        &"xdr",
        &hosts(&community),
        &"-n",
        &NAMESPACE,
        &"-d",
        &folder.path(),
        &"--local-port",
        &"0",
    ])
    .fails(1, "Enterprise Edition");
    let cluster = enterprise(Shipping {
        paused: true,
        ..Shipping::default()
    });
    absctl(&[
        &"backup",
        &"xdr",
        &hosts(&cluster),
        &"-n",
        &NAMESPACE,
        &"-d",
        &folder.path(),
        &"--local-port",
        &"0",
        &"--start-timeout",
        &"200",
        &"--info-polling-period",
        &"50",
    ])
    .fails(1, "no record arrived within 200 ms");
    assert!(names(folder.path()).is_empty());
    assert_eq!(data_centres(&cluster), [false, false]);
}

/// A run in the background, killed when the test ends.
struct Background(Child);

impl Background {
    fn start(cluster: &Cluster, path: &Path) -> Self {
        Self::start_with(cluster, path, &["--local-port=0"])
    }

    fn start_with(cluster: &Cluster, path: &Path, flags: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_absctl"))
            .args(["backup", "xdr", &hosts(cluster), "-n", NAMESPACE])
            .args(flags)
            .arg("-d")
            .arg(path)
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        Self(child)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn until(mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "waited too long"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_killed_run_leaves_is_cleaned_up() {
    let cluster = enterprise(Shipping {
        hold_recovery: true,
        ..Shipping::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let mut run = Background::start(&cluster, &path);
    let shipped = |node| {
        let stats = ask(&cluster, node, "get-stats:context=xdr;dc=dc;namespace=test");
        stats.contains("success=") && !stats.contains("success=0;")
    };
    until(|| shipped(0) && shipped(1));
    run.0.kill().unwrap();
    run.0.wait().unwrap();
    assert_eq!(data_centres(&cluster), [true, true]);
    let common: [&dyn AsRef<std::ffi::OsStr>; 5] =
        [&"backup", &"xdr", &hosts(&cluster), &"-n", &NAMESPACE];
    let target: [&dyn AsRef<std::ffi::OsStr>; 4] =
        [&"-d", &folder.path().join("next"), &"--local-port", &"0"];
    absctl(&[&common[..], &target].concat()).fails(1, "--stop-xdr");
    absctl(&[&common[..], &[&"--stop-xdr", &"--unblock-mrt"]].concat()).succeeds();
    assert_eq!(data_centres(&cluster), [false, false]);
    cluster.ship(|shipping| shipping.hold_recovery = false);
    absctl(&[&common[..], &target].concat()).succeeds();
    let leftovers = [
        "--remove-artifacts".to_owned(),
        format!("-d={}", path.display()),
    ];
    command(&[&"backup", &leftovers[0], &leftovers[1]])
        .assert()
        .success();
    assert!(names(&path).is_empty());
}

#[test]
fn a_signal_takes_everything_back() {
    let cluster = enterprise(Shipping {
        hold_recovery: true,
        ..Shipping::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let mut run = Background::start(&cluster, &path);
    until(|| data_centres(&cluster) == [true, true]);
    let pid = run.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(run.0.wait().unwrap().code(), Some(130));
    assert_eq!(data_centres(&cluster), [false, false]);
    assert!(!path.exists() || names(&path).is_empty());
    assert!(cluster.put(
        NAMESPACE,
        &RawRecord::for_key("s", 1, &[0; 8]).bin(b"n", 1, &[0; 8])
    ));
    assert!(fs::read_dir(folder.path()).is_ok());
}

#[test]
fn a_backup_is_validated_and_restored_with_what_lies_beside_it() {
    let cluster = enterprise(Shipping::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    let port: [&dyn AsRef<std::ffi::OsStr>; 2] = [&"--local-port", &"0"];
    let common: [&dyn AsRef<std::ffi::OsStr>; 7] = [
        &"backup",
        &"xdr",
        &hosts(&cluster),
        &"-n",
        &NAMESPACE,
        &"-d",
        &path,
    ];
    absctl(&[&common[..], &port].concat()).succeeds();
    let run = absctl(&[&"restore", &"--validate", &"-d", &path]).succeeds();
    assert_eq!(run.reported("Records Read"), cluster.count(NAMESPACE));
    let target = crate::support::empty(1);
    let run = crate::support::restore(&target, &[&"-d", &path, &"--dry-run"]).succeeds();
    assert!(run.stderr.contains(" is created\n"), "{run:?}");
    assert!(run.stderr.contains(".asbx: "), "{run:?}");
    let is_empty = target.udfs().is_empty() && target.indexes().is_empty();
    assert!(is_empty && target.count(NAMESPACE) == 0);
    let run = crate::support::restore(&target, &[&"-d", &path]).succeeds();
    assert_eq!(run.reported("Inserted Records"), cluster.count(NAMESPACE));
    assert_eq!(target.count(NAMESPACE), cluster.count(NAMESPACE));
    assert_eq!(
        (target.udfs(), target.indexes()),
        (cluster.udfs(), cluster.indexes())
    );

    // Only one kind, and what makes no sense for it.
    let target = crate::support::empty(1);
    crate::support::restore(&target, &[&"-d", &path, &"--mode", &"asb"]).succeeds();
    assert_eq!(
        (target.count(NAMESPACE), target.udfs()),
        (0, cluster.udfs())
    );
    let target = crate::support::empty(1);
    crate::support::restore(&target, &[&"-d", &path, &"--mode", &"asbx"]).succeeds();
    assert_eq!(target.count(NAMESPACE), cluster.count(NAMESPACE));
    assert!(target.udfs().is_empty());
    for args in [
        &["--mode", "asbx", "--no-udfs"][..],
        &["--extra-ttl", "5"],
        &["--set-list", "s"],
        &["--bin-list", "b"],
        &["--disable-batch-writes"],
    ] {
        let flag = args.iter().rfind(|arg| arg.starts_with("--")).unwrap();
        let args: Vec<&dyn AsRef<std::ffi::OsStr>> = args.iter().map(|arg| arg as _).collect();
        let common: [&dyn AsRef<std::ffi::OsStr>; 2] = [&"-d", &path];
        crate::support::restore(&target, &[&common[..], &args].concat()).fails(1, flag);
    }
    // Everything is there: kept, or replaced.
    let run = crate::support::restore(&target, &[&"-d", &path, &"--unique"]).succeeds();
    assert_eq!(run.reported("Existed Records"), cluster.count(NAMESPACE));
    let run = crate::support::restore(&target, &[&"-d", &path, &"-r", &"-g"]).succeeds();
    assert_eq!(run.reported("Inserted Records"), cluster.count(NAMESPACE));
    crate::support::restore(&target, &[&"-d", &path, &"--no-records"]).succeeds();
    assert_eq!(target.udfs(), cluster.udfs());
}

/// A run of a whole backup with more flags.
fn ship(cluster: &Cluster, path: &Path, flags: &[&str]) -> crate::support::Run {
    let hosts = hosts(cluster);
    let common: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"backup", &"xdr", &hosts, &"-ntest", &"-d", &path];
    let flags = flags.iter().map(|flag| flag as &dyn AsRef<std::ffi::OsStr>);
    absctl(&common.into_iter().chain(flags).collect::<Vec<_>>())
}

/// A port that nobody uses now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn the_nodes_are_told_what_was_asked_for() {
    let cluster = enterprise(Shipping {
        hold_recovery: true,
        ..Shipping::default()
    });
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let local = format!("--local-port={port}");
    let flags = [
        "--dc=east",
        "--max-throughput=500",
        "--forward",
        "--local-address=localhost",
        &local,
        "--local-bind-all",
    ];
    let path = folder.path().join("set");
    let _run = Background::start_with(&cluster, &path, &flags);
    for node in 0..2 {
        let namespace = "get-config:context=xdr;dc=east;namespace=test";
        until(|| ask(&cluster, node, namespace).contains("forward=true"));
        assert!(ask(&cluster, node, namespace).contains("max-throughput=500;"));
        let dc = ask(&cluster, node, "get-config:context=xdr;dc=east");
        assert!(
            dc.contains(&format!("node-address-port=localhost:{port};")),
            "{dc}"
        );
    }
    // Everywhere, and not on the given address alone.
    if cfg!(target_os = "linux") {
        assert!(TcpStream::connect(("127.0.0.2", port)).is_ok());
    }
}

#[test]
fn a_rewind_takes_what_changed_since() {
    let cluster = enterprise(Shipping::default());
    let now = cluster.clock().now_ms();
    let old = cluster.count(NAMESPACE);
    for n in 0..20_u64 {
        let mut record = RawRecord::for_key("new", 1, &n.to_be_bytes()).bin(b"n", 1, &[0; 8]);
        record.last_update_ms = now - n * 100_000;
        assert!(cluster.put(NAMESPACE, &record));
    }
    for mut record in cluster.records(NAMESPACE) {
        if record.set.as_deref() != Some(b"new") {
            record.last_update_ms = now - 1_000_000_000;
            assert!(cluster.put(NAMESPACE, &record));
        }
    }
    assert!(old > 20);
    let folder = tempfile::tempdir().unwrap();
    let run = ship(
        &cluster,
        folder.path(),
        &["--local-port=0", "--rewind=1050"],
    )
    .succeeds();
    assert_eq!(run.reported("Records Received"), 11);
}

#[test]
fn queues_of_one_message_lose_nothing() {
    let cluster = enterprise(Shipping::default());
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        "--local-port=0",
        "--ack-queue-size=1",
        "--results-queue-size=1",
    ];
    let run = ship(&cluster, folder.path(), &flags).succeeds();
    assert_eq!(run.reported("Records Received"), cluster.count(NAMESPACE));
}

#[test]
fn nodes_ship_by_tls() {
    let authority = Authority::new("test");
    let folder = tempfile::tempdir().unwrap();
    let ca = authority.write_to(folder.path()).unwrap();
    let own = authority
        .server(&["localhost"])
        .write_to(folder.path(), "own")
        .unwrap();
    let node = authority.client("node");
    let mut known = authority.client_settings();
    (known.certificate, known.key) = (Some(node.certificate_source()), Some(node.key_source()));
    let start = |settings| {
        let cluster = Cluster::builder()
            .namespace(NamespaceConfig::new(NAMESPACE))
            .edition(Edition::Enterprise)
            .shipping_tls(settings)
            .start()
            .unwrap();
        generate::load(&cluster, NAMESPACE, generate::Shape::Types, 100, 7);
        cluster
    };
    let flag = |name: &str, path: &Path| format!("--xdr-tls-{name}={}", path.display());
    let flags = [
        flag("certfile", &own.certificate),
        flag("keyfile", &own.key),
        flag("cafile", &ca),
    ];
    let run = |cluster: &Cluster, name: &str, more: &[&str]| {
        let listener = ["--local-port=0", "--local-address=localhost"];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let all = [&listener[..], &flags, more].concat();
        ship(cluster, &folder.path().join(name), &all)
    };
    let cluster = start(known);
    let sent = run(&cluster, "set", &[]).succeeds();
    assert_eq!(sent.reported("Records Received"), cluster.count(NAMESPACE));
    // A node that has no certificate of its own is not let in.
    let stranger = start(authority.client_settings());
    run(&stranger, "none", &["--start-timeout=500"]).fails(1, "no record arrived");
}

/// The message of `asbx-binary.md` §5.
fn recorded_message() -> Vec<u8> {
    const HEX: &str = "02030000000000781610011000000000000300278d0000000000000500020000\
        000500746573740000001504dc2e595bc2a0d8c6290c474d74e71b23e3ed846a\
        000000050164656d6f0000000a02010000000000000007000000090e00000074\
        6a5288000000000d0201000161000000000000002a0000000702030001736869";
    let byte = |at| u8::from_str_radix(&HEX[at..at + 2], 16).expect("hex");
    (0..HEX.len()).step_by(2).map(byte).collect()
}

/// A run to which no node ships anything, and a connection to it.
struct Awaiting {
    _run: Background,
    _cluster: Cluster,
    _folder: tempfile::TempDir,
    port: u16,
    first: TcpStream,
}

fn awaiting(flags: &[&str]) -> Awaiting {
    let cluster = enterprise(Shipping {
        paused: true,
        ..Shipping::default()
    });
    let folder = tempfile::tempdir().expect("directory");
    let port = free_port();
    let local = format!("--local-port={port}");
    let flags = [flags, &[local.as_str()]].concat();
    let run = Background::start_with(&cluster, &folder.path().join("set"), &flags);
    let mut first = None;
    until(|| {
        first = TcpStream::connect(("127.0.0.1", port)).ok();
        first.is_some()
    });
    Awaiting {
        _run: run,
        _cluster: cluster,
        _folder: folder,
        port,
        first: first.expect("a connection"),
    }
}

#[test]
fn connections_are_limited_in_number_and_patience() {
    let mut run = awaiting(&["--max-connections=1", "--read-timeout=60000"]);
    let mut second = TcpStream::connect(("127.0.0.1", run.port)).unwrap();
    assert_eq!(second.read(&mut [0; 1]).unwrap_or(0), 0, "closed at once");
    // A message that takes longer than usual is waited for.
    let message = recorded_message();
    let (start, rest) = message.split_at(20);
    run.first.write_all(start).unwrap();
    std::thread::sleep(Duration::from_millis(1500)); // longer than the default
    run.first.write_all(rest).unwrap();
    let mut ack = [0xff; 30];
    run.first.read_exact(&mut ack).unwrap();
    assert_eq!(ack[13], 0);
}

#[test]
fn a_node_that_takes_no_answers_is_left() {
    let mut run = awaiting(&["--write-timeout=2000", "--ack-queue-size=4"]);
    let (begun, many) = (Instant::now(), recorded_message().repeat(1000));
    while run.first.write_all(&many).is_ok() {}
    let waited = begun.elapsed();
    assert!(
        waited >= Duration::from_secs(2),
        "{waited:?}: twice the default"
    );
}

#[test]
fn a_restore_of_messages_has_limits_of_speed() {
    let cluster = enterprise(Shipping::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    ship(&cluster, &path, &["--local-port=0"]).succeeds();
    let run = |flags: &[&str]| {
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"-d", &path];
        flags.iter().for_each(|flag| args.push(flag));
        let begun = Instant::now();
        let run = crate::support::restore(&crate::support::empty(1), &args).succeeds();
        assert_eq!(run.reported("Inserted Records"), cluster.count(NAMESPACE));
        begun.elapsed()
    };
    // 500 messages, of which a tenth of a second's may come at once.
    assert!(run(&["--records-per-second=250"]) > Duration::from_millis(1700));
    run(&["--bandwidth=1000", "-L=1000000"]);
}
