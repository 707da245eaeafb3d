//! POSIX regular expressions, basic and extended, as glibc's `regcomp` reads them in the locale C,
//! turned into the syntax tree of the `regex` project and run by its engine, which is linear in
//! the text whatever the pattern.
//!
//! Which match is found does not matter, only whether there is one, so leftmost-longest and
//! leftmost-first are the same here. The extensions of glibc (`\+ \? \|` in the basic syntax,
//! ``\w \W \s \S \b \B \< \> \` \'`` in both) are there. Different from glibc: back-references are
//! refused, and so are patterns that are very long, nest deeply or grow large.

mod bracket;
mod parse;

use parse::Parser;
use regex_automata::meta;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, Look};

const EXTENDED: i64 = 1;
const IGNORE_CASE: i64 = 2;
const NEWLINE: i64 = 4;

/// Length of a pattern that is accepted.
const MAX_BYTES: usize = 16 << 10;

/// Size of a compiled pattern that is accepted.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern(meta::Regex);

impl Pattern {
    /// Flags: 1 extended syntax, 2 ignore case, 4 newline-sensitive; others change nothing that
    /// shows. A NUL byte ends the pattern. `None`: it does not compile.
    pub(super) fn compile(flags: i64, pattern: &[u8]) -> Option<Self> {
        let pattern = until_nul(pattern);
        if pattern.len() > MAX_BYTES {
            return None;
        }
        let dialect = Dialect {
            is_extended: flags & EXTENDED != 0,
            ignores_case: flags & IGNORE_CASE != 0,
            keeps_lines: flags & NEWLINE != 0,
        };
        let hir = Parser::new(pattern, dialect).pattern()?;
        let config = meta::Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(MAX_COMPILED_BYTES));
        let regex = meta::Builder::new().configure(config).build_from_hir(&hir);
        regex.ok().map(Self)
    }

    /// Whether the pattern is found anywhere before the first NUL byte.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(until_nul(text))
    }
}

fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// What the flags mean.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    is_extended: bool,
    ignores_case: bool,
    /// `^` and `$` match at line ends, `.` and complements match no line end.
    keeps_lines: bool,
}

impl Dialect {
    /// A class of these bytes, or of all others.
    fn class(self, mut class: ClassBytes, is_complement: bool) -> Hir {
        if self.ignores_case {
            class.case_fold_simple();
        }
        if is_complement {
            if self.keeps_lines {
                class.push(ClassBytesRange::new(b'\n', b'\n'));
            }
            class.negate();
        }
        Hir::class(Class::Bytes(class))
    }

    fn byte(self, byte: u8) -> Hir {
        let range = ClassBytesRange::new(byte, byte);
        self.class(ClassBytes::new([range]), false)
    }

    fn any(self) -> Hir {
        self.class(ClassBytes::empty(), true)
    }

    const fn start(self) -> Look {
        if self.keeps_lines {
            Look::StartLF
        } else {
            Look::Start
        }
    }

