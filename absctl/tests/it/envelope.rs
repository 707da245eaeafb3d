//! Compressed and encrypted backups: ours and those of the reference tools, and what happens
//! when the key or the mode is wrong. The files are those of `backup-envelope`, whose `ORIGIN.md`
//! tells where they come from.

use crate::support::{
    Run, assert_equal, backup, command, data_names, empty, filled, hosts, names, restore,
};
use std::{ffi::OsStr, fs, path::Path};
use tempfile::tempdir;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../backup-envelope/tests/data");

/// The base64 text of the key that all files were made with.
pub(crate) fn key_text() -> String {
    let text = fs::read_to_string(Path::new(DATA).join("keys.json")).expect("keys");
    let keys: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    keys["pem_body_base64"].as_str().expect("text").to_owned()
}

pub(crate) fn write_key(path: &Path) -> String {
    write_pem(path, &key_text())
}

fn write_pem(path: &Path, key: &str) -> String {
    let name = path.join("key.pem");
    let label = "PRIVATE KEY";
    let text = format!("-----BEGIN {label}-----\n{key}\n-----END {label}-----\n");
    fs::write(&name, text).expect("key file");
    format!("--encryption-key-file={}", name.display())
}

/// `absctl restore --validate` of a file, with the key in the variable `KEY`.
fn validate(file: &Path, flags: &[&str]) -> Run {
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"restore", &"--validate", &"-i", &file];
    args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    Run::of(command(&args).env("KEY", key_text()))
}

