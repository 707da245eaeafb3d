//! A configuration file: from keys with their lines to flags with values.

use super::{
    keys::{self, Key},
    yaml::{self, Content, Entry, Flaw, Node},
};
use std::{fs, net::Ipv6Addr, path::Path};

/// What a file says for one flag of one command.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: Key,
    /// What would stand behind the flag.
    pub(super) text: String,
    pub(super) line: usize,
}

/// What a file says. `Err` holds everything that is wrong with it, each with the place.
pub(super) fn read(path: &Path, known: &[Key]) -> Result<Vec<Setting>, Vec<String>> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| vec![format!("--config: cannot read {shown}: {error}")])?;
    let place = |flaw: Flaw| format!("{shown}:{}: {}", flaw.line, flaw.what);
    let document = yaml::parse(&text).map_err(|flaw| vec![place(flaw)])?;
    let Some(node) = document else {
        return Err(vec![format!("{shown} is empty: no section, no key")]);
    };
    let mut walk = Walk {
        known,
        settings: Vec::new(),
        flaws: Vec::new(),
    };
    walk.section("", &node);
    if walk.flaws.is_empty() {
        Ok(walk.settings)
    } else {
        Err(walk.flaws.into_iter().map(place).collect())
    }
}

struct Walk<'a> {
    known: &'a [Key],
    settings: Vec<Setting>,
    flaws: Vec<Flaw>,
}

impl Walk<'_> {
    fn section(&mut self, path: &str, node: &Node) {
        match &node.content {
            Content::Map(entries) => entries.iter().for_each(|entry| self.entry(path, entry)),
            _ if node.is_null() => {}
            _ if path.is_empty() => self.flaw(node.line, "sections are needed, such as backup:"),
            _ => self.flaw(
                node.line,
                format!("{path} is a section: keys belong below it"),
            ),
        }
    }

    fn entry(&mut self, parent: &str, entry: &Entry) {
        let path = match parent {
            "" => entry.key.clone(),
            _ => format!("{parent}.{}", entry.key),
        };
        let found: Vec<Key> = self
            .known
            .iter()
            .filter(|key| key.path == path)
            .cloned()
            .collect();
        let Some(first) = found.first() else {
            if self.known.iter().any(|key| is_below(&key.path, &path)) {
                return self.section(&path, &entry.value);
            }
            let hint = self.suggestion(parent, &entry.key);
            return self.flaw(entry.line, format!("unknown key {path}{hint}"));
        };
        match value(first, &entry.value) {
            Ok(None) => {}
            Ok(Some(text)) => {
                let line = entry.line;
                let setting = |key| Setting {
                    key,
                    text: text.clone(),
                    line,
                };
                self.settings.extend(found.into_iter().map(setting));
            }
            Err(flaw) => self
                .flaws
                .push(Flaw::new(flaw.line, format!("{path}: {}", flaw.what))),
        }
    }

    fn flaw(&mut self, line: usize, what: impl Into<String>) {
        self.flaws.push(Flaw::new(line, what));
    }

    /// A key of the same section that looks alike, or the same one in another section.
    fn suggestion(&self, parent: &str, name: &str) -> String {
        let beside = self.known.iter().filter_map(|key| match parent {
            "" => key.path.split('.').next(),
            _ => key
                .path
                .strip_prefix(parent)?
                .strip_prefix('.')?
                .split('.')
                .next(),
        });
        if let Some(near) = super::nearest(name, beside) {
            return format!("; did you mean {near}?");
        }
        let same = |key: &&Key| key.long() == name || key.path.rsplit('.').next() == Some(name);
        self.known
            .iter()
            .find(same)
            .map_or_else(String::new, |key| format!("; it is {} in a file", key.path))
    }
}

