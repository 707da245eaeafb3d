//! Options of `asbackup` and `asrestore`, right and wrong ones, and what they are called.

use crate::{
    legacy::{Place, seeds},
    support::{NAMESPACE, assert_equal, empty, filled},
};
use std::fs;

#[test]
fn every_failure_is_1() {
    let place = Place::new();
    let check = |tool, args: &[&str], part| place.run(tool, args).refuses(part);
    check("asbackup", &[], "--namespace (-n) is needed");
    check(
        "asrestore",
        &[],
        "--directory (-d), --input-file (-i) or --directory-list is needed",
    );
    check(
        "asbackup",
        &["-h", "127.0.0.1:1", "-n", "test", "-d", "b"],
        "127.0.0.1:1",
    );
    check("asrestore", &["-n", "test", "-d", "nowhere"], "nowhere");
    check("asrestore", &["--validate", "-i", "nowhere"], "nowhere");
    check(
        "asbackup",
        &["-n", "test", "-d", "b", "-c", "missing"],
        "missing",
    );
    check("asbackup", &["--bogus"], "unknown option: --bogus");
    fs::write(place.path("x.asb"), "Version 3.1\n+ x\n").expect("file");
    let run = place.run("asrestore", &["--validate", "-i", "x.asb"]);
    assert_eq!(run.code, Some(1), "{run:?}");
}

