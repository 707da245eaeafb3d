//! Who the program is to the cluster, and how it speaks TLS: rules over several flags (`cli.md`
//! §3, §4).

use super::{
    cli::{Auth, Connection, Tls},
    error::Error,
    settings::{Secrets, secrets},
    value,
};
use backup_core::cluster::{
    auth::AuthMode,
    net_tls::{
        client::ClientSettings, error::Error as TlsError, pem::Source, revocation::RevocationCheck,
        secret::Secret,
    },
};
use std::path::{Path, PathBuf};

/// Who logs in.
pub(crate) fn auth(flags: &Connection, secrets: &Secrets) -> Result<AuthMode, Error> {
    let has_user = flags.user.as_ref().is_some_and(|user| !user.is_empty());
    if flags.auth == Auth::Pki {
        return pki(flags);
    }
    if !has_user {
        if flags.password_command.is_some() {
            tracing::warn!("--password-command without --user (-U) has no effect");
        }
        if flags.password.is_some() {
            tracing::warn!("--password (-P) without --user (-U) has no effect");
        }
        return Ok(AuthMode::None);
    }
    if flags.auth == Auth::External && !flags.tls.tls_enable {
        let error =
            Error::usage("--auth EXTERNAL sends the password itself: it needs --tls-enable");
        return Err(error.with_hint(
            "--auth EXTERNAL_INSECURE sends it without TLS, for everyone on the way to read",
        ));
    }
    let user = secrets.text("--user (-U)", flags.user.as_deref())?;
    let user = user.unwrap_or_default();
    let password = password(flags, &user, secrets)?;
    Ok(match flags.auth {
        Auth::External | Auth::ExternalInsecure => AuthMode::External {
            user,
            password,
            insecure: flags.auth == Auth::ExternalInsecure,
        },
        Auth::Internal | Auth::Pki => AuthMode::Internal { user, password },
    })
}

fn pki(flags: &Connection) -> Result<AuthMode, Error> {
    if flags.user.is_some() || flags.password.is_some() || flags.password_command.is_some() {
        return Err(Error::usage(
            "--auth PKI takes the user from the client certificate: no --user (-U), no \
             --password (-P) and no --password-command beside it",
        ));
    }
    let tls = &flags.tls;
    if !tls.tls_enable || tls.tls_certfile.is_none() || tls.tls_keyfile.is_none() {
        return Err(Error::usage(
            "--auth PKI needs --tls-enable, --tls-certfile and --tls-keyfile",
        ));
    }
    Ok(AuthMode::Pki)
}

/// The password: as given, or asked for; empty where nobody can be asked and nothing was said.
fn password(flags: &Connection, user: &str, secrets: &Secrets) -> Result<Secret, Error> {
    const FLAG: &str = "--password (-P)";
    let question = format!("Password of {user}");
    if let Some(command) = &flags.password_command {
        if flags.password.is_some() {
            return Err(Error::usage(
                "--password (-P) and --password-command exclude each other",
            ));
        }
        return value::of_command("--password-command", command);
    }
    match &flags.password {
        Some(Some(typed)) => value::password(FLAG, typed, secrets),
        Some(None) => value::ask(FLAG, &question),
        None if value::can_ask() => value::ask(FLAG, &question),
        None => Ok(Secret::default()),
    }
}

/// How to speak TLS; `None` = not at all.
pub(crate) fn tls(flags: &Tls, secrets: &Secrets) -> Result<Option<ClientSettings>, Error> {
    if !flags.tls_enable {
        if flags.has_settings() {
            tracing::warn!("TLS flags have no effect without --tls-enable");
        }
        return Ok(None);
    }
    let source = |flag: &str, typed: &Option<Secret>| {
        let typed = typed.as_ref().filter(|typed| !typed.is_empty());
        typed
            .map(|typed| value::pem(flag, typed, secrets))
            .transpose()
    };
    Ok(Some(ClientSettings {
        ca_file: source("--tls-cafile", &flags.tls_cafile)?,
        ca_path: ca_path(flags, secrets)?,
        certificate: source("--tls-certfile", &flags.tls_certfile)?,
        key: source("--tls-keyfile", &flags.tls_keyfile)?,
        key_password: key_password(flags, secrets)?,
        protocols: list("--tls-protocols", flags.tls_protocols.as_deref(), secrets)?,
        ciphers: list(
            "--tls-cipher-suite",
            flags.tls_cipher_suite.as_deref(),
            secrets,
        )?,
        revocation: match (flags.tls_crl_check_all, flags.tls_crl_check) {
            (true, _) => RevocationCheck::Chain,
            (false, true) => RevocationCheck::Leaf,
            (false, false) => RevocationCheck::Off,
        },
        blacklist: blacklist(flags, secrets)?,
        log_sessions: flags.tls_log_session_info,
        ..ClientSettings::default()
    }))
}

impl Tls {
    fn has_settings(&self) -> bool {
        self.tls_name.is_some()
            || self.tls_cafile.is_some()
            || self.tls_capath.is_some()
            || self.tls_certfile.is_some()
            || self.tls_keyfile.is_some()
            || self.tls_keyfile_password.is_some()
            || self.tls_protocols.is_some()
            || self.tls_cipher_suite.is_some()
            || self.tls_crl_check
            || self.tls_crl_check_all
            || self.tls_cert_blacklist.is_some()
            || self.tls_log_session_info
    }
}

fn key_password(flags: &Tls, secrets: &Secrets) -> Result<Option<Secret>, Error> {
    const FLAG: &str = "--tls-keyfile-password";
    match &flags.tls_keyfile_password {
        None => Ok(None),
        Some(Some(typed)) => value::password(FLAG, typed, secrets).map(Some),
        Some(None) => value::ask(FLAG, "Password of the TLS key").map(Some),
    }
}

/// The directory of authorities. One that a secret names is not shown if there is none.
fn ca_path(flags: &Tls, secrets: &Secrets) -> Result<Option<PathBuf>, Error> {
    const FLAG: &str = "--tls-capath";
    let Some(typed) = &flags.tls_capath else {
        return Ok(None);
    };
    let shown = typed.to_str().unwrap_or_default();
    match secrets.secret(FLAG, shown)? {
        None => Ok(Some(typed.clone())),
        Some(path) if Path::new(path.expose()).is_dir() => Ok(Some(path.expose().into())),
        Some(_) => Err(secrets::not(FLAG, &shown, "the path of a directory")),
    }
}

fn blacklist(flags: &Tls, secrets: &Secrets) -> Result<Option<Source>, Error> {
    let Some(typed) = &flags.tls_cert_blacklist else {
        return Ok(None);
    };
    let source = secrets.source("--tls-cert-blacklist", typed)?;
    tracing::warn!("--tls-cert-blacklist is deprecated: use revocation lists");
    Ok(Some(source))
}

/// A list of words, or the default.
fn list<T: Default + std::str::FromStr<Err = TlsError>>(
    flag: &str,
    typed: Option<&str>,
    secrets: &Secrets,
) -> Result<T, Error> {
    let Some(typed) = typed else {
        return Ok(T::default());
    };
    if let Some(secret) = secrets.secret(flag, typed)? {
        let parsed = secret.expose().parse();
        return parsed.map_err(|_| secrets::not(flag, &typed, "a list that this flag takes"));
    }
    typed
        .parse()
        .map_err(|error: TlsError| Error::usage(format!("{flag}: {error}")))
}
