//! A small raw client: sends bytes, takes replies apart, knows no policy.

use aerospike_wire::{
    digest::Digest,
    field, frame, info,
    message::{MessageBuilder, MessageHeader, flags},
    op, scan,
    stream::{MessageStream, Step},
};
use asnode::{Cluster, NamespaceConfig};
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Longest that any reply may take in a test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something has happened.
pub(crate) fn until(mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < PATIENCE, "waited too long");
        std::thread::yield_now();
    }
}

/// One node with namespace `test`.
pub(crate) fn cluster() -> Cluster {
    Cluster::builder().start().unwrap()
}

/// One node with a namespace configured by `change`.
pub(crate) fn cluster_with(change: impl FnOnce(&mut NamespaceConfig)) -> Cluster {
    let mut config = NamespaceConfig::new("test");
    change(&mut config);
    Cluster::builder().namespace(config).start().unwrap()
}

/// A message of a reply, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Msg {
    pub(crate) header: MessageHeader,
    pub(crate) fields: Vec<(u8, Vec<u8>)>,
    /// Code, particle type, name, value.
    pub(crate) ops: Vec<(u8, u8, Vec<u8>, Vec<u8>)>,
}

impl Msg {
    pub(crate) fn result(&self) -> u8 {
        self.header.result.0
    }

    /// Result, generation, void-time.
    pub(crate) fn outcome(&self) -> (u8, u32, u32) {
        (
            self.result(),
            self.header.generation,
            self.header.record_ttl,
        )
    }

    pub(crate) fn field(&self, kind: u8) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|(found, _)| *found == kind)
            .map(|(_, data)| data.as_slice())
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::from_slice(self.field(field::code::DIGEST).unwrap()).unwrap()
    }

    pub(crate) fn is_last(&self) -> bool {
        self.header.info3 & flags::LAST != 0
    }

    /// Bins by name.
    pub(crate) fn bins(&self) -> BTreeMap<Vec<u8>, (u8, Vec<u8>)> {
        let bin = |(_, particle, name, value): &(u8, u8, Vec<u8>, Vec<u8>)| {
            (name.clone(), (*particle, value.clone()))
        };
        self.ops.iter().map(bin).collect()
    }
}

/// Takes the body of a data frame apart.
pub(crate) fn messages(frames: &[u8]) -> Vec<Msg> {
    let mut stream = MessageStream::new();
    let mut rest = frames;
    let mut all = Vec::new();
    while !rest.is_empty() {
        match stream.next(rest).unwrap() {
            Step::Message { message, consumed } => {
                all.push(Msg {
                    header: message.header,
                    fields: message
                        .fields()
                        .map(|f| (f.kind, f.data.to_vec()))
                        .collect(),
                    ops: message
                        .ops()
                        .map(|o| (o.code, o.particle, o.name.to_vec(), o.value.to_vec()))
                        .collect(),
                });
                rest = &rest[consumed..];
            }
            Step::Incomplete { .. } => panic!("cut frame"),
        }
    }
    all
}

/// A connection.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
}

