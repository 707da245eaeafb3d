//! A command line as `getopt_long` of the C library reads it, by which the old tools do: long names
//! may be cut as long as they are clear, short ones stand together, and a value follows whatever it
//! begins with.

use super::{
    Personality,
    row::{Row, Takes},
    table,
    values::{From, Given},
};
use crate::app::{config::nearest, error::Error};
use std::{
    ffi::{OsStr, OsString},
    iter::Peekable,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

/// The options of a command line, in their order, and warnings about names.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) given: Vec<Given>,
    pub(super) warnings: Vec<String>,
}

/// Reads what follows the name of the program.
pub(super) fn parse(personality: Personality, args: &[OsString]) -> Result<Typed, Error> {
    let mut reader = Reader {
        personality,
        args: args.iter().peekable(),
        typed: Typed::default(),
    };
    while let Some(arg) = reader.args.next() {
        match arg.as_bytes() {
            b"--" => return reader.nothing_more(),
            [b'-', b'-', long @ ..] => reader.long(long)?,
            [b'-', letters @ ..] if !letters.is_empty() => reader.short(letters)?,
            _ => return Err(unexpected(arg)),
        }
    }
    Ok(reader.typed)
}

struct Reader<'a> {
    personality: Personality,
    args: Peekable<std::slice::Iter<'a, OsString>>,
    typed: Typed,
}

impl Reader<'_> {
    /// `name` or `name=value`.
    fn long(&mut self, arg: &[u8]) -> Result<(), Error> {
        let mut parts = arg.splitn(2, |byte| *byte == b'=');
        let name = String::from_utf8_lossy(parts.next().unwrap_or_default());
        let attached = parts.next().map(text);
        let (row, full) = self.find(&name)?;
        if row.deprecated.contains(&full) {
            let now = row.long;
            let warning = format!("--{full} is deprecated: it is --{now} now");
            self.typed.warnings.push(warning);
        }
        if let (Takes::Nothing, Some(_)) = (row.takes, &attached) {
            return Err(Error::usage(format!("--{full} takes no value")));
        }
        self.take(row, attached)
    }

    /// Letters that stand together. The rest after one that takes a value is the value.
    fn short(&mut self, letters: &[u8]) -> Result<(), Error> {
        let mut rest = letters;
        while let [letter, more @ ..] = rest {
            let row = self.by_letter(char::from(*letter))?;
            if let Takes::Nothing = row.takes {
                self.take(row, None)?;
                rest = more;
                continue;
            }
            return self.take(row, Some(more).filter(|more| !more.is_empty()).map(text));
        }
        Ok(())
    }

    /// Notes an option with the value that it has, or that follows it.
    fn take(&mut self, row: &'static Row, attached: Option<OsString>) -> Result<(), Error> {
        let value = match row.takes {
            Takes::Nothing => None,
            _ if attached.is_some() => attached,
            // What begins with "-" is the next option.
            Takes::Optional(_) => {
                let is_value = |next: &&OsString| !next.as_bytes().starts_with(b"-");
                self.args.next_if(is_value).cloned()
            }
            _ => {
                let missing = || Error::usage(format!("{} needs a value", row.shown()));
                Some(self.args.next().cloned().ok_or_else(missing)?)
            }
        };
        self.typed.given.push(Given {
            row,
            value,
            from: From::CommandLine,
        });
        Ok(())
    }

    /// The option of this name, or whose name alone begins so.
    fn find(&self, name: &str) -> Result<(&'static Row, &'static str), Error> {
        let all = || {
            let rows = table::rows(self.personality).filter(|row| !row.in_file_only);
            rows.flat_map(|row| row.names().map(move |long| (row, long)))
        };
        if let Some(exact) = all().find(|(_, long)| *long == name) {
            return Ok(exact);
        }
        let mut found = all().filter(|(_, long)| !name.is_empty() && long.starts_with(name));
        let Some(first) = found.next() else {
            return Err(unknown(
                &format!("--{name}"),
                name,
                all().map(|(_, long)| long),
            ));
        };
        match found.find(|(row, _)| row.long != first.0.long) {
            None => Ok(first),
            Some((_, other)) => Err(Error::usage(format!(
                "--{name} may be --{}, --{other} and more",
                first.1
            ))),
        }
    }

    fn by_letter(&self, letter: char) -> Result<&'static Row, Error> {
        let mut rows = table::rows(self.personality);
        let found = rows.find(|row| row.short == Some(letter));
        found.ok_or_else(|| unknown(&format!("-{letter}"), "", std::iter::empty()))
    }

    fn nothing_more(mut self) -> Result<Typed, Error> {
        match self.args.next() {
            None => Ok(self.typed),
            Some(arg) => Err(unexpected(arg)),
        }
    }
}

