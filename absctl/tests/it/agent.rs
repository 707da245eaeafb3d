//! A Secret Agent for tests: it gives the secrets that it was started with, as often as it is
//! asked, and remembers what was asked for.

use net_tls::server::ServerSettings;
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::{
    io::{self, Read, Write},
    net::TcpListener,
    os::unix::net::UnixListener,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

const MAGIC: [u8; 4] = [0x51, 0xde, 0xc1, 0xcc];

/// How an agent answers.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// With these values of keys, all of the resource `res`.
    Secrets(Vec<(String, String)>),
    /// With nothing, until the client is gone.
    Silence,
    /// With bytes that are no answer.
    Garbage,
}

impl Manner {
    pub(crate) fn secrets(pairs: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
        Self::Secrets(pairs.iter().map(owned).collect())
    }

    fn answer(&self, key: &str) -> Vec<u8> {
        let pairs = match self {
            Self::Secrets(pairs) => pairs,
            Self::Silence => return Vec::new(),
            Self::Garbage => return b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        };
        let found = pairs.iter().find(|(known, _)| known == key);
        let answer = match found {
            Some((_, value)) => json!({"SecretValue": value}),
            None => json!({"Error": "no such secret"}),
        };
        frame(&answer.to_string())
    }
}

fn frame(text: &str) -> Vec<u8> {
    let len = u32::try_from(text.len()).expect("length").to_be_bytes();
    [&MAGIC, &len[..], text.as_bytes()].concat()
}

/// A running agent. Its thread ends with the process.
pub(crate) struct Agent {
    /// The flags that lead to it.
    pub(crate) flags: Vec<String>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Agent {
    /// At a port of 127.0.0.1, behind TLS if there are settings for it.
    pub(crate) fn tcp(manner: Manner, tls: Option<&ServerSettings>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("port");
        let port = listener.local_addr().expect("address").port();
        let agent = Self::new(["--sa-address=127.0.0.1".into(), format!("--sa-port={port}")]);
        let (asked, config) = (
            Arc::clone(&agent.asked),
            tls.map(|tls| tls.build().expect("TLS")),
        );
        thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                // A client that goes away early is the client's business.
                let _gone = match &config {
                    None => serve(&mut socket, &manner, &asked),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).expect("TLS");
                        serve(&mut StreamOwned::new(connection, socket), &manner, &asked)
                    }
                };
            }
        });
        agent
    }

    /// At a Unix socket.
    pub(crate) fn unix(path: &Path, manner: Manner) -> Self {
        let listener = UnixListener::bind(path).expect("socket");
        let address = format!("--sa-address={}", path.display());
        let agent = Self::new(["--sa-connection-type=unix".into(), address]);
        let asked = Arc::clone(&agent.asked);
        thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                let _gone = serve(&mut socket, &manner, &asked);
            }
        });
        agent
    }

    /// No agent: no flags lead anywhere.
    pub(crate) fn none() -> Self {
        Self::new([])
    }

    fn new<const N: usize>(flags: [String; N]) -> Self {
        let (flags, asked) = (flags.into(), Arc::default());
        Self { flags, asked }
    }

    /// The keys that were asked for, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().expect("lock").clone();
        asked.sort();
        asked
    }
}

fn serve(
    stream: &mut (impl Read + Write),
    manner: &Manner,
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut head = [0; 8];
    stream.read_exact(&mut head)?;
    let (magic, len) = head.split_at(4);
    assert_eq!(magic, MAGIC);
    let len = u32::from_be_bytes(len.try_into().expect("four bytes"));
    let mut request = vec![0; usize::try_from(len).expect("length")];
    stream.read_exact(&mut request)?;
    let request: Value = serde_json::from_slice(&request).expect("JSON");
    // The old tools need not name one.
    assert!(request.get("Resource").is_none_or(|name| name == "res"));
    let key = request["SecretKey"].as_str().expect("key");
    asked.lock().expect("lock").push(key.to_owned());
    if matches!(manner, Manner::Silence) {
        return stream.read(&mut [0]).map(drop);
    }
    stream.write_all(&manner.answer(key))?;
    stream.flush()
}
