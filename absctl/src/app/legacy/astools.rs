//! `astools.conf`: the configuration file of the old tools, which they share with others (`cli.md`
//! §13). Tables of other programs are none of our business.

use super::{
    Personality,
    row::{Row, Section, Takes},
    table,
    values::{From, Given, last_of_each},
};
use crate::app::config::nearest;
use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where such a file lies unless the command line says otherwise.
const SYSTEM: &str = "/etc/aerospike/astools.conf";
/// The same in the home of a user.
const HOME: &str = ".aerospike/astools.conf";

/// How deep files may include each other.
const MOST_LEVELS: usize = 3;

/// What the command line says about files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// One more file.
    pub(crate) file: Option<PathBuf>,
    /// The only file.
    pub(crate) only: Option<PathBuf>,
    /// No file at all.
    pub(crate) none: bool,
    /// What the names of tables end in.
    pub(crate) instance: Option<String>,
}

impl Places {
    /// The files in the order in which they count more and more.
    fn files(&self) -> Result<Vec<PathBuf>, Vec<String>> {
        let exclusive =
            |one: &str, other: &str| Err(vec![format!("{one} and {other} exclude each other")]);
        match (&self.only, &self.file) {
            (Some(_), _) if self.none => exclusive("--no-config-file", "--only-config-file"),
            (_, Some(_)) if self.none => exclusive("--no-config-file", "--config-file"),
            (Some(_), Some(_)) => exclusive("--only-config-file", "--config-file"),
            (Some(only), _) => Ok(vec![only.clone()]),
            _ if self.none => Ok(Vec::new()),
            (None, more) => {
                let home = env::var_os("HOME").filter(|home| !home.is_empty());
                let home = home.map(|home| Path::new(&home).join(HOME));
                let all = [Some(SYSTEM.into()), home, more.clone()];
                Ok(all.into_iter().flatten().collect())
            }
        }
    }
}

/// What the files say, and what the user should know about them.
#[derive(Debug, Default)]
pub(super) struct InFiles {
    pub(super) given: Vec<Given>,
    pub(super) warnings: Vec<String>,
}

/// Reads the files for a tool. `Err` is everything that is wrong with them.
pub(super) fn read(personality: Personality, places: &Places) -> Result<InFiles, Vec<String>> {
    let mut reader = Reader {
        personality,
        instance: places.instance.as_deref(),
        tables: BTreeSet::new(),
        found: InFiles::default(),
        flaws: Vec::new(),
    };
    let named = [&places.file, &places.only];
    for path in places.files()? {
        let is_there = reader.file(&path, 0);
        if !is_there && named.contains(&&Some(path.clone())) {
            let warning = format!("there is no file {}", path.display());
            reader.found.warnings.push(warning);
        }
    }
    if !reader.flaws.is_empty() {
        return Err(reader.flaws);
    }
    reader.look_for_instance();
    reader.found.given = last_of_each(reader.found.given);
    Ok(reader.found)
}

struct Reader<'a> {
    personality: Personality,
    instance: Option<&'a str>,
    /// Names of the tables that were used.
    tables: BTreeSet<String>,
    found: InFiles,
    flaws: Vec<String>,
}

/// A file that is being read.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// The line of a place in the text, from 1.
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().iter().take(at);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    fn flaw(&self, at: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path.display(), self.line(at))
    }
}

