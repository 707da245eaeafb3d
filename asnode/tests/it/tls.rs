//! Ports with TLS: handshakes, certificates of clients, and everything else as without it.

use crate::{
    admin::SECRET,
    client::{Client, Request, all_partitions, batch, cluster, scan_request, scanned},
};
use aerospike_wire::admin::{code, command};
use asnode::{
    Cluster, ClusterBuilder, Edition, NodeLoss, RawRecord, SecurityConfig, TlsPort,
    faults::{On, Reaction, Rule},
};
use net_tls::{client::ClientSettings, names, protocols::Protocols, testing::Authority};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

const NAME: &str = "node.test";

type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

/// A client that has connected to the first node.
fn connect(cluster: &Cluster, config: &Arc<ClientConfig>) -> TlsClient {
    to(cluster, 0, NAME, config)
}

/// A client that verifies node `node` by `name`, once it sends something.
fn to(cluster: &Cluster, node: usize, name: &str, config: &Arc<ClientConfig>) -> TlsClient {
    let Client { stream } = Client::to(cluster.tls_addresses()[node].unwrap());
    let name = names::server_name(name).unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    Client {
        stream: StreamOwned::new(connection, stream),
    }
}

fn builder(authority: &Authority) -> ClusterBuilder {
    let settings = authority.server_settings(&[NAME]);
    Cluster::builder().tls(TlsPort::new(NAME, settings))
}

/// Nodes that ask clients for a certificate of the same authority.
fn mutual(authority: &Authority) -> ClusterBuilder {
    let mut settings = authority.server_settings(&[NAME]);
    settings.client_ca = authority.client_settings().ca_file;
    Cluster::builder().tls(TlsPort::new(NAME, settings))
}

fn with_certificate(authority: &Authority, user: &str) -> Arc<ClientConfig> {
    let identity = authority.client(user);
    let settings = ClientSettings {
        certificate: Some(identity.certificate_source()),
        key: Some(identity.key_source()),
        ..authority.client_settings()
    };
    settings.build().unwrap()
}

/// Whether the node serves the client.
fn is_served(mut client: TlsClient) -> bool {
    let mut request = Vec::new();
    aerospike_wire::info::request(&mut request, &["status"]);
    client.stream.write_all(&request).is_ok() && client.frame().is_ok()
}

#[test]
fn requests_and_large_replies() {
    let authority = Authority::new("Test CA");
    let cluster = builder(&authority).start().unwrap();
    let config = authority.client_settings().build().unwrap();
    let mut client = connect(&cluster, &config);
    assert_eq!(client.info("node"), "A1");
    assert!(client.info("edition").contains("Enterprise"));
    let value = vec![7; 900_000];
    for key in ["a", "b", "c", "d"] {
        let put = Request::put("s", key).op(2, 4, "v", &value);
        assert_eq!(client.call(&put.bytes()).result(), 0);
    }
    let found = client.collect(&scan_request(&all_partitions(), |_| {}));
    assert_eq!(scanned(&found).len(), 4);
    let rows: Vec<_> = (0..4)
        .zip(["a", "b", "c", "d"])
        .map(|(i, k)| Request::get("s", k).row(i))
        .collect();
    let found = client.collect(&batch(4, &rows));
    assert!(found[..4].iter().all(|msg| msg.ops[0].3 == value));
    let mut plain = Client::connect(&cluster);
    assert_eq!(
        plain.call(&Request::get("s", "a").bytes()).result(),
        0,
        "the plain port is there"
    );
}

