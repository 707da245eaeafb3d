//! What the front remembers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http::{HeaderMap, Method, request::Parts};

use super::rule::{Fault, Rule};

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

/// Shared by all connections.
#[derive(Debug, Default)]
pub(super) struct State {
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
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

    pub(super) fn see(&self, request: &Parts) -> Option<Fault> {
        lock(&self.seen).push(Seen {
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            headers: request.headers.clone(),
        });
        lock(&self.rules)
            .iter_mut()
            .find_map(|rule| rule.apply(request))
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    pub(super) fn begin_upload(&self, id: &str, key: &str) {
        lock(&self.uploads).insert(id.to_owned(), key.to_owned());
    }

    pub(super) fn end_upload(&self, id: &str) {
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
