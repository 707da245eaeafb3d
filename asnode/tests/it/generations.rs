//! Server versions from 5.7 on: what each answers where they differ.

use crate::client::{
    Client, Request, all_partitions, batch, batch_with, hex, scan_request, scanned,
};
use aerospike_wire::{field::code, message::flags};
use asnode::{Build, Cluster, Index, IndexSource};

const V5: Build = Build::GENERATIONS[0];
const V6: Build = Build::GENERATIONS[1];
const V7: Build = Build::GENERATIONS[2];
const V81: Build = Build::GENERATIONS[3];
const V812: Build = Build::GENERATIONS[4];

/// Runs `check` with one node of each version.
fn on_each(check: impl Fn(Build, &Cluster, &mut Client)) {
    for build in Build::GENERATIONS {
        let cluster = Cluster::builder().build(build).start().unwrap();
        let mut client = Client::connect(&cluster);
        assert_eq!(client.info("build"), build.to_string());
        check(build, &cluster, &mut client);
    }
}

#[test]
fn versions_are_read_and_ordered() {
    assert_eq!("8.1.2.0".parse(), Ok(V812));
    assert_eq!("6.4".parse(), Ok(Build::new(6, 4, 0, 0)));
    for bad in ["", "8", "8.x", "8.1.2.0.1", "8.1.2.0-5", "8.1.70000.0"] {
        assert!(bad.parse::<Build>().is_err(), "{bad}");
    }
    assert!(Build::GENERATIONS.is_sorted());
}

#[test]
fn commands_come_and_go() {
    const MISSING: &str = "ERROR:4:unrecognized command";
    on_each(|build, _, client| {
        let mut check = |command: &str, is_there: bool| {
            let found = client.info(command) != MISSING;
            assert_eq!(found, is_there, "{command} on {build}");
        };
        check("jobs:module=scan", build < V6);
        check("scan-show", build < V6);
        check("query-show", true);
        check("query-abort-all:", build >= V6);
        check("sindex-stat:ns=test;indexname=i", build >= V81);
        check("user-agent-set:value=MSxjLTcuMCxub3Qtc2V0", build >= V81);
        check("sindex/test", true);
        let features = client.info("features");
        let has = |name: &str| features.split(';').any(|feature| feature == name);
        assert_eq!(
            (has("batch-any"), has("pquery")),
            (build >= V6, build >= V6)
        );
        assert!(has("pscans") && !has("xdr"));
    });
}

/// Index definitions of each kind, as the version's clients send them, and whether it has them.
#[test]
fn indexes_are_created_in_the_grammar_of_the_version() {
    on_each(|build, cluster, client| {
        let mut check = |command: &str, is_good: bool| {
            let reply = client.info(command);
            assert_eq!(reply == "ok", is_good, "{command} on {build}: {reply}");
            let word = if build >= V81 { "ERROR:4:" } else { "FAIL:4:" };
            assert!(is_good || reply.starts_with(word), "{reply}");
        };
        let old = "sindex-create:ns=test;set=s;indexname";
        check(&format!("{old}=a;indexdata=n,numeric"), true);
        check(&format!("{old}=b;indextype=list;indexdata=n,STRING"), true);
        check(&format!("{old}=c;indexdata=n,blob"), build >= V7);
        check(&format!("{old}=d;bin=m;type=numeric"), build >= V81);
        check(&format!("{old}=e;exp=k1ECoW4=;type=numeric"), build >= V81);
        check(&format!("{old}=f;indextype=set"), build >= V812);
        let new = client.info("sindex-create:namespace=test;set=s;indexname=a;indexdata=n,numeric");
        let missing = "ERROR:20:missing 'namespace'";
        assert_eq!(new == missing, build < V81, "{new}");
        let names: Vec<_> = cluster.indexes().into_iter().map(|i| i.name).collect();
        let expected = match build {
            V5 | V6 => "a b",
            V7 => "a b c",
            V81 => "a b c d e",
            _ => "a b c d e f",
        };
        assert_eq!(names.join(" "), expected);
    });
}

