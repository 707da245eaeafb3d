//! Which crate may depend on which, as a table.
//!
//! The table is the one of ARCHITECTURE.md. An edge that is not in it is an architecture change:
//! change both, in a commit of its own that says why. Development edges (tests, examples) are free.

use crate::failure::Failure;
use crate::workspace::{Member, Workspace};

/// What one crate may use of the others.
enum Allowed {
    /// Exactly these, or fewer.
    Only(&'static [&'static str]),
    /// Whatever it exercises.
    Anything,
}

use Allowed::{Anything, Only};

/// Crate by crate, lowest layer first. Crates that do not exist yet have their row already.
const LAYERS: [(&str, Allowed); 15] = [
    ("asb-format", Only(&[])),
    ("asbx-format", Only(&[])),
    ("backup-envelope", Only(&[])),
    ("aerospike-wire", Only(&[])),
    ("net-tls", Only(&[])),
    ("secret-agent", Only(&["net-tls"])),
    ("backup-storage", Only(&["net-tls"])),
    ("backup-cluster", Only(&["aerospike-wire", "net-tls"])),
    ("backup-xdr", Only(&["aerospike-wire", "net-tls"])),
    ("asnode", Only(&["aerospike-wire", "net-tls", "asb-format"])),
    (
        "backup-core",
        Only(&[
            "asb-format",
            "asbx-format",
            "backup-envelope",
            "aerospike-wire",
            "net-tls",
            "secret-agent",
            "backup-storage",
            "backup-cluster",
            "backup-xdr",
        ]),
    ),
    ("absctl", Only(&["backup-core"])),
    ("benches", Anything),
    ("fuzz", Anything),
    ("xtask", Anything),
];

/// Crates that nothing may use but tests, examples and benches.
const TOP_ONLY: [&str; 3] = ["asnode", "benches", "xtask"];

/// Compares the normal and build edges between members with the table.
///
/// # Errors
///
/// When an edge is not in the table, or a crate is not.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let members = workspace.members();
    let findings: Vec<_> = members
        .iter()
        .flat_map(|member| findings(member, &members))
        .collect();
    Failure::unless_empty("layers (the table is in ARCHITECTURE.md):", &findings)
}

/// What is wrong with the edges of one crate.
fn findings(member: &Member<'_>, members: &[Member<'_>]) -> Vec<String> {
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == member.name) else {
        return vec![format!("{} has no row in the table", member.name)];
    };
    member
        .dependencies
        .iter()
        .filter(|name| members.iter().any(|other| other.name == **name))
        .filter(|name| !is_allowed(allowed, name))
        .map(|name| format!("{} must not depend on {name}", member.name))
        .collect()
}

/// Whether a crate with this row may use `name`.
fn is_allowed(allowed: &Allowed, name: &str) -> bool {
    match allowed {
        Only(names) => names.contains(&name) && !TOP_ONLY.contains(&name),
        Anything => !matches!(name, "benches" | "xtask"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{LAYERS, Only, TOP_ONLY, findings};
    use crate::workspace::Member;

    fn member<'a>(name: &'a str, dependencies: &[&'a str]) -> Member<'a> {
        Member {
            name,
            folder: PathBuf::new(),
            dependencies: dependencies.to_vec(),
        }
    }

    #[test]
    fn finds_wrong_edges_only() {
        let members = [
            member("asb-format", &["memchr", "aerospike-wire"]),
            member("aerospike-wire", &["memchr"]),
            member("absctl", &["backup-core", "asnode"]),
            member("backup-core", &["asb-format", "aerospike-wire"]),
            member("asnode", &["aerospike-wire", "asb-format"]),
            member("newcomer", &[]),
        ];
        let found: Vec<_> = members.iter().flat_map(|m| findings(m, &members)).collect();
        assert_eq!(
            found,
            [
                "asb-format must not depend on aerospike-wire",
                "absctl must not depend on asnode",
                "newcomer has no row in the table",
            ]
        );
    }

    #[test]
    fn rows_point_downwards_only() {
        for (index, (name, allowed)) in LAYERS.iter().enumerate() {
            let Only(below) = allowed else { continue };
            for other in *below {
                let position = LAYERS.iter().position(|(row, _)| row == other);
                assert!(position < Some(index), "{name} may use {other}");
                assert!(!TOP_ONLY.contains(other), "{name} may use {other}");
            }
        }
    }
}
