//! A restore from start to end.

use super::{
    RestoreConfig,
    config::decoders,
    decode_stage::DecodeStage,
    files::Files,
    globals::Globals,
    held::Held,
    input::Input,
    share,
    write_stage::{Failure, WriteStage},
};
use crate::{error::Error, handle::join_or_leave, stats::RestoreStats};
use backup_cluster::{
    batch_write::BatchWriter,
    client::AerospikeView,
    metadata::{Build, Metadata},
    view::ClusterView,
};
use std::sync::Arc;
use tokio::{runtime::Handle, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

pub(super) async fn run(
    config: RestoreConfig,
    stats: Arc<RestoreStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    share::check(&config)?;
    let input = tokio::select! {
        input = list(&config) => input?,
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    for file in &input.empty {
        tracing::warn!(file = %file.shown, "file is empty and is left out");
    }
    stats.bytes_expected.add(input.total_bytes());
    let prepared = tokio::select! {
        prepared = prepare(config) => prepared?,
        () = cancel.cancelled() => return Err(Error::Cancelled),
    };
    input.tell();
    let failure = Failure::new(cancel.child_token());
    prepared.transfer(input, &failure, &stats).await?;
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
async fn list(config: &RestoreConfig) -> Result<Input, Error> {
    let (source, unwrap, trust) = (config.source.clone(), config.unwrap.clone(), config.trust);
    let (namespace, run, shard) = (config.namespace.clone(), config.run.clone(), config.shard);
    let list = move || {
        let mut input = Input::list(source, unwrap, trust)?;
        input.check_namespace(&namespace)?;
        if let Some(run) = run {
            input.check_run(&run)?;
        }
        if let Some(shard) = shard {
            input.keep_share(shard);
        }
        input.check_beginnings()?;
        Ok(input)
    };
    let listed = spawn_blocking(list).await;
    listed.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
}

/// A cluster that can take the restore.
struct Prepared {
    config: RestoreConfig,
    writer: Arc<BatchWriter>,
    globals: Globals,
}

async fn prepare(mut config: RestoreConfig) -> Result<Prepared, Error> {
    let view = AerospikeView::connect(&config.connect).await?;
    let view: Arc<dyn ClusterView> = Arc::new(view);
    let build = Metadata::new(&*view).build().await?;
    config.single_writes |= build < Build::BATCH_WRITES;
    let options = config.write_options();
    // The partition map also tells whether the namespace exists.
    let writer = Arc::new(BatchWriter::new(Arc::clone(&view), options).await?);
    Ok(Prepared {
        config,
        writer,
        globals: Globals::new(view, build),
    })
}

impl Prepared {
    /// Moves everything. Failures are in `failure`.
    async fn transfer(
        self,
        input: Input,
        failure: &Failure,
        stats: &Arc<RestoreStats>,
    ) -> Result<(), Error> {
        let Self {
            config,
            writer,
            globals,
        } = self;
        let in_flight = config.batches_in_flight.max(1);
        let threads = decoders(config.parallel, input.files.len(), input.total_bytes());
        let globals = Arc::new(globals);
        let held = config.apply_metadata_last.then(Arc::<Held>::default);
        let files = match held {
            Some(_) => Files::new(input, threads),
            None => Files::metadata_first(input, threads),
        };
        let (batch_sender, batches) = flume::bounded(in_flight);
        let (spare_sender, spares) = flume::bounded(in_flight * 2);
        let stage = WriteStage {
            writer: Arc::clone(&writer),
            batches,
            spares: spare_sender,
            failure: failure.clone(),
            stats: Arc::clone(stats),
            keep_bytes: config.batch_bytes.saturating_mul(2),
        };
        let mut writers = stage.start(in_flight);
        let stage = DecodeStage {
            config,
            files,
            writer,
            globals: Arc::clone(&globals),
            held: held.clone(),
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
                None => return Ok(()), // it hangs in a pipe; the writers end with the runtime
            }
        }
        while let Some(ended) = writers.join_next().await {
            if let Err(error) = ended {
                failure.set(Error::Internal(error.to_string()));
            }
        }
        match held {
            Some(held) if !failure.is_stopped() => held.apply(globals, failure).await,
            _ => Ok(()),
        }
    }
}

const ENDED_EARLY: &str = "a decoder thread ended early";
