//! Writing stored messages as they are, one request per record (`wire-write.md` §7): what an XDR
//! backup holds.
//!
//! Messages go to the masters of their records, many in flight on a connection. A record may come
//! many times, and its last version has to win; so messages of one record never overtake each
//! other: a run of messages ends before a record comes again, and the next run begins when every
//! one of this run has its final answer.

use crate::{
    batch_write::RowOutcome,
    connection::{Connection, SocketOptions},
    error::{Error, WithCauses},
    map::PartitionMap,
    pool::{Lease, Pool},
    retry::{self, RetryPolicy},
    view::{ClusterView, Node},
};
use aerospike_wire::{
    digest::Digest,
    result_code::{Advice, ResultCode},
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How to write.
#[derive(Debug, Clone)]
pub struct PayloadOptions {
    /// Namespace of the messages.
    pub namespace: String,
    /// Attempts and pauses for messages without a final answer.
    pub retry: RetryPolicy,
    /// Sockets. The server's own limit stands in the messages.
    pub socket: SocketOptions,
}

impl PayloadOptions {
    /// The default patience.
    #[must_use]
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            retry: RetryPolicy::WRITE,
            socket: SocketOptions {
                read_buffer: 64 << 10,
                ..SocketOptions::default()
            },
        }
    }
}

/// A message, and the record that it is about.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// The record, by which the message finds its node.
    pub digest: Digest,
    /// The whole message, frame header included. It is sent as it is.
    pub message: &'a [u8],
}

/// Outcomes of messages, in their order.
#[derive(Debug, Default)]
pub struct Replayed {
    /// One per message. After the first one without an answer, messages were not sent.
    pub outcomes: Vec<RowOutcome>,
    /// Attempts after the first.
    pub retries: u32,
    /// The last failure of a connection, if there was one.
    pub failure: Option<Error>,
}

/// Writes messages. Shared by many tasks; each has to bring the messages of a record in order.
#[derive(Debug, Clone)]
pub struct PayloadWriter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    view: Arc<dyn ClusterView>,
    options: PayloadOptions,
    pool: Pool,
    map: RwLock<Arc<PartitionMap>>,
}

const ACTION: &str = "write";

/// Messages that are in flight on a connection: their answers have to fit into a socket.
const IN_FLIGHT: usize = 512;

/// How long messages in flight are waited for once the run is cancelled.
const GRACE: Duration = Duration::from_secs(1);

impl PayloadWriter {
    /// Fetches the partition map of the namespace.
    ///
    /// # Errors
    /// As [`PartitionMap::fetch`].
    pub async fn new(view: Arc<dyn ClusterView>, options: PayloadOptions) -> Result<Self, Error> {
        let map = PartitionMap::fetch(&*view, &options.namespace).await?;
        let pool = Pool::new(options.socket, view.access());
        Ok(Self {
            inner: Arc::new(Inner {
                view,
                options,
                pool,
                map: RwLock::new(map),
            }),
        })
    }

