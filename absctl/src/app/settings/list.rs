//! Comma lists of names (`cli.md` §1.2).

/// The names in `text`. One may stand in `'` or `"`, without escapes, to hold a comma; nothing
/// is trimmed. An empty name stays in the list, to be refused by those who know what it is for.
pub(super) fn names(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let (name, after) = match quote {
            Some(quote) => quoted(text, quote)?,
            None => match text.split_once(',') {
                Some((name, after)) => (name, Some(after)),
                None => (text, None),
            },
        };
        names.push(name.to_owned());
        rest = after;
    }
    Ok(names)
}

fn quoted(text: &str, quote: char) -> Result<(&str, Option<&str>), String> {
    let (name, after) = text
        .strip_prefix(quote)
        .and_then(|text| text.split_once(quote))
        .ok_or_else(|| format!("{text}: the second {quote} is missing"))?;
    match after.strip_prefix(',') {
        Some(after) => Ok((name, Some(after))),
        None if after.is_empty() => Ok((name, None)),
        None => Err(format!(
            "{text}: only a comma may follow the second {quote}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn lists() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(names(text).expect(text), expected, "{text}");
        };
        check("a", &["a"]);
        check("a,b", &["a", "b"]);
        check("a, b", &["a", " b"]);
        check("'a,b',c", &["a,b", "c"]);
        check("\"it's\",'\"'", &["it's", "\""]);
        check("a'b", &["a'b"]);
        check("", &[""]);
        check("a,", &["a", ""]);
        check("a,,b", &["a", "", "b"]);
        check("''", &[""]);
    }

    #[test]
    fn no_lists() {
        let check = |text: &str, part: &str| {
            let refused = names(text).expect_err(text);
            assert!(refused.contains(part), "{text}: {refused}");
        };
        check("'a", "the second ' is missing");
        check("'", "is missing");
        check("'a'b", "only a comma");
        check("x,\"a\" ,b", "only a comma");
    }
}
