//! What is done about records that the server refuses (`behaviour.md` §6.6).

use super::{
    outcome::{self, Refusal, Settled},
    rejects::RejectFile,
    routing::Batch,
};
use crate::{error::Error, handle::off_runtime, stats::RestoreStats};
use aerospike_wire::result_code::ResultCode;
use backup_cluster::{batch_write::Written, metadata::Metadata, view::ClusterView};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Counts ignored records and keeps them, or makes the error of one that is not.
#[derive(Debug)]
pub(super) struct Refusals {
    view: Arc<dyn ClusterView>,
    namespace: String,
    ignores: bool,
    rejects: Option<Arc<RejectFile>>,
    /// Whether the reason for refused TTLs was told.
    told: AtomicBool,
}

impl Refusals {
    /// Without `ignores`, every refusal is an error.
    pub(super) fn new(
        view: Arc<dyn ClusterView>,
        namespace: &str,
        ignores: bool,
        rejects: Option<Arc<RejectFile>>,
    ) -> Self {
        Self {
            view,
            namespace: namespace.to_owned(),
            ignores,
            rejects,
            told: AtomicBool::new(false),
        }
    }

    /// Whether records that are refused for what they are do not end the restore.
    pub(super) const fn ignores(&self) -> bool {
        self.ignores
    }

    /// Deals with the refusals of a batch.
    ///
    /// # Errors
    /// The refusal that ends the restore; a reject file that cannot be written.
    pub(super) async fn take(
        &self,
        batch: &Batch,
        written: &Written,
        settled: &Settled,
        stats: &RestoreStats,
    ) -> Result<(), Error> {
        let kept = self.keep(batch, written, &settled.ignored).await;
        let ignored = settled.ignored.len() as u64;
        match &kept {
            Ok(()) => stats.ignored.add(ignored),
            Err(_) => stats.failed.add(ignored),
        }
        if self.rejects.is_some() && kept.is_ok() {
            stats.rejected.add(ignored);
        }
        kept?;
        let expiring = settled.ignored.iter();
        if let Some(refused) = expiring
            .copied()
            .find(|refused| is_expiring(batch, *refused))
            && !self.told.swap(true, Ordering::Relaxed)
            && self.refuses_ttl().await
        {
            let error = self.ttl_refusal(batch, written, refused);
            tracing::warn!("{error}; such records are ignored");
        }
        match settled.refused {
            None => Ok(()),
            Some(refused) if is_expiring(batch, refused) && self.refuses_ttl().await => {
                Err(self.ttl_refusal(batch, written, refused))
            }
            Some(refused) => Err(outcome::refusal(batch, written, refused)),
        }
    }

    async fn keep(
        &self,
        batch: &Batch,
        written: &Written,
        ignored: &[Refusal],
    ) -> Result<(), Error> {
        let Some(file) = self.rejects.as_ref().filter(|_| !ignored.is_empty()) else {
            return Ok(());
        };
        let rejected = file.encode(batch, written, ignored)?;
        let file = Arc::clone(file);
        off_runtime(move || file.append(&rejected)).await
    }

    /// Whether the namespace takes no records that expire, as far as it can be asked.
    async fn refuses_ttl(&self) -> bool {
        let metadata = Metadata::new(&*self.view);
        metadata.refuses_ttl(&self.namespace).await.unwrap_or(false)
    }

    fn ttl_refusal(&self, batch: &Batch, written: &Written, refused: Refusal) -> Error {
        match outcome::refusal(batch, written, refused) {
            Error::RecordRefused {
                file,
                offset,
                digest,
                ..
            } => Error::TtlRefused {
                file,
                offset,
                digest,
                namespace: self.namespace.clone(),
            },
            error => error,
        }
    }
}

/// Whether a record was forbidden, and expires some day.
fn is_expiring(batch: &Batch, (row, code): Refusal) -> bool {
    let origin = batch.origins.get(row);
    code == ResultCode::FORBIDDEN && origin.is_some_and(|origin| origin.void_time != 0)
}
