//! One flag, three names: `--log-json`, `app.log-json` in a file, `ABSCTL_LOG_JSON` in the
//! environment (`cli.md` §12). The rule is here, so that a new flag has all of them at once.

use clap::{Arg, ArgAction, Command};

/// Flags that are no settings; the last four say where such are.
const NO_SETTINGS: [&str; 6] = [
    "help",
    "version",
    "config-file",
    "only-config-file",
    "no-config-file",
    "instance",
];

/// The flag that names the file cannot stand in it.
const CONFIG: &str = "config";

/// What flags begin with whose section takes the beginning of their name.
const PREFIXES: [(&str, &str); 7] = [
    ("s3-", "aws.s3"),
    ("gcp-", "gcp.storage"),
    ("azure-", "azure.blob"),
    ("encryption-", "encryption"),
    ("compression-", "compression"),
    ("sa-", "secret-agent"),
    ("tls-", "cluster.tls"),
];

/// Keys that follow no rule.
const NAMED: [(&str, &str); 4] = [
    ("host", "cluster.seeds"),
    ("compress", "compression.compress"),
    ("encrypt", "encryption.encrypt"),
    ("local-buffer-size", "local.disk.buffer-size"),
];

/// Flags whose key is in the section of the cluster.
const CLUSTER: [&str; 8] = [
    "port",
    "user",
    "password",
    "auth",
    "client-timeout",
    "client-idle-timeout",
    "client-login-timeout",
    "services-alternate",
];

/// Flags of both commands that are about neither cluster nor data.
const APP: [&str; 16] = [
    "verbose",
    "log-level",
    "log-json",
    "log-file",
    "machine",
    "password-command",
    "shard",
    "run-id",
    "metrics-file",
    "metrics-listen",
    "dry-run",
    "verify-writes",
    "annotation",
    "on-success",
    "on-failure",
    "memory-limit",
];

/// The commands that have sections of their own, and those.
pub(super) const COMMANDS: [&str; 3] = ["backup", "restore", "convert"];

/// A setting of a command.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Where it stands in a file: `section.key`.
    pub(super) path: String,
    /// The command that knows it.
    pub(super) command: &'static str,
    /// That command, and the one below it that has the flag.
    pub(super) names: Vec<String>,
    /// The flag.
    pub(super) flag: Arg,
}

impl Key {
    pub(super) fn long(&self) -> &str {
        self.flag.get_long().unwrap_or_default()
    }
}

/// The settings of both commands.
pub(super) fn all(root: &Command) -> Vec<Key> {
    let mut keys = Vec::new();
    for command in COMMANDS {
        if let Some(found) = root.find_subcommand(command) {
            collect(found, command, &[command.to_owned()], &mut keys);
        }
    }
    keys
}

fn collect(command: &Command, section: &'static str, names: &[String], keys: &mut Vec<Key>) {
    for flag in command.get_arguments() {
        let Some(path) = flag.get_long().and_then(|long| path(section, long)) else {
            continue;
        };
        let is_it = |key: &Key| key.path == path && key.command == section;
        if !keys.iter().any(is_it) {
            keys.push(Key {
                path,
                command: section,
                names: names.to_vec(),
                flag: flag.clone(),
            });
        }
    }
    for below in command.get_subcommands() {
        let name = below.get_name().to_owned();
        let names: Vec<String> = names.iter().cloned().chain([name]).collect();
        collect(below, section, &names, keys);
    }
}

/// The key of a flag; `None` if no file can hold it.
pub(super) fn path(command: &str, long: &str) -> Option<String> {
    if NO_SETTINGS.contains(&long) || long == CONFIG {
        return None;
    }
    let named = NAMED.iter().find(|(name, _)| *name == long);
    let prefixed = PREFIXES
        .iter()
        .find_map(|(prefix, section)| Some(format!("{section}.{}", long.strip_prefix(prefix)?)));
    Some(match named {
        Some((_, path)) => (*path).to_owned(),
        None if CLUSTER.contains(&long) => format!("cluster.{long}"),
        None if APP.contains(&long) => format!("app.{long}"),
        None => prefixed.unwrap_or_else(|| format!("{command}.{long}")),
    })
}