impl Client {
    pub(crate) fn connect(cluster: &Cluster) -> Self {
        Self::to(cluster.addresses()[0])
    }

    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame, header included.
    pub(crate) fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 8];
        self.stream.read_exact(&mut bytes)?;
        let len = u64::from_be_bytes(bytes[..8].try_into().unwrap()) & 0xffff_ffff_ffff;
        bytes.resize(8 + usize::try_from(len).unwrap(), 0);
        self.stream.read_exact(&mut bytes[8..])?;
        Ok(bytes)
    }

    /// Sends a request that is answered with one message.
    pub(crate) fn call(&mut self, request: &[u8]) -> Msg {
        self.send(request);
        let mut found = messages(&self.frame().unwrap());
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    /// Sends a request that is answered with many messages; all of them, the last included. A
    /// message without LAST and with an error code alone in its frame ends it, too.
    pub(crate) fn collect(&mut self, request: &[u8]) -> Vec<Msg> {
        self.frames(request)
            .iter()
            .flat_map(|frame| messages(frame))
            .collect()
    }

    /// As [`collect`](Self::collect), frame by frame.
    pub(crate) fn frames(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        self.send(request);
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().unwrap();
            let found = messages(&frame);
            let last = found.last().unwrap();
            let refused = found.len() == 1 && last.result() != 0 && last.header.info3 == 0;
            let done = last.is_last() || refused;
            frames.push(frame);
            if done {
                return frames;
            }
        }
    }

    /// The value of one info command.
    pub(crate) fn info(&mut self, command: &str) -> String {
        self.try_info(command).expect("no answer")
    }

    /// As [`info`](Self::info), unless the node closes the connection.
    pub(crate) fn try_info(&mut self, command: &str) -> Option<String> {
        let mut request = Vec::new();
        info::request(&mut request, &[command]);
        self.stream.write_all(&request).ok()?;
        let frame = self.frame().ok()?;
        let echo = format!("{command}\t");
        let text = String::from_utf8(frame[8..].to_vec()).unwrap();
        let value = text
            .strip_prefix(&echo)
            .and_then(|text| text.strip_suffix('\n'));
        let value = value.unwrap_or_else(|| panic!("bad echo: {text:?}"));
        Some(value.to_owned())
    }

    /// Whether the node has closed the connection (waits for it).
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// A request on one record, put together piece by piece.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) header: MessageHeader,
    pub(crate) fields: Vec<(u8, Vec<u8>)>,
    pub(crate) ops: Vec<(u8, u8, Vec<u8>, Vec<u8>)>,
}

impl Request {
    /// Namespace, set and digest of a string key.
    fn new(set: &str, key: &str) -> Self {
        let digest = Digest::for_key(set.as_bytes(), 3, key.as_bytes());
        let mut request = Self {
            header: MessageHeader {
                transaction_ttl: 1000,
                ..MessageHeader::default()
            },
            fields: vec![(field::code::NAMESPACE, b"test".to_vec())],
            ops: Vec::new(),
        };
        if !set.is_empty() {
            request.fields.push((field::code::SET, set.into()));
        }
        request
            .fields
            .push((field::code::DIGEST, digest.0.to_vec()));
        request
    }

    pub(crate) fn put(set: &str, key: &str) -> Self {
        let mut request = Self::new(set, key);
        request.header.info2 = flags::WRITE;
        request
    }

    /// All bins.
    pub(crate) fn get(set: &str, key: &str) -> Self {
        let mut request = Self::new(set, key);
        request.header.info1 = flags::READ | flags::GET_ALL;
        request
    }

