//! Agents that are not there, or take their time.

use std::error::Error as _;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use net_tls::testing::Authority;
use secret_agent::{Address, ErrorKind, Settings, Tls};

use crate::agent::{Answer, fetch, frame, settings, tcp, tls, unix};

/// Long enough for a handshake on a busy machine, and short enough to wait for.
const LIMIT: Duration = Duration::from_millis(700);

/// Asks with [`LIMIT`], and expects to be told in time that it is over.
fn check_time_out(mut settings: Settings) {
    settings.timeout = LIMIT;
    let start = Instant::now();
    let error = fetch(settings).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::TimedOut { limit: LIMIT });
    assert!(start.elapsed() >= LIMIT && start.elapsed() < 10 * LIMIT);
    assert!(error.to_string().ends_with("no answer within 700 ms"));
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = fetch(settings(address)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Connect);
    assert!(error.source().is_some());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let absent = || Settings::new(Address::Unix(path.clone()));
    assert_eq!(*fetch(absent()).unwrap_err().kind(), ErrorKind::Connect);
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(*fetch(absent()).unwrap_err().kind(), ErrorKind::Connect);
}

#[test]
fn a_path_or_name_that_cannot_be() {
    let long = Settings::new(Address::Unix("x".repeat(300).into()));
    assert_eq!(*fetch(long).unwrap_err().kind(), ErrorKind::Connect);
    let name = Settings::new(Address::tcp("no\0name", 3005));
    assert_eq!(*fetch(name).unwrap_err().kind(), ErrorKind::Resolve);
}

#[test]
fn silence() {
    let (address, running) = tcp(Answer::Silence);
    check_time_out(settings(address));
    running.request().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let running = unix(&path, Answer::Silence);
    check_time_out(Settings::new(Address::Unix(path)));
    running.request().unwrap();
}

#[test]
fn an_answer_that_drips_in() {
    // A byte now and then is no reason to wait longer.
    let value = format!("{{\"SecretValue\":\"{}\"}}", "v".repeat(100_000));
    let (address, running) = tcp(Answer::Drip(frame(value.as_bytes())));
    check_time_out(settings(address));
    running.request().unwrap();
}

#[test]
fn silence_behind_tls() {
    let authority = Authority::new("Agents");
    let server = authority.server_settings(&["127.0.0.1"]);
    let (address, running) = tls(&server, Answer::Silence);
    let mut settings = settings(address);
    settings.tls = Some(Tls {
        settings: authority.client_settings(),
        name: None,
    });
    check_time_out(settings);
    // The client leaves without a word, which TLS calls an error.
    let _ = running.request();
}

#[test]
fn silence_instead_of_a_handshake() {
    let authority = Authority::new("Agents");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(listener.local_addr().unwrap());
    settings.tls = Some(Tls {
        settings: authority.client_settings(),
        name: None,
    });
    check_time_out(settings);
}
