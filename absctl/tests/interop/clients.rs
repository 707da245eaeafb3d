//! The official clients alone, against one node and three.

use crate::{
    clusters::{NAMESPACE, empty},
    programs::{Go, Node},
};

#[test]
fn go_client() {
    let Some(go) = Go::find() else { return };
    for nodes in [1, 3] {
        let cluster = empty(nodes);
        let run = go.client(&cluster).succeeds();
        assert_eq!(run.count("nodes"), nodes as u64);
        assert_eq!(cluster.count(NAMESPACE), 0);
        let counters = cluster.counters();
        assert!(counters.batch_rows > run.count("rows") && counters.scans > 0);
    }
}

#[test]
fn node_client() {
    let Some(node) = Node::find() else { return };
    for nodes in [1, 3] {
        let cluster = empty(nodes);
        let run = node.client(&cluster).succeeds();
        assert!(run.stdout.ends_with("all passed\n"), "{run:?}");
        assert_eq!(cluster.count(NAMESPACE), 0);
        let counters = cluster.counters();
        assert!(counters.batch_rows > 0 && counters.scans > 0);
    }
}
