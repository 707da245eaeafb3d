//! How to reach the cluster (`cli.md` §3).

use super::{given::Given, patience::Info, tls::Tls};
use backup_core::cluster::net_tls::secret::Secret;
use clap::Args;
use std::{net::Ipv6Addr, str::FromStr};

/// Flags of the connection.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Nodes to ask first; the others are found from there. IPv6 addresses stand in brackets. The
    /// TLS name is the one in the node's certificate. May be given several times
    #[arg(
        short = 'h',
        long,
        value_name = "HOST[:TLSNAME][:PORT],...",
        value_delimiter = ',',
        default_value = "127.0.0.1"
    )]
    pub(crate) host: Vec<Given<Seed>>,

    /// Port of hosts that are given without one
    #[arg(short, long, value_name = "PORT", default_value = "3000")]
    pub(crate) port: Given<Port>,

    /// Time limit for reaching the cluster, in milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 30_000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) client_timeout: u32,

    /// Time limit for a login, in milliseconds; 0 = none
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(crate) client_login_timeout: u32,

    /// Close kept connections that nobody has used for so many milliseconds; 0 = never
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) client_idle_timeout: u32,

    /// Use the alternate addresses of the nodes
    #[arg(short = 'S', long)]
    pub(crate) services_alternate: bool,

    /// User to log in as
    #[arg(short = 'U', long, value_name = "USER")]
    pub(crate) user: Option<String>,

    /// Password: itself, env:VARIABLE, env-b64:VARIABLE, b64:BASE64 or file:PATH. Without a value
    /// it is asked for; a password that begins with "-" needs "="
    #[arg(short = 'P', long, value_name = "PASSWORD", num_args = 0..=1)]
    pub(crate) password: Option<Option<Secret>>,

    /// Command for sh that prints the password
    #[arg(long, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,

    /// Who knows the user: INTERNAL (the cluster), EXTERNAL (LDAP, over TLS only),
    /// EXTERNAL_INSECURE (LDAP, the password readable on the way) or PKI (the client certificate
    /// names the user)
    #[arg(
        short = 'A',
        long,
        value_name = "MODE",
        default_value = "INTERNAL",
        ignore_case = true,
        hide_possible_values = true
    )]
    pub(crate) auth: Auth,

    /// How to speak TLS.
    #[command(flatten)]
    pub(crate) tls: Tls,

    /// How patient to be.
    #[command(flatten)]
    pub(crate) info: Info,
}

/// Who knows the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Auth {
    // No doc comments: they would stretch the help of all flags.
    #[value(name = "INTERNAL")]
    Internal,
    #[value(name = "EXTERNAL")]
    External,
    #[value(name = "EXTERNAL_INSECURE")]
    ExternalInsecure,
    #[value(name = "PKI")]
    Pki,
}

/// A host as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seed {
    /// Name or address, without brackets.
    pub(crate) name: String,
    /// Its TLS name, if it has one of its own.
    pub(crate) tls_name: Option<String>,
    /// Its port, if it has one of its own.
    pub(crate) port: Option<u16>,
}

/// A port, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port(pub(crate) u16);

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_port(text).map(Self)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix('[') {
            return bracketed(rest);
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(format!("an IPv6 address stands in brackets: [{text}]"));
        }
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        if !is_name(name) {
            return Err("a host name is missing, or holds a blank".to_owned());
        }
        Self::new(name, rest)
    }
}

impl Seed {
    /// A seed from its name and what follows after a colon: `TLSNAME:PORT`, `PORT` or `TLSNAME`.
    fn new(name: &str, rest: Option<&str>) -> Result<Self, String> {
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let (tls_name, port) = match rest {
            None => (None, None),
            Some(rest) => match rest.split_once(':') {
                Some((tls_name, port)) => (Some(tls_name), Some(port)),
                None if is_number(rest) => (None, Some(rest)),
                None => (Some(rest), None),
            },
        };
        if tls_name.is_some_and(|name| !is_name(name)) {
            return Err("a TLS name is empty, or holds a blank".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            tls_name: tls_name.map(str::to_owned),
            port: port.map(parse_port).transpose()?,
        })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn bracketed(rest: &str) -> Result<Seed, String> {
    let (address, rest) = rest.split_once(']').ok_or("\"]\" is missing")?;
    if address.parse::<Ipv6Addr>().is_err() {
        return Err(format!("{address:?} is no IPv6 address"));
    }
    match rest.strip_prefix(':') {
        Some(rest) => Seed::new(address, Some(rest)),
        None if rest.is_empty() => Seed::new(address, None),
        None => Err("only \":TLSNAME:PORT\" may follow \"]\"".to_owned()),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is no port (1 to 65535)")),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let check = |text: &str, name: &str, tls_name: Option<&str>, port| {
            let seed = Seed {
                name: name.to_owned(),
                tls_name: tls_name.map(str::to_owned),
                port,
            };
            assert_eq!(text.parse(), Ok(seed), "{text}");
        };
        check("db", "db", None, None);
        check("db-1.example:3100", "db-1.example", None, Some(3100));
        check("10.0.0.1:65535", "10.0.0.1", None, Some(65535));
        check("[::1]", "::1", None, None);
        check("[fe80::2]:3000", "fe80::2", None, Some(3000));
        check("db:cluster.example", "db", Some("cluster.example"), None);
        check("db:cluster:4333", "db", Some("cluster"), Some(4333));
        check("db:3000:4333", "db", Some("3000"), Some(4333));
        check("[::1]:name:4333", "::1", Some("name"), Some(4333));
        check("[::1]:name", "::1", Some("name"), None);
    }

    #[test]
    fn no_hosts() {
        let check = |text: &str, part: &str| {
            let refused = text.parse::<Seed>().expect_err(text);
            assert!(refused.contains(part), "{text}: {refused}");
        };
        check("", "missing");
        check(":3000", "missing");
        check(" db", "blank");
        check("::1", "brackets: [::1]");
        check("db:0", "no port");
        check("db:65536", "no port");
        check("db:", "no port");
        check("host::3000", "TLS name is empty");
        check("db:name:port", "no port");
        check("db:name:4333:5", "no port");
        check("[::1", "\"]\" is missing");
        check("[db]", "no IPv6 address");
        check("[::1]3000", "may follow");
    }
}