fn is_below(path: &str, section: &str) -> bool {
    path.strip_prefix(section)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// The value as it would be typed; `None` where the file says nothing, as an empty text does.
fn value(key: &Key, node: &Node) -> Result<Option<String>, Flaw> {
    if node.is_null() {
        return Ok(None);
    }
    let text = match &node.content {
        Content::List(nodes) if key.long() == "host" => joined(nodes, |_, node| seed(node), key)?,
        Content::List(nodes) if keys::is_lines(&key.flag) => lines(nodes)?,
        Content::List(nodes) if keys::is_list(&key.flag) => joined(nodes, element, key)?,
        Content::List(_) => return Err(Flaw::new(node.line, "one value is needed, not a list")),
        Content::Map(_) => return Err(Flaw::new(node.line, "a value is needed, not a section")),
        Content::Scalar { text, is_plain } if keys::is_switch(&key.flag) => {
            truth(text, *is_plain).ok_or_else(|| Flaw::new(node.line, "true or false is needed"))?
        }
        Content::Scalar { text, .. } => text.clone(),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The words that YAML has had for true and false over the years.
fn truth(text: &str, is_plain: bool) -> Option<String> {
    let is_true = match text.to_ascii_lowercase().as_str() {
        _ if !is_plain => return None,
        "true" | "yes" | "on" | "y" => true,
        "false" | "no" | "off" | "n" => false,
        _ => return None,
    };
    Some(is_true.to_string())
}

fn joined(
    nodes: &[Node],
    one: impl Fn(&Key, &Node) -> Result<String, Flaw>,
    key: &Key,
) -> Result<String, Flaw> {
    let texts: Result<Vec<_>, _> = nodes.iter().map(|node| one(key, node)).collect();
    Ok(texts?.join(","))
}

/// The elements in lines of their own.
fn lines(nodes: &[Node]) -> Result<String, Flaw> {
    let line = |node: &Node| match &node.content {
        Content::Scalar { text, .. } if !text.is_empty() && !text.contains('\n') => {
            Ok(text.clone())
        }
        _ => Err(Flaw::new(
            node.line,
            "a list of texts of one line is needed",
        )),
    };
    let lines: Result<Vec<_>, _> = nodes.iter().map(line).collect();
    Ok(lines?.join("\n"))
}

/// An element of a list. Names of sets and bins may hold commas, and stand in quotes then.
fn element(key: &Key, node: &Node) -> Result<String, Flaw> {
    let wrong = |what: &str| Err(Flaw::new(node.line, what));
    let Content::Scalar { text, .. } = &node.content else {
        return wrong("a list of texts or numbers is needed");
    };
    let is_named = matches!(key.long(), "set-list" | "bin-list");
    match text.as_str() {
        "" => wrong("an element is empty"),
        _ if !text.contains(',') => Ok(text.clone()),
        _ if !is_named => wrong("an element holds a comma"),
        _ if !text.contains('\'') => Ok(format!("'{text}'")),
        _ if !text.contains('"') => Ok(format!("\"{text}\"")),
        _ => wrong("an element holds a comma and both kinds of quotes"),
    }
}

/// `{host, tls-name, port}` as `HOST:TLSNAME:PORT`, or that text itself.
fn seed(node: &Node) -> Result<String, Flaw> {
    let wrong = |line, what: &str| Flaw::new(line, what);
    let entries = match &node.content {
        Content::Map(entries) => entries,
        Content::Scalar { text, .. } => return Ok(text.clone()),
        Content::List(_) => return Err(wrong(node.line, "a host is needed, not a list")),
    };
    let (mut host, mut rest) = (String::new(), [String::new(), String::new()]);
    for entry in entries {
        let Content::Scalar { text, .. } = &entry.value.content else {
            return Err(wrong(
                entry.line,
                "host, tls-name and port are single values",
            ));
        };
        let text = if entry.value.is_null() { "" } else { text };
        match entry.key.as_str() {
            "host" if text.parse::<Ipv6Addr>().is_ok() => host = format!("[{text}]"),
            "host" => text.clone_into(&mut host),
            "tls-name" => text.clone_into(&mut rest[0]),
            "port" => text.clone_into(&mut rest[1]),
            key => {
                let near = super::nearest(key, ["host", "tls-name", "port"].into_iter());
                let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
                return Err(Flaw::new(entry.line, format!("unknown key {key}{hint}")));
            }
        }
    }
    if host.is_empty() {
        return Err(wrong(node.line, "a seed needs a host"));
    }
    let rest = rest.iter().filter(|part| !part.is_empty());
    Ok(rest.fold(host, |text, part| text + ":" + part))
}
