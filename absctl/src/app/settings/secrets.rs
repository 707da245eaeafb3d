//! Values that the Secret Agent keeps: `secrets:RESOURCE:KEY` in place of a value (`cli.md`
//! §10.1).
//!
//! The one place where the agent is asked, before the cluster or the target is touched. What it
//! gives is taken as it is: a password `env:X` out of the agent is that password. Nothing of it is
//! quoted in a message; hosts, names and users are shown later where a connection fails.

use crate::app::{
    cli::{Given, Port, Seed, agent as cli},
    error::Error,
};
use backup_core::{
    cluster::net_tls::{client::ClientSettings, pem::Source, secret::Secret},
    secret_agent::{Address, Agent, Encoding, Form, Reference, Settings, SetupError, Tls},
};
use std::{fmt, fs, path::Path, time::Duration};

/// How PEM texts are told from paths.
const PEM_HEADER: &str = "-----BEGIN";

/// The agent, if there is one.
#[derive(Debug)]
pub(crate) struct Secrets {
    agent: Option<Agent>,
    /// How references look.
    form: Form,
}

impl Secrets {
    /// The agent that the flags describe. Its TLS files are read, and nobody is asked yet.
    pub(crate) fn new(flags: &cli::Agent) -> Result<Self, Error> {
        let agent = Self::agent(flags)?;
        let form = Form::ResourceAndKey;
        Ok(Self { agent, form })
    }

    /// The same for an old tool or ours: those know references without a resource.
    pub(super) fn of(flags: &cli::Agent, is_old: bool) -> Result<Self, Error> {
        let form = if is_old {
            Form::ResourceOptional
        } else {
            Form::ResourceAndKey
        };
        let secrets = Self::new(flags)?;
        Ok(Self { form, ..secrets })
    }

    fn agent(flags: &cli::Agent) -> Result<Option<Agent>, Error> {
        if flags.sa_cert_file.is_some() != flags.sa_key_file.is_some() {
            return Err(Error::usage(
                "--sa-cert-file and --sa-key-file need each other",
            ));
        }
        let address = flags.sa_address.as_deref().unwrap_or_default();
        if address.is_empty() {
            if flags.has_settings() {
                tracing::warn!("Secret Agent flags have no effect without --sa-address");
            }
            return Ok(None);
        }
        let agent = Agent::new(settings(flags, address)?).map_err(|error| match error {
            SetupError::TlsOverUnix => Error::usage(
                "--sa-connection-type UNIX goes without TLS: no --sa-ca-file, --sa-tls-name, \
                 --sa-cert-file and --sa-key-file beside it",
            ),
            error => Error::Agent(Box::new(error)),
        })?;
        Ok(Some(agent))
    }

    /// Whether there is an agent.
    pub(crate) const fn can_ask(&self) -> bool {
        self.agent.is_some()
    }

