//! Logins, tokens, permissions, quotas, and the administration of users and roles.

use crate::{
    admin::{ADMIN, SECRET, request},
    client::{Client, Request, all_partitions, batch, messages, scan_request, scanned},
};
use aerospike_wire::{
    admin::{code, command},
    message::flags,
};
use asnode::{
    Cluster, ClusterBuilder, Edition, NamespaceConfig, NodeLoss, PREDEFINED_ROLES, Privilege,
    PrivilegeCode, RawRecord, Role, SecurityConfig,
    faults::{On, Reaction, Rule},
};
use std::{collections::BTreeMap, time::Duration};

pub(crate) fn builder() -> ClusterBuilder {
    Cluster::builder()
        .namespace(NamespaceConfig::new("test"))
        .namespace(NamespaceConfig::new("other"))
}

pub(crate) fn secured(config: SecurityConfig) -> Cluster {
    builder().security(config).start().unwrap()
}

/// A connection of a user with password `secret`.
pub(crate) fn as_user(cluster: &Cluster, user: &str) -> Client {
    let mut client = Client::connect(cluster);
    assert_eq!(client.login(user, SECRET).0, 0, "{user}");
    client
}

pub(crate) fn as_admin(cluster: &Cluster) -> Client {
    let mut client = Client::connect(cluster);
    assert_eq!(client.login("admin", ADMIN).0, 0);
    client
}

#[test]
fn editions_without_security_refuse_logins() {
    for (edition, result) in [(Edition::Community, 51), (Edition::Enterprise, 52)] {
        let cluster = builder().edition(edition).start().unwrap();
        let mut client = Client::connect(&cluster);
        client.send(&request(command::LOGIN, &[(code::USER, b"admin")]));
        let mut expected = vec![2, 2, 0, 0, 0, 0, 0, 16, 0, result];
        expected.resize(24, 0);
        assert_eq!(client.frame().unwrap(), expected, "{edition}");
    }
}

#[test]
fn a_login_is_the_one_of_the_specification() {
    let cluster = secured(SecurityConfig::new());
    let mut client = Client::connect(&cluster);
    let head = [
        2, 2, 0, 0, 0, 0, 0, 0x5b, 0, 0, 0x14, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6,
        0, b'a', b'd', b'm', b'i', b'n', 0, 0, 0, 0x3d, 3,
    ];
    client.send(&[&head[..], ADMIN].concat());
    let answer = client.answer();
    assert_eq!((answer.result, answer.command), (0, command::LOGIN));
    assert!(answer.field(code::SESSION_TOKEN).unwrap().len() >= 16);
    assert_eq!(
        answer.field(code::SESSION_TTL).unwrap(),
        86_400u32.to_be_bytes()
    );
    assert!(client.info("edition").contains("Enterprise"));
    assert_eq!(
        client.login("admin", ADMIN).0,
        0,
        "once more on the same connection"
    );
}

#[test]
fn who_has_not_logged_in_is_refused() {
    let cluster = secured(SecurityConfig::new());
    let mut client = Client::connect(&cluster);
    for command in ["build", "node", "no-such-command"] {
        assert_eq!(client.info_body(command), "ERROR:80:not authenticated\n");
    }
    assert_eq!(client.call(&Request::get("s", "k").bytes()).result(), 80);
    assert_eq!(
        client
            .call(&Request::put("s", "k").int("a", 1).bytes())
            .result(),
        80
    );
    let rows = batch(0, &[Request::get("s", "k").row(0)]);
    let reply = client.call(&rows);
    assert!(reply.is_last() && reply.result() == 80);
    let scan = client.call(&scan_request(&all_partitions(), |_| {}));
    assert!(!scan.is_last() && scan.result() == 80);
    assert_eq!(client.admin(command::QUERY_USERS, &[]).result, 80);
    assert_eq!(
        client.login("admin", ADMIN).0,
        0,
        "the connection is still there"
    );
    assert_eq!(client.info("build"), "8.1.2.0");
}

