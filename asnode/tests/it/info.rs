//! Info commands (`info-protocol.md`, `test-node.md` §5.13 to 15).

use crate::client::{Client, Msg, Request, cluster, framed, scan_request};
use asnode::{Build, Cluster, NamespaceConfig, NodeLoss, RawRecord};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::Duration;

/// Two nodes, two namespaces, replication factor 2 in the first.
fn pair() -> Cluster {
    let mut config = NamespaceConfig::new("test");
    config.replication_factor = 2;
    Cluster::builder()
        .nodes(2)
        .namespace(config)
        .namespace(NamespaceConfig::new("bar"))
        .start()
        .unwrap()
}

fn check(client: &mut Client, expected: &[(&str, &str)]) {
    for (command, value) in expected {
        assert_eq!(client.info(command), *value, "{command}");
    }
}

#[test]
fn commands_are_echoed_and_unterminated_ones_dropped() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let mut raw = |body: &str| {
        client.send(&framed(1, body.as_bytes()));
        String::from_utf8(client.frame().unwrap()[8..].to_vec()).unwrap()
    };
    assert_eq!(raw("build\n"), "build\t8.1.2.0\n");
    assert_eq!(raw("build"), "");
    assert_eq!(raw("build\nnode"), "build\t8.1.2.0\n");
    assert_eq!(raw("node\nnode\n"), "node\tA1\nnode\tA1\n");
    assert_eq!(raw("\n"), "\tERROR:4:unrecognized command\n");
    assert_eq!(raw("build\r\n"), "build\r\tERROR:4:unrecognized command\n");
    assert_eq!(raw("build;node\n"), "build;node\t8.1.2.0\n");
    assert!(
        raw("").contains("build\t8.1.2.0\n"),
        "an empty body is a dump"
    );
}

#[test]
fn identity() {
    let cluster = Cluster::builder()
        .build(Build::new(8, 1, 1, 7))
        .cluster_name("golden")
        .start()
        .unwrap();
    let mut client = Client::connect(&cluster);
    check(
        &mut client,
        &[
            ("build", "8.1.1.7"),
            ("edition", "Aerospike Community Edition"),
            ("version", "Aerospike Community Edition build 8.1.1.7"),
            ("node", "A1"),
            ("cluster-name", "golden"),
            ("status", "ok"),
            ("partitions", "4096"),
            ("namespaces", "test"),
            ("partition-generation", "0"),
            ("peers-generation", "0"),
            (
                "cluster-stable:size=2",
                "ERROR:7:cluster not specified size",
            ),
            (
                "cluster-stable:namespace=x",
                "ERROR:20:namespace not found on node",
            ),
            ("user-agent-set:value=MSxnby12OC43LjAsbm90LXNldA==", "ok"),
            (
                "user-agent-set:value=MSxnby12OC43LjAsbm90LXNldA==",
                "ERROR:4:already set",
            ),
            ("thr", "ERROR:4:unrecognized command"),
            ("racks:", "ERROR:25:enterprise only"),
            ("service-tls-std", "ERROR:25:enterprise only"),
        ],
    );
    let key = client.info("cluster-stable:size=1;ignore-migrations=false;namespace=test");
    assert!(
        client
            .info("statistics")
            .contains(&format!("cluster_key={key};"))
    );
}

#[test]
fn addresses_and_peers() {
    let cluster = pair();
    let addresses = cluster.addresses();
    let mut second = Client::to(addresses[1]);
    check(
        &mut second,
        &[
            ("node", "A2"),
            ("service-clear-std", &addresses[1].to_string()),
            ("services", &addresses[0].to_string()),
            (
                "peers-clear-std",
                &format!("2,3000,[[A1,,[{}]]]", addresses[0]),
            ),
            ("peers-clear-alt", "2,3000,[]"),
            ("peers-generation", "2"),
        ],
    );
    assert!(cluster.kill_node(0, NodeLoss::Takeover));
    assert!(!cluster.kill_node(0, NodeLoss::Takeover));
    check(
        &mut second,
        &[
            ("peers-clear-std", "3,3000,[]"),
            (
                "alumni-clear-std",
                &format!("3,3000,[[A1,,[{}]]]", addresses[0]),
            ),
            ("peers-generation", "3"),
            ("partition-generation", "1"),
        ],
    );
    cluster.restart_node(0).unwrap();
    assert_eq!(Client::to(addresses[0]).info("peers-generation"), "4");
}

