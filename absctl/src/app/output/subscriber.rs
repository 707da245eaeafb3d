//! From the events of our crates to log lines.

use super::{
    line::{Field, Value},
    log::{self, LogSettings},
};
use std::fmt;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field as Name, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::layer::{Context, Layer};

/// The crates that are heard. Others might tell more than is good for a log: requests with their
/// headers, for example. What matters of theirs arrives as an error of ours.
const OURS: [&str; 8] = [
    "absctl",
    "aerospike_wire",
    "asb_format",
    "asbx_format",
    "backup_",
    "demo",
    "net_tls",
    "secret_agent",
];

/// The crate whose level can be another one.
const STORAGE: &str = "backup_storage";

/// Hears events up to a level.
#[derive(Debug)]
pub(super) struct Events {
    level: LevelFilter,
    storage: LevelFilter,
}

impl Events {
    pub(super) fn of(settings: &LogSettings) -> Self {
        let level = LevelFilter::from(settings.level);
        Self {
            level,
            storage: settings.storage.unwrap_or(level),
        }
    }

    fn hears(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = |name: &&str| metadata.target().starts_with(*name);
        let level = match metadata.target().starts_with(STORAGE) {
            true => self.storage,
            false => self.level,
        };
        *metadata.level() <= level && OURS.iter().any(is_ours)
    }
}

impl<S: Subscriber> Layer<S> for Events {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.hears(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.hears(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.max(self.storage))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut found = Found::default();
        event.record(&mut found);
        let level = *event.metadata().level();
        log::write_event(level, &found.message, found.fields);
    }
}

#[derive(Default)]
struct Found {
    message: String,
    fields: Vec<Field>,
}

impl Found {
    fn add(&mut self, name: &Name, value: Value) {
        self.fields.push((name.name().to_owned(), value));
    }
}

impl Visit for Found {
    fn record_debug(&mut self, name: &Name, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if name.name() == "message" {
            self.message = text;
        } else {
            self.add(name, Value::Text(text));
        }
    }

    fn record_str(&mut self, name: &Name, value: &str) {
        self.add(name, Value::Text(value.to_owned()));
    }

    fn record_u64(&mut self, name: &Name, value: u64) {
        self.add(name, Value::Count(value));
    }

    fn record_i64(&mut self, name: &Name, value: i64) {
        self.add(name, Value::Signed(value));
    }

    fn record_bool(&mut self, name: &Name, value: bool) {
        self.add(name, Value::Truth(value));
    }
}