#[test]
fn contexts_came_with_6_1() {
    on_each(|build, cluster, client| {
        let command = "sindex-create:ns=test;indexname=i;context=khAB;indexdata=n,numeric";
        assert_eq!(client.info(command), "ok");
        let kept = matches!(
            &cluster.indexes()[0],
            Index {
                source: IndexSource::Bin {
                    context: Some(_),
                    ..
                },
                ..
            }
        );
        assert_eq!(kept, build >= V6);
    });
}

#[test]
fn indexes_are_listed_in_the_form_of_the_version() {
    on_each(|build, _, client| {
        for command in [
            "sindex-create:ns=test;indexname=i;indexdata=n,numeric",
            "sindex-create:ns=test;set=s;indexname=k;indextype=mapkeys;indexdata=m,string",
        ] {
            assert_eq!(client.info(command), "ok");
        }
        let expected = match build {
            V5 => {
                "ns=test:indexname=i:set=NULL:bin=n:type=NUMERIC:indextype=NONE:path=n:state=RW;\
                 ns=test:indexname=k:set=s:bin=m:type=STRING:indextype=MAPKEYS:path=m:state=RW"
            }
            V6 | V7 => {
                "ns=test:indexname=i:set=NULL:bin=n:type=numeric:indextype=default:context=NULL:\
                 state=RW;ns=test:indexname=k:set=s:bin=m:type=string:indextype=mapkeys:\
                 context=NULL:state=RW"
            }
            _ => {
                "ns=test:indexname=i:set=null:bin=n:type=numeric:indextype=default:context=null:\
                 exp=null:state=RW;ns=test:indexname=k:set=s:bin=m:type=string:\
                 indextype=mapkeys:context=null:exp=null:state=RW"
            }
        };
        assert_eq!(client.info("sindex-list:ns=test"), expected, "{build}");
        assert_eq!(client.info("sindex-list:ns=test;b64=true"), expected);
        // Before 8.1 the new parameter names nothing: all indexes are meant.
        let unknown = client.info("sindex-list:namespace=other");
        assert_eq!(unknown == expected, build < V81, "{unknown}");
    });
}

#[test]
fn errors_of_index_commands_have_the_form_of_the_version() {
    on_each(|build, _, client| {
        let is_new = build >= V81;
        let word = if is_new { "ERROR" } else { "FAIL" };
        assert_eq!(
            client.info("sindex-create:ns=test;indexdata=n,numeric"),
            format!("{word}:4:missing 'indexname'")
        );
        let expected = if is_new { "ok" } else { "FAIL:201:NO INDEX" };
        assert_eq!(client.info("sindex-delete:ns=test;indexname=i"), expected);
        let expected = if is_new {
            "ERROR:201:no index"
        } else {
            "FAIL:201:NO INDEX"
        };
        assert_eq!(client.info("sindex/test/i"), expected);
        let create =
            |bin: &str| format!("sindex-create:ns=test;indexname=i;indexdata={bin},string");
        assert_eq!(client.info(&create("n")), "ok");
        assert!(
            client
                .info(&create("m"))
                .starts_with(&format!("{word}:200:"))
        );
        assert_eq!(client.info("sindex-delete:ns=test;indexname=i"), "ok");
    });
}

/// A row of before 6.0: `index, digest, repeat, info1, n_fields, n_ops, fields`.
fn old_read_row(index: u32, key: &str) -> Vec<u8> {
    let digest = Request::get("s", key).digest();
    let head = [&index.to_be_bytes()[..], &digest.0].concat();
    [&head[..], &hex("00 03 0001 0000 00000005 00 74657374")].concat()
}

