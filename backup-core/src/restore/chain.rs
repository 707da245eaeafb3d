//! Restoring a full backup and the incremental ones after it, the oldest first (`behaviour.md`
//! §6.4).
//!
//! Several directories are a chain when the manifest of any of them names a parent: restored side
//! by side, older records would win by chance. What links them are run ids; neither the order of
//! the list nor times decide. Anything else in the list is refused before the first write.

mod problem;

pub use self::problem::ChainProblem;

use super::{Existing, RestoreConfig, WritePolicy, input::Input, input::Problem};
use crate::{
    error::Error,
    manifest::{Manifest, Status},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a manifest says, as far as chains go.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Which one of the source's places, from 0.
    place: usize,
    /// The place, for messages.
    pub(super) shown: String,
    pub(super) namespace: String,
    pub(super) run: String,
    parent: Option<String>,
    began_ns: u64,
    /// Where its time window begins.
    since_ns: Option<u64>,
    /// The option that left out parts of it.
    partial: Option<&'static str>,
    has_indexes: bool,
    has_udfs: bool,
}

impl Member {
    pub(super) fn new(place: usize, shown: &str, manifest: &Manifest) -> Self {
        Self {
            place,
            shown: shown.to_owned(),
            namespace: manifest.namespace.clone(),
            run: manifest.run.clone(),
            parent: manifest.parent.clone(),
            began_ns: manifest.window.scan_start_ns,
            since_ns: manifest.window.modified_after_ns,
            partial: partial(manifest),
            has_indexes: manifest.given("--no-indexes").is_none(),
            has_udfs: manifest.given("--no-udfs").is_none(),
        }
    }

    fn problem(&self, problem: ChainProblem) -> Problem {
        refused(&self.shown, problem)
    }
}

/// The option because of which a set does not hold records as they were.
fn partial(manifest: &Manifest) -> Option<&'static str> {
    const PARTS: [&str; 4] = ["--bin-list", "--no-bins", "--no-records", "--max-records"];
    let given = PARTS
        .into_iter()
        .find(|option| manifest.given(option).is_some());
    let shard = (manifest.status == Status::Partial).then_some("--shard or --max-records");
    given.or(shard)
}

/// A set of a chain.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// Which one of the source's places, from 0.
    pub(super) place: usize,
    /// The place, for messages.
    pub(super) shown: String,
    /// The run that made it.
    pub(super) run: String,
    /// It is not the oldest.
    goes_on: bool,
    /// Its indexes are the newest.
    gives_indexes: bool,
    /// Its modules are the newest.
    gives_udfs: bool,
}

/// The sets in order of time if there is a chain among them, and what speaks against it.
/// `places` are all that were listed.
pub(super) fn of(members: &[Member], places: &[&str]) -> (Vec<Link>, Vec<Problem>) {
    let mut by_namespace = BTreeMap::<&str, Vec<&Member>>::new();
    for member in members {
        by_namespace
            .entry(&member.namespace)
            .or_default()
            .push(member);
    }
    by_namespace.retain(|_, members| members.iter().any(|member| member.parent.is_some()));
    if by_namespace.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let proved: BTreeSet<_> = members.iter().map(|member| member.place).collect();
    let unproved = places.iter().enumerate();
    let unproved = unproved.filter(|(place, _)| !proved.contains(place));
    let mut problems: Vec<_> = unproved
        .map(|(_, place)| refused(place, ChainProblem::NoManifest))
        .collect();
    let mut links = Vec::new();
    for members in by_namespace.values() {
        let found = problems_of(members);
        if found.is_empty() {
            match in_order(members) {
                Ok(order) => links.extend(as_links(&order)),
                Err(problem) => problems.push(*problem),
            }
        }
        problems.extend(found);
    }
    (links, problems)
}

