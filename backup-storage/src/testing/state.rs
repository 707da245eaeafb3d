//! What the front remembers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};

use super::{
    chaos::Chaos,
    front::decoded,
    rule::{Fault, Rule},
};

/// A request that has come.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path, encoded as it came.
    pub path: String,
    /// Its query, without the question mark.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// What was made of it.
    pub fault: Option<Fault>,
    /// Other requests of its kind (data written, data read, or other) that had no answer yet when it came.
    pub beside: usize,
}

/// Where an archived object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveState {
    /// In the archive, until somebody asks for it.
    Archived,
    /// Asked for, and here after so many more looks at it.
    Coming(u32),
    /// Here for a while.
    Restored,
}

impl Seen {
    /// Whether it is about a data file.
    #[must_use]
    pub fn is_data(&self) -> bool {
        is_data(&self.path)
    }
}

/// Whatever the dialect encodes of a name.
fn is_data(path: &str) -> bool {
    decoded(path).ends_with(".asb")
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Write,
    Read,
    Other,
}

impl Kind {
    fn of(request: &Parts) -> Self {
        let is_data = is_data(request.uri.path());
        match (is_data, &request.method) {
            (true, &Method::PUT) => Self::Write,
            (true, &Method::GET) => Self::Read,
            _ => Self::Other,
        }
    }
}

/// A request without an answer.
pub(super) struct UnderWay {
    state: Arc<State>,
    kind: Kind,
    beside: usize,
}

impl UnderWay {
    fn begin(state: Arc<State>, kind: Kind) -> Self {
        let beside = {
            let mut under_way = lock(&state.under_way);
            let count = under_way.entry(kind).or_default();
            *count = count.saturating_add(1);
            count.saturating_sub(1)
        };
        Self {
            state,
            kind,
            beside,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut under_way = lock(&self.state.under_way);
        let count = under_way.entry(self.kind).or_default();
        *count = count.saturating_sub(1);
    }
}

/// Shared by all connections.
#[derive(Debug, Default)]
pub(super) struct State {
    rules: Mutex<Vec<Rule>>,
    chaos: Mutex<Option<Chaos>>,
    /// The last answer to each request for a list.
    lists: Mutex<BTreeMap<String, Bytes>>,
    seen: Mutex<Vec<Seen>>,
    /// Requests without an answer, of each kind.
    under_way: Mutex<BTreeMap<Kind, usize>>,
    /// Small parts of an upload, by number.
    parts: Mutex<BTreeMap<String, BTreeMap<u32, Bytes>>>,
    /// Key by id.
    uploads: Mutex<BTreeMap<String, String>>,
    classes: Mutex<BTreeMap<String, String>>,
    archive: Mutex<BTreeMap<String, ArchiveState>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(super) fn add(&self, rule: Rule) {
        lock(&self.rules).push(rule);
    }

    pub(super) fn forget_rules(&self) {
        lock(&self.rules).clear();
    }

    pub(super) fn set_chaos(&self, seed: Option<u64>) {
        *lock(&self.chaos) = seed.map(Chaos::new);
    }

    /// Notes a request, and says what happens to it. The guard is its time without an answer.
    pub(super) fn see(self: &Arc<Self>, request: &Parts) -> (Option<Fault>, UnderWay) {
        let under_way = UnderWay::begin(Arc::clone(self), Kind::of(request));
        let by_rule = lock(&self.rules)
            .iter_mut()
            .find_map(|rule| rule.apply(request));
        let by_chance = || lock(&self.chaos).as_mut()?.next(request);
        let fault = by_rule.or_else(by_chance);
        lock(&self.seen).push(Seen {
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            headers: request.headers.clone(),
            fault: fault.clone(),
            beside: under_way.beside,
        });
        (fault, under_way)
    }

    /// Remembers the answer to a request for a list; returns the one before, if there was one.
    pub(super) fn remember(&self, request: &str, list: &Bytes) -> Option<Bytes> {
        lock(&self.lists).insert(request.to_owned(), list.clone())
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    pub(super) fn begin_upload(&self, id: &str, key: &str) {
        lock(&self.uploads).insert(id.to_owned(), key.to_owned());
    }

    pub(super) fn keep_part(&self, id: &str, number: u32, body: Bytes) {
        let mut parts = lock(&self.parts);
        parts.entry(id.to_owned()).or_default().insert(number, body);
    }

    /// The content of an upload that is to be completed, if all of several parts were small.
    pub(super) fn small_parts(
        &self,
        id: Option<&str>,
        method: &Method,
        list: &Bytes,
    ) -> Option<Bytes> {
        if method != Method::POST {
            return None;
        }
        let parts = lock(&self.parts);
        let kept = parts.get(id?)?;
        let listed = String::from_utf8_lossy(list)
            .matches("<PartNumber>")
            .count();
        let is_all = listed > 1 && listed == kept.len();
        is_all.then(|| kept.values().flatten().copied().collect())
    }

    pub(super) fn end_upload(&self, id: &str) {
        lock(&self.parts).remove(id);
        lock(&self.uploads).remove(id);
    }

    pub(super) fn is_open(&self, id: &str) -> bool {
        lock(&self.uploads).contains_key(id)
    }

    /// Ids and keys.
    pub(super) fn open_uploads(&self, prefix: &str) -> Vec<(String, String)> {
        let uploads = lock(&self.uploads);
        let open = uploads.iter().filter(|(_, key)| key.starts_with(prefix));
        open.map(|(id, key)| (id.clone(), key.clone())).collect()
    }

    pub(super) fn set_storage_class(&self, key: &str, class: &str) {
        lock(&self.classes).insert(key.to_owned(), class.to_owned());
    }

    pub(super) fn storage_class(&self, key: &str) -> Option<String> {
        lock(&self.classes).get(key).cloned()
    }

    pub(super) fn set_archive(&self, key: &str, state: ArchiveState) {
        lock(&self.archive).insert(key.to_owned(), state);
    }

    pub(super) fn archive(&self, key: &str) -> Option<ArchiveState> {
        lock(&self.archive).get(key).copied()
    }

    /// A look at an object: what is coming comes nearer.
    pub(super) fn look(&self, key: &str) -> Option<ArchiveState> {
        let mut archive = lock(&self.archive);
        let state = archive.get_mut(key)?;
        let before = *state;
        if let ArchiveState::Coming(looks) = before {
            *state = match looks.checked_sub(1) {
                Some(left) => ArchiveState::Coming(left),
                None => ArchiveState::Restored,
            };
        }
        Some(before)
    }
}