#[test]
fn addresses_and_names_are_announced() {
    let authority = Authority::new("Test CA");
    let other = TlsPort::new("other.test", authority.server_settings(&["other.test"]));
    let cluster = builder(&authority)
        .nodes(2)
        .tls_of(1, other)
        .start()
        .unwrap();
    let config = authority.client_settings().build().unwrap();
    let mut client = connect(&cluster, &config);
    let addresses: Vec<_> = cluster.tls_addresses().into_iter().flatten().collect();
    assert_eq!(client.info("service-tls-std"), addresses[0].to_string());
    assert_eq!(client.info("service-tls-alt"), "");
    let port = format!(
        ";service.tls-name=node.test;service.tls-port={};",
        addresses[0].port()
    );
    assert!(client.info("get-config:context=network").contains(&port));
    let peers = format!("2,4333,[[A2,other.test,[{}]]]", addresses[1]);
    assert_eq!(client.info("peers-tls-std"), peers);
    assert_eq!(client.info("peers-tls-alt"), "2,4333,[]");
    assert_eq!(to(&cluster, 1, "other.test", &config).info("node"), "A2");
    assert!(!is_served(to(&cluster, 1, NAME, &config)));
    let seed = format!("127.0.0.1:other.test:{}", addresses[1].port());
    assert_eq!(cluster.tls_seeds()[1], seed);
}

#[test]
fn nodes_without_tls_say_so_by_edition() {
    let table = [
        (
            Edition::Community,
            "ERROR:25:enterprise only",
            "ERROR:25:enterprise only",
        ),
        (Edition::Enterprise, "", "0,4333,[]"),
    ];
    for (edition, own, peers) in table {
        let cluster = Cluster::builder().edition(edition).start().unwrap();
        let mut client = Client::connect(&cluster);
        assert_eq!(client.info("service-tls-std"), own);
        assert_eq!(client.info("peers-tls-std"), peers);
    }
}

#[test]
fn clients_choose_versions_and_need_not_send_a_name() {
    let authority = Authority::new("Test CA");
    let cluster = builder(&authority).start().unwrap();
    let old = ClientSettings {
        protocols: "TLSv1.2".parse().unwrap(),
        ..authority.client_settings()
    };
    let mut nameless = ClientConfig::clone(&authority.client_settings().build().unwrap());
    nameless.enable_sni = false;
    let strict = Authority::new("Other CA").client_settings();
    assert!(is_served(connect(&cluster, &old.build().unwrap())));
    assert!(is_served(connect(&cluster, &Arc::new(nameless))));
    assert!(
        !is_served(connect(&cluster, &strict.build().unwrap())),
        "unknown authority"
    );
    let mut settings = authority.server_settings(&[NAME]);
    settings.protocols = "TLSv1.3".parse::<Protocols>().unwrap();
    let modern = Cluster::builder()
        .tls(TlsPort::new(NAME, settings))
        .start()
        .unwrap();
    assert!(!is_served(connect(&modern, &old.build().unwrap())));
    assert!(is_served(connect(
        &modern,
        &authority.client_settings().build().unwrap()
    )));
}

#[test]
fn mutual_tls_wants_a_certificate() {
    let authority = Authority::new("Test CA");
    let cluster = mutual(&authority).start().unwrap();
    assert!(is_served(connect(
        &cluster,
        &with_certificate(&authority, "ann")
    )));
    let without = authority.client_settings().build().unwrap();
    assert!(!is_served(connect(&cluster, &without)));
    let stranger = Authority::new("Other CA").client("ann");
    let stranger = ClientSettings {
        certificate: Some(stranger.certificate_source()),
        key: Some(stranger.key_source()),
        ..authority.client_settings()
    };
    assert!(!is_served(connect(&cluster, &stranger.build().unwrap())));
}

#[test]
fn certificates_name_users() {
    let authority = Authority::new("Test CA");
    let security = SecurityConfig::new()
        .certificate_user("ann", &["read-write"])
        .user("bob", "secret", &["read"]);
    let cluster = mutual(&authority).security(security).start().unwrap();
    let ann = with_certificate(&authority, "ann");
    let mut client = connect(&cluster, &ann);
    assert_eq!(client.info_body("build"), "ERROR:80:not authenticated\n");
    let login = client.admin(command::LOGIN, &[]);
    assert_eq!(login.result, 0);
    let token = login.field(code::SESSION_TOKEN).unwrap();
    let put = Request::put("s", "k").int("a", 1).bytes();
    assert_eq!(client.call(&put).result(), 0);
    let mut second = connect(&cluster, &ann);
    let answer = second.admin(command::AUTHENTICATE, &[(code::SESSION_TOKEN, token)]);
    assert_eq!(answer.result, 0);
    assert_eq!(second.call(&put).result(), 0);
    let eve = with_certificate(&authority, "eve");
    assert_eq!(
        connect(&cluster, &eve).admin(command::LOGIN, &[]).result,
        60
    );
    let mut client = connect(&cluster, &eve);
    assert_eq!(client.login("bob", SECRET).0, 0, "a password is as good");
    assert_eq!(client.call(&put).result(), 81);
}

