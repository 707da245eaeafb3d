//! Clusters behind TLS, and addresses beside the usual ones.

use crate::{
    security::{external, internal, read_all, users, write},
    support::*,
    write::OK,
};
use asnode::{
    Cluster, ClusterBuilder, NamespaceConfig, SecurityConfig, TlsPort,
    faults::{On, Reaction, Rule},
};
use backup_cluster::{
    auth::AuthMode,
    client::{AerospikeView, ConnectOptions},
    error::Error,
    net_tls::{client::ClientSettings, pem::Source, protocols::Protocols, server::ServerSettings},
    view::{ClusterView, Host},
};
use net_tls::testing::Authority;
use std::{collections::BTreeSet, error::Error as _, net::SocketAddr, sync::Arc, time::Duration};

const NAME: &str = "node.test";

fn builder(nodes: usize) -> ClusterBuilder {
    Cluster::builder()
        .nodes(nodes)
        .namespace(NamespaceConfig::new(NAMESPACE))
}

fn port(authority: &Authority) -> TlsPort {
    TlsPort::new(NAME, authority.server_settings(&[NAME]))
}

/// A port where clients have to show a certificate of the same authority.
fn mutual_port(authority: &Authority) -> TlsPort {
    let settings = ServerSettings {
        client_ca: Some(Source::text("client CA", authority.certificate())),
        ..authority.server_settings(&[NAME])
    };
    TlsPort::new(NAME, settings)
}

fn as_user(authority: &Authority, user: &str) -> ClientSettings {
    let identity = authority.client(user);
    ClientSettings {
        certificate: Some(identity.certificate_source()),
        key: Some(identity.key_source()),
        ..authority.client_settings()
    }
}

fn seed(address: SocketAddr, tls_name: &str) -> Host {
    Host {
        tls_name: Some(tls_name.to_owned()),
        ..Host::from(address)
    }
}

/// Options for the TLS port of the first node.
fn options(cluster: &Cluster, tls: ClientSettings) -> ConnectOptions {
    let address = cluster.tls_addresses()[0].unwrap();
    ConnectOptions {
        seeds: vec![seed(address, NAME)],
        tls: Some(tls),
        ..connect_options(cluster)
    }
}

async fn connect(options: &ConnectOptions) -> Result<Arc<AerospikeView>, Error> {
    AerospikeView::connect(options).await.map(Arc::new)
}

/// The ports by which a view reaches its nodes.
fn ports(view: &AerospikeView) -> BTreeSet<u16> {
    view.nodes().iter().map(|node| node.host.port).collect()
}

fn ports_of(addresses: Vec<Option<SocketAddr>>) -> BTreeSet<u16> {
    let ports = addresses.into_iter().map(|address| address.unwrap().port());
    ports.collect()
}

