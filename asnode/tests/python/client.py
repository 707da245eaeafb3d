"""Exercises a cluster with the official Python client: client.py HOST:PORT NODES [options].

Options say how to get in: with a user, through TLS, by alternate addresses. A user that is given has
to be a user-admin as well. Prints a line for each step and "all passed" at the end; any other end is a failure.
"""

import argparse
import sys
import time

import aerospike
from aerospike import exception as ex
from aerospike import predicates
from aerospike_helpers.batch import records as br
from aerospike_helpers.operations import operations as op

parser = argparse.ArgumentParser()
parser.add_argument("host")
parser.add_argument("nodes", type=int)
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--auth", choices=["internal", "external", "pki"], default="internal")
parser.add_argument("--tls-name")
parser.add_argument("--tls-ca")
parser.add_argument("--tls-cert")
parser.add_argument("--tls-key")
parser.add_argument("--alternate", action="store_true")
args = parser.parse_args()
host, port = args.host.rsplit(":", 1)
nodes = args.nodes


def configuration():
    config = {"hosts": [(host, int(port))], "use_services_alternate": args.alternate}
    modes = {
        "internal": aerospike.AUTH_INTERNAL,
        "external": aerospike.AUTH_EXTERNAL,
        "pki": aerospike.AUTH_PKI,
    }
    if args.user is not None:
        config.update(user=args.user, password=args.password)
    config["policies"] = {"auth_mode": modes[args.auth]}
    if args.tls_ca:
        config["hosts"] = [(host, int(port), args.tls_name)]
        config["tls"] = {"enable": True, "cafile": args.tls_ca}
        if args.tls_cert:
            config["tls"].update(certfile=args.tls_cert, keyfile=args.tls_key)
    return config


client = aerospike.client(configuration())
NS, SET = "test", "demo"


def step(name):
    print(name, flush=True)


def key(name):
    return (NS, SET, name)


def refused(error, call, *args, **options):
    try:
        call(*args, **options)
    except error:
        return
    raise AssertionError(f"{call} did not raise {error}")


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


step("nodes")
assert len(client.get_node_names()) == nodes, client.get_node_names()
assert {v[1].strip() for v in client.info_all("build").values()} == {"8.1.2.0"}

step("put and get")
bins = {
    "int": -5,
    "str": "żółw",
    "dbl": 0.5,
    "bool": True,
    "blob": b"\x00\xff",
    "list": [1, "a", [2.5, None]],
    "map": {"b": 1, "a": {"c": [1]}},
    "geo": aerospike.GeoJSON({"type": "Point", "coordinates": [1.0, 2.0]}),
}
client.put(key("k"), bins, policy={"key": aerospike.POLICY_KEY_SEND})
_, meta, found = client.get(key("k"))
geo = found.pop("geo")
assert geo.unwrap() == bins["geo"].unwrap(), geo
assert found == {k: v for k, v in bins.items() if k != "geo"}, found
assert meta["gen"] == 1, meta
assert client.select(key("k"), ["int"])[2] == {"int": -5}
assert client.exists(key("none"))[1] is None
refused(ex.RecordNotFound, client.get, key("none"))

step("policies")
refused(ex.RecordExistsError, client.put, key("k"), {"a": 1},
        policy={"exists": aerospike.POLICY_EXISTS_CREATE})
refused(ex.RecordNotFound, client.put, key("none"), {"a": 1},
        policy={"exists": aerospike.POLICY_EXISTS_UPDATE})
refused(ex.RecordGenerationError, client.put, key("k"), {"a": 1}, meta={"gen": 7},
        policy={"gen": aerospike.POLICY_GEN_EQ})
client.put(key("k"), {"a": 1}, meta={"gen": 1}, policy={"gen": aerospike.POLICY_GEN_EQ})
client.put(key("k"), {"only": 1}, policy={"exists": aerospike.POLICY_EXISTS_REPLACE})
assert client.get(key("k"))[2] == {"only": 1}
refused(ex.BinNameError, client.put, key("k"), {"sixteen_bytes_xx": 1})

step("ttl and touch")
client.put(key("ttl"), {"a": 1}, meta={"ttl": 1000})
assert 990 < client.get(key("ttl"))[1]["ttl"] <= 1000
client.touch(key("ttl"), 5000)
assert 4990 < client.get(key("ttl"))[1]["ttl"] <= 5000

step("operate")
client.put(key("op"), {"n": 1, "s": "b"})
client.increment(key("op"), "n", 4)
client.append(key("op"), "s", "c")
client.prepend(key("op"), "s", "a")
result = client.operate(key("op"), [op.increment("n", 1), op.read("n"), op.read("s")])[2]
assert result == {"n": 6, "s": "abc"}, result
client.remove_bin(key("op"), ["n"])
assert client.get(key("op"))[2] == {"s": "abc"}

