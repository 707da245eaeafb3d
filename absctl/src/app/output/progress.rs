//! Progress: a bar on a terminal, a line now and then elsewhere.

use super::{
    duration,
    line::{Field, Kind, Value},
    log, machine,
    meter::{Load, Moment, Pace, Window},
    old, terminal,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Time between two pictures of the bar.
const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// Time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Time over which the load beside a bar is measured: shorter, and nobody could read it.
const LOAD_INTERVAL: Duration = Duration::from_secs(1);

/// Time between two lines for another program.
const MACHINE_INTERVAL: Duration = Duration::from_secs(1);

/// Pictures or lines a second, instead of the intervals above.
const FPS: &str = "ABSCTL_PROGRESS_FPS";

/// Length of the bar, as far as it matters: its position is in hundredths of a percent.
const WHOLE: u64 = 10_000;

/// The progress of one job. Dropping it takes the bar away.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
    bar: Option<ProgressBar>,
    interval: Duration,
    handler: Handler,
    /// When the last line was written.
    line: Instant,
    window: Window,
}

/// What the lines of one job have in common.
#[derive(Debug)]
struct Handler {
    id: String,
    kind: &'static str,
}

impl Progress {
    /// Begins to show the progress of a job of this kind in the way that fits standard error.
    pub(crate) fn start(kind: &'static str) -> Self {
        let has_bar = terminal::is_terminal() && !log::is_json_on_stderr() && log::old().is_none();
        let bar = has_bar.then(bar);
        terminal::set_bar(bar.clone());
        let (usual, window) = match has_bar {
            true => (BAR_INTERVAL, LOAD_INTERVAL),
            false => (LINE_INTERVAL, LINE_INTERVAL),
        };
        let wanted = wanted_interval();
        let window = wanted.map_or(window, |wanted| wanted.min(window));
        let begun = Instant::now();
        let id = begun_id();
        Self {
            begun,
            bar,
            interval: wanted.unwrap_or(usual),
            handler: Handler { id, kind },
            line: begun,
            window: Window::new(early(window)),
        }
    }

    /// How often [`show`](Self::show) is to be called.
    pub(crate) fn interval(&self) -> Duration {
        if machine::is_open() {
            self.interval.min(MACHINE_INTERVAL)
        } else {
            self.interval
        }
    }

    /// Shows how far the job is.
    pub(crate) fn show(&mut self, moment: Moment) {
        let pace = moment.pace(self.begun.elapsed());
        machine::progress(&pace);
        let load = self.window.load(&moment.stages, Instant::now());
        if let Some(bar) = &self.bar {
            show_bar(bar, moment, &pace, load);
        }
        let interval = if self.bar.is_some() {
            LINE_INTERVAL
        } else {
            self.interval
        };
        let has_lines = self.bar.is_none() || log::has_file();
        if has_lines && self.line.elapsed() >= early(interval) {
            self.line = Instant::now();
            match log::old() {
                Some(_) => old::write(old::progress(&moment, &pace)),
                None => log_line(&self.handler, moment, &pace, load),
            }
        }
    }
}

/// Ticks come a little early now and then.
fn early(interval: Duration) -> Duration {
    interval.saturating_sub(interval / 20)
}

/// What `ABSCTL_PROGRESS_FPS` asks for: between one in a day and sixty a second.
fn wanted_interval() -> Option<Duration> {
    let typed = std::env::var_os(FPS).filter(|value| !value.is_empty())?;
    let wanted = typed.to_str().and_then(|text| text.parse::<f64>().ok());
    let wanted = wanted.filter(|fps| (1e-5..=60.0).contains(fps));
    if wanted.is_none() {
        tracing::warn!("{FPS} is no number of pictures a second, at most 60: it has no effect");
    }
    wanted.map(|fps| Duration::from_secs_f64(1.0 / fps))
}

/// Six digits that differ from run to run.
fn begun_id() -> String {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let nanos = since.map_or(0, |since| since.subsec_nanos());
    format!("{:06x}", (nanos ^ std::process::id()) & 0xff_ffff)
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
    if let Ok(style) = ProgressStyle::with_template("[{bar:20}] {wide_msg}\n{prefix}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn show_bar(bar: &ProgressBar, moment: Moment, pace: &Pace, load: &Load) {
    bar.set_prefix(below(moment, load));
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

/// What stands below the bar: what the job is at, and how busy its stages are.
fn below(moment: Moment, load: &Load) -> String {
    let phase = moment.phase.name();
    if load.is_empty() {
        return phase.to_owned();
    }
    let parts = load
        .iter()
        .map(|(name, percent)| format!("{name} {percent} %"));
    format!("{phase}: {}", parts.collect::<Vec<_>>().join(", "))
}

/// A line for a log, in the words of the reference tool. There is none at the end.
fn log_line(handler: &Handler, moment: Moment, pace: &Pace, load: &Load) {
    if pace.hundredths == Some(WHOLE) {
        return;
    }
    let field = |name: &str, value| (name.to_owned(), value);
    let text = |text: &str| Value::Text(text.to_owned());
    let group = vec![
        field("id", text(&handler.id)),
        field("type", text(handler.kind)),
    ];
    let mut fields: Vec<Field> = vec![field("handler", Value::Group(group))];
    fields.extend(pace.percent().map(|pct| field("pct", Value::Number(pct))));
    let left = pace.remaining.map(duration::go);
    fields.extend(left.map(|left| field("remaining", Value::Text(left))));
    fields.extend([
        field("rec/s", Value::Count(pace.records_per_s)),
        field("kiB/s", Value::Count(pace.kib_per_s)),
        field("b/rec", Value::Count(pace.bytes_per_record)),
        field("records", Value::Count(moment.records)),
        field("bytes", Value::Count(moment.bytes)),
        field("phase", text(moment.phase.name())),
    ]);
    if !load.is_empty() {
        let busy = load
            .iter()
            .map(|(name, percent)| field(name, Value::Count((*percent).into())));
        fields.push(field("busy", Value::Group(busy.collect())));
    }
    log::write(tracing::Level::INFO, Kind::Progress, "progress", fields);
}

#[cfg(test)]
mod tests {
    use super::*;
    use backup_core::load::Phase;

    #[test]
    fn load_below_the_bar() {
        let moment = Moment {
            phase: Phase::Records,
            ..Moment::default()
        };
        assert_eq!(below(moment, &Load::new()), "records");
        let load = vec![("read", 93), ("encode", 5), ("write", 0)];
        assert_eq!(
            below(moment, &load),
            "records: read 93 %, encode 5 %, write 0 %"
        );
    }

    #[test]
    fn message_beside_the_bar() {
        let moment = Moment {
            records: 50_000,
            bytes: 10 << 20,
            done: 50_000,
            total: 123_762,
            ..Moment::default()
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
