//! Info commands (`info-protocol.md`): text in, text out, one file per family.
//!
//! Answers follow server 8.1.2 to the letter where the letter is known, and older versions where
//! they differ. Commands that only Enterprise has are refused by Community with 25, all others
//! that are missing here as unknown.

mod age;
mod config;
mod identity;
mod namespaces;
mod peers;
mod queries;
mod replicas;
mod sindex;
mod truncate;
mod udf;
mod xdr;

use crate::{
    counters::Counters, faults::Reaction, namespace::Namespace, request::State, security::Identity,
};
use aerospike_wire::info;

const UNRECOGNIZED: &str = "ERROR:4:unrecognized command";
const ENTERPRISE_ONLY: &str = "ERROR:25:enterprise only";
const NO_NAMESPACE: &str = "ERROR:20:namespace not found on node";
/// The whole answer to clients that have not logged in.
const NOT_AUTHENTICATED: &[u8] = b"ERROR:80:not authenticated\n";
const ROLE_VIOLATION: &str = "ERROR:81:role violation";
const MISSING_NAMESPACE: &str = "ERROR:20:missing 'namespace'";

/// What a connection remembers between info commands.
#[derive(Debug)]
pub(crate) struct Session {
    user_agent: bool,
    /// As whom the connection has logged in.
    pub(crate) who: Identity,
}

impl Session {
    pub(crate) fn new(who: Identity) -> Self {
        Self {
            user_agent: false,
            who,
        }
    }
}

/// The value of an answer: names of sets and bins need not be UTF-8.
type Value = Vec<u8>;

/// A command being answered.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    state: &'a State,
    node: usize,
    /// What follows the name, its separator included.
    tail: &'a [u8],
}

/// Answers all commands of a message.
pub(crate) fn answer(
    state: &State,
    node: usize,
    session: &mut Session,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    const DUMP: &[u8] = b"features\nnode\nedition\nbuild\nstatistics\n";
    if !state.is_authenticated(&session.who) {
        return out.extend_from_slice(NOT_AUTHENTICATED);
    }
    let body = if body.is_empty() { DUMP } else { body };
    for command in info::commands(body) {
        Counters::bump(&state.counters.info_commands);
        out.extend_from_slice(command);
        out.push(b'\t');
        let fault = state.faults.info_command(node, command);
        match fault {
            Some(Reaction::InfoValue(text)) => out.extend_from_slice(text.as_bytes()),
            _ => out.extend_from_slice(&value(state, node, session, command)),
        }
        if let Some(Reaction::InfoTail(text)) = fault {
            out.extend_from_slice(text.as_bytes());
        }
        out.push(b'\n');
    }
}

/// Name and parameters of a command: the name ends at the first `:`, `/` or `;`.
pub(crate) fn split_name(command: &[u8]) -> (&[u8], &[u8]) {
    let end = command
        .iter()
        .position(|byte| matches!(byte, b':' | b'/' | b';'));
    command.split_at(end.unwrap_or(command.len()))
}

fn value(state: &State, node: usize, session: &mut Session, command: &[u8]) -> Value {
    let (name, tail) = split_name(command);
    let request = Request { state, node, tail };
    let Ok(name) = str::from_utf8(name) else {
        return text(UNRECOGNIZED);
    };
    if !age::exists(request, name) {
        return text(UNRECOGNIZED);
    }
    if age::is_refused(request, name) {
        return text(ENTERPRISE_ONLY);
    }
    if !state.permits_command(&session.who, command) {
        return text(ROLE_VIOLATION);
    }
    if name == "user-agent-set" {
        return text(request.user_agent(session));
    }
    let found = identity::value(request, name)
        .or_else(|| peers::value(request, name))
        .or_else(|| replicas::value(request, name))
        .or_else(|| namespaces::value(request, name))
        .or_else(|| sindex::value(request, name))
        .or_else(|| udf::value(request, name))
        .or_else(|| truncate::value(request, name))
        .or_else(|| config::value(request, name))
        .or_else(|| queries::value(request, name));
    found.unwrap_or_else(|| text(UNRECOGNIZED))
}

fn text(value: impl Into<String>) -> Value {
    value.into().into_bytes()
}

impl<'a> Request<'a> {
    /// The value of `key` among `key=value;…` parameters; empty values count as absent.
    fn param(&self, key: &str) -> Option<&'a [u8]> {
        let params = self.tail.strip_prefix(b":")?;
        info::value(params, b';', key.as_bytes()).filter(|value| !value.is_empty())
    }

    /// As [`param`](Self::param), for values that must be text.
    fn text_param(&self, key: &str) -> Option<&'a str> {
        str::from_utf8(self.param(key)?).ok()
    }

    /// The `key=value` parameters in order.
    fn params(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        info::pairs(self.tail.strip_prefix(b":").unwrap_or_default(), b';')
    }

    /// The `/`-separated parameters of old commands.
    fn path(&self) -> Vec<&'a [u8]> {
        self.tail
            .split(|byte| *byte == b'/')
            .skip(1)
            .filter(|part| !part.is_empty())
            .collect()
    }

    /// The namespace of a `namespace=` (or, as older clients write, `ns=`, `id=`) parameter.
    ///
    /// # Errors
    /// The text that the server answers.
    fn namespace(&self) -> Result<(usize, &'a Namespace), &'static str> {
        let name = self.namespace_name().ok_or(MISSING_NAMESPACE)?;
        self.state.namespace(name).ok_or(NO_NAMESPACE)
    }

    fn namespace_name(&self) -> Option<&'a [u8]> {
        self.param("namespace")
            .or_else(|| self.param("ns"))
            .or_else(|| self.param("id"))
    }

    /// The other living nodes.
    fn peers(&self) -> Vec<crate::topology::Member> {
        let members = self.state.topology.members().into_iter().enumerate();
        members
            .filter(|(i, m)| *i != self.node && m.alive)
            .map(|(_, m)| m)
            .collect()
    }

    fn user_agent(&self, session: &mut Session) -> &'static str {
        if self.param("value").is_none() {
            return "ERROR:4:missing 'value'";
        }
        if std::mem::replace(&mut session.user_agent, true) {
            return "ERROR:4:already set";
        }
        "ok"
    }
}
