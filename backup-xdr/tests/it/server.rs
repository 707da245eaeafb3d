//! The server over real sockets: what nodes send, well or badly, and what they are answered.

use aerospike_wire::{
    digest::Digest,
    op,
    xdr::{self, ACK_SIZE, Change, MONITOR_SET, NEVER_EXPIRES, SHIP_AGAIN, SHIPPED, Shipment},
};
use backup_xdr::server::{Arrived, Counters, Server, ServerOptions, Sink, SinkGone};
use net_tls::{names, testing::Authority};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, Semaphore},
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps what it gets, as long as there is room.
#[derive(Debug)]
struct Shelf {
    messages: Mutex<Vec<Vec<u8>>>,
    room: Semaphore,
    arrived: Notify,
}

impl Shelf {
    fn with_room(room: usize) -> Arc<Self> {
        Arc::new(Self {
            messages: Mutex::default(),
            room: Semaphore::new(room),
            arrived: Notify::new(),
        })
    }

    fn messages(&self) -> Vec<Vec<u8>> {
        self.messages.lock().unwrap().clone()
    }
}

impl Sink for Shelf {
    async fn take(&self, messages: &[Arrived<'_>]) -> Result<(), SinkGone> {
        for message in messages {
            let permit = self.room.acquire().await.map_err(|_closed| SinkGone)?;
            permit.forget();
            let frame = message.frame.to_vec();
            self.messages.lock().unwrap().push(frame);
        }
        self.arrived.notify_one();
        Ok(())
    }
}

/// A server that runs.
struct Running {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(shelf: &Arc<Shelf>, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let mut options = ServerOptions::new("127.0.0.1:0".parse().unwrap(), "test");
        options.read_timeout = PATIENCE;
        options.write_timeout = PATIENCE;
        change(&mut options);
        let server = Server::bind(options).await.unwrap();
        let stop = CancellationToken::new();
        Self {
            address: server.address(),
            counters: Arc::clone(server.counters()),
            task: tokio::spawn(server.run(Arc::clone(shelf), stop.clone())),
            stop,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// A message about record `n`.
fn message(n: u64) -> Vec<u8> {
    of_set(n, b"demo", 8)
}

fn of_set(n: u64, set: &[u8], bytes: usize) -> Vec<u8> {
    let mut ops = Vec::new();
    op::put(&mut ops, op::code::WRITE, 4, b"b", &vec![7; bytes]);
    let mut out = Vec::new();
    Shipment {
        namespace: b"test",
        digest: Digest::for_key(b"demo", 1, &n.to_be_bytes()),
        set,
        key: None,
        generation: 1,
        ttl: NEVER_EXPIRES,
        last_update_ms: n,
        change: Change::Write {
            n_ops: 1,
            ops: &ops,
        },
    }
    .encode(&mut out);
    out
}

async fn expect_acks(stream: &mut (impl AsyncRead + Unpin), ok: usize, again: usize) {
    let mut bytes = vec![0; (ok + again) * ACK_SIZE];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut bytes)).await;
    read.unwrap().unwrap();
    let expected = [
        xdr::ack(SHIPPED).repeat(ok),
        xdr::ack(SHIP_AGAIN).repeat(again),
    ]
    .concat();
    assert_eq!(bytes, expected);
}

/// Waits until the server has closed the connection, without another byte.
async fn expect_end(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    // A reset is an end as well.
    let _ended = read.unwrap();
    assert_eq!(rest, b"");
}

async fn ship(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), messages: u64) {
    let all: Vec<u8> = (0..messages).flat_map(message).collect();
    stream.write_all(&all).await.unwrap();
    stream.flush().await.unwrap();
}

#[tokio::test]
async fn messages_arrive_in_order_and_are_acknowledged() {
    let shelf = Shelf::with_room(1 << 20);
    let server = Running::start(&shelf, |_| {}).await;
    let mut node = server.connect().await;
    ship(&mut node, 1000).await;
    expect_acks(&mut node, 1000, 0).await;
    let expected: Vec<_> = (0..1000).map(message).collect();
    assert!(shelf.messages() == expected);
    assert_eq!(server.counters.received(), 1000);
    server.end().await;
    expect_end(&mut node).await;
}

#[tokio::test]
async fn pieces_of_any_size_make_the_same_messages() {
    for piece in [1, 7, 29, 30, 31, 1000] {
        let shelf = Shelf::with_room(100);
        let server = Running::start(&shelf, |options| options.ack_queue = 3).await;
        let mut node = server.connect().await;
        node.set_nodelay(true).unwrap();
        let all: Vec<u8> = (0..10).flat_map(message).collect();
        for piece in all.chunks(piece) {
            node.write_all(piece).await.unwrap();
        }
        expect_acks(&mut node, 10, 0).await;
        assert_eq!(shelf.messages(), (0..10).map(message).collect::<Vec<_>>());
        server.end().await;
    }
}

#[tokio::test]
async fn the_recorded_run_is_answered_alike() {
    let read = |kind: &str| {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../aerospike-wire/tests/data/xdr"
        );
        std::fs::read(format!("{folder}/xdr-ship.{kind}.bin")).unwrap()
    };
    let (messages, acks) = (read("req"), read("resp"));
    let shelf = Shelf::with_room(100);
    let server = Running::start(&shelf, |_| {}).await;
    let mut node = server.connect().await;
    node.write_all(&messages).await.unwrap();
    let mut found = vec![0; acks.len()];
    node.read_exact(&mut found).await.unwrap();
    assert!(found == acks);
    assert_eq!(
        (shelf.messages().len(), server.counters.monitors()),
        (80, 3)
    );
    server.end().await;
}

