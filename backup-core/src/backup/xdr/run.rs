//! A backup by XDR from start to end.

use super::{
    super::{
        run::{first_cause, or_cancelled, write_globals},
        summary::{self, Seen},
        target::Run,
    },
    Listener, XdrConfig,
    control::Control,
    spread::Spread,
    writer::{Ended, Writer},
};
use crate::{error::Error, handle::off_runtime, load::Phase, stats::BackupStats};
use backup_cluster::{client::AerospikeView, metadata::Metadata, view::ClusterView};
use backup_xdr::{
    choreography::{self, Overview, Plan},
    commands::Shipment,
    control::ControlPlane,
    error::Error as XdrError,
    server::{Server, ServerOptions},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};
use tokio::net::lookup_host;
use tokio_util::sync::CancellationToken;

/// Most sequences of files that are made unasked.
const AUTOMATIC_WRITERS: usize = 8;

pub(super) async fn run(
    config: XdrConfig,
    stats: Arc<BackupStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let stop = cancel.child_token();
    let (common, counters, token) = (config.common(), Arc::clone(&stats), stop.clone());
    let run = off_runtime(move || Run::prepare(common, counters, token)).await?;
    let Some(run) = run.map(Arc::new) else {
        return Err(Error::Internal("a backup by XDR is no shard".to_owned()));
    };
    note_arguments(&run, &config);
    let view = or_cancelled(&cancel, AerospikeView::connect(&config.connect)).await?;
    let view: Arc<dyn ClusterView> = Arc::new(view);
    let metadata = Metadata::new(&*view);
    or_cancelled(&cancel, metadata.check_namespace(&config.namespace)).await?;
    let counting = metadata.record_count(&config.namespace);
    let expected = or_cancelled(&cancel, counting).await.unwrap_or_default();
    stats.records_expected.add(expected);
    let server = bind(&config).await?;
    let (begun, token) = (Arc::clone(&run), stop.clone());
    let hold = off_runtime(move || begun.begin(token)).await?;
    let result = receive(&config, &run, &view, server, &stop).await;
    let seen = match &result {
        Ok(()) if config.manifest => Seen {
            server: summary::server(&*view).await,
            ..Seen::default()
        },
        _ => Seen::default(),
    };
    let result = result.and_then(|()| match cancel.is_cancelled() {
        true => Err(Error::Cancelled),
        false => Ok(()),
    });
    off_runtime(move || run.conclude(result, seen, hold)).await
}

/// What a reader of the manifest should know about the set.
fn note_arguments(run: &Run, config: &XdrConfig) {
    if let Some(keeper) = &run.keeper {
        let mut head = keeper.head();
        let rewind = config.rewind.to_string();
        head.arguments.insert("--rewind".to_owned(), rewind);
    }
}

