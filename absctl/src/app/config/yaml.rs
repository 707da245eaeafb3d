//! A YAML document with the lines of its parts. Scalars keep the text that was written.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::HashMap;

/// How deep a document may be nested, and how many parts it may have with its aliases written out:
/// far more than any configuration, and little enough to be held.
const MOST_LEVELS: usize = 32;
const MOST_NODES: usize = 100_000;

/// A part of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Where it begins, counted from 1.
    pub(super) line: usize,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Scalar {
        text: String,
        /// Whether it stands without quotes: only such a text may be a number or a truth value.
        is_plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Node,
}

impl Node {
    /// Whether nothing was written, or `null`.
    pub(super) fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar { text, is_plain } => {
                *is_plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }
}

/// What is wrong, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Flaw {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { line, what }
    }
}

/// The one document in `text`; `None` if it is empty.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Flaw> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::DocumentStart(_), span) if document.is_some() => {
                return Err(Flaw::new(span.start.line(), "a second document begins"));
            }
            (Event::DocumentStart(_), _) => {
                let first = reader.next()?;
                document = Some(reader.node(first, 0)?);
            }
            _ => {}
        }
    }
    Ok(document.filter(|node| !node.is_null()))
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Flaw> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(Flaw::new(error.marker().line(), error.info())),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), level: usize) -> Result<Node, Flaw> {
        let line = span.start.line();
        self.count(1, line)?;
        if level > MOST_LEVELS {
            return Err(Flaw::new(line, "this is nested too deeply"));
        }
        let before = self.nodes;
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                (Content::Scalar { text, is_plain }, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(level)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(level)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, line),
            _ => return Err(Flaw::new(line, "a value is missing")),
        };
        let node = Node { line, content };
        if anchor > 0 {
            let size = self.nodes.saturating_sub(before).saturating_add(1);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<Node, Flaw> {
        let unknown = || Flaw::new(line, "this alias has no anchor before it");
        let (node, size) = self.anchors.get(&anchor).cloned().ok_or_else(unknown)?;
        self.count(size, line)?;
        Ok(node)
    }

    fn list(&mut self, level: usize) -> Result<Content, Flaw> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(list)),
                first => list.push(self.node(first, level + 1)?),
            }
        }
    }

    fn map(&mut self, level: usize) -> Result<Content, Flaw> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Content::Map(entries)),
                (Event::Scalar(key, ..), span) => (key.into_owned(), span.start.line()),
                (_, span) => return Err(Flaw::new(span.start.line(), "a key is no text")),
            };
            if entries.iter().any(|entry| entry.key == key) {
                return Err(Flaw::new(line, format!("{key} is there twice")));
            }
            let first = self.next()?;
            let value = self.node(first, level + 1)?;
            entries.push(Entry { key, line, value });
        }
    }

    fn count(&mut self, more: usize, line: usize) -> Result<(), Flaw> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MOST_NODES {
            return Err(Flaw::new(line, "this is more than a configuration"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_texts_are_kept() {
        let node = parse("a:\n  b: 0600\n  c: [x, 'true']\n").expect("YAML");
        let Some(Content::Map(top)) = node.map(|node| node.content) else {
            panic!("no map");
        };
        let Content::Map(inner) = &top[0].value.content else {
            panic!("no map");
        };
        assert_eq!((inner[0].key.as_str(), inner[0].line), ("b", 2));
        let text = |text: &str, is_plain| Content::Scalar {
            text: text.to_owned(),
            is_plain,
        };
        assert_eq!(inner[0].value.content, text("0600", true));
        let Content::List(list) = &inner[1].value.content else {
            panic!("no list");
        };
        assert_eq!(list[1].content, text("true", false));
        assert_eq!(list[1].line, 3);
    }

    #[test]
    fn nothing_is_no_document() {
        for text in ["", "\n", "# only this\n", "---\n", "null\n"] {
            assert_eq!(parse(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn aliases_are_written_out() {
        let node = parse("a: &x {b: 1}\nc: *x\n").expect("YAML").expect("map");
        let Content::Map(top) = node.content else {
            panic!("no map");
        };
        assert_eq!(top[0].value, top[1].value);
    }

    #[test]
    fn flaws_have_lines() {
        let check = |text: &str, line| assert_eq!(parse(text).expect_err(text).line, line);
        check("a: 1\na: 2\n", 2);
        check("a: 1\n---\nb: 2\n", 2);
        check("a: *nothing\n", 1);
        check(&"[".repeat(40), 1);
    }

    #[test]
    fn aliases_of_aliases_are_not_written_out_for_ever() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let list = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{list}]\n");
        }
        let flaw = parse(&text).expect_err("too much");
        assert_eq!(flaw.what, "this is more than a configuration");
    }
}
