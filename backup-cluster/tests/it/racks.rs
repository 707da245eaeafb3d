//! Racks and names of nodes: who is asked for what.

use crate::support::*;
use aerospike_wire::digest::{PARTITIONS, PartitionId};
use asnode::{
    Cluster, Edition, NamespaceConfig, NodeLoss,
    faults::{On, Reaction, Rule, RuleId},
};
use backup_cluster::{
    directory::NodeDirectory,
    error::Error,
    map::PartitionMap,
    racks::Racks,
    scan::{PartitionCursor, ScanOptions, scan},
    view::ClusterView,
};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// Three nodes of the Enterprise Edition in these racks, two copies of everything.
fn three(racks: [u32; 3]) -> Cluster {
    let namespace = NamespaceConfig {
        replication_factor: 2,
        rack_ids: racks.to_vec(),
        ..NamespaceConfig::new(NAMESPACE)
    };
    let builder = Cluster::builder().edition(Edition::Enterprise).nodes(3);
    let cluster = builder.namespace(namespace).start().unwrap();
    fill(&cluster, 600);
    cluster
}

/// Counts the scans that each node is asked for.
fn count_scans(cluster: &Cluster) -> Vec<RuleId> {
    let delay = Reaction::Delay(std::time::Duration::ZERO);
    let rule = |node| cluster.faults().add(Rule::new(On::Scan, delay).node(node));
    (0..3).map(rule).collect()
}

async fn read_all(cluster: &Cluster, racks: &[u32]) -> Vec<u64> {
    let view = view(cluster).await;
    let known = Racks::fetch(&*view, NAMESPACE).await.unwrap();
    let options = ScanOptions {
        retry: RETRY,
        preference: known.preference(racks),
        ..ScanOptions::new(NAMESPACE)
    };
    let counts = count_scans(cluster);
    let start = |id| PartitionCursor::start(PartitionId::new(id).unwrap());
    let mut cursors: Vec<_> = (0..PARTITIONS).map(start).collect();
    let (mut sink, cancel) = (Digests::default(), CancellationToken::new());
    scan(&*view, &options, &mut cursors, &mut sink, &cancel)
        .await
        .unwrap();
    assert_eq!(sink.0.len(), 600);
    assert_eq!(sink.0.iter().collect::<BTreeSet<_>>().len(), 600);
    counts
        .into_iter()
        .map(|rule| cluster.faults().fired(rule))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preferred_racks_are_read_from_and_the_others_only_for_the_rest() {
    let cluster = three([1, 1, 2]);
    // Every partition has one of its two copies in rack 1.
    assert_eq!(read_all(&cluster, &[1]).await, [1, 1, 0]);
    assert_eq!(read_all(&cluster, &[1, 2]).await, [1, 1, 0]);
    // Rack 2 does not hold everything.
    let scans = read_all(&cluster, &[2]).await;
    assert!(scans[2] == 1 && scans[0] + scans[1] > 0, "{scans:?}");
    assert_eq!(read_all(&cluster, &[9]).await, [1, 1, 1], "no such rack");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_rack_takes_over_when_the_preferred_one_is_lost() {
    let cluster = three([1, 2, 2]);
    let dying = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::Takeover)).node(0);
    cluster.faults().add(dying.after_total_records(20).times(1));
    let scans = read_all(&cluster, &[1]).await;
    assert!(scans[1] + scans[2] > 0, "{scans:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_community_edition_has_no_racks() {
    let cluster = cluster(1);
    let refused = Racks::fetch(&*view(&cluster).await, NAMESPACE).await;
    let Err(error @ Error::NoRacks { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(error.to_string().contains("Enterprise"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_known_by_id_and_address_and_master_their_partitions() {
    let cluster = three([0; 3]);
    let view = view(&cluster).await;
    let directory = NodeDirectory::fetch(&*view).await.unwrap();
    let map = PartitionMap::fetch(&*view, NAMESPACE).await.unwrap();
    for (index, address) in cluster.addresses().iter().enumerate() {
        let id = cluster.node_ids()[index].to_lowercase();
        let node = directory.find(&address.to_string()).unwrap();
        assert_eq!(directory.find(&id), Some(node));
        let mastered = map.mastered_by(|name| name == node);
        let expected = (0..PARTITIONS).filter(|id| cluster.owners(NAMESPACE, *id)[0] == index);
        assert!(mastered.iter().map(|id| id.get()).eq(expected));
    }
    assert_eq!(directory.find("127.0.0.1:1"), None);
    assert_eq!(directory.describe().count(), view.nodes().len());
}
