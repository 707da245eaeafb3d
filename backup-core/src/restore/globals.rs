//! Creating indexes and registering modules (`behaviour.md` §6.8, `asb-text.md` §9).
//!
//! Decoders are OS threads; the commands need the runtime. A decoder sends each definition here
//! and waits for the answer, so that the records behind it in the file come after it. What the
//! look ahead ([`super::preview`]) has found was dealt with before, and is not dealt with twice.

use super::progress::Progress;
use crate::{error::Error, manifest::Hash, stats::RestoreStats};
use aerospike_wire::info::Refusal;
use backup_cluster::{
    error::Error as ClusterError,
    metadata::{Build, IndexDefinition, Metadata, UdfModule},
    retry::{self, RetryPolicy},
    view::ClusterView,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How long the cluster may take to spread a definition to all nodes.
const PATIENCE: Duration = Duration::from_secs(60);

/// For commands that fail for a moment.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 3,
    base: Duration::from_secs(1),
    multiplier: 1.0,
    max_pause: Duration::from_secs(30),
};

/// What happens to an index or module that exists with another definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexConflict {
    /// It is replaced, with a warning. An index that only has another name is left alone.
    #[default]
    Replace,
    /// It is left alone, with a warning.
    Keep,
    /// It ends the restore, before the first write as far as the input can be read twice.
    Fail,
}

/// A definition from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Global {
    Index(IndexDefinition),
    Udf(UdfModule),
}

impl Global {
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Index(index) => format!("index {}", index.name()),
            Self::Udf(module) => format!("module {}", module.name),
        }
    }

    /// What tells it from all others, as a state keeps it.
    fn id(&self) -> String {
        let text = match self {
            Self::Index(index) => format!("{index:?}"),
            Self::Udf(module) => format!("{} {}", module.name, Hash::of(&module.content)),
        };
        Hash::of(text.as_bytes()).to_string()
    }
}

/// What would become of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The cluster has nothing like it: it is created.
    Created,
    /// The cluster has the same.
    Same,
    /// The cluster has the same index under another name: it stays as it is.
    OtherName {
        /// That name.
        existing: String,
    },
    /// The cluster has another definition of this name, which is replaced.
    Replaces,
    /// The cluster has another definition of this name, which stays.
    Keeps,
}

/// What came of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// The cluster has it from us.
    Made,
    /// The cluster has it, or something else that stays.
    LeftOut,
}

/// Applies definitions, one after another.
#[derive(Debug)]
pub(super) struct Globals {
    view: Arc<dyn ClusterView>,
    build: Build,
    conflict: IndexConflict,
    stats: Arc<RestoreStats>,
    /// Where it is noted what was dealt with, if it is.
    progress: Option<Arc<Progress>>,
    /// Two files may define indexes at a time; the server renames an index whose twin appears.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Definitions that were dealt with.
    seen: Vec<Global>,
    /// The indexes of the cluster, once they were listed.
    existing: Option<Vec<IndexDefinition>>,
    /// Indexes that are to be built.
    created: Vec<IndexDefinition>,
    failures: Vec<(String, ClusterError)>,
}

impl Globals {
    pub(super) fn new(
        view: Arc<dyn ClusterView>,
        build: Build,
        conflict: IndexConflict,
        stats: Arc<RestoreStats>,
        progress: Option<Arc<Progress>>,
    ) -> Self {
        Self {
            view,
            build,
            conflict,
            stats,
            progress,
            state: Mutex::default(),
        }
    }

    /// The lowest version among the nodes.
    pub(super) const fn build(&self) -> Build {
        self.build
    }

