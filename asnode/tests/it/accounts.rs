//! The administration of users and roles over the wire.

use crate::{
    admin::{ADMIN, Answer, EMPTY, SECRET, field, names},
    client::{Client, Request},
    security::{as_admin, as_user, as_user_token, builder, limited_config, secured},
};
use aerospike_wire::{
    admin::{code, command},
    field::code as data,
    result_code::ResultCode as R,
};
use asnode::{PREDEFINED_ROLES, Role, SecurityConfig};

#[test]
fn users_come_and_go() {
    let cluster = secured(SecurityConfig::new());
    let mut admin = as_admin(&cluster);
    let user: (u8, &[u8]) = (code::USER, b"ann");
    let secret: (u8, &[u8]) = (code::PASSWORD, SECRET);
    let roles = |list: &[&str]| names(list);
    let (read, bad) = (roles(&["read"]), roles(&["read", "none"]));
    let mut does = |command: u8, fields: &[(u8, &[u8])]| admin.admin(command, fields).result;
    assert_eq!(
        does(command::CREATE_USER, &[user, secret, (field::ROLES, &bad)]),
        70
    );
    assert_eq!(
        does(command::CREATE_USER, &[user, (code::PASSWORD, b"secret")]),
        62
    );
    assert_eq!(does(command::CREATE_USER, &[user]), 55);
    assert_eq!(
        does(command::CREATE_USER, &[(code::USER, &[b'x'; 64]), secret]),
        60
    );
    assert_eq!(
        does(
            command::CREATE_USER,
            &[user, secret, (field::ROLES, &read[..2])]
        ),
        70
    );
    assert_eq!(
        does(command::CREATE_USER, &[user, secret, (field::ROLES, &read)]),
        0
    );
    assert_eq!(
        does(command::CREATE_USER, &[user, secret, (field::ROLES, &read)]),
        61
    );
    let mut ann = as_user(&cluster, "ann");
    let get = Request::get("s", "k").bytes();
    let put = Request::put("s", "k").int("a", 1).bytes();
    assert_eq!((ann.call(&put).result(), ann.call(&get).result()), (81, 2));
    let write = roles(&["write", "truncate"]);
    assert_eq!(
        does(command::GRANT_ROLES, &[user, (field::ROLES, &write)]),
        0
    );
    assert_eq!(
        does(command::GRANT_ROLES, &[user, (field::ROLES, &bad)]),
        70
    );
    assert_eq!(
        does(
            command::GRANT_ROLES,
            &[(code::USER, b"bob"), (field::ROLES, &read)]
        ),
        60
    );
    assert_eq!(ann.call(&put).result(), 0, "at once");
    assert_eq!(
        does(command::REVOKE_ROLES, &[user, (field::ROLES, &read)]),
        0
    );
    assert_eq!(ann.call(&get).result(), 81);
    assert_eq!(
        cluster.security().unwrap().roles_of("ann").unwrap(),
        ["truncate", "write"]
    );
    assert_eq!(
        does(command::SET_PASSWORD, &[user, (code::PASSWORD, EMPTY)]),
        0
    );
    assert_eq!(
        does(command::SET_PASSWORD, &[(code::USER, b"bob"), secret]),
        60
    );
    assert_eq!(ann.call(&put).result(), 0, "connections live on");
    assert_eq!(Client::connect(&cluster).login("ann", SECRET).0, 65);
    assert_eq!(Client::connect(&cluster).login("ann", EMPTY).0, 0);
    assert_eq!(does(command::DROP_USER, &[user]), 0);
    assert_eq!(does(command::DROP_USER, &[user]), 60);
    assert_eq!(ann.call(&put).result(), 80);
    assert_eq!(ann.info_body("build"), "ERROR:80:not authenticated\n");
    assert_eq!(Client::connect(&cluster).login("ann", EMPTY).0, 60);
}

#[test]
fn nobody_logs_in_without_a_password() {
    let nothing = b"$2a$10$7EqJtq98hPqEX7fNZaFWoOePA2sZy..tlOF99W2N0g5KZ3dLaw8WO"; // `nopassword`
    let cluster = secured(SecurityConfig::new());
    let fields: [(u8, &[u8]); 2] = [(code::USER, b"cert"), (code::PASSWORD, nothing)];
    assert_eq!(
        as_admin(&cluster)
            .admin(command::CREATE_USER, &fields)
            .result,
        0
    );
    assert_eq!(Client::connect(&cluster).login("cert", nothing).0, 65);
}

