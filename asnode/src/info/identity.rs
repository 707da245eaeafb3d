//! Who the node is and how it feels (`info-protocol.md` §2).

use super::{Request, Value, text};
use crate::{build::Build, namespace::PARTITIONS};
use aerospike_wire::info;

const FEATURES: &str = "batch-any;batch-index;blob-bits;cdt-index;cdt-list;cdt-map;cluster-stable;\
    float;geo;sindex-exists;peers;pipelining;pquery;pscans;query-show;relaxed-sc;replicas;\
    replicas-all;replicas-master;replicas-max;truncate-namespace;udf";

/// Those of before 6.0.
const OLD_FEATURES: &str = "batch-index;blob-bits;cdt-index;cdt-list;cdt-map;cluster-stable;float;\
    geo;sindex-exists;peers;pipelining;pscans;relaxed-sc;replicas;replicas-all;replicas-master;\
    replicas-max;truncate-namespace;udf";

/// The cluster key that the living nodes agree on; it changes with them.
const CLUSTER_KEY: u64 = 0xCA07_7B81_B700;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    let state = request.state;
    let topology = &state.topology;
    Some(match name {
        "build" => text(state.build.to_string()),
        "edition" => text(state.edition.to_string()),
        "version" => text(format!("{} build {}", state.edition, state.build)),
        "release" => text(format!(
            "edition={};version={};os=debian12;arch=x86_64;sha=0000000",
            state.edition, state.build
        )),
        "features" => features(request),
        "node" | "name" => text(node_id(request)),
        "cluster-name" => text(
            state
                .cluster_name
                .clone()
                .unwrap_or_else(|| "null".to_owned()),
        ),
        "status" => text("ok"),
        "partitions" => text(PARTITIONS.to_string()),
        "digests" => text("RIPEMD160"),
        "connection" => text("admin=false"),
        "namespaces" => {
            let names: Vec<_> = state.namespaces.iter().map(|ns| ns.name()).collect();
            text(names.join(";"))
        }
        "partition-generation" => text(topology.partition_generation().to_string()),
        "rebalance-generation" => text((topology.partition_generation() + 1).to_string()),
        "peers-generation" => text(topology.peers_generation().to_string()),
        "cluster-stable" => cluster_stable(request),
        "statistics" => statistics(request),
        _ => return None,
    })
}

fn features(request: Request<'_>) -> Value {
    let common = if request.state.build < Build::BATCH_ANY {
        OLD_FEATURES
    } else {
        FEATURES
    };
    let of_edition = if request.state.is_enterprise() {
        ";xdr"
    } else {
        ""
    };
    text(format!("{common}{of_edition}"))
}

fn node_id(request: Request<'_>) -> String {
    let members = request.state.topology.members();
    members
        .get(request.node)
        .map(|member| member.id.clone())
        .unwrap_or_default()
}

fn cluster_key(request: Request<'_>) -> String {
    format!(
        "{:X}",
        CLUSTER_KEY + u64::from(request.state.topology.peers_generation())
    )
}

fn cluster_stable(request: Request<'_>) -> Value {
    let is_migrating =
        request.state.migrations() > 0 && request.param("ignore-migrations") != Some(b"true");
    if is_migrating || !request.state.topology.is_formed() {
        return text("ERROR:7:unstable cluster");
    }
    let size = request.peers().len() + 1;
    if let Some(wanted) = request.param("size")
        && info::number::<usize>(wanted) != Some(size)
    {
        return text("ERROR:7:cluster not specified size");
    }
    match request.param("namespace").map(|_| request.namespace()) {
        Some(Err(error)) => text(error),
        _ => text(cluster_key(request)),
    }
}

fn statistics(request: Request<'_>) -> Value {
    let state = request.state;
    let now_s = state.clock.now_s();
    state.namespaces.iter().for_each(|ns| ns.sweep(now_s));
    let objects: u64 = (0..state.namespaces.len())
        .map(|ns| super::namespaces::objects(request, ns).total)
        .sum();
    let principal = state
        .topology
        .members()
        .into_iter()
        .rev()
        .find(|member| member.alive);
    text(format!(
        "cluster_size={};cluster_key={};cluster_generation={};cluster_principal={};\
         cluster_min_compatibility_id=17;cluster_max_compatibility_id=17;cluster_integrity=true;\
         cluster_is_member=true;cluster_clock_skew_stop_writes_sec=0;uptime={};objects={objects};\
         tombstones=0;client_connections={};migrate_allowed=true;migrate_partitions_remaining={};\
         failed_best_practices=false",
        request.peers().len() + 1,
        cluster_key(request),
        state.topology.peers_generation() + 1,
        principal.map(|member| member.id).unwrap_or_default(),
        state.started.elapsed().as_secs(),
        state.nodes[request.node].connections(),
        state.migrations(),
    ))
}
