//! `--estimate`: the report, what it counts, and what it does not go with.

use crate::support::{NAMESPACE, Run, absctl, backup, command, filled, hosts, names};
use asnode::RawRecord;
use std::ffi::OsStr;
use tempfile::tempdir;

type Args<'a> = Vec<&'a dyn AsRef<OsStr>>;

/// The lines from the title on.
fn report(stderr: &str) -> &str {
    let start = stderr.find("Estimate report").expect("a report");
    stderr.get(start..).expect("its lines")
}

#[test]
fn an_estimate_of_everything_is_exact() {
    let source = filled(2, 400);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    for more in [&[][..], &["-C"], &["-I", "--no-udfs"], &["-w", "3"]] {
        let more: Args<'_> = more.iter().map(|arg| arg as _).collect();
        let estimate: Args<'_> = [&[&"-e" as _], more.as_slice()].concat();
        let found = backup(&source, &estimate).succeeds();
        assert!(found.stdout.is_empty());
        let run = backup(
            &source,
            &[&[&"-d" as _, &path as _, &"-r" as _], more.as_slice()].concat(),
        );
        let run = run.succeeds();
        let bytes = run.reported("Bytes Written");
        let records = run.reported("Records Read");
        let lines: Vec<_> = report(&found.stderr).lines().collect();
        assert_eq!(lines[..2], ["Estimate report", "---------------"]);
        assert_eq!(lines[2], format!("File size (bytes):    {bytes}"));
        assert_eq!(lines[3], format!("Upper bound (bytes):  {bytes}"));
        assert_eq!(lines[4], format!("Records:              {records}"));
        assert!(lines[5].starts_with("Record size (bytes):  "), "{lines:?}");
        assert!(lines[6].starts_with("Record bound (bytes): "), "{lines:?}");
        assert_eq!(lines[7], "Compression ratio:    1.000");
        assert_eq!(
            lines[8..],
            ["Exact:                yes, every record was read"]
        );
    }
    assert_eq!(names(place.path()), ["backup"], "it writes nothing");
}

#[test]
fn an_estimate_of_some_has_a_bound() {
    let source = filled(1, 3_000);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let run = backup(&source, &[&"-d", &path]).succeeds();
    let bytes = run.reported("Bytes Written");
    let found = backup(&source, &[&"-e", &"--estimate-samples", &"300"]).succeeds();
    assert!(bytes <= found.reported("Upper bound (bytes)"), "{found:?}");
    assert!(found.reported("File size (bytes)") < found.reported("Upper bound (bytes)"));
    assert!(found.reported("Record size (bytes)") < found.reported("Record bound (bytes)"));
    assert!(found.reported("Records").abs_diff(3_000) < 60, "{found:?}");
    assert_eq!(found.value("Exact"), None);
}

#[test]
fn filters_and_compression_count() {
    let source = filled(1, 2_000);
    for number in 0..500u32 {
        let record = RawRecord::for_key("only", 1, &number.to_be_bytes());
        let text = "the same for all of them ".repeat(10);
        assert!(source.put(NAMESPACE, &record.bin(b"b", 3, text.as_bytes())));
    }
    let only: Args<'_> = vec![&"-e", &"-s", &"only", &"-I", &"--no-udfs"];
    let found = backup(&source, &only).succeeds();
    assert_eq!(found.reported("Records"), 500);
    let plain = found.reported("File size (bytes)");
    let packed = backup(
        &source,
        &[only.as_slice(), &[&"-z" as _, &"ZSTD" as _]].concat(),
    );
    let packed = packed.succeeds();
    assert!(
        packed.reported("File size (bytes)") * 3 < plain,
        "{packed:?}"
    );
    let ratio: f64 = packed
        .value("Compression ratio")
        .and_then(|ratio| ratio.parse().ok())
        .expect("a ratio");
    assert!(ratio > 0.0 && ratio < 0.4, "{packed:?}");
    let half = backup(&source, &[&"-e", &"-X", &"0-2048"]).succeeds();
    assert!(half.reported("Records").abs_diff(1_250) < 200, "{half:?}");
}

#[test]
fn what_an_estimate_does_not_go_with() {
    let excluded = [
        ("-d x", "--directory (-d)"),
        ("-o x", "--output-file (-o)"),
        ("-r", "--remove-files (-r)"),
        ("--remove-artifacts", "--remove-artifacts"),
        ("-c x", "--continue (-c)"),
        ("--state-file-dst x", "--state-file-dst"),
        ("-R", "--no-records (-R)"),
    ];
    let run = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let args: Args<'_> = words.iter().map(|word| word as _).collect();
        absctl(&args)
    };
    for (flags, name) in excluded {
        let message = format!("--estimate (-e) and {name} exclude each other");
        run(&format!("backup -n test -e {flags}"))
            .fails(1, &message)
            .at_once();
    }
    // All of them at once.
    let flags: Vec<_> = excluded.iter().map(|(flags, _)| *flags).collect();
    let failed = run(&format!("backup -n test -e {}", flags.join(" ")));
    for (_, name) in excluded {
        assert!(
            failed.stderr.contains(&format!("and {name} exclude")),
            "{failed:?}"
        );
    }
    let failed = failed.fails(1, "exclude each other").at_once();
    assert!(!failed.stderr.contains("is needed"), "{failed:?}");
    run("backup -n test -e --estimate-samples -1")
        .fails(1, "--estimate-samples")
        .at_once();
    run("backup -e")
        .fails(1, "--namespace (-n) is needed")
        .at_once();
}

#[test]
fn samples_without_an_estimate_are_mentioned() {
    let source = filled(1, 10);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let run = backup(&source, &[&"-d", &path, &"--estimate-samples", &"10"]).survives();
    let text = "--estimate-samples has no effect without --estimate (-e)";
    assert!(run.stderr.contains(text), "{run:?}");
}

#[test]
fn an_estimate_without_a_namespace_there_fails() {
    let source = filled(1, 10);
    let hosts = hosts(&source);
    let run = absctl(&[&"backup", &hosts, &"-n", &"nowhere", &"-e"]).fails(1, "nowhere");
    assert!(!run.stderr.contains("Estimate report"), "{run:?}");
}

#[test]
fn a_backup_is_estimated_beside() {
    let source = filled(2, 1_000);
    let hosts = hosts(&source);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let run = |samples: &str| {
        let mut command = command(&[&"backup", &hosts, &"-n", &NAMESPACE, &"-d", &path, &"-r"]);
        Run::of(command.env("ABSCTL_FORECAST_SAMPLES", samples))
    };
    for samples in ["", "0", "10"] {
        let run = run(samples).succeeds();
        assert_eq!(run.reported("Records Read"), source.count(NAMESPACE));
    }
    run("some")
        .fails(
            1,
            "ABSCTL_FORECAST_SAMPLES: invalid value 'some' for '--forecast-samples",
        )
        .at_once();
}