impl Reader<'_> {
    /// Takes what a file says, then what those say that it includes. Whether there is such a file.
    fn file(&mut self, path: &Path, level: usize) -> bool {
        let shown = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
            Err(error) => {
                self.flaws.push(format!("cannot read {shown}: {error}"));
                return true;
            }
        };
        let source = Source { path, text: &text };
        let root = match DeTable::parse(&text) {
            Ok(root) => root.into_inner(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                self.flaws.push(source.flaw(at, error.message()));
                return true;
            }
        };
        for section in [Section::Agent, Section::Cluster, Section::Own] {
            self.section(&source, &root, section);
        }
        if let Some((_, include)) = root.iter().find(|(key, _)| key.get_ref() == "include") {
            self.include(&source, include, level);
        }
        true
    }

    /// Takes the table of a section: that of the instance, if there is one.
    fn section(&mut self, source: &Source<'_>, root: &DeTable<'_>, section: Section) {
        let plain = match section {
            Section::Cluster => "cluster",
            Section::Own => self.personality.name(),
            Section::Agent => "secret-agent",
        };
        let of_instance = self.instance.map(|instance| format!("{plain}_{instance}"));
        let has = |name: &String| root.contains_key(name.as_str());
        let name = match of_instance {
            // A cluster is never mistaken for another.
            Some(name) if section == Section::Cluster || has(&name) => name,
            _ => plain.to_owned(),
        };
        let Some((key, value)) = root.get_key_value(name.as_str()) else {
            return;
        };
        self.tables.insert(name.clone());
        let Some(table) = value.get_ref().as_table() else {
            let flaw = source.flaw(key.span().start, &format!("{name} is a table: [{name}]"));
            return self.flaws.push(flaw);
        };
        for (key, value) in table {
            self.entry(source, (section, &name), key, value);
        }
    }

    fn entry(
        &mut self,
        source: &Source<'_>,
        (section, name): (Section, &str),
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let (at, key) = (key.span().start, key.get_ref());
        let rows = || {
            let rows = table::rows(self.personality);
            rows.filter(move |row| row.section == Some(section))
        };
        let is_it = |row: &&Row| {
            let others = row.names().filter(|_| row.key.is_none());
            let mut names = others.chain([row.key()]);
            names.any(|name| name.eq_ignore_ascii_case(key))
        };
        let Some(row) = rows().find(is_it) else {
            let near = nearest(key, rows().map(Row::key));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            let flaw = source.flaw(at, &format!("unknown key {name}.{key}{hint}"));
            return self.flaws.push(flaw);
        };
        match typed(row, value.get_ref()) {
            Ok(text) => self.found.given.push(Given {
                row,
                value: Some(text.into()),
                from: From::File {
                    file: source.path.to_owned(),
                    line: source.line(at),
                    key: format!("{name}.{}", row.key()),
                },
            }),
            Err(why) => {
                let flaw = source.flaw(value.span().start, &format!("{name}.{key}: {why}"));
                self.flaws.push(flaw);
            }
        }
    }

    fn include(&mut self, source: &Source<'_>, include: &Spanned<DeValue<'_>>, level: usize) {
        let Some(table) = include.get_ref().as_table() else {
            let flaw = source.flaw(include.span().start, "include is a table: [include]");
            return self.flaws.push(flaw);
        };
        for (key, value) in table {
            let (at, key) = (key.span().start, key.get_ref().to_ascii_lowercase());
            let flaw = match (key.as_str(), value.get_ref().as_str()) {
                _ if level >= MOST_LEVELS => "files include each other more than 3 deep".to_owned(),
                ("file", Some(path)) => {
                    self.file(Path::new(path), level + 1);
                    continue;
                }
                ("directory", Some(path)) => {
                    self.directory(Path::new(path), level + 1);
                    continue;
                }
                ("file" | "directory", None) => format!("include.{key}: a text is needed"),
                _ => format!("unknown key include.{key}: file and directory are known"),
            };
            self.flaws.push(source.flaw(at, &flaw));
        }
    }

    /// All files of a directory and of those in it, in the order of their names. One that cannot be
    /// used is passed over.
    fn directory(&mut self, path: &Path, level: usize) {
        let mut paths: Vec<PathBuf> = match fs::read_dir(path) {
            Ok(entries) => entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect(),
            Err(error) => {
                let warning = format!("cannot read {}: {error}", path.display());
                return self.found.warnings.push(warning);
            }
        };
        paths.sort();
        for path in paths {
            if path.is_dir() && !path.is_symlink() {
                self.directory(&path, level);
                continue;
            }
            let (flaws, given) = (self.flaws.len(), self.found.given.len());
            self.file(&path, level);
            let wrong = self.flaws.split_off(flaws);
            if !wrong.is_empty() {
                self.found.given.truncate(given);
                let warning = format!("left out: {}", wrong.join("; "));
                self.found.warnings.push(warning);
            }
        }
    }

    /// Without a table of its own, an instance is the cluster on this host.
    fn look_for_instance(&mut self) {
        let Some(instance) = self.instance else {
            return;
        };
        let table = format!("cluster_{instance}");
        if !self.tables.contains(&table) {
            let warning = format!("--instance {instance}: no file has a table [{table}]");
            self.found.warnings.push(warning);
        }
    }
}

/// The value as it would be typed. A reference to a secret may stand for a number, too.
fn typed(row: &Row, value: &DeValue<'_>) -> Result<String, &'static str> {
    let secret = value.as_str().filter(|text| text.starts_with("secrets:"));
    if let Some(secret) = secret {
        return Ok(secret.to_owned());
    }
    match (row.takes, value) {
        (Takes::Nothing, DeValue::Boolean(truth)) => Ok(truth.to_string()),
        (Takes::Nothing, _) => Err("true or false is needed, without quotes"),
        (Takes::Number(..) | Takes::Signed(_), DeValue::Integer(number))
            if number.radix() == 10 =>
        {
            Ok(number.as_str().to_owned())
        }
        (Takes::Number(..) | Takes::Signed(_), _) => {
            Err("a whole number is needed, without quotes")
        }
        (Takes::Text(_) | Takes::Optional(_), DeValue::String(text)) => Ok(text.to_string()),
        (Takes::Text(_) | Takes::Optional(_), _) => Err("a text is needed, in quotes"),
    }
}
