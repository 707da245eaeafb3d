//! Writing records: batches of rows to the nodes that own them (`wire-write.md` §6).
//!
//! A [`BatchWriter`] takes a finished [`BatchBuilder`] for one node and brings every row to a
//! final outcome. Each row is judged by itself: what succeeded or was refused is final at once,
//! and only the others are sent again, grouped anew by a fresh partition map. Where batches are
//! not possible, the same rows go out as single writes, many in flight on one connection.

mod breaker;
mod ledger;

pub use ledger::RowOutcome;

use crate::{
    connection::{Connection, SocketOptions},
    error::{Error, WithCauses},
    map::PartitionMap,
    pool::{Lease, Pool},
    retry::{self, RetryPolicy},
    view::{ClusterView, Node},
};
use aerospike_wire::{
    batch::{self, BatchBuilder, BatchItem},
    message::Message,
    result_code::{Advice, ResultCode},
    single,
};
use breaker::Breakers;
use ledger::{Ledger, Page};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How to write.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Namespace that the rows are for.
    pub namespace: String,
    /// Never use batches.
    pub single_writes: bool,
    /// The server's limit for a request; zero = its own default (default 10 s).
    pub server_timeout: Duration,
    /// Our limit for one attempt, from sending to the last answer; zero = none (default).
    pub total_timeout: Duration,
    /// Attempts and pauses for rows without a final answer.
    pub retry: RetryPolicy,
    /// Sockets.
    pub socket: SocketOptions,
}

impl WriteOptions {
    /// Batches into `namespace` with default patience.
    #[must_use]
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            single_writes: false,
            server_timeout: Duration::from_secs(10),
            total_timeout: Duration::ZERO,
            retry: RetryPolicy::WRITE,
            // Replies are small: about thirty bytes a row.
            socket: SocketOptions {
                read_buffer: 64 << 10,
                ..SocketOptions::default()
            },
        }
    }
}

/// Outcomes of one batch, in the order of its rows.
#[derive(Debug)]
pub struct Written {
    /// The batch, to be cleared and filled again.
    pub batch: BatchBuilder,
    /// One per row.
    pub outcomes: Vec<RowOutcome>,
    /// Attempts after the first.
    pub retries: u32,
    /// How often a row was sent and left without an answer, all attempts together.
    pub in_doubt: u64,
    /// Whether its rows went out as single writes in the end.
    pub single_writes: bool,
    /// The last failure of a connection or a whole batch, if there was one.
    pub failure: Option<Error>,
}

/// Writes batches. Shared by many tasks.
#[derive(Debug)]
pub struct BatchWriter {
    view: Arc<dyn ClusterView>,
    options: WriteOptions,
    pool: Pool,
    map: RwLock<Arc<PartitionMap>>,
    single_writes: AtomicBool,
    breakers: Breakers,
}

/// How a write is brought to an end early.
#[derive(Debug, Clone, Copy)]
pub struct Brakes<'a> {
    /// No attempt begins any more; one that is under way is finished.
    pub stop: &'a CancellationToken,
    /// Nothing is waited for any more but what is answered within a second.
    pub cancel: &'a CancellationToken,
}

impl<'a> Brakes<'a> {
    /// Both at a time.
    #[must_use]
    pub const fn one(cancel: &'a CancellationToken) -> Self {
        let stop = cancel;
        Self { stop, cancel }
    }
}

const ACTION: &str = "batch write";

/// How long a batch in flight is waited for once the run is cancelled.
const GRACE: Duration = Duration::from_secs(1);

impl BatchWriter {
    /// Fetches the partition map of the namespace.
    ///
    /// # Errors
    /// As [`PartitionMap::fetch`].
    pub async fn new(view: Arc<dyn ClusterView>, options: WriteOptions) -> Result<Self, Error> {
        let map = PartitionMap::fetch(&*view, &options.namespace).await?;
        let single_writes = AtomicBool::new(options.single_writes);
        let pool = Pool::new(options.socket, view.access());
        Ok(Self {
            view,
            options,
            pool,
            map: RwLock::new(map),
            single_writes,
            breakers: Breakers::default(),
        })
    }

    /// Opens `connections` to each node, to be used later. What cannot be opened is left to the
    /// writes and their retries.
    pub async fn warm_up(&self, connections: usize) {
        for node in self.map().nodes() {
            for _ in 0..connections {
                if let Err(error) = self.pool.open_idle(node).await {
                    tracing::warn!(node = %node.name, error = %WithCauses(&error), "no connection yet");
                    break;
                }
            }
        }
    }

