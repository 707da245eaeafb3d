//! Configuration that is changed while the cluster runs, and what runs by its clock.

use crate::client::{
    Client, Request, all_partitions, batch, cluster, cluster_with, scan_request, scanned, until,
};
use asnode::Cluster;
use std::time::Duration;

const SERVICE: &str = "set-config:context=service;";
const NAMESPACE: &str = "set-config:context=namespace;namespace=test;";

fn set(client: &mut Client, context: &str, change: &str) {
    assert_eq!(client.info(&format!("{context}{change}")), "ok", "{change}");
}

fn service_has(client: &mut Client, item: &str) -> bool {
    let config = client.info("get-config:context=service");
    config.split(';').any(|found| found == item)
}

#[test]
fn unknown_items_are_refused_and_change_nothing() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let invalid = "ERROR:4:invalid set-config parameter";
    let before = client.info("get-config:context=service");
    for change in [
        "context=service;nonsense=1",
        "context=service;proto-fd-max=many",
        "context=service;proto-fd-max=-1",
        "context=namespace;namespace=test;nonsense=1",
        "context=namespace;namespace=test;apply-ttl-reductions=perhaps",
        "context=namespace;namespace=test;set=s;nonsense=1",
        "context=namespace;namespace=test;set=s;stop-writes-count=few",
    ] {
        assert_eq!(client.info(&format!("set-config:{change}")), invalid);
    }
    assert_eq!(client.info("get-config:context=service"), before);
    assert_eq!(
        client.info("set-config:context=nope;a=b"),
        "ERROR:4:invalid context"
    );
}

#[test]
fn batches_can_be_limited_and_switched_off() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let rows: Vec<_> = (0..3)
        .map(|i| Request::put("s", &i.to_string()).int("n", 1).row(i))
        .collect();
    let result = |client: &mut Client| {
        let reply = client.collect(&batch(0x05, &rows));
        (reply.len(), reply.last().unwrap().result())
    };
    set(&mut client, SERVICE, "batch-max-requests=2");
    assert_eq!(result(&mut client), (1, 151));
    set(&mut client, SERVICE, "batch-max-requests=3");
    assert_eq!(result(&mut client), (4, 0));
    set(&mut client, SERVICE, "batch-index-threads=0");
    assert!(service_has(&mut client, "batch-index-threads=0"));
    assert_eq!(result(&mut client), (1, 150));
}

#[test]
fn the_number_of_scans_is_limited_while_they_run() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    for i in 0..20 {
        client.call(&Request::put("s", &i.to_string()).int("n", 1).bytes());
    }
    set(&mut client, SERVICE, "query-threads-limit=1");
    assert!(service_has(&mut client, "query-threads-limit=1"));
    let partitions = all_partitions();
    let slow = scan_request(&partitions, |scan| {
        (scan.records_per_second, scan.query_id) = (1, 777);
    });
    let mut first = Client::connect(&cluster);
    first.send(&slow);
    until(|| client.info("query-show:id=777").contains("active(ok)"));
    let scan = scan_request(&partitions, |_| {});
    assert_eq!(client.collect(&scan)[0].result(), 22);
    set(&mut client, SERVICE, "query-threads-limit=2");
    assert_eq!(scanned(&client.collect(&scan)).len(), 20);
    set(&mut client, SERVICE, "query-max-done=0");
    assert_eq!(client.info("query-abort:id=777"), "ok");
    until(|| first.frame().unwrap()[8 + 3] == 1); // the last message
    assert_eq!(client.info("query-show:id=777"), "ERROR:2:job not found");
}

/// Whether a new connection is served.
fn is_served(cluster: &Cluster) -> Option<Client> {
    let mut client = Client::connect(cluster);
    client.try_info("build").map(|_| client)
}

#[test]
fn connections_beyond_the_cap_are_closed_at_once() {
    let cluster = Cluster::builder().connection_limit(2).start().unwrap();
    let (mut first, second) = (is_served(&cluster).unwrap(), is_served(&cluster).unwrap());
    assert!(is_served(&cluster).is_none());
    assert!(first.info("statistics").contains(";client_connections=2;"));
    set(&mut first, SERVICE, "proto-fd-max=3");
    let third = is_served(&cluster).unwrap();
    assert!(is_served(&cluster).is_none());
    drop((second, third));
    until(|| is_served(&cluster).is_some()); // the node has seen them go
}

#[test]
fn idle_connections_are_closed() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let mut idle = Client::connect(&cluster);
    set(&mut client, SERVICE, "proto-fd-idle-ms=20");
    assert_eq!(
        idle.info("build"),
        "8.1.2.0",
        "it has the limit from now on"
    );
    assert!(idle.is_closed());
}

