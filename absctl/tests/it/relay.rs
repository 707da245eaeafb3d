//! A proxy between the program and a server in this process: it forwards every connection to that server,
//! whatever host is asked for, and remembers what was asked.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// It listens until the process ends.
pub(crate) struct Relay {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("port");
        let address = listener.local_addr().expect("address");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                // A connection that breaks is the client's to deal with.
                thread::spawn(move || drop(relay(client, server, &noted)));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first line of each connection.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("lines").clone()
    }
}

fn relay(mut client: TcpStream, server: SocketAddr, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = head(&mut client)?;
    let text = String::from_utf8_lossy(&head);
    let first = text.lines().next().unwrap_or_default().to_owned();
    let mut server = TcpStream::connect(server)?;
    match first.starts_with("CONNECT ") {
        true => client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?,
        false => server.write_all(&head)?,
    }
    asked.lock().expect("lines").push(first);
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let there = thread::spawn(move || copy(from, to));
    copy(server, client);
    let _ = there.join();
    Ok(())
}

/// Everything up to the empty line, and nothing behind it.
fn head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(head)
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