#[test]
fn every_wrapped_file_of_the_reference_tools_opens() {
    let place = tempdir().expect("directory");
    let key = write_key(place.path());
    let mut seen = 0;
    for tool in ["c", "go"] {
        for name in names(&Path::new(DATA).join("asb").join(tool)) {
            let file = Path::new(DATA).join("asb").join(tool).join(&name);
            let mut flags = Vec::new();
            for (part, mode) in [
                ("aes128", "--encrypt=aes128"),
                ("aes256", "--encrypt=AES256"),
            ] {
                flags.extend(name.contains(part).then_some(mode));
            }
            match (flags.is_empty(), name.contains("keyenv"), tool) {
                (true, ..) => {}
                (_, false, _) => flags.push(&key),
                (_, true, "c") => {
                    flags.extend(["--encryption-key-env=KEY", "--encryption-key-raw"])
                }
                (_, true, _) => flags.push("--encryption-key-env=KEY"),
            }
            let run = validate(&file, &flags).succeeds();
            // One of the files is a part of a directory.
            let records = if name == "zstd-frames.asb" { 1 } else { 358 };
            assert!(
                run.reported("Records Read") >= records,
                "{tool}/{name}: {run:?}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen}");
}

#[test]
fn what_is_written_is_read_again() {
    let source = filled(2, 1500);
    let place = tempdir().expect("directory");
    let key = write_key(place.path());
    let modes: [&[&str]; 6] = [
        &["-z", "ZSTD"],
        &["--compress", "zstd", "--compression-level=-5", "--compact"],
        &["-zzstd", "--compression-level=19"],
        &["--encrypt", "AES128"],
        &["--encrypt", "aes256"],
        &["--encrypt=AES256", "-zZSTD"],
    ];
    for (number, mode) in modes.into_iter().enumerate() {
        let path = place.path().join(number.to_string());
        let mut flags = mode.to_vec();
        if mode.iter().any(|flag| flag.starts_with("--encrypt")) {
            flags.push(&key);
        }
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
        args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        let run = backup(&source, &args).succeeds();
        let stored = data_names(&path)
            .into_iter()
            .map(|name| fs::metadata(path.join(name)).expect("file").len());
        assert_eq!(
            run.reported("Bytes Written"),
            stored.sum::<u64>(),
            "{mode:?}"
        );
        let first = fs::read(path.join(&names(&path)[0])).expect("file");
        assert!(!first.starts_with(b"Version"), "{mode:?}");
        // Compression need not be named to read it.
        flags
            .retain(|flag| flag.starts_with("--encrypt") || flag.to_lowercase().starts_with("aes"));
        let target = empty(1);
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
        args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        restore(&target, &args).succeeds();
        assert_equal(&source, &target);
    }
}

#[test]
fn a_wrong_or_missing_key_is_explained() {
    let go = Path::new(DATA).join("asb/go");
    let place = tempdir().expect("directory");
    let key = write_key(place.path());
    let check = |name: &str, flags: &[&str], code: i32, part: &str| {
        let run = validate(&go.join(name), flags);
        assert_eq!(run.code, Some(code), "{name} {flags:?}: {run:?}");
        assert!(
            run.stderr.contains(part),
            "{part:?}: {name} {flags:?}: {run:?}"
        );
        assert!(
            !run.stderr.contains(&key_text()[..40]),
            "the key is printed"
        );
    };
    check("aes128.asb", &[], 13, "encrypted");
    check("aes128.asb", &[&key, "--encrypt=aes256"], 13, "wrong key");
    check("zstd.asb", &[&key, "--encrypt=aes128"], 13, "not encrypted");
    check("zstd.asb", &["--compress=NONE"], 13, "compressed");
    check(
        "aes128.asb",
        &[&key, "--encrypt=aes128", "-zZSTD"],
        13,
        "not compressed",
    );
    check(
        "aes256-keyenv.asb",
        &[
            "--encryption-key-env=KEY",
            "--encryption-key-raw",
            "--encrypt=AES256",
        ],
        13,
        "wrong key",
    );
}

#[test]
fn a_manifest_tells_which_key_is_missing() {
    let source = filled(1, 300);
    let place = tempdir().expect("directory");
    let (path, key) = (place.path().join("backup"), write_key(place.path()));
    backup(&source, &[&"-d", &path, &key, &"--encrypt=aes128"]).succeeds();
    let target = empty(1);
    let other = place.path().join("other");
    fs::create_dir(&other).expect("directory");
    let mut text = key_text().into_bytes();
    text[200] = if text[200] == b'A' { b'B' } else { b'A' };
    let other = write_pem(&other, &String::from_utf8(text).expect("base64"));
    let refused = |flags: &[&str], part: &str| {
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
        args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        let run = restore(&target, &args);
        assert_eq!(run.code, Some(12), "{flags:?}: {run:?}");
        assert!(run.stderr.contains(part), "{part:?}: {run:?}");
        assert!(run.stderr.contains("hint: --encrypt"), "{run:?}");
    };
    refused(&[], "is encrypted (AES128), and no key was given");
    refused(&[&other, "--encrypt=aes128"], "not the one");
    refused(&[&key, "--encrypt=aes256"], "not the one");
    let run = Run::of(&mut command(&[&"restore", &"--validate", &"-d", &path]));
    assert_eq!(run.code, Some(13), "{run:?}");
    assert!(run.stderr.contains("and no key was given"), "{run:?}");
}

#[test]
fn flags_that_do_not_fit_are_refused_before_anything_is_touched() {
    let source = filled(1, 10);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let key = write_key(place.path());
    let hosts = hosts(&source);
    let check = |flags: &[&str], code: i32, part: &str| {
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"backup", &hosts, &"-ntest", &"-d", &path];
        args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        let run = Run::of(
            command(&args)
                .env_remove("NOTHING")
                .env("NO_KEY", "not base64!"),
        );
        run.fails(code, part).at_once();
        assert!(!path.exists(), "{flags:?}");
    };
    check(&["-z", "LZ4"], 1, "LZ4");
    check(&["-zZSTD", "--compression-level=-8"], 1, "-8");
    check(&["-zZSTD", "--compression-level=23"], 1, "23");
    check(&["--encrypt=AES192"], 1, "AES192");
    check(&["--encrypt=AES128"], 1, "--encryption-key-file");
    check(&[&key], 1, "--encrypt");
    check(&["--encrypt=NONE", &key], 1, "--encrypt");
    check(
        &["--encrypt=AES128", &key, "--encryption-key-env=KEY"],
        1,
        "exclude each other",
    );
    check(
        &["--encrypt=AES128", "--encryption-key-file=/nowhere/key.pem"],
        12,
        "/nowhere/key.pem",
    );
    check(
        &["--encrypt=AES128", "--encryption-key-env=NOTHING"],
        12,
        "NOTHING is not set",
    );
    check(
        &["--encrypt=AES128", "--encryption-key-env=NO_KEY"],
        12,
        "base64",
    );
}

#[test]
fn a_level_without_compression_is_a_warning() {
    let source = filled(1, 10);
    let place = tempdir().expect("directory");
    let run = backup(&source, &[&"-d", &place.path(), &"--compression-level=5"]).survives();
    assert!(
        run.stderr.contains("--compression-level has no effect"),
        "{run:?}"
    );
}