fn text(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_owned())
}

fn unexpected(arg: &OsStr) -> Error {
    Error::usage(format!(
        "unexpected argument {:?}: all arguments are options",
        arg.to_string_lossy()
    ))
}

fn unknown(shown: &str, name: &str, all: impl Iterator<Item = &'static str>) -> Error {
    let near = nearest(name, all);
    let hint = near.map_or_else(
        || "--help (-Z) lists the options".to_owned(),
        |near| format!("did you mean --{near}?"),
    );
    Error::usage(format!("unknown option: {shown}")).with_hint(&hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(personality: Personality, line: &[&str]) -> Result<Vec<String>, String> {
        let args: Vec<OsString> = line.iter().map(OsString::from).collect();
        let typed = parse(personality, &args).map_err(|error| error.to_string())?;
        let shown = typed.given.iter().map(|given| match &given.value {
            Some(value) => format!("{}={}", given.row.long, value.to_string_lossy()),
            None => given.row.long.to_owned(),
        });
        Ok(shown.collect())
    }

    #[test]
    fn options_are_read_as_getopt_reads_them() {
        let check = |line: &[&str], expected: &[&str]| {
            let found = of(Personality::Backup, line).expect("options");
            assert_eq!(found, expected, "{line:?}");
        };
        check(&["-n", "test"], &["namespace=test"]);
        check(&["-ntest"], &["namespace=test"]);
        check(&["-n=test"], &["namespace==test"]);
        check(&["--namespace=test"], &["namespace=test"]);
        check(&["--name", "test"], &["namespace=test"]);
        check(
            &["-vrntest"],
            &["verbose", "remove-files", "namespace=test"],
        );
        check(&["--retry", "5"], &["sleep-between-retries=5"]);
        check(&["--set", "a"], &["set=a"]);
        check(&["--continue", "-x"], &["continue=-x"]);
        check(&["-P", "-x"], &["password", "no-bins"]);
        check(&["-P", "hush", "-x"], &["password=hush", "no-bins"]);
        check(&["-Phush"], &["password=hush"]);
        check(&["--password=-x"], &["password=-x"]);
        check(&["--tlsEnable", "--"], &["tls-enable"]);
        check(&["--tls-crl-checkall"], &["tls-crl-check-all"]);
        check(&["-u"], &["no-udfs"]);
        let found = of(Personality::Restore, &["-uFLwt", "4"]).expect("options");
        let all = ["unique", "no-udfs", "indexes-last", "wait", "parallel=4"];
        assert_eq!(found, all);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        let check = |line: &[&str], part: &str| {
            let refused = of(Personality::Backup, line).expect_err(part);
            assert!(refused.contains(part), "{line:?}: {refused}");
        };
        check(&["--bogus"], "unknown option: --bogus");
        check(&["-O"], "unknown option: -O");
        check(&["-t", "4"], "unknown option: -t");
        check(
            &["--no", "x"],
            "--no may be --no-config-file, --no-bins and more",
        );
        check(&["file"], "unexpected argument \"file\"");
        check(&["-"], "unexpected argument \"-\"");
        check(&["--", "x"], "unexpected argument \"x\"");
        check(&["-n"], "--namespace (-n) needs a value");
        check(&["--remove-files=yes"], "--remove-files takes no value");
        check(&["--bandwidth=4"], "unknown option");
    }

    #[test]
    fn old_names_bring_a_warning() {
        let typed = parse(Personality::Restore, &["--threads=4".into()]).expect("options");
        assert_eq!(
            typed.warnings,
            ["--threads is deprecated: it is --parallel now"]
        );
    }
}
