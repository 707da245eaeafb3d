//! The course of a run (`xdr-protocol.md` §6), as one task that looks at all nodes in turn:
//!
//! ```text
//! per node   start ──► recovering ──► recovered ──► draining ──► done
//! all nodes                               └── all of them: block transactions ──┘
//! ```
//!
//! A node is done when everything that was written before transactions were blocked has been
//! shipped. Lag is told in whole seconds, rounded down, so one more second has to pass than it
//! says; a namespace that is written to all the time comes to an end all the same.
//!
//! Whatever was made is taken back: data centres are deleted and transactions permitted again also
//! after a failure, within [`Plan::teardown_limit`]. Commands follow each other, so that nothing
//! blocks transactions after they were permitted.

pub use crate::retry::InfoRetry;
use crate::{
    commands::{self, Progress, Shipment},
    control::ControlPlane,
    error::Error,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is shipped, and where to.
    pub shipment: Shipment,
    /// Time between two looks at the nodes (default 1 s).
    pub polling: Duration,
    /// Time that a node has to count what it will recover, before its figures are believed
    /// (default 3 s).
    pub settle: Duration,
    /// Time in which the first record has to arrive, unless there is none (default 30 s).
    pub start_timeout: Duration,
    /// How often a command is given.
    pub retry: InfoRetry,
    /// Most time that taking everything back may take (default 10 s).
    pub teardown_limit: Duration,
}

impl Plan {
    /// A plan with the default times.
    #[must_use]
    pub fn new(shipment: Shipment) -> Self {
        Self {
            shipment,
            polling: Duration::from_secs(1),
            settle: Duration::from_secs(3),
            start_timeout: Duration::from_secs(30),
            retry: InfoRetry::default(),
            teardown_limit: Duration::from_secs(10),
        }
    }
}

/// How far all nodes are; told after each look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overview {
    /// Nodes that ship or have shipped.
    pub nodes: usize,
    /// Those of them that have shipped everything.
    pub done: usize,
    /// Partitions that are still recovered, of all nodes.
    pub recoveries_pending: u64,
    /// Seconds that the slowest node is behind.
    pub lag_s: u64,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its figures count from then on.
    Recovering { from: Instant },
    /// Everything from before the start is here.
    Recovered,
    /// Everything from before this moment has to come.
    Draining { until: Instant },
    /// Nothing is left to do, nor to take back.
    Done,
}

/// What has to be taken back on a node.
#[derive(Debug, Clone, Copy, Default)]
struct Traces {
    dc: bool,
    block: bool,
}

/// Most times that a node is started anew because its data centre has gone.
const RESTARTS: u32 = 5;

/// A run in progress.
#[derive(Debug)]
struct Run<'a> {
    control: &'a Arc<dyn ControlPlane>,
    plan: &'a Plan,
    stages: BTreeMap<String, Stage>,
    traces: BTreeMap<String, Traces>,
    figures: BTreeMap<String, Progress>,
    restarts: u32,
}

/// Lets all nodes ship until all of it is here. `received` says how many messages have arrived,
/// `report` is told how far the nodes are.
///
/// # Errors
/// What [`Error`] lists. Everything on the nodes was taken back by then as far as they answer; what
/// is left is in the log with the commands that remove it.
pub async fn run(
    control: &Arc<dyn ControlPlane>,
    plan: &Plan,
    received: impl Fn() -> u64,
    report: impl Fn(Overview),
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut run = Run {
        control,
        plan,
        stages: BTreeMap::new(),
        traces: BTreeMap::new(),
        figures: BTreeMap::new(),
        restarts: 0,
    };
    let result = run.ship(received, report, stop).await;
    run.tear_down().await;
    result
}

