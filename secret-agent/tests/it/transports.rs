//! TCP, TLS, mutual TLS and Unix sockets: the same request, the same value.

use std::error::Error as _;
use std::time::Duration;

use net_tls::pem::Source;
use net_tls::testing::Authority;
use secret_agent::{Address, Agent, ErrorKind, Settings, SetupError, Tls};

use crate::agent::{Answer, fetch, frame, json, reference, settings, tcp, tls, unix};

/// The example of envelope.md §6.
const REQUEST: &[u8] = b"\x51\xde\xc1\xcc\0\0\0\x26{\"Resource\":\"res1\",\"SecretKey\":\"key1\"}";

const VALUE: &str = r#"{"SecretValue":"the value"}"#;

#[test]
fn tcp_and_the_bytes_of_the_request() {
    let (address, running) = tcp(json(VALUE));
    assert_eq!(fetch(settings(address)).unwrap(), "the value");
    assert_eq!(running.request().unwrap(), REQUEST);
}

#[test]
fn an_answer_in_many_packets() {
    let (address, running) = tcp(Answer::OneByOne(frame(VALUE.as_bytes())));
    assert_eq!(fetch(settings(address)).unwrap(), "the value");
    running.request().unwrap();
}

#[test]
fn a_host_name() {
    let (address, running) = tcp(json(VALUE));
    let by_name = Settings::new(Address::tcp("localhost", address.port()));
    assert_eq!(fetch(by_name).unwrap(), "the value");
    running.request().unwrap();
}

#[test]
fn a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let running = unix(&path, json(VALUE));
    let found = fetch(Settings::new(Address::Unix(path)));
    assert_eq!(found.unwrap(), "the value");
    assert_eq!(running.request().unwrap(), REQUEST);
}

#[test]
fn tls_by_the_name_of_the_host_and_by_another() {
    let authority = Authority::new("Agents");
    for (certified, name) in [("127.0.0.1", None), ("agent.test", Some("agent.test"))] {
        let (address, running) = tls(&authority.server_settings(&[certified]), json(VALUE));
        let mut settings = settings(address);
        settings.tls = Some(Tls {
            settings: authority.client_settings(),
            name: name.map(str::to_owned),
        });
        assert_eq!(fetch(settings).unwrap(), "the value");
        assert_eq!(running.request().unwrap(), REQUEST);
    }
}

#[test]
fn mutual_tls() {
    let authority = Authority::new("Agents");
    let mut server = authority.server_settings(&["127.0.0.1"]);
    server.client_ca = Some(Source::text("the test CA", authority.certificate()));
    let client = authority.client("backup");
    let mut with = authority.client_settings();
    with.certificate = Some(client.certificate_source());
    with.key = Some(client.key_source());
    let without = authority.client_settings();
    for (client, expected) in [(with, true), (without, false)] {
        let (address, running) = tls(&server, json(VALUE));
        let mut settings = settings(address);
        settings.tls = Some(Tls {
            settings: client,
            name: None,
        });
        match fetch(settings) {
            Ok(value) => assert!(expected && value == "the value"),
            Err(error) => {
                assert!(!expected, "{error}");
                assert_eq!(*error.kind(), ErrorKind::Tls);
                assert!(error.source().is_some());
            }
        }
        assert_eq!(running.request().is_ok(), expected);
    }
}

#[test]
fn agents_that_are_not_trusted_get_no_request() {
    let authority = Authority::new("Agents");
    let other = Authority::new("Somebody else");
    let cases = [
        (other.server_settings(&["127.0.0.1"]), None),
        (
            authority.server_settings(&["127.0.0.1"]),
            Some("other.test"),
        ),
    ];
    for (server, name) in cases {
        let (address, running) = tls(&server, json(VALUE));
        let mut settings = settings(address);
        settings.tls = Some(Tls {
            settings: authority.client_settings(),
            name: name.map(str::to_owned),
        });
        let error = fetch(settings).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Tls);
        running.request().unwrap_err();
    }
}

#[test]
fn tls_on_one_side_only() {
    let authority = Authority::new("Agents");
    let (address, running) = tls(&authority.server_settings(&["127.0.0.1"]), json(VALUE));
    let error = fetch(settings(address)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotAnAgent);
    running.request().unwrap_err();

    // The first bytes of a TLS client are a frame of no length here, so the agent just leaves.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let plain = std::thread::spawn(move || {
        use std::io::Write;
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(&frame(b"{\"Error\":\"bad magic\"}"))
    });
    let mut settings = settings(address);
    settings.tls = Some(Tls {
        settings: authority.client_settings(),
        name: None,
    });
    let error = fetch(settings).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Tls | ErrorKind::Transport),
        "{error}"
    );
    plain.join().unwrap().unwrap();
}

#[test]
fn settings_that_contradict_each_other() {
    let authority = Authority::new("Agents");
    let tls = Tls {
        settings: authority.client_settings(),
        name: None,
    };
    let mut unix = Settings::new(Address::Unix("/nowhere".into()));
    unix.tls = Some(tls.clone());
    assert!(matches!(Agent::new(unix), Err(SetupError::TlsOverUnix)));

    let mut no_time = Settings::new(Address::tcp("127.0.0.1", 1));
    no_time.timeout = Duration::ZERO;
    assert!(matches!(Agent::new(no_time), Err(SetupError::NoTime)));

    let mut no_key = Settings::new(Address::tcp("127.0.0.1", 1));
    let mut half = tls;
    half.settings.certificate = Some(authority.client("backup").certificate_source());
    no_key.tls = Some(half);
    let error = Agent::new(no_key).unwrap_err();
    assert!(matches!(error, SetupError::Tls { .. }) && error.source().is_some());
}

#[test]
fn nothing_of_a_value_is_shown() {
    let (address, running) = tcp(json(VALUE));
    let agent = Agent::new(settings(address)).unwrap();
    let secret = agent.fetch(&reference()).unwrap();
    assert_eq!(format!("{secret:?}"), "(hidden)");
    running.request().unwrap();
}
