//! Progress for another program (`--machine`, `behaviour.md` §8.4): lines that are appended to a
//! file or a FIFO, and flushed one by one.
//!
//! A thread of its own writes them: whoever reads the FIFO may be slow, and must not hold a backup
//! up. Lines of progress that it does not take in time are left out.

use super::meter::Pace;
use crate::app::error::Error;
use std::{
    fs::OpenOptions,
    io::Write,
    path::Path,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

/// Lines that may wait for a slow reader.
const WAITING: usize = 64;

/// How long the end of the program waits for the reader of the last line.
const PATIENCE: Duration = Duration::from_secs(2);

static MACHINE: Mutex<Option<Machine>> = Mutex::new(None);

#[derive(Debug)]
struct Machine {
    lines: SyncSender<String>,
    ended: Receiver<()>,
}

/// Opens the file, which waits for a reader if it is a FIFO, and sends lines there from now on.
pub(crate) fn open(path: &Path) -> Result<(), Error> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let mut file = file.map_err(|error| {
        Error::usage(format!(
            "--machine (-m): cannot open {}: {error}",
            path.display()
        ))
    })?;
    let (lines, received) = sync_channel::<String>(WAITING);
    let (end, ended) = sync_channel(1);
    let write = move || {
        let gone = received
            .iter()
            .find(|line| file.write_all(line.as_bytes()).is_err());
        drop(gone);
        let _ = end.send(());
    };
    thread::Builder::new()
        .name("machine".to_owned())
        .spawn(write)
        .map_err(|source| Error::System {
            action: "start a thread",
            source,
        })?;
    *lock() = Some(Machine { lines, ended });
    Ok(())
}

/// Whether anybody listens.
pub(super) fn is_open() -> bool {
    lock().is_some()
}

/// Says how far the job is. A backup says nothing once it is at 100 %.
pub(super) fn progress(pace: &Pace) {
    let Some(percent) = pace.hundredths.map(|share| share / 100) else {
        return;
    };
    if percent < 100 {
        line(format!("PROGRESS:{percent}\n"));
        if let Some(left) = pace.remaining.filter(|_| pace.records_per_s > 0) {
            line(format!("REMAINING:{}\n", remaining(left)));
        }
    }
}

/// Sends a line, unless too many wait already.
pub(super) fn line(text: String) {
    if let Some(machine) = &*lock() {
        let _ = machine.lines.try_send(text);
    }
}

/// Waits until the last line was read, but not for ever.
pub(crate) fn close() {
    let Some(Machine { lines, ended }) = lock().take() else {
        return;
    };
    drop(lines);
    let _ = ended.recv_timeout(PATIENCE);
}

/// `1d2h3m4s` without units that are zero at the front, `>100d` for what nobody waits for.
pub(super) fn remaining(left: Duration) -> String {
    let seconds = left.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
    ];
    if seconds / 86_400 >= 100 {
        return ">100d".to_owned();
    }
    let shown = parts.iter().skip_while(|(count, _)| *count == 0);
    let shown: String = shown
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    format!("{shown}{}s", seconds % 60)
}

fn lock() -> std::sync::MutexGuard<'static, Option<Machine>> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_remains() {
        let check = |seconds, text| assert_eq!(remaining(Duration::from_secs(seconds)), text);
        check(0, "0s");
        check(16, "16s");
        check(60, "1m0s");
        check(93_784, "1d2h3m4s");
        check(86_400, "1d0h0m0s");
        check(8_640_000, ">100d");
    }
}
