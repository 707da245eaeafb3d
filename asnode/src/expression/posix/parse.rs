//! The grammar of both syntaxes, read from left to right into a syntax tree.

use super::{Dialect, bracket};
use regex_syntax::hir::{Hir, Look, Repetition};

/// Nesting of groups that is accepted.
const MAX_GROUPS: usize = 30;

/// Repetitions of one another that are accepted, as in `a{2}{3}*`.
const MAX_STACKED: usize = 3;

/// Greatest bound of an interval (`RE_DUP_MAX`).
const MAX_BOUND: u32 = 0x7fff;

const WORD: &[u8] = b"[:alnum:]_";
const SPACE: &[u8] = b"[:space:]";

/// What comes next in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Any,
    Bracket,
    /// The content of a bracket, and whether all other bytes are meant.
    Class(&'static [u8], bool),
    Open,
    Close,
    Alternate,
    Look(Look),
    /// `*`, `+` or `?`.
    Repeat(u8),
    /// The start of `{m,n}`.
    Interval,
}

/// A pattern being read.
pub(super) struct Parser<'a> {
    rest: &'a [u8],
    dialect: Dialect,
}

impl<'a> Parser<'a> {
    pub(super) const fn new(pattern: &'a [u8], dialect: Dialect) -> Self {
        Self {
            rest: pattern,
            dialect,
        }
    }

    /// The whole pattern.
    pub(super) fn pattern(mut self) -> Option<Hir> {
        self.alternation(MAX_GROUPS, false)
    }

    /// Branches up to the end of the group or pattern.
    fn alternation(&mut self, depth: usize, in_group: bool) -> Option<Hir> {
        let mut branches = vec![self.branch(depth, in_group)?];
        while self.accept(Token::Alternate)? {
            branches.push(self.branch(depth, in_group)?);
        }
        Some(Hir::alternation(branches))
    }

    fn branch(&mut self, depth: usize, in_group: bool) -> Option<Hir> {
        let mut pieces = Vec::new();
        while let Some((token, len)) = self.peek(pieces.is_empty())? {
            if token == Token::Alternate || in_group && token == Token::Close {
                break;
            }
            self.skip(len);
            pieces.push(match token {
                Token::Look(look) => Hir::look(look), // what follows cannot repeat it
                _ => {
                    let atom = self.atom(token, depth)?;
                    self.repeated(atom)?
                }
            });
        }
        Some(Hir::concat(pieces))
    }

    /// Something that can be repeated. A repetition without anything before it stands for itself
    /// in the basic syntax, as a `)` too many does in the extended one.
    fn atom(&mut self, token: Token, depth: usize) -> Option<Hir> {
        let dialect = self.dialect;
        Some(match token {
            Token::Byte(byte) => dialect.byte(byte),
            Token::Any => dialect.any(),
            Token::Bracket => bracket::parse(&mut self.rest, dialect)?,
            Token::Class(content, is_complement) => {
                let class = bracket::content(content)?;
                dialect.class(class, is_complement)
            }
            Token::Open => {
                let group = self.alternation(depth.checked_sub(1)?, true)?;
                self.accept(Token::Close)?.then_some(group)?
            }
            Token::Close if dialect.is_extended => dialect.byte(b')'),
            Token::Repeat(byte) if !dialect.is_extended => dialect.byte(byte),
            _ => return None,
        })
    }

    /// The atom with the repetitions behind it.
    fn repeated(&mut self, atom: Hir) -> Option<Hir> {
        let mut hir = atom;
        let mut stacked = 0;
        while let Some((token, len)) = self.peek(false)? {
            let is_plain = matches!(token, Token::Repeat(b'*') | Token::Interval);
            if stacked > 0 && is_plain && !self.dialect.is_extended {
                return None;
            }
            let (min, max) = match token {
                Token::Repeat(b'*') => (0, None),
                Token::Repeat(b'+') => (1, None),
                Token::Repeat(_) => (0, Some(1)),
                Token::Interval => self.interval(len)?,
                _ => break,
            };
            if token != Token::Interval {
                self.skip(len);
            }
            stacked += 1;
            (stacked <= MAX_STACKED).then_some(())?;
            hir = Hir::repetition(Repetition {
                min,
                max,
                greedy: true,
                sub: Box::new(hir),
            });
        }
        Some(hir)
    }