#[test]
fn values_are_those_of_the_old_tools() {
    let place = Place::new();
    let check = |tool, args: &[&str], part| place.run(tool, args).refuses(part);
    let target = ["-n", "test", "-d", "b"];
    let with = |more: &[&'static str]| [&target, more].concat();
    check(
        "asbackup",
        &with(&["-w", "101"]),
        "--parallel (-w): a number from 1 to 100 is needed",
    );
    check("asbackup", &with(&["-w", "0"]), "--parallel (-w)");
    check(
        "asbackup",
        &with(&["-F", "0"]),
        "--file-limit (-F): a number from 1 on is needed",
    );
    check("asbackup", &with(&["--nice", "0"]), "--nice (-N)");
    check("asbackup", &with(&["--set", "a,a"]), "--set (-s)");
    check(
        "asbackup",
        &with(&["--s3-min-part-size", "4"]),
        "from 5 to 5120",
    );
    check(
        "asbackup",
        &with(&["--s3-log-level", "loud"]),
        "'--s3-log-level <LEVEL>'",
    );
    check(
        "asbackup",
        &with(&["--tlsEncryptOnly"]),
        "--tlsEncryptOnly is not possible",
    );
    check(
        "asbackup",
        &with(&["--machine"]),
        "--machine (-m) needs a value",
    );
    check(
        "asbackup",
        &["-n", "secrets:r:k", "-d", "b"],
        "secrets are possible for hosts",
    );
    check(
        "asrestore",
        &with(&["-N", "10"]),
        "--nice (-N): two numbers are needed",
    );
    check(
        "asrestore",
        &with(&["-t", "4097"]),
        "a number from 1 to 4096 is needed",
    );
    check(
        "asrestore",
        &with(&["-u", "-g"]),
        "--unique (-u) and --no-generation (-g) exclude",
    );
    check(
        "asrestore",
        &with(&["-u", "-r"]),
        "--unique (-u) and --replace (-r) exclude",
    );
    check("asrestore", &with(&["-l", "9"]), "unknown option: -l");
    check(
        "asbackup",
        &with(&["-U", "u", "-P"]),
        "--password (-P) has no value",
    );
}

#[test]
fn options_without_effect_say_so() {
    let (place, source, target) = (Place::new(), filled(1, 20), empty(1));
    place
        .asbackup(&source, &["-n", NAMESPACE, "-d", "b"])
        .goes_well();
    let args = [
        "-d",
        "b",
        "--event-loops",
        "2",
        "--retry-delay",
        "10",
        "--threads",
        "2",
    ];
    let run = place.asrestore(&target, &args);
    assert_eq!(run.code, Some(0), "{run:?}");
    for part in [
        "Warning: --event-loops has no effect",
        "Warning: --sleep-between-retries has no effect",
        "Warning: --threads is deprecated: it is --parallel now",
    ] {
        assert!(run.stderr.contains(part), "{part} in {run:?}");
    }
    assert_equal(&source, &target);
}

#[test]
fn help_and_version() {
    let place = Place::new();
    for (tool, title) in [
        ("asbackup", "Aerospike Backup Utility"),
        ("asrestore", "Aerospike Restore Utility"),
    ] {
        let run = place.run(tool, &["-V"]).goes_well();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            String::from_utf8_lossy(&run.stdout),
            format!("{title}\nVersion {version}\n")
        );
        let help = |flag: &str| place.run(tool, &[flag]).goes_well().stdout;
        let text = String::from_utf8(help("--help")).expect("UTF-8");
        assert!(text.contains(&format!("Usage: {tool} [OPTIONS]")), "{text}");
        for flag in ["-Z", "--usage", "--options"] {
            assert_eq!(help(flag), text.as_bytes(), "{flag}");
        }
        for part in [
            "-h, --host",
            "--only-config-file",
            "--s3-region",
            "Secret Agent:",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        for command in [&["completions", "bash", tool][..], &["man", tool]] {
            let run = place.run("absctl", command).succeeds();
            let text = String::from_utf8(run.stdout)
                .expect("UTF-8")
                .replace("\\-", "-");
            assert!(text.contains(tool) && text.contains("state-file-dst") == (tool == "asbackup"));
        }
    }
    let run = place.run("absctl", &["asbackup", "-V"]).goes_well();
    assert!(run.stdout.starts_with(b"Aerospike Backup Utility\n"));
}

/// Spellings of the old tools that the program takes under its own name, too (`cli.md` §17).
#[test]
fn old_spellings_under_our_own_name() {
    let (place, source) = (Place::new(), filled(1, 50));
    let hosts = seeds(&source);
    let shown = |line: &[&str], flag: &str| {
        let shown = place.shown(line, flag);
        shown.split(' ').next().expect("value").to_owned()
    };
    let backup = [
        (&["-S"][..], "services-alternate", "true"),
        (&["-A", "PKI"], "auth", "PKI"),
        (&["-y", "aes128"], "encrypt", "aes128"),
        (&["--set", "a"], "set-list", "a"),
        (&["--retry-delay", "7"], "sleep-between-retries", "7"),
        (&["--nice", "7"], "bandwidth", "7"),
        (&["--threads", "7"], "parallel", "7"),
        (&["--tls-crl-checkall"], "tls-crl-check-all", "true"),
        (&["-m", "x"], "machine", "x"),
        (&["--tlsEnable"], "tls-enable", "true"),
        (&["--tlsName", "x"], "tls-name", "x"),
        (&["--tlsCaFile", "x"], "tls-cafile", "x"),
        (&["--tlsCaPath", "x"], "tls-capath", "x"),
        (&["--tlsProtocols", "x"], "tls-protocols", "x"),
        (&["--tlsCipherSuite", "x"], "tls-cipher-suite", "x"),
        (&["--tlsCrlCheck"], "tls-crl-check", "true"),
        (&["--tlsCrlCheckAll"], "tls-crl-check-all", "true"),
        (&["--tlsCertBlackList", "x"], "tls-cert-blacklist", "x"),
        (&["--tlsLogSessionInfo"], "tls-log-session-info", "true"),
        (&["--tlsKeyFile", "x"], "tls-keyfile", "x"),
        (&["--tlsCertFile", "x"], "tls-certfile", "x"),
    ];
    for (spelling, flag, value) in backup {
        assert_eq!(
            shown(&[&["backup"], spelling].concat(), flag),
            value,
            "{spelling:?}"
        );
        if flag != "sleep-between-retries" {
            assert_eq!(
                shown(&[&["restore"], spelling].concat(), flag),
                value,
                "{spelling:?}"
            );
        }
    }
    let run = place.run(
        "absctl",
        &[
            "backup",
            "-h",
            &hosts,
            "-n",
            "test",
            "-d",
            "b",
            "--tlsName=x",
        ],
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stderr.contains("--tlsName is deprecated"), "{run:?}");
    let run = place.run(
        "absctl",
        &[
            "backup", "-h", &hosts, "-n", "test", "-d", "c", "-U", "u", "-P",
        ],
    );
    run.fails(1, "there is no terminal to ask at");
}