/// What speaks against the members of a namespace, one by one.
fn problems_of(members: &[&Member]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let beginning = members.iter().find(|member| member.parent.is_none());
    for (number, member) in members.iter().enumerate() {
        let before = members.get(..number).unwrap_or_default();
        let twin = before.iter().find(|other| other.run == member.run);
        let namesake = before.iter().find(|other| other.place == member.place);
        let sibling = || {
            let mut before = before.iter();
            before.find(|other| other.parent.is_some() && other.parent == member.parent)
        };
        let other = |other: &Member| other.shown.clone();
        let parent = member.parent.as_ref();
        let found = parent.map(|run| (run, members.iter().find(|other| other.run == *run)));
        let problem = match (found, beginning) {
            _ if namesake.is_some() => Some(ChainProblem::Several),
            _ if twin.is_some() => twin.map(|twin| ChainProblem::Twice { other: other(twin) }),
            _ if member.partial.is_some() => member
                .partial
                .map(|option| ChainProblem::Partial { option }),
            (Some((run, None)), _) => Some(ChainProblem::NoParent { run: run.clone() }),
            (Some((_, Some(parent))), _) => match sibling() {
                Some(sibling) => Some(ChainProblem::Forked {
                    other: other(sibling),
                    parent: other(parent),
                }),
                None => (member.since_ns.is_some_and(|since| since > parent.began_ns)).then(|| {
                    ChainProblem::Gap {
                        parent: other(parent),
                    }
                }),
            },
            (None, Some(first)) if first.place != member.place => {
                Some(ChainProblem::OtherBeginning {
                    other: other(first),
                })
            }
            (None, _) => None,
        };
        problems.extend(problem.map(|problem| member.problem(problem)));
    }
    problems
}

/// The members from the beginning on. Each is linked to one that is there, no two to the same.
fn in_order<'a>(members: &[&'a Member]) -> Result<Vec<&'a Member>, Box<Problem>> {
    let mut next = members.iter().find(|member| member.parent.is_none());
    let mut order = Vec::new();
    while let Some(member) = next {
        order.push(*member);
        let run = Some(&member.run);
        next = members.iter().find(|other| other.parent.as_ref() == run);
    }
    let is_left = |member: &&&Member| !order.iter().any(|taken| taken.run == member.run);
    match members.iter().find(is_left) {
        Some(member) => Err(Box::new(member.problem(ChainProblem::Ring))),
        None => Ok(order),
    }
}

fn as_links(order: &[&Member]) -> Vec<Link> {
    let indexes = order.iter().rposition(|member| member.has_indexes);
    let udfs = order.iter().rposition(|member| member.has_udfs);
    let links = order.iter().enumerate().map(|(number, member)| Link {
        place: member.place,
        shown: member.shown.clone(),
        run: member.run.clone(),
        goes_on: number > 0,
        gives_indexes: indexes == Some(number),
        gives_udfs: udfs == Some(number),
    });
    links.collect()
}

fn refused(place: &str, problem: ChainProblem) -> Problem {
    Problem {
        shown: place.to_owned(),
        error: Error::Chain {
            source_name: place.to_owned(),
            source: Box::new(problem),
        },
    }
}

/// What a chain cannot be restored with.
pub(super) fn refusal(config: &RestoreConfig) -> Option<&'static str> {
    if config.policy != WritePolicy::default() {
        return Some(
            "the directories are a chain of incremental backups, whose newest records are to win: --unique (-u), --replace (-r) and --no-generation (-g) cannot be used",
        );
    }
    if !config.bins.is_empty() {
        return Some(
            "the directories are a chain of incremental backups: --bin-list (-B) cannot be used, because records that have lost all of these bins would keep older ones",
        );
    }
    if config.state.is_some() {
        return Some(
            "the directories are a chain of incremental backups, whose restore keeps no state yet: --state-file-dst and --continue (-c) cannot be used",
        );
    }
    if config.shard.is_some() {
        return Some(
            "the directories are a chain of incremental backups, which --shard cannot divide: no process would know when the others have restored the set before",
        );
    }
    None
}

/// What is restored at a time, and how.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) config: RestoreConfig,
    pub(super) input: Input,
    pub(super) link: Option<Link>,
    /// Its records may exist in older forms that this restore has written.
    pub(super) is_news: bool,
}

/// The part of a restore that `link` is; all of it where there is no chain.
pub(super) fn part(config: &RestoreConfig, link: Option<Link>, input: Input) -> Part {
    let mut config = config.clone();
    if let Some(link) = &link {
        config.no_indexes |= !link.gives_indexes;
        config.no_udfs |= !link.gives_udfs;
        if link.goes_on {
            // Deleted and made anew, a record has a lower generation than its older form.
            config.policy = WritePolicy {
                existing: Existing::Replace,
                check_generation: false,
            };
        }
    }
    Part {
        config,
        input,
        is_news: link.as_ref().is_some_and(|link| link.goes_on),
        link,
    }
}
