//! A log line: text in the form of the reference tool, or one JSON object (`behaviour.md` §8.1).

use jiff::Timestamp;
use tracing::Level;

/// A value in a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Signed(i64),
    /// A number with its digits.
    Number(String),
    Truth(bool),
    Text(String),
    List(Vec<String>),
    /// Values with a name in common.
    Group(Vec<Field>),
}

/// A named value.
pub(crate) type Field = (String, Value);

/// What a line tells a program that reads JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Log,
    Progress,
    Summary,
    Error,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Progress => "progress",
            Self::Summary => "summary",
            Self::Error => "error",
        }
    }
}

/// What is said, and when.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) time: Timestamp,
    pub(super) level: Level,
    pub(super) kind: Kind,
    pub(super) message: String,
    pub(super) fields: Vec<Field>,
}

impl Line {
    /// A line of this moment.
    pub(super) fn now(level: Level, kind: Kind, message: &str, fields: Vec<Field>) -> Self {
        Self {
            time: Timestamp::now(),
            level,
            kind,
            message: message.to_owned(),
            fields,
        }
    }

    /// `time=… level=… msg=… key=value`, without the end of the line. `paint` gets the level.
    pub(super) fn text(&self, paint: impl Fn(&str, Level) -> String) -> String {
        let time = self.time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let level = paint(self.level.as_str(), self.level);
        let mut line = format!("time={time} level={level} msg={}", quoted(&self.message));
        append(&mut line, "", &self.fields);
        line
    }

    /// One JSON object, without the end of the line.
    pub(super) fn json(&self) -> String {
        let time = self.time.to_string();
        let head = [
            ("time", time.as_str()),
            ("level", self.level.as_str()),
            ("msg", &self.message),
            ("message_type", self.kind.name()),
        ];
        let head = head.map(|(name, text)| (name.to_owned(), Value::Text(text.to_owned())));
        let fields: Vec<&Field> = head.iter().chain(&self.fields).collect();
        object(&fields)
    }
}

pub(super) fn append(line: &mut String, prefix: &str, fields: &[Field]) {
    for (name, value) in fields {
        let plain = match value {
            Value::Group(fields) => {
                append(line, &format!("{prefix}{name}."), fields);
                continue;
            }
            Value::Text(text) => quoted(text),
            Value::List(parts) => quoted(&format!("[{}]", parts.join(" "))),
            Value::Number(digits) => digits.clone(),
            Value::Count(count) => count.to_string(),
            Value::Signed(number) => number.to_string(),
            Value::Truth(truth) => truth.to_string(),
        };
        line.push_str(&format!(" {prefix}{name}={plain}"));
    }
}

/// The text, in quotes where it would not be one word. No control character is left: names in a
/// file must not steer a terminal.
fn quoted(text: &str) -> String {
    let is_word = |c: char| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=';
    if !text.is_empty() && text.chars().all(is_word) {
        return text.to_owned();
    }
    let mut shown = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => shown.extend(['\\', c]),
            _ if c.is_control() => shown.extend(c.escape_default()),
            _ => shown.push(c),
        }
    }
    shown.push('"');
    shown
}

fn object(fields: &[&Field]) -> String {
    let part = |(name, value): &&Field| {
        let value = match value {
            Value::Text(text) => json_text(text),
            Value::List(parts) => json_list(parts),
            Value::Number(digits) => digits.clone(),
            Value::Count(count) => count.to_string(),
            Value::Signed(number) => number.to_string(),
            Value::Truth(truth) => truth.to_string(),
            Value::Group(fields) => object(&fields.iter().collect::<Vec<_>>()),
        };
        format!("{}:{value}", json_text(name))
    };
    let parts: Vec<_> = fields.iter().map(part).collect();
    format!("{{{}}}", parts.join(","))
}

/// An empty list is none, as in the reference tool.
fn json_list(parts: &[String]) -> String {
    if parts.is_empty() {
        return "null".to_owned();
    }
    let parts: Vec<_> = parts.iter().map(|part| json_text(part)).collect();
    format!("[{}]", parts.join(","))
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let handler = vec![("id".to_owned(), Value::Text("cae59f".to_owned()))];
        Line {
            time: "2026-11-21T01:02:36.882Z".parse().expect("time"),
            level: Level::INFO,
            kind: Kind::Progress,
            message: "two words".to_owned(),
            fields: vec![
                ("handler".to_owned(), Value::Group(handler)),
                ("pct".to_owned(), Value::Number("40.4".to_owned())),
                ("rec/s".to_owned(), Value::Count(10_048)),
                ("name".to_owned(), Value::Text("a\u{1b}\"=".to_owned())),
                ("empty".to_owned(), Value::Text(String::new())),
                ("by".to_owned(), Value::Signed(-1)),
                ("on".to_owned(), Value::Truth(true)),
                (
                    "two".to_owned(),
                    Value::List(vec!["a".to_owned(), "b".to_owned()]),
                ),
                ("one".to_owned(), Value::List(vec!["a".to_owned()])),
                ("none".to_owned(), Value::List(Vec::new())),
            ],
        }
    }

    #[test]
    fn text_is_that_of_the_reference_tool() {
        assert_eq!(
            line().text(|level, _| level.to_owned()),
            "time=2026-11-21T01:02:36.882Z level=INFO msg=\"two words\" handler.id=cae59f \
             pct=40.4 rec/s=10048 name=\"a\\u{1b}\\\"=\" empty=\"\" by=-1 on=true two=\"[a b]\" one=[a] none=[]"
        );
    }

    #[test]
    fn json_is_one_object_in_this_order() {
        assert_eq!(
            line().json(),
            "{\"time\":\"2026-11-21T01:02:36.882Z\",\"level\":\"INFO\",\"msg\":\"two words\",\
             \"message_type\":\"progress\",\"handler\":{\"id\":\"cae59f\"},\"pct\":40.4,\
             \"rec/s\":10048,\"name\":\"a\\u001b\\\"=\",\"empty\":\"\",\"by\":-1,\"on\":true,\"two\":[\"a\",\"b\"],\"one\":[\"a\"],\"none\":null}"
        );
    }
}
