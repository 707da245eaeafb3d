//! One connection of a node: bytes in, whole messages to the sink, acknowledgements out.

use crate::server::{Arrived, Counters, ServerOptions, Sink};
use aerospike_wire::{
    frame,
    xdr::{self, SHIP_AGAIN, SHIPPED, Shipped},
};
use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;

/// Room for one read. The buffer grows with what has arrived, never on the word of a message.
const READ_BYTES: usize = 128 << 10;

/// A buffer that grew beyond this is given back once it is empty.
const KEEP_BYTES: usize = 1 << 20;

/// Bytes of messages that go to the sink together, about.
const RUN_BYTES: usize = 256 << 10;

/// Least time that a TLS handshake is given.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Context<S> {
    pub(crate) sink: Arc<S>,
    pub(crate) options: ServerOptions,
    pub(crate) counters: Arc<Counters>,
}

/// Serves a connection after its handshake.
pub(crate) async fn serve_tls<S: Sink>(
    context: &Context<S>,
    tls: &TlsAcceptor,
    stream: TcpStream,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let limit = context.options.read_timeout.max(HANDSHAKE);
    let stream = timeout(limit, tls.accept(stream)).await??;
    converse(context, stream).await
}

/// Serves a connection until either side ends it.
pub(crate) async fn serve<S: Sink>(context: &Context<S>, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    converse(context, stream).await
}

async fn converse<S: Sink>(
    context: &Context<S>,
    stream: impl AsyncRead + AsyncWrite,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    // The permits are what bounds it.
    let (acks, waiting) = mpsc::unbounded_channel();
    let receiving = receive(context, Box::pin(reader), acks);
    let answering = answer(Box::pin(writer), waiting, context.options.write_timeout);
    // Answers go on after the last message; a connection that takes none ends at once.
    let (mut receiving, mut answering) = (Box::pin(receiving), Box::pin(answering));
    tokio::select! {
        received = &mut receiving => {
            answering.await?;
            received
        }
        answered = &mut answering => answered,
    }
}

/// Acknowledgements that may be sent; the permit stands for the room that they take.
type Acks = (Vec<u8>, OwnedSemaphorePermit);

async fn answer(
    mut writer: impl AsyncWrite + Unpin,
    mut waiting: mpsc::UnboundedReceiver<Acks>,
    limit: Duration,
) -> io::Result<()> {
    while let Some((bytes, room)) = waiting.recv().await {
        timeout(limit, async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        })
        .await??;
        drop(room);
    }
    // A node that has gone does not need to be told.
    let _told = timeout(limit, writer.shutdown()).await;
    Ok(())
}

async fn receive<S: Sink>(
    context: &Context<S>,
    mut reader: impl AsyncRead + Unpin,
    acks: mpsc::UnboundedSender<Acks>,
) -> io::Result<()> {
    let limit = context.options.ack_queue.clamp(1, 1 << 16);
    let room = Arc::new(Semaphore::new(limit));
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        let deadline = Instant::now() + context.options.read_timeout;
        let mut run = Run::find(&buffer, &context.options.namespace, limit);
        while run.is_empty() {
            buffer.reserve(READ_BYTES.saturating_sub(buffer.len()).max(READ_BYTES / 4));
            // An idle connection ends here as well, and the node makes a new one when it has to.
            let read = timeout_at(deadline, reader.read_buf(&mut buffer)).await;
            match read {
                Err(_late) if buffer.is_empty() => return Ok(()),
                Err(late) => return Err(late.into()),
                Ok(Ok(0)) if buffer.is_empty() => return Ok(()),
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
            }
            run = Run::find(&buffer, &context.options.namespace, limit);
        }
        let permits = u32::try_from(run.answers()).unwrap_or(u32::MAX);
        let permit = Arc::clone(&room).acquire_many_owned(permits).await;
        let permit = permit.map_err(io::Error::other)?;
        if !run.messages.is_empty() {
            let taken = context.sink.take(&run.messages).await;
            taken.map_err(|_gone| io::ErrorKind::ConnectionAborted)?;
        }
        run.count(&context.counters);
        let (consumed, malformed) = (run.consumed, run.malformed.take());
        let answered = acks.send((run.acks(malformed.is_some()), permit));
        answered.map_err(|_gone| io::ErrorKind::BrokenPipe)?;
        if let Some(error) = malformed {
            // It is shipped again and again: it must not fill the log.
            let times = context.counters.malformed();
            if times.is_power_of_two() {
                let error = error.to_string();
                let what = "a message of XDR was not understood: it has to be shipped again";
                tracing::warn!(error, times, "{what}");
            }
            return Err(io::ErrorKind::InvalidData.into());
        }
        buffer.drain(..consumed);
        if buffer.is_empty() && buffer.capacity() > KEEP_BYTES {
            buffer = Vec::with_capacity(READ_BYTES);
        }
    }
}

