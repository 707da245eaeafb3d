//! Partition maps (`info-protocol.md` §4): each node tells only what it holds itself.

use super::{Request, Value, text};
use aerospike_wire::info;
use base64::{Engine as _, engine::general_purpose::STANDARD};

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "replicas" => {
            let max = request.param("max").and_then(info::number::<usize>);
            text(maps(request, max.filter(|max| *max > 0), |columns| {
                format!("0,{},{}", columns.len(), columns.join(","))
            }))
        }
        "replicas-all" => text(maps(request, None, |columns| {
            format!("{},{}", columns.len(), columns.join(","))
        })),
        "replicas-master" => text(maps(request, Some(1), |columns| columns.concat())),
        _ => return None,
    })
}

/// One entry for each namespace; column 0 = master, further ones = replicas.
fn maps(request: Request<'_>, max: Option<usize>, entry: impl Fn(&[String]) -> String) -> String {
    let topology = &request.state.topology;
    let namespaces = request.state.namespaces.iter().enumerate();
    let entries: Vec<_> = namespaces
        .map(|(index, namespace)| {
            let columns = topology
                .replication_factor(index)
                .min(max.unwrap_or(usize::MAX));
            let bitmaps: Vec<_> = (0..columns)
                .map(|column| STANDARD.encode(topology.bitmap(index, request.node, column)))
                .collect();
            format!("{}:{}", namespace.name(), entry(&bitmaps))
        })
        .collect();
    entries.join(";")
}
