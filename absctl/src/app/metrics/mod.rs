//! Metrics for Prometheus (goal U14 of `trust-and-ux.md`; `docs/metrics.md` has the names): a file
//! that is written when a job begins, while it runs and when it ends, and on request a port.
//!
//! Labels have few values: the job and its namespace, outcomes, directions. Nothing that grows with
//! the data or with time is one, and no secret comes near.

mod file;
mod server;
mod text;

use super::{cli::Automation, error::Error, exit::Exit, watch};
use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// Shortest time between two versions of the file.
const PAUSE: Duration = Duration::from_secs(1);

static METRICS: Mutex<Option<Metrics>> = Mutex::new(None);

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Ended(Exit),
}

/// What all metrics of a job are about.
#[derive(Debug, Clone)]
struct About {
    /// `backup`, `restore` and the like.
    job: &'static str,
    namespace: String,
}

#[derive(Debug)]
struct Metrics {
    about: About,
    state: State,
    began: SystemTime,
    clock: Instant,
    /// How long the job took, once it has ended.
    took: Option<Duration>,
    /// When a job of this kind last succeeded, in seconds since 1970.
    last_success: Option<f64>,
    file: Option<PathBuf>,
    address: Option<String>,
    /// When the file was last written.
    written: Instant,
}

/// Begins to keep metrics, if that is asked for. What the file says of the last success stays until
/// there is a newer one.
pub(crate) fn start(
    flags: &Automation,
    job: &'static str,
    namespace: Option<&str>,
) -> Result<(), Error> {
    if flags.metrics_file.is_none() && flags.metrics_listen.is_none() {
        return Ok(());
    }
    let about = About {
        job,
        namespace: namespace.unwrap_or_default().to_owned(),
    };
    let file = flags.metrics_file.clone();
    let last_success = file
        .as_deref()
        .and_then(|file| file::last_success(file, &about));
    let mut metrics = Metrics {
        about,
        state: State::Running,
        began: SystemTime::now(),
        clock: Instant::now(),
        took: None,
        last_success,
        file,
        address: flags.metrics_listen.clone(),
        written: Instant::now(),
    };
    metrics.write().map_err(|error| match &metrics.file {
        Some(file) => Error::usage(format!(
            "--metrics-file: cannot write {}: {error}",
            file.display()
        )),
        None => Error::usage(error.to_string()),
    })?;
    *lock() = Some(metrics);
    Ok(())
}

/// Opens the port, if there is to be one. It ends with the runtime.
pub(crate) async fn listen() -> Result<(), Error> {
    let address = lock().as_ref().and_then(|metrics| metrics.address.clone());
    match address {
        Some(address) => server::start(&address, rendered).await,
        None => Ok(()),
    }
}

/// Writes the file again, if the last version is old enough.
pub(crate) fn tick() {
    if let Some(metrics) = &mut *lock()
        && metrics.written.elapsed() >= PAUSE
        && let Err(error) = metrics.write()
    {
        tracing::debug!(%error, "the metrics could not be written, will try again");
    }
}

/// Writes the file for the last time.
pub(crate) fn end(exit: Exit) {
    let Some(mut metrics) = lock().take() else {
        return;
    };
    metrics.state = State::Ended(exit);
    metrics.took = Some(metrics.clock.elapsed());
    if exit == Exit::Success {
        metrics.last_success = Some(seconds(SystemTime::now()));
    }
    if let Err(error) = metrics.write() {
        tracing::warn!(%error, "the metrics could not be written");
    }
}

/// The metrics at this moment.
fn rendered() -> String {
    lock().as_ref().map(Metrics::render).unwrap_or_default()
}

impl Metrics {
    fn render(&self) -> String {
        text::of(self, &watch::figures())
    }

    fn write(&mut self) -> std::io::Result<()> {
        self.written = Instant::now();
        match &self.file {
            Some(file) => file::write(file, &self.render()),
            None => Ok(()),
        }
    }
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

fn lock() -> std::sync::MutexGuard<'static, Option<Metrics>> {
    METRICS.lock().unwrap_or_else(PoisonError::into_inner)
}
