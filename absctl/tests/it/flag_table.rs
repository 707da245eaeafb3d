//! The walk over the table of all flags (`tests/data/flags.txt`): what the program lists and what
//! the table lists is the same, and every row holds.

use crate::support::{Run, absctl, command};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::Path,
};
use tempfile::tempdir;

const TABLE: &str = include_str!("../data/flags.txt");

/// The commands of the table, by their letters.
const COMMANDS: [(char, &str); 4] = [
    ('B', "backup"),
    ('R', "restore"),
    ('X', "backup xdr"),
    ('C', "convert"),
];

/// A row of the table.
#[derive(Debug)]
struct Row {
    commands: &'static str,
    short: Option<&'static str>,
    long: &'static str,
    aliases: Vec<&'static str>,
    /// What it can be given; empty for help and version.
    value: &'static str,
    is_secret: bool,
    default: &'static str,
    refused: Vec<&'static str>,
    /// Where it stands in a file; `None` if it cannot.
    key: Option<&'static str>,
    group: &'static str,
    excludes: Vec<&'static str>,
    shown_by: &'static str,
}

impl Row {
    fn parse(line: &'static str) -> Self {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let columns: [&str; 9] = columns.try_into().expect(line);
        let [
            commands,
            names,
            value,
            default,
            refused,
            key,
            group,
            excludes,
            shown_by,
        ] = columns;
        let (longs, shorts): (Vec<_>, Vec<_>) = names
            .split_whitespace()
            .partition(|name| name.starts_with("--"));
        Self {
            commands,
            short: shorts.first().copied(),
            long: longs[0],
            aliases: longs[1..].to_vec(),
            value: value.trim_start_matches('!'),
            is_secret: value.starts_with('!'),
            default,
            refused: refused.split_whitespace().collect(),
            key: Some(key).filter(|key| *key != "-"),
            group,
            excludes: excludes.split_whitespace().collect(),
            shown_by,
        }
    }

    fn name(&self) -> &'static str {
        self.long.trim_start_matches("--")
    }

    fn variable(&self) -> String {
        let name = self.name().to_uppercase().replace('-', "_");
        format!("ABSCTL_{name}")
    }

    fn is_switch(&self) -> bool {
        self.value == "true"
    }

    fn is_setting(&self) -> bool {
        !self.value.is_empty()
    }

    /// The flag under one of its names, as one argument.
    fn typed(&self, name: &str) -> String {
        match self.is_switch() {
            true => name.to_owned(),
            false => format!("{name}={}", self.value),
        }
    }

    /// What `config show` says of the value in the table.
    fn shown(&self) -> &'static str {
        if self.is_secret {
            "(hidden)"
        } else {
            self.value
        }
    }
}

fn table() -> Vec<Row> {
    let lines = TABLE.lines();
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Row::parse)
        .collect()
}

fn rows_of(letter: char) -> Vec<Row> {
    let mut rows = table();
    rows.retain(|row| row.commands.contains(letter));
    rows
}

/// Runs a line without the variables that other tests need.
fn run(line: &str, more: &[String], variables: &[(String, String)]) -> Run {
    let words: Vec<&str> = line.split_whitespace().collect();
    let words = words.iter().map(|word| word as &dyn AsRef<OsStr>);
    let more = more.iter().map(|word| word as &dyn AsRef<OsStr>);
    let args: Vec<&dyn AsRef<OsStr>> = words.chain(more).collect();
    let mut command = command(&args);
    command.env_remove("ABSCTL_FORECAST_SAMPLES");
    Run::of(command.envs(variables.iter().cloned()))
}

/// Values and origins of all settings of a command, by flag.
fn settings(
    name: &str,
    more: &[String],
    variables: &[(String, String)],
) -> BTreeMap<String, (String, String)> {
    let run = run(&format!("config show {name}"), more, variables).succeeds();
    let text = String::from_utf8(run.stdout).expect("UTF-8");
    let parts = |line: &str| {
        // A value may hold single blanks; columns are two blanks apart.
        let mut columns = line
            .split("  ")
            .map(str::trim)
            .filter(|one| !one.is_empty());
        let mut next = || columns.next().expect(line).to_owned();
        (next(), (next(), next()))
    };
    text.lines().map(parts).collect()
}

/// Flags of the help with their groups: group, short form, long form.
fn listed(name: &str) -> BTreeSet<(String, Option<String>, String)> {
    let help = run(&format!("{name} -Z"), &[], &[]).succeeds();
    assert_eq!(help.stderr, "");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let (mut group, mut found) = (String::new(), BTreeSet::new());
    for line in help.lines() {
        if let Some(heading) = line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
            heading.clone_into(&mut group);
            continue;
        }
        let Some(start) = flag_line(line) else {
            continue;
        };
        let words = start.split([' ', '=', '[', ',']);
        let (longs, shorts): (Vec<_>, Vec<_>) = words
            .filter(|word| word.starts_with('-'))
            .partition(|word| word.starts_with("--"));
        let short = shorts.first().map(|&short| short.to_owned());
        found.insert((group.clone(), short, longs[0].to_owned()));
    }
    found
}

