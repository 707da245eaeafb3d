//! The earlier backup that an incremental one goes on from: `--incremental-from` (`cli.md` §18,
//! goal R24 of `trust-and-ux.md`).
//!
//! # Why nothing falls between two runs
//!
//! Let T be the start of the earlier run by the clock of its machine, read before its first scan.
//! A record that the run has missed in its newest form was changed after the scan had passed it,
//! or is seen there only after: later than T in any case. Its last-update time was given by the
//! clock of a node (the master of its partition). Say that no node's clock was behind the clock of
//! that machine by more than K; then this time is later than T − K, less what passes between
//! stamping a record and seeing it in a scan: a write that was on its way, a replica that lags
//! when racks are preferred, the fraction of a millisecond that servers cut off, and what clocks
//! drift after they were measured. 2 s are given to all of that ([`MARGIN`]). A later change only
//! raises the time of a record. So "last update at T − K − 2 s or later" finds it, and there is no
//! upper bound to hide it. Differences between nodes need nothing more: K holds for each of them.
//!
//! K is what the earlier run measured at its start and at its end, the worst of both, as an upper
//! bound ([`ClockOffset`](backup_cluster::metadata::ClockOffset)). A clock that was put back
//! between the runs is not in it. If it is still wrong now, it is seen now, and K grows by it; one
//! that jumped there and back is seen by nobody.
//!
//! If the earlier run itself had an end of its window (`modified-before`), it lacks what was
//! changed then or later, and the window begins there if that is earlier.

mod problem;

pub use problem::ParentProblem;

use super::{BackupConfig, Scope, clocks::Clocks};
use crate::{
    error::Error,
    manifest::{Authenticity, Manifest, ReadOptions, SetError, Status, Verdict, Window, judge},
};
use backup_storage::Store;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the window reaches back beyond the differences of clocks.
const MARGIN: Duration = Duration::from_secs(2);

/// What is taken for the differences of clocks when the earlier run could not measure them.
const UNKNOWN_SKEW: Duration = Duration::from_secs(60);

/// Options that must be those of the earlier backup, by their names in the manifest. What is
/// selected by them must have been selected before, or a record that has not changed since is in
/// no backup of the chain.
const SAME: [&str; 8] = [
    "--set-list",
    "--bin-list",
    "--no-ttl-only",
    "--filter-exp",
    "--partition-list",
    "--after-digest",
    "--node-list",
    "--rack-list",
];

/// What is known about the earlier backup.
#[derive(Debug)]
pub(super) struct Parent {
    /// Id of its run.
    pub(super) run: String,
    /// Where it is, for messages.
    location: String,
    /// Name of its cluster.
    cluster: Option<String>,
    window: Window,
}

/// Where an incremental backup begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    /// Records updated then or later, nanoseconds since 1970.
    pub(super) bound_ns: u64,
    /// How much of that lies before the start of the earlier backup.
    pub(super) overlap: Duration,
}

impl Parent {
    /// Looks at the earlier backup of `config`, if there is to be one, before the cluster is
    /// asked.
    ///
    /// # Errors
    /// [`Error::Parent`], [`Error::Unsupported`] for selections that no chain can have, or what
    /// the storage says.
    pub(super) fn find(config: &BackupConfig) -> Result<Option<Self>, Error> {
        let Some(store) = &config.incremental_from else {
            return Ok(None);
        };
        check_selection(config)?;
        let manifest = sole(&**store, config)?;
        let found = check(&manifest, config).and_then(|()| check_target(config, &manifest.run));
        found.map_err(|problem| refused(store.location(), problem))?;
        Ok(Some(Self {
            run: manifest.run,
            location: store.location().to_owned(),
            cluster: manifest.server.cluster,
            window: manifest.window,
        }))
    }

    /// Whether it is a backup of this cluster; one without a name may be any.
    ///
    /// # Errors
    /// [`ParentProblem::OtherCluster`].
    pub(super) fn check_cluster(&self, now: Option<&str>) -> Result<(), Error> {
        match (self.cluster.as_deref(), now) {
            (Some(found), Some(now)) if found != now => {
                let (found, now) = (found.to_owned(), now.to_owned());
                let problem = ParentProblem::OtherCluster { found, now };
                Err(refused(&self.location, problem))
            }
            _ => Ok(()),
        }
    }

    /// Where the window begins; see the argument above. `clocks` are as they are now.
    ///
    /// # Errors
    /// [`ParentProblem::Future`].
    pub(super) fn since(&self, clocks: &Clocks, now: SystemTime) -> Result<Since, Error> {
        let now_ns = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let overlap = self.skew(clocks).saturating_add(MARGIN);
        let start_ns = self.window.scan_start_ns;
        let bound_ns = start_ns.saturating_sub(nanoseconds(overlap));
        let sealed_ns = self.window.modified_before_ns.unwrap_or(u64::MAX);
        let bound_ns = bound_ns.min(sealed_ns);
        if bound_ns > nanoseconds(now_ns) {
            return Err(refused(&self.location, ParentProblem::Future));
        }
        Ok(self.reached(bound_ns))
    }

    /// A window with this beginning.
    pub(super) const fn reached(&self, bound_ns: u64) -> Since {
        let overlap_ns = self.window.scan_start_ns.saturating_sub(bound_ns);
        Since {
            bound_ns,
            overlap: Duration::from_nanos(overlap_ns),
        }
    }

