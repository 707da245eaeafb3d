//! Which versions of TLS may be spoken, as a list in the style of Apache's `SSLProtocol`
//! (`cli.md` §4).

use crate::error::Error;
use rustls::{
    SupportedProtocolVersion,
    version::{TLS12, TLS13},
};
use std::{fmt, str::FromStr};

/// TLS 1.2, 1.3 or both; never none. The default is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    tls12: bool,
    tls13: bool,
}

impl Default for Protocols {
    fn default() -> Self {
        Self::ALL
    }
}

impl Protocols {
    /// Both versions.
    pub const ALL: Self = Self::new(true, true);
    /// TLS 1.2 only.
    pub const TLS12: Self = Self::new(true, false);
    /// TLS 1.3 only.
    pub const TLS13: Self = Self::new(false, true);

    const fn new(tls12: bool, tls13: bool) -> Self {
        Self { tls12, tls13 }
    }

    pub(crate) fn versions(self) -> Vec<&'static SupportedProtocolVersion> {
        let versions = [(self.tls13, &TLS13), (self.tls12, &TLS12)];
        let chosen = versions.into_iter().filter(|(chosen, _)| *chosen);
        chosen.map(|(_, version)| version).collect()
    }

    fn apply(&mut self, word: &str) -> Result<(), Error> {
        let (sign, name) = match word.strip_prefix(['+', '-']) {
            Some(name) => (word.chars().next(), name),
            None => (None, word),
        };
        let removes = sign == Some('-');
        let named = match name.to_ascii_lowercase().as_str() {
            "all" => Self::ALL,
            "tlsv1.2" => Self::TLS12,
            "tlsv1.3" => Self::TLS13,
            "tlsv1" | "tlsv1.1" if removes => return Ok(()),
            "tlsv1" | "tlsv1.1" | "sslv2" | "sslv3" => {
                let word = name.to_owned();
                return Err(Error::OldProtocol { word });
            }
            _ => {
                let word = word.to_owned();
                return Err(Error::UnknownProtocol { word });
            }
        };
        let keep = |chosen: bool, named: bool| match sign {
            Some('+') => chosen || named,
            Some(_) => chosen && !named,
            None => named,
        };
        *self = Self::new(keep(self.tls12, named.tls12), keep(self.tls13, named.tls13));
        Ok(())
    }
}

impl FromStr for Protocols {
    type Err = Error;

    /// Words between blanks, applied from left to right to the default of both versions: `+X`
    /// adds, `-X` removes, `X` replaces what was chosen before. X is `all`, `TLSv1.2` or
    /// `TLSv1.3`, in any case. Empty text is the default. So `+TLSv1.2` is both versions, as in
    /// the Go tool, and `-all +TLSv1.2` is the one.
    ///
    /// # Errors
    /// An unknown word, a version before 1.2 by its name, or nothing left in the end.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut chosen = Self::ALL;
        for word in text.split_whitespace() {
            chosen.apply(word)?;
        }
        if chosen == Self::new(false, false) {
            let text = text.to_owned();
            return Err(Error::NoProtocol { text });
        }
        Ok(chosen)
    }
}

impl fmt::Display for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.tls12, self.tls13) {
            (true, false) => "TLSv1.2",
            (false, true) => "TLSv1.3",
            _ => "TLSv1.2 TLSv1.3",
        })
    }
}
