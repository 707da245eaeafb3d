//! Member manifests inherit: versions, edition, licence and lints are said once, at the root.
//!
//! Cargo's metadata no longer tells an inherited value from a written one, so this reads the
//! manifests line by line. The house form (one line per dependency) keeps that simple.

use crate::failure::Failure;
use crate::workspace::{Member, Workspace};

/// Keys that must read `key.workspace = true`.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// Checks every member.
///
/// # Errors
///
/// When a manifest states what the workspace states, or a folder is not named for its crate.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for member in workspace.members() {
        let manifest = workspace.read(member.folder.join("Cargo.toml"))?;
        findings.extend(folder_finding(&member));
        for finding in manifest_findings(&manifest) {
            findings.push(format!("{}/Cargo.toml: {finding}", member.name));
        }
    }
    Failure::unless_empty("manifests:", &findings)
}

/// Folder name equals crate name.
fn folder_finding(member: &Member<'_>) -> Option<String> {
    let folder = member.folder.file_name().unwrap_or_default();
    (folder != member.name).then(|| {
        format!(
            "crate {} lives in the folder {}",
            member.name,
            member.folder.display()
        )
    })
}

/// What is wrong with one manifest.
fn manifest_findings(manifest: &str) -> Vec<String> {
    let lines: Vec<_> = sectioned(manifest).collect();
    let mut findings: Vec<_> = INHERITED
        .iter()
        .filter(|key| !lines.contains(&("package", &format!("{key}.workspace = true"))))
        .map(|key| format!("`{key}` is not inherited"))
        .collect();
    findings.extend(
        lines
            .iter()
            .filter(|(section, line)| is_dependency_list(section) && !is_inherited(line))
            .map(|(_, line)| format!("`{line}` is not from [workspace.dependencies]")),
    );
    findings.extend(
        lines
            .iter()
            .filter(|(section, _)| section.contains("dependencies."))
            .map(|(section, _)| format!("[{section}] is not a one-line dependency")),
    );
    if !lines.contains(&("lints", "workspace = true")) && !has_own_lints(manifest) {
        findings.push("no `[lints] workspace = true`, nor an own table with a reason".to_owned());
    }
    findings
}

/// The lines that hold something, each with the name of its section.
fn sectioned(manifest: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut section = "";
    manifest.lines().filter_map(move |line| {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name;
            return None;
        }
        Some((section, line))
    })
}

/// `[dependencies]`, `[dev-dependencies]`, `[target.'cfg(..)'.dependencies]` and so on.
fn is_dependency_list(section: &str) -> bool {
    section.ends_with("dependencies")
}

/// `name.workspace = true` or `name = { workspace = true, .. }`, without a source of its own.
fn is_inherited(line: &str) -> bool {
    let own_source = ["version =", "path =", "git ="]
        .iter()
        .any(|key| line.contains(key));
    line.contains("workspace = true") && !own_source
}

/// An own lint table counts when a comment stands right above it to say why.
fn has_own_lints(manifest: &str) -> bool {
    let mut previous = "";
    manifest.lines().any(|line| {
        let explained = line.starts_with("[lints.") && previous.starts_with('#');
        previous = line;
        explained
    })
}

#[cfg(test)]
mod tests {
    use super::manifest_findings;

    const GOOD: &str = "\
[package]
name = \"good\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[dependencies]
# why
memchr.workspace = true
tokio = { workspace = true, features = [\"net\"] }

[lints]
workspace = true
";

    /// Replaces part of the good manifest and compares the findings.
    fn check(from: &str, to: &str, expected: &[&str]) {
        assert!(GOOD.contains(from));
        assert_eq!(manifest_findings(&GOOD.replace(from, to)), expected);
    }

    #[test]
    fn finds_what_is_not_inherited() {
        check("memchr", "memchr", &[]);
        check(
            "memchr.workspace = true",
            "memchr = \"2\"",
            &["`memchr = \"2\"` is not from [workspace.dependencies]"],
        );
        check(
            "license.workspace = true",
            "license = \"MIT\"",
            &["`license` is not inherited"],
        );
        check(
            "[dependencies]",
            "[dependencies.memchr]\nworkspace = true\n[dependencies]",
            &["[dependencies.memchr] is not a one-line dependency"],
        );
    }

    #[test]
    fn wants_lints_or_a_reason() {
        let missing = ["no `[lints] workspace = true`, nor an own table with a reason"];
        check("[lints]\nworkspace = true", "", &missing);
        check(
            "[lints]\nworkspace = true",
            "[lints.rust]\nunsafe_code = \"deny\"",
            &missing,
        );
        check(
            "[lints]\nworkspace = true",
            "# needs one unsafe block\n[lints.rust]\nunsafe_code = \"deny\"",
            &[],
        );
    }
}
