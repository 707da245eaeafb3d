//! The official clients and the library backup-go alone, against one node and three, by all ways in.

use crate::{
    access::{Entrance, WAYS, Way},
    clusters::{NAMESPACE, assert_equal, builder, mix},
    programs::{Go, Node, Run},
};
use asnode::SecurityConfig;
use std::thread;
use tempfile::tempdir;

/// Runs a client by all ways; a run mostly waits.
fn by_all_ways(client: impl Fn(&Entrance) -> Run + Sync) {
    let check = |way: Way, nodes: usize| {
        let way = way.open(builder(nodes));
        client(&way).succeeds();
        way.assert_used();
        assert_eq!(way.cluster.count(NAMESPACE), 0);
        let counters = way.cluster.counters();
        assert!(counters.batch_rows > 0 && counters.scans > 0);
    };
    thread::scope(|scope| {
        for way in WAYS {
            scope.spawn(move || [1, 3].map(|nodes| check(way, nodes)));
        }
    });
}

#[test]
fn go_client() {
    let Some(go) = Go::find() else { return };
    by_all_ways(|way| {
        let run = go.client(way);
        if run.success {
            assert_eq!(run.count("nodes"), way.cluster.addresses().len() as u64);
            assert!(way.cluster.counters().batch_rows > run.count("rows"));
        }
        run
    });
}

#[test]
fn node_client() {
    let Some(node) = Node::find() else { return };
    by_all_ways(|way| {
        let run = node.client(way);
        assert!(run.stdout.ends_with("all passed\n"), "{run:?}");
        run
    });
}

#[test]
fn library() {
    let Some(go) = Go::find() else { return };
    for (way, nodes) in WAYS.into_iter().zip([1, 3].into_iter().cycle()) {
        let source = way.open(builder(nodes));
        mix(&source.cluster);
        let target = way.open(builder(4 - nodes));
        let place = tempdir().expect("directory");
        let run = go.library_by("backup", &source, place.path()).succeeds();
        assert_eq!(
            run.count("records"),
            source.cluster.count(NAMESPACE),
            "{way:?}"
        );
        go.library_by("restore", &target, place.path()).succeeds();
        assert_equal(&source.cluster, &target.cluster);
        source.assert_used();
        target.assert_used();
    }
}

#[test]
fn the_go_client_logs_in_again_when_tokens_expire() {
    const ROLES: [&str; 5] = [
        "read-write",
        "truncate",
        "udf-admin",
        "sindex-admin",
        "user-admin",
    ];
    let Some(go) = Go::find() else { return };
    let security = SecurityConfig::new().user("ann", "secret", &ROLES);
    let [plain, ..] = WAYS;
    let mut way = plain.open(builder(3).security(security.session_uses(2)));
    let login = ["--user", "ann", "--password", "secret"];
    way.args.extend(login.map(str::to_owned));
    go.client(&way).succeeds();
}