#[test]
fn batches_write_since_6_0() {
    on_each(|build, cluster, client| {
        let rows: Vec<_> = (0..3)
            .map(|i| Request::put("s", &i.to_string()).int("n", i.into()).row(i))
            .collect();
        let reply = client.collect(&batch(0x05, &rows));
        let last = reply.last().unwrap();
        if build < V6 {
            assert_eq!((reply.len(), last.result(), last.is_last()), (1, 4, true));
            assert_eq!(cluster.count("test"), 0);
        } else {
            assert_eq!((reply.len(), last.result()), (4, 0));
            assert_eq!(cluster.count("test"), 3);
        }
        for i in 0..3 {
            client.call(&Request::put("s", &i.to_string()).int("n", i).bytes());
        }
        let rows: Vec<_> = (0..3).map(|i| old_read_row(i, &i.to_string())).collect();
        let reply = client.collect(&batch_with(0x05, 3, &rows.concat(), &[]));
        assert!(
            reply.iter().all(|row| row.result() == 0),
            "{build}: {reply:?}"
        );
        assert_eq!(reply.len(), 4);
    });
}

#[test]
fn batches_were_limited_before_8_1() {
    on_each(|build, _, client| {
        let rows: Vec<_> = (0..5001).map(|i| old_read_row(i, "none")).collect();
        let reply = client.collect(&batch_with(0x05, 5001, &rows.concat(), &[]));
        let expected = if build < V81 { 151 } else { 0 };
        assert_eq!(reply.last().unwrap().result(), expected, "{build}");
        let limit = if build < V81 { 5000 } else { 0 };
        let config = client.info("get-config:context=service");
        assert!(config.contains(&format!(";batch-max-requests={limit};")));
    });
}

#[test]
fn scans_report_finished_partitions_before_6_0() {
    on_each(|build, cluster, client| {
        for i in 0..50 {
            client.call(&Request::put("s", &i.to_string()).int("n", i).bytes());
        }
        assert_eq!(cluster.count("test"), 50);
        let partitions = all_partitions();
        let reply = client.collect(&scan_request(&partitions, |_| {}));
        assert_eq!(scanned(&reply).len(), 50);
        let done: Vec<_> = reply
            .iter()
            .filter(|msg| msg.header.info3 & flags::PARTITION_DONE != 0)
            .map(|msg| (msg.header.generation, msg.result()))
            .collect();
        if build < V6 {
            let all: Vec<_> = (0..4096).map(|id| (id, 0)).collect();
            assert_eq!(done, all);
        } else {
            assert!(done.is_empty());
        }
        // The bit by which a client says that it understands such reports came with 6.0.
        let mut unmarked = scan_request(&partitions, |_| {});
        unmarked[8 + 3] = 0;
        let reply = client.collect(&unmarked);
        let is_accepted = reply.last().unwrap().is_last();
        assert_eq!(is_accepted, build < V6, "{build}");
    });
}

#[test]
fn operations_of_filters_came_with_versions() {
    on_each(|build, _, client| {
        client.call(&Request::put("s1", "k").int("n", 1).bytes());
        let mut check = |filter: &str, is_known: bool| {
            let partitions = all_partitions();
            let filter = hex(filter);
            let request = scan_request(&partitions, |scan| scan.filter = &filter);
            let result = client.collect(&request).last().unwrap().result();
            assert_eq!(
                result,
                if is_known { 0 } else { 4 },
                "{filter:x?} on {build}"
            );
            let get = Request::get("s1", "k").field(code::FILTER_EXP, &filter);
            assert_eq!(client.call(&get.bytes()).result() == 4, !is_known);
        };
        check("93 01 91 46 a3 03 73 31", true); // set name
        check("93 04 91 4a 00", build >= V7); // record size
        check("93 09 91 46 92 7e 91 a3 03 73 31", build >= V812); // in list
    });
}

#[test]
fn jobs_are_named_by_trid_before_8_1() {
    on_each(|build, _, client| {
        let partitions = all_partitions();
        client.collect(&scan_request(&partitions, |scan| scan.query_id = 777));
        assert!(client.info("query-show:trid=777").starts_with("trid=777:"));
        let unknown = client.info("query-show:id=778");
        assert_eq!(
            unknown == "ERROR:2:job not found",
            build >= V81,
            "{unknown}"
        );
        if build < V6 {
            assert!(client.info("scan-show:trid=777").starts_with("trid=777:"));
            let kill = "jobs:module=scan;cmd=kill-job;trid=777";
            assert_eq!(client.info(kill), "ERROR:2:id not active");
        }
    });
}