step("batches")
writes = br.BatchRecords([
    br.Write(key(i), [op.write("i", i), op.write("s", "x" * i)]) for i in range(500)
])
client.batch_write(writes)
assert all(r.result == 0 for r in writes.batch_records), writes.result
again = br.BatchRecords([
    br.Write(key(i), [op.write("i", i)],
             policy={"exists": aerospike.POLICY_EXISTS_CREATE}) for i in (1, 2)
])
client.batch_write(again)
assert [r.result for r in again.batch_records] == [5, 5]
reads = client.batch_read([key(i) for i in (3, 4, 9999)])
assert [r.result for r in reads.batch_records] == [0, 0, 2]
assert reads.batch_records[1].record[2] == {"i": 4, "s": "xxxx"}
one = client.batch_read([key(5)])
assert one.batch_records[0].record[2]["i"] == 5
removed = client.batch_remove([key(i) for i in range(400, 500)])
assert all(r.result == 0 for r in removed.batch_records)

step("scans")
assert len(client.query(NS, SET).results()) == 403
query = client.query(NS, SET)
query.select("i")
assert len(query.results()) == 400
stored = [r for r in client.query(NS, SET).results() if r[0][2] is not None]
assert [r[0][2] for r in stored] == ["k"], "only one key was stored"
query = client.query(NS, SET)
query.max_records = 50
query.paginate()
total = 0
while not query.is_done():
    total += len(query.results())
assert total == 403, total

step("udf")
module = sys.argv[0].rsplit("/", 1)[0] + "/sample.lua"
client.udf_put(module)
until(lambda: any(m["name"] == "sample.lua" for m in client.udf_list()))
assert "function sample" in client.udf_get("sample.lua")
client.udf_remove("sample.lua")
until(lambda: not client.udf_list())

step("index")
client.index_single_value_create(NS, SET, "i", aerospike.INDEX_NUMERIC, "ix_i")
name = "sindex-stat:namespace=test;indexname=ix_i"
until(lambda: all("load_pct=100" in v[1] for v in client.info_all(name).values()))
refused(ex.IndexFoundError, client.index_single_value_create, NS, SET, "s",
        aerospike.INDEX_STRING, "ix_i")
client.index_remove(NS, "ix_i")
listed = "sindex-list:namespace=test;b64=true"
until(lambda: all(not v[1].strip() for v in client.info_all(listed).values()))

def queried(predicate):
    query = client.query(NS, SET)
    query.where(predicate)
    return sorted(record[2]["i"] for record in query.results())


def index_queries():
    """What is found by indexes on numbers and texts."""
    kinds = [("i", aerospike.INDEX_NUMERIC), ("s", aerospike.INDEX_STRING)]
    for name, kind in kinds:
        client.index_single_value_create(NS, SET, name, kind, "q_" + name)
    assert queried(predicates.between("i", 10, 19)) == list(range(10, 20))
    assert queried(predicates.equals("i", 7)) == [7]
    assert queried(predicates.equals("s", "xxxx")) == [4]
    refused(ex.IndexNotFound, queried, predicates.equals("none", 1))
    for name in ("i", "s"):
        client.index_remove(NS, "q_" + name)


def background_writes():
    """A write to many records at once, waited for."""
    query = client.query(NS, SET)
    query.add_ops([op.write("background", 1)])
    job = query.execute_background()
    completed = aerospike.JOB_STATUS_COMPLETED
    until(lambda: client.job_info(job, aerospike.JOB_QUERY)["status"] == completed)
    assert all(r[2]["background"] == 1 for r in client.query(NS, SET).results())


step("index queries")
index_queries()
step("background writes")
background_writes()

step("delete and truncate")
client.remove(key("k"))
refused(ex.RecordNotFound, client.remove, key("k"))
client.truncate(NS, SET, 0)
until(lambda: not client.query(NS, SET).results())

if args.user is not None:
    step("users and roles")
    privilege = {"code": aerospike.PRIV_READ, "ns": NS, "set": SET}
    client.admin_create_role("readers", [privilege], whitelist=["127.0.0.0/8"])
    write = {"code": aerospike.PRIV_WRITE, "ns": "", "set": ""}
    client.admin_grant_privileges("readers", [write])
    role = client.admin_get_role("readers")
    assert [p["code"] for p in role["privileges"]] == [aerospike.PRIV_READ, aerospike.PRIV_WRITE]
    assert role["privileges"][0] == privilege, role
    assert role["whitelist"] == ["127.0.0.0/8"], role
    client.admin_revoke_privileges("readers", [write])
    client.admin_create_user("reader", "first", ["readers"])
    client.admin_grant_roles("reader", ["truncate"])
    client.admin_revoke_roles("reader", ["truncate"])
    client.admin_set_password("reader", "second")
    assert client.admin_query_user_info("reader")["roles"] == ["readers"]
    assert {"admin", "reader"} <= set(client.admin_query_users_info())
    refused(ex.UserExistsError, client.admin_create_user, "reader", "first", ["readers"])
    refused(ex.InvalidRole, client.admin_grant_roles, "reader", ["none"])
    client.admin_drop_user("reader")
    refused(ex.InvalidUser, client.admin_query_user_info, "reader")
    client.admin_drop_role("readers")
    assert "readers" not in client.admin_get_roles()

client.close()
print("all passed")
