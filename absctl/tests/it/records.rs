//! Selections of records on the command line: the rules of `cli.md` §6 and §19, one row each.

use crate::support::{Run, backup, command, empty, filled, hosts, names};
use asnode::{Cluster, Edition, NamespaceConfig, RawRecord};
use std::ffi::OsStr;
use tempfile::tempdir;

/// A digest in partition 492.
const DIGEST: &str = "7JEZLUt/jONdXXjTS8ply6qqyWA=";

fn run(cluster: &Cluster, args: &[&str], path: &std::path::Path) -> Run {
    let args = args.iter().map(|arg| arg as &dyn AsRef<OsStr>);
    let target: [&dyn AsRef<OsStr>; 2] = [&"-d", &path];
    backup(cluster, &args.chain(target).collect::<Vec<_>>())
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_touched() {
    let cluster = filled(1, 50);
    let check = |args: &[&str], parts: &[&str]| {
        let place = tempdir().expect("directory");
        let run = run(&cluster, args, &place.path().join("set"));
        for part in parts {
            assert!(run.stderr.contains(part), "{args:?}: {part} in {run:?}");
        }
        run.fails(1, parts[0]).at_once();
        assert_eq!(names(place.path()), Vec::<String>::new(), "{args:?}");
    };
    let both = |one: &[&'static str], other: &[&'static str]| [one, other].concat();
    // Names.
    check(&["-s", "a,a"], &["--set-list (-s): \"a\" is listed twice"]);
    check(
        &["--set", "a,a"],
        &["--set-list (-s): \"a\" is listed twice"],
    );
    check(&["-s", "a,,b"], &["--set-list (-s): an empty name"]);
    check(&["-s", ""], &["--set-list (-s): an empty name"]);
    check(&["-s", "'a"], &["--set-list (-s): 'a: the second '"]);
    check(
        &["-s", "<ERO~MRT"],
        &["--set-list (-s): \"<ERO~MRT\" is a set of the server's own"],
    );
    check(
        &["-s", &"x".repeat(64)],
        &["--set-list (-s)", "64 bytes: at most 63"],
    );
    check(&["-B", "a,a"], &["--bin-list (-B): \"a\" is listed twice"]);
    check(
        &["-B", &"x".repeat(16)],
        &["--bin-list (-B)", "16 bytes: at most 15"],
    );
    check(&["-B", "a,"], &["--bin-list (-B): an empty name"]);
    // Numbers.
    check(&["-M", "-1"], &["--max-records"]);
    check(&["-M", "many"], &["--max-records"]);
    // Times.
    check(
        &["-a", "2026"],
        &["--modified-after (-a): unknown time format \"2026\""],
    );
    check(
        &["-b", "2026-13-01"],
        &["--modified-before (-b): unknown time format"],
    );
    let reversed = ["-a", "2026-01-02", "-b", "2026-01-01"];
    check(
        &reversed,
        &["--modified-before (-b): the end of the time window must be later"],
    );
    let equal = ["-a", "2026-01-02", "-b", "2026-01-02"];
    check(&equal, &["must be later than its beginning"]);
    // Expressions.
    check(&["-f", "zz"], &["--filter-exp (-f): this is no base64"]);
    check(
        &["-f", "k5M="],
        &["--filter-exp (-f): the expression is not one complete"],
    );
    check(&["-f", "kUU="], &["refuses the filter expression"]);
    // Partitions.
    check(&["-X", ""], &["--partition-list (-X): the list is empty"]);
    check(
        &["-X", "4096"],
        &["--partition-list (-X): \"4096\" is no partition"],
    );
    check(&["-X", "0-4097"], &["0-4097 goes on to 4096"]);
    check(&["-X", "4090-100"], &["4090-100 goes on to 4189"]);
    check(&["-X", "0-0"], &["0-0 is a range of no partitions"]);
    check(
        &["-X", "-1"],
        &["--partition-list (-X): \"-1\" is no partition"],
    );
    check(&["-X", "1,1"], &["partition 1 is listed twice"]);
    check(&["-X", "0-10,5-10"], &["partition 5 is listed twice"]);
    check(&["-X", "0-10,5"], &["partition 5 is listed twice"]);
    check(
        &["-X", &format!("{DIGEST},492")],
        &["partition 492 is listed twice"],
    );
    check(
        &["-X", "zz"],
        &["--partition-list (-X): \"zz\" is no partition"],
    );
    check(&["-D", "zz"], &["--after-digest (-D): \"zz\" is no digest"]);
    check(
        &["-D", "AAAA"],
        &["--after-digest (-D): \"AAAA\" is no digest"],
    );
    // Nodes and racks.
    check(
        &["-l", "127.0.0.1:1"],
        &[
            "no node of the cluster is called \"127.0.0.1:1\"",
            &cluster.node_ids()[0],
        ],
    );
    check(
        &["-l", "a:1,a:1"],
        &["--node-list (-l): \"a:1\" is listed twice"],
    );
    check(&["-l", "a:1,"], &["--node-list (-l): an empty name"]);
    check(&["--rack-list", "1"], &["Community edition", "Enterprise"]);
    check(
        &["--prefer-racks", "1"],
        &["Community edition", "Enterprise"],
    );
    for flag in ["--rack-list", "--prefer-racks"] {
        check(
            &[flag, "-1"],
            &[&format!("{flag}: \"-1\" is no id of a rack")],
        );
        check(
            &[flag, "x"],
            &[&format!("{flag}: \"x\" is no id of a rack")],
        );
        check(
            &[flag, "1000001"],
            &[&format!("{flag}: rack 1000001 does not exist")],
        );
        check(&[flag, "1,1"], &[&format!("{flag}: \"1\" is listed twice")]);
        check(&[flag, "1,"], &[&format!("{flag}: \"\" is no id")]);
    }
    let prefer = ["--prefer-racks", "1"];
    for other in [["-l", "a:1"], ["--rack-list", "1"]] {
        check(
            &both(&prefer, &other),
            &["--prefer-racks: racks cannot be preferred"],
        );
    }
    // One way of choosing partitions.
    let ways = [
        ("--partition-list (-X)", ["-X", "1"]),
        ("--after-digest (-D)", ["-D", DIGEST]),
        ("--node-list (-l)", ["-l", "a:1"]),
        ("--rack-list", ["--rack-list", "1"]),
    ];
    for (index, (one, args)) in ways.iter().enumerate() {
        for (other, others) in &ways[index + 1..] {
            let message = format!("{one} and {other} exclude each other");
            check(&both(args, others), &[&message]);
        }
    }
    // Everything at once.
    check(
        &[
            "-s",
            "a,a",
            "-X",
            "4096",
            "-b",
            "x",
            "-f",
            "zz",
            "-q",
            "metadata_",
        ],
        &[
            "--set-list (-s): ",
            "--partition-list (-X): ",
            "--modified-before (-b): ",
            "--filter-exp (-f): ",
            "--output-file-prefix (-q) ",
        ],
    );
}

#[test]
fn a_wrong_command_line_does_not_even_connect() {
    let cluster = empty(1);
    let place = tempdir().expect("directory");
    for args in [
        ["-X", "4096"],
        ["-s", "a,a"],
        ["-a", "x"],
        ["--rack-list", "x"],
    ] {
        run(&cluster, &args, &place.path().join("set")).fails(1, args[0]);
    }
    assert_eq!(cluster.counters().connections, 0);
}

#[test]
fn what_the_reference_tools_refuse_or_ignore_is_taken() {
    let cluster = filled(2, 300);
    let check = |args: &[&str]| {
        let place = tempdir().expect("directory");
        run(&cluster, args, &place.path().join("set"))
            .succeeds()
            .reported("Records Read")
    };
    let all = cluster.count("test");
    for nothing in [
        "-f",
        "-a",
        "-b",
        "-D",
        "-l",
        "--rack-list",
        "--prefer-racks",
    ] {
        assert_eq!(check(&[nothing, ""]), all, "{nothing}");
    }
    let in_partitions = |range: std::ops::Range<u16>| {
        let records = cluster.records("test").into_iter();
        let held = records.filter(|record| range.contains(&record.digest.partition().get()));
        held.count() as u64
    };
    assert_eq!(check(&["-X", "0, 1"]), in_partitions(0..2));
    assert_eq!(check(&["-X", "1,2,3", "-w", "1"]), in_partitions(1..4));
    assert_eq!(check(&["-X", "0-2", "-w", "4"]), in_partitions(0..2));
    assert_eq!(check(&["-X", "0-2048,2048-2048", "-w", "16"]), all);
    assert_eq!(check(&["-M", "10", "-w", "2"]), 10);
    assert_eq!(check(&["-M", "10", "-B", "no-such-bin"]), 0);
    assert_eq!(check(&["-M", "10", "-X", "0-2048"]), 10);
    // The expression is true for all; the others are AND-ed.
    let combined = [
        "-f",
        "ww==",
        "-a",
        "2020-01-01",
        "-b",
        "2200-01-01",
        "--no-ttl-only",
    ];
    let never = cluster
        .records("test")
        .iter()
        .filter(|r| r.void_time == 0)
        .count();
    assert_eq!(check(&[&combined[..], &["-s", "no,such"]].concat()), 0);
    assert!(check(&combined) <= never as u64);
}

#[test]
fn names_of_sets_and_bins_are_taken_literally() {
    let cluster = empty(1);
    for set in ["a,b", " c", "d"] {
        let record = RawRecord::for_key(set, 3, b"k")
            .bin(b"x,y", 1, &[0; 8])
            .bin(b"z", 1, &[0; 8]);
        assert!(cluster.put("test", &record));
    }
    let check = |args: &[&str]| {
        let place = tempdir().expect("directory");
        let path = place.path().join("set");
        let count = run(&cluster, args, &path)
            .succeeds()
            .reported("Records Read");
        let mut text = String::new();
        for name in names(&path) {
            text += &std::fs::read_to_string(path.join(name)).expect("text");
        }
        (count, text)
    };
    assert_eq!(check(&["-s", "'a,b',\"d\""]).0, 2);
    assert_eq!(check(&["-s", " c"]).0, 1);
    assert_eq!(check(&["-s", "c"]).0, 0);
    let (count, text) = check(&["-B", "'x,y'"]);
    assert!(
        count == 3 && text.contains("- I x,y") && !text.contains("- I z"),
        "{text}"
    );
    let (count, text) = check(&["-x"]);
    assert!(count == 3 && !text.contains("- I"), "{text}");
}

#[test]
fn times_are_local() {
    let cluster = empty(1);
    // 2026-01-02T02:04:05Z, as milliseconds since 2010.
    let at_ms = 505_015_445_000;
    let mut record = RawRecord::for_key("s", 3, b"k").bin(b"b", 1, &[0; 8]);
    record.last_update_ms = at_ms;
    assert!(cluster.put("test", &record));
    let check = |args: &[&str], expected: u64| {
        let place = tempdir().expect("directory");
        let path = place.path().join("set");
        let host = hosts(&cluster);
        let mut args: Vec<&dyn AsRef<OsStr>> = args.iter().map(|arg| arg as _).collect();
        args.extend([&"-n" as &dyn AsRef<OsStr>, &"test", &"-d", &path]);
        args.splice(0..0, [&"backup" as &dyn AsRef<OsStr>, &host]);
        let mut program = command(&args);
        let run = Run::of(program.env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")).succeeds();
        assert_eq!(run.reported("Records Read"), expected, "{run:?}");
    };
    check(&["-a", "2026-01-02_03:04:05"], 1);
    check(&["-a", "2026-01-02_03:04:06"], 0);
    check(&["-b", "2026-01-02_03:04:06"], 1);
    check(&["-b", "2026-01-02_03:04:05"], 0);
    check(
        &["-a", "2026-01-02_02:04:05Z", "-b", "2026-01-02_02:04:06Z"],
        1,
    );
    check(&["-a", "2026-01-02", "-b", "2026-01-03"], 1);
    check(&["-a", "00:00:00"], 0);
}

#[test]
fn nodes_racks_and_digests() {
    let namespace = NamespaceConfig {
        replication_factor: 2,
        rack_ids: vec![1, 2],
        ..NamespaceConfig::new("test")
    };
    let cluster = Cluster::builder()
        .edition(Edition::Enterprise)
        .nodes(2)
        .namespace(namespace)
        .start()
        .expect("cluster");
    asnode::generate::load(&cluster, "test", asnode::generate::Shape::Types, 400, 7);
    let ids = cluster.node_ids();
    let count = |is_wanted: &dyn Fn(&RawRecord) -> bool| {
        cluster
            .records("test")
            .iter()
            .filter(|record| is_wanted(record))
            .count() as u64
    };
    let check = |args: &[&str], is_wanted: &dyn Fn(&RawRecord) -> bool| {
        let place = tempdir().expect("directory");
        let run = run(&cluster, args, &place.path().join("set")).succeeds();
        assert_eq!(run.reported("Records Read"), count(is_wanted), "{args:?}");
    };
    let master = |record: &RawRecord| cluster.owners("test", record.digest.partition().get())[0];
    check(&["-l", &ids[0]], &|record| master(record) == 0);
    check(&["-l", &cluster.seeds()[1]], &|record| master(record) == 1);
    check(&["--rack-list", "2"], &|record| master(record) == 1);
    check(&["--rack-list", "1,2"], &|_| true);
    check(&["--prefer-racks", "2,1"], &|_| true);
    let records = cluster.records("test");
    let middle = &records[records.len() / 2].digest;
    let partition = middle.partition().get();
    let text = base64_of(&middle.0);
    check(&["-D", &text], &|record| {
        let found = record.digest.partition().get();
        found > partition || found == partition && record.digest < *middle
    });
    check(&["-X", &text], &|record| {
        record.digest.partition().get() == partition && record.digest < *middle
    });
}

/// Standard base64 with padding.
fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
