//! Rules of the repository that no compiler checks.
//!
//! Each rule is a function from the [`Workspace`] to a result whose failure lists every finding.
//! The gate calls them as steps; the tests below call them in `cargo test --workspace`.

pub(crate) mod layers;
pub(crate) mod manifests;
pub(crate) mod purity;
pub(crate) mod tidy;
pub(crate) mod tls;

use crate::failure::Failure;
use crate::workspace::Workspace;

/// Crate edges, manifests and purity: everything about who may know whom.
///
/// # Errors
///
/// When a rule is broken; the failure lists the findings.
pub(crate) fn check_layers(workspace: &Workspace) -> Result<(), Failure> {
    layers::check(workspace)?;
    manifests::check(workspace)?;
    purity::check(workspace)
}

#[cfg(test)]
mod tests {
    use super::{layers, manifests, purity, tidy, tls};
    use crate::failure::Failure;
    use crate::workspace::Workspace;

    /// Runs one rule on this checkout.
    fn check(rule: fn(&Workspace) -> Result<(), Failure>) {
        let workspace = Workspace::load().unwrap();
        if let Err(failure) = rule(&workspace) {
            panic!("{failure}");
        }
    }

    #[test]
    fn crates_depend_only_downwards() {
        check(layers::check);
    }

    #[test]
    fn manifests_inherit_from_the_workspace() {
        check(manifests::check);
    }

    #[test]
    fn pure_crates_know_no_io() {
        check(purity::check);
    }

    #[test]
    fn there_is_one_tls_provider() {
        check(tls::check);
    }

    #[test]
    fn files_are_tidy() {
        check(tidy::check);
    }
}
