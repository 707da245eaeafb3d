//! A node's ports: one thread for each accepts, one thread serves each connection.
//!
//! Plain threads with small stacks keep the code straight and let a rule block a connection
//! without a scheduler noticing. Stopping closes the sockets, which ends the threads.

use crate::{
    connection::Connection,
    ports::{Door, Doors, Listeners},
    request::State,
    sync::lock,
    transport::Transport,
};
use rustls::ServerConfig;
use std::{
    collections::HashMap,
    io,
    net::{Shutdown, TcpListener, TcpStream},
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
    doors: Doors,
    tls: Option<Arc<ServerConfig>>,
    inner: Mutex<Inner>,
    numbers: AtomicU64,
}

/// What a node is up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Stopped,
    Running,
    /// It accepts no connections and serves those it has.
    Closed,
    /// It accepts no connections and finishes what it is doing on those it has.
    Leaving,
}

#[derive(Debug, Default)]
struct Inner {
    phase: Phase,
    acceptors: Vec<JoinHandle<()>>,
    open: HashMap<u64, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Node {
    pub(crate) fn new(doors: Doors, tls: Option<Arc<ServerConfig>>) -> Self {
        Self {
            doors,
            tls,
            inner: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// Starts to accept connections.
    ///
    /// # Errors
    /// A thread cannot be made.
    pub(crate) fn start(state: &Arc<State>, index: usize, listeners: Listeners) -> io::Result<()> {
        let mut inner = lock(&state.nodes[index].inner);
        inner.phase = Phase::Running;
        for (door, listener) in listeners.0 {
            let acceptor = Self::accept(state, index, door, listener)?;
            inner.acceptors.push(acceptor);
        }
        Ok(())
    }

    fn accept(
        state: &Arc<State>,
        index: usize,
        door: Door,
        listener: TcpListener,
    ) -> io::Result<JoinHandle<()>> {
        let state = Arc::clone(state);
        let body = move || {
            for stream in listener.incoming() {
                let node = &state.nodes[index];
                if lock(&node.inner).phase != Phase::Running {
                    break;
                }
                // An error here is a client that has gone again, or too many open files.
                if let Ok(stream) = stream {
                    node.welcome(&state, index, door, stream);
                }
            }
        };
        let builder = thread::Builder::new()
            .name("asnode-accept".into())
            .stack_size(STACK_BYTES);
        builder.spawn(body)
    }

    fn welcome(&self, state: &Arc<State>, index: usize, door: Door, stream: TcpStream) {
        state.counters.connected(door);
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
        let tls = self.tls.clone();
        let body = move || {
            let tls = tls.filter(|_| door.has_tls());
            let connection = Transport::new(stream, tls)
                .and_then(|transport| Connection::new(Arc::clone(&shared), index, transport));
            if let Ok(connection) = connection {
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

    /// Runs `work` in a thread of its own, which ends before the node does.
    pub(crate) fn spawn(state: &State, node: usize, work: impl FnOnce() + Send + 'static) {
        let builder = thread::Builder::new()
            .name("asnode-job".into())
            .stack_size(STACK_BYTES);
        // Without a thread the job stays active for ever, which is what its client sees.
        if let Ok(thread) = builder.spawn(work)
            && let Some(node) = state.nodes.get(node)
        {
            lock(&node.inner).threads.push(thread);
        }
    }

    /// Connections that are open now.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.inner).open.len()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.inner).phase == Phase::Stopped
    }

    /// Closes the ports, then all connections: a client that sees its connection end cannot
    /// connect again. Threads of connections may still be on their way out when this returns.
    pub(crate) fn stop(&self) {
        self.close_ports(Phase::Stopped);
        self.shut_down(Shutdown::Both);
    }

    /// Closes the ports and nothing else.
    pub(crate) fn refuse(&self) {
        self.close_ports(Phase::Closed);
    }

    /// Closes the ports; connections end when they have answered what they were asked so far.
    pub(crate) fn retire(&self) {
        self.close_ports(Phase::Leaving);
        self.shut_down(Shutdown::Read);
    }

    fn close_ports(&self, phase: Phase) {
        let acceptors = {
            let mut inner = lock(&self.inner);
            inner.phase = phase;
            std::mem::take(&mut inner.acceptors)
        };
        if acceptors.is_empty() {
            return;
        }
        for (_, address) in self.doors.iter() {
            // Wakes the acceptor; if this fails, its port is closed already.
            let _woken = TcpStream::connect(address);
        }
        for acceptor in acceptors {
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
