//! The order of system calls (R7): data, fsync, rename, fsync of the directory, and parents too.

use std::{env, fs, path::Path, process::Command};

use backup_storage::{LocalDir, Store};

/// Set in the child that runs under strace; its value is the root.
const ROOT: &str = "BACKUP_STORAGE_TRACED_ROOT";
const CALLS: &str = "trace=mkdir,mkdirat,write,fsync,fdatasync,rename,renameat,renameat2,unlink";

fn work(root: &Path) {
    let store = LocalDir::new(root.join("a/b"));
    let mut upload = store.create("f.asb").unwrap();
    upload.write_all(b"one").unwrap();
    upload.durable_point().unwrap();
    upload.write_all(b"two").unwrap();
    upload.finish().unwrap();
    store.create_new("f.lock", b"lock").unwrap();
}

#[test]
fn keep_their_order() {
    if let Some(root) = env::var_os(ROOT) {
        return work(Path::new(&root));
    }
    let root = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(root.path()).unwrap();
    let trace = root.join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-y", "-qq", "-e", CALLS, "-o"])
        .arg(&trace)
        .arg(env::current_exe().unwrap())
        .args(["system_calls::keep_their_order", "--exact"])
        .env(ROOT, &root)
        .output();
    match traced {
        Ok(output) if output.status.success() => {}
        refused => return println!("skipped: strace does not run here: {refused:?}"),
    }
    let calls = calls(&fs::read_to_string(&trace).unwrap(), root.to_str().unwrap());
    assert_eq!(
        calls,
        [
            "mkdir /a",
            "fsync ",
            "mkdir /a/b",
            "fsync /a",
            "write /a/b/f.asb.part",
            "fsync /a/b/f.asb.part",
            "fsync /a/b",
            "write /a/b/f.asb.part",
            "fsync /a/b/f.asb.part",
            "rename /a/b/f.asb.part",
            "fsync /a/b",
            "write /a/b/f.lock.RANDOM.part",
            "fsync /a/b/f.lock.RANDOM.part",
            "rename /a/b/f.lock.RANDOM.part",
            "fsync /a/b",
        ]
    );
}

/// `<call> <first path below the root>` of every traced call that has one.
fn calls(trace: &str, root: &str) -> Vec<String> {
    trace.lines().filter_map(|line| call(line, root)).collect()
}

fn call(line: &str, root: &str) -> Option<String> {
    let (name, arguments) = line.split_once(' ')?.1.trim().split_once('(')?;
    let name = name.trim_end_matches("at2").trim_end_matches("at");
    let (_, path) = arguments.split_once(root)?;
    let path = path.split(['"', '>']).next()?;
    let mut words: Vec<_> = path.split('.').collect();
    if let [.., random, "part"] = &mut words[..]
        && random.len() == 16
    {
        *random = "RANDOM";
    }
    Some(format!("{name} {}", words.join(".")))
}