    /// The current map, for grouping rows. A row in the wrong group is only slower: nodes pass
    /// rows on.
    #[must_use]
    pub fn map(&self) -> Arc<PartitionMap> {
        Arc::clone(&self.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Brings every row of `batch`, grouped for `node`, to its outcome. Never fails as a whole:
    /// when retries are exhausted or the run ends early, the outcomes say which rows did not
    /// make it.
    pub async fn write(&self, node: &Node, mut batch: BatchBuilder, brakes: Brakes<'_>) -> Written {
        let mut ledger = Ledger::new(batch.rows());
        self.attempt(node, &mut batch, None, &mut ledger, brakes)
            .await;
        let mut done = 1;
        while ledger.is_open() && !self.options.retry.is_exhausted(done) {
            let pause = self.options.retry.pause(done);
            if retry::sleep(pause, brakes.stop).await.is_err() || brakes.stop.is_cancelled() {
                break;
            }
            self.attempt_again(&batch, &mut ledger, brakes).await;
            done += 1;
        }
        Written {
            batch,
            single_writes: ledger.is_split || self.single_writes.load(Ordering::Relaxed),
            outcomes: ledger.outcomes,
            retries: done - 1,
            in_doubt: ledger.in_doubt,
            failure: ledger.failure,
        }
    }

    /// Sends the rows that are not final, each to the node that owns it now.
    async fn attempt_again(&self, batch: &BatchBuilder, ledger: &mut Ledger, brakes: Brakes<'_>) {
        let fetching = PartitionMap::fetch(&*self.view, &self.options.namespace);
        let fetched = tokio::select! {
            fetched = fetching => fetched,
            () = brakes.cancel.cancelled() => Err(Error::Cancelled),
        };
        match fetched {
            Ok(map) => *self.map.write().unwrap_or_else(PoisonError::into_inner) = map,
            Err(error) => {
                ledger.failure = Some(error);
                return;
            }
        }
        let map = self.map();
        let mut groups: BTreeMap<usize, (BatchBuilder, Vec<usize>)> = BTreeMap::new();
        for index in ledger.open_rows() {
            let owner = batch
                .digest(index)
                .and_then(|digest| map.master_of(&digest));
            let (Some(owner), Some(row)) = (owner, batch.row(index)) else {
                continue;
            };
            let group = groups.entry(owner);
            let (rows, members) =
                group.or_insert_with(|| (BatchBuilder::with_capacity(0), Vec::new()));
            rows.push_row(row);
            members.push(index);
        }
        for (owner, (mut rows, members)) in groups {
            if let Some(node) = map.nodes().get(owner) {
                self.attempt(node, &mut rows, Some(&members), ledger, brakes)
                    .await;
            }
        }
    }

    /// Sends `batch` once and enters what comes back. `members` gives the ledger's index of each
    /// row, `None` = the same.
    async fn attempt(
        &self,
        node: &Node,
        batch: &mut BatchBuilder,
        members: Option<&[usize]>,
        ledger: &mut Ledger,
        brakes: Brakes<'_>,
    ) {
        let mut page = Page::new(batch.rows(), members, ledger);
        let sent = tokio::select! {
            biased;
            sent = self.exchange_if_well(node, batch, &mut page) => sent,
            // What is in flight may still be answered; a node that hangs is not waited for.
            () = retry::long_after(brakes.cancel, GRACE) => Err(Error::Cancelled),
        };
        page.close();
        if let Err(error) = sent {
            tracing::debug!(node = %node.name, error = %WithCauses(&error), "batch interrupted");
            // That a node is sick says less than what it is sick of.
            if ledger.failure.is_none() || !matches!(error, Error::Sick { .. }) {
                ledger.failure = Some(error);
            }
        }
    }

    /// Sends `batch` unless the node was found to be sick meanwhile, and remembers how it went.
    async fn exchange_if_well(
        &self,
        node: &Node,
        batch: &mut BatchBuilder,
        page: &mut Page<'_>,
    ) -> Result<(), Error> {
        let Some(permit) = self.breakers.admit(&node.name).await else {
            return Err(Error::Sick {
                node: node.name.clone(),
            });
        };
        let sent = self.exchange_in_time(node, batch, page).await;
        // A node that puts every row off is as sick as one that does not answer.
        if permit.report(sent.is_ok() && page.has_progress()) {
            tracing::warn!(node = %node.name, "node fails again and again: it gets one batch at a time");
        }
        sent
    }

    async fn exchange_in_time(
        &self,
        node: &Node,
        batch: &mut BatchBuilder,
        page: &mut Page<'_>,
    ) -> Result<(), Error> {
        let limit = self.options.total_timeout;
        let exchange = self.exchange_if_alive(node, batch, page);
        if limit.is_zero() {
            return exchange.await;
        }
        let timeout = || Error::Timeout {
            node: node.name.clone(),
            action: ACTION,
            after: limit,
        };
        let sent = tokio::time::timeout(limit, exchange).await;
        sent.unwrap_or_else(|_| Err(timeout()))
    }

    /// Sends `batch` on a pooled connection, and once more on a new one where the node had
    /// closed that meanwhile: this is no attempt.
    async fn exchange_if_alive(
        &self,
        node: &Node,
        batch: &mut BatchBuilder,
        page: &mut Page<'_>,
    ) -> Result<(), Error> {
        match self.exchange(node, batch, page, true).await {
            Err(Failed::StaleConnection(_)) => {
                let again = self.exchange(node, batch, page, false).await;
                again.map_err(Failed::into_error)
            }
            sent => sent.map_err(Failed::into_error),
        }
    }

    async fn exchange(
        &self,
        node: &Node,
        batch: &mut BatchBuilder,
        page: &mut Page<'_>,
        reuse: bool,
    ) -> Result<(), Failed> {
        if !reuse {
            self.pool.forget(&node.name);
        }
        let Lease {
            mut connection,
            reused,
        } = self.pool.lease(node).await.map_err(Failed::Attempt)?;
        let exchanged = if page.is_split() || self.single_writes.load(Ordering::Relaxed) {
            self.write_single(&mut connection, batch, page).await
        } else {
            self.write_batch(&mut connection, batch, page).await
        };
        match exchanged {
            Ok(()) => {
                match page.login_needed {
                    None => self.pool.put_back(connection),
                    Some(code) => {
                        self.pool.access().note(&node.name, code);
                        self.pool.forget(&node.name);
                    }
                }
                Ok(())
            }
            Err(error) if reused && page.answers == 0 => {
                self.pool.forget(&node.name);
                Err(Failed::StaleConnection(error))
            }
            Err(error) => {
                self.pool.forget(&node.name);
                Err(Failed::Attempt(error))
            }
        }
    }

    async fn write_batch(
        &self,
        connection: &mut Connection,
        batch: &mut BatchBuilder,
        page: &mut Page<'_>,
    ) -> Result<(), Error> {
        let timeout = self.server_timeout_ms();
        connection.send(batch.finish(timeout), ACTION).await?;
        page.is_sent = true;
        let end = read_answers(connection, |message| match batch::item(message) {
            BatchItem::Row { index, result } => {
                page.answer(usize::try_from(index).unwrap_or(usize::MAX), result);
                None
            }
            BatchItem::Last(code) => Some(code),
        })
        .await?;
        self.end_of_batch(end, connection, page)
    }

    /// What the result of the whole batch says about rows that were not answered.
    fn end_of_batch(
        &self,
        code: ResultCode,
        connection: &Connection,
        page: &mut Page<'_>,
    ) -> Result<(), Error> {
        page.answers = page.answers.saturating_add(1); // the connection is alive
        match code {
            ResultCode::OK => return Ok(()),
            // Batches are switched off or too small here: go on without them.
            ResultCode::BATCH_DISABLED | ResultCode::BATCH_MAX_REQUESTS => {
                if !self.single_writes.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%code, "the server takes no such batches: records go one by one");
                }
                page.answer_rest(RowOutcome::NotApplied(Some(code)));
            }
            ResultCode::TIMEOUT => page.answer_rest(RowOutcome::InDoubt),
            // One bad row may be the reason, and rows before it may have been written: each is
            // to be judged by itself.
            code if code.advice() == Advice::Final => page.split(code),
            code => page.answer_rest(RowOutcome::NotApplied(Some(code))),
        }
        let access = self.pool.access();
        Err(access.refused(connection.node(), ACTION, code))
    }