#[test]
fn each_port_speaks_one_language() {
    let authority = Authority::new("Test CA");
    let cluster = builder(&authority).start().unwrap();
    let mut hello = Client::connect(&cluster);
    hello.send(&[22, 3, 1, 0, 0xfa, 1, 0, 0, 0xf6, 3, 3]);
    assert!(hello.is_closed());
    let mut plain = Client::to(cluster.tls_addresses()[0].unwrap());
    plain.send(&[2, 1, 0, 0, 0, 0, 0, 6, b'b', b'u', b'i', b'l', b'd', b'\n']);
    let mut alert = Vec::new();
    let _reset = plain.stream.read_to_end(&mut alert);
    assert!(alert.is_empty() || alert[0] == 21, "{alert:?}");
    let config = authority.client_settings().build().unwrap();
    assert!(is_served(connect(&cluster, &config)), "others are served");
}

#[test]
fn faults_work_through_tls() {
    let authority = Authority::new("Test CA");
    let cluster = builder(&authority).scan_frame_bytes(1).start().unwrap();
    let config = authority.client_settings().build().unwrap();
    for key in 0..20u8 {
        let record = RawRecord::for_key("s", 4, &[key]).bin(b"a", 1, &[0; 8]);
        assert!(cluster.put("test", &record));
    }
    cluster.faults().add(
        Rule::new(On::Scan, Reaction::Drop)
            .after_records(5)
            .times(1),
    );
    let mut client = connect(&cluster, &config);
    client.send(&scan_request(&all_partitions(), |_| {}));
    let frames = std::iter::from_fn(|| client.frame().ok()).count();
    assert_eq!(frames, 5);
    cluster
        .faults()
        .add(Rule::new(On::Info, Reaction::HalfFrame).times(1));
    let mut client = connect(&cluster, &config);
    let mut request = Vec::new();
    aerospike_wire::info::request(&mut request, &["build"]);
    client.send(&request);
    let mut half = [0; 11];
    client.stream.read_exact(&mut half).unwrap();
    assert_eq!(half[..2], [2, 1]);
    drop(client);
    let refuse = cluster
        .faults()
        .add(Rule::new(On::Connect, Reaction::Drop).times(1));
    assert!(!is_served(connect(&cluster, &config)));
    assert_eq!(cluster.faults().fired(refuse), 1);
    assert!(is_served(connect(&cluster, &config)));
}

#[test]
fn a_node_takes_its_tls_port_along() {
    let authority = Authority::new("Test CA");
    let cluster = builder(&authority).nodes(2).start().unwrap();
    let config = authority.client_settings().build().unwrap();
    let mut client = to(&cluster, 1, NAME, &config);
    assert_eq!(client.info("node"), "A2");
    let idle = Client::to(cluster.tls_addresses()[1].unwrap()); // does not even say hello
    assert!(cluster.kill_node(1, NodeLoss::Takeover));
    assert!(client.frame().is_err());
    assert!(TcpStream::connect(cluster.tls_addresses()[1].unwrap()).is_err());
    cluster.restart_node(1).unwrap();
    assert!(is_served(to(&cluster, 1, NAME, &config)));
    let mut retiring = to(&cluster, 1, NAME, &config);
    assert_eq!(retiring.info("node"), "A2");
    assert!(cluster.retire_node(1));
    assert!(retiring.frame().is_err());
    drop((idle, cluster)); // ends although a handshake is under way
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let authority = Authority::new("Test CA");
    let mut settings = authority.server_settings(&[NAME]);
    settings.key = authority.server(&[NAME]).key_source();
    let error = Cluster::builder()
        .tls(TlsPort::new(NAME, settings))
        .start()
        .unwrap_err();
    assert!(!error.to_string().is_empty());
    assert_eq!(cluster().tls_addresses(), [None]);
}
