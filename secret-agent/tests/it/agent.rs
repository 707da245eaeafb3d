//! An agent for one request: it reads a frame, answers as told, and gives the frame to the test.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use net_tls::server::ServerSettings;
use rustls::{ServerConnection, StreamOwned};
use secret_agent::{Address, Agent, Error, Form, Reference, Settings};

/// What the agent does after it has read the request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes one by one, a packet each.
    OneByOne(Vec<u8>),
    /// Sends nothing and waits until the client is gone.
    Silence,
    /// Sends one byte of these every few milliseconds until the client is gone.
    Drip(Vec<u8>),
}

/// A frame around this text.
pub(crate) fn frame(json: &[u8]) -> Vec<u8> {
    let len = u32::try_from(json.len()).unwrap();
    [&[0x51, 0xde, 0xc1, 0xcc], &len.to_be_bytes()[..], json].concat()
}

/// An answer of this JSON.
pub(crate) fn json(text: &str) -> Answer {
    Answer::Bytes(frame(text.as_bytes()))
}

/// A running agent. `request` waits for its end and gives the frame that it read.
pub(crate) struct Running(JoinHandle<io::Result<Vec<u8>>>);

impl Running {
    pub(crate) fn request(self) -> io::Result<Vec<u8>> {
        self.0.join().unwrap()
    }
}

/// An agent at a port of 127.0.0.1.
pub(crate) fn tcp(answer: Answer) -> (SocketAddr, Running) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let pace = socket.try_clone()?;
        serve(&mut socket, &pace, &answer)
    };
    (address, Running(thread::spawn(serve)))
}

/// The same behind TLS.
pub(crate) fn tls(settings: &ServerSettings, answer: Answer) -> (SocketAddr, Running) {
    let config = settings.build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (socket, _) = listener.accept()?;
        let pace = socket.try_clone()?;
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        let request = serve(&mut stream, &pace, &answer)?;
        stream.conn.send_close_notify();
        stream.flush()?;
        Ok(request)
    };
    (address, Running(thread::spawn(serve)))
}

/// An agent at a Unix socket.
pub(crate) fn unix(path: &Path, answer: Answer) -> Running {
    let listener = UnixListener::bind(path).unwrap();
    let serve = move || {
        let (mut socket, _) = listener.accept()?;
        let request = read_frame(&mut socket)?;
        match answer {
            Answer::Bytes(bytes) => socket.write_all(&bytes)?,
            Answer::Silence => drop(socket.read(&mut [0])?),
            other => panic!("not over a Unix socket: {other:?}"),
        }
        Ok(request)
    };
    Running(thread::spawn(serve))
}

fn serve(
    stream: &mut (impl Read + Write),
    pace: &TcpStream,
    answer: &Answer,
) -> io::Result<Vec<u8>> {
    let request = read_frame(stream)?;
    match answer {
        Answer::Bytes(bytes) => stream.write_all(bytes)?,
        Answer::OneByOne(bytes) => {
            for byte in bytes {
                stream.write_all(&[*byte])?;
                stream.flush()?;
            }
        }
        Answer::Silence => drop(stream.read(&mut [0])?),
        Answer::Drip(bytes) => drip(stream, pace, bytes)?,
    }
    stream.flush()?;
    Ok(request)
}

/// Between two bytes it waits for the client to go away, for a moment.
fn drip(stream: &mut (impl Read + Write), pace: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    pace.set_read_timeout(Some(Duration::from_millis(10)))?;
    for byte in bytes {
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return Ok(()),
        }
        if stream.write_all(&[*byte]).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn read_frame(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 8];
    stream.read_exact(&mut frame)?;
    let len = u32::from_be_bytes(*frame.last_chunk().unwrap());
    frame.resize(8 + usize::try_from(len).unwrap(), 0);
    stream.read_exact(&mut frame[8..])?;
    Ok(frame)
}

/// The reference of the document's example.
pub(crate) fn reference() -> Reference {
    let reference = Reference::parse("secrets:res1:key1", Form::ResourceAndKey);
    reference.unwrap().unwrap()
}

/// Settings for an agent at 127.0.0.1.
pub(crate) fn settings(address: SocketAddr) -> Settings {
    Settings::new(Address::tcp(address.ip().to_string(), address.port()))
}

/// Asks for the example's secret.
pub(crate) fn fetch(settings: Settings) -> Result<String, Error> {
    let secret = Agent::new(settings).unwrap().fetch(&reference())?;
    Ok(secret.expose().to_owned())
}
