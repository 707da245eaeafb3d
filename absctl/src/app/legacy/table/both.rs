//! Options of both tools.

use super::{
    super::{
        row::{Flags, Row, Section, To, asked, number, switch, text},
        values::Values,
    },
    Group, group,
};
use std::ffi::{OsStr, OsString};

pub(super) const GROUPS: &[Group] = &[
    group("General", GENERAL),
    group("Configuration files", FILES),
    group("Connection", CONNECTION),
    group("TLS", TLS),
    group("Secret Agent", AGENT),
];

const GENERAL: &[Row] = &[
    switch("verbose")
        .short('v')
        .in_file(Section::Own)
        .help("Log more"),
    text("machine", "FILE").short('m').in_file(Section::Own),
    switch("help")
        .short('Z')
        .or(&["usage", "options"])
        .to(To::Before)
        .help("Print this; --usage and --options are the same"),
    switch("version")
        .short('V')
        .to(To::Before)
        .help("Print the version"),
];

const FILES: &[Row] = &[
    text("config-file", "FILE").to(To::Before).help(
        "Read this astools.conf after /etc/aerospike/astools.conf and ~/.aerospike/astools.conf",
    ),
    text("only-config-file", "FILE")
        .to(To::Before)
        .help("Read this one alone"),
    switch("no-config-file").to(To::Before).help("Read none"),
    text("instance", "NAME")
        .to(To::Before)
        .help("Take the tables whose names end in _NAME"),
];

const CONNECTION: &[Row] = &[
    text("host", "HOST[:TLSNAME][:PORT],...")
        .short('h')
        .in_file(Section::Cluster)
        .help("Nodes to ask first; the others are found from there. IPv6 addresses stand in brackets"),
    number("port", "PORT", 1)
        .up_to(65_535)
        .short('p')
        .in_file(Section::Cluster),
    switch("services-alternate")
        .short('S')
        .in_file(Section::Cluster)
        .called("use-services-alternate"),
    text("user", "USER").short('U').in_file(Section::Cluster),
    asked("password", "PASSWORD")
        .short('P')
        .in_file(Section::Cluster)
        .help("Password: itself, env:VARIABLE, env-b64:VARIABLE, b64:BASE64 or file:PATH. Without a value it is asked for"),
    text("auth", "MODE").short('A').in_file(Section::Cluster),
];

const TLS: &[Row] = &[
    switch("tls-enable")
        .once(&["tlsEnable"])
        .in_file(Section::Cluster),
    text("tls-name", "NAME")
        .once(&["tlsName"])
        .in_file(Section::Cluster),
    text("tls-cafile", "FILE")
        .once(&["tlsCaFile"])
        .in_file(Section::Cluster),
    text("tls-capath", "DIR")
        .once(&["tlsCaPath"])
        .in_file(Section::Cluster),
    text("tls-certfile", "FILE")
        .once(&["tlsCertFile"])
        .in_file(Section::Cluster),
    text("tls-keyfile", "FILE")
        .once(&["tlsKeyFile"])
        .in_file(Section::Cluster),
    asked("tls-keyfile-password", "PASSWORD").in_file(Section::Cluster),
    text("tls-protocols", "LIST")
        .once(&["tlsProtocols"])
        .in_file(Section::Cluster),
    text("tls-cipher-suite", "LIST")
        .once(&["tlsCipherSuite"])
        .in_file(Section::Cluster),
    switch("tls-crl-check")
        .once(&["tlsCrlCheck"])
        .in_file(Section::Cluster),
    switch("tls-crl-check-all")
        .or(&["tls-crl-checkall"])
        .once(&["tlsCrlCheckAll"])
        .in_file(Section::Cluster),
    text("tls-cert-blacklist", "FILE")
        .or(&["tls-cert-blackList"])
        .once(&["tlsCertBlackList"])
        .in_file(Section::Cluster),
    switch("tls-log-session-info").once(&["tlsLogSessionInfo"]),
    switch("tlsEncryptOnly")
        .to(To::Refused(
            "it would speak TLS with whoever answers; certificates are always checked here",
        ))
        .help("Refused: certificates are always checked"),
];

const AGENT: &[Row] = &[
    text("sa-address", "ADDRESS[:PORT]")
        .in_file(Section::Agent)
        .to(To::Made("sa-address", agent))
        .preset("127.0.0.1")
        .help("Host of the Secret Agent. Hosts, port, user, password, TLS and encryption key may be given as secrets:RESOURCE:KEY"),
    text("sa-port", "PORT")
        .in_file(Section::Agent)
        .preset("3005")
        .help("Its port"),
    number("sa-timeout", "MS", 1)
        .in_file(Section::Agent)
        .preset("1000"),
    text("sa-cafile", "FILE")
        .in_file(Section::Agent)
        .is("sa-ca-file")
        .help("Speak TLS with it: certificate authorities beside those of the system"),
];

/// `HOST:PORT` is two settings, unless the port is given by itself.
fn agent(value: &OsStr, all: &Values<'_>) -> Flags {
    let whole = vec![("sa-address", value.to_owned())];
    let Some((host, port)) = value.to_str().and_then(|text| text.rsplit_once(':')) else {
        return Ok(whole);
    };
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    Ok(match is_port {
        true if all.is_given("sa-port") => vec![("sa-address", host.into())],
        true => vec![("sa-address", host.into()), ("sa-port", port.into())],
        false => whole,
    })
}

pub(super) const ENCRYPT: Row = text("encrypt", "MODE").short('y').in_file(Section::Own);
pub(super) const COMPRESS: Row = text("compress", "MODE").short('z').in_file(Section::Own);
pub(super) const KEY_FILE: Row = text("encryption-key-file", "FILE").in_file(Section::Own);
pub(super) const KEY_ENV: Row = text("encryption-key-env", "NAME")
    .in_file(Section::Own)
    .to(To::Made("encryption-key-env", raw_key))
    .help(
        "Environment variable that holds the key in base64, of which the bytes count as they are",
    );

/// The variable holds bytes that are hashed as they are (`envelope.md` §5).
fn raw_key(value: &OsStr, _: &Values<'_>) -> Flags {
    Ok(vec![
        ("encryption-key-env", value.to_owned()),
        ("encryption-key-raw", "true".into()),
    ])
}

pub(super) const NO_RECORDS: Row = switch("no-records").short('R').in_file(Section::Own);
pub(super) const NO_INDEXES: Row = switch("no-indexes").short('I').in_file(Section::Own);
pub(super) const SOCKET_TIMEOUT: Row = number("socket-timeout", "MS", 0).in_file(Section::Own);

pub(super) const S3_REGION: Row = text("s3-region", "REGION").in_file(Section::Own);
pub(super) const S3_PROFILE: Row = text("s3-profile", "NAME").in_file(Section::Own);
pub(super) const S3_ENDPOINT: Row = text("s3-endpoint-override", "URL").in_file(Section::Own);
pub(super) const S3_CONNECT: Row = number("s3-connect-timeout", "MS", 1)
    .in_file(Section::Own)
    .preset("1000");
pub(super) const S3_PROXY: Row = switch("s3-allow-system-proxy").in_file(Section::Own);
pub(super) const S3_LOG: Row = text("s3-log-level", "LEVEL").in_file(Section::Own);

/// A path, which our flag would take for a name if it has no slash.
pub(super) fn path(value: &OsStr) -> OsString {
    let is_name = !value.to_string_lossy().contains('/');
    let mut path = OsString::from(if is_name { "./" } else { "" });
    path.push(value);
    path
}