#[test]
fn wrong_names_passwords_and_messages() {
    let cluster = secured(SecurityConfig::new().certificate_user("cert", &["read"]));
    let mut client = Client::connect(&cluster);
    let table: [(&str, &[u8], u8); 4] = [
        ("admin", SECRET, 65),
        ("admin", b"admin", 65),
        ("nobody", ADMIN, 60),
        ("cert", SECRET, 65),
    ];
    for (user, credential, expected) in table {
        assert_eq!(
            client.login(user, credential),
            (expected, Vec::new()),
            "{user}"
        );
    }
    let user: (u8, &[u8]) = (code::USER, b"admin");
    assert_eq!(client.admin(command::LOGIN, &[user]).result, 55);
    assert_eq!(
        client.admin(command::LOGIN, &[]).result,
        55,
        "no certificate"
    );
    assert_eq!(
        client
            .admin(command::LOGIN, &[user, (code::CLEAR_PASSWORD, b"x")])
            .result,
        55
    );
    let mut scheme = request(command::LOGIN, &[user]);
    scheme[8] = 1;
    client.send(&scheme);
    assert_eq!(client.answer().result, 53);
    let mut cut = request(command::LOGIN, &[user]);
    cut[11] = 9;
    client.send(&cut);
    assert_eq!(client.answer().result, 55);
    assert_eq!(client.login("admin", ADMIN).0, 0);
    assert_eq!(client.admin(77, &[]).result, 54);
}

#[test]
fn tokens_are_good_for_their_node_and_user() {
    let config = SecurityConfig::new().user("ann", "secret", &["read"]);
    let cluster = builder().nodes(2).security(config).start().unwrap();
    let (_, token) = as_user_token(&cluster, "ann");
    let on = |node: usize| Client::to(cluster.addresses()[node]);
    assert_eq!(on(0).authenticate("ann", &token), 0);
    assert_eq!(on(1).authenticate("ann", &token), 65);
    assert_eq!(on(0).authenticate("admin", &token), 65);
    assert_eq!(on(0).authenticate("ann", &token[1..]), 65);
    let mut client = on(0);
    assert_eq!(client.authenticate("ann", &token), 0);
    assert_eq!(client.info("build"), "8.1.2.0");
    let old: [(u8, &[u8]); 2] = [(code::USER, b"ann"), (code::CREDENTIAL, SECRET)];
    assert_eq!(on(1).admin(command::AUTHENTICATE, &old).result, 0);
}

pub(crate) fn as_user_token(cluster: &Cluster, user: &str) -> (Client, Vec<u8>) {
    let mut client = Client::connect(cluster);
    let (result, token) = client.login(user, SECRET);
    assert_eq!(result, 0);
    (client, token)
}

#[test]
fn tokens_expire() {
    let config = SecurityConfig::new()
        .user("ann", "secret", &["read"])
        .session_ttl(Duration::from_secs(100))
        .session_uses(2);
    let cluster = secured(config);
    let connect = || Client::connect(&cluster);
    let (mut client, token) = as_user_token(&cluster, "ann");
    assert_eq!(connect().authenticate("ann", &token), 0);
    cluster.clock().advance(Duration::from_secs(101));
    assert_eq!(connect().authenticate("ann", &token), 66, "by time");
    assert_eq!(client.info("status"), "ok", "connections live on");
    let (_, token) = client.login("ann", SECRET);
    let results: Vec<_> = (0..3)
        .map(|_| connect().authenticate("ann", &token))
        .collect();
    assert_eq!(results, [0, 0, 66], "by use");
    let (_, token) = client.login("ann", SECRET);
    cluster.security().unwrap().expire_sessions();
    assert_eq!(connect().authenticate("ann", &token), 66, "by hand");
    let (_, token) = client.login("ann", SECRET);
    let rule = Rule::new(On::Authenticate, Reaction::Result(66)).times(1);
    cluster.faults().add(rule);
    let results: Vec<_> = (0..2)
        .map(|_| connect().authenticate("ann", &token))
        .collect();
    assert_eq!(results, [66, 0], "by a rule");
}

