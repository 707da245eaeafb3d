//! Refusals of the argument parser in our own words: one line and a hint.

use crate::app::error::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Commands that stand behind other commands, before all flags.
const COMMANDS_OF_COMMANDS: [&str; 1] = ["xdr"];

/// The error for what clap has refused.
pub(crate) fn of(error: &clap::Error) -> Error {
    let invalid = || context(error, ContextKind::InvalidArg).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::UnknownArgument if invalid().starts_with('-') => {
            format!("unknown flag: {}", invalid())
        }
        ErrorKind::UnknownArgument => unexpected(&invalid()),
        ErrorKind::ArgumentConflict => match context(error, ContextKind::InvalidSubcommand) {
            // A stray word behind flags, where a command of a command could stand.
            Some(name) if !COMMANDS_OF_COMMANDS.contains(&name.as_str()) => unexpected(&name),
            _ => first_paragraph(&error.render().to_string()),
        },
        ErrorKind::InvalidSubcommand => {
            let name = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("unknown command {name:?} for \"absctl\"")
        }
        _ => in_our_words(&first_paragraph(&error.render().to_string()), error),
    };
    let hint = suggestion(error)
        .map(|name| format!("did you mean {name}?"))
        .or_else(|| Some("--help (-Z) lists commands and flags".to_owned()));
    Error::Usage { message, hint }
}

fn unexpected(argument: &str) -> String {
    format!("unexpected argument {argument:?}: all arguments are flags")
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

fn suggestion(error: &clap::Error) -> Option<String> {
    [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand]
        .into_iter()
        .find_map(|kind| context(error, kind))
}

/// What the number parsers of the library say, so that it helps.
fn in_our_words(message: &str, error: &clap::Error) -> String {
    let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
    let is_negative = value.starts_with('-');
    let no_number = match is_negative {
        true => "no number below 0 is possible",
        false => "a whole number is needed",
    };
    let words = [
        ("invalid digit found in string", no_number),
        (
            "number too large to fit in target type",
            "that is too large",
        ),
        (
            "number too small to fit in target type",
            "that is too small",
        ),
        (
            "cannot parse integer from empty string",
            "a whole number is needed",
        ),
    ];
    let reword = |message: String, (theirs, ours): &(&str, &str)| message.replace(theirs, ours);
    words.iter().fold(message.to_owned(), reword)
}

/// What stands before the usage line, as one line.
fn first_paragraph(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}