    /// `{m}`, `{m,}`, `{,n}` or `{m,n}`, of which the first `len` bytes are known.
    fn interval(&mut self, len: usize) -> Option<(u32, Option<u32>)> {
        self.skip(len);
        let min = self.number()?;
        let has_max = self.strip(b",");
        let max = if has_max { self.number()? } else { min };
        let end: &[u8] = if self.dialect.is_extended {
            b"}"
        } else {
            b"\\}"
        };
        let is_whole = self.strip(end) && (has_max || min.is_some());
        let min = min.unwrap_or(0);
        let in_order = max.is_none_or(|max| min <= max && max <= MAX_BOUND);
        (is_whole && in_order && min <= MAX_BOUND).then_some((min, max))
    }

    /// Digits, if there are any. `None`: too many.
    fn number(&mut self) -> Option<Option<u32>> {
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let len = self.rest.iter().take_while(is_digit).count();
        let (digits, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        if digits.is_empty() {
            return Some(None);
        }
        str::from_utf8(digits).ok()?.parse().ok().map(Some)
    }

    fn strip(&mut self, prefix: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Reads this token if it comes next.
    fn accept(&mut self, wanted: Token) -> Option<bool> {
        match self.peek(false)? {
            Some((token, len)) if token == wanted => {
                self.skip(len);
                Some(true)
            }
            _ => Some(false),
        }
    }

    /// The next token and its length, if there is one; `None`: an escape that is refused.
    fn peek(&self, at_start: bool) -> Option<Option<(Token, usize)>> {
        let (first, rest) = match self.rest {
            [] => return Some(None),
            [b'\\', escaped, ..] => return Some(Some((self.escaped(*escaped)?, 2))),
            [b'\\'] => return None,
            [first, rest @ ..] => (*first, rest),
        };
        let is_extended = self.dialect.is_extended;
        let token = match first {
            b'.' => Token::Any,
            b'[' => Token::Bracket,
            b'*' => Token::Repeat(first),
            b'^' if is_extended || at_start => Token::Look(self.dialect.start()),
            b'$' if is_extended || is_branch_end(rest) => Token::Look(self.dialect.end()),
            _ if is_extended => operator(first).unwrap_or(Token::Byte(first)),
            _ => Token::Byte(first),
        };
        Some(Some((token, 1)))
    }

    fn escaped(&self, byte: u8) -> Option<Token> {
        Some(match byte {
            b'1'..=b'9' => return None, // a back-reference
            b'w' => Token::Class(WORD, false),
            b'W' => Token::Class(WORD, true),
            b's' => Token::Class(SPACE, false),
            b'S' => Token::Class(SPACE, true),
            b'b' => Token::Look(Look::WordAscii),
            b'B' => Token::Look(Look::WordAsciiNegate),
            b'<' => Token::Look(Look::WordStartAscii),
            b'>' => Token::Look(Look::WordEndAscii),
            b'`' => Token::Look(Look::Start),
            b'\'' => Token::Look(Look::End),
            _ if self.dialect.is_extended => Token::Byte(byte),
            _ => operator(byte).unwrap_or(Token::Byte(byte)),
        })
    }
}

/// Operators that the basic syntax escapes and the extended one does not.
const fn operator(byte: u8) -> Option<Token> {
    Some(match byte {
        b'(' => Token::Open,
        b')' => Token::Close,
        b'|' => Token::Alternate,
        b'+' | b'?' => Token::Repeat(byte),
        b'{' => Token::Interval,
        _ => return None,
    })
}

/// Whether a `$` of the basic syntax is an anchor before this.
fn is_branch_end(rest: &[u8]) -> bool {
    rest.is_empty() || rest.starts_with(b"\\)") || rest.starts_with(b"\\|")
}
