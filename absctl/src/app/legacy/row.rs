//! An option of `asbackup` or `asrestore`: how it is typed, where it stands in `astools.conf`, and
//! what it is with us.

use super::values::Values;
use std::ffi::{OsStr, OsString};

/// An old option.
#[derive(Debug)]
pub(super) struct Row {
    /// Its long name, which is its key in a file, too.
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    /// Other long names.
    pub(super) aliases: &'static [&'static str],
    /// Other long names that bring a warning.
    pub(super) deprecated: &'static [&'static str],
    pub(super) takes: Takes,
    /// Where it stands in a file; `None` = only on the command line.
    pub(super) section: Option<Section>,
    /// Its name there, if that is another one.
    pub(super) key: Option<&'static str>,
    /// Whether it stands in files only.
    pub(super) in_file_only: bool,
    pub(super) to: To,
    pub(super) preset: Preset,
    /// What the help says, where that of our flag would not do.
    pub(super) help: Option<&'static str>,
}

/// What follows an option.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    Text(&'static str),
    /// Text that may be left out: it is asked for then.
    Optional(&'static str),
    /// A number from the first to the second.
    Number(&'static str, u64, u64),
    /// A number that may be negative.
    Signed(&'static str),
}

impl Takes {
    /// What the value is called; `None` where there is none.
    pub(super) const fn value(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Text(name)
            | Self::Optional(name)
            | Self::Number(name, ..)
            | Self::Signed(name) => Some(name),
        }
    }
}

/// A table of `astools.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Cluster,
    /// The one with the name of the tool.
    Own,
    Agent,
}

/// The flags that an option becomes, with their values. `Err` is the end of the sentence
/// "--option VALUE: …".
pub(super) type Flags = Result<Vec<(&'static str, OsString)>, String>;

/// What an option is with us.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// The flag of the same name.
    Same,
    /// This flag.
    Flag(&'static str),
    /// Flags that follow from its value, and from other options; the first of them is the one that
    /// messages mean.
    Made(&'static str, fn(&OsStr, &Values<'_>) -> Flags),
    /// Dealt with before there are flags: help, version, files.
    Before,
    /// What we always do.
    Always,
    /// Nothing, and why. It brings a warning.
    Nothing(&'static str),
    /// A refusal, and why.
    Refused(&'static str),
}

/// What an option is where nobody gives it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Preset {
    /// As our flag.
    Ours,
    This(&'static str),
    /// It depends on other options.
    By(fn(&Values<'_>) -> &'static str),
}

const fn row(long: &'static str, takes: Takes) -> Row {
    Row {
        long,
        short: None,
        aliases: &[],
        deprecated: &[],
        takes,
        section: None,
        key: None,
        in_file_only: false,
        to: To::Same,
        preset: Preset::Ours,
        help: None,
    }
}

/// An option without a value.
pub(super) const fn switch(long: &'static str) -> Row {
    row(long, Takes::Nothing)
}

/// An option with a text.
pub(super) const fn text(long: &'static str, value: &'static str) -> Row {
    row(long, Takes::Text(value))
}

/// An option with a text that is asked for where it is left out.
pub(super) const fn asked(long: &'static str, value: &'static str) -> Row {
    row(long, Takes::Optional(value))
}

/// An option with a number that may be negative.
pub(super) const fn signed(long: &'static str, value: &'static str) -> Row {
    row(long, Takes::Signed(value))
}

/// An option with a number of `least` or more that fits into 32 bits.
pub(super) const fn number(long: &'static str, value: &'static str, least: u64) -> Row {
    row(long, Takes::Number(value, least, u32::MAX as u64))
}

impl Row {
    pub(super) const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    pub(super) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn once(mut self, deprecated: &'static [&'static str]) -> Self {
        self.deprecated = deprecated;
        self
    }

    /// At most this number.
    pub(super) const fn up_to(mut self, most: u64) -> Self {
        if let Takes::Number(value, least, _) = self.takes {
            self.takes = Takes::Number(value, least, most);
        }
        self
    }

    pub(super) const fn in_file(mut self, section: Section) -> Self {
        self.section = Some(section);
        self
    }

    pub(super) const fn called(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) const fn file_only(mut self) -> Self {
        self.in_file_only = true;
        self
    }

    pub(super) const fn is(mut self, flag: &'static str) -> Self {
        self.to = To::Flag(flag);
        self
    }

    pub(super) const fn to(mut self, to: To) -> Self {
        self.to = to;
        self
    }

    pub(super) const fn preset(mut self, value: &'static str) -> Self {
        self.preset = Preset::This(value);
        self
    }

    pub(super) const fn preset_by(mut self, by: fn(&Values<'_>) -> &'static str) -> Self {
        self.preset = Preset::By(by);
        self
    }

    pub(super) const fn help(mut self, text: &'static str) -> Self {
        self.help = Some(text);
        self
    }

    /// The flag of ours that it is, if it is one; the most important one of several.
    pub(super) const fn flag(&self) -> Option<&'static str> {
        match self.to {
            To::Same => Some(self.long),
            To::Flag(flag) | To::Made(flag, _) => Some(flag),
            To::Before | To::Always | To::Nothing(_) | To::Refused(_) => None,
        }
    }

    /// Its name in a file.
    pub(super) fn key(&self) -> &'static str {
        self.key.unwrap_or(self.long)
    }

    /// All its long names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let others = self.aliases.iter().chain(self.deprecated).copied();
        std::iter::once(self.long).chain(others)
    }

    /// Its name in messages: `--set (-s)`.
    pub(super) fn shown(&self) -> String {
        let short = self.short.map(|letter| format!(" (-{letter})"));
        format!("--{}{}", self.long, short.unwrap_or_default())
    }
}