#[test]
fn partition_maps_of_two_nodes_complement_each_other() {
    let cluster = pair();
    let maps: Vec<_> = cluster
        .addresses()
        .iter()
        .map(|a| Client::to(*a).info("replicas"))
        .collect();
    let columns = |map: &str| -> Vec<Vec<u8>> {
        let (test, bar) = map.split_once(';').unwrap();
        assert!(bar.starts_with("bar:0,1,"));
        let test = test.strip_prefix("test:0,2,").unwrap();
        test.split(',')
            .map(|text| STANDARD.decode(text).unwrap())
            .collect()
    };
    let (first, second) = (columns(&maps[0]), columns(&maps[1]));
    assert_eq!(first[0], second[1]);
    assert_eq!(first[1], second[0]);
    assert!(first[0].iter().zip(&first[1]).all(|(a, b)| a ^ b == 0xff));
    assert_eq!(first[0][61] & 0x08, 0x08, "partition 492 is even: node 0");
    let mut client = Client::connect(&cluster);
    assert!(client.info("replicas:max=1").starts_with("test:0,1,"));
    assert!(client.info("replicas-all").starts_with("test:2,"));
    assert!(client.info("replicas-master").starts_with("test:q"));
}

#[test]
fn namespaces_and_sets_count_what_the_node_holds() {
    let cluster = pair();
    let mut client = Client::connect(&cluster);
    for i in 0..100i64 {
        let record = RawRecord::for_key("demo", 1, &i.to_be_bytes()).bin(b"n", 1, &[0; 8]);
        cluster.put("test", &record);
        cluster.put("bar", &record);
    }
    let stats = client.info("namespace/test");
    let value = |stats: &str, key: &str| -> String {
        let pair = stats
            .split(';')
            .find_map(|pair| pair.strip_prefix(&format!("{key}=")));
        pair.unwrap_or_else(|| panic!("no {key} in {stats}"))
            .to_owned()
    };
    assert_eq!(value(&stats, "objects"), "100", "masters and replicas");
    assert_eq!(value(&stats, "effective_replication_factor"), "2");
    assert_eq!(value(&stats, "storage-engine"), "memory");
    let bar = client.info("namespace/bar");
    let objects: u64 = value(&bar, "objects").parse().unwrap();
    assert_eq!(value(&bar, "master_objects"), objects.to_string());
    assert!((1..100).contains(&objects));
    // 35 + 1+4 + 1 + 1+1+3 + 4 = 50, rounded up to 64
    let item = format!(
        "objects={objects}:tombstones=0:data_used_bytes={}:truncate_lut=0:sindexes=0:\
         index_populating=false:truncating=false:default-read-touch-ttl-pct=0:default-ttl=0:\
         disable-eviction=false:enable-index=false:stop-writes-count=0:stop-writes-size=0;",
        objects * 64
    );
    check(
        &mut client,
        &[
            ("namespace/nope", "type=unknown"),
            ("sets/bar", &format!("ns=bar:set=demo:{item}")),
            ("sets/bar/demo", &item),
            ("sets/bar/nope", ""),
            ("sets/nope", "ns_type=unknown"),
            ("sets:namespace=test", "ns_type=unknown"),
        ],
    );
    assert!(
        client
            .info("sets")
            .starts_with("ns=test:set=demo:objects=100:")
    );
}