impl Run<'_> {
    async fn ship(
        &mut self,
        received: impl Fn() -> u64,
        report: impl Fn(Overview),
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let nodes = self.control.nodes();
        if nodes.is_empty() {
            return Err(Error::NoNodes);
        }
        for node in &nodes {
            or_stopped(stop, self.check(node)).await?;
        }
        let begun = Instant::now();
        for node in &nodes {
            self.start(node, stop).await?;
        }
        while !self.is_done() {
            report(self.overview());
            or_stopped(stop, async {
                tokio::time::sleep(self.plan.polling).await;
                Ok(())
            })
            .await?;
            self.look_at_nodes(stop).await?;
            self.poll(stop).await?;
            self.advance(stop).await?;
            let is_waiting = received() == 0 && self.is_recovering();
            if is_waiting && begun.elapsed() >= self.plan.start_timeout {
                return Err(Error::StartTimeout {
                    address: self.plan.shipment.address.clone(),
                    after: self.plan.start_timeout,
                });
            }
        }
        report(self.overview());
        Ok(())
    }

    /// Whether a node can ship, and nobody else uses the name.
    async fn check(&self, node: &str) -> Result<(), Error> {
        let retry = &self.plan.retry;
        let build = retry.command(&**self.control, node, "build").await?;
        let major = build
            .split('.')
            .next()
            .and_then(|text| text.parse::<u32>().ok());
        if major.is_none_or(|major| major < 8) {
            let node = node.to_owned();
            return Err(Error::TooOld { node, build });
        }
        let settled = |_: &str| true;
        let asked = retry
            .ask(&**self.control, node, commands::LIST, settled)
            .await;
        let answer = asked.map_err(|source| Error::Control {
            node: node.to_owned(),
            command: commands::LIST.to_owned(),
            source,
        })?;
        let node = node.to_owned();
        let Some(names) = commands::data_centres(&answer.text) else {
            return Err(
                match answer.text.is_empty() || answer.text.contains("enterprise") {
                    true => Error::NoXdr { node },
                    false => Error::Refused {
                        node,
                        command: commands::LIST.to_owned(),
                        answer: answer.text,
                    },
                },
            );
        };
        let dc = self.plan.shipment.dc.as_str();
        if names.contains(&dc) {
            let dc = dc.to_owned();
            return Err(Error::DcExists { node, dc });
        }
        Ok(())
    }

    /// Lets a node ship.
    async fn start(&mut self, node: &str, stop: &CancellationToken) -> Result<(), Error> {
        let commands = self.plan.shipment.start();
        let mut commands = commands.iter();
        if let Some(create) = commands.next() {
            self.create(node, create).await?;
        }
        for command in commands {
            let retry = &self.plan.retry;
            or_stopped(stop, retry.command(&**self.control, node, command)).await?;
        }
        let from = Instant::now() + self.plan.settle;
        self.stages
            .insert(node.to_owned(), Stage::Recovering { from });
        Ok(())
    }

    /// Makes the data centre. If an answer was lost, one that exists is the one that was made.
    async fn create(&mut self, node: &str, command: &str) -> Result<(), Error> {
        // It is taken back unless it is certain that it was not made.
        self.traces.entry(node.to_owned()).or_default().dc = true;
        let retry = &self.plan.retry;
        let settled = |answer: &str| answer.contains("exist");
        let answer = retry.ask(&**self.control, node, command, settled).await;
        let answer = answer.map_err(|source| Error::Control {
            node: node.to_owned(),
            command: command.to_owned(),
            source,
        })?;
        let is_own = answer.was_lost && answer.text.contains("exist");
        if !commands::is_refusal(&answer.text) || is_own {
            return Ok(());
        }
        if !answer.was_lost {
            self.traces.entry(node.to_owned()).or_default().dc = false;
        }
        Err(Error::Refused {
            node: node.to_owned(),
            command: command.to_owned(),
            answer: answer.text,
        })
    }

    /// Nodes that came take part; one that went away is the end.
    async fn look_at_nodes(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        let nodes: BTreeSet<String> = self.control.nodes().into_iter().collect();
        let left = self
            .stages
            .iter()
            .find(|(node, stage)| **stage != Stage::Done && !nodes.contains(*node));
        if let Some((node, _)) = left {
            let node = node.clone();
            return Err(Error::NodeLeft { node });
        }
        for node in nodes {
            if !self.stages.contains_key(&node) {
                tracing::info!(%node, "a node has come: it ships as well");
                or_stopped(stop, self.check(&node)).await?;
                self.start(&node, stop).await?;
            }
        }
        Ok(())
    }

    /// Asks all nodes that are not done how far they are, at the same time.
    async fn poll(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        let command = self.plan.shipment.statistics();
        let now = Instant::now();
        let asked: Vec<String> = self
            .stages
            .iter()
            .filter(|(_, stage)| match stage {
                Stage::Recovering { from } => *from <= now,
                Stage::Recovered | Stage::Draining { .. } => true,
                Stage::Done => false,
            })
            .map(|(node, _)| node.clone())
            .collect();
        for node in asked {
            let retry = &self.plan.retry;
            let asking = retry.ask(&**self.control, &node, &command, commands::is_dc_not_found);
            let answer = or_stopped(stop, async {
                asking.await.map_err(|source| Error::Control {
                    node: node.clone(),
                    command: command.clone(),
                    source,
                })
            })
            .await?;
            if commands::is_dc_not_found(&answer.text) && self.restarts < RESTARTS {
                self.restarts += 1;
                tracing::warn!(%node, "the data centre has gone: the node starts anew");
                self.start(&node, stop).await?;
                continue;
            }
            if commands::is_refusal(&answer.text) {
                return Err(Error::Refused {
                    node,
                    command,
                    answer: answer.text,
                });
            }
            let progress = Progress::parse(&node, &answer.text)?;
            self.figures.insert(node.clone(), progress);
            self.note(node, progress, now);
        }
        Ok(())
    }

    /// What a figure, asked for at `asked`, means for the stage of its node.
    fn note(&mut self, node: String, progress: Progress, asked: Instant) {
        let is_recovered = progress.recoveries_pending == 0;
        let lag = Duration::from_secs(progress.lag_s.saturating_add(1));
        let shipped = |until: Instant| {
            let age = asked.saturating_duration_since(until);
            is_recovered && asked >= until && age >= lag
        };
        match self.stages.get(&node).copied() {
            Some(Stage::Recovering { .. }) if is_recovered => {
                tracing::info!(%node, "the node has shipped what was there at the start");
                self.stages.insert(node, Stage::Recovered);
            }
            Some(Stage::Draining { until }) if shipped(until) => {
                self.stages.insert(node, Stage::Done);
            }
            _ => {}
        }
    }

    /// What follows from where the nodes stand.
    async fn advance(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        if !self.is_recovering() {
            let recovered = |(node, stage): (&String, &Stage)| {
                (*stage == Stage::Recovered).then(|| node.clone())
            };
            let recovered: Vec<_> = self.stages.iter().filter_map(recovered).collect();
            self.block(&recovered, stop).await?;
        }
        let done = self
            .stages
            .iter()
            .filter(|(_, stage)| **stage == Stage::Done);
        let done: Vec<_> = done.map(|(node, _)| node.clone()).collect();
        for node in done {
            self.take_back(&node).await;
        }
        Ok(())
    }

    /// Blocks transactions on nodes, which only namespaces with strong consistency have. From then
    /// on there is a moment before which everything has to come.
    async fn block(&mut self, nodes: &[String], stop: &CancellationToken) -> Result<(), Error> {
        if nodes.is_empty() {
            return Ok(());
        }
        let command = commands::block_transactions(&self.plan.shipment.namespace, true);
        for node in nodes {
            if stop.is_cancelled() {
                return Err(Error::Cancelled);
            }
            // Not to be interrupted: it must not come after the command that permits them again.
            let answer = self.control.info(node, &command).await;
            self.traces.entry(node.clone()).or_default().block = true;
            match answer {
                Ok(text) if commands::is_refusal(&text) => {
                    tracing::info!(%node, answer = %text, "transactions are not blocked");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%node, %error, "transactions may not be blocked"),
            }
        }
        let until = Instant::now();
        for node in nodes {
            self.stages.insert(node.clone(), Stage::Draining { until });
        }
        Ok(())
    }

    /// Removes what was made on a node; what cannot be removed stays noted.
    async fn take_back(&mut self, node: &str) {
        if let Some(traces) = self.traces.get(node).copied() {
            let left = take_back(&**self.control, self.plan, node, traces).await;
            self.traces.insert(node.to_owned(), left);
        }
    }

    /// Takes everything back, on all nodes at the same time and in a limited one.
    async fn tear_down(&mut self) {
        let mut nodes = JoinSet::new();
        for (node, traces) in &self.traces {
            let (control, plan) = (Arc::clone(self.control), self.plan.clone());
            let (node, traces) = (node.clone(), *traces);
            nodes.spawn(async move {
                let left = take_back(&*control, &plan, &node, traces).await;
                (node, left)
            });
        }
        let traces = &mut self.traces;
        let collecting = async {
            while let Some(ended) = nodes.join_next().await {
                traces.extend(ended.ok());
            }
        };
        // What is not back by then is told of below.
        let _late = tokio::time::timeout(self.plan.teardown_limit, collecting).await;
        for (node, traces) in &self.traces {
            if traces.block {
                let namespace = &self.plan.shipment.namespace;
                let command = commands::block_transactions(namespace, false);
                tracing::error!(%node, "transactions may still be blocked; permit them with {command}");
            }
            if traces.dc {
                let command = commands::delete(&self.plan.shipment.dc);
                tracing::error!(%node, "a data centre stays behind; remove it with {command}");
            }
        }
    }

    fn is_recovering(&self) -> bool {
        let mut stages = self.stages.values();
        stages.any(|stage| matches!(stage, Stage::Recovering { .. }))
    }

    fn is_done(&self) -> bool {
        self.stages.values().all(|stage| *stage == Stage::Done)
    }

    fn overview(&self) -> Overview {
        let done = self.stages.values().filter(|stage| **stage == Stage::Done);
        let figures = self.figures.values();
        Overview {
            nodes: self.stages.len(),
            done: done.count(),
            recoveries_pending: figures.clone().map(|f| f.recoveries_pending).sum(),
            lag_s: figures.map(|f| f.lag_s).max().unwrap_or_default(),
        }
    }
}

/// Removes what was made on a node; says what is left.
async fn take_back(control: &dyn ControlPlane, plan: &Plan, node: &str, traces: Traces) -> Traces {
    let mut left = Traces::default();
    if traces.block {
        let permit = commands::block_transactions(&plan.shipment.namespace, false);
        let answer = plan.retry.ask(control, node, &permit, |_| true).await;
        // A refusal is that of a namespace without transactions: nothing was blocked.
        left.block = answer.is_err();
    }
    if traces.dc {
        let delete = commands::delete(&plan.shipment.dc);
        let is_gone = commands::is_dc_not_found;
        let answer = plan.retry.ask(control, node, &delete, is_gone).await;
        left.dc = answer.map_or(true, |answer| {
            commands::is_refusal(&answer.text) && !is_gone(&answer.text)
        });
    }
    left
}

/// Waits for `work`, unless the run is stopped first.
async fn or_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Error::Cancelled),
        result = work => result,
    }
}
