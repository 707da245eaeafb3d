//! What the rest of the program says, in the words of the old tools: messages name our flags, and
//! whoever typed `--set` should not read of `--set-list`.

use super::{Personality, table};
use crate::app::{cli, config};
use std::collections::BTreeMap;

/// The text with the names of flags as the tool has them. One that it does not have is called by
/// its variable, by which it can be set all the same.
pub(crate) fn in_old_words(personality: Personality, text: &str) -> String {
    let mut parts = text.split("--");
    let mut said = parts.next().unwrap_or_default().to_owned();
    if said.len() == text.len() {
        return said; // most lines
    }
    let words = words(personality);
    for part in parts {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        // Names end before a line that ends in one.
        let (name, dashes) = (name.trim_end_matches('-'), trailing_dashes(name));
        match words.get(name).filter(|_| follows_a_gap(&said)) {
            Some((word, letter)) => {
                said += word;
                said += dashes;
                said += &with_letter(rest, *letter);
            }
            None => {
                said += "--";
                said += part;
            }
        }
    }
    said
}

fn trailing_dashes(name: &str) -> &str {
    name.get(name.trim_end_matches('-').len()..)
        .unwrap_or_default()
}

/// Whether a name can begin after this text.
fn follows_a_gap(text: &str) -> bool {
    !text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
}

/// The text with another letter at its beginning, where there is one: ` (-s)`.
fn with_letter(text: &str, letter: Option<char>) -> String {
    let after = text.strip_prefix(" (-").and_then(|rest| rest.get(1..));
    match (after.and_then(|rest| rest.strip_prefix(')')), letter) {
        (None, _) => text.to_owned(),
        (Some(rest), None) => rest.to_owned(),
        (Some(rest), Some(letter)) => format!(" (-{letter}){rest}"),
    }
}

/// What our flags are called, and their letters.
fn words(personality: Personality) -> BTreeMap<String, (String, Option<char>)> {
    let mut words = BTreeMap::new();
    let root = cli::root();
    let ours = root.find_subcommand(personality.command());
    for flag in ours.into_iter().flat_map(clap::Command::get_arguments) {
        let long = flag.get_long().unwrap_or_default();
        words.extend(config::variable(long).map(|name| (long.to_owned(), (name, None))));
    }
    // The first option is the one that is meant.
    let rows: Vec<_> = table::rows(personality).collect();
    for row in rows.into_iter().rev() {
        let word = (format!("--{}", row.long), row.short);
        words.extend(row.flag().map(|flag| (flag.to_owned(), word.clone())));
        words.insert(row.long.to_owned(), word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_names_that_were_typed() {
        let check = |personality, text: &str, expected: &str| {
            assert_eq!(in_old_words(personality, text), expected);
        };
        let backup = Personality::Backup;
        check(
            backup,
            "--set-list (-s): a is there twice",
            "--set (-s): a is there twice",
        );
        check(
            backup,
            "--bandwidth (-N) and --no-udfs",
            "--nice (-N) and --no-udfs",
        );
        check(
            backup,
            "continued with --continue a--b",
            "continued with --continue a--b",
        );
        check(backup, "try --remove-early.", "try ABSCTL_REMOVE_EARLY.");
        let restore = Personality::Restore;
        check(restore, "--apply-metadata-last=x", "--indexes-last=x");
        check(restore, "--parallel (-w) is", "--parallel (-t) is");
        check(restore, "--bandwidth (-N): no", "--nice (-N): no");
        check(restore, "--help (-Z)", "--help (-Z)");
        check(restore, "---- and --", "---- and --");
    }
}