    /// All rows as messages of their own, back to back; the answers come in the same order.
    /// The node reads while it answers, and its answers (30 bytes each) fit into the socket.
    async fn write_single(
        &self,
        connection: &mut Connection,
        batch: &BatchBuilder,
        page: &mut Page<'_>,
    ) -> Result<(), Error> {
        let mut requests = Vec::with_capacity(batch.len_bytes());
        let malformed = |source| Error::Malformed {
            node: connection.node().clone(),
            action: "building a write",
            source,
        };
        for row in (0..batch.rows()).filter_map(|index| batch.row(index)) {
            single::from_row(&mut requests, row, self.server_timeout_ms()).map_err(malformed)?;
        }
        // Unlike a batch, part of this is carried out although the rest never leaves.
        page.is_sent = true;
        connection.send(&requests, "write").await?;
        let mut next = 0;
        let rows = batch.rows();
        read_answers(connection, |message| {
            page.answer(next, message.header.result);
            next += 1;
            (next == rows).then_some(ResultCode::OK)
        })
        .await
        .map(|_| ())
    }

    fn server_timeout_ms(&self) -> u32 {
        u32::try_from(self.options.server_timeout.as_millis()).unwrap_or(u32::MAX)
    }
}

/// Hands every message to `take` until it says that this was the last.
async fn read_answers<T>(
    connection: &mut Connection,
    mut take: impl FnMut(&Message<'_>) -> Option<T>,
) -> Result<T, Error> {
    loop {
        while let Some(message) = connection.arrived(ACTION)? {
            if let Some(end) = take(&message) {
                return Ok(end);
            }
        }
        connection.fill_in_time(ACTION).await?;
    }
}

/// A failed exchange.
enum Failed {
    /// On a connection that may have been dead before.
    StaleConnection(Error),
    /// Anything else.
    Attempt(Error),
}

impl Failed {
    fn into_error(self) -> Error {
        match self {
            Self::StaleConnection(error) | Self::Attempt(error) => error,
        }
    }
}