    /// Looks for what contradicts itself, and for conflicts where they are to end the restore,
    /// without changing anything.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub(super) async fn check_all(&self, found: &[Global]) -> Result<(), Error> {
        check_twice(found)?;
        if self.conflict == IndexConflict::Fail {
            let mut state = self.state.lock().await;
            for global in found {
                self.fate(global, &mut state).await?;
            }
        }
        Ok(())
    }

    /// Applies what stands in the files, modules before indexes.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub(super) async fn apply_all(&self, found: &[Global]) -> Result<(), Error> {
        let is_module = |global: &&Global| matches!(global, Global::Udf(_));
        for global in found.iter().filter(is_module) {
            self.apply(global.clone()).await?;
        }
        for global in found.iter().filter(|global| !is_module(global)) {
            self.apply(global.clone()).await?;
        }
        Ok(())
    }

    /// Applies a definition, once. A command that fails ends nothing: [`Self::finish`] tells.
    ///
    /// # Errors
    /// [`Error::IndexTwice`]; [`Error::Conflict`] where conflicts are to end the restore.
    pub(super) async fn apply(&self, global: Global) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        if state.seen.contains(&global) {
            return Ok(());
        }
        if let Some(name) = state.seen.iter().find_map(|other| twice(other, &global)) {
            return Err(Error::IndexTwice { name });
        }
        state.seen.push(global.clone());
        let applied = match &global {
            Global::Udf(module) => self.register(module).await,
            Global::Index(index) => self.create(index, &mut state).await,
        };
        let applied = match applied {
            Ok(done) => {
                self.count(&global, done, &mut state);
                Ok(())
            }
            Err(error) => Err(error),
        };
        match applied {
            Err(Error::Cluster(error)) => {
                let shown = global.shown();
                tracing::warn!(what = %shown, %error, "cannot be created; the restore goes on");
                state.failures.push((shown, error));
                Ok(())
            }
            applied => applied,
        }
    }

    /// Counts a definition that was left out, unless an earlier run has made it.
    fn count(&self, global: &Global, done: Done, state: &mut State) {
        let id = global.id();
        let earlier = self.progress.as_ref();
        let earlier = earlier.and_then(|progress| progress.earlier_global(&id));
        let is_left_out = earlier.unwrap_or(done == Done::LeftOut);
        match global {
            _ if !is_left_out => {}
            Global::Udf(_) => self.stats.udfs_skipped.add(1),
            Global::Index(_) => self.stats.indexes_skipped.add(1),
        }
        if let (Global::Index(index), Some(false), Done::LeftOut) = (global, earlier, done) {
            state.created.push(index.clone()); // it may still be in building
        }
        if let Some(progress) = &self.progress {
            progress.global_done(id, is_left_out);
        }
    }

    /// Waits until every index that was created is built on all nodes.
    ///
    /// # Errors
    /// [`Error::Globals`] when something could not be created.
    pub(super) async fn finish(&self, stop: &CancellationToken) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        let metadata = Metadata::new(&*self.view);
        for index in std::mem::take(&mut state.created) {
            let built = tokio::select! {
                built = self.patiently(|| metadata.await_built(&index, self.build)) => built,
                () = stop.cancelled() => return Err(Error::Cancelled),
            };
            if let Err(Error::Cluster(error)) = built {
                let shown = format!("index {}", index.name());
                state.failures.push((shown, error));
            }
        }
        let count = state.failures.len();
        let mut failures = std::mem::take(&mut state.failures).into_iter();
        match failures.next() {
            None => Ok(()),
            Some((first, source)) => Err(Error::Globals {
                count,
                first,
                source: Box::new(source),
            }),
        }
    }

    /// Registers a module, unless it is there.
    async fn register(&self, module: &UdfModule) -> Result<Done, Error> {
        let metadata = Metadata::new(&*self.view);
        let existing = self.patiently(|| metadata.udf(&module.name)).await?;
        if let Some(existing) = existing {
            if existing == *module {
                return Ok(Done::LeftOut);
            }
            let hash = |module: &UdfModule| Hash::of(&module.content).to_string();
            let (name, old, new) = (&module.name, hash(&existing), hash(module));
            match self.conflict {
                IndexConflict::Replace => {
                    tracing::warn!(module = %name, %old, %new, "module is replaced: its content differs");
                }
                IndexConflict::Keep => {
                    tracing::warn!(module = %name, existing = %old, backup = %new, "module is kept although its content differs");
                    return Ok(Done::LeftOut);
                }
                IndexConflict::Fail => return Err(conflict("module", name)),
            }
        }
        self.patiently(|| metadata.put_udf(module, PATIENCE))
            .await?;
        Ok(Done::Made)
    }

    /// Creates an index. An equal one is left alone, and so is the same definition under another
    /// name, because the server would rename it.
    async fn create(&self, index: &IndexDefinition, state: &mut State) -> Result<Done, Error> {
        let existing = self.existing(index, state).await?;
        if existing.contains(index) {
            return Ok(Done::LeftOut);
        }
        if let Some(twin) = existing.iter().find(|other| other.same_but_name(index)) {
            if self.conflict == IndexConflict::Fail {
                return Err(conflict("index", index.name()));
            }
            tracing::warn!(
                index = index.name(),
                existing = twin.name(),
                "index exists under another name and is left as it is"
            );
            return Ok(Done::LeftOut);
        }
        let other = existing.iter().find(|other| other.name() == index.name());
        match (other.cloned(), self.conflict) {
            (None, _) => {
                if !self.create_anew(index).await? {
                    return Ok(Done::LeftOut);
                }
            }
            (Some(other), IndexConflict::Replace) => {
                tracing::warn!(
                    index = index.name(), old = %self.shown(&other), new = %self.shown(index),
                    "index is replaced: its definition differs"
                );
                self.replace(index).await?;
            }
            (Some(other), IndexConflict::Keep) => {
                tracing::warn!(
                    index = index.name(), existing = %self.shown(&other), backup = %self.shown(index),
                    "index is kept although its definition differs"
                );
                return Ok(Done::LeftOut);
            }
            (Some(_), IndexConflict::Fail) => return Err(conflict("index", index.name())),
        }
        state.existing = None; // it is to be listed again
        self.verify(index, state).await?;
        Ok(Done::Made)
    }

    /// Creates an index whose name none of the known ones has; whether it is there now. One of a
    /// kind that nobody knows may have it all the same.
    async fn create_anew(&self, index: &IndexDefinition) -> Result<bool, Error> {
        let metadata = Metadata::new(&*self.view);
        let created = self
            .patiently(|| metadata.create_index(index, self.build))
            .await;
        let Err(Error::Cluster(ClusterError::Info {
            refusal: Refusal { code: 200, .. },
            ..
        })) = created
        else {
            return created.map(|()| true);
        };
        let name = index.name();
        match self.conflict {
            IndexConflict::Replace => {
                tracing::warn!(index = name, "index is replaced: its kind is not known");
                self.replace(index).await.map(|()| true)
            }
            IndexConflict::Keep => {
                tracing::warn!(index = name, "index is kept although its kind is not known");
                Ok(false)
            }
            IndexConflict::Fail => Err(conflict("index", name)),
        }
    }

    async fn replace(&self, index: &IndexDefinition) -> Result<(), Error> {
        let metadata = Metadata::new(&*self.view);
        let (namespace, name) = (index.namespace(), index.name());
        self.patiently(|| metadata.drop_index(namespace, name, self.build, PATIENCE))
            .await?;
        self.patiently(|| metadata.create_index(index, self.build))
            .await
    }

    /// Makes sure that the index is there as it was defined.
    async fn verify(&self, index: &IndexDefinition, state: &mut State) -> Result<(), Error> {
        let metadata = Metadata::new(&*self.view);
        self.patiently(|| metadata.await_index(index, self.build, PATIENCE))
            .await?;
        state.created.push(index.clone());
        Ok(())
    }

    /// The indexes of the cluster.
    async fn existing<'a>(
        &self,
        index: &IndexDefinition,
        state: &'a mut State,
    ) -> Result<&'a [IndexDefinition], Error> {
        if state.existing.is_none() {
            let metadata = Metadata::new(&*self.view);
            let listed = self
                .patiently(|| metadata.indexes(index.namespace(), self.build))
                .await?;
            state.existing = Some(listed.known);
        }
        Ok(state.existing.as_deref().unwrap_or_default())
    }

    /// What would become of a definition, without changing anything.
    ///
    /// # Errors
    /// [`Error::Conflict`] where conflicts are to end the restore; what the cluster says.
    pub(super) async fn foresee(&self, global: &Global) -> Result<Fate, Error> {
        let mut state = self.state.lock().await;
        self.fate(global, &mut state).await
    }

    async fn fate(&self, global: &Global, state: &mut State) -> Result<Fate, Error> {
        match global {
            Global::Udf(module) => {
                let metadata = Metadata::new(&*self.view);
                let existing = self.patiently(|| metadata.udf(&module.name)).await?;
                match existing {
                    None => Ok(Fate::Created),
                    Some(existing) if existing == *module => Ok(Fate::Same),
                    Some(_) => self.of_conflict("module", &module.name),
                }
            }
            Global::Index(index) => {
                let existing = self.existing(index, state).await?;
                let twin = existing.iter().find(|other| other.same_but_name(index));
                let is_named = |other: &IndexDefinition| other.name() == index.name();
                match twin {
                    _ if existing.contains(index) => Ok(Fate::Same),
                    Some(_) if self.conflict == IndexConflict::Fail => {
                        Err(conflict("index", index.name()))
                    }
                    Some(twin) => Ok(Fate::OtherName {
                        existing: twin.name().to_owned(),
                    }),
                    None if existing.iter().any(is_named) => {
                        self.of_conflict("index", index.name())
                    }
                    None => Ok(Fate::Created),
                }
            }
        }
    }

    fn of_conflict(&self, what: &'static str, name: &str) -> Result<Fate, Error> {
        match self.conflict {
            IndexConflict::Replace => Ok(Fate::Replaces),
            IndexConflict::Keep => Ok(Fate::Keeps),
            IndexConflict::Fail => Err(conflict(what, name)),
        }
    }

    /// Repeats a command that fails for a moment.
    async fn patiently<T, F>(&self, mut command: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, ClusterError>>,
    {
        let mut done = 1;
        loop {
            match command().await {
                Err(error) if error.is_retryable() && !RETRY.is_exhausted(done) => {
                    let never = CancellationToken::new();
                    retry::sleep(RETRY.pause(done), &never).await?;
                    done += 1;
                }
                result => return Ok(result?),
            }
        }
    }

    /// A definition in the words of the server.
    fn shown(&self, index: &IndexDefinition) -> String {
        index.create_command(self.build)
    }
}

/// The name of an index that both define, and differently.
fn twice(one: &Global, other: &Global) -> Option<String> {
    match (one, other) {
        (Global::Index(one), Global::Index(other))
            if one.name() == other.name() && one != other =>
        {
            Some(one.name().to_owned())
        }
        _ => None,
    }
}

fn check_twice(found: &[Global]) -> Result<(), Error> {
    for (position, global) in found.iter().enumerate() {
        let mut before = found.iter().take(position);
        if let Some(name) = before.find_map(|other| twice(other, global)) {
            return Err(Error::IndexTwice { name });
        }
    }
    Ok(())
}

fn conflict(what: &'static str, name: &str) -> Error {
    let name = name.to_owned();
    Error::Conflict { what, name }
}
