//! A connection to the destination of a data centre, plain or with TLS.

use super::{
    shipper::{Shipper, Tally},
    shipping::Shipping,
};
use aerospike_wire::xdr;
use net_tls::names;
use rustls::{ClientConnection, StreamOwned};
use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpStream, ToSocketAddrs},
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a destination may leave a message without an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A stream of either kind; one thread reads and writes.
trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// A connection.
pub(super) struct Link {
    stream: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
}

/// What became of a window of messages.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// By message: whether it was taken; those without an answer are missing.
    pub(super) results: Vec<bool>,
    /// Whether the connection can be used again.
    pub(super) is_open: bool,
}

impl Link {
    /// Connects to the first address that can be reached.
    pub(super) fn connect(shipper: &Shipper) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in &shipper.target.addresses {
            match open(address) {
                Ok(socket) => return Self::over(socket, shipper),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn over(socket: TcpStream, shipper: &Shipper) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(ANSWER))?;
        socket.set_write_timeout(Some(ANSWER))?;
        let stream = socket.try_clone()?;
        let stream: Box<dyn Stream> = match &shipper.target.tls_name {
            None => Box::new(stream),
            Some(name) => {
                let config = shipper.tls.as_ref().ok_or(io::ErrorKind::NotConnected)?;
                let name = names::server_name(name).map_err(io::Error::other)?;
                let connection = ClientConnection::new(Arc::clone(config), name);
                let connection = connection.map_err(io::Error::other)?;
                Box::new(StreamOwned::new(connection, stream))
            }
        };
        Ok(Self {
            stream: BufReader::new(stream),
            socket,
        })
    }

    /// The socket, for who wants to end it.
    pub(super) fn closer(&self) -> Option<TcpStream> {
        self.socket.try_clone().ok()
    }

    /// Sends messages, which lie in `bytes` at these places, and reads their answers.
    pub(super) fn exchange(
        &mut self,
        bytes: &[u8],
        messages: &[Range<usize>],
        shipping: &Shipping,
        tally: &Tally,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let before = tally
            .sent
            .fetch_add(messages.len() as u64, Ordering::Relaxed);
        let due = |every: Option<u64>| {
            let every = every?.max(1);
            let first = every - before % every;
            usize::try_from(first - 1)
                .ok()
                .filter(|at| *at < messages.len())
        };
        let (cut, lost) = (due(shipping.cut_every), due(shipping.lose_acks_every));
        let whole = cut.unwrap_or(messages.len());
        let sent = self.send(bytes, messages, whole, shipping);
        if let Some(range) = messages.get(whole) {
            let half = &bytes[range.start..usize::midpoint(range.start, range.end)];
            // Whether it arrives is of no importance: it is not to be understood.
            let _sent = self.stream.get_mut().write_all(half);
            let _sent = self.stream.get_mut().flush();
        }
        let answered = lost.map_or(whole, |lost| lost.min(whole));
        if sent.is_ok() {
            self.read_answers(answered, shipping, &mut outcome);
        }
        outcome.is_open = outcome.results.len() == messages.len();
        if !outcome.is_open {
            let _closed = self.socket.shutdown(Shutdown::Both);
        }
        outcome
    }

    fn send(
        &mut self,
        bytes: &[u8],
        messages: &[Range<usize>],
        whole: usize,
        shipping: &Shipping,
    ) -> io::Result<()> {
        let stream = self.stream.get_mut();
        if shipping.repeat {
            for range in &messages[..whole] {
                stream.write_all(&bytes[range.clone()])?;
                stream.write_all(&bytes[range.clone()])?;
            }
            return stream.flush();
        }
        let end = messages[..whole].last().map_or(0, |range| range.end);
        let piece = shipping.piece_bytes.unwrap_or(usize::MAX).max(1);
        for piece in bytes[..end].chunks(piece) {
            stream.write_all(piece)?;
            stream.flush()?;
        }
        Ok(())
    }

    fn read_answers(&mut self, messages: usize, shipping: &Shipping, outcome: &mut Outcome) {
        for _ in 0..messages {
            let mut taken = true;
            for _ in 0..=u8::from(shipping.repeat) {
                let mut ack = [0; xdr::ACK_SIZE];
                if self.stream.read_exact(&mut ack).is_err() {
                    return;
                }
                match xdr::ack_result(&ack) {
                    Ok(result) => taken &= result == xdr::SHIPPED,
                    Err(_foreign) => return,
                }
            }
            outcome.results.push(taken);
        }
    }
}

fn open(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}
