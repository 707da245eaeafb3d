//! `--file-mode`: who may read what a backup creates, whatever the umask says.

use crate::support::{LIMIT, Run, filled, hosts, names, wait_for};
use asnode::Cluster;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use tempfile::tempdir;

/// A shell that runs `absctl backup` with this umask.
fn shell(source: &Cluster, umask: &str, args: &str) -> String {
    let (program, hosts) = (env!("CARGO_BIN_EXE_absctl"), hosts(source));
    format!("umask {umask}; exec '{program}' backup '{hosts}' -n test {args}")
}

fn backup(source: &Cluster, umask: &str, args: &str) -> Run {
    let mut command = assert_cmd::Command::new("sh");
    Run::of(
        command
            .args(["-c", &shell(source, umask, args)])
            .timeout(LIMIT),
    )
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("a file or directory");
    metadata.permissions().mode() & 0o7777
}

/// The mode of every file in a directory.
fn check_files(directory: &Path, expected: u32) {
    let files = names(directory);
    assert!(!files.is_empty());
    for file in files {
        assert_eq!(mode(&directory.join(&file)), expected, "{file}");
    }
}

#[test]
fn the_umask_takes_and_gives_nothing() {
    let source = filled(1, 300);
    for umask in ["000", "077"] {
        for (flag, file, directory) in [
            ("", 0o600, 0o700),
            ("--file-mode 0640", 0o640, 0o750),
            ("--file-mode 664", 0o664, 0o775),
        ] {
            let place = tempdir().expect("directory");
            let (above, path) = (place.path().join("a"), place.path().join("a/b"));
            let args = format!("{flag} -w 2 -d {}", path.display());
            backup(&source, umask, &args).succeeds();
            assert!(names(&path).contains(&"test.manifest.json".to_owned()));
            check_files(&path, file);
            assert_eq!([mode(&above), mode(&path)], [directory; 2], "{flag}");

            let single = place.path().join("c/all.asb");
            let args = format!("{flag} -o {}", single.display());
            backup(&source, umask, &args).succeeds();
            let parent = single.parent().expect("directory");
            check_files(parent, file);
            assert_eq!((names(parent).len(), mode(parent)), (2, directory));
        }
    }
}

#[test]
fn lock_state_and_unfinished_files_have_it_too() {
    let source = filled(1, 3000);
    let place = tempdir().expect("directory");
    let (path, state) = (place.path().join("set"), place.path().join("states/s"));
    // Slow enough that it is not over when it is looked at.
    let args = format!(
        "--file-mode 0660 --durable-interval 20 -L 100 -d {} --state-file-dst {}",
        path.display(),
        state.display()
    );
    let mut child = std::process::Command::new("sh")
        .args(["-c", &shell(&source, "077", &args)])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program runs");
    let is_there = |end: &str| names(&path).iter().any(|name| name.ends_with(end));
    wait_for("a state", || {
        state.exists() && is_there(".asb.part") && is_there(".lock")
    });
    child.kill().expect("kill");
    child.wait().expect("child");
    check_files(&path, 0o660);
    assert_eq!((mode(&state), mode(&path)), (0o660, 0o770));
    assert_eq!(mode(&place.path().join("states")), 0o770);
}
