//! Options of `asbackup`.

use super::{
    super::row::{Row, Section, To, number, signed, switch, text},
    Group, both, group,
};

pub(super) const GROUPS: &[Group] = &[
    group("Target", TARGET),
    group("Amazon S3", S3),
    group("Estimate", ESTIMATE),
    group("Interruption", INTERRUPTION),
    group("Compression and encryption", ENVELOPE),
    group("Selection", SELECTION),
    group("Speed", SPEED),
    group("Time-outs and retries", PATIENCE),
];

const TARGET: &[Row] = &[
    text("directory", "DIR").short('d').in_file(Section::Own).help(
        "Directory to write to, or s3://BUCKET/PREFIX; it is created on demand and must not hold *.asb files",
    ),
    text("output-file", "FILE").short('o').in_file(Section::Own).help(
        "Write everything to one file instead, or to s3://BUCKET/KEY; \"-\" is standard output",
    ),
    text("output-file-prefix", "TEXT").short('q').in_file(Section::Own).help(
        "Begin the names of the files of a directory with this instead of the namespace",
    ),
    switch("remove-files").short('r').in_file(Section::Own),
    switch("remove-artifacts").in_file(Section::Own).help(
        "Remove the backup in the target, finished or not, then the directory if it is empty, and stop",
    ),
    number("file-limit", "MIB", 1).short('F').in_file(Section::Own).help(
        "Close a data file of a directory at this size in MiB and begin the next one",
    ),
    switch("compact").short('C').in_file(Section::Own),
];

const S3: &[Row] = &[
    both::S3_REGION,
    both::S3_PROFILE,
    both::S3_ENDPOINT,
    number("s3-min-part-size", "MIB", 5)
        .up_to(5120)
        .in_file(Section::Own)
        .help(
            "The least size in MiB of the parts that large files are sent in; 8 and more without",
        ),
    number("s3-max-async-uploads", "N", 1)
        .in_file(Section::Own)
        .preset("16"),
    number("s3-max-async-downloads", "N", 1)
        .in_file(Section::Own)
        .to(To::Nothing("a backup downloads nothing"))
        .help("Without effect: a backup downloads nothing"),
    both::S3_CONNECT,
    both::S3_LOG,
    both::S3_PROXY,
];

const ESTIMATE: &[Row] = &[
    switch("estimate").short('e').in_file(Section::Own),
    number("estimate-samples", "N", 1).in_file(Section::Own).help(
        "Records that an estimate reads whole; 10000 without. When all that are selected were read, it is exact",
    ),
];

const INTERRUPTION: &[Row] = &[
    text("state-file-dst", "PATH")
        .in_file(Section::Own)
        .to(To::Made("state-file-dst", |value, _| {
            Ok(vec![("state-file-dst", both::path(value))])
        }))
        .help("Keep the state in this file, or in this directory, instead of beside the data"),
    text("continue", "FILE").short('c').in_file(Section::Own).help(
        "Go on with an interrupted backup from its state file. All other arguments must be the same, but for hosts, credentials, limits, time-outs, retries and logging",
    ),
];

const ENVELOPE: &[Row] = &[
    both::COMPRESS,
    signed("compression-level", "N").in_file(Section::Own),
    both::ENCRYPT,
    both::KEY_FILE,
    both::KEY_ENV,
];

const SELECTION: &[Row] = &[
    text("namespace", "NAMESPACE")
        .short('n')
        .in_file(Section::Own)
        .help("Namespace to back up"),
    text("set", "SET,...")
        .short('s')
        .in_file(Section::Own)
        .is("set-list"),
    text("bin-list", "BIN,...").short('B').in_file(Section::Own),
    switch("no-bins").short('x').in_file(Section::Own),
    both::NO_RECORDS,
    both::NO_INDEXES,
    switch("no-udfs").short('u').in_file(Section::Own),
    number("max-records", "N", 0)
        .up_to(u64::MAX)
        .short('M')
        .in_file(Section::Own),
    text("modified-after", "TIME")
        .short('a')
        .in_file(Section::Own),
    text("modified-before", "TIME")
        .short('b')
        .in_file(Section::Own),
    switch("no-ttl-only").in_file(Section::Own),
    text("filter-exp", "BASE64")
        .short('f')
        .in_file(Section::Own),
    text("partition-list", "FILTER,...")
        .short('X')
        .in_file(Section::Own),
    text("after-digest", "DIGEST")
        .short('D')
        .in_file(Section::Own),
    text("node-list", "NODE,...")
        .short('l')
        .in_file(Section::Own),
    text("prefer-racks", "ID,...").in_file(Section::Own),
];

const SPEED: &[Row] = &[
    number("parallel", "N", 1)
        .up_to(100)
        .short('w')
        .in_file(Section::Own)
        .preset_by(|all| {
            if all.of("node-list").is_some() {
                "16"
            } else {
                "1"
            }
        })
        .help("Scans at a time and files written: 1 to 100; 1 without, 16 with --node-list"),
    number("records-per-second", "N", 0)
        .short('L')
        .in_file(Section::Own)
        .help("At most so many records a second, all nodes and workers together; 0 = no limit"),
    number("nice", "MIB", 1)
        .short('N')
        .in_file(Section::Own)
        .is("bandwidth")
        .help("At most so many MiB a second to the storage, all workers together"),
];

const PATIENCE: &[Row] = &[
    both::SOCKET_TIMEOUT,
    number("total-timeout", "MS", 0).in_file(Section::Own),
    number("max-retries", "N", 0).in_file(Section::Own),
    number("sleep-between-retries", "MS", 0)
        .or(&["retry-delay"])
        .in_file(Section::Own)
        .preset("0")
        .help("Pause before a scan is tried again, in milliseconds; it grows by half each time"),
];
