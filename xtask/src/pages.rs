//! What goes into a package beside the program: manual pages, and completions for shells. The
//! program prints them itself, out of its flags; here they become files.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::command::ChildCommand;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Pages: file, and what the program is asked for.
const PAGES: [(&str, &str); 4] = [
    ("man1/absctl.1", "man"),
    ("man1/absctl-backup.1", "man backup"),
    ("man1/absctl-backup-xdr.1", "man backup-xdr"),
    ("man1/absctl-restore.1", "man restore"),
];

/// Completions: file, and what the program is asked for. The names are those that the shells look
/// for.
const COMPLETIONS: [(&str, &str); 5] = [
    ("completions/absctl", "completions bash"),
    ("completions/_absctl", "completions zsh"),
    ("completions/absctl.fish", "completions fish"),
    ("completions/absctl.ps1", "completions powershell"),
    ("completions/absctl.elv", "completions elvish"),
];

/// Options of `cargo xtask pages`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder to write to; `pages` in the target folder without
    folder: Option<PathBuf>,
}

/// Builds the program and writes what it says of itself.
///
/// # Errors
///
/// When it cannot be built or does not answer, or a file cannot be written.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    ChildCommand::new("cargo build --locked -p absctl --bin absctl").run(workspace.root())?;
    let program = workspace.target().join("debug/absctl");
    let folder = options.folder.clone();
    let folder = folder.unwrap_or_else(|| workspace.target().join("pages"));
    for (file, question) in PAGES.iter().chain(&COMPLETIONS) {
        let line = format!("{} {question}", program.display());
        let text = ChildCommand::new(&line).output(workspace.root())?;
        write(&folder.join(file), &text)?;
    }
    println!(
        "{} files in {}",
        PAGES.len() + COMPLETIONS.len(),
        folder.display()
    );
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|cause| Failure::file("create", folder, &cause))?;
    fs::write(path, text).map_err(|cause| Failure::file("write", path, &cause))
}