/// The names of a flag, on a line of the help that begins with them.
fn flag_line(line: &str) -> Option<&str> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let names = text.split("  ").next().unwrap_or_default();
    (text.starts_with('-') && indent <= 6 && names.contains("--")).then_some(names)
}

#[test]
fn the_help_lists_what_the_table_lists() {
    for (letter, name) in COMMANDS {
        let rows = rows_of(letter);
        let expected: BTreeSet<_> = rows
            .iter()
            .map(|row| {
                let short = row.short.map(str::to_owned);
                (row.group.to_owned(), short, row.long.to_owned())
            })
            .collect();
        let listed = listed(name);
        let only = |one: &BTreeSet<_>, other: &BTreeSet<_>| -> Vec<String> {
            one.difference(other)
                .map(|flag| format!("{flag:?}"))
                .collect()
        };
        assert_eq!(
            only(&listed, &expected),
            [""; 0],
            "{name}: not in the table"
        );
        assert_eq!(only(&expected, &listed), [""; 0], "{name}: not in the help");
        assert_eq!(rows.len(), expected.len(), "{name}: a row is there twice");
    }
}

#[test]
fn every_flag_has_its_default() {
    for (letter, name) in COMMANDS {
        let settings = settings(name, &[], &[]);
        for row in rows_of(letter).iter().filter(|row| row.is_setting()) {
            let (value, origin) = &settings[row.name()];
            assert_eq!((&**value, &**origin), (row.default, "default"), "{row:?}");
        }
    }
}

#[test]
fn every_flag_is_taken_under_all_its_names() {
    for (letter, name) in COMMANDS {
        let rows = rows_of(letter);
        let check = |name_of: &dyn Fn(&Row) -> Vec<&'static str>| {
            let rows = rows
                .iter()
                .filter(|row| row.is_setting() && row.name() != "config");
            let rows: Vec<_> = rows.filter(|row| !name_of(row).is_empty()).collect();
            let typed = |row: &&Row| {
                name_of(row)
                    .into_iter()
                    .map(|name| row.typed(name))
                    .collect()
            };
            let typed: Vec<String> = rows
                .iter()
                .flat_map(|row| -> Vec<_> { typed(row) })
                .collect();
            let settings = settings(name, &typed, &[]);
            for row in rows {
                let found = settings[row.name()].clone();
                let expected = (row.shown().to_owned(), "command line".to_owned());
                assert_eq!(found, expected, "{name} {row:?}");
            }
        };
        check(&|row| vec![row.long]);
        check(&|row| row.short.into_iter().collect());
        check(&|row| row.aliases.clone());
    }
}

#[test]
fn every_flag_has_a_variable() {
    for (letter, name) in COMMANDS {
        let rows = rows_of(letter);
        let rows = rows
            .iter()
            .filter(|row| row.is_setting() && row.name() != "config");
        let rows: Vec<_> = rows.collect();
        let variables = rows
            .iter()
            .map(|row| (row.variable(), row.value.to_owned()));
        let settings = settings(name, &[], &variables.collect::<Vec<_>>());
        for row in rows {
            let found = settings[row.name()].clone();
            assert_eq!(found, (row.shown().to_owned(), row.variable()), "{row:?}");
        }
    }
}

/// Sections and keys of a configuration file.
#[derive(Debug, Default)]
struct Section {
    keys: BTreeMap<String, String>,
    below: BTreeMap<String, Self>,
}

impl Section {
    fn insert(&mut self, path: &str, value: String) {
        match path.split_once('.') {
            Some((section, rest)) => {
                let below = self.below.entry(section.to_owned()).or_default();
                below.insert(rest, value);
            }
            None => drop(self.keys.insert(path.to_owned(), value)),
        }
    }

    fn write(&self, indent: &str, text: &mut String) {
        for (key, value) in &self.keys {
            *text += &format!("{indent}{key}: {value}\n");
        }
        for (name, section) in &self.below {
            *text += &format!("{indent}{name}:\n");
            section.write(&format!("{indent}  "), text);
        }
    }
}