#[test]
fn a_node_that_starts_anew_knows_no_token() {
    let config = SecurityConfig::new().user("ann", "secret", &["read"]);
    let cluster = builder().nodes(2).security(config).start().unwrap();
    let (_client, token) = as_user_token(&cluster, "ann");
    assert!(cluster.kill_node(0, NodeLoss::Takeover));
    cluster.restart_node(0).unwrap();
    assert_eq!(Client::connect(&cluster).authenticate("ann", &token), 65);
    assert_eq!(Client::connect(&cluster).login("ann", SECRET).0, 0);
}

#[test]
fn a_ttl_of_zero_is_for_ever() {
    let cluster = secured(SecurityConfig::new().session_ttl(Duration::ZERO));
    let mut client = Client::connect(&cluster);
    let fields: [(u8, &[u8]); 2] = [(code::USER, b"admin"), (code::CREDENTIAL, ADMIN)];
    let answer = client.admin(command::LOGIN, &fields);
    assert_eq!(answer.field(code::SESSION_TTL), None);
    let token = answer.field(code::SESSION_TOKEN).unwrap().to_vec();
    cluster.clock().advance(Duration::from_secs(1 << 30));
    assert_eq!(Client::connect(&cluster).authenticate("admin", &token), 0);
}

#[test]
fn ldap_users_need_their_password_in_clear() {
    let login = |cluster: &Cluster, user: &str, clear: &[u8]| {
        let fields: [(u8, &[u8]); 3] = [
            (code::USER, user.as_bytes()),
            (code::CREDENTIAL, SECRET),
            (code::CLEAR_PASSWORD, clear),
        ];
        Client::connect(cluster)
            .admin(command::LOGIN, &fields)
            .result
    };
    let config = SecurityConfig::new().user("ann", "secret", &["read"]);
    let cluster = secured(config.clone());
    assert_eq!(login(&cluster, "eve", b"secret"), 90);
    assert_eq!(
        login(&cluster, "ann", b"secret"),
        0,
        "a user of the cluster itself"
    );
    let cluster = secured(config.external_user("eve", "secret", &["read"]));
    assert_eq!(login(&cluster, "eve", b"secret"), 0);
    assert_eq!(login(&cluster, "eve", b"wrong"), 93);
    assert_eq!(login(&cluster, "bob", b"secret"), 93);
    assert_eq!(
        Client::connect(&cluster).login("eve", SECRET).0,
        60,
        "without it"
    );
    let mut admin = as_admin(&cluster);
    assert_eq!(
        admin.list(command::QUERY_USERS, &[]).len(),
        2,
        "not among the others"
    );
}

