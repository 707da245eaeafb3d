//! A restore from start to end.

use super::{
    RestoreConfig,
    chain::{self, Link, Part},
    config::decoders,
    decode_stage::DecodeStage,
    files::Files,
    filter::Filter,
    globals::{Fate, Global, Globals},
    held::Held,
    input::Input,
    keeper::{self, Keeper},
    preview,
    progress::Progress,
    refusals::Refusals,
    rejects::RejectFile,
    share,
    throttle::Throttle,
    write_stage::{Failure, WriteStage},
};
use crate::{
    error::Error,
    handle::{join_or_leave, off_runtime},
    limits::Limiter,
    load::Phase,
    stats::{RestoreCounts, RestoreStats, SetCounts},
};
use backup_cluster::{
    batch_write::BatchWriter,
    client::AerospikeView,
    metadata::{Build, Metadata},
    view::ClusterView,
};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub(crate) async fn run(
    config: RestoreConfig,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    share::check(&config)?;
    keeper::check(&config)?;
    let input = tokio::select! {
        input = list(&config) => input?,
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    let Some(options) = config.state.clone() else {
        return restore(config, input, stats, cancel, None).await;
    };
    let (opened, counts, stop) = (config.clone(), Arc::clone(&stats), cancel.clone());
    let open = move || {
        let kept = Keeper::open(&options, &opened, &input, &counts, &stop);
        kept.map(|keeper| (keeper, input))
    };
    let (keeper, input) = off_runtime(open).await?;
    let restored = restore(config, input, stats, cancel, Some(&keeper)).await;
    let is_done = restored.is_ok();
    let closed = off_runtime(move || keeper.close(is_done)).await;
    match closed {
        Err(error @ Error::StateInUse { .. }) => Err(error), // why it was stopped
        closed => restored.and(closed),
    }
}

/// Restores what is listed; with a keeper, what is not finished of it.
async fn restore(
    config: RestoreConfig,
    mut input: Input,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
    keeper: Option<&Arc<Keeper>>,
) -> Result<(), Error> {
    tracing::info!(number = input.files.len(), "found backup files");
    for file in &input.empty {
        tracing::warn!(file = %file.shown, "file is empty and is left out");
    }
    stats.bytes_expected.add(input.total_bytes());
    stats.add_sources(std::mem::take(&mut input.sources));
    let failure = Failure::new(cancel.child_token());
    input.throttle = Throttle::new(config.bytes_per_second, failure.token(), &stats);
    let progress = keeper.map(|keeper| Arc::clone(keeper.progress()));
    let prepared = tokio::select! {
        prepared = prepare(config, &stats, progress) => prepared?,
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    input.tell();
    let links = input.into_links().into_iter();
    let links = links.map(|(link, input)| chain::part(&prepared.config, link, input));
    stats.load.phase.set(Phase::Metadata);
    let parts = tokio::select! {
        parts = prepared.define(links.collect()) => parts?,
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    let rejects = prepared.open_rejects().await?;
    let globals = Arc::clone(&prepared.globals);
    let keeping = keeper.map(Keeper::keep).transpose()?;
    let transferred = prepared
        .transfer_all(parts, &failure, &cancel, &stats, rejects.clone())
        .await;
    let wait_for_thread = move || {
        drop(keeping);
        Ok(())
    };
    let ended = off_runtime(wait_for_thread).await;
    // Whatever happened: what was refused is to be found in files with names.
    let kept = finish_rejects(rejects).await;
    transferred.and(ended).and(kept)?;
    if !failure.is_stopped()
        && let Err(error) = globals.finish(failure.token()).await
    {
        failure.set(error);
    }
    if cancel.is_cancelled() {
        return Err(Error::Cancelled); // an interrupt wins over what followed from it
    }
    if let Some(error) = failure.take() {
        return Err(error);
    }
    let counts = stats.snapshot();
    if counts.is_balanced() {
        return Ok(());
    }
    Err(Error::Internal(format!(
        "not every record has exactly one outcome: {counts:?}"
    )))
}

/// Lists the input, and finds out what can be found out before anything is written.
pub(super) async fn list(config: &RestoreConfig) -> Result<Input, Error> {
    let (source, unwrap, trust) = (config.source.clone(), config.unwrap.clone(), config.trust);
    let (namespace, run, shard) = (config.namespace.clone(), config.run.clone(), config.shard);
    let is_kept = config.state.is_some();
    let against_chain = chain::refusal(config);
    let list = move || {
        let mut input = Input::list(source, unwrap, trust)?;
        input.check_namespace(&namespace)?;
        if let (Some(refusal), [_, ..]) = (against_chain, input.links()) {
            return Err(Error::Unsupported(refusal));
        }
        if let Some(run) = run {
            input.check_run(&run)?;
        }
        if let Some(shard) = shard {
            input.keep_share(shard);
        }
        input.check_beginnings(is_kept)?;
        Ok(input)
    };
    off_runtime(list).await
}

/// Where definitions wait, and where refused records are kept.
type Ways = (Option<Arc<Held>>, Option<Arc<RejectFile>>);

/// Notes what became of a set of a chain.
fn finish_set(link: Link, stats: &RestoreStats, counts: RestoreCounts) {
    let (read, inserted) = (counts.records_read, counts.inserted);
    tracing::info!(set = %link.shown, run = %link.run, read, inserted, "set of the chain is done");
    stats.add_set(SetCounts {
        source: link.shown,
        run: link.run,
        counts,
    });
}

/// A cluster that can take the restore.
pub(super) struct Prepared {
    config: RestoreConfig,
    view: Arc<dyn ClusterView>,
    writer: Arc<BatchWriter>,
    globals: Arc<Globals>,
    /// What is finished, if it is noted.
    progress: Option<Arc<Progress>>,
}

pub(super) async fn prepare(
    mut config: RestoreConfig,
    stats: &Arc<RestoreStats>,
    progress: Option<Arc<Progress>>,
) -> Result<Prepared, Error> {
    let view = AerospikeView::connect(&config.connect).await?;
    let view: Arc<dyn ClusterView> = Arc::new(view);
    let build = Metadata::new(&*view).build().await?;
    config.single_writes |= build < Build::BATCH_WRITES;
    let options = config.write_options();
    // The partition map also tells whether the namespace exists.
    let writer = Arc::new(BatchWriter::new(Arc::clone(&view), options).await?);
    writer.warm_up(config.warm_up).await;
    let (conflict, stats) = (config.index_conflict, Arc::clone(stats));
    let globals = Globals::new(Arc::clone(&view), build, conflict, stats, progress.clone());
    Ok(Prepared {
        config,
        globals: Arc::new(globals),
        progress,
        view,
        writer,
    })
}

/// Gives the reject file its name, if there is one.
async fn finish_rejects(rejects: Option<Arc<RejectFile>>) -> Result<(), Error> {
    let Some(rejects) = rejects else {
        return Ok(());
    };
    off_runtime(move || rejects.finish()).await
}

impl Prepared {
    pub(super) fn view(&self) -> &dyn ClusterView {
        &*self.view
    }

    pub(super) const fn config(&self) -> &RestoreConfig {
        &self.config
    }

    /// What would become of a definition.
    pub(super) async fn foresee(&self, global: &Global) -> Result<Fate, Error> {
        self.globals.foresee(global).await
    }

    /// Finds the modules and indexes that can be found ahead, and what speaks against them.
    pub(super) async fn look_ahead(
        &self,
        parts: Vec<Part>,
    ) -> Result<(Vec<Part>, Vec<Global>), Error> {
        let build = self.globals.build();
        let (parts, found) = off_runtime(move || {
            let mut found = Vec::new();
            for part in &parts {
                found.extend(preview::globals(&part.input, &part.config, build)?);
            }
            Ok((parts, found))
        })
        .await?;
        self.globals.check_all(&found).await?;
        Ok((parts, found))
    }

    /// Brings modules and indexes to the cluster, as far as they can be found ahead. Those that
    /// are to come last are only compared.
    async fn define(&self, parts: Vec<Part>) -> Result<Vec<Part>, Error> {
        let (parts, found) = self.look_ahead(parts).await?;
        if !self.config.apply_metadata_last {
            self.globals.apply_all(&found).await?;
        }
        Ok(parts)
    }

    /// Begins the reject file, if one is wanted.
    async fn open_rejects(&self) -> Result<Option<Arc<RejectFile>>, Error> {
        let Some(rejects) = self.config.rejects.clone() else {
            return Ok(None);
        };
        let namespace = self.config.namespace.clone();
        let opened = off_runtime(move || rejects.open(&namespace)).await;
        opened.map(|file| Some(Arc::new(file)))
    }

    /// Moves everything, set by set. Failures are in `failure`.
    async fn transfer_all(
        self,
        parts: Vec<Part>,
        failure: &Failure,
        cancel: &CancellationToken,
        stats: &Arc<RestoreStats>,
        rejects: Option<Arc<RejectFile>>,
    ) -> Result<(), Error> {
        let held = (self.config.apply_metadata_last).then(Arc::<Held>::default);
        for mut part in parts {
            if failure.is_stopped() {
                break;
            }
            let (before, link) = (stats.snapshot(), part.link.take());
            let ways = (held.clone(), rejects.clone());
            // All rows of a set have their outcomes before the next one begins.
            self.transfer(part, failure, cancel, stats, ways).await?;
            if let Some(link) = link {
                finish_set(link, stats, stats.snapshot().since(&before));
            }
        }
        stats.load.phase.set(Phase::Finishing);
        match held {
            Some(held) if !failure.is_stopped() => held.apply(self.globals, failure).await,
            _ => Ok(()),
        }
    }

    /// Moves the records of one set.
    async fn transfer(
        &self,
        part: Part,
        failure: &Failure,
        cancel: &CancellationToken,
        stats: &Arc<RestoreStats>,
        (held, rejects): Ways,
    ) -> Result<(), Error> {
        let Part { config, input, .. } = part;
        let (writer, globals) = (Arc::clone(&self.writer), Arc::clone(&self.globals));
        let in_flight = config.batches_in_flight.max(1);
        let threads = decoders(config.parallel, input.files.len(), input.total_bytes());
        stats.load.begin(threads, input.files.len());
        stats.load.write.set_workers(in_flight);
        let mut files = match held {
            Some(_) => Files::new(input, threads),
            None => Files::metadata_first(input, threads),
        };
        files.progress = self.progress.clone();
        let (batch_sender, batches) = flume::bounded(in_flight);
        let (spare_sender, spares) = flume::bounded(in_flight * 2);
        let leave = CancellationToken::new();
        let ignores = config.ignore_record_errors;
        let refusals = Refusals::new(
            Arc::clone(&self.view),
            config.target_namespace(),
            ignores,
            rejects,
        );
        let stage = WriteStage {
            cancel: cancel.clone(),
            leave: leave.clone(),
            refusals,
            writer: Arc::clone(&writer),
            batches,
            spares: spare_sender,
            failure: failure.clone(),
            stats: Arc::clone(stats),
            keep_bytes: config.batch_bytes.saturating_mul(2),
        };
        let mut writers = stage.start(in_flight);
        let mut hanging = false;
        let stage = DecodeStage {
            filter: Filter::new(&config).of_news(part.is_news),
            limiter: Limiter::new(config.records_per_second),
            config,
            files,
            writer,
            globals,
            held,
            batches: batch_sender,
            spares,
            failure: failure.clone(),
            stats: Arc::clone(stats),
            runtime: Handle::current(),
        };
        for ended in stage.start(threads)? {
            match join_or_leave(ended, failure.token()).await {
                Some(Ok(())) => {}
                Some(Err(_)) => failure.set(Error::Internal(ENDED_EARLY.to_owned())),
                None => hanging = true, // in a pipe; it ends with the process
            }
        }
        if hanging {
            leave.cancel();
        }
        while let Some(ended) = writers.join_next().await {
            if let Err(error) = ended {
                failure.set(Error::Internal(error.to_string()));
            }
        }
        if hanging {
            // What the hanging decoder has read will never be sent.
            let counts = stats.snapshot();
            stats.not_sent.add(counts.without_outcome());
        }
        Ok(())
    }
}

const ENDED_EARLY: &str = "a decoder thread ended early";