#[test]
fn every_flag_has_a_key() {
    let place = tempdir().expect("directory");
    let path = place.path().join("absctl.yaml");
    for (letter, name) in COMMANDS {
        let section = name.split(' ').next().expect("name");
        let rows = rows_of(letter);
        let keyed = rows.iter().filter_map(|row| {
            let key = row.key?;
            let key = key
                .strip_prefix("*.")
                .map_or_else(|| key.to_owned(), |key| format!("{section}.{key}"));
            Some((row, key))
        });
        let keyed: Vec<_> = keyed.collect();
        let mut file = Section::default();
        for (row, key) in &keyed {
            let value = match row.name() {
                "host" => "[{host: db.example, tls-name: name, port: 4333}]".to_owned(),
                _ if row.is_switch() => row.value.to_owned(),
                _ => format!("\"{}\"", row.value),
            };
            file.insert(key, value);
        }
        let mut text = String::new();
        file.write("", &mut text);
        fs::write(&path, text).expect("file");
        let more = ["--config".to_owned(), path.display().to_string()];
        let settings = settings(name, &more, &[]);
        for (row, key) in keyed {
            let (value, origin) = &settings[row.name()];
            assert_eq!(value, row.shown(), "{row:?}");
            assert!(origin.ends_with(&format!("({key})")), "{origin}: {row:?}");
        }
    }
}

/// All at once: what is wrong with variables is said of each.
#[test]
fn wrong_values_are_refused_by_name() {
    for (letter, name) in COMMANDS {
        let rows = rows_of(letter);
        let most = rows.iter().map(|row| row.refused.len()).max().unwrap_or(0);
        for round in 0..most {
            let wrong = rows
                .iter()
                .filter_map(|row| Some((row, *row.refused.get(round)?)));
            let wrong: Vec<_> = wrong.collect();
            let variables = wrong
                .iter()
                .map(|(row, value)| (row.variable(), (*value).to_owned()));
            let variables: Vec<_> = variables.collect();
            let line = format!("{name} -n test -d /nowhere");
            let refused = run(&line, &[], &variables).fails(1, "");
            let said: Vec<_> = refused.stderr.split("; ").collect();
            for (row, value) in wrong {
                let start = format!("{}: ", row.variable());
                let about = said
                    .iter()
                    .find(|said| said.trim_start_matches("error: ").starts_with(&start));
                let about = about.unwrap_or_else(|| panic!("{value} for {row:?} in {refused:?}"));
                assert!(
                    about.contains(row.long) && about.contains(value),
                    "{about}: {row:?}"
                );
                assert!(!about.contains("in string"), "{about} is no help");
            }
        }
    }
}

#[test]
fn pairs_that_exclude_each_other_are_refused_by_both_names() {
    const PLACES: [&str; 7] = [
        "--directory",
        "--output-file",
        "--input-file",
        "--directory-list",
        "--estimate",
        "--remove-artifacts",
        "--output-file-prefix",
    ];
    for (letter, name) in COMMANDS {
        for row in rows_of(letter) {
            for other in &row.excludes {
                let flag = row.typed(row.long);
                let other_name = other.split('=').next().expect("name");
                let mut args = vec![flag, (*other).to_owned()];
                let is_placed = PLACES
                    .iter()
                    .any(|place| [row.long, other_name].contains(place));
                if !is_placed {
                    args.push("--directory=/nowhere/at/all".to_owned());
                }
                if row.name() == "password-command" {
                    args.push("--user=me".to_owned());
                }
                let refused = run(&format!("{name} -n test"), &args, &[]).fails(1, row.long);
                let refused = refused.at_once();
                assert!(refused.stderr.contains(other_name), "{args:?}: {refused:?}");
            }
        }
    }
}

/// The functions of a test module that are tests, and all its text.
fn tests_of(module: &str) -> Option<(BTreeSet<String>, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let text = fs::read_to_string(folder.join(format!("{module}.rs"))).ok()?;
    let tests = text.split("#[test]\n").skip(1).filter_map(|rest| {
        let rest = rest.trim_start().strip_prefix("fn ")?;
        Some(rest.split('(').next()?.to_owned())
    });
    Some((tests.collect(), text))
}

/// What a flag does is seen in a run of the program, by a test that the table names.
#[test]
fn every_flag_has_a_test_that_shows_its_effect() {
    let mut missing = Vec::new();
    for row in &table() {
        let Some((module, test)) = row.shown_by.split_once("::") else {
            missing.push(format!("{}: no test", row.long));
            continue;
        };
        let Some((tests, text)) = tests_of(module) else {
            missing.push(format!("{}: no module {module}", row.long));
            continue;
        };
        if !tests.contains(test) {
            missing.push(format!("{}: no test {}", row.long, row.shown_by));
        }
        let short = row.short.unwrap_or("--");
        let names = row.aliases.iter().chain([&row.long]);
        let is_there = names.into_iter().any(|name| text.contains(name))
            || text.contains(&format!("\"{short}"))
            || text.contains(&format!(" {short} "));
        if !is_there {
            missing.push(format!("{}: {module} does not speak of it", row.long));
        }
    }
    assert_eq!(missing, [""; 0]);
}

#[test]
fn an_unknown_flag_is_refused_by_all_commands() {
    for (_, name) in COMMANDS {
        let words: Vec<_> = name.split(' ').chain(["--no-such-flag"]).collect();
        let args: Vec<&dyn AsRef<OsStr>> = words.iter().map(|word| word as _).collect();
        absctl(&args).fails(1, "unknown flag: --no-such-flag");
    }
}