    pub(crate) fn delete(set: &str, key: &str) -> Self {
        let mut request = Self::new(set, key);
        request.header.info2 = flags::WRITE | flags::DELETE;
        request
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut MessageHeader)) -> Self {
        change(&mut self.header);
        self
    }

    pub(crate) fn field(mut self, kind: u8, data: &[u8]) -> Self {
        self.fields.push((kind, data.to_vec()));
        self
    }

    /// The KEY field of a string key.
    pub(crate) fn key(self, key: &str) -> Self {
        self.field(field::code::KEY, &[b"\x03", key.as_bytes()].concat())
    }

    pub(crate) fn op(mut self, code: u8, particle: u8, name: &str, value: &[u8]) -> Self {
        self.ops.push((code, particle, name.into(), value.to_vec()));
        self
    }

    /// WRITE of an integer.
    pub(crate) fn int(self, name: &str, value: i64) -> Self {
        self.op(op::code::WRITE, 1, name, &value.to_be_bytes())
    }

    pub(crate) fn read(self, name: &str) -> Self {
        self.op(op::code::READ, 0, name, &[])
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut message = MessageBuilder::new(&mut out, &self.header);
        for (kind, data) in &self.fields {
            message.field(*kind, data);
        }
        for (code, particle, name, value) in &self.ops {
            message.op(*code, *particle, name, value);
        }
        message.finish();
        out
    }

    /// The request as a batch row with all optional parts, under `index`.
    pub(crate) fn row(&self, index: u32) -> Vec<u8> {
        let field = |kind: u8| self.fields.iter().find(|(k, _)| *k == kind).map(|(_, d)| d);
        let mut out = index.to_be_bytes().to_vec();
        out.extend_from_slice(field(field::code::DIGEST).unwrap());
        let header = self.header;
        out.extend_from_slice(&[0x0e, header.info1, header.info2, header.info3]);
        out.extend_from_slice(&u16::try_from(header.generation).unwrap().to_be_bytes());
        out.extend_from_slice(&header.record_ttl.to_be_bytes());
        let fields: Vec<_> = self
            .fields
            .iter()
            .filter(|(k, _)| *k != field::code::DIGEST)
            .collect();
        out.extend_from_slice(&u16::try_from(fields.len()).unwrap().to_be_bytes());
        out.extend_from_slice(&u16::try_from(self.ops.len()).unwrap().to_be_bytes());
        for (kind, data) in fields {
            field::put(&mut out, *kind, data);
        }
        for (code, particle, name, value) in &self.ops {
            op::put(&mut out, *code, *particle, name, value);
        }
        out
    }

    pub(crate) fn digest(&self) -> Digest {
        let digest = self
            .fields
            .iter()
            .find(|(kind, _)| *kind == field::code::DIGEST)
            .unwrap();
        Digest::from_slice(&digest.1).unwrap()
    }
}

/// A batch frame of encoded rows.
pub(crate) fn batch(flags_byte: u8, rows: &[Vec<u8>]) -> Vec<u8> {
    batch_with(
        flags_byte,
        u32::try_from(rows.len()).unwrap(),
        &rows.concat(),
        &[],
    )
}

/// A batch frame with any row count, row bytes and top-level filter.
pub(crate) fn batch_with(flags_byte: u8, count: u32, rows: &[u8], filter: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let header = MessageHeader {
        info1: flags::BATCH,
        ..MessageHeader::default()
    };
    let mut message = MessageBuilder::new(&mut out, &header);
    if !filter.is_empty() {
        message.field(field::code::FILTER_EXP, filter);
    }
    let data = [&count.to_be_bytes()[..], &[flags_byte], rows].concat();
    message.field(field::code::BATCH, &data);
    message.finish();
    out
}

/// All partitions.
pub(crate) fn all_partitions() -> Vec<u16> {
    (0..4096).collect()
}

/// A scan request of `partitions`, changed by `change`.
pub(crate) fn scan_request<'a>(
    partitions: &'a [u16],
    change: impl FnOnce(&mut scan::ScanRequest<'a>),
) -> Vec<u8> {
    let mut request = scan::ScanRequest {
        partitions,
        ..scan::ScanRequest::new(b"test", fastrand_id())
    };
    change(&mut request);
    let mut out = Vec::new();
    request.encode(&mut out);
    out
}

fn fastrand_id() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) | 1
}

/// The records of a scan reply; the reply must end well.
pub(crate) fn scanned(reply: &[Msg]) -> Vec<&Msg> {
    let (last, records) = reply.split_last().unwrap();
    assert!(last.is_last(), "no last message: {last:?}");
    assert_eq!(last.result(), 0);
    records.iter().filter(|msg| msg.header.info3 == 0).collect()
}

/// Wraps a body in a frame.
pub(crate) fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u64::try_from(body.len()).unwrap();
    let header = (u64::from(frame::VERSION) << 56 | u64::from(kind) << 48 | len).to_be_bytes();
    [&header[..], body].concat()
}

/// Bytes of a hex text; spaces and line ends do not matter.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
