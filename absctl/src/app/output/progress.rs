//! Progress: a bar on a terminal, a line now and then elsewhere.

use super::{
    duration,
    meter::{Moment, Pace},
    terminal,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Time between two pictures of the bar.
const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// Time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Length of the bar, as far as it matters: its position is in hundredths of a percent.
const WHOLE: u64 = 10_000;

/// The progress of one job. Dropping it takes the bar away.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins to show progress in the way that fits standard error.
    pub(crate) fn start() -> Self {
        let bar = terminal::is_terminal().then(bar);
        terminal::set_bar(bar.clone());
        let begun = Instant::now();
        Self { begun, bar }
    }

    /// How often [`show`](Self::show) is to be called.
    pub(crate) const fn interval(&self) -> Duration {
        if self.bar.is_some() {
            BAR_INTERVAL
        } else {
            LINE_INTERVAL
        }
    }

    /// Shows how far the job is.
    pub(crate) fn show(&mut self, moment: Moment) {
        let pace = moment.pace(self.begun.elapsed());
        match &self.bar {
            Some(bar) => show_bar(bar, moment, &pace),
            None => log_line(moment, &pace),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        terminal::set_bar(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(WHOLE), ProgressDrawTarget::stderr());
    // The templates are constants; the default style would do as well.
    if let Ok(style) = ProgressStyle::with_template("[{bar:20}] {wide_msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn show_bar(bar: &ProgressBar, moment: Moment, pace: &Pace) {
    bar.set_message(message(moment, pace));
    bar.set_position(pace.hundredths.unwrap_or_default());
}

/// What stands beside the bar, the most wanted first: a narrow terminal cuts the end off.
fn message(moment: Moment, pace: &Pace) -> String {
    let percent = pace.percent().map(|percent| format!("{percent} %"));
    let left = pace.remaining.map(|left| {
        let seconds = Duration::from_secs(left.as_secs());
        format!("{} left", duration::go(seconds))
    });
    let records = format!("{} records", moment.records);
    let rate = format!("{} rec/s", pace.records_per_s);
    let bytes = format!("{} KiB/s", pace.kib_per_s);
    let parts = [percent, left, Some(records), Some(rate), Some(bytes)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A line for a log file, in the words of the reference tool.
fn log_line(moment: Moment, pace: &Pace) {
    let remaining = pace.remaining.map(duration::go);
    tracing::info!(
        pct = pace.percent().map(tracing::field::display),
        remaining = remaining.map(tracing::field::display),
        "rec/s" = pace.records_per_s,
        "kiB/s" = pace.kib_per_s,
        "b/rec" = pace.bytes_per_record,
        records = moment.records,
        bytes = moment.bytes,
        "progress"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_beside_the_bar() {
        let moment = Moment {
            records: 50_000,
            bytes: 10 << 20,
            done: 50_000,
            total: 123_762,
        };
        let known = message(moment, &moment.pace(Duration::from_secs(5)));
        assert_eq!(
            known,
            "40.4 %, 7s left, 50000 records, 10000 rec/s, 2048 KiB/s"
        );
        let moment = Moment { total: 0, ..moment };
        let unknown = message(moment, &moment.pace(Duration::from_secs(5)));
        assert_eq!(unknown, "50000 records, 10000 rec/s, 2048 KiB/s");
    }
}