#[tokio::test]
async fn what_is_not_understood_is_asked_for_again_and_ends_the_connection() {
    let good = message(1);
    let check = async |label: &str, bytes: Vec<u8>| {
        let shelf = Shelf::with_room(100);
        let server = Running::start(&shelf, |_| {}).await;
        let mut node = server.connect().await;
        // Two good ones before it, and one after it that is not looked at.
        let all = [good.clone(), good.clone(), bytes, good.clone()].concat();
        node.write_all(&all).await.unwrap();
        expect_acks(&mut node, 2, 1).await;
        expect_end(&mut node).await;
        assert_eq!(
            (shelf.messages().len(), server.counters.malformed()),
            (2, 1),
            "{label}"
        );
        // The next connection is as good as ever.
        let mut node = server.connect().await;
        ship(&mut node, 1).await;
        expect_acks(&mut node, 1, 0).await;
        server.end().await;
    };
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    check("version", with(&|m| m[0] = 3)).await;
    check("compressed", with(&|m| m[1] = 4)).await;
    check(
        "too large",
        with(&|m| m[4..8].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff])),
    )
    .await;
    check("far too large", with(&|m| m[2] = 1)).await;
    check("two fields", with(&|m| m[27] = 2)).await;
    check("fields beyond all bounds", with(&|m| m[26] = 0xff)).await;
    check("field past the end", with(&|m| m[30] = 0xff)).await;
    check("other namespace", with(&|m| m[35] = b'T')).await;
    check("digest of another type", with(&|m| m[43] = 9)).await;
    check("empty body", vec![2, 3, 0, 0, 0, 0, 0, 0]).await;
}

#[tokio::test]
async fn a_message_that_is_cut_is_not_acknowledged() {
    let shelf = Shelf::with_room(100);
    let server = Running::start(&shelf, |_| {}).await;
    for len in [3, 8, 60] {
        let mut node = server.connect().await;
        node.write_all(&message(1)[..len]).await.unwrap();
        node.shutdown().await.unwrap();
        expect_end(&mut node).await;
    }
    assert!(shelf.messages().is_empty());
    server.end().await;
}

#[tokio::test]
async fn idle_connections_end_and_so_do_messages_that_take_too_long() {
    let shelf = Shelf::with_room(100);
    let limit = Duration::from_millis(100);
    let server = Running::start(&shelf, |options| options.read_timeout = limit).await;
    let mut idle = server.connect().await;
    expect_end(&mut idle).await;
    let mut slow = server.connect().await;
    ship(&mut slow, 1).await;
    expect_acks(&mut slow, 1, 0).await;
    slow.write_all(&message(2)[..50]).await.unwrap();
    expect_end(&mut slow).await;
    assert_eq!(
        (shelf.messages().len(), server.counters.malformed()),
        (1, 0)
    );
    server.end().await;
}

#[tokio::test]
async fn too_many_connections_are_closed_at_once() {
    let shelf = Shelf::with_room(100);
    let server = Running::start(&shelf, |options| options.max_connections = 2).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    for node in [&mut first, &mut second] {
        ship(node, 1).await;
        expect_acks(node, 1, 0).await;
    }
    let mut third = server.connect().await;
    expect_end(&mut third).await;
    assert_eq!(
        (server.counters.turned_away(), server.counters.connections()),
        (1, 2)
    );
    // Where one ends, another may come.
    drop(first);
    loop {
        let mut node = server.connect().await;
        let message = message(5);
        let mut ack = [0; ACK_SIZE];
        let sent = node.write_all(&message).await;
        if sent.is_ok() && node.read_exact(&mut ack).await.is_ok() {
            break;
        }
    }
    server.end().await;
}