/// Opens the port, on the address that the nodes are told, if it is one of this host.
async fn bind(config: &XdrConfig) -> Result<Server, Error> {
    let listener = &config.listener;
    let tls = listener.tls.as_ref().map(|settings| settings.build());
    let tls = tls
        .transpose()
        .map_err(|source| Error::Cluster(backup_cluster::error::Error::TlsSettings { source }))?;
    let options = |bind: SocketAddr| ServerOptions {
        max_connections: listener.max_connections,
        read_timeout: listener.read_timeout,
        write_timeout: listener.write_timeout,
        ack_queue: listener.ack_queue,
        tls: tls.clone(),
        ..ServerOptions::new(bind, &config.namespace)
    };
    let own = resolve(listener).await;
    let everywhere: IpAddr = match own {
        Some(SocketAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    let everywhere = SocketAddr::from((everywhere, listener.port));
    let Some(own) = own.filter(|_| !listener.bind_all) else {
        return Ok(Server::bind(options(everywhere)).await?);
    };
    match Server::bind(options(own)).await {
        Err(XdrError::Listen { source, .. })
            if source.kind() == std::io::ErrorKind::AddrNotAvailable =>
        {
            let address = &listener.address;
            tracing::warn!("{address} is no address of this host: listening on all of them");
            Ok(Server::bind(options(everywhere)).await?)
        }
        bound => Ok(bound?),
    }
}

async fn resolve(listener: &Listener) -> Option<SocketAddr> {
    let found = lookup_host((listener.address.as_str(), listener.port)).await;
    found.ok()?.next()
}

/// Lets the cluster ship, and writes what comes.
async fn receive(
    config: &XdrConfig,
    run: &Arc<Run>,
    view: &Arc<dyn ClusterView>,
    server: Server,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let no_single_file = write_globals(run, view, cancel).await?;
    debug_assert!(no_single_file.is_none(), "the target is a directory");
    // Whoever fails stops the others, and is not mistaken for the user's wish.
    let stop = cancel.child_token();
    let (spread, writers) = start_writers(config, run, &stop)?;
    run.stats.load.begin(0, writers.len());
    let spread = Arc::new(spread);
    let address = config.listener.nodes_reach(server.address().port());
    let counters = Arc::clone(server.counters());
    let closing = CancellationToken::new();
    let serving = tokio::spawn(server.run(Arc::clone(&spread), closing.clone()));
    let control: Arc<dyn ControlPlane> = Arc::new(Control::new(Arc::clone(view)));
    let plan = plan(config, address);
    let received = || counters.received();
    let ship = choreography::run(&control, &plan, received, tell, &stop);
    let shipped = Box::pin(ship).await;
    closing.cancel();
    run.stats.load.phase.set(Phase::Finishing);
    let served = serving.await;
    let mut failures = Vec::new();
    match (shipped, served) {
        (Ok(()), Ok(())) => spread.finish().await,
        (Err(error), _) => failures.push(error.into()),
        (_, Err(error)) => failures.push(Error::Internal(error.to_string())),
    }
    drop(spread); // writers that were not told end now
    for writer in writers {
        let ended = writer.await;
        let gone = |_| Err(Error::Internal("a writer thread ended early".to_owned()));
        failures.extend(ended.unwrap_or_else(gone).err());
    }
    first_cause(failures)
}

impl Listener {
    /// What the nodes connect to, with the port that is open.
    fn nodes_reach(&self, port: u16) -> String {
        let address = &self.address;
        match address.parse() {
            Ok(IpAddr::V6(_)) => format!("[{address}]:{port}"),
            _ => format!("{address}:{port}"),
        }
    }
}

fn plan(config: &XdrConfig, address: String) -> Plan {
    let shipment = Shipment {
        dc: config.dc.clone(),
        namespace: config.namespace.clone(),
        address,
        tls_name: config
            .listener
            .tls
            .as_ref()
            .map(|_| config.listener.address.clone()),
        rewind: config.rewind,
        max_throughput: config.max_throughput,
        forward: config.forward,
    };
    Plan {
        polling: config.polling,
        settle: config.settle,
        start_timeout: config.start_timeout,
        retry: config.retry,
        ..Plan::new(shipment)
    }
}

fn tell(overview: Overview) {
    let Overview {
        nodes,
        done,
        recoveries_pending,
        lag_s,
    } = overview;
    tracing::debug!(nodes, done, recoveries_pending, lag_s, "shipping");
}

fn start_writers(
    config: &XdrConfig,
    run: &Run,
    stop: &CancellationToken,
) -> Result<(Spread, Vec<Ended>), Error> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let automatic = cores.min(AUTOMATIC_WRITERS);
    let count = config
        .parallel_write
        .filter(|n| *n > 0)
        .unwrap_or(automatic);
    let (mut senders, mut ended) = (Vec::new(), Vec::new());
    for worker in 0..count {
        let writer = Writer {
            files: Arc::clone(&run.files),
            worker,
            file_limit: config.file_limit,
            stop: stop.clone(),
        };
        let (sender, result) = writer.start()?;
        senders.push(sender);
        ended.push(result);
    }
    let queue = config.listener.results_queue;
    let spread = Spread::new(senders, queue, Arc::clone(&run.stats));
    Ok((spread, ended))
}
