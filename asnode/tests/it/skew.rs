//! Nodes whose clocks differ.

use crate::client::{Client, Request};
use asnode::Cluster;

fn shown_s(cluster: &Cluster, node: usize) -> u64 {
    let mut client = Client::to(cluster.addresses()[node]);
    let text = client.info("namespace/test");
    let shown = text
        .split(';')
        .find_map(|pair| pair.strip_prefix("current_time="));
    shown.unwrap().parse().unwrap()
}

#[test]
fn a_node_stamps_and_tells_by_its_own_clock() {
    let cluster = Cluster::builder().nodes(2).start().unwrap();
    let skews = [-500_000, 300_000];
    for (node, skew) in skews.into_iter().enumerate() {
        cluster.clock().skew(node, skew);
    }
    for number in 0..20 {
        let request = Request::put("s", &format!("k{number}")).int("n", number);
        let digest = request.digest();
        let master = cluster.owners("test", digest.partition().get())[0];
        let before_ms = cluster.clock().node_ms(master);
        let told_s = shown_s(&cluster, master);
        let mut client = Client::to(cluster.addresses()[master]);
        assert_eq!(client.call(&request.bytes()).result(), 0);
        let stored_ms = cluster.get("test", &digest).unwrap().last_update_ms;
        let after_ms = cluster.write_ms("test", &digest);
        assert!((before_ms..=after_ms).contains(&stored_ms), "node {master}");
        assert!((before_ms / 1000..=stored_ms / 1000).contains(&told_s));
        let real_ms = cluster
            .clock()
            .now_ms()
            .saturating_add_signed(skews[master]);
        assert!(real_ms.abs_diff(stored_ms) < 200_000, "node {master}");
    }
    let nobody = cluster.clock().node_ms(7);
    assert!(nobody.abs_diff(cluster.clock().now_ms()) < 200_000);
}

#[test]
fn a_last_update_time_never_goes_back() {
    let cluster = Cluster::builder().start().unwrap();
    let request = Request::put("s", "k").int("n", 1);
    let mut client = Client::connect(&cluster);
    assert_eq!(client.call(&request.bytes()).result(), 0);
    let first_ms = cluster
        .get("test", &request.digest())
        .unwrap()
        .last_update_ms;
    cluster.clock().skew(0, -60_000);
    assert_eq!(client.call(&request.bytes()).result(), 0);
    let record = cluster.get("test", &request.digest()).unwrap();
    assert_eq!((record.last_update_ms, record.generation), (first_ms, 2));
}
