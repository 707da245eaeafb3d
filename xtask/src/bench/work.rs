//! What is measured: each command with what it may take, relative to `zstd -3` on the same text.

use std::path::Path;
use std::process::Command;

use super::NAMESPACE;
use super::node::Node;

/// Variable with the key of encrypted backups.
const KEY_VARIABLE: &str = "XTASK_BENCH_KEY";

/// The key itself: any bytes in base64.
const KEY: &str = "YWJzY3RsIGJlbmNobWFyayBrZXksIG5vdCBhIHNlY3JldA==";

/// Flags of a backup that is compressed and encrypted, and those that read it.
const SEALED: [&str; 5] = [
    "-z",
    "ZSTD",
    "--encrypt=AES256",
    "--encryption-key-env=XTASK_BENCH_KEY",
    "--encryption-key-raw",
];

/// One measured command.
#[derive(Debug)]
pub(super) struct Work {
    /// As it stands in tables.
    pub(super) name: &'static str,
    command: &'static str,
    /// The flag and name of the file or directory, below the folder of the run.
    pub(super) place: (&'static str, &'static str),
    flags: &'static [&'static str],
    /// Most CPU time over that of the yardstick, where there is a goal.
    pub(super) cpu_ratio: Option<f64>,
    /// Largest peak of resident memory in MiB.
    pub(super) peak_mib: f64,
}

impl Work {
    /// Whether it reads a backup, which needs a node of its own.
    pub(super) fn is_restore(&self) -> bool {
        self.command == "restore"
    }

    /// The command between a node and the place.
    pub(super) fn command(&self, binary: &Path, node: &Node, folder: &Path) -> Command {
        let (flag, name) = self.place;
        let mut child = Command::new(binary);
        child
            .args([
                self.command,
                "-h",
                node.host(),
                "-p",
                node.port(),
                "-n",
                NAMESPACE,
            ])
            .args(self.flags)
            .arg(flag)
            .arg(folder.join(name))
            .env(KEY_VARIABLE, KEY);
        child
    }
}

/// The name of the first work's directory, whose text is that of the yardstick.
pub(super) const PLAIN: &str = "plain";

/// Everything, in the order of a round: what is restored has been backed up before.
pub(super) const WORKS: [Work; 9] = [
    backup("backup", ("-d", PLAIN), &[], 0.35),
    backup("backup, one file", ("-o", "one.asb"), &[], 0.35),
    backup(
        "backup, 17 files",
        ("-d", "many"),
        &["--file-limit=32"],
        0.35,
    ),
    backup("backup, zstd 3", ("-d", "zstd"), &["-z", "ZSTD"], 1.4),
    backup("backup, zstd 3, AES-256", ("-d", "sealed"), &SEALED, 1.5),
    restore("restore", ("-d", PLAIN), &[], Some(0.45)),
    restore("restore, one file", ("-i", "one.asb"), &[], Some(0.45)),
    restore("restore, 17 files", ("-d", "many"), &[], Some(0.45)),
    restore("restore, zstd 3, AES-256", ("-d", "sealed"), &SEALED, None),
];

const fn backup(
    name: &'static str,
    place: (&'static str, &'static str),
    flags: &'static [&'static str],
    cpu_ratio: f64,
) -> Work {
    Work {
        name,
        command: "backup",
        place,
        flags,
        cpu_ratio: Some(cpu_ratio),
        peak_mib: 48.0,
    }
}

const fn restore(
    name: &'static str,
    place: (&'static str, &'static str),
    flags: &'static [&'static str],
    cpu_ratio: Option<f64>,
) -> Work {
    Work {
        name,
        command: "restore",
        place,
        flags,
        cpu_ratio,
        peak_mib: 64.0,
    }
}
