//! Addresses of this node and of the others (`info-protocol.md` §3).

use super::{ENTERPRISE_ONLY, MISSING_NAMESPACE, Request, Value, text};
use crate::namespace::Namespace;
use std::{collections::BTreeMap, net::SocketAddr};

/// Port that addresses in a peers list may leave out.
const DEFAULT_PORT: u16 = 3000;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "service" | "service-clear-std" => {
            let members = request.state.topology.members();
            text(
                members
                    .get(request.node)
                    .map(|m| m.address.to_string())
                    .unwrap_or_default(),
            )
        }
        "services" | "services-alumni" => {
            let all: Vec<_> = request
                .peers()
                .iter()
                .map(|m| m.address.to_string())
                .collect();
            text(all.join(";"))
        }
        "service-clear-alt" | "admin-clear-std" => Value::new(),
        "service-tls-std" | "service-tls-alt" | "peers-tls-std" | "peers-tls-alt"
        | "alumni-tls-std" | "admin-tls-std"
            if !request.state.is_enterprise() =>
        {
            text(ENTERPRISE_ONLY)
        }
        "service-tls-std" | "service-tls-alt" | "admin-tls-std" => Value::new(),
        "peers-tls-std" | "peers-tls-alt" | "alumni-tls-std" => {
            text(format!("{},4333,[]", generation(request)))
        }
        "peers-clear-std" => text(list(request, true)),
        "alumni-clear-std" => text(list(request, false)),
        "racks" => racks(request),
        "rack-ids" => text(rack_ids(request)),
        // Nodes without an alternate address are left out.
        "peers-clear-alt" => text(format!("{},{DEFAULT_PORT},[]", generation(request))),
        _ => return None,
    })
}

/// `ns=test:rack_0=A1,A2:rack_1=A3;…`, of one namespace without its name.
fn racks(request: Request<'_>) -> Value {
    let of_one = |namespace: &Namespace| {
        let mut racks: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let members = request.state.topology.members().into_iter().enumerate();
        for (node, member) in members.filter(|(_, member)| member.alive) {
            let rack = namespace.config().rack_of(node);
            racks.entry(rack).or_default().push(member.id);
        }
        let rack = |(id, nodes): (u32, Vec<String>)| format!("rack_{id}={}", nodes.join(","));
        racks.into_iter().map(rack).collect::<Vec<_>>().join(":")
    };
    match request.namespace() {
        Ok((_, namespace)) => text(of_one(namespace)),
        Err(MISSING_NAMESPACE) => {
            let all = request.state.namespaces.iter();
            let all = all.map(|ns| format!("ns={}:{}", ns.name(), of_one(ns)));
            text(all.collect::<Vec<_>>().join(";"))
        }
        Err(error) => text(error),
    }
}

/// The racks of this node: `test:1;bar:1`.
fn rack_ids(request: Request<'_>) -> String {
    let namespaces = request.state.namespaces.iter();
    let rack = |ns: &Namespace| format!("{}:{}", ns.name(), ns.config().rack_of(request.node));
    namespaces.map(rack).collect::<Vec<_>>().join(";")
}

fn generation(request: Request<'_>) -> u32 {
    request.state.topology.peers_generation()
}

/// `generation,3000,[[id,,[address]],…]`; alumni include the nodes that have left.
fn list(request: Request<'_>, only_living: bool) -> String {
    let members = request.state.topology.members().into_iter().enumerate();
    let nodes: Vec<_> = members
        .filter(|(i, member)| *i != request.node && (member.alive || !only_living))
        .map(|(_, member)| format!("[{},,[{}]]", member.id, address(member.address)))
        .collect();
    format!(
        "{},{DEFAULT_PORT},[{}]",
        generation(request),
        nodes.join(",")
    )
}

fn address(address: SocketAddr) -> String {
    if address.port() == DEFAULT_PORT {
        address.ip().to_string()
    } else {
        address.to_string()
    }
}
