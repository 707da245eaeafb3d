//! What of a running backup is durable. The state file is a picture of it.

use super::{
    ledger::Ledger,
    state::{FileState, State, WrittenGlobals},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Everything that a crash cannot take away. Writers tell it after each durable point.
#[derive(Debug, Default)]
pub(super) struct Journal {
    durable: Mutex<Durable>,
    /// Woken after each change; there while a state is kept all the time.
    listener: Mutex<Option<flume::Sender<()>>>,
}

#[derive(Debug, Default)]
struct Durable {
    files: BTreeMap<u64, FileState>,
    ledger: Ledger,
    globals: Option<WrittenGlobals>,
}

impl Journal {
    /// What a state file says.
    pub(super) fn resume(state: &State, ledger: Ledger) -> Self {
        let files = state.files.iter().map(|file| (file.number, file.clone()));
        let durable = Durable {
            files: files.collect(),
            ledger,
            globals: state.globals_done.then(|| state.globals.clone()),
        };
        Self {
            durable: Mutex::new(durable),
            listener: Mutex::default(),
        }
    }

    /// Wakes `listener` after each change from now on.
    pub(super) fn listen(&self, listener: Option<flume::Sender<()>>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = listener;
    }

    /// `file` is durable as described, and with it everything up to the positions of `pending`,
    /// which is empty afterwards.
    pub(super) fn commit(
        &self,
        file: FileState,
        globals: Option<WrittenGlobals>,
        pending: &mut Ledger,
    ) {
        let mut durable = self.lock();
        durable.files.insert(file.number, file);
        durable.ledger.absorb(pending);
        durable.globals = durable.globals.take().or(globals);
        drop(durable);
        self.wake();
    }

    /// Nothing of these partitions waits in a file: they ended without another record.
    pub(super) fn commit_positions(&self, pending: &mut Ledger) {
        if !pending.is_empty() {
            self.lock().ledger.absorb(pending);
            self.wake();
        }
    }

    /// Indexes and modules are durable, or there are none.
    pub(super) fn commit_globals(&self, globals: WrittenGlobals) {
        self.lock().globals = Some(globals);
        self.wake();
    }

    /// Whether a continuation would find anything that it need not do again.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.lock().files.values().any(|file| file.records > 0)
    }

    /// The globals, once they are durable.
    pub(super) fn globals(&self) -> Option<WrittenGlobals> {
        self.lock().globals.clone()
    }

    /// All files that something durable is in.
    pub(super) fn files(&self) -> Vec<FileState> {
        self.lock().files.values().cloned().collect()
    }

    /// How far the partitions are durable.
    pub(super) fn ledger(&self) -> Ledger {
        self.lock().ledger.clone()
    }

    /// Fills in what is durable.
    pub(super) fn picture(&self, state: &mut State) {
        let durable = self.lock();
        state.files = durable.files.values().cloned().collect();
        state.next_number = durable
            .files
            .keys()
            .last()
            .map_or(1, |last| last.saturating_add(1));
        state.globals_done = durable.globals.is_some();
        state.globals = durable.globals.clone().unwrap_or_default();
        state.set_ledger(&durable.ledger);
    }

    fn wake(&self) {
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = listener.try_send(()); // full: it will look anyway
        }
    }

    fn lock(&self) -> MutexGuard<'_, Durable> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