/// The variable of a flag; `None` if there is none.
pub(crate) fn variable(long: &str) -> Option<String> {
    if NO_SETTINGS.contains(&long) {
        return None;
    }
    let name = long.to_ascii_uppercase().replace('-', "_");
    Some(format!("ABSCTL_{name}"))
}

/// Whether the flag is on or off.
pub(crate) fn is_switch(flag: &Arg) -> bool {
    let is_bool = flag.get_value_parser().type_id() == clap::builder::ValueParser::bool().type_id();
    is_bool || matches!(flag.get_action(), ArgAction::SetTrue)
}

/// Whether the flag takes several values, each in a line of its own: they may hold commas.
pub(super) fn is_lines(flag: &Arg) -> bool {
    flag.get_value_delimiter() == Some('\n')
}

/// Whether the flag takes several values with commas between them.
pub(super) fn is_list(flag: &Arg) -> bool {
    let names = flag.get_value_names().unwrap_or_default();
    names.iter().any(|name| name.ends_with(",..."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Settings of both commands that a file may give each of them in another way.
    const EACH_ITS_OWN: [&str; 20] = [
        "bandwidth",
        "bin-list",
        "continue",
        "directory",
        "durable-interval",
        "info-max-retries",
        "info-retry-interval",
        "info-retry-multiplier",
        "info-timeout",
        "namespace",
        "no-indexes",
        "no-records",
        "no-udfs",
        "parallel",
        "records-per-second",
        "set-list",
        "socket-timeout",
        "state-file-dst",
        "std-buffer",
        "total-timeout",
    ];

    /// A flag of both commands has to be put somewhere on purpose: here, in [`APP`] or in
    /// [`CLUSTER`].
    #[test]
    fn every_flag_has_its_place() {
        let keys = all(&crate::app::cli::root());
        let of = |command: &str| -> BTreeSet<String> {
            let keys = keys.iter().filter(|key| key.command == command);
            let path = |key: &Key| {
                key.path
                    .strip_prefix(command)?
                    .strip_prefix('.')
                    .map(str::to_owned)
            };
            keys.filter_map(path).collect()
        };
        let both: Vec<_> = of("backup").intersection(&of("restore")).cloned().collect();
        for name in &both {
            assert!(EACH_ITS_OWN.contains(&name.as_str()), "--{name}");
        }
    }

    #[test]
    fn every_flag_has_a_key_and_a_variable_of_its_own() {
        let keys = all(&crate::app::cli::root());
        for command in COMMANDS {
            let own = || keys.iter().filter(|key| key.command == command);
            let paths: BTreeSet<_> = own().map(|key| &key.path).collect();
            let variables: BTreeSet<_> = own().filter_map(|key| variable(key.long())).collect();
            assert_eq!(
                (paths.len(), variables.len()),
                (own().count(), own().count())
            );
        }
    }

    #[test]
    fn the_rule() {
        let check = |long, expected| assert_eq!(path("backup", long).as_deref(), expected);
        check("namespace", Some("backup.namespace"));
        check("s3-bucket-name", Some("aws.s3.bucket-name"));
        check("gcp-key-path", Some("gcp.storage.key-path"));
        check("azure-container-name", Some("azure.blob.container-name"));
        check("encryption-key-file", Some("encryption.key-file"));
        check("compression-level", Some("compression.level"));
        check("sa-port", Some("secret-agent.port"));
        check("tls-cafile", Some("cluster.tls.cafile"));
        check("shard", Some("app.shard"));
        check("help", None);
        check("config", None);
        assert_eq!(variable("log-json").as_deref(), Some("ABSCTL_LOG_JSON"));
    }
}