/// Things to do, by name, and the result that each gives.
fn attempts(client: &mut Client) -> BTreeMap<&'static str, u8> {
    let put = || Request::put("s", "k").int("a", 1);
    let row = |client: &mut Client, row: Request| {
        client.send(&batch(5, &[row.row(0)]));
        let found = messages(&client.frame().unwrap());
        assert!(messages(&client.frame().unwrap())[0].is_last());
        found[0].result()
    };
    let scan = |client: &mut Client| {
        let reply = client.collect(&scan_request(&all_partitions(), |_| {}));
        reply.last().unwrap().result()
    };
    let info = |client: &mut Client, command: &str| match client.info(command).as_str() {
        "ERROR:81:role violation" => 81,
        text if text.starts_with("ERROR") => panic!("{command}: {text}"),
        _ => 0,
    };
    BTreeMap::from([
        ("write", client.call(&put().bytes()).result()),
        (
            "read",
            client.call(&Request::get("s", "k").bytes()).result(),
        ),
        (
            "operate",
            client
                .call(&put().read("a").with(|h| h.info1 = flags::READ).bytes())
                .result(),
        ),
        ("batch write", row(client, put())),
        ("batch read", row(client, Request::get("s", "k"))),
        ("batch delete", row(client, Request::delete("s", "k"))),
        ("scan", scan(client)),
        (
            "delete",
            client.call(&Request::delete("s", "k").bytes()).result(),
        ),
        ("truncate", info(client, "truncate:namespace=test;set=s")),
        (
            "truncate all",
            info(client, "truncate-namespace:namespace=test"),
        ),
        (
            "index",
            info(
                client,
                "sindex-create:namespace=test;indexname=i;bin=b;type=numeric",
            ),
        ),
        (
            "drop index",
            info(client, "sindex-delete:namespace=test;indexname=i"),
        ),
        (
            "module",
            info(
                client,
                "udf-put:filename=a.lua;content=AAAA;content-len=4;udf-type=LUA",
            ),
        ),
        ("drop module", info(client, "udf-remove:filename=a.lua")),
        (
            "config",
            info(
                client,
                "set-config:context=namespace;namespace=test;default-ttl=0",
            ),
        ),
        ("abort", info(client, "query-abort-all:")),
        (
            "look",
            info(client, "sindex-list:;udf-list").max(info(client, "get-config:")),
        ),
        ("users", first(client, command::QUERY_USERS)),
        ("roles", first(client, command::QUERY_ROLES)),
    ])
}

/// Result of the first message of a list; the rest is read, too.
fn first(client: &mut Client, command: u8) -> u8 {
    client.send(&request(command, &[]));
    let first = client.answer().result;
    let mut result = first;
    while result == 0 {
        result = client.answer().result;
    }
    first
}

#[test]
fn what_each_role_may_do() {
    const READ: &[&str] = &["read", "batch read", "scan"];
    const WRITE: &[&str] = &["write", "batch write", "batch delete", "delete"];
    const INDEX: &[&str] = &["index", "drop index"];
    const MODULE: &[&str] = &["module", "drop module"];
    let both: &[&[&str]] = &[READ, WRITE, &["operate"]];
    let table: [(&str, &[&[&str]]); 11] = [
        ("nothing", &[]),
        ("user-admin", &[&["users", "roles"]]),
        ("sys-admin", &[INDEX, &["config", "abort"]]),
        ("data-admin", &[INDEX, MODULE, &["abort"]]),
        ("udf-admin", &[MODULE]),
        ("sindex-admin", &[INDEX]),
        ("read", &[READ]),
        ("write", &[WRITE]),
        ("read-write", both),
        ("read-write-udf", both),
        ("truncate", &[&["truncate", "truncate all"]]),
    ];
    assert_eq!(table.len(), PREDEFINED_ROLES.len() + 1);
    let config = |config: SecurityConfig, (role, _): &(&str, &[&[&str]])| {
        config.user(role, "secret", &[role])
    };
    let config = table
        .iter()
        .fold(SecurityConfig::new().role(Role::new("nothing")), config);
    let cluster = secured(config);
    for (role, groups) in table {
        for (what, result) in attempts(&mut as_user(&cluster, role)) {
            let allowed = what == "look" || groups.iter().any(|group| group.contains(&what));
            // What is allowed may fail for another reason, such as a record that is not there.
            assert_eq!(result != 81, allowed, "{role}: {what}: {result}");
            assert!(matches!(result, 0 | 2 | 81), "{role}: {what}: {result}");
        }
    }
}

