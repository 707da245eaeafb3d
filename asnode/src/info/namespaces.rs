//! Statistics of namespaces and sets (`info-protocol.md` §5).

use super::{Request, Value, text};
use crate::{
    catalogue::IndexSource,
    namespace::{Namespace, PARTITIONS, SetInfo},
};
use std::{collections::HashMap, io::Write};

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    match name {
        "namespace" => Some(namespace(request)),
        "sets" => Some(sets(request)),
        _ => None,
    }
}

/// Record copies on this node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Objects {
    pub(super) total: u64,
    pub(super) master: u64,
}

/// Counts records, expired ones included.
pub(super) fn objects(request: Request<'_>, index: usize) -> Objects {
    let Some(namespace) = request.state.namespaces.get(index) else {
        return Objects::default();
    };
    let mut objects = Objects::default();
    for p in 0..PARTITIONS {
        let owners = request.state.topology.owners(index, p);
        if owners.contains(&request.node) {
            let count = namespace.records(p).len() as u64;
            objects.total += count;
            objects.master += if owners.first() == Some(&request.node) {
                count
            } else {
                0
            };
        }
    }
    objects
}

fn namespace(request: Request<'_>) -> Value {
    let path = request.path();
    let found = path.first().and_then(|name| request.state.namespace(name));
    let Some((index, namespace)) = found else {
        return text("type=unknown");
    };
    let now_s = request.state.clock.now_s();
    namespace.sweep(now_s);
    let shown_s = request.state.clock.node_ms(request.node) / 1000;
    let Objects { total, master } = objects(request, index);
    let graves = tombstones(request, index);
    let migrations = request.state.migrations();
    let replicas = total - master;
    let cluster_size = request.peers().len() + 1;
    let factor = request.state.topology.replication_factor(index);
    let truncated = namespace.truncate_lut_ms();
    let used = per_set(request, index, false)
        .remove(&[][..])
        .unwrap_or_default();
    let stop_writes = namespace.config().stop_writes;
    let mut out = format!(
        "ns_cluster_size={cluster_size};effective_replication_factor={factor};objects={total};\
         tombstones={};master_objects={master};master_tombstones=0;prole_objects={replicas};\
         prole_tombstones=0;non_replica_objects=0;dead_partitions=0;unavailable_partitions={};\
         stop_writes={stop_writes};hwm_breached=false;current_time={shown_s};\
         non_expirable_objects={};expired_objects={};evicted_objects=0;\
         truncate_lut={truncated};truncating=false;data_used_bytes={};data_avail_pct=99;\
         storage-engine.stripe[0].writes=0;migrate_tx_partitions_remaining={migrations};\
         migrate_rx_partitions_remaining={migrations};",
        graves.len(),
        unavailable(request, index),
        used.endless,
        namespace.n_expired(),
        used.bytes,
    )
    .into_bytes();
    out.extend_from_slice(&super::config::namespace_items(request, namespace));
    out
}

fn unavailable(request: Request<'_>, index: usize) -> usize {
    (0..PARTITIONS)
        .filter(|p| !request.state.topology.is_available(index, *p))
        .count()
}

/// The sets of the tombstones that this node holds.
fn tombstones(request: Request<'_>, index: usize) -> Vec<Vec<u8>> {
    let Some(namespace) = request.state.namespaces.get(index) else {
        return Vec::new();
    };
    let is_held = |digest| {
        let p = Namespace::partition_of(digest);
        request.state.topology.holds(index, p, request.node)
    };
    let graves = namespace.graves();
    let held = graves.iter().filter(|(digest, _)| is_held(digest));
    held.map(|(_, tombstone)| tombstone.set.clone()).collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    objects: u64,
    bytes: u64,
    /// Those that never expire.
    endless: u64,
}

/// What this node holds of each set; with `by_name` false everything stands under the null set.
fn per_set(request: Request<'_>, index: usize, by_name: bool) -> HashMap<Vec<u8>, Usage> {
    let mut sets: HashMap<Vec<u8>, Usage> = HashMap::new();
    let Some(namespace) = request.state.namespaces.get(index) else {
        return sets;
    };
    let held = (0..PARTITIONS).filter(|p| request.state.topology.holds(index, *p, request.node));
    for p in held {
        for record in namespace.records(p).values() {
            let name = if by_name { record.set() } else { &[] };
            if !sets.contains_key(name) {
                sets.insert(name.to_vec(), Usage::default());
            }
            if let Some(usage) = sets.get_mut(name) {
                usage.objects += 1;
                usage.bytes += record.stored_size();
                usage.endless += u64::from(record.void_time() == 0);
            }
        }
    }
    sets
}

/// `sets`, `sets/<ns>`: items with a trailing `;`. `sets/<ns>/<set>`: one item without names.
fn sets(request: Request<'_>) -> Value {
    let path = request.path();
    let wanted = path.first().map(|name| request.state.namespace(name));
    if matches!(wanted, Some(None)) || request.tail.starts_with(b":") {
        return text("ns_type=unknown");
    }
    let wanted = wanted.flatten().map(|(index, _)| index);
    let mut out = Value::new();
    for (index, namespace) in request.state.namespaces.iter().enumerate() {
        if wanted.is_some_and(|wanted| wanted != index) {
            continue;
        }
        namespace.sweep(request.state.clock.now_s());
        let usage = per_set(request, index, true);
        let graves = tombstones(request, index);
        for (name, info) in namespace.sets() {
            let used = usage.get(&name).copied().unwrap_or_default();
            match path.get(1) {
                None => {
                    let head = [b"ns=", namespace.name().as_bytes(), b":set=", &name, b":"];
                    out.extend_from_slice(&head.concat());
                }
                Some(one) if *one != name => continue,
                Some(_) => {}
            }
            let buried = graves.iter().filter(|set| **set == name).count();
            put_set(request, namespace, (&name, &info, used, buried), &mut out);
        }
    }
    out
}

fn put_set(
    request: Request<'_>,
    namespace: &Namespace,
    (name, info, used, buried): (&[u8], &SetInfo, Usage, usize),
    out: &mut Value,
) {
    let indexes = request.state.catalogue.indexes();
    let of_set = indexes.iter().filter(|index| {
        index.namespace == namespace.name()
            && index.set.as_ref().is_some_and(|set| set.as_bytes() == name)
    });
    let (set_indexes, sindexes): (Vec<_>, Vec<_>) =
        of_set.partition(|index| index.source == IndexSource::Set);
    let catalogue = &request.state.catalogue;
    let is_populating = set_indexes.iter().any(|index| !catalogue.is_ready(index));
    // Writing to a vector cannot fail.
    let _written = write!(
        out,
        "objects={}:tombstones={buried}:data_used_bytes={}:truncate_lut={}:sindexes={}:\
         index_populating={is_populating}:truncating=false:default-read-touch-ttl-pct=0:default-ttl={}:\
         disable-eviction=false:enable-index={}:stop-writes-count={}:stop-writes-size=0;",
        used.objects,
        used.bytes,
        info.truncate_lut_ms,
        sindexes.len(),
        info.default_ttl_s,
        info.enable_index || !set_indexes.is_empty(),
        info.stop_writes_count,
    );
}
