//! A configuration file with all keys, their defaults and what they mean.

use super::keys::{self, Key};
use clap::Command;

const HEAD: &str = "\
# Settings of absctl: all keys, with their defaults. An empty text is as good as no key.
# A flag on the command line wins over the environment (ABSCTL_ and the name of the flag in
# capitals, such as ABSCTL_LOG_JSON), that over this file. Secrets: see --help of --password.
";

/// Sections of the first level in the order in which they are wanted.
const ORDER: [&str; 11] = [
    "app",
    "cluster",
    "backup",
    "restore",
    "convert",
    "compression",
    "encryption",
    "secret-agent",
    "aws",
    "gcp",
    "azure",
];

/// Width of a comment.
const WIDTH: usize = 96;

/// The file.
pub(crate) fn example(root: &Command) -> String {
    let mut keys = keys::all(root);
    let place = |key: &Key| {
        let section = key.path.split('.').next().unwrap_or_default();
        ORDER
            .iter()
            .position(|name| *name == section)
            .unwrap_or(ORDER.len())
    };
    keys.sort_by_key(place);
    let keys: Vec<&Key> = keys.iter().collect();
    let mut text = HEAD.to_owned();
    section(&mut text, &keys, "", 0);
    text
}

/// The keys below `parent`, those without a section of their own first.
fn section(text: &mut String, keys: &[&Key], parent: &str, level: usize) {
    let indent = "  ".repeat(level);
    let (mut written, mut sections) = (Vec::new(), Vec::new());
    for key in keys {
        let Some(rest) = key.path.strip_prefix(parent) else {
            continue;
        };
        match rest.split_once('.') {
            Some((name, _)) if !sections.contains(&name) => sections.push(name),
            Some(_) => {}
            // A key of both commands is there twice.
            None if written.contains(&rest) => {}
            None => {
                written.push(rest);
                let help = key
                    .flag
                    .get_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                comment(text, &indent, &help);
                *text += &format!("{indent}{rest}: {}\n", default(key));
            }
        }
    }
    for name in sections {
        if level == 0 {
            text.push('\n');
        }
        *text += &format!("{indent}{name}:\n");
        section(text, keys, &format!("{parent}{name}."), level + 1);
    }
}

/// The text as lines of a comment that fit on a screen.
fn comment(text: &mut String, indent: &str, help: &str) {
    let mut line = String::new();
    for word in help.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + word.len() > WIDTH {
            *text += &format!("{indent}#{line}\n");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    *text += &format!("{indent}#{line}\n");
}

fn default(key: &Key) -> String {
    let values = key.flag.get_default_values();
    let text = values
        .first()
        .map(|value| value.to_string_lossy().into_owned());
    match text {
        _ if key.long() == "host" => "[{host: 127.0.0.1, tls-name: \"\", port: 3000}]".to_owned(),
        Some(text) => text,
        None if keys::is_switch(&key.flag) => "false".to_owned(),
        None if keys::is_list(&key.flag) || keys::is_lines(&key.flag) => "[]".to_owned(),
        None => "\"\"".to_owned(),
    }
}
