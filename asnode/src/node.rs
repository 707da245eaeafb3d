//! A node's port: one thread accepts, one thread serves each connection.
//!
//! Plain threads with small stacks keep the code straight and let a rule block a connection
//! without a scheduler noticing. Stopping closes the sockets, which ends the threads.

use crate::{connection::Connection, counters::Counters, request::State, sync::lock};
use std::{
    collections::HashMap,
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

/// Enough for the deepest recursion, which is bounded in every parser.
const STACK_BYTES: usize = 512 << 10;

/// A listening node.
#[derive(Debug)]
pub(crate) struct Node {
    address: SocketAddr,
    inner: Mutex<Inner>,
    numbers: AtomicU64,
}

/// What a node is up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Stopped,
    Running,
    /// It accepts no connections and finishes what it is doing on those it has.
    Leaving,
}

#[derive(Debug, Default)]
struct Inner {
    phase: Phase,
    acceptor: Option<JoinHandle<()>>,
    open: HashMap<u64, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Node {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            inner: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// Starts to accept connections.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub(crate) fn start(state: &Arc<State>, index: usize, listener: TcpListener) -> io::Result<()> {
        let mut inner = lock(&state.nodes[index].inner);
        inner.phase = Phase::Running;
        let state = Arc::clone(state);
        let body = move || {
            for stream in listener.incoming() {
                let node = &state.nodes[index];
                if lock(&node.inner).phase != Phase::Running {
                    break;
                }
                // An error here is a client that has gone again, or too many open files.
                if let Ok(stream) = stream {
                    node.welcome(&state, index, stream);
                }
            }
        };
        let builder = thread::Builder::new()
            .name("asnode-accept".into())
            .stack_size(STACK_BYTES);
        inner.acceptor = Some(builder.spawn(body)?);
        Ok(())
    }

    fn welcome(&self, state: &Arc<State>, index: usize, stream: TcpStream) {
        Counters::bump(&state.counters.connections);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let Ok(closer) = stream.try_clone() else {
            return;
        };
        let mut inner = lock(&self.inner);
        if inner.phase != Phase::Running {
            return;
        }
        if inner.open.len() >= state.service().proto_fd_max {
            return; // and with this the connection is closed
        }
        inner.open.insert(number, closer);
        inner.threads.retain(|thread| !thread.is_finished());
        let shared = Arc::clone(state);
        let body = move || {
            if let Ok(connection) = Connection::new(Arc::clone(&shared), index, stream) {
                connection.serve();
            }
            lock(&shared.nodes[index].inner).open.remove(&number);
        };
        let builder = thread::Builder::new()
            .name("asnode".into())
            .stack_size(STACK_BYTES);
        match builder.spawn(body) {
            Ok(thread) => inner.threads.push(thread),
            Err(_no_thread) => {
                inner.open.remove(&number);
            }
        }
    }

    /// Connections that are open now.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.inner).open.len()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.inner).phase == Phase::Stopped
    }

    /// Closes the port, then all connections: a client that sees its connection end cannot
    /// connect again. Threads of connections may still be on their way out when this returns.
    pub(crate) fn stop(&self) {
        self.close_port(Phase::Stopped);
        self.shut_down(Shutdown::Both);
    }

    /// Closes the port; connections end when they have answered what they were asked so far.
    pub(crate) fn retire(&self) {
        self.close_port(Phase::Leaving);
        self.shut_down(Shutdown::Read);
    }

    fn close_port(&self, phase: Phase) {
        let acceptor = {
            let mut inner = lock(&self.inner);
            inner.phase = phase;
            inner.acceptor.take()
        };
        if let Some(acceptor) = acceptor {
            // Wakes the acceptor; if this fails, its port is closed already.
            let _woken = TcpStream::connect(self.address);
            let _ended = acceptor.join();
        }
    }

    fn shut_down(&self, half: Shutdown) {
        for stream in lock(&self.inner).open.values() {
            // A socket that is closed already needs no closing.
            let _closed = stream.shutdown(half);
        }
    }

    /// Waits for the threads of all connections. Not to be called by one of them.
    pub(crate) fn join(&self) {
        let threads = std::mem::take(&mut lock(&self.inner).threads);
        for thread in threads {
            let _ended = thread.join();
        }
    }
}
