//! An error and its causes as one line.

use std::error::Error;

/// The texts of `error` and its causes, joined by `: `. A cause that says nothing new (some
/// wrappers repeat what they wrap) is passed over.
pub(super) fn of(error: &dyn Error) -> String {
    let mut line = printable(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = printable(&error.to_string());
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

/// The text with control characters escaped: names in a file must not steer a terminal.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    #[derive(Debug)]
    struct Level(&'static str, Option<Box<Self>>);

    impl fmt::Display for Level {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Level {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|level| level as _)
        }
    }

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let check = |levels: &[&'static str], expected| {
            let nest =
                |inner: Option<Box<Level>>, text: &&'static str| Some(Box::new(Level(text, inner)));
            let error = levels.iter().rev().fold(None, nest).expect("levels");
            assert_eq!(of(&*error), expected);
        };
        check(&["alone"], "alone");
        check(
            &["cannot read f", "disk broken"],
            "cannot read f: disk broken",
        );
        check(&["lost: reset", "lost: reset", "reset"], "lost: reset");
        check(&["a\nb", "\x1b[2J"], "a\\nb: \\u{1b}[2J");
    }
}
