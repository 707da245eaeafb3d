//! Lists of protocols and cipher suites as users write them (`cli.md` §4).

use net_tls::{
    ciphers::Ciphers, client::ClientSettings, error::Error, protocols::Protocols,
    testing::Authority,
};

#[test]
fn protocols_are_applied_from_left_to_right() {
    let check = |text: &str, expected: Protocols| {
        assert_eq!(text.parse::<Protocols>().unwrap(), expected, "{text:?}");
    };
    check("", Protocols::ALL);
    check("all", Protocols::ALL);
    check("+TLSv1.2", Protocols::ALL);
    check("-all +TLSv1.2", Protocols::TLS12);
    check("-ALL  +tlsv1.3", Protocols::TLS13);
    check("TLSv1.2", Protocols::TLS12);
    check("TLSv1.2 TLSv1.3", Protocols::TLS13);
    check("TLSv1.2 +TLSv1.3", Protocols::ALL);
    check("all -TLSv1 -TLSv1.1 -TLSv1.2", Protocols::TLS13);
}

#[test]
fn protocols_that_cannot_be_are_explained() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<Protocols>().unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let old =
        |word| format!("{word} is not supported, because it is not secure; use TLSv1.2 or TLSv1.3");
    check("-all +TLSv1.1", &old("TLSv1.1"));
    check("TLSv1", &old("TLSv1"));
    check("SSLv3", &old("SSLv3"));
    check("-SSLv3", &old("SSLv3"));
    check("-all", "the TLS protocols `-all` leave none to use");
    check(
        "+TLSv2",
        "unknown TLS protocol `+TLSv2`; known are `all`, `TLSv1.2` and `TLSv1.3`",
    );
}

#[test]
fn unknown_suites_are_named() {
    for (text, word) in [
        ("ECDHE-RSA-AES128-GCM-SHA256:RC4-MD5", "RC4-MD5"),
        ("HIGH:!aNULL", "HIGH"),
    ] {
        let error = text.parse::<Ciphers>().unwrap_err().to_string();
        let expected = format!("cipher suite `{word}` is not supported; there are TLS_AES_256_");
        assert!(error.starts_with(&expected), "{error}");
    }
    assert_eq!("".parse::<Ciphers>().unwrap(), Ciphers::default());
    assert_eq!(
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
            .parse::<Ciphers>()
            .unwrap(),
        "ECDHE-RSA-AES128-GCM-SHA256".parse::<Ciphers>().unwrap(),
    );
}

#[test]
fn suites_without_a_protocol_are_refused() {
    let settings = ClientSettings {
        protocols: Protocols::TLS12,
        ciphers: "TLS_AES_256_GCM_SHA384".parse().unwrap(),
        ..Authority::new("Test CA").client_settings()
    };
    let error = settings.build().unwrap_err();
    assert!(matches!(error, Error::NoCipher { .. }), "{error}");
    assert!(error.to_string().contains("TLSv1.2"), "{error}");
}