#[test]
fn sets_have_limits_and_defaults_of_their_own() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let put = |set: &str, key: &str| Request::put(set, key).int("n", 1).bytes();
    set(&mut client, NAMESPACE, "set=s;stop-writes-count=2");
    set(&mut client, NAMESPACE, "set=s;enable-index=true");
    set(&mut client, NAMESPACE, "set=s;default-ttl=1000");
    for (key, expected) in [("a", 0), ("b", 0), ("c", 22), ("a", 0)] {
        assert_eq!(client.call(&put("s", key)).result(), expected, "{key}");
    }
    assert_eq!(client.call(&put("other", "c")).result(), 0);
    assert!(client.call(&put("s", "a")).header.record_ttl > 0);
    let shown = client.info("sets/test/s");
    for item in [
        "default-ttl=1000:",
        "enable-index=true:",
        "stop-writes-count=2:",
    ] {
        assert!(shown.contains(item), "{item} in {shown}");
    }
}

#[test]
fn ttl_reductions_can_be_ignored() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let put = |client: &mut Client, ttl: u32| {
        let put = Request::put("s", "k").int("n", 1);
        let put = put.with(|header| header.record_ttl = ttl);
        client.call(&put.bytes()).header.record_ttl
    };
    let long = put(&mut client, 5000);
    assert!(put(&mut client, 1000) < long);
    let long = put(&mut client, 5000);
    set(&mut client, NAMESPACE, "apply-ttl-reductions=false");
    assert_eq!(put(&mut client, 1000), long);
    assert!(put(&mut client, 6000) > long);
    assert_eq!(put(&mut client, u32::MAX), 0);
    assert_eq!(put(&mut client, 1000), 0, "never is longer than any time");
}

#[test]
fn expired_records_are_removed_every_period() {
    let cluster = cluster_with(|config| config.nsup_period_s = 120);
    let mut client = Client::connect(&cluster);
    for (key, ttl) in [("short", 10), ("long", 10_000), ("endless", u32::MAX)] {
        let put = Request::put("s", key).int("n", 1);
        client.call(&put.with(|header| header.record_ttl = ttl).bytes());
    }
    let figures = |client: &mut Client| {
        let text = client.info("namespace/test");
        ["objects", "expired_objects", "non_expirable_objects"].map(|key| {
            let found = text.split(';').filter_map(|pair| pair.split_once('='));
            let mut found = found
                .filter(|(name, _)| *name == key)
                .map(|(_, value)| value);
            found.next_back().unwrap().parse::<u32>().unwrap()
        })
    };
    cluster.clock().advance(Duration::from_secs(20));
    assert_eq!(client.call(&Request::get("s", "short").bytes()).result(), 2);
    assert_eq!(figures(&mut client), [3, 0, 1], "hidden, and still there");
    cluster.clock().advance(Duration::from_secs(120));
    assert_eq!(figures(&mut client), [2, 1, 1]);
    assert_eq!(cluster.count("test"), 2);
    set(&mut client, NAMESPACE, "nsup-period=0");
    cluster.clock().advance(Duration::from_secs(20_000));
    assert_eq!(figures(&mut client), [2, 1, 1], "switched off");
    cluster.clock().jump(-30_000_000);
    set(&mut client, NAMESPACE, "nsup-period=60");
    assert_eq!(figures(&mut client), [2, 1, 1], "a clock that went back");
    cluster.clock().advance(Duration::from_secs(30_000));
    assert!(client.info("sets/test/s").starts_with("objects=1:"));
}

#[test]
fn migrations_are_told_and_make_the_cluster_unstable() {
    let cluster = Cluster::builder().nodes(2).start().unwrap();
    let mut client = Client::connect(&cluster);
    let stable = "cluster-stable:size=2;ignore-migrations=";
    let key = client.info(&format!("{stable}false"));
    cluster.set_migrations_remaining(17);
    assert_eq!(
        client.info(&format!("{stable}false")),
        "ERROR:7:unstable cluster"
    );
    assert_eq!(client.info("cluster-stable"), "ERROR:7:unstable cluster");
    assert_eq!(client.info(&format!("{stable}true")), key);
    let figures = client.info("namespace/test");
    assert!(figures.contains(";migrate_tx_partitions_remaining=17;"));
    assert!(figures.contains(";migrate_rx_partitions_remaining=17;"));
    let statistics = client.info("statistics");
    assert!(statistics.contains(";migrate_partitions_remaining=17;"));
    cluster.set_migrations_remaining(0);
    assert_eq!(client.info("cluster-stable"), key);
}
