//! Recorded info answers.

use crate::capture::{Capture, frames, messages, number, texts};
use aerospike_wire::{
    digest::{Digest, PARTITIONS, PartitionId},
    info, partition,
};

/// The first answer to `command` in a capture.
fn answer(capture: &Capture, command: &str) -> Vec<u8> {
    let frames = frames(&capture.replies);
    let mut replies = frames.iter().flat_map(|frame| info::replies(frame.body));
    let found = replies.find(|(name, _)| *name == command.as_bytes());
    found.unwrap_or_else(|| panic!("no {command}")).1.to_vec()
}

#[test]
fn a_lone_node_owns_all_partitions() {
    for name in ["c-connect-tend", "py-connect-tend"] {
        let reply = answer(&Capture::open(name), "replicas");
        let found = partition::ownership(&reply, b"test").unwrap().unwrap();
        assert_eq!((found.regime, found.columns.len()), (0, 1));
        let ids = (0..PARTITIONS).map(|id| PartitionId::new(id).unwrap());
        assert!(ids.into_iter().all(|id| found.columns[0].contains(id)));
        assert_eq!(partition::ownership(&reply, b"nope"), Ok(None));
    }
}

#[test]
fn indexes_and_modules_of_a_backup() {
    let capture = Capture::open("go-backup-info");
    let indexes = answer(&capture, "sindex-list:namespace=test;b64=true");
    let found: Vec<_> = info::items(&indexes, b';').collect();
    assert_eq!(found.len() as u64, number(capture.facts(), "indexes"));
    for index in found {
        assert_eq!(info::value(index, b':', b"ns"), Some(&b"test"[..]));
        assert!(info::value(index, b':', b"type").is_some());
    }
    let list = answer(&capture, "udf-list");
    let modules: Vec<_> = info::items(&list, b';')
        .map(|module| info::value(module, b',', b"filename").unwrap())
        .collect();
    let expected = texts(capture.facts(), "udfs");
    let modules: Vec<_> = modules.into_iter().map(String::from_utf8_lossy).collect();
    assert_eq!(modules, expected);
    let objects = info::value(&answer(&capture, "namespace/test"), b';', b"objects")
        .and_then(info::number::<u64>);
    assert_eq!(objects, Some(358));
}

#[test]
fn no_recorded_answer_but_errors_is_taken_for_a_refusal() {
    let mut refused = 0;
    for capture in Capture::all() {
        if capture.name == "raw-replies" || capture.name.contains("-scan-") {
            continue;
        }
        for frame in frames(&capture.replies) {
            if frame.header.kind != aerospike_wire::frame::FrameType::Info {
                continue;
            }
            for (command, value) in info::replies(frame.body) {
                let is_error = value.starts_with(b"ERROR");
                assert_eq!(info::refusal(value).is_some(), is_error, "{command:?}");
                refused += usize::from(is_error);
            }
        }
    }
    assert!(refused > 0, "the captures hold refusals");
}

#[test]
fn a_single_read_holds_the_bins_alone() {
    let capture = Capture::open("py-get");
    let request = messages(&capture.requests)[0];
    let digest = request.field(aerospike_wire::field::code::DIGEST).unwrap();
    let digest = Digest::from_slice(digest).unwrap().to_string();
    assert_eq!(capture.facts()["digest"], digest);
    assert_eq!(Digest::for_key(b"types", 3, b"bools").to_string(), digest);
    let reply = messages(&capture.replies)[0];
    assert_eq!(reply.fields().count(), 0);
    let bins = reply.ops().map(|bin| (bin.name, bin.particle, bin.value));
    assert!(bins.eq([(&b"t"[..], 17, &[1][..]), (b"f", 17, &[0])]));
}

/// The values of `info-protocol.md` §1.1: which of them are refusals.
#[test]
fn refusals_of_the_specification() {
    let check = |value: &str, expected: Option<(u16, &str)>| {
        let found = info::refusal(value.as_bytes());
        let found = found
            .as_ref()
            .map(|refusal| (refusal.code, refusal.message.as_str()));
        assert_eq!(found, expected, "{value}");
    };
    check(
        "ERROR:4:unrecognized command",
        Some((4, "unrecognized command")),
    );
    check("ERROR:25:enterprise only", Some((25, "enterprise only")));
    let unknown = "namespace not found on node";
    check("ERROR:20:namespace not found on node", Some((20, unknown)));
    check("error:81:role violation", Some((81, "role violation")));
    check("ERROR::oops", Some((1, "oops")));
    check("FAIL:201:no index", Some((201, "no index")));
    check("FAIL", Some((1, "FAIL")));
    check("fail:bad", Some((1, "fail:bad")));
    check("ERROR:4:bad 'x' - a:b", Some((4, "bad 'x' - a:b")));
    check(
        "error=invalid_content_len",
        Some((1, "invalid_content_len")),
    );
    for fine in [
        "ok",
        "",
        "ns=test:set=ERROR:objects=1",
        "type=unknown",
        "true",
        "failed=0",
    ] {
        check(fine, None);
    }
}

/// A secured node answers with one line and no command.
#[test]
fn a_node_that_wants_a_login_says_so() {
    let found: Vec<_> = info::replies(b"ERROR:80:not authenticated\n").collect();
    let [(command, value)] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(command, b"");
    assert_eq!(info::refusal(value).unwrap().code, 80);
}

/// Answers shown in `info-protocol.md` §1 to §7.
#[test]
fn answers_of_the_specification() {
    let pairs = |text: &'static str, separator| -> Vec<_> {
        info::pairs(text.as_bytes(), separator)
            .map(|(key, value)| {
                (
                    key.escape_ascii().to_string(),
                    value.escape_ascii().to_string(),
                )
            })
            .collect()
    };
    let check = |text, separator, expected: &[(&str, &str)]| {
        let expected = expected
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        assert_eq!(pairs(text, separator), expected.collect::<Vec<_>>());
    };
    check(
        "type=LUA;content=bG9jYWwgYQ==;",
        b';',
        &[("type", "LUA"), ("content", "bG9jYWwgYQ==")],
    );
    check(
        "storage-engine.stripe[0].writes=7;objects=4",
        b';',
        &[("storage-engine.stripe[0].writes", "7"), ("objects", "4")],
    );
    check(
        ";ns=test:indexname=is1:set=sc:indextype=set".split_at(1).1,
        b':',
        &[
            ("ns", "test"),
            ("indexname", "is1"),
            ("set", "sc"),
            ("indextype", "set"),
        ],
    );
    let items = |text: &'static str, separator| info::items(text.as_bytes(), separator).count();
    assert_eq!(
        items(";ns=test:indexname=is1:set=sc:indextype=set", b';'),
        1
    );
    assert_eq!(
        items("ns=test:set=demo:objects=4;ns=test:set=b:objects=0;", b';'),
        2
    );
    assert_eq!(items("test;bar", b';'), 2);
    assert_eq!(items("", b';'), 0);
    assert_eq!(info::number(b"-1"), Some(-1i64));
    assert_eq!(info::number::<u64>(b"-1"), None);
    assert_eq!(info::number::<u64>(b"4 "), None);
    assert_eq!(info::number::<u64>(b""), None);
}