    /// Brings every message to its outcome. Never fails as a whole.
    pub async fn write(&self, payloads: &[Payload<'_>], cancel: &CancellationToken) -> Replayed {
        let mut replayed = Replayed::default();
        let mut rest = payloads;
        while !rest.is_empty() {
            let (run, behind) = rest.split_at(first_run(rest));
            let is_final = self.write_run(run, &mut replayed, cancel).await;
            rest = behind;
            if !is_final {
                break;
            }
        }
        let all = payloads.len();
        replayed.outcomes.resize(all, RowOutcome::NotApplied(None));
        replayed
    }

    /// Writes messages of different records; says whether all of them have their final answers.
    async fn write_run(
        &self,
        run: &[Payload<'_>],
        replayed: &mut Replayed,
        cancel: &CancellationToken,
    ) -> bool {
        let start = replayed.outcomes.len();
        let end = start.saturating_add(run.len());
        replayed.outcomes.resize(end, RowOutcome::NotApplied(None));
        let mut done = 0;
        loop {
            let outcomes = replayed.outcomes.get_mut(start..).unwrap_or_default();
            let failure = self.attempt(run, outcomes, cancel).await;
            replayed.failure = failure.or_else(|| replayed.failure.take());
            done += 1;
            if outcomes.iter().all(|outcome| is_final(*outcome)) {
                return true;
            }
            let policy = &self.inner.options.retry;
            if policy.is_exhausted(done) {
                return false;
            }
            if retry::sleep(policy.pause(done), cancel).await.is_err() {
                return false;
            }
            replayed.retries = replayed.retries.saturating_add(1);
            if let Err(error) = self.renew_map(cancel).await {
                replayed.failure = Some(error);
            }
        }
    }

    async fn renew_map(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let inner = &self.inner;
        let fetching = PartitionMap::fetch(&*inner.view, &inner.options.namespace);
        let map = tokio::select! {
            fetched = fetching => fetched?,
            () = cancel.cancelled() => return Err(Error::Cancelled),
        };
        *inner.map.write().unwrap_or_else(PoisonError::into_inner) = map;
        Ok(())
    }

    /// Sends every message that has no final answer once, to all nodes at the same time.
    async fn attempt(
        &self,
        run: &[Payload<'_>],
        outcomes: &mut [RowOutcome],
        cancel: &CancellationToken,
    ) -> Option<Error> {
        let map = Arc::clone(
            &self
                .inner
                .map
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        for (index, (payload, outcome)) in run.iter().zip(outcomes.iter()).enumerate() {
            let owner = map.master_of(&payload.digest);
            if let Some(owner) = owner.filter(|_| !is_final(*outcome)) {
                let group = groups.entry(owner).or_default();
                group.request.extend_from_slice(payload.message);
                group.members.push(index);
            }
        }
        let mut exchanges = JoinSet::new();
        for (owner, group) in groups {
            let Some(node) = map.nodes().get(owner).cloned() else {
                continue;
            };
            let (inner, cancel) = (Arc::clone(&self.inner), cancel.clone());
            exchanges.spawn(async move { inner.send(&node, group, &cancel).await });
        }
        let mut failure = None;
        while let Some(ended) = exchanges.join_next().await {
            let Ok(answered) = ended else { continue };
            for (index, outcome) in answered.outcomes {
                if let Some(slot) = outcomes.get_mut(index) {
                    // An earlier attempt that may have been applied stays possible.
                    if *slot != RowOutcome::InDoubt || is_final(outcome) {
                        *slot = outcome;
                    }
                }
            }
            failure = answered.failure.or(failure);
        }
        failure
    }
}

/// Messages for one node.
#[derive(Debug, Default)]
struct Group {
    request: Vec<u8>,
    /// Their places in the run.
    members: Vec<usize>,
}

/// What became of a group.
#[derive(Debug)]
struct Answered {
    outcomes: Vec<(usize, RowOutcome)>,
    failure: Option<Error>,
}

/// The answers of an exchange, and what broke it off.
#[derive(Debug, Default)]
struct Exchange {
    is_sent: bool,
    codes: Vec<ResultCode>,
}

impl Inner {
    async fn send(&self, node: &Node, group: Group, cancel: &CancellationToken) -> Answered {
        let mut exchange = Exchange::default();
        let count = group.members.len();
        let sent = tokio::select! {
            biased;
            sent = self.exchange_if_alive(node, &group.request, count, &mut exchange) => sent,
            () = retry::long_after(cancel, GRACE) => Err(Error::Cancelled),
        };
        if let Err(error) = &sent {
            tracing::debug!(node = %node.name, error = %WithCauses(error), "writes interrupted");
        }
        let missing = match exchange.is_sent {
            true => RowOutcome::InDoubt,
            false => RowOutcome::NotApplied(None),
        };
        let answered = exchange.codes.iter().map(|code| outcome(*code));
        let all = answered.chain(std::iter::repeat(missing));
        Answered {
            outcomes: group.members.into_iter().zip(all).collect(),
            failure: sent.err(),
        }
    }

    /// Sends on a pooled connection, and once more on a new one where the node had closed that
    /// meanwhile: this is no attempt.
    async fn exchange_if_alive(
        &self,
        node: &Node,
        request: &[u8],
        count: usize,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        let Lease { connection, reused } = self.pool.lease(node).await?;
        let first = self.exchange(connection, request, count, exchange).await;
        if first.is_ok() || !reused || !exchange.codes.is_empty() {
            return first;
        }
        self.pool.forget(&node.name);
        let Lease { connection, .. } = self.pool.lease(node).await?;
        self.exchange(connection, request, count, exchange).await
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: &[u8],
        count: usize,
        exchange: &mut Exchange,
    ) -> Result<(), Error> {
        exchange.is_sent = true;
        let exchanged = async {
            connection.send(request, ACTION).await?;
            while exchange.codes.len() < count {
                while let Some(message) = connection.arrived(ACTION)? {
                    exchange.codes.push(message.header.result);
                }
                if exchange.codes.len() < count {
                    connection.fill_in_time(ACTION).await?;
                }
            }
            Ok(())
        };
        let result: Result<(), Error> = exchanged.await;
        let needs_login = |code: &&ResultCode| code.advice() == Advice::Login;
        match (&result, exchange.codes.iter().find(needs_login)) {
            (Ok(()), None) => self.pool.put_back(connection),
            (_, Some(code)) => {
                let node = connection.node();
                self.pool.access().note(node, *code);
                self.pool.forget(node);
            }
            (Err(_), None) => self.pool.forget(connection.node()),
        }
        result
    }
}

/// How many messages at the start are about different records.
fn first_run(payloads: &[Payload<'_>]) -> usize {
    let mut seen = HashSet::with_capacity(payloads.len().min(IN_FLIGHT));
    let again = |payload: &Payload<'_>| !seen.insert(payload.digest);
    let in_flight = payloads.iter().take(IN_FLIGHT);
    let end = in_flight.clone().position(again);
    end.unwrap_or_else(|| in_flight.len())
}

/// What an answer means. Everything but an answer that another attempt may change is final.
const fn outcome(code: ResultCode) -> RowOutcome {
    match code.advice() {
        Advice::Retry if code.0 == ResultCode::TIMEOUT.0 => RowOutcome::InDoubt,
        Advice::Retry | Advice::RetryWrite | Advice::Login => RowOutcome::NotApplied(Some(code)),
        Advice::Done | Advice::Final => RowOutcome::Answered(code),
    }
}

const fn is_final(outcome: RowOutcome) -> bool {
    matches!(outcome, RowOutcome::Answered(_))
}