    /// No agent.
    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        let form = Form::ResourceAndKey;
        Self { agent: None, form }
    }

    /// The secret that `typed` refers to; `None` if it is a value itself.
    pub(crate) fn secret(&self, flag: &str, typed: &str) -> Result<Option<Secret>, Error> {
        let reference = Reference::parse(typed, self.form);
        let reference = reference.map_err(|error| Error::usage(format!("{flag}: {error}")))?;
        let reference = reference.as_ref();
        reference
            .map(|reference| self.fetch(flag, reference))
            .transpose()
    }

    /// A text that need not be hidden: itself, or the one it refers to.
    pub(crate) fn text(&self, flag: &str, typed: Option<&str>) -> Result<Option<String>, Error> {
        let Some(typed) = typed else {
            return Ok(None);
        };
        let found = self.secret(flag, typed)?;
        Ok(Some(found.map_or_else(
            || typed.to_owned(),
            |secret| secret.expose().to_owned(),
        )))
    }

    /// The hosts to ask first. A secret may hold several of them, with commas between.
    pub(crate) fn hosts(&self, flag: &str, typed: &[Given<Seed>]) -> Result<Vec<Seed>, Error> {
        let mut hosts = Vec::new();
        for given in typed {
            match given {
                Given::Here(seed) => hosts.push(seed.clone()),
                Given::Secret(reference) => {
                    let list = self.fetch(flag, reference)?;
                    let parsed = list.expose().trim().split(',').map(str::parse);
                    let parsed: Result<Vec<Seed>, String> = parsed.collect();
                    hosts.extend(parsed.map_err(|_| not(flag, reference, "a list of hosts"))?);
                }
            }
        }
        Ok(hosts)
    }

    /// A port.
    pub(crate) fn port(&self, flag: &str, typed: &Given<Port>) -> Result<u16, Error> {
        let Port(port) = match typed {
            Given::Here(port) => *port,
            Given::Secret(reference) => {
                let port = self.fetch(flag, reference)?.expose().trim().parse();
                port.map_err(|_| not(flag, reference, "a port (1 to 65535)"))?
            }
        };
        Ok(port)
    }

    /// The file that a secret is or names, as a text; `None` if `typed` is no reference.
    pub(crate) fn file(&self, flag: &str, typed: &str) -> Result<Option<Secret>, Error> {
        let Some(found) = self.secret(flag, typed)? else {
            return Ok(None);
        };
        if found.expose().contains(PEM_HEADER) {
            return Ok(Some(found));
        }
        // The value may be a key in a form that was not expected: it is not shown.
        let text = fs::read_to_string(found.expose().trim()).map_err(|error| {
            let found = format!("{flag}: {typed} is neither PEM nor the path of a readable file");
            let error = Error::secret(format!("{found}: {}", error.kind()));
            error.with_hint("--sa-is-base64 is for an agent that gives its secrets in base64")
        })?;
        Ok(Some(text.into()))
    }

    /// The same with a path that is used as it is unless it is a reference.
    pub(crate) fn source(&self, flag: &str, typed: &Path) -> Result<Source, Error> {
        let found = typed.to_str().map(|typed| self.file(flag, typed));
        Ok(match found.transpose()?.flatten() {
            Some(text) => Source::text(flag, text),
            None => Source::File(typed.to_owned()),
        })
    }

    fn fetch(&self, flag: &str, reference: &Reference) -> Result<Secret, Error> {
        let checked = reference.check(self.form);
        checked.map_err(|error| Error::usage(format!("{flag}: {error}")))?;
        let Some(agent) = &self.agent else {
            let error = Error::usage(format!(
                "{flag}: {reference} is meant for a Secret Agent, and there is none"
            ));
            return Err(error.with_hint("--sa-address and --sa-port say where the agent is"));
        };
        agent.fetch(reference).map_err(|error| Error::Secret {
            flag: flag.to_owned(),
            error: Box::new(error),
        })
    }
}

/// A secret that is not what the flag wants. The value is not shown.
pub(crate) fn not(flag: &str, reference: &impl fmt::Display, what: &str) -> Error {
    Error::secret(format!("{flag}: {reference} is not {what}"))
}

fn settings(flags: &cli::Agent, address: &str) -> Result<Settings, Error> {
    let address = match flags.sa_connection_type {
        cli::Transport::Tcp if flags.sa_port == 0 => {
            let error = Error::usage("--sa-address needs --sa-port, the port of the Secret Agent");
            return Err(error.with_hint("agents listen on port 3005 unless told otherwise"));
        }
        cli::Transport::Tcp => Address::tcp(address, flags.sa_port),
        cli::Transport::Unix => Address::Unix(address.into()),
    };
    Ok(Settings {
        tls: tls(flags),
        timeout: Duration::from_millis(flags.sa_timeout.into()),
        encoding: if flags.sa_is_base64 {
            Encoding::Base64
        } else {
            Encoding::Text
        },
        ..Settings::new(address)
    })
}

fn tls(flags: &cli::Agent) -> Option<Tls> {
    flags.has_tls().then(|| Tls {
        settings: ClientSettings {
            ca_file: flags.sa_ca_file.clone().map(Source::File),
            certificate: flags.sa_cert_file.clone().map(Source::File),
            key: flags.sa_key_file.clone().map(Source::File),
            ..ClientSettings::default()
        },
        name: flags.sa_tls_name.clone(),
    })
}

impl cli::Agent {
    fn has_tls(&self) -> bool {
        self.sa_ca_file.is_some()
            || self.sa_tls_name.is_some()
            || self.sa_cert_file.is_some()
            || self.sa_key_file.is_some()
    }

    fn has_settings(&self) -> bool {
        self.has_tls() || self.sa_port != 0 || self.sa_is_base64
    }
}
