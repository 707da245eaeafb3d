//! From old options to flags of `absctl`.

use super::{
    Personality,
    row::{Preset, Row, Takes, To},
    table,
    values::{From, Given, Values},
};
use crate::app::{
    config::{Found, Origin},
    error::Error,
};
use std::ffi::{OsStr, OsString};

/// What stands in front of a reference to a secret.
const SECRET: &str = "secrets:";

/// A command line of `absctl`.
#[derive(Debug, Default)]
pub(super) struct Translated {
    /// What was typed.
    pub(super) typed: Vec<OsString>,
    /// What files say and what the tool takes by itself, the more important ones first.
    pub(super) below: Vec<Found>,
    pub(super) warnings: Vec<String>,
}

/// Adds what the tool takes by itself where nobody says anything.
pub(super) fn with_presets(personality: Personality, mut all: Vec<Given>) -> Vec<Given> {
    let mut presets = Vec::new();
    for row in table::rows(personality) {
        let value = match row.preset {
            _ if all.iter().any(|given| given.row.long == row.long) => continue,
            Preset::Ours => continue,
            Preset::This(value) => value,
            Preset::By(choose) => choose(&Values(&all)),
        };
        presets.push(Given {
            row,
            value: Some(value.into()),
            from: From::Preset,
        });
    }
    all.append(&mut presets);
    all
}

/// The flags for options that were given once each. Everything that is wrong with them is said at
/// once.
pub(super) fn translate(all: &[Given]) -> Result<Translated, Error> {
    let (mut made, mut wrong) = (Translated::default(), Vec::new());
    for given in all {
        if let Err(why) = add(given, &Values(all), &mut made) {
            wrong.push(why);
        }
    }
    if !wrong.is_empty() {
        return Err(Error::usage(wrong.join("; ")));
    }
    // Files before presets, so that the first one found counts.
    made.below
        .sort_by_key(|found| found.origin == Origin::Default);
    Ok(made)
}

fn add(given: &Given, all: &Values<'_>, made: &mut Translated) -> Result<(), String> {
    let shown = || shown(given);
    let value = given.value.as_deref();
    check(given.row, value.unwrap_or_default()).map_err(|why| format!("{}: {why}", shown()))?;
    let flags = match given.row.to {
        To::Before | To::Always => return Ok(()),
        To::Refused(why) => return Err(format!("{} is not possible: {why}", shown())),
        To::Nothing(why) => {
            made.warnings
                .push(format!("{} has no effect: {why}", shown()));
            return Ok(());
        }
        To::Same => vec![(given.row.long, given.value.clone())],
        To::Flag(flag) => vec![(flag, given.value.clone())],
        To::Made(_, make) => {
            let flags = make(value.unwrap_or_default(), all);
            let flags = flags.map_err(|why| format!("{}: {why}", shown()))?;
            let flags = flags.into_iter();
            flags.map(|(flag, value)| (flag, Some(value))).collect()
        }
    };
    for (flag, value) in flags {
        put(given, flag, value, made);
    }
    Ok(())
}

fn put(given: &Given, flag: &str, value: Option<OsString>, made: &mut Translated) {
    let value = match given.row.takes {
        Takes::Nothing => Some(value.unwrap_or_else(|| "true".into())),
        _ => value,
    };
    let origin = match &given.from {
        From::CommandLine => {
            made.typed.push(token(flag, value.as_deref()));
            return;
        }
        From::Preset => Origin::Default,
        From::File { file, line, key } => Origin::File {
            file: file.clone(),
            line: *line,
            key: key.clone(),
        },
    };
    let token = token(flag, value.as_deref());
    made.below.push(Found::made(flag, token, origin));
}

fn token(flag: &str, value: Option<&OsStr>) -> OsString {
    let mut token = OsString::from(format!("--{flag}"));
    if let Some(value) = value {
        token.push("=");
        token.push(value);
    }
    token
}

/// How messages call an option: by its name, or by its place in a file.
fn shown(given: &Given) -> String {
    match &given.from {
        From::CommandLine | From::Preset => given.row.shown(),
        From::File { file, line, key } => format!("{}:{line}: {key}", file.display()),
    }
}

/// What speaks against a value.
fn check(row: &Row, value: &OsStr) -> Result<(), String> {
    let text = value.to_str();
    if text.is_some_and(|text| text.starts_with(SECRET)) {
        return match takes_secret(row) {
            true => Ok(()),
            false => Err(
                "secrets are possible for hosts, port, user, password, TLS and \
                          encryption keys"
                    .to_owned(),
            ),
        };
    }
    match row.takes {
        Takes::Number(_, least, most) => {
            let number = text.and_then(|text| text.parse::<u64>().ok());
            let fits = number.is_some_and(|number| (least..=most).contains(&number));
            let range = match most {
                _ if most >= u64::from(u32::MAX) => format!("a number from {least} on is needed"),
                _ => format!("a number from {least} to {most} is needed"),
            };
            fits.then_some(()).ok_or(range)
        }
        _ => Ok(()),
    }
}

fn takes_secret(row: &Row) -> bool {
    const OTHERS: [&str; 6] = [
        "host",
        "port",
        "user",
        "password",
        "encryption-key-file",
        "encryption-key-env",
    ];
    matches!(row.flag(), Some(flag) if flag.starts_with("tls-") || OTHERS.contains(&flag))
}
