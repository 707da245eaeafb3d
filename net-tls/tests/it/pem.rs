//! Certificates and keys of every kind, and every way in which a file can be wrong.

use net_tls::{
    client::ClientSettings,
    error::Error,
    pem::{self, Source},
    testing::Authority,
};
use std::{error::Error as _, fs, path::PathBuf};

/// A file of `tests/data`, see ORIGIN.md there.
pub(crate) fn data(name: &str) -> Source {
    let path = [env!("CARGO_MANIFEST_DIR"), "tests", "data", name];
    Source::file(path.iter().collect::<PathBuf>())
}

fn with_identity(certificate: Source, key: Source, password: Option<&str>) -> ClientSettings {
    ClientSettings {
        certificate: Some(certificate),
        key: Some(key),
        key_password: password.map(Into::into),
        ..Authority::new("Test CA").client_settings()
    }
}

#[test]
fn keys_of_every_form_fit_their_certificate() {
    let check = |certificate: &str, key: &str, password: Option<&str>| {
        let settings = with_identity(data(certificate), data(key), password);
        settings
            .build()
            .unwrap_or_else(|error| panic!("{key}: {error}"));
    };
    check("rsa.pem", "rsa-pkcs1.key", None);
    check("rsa.pem", "rsa-pkcs8.key", None);
    check("rsa.pem", "rsa-pkcs8.key", Some("not needed"));
    check("rsa.pem", "rsa-encrypted.key", Some("opensesame"));
    check("ec.pem", "ec-sec1.key", None);
}

#[test]
fn texts_serve_as_files_do() {
    let authority = Authority::new("Test CA");
    let user = authority.client("user");
    let certificate = || user.certificate_source();
    let key = Source::text("--tls-keyfile", user.encrypted_key("secret"));
    with_identity(certificate(), key.clone(), Some("secret"))
        .build()
        .unwrap();
    let error = with_identity(certificate(), key, Some("wrong"))
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the private key in the text of --tls-keyfile cannot be decrypted; is the password right?"
    );
}

#[test]
fn keys_that_cannot_be_used_are_explained() {
    let check = |certificate: &str, key: &str, password: Option<&str>, expected: &str| {
        let error = with_identity(data(certificate), data(key), password).build();
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(key), "{error}");
    };
    let encrypted = "rsa-encrypted.key";
    check(
        "rsa.pem",
        encrypted,
        None,
        "is encrypted; give its password",
    );
    check("rsa.pem", encrypted, Some("x"), "is the password right?");
    let traditional = "rsa-traditional.key";
    check(
        "rsa.pem",
        traditional,
        Some("opensesame"),
        "openssl pkcs8 -topk8",
    );
    check("ec.pem", "rsa-pkcs8.key", None, "cannot be used together");
    check("rsa.pem", "rsa.pem", None, "holds no private key");
}

#[test]
fn certificate_and_key_need_each_other() {
    let both = with_identity(data("rsa.pem"), data("rsa-pkcs8.key"), None);
    let no_key = ClientSettings {
        key: None,
        ..both.clone()
    };
    let error = no_key.build().unwrap_err();
    assert!(matches!(error, Error::NoKey { .. }), "{error}");
    let no_certificate = ClientSettings {
        certificate: None,
        ..both
    };
    let error = no_certificate.build().unwrap_err();
    assert!(matches!(error, Error::NoCertificate { .. }), "{error}");
}

#[test]
fn bad_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &str, expected: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let settings = ClientSettings {
            ca_file: Some(Source::file(&path)),
            ..ClientSettings::default()
        };
        let error = settings.build().unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(expected), "{shown}");
        assert!(shown.contains(&*path.to_string_lossy()), "{shown}");
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(!cause.contains("MIIB"), "{cause}");
    };
    check("empty.pem", "", "holds no CA certificate in PEM form");
    check("text.pem", "hello", "holds no CA certificate in PEM form");
    check(
        "cut.pem",
        "-----BEGIN CERTIFICATE-----\nMIIB\n",
        "is damaged PEM",
    );
    let framed =
        |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    check("base64.pem", &framed("MIIB*"), "is damaged PEM");
    check("der.pem", &framed("MIIB"), "cannot be used");

    let missing = ClientSettings {
        ca_file: Some(Source::file("/nowhere/ca.pem")),
        ..ClientSettings::default()
    };
    let error = missing.build().unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere/ca.pem");
    assert!(error.source().is_some());
}

#[test]
fn folders_of_authorities() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ClientSettings {
        ca_path: Some(folder.path().to_owned()),
        system_roots: false,
        ..ClientSettings::default()
    };
    let error = settings.build().unwrap_err();
    assert!(matches!(error, Error::EmptyFolder { .. }), "{error}");
    fs::write(folder.path().join("README"), "no certificate").unwrap();
    fs::create_dir(folder.path().join("below")).unwrap();
    Authority::new("Test CA").write_to(folder.path()).unwrap();
    settings.build().unwrap();
}

#[test]
fn someone_has_to_be_trusted() {
    let settings = ClientSettings {
        system_roots: false,
        ..ClientSettings::default()
    };
    let error = settings.build().unwrap_err();
    assert!(matches!(error, Error::NoAuthority), "{error}");
}

#[test]
fn nothing_secret_is_shown() {
    let authority = Authority::new("Test CA");
    let user = authority.client("user");
    let settings = with_identity(
        user.certificate_source(),
        user.key_source(),
        Some("hush-hush"),
    );
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hush-hush"), "{shown}");
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
    assert!(shown.contains("the text of the test key"), "{shown}");
    assert!(pem::private_key(&user.key_source(), None).is_ok());
}
