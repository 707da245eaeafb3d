//! Options of `asrestore`.

use super::{
    super::{
        row::{Flags, Row, Section, To, number, switch, text},
        values::Values,
    },
    Group, both, group,
};
use std::ffi::OsStr;

const NO_LOOPS: &str = "there are no event loops here; the connections are shared by all cores";
const NO_SLEEP: &str = "as in asrestore; --retry-scale-factor sets the pauses";

pub(super) const GROUPS: &[Group] = &[
    group("Source", SOURCE),
    group("Amazon S3", S3),
    group("Compression and encryption", ENVELOPE),
    group("Selection", SELECTION),
    group("Policy", POLICY),
    group("Writing", WRITING),
    group("Speed", SPEED),
];

const SOURCE: &[Row] = &[
    text("directory", "DIR").short('d').in_file(Section::Own).help(
        "Directory to read from, or s3://BUCKET/PREFIX: all its *.asb files",
    ),
    text("input-file", "FILE").short('i').in_file(Section::Own).help(
        "Read one file instead, or s3://BUCKET/KEY; \"-\" is standard input, \"-:BYTES\" one of that size",
    ),
    text("directory-list", "DIR,...").in_file(Section::Own),
    text("parent-directory", "DIR").in_file(Section::Own),
    switch("indexes-last").short('L').in_file(Section::Own).is("apply-metadata-last"),
    switch("validate").in_file(Section::Own),
];

const S3: &[Row] = &[
    both::S3_REGION,
    both::S3_PROFILE,
    both::S3_ENDPOINT,
    number("s3-max-async-downloads", "N", 1)
        .in_file(Section::Own)
        .preset("32"),
    both::S3_CONNECT,
    both::S3_LOG,
    both::S3_PROXY,
];

const ENVELOPE: &[Row] = &[both::COMPRESS, both::ENCRYPT, both::KEY_FILE, both::KEY_ENV];

const SELECTION: &[Row] = &[
    text("namespace", "NAMESPACE").short('n').in_file(Section::Own).help(
        "Namespace of the backup, or SOURCE,DEST to restore into another one; without, the one that the files are of",
    ),
    text("set-list", "SET,...").short('s').in_file(Section::Own),
    text("bin-list", "BIN,...").short('B').in_file(Section::Own),
    both::NO_RECORDS,
    both::NO_INDEXES,
    switch("no-udfs").short('F').in_file(Section::Own),
];

const POLICY: &[Row] = &[
    switch("unique").short('u').in_file(Section::Own),
    switch("replace").short('r').in_file(Section::Own),
    switch("no-generation").short('g').in_file(Section::Own),
    number("extra-ttl", "SECONDS", 0).in_file(Section::Own),
    switch("ignore-record-error").in_file(Section::Own),
    switch("wait")
        .short('w')
        .in_file(Section::Own)
        .to(To::Always)
        .help("Wait until the indexes are built, which is always done"),
];

const WRITING: &[Row] = &[
    switch("disable-batch-writes").in_file(Section::Own),
    number("batch-size", "N", 1).in_file(Section::Own),
    number("max-async-batches", "N", 1)
        .up_to(65_535)
        .in_file(Section::Own)
        .preset("32"),
    number("event-loops", "N", 1)
        .in_file(Section::Own)
        .to(To::Nothing(NO_LOOPS))
        .help("Without effect: there are no event loops here"),
    number("timeout", "MS", 0)
        .short('T')
        .in_file(Section::Own)
        .to(To::Made("total-timeout", timeout))
        .preset("10000")
        .help("Milliseconds for an attempt at a batch, where --total-timeout is 0; 0 = no limit"),
    both::SOCKET_TIMEOUT,
    number("total-timeout", "MS", 0)
        .in_file(Section::Own)
        .to(To::Made("total-timeout", total_timeout))
        .preset("0")
        .help("Milliseconds for an attempt at a batch, answers included; 0 = as --timeout"),
    number("max-retries", "N", 0)
        .in_file(Section::Own)
        .is("retry-max-attempts"),
    number("retry-scale-factor", "MICROSECONDS", 0)
        .up_to(u64::MAX / 2)
        .in_file(Section::Own)
        .to(To::Made("retry-base-interval", scale_factor))
        .preset("150000")
        .help("Microseconds before the second attempt at records without a final answer; each further pause is twice as long"),
    number("sleep-between-retries", "MS", 0)
        .or(&["retry-delay"])
        .in_file(Section::Own)
        .to(To::Nothing(NO_SLEEP))
        .help("Without effect, as in asrestore: --retry-scale-factor sets the pauses"),
];

const SPEED: &[Row] = &[
    number("parallel", "N", 1)
        .up_to(4096)
        .short('t')
        .once(&["threads"])
        .in_file(Section::Own)
        .to(To::Made("parallel", parallel))
        .preset("20")
        .help("Decoders, which share large files: 1 to 4096, of which at most 1024 are started"),
    text("nice", "MIB,TPS")
        .short('N')
        .in_file(Section::Own)
        .to(To::Made("bandwidth", nice))
        .help("At most so many MiB a second from the storage, and so many records a second"),
    number("bandwidth", "MIB", 1)
        .in_file(Section::Own)
        .file_only(),
    number("tps", "N", 1)
        .in_file(Section::Own)
        .file_only()
        .is("records-per-second"),
];

fn timeout(value: &OsStr, all: &Values<'_>) -> Flags {
    let is_replaced = all.of("total-timeout").is_some_and(|total| total != "0");
    Ok(match is_replaced {
        true => Vec::new(),
        false => vec![("total-timeout", value.to_owned())],
    })
}

fn total_timeout(value: &OsStr, _: &Values<'_>) -> Flags {
    Ok(match value == "0" {
        true => Vec::new(),
        false => vec![("total-timeout", value.to_owned())],
    })
}

/// Whole milliseconds, rounded up.
fn scale_factor(value: &OsStr, _: &Values<'_>) -> Flags {
    let typed = value.to_str().and_then(|text| text.parse::<u64>().ok());
    let millis = typed.ok_or("a number is needed")?.div_ceil(1000);
    Ok(vec![("retry-base-interval", millis.to_string().into())])
}

fn parallel(value: &OsStr, _: &Values<'_>) -> Flags {
    const MOST: u16 = 1024;
    let typed = value.to_str().and_then(|text| text.parse::<u16>().ok());
    let decoders = typed.ok_or("a number is needed")?.min(MOST);
    Ok(vec![("parallel", decoders.to_string().into())])
}

/// Both numbers are needed.
fn nice(value: &OsStr, _: &Values<'_>) -> Flags {
    let is_number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
    let parts = value.to_str().and_then(|text| text.split_once(','));
    match parts {
        Some((bandwidth, tps)) if is_number(bandwidth) && is_number(tps) => Ok(vec![
            ("bandwidth", bandwidth.into()),
            ("records-per-second", tps.into()),
        ]),
        _ => Err("two numbers are needed, MiB a second and records a second: 10,5000".to_owned()),
    }
}
