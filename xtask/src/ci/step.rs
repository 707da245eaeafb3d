//! The steps of the gate, in their order.

use clap::ValueEnum;

use super::clients;
use crate::command::ChildCommand;
use crate::failure::Failure;
use crate::rules::{self, tidy, tls};
use crate::workspace::Workspace;

/// The test command that README.md shows; the gate runs exactly this.
pub(crate) const TEST_COMMAND: &str = "cargo test --workspace";

/// Names for `--only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StepName {
    /// `cargo fmt --check`
    Fmt,
    /// Crate edges, manifests, purity
    Layers,
    /// One TLS provider
    Tls,
    /// Rules about the text of files
    Tidy,
    /// Clients and tools of others are there for the tests that use them
    Clients,
    /// Clippy, crate by crate
    Clippy,
    /// Documentation without warnings
    Doc,
    /// The tests
    Test,
    /// The benches build
    BenchBuild,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    /// Name for `--only`; all clippy steps share one.
    pub(crate) name: StepName,
    /// Headline.
    pub(crate) title: String,
    /// What to do.
    pub(crate) action: Action,
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    /// A check inside this process.
    Rule(fn(&Workspace) -> Result<(), Failure>),
    /// A command, run in the workspace root.
    Child(ChildCommand),
}

impl Step {
    /// The line that repeats this step alone.
    pub(crate) fn repeat(&self) -> String {
        match &self.action {
            Action::Rule(_) => format!("cargo xtask ci --only {}", self.title),
            Action::Child(command) => command.to_string(),
        }
    }
}

/// All steps, cheap ones first.
pub(crate) fn all(workspace: &Workspace) -> Vec<Step> {
    let mut steps = vec![
        child(StepName::Fmt, "fmt", "cargo fmt --all --check"),
        rule(StepName::Layers, "layers", rules::check_layers),
        rule(StepName::Tls, "tls", tls::check),
        rule(StepName::Tidy, "tidy", tidy::check),
        rule(StepName::Clients, "clients", clients::check),
    ];
    // Crate by crate: with the whole workspace at once, a feature that one crate switches on
    // hides that another forgot to.
    for member in workspace.members() {
        let name = member.name;
        let line =
            format!("cargo clippy -p {name} --all-targets --all-features --locked -- -D warnings");
        steps.push(child(StepName::Clippy, &format!("clippy {name}"), &line));
    }
    steps.extend([
        Step {
            name: StepName::Doc,
            title: "doc".to_owned(),
            action: Action::Child(
                ChildCommand::new("cargo doc --workspace --no-deps --locked")
                    .env("RUSTDOCFLAGS", "-D warnings"),
            ),
        },
        child(StepName::Test, "test", TEST_COMMAND),
        Step {
            name: StepName::BenchBuild,
            title: "bench-build".to_owned(),
            // Without link-time optimisation: that they build and link is the question here.
            action: Action::Child(
                ChildCommand::new("cargo bench -p benches --no-run --locked")
                    .env("CARGO_PROFILE_BENCH_LTO", "off")
                    .env("CARGO_PROFILE_BENCH_CODEGEN_UNITS", "16"),
            ),
        },
    ]);
    steps
}

/// A step that is a check of ours; its title is its `--only` name.
fn rule(name: StepName, title: &str, rule: fn(&Workspace) -> Result<(), Failure>) -> Step {
    Step {
        name,
        title: title.to_owned(),
        action: Action::Rule(rule),
    }
}

/// A step that is one command.
fn child(name: StepName, title: &str, line: &str) -> Step {
    Step {
        name,
        title: title.to_owned(),
        action: Action::Child(ChildCommand::new(line)),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::{Action, StepName, all};
    use crate::workspace::Workspace;

    #[test]
    fn every_name_has_a_step_and_rules_repeat_by_name() {
        let workspace = Workspace::load().unwrap();
        let steps = all(&workspace);
        for name in StepName::value_variants() {
            assert!(steps.iter().any(|step| step.name == *name), "{name:?}");
        }
        for step in steps {
            let value = step.name.to_possible_value().unwrap();
            if matches!(step.action, Action::Rule(_)) {
                assert_eq!(step.title, value.get_name());
            }
        }
    }

    #[test]
    fn clippy_covers_every_member() {
        let workspace = Workspace::load().unwrap();
        let clippy = all(&workspace)
            .iter()
            .filter(|step| step.name == StepName::Clippy)
            .count();
        assert_eq!(clippy, workspace.members().len());
    }
}
