//! Which decoder reads which file: everyone takes a file that nobody has, and helps with one that
//! somebody has when there is none.

use super::{
    input::{Input, InputFile},
    progress::{Finished, Progress},
    reader::OpenFile,
};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The files of an input, while they are being read.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) input: Input,
    /// So many of the first files are read to their ends before the others begin.
    first: usize,
    /// There are fewer files than decoders.
    pub(super) is_shared: bool,
    /// What is finished, if anybody wants to know.
    pub(super) progress: Option<Arc<Progress>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the next file that nobody has opened.
    next: usize,
    /// Those that somebody is at.
    open: Vec<Arc<OpenFile>>,
    is_closed: bool,
}

impl Files {
    /// All files in any order, for so many decoders.
    pub(super) fn new(input: Input, decoders: usize) -> Self {
        Self {
            is_shared: decoders > input.files.len(),
            input,
            first: 0,
            progress: None,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// The same, but those with metadata alone come first.
    pub(super) fn metadata_first(input: Input, decoders: usize) -> Self {
        let first = input.files.iter().take_while(|file| file.is_metadata());
        let first = first.count();
        Self {
            first,
            ..Self::new(input, decoders)
        }
    }

    /// A file to read, or to help with; `None` when there is nothing to do. Everyone who gets one
    /// has to [leave](Self::leave) it.
    pub(super) fn next(&self) -> Option<Arc<OpenFile>> {
        let mut state = self.state();
        let file = loop {
            if state.is_closed {
                return None;
            }
            while self.is_complete(state.next) {
                state.next = state.next.saturating_add(1);
            }
            let is_first = state.next < self.first;
            let is_waiting = !is_first && state.open.iter().any(|file| file.number < self.first);
            if state.next >= self.input.files.len() || is_waiting {
                let open = state.open.iter().filter(|file| !file.is_over());
                match open.min_by_key(|file| file.readers()) {
                    Some(file) => break Arc::clone(file),
                    None if !is_waiting => return None,
                    None => {
                        let changed = self.changed.wait(state);
                        state = changed.unwrap_or_else(PoisonError::into_inner);
                        continue;
                    }
                }
            }
            let finished = self.progress.as_ref();
            let finished = finished.map_or_else(Finished::default, |all| all.finished(state.next));
            let file = Arc::new(OpenFile::new(state.next, finished));
            state.next = state.next.saturating_add(1);
            state.open.push(Arc::clone(&file));
            break file;
        };
        file.join();
        Some(file)
    }

    /// Whether an earlier run has left nothing of a file that nobody has opened yet.
    fn is_complete(&self, number: usize) -> bool {
        let progress = self.progress.as_ref();
        progress.is_some_and(|progress| progress.is_complete(number))
    }

    /// What is known about a file.
    pub(super) fn file(&self, open: &OpenFile) -> Option<&InputFile> {
        self.input.files.get(open.number)
    }

    /// Ends the part of one decoder; whether the file is done with that.
    pub(super) fn leave(&self, file: &Arc<OpenFile>) -> bool {
        let mut state = self.state();
        let is_done = file.leave() && file.is_over();
        if is_done {
            state.open.retain(|other| !Arc::ptr_eq(other, file));
            self.changed.notify_all();
        }
        is_done
    }

    /// Closes the list when the guard is dropped, so that nobody waits for one who has given up.
    /// One who finds nothing to do any more may do so as well.
    pub(super) const fn closing(&self) -> Closing<'_> {
        Closing(self)
    }

    /// Hands out no more files.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Files::closing`].
pub(super) struct Closing<'a>(&'a Files);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
