//! The settings of a run for people: each with its value and where it is from.

use super::layers::{Layers, Origin};
use crate::app::cli::is_secret;
use clap::{Arg, ArgMatches};

/// A setting, its value as it may be shown, and where that is from.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) flag: String,
    pub(crate) value: String,
    pub(crate) origin: String,
    /// Whether somebody has set it.
    pub(crate) is_set: bool,
}

/// All settings of a command.
pub(crate) fn settings(layers: &Layers) -> Vec<Shown> {
    let mut matches = &layers.matches;
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    let shown = layers.command.get_arguments().filter_map(|flag| {
        let long = flag.get_long()?;
        super::keys::variable(long)?;
        let origin = layers.origin(long);
        Some(Shown {
            flag: long.to_owned(),
            value: value(flag, matches),
            origin: origin.to_string(),
            is_set: *origin != Origin::Default,
        })
    });
    shown.collect()
}

fn value(flag: &Arg, matches: &ArgMatches) -> String {
    let raw = matches.try_get_raw(flag.get_id().as_str()).ok().flatten();
    let Some(raw) = raw else {
        return "-".to_owned();
    };
    let texts = raw.map(|text| match text.to_string_lossy() {
        text if is_secret(flag) => masked(flag, &text),
        text => text.replace('\n', ","), // values in lines of their own
    });
    texts.collect::<Vec<_>>().join(",")
}

/// Where a secret is kept may be seen, itself not. What names a file may be seen too.
fn masked(flag: &Arg, text: &str) -> String {
    const PLACES: [&str; 4] = ["env:", "env-b64:", "file:", "secrets:"];
    let is_place = PLACES.iter().any(|place| text.starts_with(place));
    let long = flag.get_long().unwrap_or_default();
    let is_path =
        long.ends_with("file") && !text.starts_with("b64:") && !text.contains("-----BEGIN");
    match text {
        "" => "(asked for)".to_owned(),
        _ if is_place || is_path => text.to_owned(),
        _ => "(hidden)".to_owned(),
    }
}
