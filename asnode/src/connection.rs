//! One client connection: frames in, replies out, strictly one after the other
//! (`wire-protocol.md` §1, §2).

use crate::{
    batch, compression,
    faults::{Event, On, Reaction},
    info,
    link::{Link, Manner, Voice},
    request::{Command, Filter, Outcome, State},
    scan,
    security::{self, Identity, Peer},
    transport::Transport,
};
use aerospike_wire::{
    admin,
    digest::Digest,
    field::code,
    frame::{self, FrameType},
    message::{self, Found, Message, MessageHeader, flags},
    reply,
    result_code::ResultCode,
};
use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

/// A body buffer that grew beyond this is given back after the request.
const KEEP_BODY: usize = 4 << 20;

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Close,
}

/// A connection and what it remembers between requests.
pub(crate) struct Connection {
    state: Arc<State>,
    node: usize,
    link: Link,
    /// How replies are sent unless a request changes it.
    manner: Manner,
    session: info::Session,
    /// The limit that is set on the socket; 0 = none.
    idle_ms: u32,
    body: Vec<u8>,
    out: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(state: Arc<State>, node: usize, transport: Transport) -> io::Result<Self> {
        let peer = Peer {
            ip: transport.socket().peer_addr()?.ip(),
            ..Peer::default()
        };
        Ok(Self {
            state,
            node,
            link: Link::new(transport),
            manner: Manner::default(),
            session: info::Session::new(Identity::new(peer)),
            idle_ms: 0,
            body: Vec::new(),
            out: Vec::new(),
        })
    }

    /// Serves the client until either side ends the connection.
    pub(crate) fn serve(mut self) {
        self.converse();
        self.sign_off();
    }

    fn converse(&mut self) {
        if self.greet() == Flow::Close || self.shake_hands().is_err() {
            return;
        }
        while let Ok(Some((kind, len))) = self.wait() {
            if self.read_body(len).is_err() || self.answer(kind) == Flow::Close {
                return;
            }
            if self.body.capacity() > KEEP_BODY {
                self.body = Vec::new();
            }
        }
        self.link.transport().end();
    }

    /// Learns what a TLS certificate says about the client.
    fn shake_hands(&mut self) -> io::Result<()> {
        self.session.who.peer.certificate_name = self.link.transport().shake_hands()?;
        Ok(())
    }

    /// Whose the connection was, it is no longer.
    fn sign_off(&mut self) {
        let security = self.state.security.as_ref();
        self.session.who.leave(security, self.node);
    }

    fn greet(&mut self) -> Flow {
        let event = Event::of(On::Connect, self.node);
        match self.state.react(&event, &mut self.manner) {
            None => Flow::Continue,
            Some(reaction) => self.react(reaction),
        }
    }

    /// The header of the next frame, unless the client is idle for too long.
    fn wait(&mut self) -> io::Result<Option<(u8, u64)>> {
        let idle_ms = self.state.service().proto_fd_idle_ms;
        if idle_ms != self.idle_ms {
            let limit = (idle_ms > 0).then(|| Duration::from_millis(u64::from(idle_ms)));
            self.link.transport().set_read_timeout(limit)?;
            self.idle_ms = idle_ms;
        }
        self.read_header()
    }

    /// Type and length of the next frame; `None` where the server closes the connection.
    fn read_header(&mut self) -> io::Result<Option<(u8, u64)>> {
        let mut header = [0; frame::HEADER_SIZE];
        self.link.reader().read_exact(&mut header)?;
        let [version, kind, l0, l1, l2, l3, l4, l5] = header;
        let len = u64::from_be_bytes([0, 0, l0, l1, l2, l3, l4, l5]);
        let version_fits = version == frame::VERSION || version == 0 && kind == 2;
        let fits = version_fits && (1..=5).contains(&kind) && len <= frame::MAX_BODY;
        Ok(fits.then_some((kind, len)))
    }

