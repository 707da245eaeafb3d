//! Who connects to whom, and who is refused.

use crate::link::connect;
use net_tls::{
    client::ClientSettings, names, pem::Source, protocols::Protocols, server::ServerSettings,
    testing::Authority,
};
use rustls::ProtocolVersion;

const NAME: &str = "node.test";

#[track_caller]
fn refused(client: &ClientSettings, server: &ServerSettings, name: &str, reason: &str) {
    let error = connect(client, server, name).unwrap_err();
    assert!(error.contains(reason), "{error}");
}

#[test]
fn the_tls_name_decides_not_the_address() {
    let authority = Authority::new("Test CA");
    let client = authority.client_settings();
    let server = authority.server_settings(&[NAME, "*.wild.test", "10.1.2.3"]);
    // The address is 127.0.0.1 each time.
    connect(&client, &server, NAME).unwrap();
    connect(&client, &server, "any.wild.test").unwrap();
    connect(&client, &server, "10.1.2.3").unwrap();
    refused(&client, &server, "other.test", "not valid for name");
    refused(&client, &server, "127.0.0.1", "not valid for name");
}

#[test]
fn unknown_authorities_are_refused() {
    let server = Authority::new("Test CA").server_settings(&[NAME]);
    // Same name, another key.
    let other = Authority::new("Test CA").client_settings();
    refused(&other, &server, NAME, "invalid peer certificate");
    let settings = ClientSettings {
        system_roots: true,
        ..other
    };
    refused(&settings, &server, NAME, "invalid peer certificate");
}

#[test]
fn expired_certificates_are_refused() {
    let authority = Authority::new("Test CA");
    let identity = authority.expired_server(&[NAME]);
    let server = ServerSettings::new(identity.certificate_source(), identity.key_source());
    refused(&authority.client_settings(), &server, NAME, "expired");
}

#[test]
fn mutual_tls_knows_the_user() {
    let authority = Authority::new("Test CA");
    let server = ServerSettings {
        client_ca: Some(Source::text("ca", authority.certificate())),
        ..authority.server_settings(&[NAME])
    };
    let anonymous = authority.client_settings();
    assert!(!anonymous.has_identity());
    refused(&anonymous, &server, NAME, "CertificateRequired");

    let as_user = |signed_by: &Authority| {
        let identity = signed_by.client("backup-user");
        ClientSettings {
            certificate: Some(identity.certificate_source()),
            key: Some(identity.key_source()),
            ..authority.client_settings()
        }
    };
    let known = as_user(&authority);
    assert!(known.has_identity());
    let met = connect(&known, &server, NAME).unwrap();
    let user = names::common_name(met.client.first().unwrap()).unwrap();
    assert_eq!(user.as_deref(), Some("backup-user"));

    let stranger = as_user(&Authority::new("Other CA"));
    refused(&stranger, &server, NAME, "alert");
}

#[test]
fn both_sides_keep_to_their_versions() {
    let authority = Authority::new("Test CA");
    let client = |protocols| ClientSettings {
        protocols,
        ..authority.client_settings()
    };
    let server = |protocols| ServerSettings {
        protocols,
        ..authority.server_settings(&[NAME])
    };
    let check = |ours, theirs, expected| {
        let met = connect(&client(ours), &server(theirs), NAME).unwrap();
        assert_eq!(met.version, expected);
    };
    let (tls12, tls13) = (ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3);
    check(Protocols::ALL, Protocols::ALL, tls13);
    check(Protocols::TLS12, Protocols::ALL, tls12);
    check(Protocols::ALL, Protocols::TLS12, tls12);
    check(Protocols::TLS13, Protocols::ALL, tls13);
    check(Protocols::ALL, Protocols::TLS13, tls13);
    refused(
        &client(Protocols::TLS12),
        &server(Protocols::TLS13),
        NAME,
        "ProtocolVersion",
    );
    refused(
        &client(Protocols::TLS13),
        &server(Protocols::TLS12),
        NAME,
        "ProtocolVersion",
    );
}

#[test]
fn suites_are_the_chosen_ones() {
    let authority = Authority::new("Test CA");
    let server = authority.server_settings(&[NAME]);
    let check = |protocols, ciphers: &str, expected: &str| {
        let client = ClientSettings {
            protocols,
            ciphers: ciphers.parse().unwrap(),
            ..authority.client_settings()
        };
        let met = connect(&client, &server, NAME).unwrap();
        assert_eq!(format!("{:?}", met.suite.suite()), expected);
    };
    check(
        Protocols::TLS12,
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    );
    check(
        Protocols::ALL,
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS13_CHACHA20_POLY1305_SHA256",
    );
    // Suites of 1.2 leave those of 1.3 alone.
    check(
        Protocols::ALL,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS13_AES_256_GCM_SHA384",
    );
}
