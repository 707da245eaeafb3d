//! Revocation lists and blacklists.

use crate::link::connect;
use net_tls::{
    client::ClientSettings,
    error::Error,
    pem::Source,
    revocation::RevocationCheck,
    server::ServerSettings,
    testing::{Authority, Identity},
};
use std::fs;

const NAME: &str = "node.test";

fn server(identity: &Identity) -> ServerSettings {
    ServerSettings::new(identity.certificate_source(), identity.key_source())
}

#[test]
fn revoked_certificates_are_refused() {
    let authority = Authority::new("Test CA");
    let (good, bad) = (authority.server(&[NAME]), authority.server(&[NAME]));
    for revocation in [RevocationCheck::Leaf, RevocationCheck::Chain] {
        let list = authority.revocation_list(&[&bad]);
        let client = ClientSettings {
            revocation,
            revocation_lists: vec![Source::text("crl", list)],
            ..authority.client_settings()
        };
        connect(&client, &server(&good), NAME).unwrap();
        let error = connect(&client, &server(&bad), NAME).unwrap_err();
        assert!(error.contains("Revoked"), "{error}");
    }
}

#[test]
fn lists_beside_the_authorities_are_found() {
    let authority = Authority::new("Test CA");
    let bad = authority.server(&[NAME]);
    let folder = tempfile::tempdir().unwrap();
    authority.write_to(folder.path()).unwrap();
    let list = authority.revocation_list(&[&bad]);
    fs::write(folder.path().join("list.crl"), list).unwrap();
    let check = |revocation| {
        let client = ClientSettings {
            ca_path: Some(folder.path().to_owned()),
            system_roots: false,
            revocation,
            ..ClientSettings::default()
        };
        connect(&client, &server(&bad), NAME)
    };
    assert!(
        check(RevocationCheck::Leaf)
            .unwrap_err()
            .contains("Revoked")
    );
    // Nobody asked.
    check(RevocationCheck::Off).unwrap();
}

#[test]
fn a_list_has_to_be_there_and_current() {
    let authority = Authority::new("Test CA");
    let client = |revocation_lists| ClientSettings {
        revocation: RevocationCheck::Leaf,
        revocation_lists,
        ..authority.client_settings()
    };
    let error = client(vec![]).build().unwrap_err();
    assert!(matches!(error, Error::NoRevocationList { .. }), "{error}");
    assert!(error.to_string().contains("the test CA"), "{error}");

    let identity = authority.server(&[NAME]);
    let refused = |list: String, reason: &str| {
        let client = client(vec![Source::text("crl", list)]);
        let error = connect(&client, &server(&identity), NAME).unwrap_err();
        assert!(error.contains(reason), "{error}");
    };
    refused(
        authority.outdated_revocation_list(&[]),
        "revocation list expired",
    );
    refused(
        Authority::new("Other CA").revocation_list(&[]),
        "UnknownRevocationStatus",
    );

    let no_list = Source::text("crl", authority.certificate());
    let error = client(vec![no_list]).build().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("holds no certificate revocation list"),
        "{error}"
    );
}

#[test]
fn blacklisted_certificates_are_refused() {
    let authority = Authority::new("Test CA");
    let identity = authority.server(&[NAME]);
    let serial: String = identity
        .serial
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let check = |blacklist: &str| {
        let client = ClientSettings {
            blacklist: Some(Source::text("blacklist", blacklist)),
            ..authority.client_settings()
        };
        connect(&client, &server(&identity), NAME)
    };
    let refused = |blacklist: &str| {
        let error = check(blacklist).unwrap_err();
        assert!(error.contains("Revoked"), "{error}");
    };
    refused(&serial);
    refused(&format!("\nABCDEF01\n{}\n", serial.to_uppercase()));
    refused(&format!(
        "{} /O=absctl tests/CN=Test CA",
        serial.trim_start_matches('0')
    ));
    check("").unwrap();
    check("abc").unwrap();
    check(&format!("{serial} /CN=Other CA")).unwrap();
}

#[test]
fn malformed_lines_of_a_blacklist_are_counted() {
    for line in ["xyz", "12 CN=Test", "0x12"] {
        let client = ClientSettings {
            blacklist: Some(Source::text("blacklist", format!("ab\n\n{line}\n"))),
            ..Authority::new("Test CA").client_settings()
        };
        let error = client.build().unwrap_err().to_string();
        assert!(
            error.starts_with("line 3 of the text of blacklist is not"),
            "{error}"
        );
    }
}