/// The refusal of a connection, which no retry mends, with its cause.
async fn refused(options: &ConnectOptions) -> String {
    let error = connect(options).await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert!(error.is_access() && !error.is_retryable() && !error.is_unreachable());
    format!("{error}: {}", error.source().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_pass_through_tls_on_all_nodes() {
    let authority = Authority::new("Test CA");
    let other = TlsPort::new("other.test", authority.server_settings(&["other.test"]));
    let cluster = builder(3)
        .tls(port(&authority))
        .tls_of(2, other)
        .start()
        .unwrap();
    fill(&cluster, 3000);
    for protocols in [Protocols::ALL, Protocols::TLS12] {
        let tls = ClientSettings {
            protocols,
            ..authority.client_settings()
        };
        let view = connect(&options(&cluster, tls)).await.unwrap();
        assert_eq!(ports(&view), ports_of(cluster.tls_addresses()));
        assert_eq!(read_all(&view).await.unwrap().0.records, 3000);
    }
    let view = connect(&options(&cluster, authority.client_settings()))
        .await
        .unwrap();
    assert_eq!(write(view, RETRY).await.outcomes, [OK; 50]);
    assert_eq!(cluster.count(NAMESPACE), 3050);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_larger_than_the_buffers_pass_through_tls() {
    let authority = Authority::new("Test CA");
    let cluster = builder(1).tls(port(&authority)).start().unwrap();
    let value: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
    for key in 0..3u8 {
        let record = asnode::RawRecord::for_key("s", 4, &[key]).bin(b"b", 4, &value);
        assert!(cluster.put(NAMESPACE, &record));
    }
    let view = connect(&options(&cluster, authority.client_settings()))
        .await
        .unwrap();
    assert_eq!(read_all(&view).await.unwrap().0.records, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_name_or_authority_is_refused_with_its_reason() {
    let authority = Authority::new("Test CA");
    let cluster = builder(1).tls(port(&authority)).start().unwrap();
    let right = options(&cluster, authority.client_settings());
    connect(&right).await.unwrap();
    let wrong_name = ConnectOptions {
        seeds: vec![seed(cluster.tls_addresses()[0].unwrap(), "wrong.test")],
        ..right.clone()
    };
    let text = refused(&wrong_name).await;
    assert!(
        text.contains("by the name wrong.test") && text.contains("not valid for name"),
        "{text}"
    );
    // Without a name of its own, the address is the name.
    let no_name = ConnectOptions {
        seeds: vec![cluster.tls_addresses()[0].unwrap().into()],
        ..right.clone()
    };
    let text = refused(&no_name).await;
    assert!(text.contains("by the name 127.0.0.1"), "{text}");
    let stranger = Authority::new("Other CA").client_settings();
    let text = refused(&options(&cluster, stranger)).await;
    assert!(text.contains("invalid peer certificate"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_that_is_refused_gives_way_to_the_next() {
    let authority = Authority::new("Test CA");
    let cluster = builder(2).tls(port(&authority)).start().unwrap();
    let addresses = cluster.tls_addresses();
    let mut options = options(&cluster, authority.client_settings());
    options.seeds = vec![
        seed(addresses[0].unwrap(), "wrong.test"),
        seed(addresses[1].unwrap(), NAME),
    ];
    let view = connect(&options).await.unwrap();
    assert_eq!(ports(&view), ports_of(addresses));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_and_clear_ports_are_told_apart() {
    let authority = Authority::new("Test CA");
    let cluster = builder(1).tls(port(&authority)).start().unwrap();
    let quick = |seeds: Vec<Host>, tls| ConnectOptions {
        seeds,
        tls,
        connect_timeout: Duration::from_secs(3),
        info_timeout: Duration::from_secs(1),
        ..ConnectOptions::default()
    };
    let clear = cluster.addresses()[0].into();
    let error = connect(&quick(vec![clear], Some(authority.client_settings()))).await;
    assert!(matches!(error, Err(Error::Connect { .. })), "{error:?}");
    let tls = cluster.tls_addresses()[0].unwrap().into();
    let error = connect(&quick(vec![tls], None)).await;
    assert!(matches!(error, Err(Error::Connect { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls_needs_a_certificate() {
    let authority = Authority::new("Test CA");
    let cluster = builder(2).tls(mutual_port(&authority)).start().unwrap();
    fill(&cluster, 100);
    let text = refused(&options(&cluster, authority.client_settings())).await;
    assert!(text.contains("alert"), "{text}");
    let view = connect(&options(&cluster, as_user(&authority, "anyone")))
        .await
        .unwrap();
    assert_eq!(read_all(&view).await.unwrap().0.records, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_names_the_user() {
    let authority = Authority::new("Test CA");
    let security = SecurityConfig::new()
        .certificate_user("cert-user", &["read-write"])
        .session_uses(1);
    let cluster = builder(2)
        .tls(mutual_port(&authority))
        .security(security)
        .start()
        .unwrap();
    fill(&cluster, 2000);
    let pki = |user| ConnectOptions {
        auth: AuthMode::Pki,
        ..options(&cluster, as_user(&authority, user))
    };
    let view = connect(&pki("cert-user")).await.unwrap();
    let cut = Rule::new(On::Scan, Reaction::Drop).after_records(200);
    cluster.faults().add(cut.times(4));
    let (stats, digests) = read_all(&view).await.unwrap();
    let different: BTreeSet<_> = digests.0.iter().collect();
    assert_eq!((stats.records, different.len()), (2000, 2000));
    assert_eq!(write(view, RETRY).await.outcomes, [OK; 50]);

    let error = connect(&pki("stranger")).await.unwrap_err();
    assert!(matches!(error, Error::Login { .. }), "{error:?}");
    let nobody = ConnectOptions {
        auth: AuthMode::Pki,
        ..options(&cluster, authority.client_settings())
    };
    let error = connect(&nobody).await.unwrap_err();
    assert!(matches!(error, Error::Settings { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_go_through_tls() {
    let authority = Authority::new("Test CA");
    let cluster = builder(1)
        .tls(port(&authority))
        .security(users())
        .start()
        .unwrap();
    fill(&cluster, 100);
    for auth in [internal("reader", "secret"), external(false)] {
        let options = ConnectOptions {
            auth,
            ..options(&cluster, authority.client_settings())
        };
        let view = connect(&options).await.unwrap();
        assert_eq!(read_all(&view).await.unwrap().0.records, 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternate_addresses_are_used_when_asked_for() {
    let authority = Authority::new("Test CA");
    let cluster = builder(3)
        .tls(port(&authority))
        .alternate_addresses()
        .start()
        .unwrap();
    fill(&cluster, 300);
    let alternate = ConnectOptions {
        seeds: vec![cluster.alternate_addresses()[0].unwrap().into()],
        services_alternate: true,
        ..connect_options(&cluster)
    };
    let view = connect(&alternate).await.unwrap();
    assert_eq!(ports(&view), ports_of(cluster.alternate_addresses()));
    assert_eq!(read_all(&view).await.unwrap().0.records, 300);

    let with_tls = ConnectOptions {
        seeds: vec![seed(cluster.alternate_tls_addresses()[0].unwrap(), NAME)],
        tls: Some(authority.client_settings()),
        ..alternate.clone()
    };
    let view = connect(&with_tls).await.unwrap();
    assert_eq!(ports(&view), ports_of(cluster.alternate_tls_addresses()));
    assert_eq!(read_all(&view).await.unwrap().0.records, 300);
}
