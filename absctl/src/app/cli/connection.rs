//! How to reach the cluster (`cli.md` §3).

use clap::Args;
use std::{net::Ipv6Addr, str::FromStr};

/// Flags of the connection.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Nodes to ask first; the others are found from there. IPv6 addresses stand in brackets.
    /// May be given several times
    #[arg(
        short = 'h',
        long,
        value_name = "HOST[:PORT],...",
        value_delimiter = ',',
        default_value = "127.0.0.1"
    )]
    pub(crate) host: Vec<Seed>,

    /// Port of hosts that are given without one
    #[arg(
        short,
        long,
        value_name = "PORT",
        default_value_t = 3000,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub(crate) port: u16,

    /// Time limit for reaching the cluster, in milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 30_000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) client_timeout: u32,
}

/// A host as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seed {
    /// Name or address, without brackets.
    pub(crate) name: String,
    /// Its port, if it has one of its own.
    pub(crate) port: Option<u16>,
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
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(parse_port(port)?)),
            None => (text, None),
        };
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("a host name is missing, or holds a blank".to_owned());
        }
        let name = name.to_owned();
        Ok(Self { name, port })
    }
}

fn bracketed(rest: &str) -> Result<Seed, String> {
    let (address, port) = rest.split_once(']').ok_or("\"]\" is missing")?;
    if address.parse::<Ipv6Addr>().is_err() {
        return Err(format!("{address:?} is no IPv6 address"));
    }
    let port = match port.strip_prefix(':') {
        Some(port) => Some(parse_port(port)?),
        None if port.is_empty() => None,
        None => return Err("only \":PORT\" may follow \"]\"".to_owned()),
    };
    let name = address.to_owned();
    Ok(Seed { name, port })
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!(
            "{text:?} is no port (1 to 65535); TLS names are not supported yet"
        )),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let check = |text: &str, name: &str, port| {
            let name = name.to_owned();
            assert_eq!(text.parse(), Ok(Seed { name, port }), "{text}");
        };
        check("db", "db", None);
        check("db-1.example:3100", "db-1.example", Some(3100));
        check("10.0.0.1:65535", "10.0.0.1", Some(65535));
        check("[::1]", "::1", None);
        check("[fe80::2]:3000", "fe80::2", Some(3000));
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
        check("db:tls-name", "TLS names");
        check("db:tls-name:3000", "TLS names");
        check("[::1", "\"]\" is missing");
        check("[db]", "no IPv6 address");
        check("[::1]3000", "may follow");
    }
}