#[test]
fn index_definitions() {
    const LONG: &str = "sindex-create:namespace=test;bin=b;type=numeric;indexname=";
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let none = "ERROR:20:namespace not found on node";
    check(
        &mut client,
        &[
            ("sindex-list:namespace=test;b64=true", ""),
            (
                "sindex-create:namespace=test;set=sc;indexname=is1;indextype=set",
                "ok",
            ),
            (
                "sindex-list:namespace=test;b64=true",
                ";ns=test:indexname=is1:set=sc:indextype=set",
            ),
            (
                "sindex-create:namespace=test;indexname=i1;indextype=LIST;bin=n;type=NUMERIC",
                "ok",
            ),
            (
                "sindex-create:ns=test;set=null;indexname=i2;indexdata=b,string",
                "ok",
            ),
            (
                "sindex-create:namespace=test;set=s;indexname=i3;context=lCKlA25lc3QQAA==;bin=n;type=blob",
                "ok",
            ),
            (
                "sindex-create:namespace=test;indexname=i4;exp=kxSTUQKhbpNRAqFt;type=geo2dsphere",
                "ok",
            ),
            (
                "sindex-list:ns=test;b64=true",
                "ns=test:indexname=i1:set=null:bin=n:type=numeric:indextype=list:context=null:exp=null:state=RW;\
              ns=test:indexname=i2:set=null:bin=b:type=string:indextype=default:context=null:exp=null:state=RW;\
              ns=test:indexname=i3:set=s:bin=n:type=blob:indextype=default:context=lCKlA25lc3QQAA==:exp=null:state=RW;\
              ns=test:indexname=i4:set=null:bin=null:type=geo2dsphere:indextype=default:context=null:exp=kxSTUQKhbpNRAqFt:state=RW;\
              ns=test:indexname=is1:set=sc:indextype=set",
            ),
            // Again: fine. Under another name: renamed. Another definition: refused.
            (
                "sindex-create:namespace=test;indexname=i1;indextype=list;bin=n;type=numeric",
                "ok",
            ),
            (
                "sindex-create:namespace=test;indexname=i9;indextype=list;bin=n;type=numeric",
                "ok",
            ),
            ("sindex-exists:namespace=test;indexname=i1", "false"),
            ("sindex-exists:namespace=test;indexname=i9", "true"),
            (
                "sindex-create:namespace=test;indexname=i9;bin=n;type=numeric",
                "ERROR:200:'indexname' already exists with different definition",
            ),
            (
                "sindex-create:namespace=test;set=sc;indexname=is2;indextype=SET",
                "ok",
            ),
            ("sindex-exists:namespace=test;indexname=is1", "false"),
            (
                "sindex-create:namespace=nope;indexname=i5;bin=n;type=numeric",
                "ok",
            ),
            (
                "sindex-create:namespace=test;bin=n;type=numeric",
                "ERROR:4:missing 'indexname'",
            ),
            (
                "sindex-create:indexname=a;bin=n;type=numeric",
                "ERROR:20:missing 'namespace'",
            ),
            (
                "sindex-create:namespace=test;indexname=a;type=numeric",
                "ERROR:4:both 'bin' and 'exp' are missing",
            ),
            (
                "sindex-create:namespace=test;indexname=a;bin=n",
                "ERROR:4:both 'indexdata' and 'type' are missing",
            ),
            (
                "sindex-create:namespace=test;indexname=a;bin=n;exp=kxSTUQKhbpNRAqFt;type=numeric",
                "ERROR:4:both 'bin' and 'exp' are specified",
            ),
            (
                "sindex-create:namespace=test;indexname=a;context=lCKlA25lc3QQAA==;exp=kxSTUQKhbpNRAqFt;type=numeric",
                "ERROR:4:both 'context' and 'exp' are specified",
            ),
            (
                "sindex-create:namespace=test;indexname=a;bin=n;type=float",
                "ERROR:4:bad 'type' - must be one of 'numeric', 'string', 'blob', 'geo2dsphere'",
            ),
            (
                "sindex-create:namespace=test;indexname=a;bin=n;type=numeric;context=!",
                "ERROR:4:'context' invalid base64",
            ),
            (
                "sindex-create:namespace=test;indexname=a;bin=n;type=numeric;context=AAAA",
                "ERROR:4:'context' invalid cdt context",
            ),
            (
                "sindex-create:namespace=test;indexname=a;bin=sixteen_bytes_xx;type=numeric",
                "ERROR:4:'bin' value too long",
            ),
            (
                &format!("{LONG}{}", "x".repeat(64)),
                "ERROR:4:'indexname' value too long",
            ),
            (
                "sindex-list:namespace=nope;b64=true",
                &format!("{none};{none}"),
            ),
            ("sindex-list:namespace=test;b64=maybe", "ERROR:4:bad b64"),
            ("sindex/nope", "ns_type=unknown"),
            (
                "sindex-stat:namespace=test;indexname=i1",
                "ERROR:201:no index",
            ),
            ("sindex-stat:namespace=nope;indexname=i1", none),
            ("sindex-exists:namespace=nope;indexname=i1", none),
            (
                "sindex-delete:namespace=test;set=whatever;indexname=i9",
                "ok",
            ),
            ("sindex-delete:namespace=test;indexname=i9", "ok"),
            ("sindex-delete:namespace=nope;indexname=i9", "ok"),
            (
                "sindex-delete:namespace=test",
                "ERROR:4:missing 'indexname'ok",
            ),
            (
                "sindex-delete:",
                "ERROR:4:missing 'indexname'ERROR:20:missing 'namespace'",
            ),
        ],
    );
    assert!(
        client
            .info("sindex-create:namespace=test;indexname=a;indextype=tree;bin=n;type=numeric")
            .starts_with("ERROR:4:bad 'indextype' - ")
    );
    assert!(
        client
            .info(
                "sindex-create:namespace=test;indexname=a;indextype=mapkeys;bin=n;type=geo2dsphere"
            )
            .starts_with("ERROR:4:bad 'indexdata' bin type for 'indextype' 'mapkeys' - ")
    );
    assert!(
        client
            .info("sindex-stat:namespace=test;indexname=i2")
            .contains("load_pct=100;")
    );
    assert_eq!(
        client.info("sindex/test/i2"),
        client.info("sindex-stat:ns=test;indexname=i2")
    );
    assert!(
        client.info("sets/test/sc").contains("enable-index=true"),
        "an index creates its set"
    );
    assert!(client.info("sets/test/s").contains("sindexes=1"));
    for i in 0..300 {
        let command = format!("sindex-create:namespace=test;indexname=n{i};bin=b{i};type=numeric");
        let expected = if i < 256 - 4 { "ok" } else { "ERROR:206:" };
        assert!(client.info(&command).starts_with(expected), "{i}");
    }
}

