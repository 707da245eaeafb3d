//! TLS names and common names.

use crate::pem::data;
use net_tls::{error::Error, names, pem};
use rustls::pki_types::CertificateDer;

#[test]
fn server_names() {
    for name in ["node.test", "10.0.0.1", "::1", "[::1]", "cluster_a"] {
        names::server_name(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["", "two words", "[node.test", "-"] {
        let error = names::server_name(name).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{name}");
        let expected = format!("`{name}` is neither a DNS name nor an IP address");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[test]
fn common_names() {
    for (file, user) in [("rsa.pem", "rsa user"), ("ec.pem", "ec user")] {
        let chain = pem::certificates(&data(file)).unwrap();
        let name = names::common_name(chain.first().unwrap()).unwrap();
        assert_eq!(name.as_deref(), Some(user));
    }
    let error = names::common_name(&CertificateDer::from(vec![0x30, 0])).unwrap_err();
    assert!(matches!(error, Error::X509 { .. }), "{error}");
}
