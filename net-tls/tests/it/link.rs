//! One connection over a real socket: handshake, a word each way, and what both sides saw.

use net_tls::{client::ClientSettings, names, server::ServerSettings};
use rustls::{
    ClientConnection, ProtocolVersion, ServerConnection, Stream, SupportedCipherSuite,
    pki_types::CertificateDer,
};
use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// What a connection turned out to be.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: SupportedCipherSuite,
    /// The client's certificates as the server saw them.
    pub(crate) client: Vec<CertificateDer<'static>>,
}

/// Connects a client to a server at 127.0.0.1, and gives the client's error if there is one.
pub(crate) fn connect(
    client: &ClientSettings,
    server: &ServerSettings,
    tls_name: &str,
) -> Result<Met, String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = server.build().unwrap();
    let serving = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(server).unwrap();
        exchange(&mut Stream::new(&mut connection, &mut socket), b"pong")?;
        Ok::<_, io::Error>(connection.peer_certificates().map(<[_]>::to_vec))
    });

    let name = names::server_name(tls_name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut connection = ClientConnection::new(client.build().unwrap(), name).unwrap();
    let outcome = exchange(&mut Stream::new(&mut connection, &mut socket), b"ping");
    drop(socket);
    let served = serving.join().unwrap();
    match outcome {
        Err(error) => Err(error.to_string()),
        Ok(_) => Ok(Met {
            version: connection.protocol_version().unwrap(),
            suite: connection.negotiated_cipher_suite().unwrap(),
            client: served.unwrap().unwrap_or_default(),
        }),
    }
}

/// Sends `word` and reads the other's.
fn exchange(stream: &mut (impl Read + Write), word: &[u8; 4]) -> io::Result<[u8; 4]> {
    stream.write_all(word)?;
    stream.flush()?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