    fn skew(&self, clocks: &Clocks) -> Duration {
        let now = clocks.at_most().unwrap_or_default();
        let Some(then_ns) = self.window.clock_skew_ns else {
            tracing::warn!(
                "the earlier backup does not say how far the clocks of the nodes were from its own; {} s are allowed for",
                UNKNOWN_SKEW.as_secs()
            );
            return UNKNOWN_SKEW.max(now);
        };
        let then = Duration::from_nanos(then_ns);
        if clocks.at_least() <= then {
            return then;
        }
        let apart = clocks.at_least().as_millis();
        tracing::warn!(
            "the clock of a node is {apart} ms away from that of this machine, more than in the earlier backup; the window is made longer"
        );
        now.max(then)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn refused(location: &str, source: ParentProblem) -> Error {
    let parent = location.to_owned();
    let source = Box::new(source);
    Error::Parent { parent, source }
}

/// Selections that leave gaps in any chain.
fn check_selection(config: &BackupConfig) -> Result<(), Error> {
    let selection = &config.selection;
    let masters = matches!(selection.scope, Scope::Nodes(_) | Scope::Racks(_));
    let gaps = [
        (
            selection.modified_after.is_some(),
            "an incremental backup finds the beginning of its time window itself",
        ),
        (
            selection.max_records > 0,
            "an incremental backup needs all records that have changed, not a number of them",
        ),
        (
            selection.no_bins || config.no_records,
            "an incremental backup needs the records with their bins",
        ),
        (
            masters,
            "an incremental backup cannot choose its partitions by nodes or racks: their masters change from run to run",
        ),
    ];
    match gaps.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, why)) => Err(Error::Unsupported(why)),
        None => Ok(()),
    }
}

/// The manifest of the one backup of the namespace that is there.
fn sole(store: &dyn Store, config: &BackupConfig) -> Result<Manifest, Error> {
    let refused = |problem| refused(store.location(), problem);
    let options = read_options(config);
    let verdict = judge(store, &options).map_err(|error| match error {
        SetError::Storage(error) => Error::Storage(error),
        error => refused(error.into()),
    })?;
    let set = match verdict {
        Verdict::Whole(set) => set,
        Verdict::Unfinished { found, .. } => {
            let entry = found.into_iter().next().unwrap_or_default();
            return Err(refused(ParentProblem::Unfinished { entry }));
        }
        Verdict::Foreign { .. } => return Err(refused(ParentProblem::NoManifest)),
    };
    set.notes.iter().for_each(|note| tracing::warn!("{note}"));
    if (set.manifests.iter()).any(|(_, known)| *known == Authenticity::NotChecked) {
        tracing::warn!(
            "the earlier backup is encrypted, and no key was given: its manifest may be a forgery"
        );
    }
    let all = set.manifests.iter().map(|(manifest, _)| manifest);
    let namespaces: Vec<_> = all.map(|manifest| manifest.namespace.clone()).collect();
    let ours = set.manifests.into_iter().map(|(manifest, _)| manifest);
    let ours: Vec<_> = ours
        .filter(|manifest| manifest.namespace == config.namespace)
        .collect();
    let count = ours.len();
    match <[Manifest; 1]>::try_from(ours) {
        Ok([manifest]) => Ok(manifest),
        Err(_) if count > 1 => Err(refused(ParentProblem::Several { count })),
        Err(_) => Err(refused(ParentProblem::OtherNamespace {
            found: namespaces.join(", "),
            expected: config.namespace.clone(),
        })),
    }
}

fn read_options(config: &BackupConfig) -> ReadOptions {
    ReadOptions {
        key: config.wrap.set_key(),
        ignore_manifest: false,
        now: SystemTime::now(),
    }
}

/// Whether it holds all that a chain with this selection needs.
fn check(manifest: &Manifest, config: &BackupConfig) -> Result<(), ParentProblem> {
    for option in ["--max-records", "--no-bins", "--no-records"] {
        if manifest.given(option).is_some() {
            return Err(ParentProblem::Partial { option });
        }
    }
    if manifest.status == Status::Partial {
        let option = "--shard";
        return Err(ParentProblem::Partial { option });
    }
    // The first of a chain has no beginning.
    if manifest.parent.is_none() && manifest.window.modified_after_ns.is_some() {
        let option = "--modified-after";
        return Err(ParentProblem::Partial { option });
    }
    let now = config.selection.arguments();
    let value = |option| (now.iter()).find_map(|(name, value)| (name == option).then_some(value));
    for option in SAME {
        let (parent, now) = (manifest.given(option), value(option));
        if parent != now {
            let (parent, now) = (parent.cloned(), now.cloned());
            return Err(ParentProblem::Differs {
                option,
                parent,
                now,
            });
        }
    }
    Ok(())
}

/// A backup that replaces the one it goes on from would leave a chain without a beginning.
fn check_target(config: &BackupConfig, run: &str) -> Result<(), ParentProblem> {
    if !config.remove_files || config.resume.is_some() {
        return Ok(());
    }
    // What cannot be judged is not the backup that was judged just now.
    match judge(&**config.target.store(), &read_options(config)) {
        Ok(Verdict::Whole(set)) if set.manifests.iter().any(|(old, _)| old.run == run) => {
            Err(ParentProblem::Replaced)
        }
        _ => Ok(()),
    }
}