    const fn end(self) -> Look {
        if self.keeps_lines {
            Look::EndLF
        } else {
            Look::End
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the pattern finds, and what it does not.
    fn check(flags: i64, pattern: &str, found: &[&str], missed: &[&str]) {
        let compiled = Pattern::compile(flags, pattern.as_bytes())
            .unwrap_or_else(|| panic!("{pattern} does not compile"));
        for text in found {
            assert!(compiled.is_match(text.as_bytes()), "{pattern} in {text:?}");
        }
        for text in missed {
            assert!(
                !compiled.is_match(text.as_bytes()),
                "{pattern} not in {text:?}"
            );
        }
    }

    #[test]
    fn extended_syntax() {
        check(1, "^s(1|3)$", &["s1", "s3"], &["s2", "s11", "xs1"]);
        check(1, "a+b?c", &["ac", "xaabcx"], &["bc", "abb"]);
        check(1, "^a{2,3}$", &["aa", "aaa"], &["a", "aaaa"]);
        check(1, "^a{,2}$", &["", "a", "aa"], &["aaa"]);
        check(1, "^(ab){2}$", &["abab"], &["ab", "ababab"]);
        check(1, r"a\.b\(", &["a.b("], &["axb("]);
        check(1, "a)b", &["a)b"], &["ab"]); // an unmatched one is ordinary
        check(1, "^()$|x||y", &["", "z"], &[]);
        check(1, "a|^b", &["a", "b", "xa"], &["xb"]);
        check(1, "^(a*)*$", &["", "aaa"], &["b"]);
        check(1, "^a**$", &["", "aa"], &["b"]);
        check(1, r"\<ab\>", &["x ab y", "ab"], &["xab", "aby"]);
        check(1, r"^\w+\s\W$", &["a_1 -"], &["a_1-"]);
    }

    #[test]
    fn basic_syntax() {
        check(0, "a+b?c|(d)", &["a+b?c|(d)"], &["aabc", "d"]);
        check(0, r"^\(ab\)\{2\}$", &["abab"], &["ab"]);
        check(0, r"a\+b\|c", &["aab", "c"], &["b"]);
        check(0, "*a", &["*a"], &["a"]);
        check(0, "^*a", &["*a"], &["a", "x*a"]);
        check(0, r"\(*a\)", &["*a"], &["a"]);
        check(0, "a^b$c", &["a^b$c"], &["ab"]);
        check(0, r"\(^a$\)", &["a"], &["xa", "ax"]);
        check(0, "a{1}", &["a{1}"], &["a"]);
    }

    #[test]
    fn brackets() {
        check(1, "^[]a-c^-]$", &["]", "a", "b", "^", "-"], &["d", "\\"]);
        check(1, "^[^]a]$", &["b", "["], &["]", "a"]);
        check(1, r"^[\]$", &["\\"], &["]"]);
        check(1, "^[[:digit:][:upper:]_]+$", &["A9_"], &["a"]);
        check(1, "^[[=a=][.-.]]+$", &["a-"], &["b"]);
        check(1, "^[+--]+$", &["+,-"], &["."]);
        check(1, "^[a-]$", &["-"], &["b"]);
    }

    #[test]
    fn case_and_lines() {
        check(3, "^aB[x-z]$", &["AbX", "abz"], &["abw"]);
        check(3, "^[^a]$", &["b"], &["A", "a"]);
        check(1, "a.b$", &["a\nb"], &["a\nb\nc", "ab\n"]);
        check(5, "a.b$", &["axb\nc"], &["a\nb"]);
        check(5, "^[^x]+$", &["x\nab\nx"], &[]);
        check(5, "^b", &["a\nb"], &["ab"]);
        check(9, "(a)", &["a"], &["b"]);
    }

    #[test]
    fn texts_and_patterns_end_at_nul() {
        check(1, "a$", &["a\0b"], &["b\0a"]);
        check(1, "a\0(", &["a"], &[]);
        check(1, "^.$", &[], &["\u{e4}"]); // two bytes
    }

    #[test]
    fn patterns_that_do_not_compile() {
        let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        let extended = [
            "(a",
            "[a",
            "[b-a]",
            "[[:nope:]]",
            "[[:alpha:",
            "*a",
            "(*a)",
            "a|*",
            "^*",
            "{1}",
            "a{",
            "a{1",
            "a{2,1}",
            "a{99999}",
            "a{x}",
            "a\\",
            r"(a)\1",
            "a{30000}{30000}",
            "a*******",
            &deep,
        ];
        for pattern in extended {
            assert!(
                Pattern::compile(1, pattern.as_bytes()).is_none(),
                "{pattern}"
            );
        }
        for pattern in [
            r"\(a", r"a\)", "a**", r"a\{1", r"\{1\}", r"a*\{2\}", r"\(a\)\1", "[a",
        ] {
            assert!(
                Pattern::compile(0, pattern.as_bytes()).is_none(),
                "{pattern}"
            );
        }
        assert!(Pattern::compile(1, &[b'a'; MAX_BYTES + 1]).is_none());
    }
}
