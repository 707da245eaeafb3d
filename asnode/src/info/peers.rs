//! Addresses of this node and of the others (`info-protocol.md` §3).

use super::{ENTERPRISE_ONLY, MISSING_NAMESPACE, Request, Value, text};
use crate::{namespace::Namespace, ports::Door, topology::Member};
use aerospike_wire::info;
use std::{collections::BTreeMap, net::SocketAddr};

/// Port that addresses in a peers list may leave out.
const DEFAULT_PORT: u16 = 3000;

/// The same in lists of TLS addresses.
const DEFAULT_TLS_PORT: u16 = 4333;

pub(super) fn value(request: Request<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "service" | "service-clear-std" => text(own(request, Door::Clear)),
        "services" | "services-alumni" => {
            let all: Vec<_> = request
                .peers()
                .iter()
                .map(|m| m.address.to_string())
                .collect();
            text(all.join(";"))
        }
        "service-clear-alt" => text(own(request, Door::ClearAlternate)),
        "service-tls-std" | "service-tls-alt" | "peers-tls-std" | "peers-tls-alt"
        | "alumni-tls-std" | "admin-tls-std"
            if !request.state.is_enterprise() =>
        {
            text(ENTERPRISE_ONLY)
        }
        "service-tls-std" => text(own(request, Door::Tls)),
        "service-tls-alt" => text(own(request, Door::TlsAlternate)),
        "admin-clear-std" | "admin-tls-std" => Value::new(),
        "peers-clear-std" => text(list(request, Door::Clear, true)),
        "peers-clear-alt" => text(list(request, Door::ClearAlternate, true)),
        "peers-tls-std" => text(list(request, Door::Tls, true)),
        "peers-tls-alt" => text(list(request, Door::TlsAlternate, true)),
        "alumni-clear-std" => text(list(request, Door::Clear, false)),
        "alumni-tls-std" => text(list(request, Door::Tls, false)),
        "racks" => racks(request),
        "rack-ids" => text(rack_ids(request)),
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

/// The address of this node behind a door; empty if there is none.
fn own(request: Request<'_>, door: Door) -> String {
    let members = request.state.topology.members();
    let address = members.get(request.node).and_then(|m| m.doors.get(door));
    address
        .map(|address| address.to_string())
        .unwrap_or_default()
}

/// `generation,port,[[id,tls name,[address]],…]`; alumni include the nodes that have left. Nodes
/// without an address behind the door are left out. With `generation=N` those that have come or
/// gone since: who has gone has no address, `[id,tls name,]`.
fn list(request: Request<'_>, door: Door, only_living: bool) -> String {
    let default_port = if door.has_tls() {
        DEFAULT_TLS_PORT
    } else {
        DEFAULT_PORT
    };
    let members = request.state.topology.members().into_iter().enumerate();
    let others = members.filter(|(i, _)| *i != request.node).map(|(_, m)| m);
    let since = request.param("generation").and_then(info::number::<u32>);
    let wanted = |member: &Member| match since {
        Some(since) => member.changed > since,
        None => member.alive || !only_living,
    };
    let entry = |member: Member| {
        let name = if door.has_tls() { &member.tls_name } else { "" };
        let address = short(member.doors.get(door)?, default_port);
        Some(if only_living && !member.alive {
            format!("[{},{name},]", member.id)
        } else {
            format!("[{},{name},[{address}]]", member.id)
        })
    };
    let nodes: Vec<_> = others.filter(wanted).filter_map(entry).collect();
    format!(
        "{},{default_port},[{}]",
        generation(request),
        nodes.join(",")
    )
}

fn short(address: SocketAddr, default_port: u16) -> String {
    if address.port() == default_port {
        address.ip().to_string()
    } else {
        address.to_string()
    }
}
