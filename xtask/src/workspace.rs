//! What the rules look at: members, manifests, tracked files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::failure::Failure;

/// Folders that hold no sources of ours, wherever they are.
const NOT_SOURCES: [&str; 3] = [".git", "target", "node_modules"];

/// The checked-out workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    metadata: Metadata,
}

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    /// Package name.
    pub(crate) name: &'a str,
    /// Folder of the manifest.
    pub(crate) folder: PathBuf,
    /// Names of normal and build dependencies, development ones left out.
    pub(crate) dependencies: Vec<&'a str>,
}

impl Workspace {
    /// Reads `cargo metadata --no-deps`; needs neither a network nor an up-to-date lock file.
    ///
    /// # Errors
    ///
    /// When cargo refuses a manifest.
    pub(crate) fn load() -> Result<Self, Failure> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .manifest_path(own_folder().join("../Cargo.toml"))
            .exec()
            .map_err(|cause| Failure::new(format!("cargo metadata: {cause}")))?;
        Ok(Self {
            root: metadata.workspace_root.clone().into_std_path_buf(),
            metadata,
        })
    }

    /// Folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds (`CARGO_TARGET_DIR` respected).
    pub(crate) fn target(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// All members, by name.
    pub(crate) fn members(&self) -> Vec<Member<'_>> {
        let mut members: Vec<_> = self
            .metadata
            .workspace_packages()
            .into_iter()
            .map(|package| Member {
                name: package.name.as_str(),
                folder: package
                    .manifest_path
                    .parent()
                    .map(|folder| folder.as_std_path().to_owned())
                    .unwrap_or_default(),
                dependencies: package
                    .dependencies
                    .iter()
                    .filter(|dependency| dependency.kind != DependencyKind::Development)
                    .map(|dependency| dependency.name.as_str())
                    .collect(),
            })
            .collect();
        members.sort_by_key(|member| member.name);
        members
    }

    /// Reads a file below the root.
    ///
    /// # Errors
    ///
    /// When it is missing or not UTF-8.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<String, Failure> {
        let path = self.root.join(path);
        fs::read_to_string(&path).map_err(|cause| Failure::file("read", &path, &cause))
    }

    /// Files under version control, relative to the root; outside a git checkout, every file.
    ///
    /// # Errors
    ///
    /// When a folder cannot be listed.
    pub(crate) fn tracked_files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = match self.git_files() {
            Some(files) => files,
            None => self.walked_files()?,
        };
        // A tracked file may be deleted in the work tree.
        files.retain(|path| self.root.join(path).is_file());
        files.sort();
        Ok(files)
    }

    /// `git ls-files`, or nothing when this is no checkout or there is no git.
    fn git_files(&self) -> Option<Vec<PathBuf>> {
        let output = Command::new("git")
            .args(["ls-files", "-z"])
            .current_dir(&self.root)
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(
            text.split_terminator('\0')
                .map(PathBuf::from)
                .collect::<Vec<_>>(),
        )
        .filter(|files| !files.is_empty())
    }

    /// Every file below the root but those of [`NOT_SOURCES`].
    fn walked_files(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let listing =
                fs::read_dir(&folder).map_err(|cause| Failure::file("list", &folder, &cause))?;
            for entry in listing {
                let entry = entry.map_err(|cause| Failure::file("list", &folder, &cause))?;
                let path = entry.path();
                if NOT_SOURCES.iter().any(|name| entry.file_name() == *name) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(relative) = path.strip_prefix(&self.root) {
                    files.push(relative.to_owned());
                }
            }
        }
        Ok(files)
    }
}

/// Folder of this crate, as cargo says at run time.
///
/// What it said at compile time may be another checkout that shares the target folder.
fn own_folder() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Workspace;

    #[test]
    fn the_walk_finds_what_git_lists() {
        let workspace = Workspace::load().unwrap();
        let walked = workspace.walked_files().unwrap();
        for tracked in workspace.tracked_files().unwrap() {
            assert!(walked.contains(&tracked), "{}", tracked.display());
        }
        assert!(walked.iter().any(|path| path == Path::new("Cargo.toml")));
    }
}
