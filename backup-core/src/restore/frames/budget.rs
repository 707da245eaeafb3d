//! The memory of one file that is decompressed ahead: so many pieces, so many chunks.

use super::PIECE_BYTES;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Pieces of stored bytes that are about, 12 MiB: as much as most frames have.
const PIECES: usize = 48;

/// Chunks of text that are about, 16 MiB.
const CHUNKS: usize = 64;

/// Chunks that are kept free for the run that is being handed out.
const RESERVED: usize = 8;

/// Who takes a buffer waits until there is one, or until nobody wants anything any more.
#[derive(Debug)]
pub(super) struct Budget {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    pieces: Pool,
    chunks: Pool,
    /// Number of the run that is being handed out.
    run: u64,
    is_closed: bool,
}

/// Buffers that are free; those that were never used are not made yet.
#[derive(Debug)]
struct Pool {
    left: usize,
    used: Vec<Vec<u8>>,
}

impl Default for Budget {
    fn default() -> Self {
        let pool = |left| Pool {
            left,
            used: Vec::new(),
        };
        Self {
            state: Mutex::new(State {
                pieces: pool(PIECES),
                chunks: pool(CHUNKS),
                run: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
        }
    }
}

impl Budget {
    /// A buffer for stored bytes, with anything in it; `None` when it is all over.
    pub(super) fn take_piece(&self) -> Option<Vec<u8>> {
        let mut state = self.wait(|state| state.pieces.left > 0)?;
        Some(state.pieces.take())
    }

    pub(super) fn return_piece(&self, piece: Vec<u8>) {
        self.state().pieces.give(piece);
        self.changed.notify_all();
    }

    /// An empty buffer for text of run `number`; `None` when it is all over.
    pub(super) fn take_chunk(&self, number: u64) -> Option<Vec<u8>> {
        let mut state = self.wait(|state| {
            let reserved = if state.run == number { 0 } else { RESERVED };
            state.chunks.left > reserved
        })?;
        let mut chunk = state.chunks.take();
        chunk.clear();
        Some(chunk)
    }

    pub(super) fn return_chunk(&self, chunk: Vec<u8>) {
        self.state().chunks.give(chunk);
        self.changed.notify_all();
    }

    /// The next run is being handed out now.
    pub(super) fn next_run(&self) {
        let mut state = self.state();
        state.run = state.run.saturating_add(1);
        drop(state);
        self.changed.notify_all();
    }

    /// Nobody wants anything any more.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    fn wait(&self, is_free: impl Fn(&State) -> bool) -> Option<MutexGuard<'_, State>> {
        let state = self.state();
        let waited = self
            .changed
            .wait_while(state, |state| !state.is_closed && !is_free(state));
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        (!state.is_closed).then_some(state)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn take(&mut self) -> Vec<u8> {
        self.left = self.left.saturating_sub(1);
        let new = || Vec::with_capacity(PIECE_BYTES);
        self.used.pop().unwrap_or_else(new)
    }

    fn give(&mut self, buffer: Vec<u8>) {
        self.left = self.left.saturating_add(1);
        self.used.push(buffer);
    }
}