#[tokio::test]
async fn a_full_sink_stops_the_node_and_memory_stays_bounded() {
    const BYTES: usize = 100 << 10;
    let shelf = Shelf::with_room(3);
    let server = Running::start(&shelf, |options| options.ack_queue = 2).await;
    let mut node = server.connect().await;
    let (mut reader, mut writer) = node.split();
    // Far more than the buffers of both sockets hold.
    let sending = async {
        for n in 0..1000 {
            writer.write_all(&of_set(n, b"demo", BYTES)).await.unwrap();
        }
    };
    let waiting = async {
        // Until the third has come, and then a while longer: the fourth may not.
        while shelf.messages().len() < 3 {
            shelf.arrived.notified().await;
        }
        expect_acks(&mut reader, 2, 0).await;
        let mut byte = [0];
        let more = tokio::time::timeout(Duration::from_millis(200), reader.read(&mut byte)).await;
        assert!(more.is_err() || shelf.messages().len() == 3);
    };
    tokio::select! {
        () = sending => panic!("nothing held the sender up"),
        () = waiting => {}
    }
    server.end().await;
}

#[tokio::test]
async fn a_sink_that_has_gone_closes_without_an_acknowledgement() {
    let shelf = Shelf::with_room(1);
    let server = Running::start(&shelf, |options| options.ack_queue = 1).await;
    let mut node = server.connect().await;
    ship(&mut node, 1).await;
    expect_acks(&mut node, 1, 0).await;
    shelf.room.close();
    ship(&mut node, 1).await;
    expect_end(&mut node).await;
    server.end().await;
}

#[tokio::test]
async fn a_node_that_does_not_read_its_acknowledgements_is_left() {
    let shelf = Shelf::with_room(1 << 30);
    let limit = Duration::from_millis(100);
    let server = Running::start(&shelf, |options| {
        (options.write_timeout, options.ack_queue) = (limit, 4);
    })
    .await;
    let mut node = server.connect().await;
    let small = message(1);
    // Small messages, so that answers are a good part of the traffic and fill the sockets.
    let sent = tokio::time::timeout(PATIENCE, async {
        loop {
            let sent = node.write_all(&small.repeat(100)).await;
            if sent.is_err() {
                break;
            }
        }
    });
    sent.await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn the_bookkeeping_of_transactions_is_not_kept() {
    let shelf = Shelf::with_room(100);
    let server = Running::start(&shelf, |_| {}).await;
    let mut node = server.connect().await;
    let all = [
        of_set(1, MONITOR_SET, 8),
        message(2),
        of_set(3, MONITOR_SET, 8),
    ]
    .concat();
    node.write_all(&all).await.unwrap();
    expect_acks(&mut node, 3, 0).await;
    assert_eq!(shelf.messages(), [message(2)]);
    assert_eq!(server.counters.monitors(), 2);
    server.end().await;
}

#[tokio::test]
async fn with_tls_the_certificate_is_ours() {
    let authority = Authority::new("test");
    let settings = authority.server_settings(&["backup.test"]).build().unwrap();
    let shelf = Shelf::with_room(100);
    let server = Running::start(&shelf, |options| options.tls = Some(settings)).await;
    let connector = TlsConnector::from(authority.client_settings().build().unwrap());
    let name = names::server_name("backup.test").unwrap();
    let mut node = connector
        .connect(name, server.connect().await)
        .await
        .unwrap();
    ship(&mut node, 10).await;
    expect_acks(&mut node, 10, 0).await;
    assert_eq!(shelf.messages().len(), 10);
    // A node that does not speak it gets nowhere.
    let mut plain = server.connect().await;
    ship(&mut plain, 1).await;
    let mut bytes = Vec::new();
    let _ended = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut bytes)).await;
    assert_eq!(shelf.messages().len(), 10);
    server.end().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let shelf = Shelf::with_room(1);
    let server = Running::start(&shelf, |_| {}).await;
    let error = Server::bind(ServerOptions::new(server.address, "test")).await;
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("cannot listen on 127.0.0.1")
    );
    server.end().await;
}
