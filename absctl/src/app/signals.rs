//! SIGINT and SIGTERM.

use super::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that were waited for and came.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// How many signals have come, as far as anybody has waited for them.
pub(crate) fn count() -> u32 {
    COUNT.load(Ordering::Relaxed)
}

/// The signals that ask the program to stop.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes the signals over; from now on they do not end the process by themselves.
    pub(crate) fn listen() -> Result<Self, Error> {
        let listen = |kind| {
            signal(kind).map_err(|source| Error::System {
                action: "listen to signals",
                source,
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one and says its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        };
        COUNT.fetch_add(1, Ordering::Relaxed);
        name
    }
}
