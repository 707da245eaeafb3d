//! From what was typed to what `backup-core` runs: the one place where both are known.

mod backup;
mod cloud;
mod convert;
mod envelope;
mod estimate;
mod incremental;
mod list;
mod old;
mod patience;
mod place;
mod problems;
mod replay;
mod restore;
mod restoring;
mod resume;
pub(crate) mod secrets;
mod selection;
mod shard;
mod time;
mod written;
mod xdr;

pub(crate) use self::{
    backup::{backup, to_clear},
    convert::convert,
    estimate::{dry_run, estimate, estimate_first},
    old::remove_empty,
    restore::{RestoreTask, restore},
    secrets::Secrets,
    xdr::{XdrTask, xdr},
};

use self::problems::Problems;
use super::{
    access,
    cli::{Connection, Seed, Selection},
    error::Error,
};
use backup_core::cluster::{client::ConnectOptions, view::Host};

/// Longest name of a namespace in bytes, as the server has it.
const NAMESPACE_BYTES: usize = 31;

fn connect(flags: &Connection, secrets: &Secrets) -> Result<ConnectOptions, Error> {
    let hosts = secrets.hosts("--host (-h)", &flags.host)?;
    let port = secrets.port("--port (-p)", &flags.port)?;
    let tls_name = secrets.text("--tls-name", flags.tls.tls_name.as_deref())?;
    let seed = |seed: Seed| Host {
        tls_name: seed.tls_name.or_else(|| tls_name.clone()),
        ..Host::new(&seed.name, seed.port.unwrap_or(port))
    };
    Ok(ConnectOptions {
        seeds: hosts.into_iter().map(seed).collect(),
        connect_timeout: patience::millis(flags.client_timeout),
        login_timeout: patience::millis(flags.client_login_timeout),
        idle_timeout: patience::millis(flags.client_idle_timeout),
        info_timeout: patience::millis(flags.info.info_timeout),
        info_retry: patience::info_retry(&flags.info),
        services_alternate: flags.services_alternate,
        tls: access::tls(&flags.tls, secrets)?,
        auth: access::auth(flags, secrets)?,
    })
}

/// Everything can be left out, but hardly on purpose.
fn warn_of_nothing(flags: &Selection) {
    if flags.no_records && flags.no_indexes && flags.no_udfs {
        tracing::warn!("--no-records (-R), --no-indexes (-I) and --no-udfs leave nothing to do");
    }
}

fn parallel(typed: u16) -> Option<usize> {
    (typed > 0).then_some(usize::from(typed))
}

/// A number of MiB in bytes.
fn mebibytes(flag: &str, typed: u64) -> Result<u64, Error> {
    let bytes = typed.checked_mul(1 << 20);
    bytes.ok_or_else(|| Error::usage(format!("{flag} {typed}: there are no numbers that large")))
}

fn required_namespace(typed: Option<&str>) -> Result<&str, Error> {
    let namespace = typed.ok_or_else(|| Error::usage("--namespace (-n) is needed"))?;
    checked_namespace(namespace)
}

/// A name that can stand in a file name and in an info command.
fn checked_namespace(name: &str) -> Result<&str, Error> {
    let wrong = |why: &str| Err(Error::usage(format!("namespace {name:?}: {why}")));
    match name {
        "" => wrong("the name is empty"),
        _ if name.len() > NAMESPACE_BYTES => wrong("names have at most 31 bytes"),
        _ if name.contains(',') => wrong("only a restore can have two namespaces"),
        _ if name.contains(|c: char| c.is_control() || "/;:=\\".contains(c)) => {
            wrong("this is no name of a namespace")
        }
        _ => Ok(name),
    }
}

fn exclusive(one: &str, other: &str) -> Error {
    Error::usage(format!("{one} and {other} exclude each other"))
}

fn missing(one: &str, other: &str) -> Error {
    Error::usage(format!("{one} or {other} is needed"))
}