#[test]
fn privileges_within_namespaces_and_sets() {
    use PrivilegeCode::{Read, ReadWrite, SysAdmin, Truncate, Write};
    let test = |code| Privilege::new(code).within("test");
    let (in_test, in_set) = (test, |code| test(code).set("s"));
    let get = |set: &str, namespace: &str| {
        let mut request = Request::get(set, "k");
        request.fields[0].1 = namespace.into();
        request.bytes()
    };
    let scan = |set: &'static [u8]| scan_request(&all_partitions(), |scan| scan.set = Some(set));
    // A request, and whether it passes everywhere, in `test`, in `test.s`.
    let table: [(&str, Vec<u8>, [bool; 3]); 8] = [
        ("read test.s", get("s", "test"), [true, true, true]),
        ("read test.t", get("t", "test"), [true, true, false]),
        ("read test", get("", "test"), [true, true, false]),
        ("read other.s", get("s", "other"), [true, false, false]),
        ("scan test.s", scan(b"s"), [true, true, true]),
        ("scan test.t", scan(b"t"), [true, true, false]),
        ("scan test", scan(b""), [true, true, false]),
        ("unknown namespace", get("s", "none"), [true, true, true]),
    ];
    let roles = [
        ("all", Privilege::new(Read)),
        ("test", in_test(Read)),
        ("set", in_set(Read)),
    ];
    let add = |config: SecurityConfig, (name, privilege): (&str, Privilege)| {
        config
            .role(Role::new(name).privilege(privilege))
            .user(name, "secret", &[name])
    };
    let config = roles.into_iter().fold(SecurityConfig::new(), add);
    let config = add(config, ("truncate", in_set(Truncate)));
    let config = add(config, ("sys", Privilege::new(SysAdmin).within("test")));
    let config = config.role(
        Role::new("two")
            .privilege(in_set(Write))
            .privilege(test(ReadWrite).set("t")),
    );
    let cluster = secured(config.user("two", "secret", &["two"]));
    for (column, user) in ["all", "test", "set"].into_iter().enumerate() {
        let mut client = as_user(&cluster, user);
        for (name, bytes, passes) in &table {
            let result = client.collect(bytes)[0].result();
            assert_eq!(result != 81, passes[column], "{user}: {name}: {result}");
        }
    }
    let mut client = as_user(&cluster, "two");
    let put = |set| Request::put(set, "k").int("a", 1).bytes();
    assert_eq!(client.call(&put("s")).result(), 0);
    assert_eq!(client.call(&get("s", "test")).result(), 81);
    assert_eq!(client.call(&put("t")).result(), 0);
    assert_eq!(client.call(&get("t", "test")).result(), 0);
    assert_eq!(client.call(&put("u")).result(), 81);
    let mut client = as_user(&cluster, "truncate");
    assert_eq!(client.info("truncate:namespace=test;set=s"), "ok");
    for command in [
        "truncate:namespace=test;set=t",
        "truncate-namespace:namespace=test",
    ] {
        assert_eq!(client.info(command), "ERROR:81:role violation");
    }
    let set = "set-config:context=namespace;namespace=other;default-ttl=0";
    assert_eq!(as_user(&cluster, "sys").info(set), "ok", "not limited");
}

#[test]
fn a_batch_is_refused_row_by_row() {
    let role =
        Role::new("set").privilege(Privilege::new(PrivilegeCode::Read).within("test").set("s"));
    let cluster = secured(
        SecurityConfig::new()
            .role(role)
            .user("ann", "secret", &["set"]),
    );
    let record = RawRecord::for_key("s", 3, b"k").bin(b"a", 1, &[0; 8]);
    assert!(cluster.put("test", &record));
    let mut client = as_user(&cluster, "ann");
    let rows = [
        Request::get("s", "k"),
        Request::get("t", "k"),
        Request::put("s", "k").int("a", 1),
    ];
    let rows: Vec<_> = rows.iter().zip(0..).map(|(row, i)| row.row(i)).collect();
    let results = |flags| {
        let reply = Client::collect(&mut as_user(&cluster, "ann"), &batch(flags, &rows));
        reply.iter().map(|msg| msg.result()).collect::<Vec<_>>()
    };
    assert_eq!(results(4), [0, 81, 81, 0], "all rows");
    assert_eq!(results(0), [0, 81], "up to the first error");
    assert_eq!(client.info("build"), "8.1.2.0");
}

