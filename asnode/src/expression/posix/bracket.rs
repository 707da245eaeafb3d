//! Bracket expressions, `[…]`. A backslash in them is an ordinary byte.

use super::Dialect;
use regex_syntax::hir::{ClassBytes, ClassBytesRange, Hir};

/// What stands behind the opening bracket, the closing one included. `None`: malformed.
pub(super) fn parse(rest: &mut &[u8], dialect: Dialect) -> Option<Hir> {
    let is_complement = rest.first() == Some(&b'^');
    let text = rest.get(usize::from(is_complement)..)?;
    let mut reader = Content {
        rest: text,
        class: ClassBytes::empty(),
    };
    let mut is_first = true;
    while is_first || reader.rest.first()? != &b']' {
        reader.item()?;
        is_first = false;
    }
    *rest = reader.rest.get(1..)?;
    Some(dialect.class(reader.class, is_complement))
}

/// The class that the inside of a bracket, without complement, stands for.
pub(super) fn content(text: &[u8]) -> Option<ClassBytes> {
    let mut reader = Content {
        rest: text,
        class: ClassBytes::empty(),
    };
    while !reader.rest.is_empty() {
        reader.item()?;
    }
    Some(reader.class)
}

struct Content<'a> {
    rest: &'a [u8],
    class: ClassBytes,
}

impl<'a> Content<'a> {
    /// A named class, a range or a byte.
    fn item(&mut self) -> Option<()> {
        if let Some(name) = self.delimited(b':')? {
            for [start, end] in named(name)?.as_chunks::<2>().0 {
                self.class.push(ClassBytesRange::new(*start, *end));
            }
            return Some(());
        }
        let start = self.byte()?;
        let end = match self.rest {
            [b'-', next, ..] if *next != b']' => {
                self.rest = self.rest.get(1..)?;
                self.byte()?
            }
            _ => start,
        };
        (start <= end).then_some(())?;
        self.class.push(ClassBytesRange::new(start, end));
        Some(())
    }

    /// A byte as it is, or in `[.….]` or `[=…=]`.
    fn byte(&mut self) -> Option<u8> {
        for mark in [b'.', b'='] {
            if let Some(name) = self.delimited(mark)? {
                let [byte] = name else {
                    return None; // longer ones are not in the locale C
                };
                return Some(*byte);
            }
        }
        if self.rest.starts_with(b"[:") {
            return None; // a class cannot end a range
        }
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// The inside of `[:…:]` or its like, if that comes next; `None`: it does not end.
    fn delimited(&mut self, mark: u8) -> Option<Option<&'a [u8]>> {
        let Some(text) = self.rest.strip_prefix(&[b'[', mark]) else {
            return Some(None);
        };
        let end = text.windows(2).position(|pair| pair == [mark, b']'])?;
        self.rest = text.get(end + 2..)?;
        Some(text.get(..end))
    }
}

/// First and last byte of each range of a named class in the locale C.
const fn named(name: &[u8]) -> Option<&'static [u8]> {
    Some(match name {
        b"alnum" => b"09AZaz",
        b"alpha" => b"AZaz",
        b"blank" => b"\t\t  ",
        b"cntrl" => b"\x00\x1f\x7f\x7f",
        b"digit" => b"09",
        b"graph" => b"!~",
        b"lower" => b"az",
        b"print" => b" ~",
        b"punct" => b"!/:@[`{~",
        b"space" => b"\t\r  ",
        b"upper" => b"AZ",
        b"xdigit" => b"09AFaf",
        _ => return None,
    })
}
