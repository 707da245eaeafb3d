//! Runs a job to its end: shows progress, and passes signals on.

use super::{
    metrics,
    output::{Moment, Progress},
    signals::Signals,
    watch::{self, Watched},
};
use backup_core::handle::{Job, Outcome};
use std::{future::pending, pin::pin, sync::Arc, time::Duration};

/// How long a job that was cancelled may hang in a stream: nobody can wake a thread that waits
/// for the other end of a FIFO, and a stream leaves nothing behind that must be removed.
const STREAM_GRACE: Duration = Duration::from_secs(2);

/// The user did not want to wait for the end of the job.
#[derive(Debug)]
pub(crate) struct Abandoned;

/// Waits for `job`. The first signal cancels it, the second abandons it.
pub(crate) async fn drive<S: Watched + 'static>(
    kind: &'static str,
    job: Job<S>,
    moment: impl Fn(&S) -> Moment,
    signals: &mut Signals,
    is_stream: bool,
) -> Result<Outcome<S>, Abandoned> {
    watch::begin(Arc::<S>::clone(job.stats()));
    let mut progress = Progress::start(kind);
    let mut ticks = tokio::time::interval(progress.interval());
    ticks.tick().await; // the first comes at once
    let (stats, cancel) = (Arc::clone(job.stats()), job.cancel_token());
    let mut ended = pin!(job.wait());
    loop {
        tokio::select! {
            biased;
            outcome = &mut ended => return Ok(outcome),
            name = signals.next() => {
                tracing::info!("{name}: stopping; once more ends the program at once");
                cancel.cancel();
                break;
            }
            _ = ticks.tick() => {
                progress.show(moment(&stats));
                metrics::tick();
            }
        }
    }
    tokio::select! {
        outcome = ended => Ok(outcome),
        _ = signals.next() => Err(Abandoned),
        () = grace(is_stream) => Err(Abandoned),
    }
}

async fn grace(is_stream: bool) {
    if is_stream {
        tokio::time::sleep(STREAM_GRACE).await;
    } else {
        pending().await
    }
}
