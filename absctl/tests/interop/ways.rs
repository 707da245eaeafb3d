//! absctl itself, against one node and three, by all ways in.

use crate::{
    access::{WAYS, Way},
    clusters::{NAMESPACE, assert_equal, builder, fill_with_types},
    programs::absctl_by,
};
use std::thread;
use tempfile::tempdir;

/// A backup from `nodes` nodes, and a restore to four less that.
fn round_trip(way: Way, nodes: usize) {
    let (source, target) = (way.open(builder(nodes)), way.open(builder(4 - nodes)));
    fill_with_types(&source.cluster);
    let place = tempdir().expect("directory");
    absctl_by("backup", &source, place.path()).runs_clean();
    absctl_by("restore", &target, place.path()).runs_clean();
    assert_equal(&source.cluster, &target.cluster);
    assert!(target.cluster.count(NAMESPACE) >= 900);
    for side in [source, target] {
        side.assert_used();
    }
}

#[test]
fn absctl_backs_up_and_restores_by_all_ways() {
    thread::scope(|scope| {
        for way in WAYS {
            scope.spawn(move || [1, 3].map(|nodes| round_trip(way, nodes)));
        }
    });
}