    /// Grows the buffer as bytes arrive, not on the word of the header.
    fn read_body(&mut self, len: u64) -> io::Result<()> {
        self.body.clear();
        let got = self.link.reader().take(len).read_to_end(&mut self.body)?;
        if got as u64 == len {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Answers a request; a connection that was made to fall silent stays so.
    fn answer(&mut self, kind: u8) -> Flow {
        self.out.clear();
        self.link.manner = self.manner;
        let flow = self.answer_frame(kind);
        if flow == Flow::Continue && self.link.manner.voice == Voice::Mute {
            self.link.hold();
            return Flow::Close;
        }
        flow
    }

    fn answer_frame(&mut self, kind: u8) -> Flow {
        match FrameType::from_code(kind) {
            Some(FrameType::Info) => self.answer_info(),
            Some(FrameType::Message) => self.answer_message(),
            Some(FrameType::Admin) => self.answer_admin(),
            Some(FrameType::Compressed) => self.answer_compressed(),
            None => self.refuse(ResultCode::PARAMETER),
        }
    }

    fn answer_compressed(&mut self) -> Flow {
        if !self.state.is_enterprise() {
            return self.refuse(ResultCode::ENTERPRISE_ONLY);
        }
        match compression::inflate(&self.body) {
            Some(message) => {
                self.body = message;
                self.answer_message()
            }
            None => self.refuse(ResultCode::PARAMETER),
        }
    }

    fn refuse(&mut self, result: ResultCode) -> Flow {
        reply::status(&mut self.out, result, 0, 0);
        self.link.send(&self.out)
    }

    fn answer_admin(&mut self) -> Flow {
        let command = self.body.get(2).copied().unwrap_or_default();
        let on = match command {
            admin::command::LOGIN => On::Login,
            admin::command::AUTHENTICATE => On::Authenticate,
            _ => On::Admin,
        };
        let event = Event::of(on, self.node);
        let reaction = self.state.react(&event, &mut self.link.manner);
        match reaction {
            None | Some(Reaction::ApplyThenDrop) => security::answer(
                &self.state,
                self.node,
                &mut self.session.who,
                &self.body,
                &mut self.out,
            ),
            Some(Reaction::Result(code)) => {
                admin::reply(&mut self.out, command, ResultCode(code));
            }
            Some(reaction) => return self.react(reaction),
        }
        match reaction {
            Some(Reaction::ApplyThenDrop) => Flow::Close,
            _ => self.link.send(&self.out),
        }
    }

    fn answer_info(&mut self) -> Flow {
        if self.state.faults.is_armed()
            && self.state.is_authenticated(&self.session.who)
            && let Some(reaction) = self.info_fault()
        {
            return self.react(reaction);
        }
        let at = frame::begin(&mut self.out, FrameType::Info);
        info::answer(
            &self.state,
            self.node,
            &mut self.session,
            &self.body,
            &mut self.out,
        );
        frame::finish(&mut self.out, at);
        self.link.send(&self.out)
    }

    fn info_fault(&mut self) -> Option<Reaction> {
        let commands: Vec<_> = aerospike_wire::info::commands(&self.body).collect();
        let event = Event {
            commands: &commands,
            ..Event::of(On::Info, self.node)
        };
        self.state.react(&event, &mut self.link.manner)
    }

    fn answer_message(&mut self) -> Flow {
        let body = std::mem::take(&mut self.body);
        let flow = match message::split(&body, body.len()) {
            Ok(Found::Message { message, len }) if len == body.len() => self.admit(&message),
            _ => self.refuse(ResultCode::PARAMETER),
        };
        self.body = body;
        flow
    }

    /// Lets a message pass whose user may do what it says.
    fn admit(&mut self, message: &Message<'_>) -> Flow {
        let state = Arc::clone(&self.state);
        let who = std::mem::take(&mut self.session.who);
        let flow = match state.admit(self.node, &who, message) {
            Ok(_reservation) => self.route(&who, message),
            Err(result) if message.header.info1 & flags::BATCH != 0 => {
                reply::last(&mut self.out, result);
                self.link.send(&self.out)
            }
            Err(result) => self.refuse(result),
        };
        self.session.who = who;
        flow
    }

    /// Who handles a message (`wire-protocol.md` §11), after the rules had their say.
    fn route(&mut self, who: &Identity, message: &Message<'_>) -> Flow {
        let header = message.header;
        self.link.manner.compress =
            header.info1 & flags::COMPRESS != 0 && self.state.is_enterprise();
        let digest = message.field(code::DIGEST);
        let on = match (header.info1 & flags::BATCH != 0, digest) {
            (true, _) => On::Batch,
            (false, None) => On::Scan,
            (false, Some(_)) if header.info2 & flags::WRITE != 0 => On::Write,
            (false, Some(_)) => On::Read,
        };
        let record = digest.and_then(Digest::from_slice);
        let event = Event {
            partition: record.map(|digest| digest.partition().get()),
            digest: record,
            ..Event::of(on, self.node)
        };
        match self.state.react(&event, &mut self.link.manner) {
            None => {}
            Some(Reaction::ApplyThenDrop) => {
                self.link.manner.voice = Voice::Mute;
                self.dispatch(on, who, message, digest);
                return Flow::Close;
            }
            Some(Reaction::Result(code)) if on == On::Batch => {
                reply::last(&mut self.out, ResultCode(code));
                return self.link.send(&self.out);
            }
            Some(Reaction::Result(code)) => return self.refuse(ResultCode(code)),
            Some(Reaction::PartitionUnavailable) => return self.refuse(ResultCode::UNAVAILABLE),
            Some(reaction) => return self.react(reaction),
        }
        self.dispatch(on, who, message, digest)
    }

    fn dispatch(
        &mut self,
        on: On,
        who: &Identity,
        message: &Message<'_>,
        digest: Option<&[u8]>,
    ) -> Flow {
        let state = Arc::clone(&self.state);
        if on == On::Batch {
            return batch::handle(&state, self.node, who, message, &mut self.link);
        }
        let name = message.field(code::NAMESPACE).unwrap_or_default();
        let Some((index, namespace)) = state.namespace(name) else {
            return self.refuse(ResultCode::NAMESPACE);
        };
        let Some(digest) = digest else {
            return scan::handle(&state, self.node, index, message, &mut self.link);
        };
        let Some(digest) = Digest::from_slice(digest) else {
            return self.refuse(ResultCode::PARAMETER);
        };
        if !state
            .topology
            .is_available(index, digest.partition().index())
        {
            return self.refuse(ResultCode::UNAVAILABLE);
        }
        let at = frame::begin(&mut self.out, FrameType::Message);
        let header = reply::reserve_header(&mut self.out);
        let outcome =
            Command::new(namespace, digest.0, message, Filter::None).execute(&state, &mut self.out);
        reply::put_header(&mut self.out, header, &reply_header(outcome));
        frame::finish(&mut self.out, at);
        self.link.send(&self.out)
    }

    /// Reactions that mean the same wherever they happen.
    fn react(&mut self, reaction: Reaction) -> Flow {
        match reaction {
            Reaction::Silence => self.link.hold(),
            Reaction::Reset => self.link.reset(),
            Reaction::Garbage(garbage) => {
                self.link.send_part(&garbage.bytes());
            }
            Reaction::KillNode(loss) => {
                self.state.kill_node(self.node, loss);
            }
            _ => {}
        }
        Flow::Close
    }
}

fn reply_header(outcome: Outcome) -> MessageHeader {
    MessageHeader {
        result: outcome.result,
        generation: outcome.generation,
        record_ttl: outcome.void_time,
        n_ops: outcome.n_ops,
        ..MessageHeader::default()
    }
}
