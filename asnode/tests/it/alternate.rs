//! Alternate addresses: other ports that lead to the same nodes.

use crate::client::{Client, Request};
use asnode::{Cluster, NodeLoss, TlsPort};
use net_tls::testing::Authority;
use std::{
    io::{Read, Write},
    net::TcpStream,
};

#[test]
fn alternate_ports_lead_to_the_same_node() {
    let cluster = Cluster::builder()
        .nodes(2)
        .alternate_addresses()
        .start()
        .unwrap();
    let alternates: Vec<_> = cluster
        .alternate_addresses()
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(alternates.len(), 2);
    for (i, id) in ["A1", "A2"].into_iter().enumerate() {
        assert_ne!(alternates[i], cluster.addresses()[i]);
        let mut client = Client::to(alternates[i]);
        assert_eq!(client.info("node"), id);
        assert_eq!(client.info("service-clear-alt"), alternates[i].to_string());
        assert_eq!(
            client.info("service-clear-std"),
            cluster.addresses()[i].to_string()
        );
        let other = 1 - i;
        let peer = |address| format!("2,3000,[[{},,[{address}]]]", ["A1", "A2"][other]);
        assert_eq!(client.info("peers-clear-alt"), peer(alternates[other]));
        assert_eq!(
            client.info("peers-clear-std"),
            peer(cluster.addresses()[other])
        );
    }
    let put = Request::put("s", "k").int("a", 1).bytes();
    assert_eq!(Client::to(alternates[0]).call(&put).result(), 0);
    assert_eq!(cluster.count("test"), 1);
}

#[test]
fn without_them_the_lists_are_empty() {
    let cluster = Cluster::builder().nodes(2).start().unwrap();
    let mut client = Client::connect(&cluster);
    assert_eq!(client.info("service-clear-alt"), "");
    assert_eq!(client.info("peers-clear-alt"), "2,3000,[]");
    assert_eq!(cluster.alternate_addresses(), [None, None]);
}

#[test]
fn they_close_and_open_with_the_node() {
    let cluster = Cluster::builder()
        .nodes(2)
        .alternate_addresses()
        .start()
        .unwrap();
    let alternate = cluster.alternate_addresses()[1].unwrap();
    let mut client = Client::to(alternate);
    assert_eq!(client.info("node"), "A2");
    assert!(cluster.kill_node(1, NodeLoss::Takeover));
    assert!(client.is_closed() && TcpStream::connect(alternate).is_err());
    assert_eq!(
        Client::connect(&cluster).info("peers-clear-alt"),
        "3,3000,[]"
    );
    cluster.restart_node(1).unwrap();
    assert_eq!(Client::to(alternate).info("node"), "A2");
}

#[test]
fn tls_has_its_own() {
    let authority = Authority::new("Test CA");
    let port = TlsPort::new("node.test", authority.server_settings(&["node.test"]));
    let cluster = Cluster::builder()
        .nodes(2)
        .tls(port)
        .alternate_addresses()
        .start()
        .unwrap();
    let mut client = Client::connect(&cluster);
    let found = |addresses: Vec<Option<_>>| {
        addresses
            .into_iter()
            .map(|a: Option<std::net::SocketAddr>| a.unwrap().to_string())
            .collect::<Vec<_>>()
    };
    let alternates = found(cluster.alternate_tls_addresses());
    assert_eq!(client.info("service-tls-alt"), alternates[0]);
    let peers = format!("2,4333,[[A2,node.test,[{}]]]", alternates[1]);
    assert_eq!(client.info("peers-tls-alt"), peers);
    assert_ne!(alternates, found(cluster.tls_addresses()));
}

/// A connection counts when it is accepted, before the client is in.
#[test]
fn connections_are_counted_by_kind_of_port() {
    let authority = Authority::new("Test CA");
    let port = TlsPort::new("node.test", authority.server_settings(&["node.test"]));
    let cluster = Cluster::builder()
        .tls(port)
        .alternate_addresses()
        .start()
        .unwrap();
    let expected = [
        (cluster.addresses()[0], 1, 0, 0),
        (cluster.alternate_addresses()[0].unwrap(), 2, 0, 1),
        (cluster.tls_addresses()[0].unwrap(), 3, 1, 1),
        (cluster.alternate_tls_addresses()[0].unwrap(), 4, 2, 2),
    ];
    for (address, all, tls, alternate) in expected {
        // Info is clear text: a port with TLS takes it for garbage, and closes.
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&[2, 1, 0, 0, 0, 0, 0, 5]).unwrap();
        stream.write_all(b"node\n").unwrap();
        drop(stream.read(&mut [0])); // the reply, an alert or a reset: it was accepted
        let counters = cluster.counters();
        assert_eq!(counters.connections, all);
        assert_eq!(counters.tls_connections, tls);
        assert_eq!(counters.alternate_connections, alternate);
    }
}