#[test]
fn everybody_may_change_the_own_password() {
    let config = SecurityConfig::new().user("ann", "secret", &["read"]);
    let cluster = secured(config);
    let mut ann = as_user(&cluster, "ann");
    let mut change = |user: &[u8], old: &[u8], new: &[u8]| {
        let (user, old, new) = (
            (code::USER, user),
            (code::OLD_PASSWORD, old),
            (code::PASSWORD, new),
        );
        ann.admin(command::CHANGE_PASSWORD, &[user, old, new])
            .result
    };
    assert_eq!(change(b"ann", EMPTY, SECRET), 62);
    assert_eq!(change(b"admin", ADMIN, SECRET), 81);
    assert_eq!(change(b"ann", SECRET, EMPTY), 0);
    let set: [(u8, &[u8]); 2] = [(code::USER, b"ann"), (code::PASSWORD, SECRET)];
    assert_eq!(ann.admin(command::SET_PASSWORD, &set).result, 81);
    assert_eq!(Client::connect(&cluster).login("ann", EMPTY).0, 0);
    assert_eq!(Client::connect(&cluster).login("ann", SECRET).0, 65);
}

#[test]
fn roles_come_and_go() {
    let cluster = secured(limited_config());
    let mut admin = as_admin(&cluster);
    let role: (u8, &[u8]) = (field::ROLE, b"mine");
    let read_s = b"\x01\x0a\x04test\x01s";
    let mut does = |command: u8, fields: &[(u8, &[u8])]| admin.admin(command, fields).result;
    assert_eq!(
        does(
            command::CREATE_ROLE,
            &[role, (field::PRIVILEGES, b"\x01\x63")]
        ),
        72
    );
    assert_eq!(
        does(
            command::CREATE_ROLE,
            &[role, (field::PRIVILEGES, b"\x01\x0a\0\x01s")]
        ),
        72
    );
    assert_eq!(
        does(
            command::CREATE_ROLE,
            &[role, (field::WHITELIST, b"nowhere")]
        ),
        73
    );
    assert_eq!(
        does(command::CREATE_ROLE, &[role, (field::READ_QUOTA, b"1")]),
        75
    );
    assert_eq!(
        does(command::CREATE_ROLE, &[role, (field::PRIVILEGES, read_s)]),
        0
    );
    assert_eq!(does(command::CREATE_ROLE, &[role]), 71);
    assert_eq!(does(command::CREATE_ROLE, &[(field::ROLE, b"read")]), 71);
    assert_eq!(does(command::CREATE_ROLE, &[(field::ROLE, b"")]), 70);
    let more = b"\x02\x01\x0d\0\0";
    assert_eq!(
        does(
            command::GRANT_PRIVILEGES,
            &[role, (field::PRIVILEGES, more)]
        ),
        0
    );
    assert_eq!(does(command::GRANT_PRIVILEGES, &[role]), 55);
    assert_eq!(
        does(
            command::GRANT_PRIVILEGES,
            &[(field::ROLE, b"read"), (field::PRIVILEGES, more)]
        ),
        70
    );
    let other = b"\x02\x0a\0\0\x01";
    assert_eq!(
        does(
            command::REVOKE_PRIVILEGES,
            &[role, (field::PRIVILEGES, other)]
        ),
        0
    );
    assert_eq!(
        does(
            command::SET_WHITELIST,
            &[role, (field::WHITELIST, b"10.0.0.1,127.0.0.0/8")]
        ),
        0
    );
    assert_eq!(
        does(
            command::SET_QUOTAS,
            &[role, (field::WRITE_QUOTA, &[0, 0, 0, 9])]
        ),
        0
    );
    let found = &admin.list(command::QUERY_ROLES, &[role])[0];
    assert_eq!(found.text(field::ROLE), "mine");
    assert_eq!(
        found.field(field::PRIVILEGES).unwrap(),
        b"\x02\x0a\x04test\x01s\x0d\0\0"
    );
    assert_eq!(found.text(field::WHITELIST), "10.0.0.1,127.0.0.0/8");
    assert_eq!(found.field(field::READ_QUOTA).unwrap(), [0; 4]);
    assert_eq!(found.field(field::WRITE_QUOTA).unwrap(), [0, 0, 0, 9]);
    let grant: [(u8, &[u8]); 2] = [(code::USER, b"bob"), (field::ROLES, &names(&["mine"]))];
    assert_eq!(admin.admin(command::GRANT_ROLES, &grant).result, 0);
    let all = admin.list(command::QUERY_ROLES, &[]);
    assert_eq!(all.len(), PREDEFINED_ROLES.len() + 3);
    let mut bob = as_user(&cluster, "bob");
    assert_eq!(
        bob.list(command::QUERY_ROLES, &[role]).len(),
        1,
        "one's own"
    );
    assert_eq!(
        bob.admin(command::QUERY_ROLES, &[(field::ROLE, b"slow")])
            .result,
        81
    );
    assert_eq!(
        admin
            .admin(command::QUERY_ROLES, &[(field::ROLE, b"none")])
            .result,
        70
    );
    assert_eq!(admin.admin(command::DROP_ROLE, &[role]).result, 0);
    assert_eq!(admin.admin(command::DROP_ROLE, &[role]).result, 70);
    assert_eq!(
        admin
            .admin(command::DROP_ROLE, &[(field::ROLE, b"read")])
            .result,
        70
    );
    assert_eq!(
        cluster.security().unwrap().roles_of("bob").unwrap(),
        ["read-write"]
    );
}