/// Whole messages at the start of a buffer.
#[derive(Debug)]
struct Run<'a> {
    messages: Vec<Arrived<'a>>,
    /// Messages that are acknowledged and not kept.
    monitors: usize,
    /// Their bytes, and those of the others.
    consumed: usize,
    /// What is wrong with the next one.
    malformed: Option<aerospike_wire::error::Error>,
}

impl<'a> Run<'a> {
    /// The first messages of `buffer`, at most `limit`.
    fn find(buffer: &'a [u8], namespace: &str, limit: usize) -> Self {
        let mut run = Self {
            messages: Vec::new(),
            monitors: 0,
            consumed: 0,
            malformed: None,
        };
        while run.answers() < limit && run.consumed < RUN_BYTES {
            let rest = buffer.get(run.consumed..).unwrap_or_default();
            match split(rest, namespace) {
                Ok(None) => break,
                Ok(Some((frame, shipped))) => {
                    run.consumed += frame.len();
                    if shipped.is_monitor() {
                        run.monitors += 1;
                    } else {
                        let digest = shipped.digest;
                        run.messages.push(Arrived { digest, frame });
                    }
                }
                Err(error) => {
                    run.malformed = Some(error);
                    break;
                }
            }
        }
        run
    }

    fn is_empty(&self) -> bool {
        self.answers() == 0
    }

    /// How many acknowledgements it needs.
    fn answers(&self) -> usize {
        self.messages.len() + self.monitors + usize::from(self.malformed.is_some())
    }

    fn count(&self, counters: &Counters) {
        let add = |counter: &std::sync::atomic::AtomicU64, amount: usize| {
            counter.fetch_add(amount as u64, Ordering::Relaxed);
        };
        add(&counters.received, self.messages.len());
        add(&counters.bytes, self.consumed);
        add(&counters.monitors, self.monitors);
        add(&counters.malformed, usize::from(self.malformed.is_some()));
    }

    /// The acknowledgements, of which the last one may ask for a repetition.
    fn acks(&self, is_malformed: bool) -> Vec<u8> {
        let taken = self.messages.len() + self.monitors;
        let mut bytes = xdr::ack(SHIPPED).repeat(taken);
        if is_malformed {
            bytes.extend_from_slice(&xdr::ack(SHIP_AGAIN));
        }
        bytes
    }
}

/// The message at the start of `bytes`, if it is all there.
fn split<'a>(
    bytes: &'a [u8],
    namespace: &str,
) -> Result<Option<(&'a [u8], Shipped<'a>)>, aerospike_wire::error::Error> {
    if bytes.len() < frame::HEADER_SIZE {
        return Ok(None);
    }
    let len = xdr::body_len(bytes)?.saturating_add(frame::HEADER_SIZE);
    let Some(frame) = bytes.get(..len) else {
        return Ok(None);
    };
    let body = frame.get(frame::HEADER_SIZE..).unwrap_or_default();
    Ok(Some((frame, Shipped::parse(body, namespace.as_bytes())?)))
}