#[test]
fn quotas_count_by_the_second() {
    let cluster = secured(limited_config());
    let mut client = as_user(&cluster, "ann");
    cluster.clock().set_ms(500_000_000_000);
    let mut results = |request: Request, n: usize| -> Vec<u8> {
        let bytes = request.bytes();
        (0..n).map(|_| client.call(&bytes).result()).collect()
    };
    let put = || Request::put("s", "k").int("a", 1);
    assert_eq!(results(put(), 3), [0, 0, 83]);
    assert_eq!(results(Request::get("s", "k"), 4), [0, 0, 0, 83]);
    cluster.clock().advance(Duration::from_secs(1));
    let both = put().read("a").with(|h| h.info1 = flags::READ);
    assert_eq!(results(both, 3), [0, 0, 83], "counts as both");
    assert_eq!(results(Request::get("s", "k"), 2), [0, 83]);
    cluster.clock().advance(Duration::from_secs(1));
    let rows: Vec<_> = (0..4).map(|i| put().row(i)).collect();
    let reply: Vec<_> = client
        .collect(&batch(4, &rows))
        .iter()
        .map(|m| m.result())
        .collect();
    assert_eq!(reply, [0, 0, 83, 83, 0], "rows count");
    cluster.clock().advance(Duration::from_secs(1));
    let mut scan = |rps| {
        let bytes = scan_request(&[0], |scan| scan.records_per_second = rps);
        client.collect(&bytes).last().unwrap().result()
    };
    assert_eq!(
        [scan(0), scan(4), scan(3), scan(3)],
        [83, 83, 0, 0],
        "given back at the end"
    );
    let mut free = as_user(&cluster, "bob");
    assert_eq!(free.call(&Request::get("s", "k").bytes()).result(), 0);
    assert!(scanned(&free.collect(&scan_request(&all_partitions(), |_| {}))).len() == 1);
}

/// `ann` may read three and write two records per second, `bob` what he likes.
pub(crate) fn limited_config() -> SecurityConfig {
    let config = SecurityConfig::new()
        .quotas()
        .role(Role::new("slow").quotas(3, 1))
        .role(Role::new("slower").quotas(1, 2));
    let config = config.user("ann", "secret", &["read-write", "slow", "slower"]);
    config.user("bob", "secret", &["read-write"])
}

#[test]
fn bursts_of_refusals_by_rules() {
    let config = SecurityConfig::new().user("ann", "secret", &["read-write"]);
    let cluster = secured(config);
    let mut client = as_user(&cluster, "ann");
    cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::Result(83)).skip(1).times(2));
    cluster
        .faults()
        .add(Rule::new(On::Read, Reaction::Result(81)).times(1));
    cluster
        .faults()
        .add(Rule::new(On::Login, Reaction::Result(91)).times(1));
    cluster
        .faults()
        .add(Rule::new(On::Admin, Reaction::Result(56)).times(1));
    let put = Request::put("s", "k").int("a", 1).bytes();
    let writes: Vec<_> = (0..4).map(|_| client.call(&put).result()).collect();
    assert_eq!(writes, [0, 83, 83, 0]);
    let get = Request::get("s", "k").bytes();
    assert_eq!(
        [client.call(&get).result(), client.call(&get).result()],
        [81, 0]
    );
    assert_eq!(
        [client.login("ann", SECRET).0, client.login("ann", SECRET).0],
        [91, 0]
    );
    let own: [(u8, &[u8]); 1] = [(code::USER, b"ann")];
    assert_eq!(client.admin(command::QUERY_USERS, &own).result, 56);
    assert_eq!(client.list(command::QUERY_USERS, &own).len(), 1);
    cluster
        .faults()
        .add(Rule::new(On::Login, Reaction::Drop).times(1));
    client.send(&request(command::LOGIN, &[]));
    assert!(client.is_closed());
}
