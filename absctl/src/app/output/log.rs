//! Where log lines go: standard error or a file, as text or JSON.

use super::{
    line::{Field, Kind, Line},
    old,
    subscriber::Events,
    terminal,
};
use crate::app::{error::Error, legacy::Personality};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};
use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::layer::SubscriberExt as _;

/// How and where to log.
#[derive(Debug, Clone)]
pub(crate) struct LogSettings {
    /// The least important level that is still written.
    pub(crate) level: Level,
    /// The same for events of storage, where it is another one.
    pub(crate) storage: Option<LevelFilter>,
    /// One JSON object for each line.
    pub(crate) json: bool,
    /// The file to append to, instead of standard error.
    pub(crate) file: Option<PathBuf>,
    /// Lines as this tool has them.
    pub(crate) old: Option<Personality>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: Level::INFO,
            storage: None,
            json: false,
            file: None,
            old: None,
        }
    }
}

#[derive(Debug)]
struct Sink {
    settings: LogSettings,
    file: Option<Mutex<File>>,
}

static SINK: OnceLock<Sink> = OnceLock::new();

/// Begins to write what happens. What was set first stays: the demo runs several commands in one
/// process.
pub(crate) fn start(settings: LogSettings) -> Result<(), Error> {
    let file = settings.file.as_deref().map(open).transpose()?;
    let events = Events::of(&settings);
    let file = file.map(Mutex::new);
    if SINK.set(Sink { settings, file }).is_ok() {
        let subscriber = tracing_subscriber::registry().with(events);
        // Nobody else sets one.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
    Ok(())
}

fn open(path: &Path) -> Result<File, Error> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let file = parent
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| OpenOptions::new().append(true).create(true).open(path));
    file.map_err(|error| {
        Error::usage(format!(
            "--log-file: cannot open {}: {error}",
            path.display()
        ))
    })
}

/// Whether standard error carries JSON lines and nothing else.
pub(super) fn is_json_on_stderr() -> bool {
    SINK.get()
        .is_some_and(|sink| sink.settings.json && sink.file.is_none())
}

/// Whether the report is a line of the log: where lines are JSON, or go to a file.
pub(super) fn takes_reports() -> bool {
    SINK.get()
        .is_some_and(|sink| sink.settings.json || sink.file.is_some())
}

/// The tool whose lines are wanted, if it is not ours.
pub(super) fn old() -> Option<Personality> {
    SINK.get().and_then(|sink| sink.settings.old)
}

/// Whether lines go to a file.
pub(super) fn has_file() -> bool {
    SINK.get().is_some_and(|sink| sink.file.is_some())
}

/// Writes a line, unless it is less important than what is wanted. A summary always is: it is what
/// was asked for.
pub(super) fn write(level: Level, kind: Kind, message: &str, fields: Vec<Field>) {
    let Some(sink) = SINK.get() else { return };
    if level <= sink.settings.level || kind == Kind::Summary {
        sink.write(&Line::now(level, kind, message, fields));
    }
}

/// Writes what was heard: whether it is important enough is decided.
pub(super) fn write_event(level: Level, message: &str, fields: Vec<Field>) {
    if let Some(sink) = SINK.get() {
        sink.write(&Line::now(level, Kind::Log, message, fields));
    }
}

impl Sink {
    fn write(&self, line: &Line) {
        let Some(file) = &self.file else {
            return terminal::line(&self.rendered(line, terminal::level));
        };
        let mut text = self.rendered(line, |name, _| name.to_owned());
        text.push('\n');
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, as several programs may append. There is nobody to tell if it fails.
        let _ = file.write_all(text.as_bytes());
    }

    fn rendered(&self, line: &Line, paint: impl Fn(&str, Level) -> String) -> String {
        match self.settings.old {
            _ if self.settings.json => line.json(),
            Some(tool) => old::line(line, tool),
            None => line.text(paint),
        }
    }
}
