//! Rules about the text of tracked files.
//!
//! Patterns are put together with `concat!` so that this file does not find itself.

use std::path::{Path, PathBuf};

use crate::ci::TEST_COMMAND;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Longest Rust file; look for a seam well before (CONTRIBUTING.md).
const MAX_LINES: usize = 900;

/// What no Rust code may hold, and what to do instead.
const FORBIDDEN_CODE: [(&str, &str); 3] = [
    (
        concat!("#[", "ignore"),
        "run the test, or print why it is skipped",
    ),
    (
        concat!("todo", "!("),
        "write it, or note it in SHORTCOMINGS.md",
    ),
    (
        concat!("unimplemented", "!("),
        "write it, or return an error",
    ),
];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/", "home/"),
];

/// Files in which machine paths are data.
const MACHINE_PATHS_ALLOWED: [&str; 0] = [];

/// Documents with an unreleased section on top.
const WITH_UNRELEASED: [&str; 2] = ["CHANGELOG.md", "SHORTCOMINGS.md"];

/// Checks all tracked files.
///
/// # Errors
///
/// When a rule is broken; the failure lists every finding.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for path in text_files(workspace)? {
        let text = workspace.read(&path)?;
        let name = path.to_string_lossy();
        findings.extend(text_findings(&name, &text));
        if has_extension(&path, "rs") {
            findings.extend(rust_findings(&name, &text));
        }
    }
    findings.extend(readme_finding(&workspace.read("README.md")?));
    for document in WITH_UNRELEASED {
        findings.extend(unreleased_finding(document, &workspace.read(document)?));
    }
    Failure::unless_empty("tidy:", &findings)
}

/// Tracked files that people write.
fn text_files(workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let mut files = workspace.tracked_files()?;
    files.retain(|path| {
        ["rs", "md", "toml", "sh", "py"]
            .iter()
            .any(|extension| has_extension(path, extension))
            || path == Path::new(".ci/run")
    });
    Ok(files)
}

/// Whether the name ends in `.extension`.
fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// Findings in any text file.
fn text_findings(name: &str, text: &str) -> Vec<String> {
    if MACHINE_PATHS_ALLOWED.contains(&name) {
        return Vec::new();
    }
    numbered(text)
        .filter_map(|(number, line)| {
            let path = MACHINE_PATHS.iter().find(|path| line.contains(**path))?;
            Some(format!("{name}:{number}: path of one machine ({path}…)"))
        })
        .collect()
}

/// Findings in a Rust file.
fn rust_findings(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        findings.push(format!("{name}: {lines} lines, at most {MAX_LINES}"));
    }
    if name.ends_with("src/lib.rs") && !text.starts_with("//!") {
        findings.push(format!("{name}: does not begin with `//!` documentation"));
    }
    for (number, line) in numbered(text).filter(|(_, line)| !line.trim().starts_with("//")) {
        for (pattern, advice) in FORBIDDEN_CODE {
            if line.contains(pattern) {
                findings.push(format!("{name}:{number}: `{pattern}`; {advice}"));
            }
        }
    }
    findings
}

/// Lines with their numbers, counted from 1.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

/// The test command of the README is the one that the gate runs.
fn readme_finding(readme: &str) -> Option<String> {
    let block = format!("```sh\n{TEST_COMMAND}\n```");
    (!readme.contains(&block))
        .then(|| format!("README.md: no fenced block that is exactly `{TEST_COMMAND}`"))
}

/// The first section is the unreleased one.
fn unreleased_finding(name: &str, text: &str) -> Option<String> {
    let first = text.lines().find(|line| line.starts_with("## "));
    (first != Some("## Unreleased"))
        .then(|| format!("{name}: the first section is not `## Unreleased`"))
}

#[cfg(test)]
mod tests {
    use super::{
        MACHINE_PATHS, MAX_LINES, readme_finding, rust_findings, text_findings, unreleased_finding,
    };

    #[test]
    fn finds_forbidden_code_but_not_in_comments() {
        let pattern = concat!("todo", "!(");
        let text = format!("//! Docs with {pattern}).\nfn f() {{ {pattern}) }}\n");
        let found = rust_findings("x/src/lib.rs", &text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("x/src/lib.rs:2: "), "{found:?}");
    }

    #[test]
    fn finds_long_files_and_bare_libraries() {
        let long = "//! D\n".repeat(MAX_LINES + 1);
        assert_eq!(
            rust_findings("a.rs", &long),
            ["a.rs: 901 lines, at most 900"]
        );
        assert_eq!(
            rust_findings("a/src/lib.rs", "mod a;\n"),
            ["a/src/lib.rs: does not begin with `//!` documentation"]
        );
    }

    #[test]
    fn finds_machine_paths() {
        for path in MACHINE_PATHS {
            let found = text_findings("a.md", &format!("fine\nsee {path}x\n"));
            assert_eq!(found, [format!("a.md:2: path of one machine ({path}…)")]);
        }
    }

    #[test]
    fn wants_the_test_command_and_unreleased_first() {
        assert!(readme_finding("```sh\ncargo test --workspace\n```\n").is_none());
        assert!(readme_finding("```sh\ncargo test\n```\n").is_some());
        assert!(unreleased_finding("C", "# C\n\n## Unreleased\n## 0.1\n").is_none());
        assert!(unreleased_finding("C", "# C\n\n## 0.1\n").is_some());
    }
}
