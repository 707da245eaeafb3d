//! The metrics as text, in the format of OpenMetrics, which Prometheus and its collectors read.
//!
//! Names and labels are for ever (`docs/metrics.md`); more may come.

use super::{Metrics, State, seconds};
use crate::app::{
    exit::Exit,
    watch::{Counts, Figures},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};
use std::borrow::Cow;

/// The metric that outlives a run.
pub(super) const LAST_SUCCESS: &str = "absctl_last_success_timestamp_seconds";

/// The values of the label `state`.
const STATES: [&str; 4] = ["running", "succeeded", "failed", "interrupted"];

type Labels = Vec<(&'static str, &'static str)>;

/// The text of all metrics.
pub(super) fn of(metrics: &Metrics, figures: &Figures) -> String {
    let label = |name: &'static str, value: &str| (Cow::from(name), Cow::from(value.to_owned()));
    let about = &metrics.about;
    let labels = [
        label("job", about.job),
        label("namespace", &about.namespace),
    ];
    let mut registry = Registry::with_labels(labels.into_iter());
    job(&mut registry, metrics);
    work(&mut registry, figures);
    effort(&mut registry, figures);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

/// How the job is.
fn job(registry: &mut Registry, metrics: &Metrics) {
    let state = match metrics.state {
        State::Running => "running",
        State::Ended(Exit::Success) => "succeeded",
        State::Ended(Exit::Interrupted) => "interrupted",
        State::Ended(_) => "failed",
    };
    let states = Family::<Labels, Gauge>::default();
    for one in STATES {
        let labels = vec![("state", one)];
        states.get_or_create(&labels).set(i64::from(one == state));
    }
    registry.register(
        "absctl_job_state",
        "1 for the state that the job is in",
        states,
    );
    let mut time = |name, help, value: f64| registry.register(name, help, ConstGauge::new(value));
    time(
        "absctl_job_start_timestamp_seconds",
        "When the job began",
        seconds(metrics.began),
    );
    let took = metrics.took.unwrap_or_else(|| metrics.clock.elapsed());
    time(
        "absctl_job_duration_seconds",
        "How long the job has taken so far, or took",
        took.as_secs_f64(),
    );
    if let Some(at) = metrics.last_success {
        time(LAST_SUCCESS, "When such a job last succeeded", at);
    }
    if let State::Ended(exit) = metrics.state {
        time(
            "absctl_job_exit_code",
            "Exit code of the job",
            f64::from(exit as u8),
        );
    }
}

/// What the job has moved.
fn work(registry: &mut Registry, figures: &Figures) {
    let mut family = |name, help, label, counts: &Counts| {
        let family = Family::<Labels, Counter>::default();
        for (value, count) in counts {
            let labels = vec![(label, *value)];
            family.get_or_create(&labels).inc_by(*count);
        }
        registry.register(name, help, family);
    };
    family("absctl_records", "Records", "outcome", &figures.records);
    family("absctl_bytes", "Bytes", "direction", &figures.bytes);
    let indexes = &figures.indexes;
    family("absctl_sindexes", "Secondary indexes", "outcome", indexes);
    family("absctl_udfs", "UDF modules", "outcome", &figures.udfs);
    let expected = i64::try_from(figures.records_expected).unwrap_or(i64::MAX);
    registry.register(
        "absctl_records_expected",
        "Records that are expected; 0 where that is not known",
        ConstGauge::new(expected),
    );
}

/// What it took.
fn effort(registry: &mut Registry, figures: &Figures) {
    let counts = [
        ("absctl_files", "Files completed", figures.files),
        (
            "absctl_retries",
            "Attempts after the first",
            figures.retries,
        ),
        (
            "absctl_resumes",
            "Continuations after an interruption",
            figures.resumes,
        ),
        (
            "absctl_in_doubt",
            "Writes without an answer",
            figures.in_doubt,
        ),
        (
            "absctl_rejected_records",
            "Records written to the reject file",
            figures.rejected,
        ),
        (
            "absctl_verified_records",
            "Records whose text was read back before it was written",
            figures.verified,
        ),
    ];
    for (name, help, count) in counts {
        registry.register(name, help, ConstCounter::new(count));
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of a job are far below 2^53"
    )]
    let throttled = figures.throttled_ms as f64 / 1000.0;
    registry.register(
        "absctl_throttled_seconds",
        "Time that workers waited because of limits, added up",
        ConstCounter::new(throttled),
    );
}
