//! One TLS provider in the whole tree: rustls with ring.
//!
//! With two providers in one process `rustls::ClientConfig::builder()` panics, and a second one
//! slips in with the default features of many HTTP and cloud crates.
//! `cargo tree` is asked rather than `Cargo.lock` read: the lock file also names packages that
//! only a switched-off feature would build.

use std::collections::BTreeSet;

use crate::command::ChildCommand;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Packages that would be a second provider, or a second TLS library.
const FORBIDDEN: [&str; 7] = [
    "aws-lc-fips-sys",
    "aws-lc-rs",
    "aws-lc-sys",
    "boring-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
];

/// The provider there has to be.
const PROVIDER: &str = "ring";

/// Everything the workspace builds: all members, features, platforms and kinds of edges.
const TREE: &str =
    "cargo tree --locked --workspace --all-features --target all -e normal,build,dev --prefix none";

/// Checks the resolved tree.
///
/// # Errors
///
/// When a forbidden package is in it, or the provider is missing or there twice.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let tree = ChildCommand::new(TREE).output(workspace.root())?;
    Failure::unless_empty("one TLS provider (rustls with ring):", &findings(&tree))
}

/// What is wrong with a tree given as lines of `name vVERSION …`.
fn findings(tree: &str) -> Vec<String> {
    let packages: BTreeSet<_> = tree.lines().filter_map(name_and_version).collect();
    let mut findings: Vec<_> = packages
        .iter()
        .filter(|(name, _)| FORBIDDEN.contains(name))
        .map(|(name, version)| {
            format!("{name} {version} is in the tree; `cargo tree -i {name}` tells why")
        })
        .collect();
    let providers = packages
        .iter()
        .filter(|(name, _)| *name == PROVIDER)
        .count();
    if providers != 1 {
        findings.push(format!("{PROVIDER} is in the tree {providers} times"));
    }
    findings
}

/// First two words of a line.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::findings;

    #[test]
    fn accepts_one_ring() {
        assert!(findings("absctl v0.1.0 (x)\nring v0.17.14\nring v0.17.14 (*)\n\n").is_empty());
    }

    #[test]
    fn refuses_a_second_provider() {
        assert_eq!(
            findings("ring v0.17.14\naws-lc-rs v1.1.0\nring v0.16.0\n"),
            [
                "aws-lc-rs v1.1.0 is in the tree; `cargo tree -i aws-lc-rs` tells why",
                "ring is in the tree 2 times",
            ]
        );
    }

    #[test]
    fn refuses_no_provider() {
        assert_eq!(findings("absctl v0.1.0\n"), ["ring is in the tree 0 times"]);
    }
}
