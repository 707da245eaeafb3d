//! Creating indexes and registering modules (`asb-text.md` §9).
//!
//! Decoders are OS threads; the commands need the runtime. A decoder sends each definition here
//! and waits for the answer, so that the records behind it in the file come after it.

use crate::error::Error;
use aerospike_wire::info::Refusal;
use backup_cluster::{
    error::Error as ClusterError,
    metadata::{Build, IndexDefinition, Metadata, UdfModule},
    view::ClusterView,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// How long the cluster may take to spread a definition to all nodes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A definition from a file.
#[derive(Debug)]
pub(super) enum Global {
    Index(IndexDefinition),
    Udf(UdfModule),
}

/// Applies definitions, one after another.
#[derive(Debug)]
pub(super) struct Globals {
    view: Arc<dyn ClusterView>,
    build: Build,
    /// Two files may define indexes at a time; the server renames an index whose twin appears.
    turn: Mutex<()>,
}

impl Globals {
    pub(super) fn new(view: Arc<dyn ClusterView>, build: Build) -> Self {
        Self {
            view,
            build,
            turn: Mutex::new(()),
        }
    }

    /// The lowest version among the nodes.
    pub(super) const fn build(&self) -> Build {
        self.build
    }

    pub(super) async fn apply(&self, global: Global) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        let metadata = Metadata::new(&*self.view);
        match global {
            Global::Udf(module) => Ok(metadata.put_udf(&module, PATIENCE).await?),
            Global::Index(index) => self.create(metadata, &index).await,
        }
    }

    /// Creates an index. An equal one is left alone; the same name with another definition is
    /// replaced; the same definition under another name is left alone, because the server would
    /// rename it.
    async fn create(&self, metadata: Metadata<'_>, index: &IndexDefinition) -> Result<(), Error> {
        let existing = metadata.indexes(index.namespace(), self.build).await?.known;
        if existing.contains(index) {
            return Ok(());
        }
        if let Some(twin) = existing.iter().find(|other| other.same_but_name(index)) {
            tracing::warn!(
                index = index.name(),
                existing = twin.name(),
                "index exists under another name and is left as it is"
            );
            return Ok(());
        }
        match metadata.create_index(index, self.build).await {
            Err(ClusterError::Info {
                refusal: Refusal { code: 200, .. },
                ..
            }) => {
                let (namespace, name) = (index.namespace(), index.name());
                tracing::info!(index = name, "index is replaced: its definition differs");
                metadata
                    .drop_index(namespace, name, self.build, PATIENCE)
                    .await?;
                Ok(metadata.create_index(index, self.build).await?)
            }
            created => Ok(created?),
        }
    }
}