#[test]
fn udf_modules() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    let content = "LS0gYWxwaGEKZnVuY3Rpb24gYWxwaGEocmVjKQogIHJldHVybiByZWNbInYiXQplbmQK";
    check(
        &mut client,
        &[
            ("udf-list", ""),
            (
                &format!(
                    "udf-put:filename=alpha.lua;content={content};content-len=68;udf-type=LUA;"
                ),
                "ok",
            ),
            (
                "udf-list",
                "filename=alpha.lua,hash=f03f010bb105e06d36c60b3f360b882a3d41bf38,type=LUA;",
            ),
            (
                "udf-get:filename=alpha.lua",
                &format!("type=LUA;content={content};"),
            ),
            ("udf-get:filename=nope.lua", "error=not_found"),
            ("udf-get:", "error=invalid_filename"),
            (
                "udf-put:filename=noext;content=QUJD;content-len=4",
                "error=invalid_filename",
            ),
            (
                "udf-put:filename=a.lua;content=QUJD;content-len=3",
                "error=invalid_content_len",
            ),
            (
                "udf-put:filename=a.lua;content=QUJD",
                "error=invalid_content_len",
            ),
            (
                "udf-put:filename=a.lua;content=QUJD;content-len=8",
                "error=invalid_content",
            ),
            (
                "udf-put:filename=a.lua;content-len=4",
                "error=invalid_content",
            ),
            (
                "udf-put:filename=a.lua;content=!UJD;content-len=4",
                "error=invalid_base64_content",
            ),
            (
                "udf-put:filename=a.lua;content=QUJD;content-len=4;udf-type=JS",
                "error=invalid_udf_type",
            ),
            ("udf-put:filename=a b.txt;content=QUJD;content-len=4", "ok"),
            ("udf-remove:filename=alpha.lua", "ok"),
            ("udf-remove:filename=alpha.lua", "ok"),
            ("udf-remove:", "error=invalid_filename"),
        ],
    );
    assert_eq!(cluster.udfs().len(), 1);
    assert_eq!(cluster.udfs()[0].content, b"ABC");
}

#[test]
fn truncation_goes_by_last_update() {
    let cluster = cluster();
    cluster.clock().set_ms(500_000_000_000);
    let mut client = Client::connect(&cluster);
    for i in 0..10i64 {
        for set in ["a", "b"] {
            let mut record = RawRecord::for_key(set, 1, &i.to_be_bytes()).bin(b"n", 1, &[0; 8]);
            record.last_update_ms = 1000 * u64::try_from(i + 1).unwrap();
            cluster.put("test", &record);
        }
    }
    let lut = |second: i64| (1_262_304_000 + second) * 1_000_000_000;
    let fifth = lut(5);
    check(
        &mut client,
        &[
            ("truncate:namespace=test", "ERROR:4:missing 'set'"),
            ("truncate:set=a", "ERROR:20:missing 'namespace'"),
            (
                "truncate-namespace:namespace=test;set=a",
                "ERROR:4:unexpected set name",
            ),
            (
                "truncate:namespace=test;set=a;lut=1",
                "ERROR:4:would truncate to 0",
            ),
            (
                "truncate:namespace=test;set=a;lut=x",
                "ERROR:4:would truncate to 0",
            ),
            (
                &format!("truncate:namespace=test;set=a;lut={}", lut(600_000_000)),
                "ERROR:4:would truncate in the future",
            ),
            ("truncate:namespace=nope;set=a", "ok"),
            ("truncate:namespace=test;set=nope", "ok"),
            (&format!("truncate:namespace=test;set=a;lut={fifth}"), "ok"),
        ],
    );
    assert_eq!(cluster.count("test"), 15);
    assert!(client.info("sets/test/a").contains(":truncate_lut=5000:"));
    assert_eq!(client.info("truncate:namespace=test;set=b"), "ok");
    assert_eq!(cluster.count("test"), 5);
    assert_eq!(client.info("truncate-namespace:namespace=test"), "ok");
    assert_eq!(cluster.count("test"), 0);
    assert!(
        client.info("sets/test/a").starts_with("objects=0:"),
        "the set stays listed"
    );
    assert_eq!(
        client
            .call(&Request::put("a", "k").int("n", 1).bytes())
            .result(),
        0
    );
    assert_eq!(cluster.count("test"), 1);
}

