//! Standard error: lines, colours, and the bar that stands below them.

use indicatif::ProgressBar;
use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The bar that is shown now. Whoever writes takes it away first, and puts it back.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows `bar` below everything that is written from now on, or none any more.
pub(super) fn set_bar(bar: Option<ProgressBar>) {
    *lock() = bar;
}

/// Writes a line. There is nobody to tell if it cannot be written.
pub(super) fn line(text: &str) {
    let _ = writeln!(Stderr, "{text}");
}

/// The text in this colour (SGR parameters), where colours are wanted.
pub(super) fn paint(text: &str, colour: &str) -> String {
    if has_colours() {
        format!("\x1b[{colour}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Whether standard error is a terminal.
pub(super) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether to use colours: on a terminal, unless the user has set `NO_COLOR`.
pub(super) fn has_colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_terminal() && !refused
}

/// Standard error with the bar kept out of the way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_all(data).map(|()| data.len())
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        let write = || io::stderr().lock().write_all(data);
        match &*lock() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn write_fmt(&mut self, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.write_all(text.to_string().as_bytes())
    }
}

fn lock() -> MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of a level in its colour, where colours are wanted.
pub(super) fn level(name: &str, level: tracing::Level) -> String {
    match level {
        tracing::Level::ERROR => paint(name, "1;31"),
        tracing::Level::WARN => paint(name, "1;33"),
        tracing::Level::INFO => paint(name, "32"),
        _ => paint(name, "2"),
    }
}
