//! Values that may stand somewhere else than on the command line (`cli.md` §3, §4).

use super::{error::Error, settings::Secrets};
use backup_core::cluster::net_tls::{pem::Source, secret::Secret};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    env, fs,
    io::IsTerminal as _,
    path::Path,
    process::{Command, Stdio},
};

/// Where a value stands.
enum Place<'a> {
    Here(&'a str),
    Base64(&'a str),
    Variable(&'a str),
    Base64Variable(&'a str),
    File(&'a str),
}

impl<'a> Place<'a> {
    fn of(text: &'a str) -> Self {
        let after = |prefix: &str| text.strip_prefix(prefix);
        let found = None
            .or_else(|| after("env-b64:").map(Self::Base64Variable))
            .or_else(|| after("env:").map(Self::Variable))
            .or_else(|| after("b64:").map(Self::Base64))
            .or_else(|| after("file:").map(Self::File));
        found.unwrap_or(Self::Here(text))
    }
}

/// A password: itself, or where it stands.
pub(crate) fn password(flag: &str, typed: &Secret, secrets: &Secrets) -> Result<Secret, Error> {
    if let Some(secret) = secrets.secret(flag, typed.expose())? {
        return Ok(secret);
    }
    match Place::of(typed.expose()) {
        Place::Here(text) => Ok(text.into()),
        Place::File(path) => {
            let text = read(flag, path)?;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Ok(line.strip_suffix('\r').unwrap_or(line).into())
        }
        place => elsewhere(flag, place),
    }
}

/// PEM: a path, or where the text stands.
pub(crate) fn pem(flag: &str, typed: &Secret, secrets: &Secrets) -> Result<Source, Error> {
    if let Some(text) = secrets.file(flag, typed.expose())? {
        return Ok(Source::text(flag, text));
    }
    match Place::of(typed.expose()) {
        // A configuration file may hold it.
        Place::Here(text) if text.contains("-----BEGIN") => {
            Ok(Source::text(flag, Secret::from(text)))
        }
        Place::Here(path) | Place::File(path) => Ok(Source::file(path)),
        place => Ok(Source::text(flag, elsewhere(flag, place)?)),
    }
}

fn elsewhere(flag: &str, place: Place<'_>) -> Result<Secret, Error> {
    match place {
        Place::Here(text) => Ok(text.into()),
        Place::Base64(text) => decode(flag, text),
        Place::Variable(name) => variable(flag, name).map(Secret::from),
        Place::Base64Variable(name) => decode(flag, &variable(flag, name)?),
        Place::File(path) => read(flag, path).map(Secret::from),
    }
}

fn variable(flag: &str, name: &str) -> Result<String, Error> {
    env::var(name).map_err(|error| {
        let why = match error {
            env::VarError::NotPresent => "is not set",
            env::VarError::NotUnicode(_) => "is not text",
        };
        Error::usage(format!("{flag}: the environment variable {name} {why}"))
    })
}

fn decode(flag: &str, text: &str) -> Result<Secret, Error> {
    let text: String = text.split_whitespace().collect();
    let bytes = STANDARD.decode(text).ok();
    let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded
        .map(Secret::from)
        .ok_or_else(|| Error::usage(format!("{flag}: the value is not the base64 of a text")))
}

fn read(flag: &str, path: &str) -> Result<String, Error> {
    fs::read_to_string(Path::new(path))
        .map_err(|error| Error::usage(format!("{flag}: cannot read {path}: {error}")))
}

/// The password that a command prints (`--password-command`): its output without the end of the
/// line. Nothing of it is in a message.
pub(crate) fn of_command(flag: &str, command: &str) -> Result<Secret, Error> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::System {
            action: "run the password command",
            source,
        })?;
    if !output.status.success() {
        return Err(Error::secret(format!("{flag}: {}", output.status)));
    }
    let text = String::from_utf8(output.stdout);
    let text = text.map_err(|_| Error::secret(format!("{flag}: what it prints is no text")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    if line.is_empty() {
        return Err(Error::secret(format!("{flag}: it prints nothing")));
    }
    Ok(line.into())
}

/// Whether someone could be asked.
pub(crate) fn can_ask() -> bool {
    std::io::stderr().is_terminal()
}

/// Asks for a password at the terminal.
pub(crate) fn ask(flag: &str, what: &str) -> Result<Secret, Error> {
    if !can_ask() {
        return Err(Error::usage(format!(
            "{flag} has no value, and there is no terminal to ask at"
        )));
    }
    rpassword::prompt_password(format!("{what}: "))
        .map(Secret::from)
        .map_err(|source| Error::System {
            action: "ask for a password",
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, String> {
        let found = password("-P", &text.into(), &Secrets::none());
        found
            .map(|secret| secret.expose().to_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn passwords_are_found_where_they_are() {
        assert_eq!(of("plain"), Ok("plain".to_owned()));
        assert_eq!(of(""), Ok(String::new()));
        assert_eq!(of("b64:aHVzaA=="), Ok("hush".to_owned()));
        let file = tempfile::NamedTempFile::new().expect("file");
        fs::write(file.path(), "two words\n").expect("written");
        let path = format!("file:{}", file.path().display());
        assert_eq!(of(&path), Ok("two words".to_owned()));
        // cargo sets it for tests.
        let name = env!("CARGO_PKG_NAME").to_owned();
        assert_eq!(of("env:CARGO_PKG_NAME"), Ok(name));
    }

    #[test]
    fn what_is_not_there_is_explained() {
        let check = |text: &str, part: &str| {
            let error = of(text).expect_err(text);
            assert!(error.contains(part), "{error}");
        };
        check("env:ABSCTL_NO_SUCH", "ABSCTL_NO_SUCH is not set");
        check("env-b64:CARGO_PKG_VERSION", "not the base64 of a text");
        check("b64:*", "not the base64 of a text");
        check("file:/nowhere/x", "cannot read /nowhere/x");
        check("secrets:a:b", "Secret Agent");
    }

    #[test]
    fn pem_is_a_path_unless_it_says_otherwise() {
        let shown = |text: &str| {
            pem("--tls-cafile", &text.into(), &Secrets::none()).map(|source| source.to_string())
        };
        assert_eq!(shown("/a/ca.pem").expect("path"), "/a/ca.pem");
        assert_eq!(shown("file:/a/ca.pem").expect("path"), "/a/ca.pem");
        assert_eq!(
            shown("b64:aHVzaA==").expect("text"),
            "the text of --tls-cafile"
        );
    }
}