#[test]
fn configuration() {
    let cluster = cluster();
    let mut client = Client::connect(&cluster);
    assert!(
        client
            .info("get-config:context=service")
            .contains("batch-index-threads=2;")
    );
    assert_eq!(
        client.info("get-config:"),
        client.info("get-config:context=service")
    );
    check(
        &mut client,
        &[
            (
                "set-config:context=namespace;namespace=test;max-record-size=1M",
                "ok",
            ),
            (
                "set-config:context=namespace;namespace=test;default-ttl=100",
                "ok",
            ),
            (
                "set-config:context=namespace;namespace=test;set=s;default-ttl=200",
                "ok",
            ),
            (
                "set-config:context=namespace;namespace=test;disable-mrt-writes=true",
                "ERROR:4:invalid set-config parameter",
            ),
            (
                "set-config:context=namespace;default-ttl=1",
                "ERROR:20:missing 'namespace'",
            ),
            ("set-config:context=nope;a=b", "ERROR:4:invalid context"),
            ("set-config:a=b", "ERROR:4:missing 'context'"),
            (
                "set-config:context=xdr;dc=x;action=create",
                "ERROR:25:enterprise only",
            ),
            ("get-config:context=nope", "ERROR:4:invalid context"),
            ("get-config:context=security", ""),
            ("get-config:context=xdr", ""),
            (
                "get-config:context=namespace",
                "ERROR:20:missing 'namespace'",
            ),
            (
                "get-config:context=namespace;namespace=nope",
                "ERROR:20:namespace not found on node",
            ),
        ],
    );
    let namespace = client.info("get-config:context=namespace;id=test");
    assert!(
        namespace.contains("default-ttl=100;") && namespace.contains("max-record-size=1048576;")
    );
    let ttl = |client: &mut Client, set: &str| {
        let void_time = client
            .call(&Request::put(set, "k").int("n", 1).bytes())
            .header
            .record_ttl;
        void_time - cluster.clock().now_s()
    };
    assert!((98..=100).contains(&ttl(&mut client, "other")));
    assert!((198..=200).contains(&ttl(&mut client, "s")));
}

/// Until the cluster has formed nobody owns a partition, and clients are told to wait.
#[test]
fn partition_maps_come_late() {
    let start = |delay| {
        let builder = Cluster::builder().nodes(2).partition_map_delay(delay);
        builder.start().unwrap()
    };
    let cluster = start(Duration::MAX);
    let mut client = Client::connect(&cluster);
    let put = Request::put("demo", "k").int("n", 1).bytes();
    assert_eq!(client.info("partition-generation"), "-1");
    assert_eq!(client.info("cluster-stable:"), "ERROR:7:unstable cluster");
    let replicas = client.info("replicas");
    let nobody = format!("test:0,1,{}=", "A".repeat(683));
    assert_eq!(replicas, nobody);
    assert_eq!(client.call(&put).result(), 11);
    let scan = client.collect(&scan_request(&[0, 2], |_| {}));
    let results: Vec<_> = scan.iter().map(Msg::result).collect();
    assert_eq!(results, [11, 11, 0]);
    cluster.form();
    assert_eq!(client.info("partition-generation"), "0");
    assert_ne!(client.info("replicas"), nobody);
    assert_eq!(client.call(&put).result(), 0);

    let cluster = start(Duration::from_millis(50));
    let mut client = Client::connect(&cluster);
    while client.info("partition-generation") == "-1" {
        std::thread::yield_now();
    }
    assert_eq!(client.call(&put).result(), 0);
}