#[test]
fn quotas_have_to_be_enabled() {
    let cluster = secured(SecurityConfig::new().role(Role::new("mine")));
    let mut admin = as_admin(&cluster);
    let items = "enable-quotas=false;session-ttl=86400";
    assert_eq!(admin.info("get-config:context=security"), items);
    let quota: [(u8, &[u8]); 2] = [(field::ROLE, b"mine"), (field::READ_QUOTA, &[0, 0, 0, 1])];
    assert_eq!(admin.admin(command::SET_QUOTAS, &quota).result, 74);
    assert_eq!(
        admin.list(command::QUERY_ROLES, &quota[..1])[0].field(field::READ_QUOTA),
        None
    );
}

#[test]
fn users_are_listed_with_what_they_do() {
    let cluster = secured(limited_config());
    cluster.clock().set_ms(500_000_000_000);
    let mut admin = as_admin(&cluster);
    let (mut ann, second) = (as_user(&cluster, "ann"), as_user(&cluster, "ann"));
    assert_eq!(ann.call(&Request::get("s", "k").bytes()).result(), 2);
    let all: Vec<Answer> = admin.list(command::QUERY_USERS, &[]);
    let listed: Vec<_> = all.iter().map(|user| user.text(code::USER)).collect();
    assert_eq!(listed, ["admin", "ann", "bob"]);
    assert_eq!(
        all[1].field(field::ROLES).unwrap(),
        names(&["read-write", "slow", "slower"])
    );
    let numbers = [3u32, 1, 0, 0].map(u32::to_be_bytes).concat();
    assert_eq!(
        all[1].field(field::READ_INFO).unwrap(),
        [&[4], &numbers[..]].concat()
    );
    assert_eq!(
        all[1].field(field::CONNECTIONS).unwrap(),
        2u32.to_be_bytes()
    );
    drop(second);
    let own: [(u8, &[u8]); 1] = [(code::USER, b"ann")];
    let mut left = 2;
    while left == 2 {
        // Until the node has noticed.
        let found = &ann.list(command::QUERY_USERS, &own)[0];
        left = found.field(field::CONNECTIONS).unwrap()[3];
    }
    assert_eq!(left, 1);
    assert_eq!(
        ann.admin(command::QUERY_USERS, &[(code::USER, b"bob")])
            .result,
        81
    );
    assert_eq!(
        admin
            .admin(command::QUERY_USERS, &[(code::USER, b"none")])
            .result,
        60
    );
}

#[test]
fn allow_lists_bind_their_users() {
    let config = SecurityConfig::new()
        .role(Role::new("far").allow_list("10.0.0.0/8"))
        .role(Role::new("near").allow_list("127.0.0.1"))
        .role(Role::new("broken").allow_list("everywhere"))
        .user("far", "secret", &["read", "far"])
        .user("near", "secret", &["far", "near"])
        .user("broken", "secret", &["broken"]);
    let cluster = secured(config);
    let login = |user| Client::connect(&cluster).login(user, SECRET).0;
    assert_eq!([login("far"), login("near"), login("broken")], [82, 0, 82]);
    let (_, token) = as_user_token(&cluster, "near");
    let mut admin = as_admin(&cluster);
    let revoke: [(u8, &[u8]); 2] = [(code::USER, b"near"), (field::ROLES, &names(&["near"]))];
    assert_eq!(admin.admin(command::REVOKE_ROLES, &revoke).result, 0);
    assert_eq!(Client::connect(&cluster).authenticate("near", &token), 82);
    let clear: [(u8, &[u8]); 2] = [(field::ROLE, b"far"), (field::WHITELIST, b"")];
    assert_eq!(admin.admin(command::SET_WHITELIST, &clear).result, 0);
    assert_eq!(Client::connect(&cluster).authenticate("near", &token), 0);
}

#[test]
fn the_builder_adds_users() {
    let cluster = builder()
        .user("ann", "secret", &["read-write"])
        .start()
        .unwrap();
    let mut ann = as_user(&cluster, "ann");
    assert_eq!(
        ann.call(&Request::put("s", "k").int("a", 1).bytes())
            .result(),
        0
    );
    let security = cluster.security().unwrap();
    assert_eq!(security.users(), ["admin", "ann"]);
    assert!(security.set_roles("ann", &["read"]) && !security.set_roles("ann", &["none"]));
    assert_eq!(
        ann.call(&Request::put("s", "k").int("a", 1).bytes())
            .result(),
        81
    );
    assert!(security.drop_user("ann") && !security.drop_user("ann"));
    assert_eq!(
        ann.call(&Request::get("s", "k").bytes()).result(),
        R::NOT_AUTHENTICATED.0
    );
    assert!(
        ann.call(&Request::get("s", "k").field(data::KEY, b"").bytes())
            .result()
            == 80
    );
}
